//! Two hosts on one link, of which one is asked; time is counted in turns.

use std::sync::{Arc, OnceLock};
use std::thread;

use allocation_counter::measure;
use mafo::eal::dma::Arena;
use mafo::wire::Wire;
use mafo::wire::mem::{LinkConfig, link};
use mafo::{
    AdapterConfig, AsicConfig, BondConfig, Event, Host, HostConfig, ListenerId, Nanos, Options,
    PathChoice, PortId, Readiness, SocketId, SoftConfig, Stack, StackConfig, Timeouts, WirePort,
};
use mafo_telemetry::{Collector, Content, Json, Scope, Snapshot, Source, text};

use super::lcore::{Names, SLICE, Teller};
use super::told::Told;
use super::words::{self, Words};

const STEP: Nanos = Nanos::from_micros(20);
const PORT: u16 = 7;
const SOCKETS: u32 = 100;

struct World {
    hosts: [Host; 2],
    listener: Option<ListenerId>,
    teller: Teller,
    words: Words,
    now: Nanos,
    /// The other host does not have its turns.
    is_silent: bool,
    /// What the teller has taken of the heap.
    allocated: u64,
}

fn host(n: u8, wire: impl Wire + 'static) -> Host {
    let mut stack = StackConfig::new([10, 77, 0, n].into(), 24, [2, 0x4d, 0x46, 0, 0, n]);
    stack.sockets_max = SOCKETS;
    (stack.send_buffer, stack.recv_buffer) = (16 << 10, 16 << 10);
    let asic = AsicConfig { mac_base: [2, 0x4d, 0x46, n, 0, 0x10], ..AsicConfig::t540_cr() };
    let driver = AdapterConfig { mtu: stack.mtu, ..AdapterConfig::default() };
    let wires = vec![(PortId(0), Box::new(wire) as Box<dyn Wire>)];
    let soft = SoftConfig { asic, driver, wires };
    Host::simulated(HostConfig::new(stack, [soft], BondConfig::new([(0, PortId(0))])))
        .expect("a host")
}

impl World {
    /// Two hosts that are up; the second listens on `path`.
    fn new(path: PathChoice) -> Self {
        let (a, b) = link(&LinkConfig::default());
        let (collector, mut publishers) =
            Collector::new(1, |_| Told::with_room_for(SOCKETS as usize));
        let (teller, names) = Teller::new(publishers.pop().expect("one"));
        let mut world = Self {
            hosts: [host(1, a), host(2, b)],
            listener: None,
            teller,
            words: Words::new(collector, vec![names]),
            now: Nanos::from_secs(1),
            is_silent: false,
            allocated: 0,
        };
        let is_up = |host: &Host| host.is_up() && host.bond().is_some_and(|b| b.active().is_some());
        world.until(|world| world.hosts.iter().all(is_up));
        world.teller.learn_names(&world.hosts[0]);
        let at = ([10, 77, 0, 2], PORT).into();
        let listener = world.hosts[1].sockets_mut().listen(at, 64, Options::on(path));
        world.listener = Some(listener.expect("listens"));
        world.until(|_| false);
        world
    }

    fn turn(&mut self) {
        self.now += STEP;
        let hosts = if self.is_silent { &mut self.hosts[..1] } else { &mut self.hosts[..] };
        for host in hosts {
            host.poll(self.now).expect("no adapter fails");
            host.sockets_mut().kick(self.now);
        }
        let (teller, host) = (&mut self.teller, &mut self.hosts[0]);
        let heap = measure(|| teller.turn(self.now, host, false));
        self.allocated += heap.count_total;
    }

    /// Turns until `done`; a few hundred if that is never.
    fn until(&mut self, mut done: impl FnMut(&Self) -> bool) {
        for _ in 0..2000 {
            if done(self) {
                return;
            }
            self.turn();
        }
    }

    /// Goes on for so long.
    fn pass(&mut self, time: Nanos) {
        let end = self.now + time;
        while self.now < end {
            self.turn();
        }
    }

    /// A connection on `path`, ours and the other host's end of it.
    fn connect(&mut self, path: PathChoice) -> [SocketId; 2] {
        let to = ([10, 77, 0, 2], PORT).into();
        let options = Options::on(path).with_nagle(false);
        let now = self.now;
        let ours = self.hosts[0].sockets_mut().connect(now, to, None, options).expect("room");
        self.until(|world| world.hosts[0].sockets().is_established(ours));
        let listener = self.listener.expect("it listens");
        for _ in 0..500 {
            self.turn();
            if let Some(theirs) = self.hosts[1].sockets_mut().accept(listener) {
                return [ours, theirs];
            }
        }
        panic!("nobody comes to be accepted");
    }

    /// Sends bytes from one host to the other, where they are read.
    fn say(&mut self, from: usize, ids: [SocketId; 2], len: usize) {
        let sent = self.hosts[from].sockets_mut().send(ids[from], &vec![7; len]);
        assert_eq!(sent, Ok(len));
        self.pass(Nanos::from_millis(3));
        let to = 1 - from;
        let read = self.hosts[to].sockets_mut().recv(ids[to], &mut vec![0; len]);
        assert_eq!(read, Ok(len));
        self.pass(Nanos::from_millis(3));
    }

    /// Asks as a thread does that answers somebody.
    fn ask(&mut self, scope: Scope) -> Snapshot {
        // Nothing is owed any more that would leave meanwhile.
        self.pass(Nanos::from_millis(100));
        let (collector, _) = Collector::new(0, |_| Told::with_room_for(0));
        let mut words = std::mem::replace(&mut self.words, Words::new(collector, Vec::new()));
        let (snapshot, words) = thread::scope(|threads| {
            let asking = threads.spawn(move || (words.snapshot(scope), words));
            while !asking.is_finished() {
                self.turn();
            }
            asking.join().expect("no panic")
        });
        self.words = words;
        snapshot
    }

    fn answer(&mut self, line: &str) -> String {
        self.ask(Scope::All).answer(line, &Json::Null).to_string()
    }

    /// Why connections of both hosts are over, the last one first.
    fn reasons(&self) -> [Vec<String>; 2] {
        self.hosts
            .each_ref()
            .map(|host| host.sockets().closed().map(super::reason::reason).collect())
    }
}

fn has(answer: &str, what: &str) {
    assert!(answer.contains(what), "no {what} in {answer}");
}

/// On the host path each segment is counted, and what is sent again.
#[test]
fn the_host_s_connections_are_told_as_ss_tells_them() {
    let mut world = World::new(PathChoice::Host);
    let ids = world.connect(PathChoice::Host);
    world.say(0, ids, 700);
    world.say(1, ids, 5000);
    let key = format!("/mafo/connection,0:{}", ids[0]);
    let said = world.answer(&key);
    has(
        &said,
        r#""remote":"10.77.0.2:7","state":"ESTAB","runs":"host","send_queue":0,"recv_queue":0,"congestion":"cubic""#,
    );
    has(&said, r#""ss":"ts sack cubic wscale:"#);
    has(&said, " mss:1448 pmtu:1500 rcvmss:1448 advmss:1460 cwnd:");
    has(&said, " bytes_sent:700 bytes_retrans:0 bytes_acked:700 bytes_received:5000 ");
    has(&said, r#""data_segs_out":1,"data_segs_in":4,"#);
    // It is the only one: the engine has counted the same.
    let core = world.hosts[0].sockets();
    let tcp = core.tcp_counters();
    let (sent, heard) = (tcp.tx_segments, tcp.rx_segments);
    has(&said, &format!(r#""segs_out":{sent},"segs_in":{heard},"#));
    has(&said, " retrans:0/0 ");

    world.is_silent = true;
    let sent = world.hosts[0].sockets_mut().send(ids[0], &[7; 100]);
    assert_eq!(sent, Ok(100));
    world.pass(Nanos::from_secs(1));
    let said = world.answer(&key);
    let again = world.hosts[0].sockets().tcp_counters().retransmits;
    assert!(again > 1, "{again}");
    let sent = 800 + again * 100;
    let bytes = format!("bytes_sent:{sent} bytes_retrans:{} bytes_acked:700", again * 100);
    has(&said, &bytes);
    has(&said, &format!(r#""retrans":1,"retrans_total":{again},"#));
    has(&said, " unacked:1 ");
    assert_eq!(world.allocated, 0, "by the lcore");
}

/// What an adapter says of its connections comes a few turns after it was asked.
#[test]
fn an_adapter_s_connections_are_told_as_far_as_it_knows() {
    let mut world = World::new(PathChoice::Offload);
    let ids = world.connect(PathChoice::Offload);
    world.say(0, ids, 700);
    world.say(1, ids, 5000);
    let said = world.answer(&format!("/mafo/connection,0:{}", ids[0]));
    has(&said, r#""state":"ESTAB","runs":"A0","tid":"#);
    has(&said, r#""ss":"ts sack newreno wscale:"#);
    has(&said, " mss:1448 pmtu:1500 ");
    has(&said, " bytes_sent:700 bytes_acked:700 bytes_received:5000 send ");
    has(&said, "wr_credits:");
    assert!(!said.contains("segs_out"), "{said}");
    assert_eq!(world.allocated, 0, "by the lcore");
}

/// More than a slice, on both paths; none is left out and none told twice.
#[test]
fn all_connections_are_told_in_slices() {
    let mut world = World::new(PathChoice::Host);
    let count = SLICE + SLICE / 2;
    let mut expected: Vec<String> = Vec::new();
    for n in 0..count {
        let path = if n % 3 == 0 { PathChoice::Offload } else { PathChoice::Host };
        let [ours, _] = world.connect(path);
        expected.push(format!("0:{ours}"));
    }
    let snapshot = world.ask(Scope::All);
    let section = |name: &str| {
        let found = snapshot.sections.iter().find(|section| section.name == name);
        &found.expect("there is one").content
    };
    let Content::Rows(rows) = section("/mafo/connection") else { panic!("rows") };
    assert_eq!(rows.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>(), expected);
    let Content::List(list) = section("/mafo/connections") else { panic!("a list") };
    let by_adapter = list.iter().filter(|row| row.to_string().contains(r#""runs":"A0""#)).count();
    assert_eq!((list.len(), by_adapter), (count, count.div_ceil(3)));
    // Each has been heard of by its adapter.
    let unheard = rows.iter().filter(|(_, row)| !row.to_string().contains("cwnd:")).count();
    assert_eq!(unheard, 0);
    // Whoever asks for counters has no connection looked at.
    let snapshot = world.ask(Scope::Counters);
    let list = snapshot.answer("/mafo/connections", &Json::Null).to_string();
    assert_eq!(list, r#"{"/mafo/connections":[]}"#);
    assert_eq!(world.allocated, 0, "by the lcore");
}

/// Each end knows why a connection is over.
#[test]
fn what_ended_a_connection_is_remembered() {
    for path in [PathChoice::Host, PathChoice::Offload] {
        let mut world = World::new(path);
        let [first, second] = world.connect(path);
        let now = world.now;
        world.hosts[0].sockets_mut().close(now, first);
        world.pass(Nanos::from_millis(5));
        let now = world.now;
        world.hosts[1].sockets_mut().close(now, second);
        world.pass(Nanos::from_millis(5));
        let [first, _] = world.connect(path);
        let now = world.now;
        world.hosts[0].sockets_mut().abort(now, first);
        world.pass(Nanos::from_millis(5));
        assert_eq!(world.reasons()[0], ["reset by us", "fin, ours first"], "{path:?}");
        assert_eq!(world.reasons()[1], ["reset by peer", "fin, the peer's first"], "{path:?}");

        let nobody = ([10, 77, 0, 2], PORT + 1).into();
        let now = world.now;
        let core = world.hosts[0].sockets_mut();
        let refused = core.connect(now, nobody, None, Options::on(path)).expect("room");
        world.pass(Nanos::from_millis(5));
        assert_eq!(world.reasons()[0][0], "refused by peer", "{path:?}");
        assert!(world.hosts[0].sockets().is_over(refused));

        let [first, _] = world.connect(path);
        let timeouts = Timeouts { user: Some(Nanos::from_millis(500)), ..Timeouts::default() };
        let now = world.now;
        let core = world.hosts[0].sockets_mut();
        core.set_timeouts(now, first, timeouts).expect("it is there");
        world.is_silent = true;
        assert_eq!(world.hosts[0].sockets_mut().send(first, &[7; 10]), Ok(10));
        world.pass(Nanos::from_secs(3));
        assert_eq!(world.reasons()[0][0], "timeout (user timeout)", "{path:?}");
        let said = world.answer("/mafo/closed");
        let ran = if path == PathChoice::Host { "host" } else { "adapter" };
        has(&said, &format!(r#""reason":"timeout (user timeout)","ran":"{ran}","bytes_acked":0,"#));
        assert_eq!(world.allocated, 0, "by the lcore");
    }
}

/// What ports count, what all count, and how the bond stands.
#[test]
fn ports_and_the_bond_are_told() {
    let mut world = World::new(PathChoice::Host);
    let ids = world.connect(PathChoice::Host);
    world.say(0, ids, 700);
    let snapshot = world.ask(Scope::Counters);
    let answer = |line: &str| snapshot.answer(line, &Json::Null).to_string();
    has(&answer("/ethdev/list"), "[0]");
    has(&answer("/ethdev/info,0"), r#""name":"A0","mac_addr":"02:4D:46:01:00:10","active":true"#);
    has(&answer("/ethdev/link_status,0"), r#""status":"UP","speed":10000"#);
    let sent = world.hosts[1].xstats();
    let value = |name: &str| sent.iter().find(|stat| stat.name == name).map(|stat| stat.value);
    let frames = value("driver0_eth0_tx_frames").expect("the other host has sent");
    assert!(frames > 2, "{frames}");
    has(&answer("/ethdev/stats,0"), &format!(r#""ipackets":{frames},"#));
    has(&answer("/mafo/failover"), r#""links":[{"name":"A0","up":true,"carrier":true}]"#);
    has(&answer("/mafo/lcores"), r#"[{"lcore":0,"turns":"#);
    for stat in world.hosts[0].xstats() {
        let name = format!("\"{}\":", stat.name);
        has(&answer("/mafo/xstats"), &name);
    }
    let text = text(&snapshot);
    has(&text, "\nmafo_tcp_active_opens_total 1\n");
    has(&text, "\nmafo_failover_active{lcore=\"0\",link=\"A0\"} 1\n");
    assert_eq!(world.allocated, 0, "by the lcore");
}

/// Of an adapter that is dead nothing is asked any more, and each number keeps its place.
#[test]
fn a_dead_adapter_is_told_as_dead() {
    let mut world = World::new(PathChoice::Host);
    world.hosts[0].adapter(0).expect("it is here").faults().die();
    world.until(|world| world.hosts[0].is_dead(0));
    let snapshot = world.ask(Scope::All);
    let answer = |line: &str| snapshot.answer(line, &Json::Null).to_string();
    has(&answer("/mafo/failover"), r#""adapters":[{"name":"A","dead":true,"connections":0}]"#);
    has(&answer("/ethdev/link_status,0"), r#""status":"DOWN""#);
    has(&answer("/ethdev/stats,0"), r#""ipackets":0,"#);
    let (link, told) = (world.hosts[0].ports()[0], &snapshot.ports[0].xstats);
    assert_eq!(told.len(), world.hosts[0].port_stat_names(link).len());
    assert_eq!(world.allocated, 0, "by the lcore");
}

/// What several lcores say is put together: numbers by their names, each port once.
#[test]
fn lcores_are_put_together() {
    let mut world = World::new(PathChoice::Host);
    world.connect(PathChoice::Host);
    let mut told = Told::with_room_for(4);
    let names = Names {
        stats: vec!["tcp_active_opens".to_owned(), "bond_moved".to_owned()],
        ports: vec![vec!["rx_port_frames".to_owned()]],
    };
    told.stats.extend([3, 2]);
    told.port_stats.push(5);
    let link = world.hosts[0].ports()[0];
    let view = world.hosts[0].port(link);
    told.ports.push(super::told::PortTold { link, view, counts_as_up: true });
    let whole = words::snapshot(&[(&told, &names), (&told, &names)]);
    let answer = |line: &str| whole.answer(line, &Json::Null).to_string();
    has(&answer("/ethdev/list"), "[0]");
    has(&answer("/ethdev/stats,0"), r#""ipackets":10,"#);
    has(&answer("/mafo/xstats"), r#"{"tcp_active_opens":6,"bond_moved":4}"#);
    has(&answer("/mafo/failover"), r#""counters":{"moved":4}"#);
    has(&text(&whole), "\nmafo_tcp_active_opens_total 6\n");
    let unnamed: Arc<OnceLock<Names>> = Arc::default();
    assert!(unnamed.get().is_none(), "one without names says nothing");
}

/// Segments that come together are one to the engine, and as many as they are to whoever counts them.
#[test]
fn joined_segments_are_counted_one_by_one() {
    let (a, b) = link(&LinkConfig::default());
    let mut stacks = [(1, a), (2, b)].map(|(n, wire)| {
        let mac = [2, 0x4d, 0x46, 0, 0, n];
        let config = StackConfig::new([10, 77, 0, n].into(), 24, mac);
        let arena = Arena::ordinary(config.send_memory()).expect("memory");
        let mut stack = Stack::new(config, arena);
        stack.add_port(Box::new(WirePort::new(wire, mac, 1500)));
        stack
    });
    let mut now = Nanos::from_secs(1);
    let mut pass = |stacks: &mut [Stack; 2]| {
        for _ in 0..500 {
            now += STEP;
            for stack in stacks.iter_mut() {
                stack.poll(now);
                stack.core_mut().kick(now);
            }
        }
        now
    };
    let options = Options::on(PathChoice::Host);
    let at = ([10, 77, 0, 2], PORT).into();
    let listener = stacks[1].core_mut().listen(at, 1, options).expect("listens");
    let now = pass(&mut stacks);
    let ours = stacks[0].core_mut().connect(now, at, None, options).expect("room");
    pass(&mut stacks);
    let theirs = stacks[1].core_mut().accept(listener).expect("it is open");
    assert_eq!(stacks[0].core_mut().send(ours, &[7; 8 * 1448]), Ok(8 * 1448));
    pass(&mut stacks);
    let [sent, came] = [(0, ours), (1, theirs)].map(|(n, id): (usize, SocketId)| {
        let portrait = stacks[n].core().portrait(id, None).expect("it is there");
        portrait.account.expect("it is the host's")
    });
    assert_eq!((sent.data_segs_out, came.data_segs_in), (8, 8));
    // The SYN made what it came to.
    assert_eq!((sent.segs_in, sent.segs_out), (came.segs_out, came.segs_in + 1));
    assert!(stacks[1].core().counters().rx_joined > 0, "some came together");
}

#[test]
fn readiness_is_not_eaten() {
    // Whoever tells takes no event of the application's.
    let mut world = World::new(PathChoice::Host);
    let ids = world.connect(PathChoice::Host);
    while world.hosts[0].sockets_mut().poll_event().is_some() {}
    assert_eq!(world.hosts[1].sockets_mut().send(ids[1], &[7; 10]), Ok(10));
    world.ask(Scope::All);
    world.pass(Nanos::from_millis(1));
    let event = world.hosts[0].sockets_mut().poll_event();
    let is_readable = |news: Readiness| news.contains(Readiness::READABLE);
    assert!(matches!(event, Some(Event::Socket(id, news)) if id == ids[0] && is_readable(news)));
}
