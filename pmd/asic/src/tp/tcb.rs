//! The record of a connection, and the table of all.

use super::rx_store::RxStore;
use super::tx_store::TxStore;
use crate::le::Key;
use mafo_t4::cpl::{OpcodeTid, Status};
use mafo_t4::tcb::Tcb as Image;
use mafo_t4::{IqId, L2tIdx, SmtIdx, Stid, Tid};
use mafo_tcp::{Connection, Segment};

/// How a connection's open is told to the host.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Opening {
    /// ACT_ESTABLISH or ACT_OPEN_RPL, to the queue and with the handle of the request.
    Active(OpcodeTid),
    /// PASS_ESTABLISH, or ABORT_REQ_RSS.
    Passive(Stid),
    /// It was.
    Done,
}

/// A connection that TP speaks for.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) conn: Connection,
    pub(crate) opening: Opening,
    /// An ESTABLISH message waits for its queue: until it is posted no segment may leave.
    pub(crate) gated: bool,
    /// CLOSE_CON_REQ has come.
    pub(crate) closed: bool,
    /// PEER_CLOSE waits for its queue.
    pub(crate) fin_owed: bool,
    /// Sequence number of the next payload byte that the host gets.
    pub(crate) delivered: u32,
}

impl Live {
    pub(crate) const fn new(conn: Connection, opening: Opening) -> Self {
        Self { conn, opening, gated: false, closed: false, fin_owed: false, delivered: 0 }
    }
}

/// What a TCB is.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "most are Live; a box would cost a cache miss a segment"
)]
pub(crate) enum Phase {
    /// A SYN that the host has been asked about.
    Asked(Stid, Segment),
    /// An image: TP leaves its frames to the host.
    NonOffload,
    /// A connection of TP's.
    Live(Live),
    /// ABORT_REQ_RSS has been told; the host's ABORT_RPL is awaited.
    PeerAborted,
    /// Only TID_RELEASE is awaited.
    Over,
}

/// A run of in-order payload of the burst that is being processed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    pub(crate) source: Source,
    pub(crate) len: u32,
    /// The next piece of the same connection.
    pub(crate) next: Option<u32>,
}

/// Where it lies.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    /// In frame `index` of the burst, from byte `at` on.
    Frame {
        /// Which frame.
        index: u32,
        /// Which byte of it.
        at: u32,
    },
    /// In the connection's receive store, where its sequence number says.
    Store,
}

/// What happened to a connection and has not been told the host yet.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Due {
    pub(crate) established: bool,
    pub(crate) peer_fin: bool,
    pub(crate) fin_acked: bool,
    pub(crate) closed: bool,
    /// The peer leaves unanswered what is sent again and again.
    pub(crate) advice: Option<Status>,
    pub(crate) psh: bool,
    /// Payload bytes acknowledged by the peer.
    pub(crate) acked: u32,
    /// First and last piece of the burst.
    pub(crate) pieces: Option<(u32, u32)>,
    /// Bytes in those pieces.
    pub(crate) piece_bytes: u32,
}

/// Where a connection's messages and segments go; the fields of the image that every segment needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) iq: IqId,
    pub(crate) l2t: L2tIdx,
    pub(crate) smac: SmtIdx,
    /// The IP header's byte.
    pub(crate) tos: u8,
}

impl Route {
    pub(crate) fn of(image: &Image) -> Self {
        use mafo_t4::tcb::field;
        let tos = (image.get(field::TOS) as u8) << 2;
        Self { iq: image.iq_id(), l2t: image.l2t_idx(), smac: image.smt_idx(), tos }
    }
}

/// A TCB.
#[derive(Debug)]
pub(crate) struct Tcb {
    pub(crate) tid: Tid,
    /// Tells this owner of the TID from the earlier ones.
    pub(crate) epoch: u32,
    pub(crate) phase: Phase,
    /// Who it is.
    pub(crate) key: Key,
    /// Whether the lookup engine knows it.
    pub(crate) looked_up: bool,
    pub(crate) route: Route,
    /// All of an image; of a live connection what is not the engine's.
    pub(crate) image: Image,
    /// Payload posted and not acknowledged.
    pub(crate) tx: TxStore,
    /// Payload received and not delivered, where it does not lie in a frame of the burst.
    pub(crate) rx: RxStore,
    /// In-order bytes in `rx`.
    pub(crate) backlog: u32,
    pub(crate) due: Due,
    /// Its host does not want the commit rule kept for it.
    pub(crate) is_relaxed: bool,
    /// In the list of the burst's connections.
    pub(crate) touched: bool,
    /// In the queue of those that may have output.
    pub(crate) ready: bool,
}

impl Tcb {
    /// In-order bytes that the host has not been told of.
    pub(crate) fn untold(&self) -> u32 {
        self.backlog + self.due.piece_bytes
    }

    /// After a change of the image.
    pub(crate) fn reroute(&mut self) {
        self.route = Route::of(&self.image);
    }
}

/// TCBs by TID. The records lie densely and the last one freed is used first, so that few connections on a
/// card of many TIDs touch little memory.
#[derive(Debug)]
pub(crate) struct TcbTable {
    base: u32,
    /// By TID: index of the record plus one, 0 for none.
    slots: Vec<u32>,
    records: Vec<Tcb>,
    /// Records without TID.
    free: Vec<u32>,
    epochs: u32,
}

impl TcbTable {
    pub(crate) fn new(base: u32, tids: u32) -> Self {
        Self {
            base,
            slots: vec![0; tids as usize],
            // As many as there may be: what nobody uses is no page of anybody's.
            records: Vec::with_capacity(tids as usize),
            free: Vec::new(),
            epochs: 0,
        }
    }

    fn slot(&self, tid: Tid) -> Option<usize> {
        tid.0
            .checked_sub(self.base)
            .map(|index| index as usize)
            .filter(|index| *index < self.slots.len())
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, tid: Tid) -> Option<&mut Tcb> {
        let record = self.slots[self.slot(tid)?].checked_sub(1)?;
        self.records.get_mut(record as usize)
    }

    #[inline]
    pub(crate) fn get(&self, tid: Tid) -> Option<&Tcb> {
        let record = self.slots[self.slot(tid)?].checked_sub(1)?;
        self.records.get(record as usize)
    }

    /// Whether `tid` is the connection of `key`.
    #[inline]
    pub(crate) fn is(&self, tid: Tid, key: &Key) -> bool {
        self.get(tid).is_some_and(|tcb| tcb.key == *key)
    }

    /// Bytes of the table and of its records, but for payload.
    pub(crate) fn footprint(&self) -> usize {
        size_of_val(&*self.slots) + size_of_val(&*self.records)
    }

    /// TCBs in use.
    pub(crate) fn len(&self) -> usize {
        self.records.len() - self.free.len()
    }

    /// All TCBs in use, in no order that means anything.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Tcb> {
        self.records.iter().filter(|tcb| {
            let slot = self.slot(tcb.tid).map(|slot| self.slots[slot]);
            slot.and_then(|slot| self.records.get(slot.checked_sub(1)? as usize))
                .is_some_and(|current| core::ptr::eq(current, *tcb))
        })
    }

    /// A new TCB for a TID that is not in use.
    pub(crate) fn insert(&mut self, tid: Tid, key: Key, image: Image, phase: Phase) -> &mut Tcb {
        let slot = self.slot(tid);
        assert!(
            slot.is_some_and(|slot| self.slots[slot] == 0),
            "{tid:?} is in use or out of range"
        );
        // 0 is nobody's.
        self.epochs = self.epochs.wrapping_add(1).max(1);
        let epoch = self.epochs;
        let route = Route::of(&image);
        let record = match self.free.pop() {
            Some(record) => {
                let tcb = &mut self.records[record as usize];
                debug_assert!(
                    tcb.tx.len() == 0 && tcb.rx.is_empty(),
                    "{tid:?} takes a record that holds payload"
                );
                (tcb.tid, tcb.epoch, tcb.phase, tcb.key, tcb.looked_up) =
                    (tid, epoch, phase, key, false);
                (tcb.route, tcb.image, tcb.due, tcb.backlog) = (route, image, Due::default(), 0);
                (tcb.touched, tcb.ready) = (false, false);
                record
            }
            None => {
                self.records.push(Tcb {
                    tid,
                    epoch,
                    phase,
                    key,
                    looked_up: false,
                    route,
                    image,
                    tx: TxStore::default(),
                    rx: RxStore::default(),
                    backlog: 0,
                    due: Due::default(),
                    is_relaxed: false,
                    touched: false,
                    ready: false,
                });
                (self.records.len() - 1) as u32
            }
        };
        if let Some(slot) = slot {
            self.slots[slot] = record + 1;
        }
        &mut self.records[record as usize]
    }

    /// Frees the TCB; its stores must be empty.
    pub(crate) fn remove(&mut self, tid: Tid) {
        let Some(slot) = self.slot(tid) else { return };
        let Some(record) = core::mem::take(&mut self.slots[slot]).checked_sub(1) else { return };
        self.records[record as usize].phase = Phase::Over;
        self.free.push(record);
    }
}
