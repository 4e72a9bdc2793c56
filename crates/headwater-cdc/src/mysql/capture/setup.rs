//! What happens before the stream begins: everything is checked, and the place where it begins is known before tables are looked at.

use std::sync::Arc;

use headwater_log::{Error, ErrorKind, Log, Result};

use super::feed::LogFeed;
use super::form::Forms;
use super::progress::MySql;
use super::reading::{Plan, TableReads, server_of};
use super::settings::{Settings, TableName};
use super::shape::columns;
use crate::capture::{
    Begun, Finding, Of, Place, Position as Stored, Ready, TableOf, WHOLE_BYTES, forget, is_known,
    load, owner, prepare, store_position,
};
use crate::filter::Operations;
use crate::mysql::{Position, Replica, Session, Table, check, made_up_id};

/// Connects, checks, and starts the stream.
///
/// # Errors
/// `Unavailable`; what else is wrong, with what mends it.
pub(crate) fn begin(log: &Log, settings: &Settings) -> Result<Begun<LogFeed, TableReads>> {
    let mut control = Session::connect(&settings.address)?;
    let findings = check(&mut control, &[])?;
    if let Some(Finding { what, mend, .. }) = findings.into_iter().find(|f| f.is_fatal) {
        return Err(Error::new(ErrorKind::Invalid, what).with_hint(mend));
    }
    let stored = take_place(log, settings, &mut control)?;
    let forms = Forms::new(settings, control.is_mariadb());
    let plans = plans(log, settings, &forms, &mut control)?;
    let (Some(Place::MySql(end)), resume) = (stored.end.clone(), stored.resume.clone()) else {
        return Err(Error::new(ErrorKind::Bug, "a capture without a place"));
    };
    let begin = end.clone().into();
    let capture = Of::new(&settings.name, &settings.format, settings.backfills, &begin);
    let of = described(settings, &forms, &plans);
    let mut tables = prepare(log, &capture, of)?;
    for (table, plan) in tables.iter_mut().zip(&plans) {
        if plan.is_none() {
            table.skip();
        }
    }
    // It may have been left on another server.
    let end = end.by_name();
    let (start, taken_over) = match resume {
        Some(Place::MySql(resume)) => (resume.by_name(), Some(end.clone())),
        _ => (end.clone(), None),
    };
    let replica = match Replica::connect(&settings.address, replica_id(settings), &start) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Begun::Lost(e)),
        replica => replica?,
    };
    let names = settings.tables.iter().map(|(name, _)| name.clone());
    let horizon = Position::current(&mut control)?;
    let folds_names = control.value("SELECT @@lower_case_table_names")?;
    let server_id = server_of(&mut control)?;
    let mut feed = LogFeed::new(
        replica,
        control,
        (names.collect(), forms),
        start,
        taken_over,
    );
    feed.backfills = settings.backfills;
    feed.folds_names = folds_names.as_deref() != Some("0");
    Ok(Begun::Ready(Box::new(Ready {
        feed,
        reads: TableReads {
            address: settings.address.clone(),
            server_id,
            plans,
            range_rows: settings.range_rows,
            horizon,
        },
        tables,
        position: stored,
        end: end.into(),
        backfills: settings.backfills,
        range: settings.range_rows,
        readers: settings.readers,
        whole_bytes: WHOLE_BYTES,
        skipped: Operations::default(),
        messages: None,
        ends_when_read: false,
    })))
}

/// The tables as the server describes them.
fn described(
    settings: &Settings,
    forms: &Forms,
    plans: &[Option<Arc<Plan>>],
) -> Vec<TableOf<MySql>> {
    let described = plans.iter().zip(&settings.tables);
    let described = described.map(|(plan, (name, topic))| TableOf {
        name: name.to_string(),
        topic: topic.clone(),
        columns: plan.as_ref().map_or_else(Vec::new, |p| columns(&p.table)),
        identity: String::new(),
        form: plan
            .as_ref()
            .map_or_else(|| forms.of_gone(name), |p| p.shape.form.clone()),
    });
    described.collect()
}

/// How tables are read; `None`: one that was captured before is gone now. What becomes of it the stream tells.
fn plans(
    log: &Log,
    settings: &Settings,
    forms: &Forms,
    control: &mut Session,
) -> Result<Vec<Option<Arc<Plan>>>> {
    let one = |(name, _): &(TableName, String)| {
        let table = match Table::of(control, &name.database, &name.name) {
            Err(e) if e.kind() == ErrorKind::NotFound => {
                let is_known = is_known(log, &settings.name, &name.to_string());
                return if is_known { Ok(None) } else { Err(e) };
            }
            table => table?,
        };
        let shape = forms.shape(&table, control)?;
        Ok(Some(Arc::new(Plan { table, shape })))
    };
    settings.tables.iter().map(one).collect()
}

/// What is stored; the end of the log as it is now if there is nothing yet.
fn take_place(log: &Log, settings: &Settings, control: &mut Session) -> Result<Stored> {
    let name = &settings.name;
    let kind = if control.is_mariadb() {
        "MariaDB"
    } else {
        "MySQL"
    };
    if let Some(stored) = load::<Stored>(log, &owner(name))? {
        if stored.system == kind {
            return Ok(stored);
        }
        let text = format!("capture '{name}' is of another kind of server");
        return Err(Error::new(ErrorKind::Invalid, text).with_hint("choose another name for it"));
    }
    let fresh = Stored {
        system: kind.to_owned(),
        timeline: None,
        paused: false,
        database: String::new(),
        format: settings.format.name().to_owned(),
        end: Some(Position::current(control)?.into()),
        resume: None,
        part: None,
    };
    store_position(log, name, None, &fresh)?;
    Ok(fresh)
}

/// The number that was said, or one that nobody else has.
fn replica_id(settings: &Settings) -> u32 {
    let made_up = || made_up_id(&settings.name);
    settings.server_id.unwrap_or_else(made_up)
}

/// Forgets everything, so that the next start reads the tables anew.
///
/// # Errors
/// `Unavailable`.
pub(crate) fn begin_anew(log: &Log, settings: &Settings) -> Result<()> {
    forget(log, &settings.name)
}
