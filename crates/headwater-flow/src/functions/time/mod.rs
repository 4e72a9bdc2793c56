//! Functions over points in time: `DATE_FORMAT`, `TO_TIMESTAMP`, `TO_TIMESTAMP_LTZ`, `UNIX_TIMESTAMP`,
//! `FROM_UNIXTIME`, `HOUR` and its like, `TIMESTAMPADD`, `TIMESTAMPDIFF`.

mod arithmetic;
mod civil;
mod format;
mod pattern;
mod points;
mod read;
mod specs;
mod zones;

pub(super) use specs::SPECS;
