//! Against a real MariaDB and a real MySQL.

mod altered;
mod captures;
mod capturing;
mod cases;
mod checks;
mod chosen;
mod conditions;
mod debezium;
mod elsewhere;
mod encrypted;
mod filtered;
mod flat;
mod following;
mod golden;
mod keyed;
mod killed;
mod lost;
mod modes;
mod overrides;
mod own;
mod refusals;
mod reshaping;
mod server;
mod sessions;
mod snapshots;
mod sums;
mod transactions;
mod transactions_told;
mod treated;
mod truncated;
mod whole_log;
mod words;
mod writers;

pub(crate) use server::Server;
pub(crate) use transactions::numbers;
