//! The parts of a configuration, one by one.

use super::{FILE, SHOP, translated};
use crate::ErrorKind;

/// The file that a configuration of these lines more stands for.
fn more(lines: &str) -> String {
    translated(&format!("{SHOP}{lines}\n")).unwrap().unwrap()
}

#[test]
fn tables_are_chosen_by_expressions() {
    let without = SHOP.replace(
        "table.include.list=public.orders, \\\n  sales\\\\.lines\n",
        "",
    );
    let found = |lines: &str| translated(&format!("{without}{lines}\n"));
    for (lines, want) in [
        ("", "tables-matching = [\".*\"]\n"),
        ("schema.include.list=sales", "schemas = [\"sales\"]\n"),
        (
            "table.include.list=public.orders_\\\\d+,sales.lines",
            "tables-matching = [\"public.orders_\\\\d+\",\"sales.lines\"]\n",
        ),
        (
            "schema.include.list=sales,hr_.*\ntable.exclude.list=.*\\\\.old",
            "schemas = [\"sales\",\"hr_.*\"]\ntables-except = [\".*\\\\.old\"]\n",
        ),
        (
            "schema.exclude.list=a|b\ntable.include.list=c.d",
            "tables-matching = [\"c.d\"]\ntables-except = [\"(?:a|b)\\\\..*\"]\n",
        ),
    ] {
        let file = found(lines).unwrap().unwrap();
        assert!(file.contains(want), "{lines}: {file}");
    }
    let error = found("table.include.list=a.b\ntable.exclude.list=c.d").unwrap_err();
    assert!(error.message().contains("'table.exclude.list'"), "{error}");
    let error = found("table.include.list=a.b\nschema.include.list=c").unwrap_err();
    assert!(error.message().contains("'schema.include.list'"), "{error}");
}

#[test]
fn columns_and_changes_are_left_out_or_treated() {
    let found = more(
        "column.exclude.list=public.users.a,public.users.b\ncolumn.mask.with.10.chars=.*\\\\.mail\ncolumn.truncate.to.4.chars=.*\\\\.note\n\
         column.mask.hash.SHA-256.with.salt.s.lt\"=.*\\\\.phone\ncolumn.mask.hash.v2.SHA-512.with.salt.x=.*\\\\.fax\nskipped.operations=none",
    );
    let want = "[columns]\nexclude = [\"public.users.a\",\"public.users.b\"]\nmask = { \".*\\\\.mail\" = 10 }\ntruncate = { \".*\\\\.note\" = 4 }\n\
                hash = { \".*\\\\.phone\" = { salt = \"s.lt\\\"\", algorithm = \"SHA-256\", debezium = \"v1\" }, \
                \".*\\\\.fax\" = { salt = \"x\", algorithm = \"SHA-512\", debezium = \"v2\" } }\n";
    assert!(found.ends_with(want), "{found}");
    assert!(!found.contains("skip"), "{found}");
    let keyed = more("message.key.columns=public.users:a, b; (.*).lines:c");
    let want = "[columns]\nkey = [\"public.users.a\",\"public.users.b\",\"(.*).lines.c\"]\n";
    assert!(keyed.ends_with(want), "{keyed}");
    assert!(more("skipped.operations=u,d").contains("skip = \"u,d\"\n"));
}

#[test]
fn snapshots_and_heartbeats_are_as_they_were() {
    for (line, want) in [
        ("snapshot.mode=initial_only", "backfill-only = true\n"),
        ("snapshot.mode=always", "backfill-always = true\n"),
        ("snapshot.mode=never", "backfill = false\n"),
        (
            "snapshot.include.collection.list=public.orders",
            "backfill-tables = [\"public.orders\"]\n",
        ),
        (
            "heartbeat.interval.ms=500\ntopic.heartbeat.prefix=beats",
            "tombstones = true\nheartbeat-ms = 500\nheartbeat-topic = \"beats\"\n",
        ),
        (
            "heartbeat.interval.ms=500\nheartbeat.action.query=UPDATE beats SET at = 'x\"'",
            "[heartbeat]\ninterval-ms = 500\nstatement = \"UPDATE beats SET at = 'x\\\"'\"\n",
        ),
    ] {
        let file = more(line);
        assert!(file.contains(want), "{line}: {file}");
    }
    assert_eq!(more("heartbeat.interval.ms=0"), FILE);
    assert_eq!(
        more("topic.naming.strategy=io.debezium.schema.DefaultTopicNamingStrategy"),
        FILE
    );
}

#[test]
fn what_is_read_at_first_may_be_chosen() {
    let key = "snapshot.select.statement.overrides";
    let said = format!(
        "{key}=public.orders,public.lines\n{key}.public.orders=SELECT * FROM public.orders WHERE name <> '\"' ORDER BY id\n\
         {key}.public.lines=SELECT * FROM lines"
    );
    let want = "[backfill-where]\n\"public.orders\" = \"name <> '\\\"'\"\n";
    assert!(more(&said).ends_with(want), "{}", more(&said));
    let lacks = translated(&format!("{SHOP}{key}=public.orders\n")).unwrap_err();
    assert_eq!(
        lacks.message(),
        format!("the connector lacks '{key}.public.orders'")
    );
    let other = said.replace("ORDER BY id", "LIMIT 5");
    let error = translated(&format!("{SHOP}{other}\n")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(
        error.message().contains(&format!("'{key}.public.orders'")),
        "{error}"
    );
    // What MariaDB and MySQL are asked is evaluated here too.
    let mysql = "connector.class=io.debezium.connector.mysql.MySqlConnector\ndatabase.hostname=db\ndatabase.user=me\ntopic.prefix=shop\n";
    let of = |condition: &str| {
        translated(&format!(
            "{mysql}{key}=shop.t\n{key}.shop.t=SELECT * FROM shop.t WHERE {condition}\n"
        ))
    };
    assert!(
        of("n > 1")
            .unwrap()
            .unwrap()
            .ends_with("[backfill-where]\n\"shop.t\" = \"n > 1\"\n")
    );
    let error = of("n > length(name)").unwrap_err();
    assert!(
        error.message().contains(&format!("'{key}.shop.t'")),
        "{error}"
    );
}

#[test]
fn transactions_and_messages_are_told_as_wished() {
    let text = format!(
        "{SHOP}provide.transaction.metadata=true\ntopic.transaction=tx\nmessage.prefix.include.list=audit, shop.*\n"
    );
    let wanted = FILE.replace(
        "tombstones = true\n",
        "tombstones = true\ntransactions = true\ntransaction-topic = \"tx\"\n",
    ) + "prefixes = [\"audit\",\"shop.*\"]\n";
    assert_eq!(translated(&text).unwrap(), Some(wanted));
}

#[test]
fn values_are_written_as_they_were() {
    let found = more("time.precision.mode=connect\nbinary.handling.mode=base64-url-safe");
    assert!(
        found.contains("times = \"connect\"\nbinary = \"base64-url-safe\"\n"),
        "{found}"
    );
    let found = more("time.precision.mode=isostring\ninterval.handling.mode=string");
    assert!(
        found.contains("times = \"isostring\"\nintervals = \"string\"\n"),
        "{found}"
    );
}
