//! What arrives on an lcore's ingress queue, taken apart.
//!
//! With RXPKTCPLMODE on, a frame's CPL_RX_PKT is in the queue entry and the frame in the freelist; any
//! other CPL with payload is in the freelist whole, payload behind it; a CPL without payload is in the
//! entry. What breaks these rules is counted and dropped: the entry's credit and the buffers that it
//! used go back to the card all the same.

use mafo_mem::Nanos;
use mafo_t4::cpl::{self, Fw4Msg, FwMsgType, GetTcbRpl, Opcode, PassAcceptReq, RxData, RxPkt};
use mafo_t4::sge::{Entry, PldBuf, RspType, RssHeader};
use mafo_t4::{EqId, IqId, Tid};
use zerocopy::FromBytes;

use super::fl::{FlCounters, Freelist, Payload};
use super::iq::{ENTRY, Iq};

mafo_mem::counters! {
    /// What an ingress queue counted.
    pub struct IngressCounters {
        /// Entries taken.
        entries,
        /// Ethernet frames handed on.
        rx_frames,
        /// Their bytes.
        rx_bytes,
        /// CPLs handed on.
        cpls,
        /// SGE_EGR_UPDATEs taken for the egress queues.
        egr_updates,
        /// Times that credits were returned.
        credit_returns,
        /// Entries of a type that the hardware does not have.
        bad_type,
        /// Forwarded interrupts, which nobody asked for.
        forwarded_interrupts,
        /// Messages that go on in a used buffer, though packing is off.
        bad_newbuf,
        /// Messages longer than the buffers that the card had.
        bad_length,
        /// Messages whose first byte is not the opcode in their header.
        bad_opcode,
        /// Messages shorter than their own layout.
        short_cpl,
        /// Wrapped messages with another wrapped one inside.
        bad_wrapped,
    }
}

/// An Ethernet frame's CPL and header.
#[derive(Clone, Copy, Debug)]
pub struct RxMeta {
    /// How the frame was classified.
    pub rss: RssHeader,
    /// What the parser saw.
    pub pkt: RxPkt,
}

impl RxMeta {
    /// Where the frame came in: 0 to 3 a wire, 4 to 7 the loopback of port `iport - 4`.
    #[must_use]
    pub fn iport(&self) -> u8 {
        self.pkt.flags().iff()
    }

    /// The filter or NON_OFFLOAD connection that the frame hit, if it reports its tid.
    #[must_use]
    pub fn hit(&self) -> Option<Tid> {
        self.rss.hit()
    }

    /// Whether the card verified the checksums of all headers that it knows and found them right.
    #[must_use]
    pub fn checksums_verified(&self) -> bool {
        let flags = self.pkt.flags();
        let parsed = self.pkt.l2info().tcp() || self.pkt.l2info().udp();
        flags.csum_calc() && !flags.ip_frag() && self.pkt.err_vec().0 == 0 && parsed
    }

    /// The tag that the card took off, if it did.
    #[must_use]
    pub fn vlan(&self) -> Option<u16> {
        self.pkt.flags().vlan_ex().then(|| self.pkt.vlan())
    }
}

/// A message of an ingress queue, valid while the handler runs.
#[derive(Clone, Copy, Debug)]
pub enum Ingress<'a> {
    /// A frame that no connection on the card took.
    RxPkt {
        /// Where from, and what about it.
        meta: RxMeta,
        /// From the destination MAC on.
        frame: &'a [u8],
    },
    /// Any other message.
    Cpl {
        /// Its first byte.
        opcode: Opcode,
        /// The 24 bits behind the opcode, whatever they name: a tid, stid or ftid, or a reply queue
        /// and an id.
        tid: Tid,
        /// The message's own layout from its opcode on; at least as long as [`cpl::parse`] needs for
        /// the messages with payload, else what the card wrote.
        bytes: &'a [u8],
        /// What follows the layout: received data, a SYN.
        payload: Payload<'a>,
    },
}

/// An ingress queue with its freelist: one lcore's messages of one adapter.
#[derive(Debug)]
pub struct IngressQueue {
    iq: Iq,
    fl: Freelist,
    /// Bytes that the card puts before a frame [SGE_CONTROL PKTSHIFT].
    pkt_shift: usize,
    /// Where a frame of several buffers is put together.
    jumbo: Box<[u8]>,
    /// Egress queues that the card said to have moved on, for [`IngressQueue::take_egr_update`].
    egr_updates: Vec<EqId>,
    last_active: Nanos,
    counters: IngressCounters,
}

/// Egress queues remembered between two visits; further updates are redundant (the status page tells).
const EGR_UPDATES_MAX: usize = 64;
/// Longest frame put together from several buffers.
const JUMBO_MAX: usize = 16 << 10;

impl IngressQueue {
    pub(crate) fn new(iq: Iq, fl: Freelist, pkt_shift: usize) -> Self {
        Self {
            iq,
            fl,
            pkt_shift,
            jumbo: vec![0; JUMBO_MAX].into_boxed_slice(),
            egr_updates: Vec::with_capacity(EGR_UPDATES_MAX),
            last_active: Nanos::ZERO,
            counters: IngressCounters::new(),
        }
    }

    /// Hands up to `max` messages to `handle`, oldest first; their buffers and credits go back to the
    /// card at the end. Returns how many entries were taken, dropped ones included.
    pub fn burst(&mut self, now: Nanos, max: usize, mut handle: impl FnMut(Ingress<'_>)) -> usize {
        let mut taken = 0;
        while taken < max
            && let Some(entry) = self.iq.peek()
        {
            self.take(&entry, &mut handle);
            self.iq.consume();
            taken += 1;
        }
        if taken > 0 {
            self.counters.entries += taken as u64;
            self.last_active = now;
            self.fl.refill();
            self.counters.credit_returns += u64::from(self.iq.return_credits());
        }
        taken
    }

    /// Gives all credits back, also those that would wait for a batch.
    pub fn return_all_credits(&mut self) {
        self.counters.credit_returns += u64::from(self.iq.return_all_credits());
    }

    /// The queue's absolute id, which connections and requests name for their answers.
    #[must_use]
    pub fn id(&self) -> IqId {
        self.iq.id()
    }

    /// When a burst last found a message.
    #[must_use]
    pub fn last_active(&self) -> Nanos {
        self.last_active
    }

    /// What was counted.
    #[must_use]
    pub fn counters(&self) -> IngressCounters {
        self.counters
    }

    /// What the freelist counted.
    #[must_use]
    pub fn freelist_counters(&self) -> FlCounters {
        self.fl.counters()
    }

    /// Receive buffers that are neither with the card nor spare; not 0 is a bug.
    #[must_use]
    pub fn missing_buffers(&self) -> usize {
        self.fl.missing()
    }

    /// An egress queue whose SGE_EGR_UPDATE has come.
    pub(crate) fn take_egr_update(&mut self) -> Option<EqId> {
        self.egr_updates.pop()
    }

    #[inline(always)]
    fn take(&mut self, entry: &[u8; ENTRY], handle: &mut impl FnMut(Ingress<'_>)) {
        let Some(Entry { rss: Some(rss), cpl, ctrl }) = Entry::parse(entry) else {
            unreachable!("ingress entries have 64 bytes")
        };
        match ctrl.last_flit().rsp_type() {
            RspType::CPL => self.complete(rss, cpl, handle),
            RspType::FLBUF => self.buffered(rss, cpl, ctrl.pldbuflen_qid(), handle),
            RspType::INTR => self.counters.forwarded_interrupts += 1,
            _ => self.counters.bad_type += 1,
        }
    }

    /// A message that is complete in its entry.
    fn complete(&mut self, rss: &RssHeader, cpl: &[u8], handle: &mut impl FnMut(Ingress<'_>)) {
        if let Some(wrapped) = cpl::parse::<Fw4Msg>(cpl)
            && wrapped.kind() == FwMsgType::RSSCPL
        {
            let Ok((rss, inner)) = RssHeader::ref_from_prefix(wrapped.data_ref()) else {
                unreachable!("16 bytes hold an RSS header")
            };
            let again = matches!(cpl::opcode(inner), Some(Opcode::FW4_MSG | Opcode::FW6_MSG));
            if again {
                self.counters.bad_wrapped += 1;
            } else {
                self.deliver(rss, inner, handle);
            }
            return;
        }
        self.deliver(rss, cpl, handle);
    }

    fn deliver(&mut self, rss: &RssHeader, bytes: &[u8], handle: &mut impl FnMut(Ingress<'_>)) {
        let opcode = rss.op();
        if cpl::opcode(bytes) != Some(opcode) {
            self.counters.bad_opcode += 1;
            return;
        }
        if let Some(update) = cpl::parse::<cpl::SgeEgrUpdate>(bytes) {
            self.counters.egr_updates += 1;
            let eq = update.eq_id();
            if self.egr_updates.len() < EGR_UPDATES_MAX && !self.egr_updates.contains(&eq) {
                self.egr_updates.push(eq);
            }
            return;
        }
        let layout = header_len(opcode).unwrap_or(bytes.len());
        let Some(bytes) = bytes.get(..layout).filter(|_| opcode != Opcode::RX_PKT) else {
            // A TCB does not fit into an entry, and a frame without bytes is none.
            self.counters.short_cpl += 1;
            return;
        };
        self.counters.cpls += 1;
        handle(Ingress::Cpl { opcode, tid: tid_of(bytes), bytes, payload: Payload::EMPTY });
    }

    /// A message in the freelist.
    #[inline(always)]
    fn buffered(
        &mut self,
        rss: &RssHeader,
        cpl: &[u8],
        buf: PldBuf,
        handle: &mut impl FnMut(Ingress<'_>),
    ) {
        if !buf.newbuf() {
            self.counters.bad_newbuf += 1;
            return;
        }
        let len = buf.bytes() as usize;
        let Some(message) = self.fl.message(len) else {
            self.counters.bad_length += 1;
            return;
        };
        let counters = &mut self.counters;
        if rss.op() == Opcode::RX_PKT {
            frame(counters, rss, cpl, message, (self.pkt_shift, &mut self.jumbo), handle);
        } else {
            buffered_cpl(counters, rss.op(), message, handle);
        }
        self.fl.consume(len);
    }
}

/// A frame in `message`, behind `shift` bytes of padding.
#[inline(always)]
fn frame(
    counters: &mut IngressCounters,
    rss: &RssHeader,
    cpl: &[u8],
    message: Payload<'_>,
    (shift, jumbo): (usize, &mut [u8]),
    handle: &mut impl FnMut(Ingress<'_>),
) {
    let Some(pkt) = cpl::parse::<RxPkt>(cpl) else {
        counters.bad_opcode += 1;
        return;
    };
    if message.len() <= shift || message.len() - shift > jumbo.len() {
        counters.bad_length += 1;
        return;
    }
    let first = message.first();
    let frame = if first.len() == message.len() {
        &first[shift..]
    } else {
        let message = message.skip(shift);
        message.copy_to(jumbo);
        &jumbo[..message.len()]
    };
    counters.rx_frames += 1;
    counters.rx_bytes += frame.len() as u64;
    handle(Ingress::RxPkt { meta: RxMeta { rss: *rss, pkt: *pkt }, frame });
}

/// A CPL in `message`, its payload behind it.
fn buffered_cpl(
    counters: &mut IngressCounters,
    opcode: Opcode,
    message: Payload<'_>,
    handle: &mut impl FnMut(Ingress<'_>),
) {
    let first = message.first();
    if cpl::opcode(first) != Some(opcode) {
        counters.bad_opcode += 1;
        return;
    }
    let layout = header_len(opcode).unwrap_or(first.len());
    let Some(bytes) = first.get(..layout).filter(|bytes| bytes.len() >= 4) else {
        counters.short_cpl += 1;
        return;
    };
    counters.cpls += 1;
    handle(Ingress::Cpl { opcode, tid: tid_of(bytes), bytes, payload: message.skip(layout) });
}

/// Bytes of the layout of a message that comes in the freelist; `None` of others.
const fn header_len(opcode: Opcode) -> Option<usize> {
    match opcode {
        Opcode::RX_PKT => Some(RxPkt::SIZE),
        Opcode::RX_DATA => Some(RxData::SIZE),
        Opcode::PASS_ACCEPT_REQ => Some(PassAcceptReq::SIZE),
        Opcode::GET_TCB_RPL => Some(size_of::<GetTcbRpl>()),
        _ => None,
    }
}

/// The 24 bits behind the opcode.
fn tid_of(bytes: &[u8]) -> Tid {
    match *bytes {
        [_, a, b, c, ..] => Tid(u32::from_be_bytes([0, a, b, c])),
        _ => Tid(0),
    }
}

#[cfg(test)]
mod tests;
