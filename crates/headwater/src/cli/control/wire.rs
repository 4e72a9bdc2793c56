//! Replies as frames and back.

use std::io::{self, Read, Write};

use arrow::array::RecordBatch;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use serde::{Deserialize, Serialize};

use super::frame::{Frame, invalid};
use crate::cli::exit::Failure;
use crate::cli::request::{Progress, Reply};

/// What a JSON frame of an answer says. `Begin` and `Rows` are followed by a frame of rows.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "kebab-case")]
enum Head {
    Begin { is_stream: bool },
    Rows,
    End,
    AsOf { commit: u64 },
    Line { text: String },
    Note { text: String },
    Idle { progress: Progress },
    Done,
    Failed { failure: Failure },
    Closing,
}

/// What one side hears of an answer.
#[derive(Debug)]
pub(super) enum Heard {
    /// A piece.
    Reply(Reply),
    /// The answer is complete.
    Done,
    /// The answer has failed.
    Failed(Failure),
    /// The other side ends and answers nothing more.
    Closing,
}

/// Writes a piece of an answer.
pub(super) fn write_reply(out: &mut impl Write, reply: Reply) -> io::Result<()> {
    match reply {
        Reply::Begin { schema, is_stream } => {
            write_head(out, &Head::Begin { is_stream })?;
            pack(&RecordBatch::new_empty(schema))?.write(out)
        }
        Reply::Rows(batch) => write_rows(out, &batch),
        Reply::End => write_head(out, &Head::End),
        Reply::AsOf(commit) => write_head(out, &Head::AsOf { commit }),
        Reply::Line(text) => write_head(out, &Head::Line { text }),
        Reply::Note(text) => write_head(out, &Head::Note { text }),
        Reply::Idle(progress) => write_head(out, &Head::Idle { progress }),
    }
}

/// Writes how an answer ended.
pub(super) fn write_end(out: &mut impl Write, outcome: Result<(), Failure>) -> io::Result<()> {
    match outcome {
        Ok(()) => write_head(out, &Head::Done),
        Err(failure) => write_head(out, &Head::Failed { failure }),
    }
}

/// Says that nothing more will be answered.
pub(super) fn write_closing(out: &mut impl Write) -> io::Result<()> {
    write_head(out, &Head::Closing)
}

/// Reads the next piece or the end of an answer.
pub(super) fn read(input: &mut impl Read) -> io::Result<Heard> {
    let head = match Frame::read(input)? {
        Some(Frame::Json(body)) => {
            serde_json::from_slice(&body).map_err(|e| invalid(e.to_string()))?
        }
        Some(Frame::Rows(_)) => return Err(invalid("rows that nobody announced")),
        None => return Err(io::ErrorKind::UnexpectedEof.into()),
    };
    Ok(Heard::Reply(match head {
        Head::Begin { is_stream } => Reply::Begin {
            schema: read_rows(input)?.schema(),
            is_stream,
        },
        Head::Rows => Reply::Rows(read_rows(input)?),
        Head::End => Reply::End,
        Head::AsOf { commit } => Reply::AsOf(commit),
        Head::Line { text } => Reply::Line(text),
        Head::Note { text } => Reply::Note(text),
        Head::Idle { progress } => Reply::Idle(progress),
        Head::Done => return Ok(Heard::Done),
        Head::Failed { failure } => return Ok(Heard::Failed(failure)),
        Head::Closing => return Ok(Heard::Closing),
    }))
}

/// Writes a value as a JSON frame.
pub(super) fn write_json(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    Frame::Json(serde_json::to_vec(value)?).write(out)
}

fn write_head(out: &mut impl Write, head: &Head) -> io::Result<()> {
    write_json(out, head)
}

/// Writes rows, in as many frames as they need.
fn write_rows(out: &mut impl Write, batch: &RecordBatch) -> io::Result<()> {
    let frame = pack(batch)?;
    if frame.fits() || batch.num_rows() < 2 {
        write_head(out, &Head::Rows)?;
        return frame.write(out);
    }
    let half = batch.num_rows() / 2;
    write_rows(out, &batch.slice(0, half))?;
    write_rows(out, &batch.slice(half, batch.num_rows() - half))
}

fn pack(batch: &RecordBatch) -> io::Result<Frame> {
    let wrong = |e: arrow::error::ArrowError| invalid(e.to_string());
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).map_err(wrong)?;
    writer.write(batch).map_err(wrong)?;
    Ok(Frame::Rows(writer.into_inner().map_err(wrong)?))
}

fn read_rows(input: &mut impl Read) -> io::Result<RecordBatch> {
    let Some(Frame::Rows(body)) = Frame::read(input)? else {
        return Err(invalid("rows were announced and did not come"));
    };
    let wrong = |e: arrow::error::ArrowError| invalid(e.to_string());
    let mut reader = StreamReader::try_new(&body[..], None).map_err(wrong)?;
    let batch = reader.next().transpose().map_err(wrong)?;
    batch.ok_or_else(|| invalid("a frame of rows without a batch"))
}
