//! What is in front of `--`.

use clap::Parser;

use super::{Described, List};

/// Cores, devices, memory.
#[derive(Clone, Debug, Parser)]
#[command(name = "testpmd", disable_help_flag = true)]
pub(crate) struct Environment {
    /// Cores: the prompt has the first, frames are forwarded on the others; with one it has both (all of this process)
    #[arg(short = 'l', value_name = "CORES", value_parser = List::cores)]
    pub(crate) cores: Option<List>,
    /// A device without hardware: asicN[,chip=t540-cr|t520-cr][,ports=N][,ntids=N][,nfilters=N][,mac=MAC][,wireN=WIRE]…
    /// is a software adapter with its driver, wireN,wire=WIRE[,mac=MAC] a port that is a bare wire. WIRE is mem:NAME (two
    /// ends of one name are joined), tap:IFNAME, packet:IFNAME, pcap:IN[,OUT], null (64-byte frames without end, as DPDK's
    /// net_null) or null:no-rx. Ports of adapters without a wire are joined in pairs.
    /// bondN[,mode=1|2][,members=PORT,…][,primary=PORT][,ip=A.B.C.D/LEN][,mac=MAC][,protect=on|off][,OPTION=VALUE]… is a bond
    /// of ports before it, with a TCP stack on it; OPTION is one of Linux bonding, such as miimon
    #[arg(long = "vdev", value_name = "DEVICE", value_parser = str::parse::<Described>)]
    pub(crate) vdevs: Vec<Described>,
    /// Use the adapter with this PCI address
    #[arg(short = 'a', long = "allow", value_name = "PCI")]
    pub(crate) allow: Vec<String>,
    /// Take ordinary pages, and do not look for huge ones
    #[arg(long)]
    pub(crate) no_huge: bool,
    /// Whose history of commands the prompt has: programs with different prefixes keep theirs apart
    #[arg(long, value_name = "NAME", default_value = "rte", value_parser = parse_prefix)]
    pub(crate) file_prefix: String,
}

fn parse_prefix(text: &str) -> Result<String, String> {
    let good = !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if good {
        Ok(text.to_owned())
    } else {
        Err("1 to 64 letters, digits, - and _ are a prefix".to_owned())
    }
}
