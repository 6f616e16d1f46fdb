//! Options of a bond by name, as Linux bonding spells them: `miimon=100,updelay=200,primary=B0`. Times are in
//! milliseconds. Links are named by their adapter, a letter, and its port: `A0`.

use core::fmt;
use core::net::Ipv4Addr;
use core::str::FromStr;

use mafo_mem::Nanos;
use mafo_t4::PortId;

use crate::bond::LinkId;
use crate::config::{ArpValidate, BondConfig, FailOverMac, Mode, PrimaryReselect, XmitHashPolicy};

/// What is wrong with an option.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadOption {
    /// There is no such option.
    #[error("'{name}' is no option of a bond{}; there are: {}", meant(near), NAMES.join(", "))]
    Unknown {
        /// What was written.
        name: String,
        /// What may have been meant.
        near: Option<&'static str>,
    },
    /// It has no value.
    #[error("{0} needs a value: {0}={1}")]
    NoValue(&'static str, &'static str),
    /// It is given more than once.
    #[error("{0} is given twice")]
    Twice(&'static str),
    /// Its value is none that it can have.
    #[error("{name}='{value}' is none of: {can}")]
    Value {
        /// The option.
        name: &'static str,
        /// What was written.
        value: String,
        /// What it can be.
        can: &'static str,
    },
}

fn meant(near: &Option<&'static str>) -> String {
    near.map_or_else(String::new, |name| format!(" (is {name} meant?)"))
}

/// Every option and what its value looks like.
const OPTIONS: [(&str, &str); 14] = [
    ("mode", "active-backup, balance-xor"),
    ("miimon", MILLISECONDS),
    ("updelay", MILLISECONDS),
    ("downdelay", MILLISECONDS),
    ("arp_interval", MILLISECONDS),
    ("arp_ip_target", "IPv4 addresses, with commas between them"),
    ("arp_validate", "none, active, backup, all"),
    ("arp_missed_max", "1 to 255"),
    ("primary", "a link, such as A0"),
    ("primary_reselect", "always, better, failure"),
    ("fail_over_mac", "none, active, follow"),
    ("num_peer_notif", "0 to 255"),
    ("peer_notif_delay", MILLISECONDS),
    ("xmit_hash_policy", "layer2, layer2+3, layer3+4"),
];
const MILLISECONDS: &str = "milliseconds, 0 to 2147483647";
const NAMES: [&str; OPTIONS.len()] = {
    let mut names = [""; OPTIONS.len()];
    let mut n = 0;
    while n < names.len() {
        names[n] = OPTIONS[n].0;
        n += 1;
    }
    names
};

/// Options of a bond, in the order in which they were given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BondOptions(Vec<Setting>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Setting {
    Mode(Mode),
    Miimon(Nanos),
    Updelay(Nanos),
    Downdelay(Nanos),
    ArpInterval(Nanos),
    ArpIpTarget(Vec<Ipv4Addr>),
    ArpValidate(ArpValidate),
    ArpMissedMax(u8),
    Primary(LinkId),
    PrimaryReselect(PrimaryReselect),
    FailOverMac(FailOverMac),
    NumPeerNotif(u8),
    PeerNotifDelay(Nanos),
    XmitHashPolicy(XmitHashPolicy),
}

impl BondOptions {
    /// The names of all of them.
    #[must_use]
    pub fn names() -> &'static [&'static str] {
        &NAMES
    }

    /// Sets what was given in `config`; the rest stays as it is.
    pub fn apply(&self, config: &mut BondConfig) {
        for setting in &self.0 {
            match setting.clone() {
                Setting::Mode(mode) => config.mode = mode,
                Setting::Miimon(time) => config.miimon = time,
                Setting::Updelay(time) => config.updelay = time,
                Setting::Downdelay(time) => config.downdelay = time,
                Setting::ArpInterval(time) => config.arp_interval = time,
                Setting::ArpIpTarget(targets) => config.arp_ip_target = targets,
                Setting::ArpValidate(validate) => config.arp_validate = validate,
                Setting::ArpMissedMax(count) => config.arp_missed_max = count,
                Setting::Primary(link) => config.primary = Some(link),
                Setting::PrimaryReselect(reselect) => config.primary_reselect = reselect,
                Setting::FailOverMac(policy) => config.fail_over_mac = policy,
                Setting::NumPeerNotif(count) => config.num_peer_notif = count,
                Setting::PeerNotifDelay(time) => config.peer_notif_delay = time,
                Setting::XmitHashPolicy(policy) => config.xmit_hash_policy = policy,
            }
        }
    }

    /// The mode, if it was given.
    #[must_use]
    pub fn mode(&self) -> Option<Mode> {
        self.0.iter().find_map(|setting| match setting {
            Setting::Mode(mode) => Some(*mode),
            _ => None,
        })
    }
}

impl FromStr for BondOptions {
    type Err = BadOption;

    fn from_str(text: &str) -> Result<Self, BadOption> {
        let mut pairs: Vec<(&str, String)> = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match (part.split_once('='), pairs.last_mut()) {
                (Some((name, value)), _) => pairs.push((name, value.to_owned())),
                // Further addresses of a list.
                (None, Some((name, list))) if *name == "arp_ip_target" && is_address(part) => {
                    list.push(',');
                    list.push_str(part);
                }
                (None, _) => pairs.push((part, String::new())),
            }
        }
        let mut settings = Vec::new();
        let mut seen: Vec<&str> = Vec::new();
        for (name, value) in &pairs {
            let Some(&(name, can)) = OPTIONS.iter().find(|(option, _)| option == name) else {
                return Err(BadOption::Unknown { name: (*name).to_owned(), near: nearest(name) });
            };
            if seen.contains(&name) {
                return Err(BadOption::Twice(name));
            }
            seen.push(name);
            if value.is_empty() {
                return Err(BadOption::NoValue(name, can));
            }
            let wrong = || BadOption::Value { name, value: value.clone(), can };
            settings.push(setting(name, value).ok_or_else(wrong)?);
        }
        Ok(Self(settings))
    }
}

fn is_address(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
}

fn setting(name: &str, value: &str) -> Option<Setting> {
    Some(match name {
        "mode" => Setting::Mode(named(value)?),
        "miimon" => Setting::Miimon(time(value)?),
        "updelay" => Setting::Updelay(time(value)?),
        "downdelay" => Setting::Downdelay(time(value)?),
        "arp_interval" => Setting::ArpInterval(time(value)?),
        "arp_ip_target" => {
            let targets: Result<_, _> = value.split(',').map(str::parse).collect();
            Setting::ArpIpTarget(targets.ok()?)
        }
        "arp_validate" => Setting::ArpValidate(named(value)?),
        "arp_missed_max" => Setting::ArpMissedMax(value.parse().ok().filter(|&n| n > 0)?),
        "primary" => Setting::Primary(value.parse().ok()?),
        "primary_reselect" => Setting::PrimaryReselect(named(value)?),
        "fail_over_mac" => Setting::FailOverMac(named(value)?),
        "num_peer_notif" => Setting::NumPeerNotif(value.parse().ok()?),
        "peer_notif_delay" => Setting::PeerNotifDelay(time(value)?),
        "xmit_hash_policy" => Setting::XmitHashPolicy(named(value)?),
        _ => return None,
    })
}

/// Linux's are positive `int`s.
fn time(value: &str) -> Option<Nanos> {
    value.parse().ok().filter(|&ms| ms <= i32::MAX as u64).map(Nanos::from_millis)
}

/// A value that Linux knows by a name and by a number.
trait Named: Sized + Copy + 'static {
    /// Value, name, number.
    const ALL: &'static [(Self, &'static str, &'static str)];
}

fn named<T: Named>(text: &str) -> Option<T> {
    let same = |&&(_, name, number): &&(T, &str, &str)| name == text || number == text;
    T::ALL.iter().find(same).map(|&(value, ..)| value)
}

impl Named for Mode {
    const ALL: &'static [(Self, &'static str, &'static str)] =
        &[(Self::ActiveBackup, "active-backup", "1"), (Self::BalanceXor, "balance-xor", "2")];
}

impl Named for ArpValidate {
    const ALL: &'static [(Self, &'static str, &'static str)] = &[
        (Self::None, "none", "0"),
        (Self::Active, "active", "1"),
        (Self::Backup, "backup", "2"),
        (Self::All, "all", "3"),
    ];
}

impl Named for PrimaryReselect {
    const ALL: &'static [(Self, &'static str, &'static str)] = &[
        (Self::Always, "always", "0"),
        (Self::Better, "better", "1"),
        (Self::Failure, "failure", "2"),
    ];
}

impl Named for FailOverMac {
    const ALL: &'static [(Self, &'static str, &'static str)] =
        &[(Self::None, "none", "0"), (Self::Active, "active", "1"), (Self::Follow, "follow", "2")];
}

impl Named for XmitHashPolicy {
    const ALL: &'static [(Self, &'static str, &'static str)] = &[
        (Self::Layer2, "layer2", "0"),
        (Self::Layer34, "layer3+4", "1"),
        (Self::Layer23, "layer2+3", "2"),
    ];
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(mode, ..)| mode == self).map_or("", |(_, name, _)| name);
        f.write_str(name)
    }
}

/// A letter for the adapter, a number for its port: `B1`.
impl FromStr for LinkId {
    type Err = NoLink;

    fn from_str(text: &str) -> Result<Self, NoLink> {
        let wrong = || NoLink(text.to_owned());
        let mut letters = text.chars();
        let adapter = letters.next().filter(char::is_ascii_uppercase).ok_or_else(wrong)?;
        let port: u8 = letters.as_str().parse().map_err(|_| wrong())?;
        if port > 3 {
            return Err(wrong());
        }
        Ok(Self::from((adapter as usize - 'A' as usize, PortId(port))))
    }
}

/// It names no link.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' names no link: a letter for the adapter and a number from 0 to 3 for its port, such as A0"
)]
pub struct NoLink(String);

/// The option whose name is most like `name`, if one is like it at all.
fn nearest(name: &str) -> Option<&'static str> {
    let far = NAMES.map(|option| (distance(name, option), option));
    far.into_iter().min().filter(|&(far, _)| far <= 3).map(|(_, option)| option)
}

/// Letters to be added, dropped or changed to make one of the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], i + 1);
        for (j, &y) in b.iter().enumerate() {
            let changed = corner + usize::from(x != y);
            corner = row[j + 1];
            row[j + 1] = changed.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str) -> BondConfig {
        let mut config = BondConfig::new([(0, PortId(0)), (1, PortId(1))]);
        text.parse::<BondOptions>().expect(text).apply(&mut config);
        config
    }

    #[test]
    fn options_are_spelt_as_in_linux() {
        let ms = Nanos::from_millis;
        let bond = with("miimon=100,updelay=200, downdelay=300,primary=B1,primary_reselect=better");
        assert_eq!((bond.miimon, bond.updelay, bond.downdelay), (ms(100), ms(200), ms(300)));
        assert_eq!(bond.primary, Some((1, PortId(1)).into()));
        assert_eq!(bond.primary_reselect, PrimaryReselect::Better);
        let bond =
            with("arp_interval=50,arp_ip_target=10.0.0.1,10.0.0.2,arp_validate=3,arp_missed_max=4");
        assert_eq!((bond.arp_interval, bond.arp_missed_max), (ms(50), 4));
        assert_eq!(bond.arp_ip_target, [Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2)]);
        assert_eq!(bond.arp_validate, ArpValidate::All);
        let bond = with("fail_over_mac=follow,num_peer_notif=0,peer_notif_delay=7");
        assert_eq!((bond.fail_over_mac, bond.num_peer_notif), (FailOverMac::Follow, 0));
        assert_eq!(bond.peer_notif_delay, ms(7));
        let bond = with("mode=balance-xor,xmit_hash_policy=layer3+4");
        assert_eq!((bond.mode, bond.xmit_hash_policy), (Mode::BalanceXor, XmitHashPolicy::Layer34));
        assert_eq!(bond.mode.to_string(), "balance-xor");
        let (usual, empty) = (BondConfig::new([(0, PortId(0)), (1, PortId(1))]), with(""));
        assert_eq!(format!("{empty:?}"), format!("{usual:?}"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (wrong, named) in [
            ("miimom=100", "'miimom' is no option of a bond (is miimon meant?)"),
            ("speed=1", "'speed' is no option of a bond; there are: mode, miimon,"),
            ("miimon", "miimon needs a value"),
            ("miimon=", "miimon needs a value"),
            ("miimon=-1", "miimon='-1' is none of: milliseconds"),
            ("miimon=2147483648", "milliseconds"),
            ("mode=802.3ad", "mode='802.3ad' is none of: active-backup, balance-xor"),
            ("primary=C", "primary='C' is none of: a link, such as A0"),
            ("primary=a0", "such as A0"),
            ("arp_ip_target=10.0.0", "arp_ip_target='10.0.0' is none of: IPv4"),
            ("arp_ip_target=10.0.0.1,10.0.0.2.3", "10.0.0.2.3"),
            ("arp_missed_max=0", "1 to 255"),
            ("num_peer_notif=256", "0 to 255"),
            ("xmit_hash_policy=layer4", "layer2, layer2+3, layer3+4"),
            ("miimon=1,miimon=2", "miimon is given twice"),
            ("10.0.0.1", "'10.0.0.1' is no option"),
        ] {
            let error = wrong.parse::<BondOptions>().expect_err(wrong).to_string();
            assert!(error.contains(named), "{wrong}: {error}");
        }
        let error = "A9".parse::<LinkId>().expect_err("no port");
        assert!(error.to_string().starts_with("'A9' names no link"), "{error}");
    }
}
