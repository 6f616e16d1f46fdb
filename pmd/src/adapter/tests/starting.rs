//! Bring-up that takes other turns, and what stands in its way.

use mafo_t4::fw::{Command, IqCmd, Opcode, Retval, RssIndTblCmd};
use mafo_t4::{IqId, PortId};

use super::fake::Rig;
use super::*;
use crate::fw::FwError;

fn config() -> AdapterConfig {
    AdapterConfig { command_timeout: Nanos::from_millis(1), ..AdapterConfig::small() }
}

fn ingress_id(lcore: &Lcore) -> IqId {
    lcore.ingress.as_ref().expect("in its place").id()
}

fn error_of(rig: &mut Rig) -> AdapterError {
    rig.start().expect_err("something is in the way")
}

#[test]
fn lcores_have_queues_of_their_own_and_share_the_tables() {
    let mut rig = Rig::new(AdapterConfig { lcores: 3, ..config() });
    rig.start().expect("bring-up");
    let commands = rig.card.take_commands();
    let count = |opcode: Opcode| commands.iter().filter(|c| c[0] == opcode.0).count();
    let queues = [Opcode::IQ, Opcode::EQ_CTRL, Opcode::EQ_ETH, Opcode::EQ_OFLD].map(count);
    assert_eq!(queues, [1 + 3, 3, 3 * 2, 3 * 2]);
    let lcores: Vec<_> = (0..3).filter_map(|n| rig.adapter.take_lcore(n)).collect();
    assert!(rig.adapter.take_lcore(3).is_none());
    let ids: Vec<IqId> = lcores.iter().map(ingress_id).collect();
    // Frames go to the lcores in turn: eight entries a port.
    for table in commands.iter().filter_map(|command| RssIndTblCmd::matching(command)) {
        let expected: Vec<IqId> = ids.iter().copied().cycle().take(8).collect();
        assert_eq!(table.iter().collect::<Vec<_>>(), expected);
    }
    assert_eq!(lcores[1].id(), LcoreId(1));
    assert_ne!(lcores[1].here(7), lcores[2].here(7), "a number alone does not tell the lcore");
    let l2t: Vec<_> = lcores.iter().map(|lcore| lcore.share().l2t.clone()).collect();
    assert_eq!(l2t, [0..33, 33..66, 66..100]);
    assert_eq!(lcores[0].eth.len(), 2);
    assert_eq!(lcores[0].port_index(PortId(1)), Some(1));
    assert_eq!(lcores[0].port_index(PortId(2)), None);
}

#[test]
fn a_card_that_is_slow_to_appear_is_waited_for_and_one_that_does_not_is_gone() {
    let mut rig = Rig::new(config());
    rig.card.set_register(0x19400, u32::MAX);
    for _ in 0..10 {
        rig.poll();
    }
    assert_eq!(rig.adapter.state(), &State::Starting(Stage::Hello));
    rig.card.set_register(0x19400, 0x400);
    rig.start().expect("bring-up");

    let mut rig = Rig::new(config());
    rig.card.set_register(0x19400, u32::MAX);
    assert_eq!(error_of(&mut rig), AdapterError::Gone);
    assert!(rig.now >= config().command_timeout);
}

#[test]
fn hello_is_tried_three_times() {
    let mut rig = Rig::new(config());
    rig.card.answers(|number, honest| (number > 0).then_some(honest));
    rig.poll();
    rig.now += config().command_timeout;
    rig.poll();
    assert_eq!(rig.card.take_opcodes(), [Opcode::HELLO], "the firmware keeps the mailbox");
    rig.card.answers(|_, honest| Some(honest));
    rig.card.give_mailbox_back();
    rig.start().expect("bring-up at the second attempt");

    let mut rig = Rig::new(config());
    rig.card.answers(|_, _| None);
    let error = error_of(&mut rig);
    let busy = |error: &AdapterError| {
        matches!(error, AdapterError::Firmware(FwError::Busy { command: Opcode::HELLO, .. }))
    };
    assert!(busy(&error), "{error}");
    assert!(rig.now >= Nanos::from_millis(3), "three timeouts");
    assert_eq!(rig.adapter.poll(rig.now), Err(error.clone()), "failed for good");
    assert_eq!(rig.adapter.state(), &State::Failed(error));
}

#[test]
fn a_card_that_is_initialised_is_not_configured_again() {
    let mut rig = Rig::new(config());
    // INIT b30, master 4.
    rig.card.set_hello(0x4441_0000);
    rig.start().expect("bring-up");
    let opcodes = rig.card.take_opcodes();
    for opcode in [Opcode::RESET, Opcode::INITIALIZE] {
        assert!(!opcodes.contains(&opcode), "{opcode:?}");
    }
}

#[test]
fn another_master_is_waited_for_and_its_settings_are_left_alone() {
    let foreign = 0x0041_0000 | 2 << 24;
    let mut rig = Rig::new(config());
    rig.card.set_hello(foreign);
    for _ in 0..50 {
        rig.poll();
    }
    assert_eq!(rig.card.take_opcodes(), [Opcode::HELLO, Opcode::PARAMS]);
    // PCIE_FW: INIT b30.
    rig.card.set_register(0x30b8, 1 << 30);
    rig.start().expect("bring-up");
    let opcodes = rig.card.take_opcodes();
    for opcode in [Opcode::RESET, Opcode::INITIALIZE, Opcode::RSS_GLB_CONFIG] {
        assert!(!opcodes.contains(&opcode), "{opcode:?}");
    }

    let mut rig = Rig::new(config());
    rig.card.set_hello(foreign);
    // MASTER 14:12 = 2, valid b15.
    rig.card.set_register(0x30b8, 0xa000);
    rig.settle();
    rig.now += Nanos::from_secs(30);
    assert_eq!(error_of(&mut rig), AdapterError::ForeignMaster { master: 2 });
}

#[test]
fn the_card_s_own_configuration_will_do() {
    let mut rig = Rig::new(config());
    // HELLO, versions, RESET, and the configuration file is not there.
    rig.card.answers(|number, mut honest| {
        if number == 3 {
            honest[6] = Retval::ENOENT.0;
        }
        Some(honest)
    });
    rig.start().expect("bring-up");
    let commands = rig.card.take_commands();
    let caps: Vec<_> = commands.iter().filter(|c| c[0] == 0x07).map(|c| (c[1], c[4])).collect();
    // Read with CFVALID, read without, write, read at the end.
    assert_eq!(caps, [(0xc0, 0x0c), (0xc0, 0), (0xa0, 0), (0xc0, 0)]);
}

#[test]
fn a_firmware_may_not_know_the_filter_mask() {
    let mut rig = Rig::new(config());
    rig.card.set_register(0x7e44, 0x3ff);
    rig.card.answers(|_, mut honest| {
        if honest[8..12] == [0x01, 0x2e, 0x01, 0x00] {
            honest[6] = Retval::EINVAL.0;
        }
        Some(honest)
    });
    rig.start().expect("bring-up");
    assert_eq!(rig.adapter.resources().expect("up").filter_mask, None);
}

#[test]
fn a_card_without_offload_is_refused() {
    // In the configuration that is offered (the fourth command), and in what is on in the end.
    for without in [3, 11] {
        let mut rig = Rig::new(config());
        rig.card.answers(move |number, mut honest| {
            if number == without {
                assert_eq!(honest[0], Opcode::CAPS_CONFIG.0);
                honest[26..28].fill(0);
            }
            Some(honest)
        });
        assert_eq!(error_of(&mut rig), AdapterError::NoOffload);
        assert_eq!(rig.card.take_commands().len(), without + 1, "nothing came after");
    }
}

#[test]
fn settings_that_the_driver_cannot_work_with_are_named() {
    let cases = [
        (0x1008, 0x0801, "SGE_CONTROL"),
        (0x1008, 0x4_0401, "SGE_CONTROL"),
        (0x1058, 4096, "SGE_FL_BUFFER_SIZE"),
        (0x1094, 0x3f00, "SGE_CONM_CTRL"),
    ];
    for (offset, value, name) in cases {
        let mut rig = Rig::new(config());
        rig.card.set_register(offset, value);
        let error = error_of(&mut rig);
        assert!(
            matches!(error, AdapterError::Setting { register, .. } if register == name),
            "{error}"
        );
    }
}

#[test]
fn values_that_make_no_sense_are_named() {
    let cases = [
        (0x0100_0000, 0, "CCLK"),
        (0x0101_0000, 0, "PORTVEC"),
        (0x0101_0000, 0xfff0, "PORTVEC"),
        (0x0102_0000, 0, "NTID"),
        (0x0102_0000, u32::MAX, "NTID"),
        (0x0103_0000, 15, "FLOWC_BUFFIFO_SZ"),
        (0x0103_0000, 65_536, "FLOWC_BUFFIFO_SZ"),
        (0x0213_0000, 1000, "L2T_END"),
        (0x0214_0000, u32::MAX, "L2T_END"),
        (0x0206_0000, u32::MAX - 1, "FILTER_END"),
        (0x0207_0000, 51, "SERVER_END"),
    ];
    for (param, value, name) in cases {
        let mut rig = Rig::new(config());
        rig.card.set_param(param, value);
        let error = error_of(&mut rig);
        let named = matches!(error, AdapterError::BadReply { what, .. } if what == name);
        assert!(named, "{param:#x} = {value}: {error}");
    }
    let mut rig = Rig::new(config());
    rig.card.set_param(0x0207_0000, 50);
    rig.start().expect("one before the first means none");
    assert_eq!(rig.adapter.resources().expect("up").servers, 50..50);
}

#[test]
fn an_adapter_finds_room_in_the_memory_that_it_says_it_needs() {
    let queues = QueueSizes { ofld: 8191, ..QueueSizes::default() };
    for config in [
        AdapterConfig::default(),
        AdapterConfig { mtu: 9600, lcores: 2, ..AdapterConfig::default() },
        AdapterConfig { mtu: 68, queues, ..AdapterConfig::default() },
    ] {
        // The fake card has two ports.
        let arena = Arena::ordinary(config.memory_len(2)).expect("memory");
        let mut rig = Rig::in_arena(config, arena);
        rig.start().expect("comes up");
    }
}

#[test]
fn queue_numbers_that_cannot_be_are_named() {
    let cases = [
        (Opcode::IQ, 2, 0x0400_0002, "PHYSIQID"),
        (Opcode::IQ, 2, 0x0102_1000, "IQID"),
        (Opcode::EQ_CTRL, 3, 0x2_0000, "PHYSEQID"),
        (Opcode::EQ_ETH, 3, 0xf_ffff, "PHYSEQID"),
        (Opcode::VI, 6, 0, "RSSSIZE"),
        (Opcode::VI_MAC, 2, 0x8200_0000, "IDX"),
    ];
    for (opcode, word, value, name) in cases {
        let mut rig = Rig::new(config());
        rig.card.answers(move |_, mut honest| {
            if honest[0] == opcode.0 {
                honest[4 * word..4 * word + 4].copy_from_slice(&u32::to_be_bytes(value));
            }
            Some(honest)
        });
        let error = error_of(&mut rig);
        let named = matches!(
            error,
            AdapterError::BadReply { command, what, .. } if command == opcode && what == name
        );
        assert!(named, "{error}");
    }
}

#[test]
fn what_cannot_be_configured_is_refused_before_the_card_is_touched() {
    let mut rig = Rig::new(AdapterConfig { chip: Chip::T4, ..config() });
    assert_eq!(error_of(&mut rig), AdapterError::UnsupportedChip { chip: Chip::T4 });
    let mut rig = Rig::new(AdapterConfig { lcores: 0, ..config() });
    assert!(matches!(error_of(&mut rig), AdapterError::Config(BadConfig { what: "lcores", .. })));
    assert_eq!(rig.card.take_opcodes(), []);
}

#[test]
fn an_arena_that_is_too_small_is_named() {
    let card = fake::FakeCard::new();
    let arena = Arena::ordinary(64 << 10).expect("memory");
    let mut adapter = Adapter::new(card, Domain::new(1), arena, config());
    let error = (0..1000).find_map(|n| adapter.poll(Nanos(n)).err()).expect("too small");
    assert!(matches!(error, AdapterError::Memory { queue: "an ingress queue", .. }), "{error}");
    assert!(error.to_string().contains("bytes in one piece left"), "{error}");
}

#[test]
fn a_refusal_of_any_command_ends_in_an_error_that_names_it() {
    let mut rig = Rig::new(config());
    rig.start().expect("bring-up");
    let commands = rig.card.take_commands();
    for (refused, command) in commands.iter().enumerate() {
        let mut rig = Rig::new(config());
        rig.card.answers(move |number, mut honest| {
            if number == refused {
                honest[6] = Retval::EPERM.0;
            }
            Some(honest)
        });
        let domain = rig.adapter.domain().clone();
        match rig.start() {
            Err(error) => {
                let expected =
                    FwError::Refused { command: Opcode(command[0]), retval: Retval::EPERM };
                assert_eq!(error, AdapterError::Firmware(expected));
                assert!(!domain.is_revoked());
                drop(rig);
                // After HELLO the card may have been given memory.
                assert_eq!(domain.is_revoked(), refused > 0, "{expected}");
            }
            // The configuration file, the wrapping of CPLs and the filter mask may be refused.
            Ok(()) => assert!(matches!(Opcode(command[0]), Opcode::CAPS_CONFIG | Opcode::PARAMS)),
        }
    }
    assert!(commands.iter().any(|command| IqCmd::matching(command).is_some()));
}
