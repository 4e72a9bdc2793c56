//! What happens before the stream begins: everything is checked, and the place where it begins is known before tables are looked at.

use headwater_log::{Error, ErrorKind, Log, Result};

use super::feed::LogFeed;
use super::form::Forms;
use super::progress::MySql;
use super::reading::{Plan, TableReads, server_of};
use super::settings::{Settings, TableName};
use super::shape::{columns, key_names};
use crate::capture::{
    BY, Beats, Begun, Captured, Finding, Of, Place, Position as Stored, Ready, Room, TableOf,
    Telling, WHERE, WHOLE_BYTES, forget, is_known, is_read, known_tables, load, owner, prepare,
    store_position,
};
use crate::mysql::{Position, Replica, Session, Table, check, made_up_id};

/// Connects, checks, and starts the stream.
///
/// # Errors
/// `Unavailable`; what else is wrong, with what mends it.
pub(crate) fn begin(log: &Log, settings: &Settings) -> Result<Begun<LogFeed, TableReads>> {
    let mut control = Session::connect(&settings.address)?;
    let (named, known) = (settings.tables.len(), known_tables(log, &settings.name));
    let settings = &settings.with_matching(&mut control, &known)?;
    let names = settings.tables.iter().map(|(name, _)| name.to_string());
    if settings.ends_when_read && is_read::<MySql>(log, &settings.name, names)? {
        return Ok(Begun::Over);
    }
    demand(&mut control)?;
    let is_first = load::<Stored>(log, &owner(&settings.name))?.is_none();
    let stored = take_place(log, settings, &mut control)?;
    let forms = Forms::new(settings, control.is_mariadb())?;
    let mut plans = plans(log, settings, &forms, &mut control)?;
    let (Some(Place::MySql(end)), resume) = (stored.end.clone(), stored.resume.clone()) else {
        return Err(Error::new(ErrorKind::Bug, "a capture without a place"));
    };
    let begin = end.clone().into();
    let capture = Of::new(&settings.name, &settings.format, &begin);
    let mut of = described(settings, &forms, &plans);
    // What matches only since the capture has begun has been made since: all of it is new.
    of.iter_mut()
        .skip(named)
        .for_each(|table| table.is_wanted |= !is_first);
    let mut tables = prepare(log, &capture, of)?;
    fit(&mut tables, &mut plans)?;
    // It may have been left on another server.
    let end = end.by_name();
    let (start, taken_over) = starting(&end, resume);
    let replica = match Replica::connect(&settings.address, replica_id(settings), &start) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Begun::Lost(e)),
        replica => replica?,
    };
    let names = settings.tables.iter().map(|(name, _)| name.clone());
    let horizon = horizon(&mut control, &start)?;
    let folds_names = control.value("SELECT @@lower_case_table_names")?;
    let server_id = server_of(&mut control)?;
    let mut feed = LogFeed::new(
        replica,
        control,
        (names.collect(), forms),
        start,
        taken_over,
    );
    feed.backfills = settings.tables.iter().all(|(name, _)| settings.reads(name));
    feed.matching = settings.matching.clone();
    feed.heartbeat = settings.heartbeat.clone();
    feed.folds_names = folds_names.as_deref() != Some("0");
    Ok(Begun::Ready(Box::new(Ready {
        feed,
        reads: TableReads {
            room: Room::default(),
            address: settings.address.clone(),
            server_id,
            plans,
            range_rows: settings.range_rows,
            horizon,
        },
        tables,
        position: stored,
        end: end.into(),
        range: settings.range_rows,
        readers: settings.readers,
        whole_bytes: WHOLE_BYTES,
        skipped: settings.filters.skipped,
        messages: None,
        telling: Telling::of(&settings.format),
        beats: Beats::of(&settings.format),
        ends_when_read: settings.ends_when_read,
    })))
}

/// Where a stream begins, and, if that is before what was taken over, where this ends.
fn starting(end: &Position, resume: Option<Place>) -> (Position, Option<Position>) {
    match resume {
        Some(Place::MySql(resume)) => (resume.by_name(), Some(end.clone())),
        _ => (end.clone(), None),
    }
}

/// # Errors
/// `Invalid` with the first thing that the server lacks.
fn demand(control: &mut Session) -> Result<()> {
    let findings = check(control, &[])?;
    match findings.into_iter().find(|f| f.is_fatal) {
        None => Ok(()),
        Some(Finding { what, mend, .. }) => {
            Err(Error::new(ErrorKind::Invalid, what).with_hint(mend))
        }
    }
}

/// What is gone is not read, and of the others the rows that are wanted.
fn fit(tables: &mut [Captured<MySql>], plans: &mut [Option<Plan>]) -> Result<()> {
    for (table, plan) in tables.iter_mut().zip(plans) {
        match plan {
            None => table.skip(),
            Some(plan) => plan.read_only(table.backfill.filter.as_deref())?,
        }
    }
    Ok(())
}

/// What may have been streamed already. MySQL streams what it does not yet call executed, too.
fn horizon(control: &mut Session, start: &Position) -> Result<Position> {
    let mut now = Position::current(control)?;
    if !now.gtids.is_empty() {
        now.gtids.extend(&start.gtids);
    }
    Ok(now)
}

/// The tables as the server describes them.
fn described(settings: &Settings, forms: &Forms, plans: &[Option<Plan>]) -> Vec<TableOf<MySql>> {
    let described = plans.iter().zip(&settings.tables);
    let described = described.map(|(plan, (name, topic))| TableOf {
        name: name.to_string(),
        topic: topic.clone(),
        columns: plan
            .as_ref()
            .map_or_else(Vec::new, |p| p.shape.columns.clone()),
        identity: identity(settings, name, plan.as_ref()),
        form: plan
            .as_ref()
            .map_or_else(|| forms.of_gone(name), |p| p.shape.form.clone()),
        is_wanted: settings.reads(name),
        is_reread: settings.reads(name),
        filter: settings.read_condition(name).map(str::to_owned),
    });
    described.collect()
}

/// What makes another table of it: other rows, or another key that is wanted.
fn identity(settings: &Settings, name: &TableName, plan: Option<&Plan>) -> String {
    let condition = settings.condition(name);
    let condition = condition.map_or_else(String::new, |condition| format!("{WHERE}{condition}"));
    let keyed = plan.filter(|plan| plan.shape.columns != columns(&plan.table));
    match keyed {
        Some(plan) => format!(
            "{BY}{}{condition}",
            key_names(&plan.shape.columns).join(", ")
        ),
        None => condition,
    }
}

/// How tables are read; `None`: one that was captured before is gone now. What becomes of it the stream tells.
fn plans(
    log: &Log,
    settings: &Settings,
    forms: &Forms,
    control: &mut Session,
) -> Result<Vec<Option<Plan>>> {
    let one = |(name, _): &(TableName, String)| {
        let table = match Table::of(control, &name.database, &name.name) {
            Err(e) if e.kind() == ErrorKind::NotFound => {
                let is_known = is_known(log, &settings.name, &name.to_string());
                return if is_known { Ok(None) } else { Err(e) };
            }
            table => table?,
        };
        let shape = forms.shape(&table, control)?;
        let filter = None;
        Ok(Some(Plan {
            table,
            shape,
            filter,
        }))
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
