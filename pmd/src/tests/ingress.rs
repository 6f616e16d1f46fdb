//! A card that fills an ingress queue and its freelist.

use std::sync::Arc;

use mafo_t4::cpl::{Opcode, RxPkt, RxPktFlags};
use mafo_t4::sge::{Entry, FlPointer, LastFlit, PldBuf, RspCtrl, RspType, RssHeader};
use mafo_t4::{HostMemory, Iova, IqId};

use crate::eal::dma::Domain;
use crate::sge::ENTRY;

/// Where the rings are, and the card's place in them.
pub(crate) struct IngressCard {
    pub(crate) domain: Arc<Domain>,
    /// The queue's first entry.
    pub(crate) ring: Iova,
    /// Its entries, one of them for status.
    pub(crate) entries: u16,
    /// The freelist's first pointer.
    pub(crate) list: Iova,
    /// Its pointers.
    pub(crate) pointers: u16,
    /// Bytes of a buffer.
    pub(crate) buffer_len: usize,
    at: u16,
    generation: bool,
    /// The next pointer to use.
    next: u16,
}

impl IngressCard {
    pub(crate) fn new(
        domain: Arc<Domain>,
        (ring, entries): (Iova, u16),
        (list, pointers): (Iova, u16),
        buffer_len: usize,
    ) -> Self {
        let (at, generation, next) = (0, true, 0);
        Self { domain, ring, entries, list, pointers, buffer_len, at, generation, next }
    }

    pub(crate) fn entry(&mut self, rss: &RssHeader, cpl: &[u8], kind: RspType, buf: PldBuf) {
        let last = LastFlit(0).with_gen_bit(self.generation).with_rsp_type(kind);
        let ctrl = RspCtrl::default().with_pldbuflen_qid(buf).with_last_flit(last);
        let mut bytes = [0; ENTRY];
        assert!(Entry::write(&mut bytes, rss, cpl, &ctrl));
        self.raw(&bytes);
    }

    /// Writes an entry of any bytes but for its generation bit, which is that of the lap.
    pub(crate) fn raw(&mut self, bytes: &[u8; ENTRY]) {
        let at = self.ring.add(usize::from(self.at) * ENTRY);
        self.domain.write(at, &bytes[..ENTRY - 8]).expect("mapped");
        let last = u64::from_be_bytes(*bytes.last_chunk().expect("64 bytes"));
        let last = LastFlit(last).with_gen_bit(self.generation).to_memory();
        self.domain.store_release_u64(at.add(ENTRY - 8), last).expect("mapped");
        self.at += 1;
        if self.at == self.entries - 1 {
            self.at = 0;
            self.generation = !self.generation;
        }
    }

    /// A CPL complete in its entry.
    pub(crate) fn cpl(&mut self, cpl: &[u8]) {
        let rss = RssHeader::new(Opcode(cpl[0]), IqId(0));
        self.entry(&rss, cpl, RspType::CPL, PldBuf(0));
    }

    /// The buffer in slot `slot` of the freelist; zero before the driver has posted one.
    pub(crate) fn buffer(&self, slot: u16) -> Iova {
        let mut pointer = [0; 8];
        let at = self.list.add(usize::from(slot) * 8);
        self.domain.read(at, &mut pointer).expect("mapped");
        FlPointer::from_bytes(pointer).iova()
    }

    /// Fills as many buffers as `bytes` need.
    pub(crate) fn fill(&mut self, bytes: &[u8]) -> PldBuf {
        for part in bytes.chunks(self.buffer_len) {
            self.domain.write(self.buffer(self.next), part).expect("mapped");
            self.next = (self.next + 1) % self.pointers;
        }
        PldBuf(0).with_newbuf(true).with_bytes(bytes.len() as u32)
    }

    /// A message in the freelist.
    pub(crate) fn buffered(&mut self, bytes: &[u8]) {
        let buf = self.fill(bytes);
        self.entry(&RssHeader::new(Opcode(bytes[0]), IqId(0)), &[], RspType::FLBUF, buf);
    }

    /// A frame, behind two bytes of padding.
    pub(crate) fn frame(&mut self, rss: &RssHeader, iport: u8, frame: &[u8]) {
        let pkt = RxPkt::new().with_flags(RxPktFlags(0).with_iff(iport));
        let buf = self.fill(&[&[0xee, 0xee], frame].concat());
        self.entry(rss, pkt.as_bytes(), RspType::FLBUF, buf);
    }
}
