//! The end of an adapter.

use mafo_t4::fw::{Opcode, Retval};

use super::fake::Rig;
use super::*;
use crate::fw::FwError;
use crate::lcore::ToLcore;

fn config() -> AdapterConfig {
    let close_timeout = Nanos::from_millis(1);
    AdapterConfig { close_timeout, command_timeout: close_timeout, ..AdapterConfig::small() }
}

#[test]
fn everything_is_freed_in_reverse_and_all_memory_comes_back() {
    let mut rig = Rig::up(config());
    let before = rig.arena.free();
    rig.adapter.close();
    rig.settle();
    assert_eq!(rig.adapter.state(), &State::Closed);
    let expected = [
        // Port 1's directions, then port 0's.
        words(&[0x1790_0482, 1, 0, 0]),
        words(&[0x1790_0481, 1, 0, 0]),
        // Offload and Ethernet queue of port 1, of port 0, control queue: free (b30) by relative id.
        words(&[0x2190_0400, 0x4000_0002, 14, 0, 0, 0, 0, 0]),
        words(&[0x1290_0400, 0x4000_0003, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        words(&[0x2190_0400, 0x4000_0002, 10, 0, 0, 0, 0, 0]),
        words(&[0x1290_0400, 0x4000_0003, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        words(&[0x1390_0400, 0x4000_0002, 6, 0, 0, 0, 0, 0]),
        // The ingress queue with its freelist (0x24): stop (b27), free; then the event queue.
        words(&[0x1090_0400, 0x0800_0004, 4, 0x0024_ffff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        words(&[0x1090_0400, 0x4000_0004, 4, 0x0024_ffff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        words(&[0x1090_0400, 0x0800_0004, 2, 0xffff_ffff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        words(&[0x1090_0400, 0x4000_0004, 2, 0xffff_ffff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        // Both interfaces, and goodbye.
        words(&[0x1490_0400, 0x4000_0004, 0x0482_0000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        words(&[0x1490_0400, 0x4000_0004, 0x0481_0000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        words(&[0x05a0_0000, 1, 0, 0]),
    ];
    assert_eq!(rig.card.take_commands(), expected);
    assert!(before < rig.arena.len());
    assert_eq!(rig.arena.free(), rig.arena.len());
    let domain = rig.adapter.domain().clone();
    drop(rig);
    assert!(!domain.is_revoked(), "a card that was told goodbye needs no force");
}

#[test]
fn an_lcore_in_use_is_told_and_waited_for() {
    let mut rig = Rig::up(config());
    let mut lcore = rig.adapter.take_lcore(0).expect("up");
    rig.adapter.close();
    for _ in 0..10 {
        rig.poll();
    }
    assert_eq!(rig.card.take_opcodes(), [], "its queues are in use");
    assert_eq!((rig.adapter.state(), rig.adapter.lcores_taken()), (&State::Closing, 1));
    assert_eq!(lcore.poll_control(), Some(ToLcore::Close));
    drop(lcore);
    rig.settle();
    assert_eq!((rig.adapter.state(), rig.adapter.lcores_taken()), (&State::Closed, 0));
    assert_eq!(rig.arena.free(), rig.arena.len());
}

#[test]
fn an_lcore_that_does_not_let_go_keeps_its_memory_and_nothing_else() {
    let mut rig = Rig::up(config());
    let lcore = rig.adapter.take_lcore(0).expect("up");
    rig.adapter.close();
    rig.poll();
    rig.now += config().close_timeout;
    rig.settle();
    assert_eq!(rig.adapter.state(), &State::Closed);
    assert!(rig.arena.free() < rig.arena.len());
    drop(lcore);
    assert_eq!(rig.arena.free(), rig.arena.len());
}

#[test]
fn memory_of_a_dropped_lcore_is_not_reused_while_the_card_has_its_queues() {
    let mut rig = Rig::up(config());
    let in_use = rig.arena.free();
    drop(rig.adapter.take_lcore(0).expect("up"));
    assert_eq!(rig.arena.free(), in_use);
}

#[test]
fn what_the_firmware_does_not_take_back_stays_with_the_card() {
    let mut rig = Rig::up(config());
    rig.card.answers(|_, mut honest| {
        if honest[0] == Opcode::EQ_CTRL.0 {
            honest[6] = Retval::EBUSY.0;
        }
        Some(honest)
    });
    rig.adapter.close();
    rig.settle();
    assert_eq!(rig.adapter.state(), &State::Closed, "the rest is freed all the same");
    assert_eq!(rig.adapter.counters().undo_refused, 1);
    // 512 units and one, at whole cache lines.
    assert_eq!(rig.arena.len() - rig.arena.free(), 513 * 64);
    let domain = rig.adapter.domain().clone();
    let arena = rig.arena.clone();
    drop(rig);
    assert!(domain.is_revoked());
    assert_eq!(arena.free(), arena.len(), "and comes back once the card cannot reach it");
}

#[test]
fn a_firmware_that_is_silent_at_the_end_fails_the_adapter() {
    let mut rig = Rig::up(config());
    rig.card.answers(|_, _| None);
    rig.adapter.close();
    rig.poll();
    rig.poll();
    assert_eq!(rig.card.take_opcodes(), [Opcode::VI_ENABLE]);
    rig.now += config().command_timeout;
    let error = rig.adapter.poll(rig.now).expect_err("no reply");
    assert!(matches!(
        error,
        AdapterError::Firmware(FwError::TimedOut { command: Opcode::VI_ENABLE, .. })
    ));
    assert!(rig.arena.free() < rig.arena.len());
    let domain = rig.adapter.domain().clone();
    drop(rig);
    assert!(domain.is_revoked());
}

#[test]
fn closing_at_any_point_of_bring_up_frees_what_there_is() {
    let mut all = Rig::new(config());
    all.start().expect("bring-up");
    for polls in 0..all.card.take_commands().len() {
        let mut rig = Rig::new(config());
        for _ in 0..polls {
            rig.poll();
        }
        let begun = rig.card.take_opcodes();
        rig.adapter.close();
        rig.settle();
        assert_eq!(rig.adapter.state(), &State::Closed, "after {polls} polls");
        let undone = rig.card.take_opcodes();
        let count = |list: &[Opcode], opcode| list.iter().filter(|&&one| one == opcode).count();
        let pairs = [
            (Opcode::HELLO, Opcode::BYE, 1),
            (Opcode::VI, Opcode::VI, 1),
            (Opcode::IQ, Opcode::IQ, 2),
            (Opcode::EQ_CTRL, Opcode::EQ_CTRL, 1),
            (Opcode::EQ_ETH, Opcode::EQ_ETH, 1),
            (Opcode::EQ_OFLD, Opcode::EQ_OFLD, 1),
            (Opcode::VI_ENABLE, Opcode::VI_ENABLE, 1),
        ];
        for (make, free, times) in pairs {
            assert_eq!(
                count(&undone, free),
                times * count(&begun, make),
                "{free:?}, {polls} polls"
            );
        }
        assert_eq!(rig.arena.free(), rig.arena.len(), "after {polls} polls");
    }
}

#[test]
fn a_command_under_way_is_waited_for_and_its_queue_freed_too() {
    let mut rig = Rig::new(config());
    rig.card.answers(|_, honest| (honest[0] != Opcode::EQ_CTRL.0).then_some(honest));
    for _ in 0..100 {
        rig.poll();
    }
    rig.adapter.close();
    for _ in 0..10 {
        rig.poll();
    }
    assert_eq!(rig.adapter.state(), &State::Closing, "a command is under way");
    rig.card.answers(|_, honest| Some(honest));
    rig.card.answer_late();
    rig.card.take_commands();
    rig.settle();
    assert_eq!(rig.adapter.state(), &State::Closed);
    assert!(rig.card.take_opcodes().contains(&Opcode::EQ_CTRL));
    assert_eq!(rig.arena.free(), rig.arena.len());
}

#[test]
fn requests_do_not_survive_the_end() {
    let mut rig = Rig::up(config());
    let port = PortId(0);
    rig.adapter.request(Request::PollLink { port }).expect("room");
    rig.adapter.close();
    rig.settle();
    assert!(!rig.card.take_opcodes().contains(&Opcode::PORT));
    assert!(rig.adapter.request(Request::PollLink { port }).is_err());
    rig.adapter.close();
    rig.settle();
    assert_eq!(rig.adapter.state(), &State::Closed, "twice is once");
}
