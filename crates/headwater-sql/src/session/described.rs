//! Tables whose columns only their system knows: a `CREATE TABLE` without columns becomes one with them, which is what the
//! catalogue keeps, so that it is not asked again.

use headwater_flow::connector::Options;

use super::Session;
use crate::error::{Result, SqlError};
use crate::options::check_given;
use crate::statement::{CreateTable, Statement, parse, quote, type_name};

impl Session {
    /// The same table with the columns that its connector finds, and how that is written; `None`: it has columns, or its
    /// connector does not find any.
    pub(super) fn described(&self, create: &CreateTable) -> Result<Option<(CreateTable, String)>> {
        if !create.columns.is_empty() || create.like.is_some() || create.query.is_some() {
            return Ok(None);
        }
        let is_connector = |o: &&crate::statement::TableOption| o.key == "connector";
        let Some(named) = create.options.iter().find(is_connector) else {
            return Ok(None);
        };
        // One that is not known is refused where all are.
        let Ok(connector) = self.registry.connector(&named.value) else {
            return Ok(None);
        };
        let others = create.options.iter().filter(|o| o.key != "connector");
        let options = Options::new(others.map(|o| (o.key.clone(), o.value.clone())));
        // What is wrong with them is said before anybody is asked by them.
        check_given(
            &self.registry,
            connector,
            &options,
            &create.options,
            create.name.span,
        )?;
        let found = connector.describe(&options);
        let found = found.map_err(|e| SqlError::from(e).at(create.name.span))?;
        let Some((schema, key)) = found else {
            return Ok(None);
        };
        let fields = schema.fields().iter();
        let mut parts: Vec<String> = fields
            .map(|f| format!("{} {}", quote(f.name()), type_name(f.data_type())))
            .collect();
        if let Some(watermark) = &create.watermark {
            let (column, text) = (quote(&watermark.column.value), &watermark.text);
            parts.push(format!("WATERMARK FOR {column} AS {text}"));
        }
        let key: Vec<String> = match create.primary_key.is_empty() {
            true => key.iter().map(|k| quote(k)).collect(),
            false => create.primary_key.iter().map(|k| quote(&k.value)).collect(),
        };
        parts.push(format!("PRIMARY KEY ({}) NOT ENFORCED", key.join(", ")));
        let text = written(create, &parts);
        let statement = parse(&text)?.pop().map(|parsed| parsed.statement);
        match statement {
            Some(Statement::CreateTable(described)) => Ok(Some((*described, text))),
            _ => Err(
                SqlError::invalid("the columns of the table cannot be written")
                    .at(create.name.span),
            ),
        }
    }
}

fn written(create: &CreateTable, parts: &[String]) -> String {
    let literal = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let options = create.options.iter().filter(|o| !o.is_format);
    let options: Vec<String> = options
        .map(|o| format!("{} = {}", literal(&o.key), literal(&o.value)))
        .collect();
    let comment = create.comment.as_ref();
    format!(
        "CREATE {}{}TABLE {}{} (\n  {}\n){} WITH (\n  {}\n)",
        if create.or_replace { "OR REPLACE " } else { "" },
        if create.temporary { "TEMPORARY " } else { "" },
        if create.if_not_exists {
            "IF NOT EXISTS "
        } else {
            ""
        },
        quote(&create.name.value),
        parts.join(",\n  "),
        comment.map_or_else(String::new, |c| format!(" COMMENT {}", literal(c))),
        options.join(",\n  "),
    )
}
