//! Configurations as people have them.

mod parts;

use super::translated;
use crate::ErrorKind;

const SHOP: &str = "name=shop
connector.class=io.debezium.connector.postgresql.PostgresConnector
tasks.max=1
# where
database.hostname=db
database.user=me
database.password=p@ss/\\\\w
database.dbname=shop
topic.prefix=shop
table.include.list=public.orders, \\
  sales\\\\.lines
plugin.name=pgoutput
slot.name=shop_slot
poll.interval.ms=100
key.converter=org.apache.kafka.connect.json.JsonConverter
value.converter=org.apache.kafka.connect.json.JsonConverter
key.converter.schemas.enable=false
value.converter.schemas.enable=false
decimal.handling.mode=string
";

const FILE: &str = r#"url = "postgres://me:p%40ss%2F%5Cw@db:5432/shop"
format = "debezium-json"
tables = ["public.orders","sales.lines"]
slot = "shop_slot"
publication = "dbz_publication"
create-publication = true
topic-prefix = "shop"
skip = "t"
[debezium]
decimals = "string"
schemas = false
tombstones = true
[logical-messages]
topic = "shop.message"
"#;

#[test]
fn properties_json_and_those_of_the_server_say_the_same() {
    assert_eq!(translated(SHOP).unwrap().as_deref(), Some(FILE));
    let pairs = super::text::pairs(SHOP).unwrap().unwrap();
    let object: serde_json::Map<String, serde_json::Value> = pairs
        .iter()
        .map(|(k, v)| (k.clone(), v.clone().into()))
        .collect();
    let connect = serde_json::json!({"name": "shop", "config": object}).to_string();
    assert_eq!(translated(&connect).unwrap().as_deref(), Some(FILE));
    let bare = serde_json::Value::from(object).to_string();
    assert_eq!(translated(&bare).unwrap().as_deref(), Some(FILE));
    let server: String = SHOP
        .lines()
        .filter(|line| !line.contains(".converter"))
        .map(|line| match line.starts_with([' ', '#']) {
            true => format!("{line}\n"),
            false => format!("debezium.source.{line}\n"),
        })
        .collect();
    let server = format!(
        "debezium.sink.type=kafka\n{server}debezium.format.value=json\ndebezium.format.key.schemas.enable=false\ndebezium.format.value.schemas.enable=false\n"
    );
    assert_eq!(translated(&server).unwrap().as_deref(), Some(FILE));
}

#[test]
fn a_connector_of_strimzi_says_the_same() {
    let pairs = super::text::pairs(SHOP).unwrap().unwrap();
    let config: String = pairs
        .iter()
        .filter(|(key, _)| !["name", "connector.class", "tasks.max"].contains(&key.as_str()))
        .map(|(key, value)| match value.contains('\\') {
            true => format!(
                "    {key}: \"{}\"   # quoted\n",
                value.replace('\\', "\\\\")
            ),
            false => format!("    {key}: {value}\n"),
        })
        .collect();
    let text = format!(
        "---\napiVersion: kafka.strimzi.io/v1beta2\nkind: KafkaConnector\nmetadata:\n  name: shop\n  labels:\n    strimzi.io/cluster: mine\n\
         spec:\n  class: io.debezium.connector.postgresql.PostgresConnector\n  tasksMax: 1\n  config: # all of it\n{config}"
    );
    assert_eq!(translated(&text).unwrap().as_deref(), Some(FILE));
    let single = text.replace("topic.prefix: shop", "topic.prefix: 'it''s'");
    assert!(
        translated(&single)
            .unwrap()
            .unwrap()
            .contains("topic-prefix = \"it's\"")
    );
    let folded = text.replace("topic.prefix: shop", "topic.prefix: >-");
    assert_eq!(
        translated(&folded).unwrap_err().kind(),
        ErrorKind::Unsupported
    );
    let paused = text.replace("  tasksMax: 1", "  state: paused");
    assert!(
        translated(&paused)
            .unwrap_err()
            .message()
            .contains("'spec.state'")
    );
}

#[test]
fn an_outbox_is_one() {
    let text = SHOP
        .replace("public.orders, \\\n  sales\\\\.lines", "public.outbox")
        .replace("p@ss/\\\\w", "${env:PW}")
        + "transforms=outbox\ntransforms.outbox.type=io.debezium.transforms.outbox.EventRouter\n\
           transforms.outbox.route.topic.replacement=events.${routedByValue}\nsnapshot.mode=no_data\n";
    let want = r#"url = "postgres://me:${env:PW}@db:5432/shop"
outbox = "public.outbox"
name = "shop_slot"
backlog = false
[router]
route.topic.replacement = "events.${routedByValue}"
"#;
    assert_eq!(translated(&text).unwrap().as_deref(), Some(want));
    let text = "connector.class=io.debezium.connector.mysql.MySqlConnector\ndatabase.hostname=db\ndatabase.user=me\n\
                database.server.id=7\ntopic.prefix=shop\ntable.include.list=shop.outbox\ntransforms=o\n\
                transforms.o.type=io.debezium.transforms.outbox.EventRouter\n";
    let want = "url = \"mysql://me@db:3306/\"\noutbox = \"shop.outbox\"\nname = \"shop\"\nbacklog = true\n[router]\n";
    assert_eq!(translated(text).unwrap().as_deref(), Some(want));
}

#[test]
fn events_of_mariadb_are_written_and_rows_where_they_are_unwrapped() {
    let text = "connector.class=io.debezium.connector.mariadb.MariaDbConnector\ndatabase.hostname=db\ndatabase.user=me\n\
                database.server.id=7\ntopic.prefix=shop\ntable.include.list=shop.orders\nsnapshot.mode=when_needed\n\
                database.include.list=shop\ndatabase.ssl.mode=verify_identity\nschema.history.internal.kafka.topic=history\n\
                time.precision.mode=adaptive_time_microseconds\ndecimal.handling.mode=string\n";
    let want = "url = \"mysql://me@db:3306/?ssl-mode=verify-identity\"\nformat = \"debezium-json\"\ntables = [\"shop.orders\"]\n\
                topic-prefix = \"shop\"\nserver-id = 7\non-loss = \"backfill\"\nskip = \"t\"\n[debezium]\ndecimals = \"string\"\nschemas = true\ntombstones = true\ntimes = \"adaptive\"\n";
    assert_eq!(translated(text).unwrap().as_deref(), Some(want));
    for (known, other) in [
        ("database.include.list=shop", "database.include.list=other"),
        (
            "time.precision.mode=adaptive_time_microseconds",
            "time.precision.mode=adaptive",
        ),
        (
            "decimal.handling.mode=string",
            "bigint.unsigned.handling.mode=short",
        ),
    ] {
        let error = translated(&text.replace(known, other)).unwrap_err();
        let key = other.split('=').next().unwrap();
        assert!(error.message().contains(key), "{error}");
    }
    let beats = format!("{text}heartbeat.interval.ms=500\n");
    let beats = translated(&beats).unwrap().unwrap();
    assert!(
        beats.contains("heartbeat-ms = 500\n") && !beats.contains("[heartbeat]"),
        "{beats}"
    );
    let query = format!("{text}heartbeat.interval.ms=500\nheartbeat.action.query=SELECT 1\n");
    assert!(
        translated(&query)
            .unwrap()
            .unwrap()
            .ends_with("[heartbeat]\ninterval-ms = 500\nstatement = \"SELECT 1\"\n")
    );
    let modes = format!("{text}bigint.unsigned.handling.mode=precise\n");
    let modes = translated(&modes).unwrap().unwrap();
    assert!(modes.contains("unsigned = \"precise\"\n") && modes.contains("times = \"adaptive\"\n"));
    let text = format!(
        "{text}transforms=unwrap\ntransforms.unwrap.type=io.debezium.transforms.ExtractNewRecordState\n"
    );
    let unwrapped = format!("{want}unwrapped = true\n");
    assert_eq!(
        translated(&text).unwrap().as_deref(),
        Some(unwrapped.as_str())
    );
}

#[test]
fn rows_of_postgresql_are_unwrapped() {
    let text = format!(
        "{SHOP}transforms=u\ntransforms.u.type=io.debezium.transforms.ExtractNewRecordState\n"
    );
    let want = FILE.replace(
        "tombstones = true\n",
        "tombstones = true\nunwrapped = true\n",
    );
    assert_eq!(translated(&text).unwrap().as_deref(), Some(want.as_str()));
    for line in [
        "tombstones.on.delete=false",
        "transforms.u.delete.tombstone.handling.mode=rewrite",
        "transforms.u.add.fields=op",
    ] {
        let error = translated(&format!("{text}{line}\n")).unwrap_err();
        assert!(
            error.message().contains(line.split('=').next().unwrap()),
            "{error}"
        );
    }
}

#[test]
fn sessions_are_encrypted_as_they_were_and_secrets_come_from_the_environment() {
    let text = format!("{SHOP}database.sslmode=verify-full\ndatabase.sslrootcert=/etc/a b.pem\n");
    let file = translated(&text).unwrap().unwrap();
    assert!(
        file.contains("/shop?sslmode=verify-full&sslrootcert=%2Fetc%2Fa%20b.pem\""),
        "{file}"
    );
    let secret = |value: &str| translated(&SHOP.replace("p@ss/\\\\w", value));
    assert!(
        secret("${env:PW}")
            .unwrap()
            .unwrap()
            .contains("me:${env:PW}@db")
    );
    let error = secret("${file:/etc/secrets:pw}").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().contains("'database.password'"), "{error}");
}

#[test]
fn what_there_is_nothing_for_is_refused_by_name() {
    let refuse = |line: &str| {
        let error = translated(&format!("{SHOP}{line}\n")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{line}");
        assert!(!error.to_string().contains("p@ss"), "{error}");
        format!("{} {}", error.message(), error.hint().unwrap())
    };
    let said = refuse("slot.nam=x");
    assert!(
        said.contains("'slot.nam'") && said.contains("'slot.name'"),
        "{said}"
    );
    for line in [
        "plugin.name=decoderbufs",
        "snapshot.mode=custom",
        "snapshot.select.statement.overrides.public.orders=SELECT * FROM public.orders WHERE n > 1",
        "signal.data.collection=public.signals",
        "column.mask.with.x.chars=a",
        "column.include.list=(?=a)b",
        "skipped.operations=x",
        "heartbeat.interval.ms=soon",
        "topic.naming.strategy=mine",
        "time.precision.mode=nanoseconds",
        "interval.handling.mode=text",
        "binary.handling.mode=octal",
        "publication.autocreate.mode=no_tables",
        "message.key.columns=public.orders",
        "message.key.columns=public.orders:n;b:(",
        "value.converter=org.apache.kafka.connect.storage.StringConverter",
        "value.converter=io.confluent.connect.avro.AvroConverter",
        "transforms=route,unwrap",
        "connector.class=io.debezium.connector.oracle.OracleConnector",
    ] {
        let said = refuse(line);
        assert!(said.contains(line.split('=').next().unwrap()), "{said}");
    }
    // The key of a hash has its salt in it.
    for line in [
        "column.mask.hash.MD5.with.salt.p@ss=a",
        "column.mask.hash.with.salt.p@ss=a",
        "column.mask.hash.SHA-256.with.salt.p@ss=(",
    ] {
        assert!(refuse(line).contains("'column.mask.hash"), "{line}");
    }
    let lacks = translated(&SHOP.replace("database.user=me\n", "")).unwrap_err();
    assert_eq!(
        (lacks.kind(), lacks.message()),
        (ErrorKind::Invalid, "the connector lacks 'database.user'")
    );
}

#[test]
fn our_own_files_are_none() {
    assert_eq!(translated(FILE).unwrap(), None);
    assert_eq!(translated("").unwrap(), None);
    assert!(translated("{").is_err());
}
