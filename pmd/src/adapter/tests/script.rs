//! Bring-up of a card with one port for one lcore: every register access, in order, by hand.
//!
//! Commands are written as 32-bit words. The first has opcode 31:24, REQUEST b23, READ b22, WRITE b21,
//! EXEC b20, and whom it is about below; the second flags above and LEN16 below.

use super::*;
use crate::tests::bar::{Access, ScriptedBar};
use crate::tests::firmware::{read, receive, send, write};

/// Where domain 1 begins; the rings follow one another at pages.
const IOVA_HI: u32 = 0x8100;

/// The script of one command: its bytes, the words of its reply that differ.
fn exchange(script: &mut Vec<Access>, command: &[u32], reply: &[(usize, u32)]) {
    let mut answer = command.to_vec();
    for &(word, value) in reply {
        answer[word] = value;
    }
    script.extend(send(&words(command)));
    script.extend(receive(&words(&answer)));
}

/// A FW_PARAMS_CMD of PF 4 with up to seven parameters; `values` are written or answered.
fn params(script: &mut Vec<Access>, access: u32, list: &[(u32, u32)]) {
    let mut command = [0; 16];
    command[0] = 0x0880_0400 | access;
    command[1] = 4;
    let mut reply = Vec::new();
    for (n, &(param, value)) in list.iter().enumerate() {
        command[2 + 2 * n] = param;
        if access == READ { reply.push((3 + 2 * n, value)) } else { command[3 + 2 * n] = value }
    }
    exchange(script, &command, &reply);
}

const READ: u32 = 1 << 22;
const WRITE: u32 = 1 << 21;

fn hello_and_configuration(script: &mut Vec<Access>) {
    // PL_WHOAMI: SOURCEPF 10:8 = 4. PL_REV: 1.
    script.extend([read(0x19400, 0x0000_0400), read(0x1943c, 0x0000_0001)]);
    // HELLO w: MBMASTER any (0xf), MBASYNCNOT 4, CLEARINIT. We are master, the card is not initialised.
    let hello = [0x04a0_0000, 1, 0x0f41_0000, 0];
    exchange(script, &hello, &[(2, 0x0441_0000), (3, 0x0117_0300)]);
    // DEV (1) FWREV (0x0b), TPREV (0x0c).
    params(script, READ, &[(0x010b_0000, 0x0117_0300), (0x010c_0000, 0x0001_0408)]);
    // RESET w: PIORST, PIORSTMODE.
    exchange(script, &[0x03a0_0000, 1, 3, 0], &[]);
    // CAPS_CONFIG r: CFVALID b27, memory 4 (flash), 31 × 64 KiB. The card offers everything:
    // hardware modules, nbm | link, switch, nic (NIC, VM, hash filter, Ethernet offload) | TOE,
    // RDMA | crypto, iSCSI | FCoE, checksum, version, checksum.
    let caps = [
        (3, 0x0000_ff00),
        (4, 0x0001_0002),
        (5, 0x0003_0000),
        (6, 0x0063_0001),
        (7, 0x0003_0004),
        (8, 0x0005_0006),
        (9, 0xaaaa_aaaa),
        (10, 0x1425_001b),
        (11, 0xaaaa_aaaa),
    ];
    exchange(script, &[0x07c0_0000, 0x0c1f_0003, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], &caps);
    // CAPS_CONFIG w: NIC, VM and TOE stay, the rest of nic, RDMA, crypto, iSCSI and FCoE go.
    let trimmed = [
        0x07a0_0000,
        3,
        0,
        0x0000_ff00,
        0x0001_0002,
        0x0003_0000,
        0x0003_0001,
        0,
        0,
        0xaaaa_aaaa,
        0x1425_001b,
        0xaaaa_aaaa,
    ];
    exchange(script, &trimmed, &[]);
    script.extend([
        // Host pages of 4 KiB for all functions.
        write(0x100c, 0x2222_2222),
        // SGE_CONTROL: pad boundary 64 (1) becomes 32 (0); 64-byte status page, PKTSHIFT 2, split CPLs stay.
        read(0x1008, 0x0004_0811),
        write(0x1008, 0x0004_0801),
        // SGE_CONTROL2: pack boundary 64 (18:16 = 1).
        read(0x1124, 0),
        write(0x1124, 0x0001_0000),
        // Buffer size 0 is the page; 2 and 3 become multiples of 64.
        write(0x1044, 4096),
        read(0x104c, 1536),
        write(0x104c, 1536),
        read(0x1050, 9018),
        write(0x1050, 9024),
        // TP_INGRESS_CONFIG, behind 0x7e40/44 at 0x141: CSUM_HAS_PSEUDO_HDR (b10) off.
        write(0x7e40, 0x141),
        read(0x7e44, 0x0000_0e00),
        write(0x7e40, 0x141),
        write(0x7e44, 0x0000_0a00),
        // TP_SHIFT_CNT: SYNSHIFTMAX (31:24) 6 instead of 14, RXTSHIFTMAXR1 (23:20) 3 instead of 2.
        read(0x7dc0, 0x0e2f_8849),
        write(0x7dc0, 0x063f_8849),
    ]);
    exchange(script, &[0x06a0_0000, 1, 0, 0], &[]);
}

fn discovery(script: &mut Vec<Access>) {
    // PFVF r: 16 ingress queues, 64 egress queues, 1 interface.
    let function = [(2, 16 << 20), (3, 64), (4, 1 << 16)];
    exchange(script, &[0x09c0_0400, 2, 0, 0, 0, 0, 0, 0], &function);
    // DEV CCLK, PORTVEC: 250 MHz, port 1.
    params(script, READ, &[(0x0100_0000, 250_000), (0x0101_0000, 0b0010)]);
    // PFVF (2) L2T_START, L2T_END, FILTER_START, FILTER_END.
    let tables = [(0x0213_0000, 10), (0x0214_0000, 19), (0x0205_0000, 100), (0x0206_0000, 595)];
    params(script, READ, &tables);
    // PFVF CPLFW4MSG_ENCAP := 1.
    params(script, WRITE, &[(0x0231_0000, 1)]);
    // DEV FILTER, Y 1: mode 0x32b, mask 0x021.
    params(script, READ, &[(0x012e_0100, 0x032b_0021)]);
    // CAPS_CONFIG r: TOE.
    let nothing = [0x07c0_0000, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    exchange(script, &nothing, &[(6, 0x0003_0001)]);
    // DEV NTID, PFVF SERVER_START, SERVER_END, DEV FLOWC_BUFFIFO_SZ.
    let offload =
        [(0x0102_0000, 16_384), (0x0207_0000, 600), (0x0208_0000, 1095), (0x0103_0000, 64)];
    params(script, READ, &offload);
    script.extend([
        read(0x1008, 0x0004_0801),
        read(0x100c, 0x2222_2222),
        // 32 queues a doorbell page, both kinds.
        read(0x1010, 0x5555_5555),
        read(0x10f4, 0x5555_5555),
        // SGE_CONM_CTRL: threshold 7 (13:8) is 15 pointers.
        read(0x1094, 0x0000_0700),
        // Buffer sizes until the one of 2048.
        read(0x1044, 4096),
        read(0x1048, 65536),
        read(0x104c, 1536),
        read(0x1050, 9024),
        read(0x1054, 9216),
        read(0x1058, 2048),
    ]);
    mtus(script);
    // The RSS key, ten words behind 0x7e40/44 from 0x40 on: symmetric.
    for word in 0..10 {
        script.extend([write(0x7e40, 0x40 + word), write(0x7e44, 0x6d5a_6d5a)]);
    }
    script.extend([
        // TP_TIMER_RESOLUTION: timer 14, timestamp 18, delayed ACK 14.
        read(0x7d90, 0x000e_120e),
        write(0x7e40, 0x140),
        read(0x7e44, 0x32b),
        // TP_PARA_REG2: MAXRXDATA (31:16) 16 KiB.
        read(0x7d68, 0x4000_0000),
        // TP_PARA_REG0: INITCWND (26:24) 6.
        read(0x7d60, 0x0600_0000),
    ]);
    // RSS_GLB_CONFIG w: basic virtual (1 at 31:28), TNLMAPEN b2, HASHTOEPLITZ b0.
    exchange(script, &[0x22a0_0000, 2, 0x1000_0000, 5, 0, 0, 0, 0], &[]);
}

/// The MTU table as cards come, with 1492 at index 7.
const MTUS: [u32; 16] =
    [88, 256, 512, 576, 808, 1024, 1280, 1492, 1500, 2002, 2048, 4096, 4352, 8192, 9000, 9600];
/// log2 of each, rounded up from one and a half times a power of two on; 1488 is below 1536.
const WIDTHS: [u32; 16] = [6, 8, 9, 9, 10, 10, 10, 10, 10, 11, 11, 12, 12, 13, 13, 13];

fn mtus(script: &mut Vec<Access>) {
    for (index, mtu) in (0..).zip(MTUS) {
        // Index 0xff selects; the number is in the value.
        script.extend([write(0x7de4, 0xff00_0000 | index), read(0x7de4, mtu)]);
    }
    for (index, (mtu, width)) in (0..).zip(MTUS.into_iter().zip(WIDTHS)) {
        let mtu = if mtu == 1492 { 1488 } else { mtu };
        script.push(write(0x7de4, index << 24 | width << 16 | mtu));
        for window in 0..32 {
            // The values are proven by hand where they are computed.
            let entry = registers::congestion_entry(index, mtu as u16, window);
            script.push(write(0x7ddc, entry.0));
        }
    }
}

fn port_and_queues(script: &mut Vec<Access>) {
    // PORT r of port 1, GET_PORT_INFO (3): down, type SFP (9 at 12:8), twinax (4); can do 1G, 10G, flow
    // control both ways (0xca), MTU 1500.
    let info = [(2, 0x0000_0904), (3, 0x00ca_00ca), (4, 0x05dc_0000)];
    exchange(script, &[0x1bc0_0001, 0x0003_0002, 0, 0, 0, 0, 0, 0], &info);
    // VI alloc of PF 4 on port 1: VIID 0x481 (PF 4, valid, VIN 1), address 00:07:43:00:00:01, RSS slice 64.
    let mut vi = [0; 16];
    vi[..5].copy_from_slice(&[0x14b0_0400, 0x8000_0004, 0, 0, 0x1000_0000]);
    exchange(script, &vi, &[(2, 0x0481_0007), (3, 0x4300_0001), (6, 64 << 16)]);
    // IQ alloc and start: asynchronous (b28), VIID, IQANUD 1; GTS mode, channel 1, 64-byte entries (2);
    // 64 entries at the start of the arena. It becomes 0x105, for us 5.
    let mut events = [0; 16];
    events[..8].copy_from_slice(&[
        0x10b0_0400,
        0x9000_0004,
        0,
        0,
        0x1481_1000,
        0x5002_0040,
        IOVA_HI,
        0,
    ]);
    exchange(script, &events, &[(2, 0x0105_0005)]);
    // IQ with freelist: 1024 entries at 0x1000; type offload (2), data and fetch relaxed, padded; congestion is told
    // (b27, CIF b11, EN b0) of channel 1 (23:20 = 2), that of the list too; fetch 128 to 512 bytes; 128 pointers are 16 units, and one of status page, at 0x11000. It becomes 0x109,
    // for us 9, and the freelist 33.
    let mut ingress = [0; 16];
    ingress[..12].copy_from_slice(&[
        0x10b0_0400,
        0x9000_0004,
        0,
        0,
        0x0481_1000,
        0x5002_0400,
        IOVA_HI,
        0x1000,
        0x0a20_1845,
        0x01b0_0011,
        IOVA_HI,
        0x11000,
    ]);
    exchange(script, &ingress, &[(2, 0x0109_0009), (3, 0x0021_0000)]);
    // 120 buffers are 15 units: queue 33 is number 1 of page 1; DBPRIO and DBTYPE.
    script.push(Access::Doorbell { offset: 4096 + 128 + 8, value: 1 << 14 | 1 << 13 | 15 });
    // DMAQ (4) CONM_CTXT (0x20) of queue 9: its channels (2 at 20:19) are congested with it, channel 1 (7:4).
    params(script, WRITE, &[(0x0420_0009, 0x0010_0010)]);
    // EQ_CTRL alloc and start: completions to 9; fetch relaxed, status page (2), channel 1, queue 9;
    // fetch 64 to 512 bytes, told every 32 units, 512 units and one at 0x4e000. It is 34, absolute 0x1022.
    let ctrl = [0x13b0_0400, 0x9000_0002, 9 << 20, 0, 0x0061_0009, 0x0135_0201, IOVA_HI, 0x4e000];
    exchange(script, &ctrl, &[(2, 9 << 20 | 34), (3, 0x1022)]);
    // EQ_ETH: the same at 0x57000, status page by itself (b30), VIID.
    let eth = [
        0x12b0_0400,
        0x9000_0003,
        0,
        0,
        0x0061_0009,
        0x0135_0201,
        IOVA_HI,
        0x57000,
        0x4481_0000,
        0,
        0,
        0,
    ];
    exchange(script, &eth, &[(2, 35), (3, 0x1023)]);
    // EQ_OFLD: 1024 units and one, behind the 128 frames of 1536 bytes.
    let ofld = [0x21b0_0400, 0x9000_0002, 0, 0, 0x0061_0009, 0x0135_0401, IOVA_HI, 0x90000];
    exchange(script, &ofld, &[(2, 36), (3, 0x1024)]);
}

fn enabling(script: &mut Vec<Access>) {
    // RSS_IND_TBL w of VIID 0x481: 32 entries from 0, then from 32, all queue 0x109; three a word, two in
    // the last.
    for start in [0, 32] {
        let mut table = [0; 16];
        table[..4].copy_from_slice(&[0x20a0_0481, 4, 32 << 16 | start, 0]);
        table[4..14].fill(0x109 << 20 | 0x109 << 10 | 0x109);
        table[14] = 0x109 << 20 | 0x109 << 10;
        exchange(script, &table, &[]);
    }
    // RSS_VI_CONFIG w: default queue 0x109 (25:16), two- and four-tuples of both families.
    exchange(script, &[0x23a0_0481, 2, 0, 0x0109_001e, 0, 0, 0, 0], &[]);
    // VI_RXMODE w: MTU 1500, broadcasts (11:10 = 1).
    exchange(script, &[0x16a0_0481, 1, 0x05dc_0400, 0], &[]);
    // VI_MAC w: valid, both tables (3 at 11:10), add for good (0x3fe). It becomes entry 17.
    let mac = [0x15a0_0481, 1, 0x8ffe_0007, 0x4300_0001];
    exchange(script, &mac, &[(2, 0x8c11_0007)]);
    // VI_ENABLE x: both directions.
    exchange(script, &[0x1790_0481, 0xc000_0001, 0, 0], &[]);
    // PORT x, L1_CFG (1): 1G, 10G, flow control both ways.
    exchange(script, &[0x1b90_0001, 0x0001_0002, 0x0000_00ca, 0, 0, 0, 0, 0], &[]);
}

#[test]
fn bring_up_is_this_list_of_accesses_and_no_other() {
    let bar = ScriptedBar::new();
    let mut script = Vec::new();
    hello_and_configuration(&mut script);
    discovery(&mut script);
    port_and_queues(&mut script);
    enabling(&mut script);
    bar.expect(script);
    let mut adapter = adapter(bar.clone(), AdapterConfig::small());
    let mut polls = 0;
    while !adapter.is_up() {
        polls += 1;
        assert!(polls < 100, "stuck: {adapter:?}");
        adapter.poll(Nanos(polls)).expect("bring-up");
    }
    bar.done();
    // Nothing was waited for: each poll takes a reply and sends the next command.
    assert_eq!(polls, adapter.mailbox_counters().commands + 1);

    let told = adapter.resources().expect("up").clone();
    assert_eq!((told.pf, told.chip_revision), (4, 1));
    assert_eq!((told.firmware.0, told.tp_microcode.0), (0x0117_0300, 0x0001_0408));
    assert_eq!((told.ntids, told.atids.clone()), (16_384, 0..8192));
    assert_eq!((told.l2t.clone(), told.filters.clone()), (10..20, 100..596));
    assert_eq!((told.servers.clone(), told.flowc_credits), (600..1096, 64));
    assert_eq!(
        (told.mtus[7], told.mtus[8], told.max_rx_data, told.initial_window),
        (1488, 1500, 16_384, 6)
    );
    // 2^14 and 2^18 periods of 4 ns.
    assert_eq!(told.timer_tick(), Nanos(65_536));
    assert_eq!(told.timestamp_tick(), Nanos(1_048_576));
    assert_eq!((told.filter_mode.0, told.filter_mask.map(|mask| mask.0)), (0x32b, Some(0x021)));
    // FCoE b0, port 3:1, VLAN 20:4, protocol 28:21: TCP on port 1.
    assert_eq!(told.tcp_tuple(PortId(1)), 6 << 21 | 1 << 1);
    assert_eq!((told.mtu_index(1499), told.mtu_index(1500), told.mtu_index(60)), (7, 8, 0));
    let [port] = &told.ports[..] else { panic!("{told:?}") };
    assert_eq!((port.port, port.viid.0, port.mac), (PortId(1), 0x481, [0, 7, 0x43, 0, 0, 1]));
    assert_eq!((port.smt.0, port.mps, port.rss_entries), (2, 17, 64));
    assert!(!adapter.link(PortId(1)).expect("told").up);
    assert_eq!(adapter.link(PortId(0)), None);

    let lcore = adapter.take_lcore(0).expect("up");
    assert!(adapter.take_lcore(0).is_none(), "an lcore is taken once");
    let ingress = lcore.ingress.as_ref().expect("in its place");
    assert_eq!(ingress.id().0, 0x109);
    let eqs = [lcore.ctrl.id(), lcore.eth[0].eq().id(), lcore.ofld[0].id()];
    assert_eq!(eqs.map(|eq| eq.0), [0x1022, 0x1023, 0x1024]);
    assert_eq!(lcore.share().servers, 600..1096);
}
