//! An adapter that is up: links, requests.

use mafo_t4::PortId;
use mafo_t4::fw::{Opcode, Retval, RxMode};

use super::fake::{Rig, port_info};
use super::*;
use crate::fw::FwError;
use crate::lcore::ToLcore;
use crate::sge::ENTRY;
use crate::tests::bar::Access;

/// LSTATUS b31, 10G (8 at 29:24), SFP.
const UP: u32 = 0x8800_0900;
/// Down: no signal (6 at 7:5).
const DOWN: u32 = 0x0000_09c0;

fn rig() -> Rig {
    Rig::up(AdapterConfig { lcores: 2, ..AdapterConfig::small() })
}

#[test]
fn a_link_change_reaches_its_owner_and_every_lcore() {
    let mut rig = rig();
    let mut lcore = rig.adapter.take_lcore(0).expect("up");
    assert!(!lcore.link(PortId(1)).expect("known").up);
    rig.event(&port_info(1, UP));
    rig.poll();
    let state = *rig.adapter.link(PortId(1)).expect("known");
    assert!(state.up);
    assert_eq!((state.link.speed_mbps(), state.mtu), (10_000, 1500));
    assert_eq!(rig.events(), [AdapterEvent::Link { port: PortId(1), state }]);
    assert_eq!(lcore.poll_control(), Some(ToLcore::Link { port: PortId(1), state }));
    assert_eq!(lcore.poll_control(), None);
    assert_eq!(lcore.link(PortId(1)), Some(&state));
    assert!(!lcore.link(PortId(0)).expect("known").up, "the other port is another matter");
    // Its entry went back at once: the event queue is the first with id 2, GTS at 2 × 128 + 20.
    assert_eq!(rig.card.take_bar2(), [Access::Doorbell { offset: 276, value: 7 << 13 | 1 }]);
    // The other lcore, taken later, is told too.
    let mut other = rig.adapter.take_lcore(1).expect("up");
    assert_eq!(other.poll_control(), Some(ToLcore::Link { port: PortId(1), state }));

    rig.event(&port_info(1, UP));
    rig.event(&port_info(1, DOWN));
    rig.poll();
    let events = rig.events();
    let [AdapterEvent::Link { state, .. }] = &events[..] else { panic!("{events:?}") };
    assert!(!state.up && state.down_reason.0 == 6);
    let counters = AdapterCounters { link_messages: 3, link_changes: 2, ..AdapterCounters::new() };
    assert_eq!(rig.adapter.counters(), counters);
}

#[test]
fn both_forms_of_the_message_are_understood() {
    let mut rig = rig();
    // GET_PORT_INFO32 (10): up; 10G (b2) and flow control in force; MTU 9000.
    rig.event(&words(&[0x1bc0_0000, 0x000a_0002, 0x8000_0000, 9000, 0x0003_0004, 0, 0, 0]));
    rig.poll();
    let state = rig.adapter.link(PortId(0)).expect("known");
    assert_eq!((state.up, state.link.speed_mbps(), state.mtu), (true, 10_000, 9000));
}

#[test]
fn other_messages_are_counted() {
    let mut rig = rig();
    rig.event(&port_info(3, UP));
    rig.event(&words(&[0x1bc0_0000, 0x0001_0002, 0, 0, 0, 0, 0, 0]));
    rig.event(&words(&[0x25c0_0000, 0x0000_0002, 0, 0, 0, 0, 0, 0]));
    // An entry of type FLBUF, one whose opcode is not FW6_MSG.
    rig.raw_event(&[0; ENTRY]);
    let mut entry = [0; ENTRY];
    entry[ENTRY - 8] = 0x10;
    rig.raw_event(&entry);
    rig.poll();
    assert_eq!(rig.events(), []);
    let counters = AdapterCounters {
        link_messages: 1,
        bad_messages: 2,
        other_messages: 3,
        ..AdapterCounters::new()
    };
    assert_eq!(rig.adapter.counters(), counters);
}

#[test]
fn an_lcore_that_does_not_listen_hears_the_latest_state_in_the_end() {
    let mut rig = rig();
    let mut lcore = rig.adapter.take_lcore(0).expect("up");
    for n in 0..101 {
        rig.event(&port_info(0, if n % 2 == 0 { UP } else { DOWN }));
        rig.poll();
    }
    let heard = |lcore: &mut Lcore| std::iter::from_fn(|| lcore.poll_control()).count();
    assert!(heard(&mut lcore) >= 1);
    assert!(!lcore.link(PortId(0)).expect("known").up, "the mailbox was full in between");
    rig.poll();
    assert_eq!(heard(&mut lcore), 1);
    assert!(lcore.link(PortId(0)).expect("known").up);
}

#[test]
fn events_that_nobody_fetches_are_bounded() {
    let mut rig = rig();
    for n in 0..300 {
        rig.event(&port_info(0, if n % 2 == 0 { UP } else { DOWN }));
        rig.poll();
    }
    assert_eq!(rig.events().len(), 256);
    assert_eq!(rig.adapter.counters().events_dropped, 300 - 256);
}

#[test]
fn requests_are_done_in_order_and_answered_by_name() {
    let mut rig = rig();
    let port = PortId(1);
    let mac = [0x02, 0x00, 0, 0, 0, 0x33];
    let requests = [
        Request::AddMac { port, mac, source: false },
        Request::AddMac { port, mac: [0x02, 0, 0, 0, 0, 0x44], source: true },
        Request::RemoveMac { port, mac },
        Request::RxMode { port, mode: RxMode::UNCHANGED.with_promiscen(1) },
        Request::Enable { port, receive: true, transmit: false },
        Request::PollLink { port },
    ];
    let ids: Vec<_> =
        requests.into_iter().map(|request| rig.adapter.request(request).expect("room")).collect();
    rig.settle();
    let expected = [
        // VI_MAC w of VIID 0x482: add (0x3ff) to the MAC table; with the source MAC table (3 at 11:10);
        // free by address (0x3fd).
        words(&[0x15a0_0482, 1, 0x83ff_0200, 0x0000_0033]),
        words(&[0x15a0_0482, 1, 0x8fff_0200, 0x0000_0044]),
        words(&[0x15a0_0482, 1, 0x83fd_0200, 0x0000_0033]),
        // VI_RXMODE w: keep all but promiscuous (1 at 15:14).
        words(&[0x16a0_0482, 1, 0xffff_7f00, 0]),
        // VI_ENABLE x: receive only.
        words(&[0x1790_0482, 0x8000_0001, 0, 0]),
        words(&[0x1bc0_0001, 0x0003_0002, 0, 0, 0, 0, 0, 0]),
    ];
    assert_eq!(rig.card.take_commands(), expected);
    let events = rig.events();
    let done: Vec<_> = events
        .iter()
        .map(|event| match event {
            AdapterEvent::Done { id, result } => (*id, *result),
            other => panic!("{other:?}"),
        })
        .collect();
    let outcomes = [
        Outcome::MacEntry(17),
        Outcome::MacEntry(17),
        Outcome::Done,
        Outcome::Done,
        Outcome::Done,
        Outcome::Done,
    ];
    let expected: Vec<_> = ids.into_iter().zip(outcomes.map(Ok)).collect();
    assert_eq!(done, expected);
    assert_eq!(rig.adapter.macs_in_use(), 1, "one was added and not removed");
}

#[test]
fn a_refused_request_is_told_and_the_adapter_lives_on() {
    let mut rig = rig();
    rig.card.answers(|_, mut honest| {
        honest[6] = Retval::ENOSPC.0;
        Some(honest)
    });
    let mac = [2, 0, 0, 0, 0, 1];
    let request = Request::AddMac { port: PortId(0), mac, source: false };
    let id = rig.adapter.request(request).expect("room");
    rig.settle();
    let error = FwError::Refused { command: Opcode::VI_MAC, retval: Retval::ENOSPC };
    assert_eq!(rig.events(), [AdapterEvent::Done { id, result: Err(error) }]);
    assert!(rig.adapter.is_up());
    assert_eq!((rig.adapter.macs_in_use(), rig.adapter.counters().requests_refused), (0, 1));
}

#[test]
fn a_polled_link_that_differs_is_an_event_too() {
    let mut rig = rig();
    rig.card.answers(|_, _| Some(port_info(0, UP)));
    let id = rig.adapter.request(Request::PollLink { port: PortId(0) }).expect("room");
    rig.settle();
    let state = *rig.adapter.link(PortId(0)).expect("known");
    assert!(state.up);
    let done = AdapterEvent::Done { id, result: Ok(Outcome::Done) };
    assert_eq!(rig.events(), [AdapterEvent::Link { port: PortId(0), state }, done]);
}

#[test]
fn requests_that_wait_are_bounded_and_none_are_taken_before_the_adapter_is_up() {
    let mut early = Rig::new(AdapterConfig::small());
    let request = Request::PollLink { port: PortId(0) };
    assert!(early.adapter.request(request.clone()).is_err());
    let mut rig = rig();
    let taken = (0..1000).take_while(|_| rig.adapter.request(request.clone()).is_ok()).count();
    assert_eq!(taken, 64);
}

#[test]
fn a_firmware_that_stops_answering_fails_the_adapter() {
    let mut rig = Rig::up(AdapterConfig { command_timeout: Nanos(500), ..AdapterConfig::small() });
    rig.card.answers(|_, _| None);
    rig.adapter.request(Request::PollLink { port: PortId(0) }).expect("room");
    let error = (0..10).find_map(|_| {
        rig.now += Nanos(100);
        rig.adapter.poll(rig.now).err()
    });
    let error = error.expect("no reply");
    assert!(matches!(
        error,
        AdapterError::Firmware(FwError::TimedOut { command: Opcode::PORT, .. })
    ));
    assert!(!rig.adapter.is_up());
}

#[test]
fn another_mtu_table_is_written_and_told_to_the_lcores() {
    let mut rig = rig();
    let mut lcore = rig.adapter.take_lcore(0).expect("up");
    let mtus: [u16; 16] = core::array::from_fn(|n| 1000 + 40 * n as u16);
    rig.card.take_table_writes();
    assert!(rig.adapter.load_mtus(mtus));
    assert_eq!(lcore.resources().mtus, [0; 16], "not told yet: as this card came");
    assert_eq!(lcore.poll_control(), Some(ToLcore::Mtus(mtus)));
    assert_eq!((lcore.resources().mtus, lcore.resources().mtu_index(1050)), (mtus, 1));
    assert_eq!(rig.adapter.resources().map(|resources| resources.mtus), Some(mtus));
    let writes = rig.card.take_table_writes();
    // Entry 1, 10 bits wide, and its first row of 32 in the congestion table: 1000 * 1 / 2.
    assert_eq!(writes[33..35], [(0x7de4, 1 << 24 | 10 << 16 | 1040), (0x7ddc, 1 << 21 | 500)]);
    assert_eq!(writes.len(), 16 * 33);
    let falling = [1500; 16];
    assert!(!rig.adapter.load_mtus(falling));
    assert_eq!((lcore.poll_control(), rig.card.take_table_writes().len()), (None, 0));
}

#[test]
fn an_adapter_comes_up_with_the_mtu_table_that_it_is_given() {
    let mtus: [u16; 16] = core::array::from_fn(|n| 576 + 100 * n as u16);
    let rig = Rig::up(AdapterConfig { mtus: Some(mtus), ..AdapterConfig::small() });
    assert_eq!(rig.adapter.resources().map(|resources| resources.mtus), Some(mtus));
    assert!(rig.card.take_table_writes().contains(&(0x7de4, 15 << 24 | 11 << 16 | 2076)));
}
