//! Late records as tests compare them with what a model says.

use std::collections::BTreeMap;

use headwater::testkit::OutputRecord;

/// Where a late record came from, and what it missed.
pub(crate) fn placed(record: &OutputRecord, sessions: bool) -> String {
    let header = |name: &str| {
        record
            .header(&format!("headwater.{name}"))
            .unwrap_or_default()
    };
    let windows = if sessions {
        String::new()
    } else {
        header("windows")
    };
    format!(
        "{} {} {} {windows}",
        header("table"),
        header("partition"),
        header("offset")
    )
}

/// The time of a late row that came from no one record, what it missed, and its weight.
pub(crate) fn derived(record: &OutputRecord, sessions: bool) -> (String, i64) {
    let header = |name: &str| {
        record
            .header(&format!("headwater.{name}"))
            .unwrap_or_default()
    };
    let windows = if sessions {
        String::new()
    } else {
        header("windows")
    };
    let weight = record
        .json()
        .get("$weight")
        .and_then(serde_json::Value::as_i64);
    (
        format!("{} {windows}", header("event-time")),
        weight.unwrap_or(1),
    )
}

/// Sums of weights that are not zero.
pub(crate) fn net(rows: impl Iterator<Item = (String, i64)>) -> Vec<String> {
    let mut sums: BTreeMap<String, i64> = BTreeMap::new();
    for (row, weight) in rows {
        *sums.entry(row).or_default() += weight;
    }
    sums.into_iter()
        .filter(|(_, w)| *w != 0)
        .map(|(row, w)| format!("{row} {w}"))
        .collect()
}

pub(crate) fn spell(windows: &[(i64, i64)]) -> String {
    let spelt = windows
        .iter()
        .map(|(s, e)| format!("{}/{}", instant(*s), instant(*e)));
    spelt.collect::<Vec<_>>().join(",")
}

pub(crate) fn instant(micros: i64) -> String {
    let time = jiff::Timestamp::from_microsecond(micros).unwrap();
    let text = time.to_string();
    // Fractions of a second are written in groups of three digits.
    match text.trim_end_matches('Z').split_once('.') {
        None => text,
        Some((whole, fraction)) => {
            let width = fraction.len().div_ceil(3) * 3;
            format!("{whole}.{fraction:0<width$}Z")
        }
    }
}
