//! Devices by name: `name,key=value,…`. A piece without `=` goes on with the value before it, since captures have two names.

use std::path::PathBuf;
use std::str::FromStr;

use super::bond::{self, BondSpec};

/// A device without hardware.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Vdev {
    /// A software adapter.
    Card(CardSpec),
    /// A port that is a bare wire.
    Wire {
        /// Its name.
        name: String,
        /// The wire.
        wire: WireSpec,
        /// The port's station address, if it is to have a certain one.
        mac: Option<[u8; 6]>,
    },
    /// A bond of ports.
    Bond(BondSpec),
}

/// A software adapter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CardSpec {
    pub(crate) name: String,
    pub(crate) chip: Chip,
    /// Ports, 1 to 4.
    pub(crate) ports: u8,
    /// Connections.
    pub(crate) ntids: Option<u32>,
    /// Filters.
    pub(crate) nfilters: Option<u32>,
    /// Address of port 0; the others' count up from it.
    pub(crate) mac: Option<[u8; 6]>,
    /// By port; those without are joined in pairs.
    pub(crate) wires: Vec<Option<WireSpec>>,
}

/// Which adapter a software adapter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chip {
    T540Cr,
    T520Cr,
}

impl Chip {
    fn ports(self) -> u8 {
        match self {
            Self::T540Cr => 4,
            Self::T520Cr => 2,
        }
    }
}

/// What a port is plugged into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WireSpec {
    Mem(String),
    Tap(String),
    Packet(String),
    Pcap(PathBuf, Option<PathBuf>),
    Null { floods: bool },
}

const CARD_KEYS: &str = "chip, ports, ntids, nfilters, mac, wire0, wire1, wire2, wire3";
const WIRE_KEYS: &str = "wire, mac";
const KINDS: &str = "mem:NAME, tap:IFNAME, packet:IFNAME, pcap:IN[,OUT], null, null:no-rx";

impl Vdev {
    /// The device's name.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Card(card) => &card.name,
            Self::Wire { name, .. } => name,
            Self::Bond(bond) => &bond.name,
        }
    }
}

/// A device and how the user wrote it.
#[derive(Clone, Debug)]
pub(crate) struct Described {
    pub(crate) text: String,
    pub(crate) vdev: Vdev,
}

impl FromStr for Described {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self { text: text.to_owned(), vdev: text.parse()? })
    }
}

impl FromStr for Vdev {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut pieces = text.split(',');
        let name = pieces.next().unwrap_or_default();
        let mut pairs: Vec<(&str, String)> = Vec::new();
        for piece in pieces {
            match (piece.split_once('='), pairs.last_mut()) {
                (Some((key, value)), _) => pairs.push((key, value.to_owned())),
                (None, Some((_, value))) => *value = format!("{value},{piece}"),
                (None, None) => return Err(format!("{name}: '{piece}' is no key=value")),
            }
        }
        if let Some((twice, _)) =
            pairs.iter().enumerate().find_map(|(n, pair)| pairs[..n].iter().find(|p| p.0 == pair.0))
        {
            return Err(format!("{name}: {twice} is said twice"));
        }
        let number = |kind| {
            name.strip_prefix(kind).is_some_and(|n: &str| {
                !n.is_empty() && n.len() < 4 && n.bytes().all(|b| b.is_ascii_digit())
            })
        };
        if number("asic") {
            card(name, &pairs).map(Self::Card)
        } else if number("wire") {
            bare_wire(name, &pairs)
        } else if number("bond") {
            bond::bond(name, &pairs).map(Self::Bond)
        } else {
            Err(format!(
                "'{name}' is no device: asicN is a software adapter, wireN a bare wire, bondN a bond of ports"
            ))
        }
    }
}

fn card(name: &str, pairs: &[(&str, String)]) -> Result<CardSpec, String> {
    let mut chip = Chip::T540Cr;
    if let Some((_, value)) = pairs.iter().find(|(key, _)| *key == "chip") {
        chip = match value.as_str() {
            "t540-cr" => Chip::T540Cr,
            "t520-cr" => Chip::T520Cr,
            other => {
                return Err(format!(
                    "{name}: chip={other} is not there; there are t540-cr and t520-cr"
                ));
            }
        };
    }
    let mut card = CardSpec {
        name: name.to_owned(),
        chip,
        ports: chip.ports(),
        ntids: None,
        nfilters: None,
        mac: None,
        wires: vec![None; 4],
    };
    for (key, value) in pairs {
        match *key {
            "chip" => {}
            "ports" => card.ports = number(name, key, value, 1, chip.ports().into())? as u8,
            "ntids" => card.ntids = Some(number(name, key, value, 1, 1 << 20)?),
            "nfilters" => card.nfilters = Some(number(name, key, value, 1, 496)?),
            "mac" => card.mac = Some(parse_mac(value).ok_or_else(|| bad_mac(name, value))?),
            "wire0" | "wire1" | "wire2" | "wire3" => {
                let index = usize::from(key.as_bytes()[4] - b'0');
                card.wires[index] = Some(wire(name, key, value)?);
            }
            other => return Err(format!("{name}: '{other}' is no key; there are {CARD_KEYS}")),
        }
    }
    let beyond = card.wires.iter().skip(card.ports.into()).position(Option::is_some);
    if let Some(index) = beyond {
        let index = index + usize::from(card.ports);
        return Err(format!(
            "{name}: wire{index} is for a port that it does not have (ports={})",
            card.ports
        ));
    }
    card.wires.truncate(card.ports.into());
    Ok(card)
}

fn bare_wire(name: &str, pairs: &[(&str, String)]) -> Result<Vdev, String> {
    let (mut plugged, mut mac) = (None, None);
    for (key, value) in pairs {
        match *key {
            "wire" => plugged = Some(wire(name, key, value)?),
            "mac" => mac = Some(parse_mac(value).ok_or_else(|| bad_mac(name, value))?),
            other => return Err(format!("{name}: '{other}' is no key; there are {WIRE_KEYS}")),
        }
    }
    let wire = plugged.ok_or_else(|| format!("{name}: wire= is missing; there are {KINDS}"))?;
    Ok(Vdev::Wire { name: name.to_owned(), wire, mac })
}

fn number(name: &str, key: &str, value: &str, min: u32, max: u32) -> Result<u32, String> {
    match value.parse() {
        Ok(number) if (min..=max).contains(&number) => Ok(number),
        _ => Err(format!("{name}: {key}={value} is not from {min} to {max}")),
    }
}

fn wire(name: &str, key: &str, value: &str) -> Result<WireSpec, String> {
    let wrong = || format!("{name}: {key}={value} is no wire; there are {KINDS}");
    let (kind, rest) = value.split_once(':').unwrap_or((value, ""));
    Ok(match (kind, rest) {
        ("null", "") => WireSpec::Null { floods: true },
        ("null", "no-rx") => WireSpec::Null { floods: false },
        (_, "") => return Err(wrong()),
        ("mem", end) => WireSpec::Mem(end.to_owned()),
        ("tap", interface) => WireSpec::Tap(interface.to_owned()),
        ("packet", interface) => WireSpec::Packet(interface.to_owned()),
        ("pcap", files) => match files.split_once(',') {
            Some((input, output)) if !input.is_empty() && !output.is_empty() => {
                WireSpec::Pcap(input.into(), Some(output.into()))
            }
            Some(_) => return Err(wrong()),
            None => WireSpec::Pcap(files.into(), None),
        },
        _ => return Err(wrong()),
    })
}

pub(super) fn bad_mac(name: &str, value: &str) -> String {
    format!("{name}: mac={value} is no station's address such as 02:00:00:00:00:01")
}

/// Six bytes in hexadecimal with colons between them; no group's.
pub(crate) fn parse_mac(text: &str) -> Option<[u8; 6]> {
    let bytes: Option<Vec<u8>> = text
        .split(':')
        .map(|byte| u8::from_str_radix(byte, 16).ok().filter(|_| byte.len() == 2))
        .collect();
    let mac: [u8; 6] = bytes?.try_into().ok()?;
    (mac[0] & 1 == 0 && mac != [0; 6]).then_some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vdev, String> {
        text.parse()
    }

    #[test]
    fn a_card_has_the_ports_of_its_chip_and_wires_by_number() {
        let text = "asic0,chip=t520-cr,ntids=1024,wire1=pcap:a.pcap,b.pcap,mac=02:00:00:00:00:07";
        let card = CardSpec {
            name: "asic0".to_owned(),
            chip: Chip::T520Cr,
            ports: 2,
            ntids: Some(1024),
            nfilters: None,
            mac: Some([2, 0, 0, 0, 0, 7]),
            wires: vec![None, Some(WireSpec::Pcap("a.pcap".into(), Some("b.pcap".into())))],
        };
        assert_eq!(parse(text), Ok(Vdev::Card(card)));
        let Ok(Vdev::Card(card)) = parse("asic1") else { panic!("no card") };
        assert_eq!((card.chip, card.ports, card.wires.len()), (Chip::T540Cr, 4, 4));
    }

    #[test]
    fn wires_are_of_six_kinds() {
        let wire = |text: &str| match parse(&format!("wire3,wire={text}")) {
            Ok(Vdev::Wire { wire, .. }) => wire,
            other => panic!("{other:?}"),
        };
        assert_eq!(wire("mem:a"), WireSpec::Mem("a".to_owned()));
        assert_eq!(wire("tap:t0"), WireSpec::Tap("t0".to_owned()));
        assert_eq!(wire("packet:eth0"), WireSpec::Packet("eth0".to_owned()));
        assert_eq!(wire("pcap:x"), WireSpec::Pcap("x".into(), None));
        assert_eq!(wire("null"), WireSpec::Null { floods: true });
        assert_eq!(wire("null:no-rx"), WireSpec::Null { floods: false });
        for wrong in ["mem", "mem:", "tap:", "foo:bar", "", "null:x", "pcap:,b", "pcap:a,"] {
            let told = parse(&format!("wire0,wire={wrong}")).expect_err(wrong);
            assert!(told.contains(KINDS), "{told}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_what_would_be_right() {
        for (text, told) in [
            ("asic0,speed=1", "asic0: 'speed' is no key; there are chip, ports, ntids"),
            ("wire0,wire=null,speed=1", "wire0: 'speed' is no key; there are wire, mac"),
            ("wire0", "wire0: wire= is missing"),
            ("asic0,chip=t6", "asic0: chip=t6 is not there; there are t540-cr and t520-cr"),
            ("asic0,ports=5", "asic0: ports=5 is not from 1 to 4"),
            ("asic0,chip=t520-cr,ports=3", "asic0: ports=3 is not from 1 to 2"),
            ("asic0,ports=1,wire2=null", "asic0: wire2 is for a port that it does not have"),
            ("asic0,ports=1,ports=2", "asic0: ports is said twice"),
            ("asic0,x", "asic0: 'x' is no key=value"),
            ("net_null0", "'net_null0' is no device: asicN"),
            ("asicx", "'asicx' is no device"),
            ("asic0,mac=01:00:00:00:00:00", "asic0: mac=01:00:00:00:00:00 is no station's"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.starts_with(told), "{error}");
        }
    }
}
