//! A PostgreSQL server of our own for tests, examples and figures: Debian's programs, a folder and a port that nobody else has.
//!
//! It is stopped and its folder removed whatever becomes of the process that started it: a shell reads from a pipe that
//! only that process can write to, and when the pipe ends so does the server.

use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// Where Debian has the programs of each version.
const DEBIAN: &str = "/usr/lib/postgresql";
/// Another process may take a port before the server does.
const PORT_ATTEMPTS: usize = 5;
pub(crate) const USER: &str = "headwater";
const PASSWORD: &str = "for-tests-on-loopback";

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    programs: PathBuf,
    dir: PathBuf,
    port: u16,
    owner: Option<(u32, u32)>,
    keeper: Child,
}

/// The server that most tests share; `None`: there is no PostgreSQL on this machine, which was said.
pub(crate) fn shared() -> Option<&'static Server> {
    static SHARED: OnceLock<Option<Server>> = OnceLock::new();
    SHARED
        .get_or_init(|| Server::start(&["fsync = off"]))
        .as_ref()
}

impl Server {
    /// Starts a server with some settings, such as `fsync=off`; `None`: there is no PostgreSQL on this machine.
    pub(crate) fn start(settings: &[&str]) -> Option<Self> {
        Some(Self::start_of(programs()?, settings))
    }

    /// The same of a version whose programs are there.
    pub(crate) fn start_of(programs: PathBuf, settings: &[&str]) -> Self {
        let server = Self::new(programs);
        server.init(settings);
        server.begin()
    }

    /// A server that is to be a standby of this one, which must not run: with its files and these settings.
    pub(crate) fn copy(&self, settings: &[&str]) -> Self {
        let standby = Self::new(self.programs.clone());
        let (from, to) = (self.data(), standby.data());
        let mut copy = Command::new("cp");
        copy.arg("-a").args([from, to]);
        assert!(copy.status().unwrap().success());
        let signal = standby.data().join("standby.signal");
        std::fs::write(&signal, "").unwrap();
        if let Some((user, group)) = self.owner {
            chown(&signal, Some(user), Some(group)).unwrap();
        }
        standby.configure(settings);
        standby
    }

    /// A folder, and what cleans it up.
    fn new(programs: PathBuf) -> Self {
        let owner = owner();
        let dir = tempfile::Builder::new()
            .prefix("headwater-postgres-")
            .tempdir()
            .unwrap()
            .keep();
        if let Some((user, group)) = owner {
            chown(&dir, Some(user), Some(group)).unwrap();
        }
        let keeper = keeper(&programs, &dir, owner);
        Self {
            programs,
            dir,
            port: 0,
            owner,
            keeper,
        }
    }

    /// Starts it on a port that nobody has.
    pub(crate) fn begin(mut self) -> Self {
        for _ in 0..PORT_ATTEMPTS {
            self.port = free_port();
            if self.try_start() {
                return self;
            }
        }
        panic!("PostgreSQL does not start: {}", self.log());
    }

    /// The address of a database.
    pub(crate) fn url(&self, database: &str) -> String {
        let port = self.port;
        format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{port}/{database}")
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Kills it as a crash would: no checkpoint, no farewell.
    pub(crate) fn crash(&self) {
        assert!(self.control(&["-m", "immediate", "stop"]), "{}", self.log());
    }

    /// Starts it again at the same address.
    pub(crate) fn resume(&self) {
        assert!(self.try_start(), "{}", self.log());
    }

    /// The folder that it and nobody else has.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    fn init(&self, settings: &[&str]) {
        let password = self.dir.join("password");
        std::fs::write(&password, PASSWORD).unwrap();
        let mut init = self.command("initdb");
        init.args(["--username", USER, "--auth", "password", "--no-sync"]);
        init.args(["--encoding", "UTF8", "--locale", "C", "--pwfile"]);
        init.arg(&password).arg("--pgdata").arg(self.data());
        let output = init.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "initdb: {said}");
        self.configure(&["listen_addresses = '127.0.0.1'", "max_connections = 200"]);
        self.configure(settings);
    }

    fn configure(&self, settings: &[&str]) {
        let mut config = std::fs::OpenOptions::new()
            .append(true)
            .open(self.data().join("postgresql.conf"))
            .unwrap();
        let sockets = self.dir.display();
        writeln!(config, "unix_socket_directories = '{sockets}'").unwrap();
        for setting in settings {
            writeln!(config, "{setting}").unwrap();
        }
    }

    fn try_start(&self) -> bool {
        let options = format!("-p {}", self.port);
        self.control(&["-o", &options, "start"])
    }

    fn control(&self, arguments: &[&str]) -> bool {
        let mut control = self.command("pg_ctl");
        control.arg("-D").arg(self.data()).arg("-w").arg("-l");
        control.arg(self.dir.join("log")).args(arguments);
        control.status().unwrap().success()
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(&self.dir).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        as_owner(&mut command, self.owner);
        command
    }

    fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let ended = self.keeper.wait();
        if !std::thread::panicking() {
            assert!(ended.unwrap().success(), "{} is left", self.dir.display());
        }
    }
}

/// Waits for the end of this process, however it comes, and cleans up.
fn keeper(programs: &Path, dir: &Path, owner: Option<(u32, u32)>) -> Child {
    const SCRIPT: &str = r#"
        trap '' INT TERM HUP
        read -r _
        [ ! -f "$1/data/postmaster.pid" ] || "$0" -D "$1/data" -m immediate -w stop >"$1/stop" 2>&1
        rm -rf "$1"/* && { rmdir "$1" 2>/dev/null || true; }
    "#;
    let mut keeper = Command::new("sh");
    keeper.arg("-c").arg(SCRIPT).arg(programs.join("pg_ctl"));
    keeper.arg(dir).current_dir("/").stdin(Stdio::piped());
    as_owner(&mut keeper, owner);
    keeper.spawn().unwrap()
}

/// PostgreSQL refuses to run as root.
fn as_owner(command: &mut Command, owner: Option<(u32, u32)>) {
    if let Some((user, group)) = owner {
        command.uid(user).gid(group);
    }
}

/// The unprivileged user and group that the server runs as; `None`: our own are unprivileged.
fn owner() -> Option<(u32, u32)> {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0);
    if !is_root {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let ids = |name: &str| {
        let line = users.lines().find(|l| l.split(':').next() == Some(name))?;
        let mut ids = line.split(':').skip(2).map(|id| id.parse().unwrap());
        Some((ids.next()?, ids.next()?))
    };
    let found = ids("postgres").or_else(|| ids("nobody"));
    Some(found.expect("a user 'postgres' or 'nobody'"))
}

/// Where the programs are.
///
/// # Panics
/// If they are nowhere and this is CI; else it is said on the terminal, past the test harness.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).filter(|dir| dir.join("pg_ctl").exists());
    // On the path there may be links; the programs look for their files from where they really are.
    let on_path = on_path.filter_map(|dir| dir.join("pg_ctl").canonicalize().ok());
    let mut found: Vec<PathBuf> = on_path
        .filter_map(|program| program.parent().map(Path::to_owned))
        .collect();
    if found.is_empty() {
        let versions = std::fs::read_dir(DEBIAN).into_iter().flatten().flatten();
        found.extend(versions.map(|v| v.path().join("bin")));
        found.sort();
        found.reverse();
    }
    found.retain(|dir| dir.join("initdb").exists() && dir.join("pg_ctl").exists());
    let first = found.into_iter().next();
    if first.is_none() {
        let what =
            "PostgreSQL is not installed (`cargo xtask test` does it): its tests are NOT run";
        assert!(std::env::var_os("CI").is_none(), "{what}");
        let line = format!("\n{what}\n\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
    first
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
