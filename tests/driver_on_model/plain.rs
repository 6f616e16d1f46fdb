//! Bonds with members that are no adapters: connections that use such a port live on the host path.

use std::cell::RefCell;

use mafo::wire::mem::MemEnd;
use mafo::wire::{BlackHole, SwitchConfig, UnknownUnicast, Wire};
use mafo::{
    ArpValidate, BadBond, BondConfig, BondEvent, FailOverMac, Goal, Handover, Host, HostConfig,
    HostError, LinkId, MemberConfig, MemberId, Mode, Nanos, NoMove, NoSwitch, PathChoice, PortId,
    Slot, SocketError, SocketId, WirePort, XmitHashPolicy,
};

use crate::failover::{Traffic, describe};
use crate::hosts::{ADDRESSES, Net, OFFLOAD, quiet};

/// What the two members of the first host's bond are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Card,
    Eth,
}

use Kind::{Card, Eth};

/// All pairings with at least one Ethernet port.
const PAIRINGS: [[Kind; 2]; 3] = [[Card, Eth], [Eth, Card], [Eth, Eth]];
const BOTH: [Handover; 2] = [Handover::Drained, Handover::Instant];

/// A cable whose path can die behind its carrier.
fn black_hole(_: usize, wire: MemEnd) -> Box<dyn Wire> {
    let cable = wire.cable();
    Box::new(BlackHole::new(wire, &cable))
}

fn own_mac(member: usize) -> [u8; 6] {
    [2, 0, 0, member as u8, 0, 0x77]
}

/// A host with such members, and its peer.
struct World {
    net: Net,
    kinds: [Kind; 2],
    /// Of its ports that are no adapter's.
    slots: [Option<Slot>; 2],
}

impl World {
    fn new(kinds: [Kind; 2], switch: SwitchConfig, set: impl Fn(&mut BondConfig)) -> Self {
        let slots = RefCell::new([const { None }; 2]);
        let plug = |config: &mut HostConfig| {
            if config.stack.address != ADDRESSES[0] {
                return;
            }
            for (n, member) in
                config.members.iter_mut().enumerate().filter(|(n, _)| kinds[*n] == Eth)
            {
                let MemberConfig::Adapter(soft) = member else { unreachable!("made so") };
                let (_, wire) = soft.wires.pop().expect("a cable");
                let port = WirePort::new(wire, own_mac(n), 1500);
                slots.borrow_mut()[n] = Some(port.slot());
                *member = MemberConfig::Port(Box::new(port));
            }
            set(&mut config.bond);
        };
        let mut net = Net::plugged_into(switch, [&[1, 1], &[1]], black_hole, plug);
        net.bring_up();
        let mut world = Self { net, kinds, slots: slots.into_inner() };
        world.pass(None, Nanos::from_millis(2));
        // Which comes up first is active.
        if world.active() != 0 {
            world.make_active(0);
        }
        world
    }

    fn up(kinds: [Kind; 2], handover: Handover) -> Self {
        Self::new(kinds, quiet(), |bond| bond.handover = handover)
    }

    fn near(&mut self) -> &mut Host {
        &mut self.net.hosts[0]
    }

    fn pass(&mut self, mut traffic: Option<&mut Traffic>, time: Nanos) {
        let until = self.net.now + time;
        while self.net.now < until {
            match &mut traffic {
                Some(traffic) => traffic.step(&mut self.net),
                None => self.net.step(),
            }
        }
    }

    fn active(&self) -> usize {
        let active = self.net.hosts[0].bond().expect("bond").active();
        active.expect("a link is up").member.index()
    }

    fn make_active(&mut self, member: usize) {
        let now = self.net.now;
        let (bond, core) = self.near().bond_and_sockets_mut().expect("bond");
        let made = bond.make_active(now, core, (member, PortId(0)).into());
        assert!(matches!(made, Ok(()) | Err(NoSwitch::AllCarry)), "{made:?}");
    }

    /// Steps until every connection lives where it is to: on the adapter whose link is active, or here.
    fn settle(&mut self, traffic: &mut Traffic) {
        let deadline = self.net.now + Nanos::from_secs(5);
        while !self.is_settled(&traffic.ends) {
            traffic.step(&mut self.net);
            assert!(self.net.now < deadline, "{:?}: {}", self.kinds, describe(&self.net));
        }
    }

    fn is_settled(&self, ends: &[[SocketId; 2]]) -> bool {
        let bond = self.net.hosts[0].bond().expect("bond");
        if bond.is_moving() || bond.refugees() > 0 {
            return false;
        }
        let active = self.active();
        let sockets = self.net.hosts[0].sockets();
        let home = (self.kinds[active] == Card).then_some(active);
        ends.iter().all(|ends| sockets.offloaded(ends[0]).map(|conn| conn.member.index()) == home)
    }

    /// The other member takes over by `change`, and everything follows, with traffic throughout.
    fn switch_over(&mut self, traffic: &mut Traffic, change: impl Fn(&mut Self, usize)) {
        let before = self.active();
        traffic.deliver(&mut self.net, 10_000);
        change(self, before);
        traffic.deliver(&mut self.net, 10_000);
        assert_eq!(self.active(), 1 - before, "{:?}", self.kinds);
        self.settle(traffic);
        traffic.deliver(&mut self.net, 10_000);
    }

    /// All ends in order, and nothing is left over.
    fn finish(mut self, mut traffic: Traffic) {
        traffic.finish(&mut self.net);
        let bond = self.net.hosts[0].bond().expect("bond").counters();
        assert_eq!((bond.connections_lost, bond.no_next_hop), (0, 0), "{bond:?}");
        for host in &self.net.hosts {
            assert_eq!(host.sockets().counters().tx_resets, 0, "{:?}", self.kinds);
        }
        self.net.settle();
    }
}

fn cut(world: &mut World, link: usize) {
    world.net.cables[link].set_carrier(false);
}

/// There and back again, by every way in which a link can be left.
fn there_and_back(
    handover: Handover,
    kinds: [Kind; 2],
    leave: impl Fn(&mut World, usize) + Copy,
    come_back: impl Fn(&mut World, usize),
) {
    let mut world = World::up(kinds, handover);
    let ends = world.net.open(6);
    let mut traffic = Traffic::new(ends);
    for _ in 0..3 {
        let left = world.active();
        world.switch_over(&mut traffic, leave);
        come_back(&mut world, left);
        world.pass(Some(&mut traffic), Nanos::from_millis(2));
    }
    world.finish(traffic);
}

#[test]
fn a_cable_is_cut_and_then_the_other() {
    for kinds in PAIRINGS {
        for handover in BOTH {
            there_and_back(handover, kinds, cut, |world, link| {
                world.net.cables[link].set_carrier(true);
            });
        }
    }
}

#[test]
fn a_device_is_gone_and_plugged_in_again() {
    let leave = |world: &mut World, member: usize| match world.slots[member].clone() {
        Some(slot) => slot.pull(),
        None => world.near().adapter(member).expect("a card").faults().die(),
    };
    let come_back = |world: &mut World, member: usize| {
        assert!(world.near().is_dead(member));
        match world.slots[member].clone() {
            Some(slot) => slot.plug(),
            None => world.near().revive(member).expect("memory"),
        }
        let ready = |net: &Net| {
            let bond = net.hosts[0].bond().expect("bond");
            !net.hosts[0].is_dead(member) && bond.is_ready(net.hosts[0].sockets())
        };
        world.net.wait(ready);
    };
    for kinds in PAIRINGS {
        there_and_back(Handover::Auto, kinds, leave, come_back);
    }
}

#[test]
fn the_bond_is_told_to_use_the_other() {
    let leave = |world: &mut World, member: usize| {
        world.make_active(1 - member);
    };
    for kinds in PAIRINGS {
        for handover in BOTH {
            there_and_back(handover, kinds, leave, |_, _| {});
        }
    }
}

/// With `fail_over_mac` the address changes or moves; probes find out that a path is dead behind its carrier.
#[test]
fn a_black_hole_is_found_by_probes_whoever_has_the_address() {
    for kinds in PAIRINGS {
        for policy in [FailOverMac::None, FailOverMac::Active, FailOverMac::Follow] {
            let mut world = World::new(kinds, quiet(), |bond| {
                bond.fail_over_mac = policy;
                bond.arp_interval = Nanos::from_millis(2);
                bond.arp_ip_target = vec![ADDRESSES[1]];
                bond.arp_validate = ArpValidate::All;
            });
            let ends = world.net.open(4);
            let mut traffic = Traffic::new(ends);
            world.pass(Some(&mut traffic), Nanos::from_millis(50));
            // Each hears answers, and by whichever is active the bond's address is asked for.
            let bond = world.near().bond_mut().expect("bond");
            let events: Vec<_> = core::iter::from_fn(|| bond.poll_event()).collect();
            let is_down = |(_, event): &(_, BondEvent)| matches!(event, BondEvent::Link(_, false));
            assert!(!events.iter().any(is_down), "{kinds:?} {policy:?}: {events:?}");
            for _ in 0..2 {
                let left = world.active();
                // The carrier stays.
                world.switch_over(&mut traffic, |world, link| {
                    world.net.cables[link].set_dark(true);
                });
                world.net.cables[left].set_dark(false);
                world.pass(Some(&mut traffic), Nanos::from_millis(20));
            }
            world.finish(traffic);
        }
    }
}

/// What went into a link before it failed is said again at once when another takes over: of a single segment nobody else
/// would ask for 200 ms.
#[test]
fn nobody_waits_for_a_timer() {
    for kinds in PAIRINGS {
        let mut world = World::up(kinds, Handover::Instant);
        let [near, far] = world.net.open(1)[0];
        let mut buf = [0; 100];
        for _ in 0..2 {
            let left = world.active();
            world.net.cables[left].set_dark(true);
            world.near().sockets_mut().send(near, &[7; 10]).expect("room");
            world.pass(None, Nanos::from_millis(1));
            let unheard = world.net.hosts[1].sockets_mut().recv(far, &mut buf);
            assert_eq!(unheard, Err(SocketError::WouldBlock), "{kinds:?}");
            cut(&mut world, left);
            let before = world.net.now;
            while world.net.hosts[1].sockets_mut().recv(far, &mut buf) != Ok(10) {
                world.net.step();
                let took = world.net.now - before;
                assert!(took < Nanos::from_millis(100), "{kinds:?}: {took:?}");
            }
            world.net.cables[left].set_dark(false);
            world.net.cables[left].set_carrier(true);
            world.pass(None, Nanos::from_millis(2));
        }
    }
}

/// The stack's listeners answer where no adapter can, and connections are opened: they live here until an adapter is active.
#[test]
fn connections_begin_here_while_a_port_is_active_and_go_to_an_adapter_later() {
    let mut world = World::up([Eth, Card], Handover::Auto);
    let ends = world.net.open(4);
    assert!(ends.iter().all(|ends| world.near().sockets().offloaded(ends[0]).is_none()));
    let counters = world.net.hosts[0].bond().expect("bond").counters();
    assert_eq!((counters.sheltered, counters.moved), (0, 0), "nothing has moved");
    let mut traffic = Traffic::new(ends);
    world.switch_over(&mut traffic, cut);
    let counters = world.net.hosts[0].bond().expect("bond").counters();
    assert_eq!((counters.sheltered, counters.moved), (0, 4), "{counters:?}");
    world.finish(traffic);
}

/// One that begins by an adapter and is on its way when its link fails is answered through the tunnel, or here.
#[test]
fn handshakes_go_on_by_a_port() {
    for open_by_us in [true, false] {
        let mut world = World::up([Card, Eth], Handover::Auto);
        let peer = world.net.hosts[1].sockets_mut();
        let far = peer.listen((ADDRESSES[1], 7).into(), 8, OFFLOAD).expect("listens");
        let sockets = world.near().sockets_mut();
        let near = sockets.listen((ADDRESSES[0], 7).into(), 8, OFFLOAD).expect("listens");
        world.pass(None, Nanos::from_millis(1));
        let from = usize::from(!open_by_us);
        let (now, to) = (world.net.now, (ADDRESSES[1 - from], 7).into());
        let sockets = world.net.hosts[from].sockets_mut();
        let ours = sockets.connect(now, to, None, OFFLOAD).expect("opens");
        // Its SYN is somewhere.
        world.pass(None, Nanos::from_micros(60));
        cut(&mut world, 0);
        let deadline = world.net.now + Nanos::from_secs(5);
        let theirs = loop {
            let listener = if open_by_us { far } else { near };
            if let Some(id) = world.net.hosts[1 - from].sockets_mut().accept(listener) {
                break id;
            }
            world.net.step();
            assert!(world.net.now < deadline, "{}", describe(&world.net));
        };
        let ends = if open_by_us { [ours, theirs] } else { [theirs, ours] };
        let mut traffic = Traffic::new(vec![ends]);
        traffic.deliver(&mut world.net, 10_000);
        world.settle(&mut traffic);
        world.finish(traffic);
    }
}

/// A port has no filter of its own: what a hub lets it see of others, or by a link that is not active, is no business of
/// ours, but for frames of connections that we know.
#[test]
fn a_port_without_filters_hears_only_what_is_for_us() {
    let hub = SwitchConfig { unknown_unicast: UnknownUnicast::Flood, ageing: Nanos(1), ..quiet() };
    for kinds in PAIRINGS {
        let mut world = World::new(kinds, hub.clone(), |_| {});
        let ends = world.net.open(4);
        let mut traffic = Traffic::new(ends);
        let first = world.active();
        world.switch_over(&mut traffic, cut);
        world.net.cables[first].set_carrier(true);
        world.switch_over(&mut traffic, cut);
        // Of what is sent to the peer the port sees all, and takes nothing.
        let counters = world.net.hosts[0].bond().expect("bond").counters();
        assert!(counters.not_for_us > 20, "{kinds:?}: {counters:?}");
        world.finish(traffic);
    }
}

/// The owner follows the ingress: a connection whose frames come in by the port lives here.
#[test]
fn in_balance_xor_connections_live_where_their_frames_come_in() {
    for kinds in [[Card, Eth], [Eth, Card]] {
        let trunk = SwitchConfig { trunk: vec![0, 1], ..quiet() };
        let mut world = World::new(kinds, trunk, |bond| {
            bond.mode = Mode::BalanceXor;
            bond.xmit_hash_policy = XmitHashPolicy::Layer34;
        });
        let ends = world.net.open(12);
        let mut traffic = Traffic::new(ends);
        let card = kinds.iter().position(|&kind| kind == Card).expect("there is one");
        let on_card = |world: &World, traffic: &Traffic| {
            let sockets = world.net.hosts[0].sockets();
            traffic.ends.iter().filter(|ends| sockets.offloaded(ends[0]).is_some()).count()
        };
        let follow = |world: &mut World, traffic: &mut Traffic| {
            for _ in 0..3 {
                traffic.deliver(&mut world.net, 70_000);
                let deadline = world.net.now + Nanos::from_secs(5);
                while world.net.hosts[0].bond().expect("bond").is_moving() {
                    traffic.step(&mut world.net);
                    assert!(world.net.now < deadline, "{}", describe(&world.net));
                }
            }
        };
        follow(&mut world, &mut traffic);
        let shared = on_card(&world, &traffic);
        assert!((1..12).contains(&shared), "{shared} of 12 on the adapter");
        // What crosses the host no more lives where it comes in.
        let before = world.net.hosts[0].bond().expect("bond").counters();
        traffic.deliver(&mut world.net, 20_000);
        let since = world.net.hosts[0].bond().expect("bond").counters().since(&before);
        assert_eq!((since.tunnelled_in, since.followed), (0, 0), "{since:?}");

        cut(&mut world, card);
        follow(&mut world, &mut traffic);
        assert_eq!(on_card(&world, &traffic), 0, "{}", describe(&world.net));
        world.net.cables[card].set_carrier(true);
        follow(&mut world, &mut traffic);
        assert_eq!(on_card(&world, &traffic), shared, "{}", describe(&world.net));
        cut(&mut world, 1 - card);
        follow(&mut world, &mut traffic);
        assert_eq!(on_card(&world, &traffic), 12, "{}", describe(&world.net));
        world.finish(traffic);
    }
}

/// A single connection stays with the bond; it can be kept here when an adapter is active.
#[test]
fn single_connections_stay_with_the_bond() {
    let mut world = World::up([Eth, Card], Handover::Auto);
    let ends = world.net.open(2);
    let kept = ends[0][0];
    let to = |world: &mut World, goal: Goal| {
        let now = world.net.now;
        let (bond, core) = world.near().bond_and_sockets_mut().expect("bond");
        bond.move_connection(now, core, kept, goal)
    };
    let (port, card) = (LinkId::from((0, PortId(0))), LinkId::from((1, PortId(0))));
    assert_eq!(to(&mut world, Goal::Link(card)), Err(NoMove::NotActive(card)));
    assert_eq!(to(&mut world, Goal::Link(port)), Ok(()));
    assert_eq!(to(&mut world, Goal::Host), Ok(()));
    let mut traffic = Traffic::new(ends);
    traffic.deliver(&mut world.net, 10_000);
    cut(&mut world, 0);
    traffic.deliver(&mut world.net, 50_000);
    world.pass(Some(&mut traffic), Nanos::from_millis(500));
    let lives_here = |world: &World| {
        [0, 1].map(|n| world.net.hosts[0].sockets().offloaded(traffic_end(&traffic, n)).is_none())
    };
    assert_eq!(lives_here(&world), [true, false]);
    assert_eq!(to(&mut world, Goal::Link(card)), Ok(()));
    world.settle(&mut traffic);
    world.finish(traffic);
}

fn traffic_end(traffic: &Traffic, n: usize) -> SocketId {
    traffic.ends[n][0]
}

/// A port that cannot carry the bond's packets, or cannot be told from another, is refused before anything runs.
#[test]
fn an_unsuitable_port_is_refused() {
    let refused = |mtu: u16, macs: [[u8; 6]; 2], ports: [PortId; 2]| {
        let mut stack = mafo::StackConfig::new(ADDRESSES[0], 24, [2, 0, 0, 0xff, 0, 0]);
        (stack.sockets_max, stack.send_buffer) = (4, 32 << 10);
        let members = macs.map(|mac| {
            let (near, _) = mafo::wire::mem::link(&mafo::wire::mem::LinkConfig::default());
            MemberConfig::Port(Box::new(WirePort::new(near, mac, mtu)))
        });
        let links = [(0, ports[0]), (1, ports[1])];
        let mut host = match Host::new(HostConfig::new(stack, members, BondConfig::new(links))) {
            Ok(host) => host,
            Err(HostError::Bond(why)) => return Some(why),
            Err(other) => panic!("{other}"),
        };
        match host.poll(Nanos::from_secs(1)) {
            Ok(()) => None,
            Err(HostError::Bond(why)) => Some(why),
            Err(other) => panic!("{other}"),
        }
    };
    let (macs, ports) = ([own_mac(0), own_mac(1)], [PortId(0); 2]);
    assert_eq!(refused(1500, macs, ports), None);
    let mtu = BadBond::Mtu { member: MemberId(0), has: 1400, need: 1500 };
    assert_eq!(refused(1400, macs, ports), Some(mtu));
    let link = |member: usize, port: u8| LinkId::from((member, PortId(port)));
    let same = refused(1500, [own_mac(0); 2], ports);
    assert_eq!(same, Some(BadBond::OneMac(link(0, 0), link(1, 0))));
    let bond = refused(1500, [own_mac(0), [2, 0, 0, 0xff, 0, 0]], ports);
    assert_eq!(bond, Some(BadBond::NotItsOwnMac(link(1, 0))));
    let no_port = refused(1500, macs, [PortId(0), PortId(1)]);
    assert_eq!(no_port, Some(BadBond::NoSuchPort(link(1, 1))));
}

/// An application sees nothing of all this.
#[test]
fn sockets_of_a_port_are_sockets() {
    let mut world = World::up([Eth, Eth], Handover::Auto);
    let ends = world.net.open(2);
    let sockets = world.near().sockets_mut();
    assert_eq!(sockets.options(ends[0][0]).expect("open").path, PathChoice::Offload);
    for ends in ends {
        world.net.transfer(ends, 100_000);
    }
    let stats = world.near().xstats();
    let received = stats.iter().find(|stat| stat.name == "port0_rx_frames");
    assert!(received.expect("counted").value > 100, "{stats:?}");
}
