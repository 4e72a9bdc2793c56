//! The `blackhole` connector: counts nothing, keeps nothing, for measuring everything before it.

use headwater_flow::connector::{Connector, OptionSpec, Sink, SinkRequest, Source, SourceRequest};
use headwater_flow::{Error, ErrorKind, Result, ZBatch};

/// Throws rows away.
#[derive(Debug, Default)]
pub struct BlackholeConnector;

impl Connector for BlackholeConnector {
    fn name(&self) -> &'static str {
        "blackhole"
    }

    fn options(&self) -> &'static [OptionSpec] {
        &[]
    }

    fn source(&self, request: SourceRequest) -> Result<Box<dyn Source>> {
        let text = format!(
            "table '{}' cannot be read: it is a blackhole",
            request.table
        );
        Err(Error::new(ErrorKind::Unsupported, text))
    }

    fn sink(&self, _request: SinkRequest) -> Result<Box<dyn Sink>> {
        Ok(Box::new(Blackhole))
    }
}

struct Blackhole;

impl Sink for Blackhole {
    fn write(
        &mut self,
        _epoch: u64,
        _rows: &[ZBatch],
        _commit: &mut headwater_log::Commit,
    ) -> Result<()> {
        Ok(())
    }

    fn committed(&mut self, _epoch: u64) -> Result<()> {
        Ok(())
    }

    fn recover(&mut self, _epoch: u64) -> Result<()> {
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        Ok(())
    }
}
