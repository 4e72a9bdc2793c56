//! Captures of tables into topics: what is there is what was there and what was done.

use std::time::{Duration, Instant};

use headwater_cdc::mysql::Settings;
use headwater_cdc::{Capture, ErrorKind, OnLoss};

use super::capturing::{LONG, catch_up, content, failure, fold, memory, records, settings};
use super::following::purge;
use super::server::Server;
use super::transactions::{numbers, run};

#[test]
fn a_topic_is_what_was_there_and_what_was_done() {
    for server in Server::each(&[]) {
        let mut session = server.session("shop");
        run(
            &mut session,
            &[
                "CREATE TABLE orders (id BIGINT PRIMARY KEY, amount DECIMAL(10,2), note TEXT, at TIMESTAMP(3) NULL, raw BLOB)",
                &format!(
                    "INSERT INTO orders SELECT seq, seq * 1.5, 'it\"s', '2026-01-01 00:00:00.5', x'00ff' FROM {}",
                    numbers(1, 1000)
                ),
            ],
        );
        let settings = settings(&server.address(), &["orders"]);
        let log = memory();
        catch_up(&log, &settings);
        let all = records(&log, "orders");
        assert_eq!(all.len(), 1000);
        let want = "{\"id\":1,\"amount\":1.50,\"note\":\"it\\\"s\",\"at\":\"2026-01-01 00:00:00.500Z\",\"raw\":\"AP8=\"}";
        // Pieces of a table come in no order.
        let first = all.iter().find(|(_, key, _)| key == "{\"id\":1}").unwrap();
        assert_eq!(first.2.as_deref(), Some(want));
        run(
            &mut session,
            &[
                "BEGIN",
                "UPDATE orders SET amount = 7 WHERE id = 1",
                "DELETE FROM orders WHERE id = 2",
                "UPDATE orders SET id = -3 WHERE id = 3",
                "SAVEPOINT s",
                "DELETE FROM orders WHERE id > 500",
                "ROLLBACK TO s",
                "COMMIT",
                "XA START 'x'",
                "UPDATE orders SET amount = 8 WHERE id = 4",
                "XA END 'x'",
                "XA PREPARE 'x'",
            ],
        );
        // It is prepared only: nothing of it is there, and it is still known by the next start.
        catch_up(&log, &settings);
        let done = records(&log, "orders").split_off(1000);
        let keys: Vec<(&str, bool)> = done
            .iter()
            .map(|(_, k, v)| (k.as_str(), v.is_some()))
            .collect();
        let want = [
            ("{\"id\":1}", true),
            ("{\"id\":2}", false),
            ("{\"id\":3}", false),
            ("{\"id\":-3}", true),
        ];
        assert_eq!(keys, want);
        assert!(done.iter().all(|(commit, _, _)| *commit == done[0].0));
        run(&mut session, &["XA COMMIT 'x'"]);
        catch_up(&log, &settings);
        let all = records(&log, "orders");
        assert_eq!(all.len(), 1005);
        assert!(all[1004].2.as_ref().unwrap().contains("\"amount\":8.00"));
        run(
            &mut session,
            &["TRUNCATE orders", "INSERT INTO orders (id) VALUES (1)"],
        );
        catch_up(&log, &settings);
        assert_eq!(fold(&log, "orders").len(), 1);
    }
}

#[test]
fn columns_come_and_go() {
    for server in Server::each(&[]) {
        let mut session = server.session("shop");
        run(
            &mut session,
            &[
                "CREATE TABLE t (id INT PRIMARY KEY, a INT)",
                &format!("INSERT INTO t SELECT seq, 1 FROM {}", numbers(1, 300)),
            ],
        );
        let settings = settings(&server.address(), &["t"]);
        let log = memory();
        catch_up(&log, &settings);
        // No row was changed, but all have the new column.
        run(&mut session, &["ALTER TABLE t ADD COLUMN b INT DEFAULT 7"]);
        let capture = Capture::start(&log, settings.clone()).unwrap();
        let want = content(&mut session, "t", &["id", "a", "b"], &["id"]);
        let until = Instant::now() + LONG;
        while fold(&log, "t") != want {
            assert!(Instant::now() < until, "{:?}", capture.status());
            std::thread::park_timeout(Duration::from_millis(5));
        }
        capture.stop();
        let read = records(&log, "t").len();
        run(&mut session, &["UPDATE t SET b = 8 WHERE id = 1"]);
        catch_up(&log, &settings);
        assert_eq!(records(&log, "t").len(), read + 1, "it was read once more");
    }
}

#[test]
fn a_log_that_lost_changes_stops_the_capture_or_has_the_tables_read_anew() {
    for server in Server::each(&[]) {
        let mut session = server.session("shop");
        run(
            &mut session,
            &[
                "CREATE TABLE t (id INT PRIMARY KEY)",
                "INSERT INTO t VALUES (1), (2)",
            ],
        );
        let settings = settings(&server.address(), &["t"]);
        let log = memory();
        catch_up(&log, &settings);
        for loss in ["purge", "RESET MASTER"] {
            run(
                &mut session,
                &[
                    "DELETE FROM t WHERE id = (SELECT * FROM (SELECT min(id) FROM t) m)",
                    "INSERT INTO t SELECT max(id) + 1 FROM t",
                ],
            );
            if loss == "purge" {
                run(&mut session, &["FLUSH BINARY LOGS"]);
                purge(&mut session);
            } else {
                run(&mut session, &[loss]);
            }
            let error = failure(&log, &settings);
            assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
            assert!(error.hint().unwrap().contains("backfill"), "{error}");
            let again = Settings {
                on_loss: OnLoss::Backfill,
                ..settings.clone()
            };
            catch_up(&log, &again);
            assert_eq!(
                fold(&log, "t"),
                content(&mut session, "t", &["id"], &["id"])
            );
        }
    }
}
