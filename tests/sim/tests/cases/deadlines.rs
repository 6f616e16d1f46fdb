//! Answers to control messages are lost, come twice, or late, and requests are refused: each has a deadline, a second
//! question, and a way on.

use mafo::{ControlKind, Mishaps};
use mafo_sim::plan::Aim;

use super::*;

/// Ports change, connections move alone and together, links fail and are back: every control message is used.
fn everything(seed: u64, mishaps: Mishaps) -> Plan {
    let one = |at, aim| Fault { when: Trigger::At(at), what: Breakage::MoveOne(aim) };
    Plan {
        ports_of_a: 2,
        setup: Setup { heartbeat: ms(1), ..Setup::default() },
        mishaps: Mishaps { seed, ..mishaps },
        faults: vec![
            one(ms(6), Aim::Host),
            one(ms(9), Aim::Link(1)),
            at(ms(14), Breakage::Active(ms(60))),
            at(ms(20), Breakage::Backup(ms(80))),
            at(ms(30), Breakage::All(ms(30))),
            at(ms(110), Breakage::Move(1)),
            at(ms(150), Breakage::Active(ms(200))),
        ],
        ..plan(seed)
    }
}

fn suffer(mishaps: Mishaps) -> Vec<Outcome> {
    let (_, outcomes) = runs(|seed| everything(seed, mishaps));
    assert!(outcomes.iter().all(|outcome| outcome.bond.connections_lost == 0));
    outcomes
}

/// Some are lost, and asked for again.
fn some_lost(kind: ControlKind) {
    let chances = [250, 0, 0, 0];
    let outcomes = suffer(Mishaps { chances, only: Some(kind), count: 6, ..Mishaps::NONE });
    assert!(outcomes.iter().any(|outcome| outcome.asked_again > 0), "{kind:?}");
    // At times they are four in a row.
    let given_up = outcomes.iter().map(|outcome| outcome.bond.adapters_lost).sum::<u64>();
    assert!(given_up <= 2, "{kind:?}: {given_up}");
}

/// Dozens of them are not answered, one behind the other. Of those that can be asked for in no other way their adapter is
/// given up, and its connections go on elsewhere.
fn all_lost(kind: ControlKind) {
    let chances = [1000, 0, 0, 0];
    let outcomes = suffer(Mishaps { chances, only: Some(kind), count: 40, ..Mishaps::NONE });
    let given_up = outcomes.iter().map(|outcome| outcome.bond.adapters_lost).sum::<u64>();
    // An open is refused when it is asked for again, and an abort has closed its TCB: both are found out.
    let is_found_out = matches!(kind, ControlKind::Open | ControlKind::Abort);
    assert!(given_up > 0 || is_found_out, "{kind:?}");
    assert!(outcomes.iter().any(|outcome| outcome.asked_again > 0), "{kind:?}");
}

/// Each comes twice.
fn twice(kind: ControlKind) {
    let outcomes = suffer(Mishaps { chances: [0, 1000, 0, 0], only: Some(kind), ..Mishaps::NONE });
    assert!(outcomes.iter().any(|outcome| outcome.bond.moved > 0));
}

/// Many come so late that they have been asked for again.
fn late(kind: ControlKind) {
    let late = Mishaps { chances: [0, 0, 300, 0], only: Some(kind), ..Mishaps::NONE };
    let outcomes = suffer(Mishaps { late_max: ms(30), ..late });
    assert!(outcomes.iter().any(|outcome| outcome.asked_again > 0), "{kind:?}");
}

/// Some are refused.
fn refused(kind: ControlKind) {
    let refused = Mishaps { chances: [0, 0, 0, 300], only: Some(kind), ..Mishaps::NONE };
    let outcomes = suffer(Mishaps { count: 8, ..refused });
    assert!(outcomes.iter().any(|outcome| outcome.bond.moved > 0));
}

/// A card is left, active again and left once more while its host hears late of all that: what it had put into its
/// loopbacks before is older than what it has sent by its wire since, and comes out of them behind that.
fn left_twice(late_max: Nanos) {
    let late = Mishaps { chances: [0, 0, 300, 0], late_max, ..Mishaps::NONE };
    let (_, outcomes) = runs(|seed| Plan {
        setup: Setup { heartbeat: ms(1), ..Setup::default() },
        mishaps: Mishaps { seed, ..late },
        faults: [12, 20, 28].map(|at| cut(ms(at), ms(3))).to_vec(),
        ..plan(seed)
    });
    let dropped = outcomes.iter().map(|outcome| outcome.bond.late_looped).sum::<u64>();
    assert!(dropped > 0, "nothing was late");
}

#[test]
fn a_card_is_left_twice_while_its_host_hears_60_ms_late() {
    left_twice(ms(60));
}

#[test]
fn a_card_is_left_twice_while_its_host_hears_200_ms_late() {
    left_twice(ms(200));
}

/// The active link fails again and again while writes of next hops are not answered, or late: they are written as often as
/// it takes, and nobody speaks by a link that is not active.
fn left_again_and_again(mishaps: Mishaps) {
    let (_, outcomes) = runs(|seed| Plan {
        ports_of_a: 1 + (seed % 2) as u8,
        setup: Setup { heartbeat: ms(1), ..Setup::default() },
        mishaps: Mishaps { seed, ..mishaps },
        faults: (1..9).map(|n| cut(ms(6 * n), ms(3))).collect(),
        ..plan(seed)
    });
    assert!(outcomes.iter().any(|outcome| outcome.asked_again > 0));
}

#[test]
fn a_link_fails_again_and_again_while_nobody_hears_of_next_hops() {
    let lost = Mishaps { chances: [1000, 0, 0, 0], ..Mishaps::NONE };
    left_again_and_again(Mishaps { only: Some(ControlKind::L2t), count: 7, ..lost });
}

#[test]
fn a_link_fails_again_and_again_while_its_host_hears_200_ms_late() {
    let late = Mishaps { chances: [0, 0, 300, 0], ..Mishaps::NONE };
    left_again_and_again(Mishaps { late_max: ms(200), ..late });
}

macro_rules! of_each_message {
    ($($name:ident: $kind:expr;)*) => { $(
        mod $name {
            use super::*;

            #[test]
            fn some_answers_lost() {
                some_lost($kind);
            }
            #[test]
            fn dozens_of_answers_lost() {
                all_lost($kind);
            }
            #[test]
            fn answered_twice() {
                twice($kind);
            }
            #[test]
            fn answered_late() {
                late($kind);
            }
            #[test]
            fn refused_at_times() {
                refused($kind);
            }
        }
    )* };
}

of_each_message! {
    opens_of_entries: ControlKind::Open;
    reads_of_tcbs: ControlKind::GetTcb;
    writes_of_tcbs: ControlKind::SetTcb;
    aborts: ControlKind::Abort;
    next_hops: ControlKind::L2t;
    filters: ControlKind::Filter;
}

/// One answer is lost, of a move of all or of one alone. That it is asked for again is all that comes of it: neither is a
/// card given up, nor does a move begin anew for it.
fn one_lost(kind: ControlKind, faults: &[Fault]) {
    let lost = Mishaps { chances: [1000, 0, 0, 0], only: Some(kind), count: 1, ..Mishaps::NONE };
    let outcomes = |mishaps| {
        let (_, outcomes) = runs(|seed| Plan {
            setup: Setup { heartbeat: ms(1), ..Setup::default() },
            mishaps: Mishaps { seed, ..mishaps },
            faults: faults.to_vec(),
            ..plan(seed)
        });
        outcomes
    };
    let undone = |outcomes: &[Outcome]| -> u64 {
        outcomes.iter().map(|outcome| outcome.bond.attempts_undone).sum()
    };
    let (with, without) = (outcomes(lost), outcomes(Mishaps::NONE));
    assert!(with.iter().all(|outcome| outcome.bond.adapters_lost == 0), "{kind:?}");
    let has_moved = |outcome: &Outcome| outcome.bond.moved + outcome.bond.sheltered > 0;
    assert!(with.iter().any(has_moved), "{kind:?}");
    assert!(with.iter().any(|outcome| outcome.asked_again > 0), "{kind:?}");
    assert_eq!(undone(&with), undone(&without), "{kind:?}");
}

/// The first link is lost for longer than an answer is waited for in all.
const LOST_FOR_LONG: [Fault; 1] = [cut(CUT, ms(800))];

#[test]
fn one_answer_to_the_open_of_an_entry_is_lost() {
    one_lost(ControlKind::Open, &LOST_FOR_LONG);
}

#[test]
fn one_answer_to_a_write_of_a_tcb_is_lost() {
    one_lost(ControlKind::SetTcb, &LOST_FOR_LONG);
}

#[test]
fn one_answer_to_an_abort_is_lost() {
    one_lost(ControlKind::Abort, &LOST_FOR_LONG);
}

#[test]
fn one_answer_to_a_write_of_a_next_hop_is_lost() {
    one_lost(ControlKind::L2t, &LOST_FOR_LONG);
}

#[test]
fn one_answer_about_a_filter_is_lost() {
    one_lost(ControlKind::Filter, &LOST_FOR_LONG);
}

#[test]
fn one_answer_to_a_next_hop_of_a_tcb_is_lost() {
    let what = Breakage::MoveOne(Aim::Host);
    one_lost(ControlKind::SetTcb, &[Fault { when: Trigger::At(ms(12)), what }]);
}

/// A card stands still while one connection waits for its answer, and nobody looks at its heart: what it leaves unanswered
/// gives it up.
fn hangs_in(stage: Stage, which: Which, ports_of_a: u8) {
    let what = Breakage::Dies(which, Death::Hangs, Nanos::from_secs(2));
    let (coverage, outcomes) = runs(|seed| Plan {
        ports_of_a,
        setup: Setup { heartbeat: Nanos::from_secs(10_000), ..Setup::default() },
        connections: vec![connection(Side::Near, us(50), TALKS)],
        faults: vec![cut(CUT, ms(300)), Fault { when: Trigger::In(stage, ms(250)), what }],
        ..plan(seed)
    });
    assert!(coverage.faults_in(what.name(), name(stage)) > 0, "never in {stage:?}:\n{coverage}");
    assert!(outcomes.iter().any(|outcome| outcome.bond.adapters_lost > 0), "{stage:?}");
}

#[test]
fn a_card_hangs_when_its_tcb_is_read() {
    hangs_in(Stage::Gated, Which::Other, 1);
}

#[test]
fn a_card_hangs_when_it_is_fenced() {
    hangs_in(Stage::Fenced, Which::Other, 1);
}

#[test]
fn a_card_hangs_when_it_is_written() {
    hangs_in(Stage::Uploading, Which::Active, 1);
}

#[test]
fn a_card_hangs_when_a_channel_changes() {
    hangs_in(Stage::Rechannelling, Which::Active, 2);
}

/// All writes of next hops are carried out, and none is answered; links change faster than they are asked for again.
#[test]
fn next_hops_turn_though_none_of_their_writes_is_answered() {
    let lost = Mishaps { chances: [1000, 0, 0, 0], only: Some(ControlKind::L2t), ..Mishaps::NONE };
    let (_, outcomes) = runs(|seed| Plan {
        mishaps: Mishaps { seed, count: 24, ..lost },
        faults: (3..19).step_by(2).map(|at| cut(ms(at), us(700))).collect(),
        ..plan(seed)
    });
    assert!(outcomes.iter().any(|outcome| outcome.asked_again > 0));
}

/// Three connections whose adapters have two handles of opens and little more room than they need: both are used again at
/// once, and go to and fro.
fn crowded(mishaps: Mishaps) -> Vec<Outcome> {
    let (_, outcomes) = runs(|seed| Plan {
        connections: (0..3).map(|n| connection(Side::Peer, us(50 * n), TALKS)).collect(),
        room: Room { tids: [5; 2], ..Room::default() },
        late_polls: [[40, 60], [80, 80], [20, 90]][seed as usize % 3],
        mishaps: Mishaps { seed, ..mishaps },
        faults: (0..8).map(|n| cut(ms(8 + 9 * n), ms(4))).collect(),
        ..plan(seed)
    });
    assert!(outcomes.iter().any(|outcome| outcome.bond.moved > 0));
    outcomes
}

#[test]
fn a_handle_is_used_again_between_two_answers_to_an_open() {
    crowded(Mishaps { chances: [0, 1000, 0, 0], only: Some(ControlKind::Open), ..Mishaps::NONE });
}

#[test]
fn a_handle_is_used_again_when_its_open_was_asked_for_twice() {
    let late = Mishaps { chances: [0, 0, 400, 0], only: Some(ControlKind::Open), ..Mishaps::NONE };
    let outcomes = crowded(Mishaps { late_max: ms(40), ..late });
    assert!(outcomes.iter().any(|outcome| outcome.asked_again > 0));
}

/// Where payload ends is said twice, and what would let the connection live is refused.
#[test]
fn an_answer_comes_twice_and_the_next_write_is_refused() {
    let only = Some(ControlKind::SetTcb);
    let (_, outcomes) = runs(|seed| Plan {
        handover: Handover::Instant,
        late_polls: [[40, 60], [12, 7], [0, 30]][seed as usize % 3],
        mishaps: Mishaps { seed, chances: [0, 500, 0, 300], only, ..Mishaps::NONE },
        faults: (0..5).map(|n| cut(ms(8 + 30 * n), ms(15))).collect(),
        ..plan(seed)
    });
    let refused = outcomes.iter().map(|outcome| outcome.bond.uploads_refused).sum::<u64>();
    assert!(refused > 10, "{refused}");
}

/// The write that would let a connection live is refused, and nobody hears that: the TCB itself says that it does not.
#[test]
fn a_refusal_is_lost() {
    let only = Some(ControlKind::SetTcb);
    let (_, outcomes) = runs(|seed| Plan {
        mishaps: Mishaps { seed, chances: [500, 0, 0, 0], only, count: 12, ..Mishaps::NONE },
        faults: vec![at(ms(2), Breakage::RefuseUploads(30)), cut(CUT, ms(300))],
        ..plan(seed)
    });
    assert!(outcomes.iter().any(|outcome| outcome.asked_again > 0));
    assert!(outcomes.iter().all(|outcome| outcome.bond.uploads_refused > 0));
}
