//! The answering side: a thread that accepts, and one for each connection.

use std::fs;
use std::io::{self, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use super::frame::Frame;
use super::{NAME, wire};
use crate::cli::exit::{Code, Failure, Outcome};
use crate::cli::request::{Replies, Request, gone};

/// Connections that are served at a time; more are told to come back.
const CONNECTIONS_MAX: usize = 64;

/// Answers a request.
pub(crate) type Answer = dyn Fn(Request, Replies<'_>) -> Outcome + Send + Sync;

/// Serves the control socket of a data directory until it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    path: PathBuf,
    is_closing: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves `dir`, whose lock this process holds: so a socket that lies there is a dead one.
    pub(crate) fn start(dir: &Path, answer: Arc<Answer>) -> Outcome<Self> {
        let path = dir.join(NAME);
        let listener = bind(&path)
            .map_err(|e| Failure::io(format!("cannot serve '{}'", path.display()), &e))?;
        let is_closing = Arc::new(AtomicBool::new(false));
        let closing = Arc::clone(&is_closing);
        let acceptor = std::thread::Builder::new()
            .name("control".to_owned())
            .spawn(move || accept(&listener, &closing, &answer))
            .map_err(|e| Failure::io("cannot start a thread", &e))?;
        Ok(Self {
            path,
            is_closing,
            acceptor: Some(acceptor),
        })
    }
}

impl Drop for Server {
    /// Stops accepting and removes the socket. Connections that are being answered end with the process.
    fn drop(&mut self) {
        self.is_closing.store(true, Ordering::SeqCst);
        // The acceptor sleeps in accept: a last connection wakes it.
        if UnixStream::connect(&self.path).is_ok()
            && let Some(acceptor) = self.acceptor.take()
        {
            drop(acceptor.join());
        }
        drop(fs::remove_file(&self.path));
    }
}

/// Binds the socket so that it is never there with another mode than 0600.
fn bind(path: &Path) -> io::Result<UnixListener> {
    let fresh = path.with_extension("new");
    for old in [path, &fresh] {
        match fs::remove_file(old) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    let listener = UnixListener::bind(&fresh)?;
    fs::set_permissions(&fresh, fs::Permissions::from_mode(0o600))?;
    fs::rename(&fresh, path)?;
    Ok(listener)
}

fn accept(listener: &UnixListener, is_closing: &AtomicBool, answer: &Arc<Answer>) {
    let served = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        if is_closing.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let (answer, served) = (Arc::clone(answer), Arc::clone(&served));
        let before = served.fetch_add(1, Ordering::SeqCst);
        let serve = move || {
            // A connection that breaks concerns only whoever was at its other end.
            drop(converse(stream, before < CONNECTIONS_MAX, &answer));
            served.fetch_sub(1, Ordering::SeqCst);
        };
        let thread = std::thread::Builder::new().name("control-client".to_owned());
        drop(thread.spawn(serve));
    }
}

/// Answers the requests of a connection until it is closed.
fn converse(stream: UnixStream, has_room: bool, answer: &Arc<Answer>) -> io::Result<()> {
    let mut output = stream.try_clone()?;
    let mut input = BufReader::new(stream);
    while let Some(frame) = Frame::read(&mut input)? {
        let outcome = match understand(&frame) {
            _ if !has_room => Err(Failure::failed("too many commands are connected already")),
            Err(why) => Err(Failure::new(
                Code::Usage,
                format!("a request was not understood: {why}"),
            )),
            Ok(request) => answer(request, &mut |reply| {
                wire::write_reply(&mut output, reply).map_err(|_| gone())
            }),
        };
        wire::write_end(&mut output, outcome)?;
    }
    Ok(())
}

fn understand(frame: &Frame) -> Result<Request, String> {
    match frame {
        Frame::Json(body) => serde_json::from_slice(body).map_err(|e| e.to_string()),
        Frame::Rows(_) => Err("rows".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Client;
    use super::*;
    use crate::cli::request::Reply;
    use arrow::array::{Int64Array, RecordBatch};

    fn echo() -> Arc<Answer> {
        Arc::new(|request, replies| match request {
            Request::TopicList { internal: true } => {
                Err(Failure::new(Code::Conflict, "no").with_hint("ask again"))
            }
            Request::TopicList { .. } => {
                let column: arrow::array::ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
                let batch = RecordBatch::try_from_iter([("n", column)]).expect("one column");
                let schema = batch.schema();
                let is_stream = false;
                replies(Reply::Begin { schema, is_stream })?;
                replies(Reply::Rows(batch))?;
                replies(Reply::End)
            }
            _ => replies(Reply::Line("other".to_owned())),
        })
    }

    fn ask(dir: &Path, request: &Request) -> (Vec<Reply>, Outcome) {
        let mut client = Client::connect(dir).expect("connects").expect("is served");
        let mut replies = Vec::new();
        let outcome = client.ask(request, &mut |reply| {
            replies.push(reply);
            Ok(())
        });
        (replies, outcome)
    }

    #[test]
    fn answers_come_through_the_socket() {
        let dir = tempfile::tempdir().expect("a directory");
        assert!(Client::connect(dir.path()).expect("asks").is_none());
        let server = Server::start(dir.path(), echo()).expect("serves");
        let mode = fs::metadata(dir.path().join(NAME))
            .expect("is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);

        let (replies, outcome) = ask(dir.path(), &Request::TopicList { internal: false });
        assert_eq!(outcome, Ok(()));
        assert!(
            matches!(&replies[..], [Reply::Begin { .. }, Reply::Rows(rows), Reply::End] if rows.num_rows() == 2)
        );
        let (_, outcome) = ask(dir.path(), &Request::TopicList { internal: true });
        let failure = outcome.expect_err("fails");
        assert_eq!(
            (failure.code, failure.hint.as_deref()),
            (Code::Conflict, Some("ask again"))
        );

        drop(server);
        assert!(Client::connect(dir.path()).expect("asks").is_none());
    }

    #[test]
    fn a_dead_socket_is_replaced() {
        let dir = tempfile::tempdir().expect("a directory");
        drop(UnixListener::bind(dir.path().join(NAME)).expect("binds"));
        assert!(Client::connect(dir.path()).expect("asks").is_none());
        let server = Server::start(dir.path(), echo()).expect("serves");
        let (_, outcome) = ask(
            dir.path(),
            &Request::TopicDelete {
                topic: "t".to_owned(),
            },
        );
        assert_eq!(outcome, Ok(()));
        drop(server);
    }

    #[test]
    fn nonsense_is_answered_and_hurts_nobody() {
        let dir = tempfile::tempdir().expect("a directory");
        let server = Server::start(dir.path(), echo()).expect("serves");
        let mut stream = UnixStream::connect(dir.path().join(NAME)).expect("connects");
        Frame::Json(b"{\"ask\":\"nothing\"}".to_vec())
            .write(&mut stream)
            .expect("sends");
        assert!(
            matches!(wire::read(&mut stream), Ok(wire::Heard::Failed(f)) if f.code == Code::Usage)
        );
        io::Write::write_all(&mut stream, &[0xff; 64]).expect("sends");
        let (_, outcome) = ask(dir.path(), &Request::TopicList { internal: false });
        assert_eq!(outcome, Ok(()));
        drop(server);
    }
}
