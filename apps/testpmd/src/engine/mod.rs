//! Forwarding engines: what is done with the frames of a stream. Each is a file with three functions.

mod csum;
mod flowgen;
mod icmpecho;
mod io;
mod mac;
mod macswap;
mod noisy;
mod rxonly;
mod tcp;
mod tcpecho;
mod tcpgen;
mod tcpsink;
mod txonly;

use clap::ValueEnum;

use crate::stream::Ports;

pub(crate) use tcp::{Tcp, TcpCounters};

/// What an engine may have to know before the first frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    /// Station address of the port that sends.
    pub(crate) own: [u8; 6],
    /// Whom frames out of it are for.
    pub(crate) peer: [u8; 6],
    /// Frames of a burst.
    pub(crate) burst: usize,
    /// Bytes of frames that are made here, without FCS.
    pub(crate) frame_len: usize,
    /// Largest IP packet.
    pub(crate) mtu: u16,
    pub(crate) checksums: Checksums,
    pub(crate) noisy: Noisy,
    pub(crate) tcp: Tcp,
    /// Connections that a bond has room for.
    pub(crate) connections_max: u32,
}

/// Which checksums engine `csum` leaves to the adapter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Checksums {
    pub(crate) ip: bool,
    pub(crate) udp: bool,
    pub(crate) tcp: bool,
}

/// How engine `noisy` behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Noisy {
    /// Frames that are held back, 0 for none.
    pub(crate) buffer: usize,
    /// Words of memory that are read for each frame.
    pub(crate) lookups: usize,
}

/// What is done with the frames of a stream.
pub(crate) trait Engine: Send {
    /// Before the first frame: the place for memory.
    fn begin(&mut self, setup: &Setup);
    /// Once a turn.
    fn forward(&mut self, ports: &mut Ports<'_>);
    /// After the last.
    fn end(&mut self, ports: &mut Ports<'_>);
}

/// The engines by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// Frames go as they came.
    Io,
    /// From the sending port's address to the peer's.
    Mac,
    /// Source and destination address change places.
    Macswap,
    /// Many flows of UDP are sent, and what comes in is dropped.
    Flowgen,
    /// What comes in is dropped.
    Rxonly,
    /// Frames are sent, and nothing is received.
    Txonly,
    /// As mac, and checksums are made anew.
    Csum,
    /// ARP requests and pings are answered.
    Icmpecho,
    /// As io, with memory that others need as well.
    Noisy,
    /// On a bond: what a peer sends on a connection goes back to it.
    Tcpecho,
    /// On a bond: what a peer sends is read and forgotten.
    Tcpsink,
    /// On a bond: connections are opened, known bytes sent, and what comes back is compared.
    Tcpgen,
}

impl Mode {
    /// The engine.
    pub(crate) fn engine(self) -> Box<dyn Engine> {
        match self {
            Self::Io => Box::new(io::Io),
            Self::Mac => Box::new(mac::Mac::default()),
            Self::Macswap => Box::new(macswap::Macswap),
            Self::Flowgen => Box::new(flowgen::Flowgen::default()),
            Self::Rxonly => Box::new(rxonly::Rxonly),
            Self::Txonly => Box::new(txonly::Txonly::default()),
            Self::Csum => Box::new(csum::Csum::default()),
            Self::Icmpecho => Box::new(icmpecho::Icmpecho::default()),
            Self::Noisy => Box::new(noisy::Noise::default()),
            Self::Tcpecho => Box::new(tcpecho::Tcpecho::default()),
            Self::Tcpsink => Box::new(tcpsink::Tcpsink::default()),
            Self::Tcpgen => Box::new(tcpgen::Tcpgen::default()),
        }
    }

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Io => "io",
            Self::Mac => "mac",
            Self::Macswap => "macswap",
            Self::Flowgen => "flowgen",
            Self::Rxonly => "rxonly",
            Self::Txonly => "txonly",
            Self::Csum => "csum",
            Self::Icmpecho => "icmpecho",
            Self::Noisy => "noisy",
            Self::Tcpecho => "tcpecho",
            Self::Tcpsink => "tcpsink",
            Self::Tcpgen => "tcpgen",
        }
    }

    /// Whether it ends TCP, and so works on bonds: all others work on ports that are none.
    pub(crate) fn ends_tcp(self) -> bool {
        matches!(self, Self::Tcpecho | Self::Tcpsink | Self::Tcpgen)
    }
}
