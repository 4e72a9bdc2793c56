//! Files that are written exactly once. What an epoch writes is made durable under a hidden name before its commit; the
//! commit decides whether it appears, also after a crash in between.

use std::path::PathBuf;

use headwater_flow::connector::{Sink, SinkRequest};
use headwater_flow::{Error, ErrorKind, Result, ZBatch};
use headwater_log::Commit;

use super::config::{Compression, local_path};
use super::folder::FolderOutput;
use super::growing::GrowingOutput;
use super::writer::{FileWriter, compress};

/// Writes files.
pub(super) struct FileSink {
    table: String,
    output: Output,
    compression: Compression,
    writer: FileWriter,
}

/// Where the files are. A path that ends in `/` or is a folder gets one file an epoch; any other is one file.
enum Output {
    Folder(FolderOutput),
    Growing(GrowingOutput),
}

impl FileSink {
    /// Opens the place that is written to.
    ///
    /// # Errors
    /// `Invalid` for wrong options, `Unavailable` if the folder cannot be made.
    pub(super) fn new(request: &SinkRequest) -> Result<Self> {
        let text = local_path(&request.options)?;
        let path = PathBuf::from(&text);
        let writer = FileWriter::new(request)?;
        let is_folder = text.ends_with('/') || path.is_dir() || !writer.can_append();
        let (output, compression) = if is_folder {
            let (suffix, compression) = compression(request)?;
            let extension = format!("{}{suffix}", request.options.require("format")?);
            (
                Output::Folder(FolderOutput::new(path, extension)?),
                compression,
            )
        } else {
            let compression = Compression::of(&path);
            (Output::Growing(GrowingOutput::new(path)?), compression)
        };
        Ok(Self {
            table: request.table.clone(),
            output,
            compression,
            writer,
        })
    }
}

fn compression(request: &SinkRequest) -> Result<(&'static str, Compression)> {
    match request.options.get_or("sink.compression", "none") {
        "none" => Ok(("", Compression::None)),
        "gzip" => Ok((".gz", Compression::Gzip)),
        "zstd" => Ok((".zst", Compression::Zstd)),
        other => {
            let text = format!("option 'sink.compression' does not understand '{other}'");
            Err(Error::new(ErrorKind::Invalid, text).with_hint("write none, gzip or zstd"))
        }
    }
}

impl Sink for FileSink {
    fn write(&mut self, epoch: u64, rows: &[ZBatch], _commit: &mut Commit) -> Result<()> {
        let rows = self.writer.encode(&self.table, rows)?;
        if rows.is_empty() {
            return Ok(());
        }
        let begins = match &self.output {
            Output::Folder(_) => true,
            Output::Growing(file) => file.is_empty()?,
        };
        let mut bytes = if begins {
            self.writer.header().to_vec()
        } else {
            Vec::new()
        };
        bytes.extend_from_slice(&rows);
        // Archives of both kinds may be put one behind the other.
        let bytes = compress(bytes, self.compression)?;
        match &mut self.output {
            Output::Folder(folder) => folder.stage(epoch, &bytes),
            Output::Growing(file) => file.stage(epoch, &bytes),
        }
    }

    fn committed(&mut self, epoch: u64) -> Result<()> {
        match &mut self.output {
            Output::Folder(folder) => folder.deliver(epoch),
            Output::Growing(file) => file.deliver(epoch),
        }
    }

    fn recover(&mut self, epoch: u64) -> Result<()> {
        match &mut self.output {
            Output::Folder(folder) => folder.recover(epoch),
            Output::Growing(file) => file.recover(epoch),
        }
    }

    fn close(&mut self) -> Result<()> {
        Ok(())
    }
}
