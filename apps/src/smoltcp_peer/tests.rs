//! smoltcp against mafo's host path over memory links, under a clock of their own.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use mafo::eal::dma::Arena;
use mafo::wire::Wire;
use mafo::wire::impair::{Impairments, Probability};
use mafo::{
    FrameBurst, ListenerId, Options, PathChoice, SocketError, SocketId, Stack, StackConfig,
    WirePort,
};

use super::*;
use crate::peer::{ConnectionReport, Endpoints, Monotonic, Phase, Sending};
use crate::stream::{Direction, Stream};

const OUR_MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];
const HOST: Options = Options::on(PathChoice::Host);
const SEED: u64 = 77;
const STEP: Nanos = Nanos::from_micros(20);
const LEAST: u64 = 200_000;

/// One of our sockets, and what has come of it.
#[derive(Default)]
struct Ours {
    socket: Option<SocketId>,
    sent: u64,
    received: u64,
    corrupt: u64,
    end_of_stream: bool,
    error: Option<SocketError>,
    shut: bool,
}

struct Net {
    peer: SmoltcpPeer,
    stack: Stack,
    listener: ListenerId,
    cable: mafo::wire::Cable,
    plan: Plan,
    ours: BTreeMap<u32, Ours>,
    now: Nanos,
    events: Vec<Event>,
}

fn net(config: SmoltcpConfig) -> Net {
    let plan = config.plan.clone();
    let config = SmoltcpConfig { cables: 1, seed: SEED, ..config };
    let (peer, mut near) = SmoltcpPeer::start(config).expect("starts");
    let near = near.pop().expect("a cable");
    let cable = near.cable();
    let mut config = StackConfig::new(plan.ours, plan.prefix_len, OUR_MAC);
    config.sockets_max = 64;
    let arena = Arena::ordinary(64 << 20).expect("memory");
    let mut stack = Stack::new(config, arena);
    stack.add_port(Box::new(WirePort::new(near, OUR_MAC, 1500)));
    let listen: SocketAddr = (plan.ours, plan.listen_port).into();
    let listener = stack.core_mut().listen(listen, 32, HOST).expect("listens");
    let (ours, events) = (BTreeMap::new(), Vec::new());
    Net { peer, stack, listener, cable, plan, ours, now: Nanos::from_secs(1), events }
}

impl Net {
    fn sockets(&self, id: u32, opener: End) -> Endpoints {
        self.plan.endpoints(id, opener).expect("in the plan")
    }

    fn run(&mut self, ids: std::ops::Range<u32>, opener: End, sending: Sending) {
        self.peer.command(Command::Run { ids: ids.clone(), opener, sending });
        if opener == End::Ours {
            ids.for_each(|id| self.connect(id));
        }
    }

    fn connect(&mut self, id: u32) {
        let sockets = self.sockets(id, End::Ours);
        let (remote, port) = (sockets.peer.into(), Some(sockets.ours.port()));
        let socket = self.stack.core_mut().connect(self.now, remote, port, HOST).expect("opens");
        self.ours.insert(id, Ours { socket: Some(socket), ..Ours::default() });
    }

    /// One turn of both ends; our application sends `least` bytes and then FIN.
    fn step(&mut self, least: u64) {
        self.stack.poll(self.now);
        while let Some(event) = self.peer.poll(self.now) {
            self.events.push(event);
        }
        let core = self.stack.core_mut();
        while core.poll_event().is_some() {}
        while let Some(socket) = core.accept(self.listener) {
            let remote = core.tuple(socket).expect("it is open").remote;
            let id = u32::from(remote.port() - self.plan.base_port);
            let ours = Ours { socket: Some(socket), ..Ours::default() };
            assert!(self.ours.insert(id, ours).is_none(), "accepted connection {id} twice");
        }
        let mut buffer = vec![0; 16 << 10];
        for (&id, ours) in &mut self.ours {
            let Some(socket) = ours.socket else { continue };
            if ours.error.is_some() {
                continue;
            }
            let len = (least - ours.sent).min(buffer.len() as u64) as usize;
            Stream::new(SEED, id, Direction::ToPeer).fill(ours.sent, &mut buffer[..len]);
            if len > 0 {
                match core.send(socket, &buffer[..len]) {
                    Ok(len) => ours.sent += len as u64,
                    Err(SocketError::WouldBlock | SocketError::NotConnected) => {}
                    Err(error) => ours.error = Some(error),
                }
            } else if !ours.shut {
                ours.shut = core.shutdown(socket).is_ok();
            }
            match core.recv(socket, &mut buffer) {
                Ok(0) => ours.end_of_stream = true,
                Ok(len) => {
                    let stream = Stream::new(SEED, id, Direction::FromPeer);
                    ours.corrupt += stream.mismatches(ours.received, &buffer[..len]);
                    ours.received += len as u64;
                }
                Err(SocketError::WouldBlock | SocketError::NotConnected) => {}
                Err(error) => ours.error = Some(error),
            }
        }
        self.now += STEP;
    }

    /// Steps until `done`, with a bound far beyond what it takes.
    fn until(&mut self, what: &str, least: u64, done: impl Fn(&Self) -> bool) {
        for _ in 0..2_000_000 {
            if done(self) {
                return;
            }
            self.step(least);
        }
        panic!("not {what} at {:?}: {:?}", self.now, self.events);
    }

    fn count(&self, is: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|event| is(event)).count()
    }

    fn report(&mut self) -> Vec<ConnectionReport> {
        self.peer.command(Command::Report { token: 5, queues: true });
        let last_poll = Monotonic::from(self.now - STEP);
        loop {
            match self.peer.poll(self.now).expect("the report at the latest") {
                Event::Report(report) => {
                    assert_eq!((report.token, report.at), (5, last_poll));
                    return report.connections;
                }
                event => self.events.push(event),
            }
        }
    }
}

/// Four connections opened by each end, streams both ways, FIN both ways; every count at the end.
fn transfer(mut net: Net) -> Net {
    net.run(0..4, End::Ours, Sending::AtLeast(LEAST));
    net.run(4..8, End::Peer, Sending::AtLeast(LEAST));
    let established = |e: &Event| matches!(e, Event::Established { .. });
    net.until("established", LEAST, |net| net.count(established) == 8);
    net.until("under way", LEAST, |net| net.ours.values().all(|c| c.received > 1000));
    for c in net.report() {
        let queues = c.queues.expect("it is open");
        assert_eq!((c.phase, queues.state), (Phase::Established, 1), "{c:?}");
        assert!(u64::from(queues.unacknowledged) <= c.sent && queues.unacknowledged > 0, "{c:?}");
    }
    net.peer.command(Command::Close { ids: 0..8 });
    net.until("closed", LEAST, |net| net.count(|e| matches!(e, Event::Closed { .. })) == 8);
    let ours_done = |net: &Net| net.ours.values().all(|c| c.end_of_stream);
    net.until("closed at our end", LEAST, ours_done);
    assert_eq!(net.events.len(), 16, "{:?}", net.events);
    for event in &net.events {
        let &Event::Closed { id, sent, received, corrupt } = event else { continue };
        let ours = &net.ours[&id];
        assert_eq!((received, corrupt, ours.sent), (LEAST, 0, LEAST), "connection {id}");
        assert!(sent >= LEAST, "connection {id} sent {sent}");
        assert_eq!((ours.received, ours.corrupt), (sent, 0), "connection {id}");
        assert_eq!(ours.error, None);
    }
    net
}

#[test]
fn streams_go_both_ways_and_end_by_fin() {
    let path = std::env::temp_dir().join(format!("mafo-smoltcp-{}.pcap", std::process::id()));
    let pcap = Some(path.clone());
    let net = transfer(net(SmoltcpConfig { pcap, ..SmoltcpConfig::default() }));
    assert_eq!(net.peer.switch().counters().filtered_unknown, 0);
    let port = net.peer.switch().port(1).counters();
    let summary = net.peer.stop().expect("a capture");
    let bytes = std::fs::read(&path).expect("the capture");
    std::fs::remove_file(&path).expect("its own file");
    // All that the switch's port to the peer carried, each behind 16 bytes, after a header of 24.
    let frames = port.rx_frames + port.tx_frames;
    assert_eq!((summary.frames, summary.lost, summary.error), (frames, 0, None));
    assert_eq!(bytes.len() as u64, 24 + 16 * frames + port.rx_bytes + port.tx_bytes);
}

#[test]
fn loss_and_delay_cost_time_only() {
    let impairments = Impairments {
        loss: Probability::new(0.01).expect("a probability"),
        delay: Nanos::from_micros(200),
        ..Impairments::NONE
    };
    let link = LinkConfig::default().with_impairments(impairments);
    transfer(net(SmoltcpConfig { link, ..SmoltcpConfig::default() }));
}

#[test]
fn all_simultaneous_opens_are_taken() {
    let mut net = net(SmoltcpConfig::default());
    net.run(0..50, End::Ours, Sending::Nothing);
    let established = |e: &Event| matches!(e, Event::Established { .. });
    net.until("established", 0, |net| net.count(established) == 50);
    assert_eq!(net.events.len(), 50, "{:?}", net.events);
}

#[test]
fn a_cut_is_the_gap_that_spans_it() {
    let mut net = net(SmoltcpConfig::default());
    net.run(0..2, End::Peer, Sending::AtLeast(0));
    net.until("under way", 4_000_000, |net| {
        net.ours.len() == 2 && net.ours.values().all(|c| c.received > 200_000)
    });
    let cut = net.now;
    net.cable.set_carrier(false);
    net.peer.command(Command::Mark { at: cut.into() });
    while net.now < cut + Nanos::from_millis(300) {
        net.step(4_000_000);
    }
    net.cable.set_carrier(true);
    let before = net.ours[&0].received;
    net.until("under way again", 4_000_000, |net| {
        net.ours.values().all(|c| c.received > before + 300_000 && c.sent > c.received / 100)
    });
    net.until("all of ours taken", 4_000_000, |net| net.ours.values().all(|c| c.shut));
    net.peer.command(Command::Stalls);
    let Some(Event::Stalls(stalls)) = net.peer.poll(net.now) else { panic!("no stalls") };
    assert_eq!((stalls.at, stalls.stalls.len()), (Some(cut.into()), 2));
    for stall in stalls.stalls {
        let gap = stall.longest.expect("300 ms of silence");
        assert!(gap.len_at(net.now.into()) >= 299_000_000, "{stall:?}");
        assert!(stall.spanning.is_none_or(|gap| gap.from <= cut.into()), "{stall:?}");
    }
}

#[test]
fn resets_and_refusals_are_told() {
    let failed = |net: &Net, number: u32, at: Phase, errno: i32| {
        net.count(|event| {
            matches!(event, Event::Failed { id, phase, error }
                if *id == number && *phase == at && error.raw_os_error() == Some(errno))
        }) == 1
    };
    let mut net = net(SmoltcpConfig::default());
    net.run(0..2, End::Ours, Sending::AtLeast(0));
    let both = |net: &Net| net.ours.len() == 2 && net.ours.values().all(|c| c.received > 0);
    net.until("under way", LEAST * 50, both);
    // By the peer.
    net.peer.command(Command::Abort { ids: 0..1 });
    net.until("reset", LEAST * 50, |net| net.ours[&0].error.is_some());
    assert!(failed(&net, 0, Phase::Established, libc::ECONNABORTED), "{:?}", net.events);
    // By us.
    let socket = net.ours.get_mut(&1).and_then(|c| c.socket.take()).expect("open");
    net.stack.core_mut().abort(net.now, socket);
    let told = |net: &Net| failed(net, 1, Phase::Established, libc::ECONNRESET);
    net.until("told of the reset", LEAST * 50, told);
    // Nobody listens.
    net.stack.core_mut().close_listener(net.now, net.listener);
    net.run(2..3, End::Peer, Sending::Nothing);
    let told = |net: &Net| failed(net, 2, Phase::Connecting, libc::ECONNREFUSED);
    net.until("told of the refusal", LEAST * 50, told);
    // Nobody is expected.
    net.connect(3);
    net.until("reset", LEAST * 50, |net| net.ours[&3].error.is_some());
    let from = net.sockets(3, End::Ours).ours;
    assert_eq!(net.count(|e| matches!(e, Event::Stranger { from: f } if *f == from)), 1);
    let phases: Vec<Phase> = net.report().iter().map(|c| c.phase).collect();
    assert_eq!(phases, [Phase::Failed; 3]);
}

#[test]
fn a_reset_instead_of_the_last_ack_is_no_orderly_end() {
    let mut net = net(SmoltcpConfig::default());
    net.run(0..1, End::Ours, Sending::Nothing);
    // Our FIN, and nothing to read: the peer is in CLOSE-WAIT.
    net.until("half closed", 0, |net| net.ours[&0].shut);
    (0..20).for_each(|_| net.step(0));
    assert!(net.report()[0].end_of_stream);
    net.peer.command(Command::Close { ids: 0..1 });
    // Its FIN leaves; our end answers with a reset before it reads it.
    assert!(net.peer.poll(net.now).is_none());
    let socket = net.ours.get_mut(&0).and_then(|c| c.socket.take()).expect("open");
    net.stack.core_mut().abort(net.now, socket);
    let failed = |e: &Event| matches!(e, Event::Failed { phase: Phase::Closing, error, .. } if error.raw_os_error() == Some(libc::ECONNRESET));
    net.until("told of the reset", 0, |net| net.events.len() == 2);
    assert_eq!(net.count(failed), 1, "{:?}", net.events);
}

#[test]
fn silence_is_a_timeout() {
    let mut net = net(SmoltcpConfig::default());
    net.cable.set_carrier(false);
    net.run(0..1, End::Peer, Sending::Nothing);
    for _ in 0..400 {
        net.step(0);
        net.now += Nanos::from_secs(1);
    }
    let [Event::Failed { id: 0, phase: Phase::Connecting, error }] = &net.events[..] else {
        panic!("{:?}", net.events)
    };
    assert_eq!(error.raw_os_error(), Some(libc::ETIMEDOUT));
}

#[test]
fn what_it_cannot_do_it_says() {
    let (mut peer, _near) = SmoltcpPeer::start(SmoltcpConfig::default()).expect("starts");
    let refusal = |peer: &mut SmoltcpPeer, command| {
        peer.command(command);
        match peer.poll(Nanos::from_secs(1)) {
            Some(Event::CommandFailed { error, .. }) => error.raw_os_error().expect("an errno"),
            event => panic!("{event:?}"),
        }
    };
    assert_eq!(refusal(&mut peer, Command::Echo { port: 7 }), libc::EOPNOTSUPP);
    assert_eq!(refusal(&mut peer, Command::Timeouts), libc::EOPNOTSUPP);
    assert_eq!(refusal(&mut peer, Command::Quit), libc::EOPNOTSUPP);
    let run = |ids| Command::Run { ids, opener: End::Ours, sending: Sending::Nothing };
    assert_eq!(refusal(&mut peer, run(0..1_000_000)), libc::EINVAL);
    peer.command(run(0..2));
    assert_eq!(refusal(&mut peer, run(1..3)), libc::EEXIST);
    for config in [
        SmoltcpConfig { cables: 0, ..SmoltcpConfig::default() },
        SmoltcpConfig { mtu: 575, ..SmoltcpConfig::default() },
        SmoltcpConfig { connections: 20_001, ..SmoltcpConfig::default() },
    ] {
        assert!(matches!(SmoltcpPeer::start(config), Err(PeerError::Config(_))));
    }
}

#[test]
fn unknown_unicast_is_not_flooded() {
    let (mut peer, mut near) = SmoltcpPeer::start(SmoltcpConfig::default()).expect("starts");
    let now = Nanos::from_secs(1);
    let mut frames = FrameBurst::new(2, 2048);
    let frame = |dst: [u8; 6]| [&dst[..], &OUR_MAC, &[0x88, 0xb5], &[0; 46]].concat();
    frames.push(&frame([2, 0, 0, 0, 0, 1])).expect("room");
    frames.push(&frame([0xff; 6])).expect("room");
    assert!(peer.poll(now).is_none());
    assert_eq!(near[0].tx_burst(now, frames.frames()), 2);
    assert!(peer.poll(now).is_none());
    frames.clear();
    assert_eq!(near[1].rx_burst(now, &mut frames), 1, "the broadcast and nothing else");
    assert_eq!(frames.frames()[0].as_slice()[0], 0xff);
}
