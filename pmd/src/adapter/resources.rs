//! What an adapter told about itself while it was brought up.

use std::ops::Range;

use mafo_mem::Nanos;
use mafo_t4::chip::Chip;
use mafo_t4::fw::{CapsConfigCmd, Version, Viid};
use mafo_t4::regs::tp::pio::{TP_VLAN_PRI_MAP, TupleField};
use mafo_t4::regs::tp::{MTU_COUNT, TP_TIMER_RESOLUTION};
use mafo_t4::{PortId, SmtIdx};

use super::config::Congestion;
use crate::tid::LcoreId;

/// What a card has. Nothing here is assumed: two adapters of one bond may differ in all of it.
#[derive(Clone, Debug)]
pub struct Resources {
    /// Our PCI function.
    pub pf: u8,
    /// The chip.
    pub chip: Chip,
    /// Its revision.
    pub chip_revision: u8,
    /// Version of the firmware.
    pub firmware: Version,
    /// Version of TP's microcode.
    pub tp_microcode: Version,
    /// What is switched on.
    pub caps: CapsConfigCmd,
    /// TCBs: tids are below.
    pub ntids: u32,
    /// Handles for active opens.
    pub atids: Range<u32>,
    /// Listeners.
    pub servers: Range<u32>,
    /// Filters.
    pub filters: Range<u32>,
    /// Next hops.
    pub l2t: Range<u32>,
    /// Transmit credits of a connection, in units of 16 bytes.
    pub flowc_credits: u16,
    /// Core clock, from which all ticks derive.
    pub core_clock_khz: u32,
    /// Lengths of TP's ticks.
    pub tp_resolution: TP_TIMER_RESOLUTION,
    /// What MSS indices mean: each is the MTU less 40.
    pub mtus: [u16; MTU_COUNT],
    /// Fields of the compressed filter tuple.
    pub filter_mode: TP_VLAN_PRI_MAP,
    /// Of these, the ones enforced for connections; `None` when the firmware does not tell.
    pub filter_mask: Option<TP_VLAN_PRI_MAP>,
    /// Most bytes of one RX_DATA.
    pub max_rx_data: u32,
    /// Segments of a connection's first congestion window (INITCWND).
    pub initial_window: u8,
    /// What becomes of frames while a core's queue is nearly full.
    pub congestion: Congestion,
    /// Its ports, ascending.
    pub ports: Vec<PortResources>,
}

/// One port of a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortResources {
    /// The port, which is its transmit channel too.
    pub port: PortId,
    /// Our virtual interface on it.
    pub viid: Viid,
    /// Its station address.
    pub mac: [u8; 6],
    /// Where that address is in the source MAC table: SMAC_SEL of its connections.
    pub smt: SmtIdx,
    /// Where that address is in the MAC table of MPS.
    pub mps: u16,
    /// Entries of its slice of the RSS table.
    pub rss_entries: u16,
}

/// The numbers that an lcore may choose from: its share of a card's tables, so that lcores need no lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Handles for active opens.
    pub atids: Range<u32>,
    /// Listeners.
    pub servers: Range<u32>,
    /// Filters.
    pub filters: Range<u32>,
    /// Next hops.
    pub l2t: Range<u32>,
}

impl Resources {
    /// A tick of TP's timers: T_SRTT and T_RTTVAR count them.
    #[must_use]
    pub fn timer_tick(&self) -> Nanos {
        self.tick(self.tp_resolution.timerresolution())
    }

    /// A tick of the clock behind TCP timestamps.
    #[must_use]
    pub fn timestamp_tick(&self) -> Nanos {
        self.tick(self.tp_resolution.timestampresolution())
    }

    /// A tick of the delayed-ACK timer.
    #[must_use]
    pub fn delayed_ack_tick(&self) -> Nanos {
        self.tick(self.tp_resolution.delayedackresolution())
    }

    /// The largest entry of the MTU table that is at most `mtu`: MSS_IDX of a path; the smallest entry
    /// when all are larger.
    #[must_use]
    pub fn mtu_index(&self, mtu: u16) -> u8 {
        let fitting = self.mtus.iter().enumerate().filter(|&(_, &entry)| entry <= mtu);
        fitting.max_by_key(|&(_, &entry)| entry).map_or(0, |(index, _)| index as u8)
    }

    /// The compressed tuple of a TCP connection on `port`, untagged, as far as the filter mode has the
    /// fields: what an active open names.
    #[must_use]
    pub fn tcp_tuple(&self, port: PortId) -> u64 {
        const TCP: u64 = 6;
        let tuple = self.filter_mode.with_field(0, TupleField::Port, port.0.into());
        self.filter_mode.with_field(tuple, TupleField::Protocol, TCP)
    }

    /// The port with id `port`.
    #[must_use]
    pub fn port(&self, port: PortId) -> Option<&PortResources> {
        self.ports.iter().find(|resources| resources.port == port)
    }

    /// The share of lcore `lcore` of `lcores`.
    #[must_use]
    pub fn share(&self, lcore: LcoreId, lcores: u8) -> Share {
        let part = |range: &Range<u32>| part(range, lcore.0.into(), lcores.into());
        Share {
            atids: part(&self.atids),
            servers: part(&self.servers),
            filters: part(&self.filters),
            l2t: part(&self.l2t),
        }
    }

    fn tick(&self, resolution: u32) -> Nanos {
        Nanos(TP_TIMER_RESOLUTION::ticks_to_ns(resolution, 1, self.core_clock_khz))
    }
}

/// Part `n` of `count` parts of a range that differ by one at most.
fn part(range: &Range<u32>, n: u32, count: u32) -> Range<u32> {
    let len = u64::from(range.end.saturating_sub(range.start));
    // Below 2^32 each.
    let cut = |n: u32| range.start + (len * u64::from(n) / u64::from(count)) as u32;
    cut(n)..cut(n + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_disjoint_and_cover_the_range() {
        for (range, count) in [(0..10, 3), (5..5, 4), (100..3172, 1), (7..9, 5), (0..u32::MAX, 32)]
        {
            let mut next = range.start;
            for n in 0..count {
                let share = part(&range, n, count);
                assert_eq!(share.start, next, "{range:?} part {n} of {count}");
                assert!(share.end - share.start <= (range.end - range.start).div_ceil(count));
                next = share.end;
            }
            assert_eq!(next, range.end);
        }
    }
}
