//! What `mafo echo` is told.

use std::fmt;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use crate::tell::TellOptions;

/// An echo service on offloaded connections, behind two cables that may be pulled.
///
/// The cables are TAP devices of this network namespace, made here, left down and without address; it
/// prints the `ip` commands that join them to a bridge. Then ping, nc and curl reach the service, and
/// `ip link set NAME down` pulls a cable: live connections move to the other adapter, and the timeline
/// of that is printed. It serves up to 256 connections at a time until Ctrl-C or SIGTERM.
///
/// With frames about it polls, as drivers of this kind do, and uses one core; with none for a few
/// milliseconds it sleeps until the next frame or timer.
#[derive(Args, Clone, Debug)]
pub struct EchoOptions {
    /// The two TAP devices to make, such as mafo0,mafo1
    #[arg(long, value_name = "NAME,NAME")]
    pub taps: TapNames,
    /// The service's address and the length of its network's prefix, such as 10.77.0.2/24
    #[arg(long, value_name = "ADDRESS/LEN")]
    pub addr: Cidr,
    /// The TCP port
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: u16,
    /// Take what the command line does not say from a file, such as mafo.toml: its keys are in docs/configuration.md
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Take the connection offload policy from a file of its own, not from the one of --config. SIGHUP
    /// reads it again; a file with a mistake changes nothing
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Whom it tells how it stands
    #[command(flatten)]
    pub tell: TellOptions,
}

/// Names of the two cables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TapNames(pub [String; 2]);

impl FromStr for TapNames {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names: Vec<String> = text.split(',').map(str::to_owned).collect();
        match <[String; 2]>::try_from(names) {
            Ok([first, second]) if first == second => {
                Err("the two TAP devices need two names".to_owned())
            }
            Ok(names) => Ok(Self(names)),
            Err(names) => Err(format!(
                "a bond has two cables: two names with a comma between them, not {}",
                names.len()
            )),
        }
    }
}

/// A host's IPv4 address and the length of its network's prefix, 1 to 30.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    /// The host's address.
    pub address: Ipv4Addr,
    /// Leading bits that name the network.
    pub prefix_len: u8,
}

impl Cidr {
    fn mask(self) -> u32 {
        u32::MAX << (32 - self.prefix_len)
    }

    /// The first address of the network that a host may have and that this one has not.
    #[must_use]
    pub fn neighbour(self) -> Self {
        let first = (u32::from(self.address) & self.mask()) + 1;
        let taken = first == u32::from(self.address);
        Self { address: Ipv4Addr::from(first + u32::from(taken)), ..self }
    }
}

impl FromStr for Cidr {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text
            .split_once('/')
            .and_then(|(address, len)| Some((address.parse().ok()?, len.parse().ok()?)));
        let Some((address, prefix_len)) = parsed else {
            return Err("no IPv4 address with a prefix length, such as 10.77.0.2/24".to_owned());
        };
        if !(1..=30).contains(&prefix_len) {
            return Err("the prefix length is not from 1 to 30: no room for a peer".to_owned());
        }
        let cidr = Self { address, prefix_len };
        let host = u32::from(address) & !cidr.mask();
        if host == 0 || host == !cidr.mask() {
            return Err(format!("{address} is the network's own or its broadcast address"));
        }
        if address.is_multicast() || address.is_loopback() || address.octets()[0] == 0 {
            return Err(format!("{address} cannot be a host's address on a cable"));
        }
        Ok(cidr)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix_len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_hosts() {
        let good: Cidr = "10.77.0.2/24".parse().unwrap();
        assert_eq!(good, Cidr { address: Ipv4Addr::new(10, 77, 0, 2), prefix_len: 24 });
        assert_eq!(good.to_string(), "10.77.0.2/24");
        for bad in [
            "10.77.0.2",
            "10.77.0.2/",
            "10.77.0/24",
            "fd00::2/64",
            "10.77.0.2/33",
            "10.77.0.2/31",
            "10.77.0.2/0",
            "10.77.0.2/-1",
            "10.77.0.0/24",
            "10.77.0.255/24",
            "224.0.0.5/24",
            "127.0.0.1/8",
            "0.0.0.7/24",
            "",
        ] {
            assert!(bad.parse::<Cidr>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_peer_gets_the_first_address_that_is_free() {
        let neighbour = |text: &str| text.parse::<Cidr>().unwrap().neighbour().to_string();
        assert_eq!(neighbour("10.77.0.2/24"), "10.77.0.1/24");
        assert_eq!(neighbour("10.77.0.1/24"), "10.77.0.2/24");
        assert_eq!(neighbour("192.168.255.254/16"), "192.168.0.1/16");
        assert_eq!(neighbour("10.0.0.5/30"), "10.0.0.6/30");
    }

    #[test]
    fn there_are_two_taps_with_two_names() {
        let names = |text: &str| text.parse::<TapNames>().map(|names| names.0);
        assert_eq!(names("a,b"), Ok(["a".to_owned(), "b".to_owned()]));
        for bad in ["mafo0", "mafo0,mafo0", "a,b,c"] {
            assert!(names(bad).is_err(), "{bad}");
        }
    }
}
