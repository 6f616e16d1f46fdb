//! Where a program's socket is: DPDK's run-time directory, or where the user says.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Type};

/// Programs with the same prefix.
const INSTANCES_MAX: usize = 64;
/// The socket's name, which others find it by.
const NAME: &str = "dpdk_telemetry.v2";
/// Clients that wait to be accepted.
const BACKLOG: i32 = 10;

/// Where a socket is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the run-time directory of programs with this prefix; where another one listens already, behind its name with a
    /// number.
    Directory(PathBuf),
    /// There.
    Path(PathBuf),
}

/// The run-time directory of programs with this prefix, as DPDK has it and `dpdk-telemetry.py` looks for it: `dpdk/PREFIX`
/// below RUNTIME_DIRECTORY, else /var/run for root and XDG_RUNTIME_DIR, or /tmp, for others.
#[must_use]
pub fn directory(prefix: &str) -> PathBuf {
    let of = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let root = match of("RUNTIME_DIRECTORY") {
        Some(root) => root.into(),
        None if our_uid() == 0 => PathBuf::from("/var/run"),
        None => of("XDG_RUNTIME_DIR").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from),
    };
    root.join("dpdk").join(prefix)
}

/// Who we are. Who cannot tell is nobody, to whom nothing belongs.
fn our_uid() -> u32 {
    fs::metadata("/proc/self").map_or(u32::MAX - 1, |process| process.uid())
}

fn wrong(path: &Path, what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, format!("{}: {what}", path.display()))
}

/// An error, and what it is about.
fn about(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Makes the run-time directory, for nobody but us. One that is there has to be such a one: in /tmp anybody could have made
/// it.
fn make(directory: &Path) -> io::Result<()> {
    let all = directory.parent().into_iter().chain([directory]);
    for path in all {
        let made = DirBuilder::new().recursive(false).mode(0o700).create(path);
        match made {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made.map_err(|error| about(path, error))?,
        }
        let found = fs::symlink_metadata(path).map_err(|error| about(path, error))?;
        if !found.is_dir() {
            return Err(wrong(path, "it is there, and is no directory"));
        }
        if found.uid() != our_uid() {
            let why = format!(
                "it belongs to user {}: XDG_RUNTIME_DIR can name another place",
                found.uid()
            );
            return Err(wrong(path, &why));
        }
        if found.mode() & 0o022 != 0 {
            return Err(wrong(path, "others may write to it: chmod 700 makes it ours alone"));
        }
    }
    Ok(())
}

fn packets() -> io::Result<socket2::Socket> {
    socket2::Socket::new(Domain::UNIX, Type::SEQPACKET, None)
}

impl Place {
    /// A socket that listens there, and where that is.
    pub(crate) fn bind(&self) -> io::Result<(socket2::Socket, PathBuf)> {
        let directory = match self {
            Self::Path(path) => {
                let in_use = || wrong_use(path, "a program listens there already");
                return listen(path)?.map(|listener| (listener, path.clone())).ok_or_else(in_use);
            }
            Self::Directory(directory) => directory,
        };
        // What is above DPDK's part of it is the system's.
        if let Some(above) = directory.parent().and_then(Path::parent) {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(above)
                .map_err(|error| about(above, error))?;
        }
        make(directory)?;
        for n in 0..INSTANCES_MAX {
            let name = if n == 0 { NAME.to_owned() } else { format!("{NAME}:{n}") };
            let path = directory.join(name);
            if let Some(listener) = listen(&path)? {
                return Ok((listener, path));
            }
        }
        Err(wrong_use(directory, &format!("{INSTANCES_MAX} programs listen here")))
    }
}

fn wrong_use(path: &Path, what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::AddrInUse, format!("{}: {what}", path.display()))
}

/// Listens at `path`; `None` where somebody does already. A socket of ours that a program has left which ended otherwise
/// is taken away, and nothing else.
fn listen(path: &Path) -> io::Result<Option<socket2::Socket>> {
    let named = |error| about(path, error);
    let address = SockAddr::unix(path).map_err(named)?;
    match packets()?.connect(&address) {
        Ok(()) => return Ok(None),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound => {}
            io::ErrorKind::WouldBlock => return Ok(None),
            io::ErrorKind::ConnectionRefused => {
                let left = fs::symlink_metadata(path).map_err(named)?;
                if !left.file_type().is_socket() || left.uid() != our_uid() {
                    return Err(wrong(path, "it is there, and is no socket of ours"));
                }
                fs::remove_file(path).map_err(named)?;
            }
            _ => return Err(named(error)),
        },
    }
    let listener = packets()?;
    listener.bind(&address).map_err(named)?;
    listener.listen(BACKLOG).map_err(named)?;
    Ok(Some(listener))
}
