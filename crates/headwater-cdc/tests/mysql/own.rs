//! What only MySQL has.

use headwater_cdc::ErrorKind;
use headwater_cdc::mysql::{
    Address, Message, Position, Replica, Session, Snapshot, Tls, TlsMode, Value,
};

use super::capturing::{catch_up, fold, memory, settings};
use super::following::{changes, read_to_end};
use super::server::{Product, Server};
use super::snapshots::all_rows;
use super::transactions::run;

fn mysql(settings: &[&str]) -> Option<Server> {
    Server::of(Product::MySql, settings)
}

/// The server has only a hash in its cache, and nothing at first: then it must see the password, which goes encrypted or not at all.
#[test]
fn a_password_is_shown_once_encrypted_and_proven_from_then_on() {
    let Some(server) = mysql(&[]) else {
        return;
    };
    let mut session = server.session("shop");
    run(
        &mut session,
        &["CREATE USER me IDENTIFIED WITH caching_sha2_password BY 's3cret'"],
    );
    let me = |password: &str, mode| Address {
        user: "me".to_owned(),
        password: password.to_owned(),
        tls: Tls { mode, ca: None },
        ..server.address()
    };
    let connect = |password, mode| Session::connect(&me(password, mode));
    let error = connect("s3cret", TlsMode::Disabled).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(error.hint().unwrap().contains("ssl-mode"), "{error}");
    let error = connect("wrong", TlsMode::Required).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    connect("s3cret", TlsMode::Required).unwrap();
    connect("s3cret", TlsMode::Disabled).unwrap();
    // One that is wrong is not taken from the cache, and still not shown.
    let error = connect("wrong", TlsMode::Disabled).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
}

/// The server makes a key that no statement names, and indexes over columns that no table shows.
#[test]
fn keys_and_columns_that_are_made_by_the_server_are_the_same_in_the_log() {
    let Some(server) = mysql(&["--sql-generate-invisible-primary-key=ON"]) else {
        return;
    };
    let mut session = server.session("shop");
    run(
        &mut session,
        &["CREATE TABLE t (a INT, b INT, INDEX sum ((a + b)), INDEX (b))"],
    );
    let start = Position::current(&mut session).unwrap();
    run(
        &mut session,
        &[
            "INSERT INTO t VALUES (1, 2), (1, 2)",
            "DELETE FROM t LIMIT 1",
        ],
    );
    let mut snapshot = Snapshot::open(&server.address()).unwrap();
    let table = snapshot.table("shop", "t").unwrap();
    let want = all_rows(&mut snapshot, &table, 9);
    assert_eq!(want, [[Value::UInt(2), Value::Int(1), Value::Int(2)]]);
    let mut replica = Replica::connect(&server.address(), 77, &start).unwrap();
    let mut told = Vec::new();
    read_to_end(&mut replica, &mut session, |message| {
        if let Message::Rows(rows) = message {
            let names: Vec<&str> = rows.table.columns.iter().map(|c| c.name.as_str()).collect();
            assert_eq!(names, ["my_row_id", "a", "b"]);
            assert_eq!(rows.table.columns[0].key, Some(0));
            told.extend(changes(&rows));
        }
    })
    .unwrap();
    assert_eq!(told.len(), 3);
    assert_eq!(told[1].after.as_deref(), Some(&want[0][..]));
    let (settings, log) = (settings(&server.address(), &["t"]), memory());
    catch_up(&log, &settings);
    run(&mut session, &["UPDATE t SET a = 7"]);
    catch_up(&log, &settings);
    let rows = fold(&log, "t");
    assert_eq!(rows.len(), 1);
    assert_eq!(rows["{\"my_row_id\":2}"]["a"], 7);
}

#[test]
fn parts_of_documents_are_refused_with_what_to_set() {
    for compression in ["OFF", "ON"] {
        let Some(server) = mysql(&[&format!("--binlog-transaction-compression={compression}")])
        else {
            return;
        };
        let mut session = server.session("shop");
        run(
            &mut session,
            &[
                "CREATE TABLE t (id INT PRIMARY KEY, j JSON)",
                "INSERT INTO t VALUES (1, CONCAT('{\"a\": 1, \"b\": \"', REPEAT('x', 100), '\"}'))",
                "SET binlog_row_value_options = 'PARTIAL_JSON'",
            ],
        );
        let start = Position::current(&mut session).unwrap();
        run(&mut session, &["UPDATE t SET j = JSON_SET(j, '$.a', 2)"]);
        let mut replica = Replica::connect(&server.address(), 77, &start).unwrap();
        let error = read_to_end(&mut replica, &mut session, drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(error.hint().unwrap().contains("binlog_row_value_options"));
    }
}
