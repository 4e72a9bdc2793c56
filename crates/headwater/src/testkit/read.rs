//! What pipelines under test have written: records of topics, rows of tables, and what was late or damaged.

use headwater_connect::topic_name;
use headwater_flow::ZBatch;
use headwater_flow::connector::Range;
use headwater_flow::driver::{errors_topic, late_topic};
use headwater_log::{Offset, TopicPartition};

use super::driver::TestDriver;
use super::output::OutputRecord;
use crate::error::Result;

/// Bytes that are fetched at a time.
const FETCH_BYTES: usize = 1 << 20;

impl TestDriver {
    /// The records of a topic that were not read before, by partition and offset.
    ///
    /// # Errors
    /// `NotFound` if there is no such topic.
    pub fn read(&mut self, topic: &str) -> Result<Vec<OutputRecord>> {
        let mut found = Vec::new();
        for partition in 0..self.partitions(topic)? {
            let of = TopicPartition::new(topic, partition);
            let bounds = self.log().bounds(&of)?;
            let key = (topic.to_owned(), partition);
            let next = self.read.get(&key).copied().unwrap_or(Offset(0));
            self.fetch(&of, next.max(bounds.start), bounds.end, &mut found)?;
            self.read.insert(key, bounds.end);
        }
        Ok(found)
    }

    /// All records of a topic, by partition and offset, whether they were read before or not.
    ///
    /// # Errors
    /// `NotFound` if there is no such topic.
    pub fn records(&self, topic: &str) -> Result<Vec<OutputRecord>> {
        let mut found = Vec::new();
        for partition in 0..self.partitions(topic)? {
            let of = TopicPartition::new(topic, partition);
            let bounds = self.log().bounds(&of)?;
            self.fetch(&of, bounds.start, bounds.end, &mut found)?;
        }
        Ok(found)
    }

    fn fetch(
        &self,
        of: &TopicPartition,
        from: Offset,
        to: Offset,
        found: &mut Vec<OutputRecord>,
    ) -> Result<()> {
        let mut next = from;
        while next < to {
            let fetched = self.log().fetch(of, next, FETCH_BYTES)?;
            let Some(last) = fetched.batches.last() else {
                break;
            };
            let after = Offset(last.next_offset().0);
            for (batch, commit) in fetched.batches.iter().zip(&fetched.commits) {
                batch.for_each(|record| {
                    if (next..to).contains(&record.offset) {
                        found.push(OutputRecord {
                            partition: of.partition,
                            offset: record.offset,
                            commit: *commit,
                            record: record.to_record(),
                        });
                    }
                })?;
            }
            next = after;
        }
        Ok(())
    }

    /// The rows of a table over a topic that were not read before, by partition, with the weights that its format and
    /// key give them: a record of a keyed table is its key's new row, a tombstone has weight −1 and only the key.
    ///
    /// # Errors
    /// `NotFound` if there is no such table.
    pub fn read_rows(&mut self, table: &str) -> Result<Vec<ZBatch>> {
        let def = self.headwater.table(table)?;
        let mut source = self.headwater.whole_source(&def)?;
        let decoder = source.decoder();
        let topic = topic_name(&def.name, &def.options).to_owned();
        let mut rows = Vec::new();
        for partition in 0..self.partitions(&topic)? {
            let bounds = self.log().bounds(&TopicPartition::new(&topic, partition))?;
            let key = (topic.clone(), partition);
            let next = self.read.insert(key, bounds.end).unwrap_or(Offset(0));
            let (from, to) = (next.max(bounds.start).0, bounds.end.0);
            if from < to {
                let chunk = source.reread(&Range {
                    partition,
                    from,
                    to,
                    digest: None,
                })?;
                let decoded = decoder.decode(&chunk)?;
                rows.push(ZBatch::new(decoded.rows, decoded.weights)?);
            }
        }
        Ok(rows)
    }

    /// The late rows of a sink or view that were not read before.
    ///
    /// # Errors
    /// Those of the log.
    pub fn late(&mut self, output: &str) -> Result<Vec<OutputRecord>> {
        self.read_if_there(&late_topic(output))
    }

    /// The records of a table that did not decode and were not read before.
    ///
    /// # Errors
    /// Those of the log.
    pub fn errors(&mut self, table: &str) -> Result<Vec<OutputRecord>> {
        self.read_if_there(&errors_topic(table))
    }

    fn read_if_there(&mut self, topic: &str) -> Result<Vec<OutputRecord>> {
        match self.log().topic(topic) {
            Some(_) => self.read(topic),
            None => Ok(Vec::new()),
        }
    }
}
