//! Random records for tables: times that go on but not in order, nulls, replaced and deleted rows.

use std::collections::BTreeMap;

use datafusion_common::ScalarValue;
use headwater::testkit::TestRecord;
use headwater_log::partition_of;
use rand::Rng;
use rand::rngs::StdRng;

use super::oracle::Row;
use super::table::{PK, TIME, Table, UID};

/// What a record did to its table.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// Index of the table.
    pub(crate) table: usize,
    pub(crate) partition: u32,
    pub(crate) offset: u64,
    /// The row that it brought, by its id.
    pub(crate) added: Option<i64>,
    /// The row that it replaced or deleted.
    pub(crate) removed: Option<i64>,
}

/// The rows of all tables, by id, and what is to come.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) rows: BTreeMap<i64, (usize, Row)>,
    offsets: BTreeMap<(usize, u32), u64>,
    /// By table and key the id of the present row.
    live: BTreeMap<(usize, String), i64>,
    now_ms: i64,
    next_id: i64,
}

impl Stream {
    pub(crate) fn new() -> Self {
        Self {
            rows: BTreeMap::new(),
            offsets: BTreeMap::new(),
            live: BTreeMap::new(),
            now_ms: 0,
            next_id: 0,
        }
    }

    /// The event time of the row that a record brought, microseconds. A deletion says nothing of time.
    pub(crate) fn time(&self, table: &Table, event: &Event) -> Option<i64> {
        let (_, row) = self.rows.get(&event.added?)?;
        debug_assert_eq!(table.columns.len(), row.len());
        match &row[TIME] {
            ScalarValue::TimestampMillisecond(ms, _) => ms.map(|ms| ms * 1_000),
            ScalarValue::TimestampMicrosecond(us, _) => *us,
            ScalarValue::TimestampNanosecond(ns, _) => ns.map(|ns| ns.div_euclid(1_000)),
            other => panic!("{other:?} is no time"),
        }
    }

    /// Records for a table, and what they do, by partition and offset.
    pub(crate) fn records(
        &mut self,
        rng: &mut StdRng,
        (index, table): (usize, &Table),
        count: usize,
    ) -> (Vec<TestRecord>, Vec<Event>) {
        let mut made = Vec::new();
        for _ in 0..count {
            self.now_ms += rng.random_range(0..2_000);
            made.push(self.record(rng, index, table));
        }
        // Each partition in its order, partition after partition: how a pipeline reads them.
        made.sort_by_key(|(_, event)| (event.partition, event.offset));
        made.into_iter().unzip()
    }

    fn record(&mut self, rng: &mut StdRng, index: usize, table: &Table) -> (TestRecord, Event) {
        let row = self.row(rng, table);
        if !table.keyed {
            let partition = rng.random_range(0..table.partitions);
            let record = table.record(&row, rng).partition(partition);
            let added = Some(self.add(index, row));
            return (record, self.event(index, partition, added, None));
        }
        let key = table.key(&row[PK]);
        let partition = partition_of(key.as_bytes(), table.partitions);
        let deletes = rng.random_bool(0.25);
        let record = match deletes {
            true => TestRecord::tombstone(key.clone()),
            false => table.record(&row, rng),
        };
        let added = (!deletes).then(|| self.add(index, row));
        let removed = match added {
            Some(id) => self.live.insert((index, key), id),
            None => self.live.remove(&(index, key)),
        };
        (record, self.event(index, partition, added, removed))
    }

    fn add(&mut self, table: usize, row: Row) -> i64 {
        let id = self.next_id;
        self.next_id += 1;
        self.rows.insert(id, (table, row));
        id
    }

    fn event(
        &mut self,
        table: usize,
        partition: u32,
        added: Option<i64>,
        removed: Option<i64>,
    ) -> Event {
        let next = self.offsets.entry((table, partition)).or_default();
        let offset = *next;
        *next += 1;
        Event {
            table,
            partition,
            offset,
            added,
            removed,
        }
    }

    fn row(&mut self, rng: &mut StdRng, table: &Table) -> Row {
        let seconds = self.now_ms / 1_000;
        let values = table.columns.iter().map(|c| c.random(rng, seconds));
        let mut row: Row = values.collect();
        row[UID] = ScalarValue::Int64(Some(1 << (self.next_id % 40) | self.next_id << 41));
        if !row[TIME].is_null() {
            let behind = match rng.random_range(0..12) {
                0 => rng.random_range(0..60_000),
                1..4 => rng.random_range(0..6_000),
                _ => 0,
            };
            let ahead = if rng.random_bool(0.03) { 20_000 } else { 0 };
            let ms = self.now_ms - behind + ahead;
            let finer = rng.random_range(0..3) * 400_001;
            row[TIME] = table.time().ty.instant(ms * 1_000_000 + finer);
        }
        row
    }
}
