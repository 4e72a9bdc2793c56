//! Columns of a file as columns of a table: fields by their names, values by casts that lose nothing.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, ListArray, MapArray, StructArray, new_empty_array, new_null_array,
};
use arrow::compute::{CastOptions, can_cast_types, cast, cast_with_options};
use arrow::datatypes::{DataType, Field, Fields};
use arrow::error::Result;
use arrow::util::display::FormatOptions;

/// Whether columns of one type can be columns of another.
pub(super) fn fits(found: &DataType, wanted: &DataType) -> bool {
    match (found, wanted) {
        (found, wanted) if found == wanted => true,
        (DataType::Struct(found), DataType::Struct(wanted)) => wanted.iter().all(|w| {
            let same = found.iter().find(|f| f.name() == w.name());
            same.is_none_or(|f| fits(f.data_type(), w.data_type()))
        }),
        (DataType::List(found) | DataType::LargeList(found), DataType::List(wanted)) => {
            fits(found.data_type(), wanted.data_type())
        }
        (DataType::Map(found, _), DataType::Map(wanted, _)) => {
            match (entry(found), entry(wanted)) {
                (Some((fk, fv)), Some((wk, wv))) => fits(fk, wk) && fits(fv, wv),
                _ => false,
            }
        }
        (found, wanted) => !wanted.is_nested() && can_cast_types(found, wanted),
    }
}

/// The types of a map's keys and values, whatever their names.
fn entry(entries: &Field) -> Option<(&DataType, &DataType)> {
    match entries.data_type() {
        DataType::Struct(fields) if fields.len() == 2 => {
            Some((fields[0].data_type(), fields[1].data_type()))
        }
        _ => None,
    }
}

/// A column as another type that it [`fits`]. `is_strict`: a value that the type cannot hold is an error, not null.
///
/// # Errors
/// Arrow's, for such a value.
pub(super) fn conform(found: &ArrayRef, wanted: &DataType, is_strict: bool) -> Result<ArrayRef> {
    match (found.data_type(), wanted) {
        (have, wanted) if have == wanted => Ok(Arc::clone(found)),
        (DataType::Struct(_), DataType::Struct(fields)) => {
            let columns = fields_of(found.as_struct(), fields, is_strict)?;
            let nulls = found.nulls().cloned();
            let row = StructArray::try_new_with_length(fields.clone(), columns, nulls, found.len());
            Ok(Arc::new(row?))
        }
        (DataType::LargeList(item), DataType::List(_)) => {
            let small = cast(found, &DataType::List(Arc::clone(item)))?;
            conform(&small, wanted, is_strict)
        }
        (DataType::List(_), DataType::List(item)) => {
            let list = found.as_list::<i32>();
            let values = conform(list.values(), item.data_type(), is_strict)?;
            let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
            Ok(Arc::new(ListArray::try_new(
                Arc::clone(item),
                offsets,
                values,
                nulls,
            )?))
        }
        (DataType::Map(_, _), DataType::Map(entries, is_sorted)) => {
            let map = found.as_map();
            let DataType::Struct(fields) = entries.data_type() else {
                return Ok(new_empty_array(wanted));
            };
            let keys = conform(map.keys(), fields[0].data_type(), is_strict)?;
            let values = conform(map.values(), fields[1].data_type(), is_strict)?;
            let inside = StructArray::try_new(fields.clone(), vec![keys, values], None)?;
            let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
            let map = MapArray::try_new(Arc::clone(entries), offsets, inside, nulls, *is_sorted);
            Ok(Arc::new(map?))
        }
        (_, wanted) => {
            let options = CastOptions {
                safe: !is_strict,
                format_options: FormatOptions::new(),
            };
            cast_with_options(found, wanted, &options)
        }
    }
}

fn fields_of(found: &StructArray, wanted: &Fields, is_strict: bool) -> Result<Vec<ArrayRef>> {
    let column = |field: &Arc<Field>| match found.column_by_name(field.name()) {
        Some(column) => conform(column, field.data_type(), is_strict),
        None => Ok(new_null_array(field.data_type(), found.len())),
    };
    wanted.iter().map(column).collect()
}
