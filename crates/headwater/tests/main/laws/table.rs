//! Random tables over topics, and records for them.

use std::fmt::Write;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion_common::ScalarValue;
use headwater::testkit::TestRecord;
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};

use super::json::write_json;
use super::value::Type;

/// Names that need quotes, look like keywords, or differ from others in case only by their quotes.
const NAMES: [&str; 10] = [
    "a",
    "Amount",
    "order",
    "größe",
    "b c",
    "value",
    "SELECT",
    "x1",
    "timestamp",
    "Key",
];

#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) ty: Type,
    pub(crate) nullable: bool,
}

impl Column {
    fn new(name: &str, ty: Type, nullable: bool) -> Self {
        Self {
            name: name.to_owned(),
            ty,
            nullable,
        }
    }

    /// As Headwater's SQL names it.
    pub(crate) fn quoted(&self) -> String {
        let simple = self
            .name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        match simple && !["order", "timestamp", "value"].contains(&self.name.as_str()) {
            true => self.name.clone(),
            false => format!("`{}`", self.name),
        }
    }

    pub(crate) fn random(&self, rng: &mut StdRng, seconds: i64) -> ScalarValue {
        match self.nullable {
            true => self.ty.nullable(rng, seconds),
            false => self.ty.value(rng, seconds),
        }
    }
}

/// A table over a topic of its name.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) name: String,
    /// First `uid`, a number that no other row has, and the event time.
    pub(crate) columns: Vec<Column>,
    /// Whether `pk`, the third column, is the primary key: records replace and delete rows.
    pub(crate) keyed: bool,
    pub(crate) partitions: u32,
    /// How far the watermark stays behind the event time, milliseconds.
    pub(crate) bound_ms: i64,
    pub(crate) lateness_ms: i64,
    /// `None`: the default.
    pub(crate) idle_ms: Option<i64>,
}

/// Places of the columns that every table has.
pub(crate) const UID: usize = 0;
pub(crate) const TIME: usize = 1;
pub(crate) const PK: usize = 2;

impl Table {
    /// A table of `name` with random columns.
    pub(crate) fn random(rng: &mut StdRng, name: &str, keyed: bool) -> Self {
        let mut names = NAMES.to_vec();
        names.shuffle(rng);
        let mut next = names.into_iter();
        let mut columns = vec![
            Column::new("uid", Type::BigInt, rng.random_bool(0.5)),
            Column::new(
                next.next().unwrap(),
                Type::timestamp(rng),
                rng.random_bool(0.5),
            ),
        ];
        if keyed {
            let ty = [Type::Int, Type::Text, Type::BigInt]
                .choose(rng)
                .unwrap()
                .clone();
            columns.push(Column::new("pk", ty, false));
        }
        for _ in 0..rng.random_range(3..6) {
            let ty = Type::random(rng, 2);
            columns.push(Column::new(next.next().unwrap(), ty, rng.random_bool(0.7)));
        }
        Self {
            name: name.to_owned(),
            columns,
            keyed,
            partitions: *[1, 1, 2, 3].choose(rng).unwrap(),
            bound_ms: *[0, 1_000, 4_000].choose(rng).unwrap(),
            lateness_ms: *[0, 0, 0, 3_000].choose(rng).unwrap(),
            idle_ms: *[None, Some(0), Some(2_000)].choose(rng).unwrap(),
        }
    }

    pub(crate) fn time(&self) -> &Column {
        &self.columns[TIME]
    }

    /// How long a partition that is read to its end is waited for; `None`: for ever.
    pub(crate) fn idle_timeout_ms(&self) -> Option<i64> {
        let timeout = self.idle_ms.unwrap_or(self.bound_ms.max(5_000));
        (timeout > 0).then_some(timeout)
    }

    pub(crate) fn ddl(&self) -> String {
        let mut elements: Vec<String> = self
            .columns
            .iter()
            .map(|c| {
                let null = if c.nullable { "" } else { " NOT NULL" };
                format!("{} {}{null}", c.quoted(), c.ty.sql())
            })
            .collect();
        let time = self.time().quoted();
        elements.push(match self.bound_ms {
            0 => format!("WATERMARK FOR {time} AS {time}"),
            ms => format!(
                "WATERMARK FOR {time} AS {time} - INTERVAL '{}' SECOND",
                ms / 1_000
            ),
        });
        if self.keyed {
            elements.push("PRIMARY KEY (pk) NOT ENFORCED".to_owned());
        }
        let mut options = vec![format!("'partitions' = '{}'", self.partitions)];
        if let Some(ms) = self.idle_ms {
            options.push(format!("'scan.watermark.idle-timeout' = '{ms} ms'"));
        }
        if self.lateness_ms > 0 {
            options.push(format!("'allowed-lateness' = '{} ms'", self.lateness_ms));
        }
        let (elements, options) = (elements.join(", "), options.join(", "));
        format!("CREATE TABLE {} ({elements}) WITH ({options});", self.name)
    }

    /// The columns as Arrow has them; all nullable, as rows of different queries are made of them.
    pub(crate) fn schema(&self) -> SchemaRef {
        let fields = self
            .columns
            .iter()
            .map(|c| Field::new(&c.name, c.ty.arrow(), true));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    /// The record of a row: its columns in some order, nulls perhaps left out, perhaps more than the columns.
    pub(crate) fn record(&self, row: &[ScalarValue], rng: &mut StdRng) -> TestRecord {
        let mut fields: Vec<(&Column, &ScalarValue)> = self.columns.iter().zip(row).collect();
        if rng.random_bool(0.3) {
            fields.shuffle(rng);
        }
        fields.retain(|(_, value)| !value.is_null() || rng.random_bool(0.5));
        let mut json = String::from("{");
        for (column, value) in fields {
            let name = serde_json::Value::from(column.name.as_str());
            write!(json, "{name}:").unwrap();
            write_json(value, &mut json);
            json.push(',');
        }
        match rng.random_bool(0.2) {
            true => json.push_str("\"nobody asked\":[{\"x\":1}]}"),
            false if json.len() > 1 => json.replace_range(json.len() - 1.., "}"),
            false => json.push('}'),
        }
        let record = TestRecord::new(json);
        match self.keyed {
            true => record.key(self.key(&row[PK])),
            false => record,
        }
    }

    /// The key of the records of a keyed table.
    pub(crate) fn key(&self, pk: &ScalarValue) -> String {
        let mut json = "{\"pk\":".to_owned();
        write_json(pk, &mut json);
        json.push('}');
        json
    }
}
