//! The same commands with `--postgres`: stores are schemas of a database.

use serde_json::{Value, json};

use crate::binary::{Ended, headwater, run_with};
use crate::server;

struct Database(String);

impl Database {
    fn ask(&self, args: &[&str], input: &str) -> Ended {
        let mut command = headwater([args[0], args[1]]);
        let dir = ["--data", "/nowhere/at/all", "--postgres"];
        run_with(command.args(dir).arg(&self.0).args(&args[2..]), input)
    }

    /// What a command that ends well writes, as JSON.
    fn rows(&self, args: &[&str], input: &str) -> Vec<Value> {
        let ended = self.ask(&[args, &["-o", "jsonl"]].concat(), input);
        assert_eq!(ended.code, Some(0), "{args:?}: {}", ended.stderr);
        let lines = ended.stdout.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

const DEFINITION: &str = r#"
name = "order"
version = 1
participants.bank = { url = "http://127.0.0.1:9" }
[[steps]]
name = "pay"
participant = "bank"
do = "charge"
undo = "refund"
retry = { attempts = 1 }
"#;

#[test]
fn stores_in_a_database_are_written_and_read_by_the_same_commands() {
    let Some(server) = server::Server::start(&["fsync = off"]) else {
        return;
    };
    let database = Database(server.url("postgres"));
    let opened = r#"{"type":"opened","data":{"owner":"ada"}}"#;
    let append = ["stream", "append", "account", "7", "--expected", "none"];
    let appended = database.rows(&append, opened);
    assert_eq!(
        (&appended[0]["version"], &appended[0]["position"]),
        (&0.into(), &0.into())
    );
    let again = database.ask(&append, opened);
    assert_eq!(again.code, Some(4));
    assert!(
        again.stderr.contains("has version 0 instead of none"),
        "{}",
        again.stderr
    );
    let read = database.rows(&["stream", "read", "account", "7", "--backward"], "");
    assert_eq!((read.len(), &read[0]["type"]), (1, &"opened".into()));
    let stores = database.rows(&["stream", "list"], "");
    assert_eq!((stores.len(), &stores[0]["stream"]), (1, &"account".into()));
    let entity = database.rows(&["entity", "show", "account", "7"], "");
    assert_eq!(entity[0]["state"]["owner"], "ada");
    assert_eq!(database.rows(&["projection", "list"], "").len(), 0);
    let unknown = database.ask(&["stream", "read", "acount", "7"], "");
    assert_eq!(unknown.code, Some(1));
    assert!(
        unknown.stderr.contains("did you mean 'account'?"),
        "{}",
        unknown.stderr
    );
}

#[test]
fn a_saga_in_a_database_is_run_parked_skipped_and_shown() {
    let Some(server) = server::Server::start(&["fsync = off"]) else {
        return;
    };
    let database = Database(server.url("postgres"));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("order.toml");
    let file = file.to_str().unwrap();
    std::fs::write(file, DEFINITION).unwrap();
    let run = ["saga", "run", file, "--id", "o1", "--input", "{}"];
    let ran = database.rows(&run, "");
    assert_eq!(
        (&ran[0]["saga"], &ran[0]["state"]),
        (&"o1".into(), &"parked".into())
    );
    assert_eq!(database.ask(&["saga", "skip", "o1"], "").code, Some(0));
    assert_eq!(
        database.rows(&["saga", "run", file], "")[0]["state"],
        "compensated"
    );
    assert_eq!(database.rows(&["saga", "show", "o1"], "")[0]["step"], "pay");

    let query = "SELECT saga, state FROM system.sagas WHERE store = 'sagas'";
    let found = database.rows(&["sql", "--commits", "-c", query], "");
    assert_eq!(found, [json!({"saga": "o1", "state": "compensated"})]);

    let topic = DEFINITION.replace(
        "{ url = \"http://127.0.0.1:9\" }",
        "{ topic = \"bank\", replies = \"answers\" }",
    );
    std::fs::write(file, topic.replace("version = 1", "version = 2")).unwrap();
    let refused = database.ask(&run, "");
    assert_eq!(refused.code, Some(78), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("participant 'bank'"),
        "{}",
        refused.stderr
    );
}

#[test]
fn entities_of_a_database_take_part_in_its_sagas() {
    let Some(server) = server::Server::start(&["fsync = off"]) else {
        return;
    };
    let database = Database(server.url("postgres"));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("order.toml");
    let file = file.to_str().unwrap();
    let entities = DEFINITION.replace(
        "{ url = \"http://127.0.0.1:9\" }",
        "{ stream = \"bank\", key = \"account\", entity = \"exists\" }",
    );
    let input = "retry = { attempts = 1 }\ninput = { account = \"$.input.account\" }";
    let entities = entities.replace("retry = { attempts = 1 }", input);
    std::fs::write(file, entities).unwrap();
    let opened = r#"{"type":"opened","data":{"owner":"ada"}}"#;
    database.rows(&["stream", "append", "bank", "7"], opened);
    let input = |account: &str| format!(r#"{{"account":"{account}","amount":20}}"#);
    for (saga, account, state) in [("o1", "7", "completed"), ("o2", "8", "compensated")] {
        let input = input(account);
        let run = ["saga", "run", file, "--id", saga, "--input", &input];
        for _ in 0..2 {
            let ran = database.rows(&run, "");
            assert_eq!(ran[0]["state"], state, "{}", ran[0]);
        }
    }
    let read = database.rows(&["stream", "read", "bank", "7"], "");
    let kinds: Vec<_> = read.iter().map(|event| &event["type"]).collect();
    assert_eq!(kinds, ["opened", "charge"], "once, however often it is run");
    assert_eq!(read[1]["correlation"], "o1");
}
