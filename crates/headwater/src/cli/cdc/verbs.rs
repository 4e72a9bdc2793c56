//! The verbs: from arguments to requests, or straight to a server.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use headwater::Options;
use headwater_cdc::{Finding, mysql, postgres};

use super::args::{CdcArgs, CdcCommand, SlotCommand};
use super::config::{Address, mysql_table, postgres_address, postgres_table};
use crate::cli::args::Format;
use crate::cli::exit::{Failure, Outcome};
use crate::cli::interrupt;
use crate::cli::output::AnswerPrinter;
use crate::cli::request::{Reply, Request};
use crate::cli::session::{Missing, Session};
use crate::cli::shell::read_text;
use crate::cli::style::say;

/// `headwater cdc …`.
pub(crate) fn cdc(args: CdcArgs) -> Outcome {
    let dir = args.data.data;
    match args.command {
        CdcCommand::Run { config, once } => {
            let config = read_text(&config)?;
            interrupt::listen()?;
            let request = Request::CdcRun { config, once };
            ask(&dir, Missing::Make, &request, Format::Table)
        }
        CdcCommand::Status { output } => ask(&dir, Missing::Refuse, &Request::CdcStatus, output),
        CdcCommand::Snapshot {
            capture,
            table,
            filter,
        } => {
            let request = Request::CdcSnapshot {
                capture,
                table: table.clone(),
                filter,
            };
            ask(&dir, Missing::Refuse, &request, Format::Table)?;
            say(format_args!(
                "reading '{table}' once more; `headwater cdc status` shows how far it is"
            ));
            Ok(())
        }
        CdcCommand::Pause { capture } => pause(&dir, capture, true),
        CdcCommand::Resume { capture } => pause(&dir, capture, false),
        CdcCommand::Check {
            url,
            tables,
            output,
        } => check_server(&url, &tables, output),
        CdcCommand::Slot {
            command: SlotCommand::Drop { url, name },
        } => {
            postgres::drop_slot(&postgres_address(&url)?, &name)?;
            say(format_args!("dropped slot '{name}'"));
            Ok(())
        }
    }
}

fn pause(dir: &Path, capture: String, is_paused: bool) -> Outcome {
    let request = Request::CdcPause { capture, is_paused };
    ask(dir, Missing::Refuse, &request, Format::Table)
}

fn check_server(url: &str, tables: &[String], output: Format) -> Outcome {
    let (address, found) = findings(Address::of(url)?, tables)?;
    if found.is_empty() {
        say(format_args!("{address} lacks nothing"));
        return Ok(());
    }
    let field = |name| Field::new(name, DataType::Utf8, false);
    let schema = Arc::new(Schema::new(vec![field("missing"), field("mend")]));
    let column = |texts: Vec<&str>| Arc::new(StringArray::from(texts)) as ArrayRef;
    let columns = vec![
        column(found.iter().map(|f| f.what.as_str()).collect()),
        column(found.iter().map(|f| f.mend.as_str()).collect()),
    ];
    let rows = RecordBatch::try_new(Arc::clone(&schema), columns)
        .map_err(|e| Failure::failed(format!("cannot make rows: {e}")))?;
    let mut printer = AnswerPrinter::new(output);
    printer.take(Reply::Begin {
        schema,
        is_stream: false,
    })?;
    printer.take(Reply::Rows(rows))?;
    printer.take(Reply::End)?;
    Err(Failure::failed(format!(
        "{address} lacks {} things",
        found.len()
    )))
}

/// The server as it is shown, and what it lacks.
fn findings(address: Address, tables: &[String]) -> Outcome<(String, Vec<Finding>)> {
    match address {
        Address::PostgreSql(address) => {
            let tables: Vec<_> = tables.iter().map(|t| postgres_table(t)).collect();
            Ok((address.to_string(), postgres::check(&address, &tables)?))
        }
        Address::MySql(address) => {
            let mut session = mysql::Session::connect(&address)?;
            let tables = match tables {
                [] => mysql::tables_of(&mut session, &address.database)?,
                some => {
                    let named = some.iter().map(|t| mysql_table(t, &address.database));
                    named.collect::<Outcome<_>>()?
                }
            };
            let found = mysql::check(&mut session, &tables)?;
            Ok((address.to_string(), found))
        }
    }
}

fn ask(dir: &Path, missing: Missing, request: &Request, output: Format) -> Outcome {
    let mut printer = AnswerPrinter::new(output);
    let session = Session::open(dir, missing, Options::default())?;
    session.finish(|session| session.ask(request, &mut |reply| printer.take(reply)))
}
