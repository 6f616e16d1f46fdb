//! An echo server on two software adapters, in as few lines as it takes to link mafo.
//!
//! As root: `cargo run --release --example echo`, and in another terminal
//!
//! ```sh
//! ip link add br0 type bridge && ip address add 10.77.0.1/24 dev br0 && ip link set br0 up
//! for tap in mafo0 mafo1; do ip link set $tap master br0 up; done
//! nc 10.77.0.2 7                # type; then, elsewhere: ip link set mafo0 down; type on
//! ```

use mafo::eal::clock::Clock;
use mafo::eal::random::random;
use mafo::wire::Tap;
use mafo::{
    AdapterConfig, AsicConfig, BondConfig, Core, Event, Host, HostConfig, Nanos, Options, PortId,
};
use mafo::{SocketError, SocketId, SoftConfig, StackConfig};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Two cards, a cable in port 0 of each. A cable may be any `Wire`: a TAP, a memory link, your own.
    let mut adapters = Vec::new();
    for n in 0..2u8 {
        let cable = Tap::create(Some(&format!("mafo{n}")))?;
        adapters.push(SoftConfig {
            // Cards differ by their addresses.
            asic: AsicConfig { mac_base: [2, 0, 0, n, 0, 0x10], ..AsicConfig::t540_cr() },
            driver: AdapterConfig::default(),
            wires: vec![(PortId(0), Box::new(cable))],
        });
    }
    // The bond's address and MAC, and its links, the preferred one first.
    let mut stack = StackConfig::new([10, 77, 0, 2].into(), 24, [2, 0, 0, 0xff, 0, 1]);
    stack.sockets_max = 64;
    stack.secret = random()?;
    let links = vec![(0, PortId(0)), (1, PortId(0))];
    let mut host = Host::new(HostConfig::new(stack, adapters, BondConfig::new(links)))?;

    // Nothing blocks and nothing runs by itself: the program polls, and says what time it is.
    let clock = Clock::start();
    while !host.is_up() {
        host.poll(clock.now())?;
    }
    host.sockets_mut().listen("10.77.0.2:7".parse()?, 16, Options::default())?;
    loop {
        let now = clock.now();
        host.poll(now)?;
        let sockets = host.sockets_mut();
        while let Some(event) = sockets.poll_event() {
            match event {
                // Bytes may have come before anybody accepted.
                Event::Incoming(listener) => {
                    while let Some(id) = sockets.accept(listener) {
                        echo(now, sockets, id);
                    }
                }
                // There is something to read, or room to write.
                Event::Socket(id, _) | Event::Arrived(id, _) => echo(now, sockets, id),
            }
        }
        while let Some((at, event)) = host.bond_mut().and_then(|bond| bond.poll_event()) {
            println!("{at:?} {event:?}");
        }
    }
}

/// Sends back what has come, as far as there is room: who does not read is soon not read either.
fn echo(now: Nanos, sockets: &mut Core, id: SocketId) {
    let mut buf = [0; 4096];
    while let room @ 1.. = sockets.send_room(id).min(buf.len()) {
        match sockets.recv(id, &mut buf[..room]) {
            Ok(0) => return sockets.close(now, id), // the peer's end; ours follows what is unsent
            Ok(n) => _ = sockets.send(id, &buf[..n]), // there is room
            Err(SocketError::WouldBlock) => return, // an event will come
            Err(_) => break,
        }
    }
    if sockets.is_over(id) {
        sockets.close(now, id); // reset, or timed out
    }
}
