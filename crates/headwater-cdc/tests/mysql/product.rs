//! The two servers as programs: where they are, what each is started with, and the first folder of data, which is made
//! once for each test program and copied for each server.

use std::io::Write;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use super::{PASSWORD, USER};

/// Where `cargo xtask test` puts servers that Debian does not have: in the workspace, or for all users.
const FETCHED: [&str; 2] = [
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/servers"),
    "/var/cache/headwater/servers",
];
const MYSQL: &str = "mysql-8.0.33";
/// What change data capture needs, and what makes a test quick.
const SETTINGS: &[&str] = &[
    "--bind-address=127.0.0.1",
    "--server-id=1",
    "--log-bin=binlog",
    "--binlog-format=ROW",
    "--binlog-row-image=FULL",
    "--binlog-row-metadata=FULL",
    "--character-set-server=utf8mb4",
    "--skip-name-resolve",
    "--innodb-buffer-pool-size=32M",
    "--max-allowed-packet=64M",
];
const OF_MARIADB: &[&str] = &["--gtid-strict-mode=ON", "--innodb-log-file-size=16M"];
/// It syncs its logs at each commit unless told; a server that is killed needs no more than writing.
const OF_MYSQL: &[&str] = &[
    "--gtid-mode=ON",
    "--enforce-gtid-consistency=ON",
    "--innodb-redo-log-capacity=16M",
    "--sync-binlog=0",
    "--innodb-flush-log-at-trx-commit=2",
    "--performance-schema=OFF",
    "--mysqlx=OFF",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Product {
    MariaDb,
    MySql,
}

impl Product {
    pub(crate) const BOTH: [Self; 2] = [Self::MariaDb, Self::MySql];

    /// Whether there is one; if not, that is said on the terminal, past the test harness.
    ///
    /// # Panics
    /// If there is none and this is CI.
    pub(super) fn is_installed(self) -> bool {
        let is_there = self.program().is_file();
        if !is_there {
            let what = format!(
                "{self:?} is not installed (`cargo xtask test` does it): its tests are NOT run"
            );
            assert!(std::env::var_os("CI").is_none(), "{what}");
            let line = format!("\n{what}\n\n");
            std::io::stderr().write_all(line.as_bytes()).unwrap();
        }
        is_there
    }

    /// Every setting unless a test says another one after it.
    pub(super) fn settings(self) -> impl Iterator<Item = &'static str> {
        let own = match self {
            Self::MariaDb => OF_MARIADB,
            Self::MySql => OF_MYSQL,
        };
        SETTINGS.iter().chain(own).copied()
    }

    /// The server's program, with what it always needs.
    pub(super) fn command(self, dir: &Path) -> Command {
        let program = self.program();
        let mut server = Command::new(&program);
        server.arg("--no-defaults").args(user());
        if let (Self::MySql, Some(base)) = (self, program.ancestors().nth(2)) {
            server.arg(format!("--basedir={}", base.display()));
        }
        server.args(folders(dir)).stdin(Stdio::null());
        server
    }

    fn program(self) -> PathBuf {
        match self {
            // Debian has servers where not everybody's path leads.
            Self::MariaDb => {
                let path = std::env::var_os("PATH").unwrap_or_default();
                let mut dirs: Vec<PathBuf> = std::env::split_paths(&path).collect();
                dirs.push("/usr/sbin".into());
                let mut programs = dirs.into_iter().map(|dir| dir.join("mariadbd"));
                let found = programs.find(|program| program.is_file());
                found.unwrap_or_else(|| "mariadbd".into())
            }
            Self::MySql => {
                let mut folders = FETCHED.iter().map(|dir| Path::new(dir).join(MYSQL));
                let found = folders.find(|folder| folder.is_dir());
                found.unwrap_or_default().join("bin/mysqld")
            }
        }
    }

    /// Puts a first folder of data into a server's folder.
    pub(super) fn init(self, dir: &Path) {
        static MARIADB: OnceLock<Template> = OnceLock::new();
        static MYSQL: OnceLock<Template> = OnceLock::new();
        let template = match self {
            Self::MariaDb => &MARIADB,
            Self::MySql => &MYSQL,
        };
        let template = template.get_or_init(|| Template::make(self));
        let mut copy = Command::new("cp");
        copy.arg("-a").arg(template.dir.join("data")).arg(dir);
        assert!(copy.status().unwrap().success());
    }
}

/// A folder of data that no server has used, with a user that may do everything.
struct Template {
    dir: PathBuf,
    _keeper: Child,
}

impl Template {
    fn make(product: Product) -> Self {
        let dir = folder();
        let new = Self {
            _keeper: keeper(&dir),
            dir,
        };
        match product {
            Product::MariaDb => new.make_mariadb(),
            Product::MySql => new.make_mysql(),
        }
        new
    }

    fn make_mariadb(&self) {
        let mut install = Command::new("mariadb-install-db");
        install.args(["--no-defaults", "--skip-test-db"]);
        install.arg("--auth-root-authentication-method=normal");
        install.arg("--innodb-log-file-size=16M");
        install.args(folders(&self.dir)).args(user());
        done(install.stdin(Stdio::null()));
        let mut bootstrap = Product::MariaDb.command(&self.dir);
        bootstrap.args(["--bootstrap", "--innodb-log-file-size=16M"]);
        let first = format!(
            "FLUSH PRIVILEGES;\n\
             CREATE USER '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';\n\
             GRANT ALL ON *.* TO '{USER}'@'%' WITH GRANT OPTION;\n"
        );
        done(bootstrap.stdin(self.script(&first)));
    }

    fn make_mysql(&self) {
        let first = format!(
            "CREATE USER '{USER}'@'%' IDENTIFIED WITH mysql_native_password BY '{PASSWORD}';\n\
             GRANT ALL ON *.* TO '{USER}'@'%' WITH GRANT OPTION;\n"
        );
        self.script(&first);
        let mut init = Product::MySql.command(&self.dir);
        init.args(["--initialize-insecure", "--innodb-redo-log-capacity=16M"]);
        init.arg(format!("--init-file={}", self.script_path().display()));
        done(&mut init);
        // By this a server is known to others: each makes one of its own.
        std::fs::remove_file(self.dir.join("data/auto.cnf")).unwrap();
    }

    fn script_path(&self) -> PathBuf {
        self.dir.join("init.sql")
    }

    fn script(&self, sql: &str) -> std::fs::File {
        std::fs::write(self.script_path(), sql).unwrap();
        std::fs::File::open(self.script_path()).unwrap()
    }
}

fn done(command: &mut Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}

fn folders(dir: &Path) -> [String; 2] {
    let dir = dir.display();
    [format!("--datadir={dir}/data"), format!("--tmpdir={dir}")]
}

/// A new folder of whom the server is to run as.
pub(super) fn folder() -> PathBuf {
    let dir = tempfile::Builder::new()
        .prefix("headwater-mysql-")
        .tempdir()
        .unwrap()
        .keep();
    if is_root() {
        let (user, group) = owner();
        chown(&dir, Some(user), Some(group)).unwrap();
    }
    dir
}

/// Waits for the end of this process, however it comes, and cleans up.
pub(super) fn keeper(dir: &Path) -> Child {
    const SCRIPT: &str = r#"
        trap '' INT TERM HUP
        read -r _
        [ ! -f "$0/pid" ] || kill -9 "$(cat "$0/pid")" 2>/dev/null || true
        rm -rf "$0"
    "#;
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
