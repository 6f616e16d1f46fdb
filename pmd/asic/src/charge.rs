//! What it costs the card to change the owner of a connection, for whoever measures that.

use core::net::IpAddr;

use mafo_mem::Meter;
use mafo_t4::cpl::{self, Opcode};
use mafo_t4::wr::{FwTpWr, Op, UlptxCpls, WrHeader};

use crate::le::tuple::FourTuple;
use crate::tp::Tp;

/// Work for a connection that is getting another owner, by the counter of the card's meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The connection.
    pub tuple: FourTuple,
    /// What one work request cost.
    pub cost: u64,
}

/// Charges kept until somebody takes them; further ones are not.
const CHARGES_MAX: usize = 1 << 18;

/// Charges since somebody took them.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) meter: Meter,
    list: Vec<Charge>,
}

impl Ledger {
    pub(crate) fn new(meter: Meter) -> Self {
        Self { meter, list: Vec::new() }
    }

    /// Charges what was done since the meter showed `start`.
    pub(crate) fn charge(&mut self, tuple: FourTuple, start: u64) {
        if self.list.len() < CHARGES_MAX {
            self.list.push(Charge { tuple, cost: self.meter.since(start) });
        }
    }

    pub(crate) fn take(&mut self) -> Vec<Charge> {
        core::mem::take(&mut self.list)
    }
}

/// The connection that a work request is about, if it is of a kind that a change of owner is made of: the open and the
/// writes of a TCB that TP leaves alone, and its payload; the questions to one, and its end.
pub(crate) fn subject(tp: &Tp, header: &WrHeader, bytes: &[u8]) -> Option<FourTuple> {
    match header.op() {
        Op::FLOWC => tp.tuple(header.flow()),
        Op::OFLD_TX_DATA => tp.tuple(header.flow()).filter(|_| tp.is_left_alone(header.flow())),
        Op::TP => subject_of_cpl(tp, FwTpWr::cpl(bytes).ok()?),
        Op::ULPTX => subject_of_cpl(tp, UlptxCpls::of(bytes)?.next()?.ok()?.cpl),
        _ => None,
    }
}

/// The same for a message from the host.
pub(crate) fn subject_of_cpl(tp: &Tp, message: &[u8]) -> Option<FourTuple> {
    match cpl::opcode(message)? {
        Opcode::ACT_OPEN_REQ => {
            let open: &cpl::ActOpenReq = cpl::parse(message)?;
            open.opt0().non_offload().then(|| FourTuple {
                local: IpAddr::V4(open.local_ip()),
                peer: IpAddr::V4(open.peer_ip()),
                local_port: open.local_port(),
                peer_port: open.peer_port(),
            })
        }
        Opcode::GET_TCB => tp.tuple(cpl::parse::<cpl::GetTcb>(message)?.tid()),
        Opcode::SET_TCB_FIELD => tp.tuple(cpl::parse::<cpl::SetTcbField>(message)?.tid()),
        Opcode::ABORT_REQ => tp.tuple(cpl::parse::<cpl::AbortReq>(message)?.tid()),
        _ => None,
    }
}
