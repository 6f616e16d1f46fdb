//! A bond as the kernel sees it: two TAP devices behind a bridge, and a client whose connection lives through it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use mafo_apps::netlink::{Netlink, Request};
use nix::net::if_::if_nametoindex as index;
use nix::sched::{CloneFlags, unshare};

use crate::cases::Outcome;
use crate::program::Program;
use crate::scratch;

const BOND: (Ipv4Addr, u16) = (Ipv4Addr::new(10, 77, 0, 2), 5001);
const TAPS: [&str; 2] = ["pmd0", "pmd1"];
const BYTES: usize = 1 << 20;

/// Bytes come back from an adapter, from the other when the first has lost its cable, and from the first again when the
/// other has died; on one connection, to a kernel that sees nothing of it.
pub(crate) fn failover() -> Outcome {
    let inside = thread::spawn(|| {
        if let Err(refused) = unshare(CloneFlags::CLONE_NEWNET) {
            return Outcome::Skipped(format!("no network namespace: {refused}"));
        }
        connection_lives();
        Outcome::Done
    });
    inside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn connection_lives() {
    let folder = scratch("kernel");
    let [first, second] = TAPS.map(|tap| format!("ports=1,wire0=tap:{tap}"));
    let (first, second) = (format!("asic0,{first}"), format!("asic1,{second}"));
    let bond = "bond0,members=0,1,ip=10.77.0.2/24";
    let arguments =
        ["--vdev", &first, "--vdev", &second, "--vdev", bond, "--", "-i", "--allow-faults"];
    let mut program = Program::start(&arguments, &folder);
    program.until_prompt();
    bridge();
    program.command("set fwd tcpecho");
    program.command("start");
    program.wait_until("show bonding config 2", "Active Members (2)");

    let patience = Duration::from_secs(20);
    let mut client =
        TcpStream::connect_timeout(&SocketAddr::from(BOND), patience).expect("connected");
    client.set_read_timeout(Some(patience)).expect("set");
    let lives_at = |port: usize| format!("established  port {port} tid");
    exchange(&mut client, 1);
    program.wait_until("show conn 2", &lives_at(0));
    program.command("fault link down 0");
    exchange(&mut client, 2);
    program.wait_until("show conn 2", &lives_at(1));
    program.command("fault link up 0");
    program.wait_until("show bonding config 2", "Active Members (2)");
    program.command("fault adapter kill 1");
    exchange(&mut client, 3);
    program.wait_until("show conn 2", &lives_at(0));
    let told = program.command("show failover history 2");
    assert!(
        told.contains("link of port 0 down") && told.contains("adapter of port 1 dead"),
        "{told}"
    );
    let told = program.command("stop");
    assert!(told.contains("TCP-conns: 1 ") && told.contains("TCP-failed: 0"), "{told}");
    assert!(told.contains(&format!("TCP-rx-bytes: {}", 3 * BYTES)), "{told}");
    assert_eq!(program.finish().1, 0);
    std::fs::remove_dir_all(folder).expect("removed");
}

/// Sends a megabyte and reads it back.
fn exchange(client: &mut TcpStream, seed: usize) {
    let bytes: Vec<u8> = (0..BYTES).map(|n| (n * 7 + seed + n / 251) as u8).collect();
    let mut other = client.try_clone().expect("cloned");
    let sent = bytes.clone();
    let sender = thread::spawn(move || other.write_all(&sent));
    let mut back = vec![0; BYTES];
    client.read_exact(&mut back).expect("everything comes back");
    sender.join().expect("no panic").expect("everything was sent");
    assert!(back == bytes, "other bytes came back");
}

/// Both TAP devices in a bridge with an address in the bond's network.
fn bridge() {
    let mut netlink = Netlink::open().expect("a netlink socket");
    let mut request = |request| netlink.request(request).expect("a request");
    request(Request::new_bridge("br-pmd", [2, 0x62, 0, 0, 0, 2], 1500, None));
    let bridge = index("br-pmd").expect("the bridge");
    request(Request::new_address(bridge, Ipv4Addr::new(10, 77, 0, 1), 24));
    for tap in TAPS {
        request(Request::join_bridge(index(tap).expect("made by the program"), bridge));
    }
    request(Request::set_up(bridge, true));
}
