//! What demo and drill can both be asked for.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use mafo::{BondOptions, Mode};

use super::adapters::{self, Adapters};
use super::idle::Idle;
use super::page::Page;
use super::run::RigError;
use crate::tell::TellOptions;

/// What the connections' buffers are together, each way, and the least and the most that one has. A TAP drops what
/// its queue has no room for, where a network card would hold its host back: with more under way than that, peers would be
/// busy with losses and timeouts that no failure has made.
const BUFFERS: usize = 4 << 20;
const BUFFER_MIN: usize = 8 << 10;
const BUFFER_MAX: usize = 256 << 10;

/// Lcores that may be asked for: entries of the indirection table.
const LCORES_MAX: i64 = 64;

/// Two hosts, what lies between them, and what is to be told.
#[derive(Args, Clone, Debug)]
pub struct RigOptions {
    /// The other host: Linux's own TCP, smoltcp, or the first of them that this system allows
    #[arg(long, value_enum, default_value_t = PeerKind::Auto)]
    pub peer: PeerKind,
    /// Connections, half of them opened by either side
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub connections: u32,
    /// Lcores that the connections are spread over by the symmetric RSS hash: each has a thread, on a core of its own where
    /// there are enough, its part of the host and functions of both adapters that are its alone. The first one also polls the
    /// cables, and gives each its frames
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=LCORES_MAX))]
    pub lcores: u8,
    /// The lcores share both adapters, as the queues of real cards: one control plane, which the first lcore has and whose bond
    /// decides for all; it polls the adapters as well. In place of functions that are each lcore's alone
    #[arg(long)]
    pub one_card: bool,
    /// What an lcore does that has nothing to do: it looks again at once, or it sleeps until its next timer, or until a frame
    /// or an order comes. The report says how often it slept and what it cost to wake it
    #[arg(long, value_enum, default_value_t = Idle::Poll)]
    pub idle: Idle,
    /// Both adapters of the bond, each t540-cr or t520-cr, and behind a colon how many connections (ntids),
    /// next hops (l2t) and filters it has room for, as in t540-cr,t520-cr:ntids=64,filters=32; or eth, an Ethernet port
    /// without an adapter: the TCP of connections that use it runs on the host
    #[arg(long, value_name = "A,B", default_value = "t540-cr,t540-cr",
          value_parser = adapters::parse)]
    pub adapters: Adapters,
    /// Options of the bond as Linux bonding spells them, such as miimon=100,updelay=200,primary=B0: mode, miimon, updelay,
    /// downdelay, arp_interval, arp_ip_target, arp_validate, arp_missed_max, primary, primary_reselect, fail_over_mac,
    /// num_peer_notif, peer_notif_delay, xmit_hash_policy; times in milliseconds. With mode=balance-xor the switch takes all
    /// cables for one
    #[arg(long, value_name = "NAME=VALUE,…")]
    pub bond: Option<BondOptions>,
    /// Whether adapters acknowledge only what their host has been told of. Without that protection they are as fast as
    /// silicon, and one that dies may take along bytes that its peers will not send again: such connections are lost
    #[arg(long, value_enum, default_value_t = Protect::On)]
    pub protect: Protect,
    /// Bytes that each connection has room for at our end, either way. Unless given, all connections share 4 MiB, and each
    /// has from 8 KiB to 256 KiB: no cable has to hold more than its queue does
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(4096..=1 << 20))]
    pub buffer: Option<u32>,
    /// Probability that a frame is lost, each direction, every cable
    #[arg(long, default_value_t = 0.0, value_parser = parse_probability)]
    pub loss: f64,
    /// One-way delay of every cable, such as 50us, 2ms or 1s
    #[arg(long, default_value = "0us", value_parser = parse_time)]
    pub delay: Duration,
    /// What all that is drawn is drawn from
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Take what the command line does not say from a file, such as mafo.toml: its keys are in docs/configuration.md
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Take the connection offload policy from a file of its own, not from the one of --config
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Whom it tells how it stands
    #[command(flatten)]
    pub tell: TellOptions,
    /// Write captures into this folder: each cable's frames, and all that the peer's host sees
    #[arg(long, value_name = "DIR")]
    pub pcap: Option<PathBuf>,
    /// Write a page with plots into this file: throughput through a failover, and how long its parts took
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Print one JSON object on standard output, everything else on standard error
    #[arg(long)]
    pub json: bool,
    /// Spoil something, to see that the verdict notices
    #[cfg(debug_assertions)]
    #[arg(long, value_enum, hide = true)]
    pub r#break: Option<Break>,
    /// The bridge floods and forgets, and connections are idle for so long that it has to
    #[cfg(debug_assertions)]
    #[arg(long, hide = true)]
    pub flood: bool,
}

impl RigOptions {
    /// Whether all links of the bond carry.
    pub(crate) fn is_xor(&self) -> bool {
        self.bond.as_ref().and_then(BondOptions::mode) == Some(Mode::BalanceXor)
    }

    /// Bytes of a connection's buffer, each way.
    pub(crate) fn buffer(&self) -> usize {
        let share = (BUFFERS / self.connections.max(1) as usize).clamp(BUFFER_MIN, BUFFER_MAX);
        self.buffer.map_or(share, |bytes| bytes as usize)
    }

    /// The file of `--report`, made already.
    pub(crate) fn page(&self, command: &'static str) -> Result<Option<Page>, RigError> {
        self.report.as_ref().map(|path| Page::create(path, command)).transpose()
    }

    /// By how many polls what an adapter writes may be late.
    pub(super) fn polls_late(&self) -> u32 {
        #[cfg(debug_assertions)]
        return if self.r#break == Some(Break::Told) { 20 } else { 0 };
        #[cfg(not(debug_assertions))]
        return 0;
    }

    /// Whether the bridge floods what it has not learnt, or has forgotten.
    pub(super) fn floods(&self) -> bool {
        #[cfg(debug_assertions)]
        return self.flood;
        #[cfg(not(debug_assertions))]
        return false;
    }
}

/// Whether adapters acknowledge only what their host has been told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Protect {
    /// They do.
    On,
    /// They acknowledge what they have.
    Off,
}

/// The host at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PeerKind {
    /// Linux if it can be had, else smoltcp.
    Auto,
    /// Linux's own TCP in a network namespace.
    Kernel,
    /// smoltcp in this process.
    Smoltcp,
}

/// What can be spoilt.
#[cfg(debug_assertions)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Break {
    /// The tunnel carries nothing.
    Tunnel,
    /// One payload byte is changed behind the checksum.
    Payload,
    /// A reset is put onto the cable.
    Rst,
    /// Connections are fenced but not uploaded.
    Upload,
    /// A tid is not given back.
    Tid,
    /// The cut comes after the last byte.
    Late,
    /// One connection gets no further.
    Stuck,
    /// What adapters write to their host's memory is late: without protection they are ahead of what it knows.
    Told,
}

fn parse_probability(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(p) if (0.0..1.0).contains(&p) => Ok(p),
        _ => Err(format!("'{text}' is no probability from 0 to below 1")),
    }
}

/// A time of at most ten seconds, as `50us`, `2ms` or `1s`.
pub(crate) fn parse_time(text: &str) -> Result<Duration, String> {
    let units = [("us", 1e-6), ("ms", 1e-3), ("s", 1.0)];
    let parsed = units.iter().find_map(|(unit, seconds)| {
        let number: f64 = text.strip_suffix(unit)?.parse().ok()?;
        Duration::try_from_secs_f64(number * seconds).ok()
    });
    match parsed {
        Some(time) if time <= Duration::from_secs(10) => Ok(time),
        Some(_) => Err("more than 10s".to_owned()),
        None => Err(format!("'{text}' is no time: a number with us, ms or s behind it")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_probabilities_have_their_range() {
        assert_eq!(parse_time("50us"), Ok(Duration::from_micros(50)));
        assert_eq!(parse_time("2ms"), Ok(Duration::from_millis(2)));
        assert_eq!(parse_time("1s"), Ok(Duration::from_secs(1)));
        for wrong in ["", "5", "5m", "-1s", "11s", "NaNs"] {
            assert!(parse_time(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse_probability("0.01"), Ok(0.01));
        for wrong in ["1", "-0.1", "NaN", "x"] {
            assert!(parse_probability(wrong).is_err(), "{wrong}");
        }
    }
}
