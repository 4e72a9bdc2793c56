//! The configuration of a connector of Debezium, as properties, as JSON for Kafka Connect, as a `KafkaConnector` of Strimzi, or for
//! Debezium Server: what people have already is taken as it is. What it says becomes the text of a file of ours; a key that would be passed over is
//! refused by its name.

mod address;
mod columns;
mod keys;
mod overrides;
mod said;
mod tables;
mod text;
mod transform;
mod yaml;

pub use keys::translated;

#[cfg(test)]
mod tests;
