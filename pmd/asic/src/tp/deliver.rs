//! In-order payload on its way to the host: RX_DATA.

use super::outbox::{Owed, What};
use super::tcb::{Due, Phase, Source, Tcb};
use super::{Card, Ctx, Message, Stalled};
use mafo_mem::Frame;
use mafo_t4::cpl::{RxData, RxDataFlags};

/// Pieces of one RX_DATA at most.
const PIECES_MAX: usize = 64;

/// Where delivery of a burst's pieces stands.
#[derive(Clone, Copy)]
struct Cursor {
    /// The piece, if any is left.
    piece: Option<u32>,
    /// Bytes of it that are done.
    done: u32,
}

/// Payload of one message.
struct Gathered<'a> {
    slices: [&'a [u8]; PIECES_MAX],
    count: usize,
    bytes: usize,
    max: usize,
}

impl<'a> Gathered<'a> {
    const fn new(max: usize) -> Self {
        Self { slices: [&[]; PIECES_MAX], count: 0, bytes: 0, max }
    }

    fn room(&self) -> usize {
        if self.count == PIECES_MAX { 0 } else { self.max - self.bytes }
    }

    /// Takes as much of `bytes` as there is room for; how much that is.
    fn push(&mut self, bytes: &'a [u8]) -> usize {
        let len = bytes.len().min(self.room());
        if len != 0 {
            self.slices[self.count] = &bytes[..len];
            self.count += 1;
            self.bytes += len;
        }
        len
    }

    fn parts(&self) -> &[&'a [u8]] {
        &self.slices[..self.count]
    }
}

/// Whether the host has not been told of the connection yet, which goes by another queue than its bytes.
fn is_gated(tcb: &Tcb) -> bool {
    matches!(&tcb.phase, Phase::Live(live) if live.gated)
}

impl<C: Card> Ctx<'_, C> {
    /// Posts the burst's payload of a connection. What cannot be posted is copied to the card's memory, where it
    /// waits without being acknowledged.
    pub(super) fn deliver(&mut self, tcb: &mut Tcb, due: &Due, frames: &[Frame]) {
        let Some((first, _)) = due.pieces else { return };
        let mut cursor = Cursor { piece: Some(first), done: 0 };
        let mut left = due.piece_bytes;
        if tcb.backlog == 0 && !is_gated(tcb) && !self.core.outbox.is_blocked(tcb.route.iq) {
            while left != 0 {
                let mut gathered = Gathered::new(self.core.max_rx_data);
                let next = self.gather(tcb, cursor, frames, &mut gathered);
                let bytes = gathered.bytes as u32;
                let psh = due.psh && bytes == left;
                if self.post_rx_data(tcb, gathered.parts(), bytes, psh).is_err() {
                    break;
                }
                self.delivered(tcb, bytes);
                (cursor, left) = (next, left - bytes);
            }
        }
        if left != 0 {
            self.stash(tcb, cursor, left, frames);
        }
    }

    /// Collects pieces from `cursor` on and says where they end.
    fn gather<'a>(
        &self,
        tcb: &'a Tcb,
        mut cursor: Cursor,
        frames: &'a [Frame],
        gathered: &mut Gathered<'a>,
    ) -> Cursor {
        while let Some(index) = cursor.piece {
            let piece = self.core.pieces[index as usize];
            let (done, len) = (cursor.done as usize, (piece.len - cursor.done) as usize);
            let taken = match piece.source {
                Source::Frame { index, at } => {
                    let from = at as usize + done;
                    gathered.push(&frames[index as usize].as_slice()[from..from + len])
                }
                Source::Store => {
                    let offset = gathered.bytes;
                    let wanted = len.min(gathered.room());
                    tcb.rx.slices(offset, wanted).map(|slice| gathered.push(slice)).sum()
                }
            };
            cursor.done += taken as u32;
            if taken < len {
                break;
            }
            cursor = Cursor { piece: piece.next, done: 0 };
        }
        cursor
    }

    fn post_rx_data(
        &mut self,
        tcb: &Tcb,
        payload: &[&[u8]],
        bytes: u32,
        psh: bool,
    ) -> Result<(), Stalled> {
        let Phase::Live(live) = &tcb.phase else { return Ok(()) };
        // At most `max_rx_data`, which fits.
        let message = RxData::new(tcb.tid)
            .with_len(bytes as u16)
            .with_seq(live.delivered)
            .with_flags(RxDataFlags(0).with_psh(psh));
        self.card.post(tcb.route.iq, Message { cpl: message.as_bytes(), payload })?;
        self.core.counters.rx_data += 1;
        self.core.counters.rx_data_bytes += u64::from(bytes);
        Ok(())
    }

    /// The host can see `bytes` more: they may be acknowledged, if they were not already.
    fn delivered(&mut self, tcb: &mut Tcb, bytes: u32) {
        let commits = self.core.commits_to(tcb);
        if let Phase::Live(live) = &mut tcb.phase {
            live.delivered = live.delivered.wrapping_add(bytes);
            if commits {
                live.conn.deliver(bytes);
            }
        }
        tcb.rx.advance(&mut self.core.rx_pool, bytes as usize);
    }

    /// Copies what is left of a burst's payload to the card's memory.
    fn stash(&mut self, tcb: &mut Tcb, mut cursor: Cursor, left: u32, frames: &[Frame]) {
        self.core.counters.rx_stalled_bytes += u64::from(left);
        let mut offset = tcb.backlog as usize;
        while let Some(index) = cursor.piece {
            let piece = self.core.pieces[index as usize];
            if let Source::Frame { index, at } = piece.source {
                let bytes = &frames[index as usize].as_slice()
                    [(at + cursor.done) as usize..(at + piece.len) as usize];
                let stored = tcb.rx.write(&mut self.core.rx_pool, offset, bytes);
                assert!(stored.is_ok(), "{:?}: no page for bytes that were reserved", tcb.tid);
            }
            offset += (piece.len - cursor.done) as usize;
            cursor = Cursor { piece: piece.next, done: 0 };
        }
        if tcb.backlog == 0 {
            let owed = Owed { tid: tcb.tid, epoch: tcb.epoch, what: What::Bytes };
            if self.core.outbox.push(tcb.route.iq, owed).is_err() {
                self.core.counters.cpl_out_dropped += 1;
            }
        }
        tcb.backlog += left;
    }

    /// Posts what waits in the card's memory; [`Stalled`] if not all of it went.
    pub(super) fn deliver_backlog(&mut self, tcb: &mut Tcb) -> Result<(), Stalled> {
        if is_gated(tcb) {
            return Err(Stalled);
        }
        while tcb.backlog != 0 && matches!(tcb.phase, Phase::Live(_)) {
            let mut gathered = Gathered::new(self.core.max_rx_data.min(tcb.backlog as usize));
            for slice in tcb.rx.slices(0, gathered.max) {
                if gathered.push(slice) < slice.len() {
                    break;
                }
            }
            let bytes = gathered.bytes as u32;
            self.post_rx_data(tcb, gathered.parts(), bytes, false)?;
            tcb.backlog -= bytes;
            self.delivered(tcb, bytes);
            self.touch_up(tcb);
        }
        Ok(())
    }
}
