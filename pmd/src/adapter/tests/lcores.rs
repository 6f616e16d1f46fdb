//! What a taken lcore does with its queues, and the Ethernet ports on top of it.

use mafo_mem::{Frame, FrameBurst};
use mafo_t4::cpl::{Opcode as CplOpcode, PeerClose, SgeEgrUpdate};
use mafo_t4::fw::{Command, EqCtrlCmd, EqEthCmd, IqCmd};
use mafo_t4::sge::{EQ_UNIT, Qstat, RssHeader};
use mafo_t4::{EqId, HostMemory, Iova, IqId, PortId, Tid, cpl};

use super::fake::{Rig, port_info};
use super::*;
use crate::eth::{TxChecksum, TxTo};
use crate::sge::Ingress;
use crate::stats::LeftOver;
use crate::tests::bar::Access;
use crate::tests::ingress::IngressCard;
use crate::{EthPort, EthPorts};

/// An lcore of an adapter with two ports, and the card behind its queues.
struct Taken {
    rig: Rig,
    lcore: Lcore,
    card: IngressCard,
    commands: Vec<Vec<u8>>,
}

impl Taken {
    fn new() -> Self {
        let mut rig = Rig::new(AdapterConfig::small());
        rig.start().expect("bring-up");
        let commands = rig.card.take_commands();
        rig.card.take_bar2();
        let lcore = rig.adapter.take_lcore(0).expect("up");
        let queues: Vec<IqCmd> =
            commands.iter().filter_map(|c| IqCmd::matching(c)).copied().collect();
        let [_, ingress] = queues[..] else { panic!("{queues:?}") };
        let domain = rig.adapter.domain().clone();
        let (ring, list) = (ingress.iqaddr(), ingress.fl0addr());
        let card = IngressCard::new(domain, (ring, ingress.iqsize()), (list, 128), 2048);
        Self { rig, lcore, card, commands }
    }

    /// The card says that it has read all before unit `cidx` of a ring of `units`.
    fn status(&self, ring: Iova, units: u16, id: EqId, cidx: u16) {
        let at = ring.add(usize::from(units) * EQ_UNIT);
        let word = Qstat::of(id, cidx, 0).to_memory();
        self.card.domain.store_release_u64(at, word).expect("mapped");
    }

    fn burst(&mut self) -> usize {
        let ingress = self.lcore.ingress.as_mut().expect("in its place");
        ingress.burst(Nanos(0), 64, |_| {})
    }
}

#[test]
fn an_update_reaches_the_queue_that_it_names() {
    let mut taken = Taken::new();
    let ring = taken.commands.iter().find_map(|c| EqCtrlCmd::matching(c)).expect("one").eqaddr();
    let id = taken.lcore.ctrl.id();
    let release = cpl::TidRelease::new(Tid(1));
    let posted =
        (0..).take_while(|_| crate::ofld::control(&mut taken.lcore.ctrl, Tid(0), &release).is_ok());
    assert_eq!(posted.count(), 511, "all units but one");
    taken.status(ring, 512, id, 500);
    assert_eq!(taken.lcore.ctrl.free_units(), 0, "nobody has looked");
    // One about a queue of somebody else, one about ours.
    taken.card.cpl(SgeEgrUpdate::of(EqId(0x1_ffff), 0, 0).as_bytes());
    taken.card.cpl(SgeEgrUpdate::of(id, 500, 0).as_bytes());
    assert_eq!(taken.burst(), 2);
    taken.lcore.flush();
    assert_eq!(taken.lcore.ctrl.free_units(), 500);

    let eth = taken.commands.iter().filter_map(|c| EqEthCmd::matching(c)).nth(1).expect("two");
    let (ring, id) = (eth.eqaddr(), taken.lcore.eth[1].eq().id());
    taken.lcore.eth[1].send(&[1; 200], TxTo::Wire, TxChecksum::Keep).expect("room");
    assert_eq!(taken.lcore.eth[1].in_flight(), 1);
    taken.status(ring, 512, id, 1);
    taken.card.cpl(SgeEgrUpdate::of(id, 1, 0).as_bytes());
    taken.burst();
    taken.lcore.flush();
    assert_eq!(taken.lcore.eth[1].in_flight(), 0, "and its buffers");
}

#[test]
fn a_flush_tells_of_all_queues_at_once() {
    let mut taken = Taken::new();
    let release = cpl::TidRelease::new(Tid(1));
    let lcore = &mut taken.lcore;
    let [first, second] = &mut lcore.ofld[..] else { panic!("two ports") };
    for queue in [&mut lcore.ctrl, first, second] {
        for _ in 0..2 {
            crate::ofld::control(queue, Tid(0), &release).expect("room");
        }
    }
    lcore.eth[0].send(&[1; 60], TxTo::Wire, TxChecksum::Keep).expect("room");
    assert_eq!(taken.rig.card.take_bar2(), []);
    lcore.flush();
    // Relative ids: control 6, Ethernet 8 and 12, offload 10 and 14; 32 a page of 128 bytes each.
    let doorbell = |qid: u32| Access::Doorbell { offset: qid * 128 + 8, value: 2 };
    let expected = [6, 8, 10, 14].map(doorbell);
    assert_eq!(taken.rig.card.take_bar2(), expected);
    lcore.flush();
    assert_eq!(taken.rig.card.take_bar2(), []);
}

#[test]
fn handlers_post_while_messages_are_read() {
    let mut taken = Taken::new();
    taken.card.cpl(PeerClose::new(Tid(5)).as_bytes());
    let Lcore { ingress, ctrl, .. } = &mut taken.lcore;
    ingress.as_mut().expect("in its place").burst(Nanos(0), 1, |message| {
        let Ingress::Cpl { opcode: CplOpcode::PEER_CLOSE, tid, .. } = message else {
            panic!("{message:?}")
        };
        crate::ofld::tid_release(ctrl, tid).expect("room");
    });
    assert_eq!(taken.lcore.ctrl.in_flight_units(), 1);
}

#[test]
fn what_is_not_given_back_is_told() {
    let mut taken = Taken::new();
    assert_eq!(taken.lcore.left_over(), LeftOver::default());
    let lcore = &mut taken.lcore;
    let iq = IqId(0x104);
    let index = lcore.l2t.alloc().expect("room");
    lcore.filters.add(&mut lcore.ctrl, iq, |wr| wr).expect("room");
    lcore.smt.write(&mut lcore.ctrl, iq, mafo_t4::SmtIdx(2), [0; 6]).expect("room");
    lcore.eth[0].send(&[0; 200], TxTo::Wire, TxChecksum::Keep).expect("room");
    let left = lcore.left_over();
    let expected = LeftOver { l2t: 1, filters: 1, smt: 1, rx_buffers: 0, tx_in_flight: 2 + 1 + 1 };
    assert_eq!((left, left.total()), (expected, 7));
    lcore.l2t.release(index);
    assert_eq!(lcore.left_over().l2t, 0);
}

#[test]
fn statistics_have_names_of_their_own() {
    let mut taken = Taken::new();
    taken.lcore.eth[1].send(&[0; 60], TxTo::Wire, TxChecksum::Keep).expect("room");
    let stats = taken.lcore.xstats();
    let value = |name: &str| stats.iter().find(|stat| stat.name == name).map(|stat| stat.value);
    assert_eq!(value("eth1_tx_frames"), Some(1));
    assert_eq!(value("eth0_tx_frames"), Some(0));
    assert_eq!(value("eth1_queue_work_requests"), Some(1));
    assert_eq!(value("freelist_posted"), Some(120));
    let mut names: Vec<_> = stats.iter().map(|stat| &stat.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), stats.len());

    // The block of port 1 of a T5 is at 0x34000: frames sent at 0x408, bytes received at 0x540.
    taken.rig.card.set_register(0x34408, 7);
    taken.rig.card.set_register(0x3440c, 1);
    taken.rig.card.set_register(0x34540, 9);
    let stats = taken.rig.adapter.port_xstats(PortId(1));
    let value = |name: &str| stats.iter().find(|stat| stat.name == name).map(|stat| stat.value);
    assert_eq!(value("tx_port_frames"), Some(1 << 32 | 7));
    assert_eq!(value("rx_port_bytes"), Some(9));
    assert_eq!(value("lb_port_drop_frames"), Some(0));
    taken.rig.card.set_register(0x19c20, 64);
    taken.rig.card.set_register(0x19c24, 2);
    assert_eq!(taken.rig.adapter.active_connections(), (64, 2));
    let stats = taken.rig.adapter.xstats();
    let commands = stats.iter().find(|stat| stat.name == "mailbox_commands").expect("counted");
    assert_eq!(commands.value, taken.commands.len() as u64);
}

fn frame_of(byte: u8, len: usize) -> Vec<u8> {
    vec![byte; len]
}

#[test]
fn each_port_receives_its_own_frames() {
    let mut taken = Taken::new();
    let rss = RssHeader::new(CplOpcode::RX_PKT, IqId(0));
    for (iport, byte) in [(0, 1), (1, 2), (0, 3), (5, 4), (2, 5), (1, 6)] {
        taken.card.frame(&rss, iport, &frame_of(byte, 60));
    }
    taken.card.cpl(PeerClose::new(Tid(5)).as_bytes());
    let Taken { lcore, .. } = taken;
    let mut ports = EthPorts::new(lcore, 1500);
    assert_eq!((ports.len(), ports.is_empty()), (2, false));
    assert!(ports.port(2).is_none());
    for (index, expected) in [(0, [1, 3]), (1, [2, 6])] {
        let mut burst = FrameBurst::new(8, 1600);
        let mut port = ports.port(index).expect("there");
        assert_eq!(port.rx_burst(Nanos(0), &mut burst), 2);
        let seen: Vec<u8> = burst.frames().iter().map(|frame| frame.as_slice()[0]).collect();
        assert_eq!(seen, expected);
        assert_eq!(port.rx_burst(Nanos(0), &mut burst), 0);
    }
    let counters = ports.counters();
    assert_eq!((counters.rx_elsewhere, counters.rx_cpls, counters.rx_overflow), (2, 1, 0));
}

#[test]
fn frames_keep_their_order_however_little_room_there_is() {
    let mut taken = Taken::new();
    let rss = RssHeader::new(CplOpcode::RX_PKT, IqId(0));
    for byte in 1..=5 {
        taken.card.frame(&rss, 0, &frame_of(byte, 60));
    }
    let mut ports = EthPorts::new(taken.lcore, 1500);
    for byte in 1..=5 {
        let mut burst = FrameBurst::new(1, 1600);
        assert_eq!(ports.port(0).expect("there").rx_burst(Nanos(0), &mut burst), 1);
        assert_eq!(burst.frames()[0].as_slice(), frame_of(byte, 60));
        if byte == 2 {
            // Behind those that wait.
            taken.card.frame(&rss, 0, &frame_of(6, 60));
        }
    }
    let mut burst = FrameBurst::new(8, 1600);
    assert_eq!(ports.port(0).expect("there").rx_burst(Nanos(0), &mut burst), 1);
}

#[test]
fn a_port_that_nobody_reads_keeps_so_many_frames_and_no_more() {
    let mut taken = Taken::new();
    let rss = RssHeader::new(CplOpcode::RX_PKT, IqId(0));
    let mut ports = EthPorts::new(taken.lcore, 1500);
    let mut burst = FrameBurst::new(8, 1600);
    for _ in 0..3 {
        for _ in 0..100 {
            taken.card.frame(&rss, 1, &frame_of(1, 60));
        }
        // 32 messages at a time.
        for _ in 0..4 {
            assert_eq!(ports.port(0).expect("there").rx_burst(Nanos(0), &mut burst), 0);
        }
    }
    assert_eq!(ports.counters().rx_overflow, 300 - 256);
    assert_eq!([0, 1, 2].map(|index| ports.rx_overflow(index)), [0, 300 - 256, 0]);
    assert_eq!(ports.port(1).expect("there").rx_burst(Nanos(0), &mut burst), 8);
}

#[test]
fn a_port_tells_what_it_is_and_sends_on_its_own_queue() {
    let taken = Taken::new();
    let Taken { mut rig, lcore, .. } = taken;
    let mut ports = EthPorts::new(lcore, 1500);
    let mut port = ports.port(1).expect("there");
    assert_eq!((port.mac(), port.mtu(), port.link_up()), ([0, 7, 0x43, 0, 0, 1], 1500, false));
    let mut frames = [Frame::with_capacity(100)];
    frames[0].copy_from(&[7; 60]).expect("fits");
    assert_eq!(port.tx_burst(Nanos(0), &frames), 1);
    // Ethernet queue 12 is port 1's.
    assert_eq!(rig.card.take_bar2(), [Access::Doorbell { offset: 12 * 128 + 8, value: 2 }]);
    rig.adapter.on_link(PortId(1), {
        let info = port_info(1, 0x8800_0900);
        mafo_t4::fw::PortInfoCmd::of_action(&info).expect("one").state()
    });
    rig.poll();
    assert!(ports.lcore_mut().poll_control().is_some());
    assert!(ports.port(1).expect("there").link_up());
    assert!(!ports.port(0).expect("there").link_up());
}
