//! The checker is checked: each mistake, made on purpose, is found, and by the rule that is meant to
//! find it.
#![cfg(debug_assertions)]

use mafo::{Defect, Nanos};
use mafo_sim::{Plan, Rule, run};

const SEEDS: u64 = 1_000;

const DEFECTS: [(Defect, Rule); 16] = [
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
];

fn plan(defect: Defect, seed: u64) -> Plan {
    let mut plan = Plan { defect: Some(defect), ..Plan::draw(seed) };
    if defect == Defect::RecordNotFinal {
        // The old owner hears the peer by its own cable: behind a hub it always does.
        (plan.floods, plan.ageing) = (true, Nanos(1));
    }
    if defect == Defect::LoopedLate {
        // The same adapter is active again before the host has taken all from its queue: a slow card.
        plan.late_polls = [60; 2];
    }
    if defect == Defect::CreditsNotWithheld {
        // Credits matter that are returned while the TCB is being read: of a small buffer, on slow cards.
        plan.late_polls = [60; 2];
        plan.recv_buffer[0] = plan.recv_buffer[0].min(16 << 10);
    }
    plan
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
