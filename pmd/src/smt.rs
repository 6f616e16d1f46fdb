//! The source MAC table: whom connections send as. On T4 and T5 a row has two addresses and belongs to a
//! virtual interface: index 2 × VIN is the interface's own.

use mafo_mem::Full;
use mafo_t4::cpl::{PfVf, SmtParams, SmtWriteReq, SmtWriteRpl, Status};
use mafo_t4::{IqId, SmtIdx, Tid};

use crate::ofld;
use crate::sge::Eq;

/// Rows of the table.
const ROWS: usize = 128;
/// In the id of a request: an answer is wanted by the driver itself.
const SYNC: u32 = 1 << 12;

mafo_mem::counters! {
    /// What the source MAC table counted.
    pub struct SmtCounters {
        /// Rows written.
        writes,
        /// Writes that the card refused.
        refused,
        /// Answers to nothing.
        unexpected_replies,
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Row {
    macs: [[u8; 6]; 2],
    pending: u32,
}

/// The source MAC table, as the driver knows it: a write is of a row, so both addresses must be known.
#[derive(Debug)]
pub struct Smt {
    pf: u8,
    rows: Box<[Row]>,
    counters: SmtCounters,
}

/// An answer to a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SmtWritten {
    /// The first index of the row.
    pub index: SmtIdx,
    /// Whether the card took it.
    pub status: Status,
    /// Whether it was the last answer to come.
    pub settled: bool,
}

impl Smt {
    /// The table of a card whose function `pf` we are, with the addresses that the firmware wrote.
    #[must_use]
    pub fn new(pf: u8, known: impl IntoIterator<Item = (SmtIdx, [u8; 6])>) -> Self {
        let mut table =
            Self { pf, rows: vec![Row::default(); ROWS].into(), counters: SmtCounters::new() };
        for (index, mac) in known {
            table.set(index, mac);
        }
        table
    }

    /// Writes the address of `index`: an answer comes to queue `reply_to`, for [`Smt::on_reply`].
    pub fn write(
        &mut self,
        ctrl: &mut Eq,
        reply_to: IqId,
        index: SmtIdx,
        mac: [u8; 6],
    ) -> Result<(), Full> {
        let row = row_of(index);
        let mut macs = self.rows[row].macs;
        macs[half_of(index)] = mac;
        let owner = PfVf(0).with_pf(self.pf.into());
        let request = SmtWriteReq::new(reply_to, row as u32 | SYNC)
            .with_params(SmtParams(0).with_row(row as u32))
            .with_pfvf0(owner)
            .with_src_mac0(macs[0])
            .with_pfvf1(owner)
            .with_src_mac1(macs[1]);
        ofld::control(ctrl, Tid(0), &request)?;
        self.set(index, mac);
        self.rows[row].pending += 1;
        self.counters.writes += 1;
        Ok(())
    }

    /// Takes an answer. `None`, counted, when no write waits for it.
    pub fn on_reply(&mut self, reply: &SmtWriteRpl) -> Option<SmtWritten> {
        let number = (reply.id() ^ SYNC) as usize;
        let Some(row) = self.rows.get_mut(number).filter(|row| row.pending > 0) else {
            self.counters.unexpected_replies += 1;
            return None;
        };
        row.pending -= 1;
        let settled = row.pending == 0;
        let status = reply.status();
        if status != Status::NONE {
            self.counters.refused += 1;
        }
        // Below 128: the index is below 256.
        Some(SmtWritten { index: SmtIdx(2 * number as u8), status, settled })
    }

    /// The address of `index`, as far as it is known.
    #[must_use]
    pub fn get(&self, index: SmtIdx) -> [u8; 6] {
        self.rows[row_of(index)].macs[half_of(index)]
    }

    /// Writes whose answers have not come.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.rows.iter().map(|row| row.pending as usize).sum()
    }

    /// What was counted.
    #[must_use]
    pub fn counters(&self) -> SmtCounters {
        self.counters
    }

    /// Notes an address that the firmware wrote.
    pub fn set(&mut self, index: SmtIdx, mac: [u8; 6]) {
        self.rows[row_of(index)].macs[half_of(index)] = mac;
    }
}

fn row_of(index: SmtIdx) -> usize {
    index.index() / 2
}

fn half_of(index: SmtIdx) -> usize {
    index.index() % 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::queue::{egress, words};

    const IQ: IqId = IqId(0x109);
    const FIRST: [u8; 6] = [0, 7, 0x43, 0, 0, 1];
    const SECOND: [u8; 6] = [2, 0, 0, 0, 0, 2];

    #[test]
    fn a_row_is_written_with_both_addresses() {
        let (mut ctrl, mut card) = egress();
        let mut table = Smt::new(4, [(SmtIdx(6), FIRST)]);
        table.write(&mut ctrl, IQ, SmtIdx(7), SECOND).expect("room");
        // SMT_WRITE_REQ (0x14): queue 23:14, SYNC b12 and row; row 26:20; PF 10:8 and MAC 1, then MAC 0.
        let expected = words(&[
            0x0500_0018,
            3,
            0,
            0,
            0x1442_5003,
            0x0030_0000,
            0x0400_0200,
            0x0000_0002,
            0x0400_0007,
            0x4300_0001,
            0,
            0,
        ]);
        assert_eq!(card.take(), expected);
        assert_eq!((table.get(SmtIdx(6)), table.get(SmtIdx(7))), (FIRST, SECOND));
        assert_eq!(table.pending(), 1);
        let reply = SmtWriteRpl::new(IqId(0), 3 | SYNC);
        let written = SmtWritten { index: SmtIdx(6), status: Status::NONE, settled: true };
        assert_eq!(table.on_reply(&reply), Some(written));
        assert_eq!(table.pending(), 0);
    }

    #[test]
    fn answers_that_a_card_makes_up_are_counted() {
        let (mut ctrl, _) = egress();
        let mut table = Smt::new(4, []);
        table.write(&mut ctrl, IQ, SmtIdx(6), SECOND).expect("room");
        // Row 3 waits, with SYNC (0x1000) and nothing else.
        for id in [0, 3, 0x2003, 0x3003, 0x1083, 0x1002, 0x3fff] {
            assert_eq!(table.on_reply(&SmtWriteRpl::new(IqId(0), id)), None, "{id:#x}");
        }
        assert_eq!((table.counters().unexpected_replies, table.pending()), (7, 1));
    }

    #[test]
    fn a_full_ring_leaves_the_row_as_it_was() {
        let (mut ctrl, _) = egress();
        let mut table = Smt::new(4, [(SmtIdx(2), FIRST)]);
        while table.write(&mut ctrl, IQ, SmtIdx(2), FIRST).is_ok() {}
        let pending = table.pending();
        assert_eq!(table.write(&mut ctrl, IQ, SmtIdx(2), SECOND), Err(Full));
        assert_eq!((table.get(SmtIdx(2)), table.pending()), (FIRST, pending));
    }

    #[test]
    fn a_refused_write_is_told() {
        let (mut ctrl, _) = egress();
        let mut table = Smt::new(4, []);
        for _ in 0..2 {
            table.write(&mut ctrl, IQ, SmtIdx(255), SECOND).expect("room");
        }
        let reply = SmtWriteRpl::new(IqId(0), 127 | SYNC).with_status(Status::TCAM_FULL);
        let told = table.on_reply(&reply).expect("asked for");
        let expected = SmtWritten { index: SmtIdx(254), status: Status::TCAM_FULL, settled: false };
        assert_eq!((told, table.counters().refused), (expected, 1));
    }
}
