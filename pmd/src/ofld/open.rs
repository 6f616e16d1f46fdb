//! Opening, listening, accepting.

use std::net::{Ipv4Addr, SocketAddrV4};

use mafo_mem::Full;
use mafo_t4::cpl::{ActOpenReq, CloseListsrvReq, ListsrvCtrl, PassAcceptRpl, PassOpenReq};
use mafo_t4::opt::{Opt0, Opt1, Opt2, Params64};
use mafo_t4::{Atid, IqId, Stid, Tid};

use super::control;
use crate::sge::Eq;

/// An active open, of an ordinary connection or (`opt0.non_offload`) of one that is to be uploaded or
/// steered.
#[derive(Clone, Copy, Debug)]
pub struct ActOpen {
    /// The host's handle until the answer tells the tid.
    pub atid: Atid,
    /// Ingress queue of the answer, absolute.
    pub reply_to: IqId,
    /// Our address and port.
    pub local: SocketAddrV4,
    /// The peer's.
    pub peer: SocketAddrV4,
    /// Options.
    pub opt0: Opt0,
    /// Options.
    pub opt2: Opt2,
    /// Initial sequence number, with `opt2.iss_valid`.
    pub iss: u32,
    /// The compressed filter tuple, by the card's filter mode.
    pub filter_tuple: u64,
}

/// Opens a connection: the answer is ACT_ESTABLISH or ACT_OPEN_RPL with the atid.
pub fn act_open(ctrl: &mut Eq, open: &ActOpen) -> Result<(), Full> {
    let request = ActOpenReq::new(open.reply_to, open.atid)
        .with_local_ip(*open.local.ip())
        .with_local_port(open.local.port())
        .with_peer_ip(*open.peer.ip())
        .with_peer_port(open.peer.port())
        .with_opt0(open.opt0)
        .with_opt2(open.opt2)
        .with_iss(open.iss)
        .with_params(Params64(0).with_filter_tuple(open.filter_tuple));
    control(ctrl, Tid(0), &request)
}

/// A listener.
#[derive(Clone, Copy, Debug)]
pub struct Listen {
    /// Its place in the server region.
    pub stid: Stid,
    /// Our address; unspecified for any.
    pub local: SocketAddrV4,
    /// Options that connections start with.
    pub opt0: Opt0,
    /// Options of the listener: the queue of SYNs, what becomes of them.
    pub opt1: Opt1,
}

/// Listens: the answer is PASS_OPEN_RPL with the stid, on the queue of `opt1`.
pub fn pass_open(ctrl: &mut Eq, listen: &Listen) -> Result<(), Full> {
    let request = PassOpenReq::new(listen.stid)
        .with_local_ip(*listen.local.ip())
        .with_local_port(listen.local.port())
        .with_peer_ip(Ipv4Addr::UNSPECIFIED)
        .with_opt0(listen.opt0)
        .with_opt1(listen.opt1);
    control(ctrl, Tid(0), &request)
}

/// Ends a listener: the answer is CLOSE_LISTSRV_RPL on queue `reply_to`.
pub fn close_listsrv(ctrl: &mut Eq, stid: Stid, reply_to: IqId) -> Result<(), Full> {
    let reply = ListsrvCtrl(0).with_queue(reply_to.0);
    control(ctrl, Tid(0), &CloseListsrvReq::new(stid).with_reply_ctrl(reply))
}

/// The answer to a PASS_ACCEPT_REQ: accept or reject by `opt0.accept_mode`.
#[derive(Clone, Copy, Debug)]
pub struct Accept {
    /// The new connection.
    pub tid: Tid,
    /// Options.
    pub opt0: Opt0,
    /// Options.
    pub opt2: Opt2,
    /// Initial sequence number, with `opt2.iss_valid`.
    pub iss: u32,
}

/// Answers a PASS_ACCEPT_REQ.
pub fn pass_accept_rpl(ctrl: &mut Eq, accept: &Accept) -> Result<(), Full> {
    let reply = PassAcceptRpl::new(accept.tid)
        .with_opt0(accept.opt0)
        .with_opt2(accept.opt2)
        .with_iss(accept.iss);
    control(ctrl, accept.tid, &reply)
}
