//! Ingress queues: what the card tells the host.

use std::collections::VecDeque;

use mafo_t4::cpl::Opcode;
use mafo_t4::regs::sge::ConmCtxt;
use mafo_t4::sge::{
    Entry, EntrySize, LastFlit, PldBuf, Qstat, RspCtrl, RspType, RssFlags, RssHeader,
};
use mafo_t4::{HostMemory, Iova, IqId, Tid};

use crate::delay::Late;
use crate::dma::{Dma, Posting, Writer};
use crate::rss::HashType;

/// How a message was classified, as its RSS header tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tag {
    /// It was not.
    #[default]
    Plain,
    /// By RSS, with this hash.
    Hash(HashType, u32),
    /// By a filter that does not report itself, with this hash.
    Filter(HashType, u32),
    /// By this filter or NON_OFFLOAD connection.
    Hit(Tid),
}

/// A message to the host.
#[derive(Clone, Copy, Debug)]
pub struct Ingress<'a> {
    /// Channel that it belongs to.
    pub channel: u8,
    /// How it was classified.
    pub tag: Tag,
    /// Whether the packet that it is about is IPv6.
    pub ipv6: bool,
    /// The CPL from its opcode byte on.
    pub cpl: &'a [u8],
    /// What follows the CPL; goes to the freelist. Parts lie there one behind the other.
    pub payload: &'a [&'a [u8]],
}

impl<'a> Ingress<'a> {
    /// A CPL by itself.
    #[must_use]
    pub fn new(channel: u8, cpl: &'a [u8]) -> Self {
        Self { channel, tag: Tag::Plain, ipv6: false, cpl, payload: &[] }
    }

    /// With payload behind the CPL.
    #[must_use]
    pub fn with_payload(self, payload: &'a [&'a [u8]]) -> Self {
        Self { payload, ..self }
    }

    /// With a classification.
    #[must_use]
    pub fn with_tag(self, tag: Tag) -> Self {
        Self { tag, ..self }
    }

    pub(crate) fn opcode(&self) -> Opcode {
        debug_assert!(!self.cpl.is_empty(), "a message without a CPL");
        Opcode(self.cpl.first().copied().unwrap_or(0))
    }

    #[inline(always)]
    fn rss_header(&self, queue: IqId) -> RssHeader {
        let flags = RssFlags(0).with_channel(self.channel & 3).with_ipv6(self.ipv6);
        let (flags, hash) = match self.tag {
            Tag::Plain => (flags, 0),
            Tag::Hash(kind, hash) => (flags.with_hash_type(kind as u8), hash),
            Tag::Filter(kind, hash) => {
                (flags.with_hash_type(kind as u8).with_filter_hit(true), hash)
            }
            Tag::Hit(tid) => (flags.with_filter_hit(true).with_filter_tid(true), tid.0),
        };
        RssHeader::new(self.opcode(), queue).with_flags(flags).with_hash_val(hash)
    }
}

/// Bits of a channel in the map of a congestion context (cxgbe's `cng_ch_bits_log` is 2).
const CNG_CHANNEL_BITS: u8 = 4;

/// A message that waits for credits or buffers.
#[derive(Debug)]
pub(super) struct Owned {
    channel: u8,
    tag: Tag,
    ipv6: bool,
    cpl: Vec<u8>,
    payload: Vec<u8>,
}

impl Owned {
    pub(super) fn of(message: &Ingress<'_>) -> Self {
        Self {
            channel: message.channel,
            tag: message.tag,
            ipv6: message.ipv6,
            cpl: message.cpl.to_vec(),
            payload: message.payload.concat(),
        }
    }

    /// Lends the message to `post`.
    pub(super) fn lend<T>(&self, post: impl FnOnce(&Ingress<'_>) -> T) -> T {
        let payload: &[&[u8]] = &[&self.payload];
        post(&Ingress {
            channel: self.channel,
            tag: self.tag,
            ipv6: self.ipv6,
            cpl: &self.cpl,
            payload: if self.payload.is_empty() { &[] } else { payload },
        })
    }
}

/// How the driver learns of new entries (IQANUD).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// By the generation bit alone.
    Generation,
    /// Also by the status page in the last entry of the ring.
    StatusPage,
}

/// Whether the queue takes messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IqState {
    /// Allocated and not started, or stopped.
    Stopped,
    /// Started.
    Running,
}

/// What FW_IQ tells of a queue.
#[derive(Clone, Copy, Debug)]
pub struct IqConfig {
    /// First entry.
    pub base: Iova,
    /// Entries, the one for the status page included.
    pub size: u32,
    /// Bytes of an entry.
    pub entry: EntrySize,
    /// How new entries are announced.
    pub delivery: Delivery,
    /// Whether this is the queue of asynchronous firmware messages.
    pub firmware_events: bool,
    /// Relative index of its freelist.
    pub freelist: Option<usize>,
    /// Whether the freelist counts for how full the queue is (FL0CONGEN, FL0CONGCIF).
    pub list_counts: bool,
}

/// An ingress queue.
#[derive(Debug)]
pub(super) struct Iq {
    pub(super) id: IqId,
    pub(super) config: IqConfig,
    pub(super) state: IqState,
    /// Entry that is written next.
    pidx: u32,
    /// Entries written and not returned.
    outstanding: u32,
    /// Lap: the generation bit of the next entry. The first one is 1.
    generation: bool,
    /// Messages in front of new ones.
    pub(super) backlog: VecDeque<Owned>,
    /// Credits that the host returned and that are late.
    pub(super) late_credits: Late<u64>,
    /// Whether entries were written since the status page was.
    pub(super) status_due: bool,
    /// It takes nothing for a while.
    pub(super) is_stalled: bool,
    /// What happens when it is nearly full.
    pub(super) congestion: ConmCtxt,
}

/// More entries were returned than were outstanding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadCidx;

impl Iq {
    pub(super) fn new(id: IqId, config: IqConfig, state: IqState) -> Self {
        debug_assert!(config.size >= 2, "{id:?} has no room for an entry");
        Self {
            id,
            config,
            state,
            pidx: 0,
            outstanding: 0,
            generation: true,
            backlog: VecDeque::new(),
            late_credits: Late::default(),
            status_due: false,
            is_stalled: false,
            congestion: ConmCtxt(0),
        }
    }

    /// Entries that can hold a message: the last one is the status page's.
    fn slots(&self) -> u32 {
        self.config.size - 1
    }

    /// Entries that may be written before the host returns some. With a status page, which only shows
    /// indices, a full ring would look empty, so one entry stays free.
    #[inline(always)]
    pub(super) fn credits(&self) -> u32 {
        if self.is_stalled {
            return 0;
        }
        let usable = match self.config.delivery {
            Delivery::Generation => self.slots(),
            Delivery::StatusPage => self.slots() - 1,
        };
        usable.saturating_sub(self.outstanding)
    }

    /// Whether it pauses the ports of `channel` when it is nearly full.
    pub(super) fn may_pause(&self, channel: u8) -> bool {
        let map = self.congestion.cngchmap() >> (CNG_CHANNEL_BITS * channel);
        self.congestion.cngtpmode() == ConmCtxt::CHANNEL && map & 1 == 1
    }

    /// Whether `frames` more would not find a credit each; half the queue is always enough.
    pub(super) fn is_short_of(&self, frames: u32) -> bool {
        !self.backlog.is_empty() || self.credits() < frames.min(self.slots() / 2)
    }

    /// The host returns `entries`; on error nothing has changed.
    pub(super) fn give_back(&mut self, entries: u64) -> Result<(), BadCidx> {
        let entries = u32::try_from(entries).map_err(|_| BadCidx)?;
        self.outstanding = self.outstanding.checked_sub(entries).ok_or(BadCidx)?;
        Ok(())
    }

    /// Writes the next entry behind what `posting` already holds, and hands both over. There is a
    /// credit, and the CPL fits.
    #[inline(always)]
    pub(super) fn write<M: HostMemory>(
        &mut self,
        message: &Ingress<'_>,
        buffer_len: Option<u32>,
        timestamp: u64,
        mut posting: Posting<'_, M>,
    ) {
        debug_assert!(self.credits() > 0, "{:?} written without a credit", self.id);
        let size = self.config.entry.bytes();
        let (kind, buffer) = match buffer_len {
            Some(len) => (RspType::FLBUF, PldBuf(0).with_newbuf(true).with_bytes(len)),
            None => (RspType::CPL, PldBuf(0)),
        };
        let last = LastFlit(0)
            .with_gen_bit(self.generation)
            .with_rsp_type(kind)
            .with_timestamp(timestamp & LastFlit::TIMESTAMP_MASK);
        let ctrl = RspCtrl::default().with_pldbuflen_qid(buffer).with_last_flit(last);
        let cpl = &message.cpl[..message.cpl.len().min(self.config.entry.max_cpl())];
        let rss = message.rss_header(self.id);
        let at = self.config.base.add(self.pidx as usize * size);
        if self.config.entry == EntrySize::B64 {
            // Nearly all are, and of a length that the compiler knows.
            let mut entry = [0; EntrySize::B64.bytes()];
            let written = Entry::write(&mut entry, &rss, cpl, &ctrl);
            debug_assert!(written, "{:?} has no room for {:?}", self.id, message.opcode());
            posting.write(at, &entry[..EntrySize::B64.bytes() - LAST_FLIT]);
        } else {
            let mut entry = [0; EntrySize::B128.bytes()];
            let written = Entry::write(&mut entry[..size], &rss, cpl, &ctrl);
            debug_assert!(written, "{:?} has no room for {:?}", self.id, message.opcode());
            posting.write(at, &entry[..size - LAST_FLIT]);
        }
        // Pairs with the host's acquire load of the generation bit.
        posting.hand_over(at.add(size - LAST_FLIT), last.0.to_be_bytes());
        self.outstanding += 1;
        self.pidx += 1;
        if self.pidx == self.slots() {
            self.pidx = 0;
            self.generation = !self.generation;
        }
        self.status_due = self.config.delivery == Delivery::StatusPage;
    }

    /// Writes the status page into the last entry of the ring, if entries were written since.
    pub(super) fn write_status<M: HostMemory>(&mut self, dma: &mut Dma<M>) {
        if !core::mem::take(&mut self.status_due) {
            return;
        }
        let slots = self.slots();
        let cidx = (self.pidx + slots - self.outstanding) % slots;
        let status = Qstat::default()
            .with_qid(u32::from(self.id.0))
            .with_cidx(cidx as u16)
            .with_pidx(self.pidx as u16);
        let at = self.config.base.add(slots as usize * self.config.entry.bytes());
        let mut bytes = [0; Qstat::SIZE];
        bytes.copy_from_slice(status.as_bytes());
        dma.begin(Writer::Ingress(self.id)).hand_over(at, bytes);
    }
}

/// Bytes that hand an entry over.
const LAST_FLIT: usize = 8;
