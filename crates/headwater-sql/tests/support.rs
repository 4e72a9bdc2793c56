//! What the tests share: a session over a text of statements, with connectors that only exist by name.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use headwater_flow::connector::{
    Connector, Format, FormatRequest, OptionKind, OptionSpec, Options, Registry, Sink, SinkRequest,
    Source, SourceRequest, ValueDecoder, ValueEncoder,
};
use headwater_flow::{Error, ErrorKind, Result};
use headwater_sql::catalogue::Catalogue;
use headwater_sql::{Planned, Session, SqlError, parse};

/// A session that has run `setup`.
pub(crate) fn session(setup: &str) -> Session {
    let mut session = Session::new(Catalogue::in_memory(), registry());
    if let Err(e) = run(&mut session, setup) {
        panic!("{}", e.render(setup));
    }
    session
}

/// Plans all statements of `sql`, telling the catalogue what they define.
pub(crate) fn run(session: &mut Session, sql: &str) -> Result<Vec<Planned>, SqlError> {
    let mut planned = Vec::new();
    for statement in parse(sql)? {
        let one = session.plan(&statement)?;
        match &one {
            Planned::Define(definition) => session.apply(definition)?,
            Planned::Pipeline(p) => {
                if let Some(definition) = &p.definition {
                    session.apply(definition)?;
                }
            }
            _ => {}
        }
        planned.push(one);
    }
    Ok(planned)
}

/// The last plan of `sql`, or its error as a person sees it.
pub(crate) fn plan(session: &mut Session, sql: &str) -> String {
    match run(session, sql) {
        Ok(planned) => planned.last().map(shown).unwrap_or_default(),
        Err(e) => e.render(sql),
    }
}

fn shown(planned: &Planned) -> String {
    match planned {
        Planned::Pipeline(p) => {
            let plans = p.outputs.iter();
            let plans: Vec<String> = plans.map(|o| o.plan.display_indent().to_string()).collect();
            plans.join("\n")
        }
        Planned::InsertValues(o) => o.plan.display_indent().to_string(),
        Planned::Query(q) => q.plan.display_indent().to_string(),
        Planned::Rows(header, rows) => {
            let mut lines = vec![header.join(" | ")];
            lines.extend(rows.iter().map(|r| r.join(" | ")));
            lines.join("\n")
        }
        other => format!("{other:?}"),
    }
}

/// Connectors and formats by name.
pub(crate) fn registry() -> Registry {
    let mut registry = Registry::default();
    registry.register(Arc::new(Named(
        "topic",
        &["topic", "scan.startup.mode", "partitions"],
    )));
    registry.register(Arc::new(Named("nexmark", &["events.num"])));
    registry.register(Arc::new(Named("blackhole", &[])));
    registry.register(Arc::new(Named("print", &["print-identifier"])));
    registry.register(Arc::new(Named("filesystem", &["path"])));
    registry.register_format(Arc::new(NamedFormat("json", &["json.ignore-parse-errors"])));
    registry.register_format(Arc::new(NamedFormat("csv", &["csv.field-delimiter"])));
    registry
}

struct Named(&'static str, &'static [&'static str]);

fn specs(names: &[&'static str], format: bool) -> &'static [OptionSpec] {
    let mut specs: Vec<OptionSpec> = names
        .iter()
        .map(|name| OptionSpec {
            name,
            kind: OptionKind::Text,
            help: "An option.",
            required: *name == "path",
        })
        .collect();
    for name in ["format", "value.format", "key.format"] {
        specs.push(OptionSpec {
            name,
            kind: OptionKind::Text,
            help: "A format.",
            required: false,
        });
    }
    if format {
        specs.truncate(names.len());
    }
    specs.leak()
}

fn unsupported<T>() -> Result<T> {
    Err(Error::new(ErrorKind::Unsupported, "it is only a name"))
}

impl Connector for Named {
    fn name(&self) -> &'static str {
        self.0
    }

    fn options(&self) -> &'static [OptionSpec] {
        specs(self.1, false)
    }

    fn check_metadata(&self, _: &Options, _: &str, _: &Field) -> Result<()> {
        Ok(())
    }

    fn source(&self, _: SourceRequest) -> Result<Box<dyn Source>> {
        unsupported()
    }

    fn sink(&self, _: SinkRequest) -> Result<Box<dyn Sink>> {
        unsupported()
    }
}

struct NamedFormat(&'static str, &'static [&'static str]);

impl Format for NamedFormat {
    fn name(&self) -> &'static str {
        self.0
    }

    fn options(&self) -> &'static [OptionSpec] {
        specs(self.1, true)
    }

    fn decoder(&self, _: &FormatRequest) -> Result<Arc<dyn ValueDecoder>> {
        unsupported()
    }

    fn encoder(&self, _: &FormatRequest) -> Result<Arc<dyn ValueEncoder>> {
        unsupported()
    }

    /// One column, named after the first value.
    fn infer(&self, sample: &[&[u8]]) -> Result<SchemaRef> {
        let first = sample.first().copied().unwrap_or_default();
        let name = String::from_utf8_lossy(first);
        let field = Field::new(name, DataType::Utf8, true);
        Ok(Arc::new(Schema::new(vec![field])))
    }
}
