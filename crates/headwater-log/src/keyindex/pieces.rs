//! Sequences that grow without being copied: what is full stays where it is, and more is put into another piece.

/// Elements of a piece.
const PIECE: usize = 1 << 12;
/// Bytes of a piece.
const PIECE_BYTES: usize = 64 << 10;

/// A sequence.
///
/// Invariant: all pieces but the last are full, and none is empty.
#[derive(Debug)]
pub(super) struct Pieces<T>(Vec<Vec<T>>);

impl<T> Default for Pieces<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Pieces<T> {
    pub(super) fn len(&self) -> usize {
        let last = self.0.last().map_or(0, Vec::len);
        self.0.len().saturating_sub(1) * PIECE + last
    }

    pub(super) fn get(&self, at: usize) -> &T {
        &self.0[at / PIECE][at % PIECE]
    }

    pub(super) fn get_mut(&mut self, at: usize) -> &mut T {
        &mut self.0[at / PIECE][at % PIECE]
    }

    pub(super) fn push(&mut self, element: T) {
        match self.0.last_mut() {
            Some(last) if last.len() < PIECE => last.push(element),
            // The first one grows, for most sequences are short.
            None => self.0.push(vec![element]),
            Some(_) => {
                let mut next = Vec::with_capacity(PIECE);
                next.push(element);
                self.0.push(next);
            }
        }
    }

    /// Takes one out, whose place the last one gets. It must be there.
    pub(super) fn swap_remove(&mut self, at: usize) -> T {
        let pieces = self.0.len();
        let last = self.0.last_mut().and_then(Vec::pop);
        let last = last.expect("an element that is there");
        if self.0[pieces - 1].is_empty() {
            self.0.pop();
        }
        match at == self.len() {
            true => last,
            false => std::mem::replace(self.get_mut(at), last),
        }
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flatten()
    }
}

/// Where bytes were put.
#[derive(Debug, Clone, Copy)]
pub(super) struct At {
    piece: u32,
    from: u32,
}

/// Byte strings.
#[derive(Debug, Default)]
pub(super) struct Bytes(Vec<Vec<u8>>);

impl Bytes {
    /// Adds a string of at most so many bytes, which lies in one piece.
    pub(super) fn push(&mut self, most: usize, put: impl FnOnce(&mut Vec<u8>)) -> At {
        let is_full = |last: &Vec<u8>| !last.is_empty() && last.len() + most > PIECE_BYTES;
        match self.0.last() {
            None => self.0.push(Vec::new()),
            Some(last) if is_full(last) => self.0.push(Vec::with_capacity(PIECE_BYTES.max(most))),
            Some(_) => {}
        }
        let piece = self.0.len() - 1;
        let last = &mut self.0[piece];
        let at = At {
            piece: piece as u32,
            from: last.len() as u32,
        };
        put(last);
        at
    }

    /// What begins there, and what comes after it.
    pub(super) fn from(&self, at: At) -> &[u8] {
        &self.0[at.piece as usize][at.from as usize..]
    }

    /// Forgets all, but keeps what a piece takes.
    pub(super) fn clear(&mut self) {
        self.0.truncate(1);
        self.0.iter_mut().for_each(Vec::clear);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_are_as_vectors() {
        let (mut pieces, mut vector) = (Pieces::default(), Vec::new());
        for n in 0..3 * PIECE + 5 {
            pieces.push(n);
            vector.push(n);
        }
        *pieces.get_mut(PIECE) += 7;
        vector[PIECE] += 7;
        for at in (0..3 * PIECE).rev().step_by(3) {
            assert_eq!(pieces.swap_remove(at), vector.swap_remove(at));
        }
        assert_eq!(pieces.len(), vector.len());
        assert!(pieces.iter().eq(&vector));
        assert!((0..vector.len()).all(|at| *pieces.get(at) == vector[at]));
        while let Some(last) = vector.pop() {
            assert_eq!(pieces.swap_remove(vector.len()), last);
        }
        assert_eq!(pieces.len(), 0);
        pieces.push(1);
        assert!(pieces.iter().eq(&[1]));
    }

    #[test]
    fn strings_are_found_where_they_were_put() {
        let mut bytes = Bytes::default();
        let lens = [
            0,
            1,
            300,
            PIECE_BYTES,
            5,
            3 * PIECE_BYTES,
            PIECE_BYTES - 1,
            2,
        ];
        let strings: Vec<Vec<u8>> = (0..).zip(lens).map(|(n, len)| vec![n; len]).collect();
        let put = |s: &Vec<u8>| bytes.push(s.len() + 1, |out| out.extend([&b"x"[..], s].concat()));
        let places: Vec<At> = strings.iter().map(put).collect();
        for (string, at) in strings.iter().zip(places) {
            let found = bytes.from(at);
            assert_eq!((found[0], &found[1..=string.len()]), (b'x', &string[..]));
        }
    }
}
