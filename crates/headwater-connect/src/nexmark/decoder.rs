//! Nexmark events as rows, only the columns that are asked for.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use headwater_flow::connector::{Chunk, Decoded, Decoder, Offsets, OriginalRecord};
use headwater_flow::{Error, ErrorKind, Result};
use nexmark::event::{Auction, Bid, Event, Person};

use super::events::Events;
use super::file::nexmark_schema;
use crate::column::{Column, Refusal, StructColumn, StructShape, Values};

/// Makes the rows of a range.
pub(super) struct NexmarkDecoder {
    schema: SchemaRef,
    shape: Arc<StructShape>,
    events: Events,
}

/// A field's value.
#[derive(Debug, Clone, Copy)]
enum Value<'a> {
    Int(i64),
    Text(&'a str),
}

impl NexmarkDecoder {
    /// Makes the columns of `schema`, which must be some of [`nexmark_schema`].
    ///
    /// # Errors
    /// `Invalid` if there is another column or type.
    pub(super) fn new(schema: &SchemaRef, events: Events) -> Result<Self> {
        let known = nexmark_schema();
        for field in schema.fields() {
            let fits = known
                .field_with_name(field.name())
                .is_ok_and(|k| fits(k.data_type(), field.data_type()));
            if !fits {
                let text = format!(
                    "the nexmark connector has no column '{}' of type {}",
                    field.name(),
                    field.data_type()
                );
                return Err(Error::new(ErrorKind::Invalid, text).with_hint(
                    "it has event_type INT and the rows person, auction and bid of the Nexmark suite",
                ));
            }
        }
        Ok(Self {
            schema: Arc::clone(schema),
            shape: Arc::new(StructShape::new(schema.fields(), 0)?),
            events,
        })
    }

    fn push(
        &self,
        columns: &mut StructColumn,
        row: usize,
        event: &(Event, i64, i64),
    ) -> Result<(), Refusal> {
        let (event, time, expires) = event;
        for (name, column) in self.shape.names.iter().zip(&mut columns.fields) {
            column.align(row);
            match (name.as_str(), event) {
                ("event_type", Event::Person(_)) => column.push_text(b"0")?,
                ("event_type", Event::Auction(_)) => column.push_text(b"1")?,
                ("event_type", Event::Bid(_)) => column.push_text(b"2")?,
                ("person", Event::Person(p)) => fill(column, row, |n| person(p, *time, n))?,
                ("auction", Event::Auction(a)) => {
                    fill(column, row, |n| auction(a, *time, *expires, n))?;
                }
                ("bid", Event::Bid(b)) => fill(column, row, |n| bid(b, *time, n))?,
                _ => column.push_null()?,
            }
        }
        Ok(())
    }
}

/// Whether `asked` is `known` with fewer fields.
fn fits(known: &arrow::datatypes::DataType, asked: &arrow::datatypes::DataType) -> bool {
    use arrow::datatypes::DataType::Struct;
    match (known, asked) {
        (Struct(known), Struct(asked)) => asked.iter().all(|a| {
            let same = |k: &&Arc<arrow::datatypes::Field>| k.name() == a.name();
            known
                .iter()
                .find(same)
                .is_some_and(|k| fits(k.data_type(), a.data_type()))
        }),
        (known, asked) => known == asked,
    }
}

fn fill<'a>(
    column: &mut Column,
    row: usize,
    value: impl Fn(&str) -> Option<Value<'a>>,
) -> Result<(), Refusal> {
    let Values::Struct(columns) = &mut column.values else {
        return Err(Refusal("not a row"));
    };
    for (name, field) in columns.shape.names.iter().zip(&mut columns.fields) {
        field.align(row);
        match value(name) {
            Some(Value::Int(v)) => field.push_i64(v)?,
            Some(Value::Text(v)) => field.push_text(v.as_bytes())?,
            None => field.push_null()?,
        }
    }
    column.pushed();
    Ok(())
}

fn person<'a>(p: &'a Person, time: i64, field: &str) -> Option<Value<'a>> {
    Some(match field {
        "id" => Value::Int(p.id as i64),
        "name" => Value::Text(&p.name),
        "emailAddress" => Value::Text(&p.email_address),
        "creditCard" => Value::Text(&p.credit_card),
        "city" => Value::Text(&p.city),
        "state" => Value::Text(&p.state),
        "dateTime" => Value::Int(time),
        "extra" => Value::Text(&p.extra),
        _ => return None,
    })
}

fn auction<'a>(a: &'a Auction, time: i64, expires: i64, field: &str) -> Option<Value<'a>> {
    Some(match field {
        "id" => Value::Int(a.id as i64),
        "itemName" => Value::Text(&a.item_name),
        "description" => Value::Text(&a.description),
        "initialBid" => Value::Int(a.initial_bid as i64),
        "reserve" => Value::Int(a.reserve as i64),
        "dateTime" => Value::Int(time),
        "expires" => Value::Int(expires),
        "seller" => Value::Int(a.seller as i64),
        "category" => Value::Int(a.category as i64),
        "extra" => Value::Text(&a.extra),
        _ => return None,
    })
}

fn bid<'a>(b: &'a Bid, time: i64, field: &str) -> Option<Value<'a>> {
    Some(match field {
        "auction" => Value::Int(b.auction as i64),
        "bidder" => Value::Int(b.bidder as i64),
        "price" => Value::Int(b.price as i64),
        "channel" => Value::Text(&b.channel),
        "url" => Value::Text(&b.url),
        "dateTime" => Value::Int(time),
        "extra" => Value::Text(&b.extra),
        _ => return None,
    })
}

impl Decoder for NexmarkDecoder {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn decode(&self, chunk: &Chunk) -> Result<Decoded> {
        let count = (chunk.range.to - chunk.range.from) as usize;
        let mut columns = StructColumn::new(&self.shape, count);
        for (row, event) in self.events.from(chunk.range.from).take(count).enumerate() {
            self.push(&mut columns, row, &event)
                .map_err(|r| Error::new(ErrorKind::Bug, format!("a nexmark event: {}", r.0)))?;
        }
        Ok(Decoded {
            rows: columns.finish(&self.schema, count)?,
            weights: None,
            offsets: Offsets::From(chunk.range.from),
            rejects: Vec::new(),
        })
    }

    fn original(&self, _chunk: &Chunk, _offset: u64) -> Option<OriginalRecord> {
        None
    }
}
