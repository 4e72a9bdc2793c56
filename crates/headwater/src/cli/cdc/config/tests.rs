//! Tests of the file of a capture.
#![expect(clippy::unwrap_used, reason = "tests")]

use headwater_cdc::{Hash, Hashed, Treatment};

use super::*;

fn topics(settings: &Settings) -> Vec<&str> {
    settings.topics().collect()
}

#[test]
fn a_file_says_what_is_captured() {
    let text = "url = 'postgres://me:pw@db/shop'\ntables = ['orders', 'sales.lines']\non-loss = 'backfill'";
    let found = settings(text).unwrap();
    assert_eq!(topics(&found), ["shop.public.orders", "shop.sales.lines"]);
    let Settings::PostgreSql(found) = found else {
        panic!("{found:?}")
    };
    assert_eq!(
        (found.slot.as_str(), found.on_loss),
        ("headwater", OnLoss::Backfill)
    );
}

#[test]
fn a_file_says_what_is_not_taken_over_as_it_is() {
    let text = r#"
        url = 'postgres://me:pw@db/shop'
        tables = ['orders']
        skip = 'd,t'
        backfill-only = true
        [columns]
        exclude = ['.*\.password']
        key = ['public\.users\.(id|n)']
        mask = { '.*\.mail' = 5 }
        truncate = { '.*\.note' = 9 }
        hash = { '.*\.phone' = 'salt', '.*\.old' = { salt = 'salt', algorithm = 'SHA-512', debezium = 'v1' } }
        [where]
        orders = 'amount > 0'
        [logical-messages]
        topic = 'notes'
        [heartbeat]
        interval-ms = 500
    "#;
    let Settings::PostgreSql(found) = settings(text).unwrap() else {
        panic!("another server");
    };
    let kinds: Vec<&Treatment> = found.filters.treatments.iter().map(|(_, t)| t).collect();
    let old = Hash {
        algorithm: "SHA-512".parse().unwrap(),
        of: Hashed::JavaObject,
        is_shortened: true,
        ..Hash::new("salt")
    };
    let want = [
        Treatment::Mask(5),
        Treatment::Hash(old),
        Treatment::Hash(Hash::new("salt")),
        Treatment::Truncate(9),
    ];
    assert_eq!(kinds, want.iter().collect::<Vec<_>>());
    assert!(found.filters.excluded[0].matches("public.users.password"));
    assert!(found.filters.keyed[0].matches("public.users.n"));
    assert!(found.filters.skipped.deleted && found.ends_when_read);
    assert_eq!(found.conditions[0].0.to_string(), "public.orders");
    assert_eq!(found.messages.unwrap().topic, "notes");
    assert_eq!(found.heartbeat.unwrap().interval.as_millis(), 500);
    let wrong = text.replace("'.*\\.mail'", "'('");
    assert!(settings(&wrong).unwrap_err().message.contains("'('"));
    let mysql = text.replace("postgres:", "mysql:");
    assert_eq!(settings(&mysql).unwrap_err().code, Code::Config);
}

#[test]
fn tables_are_chosen_by_patterns_and_filtered_whatever_the_server() {
    for (url, scopes) in [
        ("postgres://me:pw@db/shop", "schemas"),
        ("mysql://me:pw@db/sales", "databases"),
    ] {
        let text = format!(
            "url = '{url}'\n{scopes} = ['sales']\ntables-matching = ['.*_x']\ntables-except = ['.*old.*']\ntopic-prefix = 'p'\nskip = 't'\n\
             backfill-always = true\nbackfill-tables = ['a']\nwhere = {{ 'sales.a_x' = 'n > 1' }}\nbackfill-where = {{ 'sales.b_x' = 'n > 2' }}\n[columns]\ninclude = ['.*']"
        );
        let (matching, filters, conditions) = match settings(&text).unwrap() {
            Settings::PostgreSql(s) if s.reads_again && s.backfilled.len() == 1 => {
                let table = format!("{} {}", s.conditions[0].0, s.read_conditions[0].0);
                (s.matching, s.filters, table)
            }
            Settings::MySql(s) if s.reads_again && s.backfilled.len() == 1 => {
                let table = format!("{} {}", s.conditions[0].0, s.read_conditions[0].0);
                (s.matching, s.filters, table)
            }
            other => panic!("{other:?}"),
        };
        let matching = matching.unwrap();
        assert_eq!(matching.topic_prefix, "p.");
        let lists = [matching.scopes, matching.included, matching.excluded];
        assert_eq!(lists.map(|list| list.len()), [1, 1, 1]);
        assert!(filters.skipped.truncated && filters.included.len() == 1);
        assert_eq!(conditions, "sales.a_x sales.b_x");
        let wrong = match scopes {
            "schemas" => text.replace("schemas", "databases"),
            _ => text.replace("databases", "schemas"),
        };
        assert_eq!(settings(&wrong).unwrap_err().code, Code::Config);
    }
}

#[test]
fn a_file_says_what_is_captured_of_mariadb() {
    let text = "url = 'mariadb://me:pw@db/shop'\ntables = ['orders', 'sales.lines']\nname = 'n'\nserver-id = 7";
    let found = settings(text).unwrap();
    assert_eq!(topics(&found), ["shop.orders", "sales.lines"]);
    let prefixed = settings(&format!("{text}\ntopic-prefix = 'p'")).unwrap();
    assert_eq!(topics(&prefixed), ["p.shop.orders", "p.sales.lines"]);
    let events = settings(&format!("{text}\nformat = 'debezium-json'")).unwrap();
    assert_eq!(topics(&events), ["n.shop.orders", "n.sales.lines"]);
    let Settings::MySql(events) = events else {
        panic!("{events:?}")
    };
    assert_eq!(events.format, Format::Debezium(Debezium::new("n")));
    let Settings::MySql(found) = found else {
        panic!("{found:?}")
    };
    assert_eq!((found.name.as_str(), found.server_id), ("n", Some(7)));
    let bare = text.replace("/shop", "");
    assert!(settings(&bare).unwrap_err().message.contains("'orders'"));
}

#[test]
fn keys_of_another_server_are_refused_by_name() {
    for (url, key) in [
        ("mysql://me@db/shop", "slot = 's'"),
        ("mysql://me@db/shop", "publication = 's'"),
        ("mysql://me@db/shop", "create-publication = true"),
        ("postgres://me@db/shop", "name = 's'"),
        ("postgres://me@db/shop", "server-id = 1"),
    ] {
        let text = format!("url = '{url}'\ntables = ['orders']\n{key}");
        let failure = settings(&text).unwrap_err();
        let name = key.split(' ').next().unwrap();
        assert!(failure.message.contains(name), "{failure:?}");
    }
}

#[test]
fn a_file_says_how_events_look() {
    let format = |text: &str| match settings(text).unwrap() {
        Settings::PostgreSql(found) => found.format,
        other => panic!("{other:?}"),
    };
    let text = "url = 'postgres://me:pw@db/shop'\ntables = ['orders']\nformat = 'debezium-json'";
    let usual = Debezium::new("shop");
    assert_eq!(format(text), Format::Debezium(usual.clone()));
    let more = format!(
        "{text}\n[debezium]\nschemas = true\ndecimals = 'string'\ntimes = 'connect'\nintervals = 'string'\nbinary = 'base64-url-safe'\nunsigned = 'precise'"
    );
    let want = Debezium {
        schemas: true,
        decimals: Decimals::String,
        times: Times::Connect,
        intervals: Intervals::String,
        binary: Binary::Base64UrlSafe,
        unsigned: Unsigned::Precise,
        ..usual
    };
    assert_eq!(format(&more), Format::Debezium(want));
    let iso = format(&more.replace("'connect'", "'isostring'"));
    assert!(matches!(iso, Format::Debezium(found) if found.times == Times::Iso));
    for (name, want) in [
        ("maxwell-json", Format::Maxwell),
        ("canal-json", Format::Canal),
    ] {
        assert_eq!(format(&text.replace("debezium-json", name)), want);
    }
    let beats = format(&format!("{more}\nheartbeat-ms = 500"));
    assert!(
        matches!(beats, Format::Debezium(found) if found.heartbeats.as_ref().unwrap().topic == "__debezium-heartbeat.shop")
    );
    let rows = more.replace("debezium-json", "rows");
    assert!(settings(&rows).unwrap_err().message.contains("debezium"));
    let unwrapped = format!("{text}\n[debezium]\nunwrapped = true");
    assert!(matches!(format(&unwrapped), Format::Debezium(found) if found.unwrapped));
}

#[test]
fn a_wrong_file_is_refused_without_its_password() {
    for text in [
        "url = 'postgres://me:s3cret@db/shop'\ntables = ['t']\nwhat = 1",
        "url = 'postgres://me:s3cret@db/shop' tables",
        "url = 'me:s3cret@db/shop'\ntables = ['t']",
    ] {
        let failure = settings(text).unwrap_err();
        assert_eq!(failure.code, Code::Config);
        assert!(!failure.message.contains("s3cret"), "{failure:?}");
    }
}

#[test]
fn the_configuration_of_a_connector_is_a_file() {
    let text = "connector.class=io.debezium.connector.postgresql.PostgresConnector\ndatabase.hostname=db\n\
                database.user=me\ndatabase.dbname=shop\ntopic.prefix=fulfilment\ntable.include.list=public.orders\n";
    let found = settings(&ours(text).unwrap()).unwrap();
    assert_eq!(topics(&found), ["fulfilment.public.orders"]);
    let filtered = format!(
        "{text}column.mask.hash.v2.SHA-256.with.salt.${{env:PATH}}=.*.a\ncolumn.truncate.to.3.chars=.*.b\nschema.exclude.list=x\n"
    );
    let Settings::PostgreSql(filtered) = settings(&ours(&filtered).unwrap()).unwrap() else {
        panic!();
    };
    let treatments = &filtered.filters.treatments;
    assert!(
        matches!(&treatments[0].1, Treatment::Hash(hash) if !hash.salt.is_empty() && hash.salt != "${env:PATH}")
    );
    assert_eq!(treatments[1].1, Treatment::Truncate(3));
    assert!(filtered.filters.skipped.truncated && filtered.matching.is_some());
    assert_eq!(found.name(), "debezium");
    let failure = ours(&format!("{text}signal.data.collection=a")).unwrap_err();
    assert_eq!(failure.code, Code::Config);
    assert!(
        failure.message.contains("'signal.data.collection'"),
        "{failure:?}"
    );
    let own = "url = 'postgres://me@db/shop'";
    assert_eq!(ours(own).unwrap(), own);
}
