//! The reference page of options, made of what the connectors and formats declare: `docs/options.md`, which a test holds
//! against it.

use std::io::Write;
use std::sync::Arc;

use headwater_connect::{CdcConnector, PrintTarget};
use headwater_flow::connector::{OptionKind, OptionSpec, Registry};
use headwater_sql::TABLE_OPTIONS;

use super::exit::Outcome;

const INTRODUCTION: &str = "\
# Options of tables

What `WITH ('key' = 'value')` may say. This page is made of what the connectors and formats declare: `headwater reference`
writes it. An option that stands here in no table is refused, with the nearest name that does.
";

/// Writes the page.
pub(crate) fn write() -> Outcome {
    std::io::stdout().write_all(page().as_bytes())?;
    Ok(())
}

fn page() -> String {
    let mut registry = Registry::default();
    headwater_connect::register_all(&mut registry, PrintTarget::new(std::io::sink()));
    registry.register(Arc::new(CdcConnector::postgres(|_| None)));
    registry.register(Arc::new(CdcConnector::mysql(|_| None)));
    let mut page = INTRODUCTION.to_owned();
    section(&mut page, "Every table", "", &TABLE_OPTIONS);
    for connector in registry.connectors() {
        let name = connector.name();
        let about = match name {
            "topic" => "A table without `connector`. Its formats' options may stand beside these."
                .to_owned(),
            _ => format!("`'connector' = '{name}'`"),
        };
        section(
            &mut page,
            &format!("Connector {name}"),
            &about,
            connector.options(),
        );
    }
    for format in registry.formats() {
        let name = format.name();
        let about = format!("`'format' = '{name}'`, `'value.format'`, `'key.format'`");
        section(
            &mut page,
            &format!("Format {name}"),
            &about,
            format.options(),
        );
    }
    page
}

fn section(page: &mut String, title: &str, about: &str, options: &[OptionSpec]) {
    let mut text = format!("\n## {title}\n\n");
    if !about.is_empty() {
        text += &format!("{about}\n\n");
    }
    if options.is_empty() {
        text += "No options of its own.\n";
    } else {
        text += "| option | values | what it does |\n|---|---|---|\n";
    }
    for option in options {
        let required = if option.required { " Required." } else { "" };
        let values = values(option.kind).replace('|', "\\|");
        let help = option.help.replace('|', "\\|");
        text += &format!("| `{}` | {values} | {help}{required} |\n", option.name);
    }
    page.push_str(&text);
}

fn values(kind: OptionKind) -> String {
    match kind {
        OptionKind::Text => "text".to_owned(),
        OptionKind::Character => "one character, `\\t`, `\\u0001`".to_owned(),
        OptionKind::Flag => "`true`, `false`".to_owned(),
        OptionKind::Count => "number from 0".to_owned(),
        OptionKind::Number => "whole number".to_owned(),
        OptionKind::Duration => "duration: `500ms`, `5s`, `1min`, `2h`, `1d`".to_owned(),
        OptionKind::OneOf(known) => {
            let quoted: Vec<String> = known.iter().map(|k| format!("`{k}`")).collect();
            quoted.join(", ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_page_is_what_the_connectors_declare() {
        let kept = include_str!("../../../../docs/options.md");
        assert!(
            kept == page(),
            "docs/options.md is old: cargo run -- reference > docs/options.md"
        );
    }
}
