//! What a script may set: flags of the tool's command line, and the system's own sysctls.
//!
//! Scripts begin with shell commands that write `net.ipv4.tcp_*`. Run in a network namespace of its own the
//! tool changes nothing else on the machine, and the adapter reads there what was written.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use mafo::{CongestionControl, EcnMode, MtuProbing, Nanos, PathChoice, StackConfig};
use thiserror::Error;

use crate::cable::OUR_MAC;

/// Where the sysctls are.
const SYSCTLS: &str = "/proc/sys/net/ipv4";
/// What the names of those that concern us begin with.
const PREFIX: &str = "tcp_";
/// The one that a namespace cannot always set ([`of_script`]).
const CONGESTION_SYSCTL: &str = "tcp_congestion_control";
/// Bytes that a socket can hold for sending at most, whatever a script asks for.
pub const SEND_BUFFER_MAX: usize = 4 << 20;
/// The most that a window scale is chosen for.
const RECV_BUFFER_MAX: usize = 1 << 30;
/// Sockets at most; scripts have a handful.
const SOCKETS_MAX: u32 = 16;

/// Sysctls that are about something this stack does not have or decides by itself, so that there is
/// nothing to set: segmentation offload, Fast Open, pools of memory, limits of whole systems.
const WITHOUT_EFFECT: [&str; 44] = [
    "tcp_abc",
    "tcp_abort_on_overflow",
    "tcp_allowed_congestion_control",
    "tcp_app_win",
    "tcp_available_congestion_control",
    "tcp_available_ulp",
    "tcp_backlog_ack_defer",
    "tcp_child_ehash_entries",
    "tcp_collapse_max_bytes",
    "tcp_comp_sack_delay_ns",
    "tcp_comp_sack_nr",
    "tcp_comp_sack_slack_ns",
    "tcp_comp_sack_rtt_percent",
    "tcp_ecn_option",
    "tcp_ecn_option_beacon",
    "tcp_fack",
    "tcp_fastopen",
    "tcp_fastopen_blackhole_timeout_sec",
    "tcp_fastopen_cookies",
    "tcp_fastopen_key",
    "tcp_fwmark_accept",
    "tcp_l3mdev_accept",
    "tcp_limit_output_bytes",
    "tcp_low_latency",
    "tcp_max_orphans",
    "tcp_max_reordering",
    "tcp_max_ssthresh",
    "tcp_max_tw_buckets",
    "tcp_mem",
    "tcp_migrate_req",
    "tcp_min_snd_mss",
    "tcp_moderate_rcvbuf",
    "tcp_no_metrics_save",
    "tcp_no_ssthresh_metrics_save",
    "tcp_orphan_retries",
    "tcp_pingpong_thresh",
    "tcp_plb_enabled",
    "tcp_probe_threshold",
    "tcp_reflect_tos",
    "tcp_rfc1337",
    "tcp_shrink_window",
    "tcp_stdurg",
    "tcp_tso_rtt_log",
    "tcp_tso_win_divisor",
];

/// Why flags cannot be used.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum BadFlag {
    /// No flag has this name.
    #[error("unknown flag {0}")]
    Unknown(String),
    /// The flag's value makes no sense.
    #[error("{0} is no value of {1}")]
    Value(String, String),
    /// Connections move between links of adapters.
    #[error("failover= needs path=offload")]
    FailoverWithoutAdapters,
}

/// What happens before every packet that is injected and every call, as by a wish: connections move. What has not come to
/// its end goes on, and the next begins when it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failover {
    /// To another adapter.
    Handover,
    /// To another port of the adapter.
    Port,
}

/// What the flags say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flags {
    /// Where TCP runs.
    pub path: PathChoice,
    /// What happens all the time; on path=offload.
    pub failover: Option<Failover>,
    /// Congestion control, in place of what the sysctl says.
    pub congestion: Option<String>,
    /// Our address, in place of that of the first `bind`.
    pub address: Option<Ipv4Addr>,
    /// Largest IP packet.
    pub mtu: u16,
    /// Whether the system's sysctls are read.
    pub read_sysctls: bool,
    /// Sysctls by name, in place of the system's.
    pub sysctls: BTreeMap<String, String>,
}

impl Default for Flags {
    fn default() -> Self {
        Self {
            path: PathChoice::Host,
            failover: None,
            congestion: None,
            address: None,
            mtu: 1500,
            read_sysctls: true,
            sysctls: BTreeMap::new(),
        }
    }
}

impl Flags {
    /// Reads `name=value` pairs that commas separate: `path=host|offload`, `failover=handover|port`, `cc=NAME`, `address=IP`,
    /// `mtu=BYTES`, `sysctls=system|none`, and any `net.ipv4.NAME=VALUE`.
    pub fn parse(text: &str) -> Result<Self, BadFlag> {
        let mut flags = Self::default();
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let bad = || BadFlag::Value(value.to_owned(), name.to_owned());
            match name {
                "path" if value == "host" => flags.path = PathChoice::Host,
                "path" if value == "offload" => flags.path = PathChoice::Offload,
                "sysctls" if value == "system" => flags.read_sysctls = true,
                "sysctls" if value == "none" => flags.read_sysctls = false,
                "failover" if value == "handover" => flags.failover = Some(Failover::Handover),
                "failover" if value == "port" => flags.failover = Some(Failover::Port),
                "path" | "sysctls" | "failover" => return Err(bad()),
                "cc" => flags.congestion = Some(value.to_owned()),
                "address" => flags.address = Some(value.parse().map_err(|_| bad())?),
                "mtu" => flags.mtu = value.parse().map_err(|_| bad())?,
                _ => {
                    let sysctl = name.strip_prefix("net.ipv4.");
                    let sysctl = sysctl.ok_or_else(|| BadFlag::Unknown(name.to_owned()))?;
                    flags.sysctls.insert(sysctl.to_owned(), value.to_owned());
                }
            }
        }
        if flags.failover.is_some() && flags.path != PathChoice::Offload {
            return Err(BadFlag::FailoverWithoutAdapters);
        }
        Ok(flags)
    }
}

/// Every sysctl of TCP that can be read, by name.
#[must_use]
pub fn read_system() -> BTreeMap<String, String> {
    read_folder(Path::new(SYSCTLS))
}

/// What of `now` says what a script is about, where it was as `before` when the script began.
///
/// A kernel lets a network namespace choose only among the congestion control that the system allows. So what is there
/// without the script's doing says nothing of what the script is written for, which is Linux's own default.
#[must_use]
pub fn of_script(
    before: &BTreeMap<String, String>,
    mut now: BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    if now.get(CONGESTION_SYSCTL) == before.get(CONGESTION_SYSCTL) {
        now.remove(CONGESTION_SYSCTL);
    }
    now
}

fn read_folder(folder: &Path) -> BTreeMap<String, String> {
    let Ok(entries) = fs::read_dir(folder) else { return BTreeMap::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    names
        .filter(|name| name.starts_with(PREFIX))
        .filter_map(|name| Some((name.clone(), fs::read_to_string(folder.join(&name)).ok()?)))
        .map(|(name, value)| (name, value.trim().to_owned()))
        .collect()
}

/// What the stack is set up with, and what the sockets begin with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// For the stack.
    pub stack: StackConfig,
    /// SO_SNDBUF of a new socket.
    pub send_buffer: u32,
    /// SO_RCVBUF of a new socket.
    pub recv_buffer: u32,
    /// TCP_NOTSENT_LOWAT of a new socket.
    pub notsent_lowat: u32,
    /// Congestion control.
    pub congestion: String,
    /// Names that mean nothing here.
    pub unknown: BTreeSet<String>,
}

impl Settings {
    /// What `flags` and `sysctls` make of the defaults.
    #[must_use]
    pub fn new(flags: &Flags, address: Ipv4Addr, sysctls: &BTreeMap<String, String>) -> Self {
        // The whole world is on the link: the cable answers for everybody.
        let mut stack = StackConfig::new(address, 0, OUR_MAC);
        stack.mtu = flags.mtu;
        stack.sockets_max = SOCKETS_MAX;
        // Scripts hand in what a port with receive offload would, and expect what Linux would send.
        stack.rx_packet_max = u16::MAX;
        stack.linger = Nanos::ZERO;
        stack.adapter_initial_window = Some(stack.tcp.initial_window_segments);
        stack.tcp.quick_acks = 16;
        stack.tcp.timestamps_required = false;
        stack.send_buffer = SEND_BUFFER_MAX;
        // Scripts say nothing of ports of their own; the kernel's range is as good as any.
        stack.secret = *b"packetdrill runs";
        let mut settings = Self {
            stack,
            send_buffer: 16_384,
            recv_buffer: 131_072,
            notsent_lowat: u32::MAX,
            congestion: "cubic".to_owned(),
            unknown: BTreeSet::new(),
        };
        for (name, value) in sysctls.iter().chain(&flags.sysctls) {
            if settings.set(name, value).is_none() {
                settings.unknown.insert(name.clone());
            }
        }
        if let Some(congestion) = &flags.congestion {
            settings.congestion.clone_from(congestion);
        }
        // A card of software, whose code points stand for what scripts are about.
        settings.stack.adapter_congestion = code_points(settings.algorithm());
        settings
    }

    /// Congestion control, if it is one of ours.
    #[must_use]
    pub fn algorithm(&self) -> Option<CongestionControl> {
        self.congestion.parse().ok()
    }

    /// Takes one sysctl; `None` if its name means nothing here or its value is none.
    fn set(&mut self, name: &str, value: &str) -> Option<()> {
        let number = || parse_number(value);
        let switch = || number().map(|n| n != 0);
        let seconds = || number().map(Nanos::from_secs);
        let count = || number().map(|n| n.min(u8::MAX.into()) as u8);
        let stack = &mut self.stack;
        match name {
            "tcp_timestamps" => stack.timestamps = switch()?,
            "tcp_sack" => stack.sack = switch()?,
            "tcp_window_scaling" => stack.window_scaling = switch()?,
            "tcp_rmem" => {
                let [_, usual, most] = parse_three(value)?;
                self.recv_buffer = usual;
                // Half of a buffer is window, as in Linux; the rest is what a packet costs beside its bytes.
                stack.recv_buffer = (usual as usize / 2).max(1);
                stack.recv_buffer_max = (most as usize).min(RECV_BUFFER_MAX);
            }
            "tcp_wmem" => self.send_buffer = parse_three(value)?[1],
            "tcp_notsent_lowat" => self.notsent_lowat = number()?.min(u32::MAX.into()) as u32,
            CONGESTION_SYSCTL => value.clone_into(&mut self.congestion),
            "tcp_ecn" => {
                stack.ecn = match number()? {
                    0 => EcnMode::Off,
                    2 => EcnMode::OnRequest,
                    _ => EcnMode::On,
                }
            }
            "tcp_min_tso_segs" => stack.tcp.piece_segments_min = count()?,
            "tcp_early_retrans" => stack.tcp.tail_loss_probe = number()? >= 3,
            "tcp_slow_start_after_idle" => stack.tcp.slow_start_after_idle = switch()?,
            "tcp_frto" => stack.tcp.frto = switch()?,
            "tcp_retries1" => stack.tcp.retransmits_advice = count()?,
            "tcp_syncookies" => stack.syn_cookies = switch()?,
            "tcp_max_syn_backlog" => stack.syn_backlog_max = number()? as usize,
            "tcp_syn_retries" => stack.tcp.syn_retransmits_max = count()?,
            "tcp_synack_retries" => stack.tcp.syn_ack_retransmits_max = count()?,
            "tcp_retries2" => stack.tcp.retransmits_max = count()?,
            "tcp_fin_timeout" => stack.fin_timeout = seconds()?,
            "tcp_mtu_probing" => {
                stack.tcp.mtu_probing = match number()? {
                    0 => MtuProbing::Off,
                    1 => MtuProbing::BlackHole,
                    _ => MtuProbing::Always,
                }
            }
            "tcp_base_mss" => stack.tcp.mtu_probe_base = number()?.min(u16::MAX.into()) as u16,
            "tcp_probe_interval" => stack.tcp.mtu_probe_interval = seconds()?,
            // Linux counts for all connections together, and INT_MAX is no limit.
            "tcp_challenge_ack_limit" => stack.tcp.challenge_acks_per_second = count()?,
            "tcp_keepalive_time" => stack.tcp.keepalive.idle = seconds()?,
            "tcp_keepalive_intvl" => stack.tcp.keepalive.interval = seconds()?,
            "tcp_keepalive_probes" => stack.tcp.keepalive.probes_max = count()?,
            _ => return WITHOUT_EFFECT.contains(&name).then_some(()),
        }
        Some(())
    }
}

/// What an adapter's four code points stand for: what is asked for, and what is asked for most often.
fn code_points(wanted: Option<CongestionControl>) -> [CongestionControl; 4] {
    use CongestionControl::{Cubic, Dctcp, NewReno, Reno};
    let usual = [Reno, Cubic, NewReno, Dctcp];
    match wanted {
        Some(other) if !usual.contains(&other) => [other, Cubic, NewReno, Dctcp],
        _ => usual,
    }
}

/// A number as sysctls have it: decimal, or hexadecimal after `0x`.
fn parse_number(value: &str) -> Option<u64> {
    let value = value.trim();
    match value.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => value.parse().ok(),
    }
}

/// Least, usual and most.
fn parse_three(value: &str) -> Option<[u32; 3]> {
    let numbers: Vec<u32> = value
        .split_whitespace()
        .map(|word| parse_number(word).map(|n| n.min(i32::MAX as u64) as u32))
        .collect::<Option<_>>()?;
    numbers.try_into().ok()
}
