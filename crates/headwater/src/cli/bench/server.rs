//! A PostgreSQL server of the benchmark's own: Debian's programs, a folder on the disk that is measured, a socket in it and a port that
//! nobody else has. A shell that reads from a pipe of this process stops it, whatever becomes of the process.

use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::cli::exit::{Failure, Outcome};
use crate::cli::style::say;

/// Where Debian has the programs of each version.
const DEBIAN: &str = "/usr/lib/postgresql";

const USER: &str = "headwater";
const DATABASE: &str = "postgres";

/// Waits for the end of this process, however it comes, and stops the server.
const KEEPER: &str = r#"
    trap '' INT TERM HUP
    read -r _
    [ ! -f "$1/data/postmaster.pid" ] || "$0" -D "$1/data" -m immediate -w stop >"$1/stop" 2>&1
"#;

/// A running server.
pub(super) struct Server {
    programs: PathBuf,
    dir: PathBuf,
    port: u16,
    /// PostgreSQL refuses to run as root.
    owner: Option<(u32, u32)>,
    keeper: Option<Child>,
}

impl Server {
    /// Starts a server with its files in `dir`, made as a fresh installation is, but for these settings: it syncs each commit.
    pub(super) fn start(dir: &Path, settings: &[&str]) -> Outcome<Self> {
        let mut server = Self {
            programs: programs()?,
            dir: dir.join("postgres"),
            port: free_port().map_err(|e| Failure::io("no port is free", &e))?,
            owner: owner()?,
            keeper: None,
        };
        server
            .make_dir()
            .map_err(|e| Failure::io("cannot make a folder for PostgreSQL", &e))?;
        server.run(
            "initdb",
            &["--username", USER, "--auth", "trust", "-E", "UTF8"],
        )?;
        server.keeper = Some(server.keep()?);
        let (port, sockets) = (server.port, server.dir.display());
        let mut options = format!("-h 127.0.0.1 -p {port} -k '{sockets}'");
        for setting in settings {
            options += &format!(" -c {setting}");
        }
        let log = server.dir.join("log").display().to_string();
        server.run("pg_ctl", &["-w", "-o", &options, "-l", &log, "start"])?;
        Ok(server)
    }

    /// Where its database is.
    pub(super) fn address(&self) -> String {
        let dir = self.dir.display();
        format!(
            "host='{dir}' port={} user={USER} dbname={DATABASE}",
            self.port
        )
    }

    /// The same by the network.
    pub(super) fn url(&self) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{DATABASE}", self.port)
    }

    /// A program that connects to it.
    pub(super) fn client(&self, program: &str) -> Command {
        let mut command = self.command(program);
        command.arg("--dbname").arg(self.address());
        command
    }

    fn make_dir(&mut self) -> std::io::Result<()> {
        std::fs::create_dir(&self.dir)?;
        self.dir = self.dir.canonicalize()?;
        match self.owner {
            Some((user, group)) => chown(&self.dir, Some(user), Some(group)),
            None => Ok(()),
        }
    }

    /// Runs a program on the folder, and waits for it.
    fn run(&self, program: &str, arguments: &[&str]) -> Outcome {
        let said = self.dir.join("said");
        let failed = |e| Failure::io(format!("cannot run {program}"), &e);
        let output = std::fs::File::create(&said).map_err(failed)?;
        let mut command = self.command(program);
        command.arg("-D").arg(self.dir.join("data")).args(arguments);
        command.stdout(Stdio::null()).stderr(output);
        if command.status().map_err(failed)?.success() {
            return Ok(());
        }
        let said = std::fs::read_to_string(&said).unwrap_or_default();
        Err(Failure::failed(format!(
            "{program} failed: {}",
            said.trim()
        )))
    }

    fn keep(&self) -> Outcome<Child> {
        let mut keeper = self.command("sh");
        keeper
            .arg("-c")
            .arg(KEEPER)
            .arg(self.programs.join("pg_ctl"));
        keeper.arg(&self.dir).stdin(Stdio::piped());
        keeper.spawn().map_err(|e| Failure::io("cannot run sh", &e))
    }

    fn command(&self, program: &str) -> Command {
        let path = self.programs.join(program);
        let mut command = match path.exists() {
            true => Command::new(path),
            false => Command::new(program),
        };
        command.current_dir(&self.dir).stdin(Stdio::null());
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let Some(keeper) = &mut self.keeper else {
            return;
        };
        drop(keeper.stdin.take());
        if let Err(error) = keeper.wait() {
            say(format_args!("PostgreSQL may still run: {error}"));
        }
    }
}

fn free_port() -> std::io::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?.port())
}

/// The programs of the newest version.
fn programs() -> Outcome<PathBuf> {
    let versions = std::fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let dirs = versions.map(|version| version.path().join("bin"));
    let found = dirs.filter(|dir| dir.join("initdb").exists());
    found.max().ok_or_else(|| {
        let text = format!("PostgreSQL is not below {DEBIAN}");
        Failure::usage(text)
            .with_hint("install it (apt-get install postgresql), or give the address of a database")
    })
}

/// The unprivileged user and group that the server runs as; `None`: our own are unprivileged.
fn owner() -> Outcome<Option<(u32, u32)>> {
    if !std::fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0) {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let ids = |name: &str| {
        let line = users.lines().find(|l| l.split(':').next() == Some(name))?;
        let mut ids = line.split(':').skip(2).map(|id| id.parse().ok());
        Some((ids.next()??, ids.next()??))
    };
    match ids("postgres").or_else(|| ids("nobody")) {
        Some(ids) => Ok(Some(ids)),
        None => Err(Failure::failed(
            "PostgreSQL does not run as root, and there is no user 'postgres' or 'nobody'",
        )),
    }
}
