//! Where the threads of a program are that does not go on, and its end.

use std::process::{Child, Command, Stdio};

use crate::{install, process};

/// Frames of each thread.
const FRAMES: u32 = 40;

/// Where the threads of a process and of those that it started are: by gdb, else what the kernel says of them.
pub(crate) fn of(pid: u32) -> String {
    let debugger = install::debugger();
    let mut all = String::new();
    for pid in family(pid) {
        all += &format!("\n--- process {pid}: {}\n", command_line(pid));
        let by_gdb = debugger.then(|| by_gdb(pid)).flatten();
        all += &by_gdb.unwrap_or_else(|| by_kernel(pid));
    }
    all
}

/// Kills a process and those that it started.
pub(crate) fn kill(child: &mut Child) {
    let others = family(child.id());
    // What cannot be killed has ended meanwhile.
    let _ended = child.kill();
    for pid in others.iter().skip(1) {
        let mut kill = Command::new("kill");
        let _ended = kill
            .args(["-9", &pid.to_string()])
            .stderr(Stdio::null())
            .status();
    }
    let _status = child.wait();
}

/// A process, then its descendants.
fn family(pid: u32) -> Vec<u32> {
    let mut all = vec![pid];
    let mut at = 0;
    while let Some(pid) = all.get(at).copied() {
        for task in numbers(&format!("/proc/{pid}/task")) {
            let children = read(&format!("/proc/{pid}/task/{task}/children"));
            all.extend(
                children
                    .split_whitespace()
                    .filter_map(|c| c.parse::<u32>().ok()),
            );
        }
        at += 1;
    }
    all
}

/// The entries of a directory that are numbers, in order.
fn numbers(dir: &str) -> Vec<u32> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut numbers: Vec<u32> = entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    numbers.sort_unstable();
    numbers
}

/// A file of the kernel's; empty if it is not to be read.
fn read(path: &str) -> String {
    let bytes = std::fs::read(path).unwrap_or_default();
    String::from_utf8_lossy(&bytes).trim_end().to_owned()
}

fn command_line(pid: u32) -> String {
    read(&format!("/proc/{pid}/cmdline")).replace('\0', " ")
}

fn by_gdb(pid: u32) -> Option<String> {
    let stacks = process::capture(Command::new("gdb").args([
        "-p",
        &pid.to_string(),
        "-batch",
        "-ex",
        &format!("thread apply all backtrace {FRAMES}"),
    ]));
    stacks.ok().filter(|stacks| stacks.contains("#0"))
}

/// Name, system call and, if we may see it, kernel stack of each thread.
fn by_kernel(pid: u32) -> String {
    let mut all = String::new();
    for task in numbers(&format!("/proc/{pid}/task")) {
        let of = |what: &str| read(&format!("/proc/{pid}/task/{task}/{what}"));
        all += &format!("thread {task} \"{}\" in {}\n", of("comm"), of("wchan"));
        let stack = of("stack");
        if !stack.is_empty() {
            all += &format!("{stack}\n");
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn threads_are_named_also_without_a_debugger() {
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::Builder::new().name("waits".to_owned());
        let thread = thread.spawn(move || ended.recv()).expect("a thread");
        // It names itself.
        while !by_kernel(std::process::id()).contains("\"waits\"") {
            assert!(!thread.is_finished());
            std::thread::yield_now();
        }
        drop(end);
        assert!(thread.join().expect("it ends").is_err());
    }

    #[test]
    fn a_process_is_killed_with_those_that_it_started() {
        let begin = Instant::now();
        let mut shell = Command::new("sh");
        shell.args(["-c", "sleep 60 & echo; wait"]);
        let mut child = shell.stdout(Stdio::piped()).spawn().expect("sh runs");
        let mut output = child.stdout.take().expect("a pipe");
        let mut said = vec![0];
        output.read_exact(&mut said).expect("the line");
        assert_eq!(family(child.id()).len(), 2);
        kill(&mut child);
        // Ends when nobody has the other end.
        output.read_to_end(&mut said).expect("a pipe");
        assert!(begin.elapsed() < Duration::from_secs(50));
    }
}
