//! The checker is checked: each mistake, made on purpose, is found, and by the rule that is meant to
//! find it.
#![cfg(debug_assertions)]

use mafo::{Defect, Handover, Nanos};
use mafo_failover::Stage;
use mafo_sim::plan::{Act, Breakage, Death, End, Ending, Fault, Side, Trigger, Which};
use mafo_sim::{Plan, Rule, run};

const SEEDS: u64 = 1_000;

const DEFECTS: [(Defect, Rule); 21] = [
    (Defect::NoFence, Rule::Speaker),
    (Defect::HeldReversed, Rule::Order),
    (Defect::FinLost, Rule::Liveness),
    (Defect::RightEdgeLeft, Rule::RightEdge),
    (Defect::TimestampBaseForgotten, Rule::Timestamp),
    (Defect::RecentForgotten, Rule::Echo),
    (Defect::ScalesSwapped, Rule::RightEdge),
    (Defect::LateCplAccepted, Rule::LeftOver),
    (Defect::CreditTwice, Rule::Overcommit),
    (Defect::StandingRuleMissing, Rule::Owner),
    (Defect::RecordNotFinal, Rule::Impossible),
    (Defect::CreditsNotWithheld, Rule::Liveness),
    (Defect::LoopedLate, Rule::Timestamp),
    (Defect::FlowcOnce, Rule::Liveness),
    (Defect::RefusalIgnored, Rule::Liveness),
    (Defect::GapForgotten, Rule::Renege),
    (Defect::GateLate, Rule::Speaker),
    (Defect::HeldToOld, Rule::Order),
    (Defect::JumpBudgetIgnored, Rule::Timestamp),
    (Defect::NoMarker, Rule::Timestamp),
    (Defect::ShadowStale, Rule::Echo),
];

fn plan(defect: Defect, seed: u64) -> Plan {
    let mut plan = Plan { defect: Some(defect), ..Plan::fifth_edition(seed) };
    if defect == Defect::RecordNotFinal {
        // The old owner hears the peer by its own cable: behind a hub it always does.
        (plan.floods, plan.ageing) = (true, Nanos(1));
    }
    if defect == Defect::LoopedLate {
        // The same adapter is active again before the host has taken all from its queue: a slow card.
        plan.late_polls = [60; 2];
    }
    if defect == Defect::CreditsNotWithheld {
        reads_all_behind_the_gate(&mut plan);
    }
    if matches!(defect, Defect::HeldReversed | Defect::HeldToOld) {
        // One connection, whose peer has much to say.
        plan.late_polls = [6; 2];
        plan.handover = Handover::Instant;
        plan.connections.truncate(1);
        let peer = &mut plan.connections[0].ends[Side::Peer.index()];
        (peer.bytes, peer.write_pause) = (200_000, None);
        (plan.recv_buffer, plan.recv_buffer_max) = ([256 << 10; 2], [256 << 10; 2]);
        let at = Nanos::from_micros(1_500 + 20 * plan.seed);
        let cut = Breakage::Active(Nanos::from_millis(100));
        plan.faults = vec![Fault { when: Trigger::At(at), what: cut }];
    }
    if defect == Defect::NoMarker {
        // What the old owner said waits in a queue that the new one does not wait for.
        plan.late_polls = [0; 2];
        plan.late_ethernet = [300; 2];
    }
    if defect == Defect::ShadowStale {
        dies_late(&mut plan);
    }
    if defect == Defect::JumpBudgetIgnored {
        moves_often(&mut plan);
    }
    plan
}

/// An application that has not read for a while reads its whole buffer at some time while the TCB is being read: all of its
/// window comes back by credits of then.
fn reads_all_behind_the_gate(plan: &mut Plan) {
    let rest = |time| Breakage::Does(Side::Near, Act::Rest(time));
    let long = Nanos::from_secs(2);
    plan.late_polls = [60; 2];
    (plan.handover, plan.ports_of_a) = (Handover::Instant, 1);
    plan.connections.truncate(1);
    let connection = &mut plan.connections[0];
    connection.at = Nanos::ZERO;
    connection.ends[Side::Peer.index()].bytes = 200_000;
    for end in &mut connection.ends {
        (end.write_pause, end.read_pause, end.ending) = (None, None, Ending::Orderly);
    }
    (plan.recv_buffer[0], plan.recv_buffer_max[0]) = (16 << 10, 16 << 10);
    let at = |ms, what| Fault { when: Trigger::At(Nanos::from_millis(ms)), what };
    let gated = |what| Fault { when: Trigger::In(Stage::Gated, long), what };
    plan.faults = vec![at(2, rest(long)), at(10, Breakage::Active(Nanos::from_millis(100)))];
    // A fault a poll.
    plan.faults.extend((0..plan.seed % 250).map(|_| gated(rest(long))));
    plan.faults.push(gated(rest(Nanos::ZERO)));
}

/// Connections that have nothing to say go to and fro, and then talk again.
fn moves_often(plan: &mut Plan) {
    let idle = End {
        bytes: 3_000,
        chunk: 500,
        write_pause: Some((500, Nanos::from_millis(300))),
        read_pause: None,
        linger: Nanos::ZERO,
        ending: Ending::Orderly,
        waits_for_close: true,
    };
    plan.connections.truncate(2);
    for connection in &mut plan.connections {
        (connection.opener, connection.ends) = (Side::Near, [idle; 2]);
    }
    let times = (1..60).map(|n| Nanos::from_millis(8 * n));
    let to_and_fro = |at| Fault { when: Trigger::At(at), what: Breakage::Move(0) };
    (plan.handover, plan.faults) = (Handover::Instant, times.map(to_and_fro).collect());
    (plan.ports_of_a, plan.late_polls) = (1, [1, 2]);
}

/// Bytes come all the time for half a second, and then the adapter dies.
fn dies_late(plan: &mut Plan) {
    plan.setup.heartbeat = Nanos::from_millis(1);
    plan.connections.truncate(3);
    for connection in &mut plan.connections {
        connection.at = Nanos::ZERO;
        for end in &mut connection.ends {
            (end.bytes, end.chunk, end.ending) = (100_000, 500, Ending::Orderly);
            (end.write_pause, end.read_pause) = (Some((500, Nanos::from_millis(4))), None);
        }
    }
    let dies = Breakage::Dies(Which::Active, Death::Now, Nanos::from_millis(20));
    plan.faults = vec![Fault { when: Trigger::At(Nanos::from_millis(500)), what: dies }];
}

/// Bytes come all the time, and the adapter dies soon.
fn dies_in_the_middle(plan: &mut Plan) {
    plan.late_polls = [60; 2];
    plan.setup.heartbeat = Nanos::from_millis(1);
    plan.connections.truncate(4);
    for connection in &mut plan.connections {
        connection.at = Nanos::ZERO;
        connection.ends[Side::Peer.index()].bytes = 200_000;
    }
    let dies = Breakage::Dies(Which::Active, Death::Now, Nanos::from_millis(20));
    let at = Nanos::from_micros(3_000 + 500 * (plan.seed % 40));
    plan.faults = vec![Fault { when: Trigger::At(at), what: dies }];
}

/// Cards that acknowledge before they tell are as silicon is: their death leaves a hole, and that is noticed.
#[test]
fn a_broken_commit_rule_is_found() {
    let found = (0..60).find(|&seed| {
        let mut plan = Plan { spoils_commits: true, ..Plan::fifth_edition(seed) };
        dies_in_the_middle(&mut plan);
        run::first_violation(&plan).is_some_and(|violation| violation.rule == Rule::Ack)
    });
    println!("a broken commit rule: at seed {found:?}");
    assert!(found.is_some());
}

#[test]
fn every_mistake_is_found_by_its_rule() {
    let mut missed = Vec::new();
    for (defect, rule) in DEFECTS {
        let mut others = Vec::new();
        let caught = (0..SEEDS).find(|&seed| {
            let plan = plan(defect, seed);
            let found = run::first_violation(&plan).map(|violation| violation.rule);
            if let Some(other) = found.filter(|found| *found != rule) {
                others.push((seed, other));
            }
            found == Some(rule)
        });
        others.truncate(6);
        match caught {
            Some(seed) => println!("{defect:?}: {rule:?} at seed {seed}; before it {others:?}"),
            None => missed.push((defect, rule, others)),
        }
    }
    assert!(missed.is_empty(), "not found: {missed:#?}");
}
