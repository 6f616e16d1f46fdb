//! What the system does not allow is said in a sentence.

use std::os::unix::fs::PermissionsExt;
use std::process::ExitCode;

use mafo_apps::peer::{KernelPeer, PeerConfig, PeerError, Plan};

use crate::cases::Outcome;
use crate::hosts::{in_role, in_role_without_rights, output};

/// Role: starts a peer and says what came of it.
pub(crate) fn start_and_say() -> ExitCode {
    say(PeerConfig::default())
}

fn say(config: PeerConfig) -> ExitCode {
    match KernelPeer::start(config) {
        Ok((peer, _)) => println!("started: {:?}", peer.isolation()),
        Err(error) => println!("{error}"),
    }
    ExitCode::SUCCESS
}

/// Role: the same when the process and its children may open 64 files.
#[expect(unsafe_code, reason = "std does not set limits")]
pub(crate) fn start_with_few_files() -> ExitCode {
    let limit = libc::rlimit { rlim_cur: 64, rlim_max: 64 };
    // SAFETY: `limit` is an rlimit to read from.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
    say(PeerConfig { connections: 1000, ..PeerConfig::default() })
}

/// Role: the same where /dev/net is empty.
#[expect(unsafe_code, reason = "std does not mount")]
pub(crate) fn start_without_tun() -> ExitCode {
    // SAFETY: all strings are C strings and outlive the calls. The mounts are those of a mount
    // namespace of this process alone.
    let hidden = unsafe {
        let (root, net) = (c"/".as_ptr(), c"/dev/net".as_ptr());
        let (kind, none) = (c"tmpfs".as_ptr(), std::ptr::null());
        libc::unshare(libc::CLONE_NEWNS) == 0
            && libc::mount(none, root, none, libc::MS_REC | libc::MS_PRIVATE, none.cast()) == 0
            && libc::mount(kind, net, kind, 0, none.cast()) == 0
    };
    if !hidden {
        println!("skip no right to mount: {}", std::io::Error::last_os_error());
        return ExitCode::SUCCESS;
    }
    start_and_say()
}

pub(crate) fn few_open_files() -> Outcome {
    // Before anything else, so it does not matter what this user may do.
    assert_eq!(
        output(in_role_without_rights("few files")),
        "the peer process may open 64 files and needs 1128: raise the limit with `ulimit -n 1128`, or ask for fewer connections"
    );
    Outcome::Done
}

pub(crate) fn no_tun_driver() -> Outcome {
    let said = output(in_role("no tun"));
    if let Some(reason) = said.strip_prefix("skip ") {
        return Outcome::Skipped(reason.to_owned());
    }
    assert_eq!(
        said,
        "cannot open the TUN/TAP driver /dev/net/tun: No such file or directory (os error 2) (the kernel has no TUN/TAP driver, or this container no access to it)"
    );
    Outcome::Done
}

pub(crate) fn an_unprivileged_user() -> Outcome {
    let said = output(in_role_without_rights("start"));
    let open_to_all = std::fs::metadata("/dev/net/tun")
        .is_ok_and(|metadata| metadata.permissions().mode() & 0o006 == 0o006);
    if said.starts_with("cannot make a user namespace: ") || said.starts_with("cannot become root ")
    {
        return Outcome::Skipped(said);
    }
    let expected = if open_to_all {
        "started: UserNamespace"
    } else {
        "cannot open the TUN/TAP driver /dev/net/tun: Permission denied (os error 13) (the file's permissions exclude this user)"
    };
    assert_eq!(said, expected);
    Outcome::Done
}

pub(crate) fn capture_file() -> Outcome {
    let pcap = Some("/nonexistent/peer.pcap".into());
    let error = KernelPeer::start(PeerConfig { pcap, ..PeerConfig::default() }).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot write /nonexistent/peer.pcap: No such file or directory (os error 2)"
    );
    Outcome::Done
}

pub(crate) fn impossible_plans() -> Outcome {
    let refused = |config: PeerConfig| match KernelPeer::start(config) {
        Err(PeerError::Config(why)) => why,
        other => panic!("{other:?}"),
    };
    let good = PeerConfig::default;
    for taps in [0, 33] {
        refused(PeerConfig { taps, ..good() });
    }
    refused(PeerConfig { connections: Plan::default().capacity() + 1, ..good() });
    refused(PeerConfig { ageing: Some(std::time::Duration::MAX), ..good() });
    refused(PeerConfig { plan: Plan { peers: Vec::new(), ..Plan::default() }, ..good() });
    Outcome::Done
}
