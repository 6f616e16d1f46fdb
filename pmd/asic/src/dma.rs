//! The card's way into host memory: reads at once, writes as messages that may be under way for a
//! while, faults counted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mafo_t4::{DmaFault, EqId, HostMemory, Iova, IqId};

use crate::delay::{Late, Lateness};
use crate::fault::Fuse;

/// Whose messages keep their order among each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Writer {
    /// Entries and buffers of an ingress queue.
    Ingress(IqId),
    /// Status page of an egress queue.
    Egress(EqId),
}

/// A message under way: its parts, then the word that hands it over.
#[derive(Debug)]
struct Message {
    number: u64,
    parts: Vec<(Iova, Vec<u8>)>,
    last: (Iova, u64),
}

/// Host memory behind PCIe.
#[derive(Debug)]
pub struct Dma<M> {
    mem: M,
    lateness: Lateness,
    late: BTreeMap<Writer, Late<Message>>,
    /// Numbers of the messages in `late`.
    under_way: BTreeSet<u64>,
    /// Messages made so far; the next one's number.
    made: u64,
    faults: u64,
    fuse: Arc<Fuse>,
}

impl<M: HostMemory> Dma<M> {
    /// Access to `mem`; writes are late by what `lateness` draws, and the card may die by `fuse` before any of them.
    pub fn new(mem: M, lateness: Lateness, fuse: Arc<Fuse>) -> Self {
        Self {
            mem,
            lateness,
            late: BTreeMap::new(),
            under_way: BTreeSet::new(),
            made: 0,
            faults: 0,
            fuse,
        }
    }

    /// Host memory itself, for whoever counts its faults.
    #[must_use]
    pub fn mem(&self) -> &M {
        &self.mem
    }

    /// Copies host memory into `dst`; a fault is counted here.
    #[inline]
    pub fn read(&mut self, iova: Iova, dst: &mut [u8]) -> Result<(), DmaFault> {
        self.mem.read(iova, dst).inspect_err(|_| self.faults += 1)
    }

    /// Begins a message of `writer`: any number of parts, then the word that hands it over.
    #[inline(always)]
    pub fn begin(&mut self, writer: Writer) -> Posting<'_, M> {
        let parts = if self.lateness.is_off() { None } else { Some(Vec::new()) };
        Posting { dma: self, writer, parts }
    }

    /// A new poll: messages whose time has come land.
    pub fn advance(&mut self) {
        self.lateness.advance();
        if self.late.is_empty() {
            return;
        }
        let poll = self.lateness.poll();
        let mut late = core::mem::take(&mut self.late);
        late.retain(|_, queue| {
            while let Some(message) = queue.pop_due(poll) {
                self.land(message);
            }
            !queue.is_empty()
        });
        self.late = late;
    }

    /// All messages land now, as posted writes do before a reset is acknowledged.
    pub fn flush(&mut self) {
        for (_, mut queue) in core::mem::take(&mut self.late) {
            while let Some(message) = queue.pop() {
                self.land(message);
            }
        }
    }

    /// Messages of `writer` that are under way land now: its queue goes away.
    pub fn flush_writer(&mut self, writer: Writer) {
        if let Some(mut queue) = self.late.remove(&writer) {
            while let Some(message) = queue.pop() {
                self.land(message);
            }
        }
    }

    /// Messages made so far. What must not be seen before them waits until [`Dma::landed`] has
    /// reached this.
    #[must_use]
    pub fn made(&self) -> u64 {
        self.made
    }

    /// All messages with a number below this have landed.
    #[must_use]
    pub fn landed(&self) -> u64 {
        self.under_way.first().copied().unwrap_or(self.made)
    }

    /// Accesses that hit no mapped memory.
    #[must_use]
    pub fn faults(&self) -> u64 {
        self.faults
    }

    /// What draws the lateness of other things than DMA.
    pub fn lateness(&mut self) -> &mut Lateness {
        &mut self.lateness
    }

    fn land(&mut self, message: Message) {
        for (iova, bytes) in &message.parts {
            self.store(*iova, bytes);
        }
        self.store_release(message.last.0, message.last.1);
        self.under_way.remove(&message.number);
    }

    #[inline(always)]
    fn store(&mut self, iova: Iova, bytes: &[u8]) {
        if self.fuse.allows() && self.mem.write(iova, bytes).is_err() {
            self.faults += 1;
        }
    }

    #[inline(always)]
    fn store_release(&mut self, iova: Iova, value: u64) {
        if self.fuse.allows() && self.mem.store_release_u64(iova, value).is_err() {
            self.faults += 1;
        }
    }
}

/// A message that is being made.
#[derive(Debug)]
pub struct Posting<'a, M> {
    dma: &'a mut Dma<M>,
    writer: Writer,
    /// Parts kept for later; `None` when they are written at once.
    parts: Option<Vec<(Iova, Vec<u8>)>>,
}

impl<M: HostMemory> Posting<'_, M> {
    /// Adds a part.
    #[inline(always)]
    pub fn write(&mut self, iova: Iova, bytes: &[u8]) {
        match &mut self.parts {
            Some(parts) => parts.push((iova, bytes.to_vec())),
            None => self.dma.store(iova, bytes),
        }
    }

    /// Ends the message with the word (as it lies in memory) that hands it over.
    #[inline(always)]
    pub fn hand_over(self, iova: Iova, word: [u8; 8]) {
        let word = u64::from_ne_bytes(word);
        let Self { dma, writer, parts } = self;
        let number = dma.made;
        dma.made += 1;
        match parts {
            None => dma.store_release(iova, word),
            Some(parts) => {
                let due = dma.lateness.draw();
                let message = Message { number, parts, last: (iova, word) };
                dma.under_way.insert(number);
                dma.late.entry(writer).or_default().push(due, message);
            }
        }
    }
}
