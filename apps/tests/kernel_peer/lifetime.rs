//! Whoever ends, and however: nothing is left over.

use std::fs::{self, read_link};
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use mafo_apps::peer::{Command, Event, KernelPeer, PeerConfig, PeerError};

use crate::cases::Outcome;
use crate::frames::{PATIENCE, wait};
use crate::hosts::{in_role, reason_to_skip, signal};
use crate::start_or_skip;

/// The role of a parent that will be killed: says what it started and waits.
pub(crate) fn hold() -> ExitCode {
    match KernelPeer::start(PeerConfig::default()) {
        Ok((peer, _taps)) => {
            println!("{}", peer.process_id());
            loop {
                std::thread::sleep(Duration::from_secs(3600));
            }
        }
        Err(error) => {
            let skip = reason_to_skip(&error).map(|reason| format!("skip {reason}"));
            println!("{}", skip.unwrap_or_else(|| error.to_string()));
            ExitCode::FAILURE
        }
    }
}

pub(crate) fn parent_killed() -> Outcome {
    let mut parent = in_role("hold").spawn().unwrap();
    let mut line = String::new();
    BufReader::new(parent.stdout.take().unwrap()).read_line(&mut line).unwrap();
    if let Some(reason) = line.strip_prefix("skip ") {
        parent.wait().unwrap();
        return Outcome::Skipped(reason.trim().to_owned());
    }
    let peer: u32 = line.trim().parse().expect(&line);
    let namespace = network_namespace(peer);
    assert!(has_holder(&namespace));
    parent.kill().unwrap();
    parent.wait().unwrap();
    gone(peer, &namespace);
    Outcome::Done
}

pub(crate) fn dropped() -> Outcome {
    let (peer, cables) = start_or_skip!(PeerConfig::default());
    let (process, namespace) = (peer.process_id(), network_namespace(peer.process_id()));
    drop(peer);
    // Not even a zombie: the value has waited for the process.
    assert!(!Path::new(&format!("/proc/{process}")).exists());
    drop(cables);
    gone(process, &namespace);
    Outcome::Done
}

pub(crate) fn peer_killed() -> Outcome {
    let (mut peer, cables) = start_or_skip!(PeerConfig::default());
    let (process, namespace) = (peer.process_id(), network_namespace(peer.process_id()));
    signal(process, libc::SIGKILL);
    match peer.wait(PATIENCE) {
        Err(PeerError::Gone(Some(status))) => assert_eq!(status.signal(), Some(libc::SIGKILL)),
        other => panic!("{other:?}"),
    }
    assert!(matches!(peer.command(Command::Stalls), Err(PeerError::Gone(Some(_)))));
    drop((peer, cables));
    gone(process, &namespace);
    Outcome::Done
}

pub(crate) fn terminal_signals() -> Outcome {
    let (mut peer, _cables) = start_or_skip!(PeerConfig::default());
    for number in [libc::SIGINT, libc::SIGQUIT, libc::SIGHUP, libc::SIGTERM] {
        signal(peer.process_id(), number);
        answers(&mut peer);
    }
    Outcome::Done
}

pub(crate) fn starting_thread_ends() -> Outcome {
    let thread = std::thread::spawn(|| crate::hosts::start(PeerConfig::default()));
    let (mut peer, _cables) = match thread.join().unwrap() {
        Ok(started) => started,
        Err(skipped) => return skipped,
    };
    // The kernel takes the end of the thread for the end of the parent and sends its signal; this
    // one comes after it and is handled after it.
    signal(peer.process_id(), libc::SIGTERM);
    answers(&mut peer);
    // A second is what a process has that believes to be an orphan.
    std::thread::sleep(Duration::from_millis(1500));
    answers(&mut peer);
    Outcome::Done
}

/// It is alive and serves.
pub(crate) fn answers(peer: &mut KernelPeer) {
    peer.command(Command::Report { token: 5, queues: false }).unwrap();
    match peer.wait(PATIENCE).unwrap() {
        Some(Event::Report(report)) => assert_eq!(report.token, 5),
        other => panic!("{other:?}"),
    }
}

fn network_namespace(process: u32) -> PathBuf {
    read_link(format!("/proc/{process}/ns/net")).unwrap()
}

/// Does a process live in the namespace, or hold it open, or is it mounted somewhere?
fn has_holder(namespace: &Path) -> bool {
    let processes = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    let held = processes.filter(|path| path.join("ns").exists()).any(|process| {
        let lives = read_link(process.join("ns/net")).is_ok_and(|link| link == namespace);
        let files = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
        lives
            || files.into_iter().any(|fd| read_link(fd.path()).is_ok_and(|link| link == namespace))
    });
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    held || mounts.contains(&*namespace.to_string_lossy())
}

/// Waits until the process and its namespace are gone.
fn gone(process: u32, namespace: &Path) {
    wait("the end of the peer process", || {
        let status = fs::read_to_string(format!("/proc/{process}/stat")).ok();
        // A zombie has ended; whoever inherited it has not looked yet.
        status.is_none_or(|status| status.contains(") Z ")).then_some(())
    });
    wait("the end of the namespace", || (!has_holder(namespace)).then_some(()));
}
