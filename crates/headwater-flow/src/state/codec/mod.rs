//! Columns as bytes and back: the form in which keys and rows are hashed, compared, kept and looked up.

mod decode;
mod encode;
mod key_codec;
#[cfg(test)]
mod tests;

pub use encode::Keys;
pub use key_codec::KeyCodec;
