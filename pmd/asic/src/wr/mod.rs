//! Work requests: what the host posts into egress queues, taken apart and carried out.
//!
//! A malformed one is counted and dropped; its place in the ring and, on an offload queue, its credits
//! are given back all the same.

mod eth;
mod tables;

use mafo_mem::Nanos;
use mafo_t4::cpl::{self, Opcode};
use mafo_t4::regs::tp::mib::Mib;
use mafo_t4::wr::{
    self, FwFilterWr, FwFlowcWr, FwOfldTxDataWr, FwTpWr, Malformed, Op, TxPktDest, UlptxCpls,
    WrHeader,
};
use mafo_t4::{HostMemory, Tid};
use zerocopy::FromBytes;

use crate::charge;
use crate::flow::{FlowError, FlowParams};
use crate::hw::Hw;
use crate::l2t::Egress;
use crate::sge::{Completion, EqConfig, EqKind, Fetched};
use crate::tp::Tp;

/// Work requests that one queue may have carried out before the next one's turn.
pub(crate) const BURST: usize = 128;

/// A work request as the card has read it: what a recording consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// What kind of queue it came by.
    pub kind: EqKind,
    /// That queue's channel.
    pub channel: u8,
    /// The work request, whole units of 16 bytes.
    pub bytes: Vec<u8>,
}

mafo_mem::counters! {
    /// Work requests, by what became of them.
    pub struct WrCounters {
        /// Frames sent from Ethernet queues.
        eth_frames,
        /// CPLs handed to TP.
        cpls,
        /// Payload work requests handed to TP.
        tx_data,
        /// FLOWCs, first ones and channel changes.
        flowcs,
        /// Filter requests handed to TP.
        filters,
        /// Malformed, or on a queue of the wrong kind; dropped.
        malformed,
        /// Well formed and not supported; dropped.
        unsupported,
        /// Frames of an interface that may not send; dropped.
        eth_disabled,
        /// Work of a tid that has sent no FLOWC; dropped.
        no_flowc,
        /// Work beyond a connection's credits; dropped.
        credit_overruns,
    }
}

/// What became of a work request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// It is done with, whatever came of it.
    Taken,
    /// This way out is full: it stays in the ring, and its queue waits.
    Blocked(Egress),
}

/// What keeps work requests waiting since queues were last run.
#[derive(Clone, Debug, Default)]
pub struct Waiting {
    /// A queue had its turn and has more.
    pub(crate) turn: bool,
    /// Ways out that were full.
    pub(crate) full: Vec<Egress>,
}

/// Where a work request came from.
#[derive(Clone, Copy, Debug)]
struct From<'a> {
    index: usize,
    config: &'a EqConfig,
}

/// Carries out work requests of all queues that have some, `burst` of each at most.
pub(crate) fn run<M: HostMemory>(hw: &mut Hw<M>, tp: &mut Tp, now: Nanos, burst: usize) {
    hw.waiting.turn = false;
    hw.waiting.full.clear();
    let mut next = 0;
    while let Some(index) = hw.sge.next_runnable(next) {
        run_queue(hw, tp, now, (index, burst));
        next = index + 1;
    }
}

fn run_queue<M: HostMemory>(
    hw: &mut Hw<M>,
    tp: &mut Tp,
    now: Nanos,
    (index, burst): (usize, usize),
) {
    let Some(&config) = hw.sge.eq(index) else { return };
    let from = From { index, config: &config };
    let mut ahead = core::mem::take(&mut hw.ahead);
    ahead.clear();
    for turn in 0..=burst {
        if turn == burst {
            hw.waiting.turn = true;
            break;
        }
        // Answers go where the queue's completions go: with many of them waiting there, work waits too.
        if hw.sge.is_congested(config.iq) {
            break;
        }
        let start = hw.ledger.meter.now();
        match hw.sge.fetch(index, &mut ahead) {
            Fetched::Nothing => break,
            Fetched::Malformed { units } => {
                hw.sge.consume(index, units, Completion::default());
                ahead.take(units);
            }
            Fetched::WorkRequest { len, units } => {
                let bytes = ahead.work_request(len);
                if let Some(recording) = &mut hw.recording {
                    let (kind, channel) = (config.kind, config.channel);
                    recording.push(Recorded { kind, channel, bytes: bytes.to_vec() });
                }
                // Asked before: an abort ends it.
                let subject = match wr::header(bytes) {
                    Some(header) if hw.ledger.meter.is_on() => charge::subject(tp, header, bytes),
                    _ => None,
                };
                if let Outcome::Blocked(egress) = carry_out(hw, tp, now, from, bytes) {
                    hw.waiting.full.push(egress);
                    break;
                }
                let completion = wr::header(bytes).map_or(Completion::default(), |header| {
                    Completion { update: header.mid().equiq(), status: header.mid().equeq() }
                });
                hw.sge.consume(index, units, completion);
                ahead.take(units);
                if let Some(tuple) = subject {
                    hw.ledger.charge(tuple, start);
                }
            }
        }
    }
    hw.ahead = ahead;
    hw.sge.complete(index);
}

#[inline(always)]
fn carry_out<M: HostMemory>(
    hw: &mut Hw<M>,
    tp: &mut Tp,
    now: Nanos,
    from: From<'_>,
    bytes: &[u8],
) -> Outcome {
    let Some(header) = wr::header(bytes) else {
        hw.wr.malformed += 1;
        return Outcome::Taken;
    };
    let done = match (header.op(), from.config.kind) {
        (Op::ETH_TX_PKT, EqKind::Ethernet) => return eth::send(hw, from.config, bytes),
        (Op::TP, EqKind::Control | EqKind::Offload) => with_flow(hw, from, header, |hw| {
            let cpl = FwTpWr::cpl(bytes)?;
            handle_cpl(hw, tp, now, cpl);
            Ok(())
        }),
        (Op::ULPTX, EqKind::Control | EqKind::Offload) => {
            with_flow(hw, from, header, |hw| ulptx(hw, tp, now, bytes))
        }
        (Op::FLOWC, EqKind::Offload) => flowc(hw, tp, from, header, bytes),
        (Op::OFLD_TX_DATA, EqKind::Offload) => tx_data(hw, tp, now, header, bytes),
        (Op::FILTER, EqKind::Control) => filter(hw, tp, bytes),
        (Op::FILTER2 | Op::OFLD_CONNECTION, EqKind::Control)
        | (Op::ETH_TX_PKTS | Op::ETH_TX_PKTS2 | Op::ETH_TX_PKT_VM, EqKind::Ethernet)
        | (Op::ISCSI_TX_DATA, EqKind::Offload) => {
            hw.wr.unsupported += 1;
            Ok(())
        }
        _ => Err(Malformed),
    };
    if done.is_err() {
        hw.wr.malformed += 1;
    }
    Outcome::Taken
}

/// Runs `act`; on an offload queue as work of a flow, whose credits it costs, also if it is malformed.
fn with_flow<M: HostMemory>(
    hw: &mut Hw<M>,
    from: From<'_>,
    header: &WrHeader,
    act: impl FnOnce(&mut Hw<M>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    if from.config.kind != EqKind::Offload {
        return act(hw);
    }
    let (tid, units) = (header.flow(), units(header));
    if refused(hw, tid, units) {
        return Ok(());
    }
    let done = act(hw);
    hw.flow_told(tid, units, header.hi().compl());
    done
}

/// What a work request costs: its length, a field of eight bits.
fn units(header: &WrHeader) -> u16 {
    header.mid().len16() as u16
}

/// Whether the flow's state forbids work of `units`; counts why.
fn refused<M: HostMemory>(hw: &mut Hw<M>, tid: Tid, units: u16) -> bool {
    let checked = hw.flow_check(tid, units);
    count_refusal(hw, checked)
}

fn count_refusal<M>(hw: &mut Hw<M>, checked: Result<(), FlowError>) -> bool {
    match checked {
        Ok(()) => return false,
        Err(FlowError::NoFlowc) => hw.wr.no_flowc += 1,
        Err(FlowError::Overrun) => hw.wr.credit_overruns += 1,
        Err(FlowError::NoQueue) => hw.wr.malformed += 1,
    }
    true
}

fn flowc<M: HostMemory>(
    hw: &mut Hw<M>,
    tp: &mut Tp,
    from: From<'_>,
    header: &WrHeader,
    bytes: &[u8],
) -> Result<(), Malformed> {
    let tid = header.flow();
    if !tp.has_tid(tid) {
        return Err(Malformed);
    }
    let params = FlowParams::parse(bytes)?;
    debug_assert!(bytes.len() >= FwFlowcWr::SIZE, "{tid:?}: parsed without a header");
    let units = units(header);
    let begun = hw.flowc(from.index, tid, units, header.hi().compl(), &params);
    if !count_refusal(hw, begun) {
        hw.wr.flowcs += 1;
        if params.commits == Some(false) {
            tp.relax(tid);
        }
    }
    Ok(())
}

fn tx_data<M: HostMemory>(
    hw: &mut Hw<M>,
    tp: &mut Tp,
    now: Nanos,
    header: &WrHeader,
    bytes: &[u8],
) -> Result<(), Malformed> {
    let (tid, units, compl) = (header.flow(), units(header), header.hi().compl());
    if refused(hw, tid, units) {
        return Ok(());
    }
    let parsed = FwOfldTxDataWr::parse(bytes);
    let Ok((request, payload)) = parsed else {
        hw.flow_told(tid, units, compl);
        return Err(Malformed);
    };
    // Charged first: TP may answer at once.
    hw.flow_posted(tid, units, compl, request.plen());
    hw.wr.tx_data += 1;
    tp.handle_tx_data(hw, now, tid, &payload, request.flags());
    Ok(())
}

fn filter<M: HostMemory>(hw: &mut Hw<M>, tp: &mut Tp, bytes: &[u8]) -> Result<(), Malformed> {
    let (request, _) = FwFilterWr::ref_from_prefix(bytes).map_err(|_| Malformed)?;
    hw.wr.filters += 1;
    tp.handle_filter_wr(hw, request);
    Ok(())
}

fn ulptx<M: HostMemory>(
    hw: &mut Hw<M>,
    tp: &mut Tp,
    now: Nanos,
    bytes: &[u8],
) -> Result<(), Malformed> {
    // All or nothing: a packet that makes no sense spoils those before it too, which ATOMIC binds.
    let cpls = UlptxCpls::of(bytes).ok_or(Malformed)?;
    for packet in cpls.clone() {
        packet?;
    }
    for packet in cpls.flatten() {
        match packet.dest {
            TxPktDest::TP => handle_cpl(hw, tp, now, packet.cpl),
            _ => hw.wr.unsupported += 1,
        }
    }
    Ok(())
}

/// A CPL from the host: tables are the hardware's, the rest is TP's.
fn handle_cpl<M: HostMemory>(hw: &mut Hw<M>, tp: &mut Tp, now: Nanos, cpl: &[u8]) {
    hw.mib().add(Mib::CPL_IN_REQ_0, 1);
    hw.wr.cpls += 1;
    let done = match cpl::opcode(cpl) {
        Some(Opcode::L2T_WRITE_REQ) => tables::write_l2t(hw, cpl),
        Some(Opcode::SMT_WRITE_REQ) => tables::write_smt(hw, cpl),
        _ => {
            tp.handle_cpl(hw, now, cpl);
            Ok(())
        }
    };
    if done.is_err() {
        hw.wr.malformed += 1;
    }
}
