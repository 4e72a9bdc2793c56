//! Materialised views, whatever identifies their rows: what is selected from one is what its query gives, also after
//! restarts, and also from a view over it.

use std::path::Path;

use headwater::{Answer, Headwater, Options};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::shown::select;

/// Tables that end where they are when they are opened, so that jobs end.
const TABLES: &str = "
    CREATE TABLE plain (k INT, n INT) WITH ('scan.bounded.mode' = 'latest-offset');
    CREATE TABLE keyed (k INT, n INT, PRIMARY KEY (k) NOT ENFORCED) WITH ('scan.bounded.mode' = 'latest-offset');";

/// Views and their queries; none selects what identifies its rows.
const VIEWS: [(&str, &str); 6] = [
    ("sizes", "SELECT COUNT(*) AS c FROM plain GROUP BY k"),
    (
        "sums",
        "SELECT MAX(n) AS m, COUNT(*) AS c FROM plain GROUP BY k",
    ),
    ("values_of", "SELECT n FROM keyed"),
    (
        "halves",
        "SELECT CAST(n AS DOUBLE) / 2 AS h, n % 2 = 0 AS even FROM keyed WHERE n > 3",
    ),
    (
        "both",
        "SELECT COUNT(*) AS c FROM plain GROUP BY k UNION ALL SELECT CAST(n AS BIGINT) FROM keyed",
    ),
    ("all_of_it", "SELECT COUNT(*) AS c, SUM(n) AS s FROM plain"),
];

/// Views over those.
const OVER: [(&str, &str); 3] = [
    (
        "size_counts",
        "SELECT c, COUNT(*) AS times FROM sizes GROUP BY c",
    ),
    ("doubled", "SELECT c * 2 AS d FROM both"),
    ("total", "SELECT SUM(m) AS s, COUNT(*) AS c FROM sums"),
];

fn open(dir: &Path) -> Headwater {
    let options = Options {
        repeats: true,
        threads: 2,
        ..Options::default()
    };
    Headwater::open_with(dir, options).unwrap()
}

fn create(hw: &Headwater, views: &[(&str, &str)]) {
    for (name, query) in views {
        let view = format!(
            "CREATE MATERIALIZED VIEW {name} WITH ('scan.bounded.mode' = 'latest-offset') AS {query};"
        );
        hw.sql(&view).unwrap();
    }
    hw.wait().unwrap();
}

fn check(hw: &Headwater, views: &[(&str, &str)], context: &str) {
    for (name, query) in views {
        let seen = select(hw, &format!("SELECT * FROM {name}"));
        assert_eq!(seen, select(hw, query), "{name}, {context}");
    }
}

fn insert(hw: &Headwater, rng: &mut StdRng, table: &str) {
    let rows = (0..rng.random_range(1..30)).map(|_| {
        let null = rng.random_bool(0.1);
        let n = rng.random_range(0..6);
        let n = if null {
            "NULL".to_owned()
        } else {
            n.to_string()
        };
        format!(
            "(CAST({} AS INT), CAST({n} AS INT))",
            rng.random_range(0..8)
        )
    });
    let rows: Vec<String> = rows.collect();
    hw.sql(&format!("INSERT INTO {table} VALUES {}", rows.join(", ")))
        .unwrap();
}

#[test]
fn views_without_a_key_are_what_their_queries_give() {
    for seed in 0..3 {
        let mut rng = StdRng::seed_from_u64(seed);
        let dir = tempfile::tempdir().unwrap();
        for round in 0..4 {
            let hw = open(dir.path());
            hw.sql(TABLES).unwrap();
            insert(&hw, &mut rng, "plain");
            insert(&hw, &mut rng, "keyed");
            create(&hw, &VIEWS);
            create(&hw, &OVER);
            let context = format!("seed {seed}, round {round}");
            check(&hw, &VIEWS, &context);
            check(&hw, &OVER, &context);
            hw.close().unwrap();
        }
    }
}

#[test]
fn a_count_of_rows_is_not_a_column() {
    let hw = Headwater::memory().unwrap();
    hw.sql("CREATE TABLE t (k INT, n INT)").unwrap();
    hw.sql("CREATE MATERIALIZED VIEW v AS SELECT COUNT(*) AS c FROM t GROUP BY k")
        .unwrap();
    assert_eq!(select(&hw, "DESCRIBE v").len(), 1);
    let (_, columns) = hw.names().into_iter().find(|(n, _)| n == "v").unwrap();
    assert_eq!(columns, ["c"]);
    hw.close().unwrap();
}

#[test]
fn a_select_names_the_commit_that_topics_and_views_were_read_up_to() {
    let hw = Headwater::memory().unwrap();
    hw.sql("CREATE TABLE t (a INT); CREATE MATERIALIZED VIEW v AS SELECT SUM(a) AS s FROM t;")
        .unwrap();
    let mut before = 0;
    for n in 1..=20 {
        hw.sql(&format!("INSERT INTO t VALUES ({n})")).unwrap();
        let least = hw.log().last_commit().0;
        let answers = hw
            .sql("SELECT (SELECT s FROM v) AS s, (SELECT SUM(a) FROM t) AS t")
            .unwrap();
        let [Answer::Rows(rows)] = answers.as_slice() else {
            panic!("the views have caught up: {answers:?}");
        };
        let commit = rows.commit.unwrap();
        assert!((least..=hw.log().last_commit().0).contains(&commit));
        assert!(commit > before, "the view has come by a commit of its own");
        before = commit;
    }
    let [Answer::Rows(shown)] = &hw.sql("SHOW TABLES").unwrap()[..] else {
        panic!("names are rows");
    };
    assert_eq!(shown.commit, None, "names are not read from topics");
    hw.close().unwrap();
}
