//! Offload: the messages by which the host opens, feeds, moves and ends connections on the card.
//!
//! Each function builds one work request and posts it; [`Eq::ring`] tells the card of a batch. Messages
//! about tables and opens go through the control queue and cost nothing; work requests of a connection
//! go through an offload queue and cost transmit credits, whose order is the connection's order.
//!
//! | control queue | offload queue |
//! |---|---|
//! | [`act_open`], [`pass_open`], [`close_listsrv`], [`pass_accept_rpl`], [`rx_data_ack`], [`get_tcb`], [`tid_release`] | [`flowc`], [`tx_data`], [`close_con`], [`abort_req`], [`abort_rpl`] |
//! | [`set_tcb_field`], [`tcb_batch`] with [`Via::Control`] | the same with [`Via::Offload`], [`last_word`] |

mod connection;
mod credits;
mod open;
mod tcb;
#[cfg(test)]
mod tests;

pub use connection::{
    Abort, Mark, TxPayload, abort_req, abort_rpl, close_con, flowc, rx_data_ack, tid_release,
    tx_data,
};
pub use credits::{BadAck, Purpose, Tail, Then, TxCreditPool, TxCredits};
pub use open::{Accept, ActOpen, Listen, act_open, close_listsrv, pass_accept_rpl, pass_open};
pub use tcb::{Via, get_tcb, last_word, set_tcb_field, tcb_batch};

use mafo_mem::Full;
use mafo_t4::Tid;
use mafo_t4::cpl::Cpl;
use mafo_t4::wr::FwTpWr;

use crate::sge::Eq;

/// A work request could not be posted now. Nothing was changed; try again later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The card has not yet read enough of the queue.
    #[error("the egress queue is full")]
    RingFull,
    /// The firmware has not yet given enough credits back.
    #[error("the connection is out of transmit credits")]
    NoCredits,
}

impl From<Full> for Refused {
    fn from(_: Full) -> Self {
        Self::RingFull
    }
}

/// Posts one CPL for TP on a control queue, about `flow` (0 when it is about no connection).
pub fn control<T: Cpl>(ctrl: &mut Eq, flow: Tid, cpl: &T) -> Result<(), Full> {
    let mut slot = ctrl.reserve(FwTpWr::len16_of::<T>() as u8).ok_or(Full)?;
    slot.put_with(|buf| FwTpWr::write(buf, flow, false, cpl));
    slot.post();
    Ok(())
}

/// How a work request is answered.
#[derive(Clone, Copy, Debug)]
enum Answer {
    /// By FW4_ACK, asked for when the pool's rule says so.
    Ack(Then),
    /// By a CPL of its own (CLOSE_CON_RPL): a FW4_ACK would come for a tid that may be gone.
    OwnCpl,
    /// As before, and it is so important that it may take the reserve of credits.
    OwnCplUrgent,
    /// Not at all, and as important: an answer itself.
    NoneUrgent,
}

/// Posts a work request of `len16` units of a connection on an offload queue; `write` is told whether
/// to ask for a FW4_ACK (COMPL).
fn offload(
    eq: &mut Eq,
    pool: &mut TxCreditPool,
    len16: usize,
    answer: Answer,
    write: impl FnOnce(&mut [u8], bool) -> Option<usize>,
) -> Result<(), Refused> {
    // At most 32: builders check what they are given.
    let len16 = len16 as u8;
    let purpose = match answer {
        Answer::OwnCplUrgent | Answer::NoneUrgent => Purpose::Abort,
        Answer::Ack(_) | Answer::OwnCpl => Purpose::Ordinary,
    };
    let credits = pool.take(len16, purpose).ok_or(Refused::NoCredits)?;
    let Some(mut slot) = eq.reserve(len16) else {
        pool.put_back(credits);
        return Err(Refused::RingFull);
    };
    let ack = matches!(answer, Answer::Ack(then) if pool.wants_answer(&credits, then));
    slot.put_with(|buf| write(buf, ack));
    slot.post();
    pool.spend(credits, ack);
    pool.set_tail(match answer {
        Answer::OwnCpl | Answer::OwnCplUrgent => Tail::Answered,
        Answer::Ack(_) | Answer::NoneUrgent => Tail::Unanswered,
    });
    Ok(())
}

/// Posts one CPL of connection `tid` on an offload queue.
fn offload_cpl<T: Cpl>(
    eq: &mut Eq,
    pool: &mut TxCreditPool,
    tid: Tid,
    answer: Answer,
    cpl: &T,
) -> Result<(), Refused> {
    offload(eq, pool, FwTpWr::len16_of::<T>(), answer, |buf, ack| FwTpWr::write(buf, tid, ack, cpl))
}
