//! The cases that must be defined, each by its name: what happens to connections that are in a certain stage of their
//! handover, or in a certain state of TCP, when a link fails. Every frame is judged as in any seed; a case in which
//! nothing happened fails too.

use mafo::Handover;
use mafo::Nanos;
use mafo::wire::impair::Impairments;
use mafo_failover::Stage;
use mafo_sim::plan::{
    Act, Breakage, Connection, Death, End, Ending, Fault, Room, Setup, Side, Stray, Trigger, Which,
};
use mafo_sim::{Coverage, Outcome, Plan, run};

const fn ms(ms: u64) -> Nanos {
    Nanos::from_millis(ms)
}

const fn us(us: u64) -> Nanos {
    Nanos::from_micros(us)
}

/// When the active link fails, where a case says nothing else.
const CUT: Nanos = ms(12);

/// Writes now and then, for some 50 ms.
const TALKS: End = End {
    bytes: 120_000,
    chunk: 3_000,
    write_pause: Some((10_000, ms(4))),
    read_pause: None,
    linger: Nanos::ZERO,
    ending: Ending::Orderly,
    waits_for_close: true,
};

/// Has little to say, and then waits for long before it finishes.
const LINGERS: End = End { bytes: 100, write_pause: None, linger: ms(400), ..TALKS };

fn connection(opener: Side, at: Nanos, end: End) -> Connection {
    let (handover, congestion) = (None, None);
    Connection { opener, at, nagle: false, handover, congestion, ends: [end; 2] }
}

/// Some connections that talk, and no fault.
fn plan(seed: u64) -> Plan {
    let opener = |n: u64| if n.is_multiple_of(2) { Side::Near } else { Side::Peer };
    Plan {
        seed,
        ports_of_a: 1,
        plain: [false; 2],
        connections: (0..6).map(|n| connection(opener(n), us(50 * n), TALKS)).collect(),
        faults: Vec::new(),
        impairments: Impairments { delay: us(20), ..Impairments::NONE },
        ageing: Nanos::from_secs(300),
        floods: true,
        // Fast and slow cards in turn: with slow ones a stage lasts.
        late_polls: [[2, 3], [12, 7], [30, 40], [0, 0]][seed as usize % 4],
        backlog: 64,
        tick: us(5),
        recv_buffer: [64 << 10, 128 << 10],
        send_buffer: [32 << 10, 64 << 10],
        handover: [Handover::Drained, Handover::Instant, Handover::Auto][seed as usize % 3],
        recv_buffer_max: [64 << 10, 128 << 10],
        setup: Setup::default(),
        ecn: false,
        stamps_wrap: None,
        numbers_wrap: [false; 2],
        numbers_at: 0,
        mode: mafo::Mode::default(),
        policy: mafo::XmitHashPolicy::default(),
        fail_over_mac: mafo::FailOverMac::default(),
        defect: None,
        late_ethernet: [0; 2],
        mishaps: mafo::Mishaps::NONE,
        spoils_commits: false,
        room: Room::default(),
        own: None,
    }
}

const fn cut(at: Nanos, time: Nanos) -> Fault {
    Fault { when: Trigger::At(at), what: Breakage::Active(time) }
}

fn at(at: Nanos, what: Breakage) -> Fault {
    Fault { when: Trigger::At(at), what }
}

/// Runs `plan` for some seeds: all rules have to be kept. What they came to.
fn runs(plan: impl Fn(u64) -> Plan) -> (Coverage, Vec<Outcome>) {
    let mut coverage = Coverage::default();
    let run = |seed| match run::run_plan(&plan(seed)) {
        Ok(outcome) => outcome,
        Err(failure) => panic!("{failure}"),
    };
    let outcomes: Vec<Outcome> = (0..12).map(run).collect();
    for outcome in &outcomes {
        coverage.add(&outcome.coverage);
    }
    (coverage, outcomes)
}

/// `what` happens when a connection is in `stage` of the handover that the loss of the active link causes.
fn in_stage(stage: Stage, what: Breakage) {
    let setup = Setup { heartbeat: us(300), ..Setup::default() };
    let (coverage, _) = runs(|seed| Plan {
        setup,
        faults: vec![cut(CUT, ms(300)), Fault { when: Trigger::In(stage, ms(250)), what }],
        ..plan(seed)
    });
    let hit = coverage.faults_in(what.name(), name(stage));
    assert!(hit > 0, "{} never came in {stage:?}:\n{coverage}", what.name());
}

fn name(stage: Stage) -> &'static str {
    match stage {
        Stage::Tunnelled => "Tunnelled",
        Stage::Suspended => "Suspended",
        Stage::Held => "Held",
        Stage::Gated => "Gated",
        Stage::Fenced => "Fenced",
        Stage::Uploading => "Uploading",
        Stage::Rechannelling => "Rechannelling",
        Stage::Sheltered => "Sheltered",
    }
}

/// A module of cases, one a stage.
macro_rules! in_each_stage {
    ($($(#[$m:meta])* $name:ident: $what:expr;)*) => { $(
        $(#[$m])*
        mod $name {
            use super::*;

            #[test]
            fn tunnelled() {
                in_stage(Stage::Tunnelled, $what);
            }
            #[test]
            fn suspended() {
                in_stage(Stage::Suspended, $what);
            }
            #[test]
            fn held() {
                in_stage(Stage::Held, $what);
            }
            #[test]
            fn gated() {
                in_stage(Stage::Gated, $what);
            }
            #[test]
            fn fenced() {
                in_stage(Stage::Fenced, $what);
            }
            #[test]
            fn uploading() {
                in_stage(Stage::Uploading, $what);
            }
        }
    )* };
}

mod bonds;
mod carriers;
mod deadlines;
mod deaths;
mod itself;
mod nobody;
mod ports;
mod rooms;

in_each_stage! {
    first_link_returns: Breakage::Mend;
    second_link_fails: Breakage::Active(ms(30));
    second_link_fails_for_good: Breakage::Active(ms(800));
    both_are_down: Breakage::All(ms(20));
    we_finish: Breakage::Does(Side::Near, Act::Finish);
    we_close: Breakage::Does(Side::Near, Act::Close);
    we_abort: Breakage::Does(Side::Near, Act::Abort);
    we_stop_reading: Breakage::Does(Side::Near, Act::Rest(ms(60)));
    peer_finishes: Breakage::Does(Side::Peer, Act::Finish);
    peer_closes: Breakage::Does(Side::Peer, Act::Close);
    peer_resets: Breakage::Does(Side::Peer, Act::Abort);
    /// A window of nothing.
    peer_stops_reading: Breakage::Does(Side::Peer, Act::Rest(ms(600)));
    peer_is_silent: Breakage::Silence(ms(600));
    an_old_syn: Breakage::Stranger(Stray::Syn);
    icmp_error: Breakage::Stranger(Stray::Unreachable);
    ip_fragment: Breakage::Stranger(Stray::Fragment);
    /// The table of the second adapter is full.
    second_adapter_is_full: Breakage::RefuseOpens(30);
    second_adapter_refuses_the_image: Breakage::RefuseUploads(5);
    /// It has little to tell any more, if anything.
    first_adapter_dies: Breakage::Dies(Which::Other, Death::Now, ms(50));
    first_adapter_dies_at_a_later_word: Breakage::Dies(Which::Other, Death::After(2), ms(50));
    /// Its card goes on until it is silenced.
    first_adapter_falls_off_the_bus: Breakage::Dies(Which::Other, Death::OffTheBus, ms(50));
    first_adapter_hangs: Breakage::Dies(Which::Other, Death::Hangs, ms(50));
    second_adapter_dies: Breakage::Dies(Which::Active, Death::Now, ms(50));
    second_adapter_dies_at_a_later_word: Breakage::Dies(Which::Active, Death::After(2), ms(50));
    second_adapter_falls_off_the_bus: Breakage::Dies(Which::Active, Death::OffTheBus, ms(50));
    second_adapter_hangs: Breakage::Dies(Which::Active, Death::Hangs, ms(50));
}

/// The second link is lost as well, and back before, or after, the first one.
#[test]
fn both_down_then_the_first() {
    both_down([ms(40), ms(400)]);
}

#[test]
fn both_down_then_the_second() {
    both_down([ms(400), ms(20)]);
}

fn both_down(times: [Nanos; 2]) {
    let (_, outcomes) = runs(|seed| Plan {
        faults: vec![cut(CUT, times[0]), cut(CUT + ms(4), times[1])],
        ..plan(seed)
    });
    assert!(outcomes.iter().all(|outcome| outcome.bond.failures >= 2), "{:?}", outcomes[0].bond);
}

/// For as long as a connection lives the adapter that is left refuses to take it from the host path. That tries again and
/// again, and its timers run out all the same: what opens the peer's window again is lost, and has to be asked for.
#[test]
fn adapters_refuse_for_ever() {
    let all_at_once = End { bytes: 240_000, write_pause: None, ..TALKS };
    let reads_slowly = End { bytes: 100, read_pause: Some((40_000, ms(250))), ..TALKS };
    let (_, outcomes) = runs(|seed| Plan {
        connections: (0..4)
            .map(|n| Connection {
                ends: [all_at_once, reads_slowly],
                ..connection(Side::Near, us(50 * n), TALKS)
            })
            .collect(),
        faults: vec![
            at(ms(1), Breakage::RefuseUploads(u32::MAX)),
            cut(ms(2), Nanos::from_secs(30)),
            at(ms(100), Breakage::Silence(ms(900))),
        ],
        handover: Handover::Instant,
        ..plan(seed)
    });
    let sheltered: Vec<u64> = outcomes.iter().map(|outcome| outcome.bond.sheltered).collect();
    assert!(sheltered.iter().all(|&times| times >= 4), "{sheltered:?}");
}

/// A link goes and comes all the time.
#[test]
fn flapping() {
    let (_, outcomes) = runs(|seed| Plan {
        faults: (0..25).map(|n| cut(ms(5) + ms(3 * n), us(900 + 200 * (n % 7)))).collect(),
        ..plan(seed)
    });
    // A link that goes to a slow card stays away for longer.
    let failures: Vec<u64> = outcomes.iter().map(|outcome| outcome.bond.failures).collect();
    assert!(failures.iter().sum::<u64>() >= 150, "{failures:?}");
}

#[test]
fn many_connections() {
    let (_, outcomes) = runs(|seed| Plan {
        connections: (0..64_u64)
            .map(|n| {
                let opener = if n.is_multiple_of(2) { Side::Near } else { Side::Peer };
                let end = End { bytes: 60_000, ..TALKS };
                connection(opener, us(20 * n), end)
            })
            .collect(),
        faults: vec![cut(CUT, ms(300))],
        ..plan(seed)
    });
    assert!(outcomes.iter().all(|outcome| outcome.bond.moved >= 30), "{:?}", outcomes[0].bond);
}

/// The active link fails while a connection is in a certain state: at `first`, and a little later with each seed.
fn in_state(state: &'static str, opener: Side, faults: &[Fault], (first, later): (Nanos, Nanos)) {
    let (coverage, _) = runs(|seed| Plan {
        connections: vec![connection(opener, us(100), LINGERS)],
        // Ends are far apart: each state lasts for a while.
        impairments: Impairments { delay: ms(1), ..Impairments::NONE },
        late_polls: [seed as u32 % 3, seed as u32 % 2],
        faults: faults
            .iter()
            .copied()
            .chain([cut(first + Nanos(later.0 * seed), ms(300))])
            .collect(),
        ..plan(seed)
    });
    let hit = coverage.faults_in("active link lost", state);
    assert!(hit > 0, "never in {state}:\n{coverage}");
}

const NEAR_FINISHES: Breakage = Breakage::Does(Side::Near, Act::Finish);
const PEER_FINISHES: Breakage = Breakage::Does(Side::Peer, Act::Finish);

#[test]
fn opening() {
    in_state("Opening", Side::Near, &[], (us(200), us(250)));
}

#[test]
fn accepting() {
    in_state("Accepting", Side::Peer, &[], (us(400), us(300)));
}

#[test]
fn established_and_idle() {
    in_state("Established", Side::Near, &[], (ms(40), ms(1)));
}

#[test]
fn close_wait() {
    in_state("CloseWait", Side::Peer, &[at(ms(40), PEER_FINISHES)], (ms(42), us(200)));
}

#[test]
fn fin_wait_1() {
    in_state("FinWait1", Side::Near, &[at(ms(40), NEAR_FINISHES)], (us(40_100), us(200)));
}

#[test]
fn fin_wait_2() {
    in_state("FinWait2", Side::Near, &[at(ms(40), NEAR_FINISHES)], (ms(44), ms(1)));
}

#[test]
fn closing() {
    let finish = [at(ms(40), NEAR_FINISHES), at(us(40_200), PEER_FINISHES)];
    in_state("Closing", Side::Near, &finish, (us(41_200), us(100)));
}

#[test]
fn last_ack() {
    let finish = [at(ms(40), PEER_FINISHES), at(ms(44), NEAR_FINISHES)];
    in_state("LastAck", Side::Peer, &finish, (us(44_100), us(200)));
}

/// The last acknowledgment is lost with the link: the peer says its FIN again, by the other one.
#[test]
fn time_wait() {
    let (_, outcomes) = runs(|seed| Plan {
        connections: vec![connection(Side::Near, us(100), LINGERS)],
        impairments: Impairments { delay: ms(1), ..Impairments::NONE },
        faults: vec![
            at(ms(40), NEAR_FINISHES),
            at(ms(50), PEER_FINISHES),
            // The FIN has been answered, and the answer has not arrived.
            cut(us(52_500), ms(300)),
        ],
        ..plan(seed)
    });
    assert!(outcomes.iter().all(|outcome| outcome.bond.failures == 1));
}

/// A connection is opened while others are tunnelled: it lives on the active adapter from the start.
#[test]
fn an_open_of_ours_during_the_tunnel() {
    opened_in_the_tunnel(Side::Near);
}

#[test]
fn an_open_of_the_peer_during_the_tunnel() {
    opened_in_the_tunnel(Side::Peer);
}

fn opened_in_the_tunnel(opener: Side) {
    let (coverage, outcomes) = runs(|seed| {
        let mut plan = Plan {
            faults: vec![
                cut(CUT, ms(300)),
                Fault { when: Trigger::In(Stage::Tunnelled, ms(20)), what: Breakage::Open },
            ],
            ..plan(seed)
        };
        plan.connections.push(connection(opener, ms(900), TALKS));
        plan
    });
    assert!(coverage.faults_in("open", "Tunnelled") > 0, "{coverage}");
    // Opened where everybody is going, it is not moved; and not before its time without the fault.
    assert!(outcomes.iter().all(|outcome| outcome.lasted < ms(900)), "{:?}", outcomes[0].lasted);
}

/// A peer that is near and does not read for a second is not waited for for two: what it does not take is posted again.
#[test]
fn the_drain_is_waited_for_by_the_round_trip() {
    let end = End { bytes: 250_000, chunk: 10_000, write_pause: Some((20_000, ms(1))), ..TALKS };
    let (_, outcomes) = runs(|seed| Plan {
        connections: vec![connection(Side::Near, us(10), end)],
        handover: Handover::Auto,
        faults: vec![
            at(ms(4), Breakage::Does(Side::Peer, Act::Rest(ms(1_000)))),
            cut(CUT, ms(3_000)),
        ],
        ..plan(seed)
    });
    // At times the window ends where what was posted does.
    let undrained = outcomes.iter().filter(|outcome| outcome.bond.moved_undrained > 0).count();
    assert!(undrained >= 8, "{undrained}");
}

/// A whole window is held for a connection: more than the other card's queue takes at once, and less than the bond holds.
#[test]
fn what_was_held_waits_for_room() {
    let end = End { bytes: 250_000, write_pause: None, chunk: 60_000, ..TALKS };
    let (_, outcomes) = runs(|seed| Plan {
        connections: (0..10).map(|n| connection(Side::Peer, us(10 * n), end)).collect(),
        late_polls: [80, 80],
        handover: Handover::Instant,
        recv_buffer: [200 << 10; 2],
        recv_buffer_max: [200 << 10; 2],
        send_buffer: [200 << 10; 2],
        faults: (0..6).map(|n| cut(ms(20) + ms(9 * n), ms(4))).collect(),
        ..plan(seed)
    });
    let lost = |o: &Outcome| o.bond.tx_full + o.bond.hold_overflows;
    assert!(outcomes.iter().any(|o| o.bond.waited_frames > 0 && lost(o) == 0));
}

/// Shifts of 2 here and 9 there, and the other way round: the TCB names them the other way than the RFC does.
#[test]
fn scales_of_2_and_9() {
    for scales in [[256 << 10, 33 << 20], [33 << 20, 256 << 10]] {
        let (_, outcomes) = runs(|seed| Plan {
            recv_buffer_max: scales.map(|bytes: usize| bytes - (bytes >> 10)),
            faults: vec![cut(CUT, ms(30)), cut(ms(60), ms(300))],
            ..plan(seed)
        });
        assert!(outcomes.iter().all(|outcome| outcome.bond.moved > 0));
    }
}

#[test]
fn sequence_numbers_wrap() {
    for (side, numbers) in [(0, [true, false]), (1, [false, true])] {
        let (_, outcomes) = runs(|seed| Plan {
            numbers_wrap: numbers,
            faults: vec![cut(CUT, ms(30)), cut(ms(60), ms(300))],
            ..plan(seed)
        });
        assert!(outcomes.iter().all(|outcome| outcome.wrapped.numbers[side]), "{side}");
    }
}

/// A TCB tells where the stream stands by distances from TX_MAX of 28 bits.
#[test]
fn sequence_numbers_go_past_multiples_of_2_28() {
    for at in [1, 8, 15] {
        for numbers in [[true, false], [false, true]] {
            let (_, outcomes) = runs(|seed| Plan {
                numbers_wrap: numbers,
                numbers_at: at,
                faults: vec![cut(CUT, ms(30)), cut(ms(60), ms(300))],
                ..plan(seed)
            });
            assert!(outcomes.iter().all(|outcome| outcome.bond.moved > 0), "{at}");
        }
    }
}

/// What the host gives to its Ethernet queues, frames for the tunnel and markers among them, is late, and nothing else.
#[test]
fn late_ethernet_queues() {
    let (_, outcomes) = runs(|seed| Plan {
        late_polls: [0, 0],
        late_ethernet: [20 * seed as u32, 300],
        faults: vec![cut(CUT, ms(30)), cut(ms(60), ms(300)), at(ms(90), Breakage::Mend)],
        ..plan(seed)
    });
    assert!(outcomes.iter().all(|outcome| outcome.bond.moved > 0));
}

#[test]
fn timestamps_wrap() {
    for adapter in [0, 1] {
        let (_, outcomes) = runs(|seed| Plan {
            stamps_wrap: Some(adapter),
            faults: vec![cut(CUT, ms(300))],
            ..plan(seed)
        });
        // What the second adapter adds to its clock hides that from the peer.
        let seen = outcomes.iter().any(|outcome| outcome.wrapped.stamps);
        assert!(seen || adapter == 1, "{adapter}");
        assert!(outcomes.iter().all(|outcome| outcome.bond.moved > 0), "{adapter}");
    }
}
