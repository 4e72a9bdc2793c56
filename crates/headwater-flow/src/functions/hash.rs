//! `MD5`, `SHA1`, `SHA224` to `SHA512` and `SHA2`: digests of texts (in UTF-8) and bytes, in lower-case hexadecimal.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringBuilder};
use arrow::datatypes::DataType;
use datafusion_common::{Result, exec_err};
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use super::spec::{Bytes, Spec, Whole, is_bytes, is_text, is_whole, result, rows};

/// A function that gives one kind of digest.
macro_rules! digest {
    ($name:literal, $usage:literal, $digest:ty) => {
        Spec {
            name: $name,
            aliases: &[],
            usage: $usage,
            coerce: |types| match types {
                [t] if is_text(t) || is_bytes(t) => Some(vec![DataType::Binary]),
                _ => None,
            },
            returns: |_| DataType::Utf8,
            invoke: |args| each(args, |bytes, _| Ok(Some(hex::<$digest>(bytes)))),
        }
    };
}

pub(super) static SPECS: [Spec; 7] = [
    digest!("md5", "MD5(text)", Md5),
    digest!("sha1", "SHA1(text)", Sha1),
    digest!("sha224", "SHA224(text)", Sha224),
    digest!("sha256", "SHA256(text)", Sha256),
    digest!("sha384", "SHA384(text)", Sha384),
    digest!("sha512", "SHA512(text)", Sha512),
    Spec {
        name: "sha2",
        aliases: &[],
        usage: "SHA2(text, 256)",
        coerce: |types| match types {
            [t, n] if (is_text(t) || is_bytes(t)) && is_whole(n) => {
                Some(vec![DataType::Binary, DataType::Int64])
            }
            _ => None,
        },
        returns: |_| DataType::Utf8,
        invoke: sha2,
    },
];

/// The SHA-2 digest of so many bits.
fn sha2(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let bits = Whole::new(&args.args[1])?;
    each(args, |bytes, row| {
        Ok(Some(match bits.get(row) {
            None => return Ok(None),
            Some(224) => hex::<Sha224>(bytes),
            Some(256) => hex::<Sha256>(bytes),
            Some(384) => hex::<Sha384>(bytes),
            Some(512) => hex::<Sha512>(bytes),
            Some(other) => return exec_err!("SHA2 has 224, 256, 384 or 512 bits, not {other}"),
        }))
    })
}

fn each(
    args: &ScalarFunctionArgs,
    digest: impl Fn(&[u8], usize) -> Result<Option<String>>,
) -> Result<ColumnarValue> {
    let bytes = Bytes::new(&args.args[0]);
    let mut out = StringBuilder::new();
    for row in 0..rows(args) {
        let digest = bytes.get(row).map(|bytes| digest(bytes, row)).transpose()?;
        out.append_option(digest.flatten());
    }
    result(args, Arc::new(out.finish()) as ArrayRef)
}

fn hex<D: Digest>(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digest = D::digest(bytes);
    let digits = digest.iter().flat_map(|b| [b >> 4, b & 15]);
    digits.map(|d| char::from(DIGITS[usize::from(d)])).collect()
}
