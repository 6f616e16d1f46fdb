//! Driver, stack and software ASIC together, under a clock of the test's own.

mod hosts;

use hosts::{ADDRESSES, Net};
use mafo::{Event, Options, PathChoice, Readiness};

const OFFLOAD: Options = Options { path: PathChoice::Offload, nagle: true };

#[test]
fn two_hosts_come_up_and_their_links_with_them() {
    let net = Net::up(1);
    for host in &net.hosts {
        assert!(host.bond().expect("bond").active().is_some());
    }
}

#[test]
fn an_offloaded_connection_carries_bytes_both_ways() {
    let mut net = Net::up(1);
    let listener =
        net.hosts[1].sockets_mut().listen((ADDRESSES[1], 7).into(), 4, OFFLOAD).expect("listens");
    let now = net.now;
    let client = net.hosts[0]
        .sockets_mut()
        .connect(now, (ADDRESSES[1], 7).into(), None, OFFLOAD)
        .expect("opens");
    let mut server = None;
    for _ in 0..20_000 {
        net.step();
        while let Some(event) = net.hosts[0].sockets_mut().poll_event() {
            eprintln!("{:?} {event:?}", net.now);
            assert!(!matches!(event, Event::Socket(_, r) if r.contains(Readiness::ERROR)));
        }
        if let Some(id) = net.hosts[1].sockets_mut().accept(listener) {
            server = Some(id);
            break;
        }
    }
    let server = server.expect("accepted");
    net.transfer([client, server], 300_000);
}
