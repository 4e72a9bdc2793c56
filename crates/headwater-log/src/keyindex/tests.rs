//! Tests of the key index alone, against a plain list of what was added.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;
use crate::commit::{Query, QueryItem};
use crate::disk::{Disk, MemDisk};
use crate::record::Version;

/// Names the seed of a test that fails.
struct Seed(u64);

impl Drop for Seed {
    #[expect(clippy::print_stderr, reason = "to repeat a failed test")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {}", self.0);
        }
    }
}

#[derive(Clone)]
struct Row {
    offset: u64,
    /// The partition's start when it was added, which replay must know.
    start: u64,
    version: u64,
    key: Option<String>,
    types: Vec<String>,
    tags: Vec<String>,
}

/// What was added, and the index that should know it.
struct Pair {
    disk: Arc<MemDisk>,
    index: KeyIndex,
    rows: Vec<Row>,
    recorded: IndexManifest,
    start: u64,
    end: u64,
    /// How far compaction has gone.
    cleaned: u64,
}

impl Pair {
    fn new() -> Self {
        let disk = Arc::new(MemDisk::new());
        let recorded = IndexManifest::default();
        let index = KeyIndex::new(disk.clone(), "p".into(), true, &recorded);
        Self {
            disk,
            index,
            rows: Vec::new(),
            recorded,
            start: 0,
            end: 0,
            cleaned: 0,
        }
    }

    /// Adds records, as one commit does.
    fn add(&mut self, rng: &mut StdRng, count: u32) {
        let rows: Vec<Row> = (0..count).map(|_| self.arb_row(rng)).collect();
        let runs = rows.chunk_by(|a, b| a.key == b.key);
        let last = runs.filter_map(|run| run.last().filter(|row| row.key.is_some()));
        let versions: Vec<_> = last.map(|row| Version(row.version)).collect();
        assert_eq!(self.index_rows(&rows), versions);
    }

    fn arb_row(&mut self, rng: &mut StdRng) -> Row {
        let pick =
            |rng: &mut StdRng, kind: &str, n: u32| format!("{kind}{}", rng.random_range(0..n));
        let newest = self.rows.last().and_then(|row| row.key.clone());
        let key = match rng.random_range(0..10) {
            0 => None,
            1..4 => newest,
            _ => Some(pick(rng, "key", 30)),
        };
        let types: Vec<_> = (0..rng.random_range(0..2))
            .map(|_| pick(rng, "t", 3))
            .collect();
        let tags: Vec<_> = (0..rng.random_range(0..4))
            .map(|_| pick(rng, "g", 6))
            .collect();
        let offset = self.end;
        let live = self
            .rows
            .iter()
            .rfind(|r| r.offset >= self.start && r.key.is_some() && r.key == key);
        let version = live.map_or(0, |r| r.version + 1);
        let row = Row {
            offset,
            start: self.start,
            version,
            key,
            types,
            tags,
        };
        self.rows.push(row.clone());
        self.end += 1;
        row
    }

    fn index_rows(&self, rows: &[Row]) -> Vec<Version> {
        let mut entries = self.index.entries();
        for row in rows {
            let types = row.types.iter().map(|t| ("type", Some(t.as_bytes())));
            let tags = row.tags.iter().map(|t| ("tag", Some(t.as_bytes())));
            entries.push(row.key.as_ref().map(String::as_bytes), types.chain(tags));
        }
        self.index.begin();
        let earlier = self.index.prepare(&entries).unwrap();
        let (start, offset) = (rows[0].start, rows[0].offset);
        self.index.apply(start, offset, (&entries, &earlier))
    }

    fn checkpoint(&mut self) {
        self.index.freeze();
        self.index.flush().unwrap();
        assert_eq!(self.index.manifest().covered, self.index.next_offset());
        while self.index.tidy(self.start).unwrap() {}
        self.recorded = self.index.manifest();
        // What retention took is forgotten when runs are rewritten, or still counted.
        let outdating = |from: u64| {
            let later = self.rows.iter().filter(|r| r.offset >= from);
            let follow = later.filter(|r| r.key.is_some() && r.version > 0);
            follow.count() as u64
        };
        let least = outdating(self.cleaned.max(self.start));
        let is_right = match self.start {
            0 => self.recorded.outdated == least,
            _ => self.recorded.outdated >= least,
        };
        assert!(is_right, "{} for {least}", self.recorded.outdated);
        self.index.sweep(&self.recorded).unwrap();
    }

    /// Opens the recorded runs again and replays the rest.
    fn reopen(&mut self) {
        self.index = KeyIndex::new(self.disk.clone(), "p".into(), true, &self.recorded);
        self.index.check().unwrap();
        for row in self
            .rows
            .iter()
            .filter(|r| r.offset >= self.recorded.covered)
        {
            self.index_rows(std::slice::from_ref(row));
        }
    }

    fn compact(&mut self, end: u64) {
        let newest = |row: &Row, rows: &[Row]| {
            row.key.is_none()
                || !rows
                    .iter()
                    .any(|r| r.key == row.key && r.offset > row.offset)
        };
        let rows = self.rows.clone();
        self.rows
            .retain(|row| row.offset >= end || newest(row, &rows));
        let kept: Vec<u64> = self.rows.iter().map(|r| r.offset).collect();
        let run = self.index.compacted(self.cleaned.min(end)..end, |offset| {
            kept.binary_search(&offset).is_ok()
        });
        if let Some(run) = run.unwrap() {
            self.index.replace(run);
            self.cleaned = self.cleaned.max(end);
        }
        self.recorded = self.index.manifest();
    }

    fn check(&self, rng: &mut StdRng) {
        let live = self.start..self.end - rng.random_range(0..=(self.end - self.start).min(3));
        let rows: Vec<&Row> = self
            .rows
            .iter()
            .filter(|r| live.contains(&r.offset))
            .collect();
        for key in (0..31).map(|k| format!("key{k}")) {
            let of_key = rows.iter().filter(|r| r.key.as_ref() == Some(&key));
            let expected: Vec<_> = of_key.map(|r| (r.version, r.offset)).collect();
            let found = self.index.postings(key.as_bytes(), &live).unwrap();
            let found: Vec<_> = found.iter().map(|p| (p.version, p.offset)).collect();
            assert_eq!(found, expected, "{key} in {live:?}");
            let version = self.index.version(key.as_bytes(), &live).unwrap();
            let next = self
                .index
                .next_version(&Term::key(key.as_bytes()), self.start)
                .unwrap();
            let of_key = self.rows.iter().rfind(|r| r.key.as_ref() == Some(&key));
            let newest = of_key
                .filter(|r| r.offset >= self.start)
                .map(|r| Version(r.version));
            assert_eq!(next, newest, "{key}");
            assert_eq!(version, expected.last().map(|e| Version(e.0)));
        }
        for _ in 0..8 {
            self.check_query(&arb_query(rng), rng, &rows, live.end);
        }
    }

    fn check_query(&self, query: &Query, rng: &mut StdRng, rows: &[&Row], end: u64) {
        let after = rng.random_range(self.start..=end);
        let limit = rng.random_range(1..40);
        let item_matches = |item: &QueryItem, row: &Row| {
            (item.types.is_empty() || item.types.iter().any(|t| row.types.contains(t)))
                && item.tags.iter().all(|t| row.tags.contains(t))
        };
        let hits = rows.iter().filter(|r| r.offset >= after);
        let hits = hits.filter(|r| query.items.iter().any(|i| item_matches(i, r)));
        let all: Vec<u64> = hits.map(|r| r.offset).collect();
        let found = self
            .index
            .matches(&Terms::of(query), &(after..end), limit)
            .unwrap();
        assert_eq!(
            found,
            all[..limit.min(all.len())],
            "{query:?} in {after}..{end}"
        );
        let count = self.index.count(&Terms::of(query), &(after..end)).unwrap();
        assert!(count >= found.len() as u64, "{count} for {query:?}");
        let any = self
            .index
            .any_match(&Terms::of(query), &(after..end))
            .unwrap();
        assert_eq!(any.is_some(), !all.is_empty());
        assert!(any.is_none_or(|offset| all.contains(&offset)));
    }
}

fn arb_query(rng: &mut StdRng) -> Query {
    let mut names = |kind: &str, n: u32, most: u32| -> Vec<String> {
        let count = rng.random_range(0..=most);
        (0..count)
            .map(|_| format!("{kind}{}", rng.random_range(0..n)))
            .collect()
    };
    let mut items = Vec::new();
    while items.len() < 2 {
        let item = QueryItem {
            types: names("t", 3, 2),
            tags: names("g", 6, 2),
        };
        // Such an item matches every offset, compacted ones too; readers leave those out.
        if !(item.types.is_empty() && item.tags.is_empty()) {
            items.push(item);
        }
    }
    Query { items }
}

#[test]
fn index_knows_what_a_plain_list_knows() {
    for seed in 0..12 {
        let _seed = Seed(seed);
        let rng = &mut StdRng::seed_from_u64(seed);
        let mut pair = Pair::new();
        for _ in 0..60 {
            match rng.random_range(0..20) {
                0..10 => {
                    let count = rng.random_range(1..40);
                    pair.add(rng, count);
                }
                10..14 => pair.checkpoint(),
                14..16 => pair.reopen(),
                16 => pair.start = rng.random_range(pair.start..=pair.end),
                17 => {
                    pair.index.flush().unwrap();
                    let durable = pair.index.manifest().covered.max(pair.start);
                    let end = rng.random_range(durable..=pair.end);
                    pair.index.cut(end);
                    pair.end = end;
                    pair.rows.retain(|r| r.offset < end);
                }
                18 => {
                    pair.checkpoint();
                    let end = rng.random_range(0..=pair.recorded.covered);
                    pair.compact(end);
                }
                _ => pair.index.freeze(),
            }
            if pair.end > pair.start {
                pair.check(rng);
            }
        }
        for run in pair.index.manifest().runs {
            let disk: Arc<dyn Disk> = pair.disk.clone();
            assert_eq!(verify_run(&disk, "p", run).damage, []);
        }
    }
}
