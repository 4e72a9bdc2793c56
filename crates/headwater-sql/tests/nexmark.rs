//! The Nexmark queries parse and plan.

use headwater_sql::Planned;

use crate::support::{run, session};

fn text(name: &str) -> String {
    let path = format!(
        "{}/../../examples/nexmark/{name}.sql",
        env!("CARGO_MANIFEST_DIR")
    );
    std::fs::read_to_string(path).unwrap()
}

fn plan(query: &str) -> String {
    let mut session = session(&text("tables"));
    let sql = text(query);
    match run(&mut session, &sql) {
        Ok(planned) => match planned.last() {
            Some(Planned::Pipeline(p)) => p.outputs[0].plan.display_indent().to_string(),
            other => format!("{other:?}"),
        },
        Err(e) => e.render(&sql),
    }
}

#[test]
fn q0_is_a_projection_over_a_filter() {
    let shown = plan("q0");
    assert!(shown.starts_with("Projection"), "{shown}");
}

#[test]
fn all_queries_plan_or_say_what_is_missing() {
    for q in 0..=22 {
        let shown = plan(&format!("q{q}"));
        if q == 13 {
            assert!(shown.contains("FOR SYSTEM_TIME AS OF"), "q{q}: {shown}");
        } else {
            assert!(!shown.contains("error"), "q{q}: {shown}");
        }
    }
}
