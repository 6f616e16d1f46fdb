//! What is behind `--`.

use std::path::PathBuf;

use clap::Parser;

use super::List;
use super::numbers::within;
use crate::engine::Mode;

/// Forwarding, statistics, the prompt.
#[derive(Clone, Debug, Parser)]
#[command(name = "testpmd", disable_help_flag = true, allow_negative_numbers = true)]
pub(crate) struct Application {
    /// Read commands; without it forwarding begins at once and ends with a line, or the end, of the input
    #[arg(short = 'i', long)]
    pub(crate) interactive: bool,
    /// Begin to forward before the first command is read
    #[arg(short = 'a', long)]
    pub(crate) auto_start: bool,
    /// Send bursts first, as `start tx_first` does
    #[arg(long)]
    pub(crate) tx_first: bool,
    /// Cores that forward
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = within::<u16>(1, 1024))]
    pub(crate) nb_cores: u16,
    /// Queues that each port receives from
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = within::<u16>(1, 65_535))]
    pub(crate) rxq: u16,
    /// Queues that each port sends by
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = within::<u16>(1, 65_535))]
    pub(crate) txq: u16,
    /// Receive buffers of an adapter's ingress queue, a multiple of 16
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = within::<u16>(64, 4096))]
    pub(crate) rxd: u16,
    /// Units of 64 bytes of each port's Ethernet queue
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = within::<u16>(64, 8191))]
    pub(crate) txd: u16,
    /// Frames taken and sent together
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = within::<u16>(1, 512))]
    pub(crate) burst: u16,
    /// What is done with frames
    #[arg(long, value_name = "MODE", value_enum, default_value_t = Mode::Io)]
    pub(crate) forward_mode: Mode,
    /// Print the ports' statistics every so many seconds, when no commands are read
    #[arg(long, value_name = "S", value_parser = within::<u32>(1, u32::MAX.into()))]
    pub(crate) stats_period: Option<u32>,
    /// Counters to print with them, of each port: their names with commas between them
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) display_xstats: Vec<String>,
    /// Longest frame, with its FCS, in bytes
    #[arg(long, value_name = "B", default_value_t = 1518, value_parser = within::<u16>(86, 9618))]
    pub(crate) max_pkt_len: u16,
    /// Ports that forward, as a hexadecimal mask (all)
    #[arg(long, value_name = "MASK", value_parser = List::mask)]
    pub(crate) portmask: Option<List>,
    /// Count the cycles that frames take
    #[arg(long)]
    pub(crate) record_core_cycles: bool,
    /// Count how large bursts are
    #[arg(long)]
    pub(crate) record_burst_stats: bool,
    /// Measure how long frames are with the program, from being received to being sent; LCORE is the core that would do
    /// so in DPDK, and here every forwarding core does it for its own
    #[arg(long, value_name = "LCORE", value_parser = within::<u16>(0, 1023))]
    pub(crate) latencystats: Option<u16>,
    /// Connections that a bond has room for
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub(crate) max_conns: u32,
    /// Let commands break what is simulated: `fault link down`, `fault adapter kill` and the like
    #[arg(long)]
    pub(crate) allow_faults: bool,
    /// Frames that engine noisy holds back
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = within::<u16>(0, 4096))]
    pub(crate) noisy_tx_sw_buffer_size: u16,
    /// Words of memory that engine noisy reads for each frame
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = within::<u16>(0, 1024))]
    pub(crate) noisy_lkup_num_reads: u16,
    /// Carry out the commands of this file first
    #[arg(long, value_name = "FILE")]
    pub(crate) cmdline_file: Option<PathBuf>,
}

impl Application {
    /// What no single flag can tell.
    pub(super) fn check(&self) -> Result<(), String> {
        if !self.rxd.is_multiple_of(16) {
            return Err(format!(
                "--rxd {}: the number of receive buffers is a multiple of 16",
                self.rxd
            ));
        }
        if self.stats_period.is_some() && self.interactive {
            return Err("--stats-period is for runs without a prompt: leave out -i, or ask by `show port stats all`".to_owned());
        }
        if !self.display_xstats.is_empty() && self.stats_period.is_none() {
            return Err("--display-xstats goes with --stats-period".to_owned());
        }
        Ok(())
    }

    /// Largest IP packet: a frame without header, FCS.
    pub(crate) fn mtu(&self) -> u16 {
        self.max_pkt_len - 18
    }
}
