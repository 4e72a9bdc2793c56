//! Functions that make maps of maps or lists: `MAP_UNION`, and the multiset of a list, which `COLLECT` is written as.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, MapArray, StructArray, UInt32Array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{concat, take};
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use arrow::row::{RowConverter, SortField};
use datafusion_common::{Result, plan_err};
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs};

use super::spec::{Spec, result, rows};

pub(super) static SPECS: [Spec; 2] = [
    Spec {
        name: "map_union",
        aliases: &[],
        usage: "MAP_UNION(map, …)",
        coerce: |types| {
            let first = types.first().filter(|t| matches!(t, DataType::Map(..)))?;
            let is_alike = |t: &DataType| key_value(t) == key_value(first);
            types
                .iter()
                .all(is_alike)
                .then(|| vec![first.clone(); types.len()])
        },
        returns: |types| types[0].clone(),
        invoke: map_union,
    },
    Spec {
        name: "multiset",
        aliases: &[],
        usage: "COLLECT(value)",
        coerce: |types| match types {
            [list @ DataType::List(_)] => Some(vec![list.clone()]),
            _ => None,
        },
        returns: |types| match &types[0] {
            DataType::List(item) => multiset_of(item.data_type()),
            other => other.clone(),
        },
        invoke: multiset,
    },
];

/// The types of a map's keys and values.
fn key_value(map: &DataType) -> Option<(&DataType, &DataType)> {
    let DataType::Map(entries, _) = map else {
        return None;
    };
    match entries.data_type() {
        DataType::Struct(fields) if fields.len() == 2 => {
            Some((fields[0].data_type(), fields[1].data_type()))
        }
        _ => None,
    }
}

/// How often each value is there.
fn multiset_of(value: &DataType) -> DataType {
    let fields = vec![
        Field::new("key", value.clone(), false),
        Field::new("value", DataType::Int32, true),
    ];
    let entries = Field::new("entries", DataType::Struct(Fields::from(fields)), false);
    DataType::Map(Arc::new(entries), false)
}

/// Maps of `entries`, so many a row.
fn maps(
    data_type: &DataType,
    lengths: Vec<usize>,
    columns: Vec<ArrayRef>,
    nulls: NullBuffer,
) -> Result<ArrayRef> {
    let DataType::Map(entries, sorted) = data_type else {
        return plan_err!("{data_type} is no map");
    };
    let fields = match entries.data_type() {
        DataType::Struct(fields) => fields.clone(),
        other => return plan_err!("{other} is no entry of a map"),
    };
    let offsets = OffsetBuffer::from_lengths(lengths);
    let values = StructArray::try_new(fields, columns, None)?;
    let entries: FieldRef = Arc::clone(entries);
    let map = MapArray::try_new(entries, offsets, values, Some(nulls), *sorted)?;
    Ok(Arc::new(map))
}

/// The entries of all maps; of a key that several have, the value of the last one.
fn map_union(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let count = rows(args);
    let arrays = args.args.iter().map(|a| a.to_array(count));
    let arrays = arrays.collect::<Result<Vec<_>>>()?;
    let all: Vec<&MapArray> = arrays.iter().map(|a| a.as_map()).collect();
    let keys: Vec<&dyn Array> = all.iter().map(|m| m.keys().as_ref()).collect();
    let values: Vec<&dyn Array> = all.iter().map(|m| m.values().as_ref()).collect();
    let (keys, values) = (concat(&keys)?, concat(&values)?);
    let converter = RowConverter::new(vec![SortField::new(keys.data_type().clone())])?;
    let encoded = converter.convert_columns(&[Arc::clone(&keys)])?;
    let (mut lengths, mut picks) = (Vec::with_capacity(count), Vec::new());
    let nulls: NullBuffer = (0..count)
        .map(|row| all.iter().all(|m| m.is_valid(row)))
        .collect();
    for row in 0..count {
        // Places in `keys`; a later one of an equal key stands in place of the earlier.
        let mut entries: Vec<u32> = Vec::new();
        let mut first = 0;
        for map in all.iter().filter(|_| nulls.is_valid(row)) {
            let offsets = map.value_offsets();
            for entry in offsets[row]..offsets[row + 1] {
                let place = (first + entry as usize) as u32;
                let is_same =
                    |e: &&mut u32| encoded.row(**e as usize) == encoded.row(place as usize);
                match entries.iter_mut().find(is_same) {
                    Some(earlier) => *earlier = place,
                    None => entries.push(place),
                }
            }
            first += map.keys().len();
        }
        lengths.push(entries.len());
        picks.extend(entries);
    }
    let picks = UInt32Array::from(picks);
    let columns = vec![take(&keys, &picks, None)?, take(&values, &picks, None)?];
    result(args, maps(arrays[0].data_type(), lengths, columns, nulls)?)
}

/// The values of a list that are not NULL, in their order, with how often each is there.
fn multiset(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let count = rows(args);
    let lists = args.args[0].to_array(count)?;
    let lists = lists.as_list::<i32>();
    let values = lists.values();
    let converter = RowConverter::new(vec![SortField::new(values.data_type().clone())])?;
    let encoded = converter.convert_columns(&[Arc::clone(values)])?;
    let (mut lengths, mut picks, mut counts) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..count {
        let offsets = lists.value_offsets();
        let places = offsets[row] as u32..offsets[row + 1] as u32;
        let mut places: Vec<u32> = places.filter(|p| values.is_valid(*p as usize)).collect();
        places.sort_by(|a, b| encoded.row(*a as usize).cmp(&encoded.row(*b as usize)));
        let before = picks.len();
        for same in places.chunk_by(|a, b| encoded.row(*a as usize) == encoded.row(*b as usize)) {
            picks.push(same[0]);
            counts.push(i32::try_from(same.len()).unwrap_or(i32::MAX));
        }
        lengths.push(picks.len() - before);
    }
    let keys = take(values, &UInt32Array::from(picks), None)?;
    let columns = vec![keys, Arc::new(Int32Array::from(counts)) as ArrayRef];
    let data_type = multiset_of(values.data_type());
    let made = maps(&data_type, lengths, columns, NullBuffer::new_valid(count))?;
    result(args, made)
}
