//! Why there is no kernel peer, in sentences for the user.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use super::protocol::{Malformed, Step};

/// The kernel peer could not be started, or is gone.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// The configuration contradicts itself.
    #[error("the peer cannot be set up like this: {0}")]
    Config(&'static str),
    /// The file for the capture cannot be written.
    #[error("cannot write {path}: {error}")]
    CaptureFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The process could not be started.
    #[error("cannot start the peer process: {0}")]
    Spawn(#[source] io::Error),
    /// The system does not let the peer process do what it has to.
    #[error("{0}")]
    Refused(Refusal),
    /// The peer process may open too few files, and may not raise the limit.
    #[error(
        "the peer process may open {have} files and needs {want}: raise the limit with `ulimit -n {want}`, or ask for fewer connections"
    )]
    OpenFiles {
        /// The limit in force.
        have: u64,
        /// What the connections take.
        want: u64,
    },
    /// The peer process has not answered in time.
    #[error("the peer process does not answer")]
    Silent,
    /// The peer process has ended.
    #[error("the peer process has ended ({})", .0.map_or_else(|| "still running".to_owned(), |status| status.to_string()))]
    Gone(Option<ExitStatus>),
    /// What the peer process says makes no sense.
    #[error("the peer process sent {0}")]
    Malformed(#[from] Malformed),
    /// The socket to the peer process failed.
    #[error("the socket to the peer process: {0}")]
    Socket(#[from] io::Error),
}

/// A step of setting up that the system refused.
#[derive(Debug)]
pub struct Refusal {
    /// The step.
    pub step: Step,
    /// Why.
    pub error: io::Error,
    /// What it was about: a device, a file; may be empty.
    pub detail: String,
}

impl Refusal {
    /// What the user might do, or what it means.
    fn hint(&self) -> &'static str {
        let denied = matches!(self.error.raw_os_error(), Some(libc::EPERM | libc::EACCES));
        match self.step {
            Step::NetworkNamespace if denied => " (run as root)",
            Step::UserNamespace => " (not root, and this system grants no user namespace)",
            Step::UserMap if denied => " (this system grants user namespaces without rights)",
            Step::TunDevice if self.error.kind() == io::ErrorKind::NotFound => {
                " (the kernel has no TUN/TAP driver, or this container no access to it)"
            }
            Step::TunDevice if denied => " (the file's permissions exclude this user)",
            Step::Tap | Step::Bridge | Step::BridgePort if denied => {
                " (this system grants namespaces without network rights)"
            }
            Step::Bridge if self.error.raw_os_error() == Some(libc::EOPNOTSUPP) => {
                " (the kernel has no bridge)"
            }
            _ => "",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.step {
            Step::Handshake => "cannot talk to the peer process",
            Step::OpenFiles => "cannot read the limit on open files",
            Step::NetworkNamespace => "cannot make a network namespace",
            Step::UserNamespace => "cannot make a user namespace",
            Step::UserMap => "cannot become root of the user namespace",
            Step::TunDevice => "cannot open the TUN/TAP driver",
            Step::Tap => "cannot make a TAP device",
            Step::Bridge => "cannot make a bridge",
            Step::BridgePort => "cannot add a TAP device to the bridge",
            Step::Address => "cannot give the bridge an address",
            Step::Capture => "cannot capture on the bridge",
            Step::Sockets => "cannot open the peer's sockets",
        };
        let error = &self.error;
        let separator = if self.detail.is_empty() { "" } else { " " };
        write!(f, "{what}{separator}{}: {error}{}", self.detail, self.hint())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(step: Step, errno: i32, detail: &str) -> String {
        let error = io::Error::from_raw_os_error(errno);
        PeerError::Refused(Refusal { step, error, detail: detail.into() }).to_string()
    }

    #[test]
    fn refusals_are_plain_sentences() {
        assert_eq!(
            refusal(Step::NetworkNamespace, libc::EPERM, ""),
            "cannot make a network namespace: Operation not permitted (os error 1) (run as root)"
        );
        assert_eq!(
            refusal(Step::TunDevice, libc::ENOENT, "/dev/net/tun"),
            "cannot open the TUN/TAP driver /dev/net/tun: No such file or directory (os error 2) (the kernel has no TUN/TAP driver, or this container no access to it)"
        );
        assert_eq!(
            refusal(Step::Address, libc::EEXIST, "10.77.0.1"),
            "cannot give the bridge an address 10.77.0.1: File exists (os error 17)"
        );
    }
}
