//! A MariaDB server of our own for tests: Debian's programs, a folder and a port that nobody else has.
//!
//! It is stopped and its folder removed whatever becomes of the process that started it: a shell reads from a pipe that
//! only that process can write to, and when the pipe ends so does the server.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use headwater_cdc::mysql::{Address, Session};

/// Another process may take a port before the server does.
const PORT_ATTEMPTS: usize = 5;
pub(crate) const USER: &str = "headwater";
pub(crate) const PASSWORD: &str = "for-tests-on-loopback";
/// What a server says when it can be spoken with.
const READY: &str = "ready for connections";
/// What change data capture needs, and what makes a test quick.
const SETTINGS: &[&str] = &[
    "--bind-address=127.0.0.1",
    "--server-id=1",
    "--log-bin=binlog",
    "--binlog-format=ROW",
    "--binlog-row-image=FULL",
    "--binlog-row-metadata=FULL",
    "--gtid-strict-mode=ON",
    "--character-set-server=utf8mb4",
    "--skip-name-resolve",
    "--innodb-buffer-pool-size=32M",
    "--innodb-log-file-size=16M",
    "--max-allowed-packet=64M",
];

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    dir: PathBuf,
    port: u16,
    settings: Vec<String>,
    running: Mutex<Option<Child>>,
    keeper: Child,
}

impl Server {
    /// Starts a server with some settings more, such as `--log-bin-compress=ON`; `None`: there is no MariaDB on this machine.
    pub(crate) fn start(settings: &[&str]) -> Option<Self> {
        is_installed().then(|| Self::make(settings))
    }

    fn make(settings: &[&str]) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("headwater-mariadb-")
            .tempdir()
            .unwrap()
            .keep();
        let keeper = keeper(&dir);
        let all = SETTINGS.iter().chain(settings);
        let mut server = Self {
            dir,
            port: 0,
            settings: all.map(|s| (*s).to_owned()).collect(),
            running: Mutex::new(None),
            keeper,
        };
        server.init();
        for _ in 0..PORT_ATTEMPTS {
            server.port = free_port();
            if server.try_start() {
                return server;
            }
        }
        panic!("MariaDB does not start: {}", server.log());
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

    fn init(&self) {
        let first = format!(
            "CREATE USER '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';\n\
             GRANT ALL ON *.* TO '{USER}'@'%' WITH GRANT OPTION;\n"
        );
        std::fs::write(self.dir.join("init.sql"), first).unwrap();
        let mut install = Command::new("mariadb-install-db");
        install.args(["--no-defaults", "--skip-test-db"]);
        install.arg("--auth-root-authentication-method=normal");
        install.arg("--innodb-log-file-size=16M");
        install
            .args(self.folders())
            .args(user())
            .stdin(Stdio::null());
        let output = install.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "mariadb-install-db: {said}");
        let mut session = self.bootstrap();
        let sql = std::fs::read(self.dir.join("init.sql")).unwrap();
        let mut input = session.stdin.take().unwrap();
        input.write_all(b"FLUSH PRIVILEGES;\n").unwrap();
        input.write_all(&sql).unwrap();
        drop(input);
        assert!(session.wait().unwrap().success(), "{}", self.log());
    }

    /// A server that reads statements and ends.
    fn bootstrap(&self) -> Child {
        let mut server = Command::new(program());
        server.arg("--no-defaults").arg("--bootstrap");
        server.arg("--innodb-log-file-size=16M");
        server
            .args(self.folders())
            .args(user())
            .stdin(Stdio::piped());
        let server = server.stdout(Stdio::null()).stderr(Stdio::null());
        server.spawn().unwrap()
    }

    fn try_start(&self) -> bool {
        let mut server = Command::new(program());
        server
            .arg("--no-defaults")
            .args(self.folders())
            .args(user());
        server.arg(format!("--port={}", self.port));
        server.arg(format!("--socket={}", self.dir.join("s").display()));
        server.arg(format!("--pid-file={}", self.dir.join("pid").display()));
        server.args(&self.settings).stdin(Stdio::null());
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

    fn folders(&self) -> [String; 2] {
        let dir = self.dir.display();
        [format!("--datadir={dir}/data"), format!("--tmpdir={dir}")]
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
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

/// Waits for the end of this process, however it comes, and cleans up.
fn keeper(dir: &Path) -> Child {
    const SCRIPT: &str = r#"
        trap '' INT TERM HUP
        read -r _
        [ ! -f "$0/pid" ] || kill -9 "$(cat "$0/pid")" 2>/dev/null || true
        rm -rf "$0"
    "#;
    if is_root() {
        let (user, group) = owner();
        chown(dir, Some(user), Some(group)).unwrap();
    }
    let mut keeper = Command::new("sh");
    keeper.arg("-c").arg(SCRIPT).arg(dir);
    keeper.current_dir("/").stdin(Stdio::piped());
    keeper.spawn().unwrap()
}

/// Whom the server is to run as; it refuses to run as root.
fn user() -> Option<&'static str> {
    is_root().then_some("--user=mysql")
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0)
}

fn owner() -> (u32, u32) {
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let line = users.lines().find(|l| l.starts_with("mysql:"));
    let mut ids = line.expect("a user 'mysql'").split(':').skip(2);
    let mut id = || ids.next().unwrap().parse().unwrap();
    (id(), id())
}

/// Debian has servers where not everybody's path leads.
fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut dirs: Vec<PathBuf> = std::env::split_paths(&path).collect();
    dirs.push("/usr/sbin".into());
    let mut programs = dirs.into_iter().map(|dir| dir.join("mariadbd"));
    let found = programs.find(|program| program.is_file());
    found.unwrap_or_else(|| "mariadbd".into())
}

/// Whether there is a server; if not, that is said on the terminal, past the test harness.
///
/// # Panics
/// If there is none and this is CI.
fn is_installed() -> bool {
    let is_there = program().is_file();
    if !is_there {
        let what = "MariaDB is not installed (`cargo xtask test` does it): its tests are NOT run";
        assert!(std::env::var_os("CI").is_none(), "{what}");
        let line = format!("\n{what}\n\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
    is_there
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
