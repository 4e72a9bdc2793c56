//! What the build and the tests need from the system, and how it is installed when it is missing.

use std::path::Path;
use std::process::Command;

use crate::{Failure, process};

/// A program that must be there, or a library by its path, and the Debian packages that bring it.
struct Need {
    program: &'static str,
    packages: &'static [&'static str],
    why: &'static str,
}

const NEEDS: &[Need] = &[
    Need {
        program: "cc",
        packages: &["gcc", "libc6-dev"],
        why: "links Rust programs and compiles zstd",
    },
    Need {
        program: "initdb",
        packages: &["postgresql"],
        why: "makes the PostgreSQL servers that the tests of event stores and of change data capture start",
    },
    Need {
        program: "mariadbd",
        packages: &["mariadb-server"],
        why: "is the server that the tests of change data capture start",
    },
    Need {
        program: "openssl",
        packages: &["openssl"],
        why: "makes the certificates of that server",
    },
    Need {
        program: "curl",
        packages: &["curl", "ca-certificates"],
        why: "fetches the servers that Debian does not have",
    },
    Need {
        program: "xz",
        packages: &["xz-utils"],
        why: "unpacks them",
    },
    #[cfg(target_arch = "x86_64")]
    Need {
        program: "/usr/lib/x86_64-linux-gnu/libaio.so.1",
        packages: &["libaio1"],
        why: "is a library of MySQL",
    },
    #[cfg(target_arch = "x86_64")]
    Need {
        program: "/usr/lib/x86_64-linux-gnu/libnuma.so.1",
        packages: &["libnuma1"],
        why: "is a library of MySQL",
    },
];

/// Where Debian has programs that are not on the path, one folder a version.
const POSTGRESQL: &str = "/usr/lib/postgresql";

/// Where Debian has servers, which not everybody has on the path.
const SYSTEM: &str = "/usr/sbin";

/// Installs what is missing; says what it does.
pub(crate) fn missing() -> Result<(), Failure> {
    let missing: Vec<&Need> = NEEDS
        .iter()
        .filter(|n| !process::exists(n.program) && !is_off_the_path(n.program))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    for need in &missing {
        println!("'{}' is missing: it {}", need.program, need.why);
    }
    if !process::exists("apt-get") {
        return Err("this is not Debian: install the programs above and run again".to_owned());
    }
    process::run(apt().arg("update"))?;
    process::run(
        apt()
            .args(["install", "-y", "--no-install-recommends"])
            .args(missing.iter().flat_map(|n| n.packages)),
    )
}

/// Whether there is a debugger. Where nobody is asked for a password, one is installed now that it is needed.
pub(crate) fn debugger() -> bool {
    let is_there = || process::exists("gdb");
    if !is_there() && std::env::var_os("CI").is_some() && process::exists("apt-get") {
        let install = ["install", "-y", "--no-install-recommends", "gdb"];
        if let Err(failure) = process::run(apt().args(install)) {
            eprintln!("xtask: {failure}");
        }
    }
    is_there()
}

fn is_off_the_path(program: &str) -> bool {
    // A library has a path of its own, which this leaves as it is.
    if Path::new(SYSTEM).join(program).is_file() {
        return true;
    }
    let Ok(versions) = std::fs::read_dir(POSTGRESQL) else {
        return false;
    };
    versions
        .flatten()
        .any(|version| version.path().join("bin").join(program).is_file())
}

pub(crate) fn is_root() -> bool {
    process::capture(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// `apt-get`, through sudo for people who are not root.
fn apt() -> Command {
    let mut command = if is_root() {
        Command::new("apt-get")
    } else {
        let mut sudo = Command::new("sudo");
        sudo.arg("apt-get");
        sudo
    };
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}
