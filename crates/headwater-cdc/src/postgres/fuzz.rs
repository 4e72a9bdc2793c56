//! Any bytes as a message of a stream, whole or of a block of a transaction that runs, and what becomes of the values in it.

use bytes::Bytes;
use headwater_log::Result;

use super::kind::Kind;
use super::semantic;
use super::{Cell, Message, Streamed};
use crate::debezium::Decimals;

/// The types that are known without asking the server.
const TYPES: [u32; 41] = [
    16, 17, 18, 19, 20, 21, 23, 25, 26, 114, 142, 199, 600, 700, 701, 790, 1000, 1001, 1005, 1007,
    1009, 1016, 1021, 1042, 1043, 1082, 1083, 1114, 1115, 1182, 1184, 1185, 1186, 1231, 1266, 1560,
    1562, 1700, 2950, 3802, 3807,
];
/// Nothing said of sizes, one bit, milliseconds, and ten digits of which two stand behind the point.
const MODIFIERS: [i32; 4] = [-1, 1, 3, (10 << 16 | 2) + 4];

/// The first two bytes say of which type values are, and what that says of their sizes.
pub(crate) fn message(data: &[u8]) {
    let Some(([of, modifier], rest)) = data.split_first_chunk::<2>() else {
        return;
    };
    let of = TYPES[usize::from(*of) % TYPES.len()];
    let modifier = MODIFIERS[usize::from(*modifier) % MODIFIERS.len()];
    let bytes = Bytes::copy_from_slice(rest);
    if let Ok(streamed) = Streamed::cut(bytes.clone()) {
        read(
            Message::decode(streamed.parts().concat().into()),
            (of, modifier),
        );
    }
    read(Message::decode(bytes), (of, modifier));
}

fn read(message: Result<Message>, of: (u32, i32)) {
    let rows = match message {
        Ok(Message::Insert { new, .. }) => [Some(new), None],
        Ok(Message::Update { old, new, .. }) => [old, Some(new)],
        Ok(Message::Delete { old, .. }) => [Some(old), None],
        _ => return,
    };
    for cell in rows.into_iter().flatten().flatten() {
        if let Cell::Text(text) = cell {
            write(&text, of);
        }
    }
}

/// What is said of a value is of no interest; that it is said is.
fn write(text: &[u8], (type_id, modifier): (u32, i32)) {
    let mut out = Vec::new();
    if let Some(kind) = Kind::built_in(type_id) {
        drop(kind.write(text, &mut out));
    }
    for decimals in [Decimals::Precise, Decimals::Double, Decimals::String] {
        if let Some(semantic) = semantic::built_in(type_id, modifier, decimals) {
            out.clear();
            drop(semantic::write(&semantic, text, &mut out));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_values_of_a_row_make_anything_panic(
            (of, modifier) in (any::<u8>(), any::<u8>()),
            texts in prop::collection::vec("[-0-9a-fx:. T+{},()\"infNaBC]{0,40}", 1..3),
        ) {
            let mut row = vec![of, modifier];
            row.extend_from_slice(b"I\0\0\0\x01N");
            row.extend_from_slice(&(texts.len() as u16).to_be_bytes());
            for text in texts {
                row.push(b't');
                row.extend_from_slice(&(text.len() as u32).to_be_bytes());
                row.extend_from_slice(text.as_bytes());
            }
            message(&row);
        }
    }
}
