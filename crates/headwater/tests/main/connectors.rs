//! Configurations of Debezium's connectors, as people have them, through the binary.

use headwater_cdc::postgres::Address;

use crate::binary::{Ended, headwater, run};
use crate::cdc::start;

/// The configuration of a connector that captures `orders` by a slot of this name.
fn connector(address: &Address, slot: &str) -> Vec<(&'static str, String)> {
    vec![
        (
            "connector.class",
            "io.debezium.connector.postgresql.PostgresConnector".to_owned(),
        ),
        ("tasks.max", "1".to_owned()),
        ("plugin.name", "pgoutput".to_owned()),
        ("database.hostname", "127.0.0.1".to_owned()),
        ("database.port", address.port.to_string()),
        ("database.user", address.user.clone()),
        ("database.password", "${env:SHOP_PASSWORD}".to_owned()),
        ("database.dbname", address.database.clone()),
        ("topic.prefix", slot.to_owned()),
        ("slot.name", slot.to_owned()),
        ("publication.name", format!("{slot}_pub")),
        ("publication.autocreate.mode", "filtered".to_owned()),
        ("schema.include.list", "public".to_owned()),
        ("table.include.list", "public.orders".to_owned()),
        ("decimal.handling.mode", "string".to_owned()),
        ("snapshot.mode", "initial".to_owned()),
        ("tombstones.on.delete", "false".to_owned()),
        (
            "key.converter",
            "org.apache.kafka.connect.json.JsonConverter".to_owned(),
        ),
        (
            "value.converter",
            "org.apache.kafka.connect.json.JsonConverter".to_owned(),
        ),
        ("key.converter.schemas.enable", "false".to_owned()),
        ("value.converter.schemas.enable", "false".to_owned()),
    ]
}

/// The same configuration in each of its shapes: the slot, the file and what it has.
fn shapes(address: &Address) -> [(&'static str, &'static str, String); 4] {
    let json = || {
        let pairs = connector(address, "by_json").into_iter();
        let config: serde_json::Map<String, serde_json::Value> =
            pairs.map(|(k, v)| (k.to_owned(), v.into())).collect();
        serde_json::json!({"name": "shop", "config": config}).to_string()
    };
    let strimzi = || {
        let pairs = connector(address, "by_strimzi").into_iter().skip(2);
        let config: String = pairs
            .map(|(key, value)| format!("    {key}: \"{value}\"\n"))
            .collect();
        format!(
            "apiVersion: kafka.strimzi.io/v1beta2\nkind: KafkaConnector\nmetadata:\n  name: shop\nspec:\n  \
             class: io.debezium.connector.postgresql.PostgresConnector\n  tasksMax: 1\n  config:\n{config}"
        )
    };
    let server = || {
        let pairs = connector(address, "by_server").into_iter();
        let pairs = pairs.filter(|(key, _)| !key.contains("converter"));
        let source: String = pairs
            .map(|(key, value)| format!("debezium.source.{key}={value}\n"))
            .collect();
        format!(
            "debezium.sink.type=kafka\ndebezium.format.key.schemas.enable=false\n\
             debezium.format.value.schemas.enable=false\n{source}"
        )
    };
    [
        (
            "by_properties",
            "shop.properties",
            properties(address, "by_properties"),
        ),
        ("by_json", "shop.json", json()),
        ("by_strimzi", "shop.yaml", strimzi()),
        ("by_server", "application.properties", server()),
    ]
}

fn properties(address: &Address, slot: &str) -> String {
    let pairs = connector(address, slot).into_iter();
    pairs
        .map(|(key, value)| format!("{key}={value}\n"))
        .collect()
}

/// A folder with the data and files of configurations.
struct Folder<'a> {
    folder: tempfile::TempDir,
    address: &'a Address,
}

impl<'a> Folder<'a> {
    fn new(address: &'a Address) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder, address }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Captures what is committed now, as a file says.
    fn capture(&self, file: &str, text: &str) -> Ended {
        let (path, data) = (self.path(file), self.path("data"));
        std::fs::write(&path, text).unwrap();
        let mut command = headwater(["cdc", "run", "-c", &path, "--once", "--data", &data]);
        run(command.env("SHOP_PASSWORD", &self.address.password))
    }

    /// The values of a topic, one a line.
    fn values(&self, topic: &str) -> String {
        let data = self.path("data");
        let ended = run(&mut headwater([
            "topic", "consume", topic, "-o", ":end", "-f", "%v\n", "--data", &data,
        ]));
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.stdout
    }
}

#[test]
fn configurations_of_connectors_are_taken_as_they_are() {
    let Some((_server, address, mut session)) = start() else {
        return;
    };
    let mut sql = |text: &str| drop(session.query(text).unwrap());
    sql("CREATE TABLE orders (id int PRIMARY KEY, amount numeric(10, 2))");
    sql("ALTER TABLE orders REPLICA IDENTITY FULL");
    let folder = Folder::new(&address);
    for (slot, file, text) in shapes(&address) {
        sql("TRUNCATE orders; INSERT INTO orders VALUES (1, 1.25), (2, 2.50)");
        let ended = folder.capture(file, &text);
        assert_eq!(ended.code, Some(0), "{file}: {}", ended.stderr);
        sql("UPDATE orders SET amount = 3.75 WHERE id = 1; DELETE FROM orders WHERE id = 2");
        let ended = folder.capture(file, &text);
        assert_eq!(ended.code, Some(0), "{file}: {}", ended.stderr);
        let events = folder.values(&format!("{slot}.public.orders"));
        let (ops, amounts): (Vec<String>, Vec<String>) = events
            .lines()
            .map(|line| {
                let event: serde_json::Value = serde_json::from_str(line).unwrap();
                let amount = &event["after"]["amount"];
                (event["op"].to_string(), amount.to_string())
            })
            .unzip();
        assert_eq!(ops.join(" "), r#""r" "r" "u" "d""#, "{file}");
        assert_eq!(amounts.join(" "), r#""1.25" "2.50" "3.75" null"#, "{file}");
    }
}

#[test]
fn unwrapped_events_are_rows_and_what_there_is_nothing_for_is_named() {
    let Some((_server, address, mut session)) = start() else {
        return;
    };
    session
        .query("CREATE TABLE orders (id int PRIMARY KEY, amount numeric(10, 2)); INSERT INTO orders VALUES (1, 1.25)")
        .unwrap();
    let folder = Folder::new(&address);
    let unwrapped = properties(&address, "unwrapped").replace("tombstones.on.delete=false\n", "")
        + "transforms=u\ntransforms.u.type=io.debezium.transforms.ExtractNewRecordState\n";
    let ended = folder.capture("u.properties", &unwrapped);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(
        folder.values("unwrapped.public.orders"),
        "{\"id\":1,\"amount\":\"1.25\"}\n"
    );
    let refused = |name: &str, more: &str, wanted: i32, says: &str| {
        let Ended { code, stderr, .. } = folder.capture(name, &(unwrapped.clone() + more));
        assert_eq!(code, Some(wanted), "{stderr}");
        assert!(stderr.contains(says), "{stderr}");
        assert!(!stderr.contains(&address.password), "{stderr}");
    };
    let signals = "signal.data.collection=public.signals\n";
    refused("s.properties", signals, 78, "'signal.data.collection'");
    let keyed = "message.key.columns=public.orders:amount\n";
    refused("k.properties", keyed, 1, "is to be keyed by");
}
