//! The laws of the design as property tests over whole pipelines: random SQL over random records through the test kit,
//! against DataFusion's batch engine and slow models. Every test is repeatable by its seed, which a failure prints;
//! `HEADWATER_SEEDS=1000` runs so many from 0 on, `HEADWATER_SEEDS=17..18` just one, `HEADWATER_SOAK=1` fifty times
//! as many as usual.

mod commit;
mod cut;
mod json;
mod late;
pub(crate) mod model;
mod nothing_vanishes;
mod oracle;
mod pipeline;
mod prefix;
mod query;
mod replay;
mod script;
mod seeds;
mod stream;
mod table;
mod value;
