//! The keys of `mafo.toml`, and which options of which commands they are.

use mafo_config::{Scalar, Type};

/// A key of a table, and the options that it stands for.
#[derive(Debug)]
pub(super) struct Key {
    /// The table.
    pub(super) section: &'static str,
    /// The key.
    pub(super) name: &'static str,
    /// What it is set to.
    pub(super) is: Type,
    /// Command and long option.
    pub(super) options: &'static [(&'static str, &'static str)],
}

const fn key(
    section: &'static str,
    name: &'static str,
    is: Type,
    options: &'static [(&'static str, &'static str)],
) -> Key {
    Key { section, name, is, options }
}

/// What divides words and begins numbers on a command line.
const DIVIDERS: &[char] = &[',', ':', '=', '+'];
const NAME: Type = Type::new("a name in quotes", &[Scalar::Text]).without(&[',', ':', '=']);
const TIME: Type =
    Type::new("a time in quotes, such as \"2ms\"", &[Scalar::Text]).without(DIVIDERS);
const SIZE: Type =
    Type::new("bytes, such as 4096 or \"256K\"", &[Scalar::Whole, Scalar::Text]).without(DIVIDERS);
const ADDRESS: Type =
    Type::new("an address in quotes, such as \"10.77.0.1\"", &[Scalar::Text]).without(DIVIDERS);
const CIDR: Type = Type::new(
    "an address in quotes and the length of its prefix, such as \"10.77.0.2/24\"",
    &[Scalar::Text],
)
.without(DIVIDERS);
const LINK: Type = Type::new("a link in quotes, such as \"A0\"", &[Scalar::Text]).without(DIVIDERS);
const TAPS: Type =
    Type::new("a list of two names in quotes", &[Scalar::Text]).without(&[',']).or_list();
/// Linux' bonding has numbers for its names.
const NAME_OR_NUMBER: Type =
    Type::new("a name in quotes, or its number", &[Scalar::Text, Scalar::Whole])
        .without(&[',', ':', '=']);

/// Every key that is an option of its own.
pub(super) const KEYS: &[Key] = &[
    key("host", "address", CIDR, &[("echo", "addr")]),
    key("host", "buffer", Type::WHOLE, &[("demo", "buffer"), ("drill", "buffer")]),
    key("wire", "taps", TAPS, &[("echo", "taps")]),
    key("wire", "loss", Type::NUMBER, &[("demo", "loss"), ("drill", "loss"), ("bench", "loss")]),
    key("wire", "delay", TIME, &[("demo", "delay"), ("drill", "delay")]),
    key("wire", "pcap", Type::TEXT, &[("demo", "pcap"), ("drill", "pcap")]),
    key("cores", "lcores", Type::WHOLE, &[("demo", "lcores"), ("drill", "lcores")]),
    key("cores", "one-card", Type::FLAG, &[("demo", "one-card"), ("drill", "one-card")]),
    key("cores", "idle", NAME, &[("demo", "idle"), ("drill", "idle")]),
    key(
        "bond",
        "protect",
        Type::FLAG,
        &[("demo", "protect"), ("drill", "protect"), ("bench", "protect")],
    ),
    key("bond", "handover", NAME, &[("drill", "handover")]),
    key("run", "peer", NAME, &[("demo", "peer"), ("drill", "peer")]),
    key("run", "connections", Type::WHOLE, &[("demo", "connections"), ("drill", "connections")]),
    key("run", "seed", Type::WHOLE, &[("demo", "seed"), ("drill", "seed")]),
    key("run", "report", Type::TEXT, &[("demo", "report"), ("drill", "report")]),
    key("run", "json", Type::FLAG, &[("demo", "json"), ("drill", "json")]),
    key(
        "telemetry",
        "socket",
        Type::TEXT,
        &[
            ("echo", "telemetry"),
            ("demo", "telemetry"),
            ("drill", "telemetry"),
            ("bench", "telemetry"),
        ],
    ),
    key(
        "telemetry",
        "metrics",
        Type::TEXT,
        &[("echo", "metrics"), ("demo", "metrics"), ("drill", "metrics"), ("bench", "metrics")],
    ),
    key("demo", "fault", NAME, &[("demo", "fault")]),
    key("demo", "bytes", SIZE, &[("demo", "bytes")]),
    key("demo", "rounds", Type::WHOLE, &[("demo", "rounds")]),
    key("demo", "direction", NAME, &[("demo", "direction")]),
    key("drill", "fault", NAME, &[("drill", "fault")]),
    key("drill", "count", Type::WHOLE, &[("drill", "count")]),
    key("drill", "interval", TIME, &[("drill", "interval")]),
    key("drill", "max-stall-p99", TIME, &[("drill", "max-stall-p99")]),
    key("drill", "max-tunnel-p99", TIME, &[("drill", "max-tunnel-p99")]),
    key("drill", "max-resets", Type::WHOLE, &[("drill", "max-resets")]),
    key("echo", "port", Type::WHOLE, &[("echo", "port")]),
];

/// What an option of the bond is set to.
pub(super) fn of_bond(name: &str) -> Type {
    match name {
        "arp_ip_target" => ADDRESS.or_list(),
        "primary" => LINK,
        "mode" | "arp_validate" | "primary_reselect" | "fail_over_mac" | "xmit_hash_policy" => {
            NAME_OR_NUMBER
        }
        _ => Type::WHOLE,
    }
}

/// Tables in the order in which they are shown; `bond` also has the bond's own options.
pub(super) const SECTIONS: [&str; 9] =
    ["host", "wire", "cores", "bond", "run", "telemetry", "demo", "drill", "echo"];

/// The list of tables, `[[adapter]]`, that is `--adapters`.
pub(super) const ADAPTER: &str = "adapter";
/// Its keys, and what each is set to.
pub(super) const ADAPTER_KEYS: [(&str, Type); 4] =
    [(CHIP, NAME), ("ntids", Type::WHOLE), ("l2t", Type::WHOLE), ("filters", Type::WHOLE)];
/// The key which the others depend on.
pub(super) const CHIP: &str = "chip";

/// The table of the connection offload policy.
pub(super) const POLICY: &str = "policy";
/// Its keys.
pub(super) const POLICY_KEYS: [&str; 2] = ["file", "rule"];

/// Commands that have adapters and a bond's options.
pub(super) const RIGS: [&str; 2] = ["demo", "drill"];

/// Everything that can stand at the top of the file.
pub(super) fn tables() -> Vec<&'static str> {
    SECTIONS.iter().copied().chain([ADAPTER, POLICY]).collect()
}

/// The keys of a section.
pub(super) fn keys_of(section: &str) -> Vec<&'static str> {
    let own = KEYS.iter().filter(|key| key.section == section).map(|key| key.name);
    let bond = (section == "bond").then(mafo::BondOptions::names);
    own.chain(bond.into_iter().flatten().copied()).collect()
}
