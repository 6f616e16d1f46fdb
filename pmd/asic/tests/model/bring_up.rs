//! From reset to an initialised card by raw mailbox writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::host::Host;

/// A 16-byte command: two words of header, two of body.
fn short(hi: u32, lo: u32, body: [u32; 2]) -> [u8; 16] {
    let mut bytes = [0; 16];
    for (at, word) in [hi, lo, body[0], body[1]].into_iter().enumerate() {
        bytes[4 * at..4 * at + 4].copy_from_slice(&word.to_be_bytes());
    }
    bytes
}

fn word(reply: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(reply[at..at + 4].try_into().expect("four bytes"))
}

/// RETVAL: bits 15:8 of the second word.
fn retval(reply: &[u8]) -> u8 {
    reply[6]
}

#[test]
fn identity_registers() {
    let host = Host::new(Host::config());
    let bar = &host.bar;
    assert_eq!(bar.read32(0x19400) >> 8 & 7, 4, "PL_WHOAMI: function 4");
    assert_eq!(bar.read32(0x1943c), 1, "PL_REV: T5 A1");
    assert_eq!(bar.read32(0x9000), 2, "MPS_CMN_CTL: log2 of four ports");
    assert_eq!(bar.read32(0x30b8), 0, "PCIE_FW: nobody, not initialised");
    assert_eq!(
        bar.read32(0x1008),
        0x0004_0811,
        "SGE_CONTROL: split mode, shift 2, pad 64, enabled"
    );
    assert_eq!(bar.read32(0x100c), 0x2222_2222, "SGE_HOST_PAGE_SIZE");
    assert_eq!(bar.read32(0x1044 + 4 * 5), 2048, "SGE_FL_BUFFER_SIZE5");
    assert_eq!(bar.read32(0x7d90), 14 << 16 | 18 << 8 | 14, "TP_TIMER_RESOLUTION");
    // T5 MPS port block of port 3, TX_PORT_FRAMES.
    assert_eq!(bar.read32(0x3c408), 0);
    assert_eq!(host.asic.counters().bad_accesses, 0);
}

#[test]
fn holes_read_as_zero_and_are_counted() {
    let host = Host::new(Host::config());
    let bar = &host.bar;
    for offset in [0x0, 0x1008 + 1, 0x5_fffc, 0x8_0000, u32::MAX, 0x1b3fc] {
        bar.write32(offset, 0x5555_5555);
        assert_eq!(bar.read32(offset), 0, "{offset:#x}");
    }
    assert_eq!(host.asic.counters().bad_accesses, 12);
    bar.write32(0x1943c, 7);
    assert_eq!(bar.read32(0x1943c), 1, "a read-only register keeps its value");
}

#[test]
fn reading_the_mailbox_claims_it_and_writing_zero_lets_go() {
    let host = Host::new(Host::config());
    let (ctrl, shadow) = (0x1b280, 0x1b290);
    assert_eq!(host.bar.read32(shadow), 0, "nobody's");
    assert_eq!(host.bar.read32(shadow), 0, "the shadow has no effect");
    assert_eq!(host.bar.read32(ctrl), 2, "claimed for the driver by the read");
    assert_eq!(host.bar.read32(shadow), 2);
    host.bar.write32(ctrl, 0);
    assert_eq!(host.bar.read32(shadow), 0);
    // The same registers under the function's own number.
    assert_eq!(host.bar.read32(0x1e000 + 4 * 0x400 + 0x280), 2);
    assert_eq!(host.bar.read32(shadow), 2);
}

#[test]
fn a_command_waits_for_the_poll_and_the_mailbox_is_not_the_hosts_meanwhile() {
    let mut host = Host::new(Host::config());
    let (data, ctrl) = (0x1b240, 0x1b280);
    assert_eq!(host.bar.read32(ctrl), 2);
    // HELLO, any master, events to mailbox 4.
    host.bar.write64(data, 0x04a0_0000_0000_0001);
    host.bar.write64(data + 8, 0x0f40_0000_0000_0000);
    host.bar.write32(ctrl, 0b1001);
    assert_eq!(host.bar.read32(ctrl), 0b1001, "nothing happens inside the access");
    let bad = host.asic.counters().bad_accesses;
    host.bar.write32(data, 0xffff_ffff);
    host.bar.write32(ctrl, 0);
    assert_eq!(host.asic.counters().bad_accesses, bad + 2);
    assert_eq!(host.bar.read32(ctrl), 0b1001, "and the host cannot take it back");
    host.poll();
    assert_eq!(host.bar.read32(ctrl), 0b1010, "reply: valid, owner driver");
    // Header: request bit cleared, RETVAL 0. Body: master 4, mailbox 4; revision 1.23.3.0.
    assert_eq!(host.bar.read32(data + 4), 0x0420_0000);
    assert_eq!(host.bar.read32(data), 0x0000_0001);
    assert_eq!(host.bar.read32(data + 12), 0x0440_0000);
    assert_eq!(host.bar.read32(data + 8), 0x0117_0300);
}

#[test]
fn a_mailbox_without_a_message_comes_back() {
    let mut host = Host::new(Host::config());
    assert_eq!(host.bar.read32(0x1b280), 2);
    host.bar.write32(0x1b280, 1);
    host.poll();
    assert_eq!(host.bar.read32(0x1b290), 0, "nobody's again");
    assert_eq!(host.asic.counters().fw.mailbox_spurious, 1);
    assert_eq!(host.asic.counters().fw.commands, 0);
}

#[test]
fn bring_up_in_the_drivers_order() {
    let mut host = Host::new(Host::config());
    // Nothing goes before HELLO: INITIALIZE is EPERM.
    let reply = host.command_raw(&short(0x06a0_0000, 1, [0, 0]));
    assert_eq!(retval(&reply), 1);
    // HELLO.
    let reply = host.command_raw(&short(0x04a0_0000, 1, [0x0f40_0000, 0]));
    assert_eq!(retval(&reply), 0);
    assert_eq!(word(&reply, 8) >> 24 & 0xf, 4, "function 4 is master");
    assert_eq!(word(&reply, 8) >> 30 & 1, 0, "not initialised");
    assert_eq!(host.bar.read32(0x30b8), 1 << 15 | 4 << 12, "PCIE_FW: master 4");

    // RESET, PIORST | PIORSTMODE: the card forgets what registers were told, and answers.
    host.bar.write32(0x1044, 777);
    let reply = host.command_raw(&short(0x03a0_0000, 1, [3, 0]));
    assert_eq!(retval(&reply), 0);
    assert_eq!(host.bar.read32(0x1044), 4096);

    // CAPS_CONFIG, read: TOE is there; write back the same.
    let mut caps = [0; 48];
    caps[..8].copy_from_slice(&[0x07, 0xc0, 0, 0, 0, 0, 0, 3]);
    let reply = host.command_raw(&caps);
    assert_eq!(retval(&reply), 0);
    assert_eq!(reply[26..28], [0, 1], "ofldcaps: TOE");
    assert_eq!(reply[24..26], [0, 0x21], "niccaps: NIC, hash filters");
    let mut caps: [u8; 48] = reply[..48].try_into().expect("48 bytes");
    caps[..8].copy_from_slice(&[0x07, 0xa0, 0, 0, 0, 0, 0, 3]);
    assert_eq!(retval(&host.command_raw(&caps)), 0);
    // RDMA is not there.
    caps[28..30].copy_from_slice(&[0, 1]);
    assert_eq!(retval(&host.command_raw(&caps)), 22, "EINVAL");

    // An interface before INITIALIZE: EPERM.
    let mut vi = [0; 64];
    vi[..8].copy_from_slice(&[0x14, 0xb0, 0x04, 0x00, 0x80, 0, 0, 4]);
    assert_eq!(retval(&host.command_raw(&vi)), 1);
    assert_eq!(retval(&host.command_raw(&short(0x06a0_0000, 1, [0, 0]))), 0);
    assert_eq!(host.bar.read32(0x30b8), 1 << 30 | 1 << 15 | 4 << 12, "PCIE_FW: INIT");

    // PFVF.
    let mut pfvf = [0; 32];
    pfvf[..8].copy_from_slice(&[0x09, 0xc0, 0x04, 0x00, 0, 0, 0, 2]);
    let reply = host.command_raw(&pfvf);
    assert_eq!(word(&reply, 8), 40 << 20, "NIQFLINT 40");
    assert_eq!(word(&reply, 12), 0x0ff0_0000 | 200, "all channels, all ports, NEQ 200");

    // PARAMS: CCLK, PORTVEC, NTID, FLOWC_BUFFIFO_SZ, and the ranges.
    let dev = |x: u32| 1 << 24 | x << 16;
    let pfvf = |x: u32| 2 << 24 | x << 16;
    let expected = [
        (dev(0x00), 250_000),
        (dev(0x01), 0xf),
        (dev(0x02), 256),
        (dev(0x03), 256),
        (dev(0x0b), 0x0117_0300),
        (pfvf(0x2b), 5),
        (pfvf(0x2c), 204),
        (pfvf(0x13), 100),
        (pfvf(0x14), 149),
        (pfvf(0x05), 400),
        (pfvf(0x06), 415),
        (pfvf(0x29), 3),
        (pfvf(0x2a), 42),
        (pfvf(0x07), 300),
        (pfvf(0x08), 315),
        // Active filters: none, so that the range ends before it begins.
        (pfvf(0x2d), 1),
        (pfvf(0x2e), 0),
    ];
    for chunk in expected.chunks(7) {
        let mut params = [0; 64];
        params[..8].copy_from_slice(&[0x08, 0xc0, 0x04, 0x00, 0, 0, 0, 4]);
        for (at, (param, _)) in chunk.iter().enumerate() {
            params[8 + 8 * at..12 + 8 * at].copy_from_slice(&param.to_be_bytes());
        }
        let reply = host.command_raw(&params);
        assert_eq!(retval(&reply), 0);
        for (at, (param, value)) in chunk.iter().enumerate() {
            assert_eq!(word(&reply, 12 + 8 * at), *value, "parameter {param:#x}");
        }
    }
    // One unknown parameter spoils the command.
    let mut params = [0; 64];
    params[..8].copy_from_slice(&[0x08, 0xc0, 0x04, 0x00, 0, 0, 0, 4]);
    params[8..12].copy_from_slice(&dev(0x7f).to_be_bytes());
    assert_eq!(retval(&host.command_raw(&params)), 22);

    // An unknown command: ENOSYS, counted.
    let reply = host.command_raw(&short(0x55a0_0000, 1, [1, 2]));
    assert_eq!(retval(&reply), 38);
    assert_eq!((word(&reply, 8), word(&reply, 12)), (1, 2), "the rest as it came");
    let fw = host.asic.counters().fw;
    assert_eq!((fw.commands_unknown, fw.commands_failed), (1, 5));
}

#[test]
fn a_second_driver_finds_the_card_initialised() {
    let mut host = Host::new(Host::config());
    host.hello();
    assert_eq!(retval(&host.command_raw(&short(0x05a0_0000, 1, [0, 0]))), 0, "BYE");
    assert_eq!(host.bar.read32(0x30b8), 1 << 30, "INIT, no master");
    let reply = host.command_raw(&short(0x04a0_0000, 1, [0x0f40_0000, 0]));
    assert_eq!(word(&reply, 8) >> 30 & 1, 1, "HELLO says INIT");
    // CLEARINIT asks for it anew.
    let reply = host.command_raw(&short(0x04a0_0000, 1, [0x0f41_0000, 0]));
    assert_eq!(word(&reply, 8) >> 30 & 1, 0);
}

#[test]
fn halted_firmware_is_silent_until_the_chip_is_reset() {
    let mut host = Host::new(Host::config());
    host.hello();
    let reply = host.command_raw(&short(0x03a0_0000, 1, [3, 1 << 31]));
    assert_eq!(retval(&reply), 0);
    assert_eq!(host.bar.read32(0x30b8) >> 29 & 1, 1, "PCIE_FW: HALT");
    assert_eq!(host.bar.read32(0x1b280), 2);
    host.bar.write64(0x1b240, 0x04a0_0000_0000_0001);
    host.bar.write32(0x1b280, 0b1001);
    for _ in 0..10 {
        host.poll();
    }
    assert_eq!(host.bar.read32(0x1b290), 0b1001, "no answer");
    // PL_RST.
    host.bar.write32(0x19428, 3);
    host.poll();
    assert_eq!(host.bar.read32(0x30b8), 0);
    host.hello();
}

#[test]
fn indirect_registers_and_tables() {
    let host = Host::new(Host::config());
    let bar = &host.bar;
    let pio = |addr: u32| {
        bar.write32(0x7e40, addr);
        bar.read32(0x7e44)
    };
    // Filter mode: fragmentation, hit type, protocol, VLAN, port, FCoE.
    assert_eq!(pio(0x140), 0x32b);
    bar.write32(0x7e40, 0x45);
    bar.write32(0x7e44, 0x1234_5678);
    assert_eq!(pio(0x45), 0x1234_5678);
    assert_eq!(pio(0x44), 0x6d5a_6d5a, "the RSS key at reset");

    // MTU table: entry 8 is 1500; select by index 0xff.
    bar.write32(0x7de4, 0xff00_0000 | 8);
    assert_eq!(bar.read32(0x7de4) & 0x3fff, 1500);
    bar.write32(0x7de4, 8 << 24 | 10 << 16 | 1400);
    bar.write32(0x7de4, 0xff00_0000 | 8);
    assert_eq!(bar.read32(0x7de4) & 0x3fff, 1400);

    // Congestion table: MTU 3, window 17, beta 2, increment 100.
    bar.write32(0x7ddc, 3 << 21 | 17 << 16 | 2 << 13 | 100);
    bar.write32(0x7ddc, 0xffff_0000 | 3 << 5 | 17);
    assert_eq!(bar.read32(0x7ddc) & 0xffff, 2 << 13 | 100);

    // Indirection table: row 5 is valid and empty.
    bar.write32(0x7dec, 0xfff0_0000 | 5);
    assert_eq!(bar.read32(0x7dec), 1 << 31 | 5 << 20);
    assert_eq!(host.asic.counters().bad_accesses, 0);
    bar.write32(0x7de4, 16 << 24);
    bar.write32(0x7dec, 5);
    bar.write32(0x7e40, 0x1_0000);
    bar.write32(0x7e44, 1);
    assert_eq!(host.asic.counters().bad_accesses, 3, "no such entry, row, register");
}

#[test]
fn a_memory_window_shows_card_memory_and_tcbs_a_poll_later() {
    use mafo_t4::tcb::Tcb;
    let mut host = Host::new(Host::config());
    let bar = Arc::clone(&host.bar);
    // Window 0: 2 KB at 0x1b800. EDC0 is the first memory.
    bar.write32(0x306c, 0x1000);
    bar.write32(0x1b800 + 0x10, 0xdead_beef);
    assert_eq!(bar.read32(0x1b810), 0xdead_beef);
    bar.write32(0x306c, 0x1800);
    assert_eq!(bar.read32(0x1b810), 0, "the window moved on");
    // The low bits are the function's number, not an address.
    bar.write32(0x306c, 0x1004);
    assert_eq!(bar.read32(0x1b810), 0xdead_beef);

    // A filter is a TCB too: its image is in card memory once somebody has looked.
    host.hello();
    let iq = host.iq(super::host::IqPlan::default());
    let mut ctrl = host.ctrl_eq(&iq, 16);
    let wr = mafo_t4::wr::FwFilterWr::new(mafo_t4::Ftid(402), iq.id);
    let drop = wr.with_action(wr.action().with_drop(true));
    host.post(&mut ctrl, drop.as_bytes());
    host.poll();
    let base = bar.read32(0x7d10);
    let tcb = base + 128 * 402;
    bar.write32(0x306c, tcb & !0x7ff);
    let at = 0x1b800 + (tcb & 0x7ff);
    let look =
        || -> Vec<u8> { (0..32).flat_map(|i| bar.read32(at + 4 * i).to_le_bytes()).collect() };
    assert_eq!(look(), vec![0; 128], "not written back yet");
    host.poll();
    let image = Tcb::from_window_order(look()[..].try_into().expect("128 bytes"));
    // T_FLAGS bit 22 of word 1: drop.
    assert_eq!(image.read64(1) >> 22 & 1, 1);
}

/// Another thread looks for the answer all the time, as a driver does whose card has a core of its own: free for a moment
/// while the card is reset, the mailbox would be the driver's without an answer, and what the firmware then writes there be lost.
#[test]
fn a_reset_answers_before_the_mailbox_is_anybody_elses() {
    const DATA: u32 = 0x1b240;
    const CTRL: u32 = 0x1b280;
    let mut host = Host::new(Host::config());
    // HELLO.
    assert_eq!(retval(&host.command_raw(&short(0x04a0_0000, 1, [0x0f40_0000, 0]))), 0);
    let bar = Arc::clone(&host.bar);
    for round in 0..2_000 {
        assert_eq!(bar.read32(CTRL) & 3, 2, "the mailbox is the driver's");
        bar.write64(DATA, 0x03a0_0000_0000_0001);
        bar.write64(DATA + 8, 0x0000_0003_0000_0000);
        bar.write32(CTRL, 0b1001);
        let seen = AtomicU32::new(0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let owned = (0..).map(|_| bar.read32(CTRL)).find(|ctrl| ctrl & 3 == 2);
                seen.store(owned.unwrap_or(0), Ordering::Release);
            });
            while seen.load(Ordering::Acquire) == 0 {
                host.poll();
            }
        });
        assert_eq!(seen.into_inner() & 8, 8, "a reply is valid, round {round}");
        bar.write32(CTRL, 0);
    }
}
