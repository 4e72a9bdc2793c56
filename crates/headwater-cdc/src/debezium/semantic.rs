//! The types of Debezium's events, with their schemas.

use super::settings::{Binary, Intervals, Modes, Times};
use crate::json;

/// A type of Debezium: what a value stands for, and how it is carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Semantic {
    Boolean,
    Int16,
    Int32,
    Int64,
    Float,
    Double,
    String,
    Bytes,
    /// Bytes as a string.
    BytesText(Binary),
    /// A scale that the type has; a precision if it has one.
    Decimal {
        precision: Option<u16>,
        scale: i16,
    },
    VariableDecimal,
    Date,
    /// Milliseconds of a day.
    Time,
    MicroTime,
    ZonedTime,
    /// Milliseconds since 1970.
    Timestamp,
    MicroTimestamp,
    ZonedTimestamp,
    /// The types of Kafka Connect: days, milliseconds of a day, milliseconds since 1970.
    ConnectDate,
    ConnectTime,
    ConnectTimestamp,
    /// Strings of ISO 8601, in UTC: `2026-11-26Z`, `01:02:03.5Z`, `2026-11-26T01:02:03.5Z`.
    IsoDate,
    IsoTime,
    IsoTimestamp,
    MicroDuration,
    /// A string of ISO 8601 with all parts.
    Interval,
    Json,
    Xml,
    Uuid,
    Enum(Vec<String>),
    /// Some of them, in their order.
    EnumSet(Vec<String>),
    Year,
    /// At most this many bits, the lowest byte first.
    Bits(u32),
    Point,
    /// Any shape in space.
    Geometry,
    Array(Box<Semantic>),
}

/// A field of a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldSchema {
    pub(crate) name: String,
    pub(crate) semantic: Semantic,
    pub(crate) is_optional: bool,
    /// What it is unless said, as JSON.
    pub(crate) default: Option<Vec<u8>>,
    /// What is told of how its values are treated: a name and a value.
    pub(crate) treated: Option<(&'static str, String)>,
}

impl FieldSchema {
    /// What stands for a value that is not there. Debezium has something for every column that cannot be null, also where only
    /// the key of a row is known.
    pub(crate) fn null(&self) -> Vec<u8> {
        match (self.is_optional, &self.default) {
            (true, _) => b"null".to_vec(),
            (false, Some(default)) => default.clone(),
            (false, None) => self.semantic.blank(),
        }
    }

    /// Writes the field as it stands in the schema of a struct.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        self.semantic.open(self.is_optional, out);
        let has_own = matches!(self.semantic, Semantic::Enum(_) | Semantic::EnumSet(_));
        if let Some((name, value)) = self.treated.as_ref().filter(|_| !has_own) {
            let parameters = format!(",\"parameters\":{{\"{name}\":\"{value}\"}}");
            out.extend_from_slice(parameters.as_bytes());
        }
        if let Some(default) = &self.default {
            out.extend_from_slice(b",\"default\":");
            out.extend_from_slice(default);
        }
        out.extend_from_slice(b",\"field\":");
        json::string(self.name.as_bytes(), out);
        out.push(b'}');
    }
}

impl Semantic {
    /// The same as it was wanted.
    pub(crate) fn under(self, modes: Modes) -> Self {
        let (connects, is_iso) = (modes.times == Times::Connect, modes.times == Times::Iso);
        match self {
            Self::Date if is_iso => Self::IsoDate,
            Self::Time | Self::MicroTime if is_iso => Self::IsoTime,
            Self::Timestamp | Self::MicroTimestamp if is_iso => Self::IsoTimestamp,
            Self::MicroDuration if modes.intervals == Intervals::String => Self::Interval,
            Self::Date if connects => Self::ConnectDate,
            Self::Time | Self::MicroTime if connects => Self::ConnectTime,
            Self::Timestamp | Self::MicroTimestamp if connects => Self::ConnectTimestamp,
            Self::Bytes if modes.binary != Binary::Bytes => Self::BytesText(modes.binary),
            Self::Array(items) => Self::Array(Box::new(items.under(modes))),
            other => other,
        }
    }

    /// Whether its values are texts, not what stands for something else.
    pub(crate) fn is_text(&self) -> bool {
        matches!(
            self,
            Self::String | Self::Json | Self::Xml | Self::Uuid | Self::Enum(_) | Self::EnumSet(_)
        )
    }

    /// Everything of a schema but its closing brace.
    fn open(&self, is_optional: bool, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"type\":\"");
        out.extend_from_slice(self.carrier().as_bytes());
        out.push(b'"');
        match self {
            Self::Array(items) => {
                out.extend_from_slice(b",\"items\":");
                // The labels of an enumeration are all that Debezium says cannot be null in an array.
                items.open(!matches!(**items, Self::Enum(_)), out);
                out.push(b'}');
            }
            Self::VariableDecimal => out.extend_from_slice(
                br#","fields":[{"type":"int32","optional":false,"field":"scale"},{"type":"bytes","optional":false,"field":"value"}]"#,
            ),
            Self::Point => out.extend_from_slice(
                br#","fields":[{"type":"double","optional":false,"field":"x"},{"type":"double","optional":false,"field":"y"},{"type":"bytes","optional":true,"field":"wkb"},{"type":"int32","optional":true,"field":"srid"}]"#,
            ),
            Self::Geometry => out.extend_from_slice(
                br#","fields":[{"type":"bytes","optional":false,"field":"wkb"},{"type":"int32","optional":true,"field":"srid"}]"#,
            ),
            _ => {}
        }
        out.extend_from_slice(match is_optional {
            true => b",\"optional\":true",
            false => b",\"optional\":false",
        });
        let Some(name) = self.name() else {
            return;
        };
        out.extend_from_slice(format!(",\"name\":\"{name}\",\"version\":1").as_bytes());
        match self {
            Self::VariableDecimal => {
                out.extend_from_slice(br#","doc":"Variable scaled decimal""#);
            }
            Self::Point => out.extend_from_slice(br#","doc":"Geometry (POINT)""#),
            Self::Geometry => out.extend_from_slice(br#","doc":"Geometry""#),
            Self::Decimal { precision, scale } => {
                let scale = format!(",\"parameters\":{{\"scale\":\"{scale}\"");
                out.extend_from_slice(scale.as_bytes());
                if let Some(precision) = precision {
                    let precision = format!(",\"connect.decimal.precision\":\"{precision}\"");
                    out.extend_from_slice(precision.as_bytes());
                }
                out.push(b'}');
            }
            Self::Bits(length) => {
                let length = format!(",\"parameters\":{{\"length\":\"{length}\"}}");
                out.extend_from_slice(length.as_bytes());
            }
            Self::Enum(labels) | Self::EnumSet(labels) => {
                out.extend_from_slice(b",\"parameters\":{\"allowed\":");
                json::string(labels.join(",").as_bytes(), out);
                out.push(b'}');
            }
            _ => {}
        }
    }

    /// The type of Kafka Connect that carries it.
    fn carrier(&self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Int16 => "int16",
            Self::Int32
            | Self::Date
            | Self::Time
            | Self::Year
            | Self::ConnectDate
            | Self::ConnectTime => "int32",
            Self::Int64
            | Self::MicroTime
            | Self::Timestamp
            | Self::MicroTimestamp
            | Self::ConnectTimestamp
            | Self::MicroDuration => "int64",
            Self::Float => "float",
            Self::Double => "double",
            Self::String
            | Self::ZonedTime
            | Self::ZonedTimestamp
            | Self::IsoDate
            | Self::IsoTime
            | Self::IsoTimestamp
            | Self::Interval
            | Self::Json
            | Self::Xml
            | Self::Uuid
            | Self::Enum(_)
            | Self::EnumSet(_)
            | Self::BytesText(_) => "string",
            Self::Bytes | Self::Decimal { .. } | Self::Bits(_) => "bytes",
            Self::VariableDecimal | Self::Point | Self::Geometry => "struct",
            Self::Array(_) => "array",
        }
    }

    /// What says what it stands for.
    fn name(&self) -> Option<&'static str> {
        Some(match self {
            Self::Decimal { .. } => "org.apache.kafka.connect.data.Decimal",
            Self::VariableDecimal => "io.debezium.data.VariableScaleDecimal",
            Self::Date => "io.debezium.time.Date",
            Self::Time => "io.debezium.time.Time",
            Self::MicroTime => "io.debezium.time.MicroTime",
            Self::ZonedTime => "io.debezium.time.ZonedTime",
            Self::Timestamp => "io.debezium.time.Timestamp",
            Self::MicroTimestamp => "io.debezium.time.MicroTimestamp",
            Self::ZonedTimestamp => "io.debezium.time.ZonedTimestamp",
            Self::ConnectDate => "org.apache.kafka.connect.data.Date",
            Self::ConnectTime => "org.apache.kafka.connect.data.Time",
            Self::ConnectTimestamp => "org.apache.kafka.connect.data.Timestamp",
            Self::IsoDate => "io.debezium.time.IsoDate",
            Self::IsoTime => "io.debezium.time.IsoTime",
            Self::IsoTimestamp => "io.debezium.time.IsoTimestamp",
            Self::MicroDuration => "io.debezium.time.MicroDuration",
            Self::Interval => "io.debezium.time.Interval",
            Self::Json => "io.debezium.data.Json",
            Self::Xml => "io.debezium.data.Xml",
            Self::Uuid => "io.debezium.data.Uuid",
            Self::Enum(_) => "io.debezium.data.Enum",
            Self::EnumSet(_) => "io.debezium.data.EnumSet",
            Self::Year => "io.debezium.time.Year",
            Self::Bits(_) => "io.debezium.data.Bits",
            Self::Point => "io.debezium.data.geometry.Point",
            Self::Geometry => "io.debezium.data.geometry.Geometry",
            _ => return None,
        })
    }

    /// What stands in JSON for a value that cannot be null and that nobody knows.
    fn blank(&self) -> Vec<u8> {
        match self {
            Self::Boolean => b"false".to_vec(),
            Self::Array(_) => b"[]".to_vec(),
            Self::Decimal { .. } => b"\"AA==\"".to_vec(),
            Self::VariableDecimal => br#"{"scale":0,"value":"AA=="}"#.to_vec(),
            Self::Point => br#"{"x":0.0,"y":0.0,"wkb":null,"srid":null}"#.to_vec(),
            Self::Geometry => br#"{"wkb":"","srid":null}"#.to_vec(),
            Self::ZonedTime | Self::IsoTime => b"\"00:00:00Z\"".to_vec(),
            Self::IsoDate => b"\"1970-01-01Z\"".to_vec(),
            Self::IsoTimestamp | Self::ZonedTimestamp => b"\"1970-01-01T00:00:00Z\"".to_vec(),
            Self::Interval => b"\"P0Y0M0DT0H0M0S\"".to_vec(),
            Self::Json => b"\"{}\"".to_vec(),
            _ => match self.carrier() {
                "string" | "bytes" => b"\"\"".to_vec(),
                _ => b"0".to_vec(),
            },
        }
    }

    /// What stands in JSON for a large value that is not known; `None`: nothing does.
    pub(crate) fn unavailable(&self) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        match self {
            Self::Bytes => json::base64(super::UNAVAILABLE.as_bytes(), &mut out),
            Self::BytesText(binary) => binary.write(super::UNAVAILABLE.as_bytes(), &mut out),
            Self::Array(items) if **items == Self::String => {
                out.push(b'[');
                json::string(super::UNAVAILABLE.as_bytes(), &mut out);
                out.push(b']');
            }
            Self::String | Self::Json | Self::Xml => {
                json::string(super::UNAVAILABLE.as_bytes(), &mut out);
            }
            _ => return None,
        }
        Some(out)
    }
}
