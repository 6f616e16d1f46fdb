//! What a system call answers when it fails.

use libc::c_int;
use mafo::{ConnectError, ConnectionError, ListenError, SocketError};

/// A value of `errno`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errno(pub c_int);

/// What a call answers.
pub type Outcome<T> = Result<T, Errno>;

impl Errno {
    /// The call would have to wait.
    pub const AGAIN: Self = Self(libc::EAGAIN);
    /// No such descriptor.
    pub const BADF: Self = Self(libc::EBADF);
    /// A pointer that leads nowhere.
    pub const FAULT: Self = Self(libc::EFAULT);
    /// An argument that makes no sense.
    pub const INVAL: Self = Self(libc::EINVAL);
    /// Sending on a side that is shut down.
    pub const PIPE: Self = Self(libc::EPIPE);
    /// No connection.
    pub const NOTCONN: Self = Self(libc::ENOTCONN);
    /// No such option.
    pub const NOPROTOOPT: Self = Self(libc::ENOPROTOOPT);
    /// Not built.
    pub const OPNOTSUPP: Self = Self(libc::EOPNOTSUPP);
}

impl From<ConnectionError> for Errno {
    fn from(error: ConnectionError) -> Self {
        Self(match error {
            ConnectionError::Refused => libc::ECONNREFUSED,
            ConnectionError::Reset => libc::ECONNRESET,
            ConnectionError::TimedOut => libc::ETIMEDOUT,
            ConnectionError::Unreachable => libc::EHOSTUNREACH,
            ConnectionError::AddrInUse => libc::EADDRINUSE,
            ConnectionError::NoBuffers => libc::ENOBUFS,
            ConnectionError::Lost => libc::EIO,
            _ => libc::ECONNABORTED,
        })
    }
}

impl From<SocketError> for Errno {
    fn from(error: SocketError) -> Self {
        match error {
            SocketError::WouldBlock => Self::AGAIN,
            SocketError::Shutdown => Self::PIPE,
            SocketError::NotConnected => Self::NOTCONN,
            SocketError::Connection(error) => error.into(),
            _ => Self::BADF,
        }
    }
}

impl From<ListenError> for Errno {
    fn from(error: ListenError) -> Self {
        Self(match error {
            ListenError::AddrInUse(_) => libc::EADDRINUSE,
            ListenError::AddrNotAvailable(_) => libc::EADDRNOTAVAIL,
            ListenError::Ipv6 => libc::EAFNOSUPPORT,
            _ => libc::ENOBUFS,
        })
    }
}

impl From<ConnectError> for Errno {
    fn from(error: ConnectError) -> Self {
        Self(match error {
            ConnectError::AddrInUse(_) => libc::EADDRNOTAVAIL,
            ConnectError::AddrNotAvailable(_) => libc::EADDRNOTAVAIL,
            ConnectError::Unreachable(_) => libc::ENETUNREACH,
            ConnectError::Ipv6 => libc::EAFNOSUPPORT,
            _ => libc::ENOBUFS,
        })
    }
}
