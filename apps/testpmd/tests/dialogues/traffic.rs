//! Frames that go through, seen at the other end.

use std::fs;
use std::path::Path;

use crate::cases::Outcome;
use crate::program::Program;
use crate::scratch;

/// From one capture into another, through the ports of an adapter.
const ADAPTER: &str = "asic0,ports=2,wire0=pcap:in.pcap,wire1=pcap:none.pcap,out.pcap";

/// Writes a capture, by hand: frames of 60 bytes.
fn write_capture(path: &Path, frames: &[[u8; 60]]) {
    let words = |words: &[u32]| words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<u8>>();
    let mut bytes = words(&[0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 1]);
    for (n, frame) in (0..).zip(frames) {
        bytes.extend(words(&[n, 0, 60, 60]));
        bytes.extend(frame);
    }
    fs::write(path, bytes).expect("written");
}

fn read_capture(path: &Path) -> Vec<[u8; 60]> {
    let bytes = fs::read(path).expect("a capture");
    bytes[24..].chunks(76).map(|record| record[16..].try_into().expect("as long")).collect()
}

/// A broadcast that is of no protocol.
fn plain(n: u8) -> [u8; 60] {
    let mut frame = [n; 60];
    frame[..6].fill(0xff);
    frame[6..14].copy_from_slice(&[2, 0, 0, 0, 0, n, 0x88, 0xb5]);
    frame
}

/// A datagram to UDP port `port`, whose sums are wrong.
fn datagram(port: u16) -> [u8; 60] {
    let mut frame = plain(1);
    frame[12..14].copy_from_slice(&[0x08, 0]);
    frame[14..34].copy_from_slice(&[
        0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0x55, 0x55, 198, 18, 0, 1, 198, 18, 0, 2,
    ]);
    frame[34..42].copy_from_slice(&[0, 9, 0, 0, 0, 26, 0x55, 0x55]);
    frame[36..38].copy_from_slice(&port.to_be_bytes());
    frame
}

/// RFC 1071: what is right sums up to all ones.
fn sum(parts: &[&[u8]]) -> u16 {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let sum: u32 = words.map(|w| u32::from(u16::from_be_bytes([w[0], w[1]]))).sum();
    ((sum & 0xffff) + (sum >> 16)) as u16
}

/// Frames go in by port 0 of an adapter, after `commands`, until port 1 has sent `count`; what was said then, and what came
/// out.
fn through(
    name: &str,
    frames: &[[u8; 60]],
    commands: &[&str],
    count: usize,
) -> (String, Vec<[u8; 60]>) {
    let folder = scratch(name);
    write_capture(&folder.join("in.pcap"), frames);
    write_capture(&folder.join("none.pcap"), &[]);
    let mut program = Program::start(&["-l", "0,1", "--vdev", ADAPTER, "--", "-i"], &folder);
    program.until_prompt();
    let mut told: String = commands.iter().map(|command| program.command(command)).collect();
    told += &program.command("start");
    program.wait_until("show port stats 1", &format!("TX-packets: {count} "));
    told += &program.command("show port xstats 0");
    told += &program.command("stop");
    assert!(program.command("quit").contains("Bye..."));
    assert_eq!(program.finish().1, 0);
    let out = read_capture(&folder.join("out.pcap"));
    fs::remove_dir_all(folder).expect("removed");
    (told, out)
}

/// What a capture brings in by one port leaves by the other, through an adapter, in another capture, to the byte.
pub(crate) fn capture() -> Outcome {
    let frames: Vec<_> = (0..100).map(plain).collect();
    let (told, out) = through("capture", &frames, &[], 100);
    assert!(told.contains("RX-packets: 100 "), "{told}");
    assert_eq!(out, frames);
    Outcome::Done
}

/// Sums that come in wrong are counted, and go out right, whichever of them are the adapter's.
pub(crate) fn checksums() -> Outcome {
    let hardware = ["csum set ip hw 1", "csum set udp hw 1", "csum set tcp hw 1"];
    for hardware in [&hardware[..], &hardware[..1], &[]] {
        let commands = [&["set fwd csum"], hardware].concat();
        let (told, out) = through("checksums", &[datagram(9); 10], &commands, 10);
        assert!(told.contains("Bad-ipcsum: 10 ") && told.contains("Bad-l4csum: 10"), "{told}");
        assert_eq!(out.len(), 10);
        for frame in out {
            let (ip, udp) = (&frame[14..34], &frame[34..]);
            assert_eq!((sum(&[ip]), sum(&[&ip[12..20], &[0, 17, 0, 26], udp])), (0xffff, 0xffff));
        }
    }
    Outcome::Done
}

/// A rule that has frames in the host's queue is ahead of a later one that drops them.
pub(crate) fn queue() -> Outcome {
    let frames: Vec<_> = (0..100).map(|n| datagram(9 + n % 2)).collect();
    let commands = [
        "flow create 0 ingress pattern eth / ipv4 / udp dst is 9 / end actions queue index 0 / end",
        "flow create 0 ingress pattern eth / ipv4 / udp / end actions drop / end",
    ];
    let (told, out) = through("queue", &frames, &commands, 50);
    assert!(
        told.contains("Flow rule #0 created") && told.contains("Flow rule #1 created"),
        "{told}"
    );
    assert!(told.contains("hw_rx_filter_dropped: 50\n"), "{told}");
    assert_eq!(out, [datagram(9); 50]);
    Outcome::Done
}

/// What each frame is, as it comes in and as it goes out.
pub(crate) fn verbose() -> Outcome {
    let folder = scratch("verbose");
    write_capture(&folder.join("in.pcap"), &[plain(7)]);
    let line =
        "src=02:00:00:00:00:07 - dst=FF:FF:FF:FF:FF:FF - type=0x88b5 - length=60 - nb_segs=1\n";
    for (level, directions) in [(1, &["received"][..]), (2, &["received", "sent"])] {
        let wires = ["--vdev", "wire0,wire=pcap:in.pcap", "--vdev", "wire1,wire=null:no-rx"];
        let arguments = [&["-l", "0,1"], &wires[..], &["--", "-i"]].concat();
        let mut program = Program::start(&arguments, &folder);
        program.until_prompt();
        program.command(&format!("set verbose {level}"));
        // The core says it when it has the frame, at or after the prompt.
        program.press("start\n");
        let mut told = program.until(line);
        if level == 2 && told.matches(line).count() == 1 {
            told += &program.until(line);
        }
        program.press("quit\n");
        told += &program.finish().0;
        assert_eq!(told.matches(line).count(), directions.len(), "{told}");
        for (port, direction) in directions.iter().enumerate() {
            assert!(
                told.contains(&format!("port {port}/queue 0: {direction} 1 packets\n")),
                "{told}"
            );
        }
    }
    fs::remove_dir_all(folder).expect("removed");
    Outcome::Done
}

/// Counters of a port, and a line at the end.
pub(crate) fn latency() -> Outcome {
    let folder = scratch("latency");
    let wires = ["--vdev", "wire0,wire=null", "--vdev", "wire1,wire=null:no-rx"];
    let arguments = [&["-l", "0,1"], &wires[..], &["--", "-i", "--latencystats", "1"]].concat();
    let mut program = Program::start(&arguments, &folder);
    program.until_prompt();
    program.command("start");
    program.wait_until("show port xstats 0", "!avg_latency_ns: 0\n");
    let told = program.command("show port xstats 0");
    let value = |name: &str| -> u64 {
        let line =
            told.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix("_latency_ns: "));
        line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name}: {told}"))
    };
    assert!(value("min") <= value("avg") && value("avg") <= value("max"), "{told}");
    assert!(told.contains("jitter_ns: "), "{told}");
    let told = program.command("stop");
    assert!(told.contains("Latency of bursts: "), "{told}");
    program.command("quit");
    assert_eq!(program.finish().1, 0);
    fs::remove_dir_all(folder).expect("removed");
    Outcome::Done
}
