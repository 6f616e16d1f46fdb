//! The keys of `mafo.toml`, and which options of which commands they are.

/// A key of a table, and the options that it stands for.
#[derive(Debug)]
pub(super) struct Key {
    /// The table.
    pub(super) section: &'static str,
    /// The key.
    pub(super) name: &'static str,
    /// Command and long option.
    pub(super) options: &'static [(&'static str, &'static str)],
}

const fn key(
    section: &'static str,
    name: &'static str,
    options: &'static [(&'static str, &'static str)],
) -> Key {
    Key { section, name, options }
}

/// Every key that is an option of its own.
pub(super) const KEYS: &[Key] = &[
    key("host", "address", &[("echo", "addr")]),
    key("host", "buffer", &[("demo", "buffer"), ("drill", "buffer")]),
    key("wire", "taps", &[("echo", "taps")]),
    key("wire", "loss", &[("demo", "loss"), ("drill", "loss"), ("bench", "loss")]),
    key("wire", "delay", &[("demo", "delay"), ("drill", "delay")]),
    key("wire", "pcap", &[("demo", "pcap"), ("drill", "pcap")]),
    key("cores", "lcores", &[("demo", "lcores"), ("drill", "lcores")]),
    key("cores", "one-card", &[("demo", "one-card"), ("drill", "one-card")]),
    key("cores", "idle", &[("demo", "idle"), ("drill", "idle")]),
    key("bond", "protect", &[("demo", "protect"), ("drill", "protect"), ("bench", "protect")]),
    key("bond", "handover", &[("drill", "handover")]),
    key("run", "peer", &[("demo", "peer"), ("drill", "peer")]),
    key("run", "connections", &[("demo", "connections"), ("drill", "connections")]),
    key("run", "seed", &[("demo", "seed"), ("drill", "seed")]),
    key("run", "report", &[("demo", "report"), ("drill", "report")]),
    key("run", "json", &[("demo", "json"), ("drill", "json")]),
    key("demo", "fault", &[("demo", "fault")]),
    key("demo", "bytes", &[("demo", "bytes")]),
    key("demo", "rounds", &[("demo", "rounds")]),
    key("demo", "direction", &[("demo", "direction")]),
    key("drill", "fault", &[("drill", "fault")]),
    key("drill", "count", &[("drill", "count")]),
    key("drill", "interval", &[("drill", "interval")]),
    key("drill", "max-stall-p99", &[("drill", "max-stall-p99")]),
    key("drill", "max-tunnel-p99", &[("drill", "max-tunnel-p99")]),
    key("drill", "max-resets", &[("drill", "max-resets")]),
    key("echo", "port", &[("echo", "port")]),
];

/// Tables in the order in which they are shown; `bond` also has the bond's own options.
pub(super) const SECTIONS: [&str; 8] =
    ["host", "wire", "cores", "bond", "run", "demo", "drill", "echo"];

/// The list of tables, `[[adapter]]`, that is `--adapters`.
pub(super) const ADAPTER: &str = "adapter";
/// Its keys.
pub(super) const ADAPTER_KEYS: [&str; 4] = ["chip", "ntids", "l2t", "filters"];

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
