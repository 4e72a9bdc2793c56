//! Placeholder until the codec lands.
use bytes::Bytes;
/// A record batch as it lies in the log (Kafka record-batch v2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogBatch(Bytes);
impl LogBatch {
    /// Its bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }
}
