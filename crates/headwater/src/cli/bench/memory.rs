//! What the process uses, as the kernel counts it.

use std::fs;

/// The most memory that was ever resident, MiB; 0 where the kernel does not say.
pub(crate) fn peak_mib() -> f64 {
    status_kib("VmHWM:") / 1024.0
}

/// Forgets the peak, so that the next one is of what comes.
pub(super) fn forget_peak() {
    // 5 resets the peak; where that is not allowed the peak stays what it was, which only makes figures worse.
    drop(fs::write("/proc/self/clear_refs", "5"));
}

/// CPU seconds of the process, user and system.
pub(crate) fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name in parentheses may hold spaces; the fields after it do not.
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks = |i: usize| {
        fields
            .get(i)
            .and_then(|f| f.parse::<f64>().ok())
            .unwrap_or_default()
    };
    (ticks(11) + ticks(12)) / TICKS_PER_SECOND
}

/// `USER_HZ`, which is 100 on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

fn status_kib(name: &str) -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix(name));
    let number = line.and_then(|l| l.split_whitespace().next()?.parse().ok());
    number.unwrap_or_default()
}
