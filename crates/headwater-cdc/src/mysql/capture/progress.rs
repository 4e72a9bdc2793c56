//! How far a table was read: up to which key.

use std::collections::HashSet;
use std::sync::Arc;

use crate::capture::{Progress, Put, Rows, Server, Snapshot};
use crate::mysql::Position;

/// MariaDB or MySQL.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct MySql;

impl Server for MySql {
    /// What values of a column look like.
    type Type = String;
    type Progress = Keys;
    type Snapshot = SeenAt;
}

/// A snapshot sees what ends in the log before this; it may see more if this is the names of transactions alone.
#[derive(Debug)]
pub(crate) struct SeenAt(pub(super) Position);

impl Snapshot for SeenAt {
    /// Where a transaction ends.
    type Mark = Arc<Position>;

    fn sees(&self, end: &Arc<Position>) -> bool {
        self.0.reaches(end)
    }
}

/// How many pieces a table is cut into, at most: as many sessions can read it side by side.
const PIECES: i128 = 16;

/// The pieces of a table, in the order of its key.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Keys {
    /// None: it was not cut yet.
    #[serde(default)]
    pieces: Vec<Piece>,
    /// How many rows were read.
    rows: u64,
    /// How many there were about.
    size: u64,
    /// Whether that is all.
    whole: bool,
}

/// The rows between two values of the key's first column.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Piece {
    /// They are greater than this; `None`: it is the first piece.
    pub(super) above: Option<String>,
    /// They are not greater than this; `None`: it is the last piece.
    pub(super) upto: Option<String>,
    /// The key of the last row of it that was read, as it stands in statements; `None`: none was.
    pub(super) after: Option<Vec<String>>,
    /// Whether all of it was read.
    done: bool,
}

/// What is read at once.
#[derive(Debug)]
pub(crate) enum Range {
    /// Where the table can be cut.
    Cuts,
    /// Rows of a piece, and which one that is.
    Rows {
        number: usize,
        piece: Piece,
        most: u32,
    },
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(super) rows: Rows,
    /// The last key if there may be more.
    pub(super) last: Option<Vec<String>>,
    /// Where the table can be cut.
    pub(super) cuts: Vec<String>,
    /// How many rows the table has, about.
    pub(super) size: u64,
}

/// What is out.
#[derive(Debug, Default)]
pub(crate) struct Out {
    cuts: bool,
    pieces: HashSet<usize>,
}

/// Numbers that cut what lies between the lowest and the highest into pieces that are about as large.
pub(super) fn cuts(lowest: i128, highest: i128) -> Vec<String> {
    let width = highest - lowest;
    let pieces = PIECES.min(width);
    let cut = |n: i128| (lowest + width * n / pieces).to_string();
    (1..pieces).map(cut).collect()
}

impl Keys {
    fn cut(&mut self, cuts: Vec<String>) {
        let above = std::iter::once(None).chain(cuts.iter().cloned().map(Some));
        let upto = cuts.iter().cloned().map(Some).chain([None]);
        let piece = |(above, upto)| Piece {
            above,
            upto,
            ..Piece::default()
        };
        self.pieces = above.zip(upto).map(piece).collect();
    }
}

impl Progress for Keys {
    type Range = Range;
    type Found = Found;
    /// Where the next reading of a piece begins is known when the one before is back.
    type Handed = Out;

    fn next(&self, out: &mut Out, most: u32) -> Option<Range> {
        if self.whole {
            return None;
        }
        if self.pieces.is_empty() {
            return (!std::mem::replace(&mut out.cuts, true)).then_some(Range::Cuts);
        }
        let mut open = self.pieces.iter().enumerate();
        let (number, piece) =
            open.find(|(number, piece)| !piece.done && !out.pieces.contains(number))?;
        out.pieces.insert(number);
        Some(Range::Rows {
            number,
            piece: piece.clone(),
            most,
        })
    }

    fn put(&mut self, range: Range, found: Found, out: &mut Out) -> Put {
        if self.whole {
            return Put::Stale;
        }
        self.size = self.size.max(found.size);
        let Range::Rows { number, piece, .. } = range else {
            if !self.pieces.is_empty() {
                return Put::Stale;
            }
            self.cut(found.cuts);
            return Put::Rows(Rows::default());
        };
        let Some(known) = self.pieces.get_mut(number).filter(|p| **p == piece) else {
            return Put::Stale;
        };
        out.pieces.remove(&number);
        known.done = found.last.is_none();
        known.after = found.last;
        self.rows += found.rows.iter().len() as u64;
        self.whole = self.pieces.iter().all(|p| p.done);
        self.size = match self.whole {
            true => self.rows,
            false => self.size.max(self.rows + 1),
        };
        Put::Rows(found.rows)
    }

    fn is_whole(&self) -> bool {
        self.whole
    }

    fn amount(&self) -> (u64, u64) {
        (self.rows, self.size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(cuts: &[&str], last: Option<&str>) -> Found {
        Found {
            rows: Rows::default(),
            last: last.map(|key| vec![key.to_owned()]),
            cuts: cuts.iter().map(|c| (*c).to_owned()).collect(),
            size: 9,
        }
    }

    /// What is to be read of which piece, from where.
    fn next(keys: &Keys, out: &mut Out) -> Option<(Range, String)> {
        let range = keys.next(out, 7)?;
        let shown = match &range {
            Range::Cuts => "cuts".to_owned(),
            Range::Rows { piece, .. } => {
                let or = |bound: &Option<String>| bound.clone().unwrap_or_else(|| "-".to_owned());
                let after = piece.after.as_ref().map(|key| key[0].clone());
                format!("{} {} {}", or(&piece.above), or(&piece.upto), or(&after))
            }
        };
        Some((range, shown))
    }

    #[test]
    fn a_table_is_read_by_pieces_that_cover_it() {
        let (mut keys, mut out) = (Keys::default(), Out::default());
        let (range, shown) = next(&keys, &mut out).unwrap();
        assert_eq!(shown, "cuts");
        assert!(next(&keys, &mut out).is_none());
        keys.put(range, found(&["10", "20"], None), &mut out);
        let mut open: Vec<_> = std::iter::from_fn(|| next(&keys, &mut out)).collect();
        let shown: Vec<&str> = open.iter().map(|(_, shown)| shown.as_str()).collect();
        assert_eq!(shown, ["- 10 -", "10 20 -", "20 - -"]);
        // The second goes on after its last row; what is done is not read again, also after a kill.
        keys.put(open.remove(1).0, found(&[], Some("15")), &mut out);
        keys.put(open.remove(0).0, found(&[], None), &mut out);
        let stored = serde_json::to_string(&keys).unwrap();
        let mut again: Keys = serde_json::from_str(&stored).unwrap();
        let mut out = Out::default();
        let (second, shown) = next(&again, &mut out).unwrap();
        assert_eq!(shown, "10 20 15");
        let (third, shown) = next(&again, &mut out).unwrap();
        assert_eq!(shown, "20 - -");
        assert!(next(&again, &mut out).is_none());
        again.put(third, found(&[], None), &mut out);
        assert!(!again.is_whole());
        again.put(second, found(&[], None), &mut out);
        assert!(again.is_whole() && next(&again, &mut out).is_none());
    }

    #[test]
    fn a_reading_of_what_is_cut_otherwise_by_now_is_of_no_use() {
        let (mut keys, mut out) = (Keys::default(), Out::default());
        let (range, _) = next(&keys, &mut out).unwrap();
        keys.put(range, found(&["10"], None), &mut out);
        let (stale, _) = next(&keys, &mut out).unwrap();
        let (mut keys, mut out) = (Keys::default(), Out::default());
        let (range, _) = next(&keys, &mut out).unwrap();
        keys.put(range, found(&["11"], None), &mut out);
        assert!(matches!(
            keys.put(stale, found(&[], None), &mut out),
            Put::Stale
        ));
    }

    #[test]
    fn whole_numbers_are_cut_evenly() {
        assert!(cuts(5, 5).is_empty() && cuts(5, 6).is_empty());
        assert_eq!(cuts(0, 3), ["1", "2"]);
        let wide = cuts(i128::from(i64::MIN), i128::from(u64::MAX));
        assert_eq!(wide.len(), 15);
        let numbers: Vec<i128> = wide.iter().map(|c| c.parse().unwrap()).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
