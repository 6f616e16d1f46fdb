//! What is set and read by registers while an adapter is brought up.

use mafo_mem::rss::SYMMETRIC_KEY_WORD;
use mafo_t4::regs::bar2::{Area, Layout};
use mafo_t4::regs::sge::{
    SGE_CONM_CTRL, SGE_CONTROL, SGE_CONTROL2, SGE_EGRESS_QUEUES_PER_PAGE_PF, SGE_FL_BUFFER_SIZE,
    SGE_HOST_PAGE_SIZE, SGE_INGRESS_QUEUES_PER_PAGE_PF,
};
use mafo_t4::regs::tp::pio::{TP_INGRESS_CONFIG, TP_RSS_SECRET_KEY, TP_VLAN_PRI_MAP};
use mafo_t4::regs::tp::{
    self, CCTRL_WINDOW_COUNT, MTU_COUNT, TP_CCTRL_TABLE, TP_MTU_TABLE, TP_PARA_REG0, TP_PARA_REG2,
    TP_SHIFT_CNT, TP_TIMER_RESOLUTION,
};

use super::AdapterError;
use crate::sge::{FlShape, SharedBar};

/// Bytes that the card puts before a frame, so that the IP header is aligned to four.
pub(super) const PKT_SHIFT: u32 = 2;
/// Receive buffers of this driver.
pub(super) const BUFFER_LEN: u32 = 2048;
/// Host pages as this driver lays doorbells out: log2 of 4 KiB, less 10.
const HOST_PAGE_CODE: u32 = 2;
/// A cache line: what status pages, pad and pack boundaries go by.
const CACHE_LINE: u32 = 64;
/// Freelist buffer sizes that follow the host: the page, and two that are kept multiples of a line.
const PAGE_SIZE_INDEX: u32 = 0;
const ALIGNED_SIZE_INDICES: [u32; 2] = [2, 3];

/// Times that a SYN is sent again: an open that nobody answers fails after about two minutes, as with
/// Linux's tcp_syn_retries; the card's own default is an hour and more.
const SYN_RETRIES: u32 = 6;
/// Retransmissions after which a card says that a peer does not answer. Cards come with 2.
const RETRANSMITS_ADVICE: u32 = 3;

/// How the SGE is set, as far as queues depend on it.
#[derive(Clone, Copy, Debug)]
pub(super) struct SgeLayout {
    /// Doorbells of egress queues and freelists.
    pub(super) egress: Layout,
    /// Credit returns of ingress queues.
    pub(super) ingress: Layout,
    /// Bytes behind an egress ring.
    pub(super) status_page: usize,
    /// Pointers below which a freelist counts as starving.
    pub(super) starving: u32,
    /// Which SGE_FL_BUFFER_SIZE is [`BUFFER_LEN`].
    buffer_index: u8,
}

/// What TP's registers tell.
#[derive(Clone, Copy, Debug)]
pub(super) struct TpSettings {
    pub(super) resolution: TP_TIMER_RESOLUTION,
    pub(super) filter_mode: TP_VLAN_PRI_MAP,
    pub(super) max_rx_data: u32,
    pub(super) initial_window: u8,
    pub(super) mtus: [u16; MTU_COUNT],
}

impl SgeLayout {
    /// Reads the settings for function `pf` and refuses those that this driver cannot work with.
    pub(super) fn read(bar: &SharedBar, pf: u8) -> Result<Self, AdapterError> {
        let (bar, pf) = (&**bar, u32::from(pf));
        let control = SGE_CONTROL::read(bar);
        let wrong =
            |must| AdapterError::Setting { register: "SGE_CONTROL", value: control.0, must };
        if !control.rxpktcplmode() {
            return Err(wrong("RXPKTCPLMODE (b18) must be set: CPLs apart from frames"));
        }
        if control.pktshift() != PKT_SHIFT {
            return Err(wrong("PKTSHIFT (12:10) must be 2"));
        }
        let page_shift = SGE_HOST_PAGE_SIZE::read(bar).page_shift(pf);
        let egress = SGE_EGRESS_QUEUES_PER_PAGE_PF::read(bar).of(pf);
        let ingress = SGE_INGRESS_QUEUES_PER_PAGE_PF::read(bar).of(pf);
        let starving = SGE_CONM_CTRL::read(bar).starve_threshold(false);
        Ok(Self {
            egress: Layout { page_shift, queues_per_page_shift: egress },
            ingress: Layout { page_shift, queues_per_page_shift: ingress },
            status_page: control.status_page_size() as usize,
            starving,
            buffer_index: buffer_index(bar)?,
        })
    }

    /// A freelist of `size` pointers, if it is not always starving.
    pub(super) fn freelist(&self, size: u16) -> Result<FlShape, AdapterError> {
        // Above the threshold there must be room for what is posted at once.
        if u32::from(size) < self.starving + 16 {
            return Err(AdapterError::Setting {
                register: "SGE_CONM_CTRL",
                value: self.starving,
                must: "freelists must have at least 16 pointers more than its threshold",
            });
        }
        Ok(FlShape { size, buffer_len: BUFFER_LEN as usize, size_index: self.buffer_index })
    }
}

/// Which of the sixteen buffer sizes is ours.
fn buffer_index(bar: &(dyn mafo_t4::Bar + Send + Sync)) -> Result<u8, AdapterError> {
    let found = (0..SGE_FL_BUFFER_SIZE::COUNT)
        .find(|&index| bar.read32(SGE_FL_BUFFER_SIZE::offset(index)) == BUFFER_LEN);
    match found {
        Some(index) => Ok(index as u8),
        None => Err(AdapterError::Setting {
            register: "SGE_FL_BUFFER_SIZE",
            value: BUFFER_LEN,
            must: "one of the sixteen sizes must be this",
        }),
    }
}

/// The doorbell area of queue `qid`; `None` when the firmware gave a number whose area no BAR has.
pub(super) fn area(layout: Layout, qid: u32) -> Option<Area> {
    /// Larger than any BAR2.
    const BAR2_MAX: u64 = 1 << 30;
    let page = u64::from(qid >> layout.queues_per_page_shift) << layout.page_shift;
    (page < BAR2_MAX).then(|| layout.area(qid))
}

/// As master, fits the card's global settings to this host (t4_hw.c t4_fixup_host_params).
pub(super) fn fit_to_host(bar: &SharedBar) {
    let bar = &**bar;
    let pages = (0..8).fold(SGE_HOST_PAGE_SIZE(0), |pages, pf| pages.with(pf, HOST_PAGE_CODE));
    pages.write(bar);
    // Padding as little as the chip can, packing by the line (it is off): 64-byte status pages.
    SGE_CONTROL::read(bar)
        .with_pad_boundary(32)
        .with_egrstatuspagesize(false)
        .with_pktshift(PKT_SHIFT)
        .write(bar);
    SGE_CONTROL2::read(bar).with_pack_boundary(CACHE_LINE).write(bar);
    let page = 1 << (HOST_PAGE_CODE + 10);
    bar.write32(SGE_FL_BUFFER_SIZE::offset(PAGE_SIZE_INDEX), page);
    for index in ALIGNED_SIZE_INDICES {
        let offset = SGE_FL_BUFFER_SIZE::offset(index);
        let size = bar.read32(offset);
        let aligned = size.checked_next_multiple_of(CACHE_LINE).unwrap_or(size);
        bar.write32(offset, aligned);
    }
    // Checksums of received packets as they are, without the pseudo header.
    let ingress = TP_INGRESS_CONFIG(tp::read_pio(bar, TP_INGRESS_CONFIG::ADDR));
    tp::write_pio(bar, TP_INGRESS_CONFIG::ADDR, ingress.with_csum_has_pseudo_hdr(false).0);
    //= rfc9293#3.8.3 SHLD-10
    TP_SHIFT_CNT::read(bar)
        .with_synshiftmax(SYN_RETRIES)
        .with_rxtshiftmaxr1(RETRANSMITS_ADVICE)
        .write(bar);
}

/// Reads TP's settings. As master, corrects the MTU table or writes the one that is `wanted`, and writes the congestion
/// table of it and the RSS key.
pub(super) fn tp_settings(
    bar: &SharedBar,
    master: bool,
    wanted: Option<[u16; MTU_COUNT]>,
) -> TpSettings {
    let bar = &**bar;
    let mut mtus = [0; MTU_COUNT];
    for (index, mtu) in (0..).zip(&mut mtus) {
        TP_MTU_TABLE::select(index).write(bar);
        // 14 bits wide.
        *mtu = TP_MTU_TABLE::read(bar).mtuvalue() as u16;
    }
    if master {
        // A packet of 1492 holds no whole number of 8-byte flits of payload, one of 1488 does.
        for mtu in mtus.iter_mut().filter(|mtu| **mtu == 1492) {
            *mtu = 1488;
        }
        mtus = wanted.unwrap_or(mtus);
        load_mtus(bar, &mtus);
        for word in 0..TP_RSS_SECRET_KEY::COUNT {
            tp::write_pio(bar, TP_RSS_SECRET_KEY::ADDR + word, SYMMETRIC_KEY_WORD);
        }
    }
    TpSettings {
        resolution: TP_TIMER_RESOLUTION::read(bar),
        filter_mode: TP_VLAN_PRI_MAP(tp::read_pio(bar, TP_VLAN_PRI_MAP::ADDR)),
        max_rx_data: TP_PARA_REG2::read(bar).maxrxdata(),
        // Three bits.
        initial_window: TP_PARA_REG0::read(bar).initcwnd() as u8,
        mtus,
    }
}

/// Writes the MTU table and the congestion table of it (t4_hw.c t4_load_mtus).
pub(super) fn load_mtus(bar: &(dyn mafo_t4::Bar + Send + Sync), mtus: &[u16; MTU_COUNT]) {
    for (index, &mtu) in (0..).zip(mtus) {
        TP_MTU_TABLE::entry(index, mtu.into()).write(bar);
        for window in 0..CCTRL_WINDOW_COUNT {
            congestion_entry(index, mtu, window).write(bar);
        }
    }
}

/// How fast the congestion window grows at one MTU and window (t4_hw.c t4_load_mtus).
pub(super) fn congestion_entry(mtu_index: u32, mtu: u16, window: usize) -> TP_CCTRL_TABLE {
    /// The increment's field has thirteen bits.
    const INCREMENT_MAX: u32 = 0x1fff;
    /// Smallest increment (CC_MIN_INCR).
    const INCREMENT_MIN: u32 = 2;
    let payload = u32::from(mtu.saturating_sub(40));
    let increment = (payload * ALPHA[window] / AVERAGE_PACKETS[window]).max(INCREMENT_MIN);
    // The row is the MTU and the window, 5 bits each; the value the beta and the increment.
    TP_CCTRL_TABLE(0)
        .with_rowindex(mtu_index << 5 | window as u32)
        .with_rowvalue(BETA[window] << 13 | increment.min(INCREMENT_MAX))
}

/// Packets in flight that a window stands for.
const AVERAGE_PACKETS: [u32; CCTRL_WINDOW_COUNT] = [
    2, 6, 10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320, 448, 640, 896, 1281, 1792, 2560, 3584,
    5120, 7168, 10240, 14336, 20480, 28672, 40960, 57344, 81920, 114_688, 163_840, 229_376,
];
/// Additive increase of each window: HighSpeed TCP's (RFC 3649) in shape.
const ALPHA: [u32; CCTRL_WINDOW_COUNT] = [
    1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14, 17, 21, 25, 30, 35, 45, 60, 80, 100,
    200, 300, 400, 500,
];
/// Multiplicative decrease of each window.
const BETA: [u32; CCTRL_WINDOW_COUNT] = [
    0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 5, 5, 5, 5, 5, 5, 6, 6, 7, 7,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn congestion_entries_by_hand() {
        // MTU 1500 (index 8), window 0: 1460 * 1 / 2 = 730, beta 0.
        assert_eq!(congestion_entry(8, 1500, 0), TP_CCTRL_TABLE(8 << 21 | 730));
        // Window 9: 1460 * 2 / 112 = 26, beta 1.
        assert_eq!(congestion_entry(8, 1500, 9), TP_CCTRL_TABLE(8 << 21 | 9 << 16 | 1 << 13 | 26));
        // Window 31: 1460 * 500 / 229376 = 3, beta 7.
        assert_eq!(congestion_entry(8, 1500, 31), TP_CCTRL_TABLE(8 << 21 | 31 << 16 | 7 << 13 | 3));
        // MTU 88 (index 0), window 8: 48 / 80 is below the smallest increment.
        assert_eq!(congestion_entry(0, 88, 8), TP_CCTRL_TABLE(8 << 16 | 2));
        // A table that a card filled with nonsense does not overflow.
        assert_eq!(congestion_entry(15, 0, 0).rowvalue(), 2);
        assert_eq!(congestion_entry(15, 0x3fff, 0).rowvalue(), (0x3fff - 40) / 2);
    }

    #[test]
    fn a_queue_number_that_no_bar_has_room_for_has_no_area() {
        let layout = Layout { page_shift: 12, queues_per_page_shift: 5 };
        assert_eq!(area(layout, 65).map(|area| area.offset), Some(2 * 4096 + 128));
        assert_eq!(area(Layout { page_shift: 25, queues_per_page_shift: 0 }, 0xf_ffff), None);
        assert_eq!(area(Layout { page_shift: 16, queues_per_page_shift: 0 }, 1 << 14), None);
    }
}
