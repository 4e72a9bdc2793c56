//! `'connector' = 'datagen'`.

use std::sync::Arc;

use headwater_flow::connector::{
    Connector, OptionKind, OptionSpec, Options, Sink, SinkRequest, Source, SourceRequest,
};
use headwater_flow::{Error, ErrorKind, Result};

use super::decoder::DatagenDecoder;
use super::field::FieldMaker;
use crate::column::StructShape;
use crate::generator::{Generator, Pace};

/// Generates rows.
#[derive(Debug, Default)]
pub struct DatagenConnector;

const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new(
        "rows-per-second",
        OptionKind::Count,
        "How fast rows come, in event time and in fact (default 10000); 0: as fast as they are taken.",
    ),
    OptionSpec::new(
        "number-of-rows",
        OptionKind::Count,
        "How many rows there are (default: without end, or to the end of a sequence).",
    ),
    OptionSpec::new(
        "seed",
        OptionKind::Count,
        "Another number, other random values (default 0).",
    ),
    OptionSpec::new(
        "start-time",
        OptionKind::Number,
        "Time of the first row in milliseconds, for TIMESTAMP and DATE columns (default 2020-01-01).",
    ),
    OptionSpec::new(
        "fields.*",
        OptionKind::Text,
        "Of a column: kind (random, sequence), min, max, length, var-len, max-past, null-rate, start, end.",
    ),
];

/// Rows a second unless the options say otherwise.
const RATE: u64 = 10_000;
/// 2020-01-01 00:00:00.
const START_MS: i64 = 1_577_836_800_000;

impl Connector for DatagenConnector {
    fn name(&self) -> &'static str {
        "datagen"
    }

    fn options(&self) -> &'static [OptionSpec] {
        OPTIONS
    }

    fn is_bounded(&self, options: &Options) -> bool {
        let ends = |(name, value): (&str, &str)| name.ends_with(".kind") && value == "sequence";
        options.get("number-of-rows").is_some() || options.iter().any(ends)
    }

    fn source(&self, request: SourceRequest) -> Result<Box<dyn Source>> {
        let options = &request.options;
        check_fields(&request)?;
        let mut rows = options.parse::<u64>("number-of-rows")?;
        // A sequence ends the table whether or not the query uses its column.
        let declared = StructShape::new(request.declared.fields(), 0)?;
        let mut declared_makers = Vec::new();
        for (name, shape) in declared.names.iter().zip(&declared.fields) {
            let (_, end) = FieldMaker::new(name, shape, options)?;
            rows = rows.into_iter().chain(end).min();
            declared_makers.push(name);
        }
        let shape = Arc::new(StructShape::new(request.schema.fields(), 0)?);
        let mut makers = Vec::new();
        for (name, part) in shape.names.iter().zip(&shape.fields) {
            let place = declared_makers.iter().position(|d| *d == name);
            let (maker, _) = FieldMaker::new(name, part, options)?;
            makers.push((maker, place.unwrap_or(0) as u64));
        }
        let rate = options.parse::<u64>("rows-per-second")?.unwrap_or(RATE);
        let decoder = DatagenDecoder {
            schema: Arc::clone(&request.schema),
            shape,
            makers,
            seed: options.parse("seed")?.unwrap_or(0),
            base_ms: options.parse("start-time")?.unwrap_or(START_MS),
            per_second: if rate == 0 { RATE } else { rate },
        };
        let pace = Pace {
            rows,
            per_second: (rate > 0).then_some(rate),
        };
        Ok(Box::new(Generator::new(
            self.name(),
            pace,
            Arc::new(decoder),
            request.clock,
        )))
    }

    fn sink(&self, request: SinkRequest) -> Result<Box<dyn Sink>> {
        let text = format!(
            "table '{}' cannot be written: it generates rows",
            request.table
        );
        Err(Error::new(ErrorKind::Unsupported, text))
    }
}

/// Options of columns that do not exist are mistakes.
fn check_fields(request: &SourceRequest) -> Result<()> {
    for (option, _) in request.options.iter() {
        let Some(path) = option.strip_prefix("fields.") else {
            continue;
        };
        let belongs = |f: &str| {
            path.strip_prefix(f)
                .is_some_and(|rest| rest.starts_with('.'))
        };
        if !request.declared.fields().iter().any(|f| belongs(f.name())) {
            let text = format!(
                "option '{option}' is of no column of table '{}'",
                request.table
            );
            return Err(Error::new(ErrorKind::Invalid, text));
        }
    }
    Ok(())
}
