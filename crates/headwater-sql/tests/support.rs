//! What the tests share: a session over a text of statements.

use headwater_flow::connector::Registry;
use headwater_sql::catalogue::Catalogue;
use headwater_sql::{Planned, Session, SqlError, parse};

/// A session that has run `setup`.
pub(crate) fn session(setup: &str) -> Session {
    let mut session = Session::new(Catalogue::in_memory(), Registry::default());
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
