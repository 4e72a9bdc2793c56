//! Streams of changes, as whoever reads them sees them: from a file, a command and another process, ended by Ctrl-C or by
//! going away.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::binary::{binary, headwater, run, terminate};

/// Rows that come faster than anybody looks for Ctrl-C.
const TICKS: &str = "
    CREATE TABLE ticks (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '100',
        'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '1000000000');";

struct Stream {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Stream {
    fn start(command: &mut Command) -> Self {
        let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line
    }

    /// Ctrl-C; what came until the end, and the code that it ended with.
    fn interrupt(mut self) -> (String, Option<i32>) {
        terminate(&self.child);
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        (rest, self.child.wait().unwrap().code())
    }
}

fn file(dir: &Path, text: &str) -> std::path::PathBuf {
    let file = dir.join("stream.sql");
    std::fs::write(&file, text).unwrap();
    file
}

#[test]
fn a_stream_of_a_file_ends_in_order_with_ctrl_c() {
    let dir = tempfile::tempdir().unwrap();
    let text = format!("{TICKS} SELECT n FROM ticks EMIT CHANGES;");
    let mut command = headwater(["run", "-o", "json"]);
    let mut stream = Stream::start(command.arg(file(dir.path(), &text)));
    assert_eq!(stream.line(), "[\n");
    for n in 1..=50 {
        assert_eq!(stream.line(), format!("  {{\"op\":\"+I\",\"n\":{n}}},\n"));
    }
    let (rest, code) = stream.interrupt();
    assert_eq!(code, Some(0));
    assert!(rest.ends_with("}\n]\n"), "the array is closed: {rest}");
}

#[test]
fn a_stream_shows_what_others_write_into_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let sql = |text: &str| run(headwater(["sql", "--data"]).arg(&data).args(["-c", text]));
    assert_eq!(
        sql("CREATE TABLE t (k INT); INSERT INTO t VALUES (1)").code,
        Some(0)
    );

    let query = "SELECT k, COUNT(*) AS n FROM t GROUP BY k EMIT CHANGES";
    let mut command = headwater(["sql", "-o", "csv", "-c", query, "--data"]);
    let mut stream = Stream::start(command.arg(&data));
    assert_eq!([stream.line(), stream.line()], ["op,k,n\n", "+I,1,1\n"]);
    // This one has the directory open: the others go through it.
    assert_eq!(sql("INSERT INTO t VALUES (1)").code, Some(0));
    assert_eq!([stream.line(), stream.line()], ["-U,1,1\n", "+U,1,2\n"]);
    let (rest, code) = stream.interrupt();
    assert_eq!((&*rest, code), ("", Some(0)));
}

#[test]
fn a_stream_whose_reader_goes_away_ends_quietly() {
    let dir = tempfile::tempdir().unwrap();
    let text = format!("{TICKS} SELECT n FROM ticks EMIT CHANGES;");
    let script = "\"$0\" run \"$1\" -o csv | head -n 3; echo ${PIPESTATUS[0]}";
    let mut shell = Command::new("bash");
    shell.args(["-c", script]).arg(binary());
    let ended = run(shell.arg(file(dir.path(), &text)));
    assert_eq!(ended.stdout, "op,n\n+I,1\n+I,2\n0\n");
    assert_eq!(ended.stderr, "");
}

#[test]
fn nexmark_q12_counts_every_bid_by_processing_time() {
    let dir = tempfile::tempdir().unwrap();
    let text = "
        CREATE TABLE nexmark (event_type INT, bid ROW<bidder BIGINT>)
            WITH ('connector' = 'nexmark', 'events.num' = '20000', 'next-event.rate' = '0');
        CREATE VIEW bid AS SELECT bid.bidder AS bidder, PROCTIME() AS p_time FROM nexmark WHERE event_type = 2;
        CREATE TABLE q12 (bidder BIGINT, bid_count BIGINT, starttime TIMESTAMP_LTZ(3), endtime TIMESTAMP_LTZ(3));
        INSERT INTO q12 SELECT bidder, COUNT(*), window_start, window_end
            FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(p_time), INTERVAL '10' SECOND))
            GROUP BY bidder, window_start, window_end;
        SELECT SUM(bid_count) AS bids, COUNT(*) > 100 AS many,
            MAX(endtime) > MIN(starttime) AS moves FROM q12;";
    let ended = run(headwater(["run", "-o", "csv"]).arg(file(dir.path(), text)));
    // Of 50 events 46 are bids.
    assert_eq!(
        ended.stdout, "bids,many,moves\n18400,true,true\n",
        "{ended:?}"
    );
}
