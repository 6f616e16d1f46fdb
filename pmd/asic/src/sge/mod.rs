//! SGE: the queues between host and card.
//!
//! Every stall is local: an ingress queue without credits, a freelist without buffers, an egress queue
//! whose ring is empty or whose way out is blocked stops by itself, and goes on when its cause is gone.

mod eq;
mod fl;
mod iq;
mod ring;

use std::collections::BTreeSet;

use mafo_mem::Nanos;
use mafo_t4::cpl::{Opcode, SgeEgrUpdate};
use mafo_t4::regs::sge::{ConmCtxt, SGE_INT_CAUSE3};
use mafo_t4::{EqId, HostMemory, IqId};

use crate::bar::doorbell::DoorbellCells;
use crate::delay::Late;
use crate::dma::{Dma, Writer};

pub use eq::{Completion, EqConfig, EqKind};
pub use fl::{BUFFER_SIZES, Freelist};
pub use iq::{Delivery, Ingress, IqConfig, IqState, Tag};
pub use ring::{Ring, UNIT};

use eq::{Eq, FreelistQueue, Slot};
use iq::{Iq, Owned};

/// Absolute ingress queue ids: 10 bits.
pub const IQ_IDS: usize = 1024;
/// Longest work request in bytes.
pub const WR_MAX: usize = 512;
/// Longest pad before a frame.
const PAD_MAX: usize = 8;
/// Units of a ring that are read together.
const AHEAD_UNITS: u32 = 32;
/// Answers that wait on one ingress queue before egress queues that feed it pause.
const BACKLOG_PAUSE: usize = 64;
/// Answers that wait on one ingress queue before further ones are lost.
const BACKLOG_MAX: usize = 4096;

/// A message cannot be written now; nothing of it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stalled {
    /// The host has returned no entry of the ingress queue, or older messages wait.
    NoCredit,
    /// The freelist has too few buffers.
    NoBuffer,
}

mafo_mem::counters! {
    /// What the SGE did and refused.
    pub struct SgeCounters {
        /// Entries written.
        ingress_entries,
        /// Bytes written into freelist buffers.
        freelist_bytes,
        /// Messages that found no credit (each try counts).
        ingress_no_credit,
        /// Messages that found too few buffers (each try counts).
        ingress_no_buffer,
        /// Messages to a queue that is not there or not started; lost.
        ingress_no_queue,
        /// Messages with payload to a queue without freelist, or longer than its entry; lost.
        ingress_too_long,
        /// Answers that waited for credits.
        replies_deferred,
        /// Answers lost because too many waited.
        replies_lost,
        /// Doorbells of queues that are not there.
        doorbells_dropped,
        /// Doorbells beyond the ring's size.
        doorbells_bad_pidx,
        /// Credit returns beyond what was outstanding.
        credits_bad_cidx,
        /// Work requests taken.
        work_requests,
        /// Work requests whose length is impossible; skipped.
        work_requests_bad_length,
        /// Units of rings that could not be read.
        ring_faults,
        /// EGR_UPDATE messages written.
        egress_updates,
    }
}

/// Settings that registers hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SgeSettings {
    /// Bytes before an Ethernet frame in its buffer (PKTSHIFT).
    pub pkt_shift: usize,
    /// Bytes of an egress queue's status page.
    pub status_page: u32,
    /// SGE_FL_BUFFER_SIZE.
    pub buffer_sizes: [u32; BUFFER_SIZES],
}

/// Units of one ring that were read together, from its consumer index on: work requests come in bursts.
#[derive(Debug, Default)]
pub struct Ahead {
    bytes: Vec<u8>,
    /// Of these the ones that were not taken yet.
    next: u32,
    end: u32,
}

impl Ahead {
    /// Forgets what was read: another ring is next.
    pub fn clear(&mut self) {
        (self.next, self.end) = (0, 0);
    }

    /// The work request of `len` bytes that [`Sge::fetch`] has found.
    #[must_use]
    pub fn work_request(&self, len: usize) -> &[u8] {
        &self.bytes[self.next as usize * UNIT..][..len]
    }

    /// `units` were taken.
    pub fn take(&mut self, units: u32) {
        self.next += units.min(self.left());
    }

    fn left(&self) -> u32 {
        self.end - self.next
    }

    /// Reads up to `pending` units; `false` on a fault, which is counted.
    fn read<M: HostMemory>(&mut self, eq: &Eq, pending: u32, dma: &mut Dma<M>) -> bool {
        let units = pending.min(AHEAD_UNITS);
        self.bytes.resize(AHEAD_UNITS as usize * UNIT, 0);
        (self.next, self.end) = (0, units);
        eq.read(dma, 0, &mut self.bytes[..units as usize * UNIT])
    }
}

/// What is next in a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// Nothing there, or not all of it.
    Nothing,
    /// A work request, which is the next in [`Ahead`].
    WorkRequest {
        /// Bytes (LEN16 × 16).
        len: usize,
        /// Units that it takes in the ring.
        units: u32,
    },
    /// Not a work request; these units are to be skipped.
    Malformed {
        /// Units to skip.
        units: u32,
    },
}

/// The queues.
#[derive(Debug)]
pub struct Sge<M> {
    /// Host memory.
    pub dma: Dma<M>,
    /// What was counted.
    pub counters: SgeCounters,
    settings: SgeSettings,
    /// By absolute id.
    iqs: Vec<Option<Box<Iq>>>,
    iq_offset: usize,
    /// By function-relative id minus the first.
    eqs: Vec<Slot>,
    /// Absolute id of `eqs[0]`.
    eq_base: u32,
    /// Egress queues that may have work, a bit each.
    runnable: Vec<u64>,
    /// Ingress queues whose status page is due.
    status_due: Vec<IqId>,
    /// Ingress queues with a backlog.
    backlogged: BTreeSet<IqId>,
    /// Queues with a congestion context.
    feeding_back: Vec<IqId>,
    /// Queues with doorbells or credits under way.
    late_eqs: BTreeSet<usize>,
    late_iqs: BTreeSet<IqId>,
    /// Ingress queues that take nothing until then.
    stalls: Vec<(IqId, Nanos)>,
    now: Nanos,
    /// By how much more doorbells of Ethernet queues may be late.
    pub ethernet_delay_polls: u32,
    timestamp: u64,
    causes: u32,
}

impl<M: HostMemory> Sge<M> {
    /// No queues yet: `neq` egress ids from absolute id `eq_base` on, ingress ids whose relative ones
    /// begin `iq_offset` below.
    #[must_use]
    pub fn new(dma: Dma<M>, settings: SgeSettings, eq_base: u32, neq: u32, iq_offset: u16) -> Self {
        let neq = neq as usize;
        Self {
            dma,
            counters: SgeCounters::new(),
            settings,
            iqs: (0..IQ_IDS).map(|_| None).collect(),
            iq_offset: usize::from(iq_offset),
            eqs: (0..neq).map(|_| Slot::Free).collect(),
            eq_base,
            runnable: vec![0; neq.div_ceil(64)],
            status_due: Vec::new(),
            backlogged: BTreeSet::new(),
            feeding_back: Vec::new(),
            late_eqs: BTreeSet::new(),
            late_iqs: BTreeSet::new(),
            stalls: Vec::new(),
            now: Nanos::ZERO,
            ethernet_delay_polls: 0,
            timestamp: 0,
            causes: 0,
        }
    }

    /// Settings changed by register writes.
    pub fn set_settings(&mut self, settings: SgeSettings) {
        self.settings = settings;
    }

    /// Settings in force.
    #[must_use]
    pub fn settings(&self) -> &SgeSettings {
        &self.settings
    }

    /// The clock that entries are stamped with.
    pub fn set_timestamp(&mut self, ticks: u64) {
        self.timestamp = ticks;
    }

    /// Error causes (SGE_INT_CAUSE3) since they were last taken.
    pub fn take_causes(&mut self) -> SGE_INT_CAUSE3 {
        SGE_INT_CAUSE3(core::mem::take(&mut self.causes))
    }

    fn raise(&mut self, cause: u32) {
        self.causes |= cause;
    }

    // --- Queues come and go by firmware command -------------------------------------------------

    /// Whether ingress queue `iq` is allocated.
    #[must_use]
    pub fn has_iq(&self, iq: IqId) -> bool {
        self.iqs.get(iq.index()).is_some_and(Option::is_some)
    }

    /// Configuration of ingress queue `iq`.
    #[must_use]
    pub fn iq(&self, iq: IqId) -> Option<&IqConfig> {
        Some(&self.iqs.get(iq.index())?.as_ref()?.config)
    }

    /// Makes ingress queue `iq`, which must not be there.
    pub fn insert_iq(&mut self, iq: IqId, config: IqConfig, state: IqState) {
        let slot = &mut self.iqs[iq.index()];
        debug_assert!(slot.is_none(), "{iq:?} allocated twice");
        *slot = Some(Box::new(Iq::new(iq, config, state)));
    }

    /// Starts or stops an ingress queue; `false` if it is not there.
    pub fn set_iq_state(&mut self, iq: IqId, state: IqState) -> bool {
        match self.iqs.get_mut(iq.index()) {
            Some(Some(queue)) => {
                queue.state = state;
                true
            }
            _ => false,
        }
    }

    /// Frees an ingress queue. What it still had under way lands before its memory is the host's again.
    pub fn remove_iq(&mut self, iq: IqId) -> Option<IqConfig> {
        let queue = self.iqs.get_mut(iq.index())?.take()?;
        self.dma.flush_writer(Writer::Ingress(iq));
        self.backlogged.remove(&iq);
        self.feeding_back.retain(|&other| other != iq);
        self.late_iqs.remove(&iq);
        self.status_due.retain(|due| *due != iq);
        Some(queue.config)
    }

    /// Whether egress id `index` (relative to the function's first) is allocated.
    #[must_use]
    pub fn has_eq(&self, index: usize) -> bool {
        self.eqs.get(index).is_some_and(|slot| !matches!(slot, Slot::Free))
    }

    /// Makes egress queue `index`, which must not be there.
    pub fn insert_eq(&mut self, index: usize, config: EqConfig) {
        let id = self.eq_id(index);
        let slot = &mut self.eqs[index];
        debug_assert!(matches!(slot, Slot::Free), "{id:?} allocated twice");
        *slot = Slot::Queue(Box::new(Eq::new(id, config)));
    }

    /// Makes freelist `index`, which must not be there.
    pub fn insert_freelist(&mut self, index: usize, ring: Ring) {
        let id = self.eq_id(index);
        let slot = &mut self.eqs[index];
        debug_assert!(matches!(slot, Slot::Free), "{id:?} allocated twice");
        let list = Freelist::new(ring);
        *slot = Slot::Freelist(Box::new(FreelistQueue { list, late_doorbells: Late::default() }));
    }

    /// Frees an egress queue of this kind; `false` if there is none such.
    pub fn remove_eq(&mut self, index: usize, kind: EqKind) -> bool {
        let id = self.eq_id(index);
        if self.eq(index).is_none_or(|config| config.kind != kind) {
            return false;
        }
        self.eqs[index] = Slot::Free;
        self.dma.flush_writer(Writer::Egress(id));
        self.late_eqs.remove(&index);
        self.set_runnable(index, false);
        true
    }

    /// Frees a freelist; `false` if there is none such.
    pub fn remove_freelist(&mut self, index: usize) -> bool {
        match self.eqs.get_mut(index) {
            Some(slot @ Slot::Freelist(_)) => *slot = Slot::Free,
            _ => return false,
        }
        self.late_eqs.remove(&index);
        true
    }

    /// Configuration of an egress queue.
    #[must_use]
    pub fn eq(&self, index: usize) -> Option<&EqConfig> {
        match self.eqs.get(index) {
            Some(Slot::Queue(eq)) => Some(&eq.config),
            _ => None,
        }
    }

    /// Absolute id of egress queue `index`.
    #[must_use]
    pub fn eq_id(&self, index: usize) -> EqId {
        EqId(self.eq_base + index as u32)
    }

    /// Index of an egress queue by its absolute id.
    #[must_use]
    pub fn eq_index(&self, eq: EqId) -> Option<usize> {
        let index = eq.0.checked_sub(self.eq_base)? as usize;
        (index < self.eqs.len()).then_some(index)
    }

    /// The first queue of asynchronous firmware messages, if one is running.
    #[must_use]
    pub fn firmware_event_queue(&self) -> Option<IqId> {
        self.iqs
            .iter()
            .flatten()
            .find(|iq| iq.config.firmware_events && iq.state == IqState::Running)
            .map(|iq| iq.id)
    }

    /// Frees all queues, as a reset does; nothing more is written for them.
    pub fn reset(&mut self) {
        self.iqs.fill_with(|| None);
        self.eqs.fill_with(|| Slot::Free);
        self.runnable.fill(0);
        self.status_due.clear();
        self.backlogged.clear();
        self.feeding_back.clear();
        self.late_eqs.clear();
        self.late_iqs.clear();
        self.stalls.clear();
        self.causes = 0;
    }

    // --- Doorbells ------------------------------------------------------------------------------

    /// Takes what the host has rung: units of egress queues and freelists, credits of ingress queues.
    pub fn take_doorbells(&mut self, egress: &DoorbellCells, ingress: &DoorbellCells) {
        egress.take(|index, units| {
            let more = match self.eq(index) {
                Some(config) if config.kind == EqKind::Ethernet => self.ethernet_delay_polls,
                _ => 0,
            };
            if self.dma.lateness().is_off() && more == 0 {
                self.produce(index, units);
            } else {
                let due = self.dma.lateness().draw_later(more);
                match self.eqs.get_mut(index).and_then(Slot::doorbell_mut) {
                    Some((_, late)) => late.push(due, units),
                    None => return self.produce(index, units),
                }
                self.late_eqs.insert(index);
            }
        });
        ingress.take(|relative, entries| {
            let Ok(id) = u16::try_from(relative + self.iq_offset) else { return };
            let id = IqId(id);
            if self.dma.lateness().is_off() {
                self.give_back(id, entries);
            } else {
                let due = self.dma.lateness().draw();
                match self.iqs.get_mut(id.index()) {
                    Some(Some(iq)) => iq.late_credits.push(due, entries),
                    _ => return self.give_back(id, entries),
                }
                self.late_iqs.insert(id);
            }
        });
        self.take_late();
    }

    /// Doorbells and credits that have been under way and arrive in this poll.
    fn take_late(&mut self) {
        if self.late_eqs.is_empty() && self.late_iqs.is_empty() {
            return;
        }
        let poll = self.dma.lateness().poll();
        for index in core::mem::take(&mut self.late_eqs) {
            while let Some((_, late)) = self.eqs.get_mut(index).and_then(Slot::doorbell_mut) {
                let Some(units) = late.pop_due(poll) else {
                    if !late.is_empty() {
                        self.late_eqs.insert(index);
                    }
                    break;
                };
                self.produce(index, units);
            }
        }
        for id in core::mem::take(&mut self.late_iqs) {
            while let Some(Some(iq)) = self.iqs.get_mut(id.index()) {
                let Some(entries) = iq.late_credits.pop_due(poll) else {
                    if !iq.late_credits.is_empty() {
                        self.late_iqs.insert(id);
                    }
                    break;
                };
                self.give_back(id, entries);
            }
        }
    }

    fn produce(&mut self, index: usize, units: u64) {
        let Some((ring, _)) = self.eqs.get_mut(index).and_then(Slot::doorbell_mut) else {
            self.counters.doorbells_dropped += 1;
            return self.raise(SGE_INT_CAUSE3::ERR_DROPPED_DB_MASK);
        };
        if ring.produce(units).is_err() {
            self.counters.doorbells_bad_pidx += 1;
            return self.raise(SGE_INT_CAUSE3::ERR_BAD_DB_PIDX0_MASK);
        }
        if matches!(self.eqs[index], Slot::Queue(_)) {
            self.set_runnable(index, true);
        }
    }

    fn give_back(&mut self, id: IqId, entries: u64) {
        let iq = self.iqs.get_mut(id.index()).and_then(Option::as_mut);
        if iq.is_none_or(|iq| iq.give_back(entries).is_err()) {
            self.counters.credits_bad_cidx += 1;
            self.raise(SGE_INT_CAUSE3::ERR_INVALID_CIDX_INC_MASK);
        }
    }

    /// Queues that are allocated: ingress, then egress with freelists.
    #[must_use]
    pub fn queues(&self) -> (usize, usize) {
        let eqs = self.eqs.iter().filter(|slot| !matches!(slot, Slot::Free)).count();
        (self.iqs.iter().flatten().count(), eqs)
    }

    /// Whether doorbells, credits or DMA writes are under way.
    #[must_use]
    pub fn has_late(&self) -> bool {
        !self.late_eqs.is_empty()
            || !self.late_iqs.is_empty()
            || self.dma.landed() != self.dma.made()
    }

    /// Whether doorbells of egress queue `index` are under way or units of it wait.
    #[must_use]
    pub fn eq_is_idle(&self, index: usize) -> bool {
        match self.eqs.get(index) {
            Some(Slot::Queue(eq)) => eq.ring.pending() == 0 && eq.late_doorbells.is_empty(),
            _ => true,
        }
    }

    /// Ingress queue `iq` takes nothing for so long.
    pub fn stall(&mut self, iq: IqId, time: Nanos) {
        if let Some(Some(queue)) = self.iqs.get_mut(iq.index())
            && !core::mem::replace(&mut queue.is_stalled, true)
        {
            self.stalls.push((iq, self.now + time));
        }
    }

    /// Ends stalls whose time is over.
    pub fn end_stalls(&mut self, now: Nanos) {
        self.now = now;
        for (iq, _) in self.stalls.extract_if(.., |(_, until)| *until <= now) {
            if let Some(Some(queue)) = self.iqs.get_mut(iq.index()) {
                queue.is_stalled = false;
            }
        }
    }

    /// When the next stall ends.
    #[must_use]
    pub fn stall_end(&self) -> Option<Nanos> {
        self.stalls.iter().map(|&(_, until)| until).min()
    }

    // --- Messages to the host -------------------------------------------------------------------

    /// Writes a message: buffers first, then the entry, its last flit by a release store. On
    /// [`Stalled`] nothing was written; a message to a queue that cannot take it ever is counted and
    /// lost.
    #[inline]
    pub fn post(&mut self, iq: IqId, message: &Ingress<'_>) -> Result<(), Stalled> {
        match self.iqs.get(iq.index()) {
            Some(Some(queue)) if !queue.backlog.is_empty() => {
                self.counters.ingress_no_credit += 1;
                Err(Stalled::NoCredit)
            }
            _ => self.write(iq, message),
        }
    }

    /// Writes an answer, now or as soon as the queue takes one; answers keep their order, and no
    /// [`Sge::post`] overtakes them.
    pub fn reply(&mut self, iq: IqId, message: &Ingress<'_>) {
        if self.post(iq, message).is_ok() {
            return;
        }
        let Some(Some(queue)) = self.iqs.get_mut(iq.index()) else { return };
        if queue.backlog.len() < BACKLOG_MAX {
            queue.backlog.push_back(Owned::of(message));
            self.backlogged.insert(iq);
            self.counters.replies_deferred += 1;
        } else {
            self.counters.replies_lost += 1;
        }
    }

    /// Writes answers that have waited.
    pub fn flush_backlogs(&mut self) {
        if self.backlogged.is_empty() {
            return;
        }
        for iq in core::mem::take(&mut self.backlogged) {
            let Some(Some(queue)) = self.iqs.get_mut(iq.index()) else { continue };
            let mut backlog = core::mem::take(&mut queue.backlog);
            while let Some(message) = backlog.front() {
                if message.lend(|message| self.write(iq, message)).is_err() {
                    break;
                }
                backlog.pop_front();
            }
            if !backlog.is_empty() {
                self.backlogged.insert(iq);
            }
            if let Some(Some(queue)) = self.iqs.get_mut(iq.index()) {
                queue.backlog = backlog;
            }
        }
    }

    #[inline]
    fn write(&mut self, iq: IqId, message: &Ingress<'_>) -> Result<(), Stalled> {
        let Self { dma, iqs, eqs, settings, counters, .. } = self;
        let Some(Some(queue)) = iqs.get_mut(iq.index()) else {
            counters.ingress_no_queue += 1;
            return Ok(());
        };
        if queue.state != IqState::Running {
            counters.ingress_no_queue += 1;
            return Ok(());
        }
        if queue.credits() == 0 {
            counters.ingress_no_credit += 1;
            return Err(Stalled::NoCredit);
        }
        let fits = message.cpl.len() <= queue.config.entry.max_cpl();
        let is_packet = message.opcode() == Opcode::RX_PKT;
        if (is_packet || message.payload.is_empty()) && !fits {
            // A packet's CPL lies in the entry; without payload there is no buffer to look into.
            return self.lose(SGE_INT_CAUSE3::ERR_CPL_EXCEED_IQE_SIZE_MASK);
        }
        if message.payload.is_empty() {
            let posting = dma.begin(Writer::Ingress(iq));
            queue.write(message, None, self.timestamp, posting);
        } else {
            // Split mode: behind the pad, which is left as it is, the frame of a packet, else the CPL itself and its
            // payload.
            let (pad, head) = if is_packet {
                (settings.pkt_shift.min(PAD_MAX), &[][..])
            } else {
                (0, message.cpl)
            };
            let payload = message.payload.iter().map(|part| part.len()).sum::<usize>();
            let len = pad + head.len() + payload;
            let list = queue.config.freelist.and_then(|index| eqs.get_mut(index)?.freelist_mut());
            let Some(list) = list else {
                return self.lose(SGE_INT_CAUSE3::ERR_DATA_CPL_ON_HIGH_QID0_MASK);
            };
            if !list.has(len, &settings.buffer_sizes, dma) {
                counters.ingress_no_buffer += 1;
                return Err(Stalled::NoBuffer);
            }
            let mut posting = dma.begin(Writer::Ingress(iq));
            list.fill(pad, head, message.payload, &mut posting);
            queue.write(message, Some(len as u32), self.timestamp, posting);
            counters.freelist_bytes += len as u64;
        }
        counters.ingress_entries += 1;
        if queue.status_due {
            self.status_due.push(iq);
        }
        Ok(())
    }

    fn lose(&mut self, cause: u32) -> Result<(), Stalled> {
        self.counters.ingress_too_long += 1;
        self.raise(cause);
        Ok(())
    }

    /// Sets what happens when ingress queue `iq` is nearly full; `false` if it is not there.
    pub fn set_congestion(&mut self, iq: IqId, congestion: ConmCtxt) -> bool {
        let Some(Some(queue)) = self.iqs.get_mut(iq.index()) else { return false };
        queue.congestion = congestion;
        if !self.feeding_back.contains(&iq) {
            self.feeding_back.push(iq);
        }
        true
    }

    /// Whether `frames` of up to `len` bytes that come in by `channel` had better wait: a queue that feeds back what
    /// that channel brings might have no room for them.
    pub fn is_pausing(&mut self, channel: u8, frames: (u32, usize)) -> bool {
        let Self { dma, iqs, eqs, settings, feeding_back, .. } = self;
        feeding_back.iter().filter_map(|iq| iqs[iq.index()].as_ref()).any(|queue| {
            let mut is_list_short = || {
                let list = queue.config.freelist.filter(|_| queue.config.list_counts);
                let list = list.and_then(|index| eqs.get_mut(index)?.freelist_mut());
                list.is_some_and(|list| list.is_short_of(frames, &settings.buffer_sizes, dma))
            };
            queue.state == IqState::Running
                && queue.may_pause(channel)
                && (queue.is_short_of(frames.0) || is_list_short())
        })
    }

    /// Whether queue `iq` has so many answers waiting that what causes them shall pause.
    #[must_use]
    pub fn is_congested(&self, iq: Option<IqId>) -> bool {
        match iq.and_then(|iq| self.iqs.get(iq.index())) {
            Some(Some(queue)) => queue.backlog.len() >= BACKLOG_PAUSE,
            _ => false,
        }
    }

    // --- Work requests --------------------------------------------------------------------------

    /// The next egress queue from `from` on that may have work.
    #[must_use]
    pub fn next_runnable(&self, from: usize) -> Option<usize> {
        let mut word = from / 64;
        let mut bits = self.runnable.get(word)? & (u64::MAX << (from % 64));
        while bits == 0 {
            word += 1;
            bits = *self.runnable.get(word)?;
        }
        Some(word * 64 + bits.trailing_zeros() as usize)
    }

    fn set_runnable(&mut self, index: usize, runnable: bool) {
        if let Some(word) = self.runnable.get_mut(index / 64) {
            *word = (*word & !(1 << (index % 64))) | (u64::from(runnable) << (index % 64));
        }
    }

    /// Finds the next work request of egress queue `index`, of which `ahead` has what was read before; it stays in the
    /// ring until [`Sge::consume`].
    pub fn fetch(&mut self, index: usize, ahead: &mut Ahead) -> Fetched {
        let Self { dma, eqs, counters, .. } = self;
        let Some(eq) = eqs.get_mut(index).and_then(Slot::queue_mut) else {
            return Fetched::Nothing;
        };
        let pending = eq.ring.pending();
        if pending == 0 {
            self.set_runnable(index, false);
            return Fetched::Nothing;
        }
        if ahead.left() == 0 && !ahead.read(eq, pending, dma) {
            counters.ring_faults += u64::from(pending);
            return Fetched::Malformed { units: pending };
        }
        // LEN16 of every work request header [fw_wr_hdr].
        let len = usize::from(ahead.work_request(8)[7]) * 16;
        if len == 0 || len > WR_MAX {
            counters.work_requests_bad_length += 1;
            return Fetched::Malformed { units: 1 };
        }
        let units = len.div_ceil(UNIT) as u32;
        if units > pending {
            self.set_runnable(index, false);
            return Fetched::Nothing;
        }
        if units > ahead.left() && !ahead.read(eq, pending, dma) {
            counters.ring_faults += u64::from(pending);
            return Fetched::Malformed { units: pending };
        }
        Fetched::WorkRequest { len, units }
    }

    /// `units` of egress queue `index` have been taken; its work request asked for `completion`.
    pub fn consume(&mut self, index: usize, units: u32, completion: Completion) {
        if let Some(eq) = self.eqs.get_mut(index).and_then(Slot::queue_mut) {
            eq.consume(units, completion);
            self.counters.work_requests += 1;
        }
    }

    /// Tells the host of what was taken from egress queue `index`, where it wants to know.
    pub fn complete(&mut self, index: usize) {
        let Some(eq) = self.eqs.get_mut(index).and_then(Slot::queue_mut) else { return };
        eq.write_status(&mut self.dma);
        if !eq.update_due {
            return;
        }
        let (status, channel, iq) = (eq.status(), eq.config.channel, eq.config.iq);
        let Some(iq) = iq else {
            eq.update_due = false;
            return;
        };
        let update = SgeEgrUpdate::of(eq.id, status.cidx(), status.pidx());
        if self.post(iq, &Ingress::new(channel, update.as_bytes())).is_ok() {
            self.counters.egress_updates += 1;
            if let Some(eq) = self.eqs.get_mut(index).and_then(Slot::queue_mut) {
                eq.update_due = false;
            }
        } else {
            // A later one will tell of more; the queue comes round again until it could.
            self.set_runnable(index, true);
        }
    }

    /// Writes the status pages of ingress queues that got entries.
    pub fn write_status_pages(&mut self) {
        while let Some(iq) = self.status_due.pop() {
            if let Some(Some(queue)) = self.iqs.get_mut(iq.index()) {
                queue.write_status(&mut self.dma);
            }
        }
    }
}
