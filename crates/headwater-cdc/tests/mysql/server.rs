//! A server of our own for tests, MariaDB or MySQL: a folder and a port that nobody else has.
//!
//! It is stopped and its folder removed whatever becomes of the process that started it: a shell reads from a pipe that
//! only that process can write to, and when the pipe ends so does the server.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::Mutex;

use headwater_cdc::SILENCE;
use headwater_cdc::mysql::{Address, Session};

#[path = "product.rs"]
mod product;

pub(crate) use product::Product;
use product::{folder, keeper};

/// Another process may take a port before the server does.
const PORT_ATTEMPTS: usize = 5;
pub(crate) const USER: &str = "headwater";
pub(crate) const PASSWORD: &str = "for-tests-on-loopback";
/// What a server says when it can be spoken with.
const READY: &str = "ready for connections";

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    product: Product,
    dir: PathBuf,
    port: u16,
    settings: Vec<String>,
    running: Mutex<Option<Child>>,
    keeper: Child,
}

impl Server {
    /// Starts a MariaDB with some settings more, such as `--log-bin-compress=ON`; `None`: there is none on this machine.
    pub(crate) fn start(settings: &[&str]) -> Option<Self> {
        Self::of(Product::MariaDb, settings)
    }

    /// One of either kind after the other, with some settings more.
    pub(crate) fn each(settings: &[&str]) -> impl Iterator<Item = Self> {
        let products = Product::BOTH.into_iter();
        products.filter_map(|product| Self::of(product, settings))
    }

    /// A MySQL that does not name its transactions.
    pub(crate) fn without_names() -> Option<Self> {
        let settings = ["--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"];
        Self::of(Product::MySql, &settings)
    }

    /// One of this kind, with some settings more; `None`: there is none on this machine.
    pub(crate) fn of(product: Product, settings: &[&str]) -> Option<Self> {
        product
            .is_installed()
            .then(|| Self::make(product, settings))
    }

    fn make(product: Product, settings: &[&str]) -> Self {
        let dir = folder();
        let keeper = keeper(&dir);
        let more = settings.iter().map(|s| (*s).to_owned());
        let mut server = Self {
            product,
            dir,
            port: 0,
            settings: product.settings().map(str::to_owned).chain(more).collect(),
            running: Mutex::new(None),
            keeper,
        };
        product.init(&server.dir);
        for _ in 0..PORT_ATTEMPTS {
            server.port = free_port();
            if server.try_start() {
                return server;
            }
        }
        panic!("{product:?} does not start: {}", server.log());
    }

    /// Which of the two it is.
    pub(crate) fn product(&self) -> Product {
        self.product
    }

    /// Whether its transactions have names.
    pub(crate) fn has_names(&self) -> bool {
        !self.settings.iter().any(|s| s == "--gtid-mode=OFF")
    }

    /// Where it is, for the user that may do everything.
    pub(crate) fn address(&self) -> Address {
        Address {
            host: "127.0.0.1".to_owned(),
            port: self.port,
            user: USER.to_owned(),
            password: PASSWORD.to_owned(),
            database: String::new(),
            tls: Default::default(),
            silence: SILENCE,
        }
    }

    /// A session of that user in a database of its own, which is made.
    pub(crate) fn session(&self, database: &str) -> Session {
        let mut session = Session::connect(&self.address()).unwrap();
        // A statement would stand in the log, also where there is nothing to make.
        let known = session.query(&format!("SHOW DATABASES LIKE '{database}'"));
        if known.unwrap().is_empty() {
            let sql = format!("CREATE DATABASE {database}");
            session.execute(&sql).unwrap();
        }
        session.execute(&format!("USE {database}")).unwrap();
        session
    }

    /// Kills it as a crash would.
    pub(crate) fn crash(&self) {
        let mut server = self.running.lock().unwrap().take().unwrap();
        server.kill().unwrap();
        server.wait().unwrap();
    }

    /// Starts it again at the same address.
    pub(crate) fn resume(&self) {
        assert!(self.try_start(), "{}", self.log());
    }

    fn try_start(&self) -> bool {
        let mut server = self.product.command(&self.dir);
        server.arg(format!("--port={}", self.port));
        server.arg(format!("--socket={}", self.dir.join("s").display()));
        server.arg(format!("--pid-file={}", self.dir.join("pid").display()));
        server.args(&self.settings);
        let server = server.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut server = server.spawn().unwrap();
        let mut lines = BufReader::new(server.stderr.take().unwrap()).lines();
        let mut log = std::fs::File::create(self.dir.join("log")).unwrap();
        let mut note = move |line: &str| writeln!(log, "{line}").unwrap();
        for line in lines.by_ref().map_while(Result::ok) {
            note(&line);
            if line.contains(READY) {
                // What it says later must be read too, or it waits for room.
                std::thread::spawn(move || lines.map_while(Result::ok).for_each(|l| note(&l)));
                *self.running.lock().unwrap() = Some(server);
                return true;
            }
        }
        server.wait().unwrap();
        false
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let line = format!("the server was a {:?}\n", self.product);
            drop(std::io::stderr().write_all(line.as_bytes()));
        }
        if self.running.lock().is_ok_and(|r| r.is_some()) {
            self.crash();
        }
        drop(self.keeper.stdin.take());
        let ended = self.keeper.wait();
        if !std::thread::panicking() {
            assert!(ended.unwrap().success(), "{} is left", self.dir.display());
        }
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
