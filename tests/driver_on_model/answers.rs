//! Answers that are about something else than what is waited for: for the second time, or of a question that was given up. Few
//! cards would ever say them at just that moment, so they are handed to the host here.

use mafo::Handover;
use mafo_failover::Stage;
use mafo_pmd::Ingress;
use mafo_pmd::sge::Payload;
use mafo_stack::MemberId;
use mafo_stack::tom::TidUse;
use mafo_t4::Tid;
use mafo_t4::cpl::{Opcode, SetTcbRpl, TcbCookie};
use mafo_t4::tcb::{State, field};

use crate::failover::{Traffic, bonded, settle};
use crate::hosts::Net;

/// What they repeat of their questions (`failover/src/question.rs`, `stack/src/tom/overdue.rs`): where payload ends, the
/// write that lets a connection live, whether it does, and the state of a TCB.
const END: u8 = 1;
const LIVE: u8 = 2;
const IS_LIVE: u8 = 3;
const STATE: u8 = 7;

/// A card tells the first host something about a field of a TCB.
fn tell(net: &mut Net, (member, tid): (MemberId, Tid), cookie: u8, oldval: u64) {
    let reply =
        SetTcbRpl::new(tid).with_cookie(TcbCookie(0).with_cookie(cookie)).with_oldval(oldval);
    let (opcode, bytes) = (Opcode::SET_TCB_RPL, reply.as_bytes());
    let message = Ingress::Cpl { opcode, tid, bytes, payload: Payload::EMPTY };
    let now = net.now;
    let (bond, core) = net.hosts[0].bond_and_sockets_mut().expect("bond");
    core.handle_ingress(now, bond, member, message);
}

/// A connection whose link has failed, when it is in `stage`.
fn in_stage(stage: Stage, handover: Handover) -> (Net, Traffic) {
    let mut net = bonded(handover);
    let ends = net.open(1);
    let id = ends[0][0];
    let mut traffic = Traffic::new(ends);
    traffic.deliver(&mut net, 50_000);
    net.cables[0].set_carrier(false);
    for _ in 0..100_000 {
        traffic.step(&mut net);
        if net.hosts[0].bond().expect("bond").stage(id) == Some(stage) {
            return (net, traffic);
        }
    }
    panic!("never in {stage:?}");
}

/// It goes on as if nothing had been said.
fn goes_on(mut net: Net, mut traffic: Traffic) {
    settle(&mut net, |net| traffic.step(net));
    traffic.deliver(&mut net, 50_000);
    traffic.finish(&mut net);
    assert_eq!(net.hosts[0].bond().expect("bond").counters().moved, 1);
    net.settle();
}

/// With bytes under way the card is asked where payload ends before it is told to let the connection live; without any it is
/// told at once.
#[test]
fn an_answer_to_another_question_lets_no_connection_live() {
    for (handover, others) in
        [(Handover::Instant, &[LIVE, IS_LIVE][..]), (Handover::Drained, &[END][..])]
    {
        let (mut net, traffic) = in_stage(Stage::Uploading, handover);
        let id = traffic.ends[0][0];
        let heir = MemberId(1);
        let tids = &net.hosts[0].sockets().member(heir).expect("lives").tids;
        let entry = tids.iter().find(|(_, used)| **used == TidUse::Hook(id));
        let (tid, _) = entry.expect("an entry");
        for &cookie in others {
            let before = net.hosts[0].bond().expect("bond").counters().unexpected;
            // NON_OFFLOAD is not set in it.
            tell(&mut net, (heir, tid), cookie, 0);
            let bond = net.hosts[0].bond().expect("bond");
            assert_eq!(bond.stage(id), Some(Stage::Uploading), "{handover:?} {cookie}");
            assert_eq!(bond.counters().unexpected, before + 1, "{handover:?} {cookie}");
        }
        goes_on(net, traffic);
    }
}

const NOT_CLOSED: [State; 3] = [State::Established, State::FinWait1, State::LastAck];

/// The fence of an owner may still be in its queue.
#[test]
fn an_owner_is_not_silent_until_its_tcb_is_closed() {
    let (mut net, traffic) = in_stage(Stage::Fenced, Handover::Instant);
    let id = traffic.ends[0][0];
    let conn = net.hosts[0].sockets().offloaded(id).expect("an owner");
    let owner = (conn.member, conn.tid);
    for state in NOT_CLOSED {
        tell(&mut net, owner, STATE, field::T_STATE.place(state as u64));
        let bond = net.hosts[0].bond().expect("bond");
        assert_eq!(bond.stage(id), Some(Stage::Fenced), "{state:?}");
    }
    goes_on(net, traffic);
}

/// Nor is the tid of a connection that was reset.
#[test]
fn a_tid_is_not_free_until_its_tcb_is_closed() {
    let mut net = Net::up(1);
    let id = net.open(1)[0][0];
    let (now, sockets) = (net.now, net.hosts[0].sockets_mut());
    let conn = sockets.offloaded(id).expect("an owner");
    let owner = (conn.member, conn.tid);
    sockets.abort(now, id);
    let is_used = |net: &Net| {
        let member = net.hosts[0].sockets().member(owner.0).expect("lives");
        member.tids.get(owner.1).is_some()
    };
    for state in NOT_CLOSED {
        tell(&mut net, owner, STATE, field::T_STATE.place(state as u64));
        assert!(is_used(&net), "{state:?}");
    }
    tell(&mut net, owner, STATE, field::T_STATE.place(State::Closed as u64));
    assert!(!is_used(&net));
}
