//! Data, credits and the end of a connection.

use mafo_mem::Full;
use mafo_t4::Tid;
use mafo_t4::cpl::{self, AbortCmd, CloseConReq, CreditDack, RxDataAck, TidRelease, TxDataFlags};
use mafo_t4::wr::{FwFlowcWr, FwOfldTxDataWr, Mnem, Sge};

use super::{Answer, Refused, Then, TxCreditPool, control, offload, offload_cpl};
use crate::sge::Eq;

/// Tells the firmware of a flow: the first work request of a tid on an offload queue, also before an
/// abort; later with {PFNVFN, CH, PORT} a change of channel, answered by a FW4_ACK with CH.
/// At most 63 parameters.
pub fn flowc(
    eq: &mut Eq,
    pool: &mut TxCreditPool,
    tid: Tid,
    params: &[(Mnem, u32)],
    then: Then,
) -> Result<(), Refused> {
    let len16 = FwFlowcWr::len16_of(params.len());
    offload(eq, pool, len16, Answer::Ack(then), |buf, ack| FwFlowcWr::write(buf, tid, ack, params))
}

/// Payload to send.
#[derive(Clone, Copy, Debug)]
pub enum TxPayload<'a> {
    /// Copied into the work request: 1 to [`FwOfldTxDataWr::MAX_INLINE`] bytes. The source is free at once.
    Inline(&'a [u8]),
    /// Where it lies in host memory, 1 to [`FwOfldTxDataWr::MAX_SGES`] pieces. It must stay as it is until a
    /// FW4_ACK gives the work request back.
    Sgl(&'a [Sge]),
}

/// What the peer is told of where payload ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Nothing: more is to come.
    Plain,
    /// It is pushed (SHOVE).
    Push,
    /// It is pushed, and all up to there is urgent (RFC 6093).
    Urgent,
}

impl TxPayload<'_> {
    /// What a work request with this payload costs, in units of 16 bytes.
    #[must_use]
    pub fn len16(&self) -> usize {
        match self {
            Self::Inline(bytes) => FwOfldTxDataWr::len16_inline(bytes.len()),
            Self::Sgl(entries) => FwOfldTxDataWr::len16_sgl(entries.len()),
        }
    }

    fn is_sendable(&self) -> bool {
        match self {
            Self::Inline(bytes) => (1..=FwOfldTxDataWr::MAX_INLINE).contains(&bytes.len()),
            Self::Sgl(entries) => (1..=FwOfldTxDataWr::MAX_SGES).contains(&entries.len()),
        }
    }
}

/// Sends payload behind what was sent before.
pub fn tx_data(
    eq: &mut Eq,
    pool: &mut TxCreditPool,
    tid: Tid,
    payload: TxPayload<'_>,
    mark: Mark,
    then: Then,
) -> Result<(), Refused> {
    assert!(payload.is_sendable(), "{tid:?}: payload that no work request can hold: {payload:?}");
    let flags = TxDataFlags(0).with_shove(mark != Mark::Plain).with_urgent(mark == Mark::Urgent);
    offload(eq, pool, payload.len16(), Answer::Ack(then), |buf, ack| match payload {
        TxPayload::Inline(bytes) => FwOfldTxDataWr::write_inline(buf, tid, ack, flags, bytes),
        TxPayload::Sgl(entries) => FwOfldTxDataWr::write_sgl(buf, tid, ack, flags, entries),
    })
}

/// Sends a FIN behind all payload: CLOSE_CON_RPL when it is acknowledged.
pub fn close_con(eq: &mut Eq, pool: &mut TxCreditPool, tid: Tid) -> Result<(), Refused> {
    offload_cpl(eq, pool, tid, Answer::OwnCpl, &CloseConReq::new(tid))
}

/// How a connection is ended at once.
#[derive(Clone, Copy, Debug)]
pub struct Abort {
    /// Whether the peer is told.
    pub cmd: AbortCmd,
    /// Next sequence number to send.
    pub snd_nxt: u32,
    /// Whether payload was ever sent.
    pub tx_data_sent: bool,
}

/// Ends a connection at once: ABORT_RPL_RSS when it is gone. A FLOWC must have gone before.
pub fn abort_req(
    eq: &mut Eq,
    pool: &mut TxCreditPool,
    tid: Tid,
    abort: Abort,
) -> Result<(), Refused> {
    let request = cpl::AbortReq::new(tid)
        .with_snd_nxt(abort.snd_nxt)
        .with_no_tx_data(u8::from(!abort.tx_data_sent))
        .with_cmd(abort.cmd);
    offload_cpl(eq, pool, tid, Answer::OwnCplUrgent, &request)
}

/// Answers an ABORT_REQ_RSS that is no mere advice. A FLOWC must have gone before.
pub fn abort_rpl(
    eq: &mut Eq,
    pool: &mut TxCreditPool,
    tid: Tid,
    cmd: AbortCmd,
) -> Result<(), Refused> {
    let reply = cpl::AbortRpl::new(tid).with_cmd(cmd);
    offload_cpl(eq, pool, tid, Answer::NoneUrgent, &reply)
}

/// Opens the receive window by `ack.credits` bytes, forces an ACK, changes delayed ACK.
pub fn rx_data_ack(ctrl: &mut Eq, tid: Tid, ack: CreditDack) -> Result<(), Full> {
    control(ctrl, tid, &RxDataAck::new(tid).with_credit_dack(ack))
}

/// Gives a tid back to the card, when no message of it is outstanding. What is still in its offload queue
/// would meet the tid's next owner: [`last_word`](super::last_word) tells when nothing is.
pub fn tid_release(ctrl: &mut Eq, tid: Tid) -> Result<(), Full> {
    control(ctrl, tid, &TidRelease::new(tid))
}
