//! What a bond is refused for before it touches any traffic, and what is put right with a warning.

use core::fmt;
use core::net::Ipv4Addr;

use mafo_mem::Nanos;
use mafo_stack::tom::Member;
use mafo_stack::{Core, Mac, MemberId};
use mafo_t4::regs::tp::pio::{TP_VLAN_PRI_MAP, TupleField};

use crate::bond::LinkId;
use crate::config::{ArpValidate, BondConfig, FailOverMac, Mode, XmitHashPolicy};
use crate::mac::own_mac;

/// Filters that a bond stands on for each link: the standing rule and the tunnel's way out.
const FILTERS_PER_LINK: usize = 2;
/// What a filter of the bond asks a card for.
const FILTER_FIELDS: [TupleField; 2] = [TupleField::Port, TupleField::Protocol];
/// What a frame owes to the link that it came in by, and is no part of its connection's name.
const LINK_FIELDS: [TupleField; 5] = [
    TupleField::Port,
    TupleField::VnicId,
    TupleField::Vlan,
    TupleField::MacMatch,
    TupleField::MpsHitType,
];

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
    /// There is no active link that it could be.
    #[error("primary: in balance-xor no link is preferred")]
    PrimaryOfEquals,
    /// Two ways to tell whether a link is up.
    #[error("miimon and arp_interval: one of them says whether a link is up, not both")]
    TwoMonitors,
    /// Probes would have no destination.
    #[error("arp_interval without arp_ip_target: whom are the probes for?")]
    NoArpTarget,
    /// Nothing would be sent to them.
    #[error("arp_ip_target without arp_interval: how often is it to be probed?")]
    NoArpInterval,
    /// There are no answers to be told from other frames.
    #[error("arp_validate without arp_interval: there is nothing to validate")]
    NothingToValidate,
    /// Nobody could answer for it.
    #[error("arp_ip_target: {0} is no address of a host")]
    NotATarget(Ipv4Addr),
    /// More than Linux takes.
    #[error("arp_ip_target: {0} targets are more than 16")]
    TooManyTargets(usize),
    /// The adapter has no such port.
    #[error("there is no {0}")]
    NoSuchPort(LinkId),
    /// Two links have one station address of their own: a switch could not tell them apart.
    #[error("{0} and {1} have one station address")]
    OneMac(LinkId, LinkId),
    /// The bond's address is a link's own: what that says for itself as a backup would be taken for the bond.
    #[error("the bond has the station address of {0}, which would send with it as a backup")]
    NotItsOwnMac(LinkId),
    /// It cannot carry the packets of the bond.
    #[error("adapter {} carries packets of up to {has} bytes, the bond's are of {need}", member.0)]
    Mtu {
        /// The adapter.
        member: MemberId,
        /// What it was set up with.
        has: u16,
        /// What the bond sends.
        need: u16,
    },
    /// No filter of it can say what the bond's have to.
    #[error("filters of adapter {} do not know {field:?}, the bond's have to", member.0)]
    FilterMode {
        /// The adapter.
        member: MemberId,
        /// What its filter mode does not have.
        field: TupleField,
    },
    /// A connection would not be found by another link than the one that it was opened by.
    #[error("adapter {} tells connections apart by {field:?}: they could not change their link", member.0)]
    FilterMask {
        /// The adapter.
        member: MemberId,
        /// What its filter mask has.
        field: TupleField,
    },
    /// A table has no room for what the bond stands on.
    #[error("adapter {} has room for {room} {table}, the bond needs {need}", member.0)]
    Room {
        /// The adapter.
        member: MemberId,
        /// What table.
        table: &'static str,
        /// How much it has.
        room: usize,
        /// How much is needed at least.
        need: usize,
    },
}

/// What was put right, or has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BondWarning {
    /// A delay is no multiple of the interval at which links are looked at.
    Rounded {
        /// The option.
        option: &'static str,
        /// What was asked for.
        from: Nanos,
        /// What it is.
        to: Nanos,
        /// The interval.
        miimon: Nanos,
    },
    /// The mode has no use for it.
    NoEffect {
        /// The option.
        option: &'static str,
        /// The mode.
        mode: Mode,
    },
}

impl fmt::Display for BondWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |time: Nanos| time.0 / 1_000_000;
        match *self {
            Self::Rounded { option, from, to, miimon } => {
                let (from, miimon, to) = (ms(from), ms(miimon), ms(to));
                write!(f, "{option} {from} is no multiple of miimon {miimon}: rounded to {to} ms")
            }
            Self::NoEffect { option, mode } => write!(f, "{option} has no effect in {mode}"),
        }
    }
}

impl BondConfig {
    /// Rounds delays down to multiples of `miimon`, as Linux does; what was put right, and what has no effect.
    pub fn round(&mut self) -> Vec<BondWarning> {
        let (mut warnings, miimon) = (Vec::new(), self.miimon);
        let delays = [
            ("updelay", &mut self.updelay),
            ("downdelay", &mut self.downdelay),
            ("peer_notif_delay", &mut self.peer_notif_delay),
        ];
        for (option, delay) in delays {
            let from = *delay;
            *delay = Nanos(from.0 - from.0.checked_rem(miimon.0).unwrap_or(0));
            if *delay != from {
                warnings.push(BondWarning::Rounded { option, from, to: *delay, miimon });
            }
        }
        let (is_xor, mode) = (self.mode == Mode::BalanceXor, self.mode);
        let mac = is_xor && self.fail_over_mac != FailOverMac::default();
        let hash = !is_xor && self.xmit_hash_policy != XmitHashPolicy::default();
        for (option, idle) in [("fail_over_mac", mac), ("xmit_hash_policy", hash)] {
            if idle {
                warnings.push(BondWarning::NoEffect { option, mode });
            }
        }
        warnings
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
        if self.primary.is_some() && self.mode == Mode::BalanceXor {
            return Err(BadBond::PrimaryOfEquals);
        }
        self.check_probes()
    }

    fn check_probes(&self) -> Result<(), BadBond> {
        let probes = self.arp_interval > Nanos::ZERO;
        if probes && self.miimon > Nanos::ZERO {
            return Err(BadBond::TwoMonitors);
        }
        if !probes && self.arp_validate != ArpValidate::None {
            return Err(BadBond::NothingToValidate);
        }
        let nobody = |target: &&Ipv4Addr| {
            target.is_unspecified() || target.is_multicast() || target.is_broadcast()
        };
        if let Some(&target) = self.arp_ip_target.iter().find(nobody) {
            return Err(BadBond::NotATarget(target));
        }
        if self.arp_ip_target.len() > Self::ARP_TARGETS_MAX {
            return Err(BadBond::TooManyTargets(self.arp_ip_target.len()));
        }
        match (probes, self.arp_ip_target.is_empty()) {
            (true, true) => Err(BadBond::NoArpTarget),
            (false, false) => Err(BadBond::NoArpInterval),
            _ => Ok(()),
        }
    }

    /// Whether the adapters, which are up, have what the bond needs of them.
    ///
    /// # Errors
    ///
    /// The first thing that is missing.
    pub fn check_members(&self, core: &Core) -> Result<(), BadBond> {
        let mut macs: Vec<(Mac, LinkId)> = Vec::new();
        for &link in &self.links {
            macs.push((own_mac(core, link).ok_or(BadBond::NoSuchPort(link))?, link));
        }
        let own = macs.iter().find(|(mac, _)| *mac == core.mac()).map(|&(_, link)| link);
        let alone = self.links.len() == 1 || self.fail_over_mac == FailOverMac::Active;
        if let Some(link) = own.filter(|_| !alone) {
            return Err(BadBond::NotItsOwnMac(link));
        }
        tell_apart(macs)?;
        let mut members: Vec<MemberId> = self.links.iter().map(|link| link.member).collect();
        members.sort_unstable();
        members.dedup();
        for id in members {
            let links = self.links.iter().filter(|link| link.member == id).count();
            if let Some(member) = core.member(id) {
                check_member(id, member, links)?;
            }
        }
        Ok(())
    }
}

/// Links probe by addresses of their own, which a switch learns: no two may have one.
fn tell_apart(mut macs: Vec<(Mac, LinkId)>) -> Result<(), BadBond> {
    macs.sort_unstable();
    match macs.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => Err(BadBond::OneMac(pair[0].1, pair[1].1)),
        None => Ok(()),
    }
}

/// Whether filters can say what the bond's have to, and connections are found by any link.
fn check_fields(
    member: MemberId,
    mode: TP_VLAN_PRI_MAP,
    mask: TP_VLAN_PRI_MAP,
) -> Result<(), BadBond> {
    if let Some(&field) = FILTER_FIELDS.iter().find(|field| !mode.has(**field)) {
        return Err(BadBond::FilterMode { member, field });
    }
    match LINK_FIELDS.iter().find(|field| mask.has(**field)) {
        Some(&field) => Err(BadBond::FilterMask { member, field }),
        None => Ok(()),
    }
}

fn check_member(id: MemberId, member: &Member, links: usize) -> Result<(), BadBond> {
    let (resources, share) = (member.lcore.resources(), member.lcore.share());
    let mask = resources.filter_mask.unwrap_or(TP_VLAN_PRI_MAP(0));
    check_fields(id, resources.filter_mode, mask)?;
    for (table, room, need) in [
        ("filters", share.filters.len(), FILTERS_PER_LINK * links),
        ("next hops", share.l2t.len(), 1),
        ("opens", share.atids.len(), 1),
        ("listeners", share.servers.len(), 1),
        ("connections", resources.ntids as usize, 1),
    ] {
        if room < need {
            return Err(BadBond::Room { member: id, table, room, need });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use mafo_t4::PortId;

    use super::*;

    const MS: fn(u64) -> Nanos = Nanos::from_millis;

    fn link(n: usize) -> LinkId {
        LinkId::from((n, PortId(0)))
    }

    fn good() -> BondConfig {
        BondConfig::new([link(0), link(1)])
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
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
        let interval = |bond: &mut BondConfig| bond.arp_interval = MS(1);
        assert_eq!(refused(interval), Err(BadBond::NoArpTarget));
        let target = |bond: &mut BondConfig| bond.arp_ip_target.push(Ipv4Addr::LOCALHOST);
        assert_eq!(refused(target), Err(BadBond::NoArpInterval));
        let validate = |bond: &mut BondConfig| bond.arp_validate = ArpValidate::All;
        assert_eq!(refused(validate), Err(BadBond::NothingToValidate));
        let preferred = |bond: &mut BondConfig| {
            (bond.mode, bond.primary) = (Mode::BalanceXor, Some(link(0)));
        };
        assert_eq!(refused(preferred), Err(BadBond::PrimaryOfEquals));
        let probed = |change: fn(&mut BondConfig)| {
            let target = Ipv4Addr::new(10, 0, 0, 1);
            let mut config =
                BondConfig { arp_interval: MS(1), arp_ip_target: vec![target], ..good() };
            change(&mut config);
            config.check()
        };
        // Linux probes in balance-xor too.
        assert_eq!(probed(|bond| bond.mode = Mode::BalanceXor), Ok(()));
        assert_eq!(probed(|bond| bond.miimon = MS(100)), Err(BadBond::TwoMonitors));
        let nobody = |bond: &mut BondConfig| bond.arp_ip_target.push(Ipv4Addr::UNSPECIFIED);
        assert_eq!(probed(nobody), Err(BadBond::NotATarget(Ipv4Addr::UNSPECIFIED)));
        let many = |bond: &mut BondConfig| bond.arp_ip_target = vec![[10, 0, 0, 1].into(); 17];
        assert_eq!(probed(many), Err(BadBond::TooManyTargets(17)));
    }

    #[test]
    fn delays_are_multiples_of_miimon() {
        let mut bond = BondConfig {
            miimon: MS(100),
            updelay: MS(250),
            downdelay: MS(200),
            peer_notif_delay: MS(99),
            ..good()
        };
        let rounded = |option, from, to| BondWarning::Rounded {
            option,
            from: MS(from),
            to: MS(to),
            miimon: MS(100),
        };
        let warnings = bond.round();
        assert_eq!(warnings, [rounded("updelay", 250, 200), rounded("peer_notif_delay", 99, 0)]);
        let said = warnings[0].to_string();
        assert_eq!(said, "updelay 250 is no multiple of miimon 100: rounded to 200 ms");
        assert_eq!(
            (bond.updelay, bond.downdelay, bond.peer_notif_delay),
            (MS(200), MS(200), MS(0))
        );
        assert_eq!(bond.round(), []);
        // Without an interval any delay will do.
        let mut bond = BondConfig { updelay: MS(7), ..good() };
        assert_eq!((bond.round(), bond.updelay), (vec![], MS(7)));
        bond.xmit_hash_policy = XmitHashPolicy::Layer34;
        let said = bond.round().iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(said, ["xmit_hash_policy has no effect in active-backup"]);
    }

    #[test]
    fn links_have_addresses_of_their_own() {
        let mac = |n| [2, 0, 0, 0, 0, n];
        assert_eq!(tell_apart(vec![(mac(2), link(0)), (mac(1), link(1))]), Ok(()));
        let shared = vec![(mac(2), link(0)), (mac(1), link(1)), (mac(2), link(2))];
        assert_eq!(tell_apart(shared), Err(BadBond::OneMac(link(0), link(2))));
    }

    #[test]
    fn a_filter_tuple_that_knows_links_is_unsuitable() {
        let (member, mode) = (MemberId(1), TP_VLAN_PRI_MAP::DEFAULT_MODE);
        let usual = TP_VLAN_PRI_MAP::DEFAULT_MASK;
        assert_eq!(check_fields(member, mode, usual), Ok(()));
        for field in LINK_FIELDS {
            let mask = TP_VLAN_PRI_MAP(usual.0 | field.bit());
            let refused = check_fields(member, mode, mask);
            assert_eq!(refused, Err(BadBond::FilterMask { member, field }));
        }
        let field = TupleField::Port;
        let refused = check_fields(member, mode.with_port(false), usual);
        assert_eq!(refused, Err(BadBond::FilterMode { member, field }));
        let said = refused.map_err(|why| why.to_string());
        assert_eq!(
            said,
            Err("filters of adapter 1 do not know Port, the bond's have to".to_owned())
        );
    }
}
