//! A bond by name: `bond0,mode=1,members=0,4,ip=10.77.0.1/24,miimon=100`.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use mafo::{BondOptions, Mode};

use super::vdev::{bad_mac, parse_mac};

/// A bond, as it is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BondSpec {
    pub(crate) name: String,
    pub(crate) mode: Mode,
    /// Numbers of ports.
    pub(crate) members: Vec<usize>,
    pub(crate) primary: Option<usize>,
    /// Its address, and how many bits of it name the network.
    pub(crate) address: Option<(Ipv4Addr, u8)>,
    pub(crate) mac: Option<[u8; 6]>,
    pub(crate) protect: bool,
    /// Other options of Linux bonding, by name.
    pub(crate) options: BTreeMap<String, String>,
}

/// DPDK's modes by number and Linux' name.
const MODES: [(&str, &str, Option<Mode>); 7] = [
    ("0", "balance-rr", None),
    ("1", "active-backup", Some(Mode::ActiveBackup)),
    ("2", "balance-xor", Some(Mode::BalanceXor)),
    ("3", "broadcast", None),
    ("4", "802.3ad", None),
    ("5", "balance-tlb", None),
    ("6", "balance-alb", None),
];
const BUILT: &str = "there are 1 (active-backup) and 2 (balance-xor)";
const KEYS: &str = "mode, members, primary, ip, mac, protect";

impl BondSpec {
    /// One without members.
    pub(crate) fn new(name: &str, mode: Mode) -> Self {
        Self {
            name: name.to_owned(),
            mode,
            members: Vec::new(),
            primary: None,
            address: None,
            mac: None,
            protect: true,
            options: BTreeMap::new(),
        }
    }

    /// Sets an option of Linux bonding.
    pub(crate) fn set_option(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "mode" => self.mode = parse_mode(value)?,
            "primary" => {
                return Err("primary is a port here: `set bonding primary PORT BOND`".to_owned());
            }
            _ => {
                format!("{name}={value}").parse::<BondOptions>().map_err(|e| e.to_string())?;
                self.options.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(())
    }

    /// All of them.
    pub(crate) fn bond_options(&self) -> BondOptions {
        let list: Vec<String> =
            self.options.iter().map(|(name, value)| format!("{name}={value}")).collect();
        // Each was read when it was set.
        list.join(",").parse().unwrap_or_default()
    }
}

/// A mode by its number or its name.
pub(crate) fn parse_mode(word: &str) -> Result<Mode, String> {
    match MODES.iter().find(|(number, name, _)| *number == word || *name == word) {
        Some((_, _, Some(mode))) => Ok(*mode),
        Some((number, name, None)) => Err(format!("mode {number} ({name}) is not built: {BUILT}")),
        None => Err(format!("'{word}' is no mode of a bond: {BUILT}")),
    }
}

/// A mode as DPDK shows it.
pub(crate) fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::ActiveBackup => "ACTIVE_BACKUP(1)",
        Mode::BalanceXor => "BALANCE(2)",
    }
}

/// An address with the length of its network's prefix.
pub(crate) fn parse_network(word: &str) -> Result<(Ipv4Addr, u8), String> {
    let parsed = word.split_once('/').and_then(|(address, len)| {
        let len = len.parse().ok().filter(|len| (1..=30).contains(len))?;
        Some((address.parse().ok()?, len))
    });
    parsed.ok_or_else(|| format!("'{word}' is no address with its network such as 10.77.0.1/24"))
}

/// The bond that keys and values describe.
pub(super) fn bond(name: &str, pairs: &[(&str, String)]) -> Result<BondSpec, String> {
    let mut spec = BondSpec::new(name, Mode::ActiveBackup);
    let named = |e: String| format!("{name}: {e}");
    for (key, value) in pairs {
        match *key {
            "mode" => spec.mode = parse_mode(value).map_err(named)?,
            "members" => {
                let list: Result<_, _> = value.split(',').map(str::parse).collect();
                spec.members = list.map_err(|_| {
                    named(format!("members={value} is no list of ports such as 0,4"))
                })?;
            }
            "primary" => {
                let port =
                    value.parse().map_err(|_| named(format!("primary={value} is no port")))?;
                spec.primary = Some(port);
            }
            "ip" => spec.address = Some(parse_network(value).map_err(named)?),
            "mac" => spec.mac = Some(parse_mac(value).ok_or_else(|| bad_mac(name, value))?),
            "protect" => match value.as_str() {
                "on" => spec.protect = true,
                "off" => spec.protect = false,
                _ => return Err(named(format!("protect={value} is neither on nor off"))),
            },
            option if BondOptions::names().contains(&option) => {
                spec.set_option(option, value).map_err(named)?;
            }
            other => {
                return Err(named(format!(
                    "'{other}' is no key; there are {KEYS}, {}",
                    BondOptions::names()[1..].join(", ")
                )));
            }
        }
    }
    if let Some(primary) = spec.primary.filter(|port| !spec.members.contains(port)) {
        return Err(named(format!("primary={primary} is not among its members")));
    }
    Ok(spec)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<BondSpec, String> {
        match text.parse()? {
            super::super::Vdev::Bond(spec) => Ok(spec),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_bond_has_members_an_address_and_options_of_linux() {
        let spec =
            parse("bond0,mode=2,members=0,4,ip=10.0.0.1/16,miimon=100,protect=off,primary=4");
        let wanted = BondSpec {
            mode: Mode::BalanceXor,
            members: vec![0, 4],
            primary: Some(4),
            address: Some((Ipv4Addr::new(10, 0, 0, 1), 16)),
            protect: false,
            options: BTreeMap::from([("miimon".to_owned(), "100".to_owned())]),
            ..BondSpec::new("bond0", Mode::ActiveBackup)
        };
        assert_eq!(spec, Ok(wanted));
        assert_eq!(parse("bond3").map(|spec| spec.mode), Ok(Mode::ActiveBackup));
    }

    #[test]
    fn what_is_wrong_is_named_with_what_would_be_right() {
        for (text, told) in [
            (
                "bond0,mode=4",
                "bond0: mode 4 (802.3ad) is not built: there are 1 (active-backup) and 2",
            ),
            ("bond0,mode=balance-alb", "bond0: mode 6 (balance-alb) is not built"),
            ("bond0,mode=7", "bond0: '7' is no mode of a bond: there are 1"),
            ("bond0,members=x", "bond0: members=x is no list of ports such as 0,4"),
            ("bond0,members=0,primary=1", "bond0: primary=1 is not among its members"),
            ("bond0,ip=10.0.0.1", "bond0: '10.0.0.1' is no address with its network"),
            ("bond0,ip=10.0.0.1/33", "bond0: '10.0.0.1/33' is no address"),
            ("bond0,mac=01:00:00:00:00:00", "bond0: mac=01:00:00:00:00:00 is no station's"),
            (
                "bond0,speed=1",
                "bond0: 'speed' is no key; there are mode, members, primary, ip, mac, protect, miimon",
            ),
            ("bond0,miimon=x", "bond0: miimon='x' is none of: milliseconds"),
            ("bond0,protect=1", "bond0: protect=1 is neither on nor off"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.starts_with(told), "{error}");
        }
    }
}
