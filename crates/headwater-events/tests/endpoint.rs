//! A small real server of HTTP that says what it is told to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long a test waits for a request.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is said to a request.
#[derive(Debug, Clone)]
pub(crate) enum Said {
    /// A status and a body.
    Answer(u16, String),
    /// The connection stays open and nothing comes.
    Nothing,
    /// The connection is closed.
    Closed,
}

impl Said {
    pub(crate) fn new(status: u16, body: &str) -> Self {
        Self::Answer(status, body.to_owned())
    }
}

/// A request.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) line: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    /// A header, by its name in small letters.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }

    fn read(stream: &TcpStream) -> Option<Self> {
        let mut reader = BufReader::new(stream);
        let mut line = || {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            Some(line.trim_end().to_owned())
        };
        let first = line()?;
        let mut headers = Vec::new();
        loop {
            let header = line()?;
            match header.split_once(": ") {
                Some((name, value)) => headers.push((name.to_lowercase(), value.to_owned())),
                None => break,
            }
        }
        let mut asked = Self {
            line: first,
            headers,
            body: Vec::new(),
        };
        let length = asked.header("content-length")?.parse().ok()?;
        asked.body.resize(length, 0);
        reader.read_exact(&mut asked.body).ok()?;
        Some(asked)
    }
}

/// The server; what it is told to say is said once each, in order.
pub(crate) struct Endpoint {
    port: u16,
    says: Sender<Said>,
    asked: Mutex<Receiver<Asked>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Endpoint {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (says, to_say) = channel();
        let (asks, asked) = channel();
        let stop = Arc::new(AtomicBool::new(false));
        let its = Arc::clone(&stop);
        let thread = std::thread::spawn(move || serve(&listener, &to_say, &asks, &its));
        Self {
            port,
            says,
            asked: Mutex::new(asked),
            stop,
            thread: Some(thread),
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(crate) fn say(&self, said: Said) {
        self.says.send(said).unwrap();
    }

    /// The next request.
    pub(crate) fn asked(&self) -> Asked {
        self.asked.lock().unwrap().recv_timeout(PATIENCE).unwrap()
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        self.thread.take().unwrap().join().unwrap();
    }
}

fn serve(listener: &TcpListener, says: &Receiver<Said>, asks: &Sender<Asked>, stop: &AtomicBool) {
    let mut silent = Vec::new();
    for stream in listener.incoming() {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let mut stream = stream.unwrap();
        let Some(asked) = Asked::read(&stream) else {
            continue;
        };
        drop(asks.send(asked));
        match says.recv_timeout(PATIENCE) {
            Ok(Said::Answer(status, body)) => {
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 {status} Said\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
                );
                // Whoever asked may have gone.
                drop(stream.write_all((head + &body).as_bytes()));
            }
            Ok(Said::Nothing) => silent.push(stream),
            Ok(Said::Closed) | Err(_) => {}
        }
    }
}
