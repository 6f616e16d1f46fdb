//! Starting kernel peers, and this program again in other roles.

use std::net::Ipv4Addr;
use std::os::unix::process::CommandExt;
use std::process::{Command as Process, ExitCode, Stdio};

use mafo_apps::peer::{Isolation, KernelPeer, PeerConfig, PeerError, Step};

use crate::cases::Outcome;
use crate::frames::Cable;

pub(crate) const OURS: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
pub(crate) const PEER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);

/// Why this system cannot run the case, if the error says so: what the user may not do, or what the
/// kernel does not have. Everything else is a failure.
pub(crate) fn reason_to_skip(error: &PeerError) -> Option<String> {
    let PeerError::Refused(refusal) = error else { return None };
    let denied = matches!(
        refusal.error.raw_os_error(),
        Some(
            libc::EPERM
                | libc::EACCES
                | libc::ENOENT
                | libc::ENODEV
                | libc::ENOSPC
                | libc::EOPNOTSUPP
        )
    );
    let by_rights = matches!(
        refusal.step,
        Step::NetworkNamespace
            | Step::UserNamespace
            | Step::UserMap
            | Step::TunDevice
            | Step::Tap
            | Step::Bridge
    );
    (denied && by_rights).then(|| error.to_string())
}

/// Starts a kernel peer for a case, which is skipped if the system does not allow one.
pub(crate) fn start(config: PeerConfig) -> Result<(KernelPeer, Vec<Cable>), Outcome> {
    match KernelPeer::start(config) {
        Ok((peer, taps)) => Ok((peer, taps.into_iter().map(Cable::new).collect())),
        Err(error) => match reason_to_skip(&error) {
            Some(reason) => Err(Outcome::Skipped(reason)),
            None => panic!("{error}"),
        },
    }
}

/// Starts a kernel peer and ends the case if the system does not allow one.
#[macro_export]
macro_rules! start_or_skip {
    ($config:expr) => {
        match $crate::hosts::start($config) {
            Ok(started) => started,
            Err(skipped) => return skipped,
        }
    };
}

pub(crate) fn in_user_namespace() -> PeerConfig {
    PeerConfig { isolation: Some(Isolation::UserNamespace), ..PeerConfig::default() }
}

/// First argument of this program in another role; the role comes second.
const ROLE: &str = "__role";

/// A name and what to run.
pub(crate) type Role = (&'static str, fn() -> ExitCode);

/// Plays a role if the program was started for that.
pub(crate) fn run_role_if_asked(roles: &[Role]) -> Option<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next()? != ROLE {
        return None;
    }
    let asked = arguments.next()?;
    roles.iter().find(|(name, _)| *name == asked).map(|(_, play)| play())
}

/// This program in another role; its standard output is read.
pub(crate) fn in_role(role: &str) -> Process {
    let mut process = Process::new("/proc/self/exe");
    process.arg0("kernel_peer").args([ROLE, role]).stdin(Stdio::null()).stdout(Stdio::piped());
    process
}

/// What it prints.
pub(crate) fn output(mut process: Process) -> String {
    let output = process.output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// This program in another role, as a user without rights if it is root now.
pub(crate) fn in_role_without_rights(role: &str) -> Process {
    const NOBODY: u32 = 65_534;
    let mut process = in_role(role);
    if is_root() {
        process.uid(NOBODY).gid(NOBODY);
    }
    process
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Sends a signal to one process.
#[expect(unsafe_code, reason = "std only knows SIGKILL")]
pub(crate) fn signal(process: u32, signal: i32) {
    // SAFETY: takes no pointer.
    assert_eq!(unsafe { libc::kill(process as i32, signal) }, 0, "signal {signal}");
}
