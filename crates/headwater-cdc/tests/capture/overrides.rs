//! Tables of which only some rows are read at first, and all changes are taken over.

use headwater_cdc::ErrorKind;
use headwater_cdc::postgres::{Session, Settings};

use super::bench::{catch_up, fold, memory, run, settings, table};
use crate::replication::start;

#[test]
fn rows_are_read_where_a_condition_holds_and_changes_are_those_of_all() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(
        &mut session,
        "CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t SELECT n, n % 3 FROM generate_series(1, 30) n",
    );
    let of = |condition: &str| Settings {
        read_conditions: vec![(table("t"), condition.to_owned())],
        ..settings(&address, &["t"])
    };
    let error = {
        let two = of("n > 0; DROP TABLE t");
        headwater_cdc::Capture::start(&memory(), two).unwrap_err()
    };
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let (log, settings) = (memory(), of("n > 0 -- and no more"));
    catch_up(&log, &settings);
    assert_eq!(fold(&log, "t").len(), 20);
    // A row that was not read is told when it changes; another start reads nothing.
    run(
        &mut session,
        "UPDATE t SET n = 0 WHERE id IN (1, 3); INSERT INTO t VALUES (31, 0)",
    );
    catch_up(&log, &settings);
    let found = fold(&log, "t");
    assert_eq!(found.len(), 22);
    assert!(
        ["{\"id\":1}", "{\"id\":3}", "{\"id\":31}"]
            .iter()
            .all(|key| found[*key]["n"] == 0)
    );
    // What is read anew is read by it as well, over what is there.
    run(
        &mut session,
        "ALTER TABLE t ADD more int NOT NULL DEFAULT 7; UPDATE t SET n = 5 WHERE id = 6",
    );
    catch_up(&log, &settings);
    let found = fold(&log, "t");
    assert_eq!(found.len(), 23);
    assert!(found["{\"id\":2}"]["more"] == 7 && found["{\"id\":31}"].get("more").is_none());
    let always = Settings {
        reads_again: true,
        ..settings
    };
    catch_up(&log, &always);
    assert_eq!(fold(&log, "t").len(), 23);
}
