//! How far a table was read: its files, and which of their blocks.

use std::collections::HashMap;

use super::blocks::Blocks;
use crate::capture::{Progress, Put, Rows, Server, Snapshot};
use crate::postgres::{self, TableName};

/// PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct PostgreSql;

impl Server for PostgreSql {
    /// The id of a type.
    type Type = u32;
    type Progress = Files;
    type Snapshot = postgres::Snapshot;
}

impl Snapshot for postgres::Snapshot {
    /// The number of a transaction.
    type Mark = u32;

    fn sees(&self, xid: &u32) -> bool {
        postgres::Snapshot::sees(self, *xid)
    }
}

/// A file of a table: the table itself, or one of its partitions.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Part {
    /// The table or partition.
    pub(super) table: TableName,
    /// The number of its file: another one says that the table was rewritten.
    pub(super) file: u32,
    /// How many blocks it had when it was measured.
    pub(super) blocks: u32,
    /// Those of them that are in the topic.
    pub(super) done: Blocks,
}

/// The files of a table; `None`: not measured yet.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Files {
    parts: Option<Vec<Part>>,
}

/// What is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// The files of the table and their sizes.
    Files,
    /// Blocks of one of them.
    Blocks {
        part: usize,
        table: TableName,
        file: u32,
        from: u32,
        to: u32,
    },
}

/// What was found.
#[derive(Debug)]
pub(crate) enum Found {
    /// The files of the table.
    Files(FoundFiles),
    /// Keys and values of rows.
    Rows(Rows),
    /// The table was rewritten meanwhile.
    Rewritten,
}

/// The files of a table as they were found.
#[derive(Debug)]
pub(crate) struct FoundFiles(pub(super) Vec<Part>);

/// What was handed out of a table.
#[derive(Debug, Default)]
pub(crate) struct Handed {
    /// Whether its files were asked for.
    files: bool,
    /// Blocks that were handed out or are done, by part.
    blocks: HashMap<usize, Blocks>,
}

impl Files {
    /// What is to be read now that the table has these files: what is known of those that it had, and all of the others. `None`: it is as it
    /// was, or not measured yet.
    pub(super) fn with_files(&self, now: &[Part]) -> Option<Self> {
        let known = self.parts.as_ref()?;
        let of = |part: &Part| known.iter().find(|k| k.table == part.table);
        let is_same = known.len() == now.len() && now.iter().all(|part| of(part).is_some());
        let parts = now.iter().map(|part| of(part).unwrap_or(part).clone());
        (!is_same).then(|| Self {
            parts: Some(parts.collect()),
        })
    }

    /// The part, if it still is this file.
    fn part(&mut self, part: usize, file: u32) -> Option<&mut Part> {
        let part = self.parts.as_mut()?.get_mut(part)?;
        (part.file == file).then_some(part)
    }
}

impl Progress for Files {
    type Range = What;
    type Found = Found;
    type Handed = Handed;

    fn next(&self, handed: &mut Handed, most: u32) -> Option<What> {
        let Some(parts) = &self.parts else {
            let asked = std::mem::replace(&mut handed.files, true);
            return (!asked).then_some(What::Files);
        };
        parts.iter().enumerate().find_map(|(at, part)| {
            let given = handed.blocks.entry(at);
            let given = given.or_insert_with(|| part.done.clone());
            let (from, to) = given.missing(part.blocks, most)?;
            given.add(from, to);
            Some(What::Blocks {
                part: at,
                table: part.table.clone(),
                file: part.file,
                from,
                to,
            })
        })
    }

    fn put(&mut self, range: What, found: Found, handed: &mut Handed) -> Put {
        match (found, range) {
            (Found::Files(FoundFiles(parts)), _) if self.parts.is_none() => {
                self.parts = Some(parts);
                Put::Rows(Rows::default())
            }
            (Found::Rewritten, What::Blocks { part, file, .. })
                if self.part(part, file).is_some() =>
            {
                self.parts = None;
                *handed = Handed::default();
                Put::Restart
            }
            (
                Found::Rows(rows),
                What::Blocks {
                    part,
                    file,
                    from,
                    to,
                    ..
                },
            ) => match self.part(part, file) {
                Some(part) => {
                    part.done.add(from, to);
                    Put::Rows(rows)
                }
                None => Put::Stale,
            },
            _ => Put::Stale,
        }
    }

    fn is_whole(&self) -> bool {
        let whole = |p: &Part| p.done.missing(p.blocks, 1).is_none();
        self.parts
            .as_ref()
            .is_some_and(|parts| parts.iter().all(whole))
    }

    fn amount(&self) -> (u64, u64) {
        let parts = self.parts.iter().flatten();
        parts.fold((0, 0), |(done, all), part| {
            (done + part.done.count(), all + u64::from(part.blocks))
        })
    }
}
