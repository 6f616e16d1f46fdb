//! How a bond is set up, in the words of Linux bonding where it has some ([`crate::options`] reads them). What
//! contradicts itself is refused by [`crate::checks`].

use core::net::Ipv4Addr;

use mafo_mem::{Meter, Nanos};
use mafo_stack::Handover;

use crate::bond::LinkId;

/// What a bond is set up with.
#[derive(Clone, Debug)]
pub struct BondConfig {
    /// The links, the most preferred first.
    pub links: Vec<LinkId>,
    /// Who carries what (Linux: `mode`).
    pub mode: Mode,
    /// How often the state of each port is asked for as well; zero: what the firmware tells of its own accord is enough
    /// (Linux: `miimon`).
    pub miimon: Nanos,
    /// The link that is active whenever it can be (Linux: `primary`).
    pub primary: Option<LinkId>,
    /// When it takes over again after it was down (Linux: `primary_reselect`).
    pub primary_reselect: PrimaryReselect,
    /// How long a link has to be up before it counts as up, unless no other is (Linux: `updelay`).
    pub updelay: Nanos,
    /// How long a link has to be down before it counts as down (Linux: `downdelay`).
    pub downdelay: Nanos,
    /// How often the way to [`BondConfig::arp_ip_target`] is probed on every link that has a carrier; zero: never
    /// (Linux: `arp_interval`).
    pub arp_interval: Nanos,
    /// Whom the probes are for, [`BondConfig::ARP_TARGETS_MAX`] at most (Linux: `arp_ip_target`).
    pub arp_ip_target: Vec<Ipv4Addr>,
    /// What proves that a link carries frames (Linux: `arp_validate`).
    pub arp_validate: ArpValidate,
    /// Probes in a row without such a proof after which a link counts as dead, if another has one (Linux:
    /// `arp_missed_max`).
    pub arp_missed_max: u8,
    /// Whose station address the bond has (Linux: `fail_over_mac`).
    pub fail_over_mac: FailOverMac,
    /// What a frame of the host is given to a link by, in balance-xor (Linux: `xmit_hash_policy`).
    pub xmit_hash_policy: XmitHashPolicy,
    /// Whether the adapters acknowledge only what this host has been told of (the commit rule). Without it they answer as
    /// silicon does: one that dies may take along what its peers were told we have, and such connections end with
    /// [`ConnectionError::Lost`](mafo_stack::ConnectionError::Lost).
    pub protect: bool,
    /// How connections are handed over, unless their options say otherwise.
    pub handover: Handover,
    /// Frames that are held for a connection while it changes its owner; further ones are dropped.
    pub hold_frames: usize,
    /// Frames of a connection beyond a gap that are kept while it is tunnelled, so that it can move before the gap is
    /// filled.
    pub let_in_frames: usize,
    /// How long the peer of a connection that is to move may acknowledge nothing of what is under way
    /// before the connection goes back to the tunnel and is tried again later; `None`: four round-trip times and two
    /// retransmission timeouts of the connection.
    pub drain_deadline: Option<Nanos>,
    /// How long a card may take to answer about a TCB, and a marker to come back, before it is asked
    /// again: longer than a full ingress queue takes to be read.
    pub reply_deadline: Nanos,
    /// First pause before a connection that could not be moved is tried again; it doubles.
    pub retry_min: Nanos,
    /// The longest such pause.
    pub retry_max: Nanos,
    /// Gratuitous ARPs after a change, 0 to 255 (Linux: `num_peer_notif`, whose default is 1: the bond would then stand
    /// on one frame that nobody acknowledges).
    pub num_peer_notif: u8,
    /// Pause between them (Linux: `peer_notif_delay`).
    pub peer_notif_delay: Nanos,
    /// A switch forgets a silent station after its ageing time, 300 s as a rule; the address is
    /// announced again before.
    pub announce_interval: Nanos,
    /// Connections that are moved at the same time.
    pub moves_max: usize,
    /// What the host's work of a handover is charged by ([`Bond::take_cost`](crate::Bond::take_cost)).
    pub meter: Meter,
}

/// Who carries what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// One link carries everything, the others stand by.
    #[default]
    ActiveBackup,
    /// All links carry; a switch that knows them as one chooses by a hash.
    BalanceXor,
}

/// Whose station address the bond has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailOverMac {
    /// Its own, on every link.
    #[default]
    None,
    /// That of the active link: it changes when another link becomes active, and everybody has to be told.
    Active,
    /// Its own, but on the active link alone: it follows.
    Follow,
}

/// What a frame's link is chosen by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum XmitHashPolicy {
    /// Station addresses.
    #[default]
    Layer2,
    /// These, and IP addresses.
    Layer23,
    /// IP addresses and ports.
    Layer34,
}

/// When a primary link that comes back takes over again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PrimaryReselect {
    /// As soon as it is up.
    #[default]
    Always,
    /// As soon as it is up, if it is faster than the active one.
    Better,
    /// When the active one fails.
    Failure,
}

/// What proves that a link carries frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ArpValidate {
    /// Any frame.
    #[default]
    None,
    /// On the active link only ARP of a target, on others any frame.
    Active,
    /// On links that are not active only ARP of a target, on the active one any frame.
    Backup,
    /// Only ARP of a target.
    All,
}

impl BondConfig {
    /// Targets of probes at most, as in Linux.
    pub const ARP_TARGETS_MAX: usize = 16;

    /// Defaults for `links`.
    #[must_use]
    pub fn new(links: impl IntoIterator<Item = impl Into<LinkId>>) -> Self {
        Self {
            links: links.into_iter().map(Into::into).collect(),
            mode: Mode::default(),
            miimon: Nanos::ZERO,
            primary: None,
            primary_reselect: PrimaryReselect::default(),
            updelay: Nanos::ZERO,
            downdelay: Nanos::ZERO,
            arp_interval: Nanos::ZERO,
            arp_ip_target: Vec::new(),
            arp_validate: ArpValidate::default(),
            arp_missed_max: 2,
            fail_over_mac: FailOverMac::default(),
            xmit_hash_policy: XmitHashPolicy::default(),
            protect: true,
            handover: Handover::Auto,
            hold_frames: 512,
            let_in_frames: 256,
            drain_deadline: None,
            reply_deadline: Nanos::from_millis(20),
            retry_min: Nanos::from_millis(100),
            retry_max: Nanos::from_secs(2),
            num_peer_notif: 3,
            peer_notif_delay: Nanos::from_millis(500),
            announce_interval: Nanos::from_secs(120),
            moves_max: 1024,
            meter: Meter::default(),
        }
    }
}
