//! What the two processes say to each other.
//!
//! One packet of a SOCK_SEQPACKET pair carries one message: a version byte, a tag byte, the fields in
//! the order of their declaration, integers little-endian, lists and strings behind a 32-bit length.
//! Both ends normally are the same program, so the version only guards against a binary that was
//! replaced while it ran. A message that does not decode to its last byte is an error.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::Range;

use super::clock::Monotonic;
use super::plan::{End, Plan};

/// Version of everything in this file; raised with every change.
pub(super) const VERSION: u8 = 3;

/// Bytes that are no message of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The other process speaks another version.
    #[error("the other process speaks version {0} of the protocol, this one {VERSION}")]
    Version(u8),
    /// Truncated, overlong, or a value that does not exist.
    #[error("a message that does not decode")]
    Content,
}

/// A value that has a place in a message.
pub(super) trait Field: Sized {
    /// Appends the value.
    fn put(&self, out: &mut Vec<u8>);
    /// Takes the value from the front; `None` if it is not there.
    fn take(from: &mut &[u8]) -> Option<Self>;
}

macro_rules! integers {
    ($($t:ty),*) => {$(
        impl Field for $t {
            fn put(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
            fn take(from: &mut &[u8]) -> Option<Self> {
                let (bytes, rest) = from.split_first_chunk()?;
                *from = rest;
                Some(Self::from_le_bytes(*bytes))
            }
        }
    )*};
}
integers!(u8, u16, u32, u64, i32);

impl Field for bool {
    fn put(&self, out: &mut Vec<u8>) {
        u8::from(*self).put(out);
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        match u8::take(from)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl<T: Field> Field for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        if bool::take(from)? { T::take(from).map(Some) } else { Some(None) }
    }
}

impl<T: Field> Field for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u32).put(out);
        self.iter().for_each(|value| value.put(out));
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        // The length is not believed: the list grows by what is really there.
        (0..u32::take(from)?).map(|_| T::take(from)).collect()
    }
}

impl Field for String {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u32).put(out);
        out.extend_from_slice(self.as_bytes());
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        let len = u32::take(from)? as usize;
        let (bytes, rest) = from.split_at_checked(len)?;
        *from = rest;
        Self::from_utf8(bytes.to_vec()).ok()
    }
}

impl Field for [u8; 6] {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        let (bytes, rest) = from.split_first_chunk()?;
        *from = rest;
        Some(*bytes)
    }
}

impl Field for Ipv4Addr {
    fn put(&self, out: &mut Vec<u8>) {
        self.to_bits().put(out);
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        u32::take(from).map(Self::from_bits)
    }
}

impl Field for SocketAddrV4 {
    fn put(&self, out: &mut Vec<u8>) {
        self.ip().put(out);
        self.port().put(out);
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        Some(Self::new(Ipv4Addr::take(from)?, u16::take(from)?))
    }
}

impl Field for Range<u32> {
    fn put(&self, out: &mut Vec<u8>) {
        self.start.put(out);
        self.end.put(out);
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        Some(u32::take(from)?..u32::take(from)?)
    }
}

impl Field for Monotonic {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        u64::take(from).map(Self)
    }
}

/// An enum without fields: one byte on the wire.
macro_rules! choice {
    ($name:ty { $($value:path = $code:literal),* $(,)? }) => {
        impl Field for $name {
            fn put(&self, out: &mut Vec<u8>) {
                let code: u8 = match self { $($value => $code),* };
                code.put(out);
            }
            fn take(from: &mut &[u8]) -> Option<Self> {
                match u8::take(from)? { $($code => Some($value),)* _ => None }
            }
        }
    };
}

/// The fields of a struct, in the order given.
macro_rules! fields {
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl Field for $name {
            fn put(&self, out: &mut Vec<u8>) {
                $(self.$field.put(out);)*
            }
            fn take(from: &mut &[u8]) -> Option<Self> {
                Some(Self { $($field: Field::take(from)?),* })
            }
        }
    };
}

/// An enum of messages: each variant has a tag byte and its fields in order.
macro_rules! messages {
    ($(#[$meta:meta])* $vis:vis enum $name:ident {
        $($(#[$doc:meta])* $variant:ident $({ $($(#[$fdoc:meta])* $field:ident: $t:ty),* $(,)? })? = $tag:literal,)*
    }) => {
        $(#[$meta])* #[derive(Clone, Debug, PartialEq)]
        $vis enum $name {
            $($(#[$doc])* $variant $({ $($(#[$fdoc])* $field: $t),* })?,)*
        }

        impl $name {
            /// The message as one packet.
            pub(super) fn encode(&self) -> Vec<u8> {
                let mut out = vec![VERSION];
                match self {
                    $(Self::$variant $({ $($field),* })? => {
                        out.push($tag);
                        $($($field.put(&mut out);)*)?
                    })*
                }
                out
            }

            /// The message in a packet.
            pub(super) fn decode(packet: &[u8]) -> Result<Self, Malformed> {
                let (&version, rest) = packet.split_first().ok_or(Malformed::Content)?;
                if version != VERSION {
                    return Err(Malformed::Version(version));
                }
                let mut rest = rest;
                let message = Self::take(&mut rest).ok_or(Malformed::Content)?;
                if rest.is_empty() { Ok(message) } else { Err(Malformed::Content) }
            }

            fn take(from: &mut &[u8]) -> Option<Self> {
                match u8::take(from)? {
                    $($tag => Some(Self::$variant $({ $($field: Field::take(from)?),* })?),)*
                    _ => None,
                }
            }
        }
    };
}

/// How a namespace of its own was obtained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// A network namespace, which takes CAP_SYS_ADMIN.
    Privileged,
    /// A network namespace inside a user namespace, which some systems grant to everybody.
    UserNamespace,
}

choice!(Isolation { Isolation::Privileged = 0, Isolation::UserNamespace = 1 });
choice!(End { End::Peer = 0, End::Ours = 1 });
fields!(Plan { ours, peers, prefix_len, listen_port, base_port, ports_per_address });

/// What the peer process has to set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setup {
    /// The only way to a namespace that will do; `None`: whichever the system grants.
    pub isolation: Option<Isolation>,
    /// Addresses and ports.
    pub plan: Plan,
    /// Which end of the plan the process plays.
    pub end: End,
    /// TAP devices on the bridge.
    pub taps: u8,
    /// MTU of the TAP devices and of the bridge.
    pub mtu: u32,
    /// Do the bridge's ports flood unknown unicast?
    pub flood: bool,
    /// After how many milliseconds the bridge forgets an address; `None`: the kernel's default.
    pub ageing_ms: Option<u32>,
    /// How many connections will be asked for.
    pub connections: u32,
    /// Seed of the streams.
    pub seed: u64,
    /// Congestion control of all TCP sockets; `None`: the kernel's default.
    pub congestion: Option<String>,
    /// Does a file for a capture come with the message?
    pub capture: bool,
}
fields!(Setup {
    isolation,
    plan,
    end,
    taps,
    mtu,
    flood,
    ageing_ms,
    connections,
    seed,
    congestion,
    capture
});

/// Why a step of setting up failed; names the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The first message, and the socket it came on.
    Handshake,
    /// Raising RLIMIT_NOFILE.
    OpenFiles,
    /// A network namespace with the rights the process has.
    NetworkNamespace,
    /// A user namespace with a network namespace inside.
    UserNamespace,
    /// Mapping root of the user namespace to the user.
    UserMap,
    /// Opening /dev/net/tun.
    TunDevice,
    /// Making a TAP device.
    Tap,
    /// Making the bridge.
    Bridge,
    /// Making a TAP device a port of the bridge.
    BridgePort,
    /// Giving the bridge its addresses.
    Address,
    /// The packet socket behind the capture.
    Capture,
    /// The listening socket and the event loop.
    Sockets,
}

choice!(Step {
    Step::Handshake = 0,
    Step::OpenFiles = 1,
    Step::NetworkNamespace = 2,
    Step::UserNamespace = 3,
    Step::UserMap = 4,
    Step::TunDevice = 5,
    Step::Tap = 6,
    Step::Bridge = 7,
    Step::BridgePort = 8,
    Step::Address = 9,
    Step::Capture = 10,
    Step::Sockets = 11,
});

/// What an end of a connection sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// Nothing but, in the end, a FIN.
    Nothing,
    /// Its stream, without a pause, until told to close and at least this many bytes.
    AtLeast(u64),
}

impl Field for Sending {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Nothing => None,
            Self::AtLeast(bytes) => Some(*bytes),
        }
        .put(out);
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        Some(<Option<u64> as Field>::take(from)?.map_or(Self::Nothing, Self::AtLeast))
    }
}

messages! {
    /// The first message to the peer process. Tags from 128 on: no [`Command`] is mistaken for it.
    pub(super) enum Opening {
        Setup { setup: Setup } = 128,
    }
}

messages! {
    /// What the parent may ask for.
    pub enum Command {
        /// Begins these connections: opens them, or takes them when the other end opens them.
        Run {
            /// Their numbers in the plan.
            ids: Range<u32>,
            /// Who opens them.
            opener: End,
            /// What the peer process sends on each.
            sending: Sending,
        } = 0,
        /// Stops sending, until [`Command::Resume`]; goes on receiving.
        Pause {
            /// The connections meant.
            ids: Range<u32>,
        } = 1,
        /// Goes on sending.
        Resume {
            /// The connections meant.
            ids: Range<u32>,
        } = 2,
        /// Ends each stream as soon as it has its least length, sends FIN, and reads to the other's.
        Close {
            /// The connections meant.
            ids: Range<u32>,
        } = 3,
        /// Ends the connections by RST.
        Abort {
            /// The connections meant.
            ids: Range<u32>,
        } = 4,
        /// Asks for an [`Event::Report`](super::Event::Report).
        Report {
            /// Comes back in the report.
            token: u32,
            /// Ask each socket for its queues too, which costs three system calls a connection.
            queues: bool,
        } = 5,
        /// From now on, the gap in payload arrivals that spans this instant is remembered.
        Mark {
            /// An instant of the past, by a few milliseconds at most, or of the future.
            at: Monotonic,
        } = 6,
        /// Asks for an [`Event::Stalls`](super::Event::Stalls) about the last [`Command::Mark`].
        Stalls = 7,
        /// Sends ICMP echo requests; each reply is an [`Event::Pong`](super::Event::Pong).
        Ping {
            /// Whom to ask.
            to: Ipv4Addr,
            /// How many.
            count: u16,
            /// Milliseconds between two of them.
            interval_ms: u32,
            /// Bytes of payload, at most 1,400.
            len: u16,
        } = 8,
        /// Accepts TCP connections on another port and sends back what they send.
        Echo {
            /// The port.
            port: u16,
        } = 9,
        /// Finish the capture and end.
        Quit = 10,
        /// Asks for an [`Event::Timeouts`](super::Event::Timeouts).
        Timeouts = 11,
    }
}

/// Where a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The other end is to open it.
    Expected,
    /// This end is to open it, when earlier ones have been answered.
    Queued,
    /// SYN sent.
    Connecting,
    /// Open in at least one direction.
    Established,
    /// FIN sent and received; the last ACK, or the other's, is awaited.
    Closing,
    /// Both FINs acknowledged.
    Closed,
    /// Ended by an error.
    Failed,
}

choice!(Phase {
    Phase::Expected = 0,
    Phase::Queued = 1,
    Phase::Connecting = 2,
    Phase::Established = 3,
    Phase::Closing = 4,
    Phase::Closed = 5,
    Phase::Failed = 6,
});

/// What a socket says of its queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queues {
    /// Bytes that the application has sent and the other end has not acknowledged (SIOCOUTQ).
    pub unacknowledged: u32,
    /// Of these, bytes that have not been sent at all (SIOCOUTQNSD).
    pub unsent: u32,
    /// Segments sent again since the beginning (tcpi_total_retrans).
    pub retransmitted: u32,
    /// State of the socket (tcpi_state): 1 is ESTABLISHED, 7 CLOSE.
    pub state: u8,
}
fields!(Queues { unacknowledged, unsent, retransmitted, state });

/// One connection in a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionReport {
    /// Its number.
    pub id: u32,
    /// Where it is.
    pub phase: Phase,
    /// Bytes that the peer process has given to its socket.
    pub sent: u64,
    /// Bytes that it has received, right or wrong.
    pub received: u64,
    /// Of these, bytes that were not the ones expected.
    pub corrupt: u64,
    /// Has the other end's FIN come?
    pub end_of_stream: bool,
    /// Its queues, if asked for and if the socket is open.
    pub queues: Option<Queues>,
}
fields!(ConnectionReport { id, phase, sent, received, corrupt, end_of_stream, queues });

/// Time between two arrivals of payload at the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The arrival before it.
    pub from: Monotonic,
    /// The arrival after it; `None` while nothing has come.
    pub to: Option<Monotonic>,
}
fields!(Gap { from, to });

/// What a connection saw around the marked instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stall {
    /// Its number.
    pub id: u32,
    /// The gap that spans the instant; `None` if it is shorter than [`super::SHORTEST_GAP`].
    pub spanning: Option<Gap>,
    /// The longest gap that ended after the instant or has not ended: payload that the peer's kernel
    /// had received before it reaches the application after it, and the silence begins only then.
    pub longest: Option<Gap>,
}
fields!(Stall { id, spanning, longest });

/// What the packet socket saw and lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaptureSummary {
    /// Frames in the file.
    pub frames: u64,
    /// Frames that the kernel could not keep; they are missing in the file.
    pub lost: u64,
    /// Why writing stopped early, an `errno`.
    pub error: Option<i32>,
}
fields!(CaptureSummary { frames, lost, error });

messages! {
    /// What the peer process says.
    pub(super) enum Reply {
        /// Set up; the TAP devices' descriptors and link sockets come with it, in this order: for
        /// each TAP its own, then a link socket.
        Ready {
            isolation: Isolation,
            mac: [u8; 6],
            taps: Vec<TapName>,
        } = 0,
        /// Not set up.
        Refused {
            step: Step,
            errno: i32,
            detail: String,
        } = 1,
        Established { id: u32 } = 2,
        Closed { id: u32, sent: u64, received: u64, corrupt: u64 } = 3,
        Failed { id: u32, phase: Phase, errno: i32 } = 4,
        Stranger { from: SocketAddrV4 } = 5,
        Report { token: u32, at: Monotonic, last: bool, connections: Vec<ConnectionReport> } = 6,
        Stalls { at: Option<Monotonic>, last: bool, stalls: Vec<Stall> } = 7,
        Pong { sequence: u16, round_trip_ns: u64 } = 8,
        Pinged { sent: u16, received: u16, errno: Option<i32> } = 9,
        CommandFailed { what: String, errno: i32 } = 10,
        Stopped { capture: Option<CaptureSummary> } = 11,
        /// Not set up: the limit on open files is `have` and cannot be raised to `want`.
        FewFiles { have: u64, want: u64 } = 12,
        Timeouts { count: u64 } = 13,
    }
}

impl Reply {
    /// Something the parent asked for cannot be done.
    pub(super) fn command_failed(what: &str, error: &io::Error) -> Self {
        let errno = error.raw_os_error().unwrap_or(libc::EIO);
        Self::CommandFailed { what: what.to_owned(), errno }
    }
}

/// A TAP device in the peer's namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TapName {
    /// Its name there.
    pub name: String,
    /// Its interface index there.
    pub index: u32,
}
fields!(TapName { name, index });

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn setup() -> Setup {
        Setup {
            isolation: Some(Isolation::UserNamespace),
            plan: Plan::default(),
            end: End::Ours,
            taps: 2,
            mtu: 1500,
            flood: true,
            ageing_ms: Some(1000),
            connections: 64,
            seed: 0x0102_0304_0506_0708,
            congestion: Some("bbr".into()),
            capture: false,
        }
    }

    fn commands() -> Vec<Command> {
        let ids = 3..70_000;
        vec![
            Command::Run {
                ids: ids.clone(),
                opener: End::Peer,
                sending: Sending::AtLeast(1 << 40),
            },
            Command::Run { ids: ids.clone(), opener: End::Ours, sending: Sending::Nothing },
            Command::Pause { ids: ids.clone() },
            Command::Resume { ids: ids.clone() },
            Command::Close { ids: ids.clone() },
            Command::Abort { ids },
            Command::Report { token: 9, queues: true },
            Command::Mark { at: Monotonic(u64::MAX) },
            Command::Stalls,
            Command::Ping { to: Ipv4Addr::LOCALHOST, count: 3, interval_ms: 10, len: 56 },
            Command::Echo { port: 7 },
            Command::Quit,
            Command::Timeouts,
        ]
    }

    fn replies() -> Vec<Reply> {
        let at = Monotonic(77);
        let queues = Queues { unacknowledged: 1, unsent: 2, retransmitted: 3, state: 4 };
        let connection = ConnectionReport {
            id: 1,
            phase: Phase::Closing,
            sent: 2,
            received: 3,
            corrupt: 4,
            end_of_stream: true,
            queues: Some(queues),
        };
        let spanning = Some(Gap { from: at, to: None });
        vec![
            Reply::Ready {
                isolation: Isolation::Privileged,
                mac: [2, 0, 0, 0, 0, 1],
                taps: vec![TapName { name: "mafo0".into(), index: 2 }],
            },
            Reply::Refused { step: Step::Bridge, errno: 95, detail: "\u{fc}".into() },
            Reply::Established { id: 5 },
            Reply::Closed { id: 5, sent: 1, received: 2, corrupt: 3 },
            Reply::Failed { id: 5, phase: Phase::Connecting, errno: -1 },
            Reply::Stranger { from: "10.0.0.1:2".parse().unwrap() },
            Reply::Report { token: 1, at, last: false, connections: vec![connection; 3] },
            Reply::Stalls {
                at: Some(at),
                last: true,
                stalls: vec![Stall { id: 1, spanning, longest: None }],
            },
            Reply::Pong { sequence: 1, round_trip_ns: 2 },
            Reply::Pinged { sent: 3, received: 2, errno: Some(101) },
            Reply::CommandFailed { what: "echo".into(), errno: 98 },
            Reply::Stopped {
                capture: Some(CaptureSummary { frames: 1, lost: 2, error: Some(28) }),
            },
            Reply::FewFiles { have: 1024, want: 1 << 40 },
            Reply::Timeouts { count: 1 << 40 },
        ]
    }

    /// Every message comes back, and no shorter or longer packet is taken for it.
    macro_rules! round_trips {
        ($messages:expr, $name:ident) => {
            for message in $messages {
                let packet = message.encode();
                assert_eq!($name::decode(&packet), Ok(message.clone()));
                for len in 0..packet.len() {
                    assert_eq!(
                        $name::decode(&packet[..len]),
                        Err(Malformed::Content),
                        "{message:?}"
                    );
                }
                let longer = [&packet[..], &[0]].concat();
                assert_eq!($name::decode(&longer), Err(Malformed::Content), "{message:?}");
            }
        };
    }

    #[test]
    fn every_message_comes_back() {
        round_trips!([Opening::Setup { setup: setup() }], Opening);
        round_trips!(commands(), Command);
        round_trips!(replies(), Reply);
    }

    #[test]
    fn a_command_byte_by_byte() {
        let command =
            Command::Run { ids: 1..0x203, opener: End::Ours, sending: Sending::AtLeast(5) };
        let packet = [
            VERSION, 0, // tag of Run
            1, 0, 0, 0, 3, 2, 0, 0, // first, end
            1, // opened by us
            1, 5, 0, 0, 0, 0, 0, 0, 0, // a number follows: five bytes at least
        ];
        assert_eq!(command.encode(), packet);
    }

    #[test]
    fn another_version_is_named() {
        let mut packet = Command::Quit.encode();
        packet[0] = VERSION + 1;
        assert_eq!(Command::decode(&packet), Err(Malformed::Version(VERSION + 1)));
    }

    #[test]
    fn values_that_do_not_exist_are_refused() {
        let mut packet = Command::Report { token: 0, queues: true }.encode();
        *packet.last_mut().unwrap() = 2;
        assert_eq!(Command::decode(&packet), Err(Malformed::Content));
        assert_eq!(Command::decode(&[VERSION, 99]), Err(Malformed::Content));
        assert_eq!(
            Reply::decode(&Opening::Setup { setup: setup() }.encode()),
            Err(Malformed::Content)
        );
    }

    proptest! {
        #[test]
        fn hostile_packets_are_refused_or_come_back(mut packet in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Some(first) = packet.first_mut() {
                *first = VERSION;
            }
            if let Ok(command) = Command::decode(&packet) {
                prop_assert_eq!(command.encode(), packet.clone());
            }
            if let Ok(reply) = Reply::decode(&packet) {
                prop_assert_eq!(reply.encode(), packet);
            }
        }
    }
}
