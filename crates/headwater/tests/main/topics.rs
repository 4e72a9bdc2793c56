//! `headwater topic …` on a data directory.

use std::path::Path;

use serde_json::Value;

use crate::binary::{Ended, headwater, run, run_with};

fn topic<const N: usize>(dir: &Path, args: [&str; N]) -> Ended {
    run(headwater(["topic", "--data"]).arg(dir).args(args))
}

fn produce(dir: &Path, args: &[&str], lines: &str) -> Ended {
    run_with(
        headwater(["topic", "--data"])
            .arg(dir)
            .arg("produce")
            .args(args),
        lines,
    )
}

#[test]
fn records_are_there_for_the_next_process() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    assert_eq!(
        topic(dir, ["create", "orders", "-p", "2"]).stdout,
        "created topic 'orders'\n"
    );
    let ended = produce(
        dir,
        &["orders", "-p", "1", "-f", "%k %v"],
        "a 1\nb 2\nc 3\n",
    );
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(
        ended.stdout.lines().last(),
        Some("Produced to partition 1 at offset 2.")
    );

    let consume = |offset| {
        topic(
            dir,
            ["consume", "orders", "-o", offset, "-f", "%p:%o %k=%v\\n"],
        )
        .stdout
    };
    assert_eq!(consume(":end"), "1:0 a=1\n1:1 b=2\n1:2 c=3\n");
    assert_eq!(consume("-1:end"), "1:2 c=3\n");
    assert_eq!(consume("1:2"), "1:1 b=2\n");
    assert_eq!(consume("@2001-01-01:end"), "1:0 a=1\n1:1 b=2\n1:2 c=3\n");
    assert_eq!(consume("@:2001-01-01"), "");
    assert_eq!(consume("2:9"), "1:2 c=3\n");
    let two = topic(dir, ["consume", "orders", "-n", "2", "-f", "%v "]);
    assert_eq!(two.stdout, "1 2 ");

    let list = topic(dir, ["list", "-o", "jsonl"]);
    let row: Value = serde_json::from_str(&list.stdout).unwrap();
    assert_eq!(
        row,
        serde_json::json!({"name": "orders", "partitions": 2, "records": 3})
    );
    assert_eq!(
        topic(dir, ["describe", "orders", "-o", "csv"]).stdout,
        "partition,start,end\n0,0,0\n1,0,3\n"
    );
    assert_eq!(topic(dir, ["delete", "orders"]).code, Some(0));
    assert_eq!(topic(dir, ["list", "-o", "json"]).stdout, "[]\n");
}

#[test]
fn json_has_what_rpk_shows() {
    let dir = tempfile::tempdir().unwrap();
    topic(dir.path(), ["create", "t"]);
    produce(
        dir.path(),
        &["t", "-k", "k", "-H", "a:1", "-H", "a:2"],
        "v\n",
    );
    produce(dir.path(), &["t", "-k", "k", "-Z"], "\n");
    let ended = topic(dir.path(), ["consume", "t", "-o", ":end", "-f", "jsonl"]);
    let rows: Vec<Value> = ended
        .stdout
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(
        rows[0]["headers"][1],
        serde_json::json!({"key": "a", "value": "2"})
    );
    assert_eq!(
        (&rows[0]["key"], &rows[0]["value"]),
        (&"k".into(), &"v".into())
    );
    let keys: Vec<&String> = rows[0].as_object().unwrap().keys().collect();
    assert_eq!(keys.len(), 7, "{keys:?}");
    assert!(
        ended
            .stdout
            .starts_with("{\"topic\":\"t\",\"key\":\"k\",\"value\":\"v\",\"headers\":")
    );
    assert!(
        rows[1].get("value").is_none(),
        "a tombstone has no value: {}",
        rows[1]
    );
}

#[test]
fn records_are_read_and_written_in_the_forms_of_rpk() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    topic(dir, ["create", "t", "-p", "3"]);
    let ended = produce(
        dir,
        &[
            "t",
            "-f",
            "%p %k{hex}=%v{base64}",
            "-o",
            "%t:%p:%o\\n",
            "-H",
            "h:1",
        ],
        "2 6b=AP8=\n1 6b=\n",
    );
    assert_eq!(ended.stdout, "t:2:0\nt:1:0\n", "{ended:?}");
    let shown = topic(
        dir,
        [
            "consume",
            "t",
            "-p",
            "2",
            "-o",
            ":end",
            "-f",
            "%i %k %v{hex} %V{hex8} %H%h{ %k=%v}\\n",
        ],
    );
    assert_eq!(shown.stdout, "1 k 00ff 02 1 h=1\n", "{shown:?}");
    assert_eq!(produce(dir, &["t", "-o", ""], "x\n").stdout, "");
    for (format, line) in [("%k=%v", "none"), ("%p %v", "x y"), ("%v{hex}", "zz")] {
        let ended = produce(dir, &["t", "-f", format], &format!("{line}\n"));
        assert_eq!(ended.code, Some(1), "{format}: {ended:?}");
        assert!(ended.stderr.contains(line), "{format}: {ended:?}");
    }
    let ended = produce(dir, &["t"], &"x".repeat(33 << 20));
    assert_eq!(ended.code, Some(1));
    assert_eq!(
        ended.stderr.lines().next(),
        Some("error: a line has more than 32 MiB")
    );
}

#[test]
fn a_topic_that_cannot_be_is_a_wrong_command_line() {
    let dir = tempfile::tempdir().unwrap();
    for args in [
        ["create", "a b", "-p", "1"],
        ["create", "../x", "-p", "1"],
        ["create", "", "-p", "1"],
        ["create", "t", "-p", "0"],
        ["create", "t", "-p", "99999999"],
        ["create", "t", "-p", "99999999999999"],
        ["consume", "t", "-o", "99999999999999999999"],
        ["consume", "t", "-f", "%y"],
    ] {
        let ended = topic(dir.path(), args);
        assert_eq!(
            (ended.code, &*ended.stdout),
            (Some(2), ""),
            "{args:?}: {ended:?}"
        );
    }
}

#[test]
fn what_is_there_already_is_a_conflict_and_what_is_not_has_a_nearest_name() {
    let dir = tempfile::tempdir().unwrap();
    topic(dir.path(), ["create", "orders"]);
    assert_eq!(topic(dir.path(), ["create", "orders"]).code, Some(4));
    let ended = topic(dir.path(), ["describe", "ordres"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("'orders'"), "{}", ended.stderr);
    assert_eq!(
        topic(dir.path(), ["create", "x", "-c", "nope=1"]).code,
        Some(2)
    );
}
