//! How a bond is set up, in the words of Linux bonding where it has some.

use core::net::Ipv4Addr;

use mafo_mem::{Meter, Nanos};
use mafo_stack::Handover;

use crate::bond::LinkId;

/// What a bond is set up with.
#[derive(Clone, Debug)]
pub struct BondConfig {
    /// The links, the most preferred first.
    pub links: Vec<LinkId>,
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
    /// Whom the probes are for (Linux: `arp_ip_target`).
    pub arp_ip_target: Vec<Ipv4Addr>,
    /// What proves that a link carries frames (Linux: `arp_validate`).
    pub arp_validate: ArpValidate,
    /// Intervals in a row without such a proof after which a link counts as dead, if another has one (Linux:
    /// `arp_missed_max`).
    pub arp_missed_max: u8,
    /// How connections are handed over, unless their options say otherwise.
    pub handover: Handover,
    /// Frames that are held for a connection while it changes its owner; further ones are dropped.
    pub hold_frames: usize,
    /// Frames of a connection beyond a gap that are kept while it is tunnelled, so that it can move before the gap is
    /// filled.
    pub let_in_frames: usize,
    /// How long the peer of a connection that is to move may acknowledge nothing of what is under way
    /// before the connection goes back to the tunnel and is tried again later.
    pub drain_deadline: Nanos,
    /// How long a card may take to answer about a TCB, and a marker to come back, before it is asked
    /// again: longer than a full ingress queue takes to be read.
    pub reply_deadline: Nanos,
    /// First pause before a connection that could not be moved is tried again; it doubles.
    pub retry_min: Nanos,
    /// The longest such pause.
    pub retry_max: Nanos,
    /// Gratuitous ARPs after a change (Linux: `num_peer_notif`).
    pub num_peer_notif: u32,
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

/// Why a bond cannot be set up so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadBond {
    /// There is nothing to bond.
    #[error("a bond has at least one link")]
    NoLinks,
    /// A link is named more than once.
    #[error("{0} is named twice")]
    Twice(LinkId),
    /// The primary link is none of the bond's.
    #[error("primary: {0} does not belong to the bond")]
    PrimaryNotALink(LinkId),
    /// Probes would have no destination.
    #[error("arp_interval without arp_ip_target: whom are the probes for?")]
    NoArpTarget,
    /// Nothing would be sent to them.
    #[error("arp_ip_target without arp_interval: how often is it to be probed?")]
    NoArpInterval,
}

impl BondConfig {
    /// Defaults for `links`.
    #[must_use]
    pub fn new(links: impl IntoIterator<Item = impl Into<LinkId>>) -> Self {
        Self {
            links: links.into_iter().map(Into::into).collect(),
            primary: None,
            primary_reselect: PrimaryReselect::default(),
            updelay: Nanos::ZERO,
            downdelay: Nanos::ZERO,
            arp_interval: Nanos::ZERO,
            arp_ip_target: Vec::new(),
            arp_validate: ArpValidate::default(),
            arp_missed_max: 2,
            handover: Handover::Auto,
            hold_frames: 64,
            let_in_frames: 256,
            drain_deadline: Nanos::from_secs(2),
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

    /// Whether a bond can be set up so.
    ///
    /// # Errors
    ///
    /// The first thing that contradicts itself.
    pub fn check(&self) -> Result<(), BadBond> {
        let mut links = self.links.clone();
        links.sort_unstable();
        if links.is_empty() {
            return Err(BadBond::NoLinks);
        }
        if let Some(twice) = links.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(BadBond::Twice(twice[0]));
        }
        if let Some(primary) = self.primary.filter(|primary| !links.contains(primary)) {
            return Err(BadBond::PrimaryNotALink(primary));
        }
        match (self.arp_interval > Nanos::ZERO, self.arp_ip_target.is_empty()) {
            (true, true) => Err(BadBond::NoArpTarget),
            (false, false) => Err(BadBond::NoArpInterval),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use mafo_t4::PortId;

    use super::*;

    #[test]
    fn what_contradicts_itself_is_refused() {
        let link = |n| LinkId::from((n, PortId(0)));
        let good = || BondConfig::new([link(0), link(1)]);
        let refused = |change: fn(&mut BondConfig)| {
            let mut config = good();
            change(&mut config);
            config.check()
        };
        assert_eq!(good().check(), Ok(()));
        assert_eq!(refused(|bond| bond.links.clear()), Err(BadBond::NoLinks));
        assert_eq!(refused(|bond| bond.links.push(bond.links[1])), Err(BadBond::Twice(link(1))));
        let other = |bond: &mut BondConfig| bond.primary = Some((2, PortId(0)).into());
        assert_eq!(refused(other), Err(BadBond::PrimaryNotALink(link(2))));
        let interval = |bond: &mut BondConfig| bond.arp_interval = Nanos::from_millis(1);
        assert_eq!(refused(interval), Err(BadBond::NoArpTarget));
        let target = |bond: &mut BondConfig| bond.arp_ip_target.push(Ipv4Addr::LOCALHOST);
        assert_eq!(refused(target), Err(BadBond::NoArpInterval));
    }
}
