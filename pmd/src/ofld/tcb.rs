//! Reading and writing the card's state of a connection.

use mafo_mem::Full;
use mafo_t4::cpl::{GetTcb, ReplyCtrl, SetTcbField};
use mafo_t4::wr::{UlptxWriter, len16};
use mafo_t4::{IqId, Tid};

use super::{Answer, Refused, Then, TxCreditPool, control, offload, offload_cpl};
use crate::sge::Eq;

/// Bytes of the header of a ULPTX work request.
const ULPTX_HEADER: usize = size_of::<mafo_t4::wr::FwUlptxWr>();

/// By which queue a message about a connection goes. Messages of one tid on one queue keep their order;
/// on different queues they do not.
#[derive(Debug)]
pub enum Via<'a> {
    /// The control queue: ahead of payload, free of charge.
    Control(&'a mut Eq),
    /// The connection's offload queue: behind what was posted before, for credits. Whether more of the
    /// connection follows decides whether an answer is asked for.
    Offload(&'a mut Eq, &'a mut TxCreditPool, Then),
}

/// Asks for the TCB: GET_TCB_RPL on queue `reply_to`, which repeats `cookie`.
pub fn get_tcb(ctrl: &mut Eq, tid: Tid, reply_to: IqId, cookie: u8) -> Result<(), Full> {
    let request =
        GetTcb::new(tid).with_reply_ctrl(ReplyCtrl::to(reply_to)).with_cookie(u16::from(cookie));
    control(ctrl, tid, &request)
}

/// Writes 64 bits of the TCB under a mask; SET_TCB_RPL unless the request is silent. A mask of zero
/// only reads.
pub fn set_tcb_field(via: Via<'_>, field: &SetTcbField) -> Result<(), Refused> {
    let tid = field.tid();
    match via {
        Via::Control(eq) => Ok(control(eq, tid, field)?),
        Via::Offload(eq, pool, then) => offload_cpl(eq, pool, tid, Answer::Ack(then), field),
    }
}

/// The last work request of a connection that is over: a read of nothing, whose SET_TCB_RPL on queue
/// `reply_to` says that all before it has been carried out, and that the tid may be given back by another queue.
pub fn last_word(
    eq: &mut Eq,
    pool: &mut TxCreditPool,
    tid: Tid,
    reply_to: IqId,
) -> Result<(), Refused> {
    let read = SetTcbField::read(tid, 0, reply_to);
    offload_cpl(eq, pool, tid, Answer::OwnCplUrgent, &read)
}

/// Applies `fields` of connection `tid`, 1 to [`UlptxWriter::MAX_SET_TCB_FIELDS`] of them, without
/// anything in between.
pub fn tcb_batch(via: Via<'_>, tid: Tid, fields: &[SetTcbField]) -> Result<(), Refused> {
    let fits = (1..=UlptxWriter::MAX_SET_TCB_FIELDS).contains(&fields.len());
    assert!(fits, "{tid:?}: {} TCB fields in one work request", fields.len());
    let bytes = ULPTX_HEADER + fields.len() * UlptxWriter::bytes_of::<SetTcbField>();
    let write = |buf: &mut [u8], answer: bool| {
        let mut wr = UlptxWriter::new(buf, tid)?.atomic();
        if answer {
            wr = wr.compl();
        }
        for field in fields {
            wr.push(field).ok()?;
        }
        Some(wr.finish())
    };
    match via {
        Via::Control(eq) => {
            let mut slot = eq.reserve(len16(bytes) as u8).ok_or(Refused::RingFull)?;
            slot.put_with(|buf| write(buf, false));
            slot.post();
            Ok(())
        }
        Via::Offload(eq, pool, then) => offload(eq, pool, len16(bytes), Answer::Ack(then), write),
    }
}
