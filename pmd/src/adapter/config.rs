//! What the owner of an adapter decides.

use mafo_mem::Nanos;
use mafo_t4::chip::Chip;
use mafo_t4::fw;
use mafo_t4::regs::tp::MTU_COUNT;
use mafo_t4::sge::{EQ_UNIT, FlPointer};

use super::queues::{EVENT_ENTRIES, RING_ALIGN};
use super::registers::BUFFER_LEN;
use super::tcp::TcpSettings;
use crate::sge::{ENTRY, EqRing, Freelist, IqRing};

/// How an adapter is brought up.
#[derive(Clone, Copy, Debug)]
pub struct AdapterConfig {
    /// The chip, which the PCI device id tells.
    pub chip: Chip,
    /// Polling cores, each with queues of its own: 1 to [`AdapterConfig::LCORES_MAX`].
    pub lcores: u8,
    /// Largest IP packet of all ports, in bytes: 68 to 9600.
    pub mtu: u16,
    /// The MTU table, ascending: segments of offloaded connections have one of sixteen sizes. `None` for what the card
    /// comes with. Only the master writes it.
    pub mtus: Option<[u16; MTU_COUNT]>,
    /// How patient the card's TCP is.
    pub tcp: TcpSettings,
    /// Sizes of the queues of each lcore.
    pub queues: QueueSizes,
    /// What becomes of frames while a core's queue is nearly full.
    pub congestion: Congestion,
    /// How long the firmware may take for a command.
    pub command_timeout: Nanos,
    /// How often the card is looked at while nothing is asked of it; `None`: never, and its death is found out by a
    /// command that fails.
    pub heartbeat: Option<Nanos>,
    /// How long the card's clock may stand still before the card counts as dead.
    pub hang_timeout: Nanos,
    /// How long lcores may take to let go of their queues when the adapter is closed.
    pub close_timeout: Nanos,
}

/// What becomes of frames that come in while a core's queue is nearly full (cxgbe's `cong_drop`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Congestion {
    /// All ports ask the other ends of their links to wait (802.3x PAUSE; `cong_drop` 0): nothing is lost, and where the
    /// switch does so too whoever sends waits, other hosts' frames behind theirs among them.
    Pause,
    /// They are lost when it is full (`cong_drop` 1).
    Drop,
}

/// Sizes of an lcore's queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueSizes {
    /// Entries of the ingress queue, a multiple of 16 up to 4096; one of them carries no message.
    pub ingress: u16,
    /// Pointers of its freelist, a multiple of 8; eight of them stay empty.
    pub freelist: u16,
    /// Units of 64 bytes of the control queue.
    pub ctrl: u16,
    /// Units of each port's Ethernet queue.
    pub eth: u16,
    /// Frames that each port's Ethernet queue may have under way outside of the ring.
    pub eth_buffers: u16,
    /// Units of each port's offload queue.
    pub ofld: u16,
}

impl Default for QueueSizes {
    /// Room for some bursts between two polls: 504 receive buffers of 2 KiB, 1 MiB, stay in a cache.
    fn default() -> Self {
        Self { ingress: 1024, freelist: 512, ctrl: 512, eth: 1024, eth_buffers: 256, ofld: 1024 }
    }
}

#[cfg(test)]
impl AdapterConfig {
    /// Sizes that the scripted registers and doorbells of tests count on, and nothing but what they script.
    pub(crate) fn small() -> Self {
        let queues = QueueSizes {
            ingress: 1024,
            freelist: 128,
            ctrl: 512,
            eth: 512,
            eth_buffers: 128,
            ofld: 1024,
        };
        Self { queues, heartbeat: None, ..Self::default() }
    }
}

impl Default for AdapterConfig {
    /// A T5 with one lcore, 1500-byte packets and the firmware header's command timeout.
    fn default() -> Self {
        Self {
            chip: Chip::T5,
            lcores: 1,
            mtu: 1500,
            mtus: None,
            tcp: TcpSettings::default(),
            queues: QueueSizes::default(),
            congestion: Congestion::Pause,
            command_timeout: Nanos::from_millis(fw::TIMEOUT_MS as u64),
            heartbeat: Some(Nanos::from_millis(1)),
            hang_timeout: Nanos::from_millis(10),
            close_timeout: Nanos::from_secs(1),
        }
    }
}

/// A configuration that no adapter can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} of {value}: {must}")]
pub struct BadConfig {
    /// Which setting.
    pub what: &'static str,
    /// Its value.
    pub value: u32,
    /// What it must be.
    pub must: &'static str,
}

impl AdapterConfig {
    /// More lcores than any host gives to one adapter; an RSS slice has at least as many entries.
    pub const LCORES_MAX: u8 = 32;
    /// Ethernet header, one tag, and the room that a frame of `mtu` needs.
    const L2_OVERHEAD: u16 = 14 + 4;

    /// Longest frame, without FCS, in bytes.
    #[must_use]
    pub const fn frame_max(&self) -> usize {
        (self.mtu + Self::L2_OVERHEAD) as usize
    }

    /// Bytes of DMA memory in which the queues and buffers of an adapter with `ports` ports find room.
    #[must_use]
    pub fn memory_len(&self, ports: usize) -> usize {
        // Each allocation begins on a page, and a ring may end in a status page of two units.
        let piece = |len: usize| (len + 2 * EQ_UNIT).next_multiple_of(RING_ALIGN);
        let units = |count: u16| piece(usize::from(count) * EQ_UNIT);
        let queues = &self.queues;
        let list = usize::from(queues.freelist);
        let receive = piece(usize::from(queues.ingress) * ENTRY)
            + piece(list * FlPointer::SIZE)
            + piece(list * BUFFER_LEN as usize);
        let frames = usize::from(queues.eth_buffers) * self.frame_max().next_multiple_of(64);
        let port = units(queues.eth) + piece(frames) + units(queues.ofld);
        let lcore = receive + units(queues.ctrl) + ports * port;
        piece(usize::from(EVENT_ENTRIES) * ENTRY) + usize::from(self.lcores) * lcore
    }

    pub(crate) fn check(&self) -> Result<(), BadConfig> {
        let bad = |what, value, must| Err(BadConfig { what, value, must });
        let queues = self.queues;
        if !(1..=Self::LCORES_MAX).contains(&self.lcores) {
            return bad("lcores", self.lcores.into(), "must be 1 to 32");
        }
        if !(68..=9600).contains(&self.mtu) {
            return bad("mtu", self.mtu.into(), "must be 68 to 9600");
        }
        if let Some(value) = self.mtus.and_then(out_of_order) {
            return bad("mtus", value.into(), "must ascend between 68 and 9600");
        }
        self.tcp.check()?;
        let entries = queues.ingress;
        if !(entries.is_multiple_of(16) && (16..=IqRing::SIZE_MAX).contains(&entries)) {
            return bad("queues.ingress", entries.into(), "must be a multiple of 16 up to 4096");
        }
        let pointers = queues.freelist;
        if !(pointers.is_multiple_of(8) && (16..=Freelist::SIZE_MAX).contains(&pointers)) {
            return bad("queues.freelist", pointers.into(), "must be a multiple of 8, 16 to 8192");
        }
        let units = [
            ("queues.ctrl", queues.ctrl),
            ("queues.eth", queues.eth),
            ("queues.ofld", queues.ofld),
        ];
        for (what, size) in units {
            if !(EqRing::SIZE_MIN..=EqRing::SIZE_MAX).contains(&size) {
                return bad(what, size.into(), "must be 17 to 8191");
            }
        }
        if queues.eth_buffers == 0 {
            return bad("queues.eth_buffers", 0, "must be at least 1");
        }
        Ok(())
    }
}

/// The entry of an MTU table, if any, that is no size of a packet, or not above the one before it.
pub(super) fn out_of_order(mtus: [u16; MTU_COUNT]) -> Option<u16> {
    let mut before = 67;
    mtus.into_iter().find(|&mtu| {
        let wrong = mtu <= before || mtu > 9600;
        before = mtu;
        wrong
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_mtu_table_ascends() {
        let table: [u16; MTU_COUNT] = core::array::from_fn(|n| 68 + 635 * n as u16);
        assert_eq!(out_of_order(table), None);
        let with = |at: usize, mtu| {
            let mut table = table;
            table[at] = mtu;
            AdapterConfig { mtus: Some(table), ..AdapterConfig::default() }.check()
        };
        assert_eq!(with(3, table[3]), Ok(()));
        let refused = |at, mtu| with(at, mtu).expect_err("out of order").value;
        assert_eq!(refused(0, 67), 67);
        assert_eq!(refused(5, table[4]), u32::from(table[4]));
        assert_eq!(refused(15, 9601), 9601);
    }

    #[test]
    fn the_default_can_be_and_each_limit_is_named() {
        let good = AdapterConfig::default();
        assert_eq!(good.check(), Ok(()));
        assert_eq!(good.frame_max(), 1518);
        let queues = good.queues;
        let cases = [
            (AdapterConfig { lcores: 0, ..good }, "lcores"),
            (AdapterConfig { lcores: 33, ..good }, "lcores"),
            (AdapterConfig { mtu: 67, ..good }, "mtu"),
            (AdapterConfig { mtu: 9601, ..good }, "mtu"),
            (
                AdapterConfig { queues: QueueSizes { ingress: 1000, ..queues }, ..good },
                "queues.ingress",
            ),
            (
                AdapterConfig { queues: QueueSizes { ingress: 4112, ..queues }, ..good },
                "queues.ingress",
            ),
            (
                AdapterConfig { queues: QueueSizes { freelist: 12, ..queues }, ..good },
                "queues.freelist",
            ),
            (
                AdapterConfig { queues: QueueSizes { freelist: 8, ..queues }, ..good },
                "queues.freelist",
            ),
            (AdapterConfig { queues: QueueSizes { ctrl: 16, ..queues }, ..good }, "queues.ctrl"),
            (AdapterConfig { queues: QueueSizes { eth: 0, ..queues }, ..good }, "queues.eth"),
            (AdapterConfig { queues: QueueSizes { ofld: 8192, ..queues }, ..good }, "queues.ofld"),
            (
                AdapterConfig { queues: QueueSizes { eth_buffers: 0, ..queues }, ..good },
                "queues.eth_buffers",
            ),
        ];
        for (config, what) in cases {
            assert_eq!(config.check().map_err(|bad| bad.what), Err(what), "{config:?}");
        }
    }
}
