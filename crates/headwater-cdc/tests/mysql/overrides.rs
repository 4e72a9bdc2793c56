//! Tables of which only some rows are read at first, and all changes are taken over.

use headwater_cdc::mysql::{Settings, TableName};
use headwater_cdc::{Capture, ErrorKind};

use super::capturing::{catch_up, failure, fold, memory, settings};
use super::server::Server;
use super::transactions::run;

#[test]
fn rows_are_read_where_a_condition_holds_and_changes_are_those_of_all() {
    for server in Server::each(&[]) {
        let mut session = server.session("shop");
        let rows: Vec<String> = (1..=30).map(|n| format!("({n}, {})", n % 3)).collect();
        run(
            &mut session,
            &[
                "CREATE TABLE t (id INT PRIMARY KEY, n INT)",
                &format!("INSERT INTO t VALUES {}", rows.join(", ")),
            ],
        );
        let of = |condition: &str| Settings {
            read_conditions: vec![(TableName::new("shop", "t"), condition.to_owned())],
            ..settings(&server.address(), &["t"])
        };
        let error = Capture::start(&memory(), of("n > length(n)")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        let error = failure(&memory(), &of("other > 1"));
        assert!(error.message().contains("other"), "{error}");
        let (log, settings) = (memory(), of("n > 0"));
        catch_up(&log, &settings);
        assert_eq!(fold(&log, "t").len(), 20);
        run(
            &mut session,
            &[
                "UPDATE t SET n = 9 WHERE id IN (1, 3)",
                "INSERT INTO t VALUES (31, 0)",
            ],
        );
        catch_up(&log, &settings);
        let found = fold(&log, "t");
        assert_eq!(found.len(), 22);
        assert!(
            ["{\"id\":1}", "{\"id\":3}"]
                .iter()
                .all(|key| found[*key]["n"] == 9)
        );
        run(
            &mut session,
            &[
                "ALTER TABLE t ADD more INT NOT NULL DEFAULT 7",
                "UPDATE t SET n = 5 WHERE id = 6",
            ],
        );
        catch_up(&log, &settings);
        let found = fold(&log, "t");
        assert_eq!(found.len(), 23);
        assert!(found["{\"id\":2}"]["more"] == 7 && found["{\"id\":31}"].get("more").is_none());
    }
}
