//! Changes of rows as the stream tells them become records. Values that a change left out are those that the row has already.

use bytes::Bytes;
use headwater_log::Result;

use super::progress::PostgreSql;
use crate::capture::{Before, Change, Target};
use crate::postgres::Cell;
use crate::postgres::shape::Shape;

/// A new row.
pub(super) fn insert(
    target: &mut Target<'_, PostgreSql>,
    shape: &Shape,
    new: &[Cell],
) -> Result<()> {
    let (key, row) = (shape.key(new)?, shape.value(new, b"")?);
    target.put(Change::Inserted { key, row })
}

/// A row that is another one now.
pub(super) fn update(
    target: &mut Target<'_, PostgreSql>,
    shape: &Shape,
    old: Option<&[Cell]>,
    mut new: Vec<Cell>,
    before: &mut dyn Before,
) -> Result<()> {
    // A whole old row has everything that the change left as it was.
    let whole = old.filter(|old| !old.contains(&Cell::Unchanged) && shape.is_whole(old));
    if let Some(old) = whole.filter(|old| old.len() == new.len()) {
        for (cell, old) in new.iter_mut().zip(old) {
            if *cell == Cell::Unchanged {
                *cell = old.clone();
            }
        }
    }
    shape.fill_key(&mut new, old.unwrap_or_default());
    let key = shape.key(&new)?;
    let old_key = old.map(|old| shape.key(old)).transpose()?;
    let old_key = old_key.unwrap_or_else(|| key.clone());
    let row = match new.contains(&Cell::Unchanged) {
        false => shape.value(&new, b"")?,
        true => completed(target, shape, &old_key, &new, before)?,
    };
    if old_key == key {
        let whole = whole.filter(|_| target.form.has_before());
        let before = whole.map(|old| shape.value(old, b"")).transpose()?;
        return target.put(Change::Updated { key, before, row });
    }
    let before = known(target, shape, old.unwrap_or_default())?;
    target.put(Change::Moved {
        old_key,
        before,
        key,
        row,
    })
}

/// A row with the large values that a change left as they were.
fn completed(
    target: &mut Target<'_, PostgreSql>,
    shape: &Shape,
    old_key: &Bytes,
    new: &[Cell],
    before: &mut dyn Before,
) -> Result<Bytes> {
    let known = match target.newest(old_key) {
        Some(known) => known.unwrap_or_default(),
        None => before.value(target.table, old_key)?,
    };
    if target.is_read && !shape.completes(new, &known) {
        target.lacks_value();
    }
    shape.value(new, &known)
}

/// A row that is gone.
pub(super) fn delete(
    target: &mut Target<'_, PostgreSql>,
    shape: &Shape,
    old: &[Cell],
) -> Result<()> {
    let (key, before) = (shape.key(old)?, known(target, shape, old)?);
    target.put(Change::Deleted { key, before })
}

/// What is known of a row that is gone, if records say it.
fn known(target: &Target<'_, PostgreSql>, shape: &Shape, old: &[Cell]) -> Result<Bytes> {
    match target.form.has_before() {
        true => shape.value(old, b""),
        false => Ok(Bytes::new()),
    }
}
