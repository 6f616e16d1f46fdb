//! What can go wrong, one type an operation.

use core::net::{IpAddr, SocketAddr};

use mafo_tcp::IcmpError;
use thiserror::Error;

/// Why a listener could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ListenError {
    /// Somebody listens there already.
    #[error("{0} is in use")]
    AddrInUse(SocketAddr),
    /// The address is not one of ours.
    #[error("{0} is not an address of this host")]
    AddrNotAvailable(IpAddr),
    /// IPv6 is not built.
    #[error("IPv6 is not supported")]
    Ipv6,
    /// No listener is free on an adapter.
    #[error("no room for another listener")]
    TableFull,
}

/// Why a connection could not be opened at once. What the network answers comes later, as a
/// [`ConnectionError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The local port, or every ephemeral one, is taken towards this peer.
    #[error("no free local port towards {0}")]
    AddrInUse(SocketAddr),
    /// The local address is not ours.
    #[error("{0} is not an address of this host")]
    AddrNotAvailable(IpAddr),
    /// There is no route to the peer.
    #[error("no route to {0}")]
    Unreachable(IpAddr),
    /// What is received of a connection from this local port comes to another lcore, which has to open it.
    #[error("connections from port {port} to {remote} belong to lcore {lcore}")]
    OtherLcore {
        /// The local port that was asked for.
        port: u16,
        /// The peer.
        remote: SocketAddr,
        /// The lcore.
        lcore: usize,
    },
    /// IPv6 is not built.
    #[error("IPv6 is not supported")]
    Ipv6,
    /// No socket, buffer or tid is free.
    #[error("no room for another connection")]
    TableFull,
}

/// Why a connection stays with its lcore.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MoveError {
    /// There is no such socket (any more).
    #[error("no such socket")]
    NoSuchSocket,
    /// It is this lcore, or there are not so many.
    #[error("lcore {lcore} is no other one of {lcores}")]
    NoOtherLcore {
        /// The lcore that was asked for.
        lcore: usize,
        /// How many there are.
        lcores: usize,
    },
    /// Its handshake is not through, nobody has accepted it, or it is over.
    #[error("the connection is not open")]
    NotOpen,
    /// An adapter has it, or is to have it again: its frames come to the lcore of that adapter's queues.
    #[error("the connection is an adapter's")]
    Offloaded,
    /// Both of its ends are on this host, where frames cross no lcores.
    #[error("both ends of the connection are on this host")]
    WithItself,
    /// Memory that was lent to it is not acknowledged yet.
    #[error("bytes that were lent are still under way")]
    Lent,
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The peer sent a reset while the connection was opening.
    #[error("connection refused")]
    Refused,
    /// The peer sent a reset.
    #[error("connection reset by peer")]
    Reset,
    /// The peer stopped answering.
    #[error("connection timed out")]
    TimedOut,
    /// Nobody answers for the next hop.
    #[error("no route to host")]
    Unreachable,
    /// An ICMP error said so: while the connection opened, or before the peer fell silent.
    #[error("{0}")]
    Icmp(IcmpReason),
    /// The 4-tuple is in use on the adapter.
    #[error("address already in use")]
    AddrInUse,
    /// The adapter has no room for the connection.
    #[error("no room on the adapter")]
    NoBuffers,
    /// We aborted it.
    #[error("connection aborted")]
    Aborted,
    /// Its adapter died, and no other could go on with it without a hole in what was received.
    #[error("connection lost with its adapter")]
    Lost,
}

/// What an ICMP error said, as a reason for an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum IcmpReason {
    /// `ENETUNREACH`.
    #[error("network is unreachable")]
    NetUnreachable,
    /// `EHOSTUNREACH`.
    #[error("no route to host")]
    HostUnreachable,
    /// `ENOPROTOOPT`.
    #[error("protocol not available")]
    ProtocolUnreachable,
    /// `EOPNOTSUPP`.
    #[error("source route failed")]
    SourceRouteFailed,
    /// `EHOSTDOWN`.
    #[error("host is down")]
    HostDown,
    /// `ENONET`.
    #[error("machine is not on the network")]
    SourceIsolated,
    /// `EPROTO`.
    #[error("protocol error")]
    ParameterProblem,
}

impl From<IcmpError> for ConnectionError {
    /// As Linux reports them.
    fn from(error: IcmpError) -> Self {
        Self::Icmp(match error {
            IcmpError::NetUnreachable => IcmpReason::NetUnreachable,
            IcmpError::HostUnreachable | IcmpError::Prohibited | IcmpError::TimeExceeded => {
                IcmpReason::HostUnreachable
            }
            IcmpError::ProtocolUnreachable => IcmpReason::ProtocolUnreachable,
            IcmpError::PortUnreachable => return Self::Refused,
            IcmpError::SourceRouteFailed => IcmpReason::SourceRouteFailed,
            IcmpError::HostUnknown => IcmpReason::HostDown,
            IcmpError::SourceIsolated => IcmpReason::SourceIsolated,
            IcmpError::ParameterProblem => IcmpReason::ParameterProblem,
        })
    }
}

/// Why a call on a socket did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SocketError {
    /// Nothing to read, or no room to write: an event will tell when that changes.
    #[error("operation would block")]
    WouldBlock,
    /// The socket's sending side has been shut down.
    #[error("the sending side is shut down")]
    Shutdown,
    /// The handshake is not through.
    #[error("not connected")]
    NotConnected,
    /// No socket has this id any more.
    #[error("no such socket")]
    NoSuchSocket,
    /// The bytes lie in another stack's memory, which the adapters of this one cannot read.
    #[error("memory that was lent by another stack")]
    ForeignMemory,
    /// The connection ended before its time.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
}
