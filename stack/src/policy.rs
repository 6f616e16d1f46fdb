//! The connection offload policy (COP, in Chelsio's words): ordered rules that say what connections are made with where
//! their application does not.
//!
//! A rule is asked for once in the life of a listener or connection: when somebody listens, when a connection is opened, when
//! a SYN comes in. The first one that matches decides, whatever it says; what it leaves open, and all where none matches,
//! stays as the application or the host has it. What an application wants itself no rule takes from it
//! ([`Decision::apply`]). Another policy ([`Core::set_policy`](crate::Core::set_policy)) is for what comes after it.

use core::fmt;
use core::net::{IpAddr, SocketAddr};
use core::str::FromStr;
use std::sync::Arc;

use crate::core::Core;
use crate::listener::Listener;
use crate::tuple::FourTuple;
use crate::{CongestionControl, Handover, Options, PathChoice};

/// What a rule is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// Somebody listens. What is decided is whether adapters answer SYNs there.
    Listen,
    /// A connection is opened by us.
    Active,
    /// A connection is opened by its peer: a SYN has come in for a listener.
    Passive,
}

impl Occasion {
    /// All of them, as files name them.
    pub const NAMES: [(&str, Self); 3] =
        [("listen", Self::Listen), ("active", Self::Active), ("passive", Self::Passive)];
}

/// Some of the occasions; all of them unless said otherwise.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Occasions(u8);

impl Occasions {
    /// Every one.
    pub const ALL: Self = Self(0b111);
    /// None.
    pub const NONE: Self = Self(0);

    /// With one more.
    #[must_use]
    pub const fn with(self, occasion: Occasion) -> Self {
        Self(self.0 | 1 << occasion as u8)
    }

    /// Whether one is among them.
    #[must_use]
    pub const fn contains(self, occasion: Occasion) -> bool {
        self.0 >> occasion as u8 & 1 == 1
    }
}

impl Default for Occasions {
    fn default() -> Self {
        Self::ALL
    }
}

impl From<Occasion> for Occasions {
    fn from(occasion: Occasion) -> Self {
        Self::NONE.with(occasion)
    }
}

impl fmt::Debug for Occasions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Occasion::NAMES.iter().filter(|&&(_, occasion)| self.contains(occasion));
        f.debug_set().entries(names.map(|(name, _)| name)).finish()
    }
}

/// Addresses that have their leading bits in common.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Prefix {
    address: IpAddr,
    len: u8,
}

impl Prefix {
    /// The addresses whose first `len` bits are those of `address`. `None` where there are not so many bits, or others of
    /// `address` are set.
    #[must_use]
    pub fn new(address: IpAddr, len: u8) -> Option<Self> {
        let (bits, width) = bits_of(address);
        let rest = u128::MAX.checked_shr(128 - u32::from(width) + u32::from(len)).unwrap_or(0);
        (len <= width && bits & rest == 0).then_some(Self { address, len })
    }

    /// Whether an address is one of them. One of the other family is none.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        let ((ours, width), (theirs, theirs_width)) = (bits_of(self.address), bits_of(address));
        let shift = u32::from(width - self.len);
        width == theirs_width && (ours ^ theirs).checked_shr(shift).unwrap_or(0) == 0
    }
}

/// An address as a number, and how many bits that has.
fn bits_of(address: IpAddr) -> (u128, u8) {
    match address {
        IpAddr::V4(v4) => (u32::from(v4).into(), 32),
        IpAddr::V6(v6) => (v6.into(), 128),
    }
}

impl FromStr for Prefix {
    type Err = String;

    /// `10.1.0.0/16`, or an address alone.
    fn from_str(text: &str) -> Result<Self, String> {
        let (address, len) = text.split_once('/').map_or((text, None), |(a, len)| (a, Some(len)));
        let no_prefix = || format!("'{text}' is no address and no prefix, such as 10.1.0.0/16");
        let address: IpAddr = address.parse().map_err(|_| no_prefix())?;
        let width = bits_of(address).1;
        let len = len.map_or(Some(width), number).ok_or_else(no_prefix)?;
        if len > width {
            return Err(format!("'{text}': an address has {width} bits"));
        }
        Self::new(address, len).ok_or_else(|| {
            let network = network_of(address, len);
            format!("'{text}' has bits set behind its prefix: {network}/{len} is the network")
        })
    }
}

/// A number in digits alone: Rust's own would let a sign pass.
fn number<T: FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn network_of(address: IpAddr, len: u8) -> IpAddr {
    let (bits, width) = bits_of(address);
    let host = u32::from(width - len);
    let network = bits.checked_shr(host).and_then(|bits| bits.checked_shl(host)).unwrap_or(0);
    match address {
        IpAddr::V4(_) => IpAddr::V4((network as u32).into()),
        IpAddr::V6(_) => IpAddr::V6(network.into()),
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.len)
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Ports from the first to the last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    first: u16,
    last: u16,
}

impl Ports {
    /// From `first` to `last`; `None` where that is nothing.
    #[must_use]
    pub const fn new(first: u16, last: u16) -> Option<Self> {
        if first <= last { Some(Self { first, last }) } else { None }
    }

    /// Whether a port is one of them.
    #[must_use]
    pub const fn contains(self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }
}

impl FromStr for Ports {
    type Err = String;

    /// `443` or `8000-8099`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (Some(first), Some(last)) = (number(first.trim()), number(last.trim())) else {
            return Err(format!("'{text}' is no port and no range, such as 443 or 8000-8099"));
        };
        Self::new(first, last).ok_or_else(|| format!("'{text}' ends before it begins"))
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self { first, last } if first == last => write!(f, "{first}"),
            Self { first, last } => write!(f, "{first}-{last}"),
        }
    }
}

/// One end of a connection, as a rule describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// Its address is in one of these; any, if there are none.
    pub addresses: Vec<Prefix>,
    /// Its port is one of these; any, if there are none.
    pub ports: Vec<Ports>,
}

impl End {
    fn matches(&self, end: SocketAddr) -> bool {
        (self.addresses.is_empty() || self.addresses.iter().any(|p| p.contains(end.ip())))
            && (self.ports.is_empty() || self.ports.iter().any(|p| p.contains(end.port())))
    }

    /// Whether nothing is said of it.
    fn is_open(&self) -> bool {
        self.addresses.is_empty() && self.ports.is_empty()
    }
}

/// What a rule says; `None`: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Where TCP runs.
    pub path: Option<PathChoice>,
    /// Congestion control.
    pub congestion: Option<CongestionControl>,
    /// How the connection is handed over to another adapter.
    pub handover: Option<Handover>,
    /// Whether its adapter keeps the commit rule.
    pub protect: Option<bool>,
}

impl Decision {
    /// What a socket is made with whose application asked for `options`. Of what the application says itself nothing is
    /// changed: [`PathChoice::Host`], a congestion control, a kind of handover, protection. [`PathChoice::Offload`] is what one says
    /// that does not mind.
    #[must_use]
    pub fn apply(self, options: Options) -> Options {
        Options {
            path: match options.path {
                PathChoice::Offload => self.path.unwrap_or(options.path),
                PathChoice::Host => PathChoice::Host,
            },
            congestion: options.congestion.or(self.congestion),
            handover: options.handover.or(self.handover),
            protect: options.protect.or(self.protect),
            ..options
        }
    }
}

/// Whom it concerns, and what it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// When.
    pub on: Occasions,
    /// Our end.
    pub local: End,
    /// The peer's. A listener has none: it is matched by what says nothing of it, not by the prefix of all addresses.
    pub remote: End,
    /// What is decided.
    pub says: Decision,
}

impl Rule {
    /// Whether it decides.
    #[must_use]
    pub fn matches(&self, what: Occasion, local: SocketAddr, remote: Option<SocketAddr>) -> bool {
        self.on.contains(what)
            && self.local.matches(local)
            && remote.map_or_else(|| self.remote.is_open(), |remote| self.remote.matches(remote))
    }
}

/// Rules in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy(Vec<Rule>);

impl Policy {
    /// A policy of these rules.
    #[must_use]
    pub const fn new(rules: Vec<Rule>) -> Self {
        Self(rules)
    }

    /// Its rules, in their order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.0
    }

    /// What the first rule says that matches; nothing, if none does.
    #[must_use]
    pub fn decide(
        &self,
        what: Occasion,
        local: SocketAddr,
        remote: Option<SocketAddr>,
    ) -> Decision {
        let first = self.0.iter().find(|rule| rule.matches(what, local, remote));
        first.map_or_else(Decision::default, |rule| rule.says)
    }
}

impl Core {
    /// Decides by `policy` from now on, or by none. Listeners and connections that there are stay as they are. All lcores
    /// of a host are to have the same.
    pub fn set_policy(&mut self, policy: Option<Arc<Policy>>) {
        self.policy = policy;
    }

    /// The policy that decides at present.
    #[must_use]
    pub fn policy(&self) -> Option<&Arc<Policy>> {
        self.policy.as_ref()
    }

    /// Where SYNs for a listener with these `options` at `address` are answered.
    pub(crate) fn path_of_listener(&self, address: SocketAddr, options: &Options) -> PathChoice {
        let Some(policy) = &self.policy else { return options.path };
        let unspecified = address.ip().is_unspecified();
        let ip = if unspecified { IpAddr::V4(self.config.address) } else { address.ip() };
        let decision = policy.decide(Occasion::Listen, (ip, address.port()).into(), None);
        decision.apply(*options).path
    }

    /// What a connection that we open is made with.
    pub(crate) fn options_of_active(&self, tuple: &FourTuple, options: Options) -> Options {
        self.decide(Occasion::Active, tuple, options)
    }

    /// What a connection is made with that a peer opens to a listener.
    pub(crate) fn options_of_passive(&self, tuple: &FourTuple, listener: &Listener) -> Options {
        let options = Options { path: listener.path, ..listener.options };
        self.decide(Occasion::Passive, tuple, options)
    }

    #[inline]
    fn decide(&self, what: Occasion, tuple: &FourTuple, options: Options) -> Options {
        let Some(policy) = &self.policy else { return options };
        policy.decide(what, tuple.local, Some(tuple.remote)).apply(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn prefix(text: &str) -> Prefix {
        text.parse().unwrap()
    }

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn on_host() -> Decision {
        Decision { path: Some(PathChoice::Host), ..Decision::default() }
    }

    #[test]
    fn prefixes_are_networks() {
        for (text, inside, outside) in [
            ("10.1.0.0/16", "10.1.255.255", "10.2.0.0"),
            ("10.1.2.3", "10.1.2.3", "10.1.2.2"),
            ("0.0.0.0/0", "255.255.255.255", "::"),
            ("::/0", "ffff::1", "0.0.0.0"),
            ("fd00:1::/32", "fd00:1:ffff::", "fd00:2::"),
            ("128.0.0.0/1", "200.0.0.1", "127.255.255.255"),
        ] {
            let network = prefix(text);
            assert!(network.contains(inside.parse().unwrap()), "{inside} in {text}");
            assert!(!network.contains(outside.parse().unwrap()), "{outside} not in {text}");
        }
        for (wrong, why) in [
            ("10.1.2.0/16", "10.1.0.0/16 is the network"),
            ("fd00::1/64", "fd00::/64 is the network"),
            ("10.1.2.3/0", "0.0.0.0/0 is the network"),
            ("10.0.0.0/33", "32 bits"),
            ("10.0.0/8", "no prefix"),
            ("10.0.0.0/", "no prefix"),
            ("10.0.0.0/+8", "no prefix"),
            ("", "no prefix"),
        ] {
            let error = wrong.parse::<Prefix>().unwrap_err();
            assert!(error.contains(why), "{wrong}: {error}");
        }
    }

    #[test]
    fn ports_are_ranges() {
        let range: Ports = "8000-8099".parse().unwrap();
        assert_eq!(
            [7999, 8000, 8099, 8100].map(|port| range.contains(port)),
            [false, true, true, false]
        );
        assert_eq!("443".parse(), Ok(Ports { first: 443, last: 443 }));
        for text in ["443", "8000-8099", "0-65535"] {
            assert_eq!(text.parse::<Ports>().unwrap().to_string(), text);
        }
        for wrong in ["", "-", "80-", "65536", "a", "90-80", "1-2-3", "+80", "80-+90"] {
            assert!(wrong.parse::<Ports>().is_err(), "{wrong}");
        }
    }

    /// The first that matches, though a later one says more.
    #[test]
    fn the_first_rule_decides_alone() {
        let web = End { ports: vec![Ports::new(80, 80).unwrap()], ..End::default() };
        let cubic = Decision { congestion: Some(CongestionControl::Cubic), ..on_host() };
        let policy = Policy::new(vec![
            Rule { local: web, says: on_host(), ..Rule::default() },
            Rule { says: cubic, ..Rule::default() },
        ]);
        let decide = |port: u16| {
            policy.decide(Occasion::Passive, ([10, 0, 0, 1], port).into(), Some(at("10.0.0.9:5")))
        };
        assert_eq!(decide(80), on_host());
        assert_eq!(decide(81), cubic);
        assert_eq!(
            Policy::default().decide(Occasion::Active, at("10.0.0.1:1"), None),
            Decision::default()
        );
    }

    #[test]
    fn a_listener_is_matched_by_rules_that_say_nothing_of_the_peer() {
        let from = |addresses: Vec<Prefix>| Rule {
            remote: End { addresses, ..End::default() },
            says: on_host(),
            ..Rule::default()
        };
        let ports = vec![Ports::new(0, u16::MAX).unwrap()];
        let ported = Rule { remote: End { ports, ..End::default() }, ..from(vec![]) };
        let decide =
            |rule| Policy::new(vec![rule]).decide(Occasion::Listen, at("10.0.0.1:80"), None);
        assert_eq!(decide(from(vec![])), on_host());
        // All addresses are said as well: a listener of IPv4 would follow what is said of IPv6.
        for said in ["10.9.0.0/16", "0.0.0.0/0", "::/0"] {
            assert_eq!(decide(from(vec![prefix(said)])), Decision::default(), "{said}");
        }
        assert_eq!(decide(ported), Decision::default());
    }

    #[test]
    fn what_an_application_wants_itself_stays() {
        let says = Decision {
            path: Some(PathChoice::Host),
            congestion: Some(CongestionControl::Tahoe),
            handover: Some(Handover::Instant),
            protect: Some(false),
        };
        let open = Options::on(PathChoice::Offload).with_nagle(false);
        let decided = says.apply(open);
        assert_eq!(
            (decided.path, decided.congestion),
            (PathChoice::Host, Some(CongestionControl::Tahoe))
        );
        assert_eq!((decided.handover, decided.nagle), (Some(Handover::Instant), false));
        assert_eq!(decided.protect, Some(false));
        let firm = Options {
            congestion: Some(CongestionControl::Reno),
            handover: Some(Handover::Drained),
            protect: Some(true),
            ..Options::on(PathChoice::Host)
        };
        let offload = Decision { path: Some(PathChoice::Offload), ..says };
        assert_eq!(offload.apply(firm), firm);
        assert_eq!(Decision::default().apply(open), open);
    }

    /// When, our network and ports, the peer's network, what is said.
    type Drawn = (u8, Option<(u8, u8)>, Option<(u16, u16)>, Option<(u8, u8)>, u8);

    /// A rule as bits of small numbers, so that rules overlap and addresses fall on edges.
    fn rule() -> impl Strategy<Value = Drawn> {
        let prefix = || proptest::option::of((0_u8..8, 24_u8..=32));
        (1_u8..8, prefix(), proptest::option::of((0_u16..6, 0_u16..6)), prefix(), 0_u8..3)
    }

    fn end(prefix: Option<(u8, u8)>, ports: Option<(u16, u16)>) -> End {
        let network = |(last, len): (u8, u8)| {
            let mask = u32::MAX.checked_shl(32 - u32::from(len)).unwrap_or(0);
            let bits = u32::from_be_bytes([10, 0, 0, last]) & mask;
            Prefix::new(IpAddr::V4(bits.into()), len).unwrap()
        };
        let range = |(a, b): (u16, u16)| Ports::new(a.min(b), a.max(b)).unwrap();
        End {
            addresses: prefix.map(network).into_iter().collect(),
            ports: ports.map(range).into_iter().collect(),
        }
    }

    proptest! {
        /// Against a reading of the rules bit by bit, from the last one to the first.
        #[test]
        fn the_first_that_matches_wins(
            rules in proptest::collection::vec(rule(), 0..8),
            occasion in 0_usize..3,
            local in (0_u8..8, 0_u16..6),
            remote in proptest::option::of((0_u8..8, 0_u16..6)),
        ) {
            let says = [
                Decision::default(),
                on_host(),
                Decision { handover: Some(Handover::Instant), ..Decision::default() },
            ];
            let made = rules.iter().map(|&(on, network, ports, from, what)| Rule {
                on: Occasion::NAMES.iter().filter(|(_, o)| on >> *o as u8 & 1 == 1).fold(Occasions::NONE, |set, (_, o)| set.with(*o)),
                local: end(network, ports),
                remote: end(from, None),
                says: says[what as usize],
            });
            let policy = Policy::new(made.collect());
            let (_, what) = Occasion::NAMES[occasion];
            let end = |(last, port): (u8, u16)| SocketAddr::from(([10, 0, 0, last], port));

            let mut expected = Decision::default();
            for &(on, network, ports, from, said) in rules.iter().rev() {
                let same = |a: u8, (b, len): (u8, u8)| (0..len - 24).all(|bit| (a ^ b) << bit & 0x80 == 0);
                let is_met = on & 1 << occasion != 0
                    && network.is_none_or(|network| same(local.0, network))
                    && ports.is_none_or(|(a, b)| (a..=b).chain(b..=a).any(|port| port == local.1))
                    && from.is_none_or(|network| remote.is_some_and(|remote| same(remote.0, network)));
                if is_met {
                    expected = says[said as usize];
                }
            }
            prop_assert_eq!(policy.decide(what, end(local), remote.map(end)), expected);
        }
    }
}
