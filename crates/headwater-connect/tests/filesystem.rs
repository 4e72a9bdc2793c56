//! The `filesystem` connector.

use std::io::Write;
use std::path::Path;

use arrow::datatypes::DataType;
use headwater_connect::FilesystemConnector;

use crate::support::schema;

#[test]
fn placeholder_until_a_log_can_be_made() {
    drop((
        FilesystemConnector,
        schema(&[("a", DataType::Int64)]),
        Path::new(""),
    ));
    std::io::sink().write_all(b"").unwrap();
}
