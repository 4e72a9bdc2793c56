//! `'format' = 'debezium-json'`.

use std::ops::Range;
use std::sync::Arc;

use arrow::datatypes::{SchemaRef, TimeUnit};
use headwater_flow::connector::{
    DecodedValues, Format, FormatRequest, OptionKind, OptionSpec, Options, ValueDecoder,
    ValueEncoder,
};
use headwater_flow::{Error, ErrorKind, Result};
use memchr::memmem;

use super::super::decoder::JsonDecoder;
use super::super::fault::Parsed;
use super::super::members::{is_null, members, text};
use super::super::reader::Dialect;
use super::decoder::{ChangelogDecoder, Envelope, infer};
use super::encoder::{ChangelogEncoder, Frames, key_encoder};
use super::metadata::DEBEZIUM;
use super::rows::{Rows, wrong};
use crate::column::Ticks;

const NAME: &str = "debezium-json";

/// The JSON of Debezium's events.
#[derive(Debug, Default)]
pub struct DebeziumJsonFormat;

const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new(
        "debezium-json.schema-include",
        OptionKind::Flag,
        "Events with schemas and without are both read; they are written without.",
    ),
    OptionSpec::new(
        "debezium-json.ignore-parse-errors",
        OptionKind::Flag,
        "Fields that do not fit their column become null (default false: the record is kept in `$errors`).",
    ),
    OptionSpec::new(
        "debezium-json.decimal.handling.mode",
        OptionKind::OneOf(&["precise", "string", "double"]),
        "What the connector's option of this name is: precise (digits in base64), string or double (default string; events with schemas say it themselves).",
    ),
    OptionSpec::new(
        "debezium-json.time.precision.mode",
        OptionKind::OneOf(&[
            "adaptive",
            "adaptive_time_microseconds",
            "connect",
            "microseconds",
            "nanoseconds",
            "isostring",
        ]),
        "What the connector's option of this name is (default adaptive: whole numbers count milliseconds in columns of a precision up to 3, else microseconds, so declare the database's precision; isostring: text is read always).",
    ),
    OptionSpec::new(
        "debezium-json.timestamp-format.standard",
        OptionKind::OneOf(&["SQL", "ISO-8601"]),
        "How timestamps are written (default SQL); both are always read.",
    ),
    OptionSpec::new(
        "debezium-json.encode.decimal-as-plain-number",
        OptionKind::OneOf(&["true"]),
        "Decimals are always written as plain numbers.",
    ),
    OptionSpec::new(
        "debezium-json.encode.ignore-null-fields",
        OptionKind::Flag,
        "Leave null fields out when writing (default false).",
    ),
];

/// As Flink writes them: a row that changed is deleted and created.
const FRAMES: Frames = Frames {
    came: ("{\"before\":null,\"after\":", ",\"op\":\"c\"}"),
    went: ("{\"before\":", ",\"after\":null,\"op\":\"d\"}"),
};

impl Format for DebeziumJsonFormat {
    fn name(&self) -> &'static str {
        NAME
    }

    fn options(&self) -> &'static [OptionSpec] {
        OPTIONS
    }

    fn decoder(&self, request: &FormatRequest) -> Result<Arc<dyn ValueDecoder>> {
        let envelope = Debezium {
            is_keyed: request.is_keyed,
        };
        let dialect = dialect(&request.options);
        ChangelogDecoder::of(request, self, DEBEZIUM, dialect, envelope)
    }

    fn key_decoder(&self, request: &FormatRequest) -> Result<Arc<dyn ValueDecoder>> {
        Ok(Arc::new(KeyDecoder(JsonDecoder::with(
            request,
            dialect(&request.options),
        )?)))
    }

    fn encoder(&self, request: &FormatRequest) -> Result<Arc<dyn ValueEncoder>> {
        const SCHEMAS: &str = "debezium-json.schema-include";
        if request.options.flag(SCHEMAS, false)? {
            let text = format!("with '{SCHEMAS}' format '{NAME}' can be read, not written");
            return Err(Error::new(ErrorKind::Unsupported, text)
                .with_hint("leave the option out: it is not needed to read either"));
        }
        ChangelogEncoder::of(request, NAME, FRAMES)
    }

    fn key_encoder(&self, request: &FormatRequest) -> Result<Arc<dyn ValueEncoder>> {
        key_encoder(request, NAME)
    }

    fn infer(&self, sample: &[&[u8]]) -> Result<SchemaRef> {
        infer(sample, |record| {
            let Some(event) = Event::of(record)? else {
                return Ok(Vec::new());
            };
            let rows = [event.before, event.after].into_iter().flatten();
            Ok(rows.collect())
        })
    }
}

fn dialect(options: &Options) -> Dialect {
    let ticks = match options.get_or("debezium-json.time.precision.mode", "adaptive") {
        "adaptive_time_microseconds" => Ticks::AdaptiveTimeMicros,
        "connect" => Ticks::Unit(TimeUnit::Millisecond),
        "microseconds" => Ticks::Unit(TimeUnit::Microsecond),
        "nanoseconds" => Ticks::Unit(TimeUnit::Nanosecond),
        _ => Ticks::Adaptive,
    };
    let decimals = options.get("debezium-json.decimal.handling.mode");
    Dialect {
        ticks: Some(ticks),
        has_packed_decimals: decimals == Some("precise"),
    }
}

/// An event, taken apart; nulls are left out.
struct Event<'a> {
    envelope: &'a [u8],
    schema: Option<&'a [u8]>,
    before: Option<&'a [u8]>,
    after: Option<&'a [u8]>,
    op: Option<&'a [u8]>,
}

impl<'a> Event<'a> {
    /// The event in a record, `None` for a tombstone with a schema.
    fn of(record: &'a [u8]) -> Parsed<Option<Self>> {
        let (mut envelope, mut schema) = (record, None);
        let [mut before, mut after, mut op, around, payload] =
            members(record, ["before", "after", "op", "schema", "payload"])?;
        if let (None, Some(payload)) = (&op, payload) {
            envelope = &record[payload];
            if is_null(envelope) {
                return Ok(None);
            }
            schema = around.map(|s| &record[s]);
            [before, after, op] = members(envelope, ["before", "after", "op"])?;
        }
        let part = |place: Option<Range<usize>>| {
            let value = place.map(|p| &envelope[p]);
            value.filter(|value| !is_null(value))
        };
        Ok(Some(Self {
            envelope,
            schema,
            before: part(before),
            after: part(after),
            op: part(op).and_then(text),
        }))
    }

    /// The dialect as its schema says it.
    fn dialect(&self, mut dialect: Dialect) -> Dialect {
        if let Some(schema) = self.schema.filter(|s| !is_null(s)) {
            let has = |name: &str| memmem::find(schema, name.as_bytes()).is_some();
            dialect.has_packed_decimals = has("\"org.apache.kafka.connect.data.Decimal\"")
                || has("\"io.debezium.data.VariableScaleDecimal\"");
            // Both Time and Timestamp.
            if has("\"org.apache.kafka.connect.data.Time") {
                dialect.ticks = Some(Ticks::Unit(TimeUnit::Millisecond));
            }
        }
        dialect
    }
}

struct Debezium {
    is_keyed: bool,
}

impl Envelope for Debezium {
    fn read<'a>(&self, record: &'a [u8], rows: &mut Rows<'a>) -> Parsed<()> {
        let Some(event) = Event::of(record)? else {
            return Ok(());
        };
        rows.within(event.envelope);
        rows.strictness.dialect = event.dialect(rows.strictness.dialect);
        match (event.op, event.before, event.after) {
            (Some(b"c" | b"r"), _, Some(after)) => rows.push(1, &[after]),
            (Some(b"u"), Some(before), Some(after)) => {
                rows.push(-1, &[before])?;
                rows.push(1, &[after])
            }
            (Some(b"u"), None, Some(after)) if self.is_keyed => rows.push(1, &[after]),
            (Some(b"u"), None, Some(_)) => {
                wrong("an update without 'before' needs a table with a primary key")
            }
            (Some(b"c" | b"r" | b"u"), _, None) => wrong("a change without 'after'"),
            (Some(b"d"), Some(before), _) => rows.push(-1, &[before]),
            (Some(b"d"), None, _) => wrong("a deletion without 'before'"),
            (Some(b"t"), ..) => wrong("the table was emptied: no event says which rows it had"),
            // A message of an application, not a row of the table.
            (Some(b"m"), ..) => Ok(()),
            _ => wrong("no event of Debezium: its 'op' is none that is known"),
        }
    }
}

/// Keys, with a schema or without.
struct KeyDecoder(JsonDecoder);

impl ValueDecoder for KeyDecoder {
    fn decode(&self, values: &[Option<&[u8]>]) -> Result<DecodedValues> {
        let inside = |key: &[u8]| match members(key, ["schema", "payload"]) {
            Ok([Some(_), Some(payload)]) => payload,
            _ => 0..key.len(),
        };
        let values = values.iter().map(|key| key.map(|key| &key[inside(key)]));
        self.0.decode(&values.collect::<Vec<_>>())
    }

    fn split(&self, bytes: &[u8], first: bool) -> Vec<Range<usize>> {
        self.0.split(bytes, first)
    }

    fn frame(&self, bytes: &[u8]) -> usize {
        self.0.frame(bytes)
    }
}
