//! Rings: generation bit, credits, starvation, completions, doorbells that make no sense.

use super::host::{BASE, Host, HostEq, HostIq, IqPlan, eth_wr, plain};
use mafo_t4::fw::Viid;

/// A card with one interface on port 1 and an Ethernet queue of 16 units.
struct Bench {
    host: Host,
    iq: HostIq,
    eth: HostEq,
    viid: Viid,
    mac: [u8; 6],
}

fn bench(plan: IqPlan) -> Bench {
    let mut host = Host::new(Host::config());
    host.hello();
    let iq = host.iq(plan);
    let (viid, mac) = host.interface(1, &iq);
    let eth = host.eth_eq(&iq, viid, 1, 16);
    Bench { host, iq, eth, viid, mac }
}

impl Bench {
    /// Sends frame number `n` into the loopback and polls.
    fn loop_frame(&mut self, n: u8) {
        let frame = plain(self.mac, &[n]);
        self.host.post(&mut self.eth, &eth_wr(5, &frame));
        self.host.poll();
    }

    /// The numbers of the frames that have arrived; their credits go back.
    fn arrived(&mut self) -> Vec<u8> {
        self.host.drain(&mut self.iq).iter().map(|message| message.payload[2 + 14]).collect()
    }
}

#[test]
fn the_generation_bit_flips_with_each_lap_and_rings_wrap() {
    let mut bench = bench(IqPlan { size: 16, ..IqPlan::default() });
    bench.host.refill(&mut bench.iq, 4);
    // 15 entries a lap, 16 units of two for a work request, 64 buffers: everything wraps.
    for n in 0..100 {
        bench.loop_frame(n);
        assert_eq!(bench.arrived(), [n]);
        if n % 8 == 7 {
            bench.host.refill(&mut bench.iq, 1);
        }
    }
    let counters = bench.host.asic.counters();
    assert_eq!(counters.sge.ingress_entries, 100);
    assert_eq!((counters.dma_faults, counters.sge.ingress_no_credit), (0, 0));
}

#[test]
fn an_entry_and_its_response_control_byte_for_byte() {
    let mut bench = bench(IqPlan::default());
    bench.host.refill(&mut bench.iq, 1);
    bench.loop_frame(0x77);
    let message = bench.host.take(&mut bench.iq).expect("a message");
    let entry = &message.entry;
    // RSS header: RX_PKT, channel 1, no hash; the queue's absolute id; hash value 0.
    assert_eq!(entry[..8], [0x3b, 0x01, 0, 20, 0, 0, 0, 0]);
    assert_eq!(bench.iq.id.0, 20, "3 + 17");
    // Response control: NEWBUF and 62 bytes (2 of pad); generation 1, type 0; the clock's low 60 bits.
    assert_eq!(entry[48..52], [0; 4]);
    assert_eq!(entry[52..56], [0x80, 0, 0, 62]);
    assert_eq!(entry[56] & 0xf0, 0x80);
    let stamp = u64::from_be_bytes(entry[56..64].try_into().expect("eight")) & (!0 >> 4);
    let ticks = 0x1234_5678_9abc + bench.host.now.0 / 4;
    assert_eq!(stamp, ticks, "250 MHz from the epoch");
}

/// An ingress queue without credits stops, others run, and credits bring it back.
#[test]
fn an_ingress_queue_without_credits_stops_by_itself() {
    let mut bench = bench(IqPlan { size: 16, ..IqPlan::default() });
    bench.host.refill(&mut bench.iq, 7);
    let mut other = bench.host.iq(IqPlan::default());
    bench.host.refill(&mut other, 2);
    let (other_viid, other_mac) = bench.host.interface(3, &other);
    let mut other_eth = bench.host.eth_eq(&other, other_viid, 3, 16);
    // 15 usable entries; two more frames are lost.
    for n in 0..17 {
        bench.loop_frame(n);
    }
    let counters = bench.host.asic.counters();
    assert_eq!((counters.sge.ingress_entries, counters.hw.rx_packets_stalled), (15, 2));
    // MPS_STAT_RX_BG_1_LB_DROP_FRAME.
    assert_eq!(bench.host.bar.read32(0x9668), 2);

    bench.host.post(&mut other_eth, &eth_wr(7, &plain(other_mac, b"runs")));
    bench.host.poll();
    assert_eq!(bench.host.drain(&mut other).len(), 1);

    let first = bench.host.take(&mut bench.iq).expect("the oldest");
    assert_eq!(first.payload[16], 0);
    bench.host.give_back(&bench.iq, 1);
    bench.host.poll();
    bench.loop_frame(17);
    let rest: Vec<u8> = (1..15).chain([17]).collect();
    assert_eq!(bench.arrived(), rest, "in order, the two that found no room missing");
}

/// A freelist without buffers stops what has payload; what has none goes on.
#[test]
fn an_empty_freelist_stops_by_itself() {
    let mut bench = bench(IqPlan::default());
    bench.host.refill(&mut bench.iq, 1);
    for n in 0..9 {
        bench.loop_frame(n);
    }
    let counters = bench.host.asic.counters();
    assert_eq!((counters.hw.rx_packets_stalled, counters.sge.ingress_no_buffer), (1, 1));
    assert_eq!(bench.arrived(), (0..8).collect::<Vec<u8>>());
    // A reply without payload needs no buffer.
    let mut ctrl = bench.host.ctrl_eq(&bench.iq, 16);
    bench.host.post(&mut ctrl, &l2t_write(&bench.iq, 100, 0));
    bench.host.poll();
    let replies = bench.host.drain(&mut bench.iq);
    assert_eq!(replies.len(), 1);
    assert_eq!(replies[0].opcode(), 0x23, "L2T_WRITE_RPL");
    bench.host.refill(&mut bench.iq, 1);
    bench.loop_frame(9);
    assert_eq!(bench.arrived(), [9]);
}

/// FW_PARAMS_CMD w by hand: DMAQ (4) CONM_CTXT (0x20) of a queue; mode 2 (20:19) is its channels', a nibble each.
fn feed_back(bench: &mut Bench, context: u32) {
    let mut command = [0; 64];
    let param = 0x0420_0000 | u32::from(bench.iq.relative);
    for (n, word) in [0x08a0_0400, 4, param, context].into_iter().enumerate() {
        command[4 * n..4 * n + 4].copy_from_slice(&u32::to_be_bytes(word));
    }
    assert_eq!(bench.host.command_raw(&command)[6], 0, "taken");
}

/// A queue that is nearly full has the other ends of its channels' cables wait, and nothing is lost inside the card.
#[test]
fn a_queue_that_fills_pauses_its_channels() {
    let mut bench = bench(IqPlan { list_counts: true, ..IqPlan::default() });
    let [ports @ .., last] = [0, 1, 2].map(mafo_t4::PortId);
    bench.host.refill(&mut bench.iq, 4);
    let pausing =
        |bench: &mut Bench, frames| ports.map(|port| bench.host.asic.is_pausing(port, frames));
    // Nobody has asked for it.
    assert_eq!(pausing(&mut bench, 40), [false, false]);
    // Channels 1 and 2.
    feed_back(&mut bench, 0x0010_0110);
    // There are 32 buffers of the 56 that the list can have, of which half is always enough.
    assert_eq!(pausing(&mut bench, 40), [false, false]);
    for n in 0..5 {
        bench.loop_frame(n);
    }
    assert_eq!(pausing(&mut bench, 27), [false, false], "27 are left");
    assert_eq!(pausing(&mut bench, 28), [false, true]);
    assert!(bench.host.asic.is_pausing(last, 28));
    assert_eq!(pausing(&mut bench, 28), [false, true]);
    // MPS_PORT_STAT_TX_PORT_PAUSE of port 1: once, however often it was looked at.
    assert_eq!(bench.host.bar.read32(0x3_4470), 1);
    for n in 5..34 {
        bench.loop_frame(n);
    }
    // Two found no buffer: they wait, and so would what came behind them.
    let counters = bench.host.asic.counters();
    assert_eq!((counters.hw.rx_packets_stalled, counters.sge.ingress_no_buffer), (0, 0));
    assert_eq!(bench.arrived(), (0..32).collect::<Vec<u8>>());
    bench.host.poll();
    assert_eq!(bench.host.asic.poll_timeout(), None, "it is for the host to do something");
    bench.host.refill(&mut bench.iq, 4);
    bench.host.poll();
    assert_eq!(bench.arrived(), [32, 33]);
    assert_eq!(pausing(&mut bench, 28), [false, false]);
    // Credits count as well: of 63 half is always enough.
    for n in 0..30 {
        bench.loop_frame(n);
        if n % 8 == 3 {
            bench.host.refill(&mut bench.iq, 1);
        }
    }
    assert_eq!(pausing(&mut bench, 33), [false, false], "33 are left");
    bench.loop_frame(30);
    bench.loop_frame(31);
    bench.loop_frame(32);
    assert_eq!(pausing(&mut bench, 31), [false, true]);
    // Mode 1 is the queue's own: then it drops, and nobody is paused.
    feed_back(&mut bench, 0x0008_0110);
    assert_eq!(pausing(&mut bench, 31), [false, false]);
}

/// FW_TP_WR with L2T_WRITE_REQ, by hand; port 1, no VLAN.
pub(crate) fn l2t_write(iq: &HostIq, idx: u16, flags: u16) -> Vec<u8> {
    let mut wr = vec![0x05, 0, 0, 16, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0];
    // Opcode 0x12; reply queue 23:14, id 13:0.
    wr.extend((0x1200_0000 | u32::from(iq.id.0) << 14 | u32::from(idx)).to_be_bytes());
    wr.extend((1 << 8 | flags).to_be_bytes());
    wr.extend(idx.to_be_bytes());
    wr.extend(0xfff_u16.to_be_bytes());
    wr.extend([2, 0, 0, 0, 0, 0x42]);
    wr
}

/// Answers wait for credits and keep their order; the queue that causes them pauses, others run.
#[test]
fn answers_wait_for_credits_and_none_is_lost() {
    let mut bench = bench(IqPlan { size: 16, ..IqPlan::default() });
    let mut ctrl = bench.host.ctrl_eq(&bench.iq, 200);
    for n in 0..150 {
        bench.host.post(&mut ctrl, &l2t_write(&bench.iq, 100 + n % 50, 0));
    }
    for _ in 0..20 {
        bench.host.poll();
    }
    let counters = bench.host.asic.counters();
    assert_eq!(counters.sge.ingress_entries, 15);
    assert!(counters.wr.cpls < 150, "the control queue pauses, {} taken", counters.wr.cpls);
    assert!(counters.sge.replies_deferred > 0);
    let mut ids = Vec::new();
    for _ in 0..100 {
        for reply in bench.host.drain(&mut bench.iq) {
            let cpl = reply.cpl();
            assert_eq!((cpl[0], cpl[4]), (0x23, 0), "L2T_WRITE_RPL, status 0");
            ids.push(u16::from_be_bytes([cpl[2] & 0x3f, cpl[3]]));
        }
        bench.host.poll();
    }
    let expected: Vec<u16> = (0..150).map(|n| 100 + n % 50).collect();
    assert_eq!(ids, expected);
    assert_eq!(bench.host.asic.counters().sge.replies_lost, 0);
}

/// An ingress queue takes messages only while it is started.
#[test]
fn a_stopped_ingress_queue_takes_nothing() {
    use mafo_t4::fw::IqCmd;
    let mut bench = bench(IqPlan::default());
    bench.host.refill(&mut bench.iq, 2);
    let stop = IqCmd::stop(bench.iq.relative);
    bench.host.ok(&stop, stop.as_bytes());
    bench.loop_frame(1);
    assert_eq!(bench.arrived(), []);
    assert_eq!(bench.host.asic.counters().sge.ingress_no_queue, 1);
    let start = IqCmd::start(bench.iq.relative);
    bench.host.ok(&start, start.as_bytes());
    bench.loop_frame(2);
    assert_eq!(bench.arrived(), [2]);
}

/// A loopback that is full stops the queue that feeds it; nothing is dropped.
#[test]
fn a_full_loopback_stops_the_queue_that_feeds_it() {
    let mut bench = bench(IqPlan::default());
    bench.host.refill(&mut bench.iq, 7);
    let mut eth = bench.host.eth_eq(&bench.iq, bench.viid, 1, 64);
    // Eight frames fit into the loopback.
    for n in 0..12 {
        let frame = plain(bench.mac, &[n]);
        bench.host.post(&mut eth, &eth_wr(5, &frame));
    }
    bench.host.poll();
    assert_eq!(bench.arrived(), (0..8).collect::<Vec<u8>>());
    bench.host.poll();
    assert_eq!(bench.arrived(), [8, 9, 10, 11]);
}

/// A transmit buffer that nobody empties stops the queue behind it, and only it.
#[test]
fn a_full_port_stops_the_queue_that_feeds_it() {
    let mut bench = bench(IqPlan::default());
    bench.host.refill(&mut bench.iq, 4);
    bench.host.link(mafo_t4::PortId(1), true);
    let mut second = bench.host.eth_eq(&bench.iq, bench.viid, 1, 32);
    // Eight frames fit into the port's buffer.
    for n in 0..12 {
        bench.host.post(&mut second, &eth_wr(1, &plain([2; 6], &[n])));
    }
    bench.host.poll();
    assert_eq!(bench.host.asic.counters().wr.eth_frames, 8);
    // The loopback of the same port, by the other queue, goes on.
    bench.loop_frame(99);
    assert_eq!(bench.arrived(), [99]);
    assert_eq!(bench.host.sent(1).len(), 8);
    bench.host.poll();
    let rest: Vec<u8> = bench.host.sent(1).iter().map(|frame| frame[14]).collect();
    assert_eq!(rest, [8, 9, 10, 11]);
}

#[test]
fn status_page_and_egr_update_say_how_far_the_card_is() {
    let mut bench = bench(IqPlan::default());
    let frame = eth_wr(1, &plain([2; 6], b"x"));
    assert_eq!(frame.len(), 96, "two units");
    // Neither EQUEQ nor EQUIQ: nothing is told before the threshold of 32 units.
    bench.host.post(&mut bench.eth, &frame);
    bench.host.poll();
    assert_eq!(bench.host.status(&bench.eth), (0, 0, 0));
    // EQUEQ, bit 30 of the second word.
    let mut asking = frame.clone();
    asking[4] |= 0x40;
    bench.host.post(&mut bench.eth, &asking);
    bench.host.poll();
    assert_eq!(bench.host.status(&bench.eth), (bench.eth.id, 4, 4));
    assert!(bench.host.take(&mut bench.iq).is_none());
    // EQUIQ, bit 31.
    let mut asking = frame.clone();
    asking[4] |= 0x80;
    bench.host.post(&mut bench.eth, &asking);
    bench.host.poll();
    let update = bench.host.take(&mut bench.iq).expect("an update");
    assert_eq!(update.opcode(), 0xa5);
    let mut expected = (0xa500_0000 | bench.eth.id).to_be_bytes().to_vec();
    expected.extend([0, 6, 0, 6]);
    assert_eq!(update.cpl()[..8], expected);
    assert_eq!(update.entry[56] & 0xf0, 0x90, "type CPL: complete in the entry");
    assert_eq!(bench.host.status(&bench.eth).1, 4, "the status page was not asked for");
    // 32 units after the queue began: HOSTFCMODE status page, threshold code 5.
    for _ in 0..13 {
        bench.host.post(&mut bench.eth, &frame);
        bench.host.poll();
    }
    assert_eq!(bench.host.status(&bench.eth), (bench.eth.id, 0, 0), "32 units, twice round 16");
}

/// An EGR_UPDATE that finds no credit comes later, once, with the newest index.
#[test]
fn an_egr_update_without_credit_waits() {
    let mut bench = bench(IqPlan { size: 16, ..IqPlan::default() });
    bench.host.refill(&mut bench.iq, 4);
    for n in 0..15 {
        bench.loop_frame(n);
    }
    let mut asking = eth_wr(1, &plain([2; 6], b"x"));
    asking[4] |= 0x80;
    let second = &mut bench.host.eth_eq(&bench.iq, bench.viid, 1, 16);
    for _ in 0..3 {
        bench.host.post(second, &asking);
        bench.host.poll();
    }
    assert_eq!(bench.arrived().len(), 15);
    bench.host.poll();
    let messages = bench.host.drain(&mut bench.iq);
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].cpl()[4..8], [0, 6, 0, 6]);
    assert_eq!(bench.host.asic.counters().wr.eth_frames, 18);
}

#[test]
fn an_ingress_queue_with_status_page_shows_its_indices() {
    let plan = IqPlan { size: 16, status_page: true, ..IqPlan::default() };
    let mut bench = bench(plan);
    bench.host.refill(&mut bench.iq, 4);
    for n in 0..20 {
        bench.loop_frame(n);
    }
    // 15 slots, of which one stays free: a full ring would look empty.
    assert_eq!(bench.host.asic.counters().sge.ingress_entries, 14);
    let mut expected = vec![0, 0, 0, 20];
    expected.extend([0, 0, 0, 14]);
    assert_eq!(bench.host.iq_status(&bench.iq), expected);
    assert_eq!(bench.arrived().len(), 14);
    bench.host.poll();
    bench.loop_frame(20);
    assert_eq!(bench.host.iq_status(&bench.iq), [0, 0, 0, 20, 0, 14, 0, 0]);
}

/// The card asks to be polled for what a poll brings on, and for nothing else: what waits for the host
/// or for a cable must not keep a clock from moving.
#[test]
fn the_card_asks_for_a_poll_only_where_it_helps() {
    use mafo_mem::Nanos;
    let now = Some(Nanos::ZERO);
    let mut bench = bench(IqPlan { size: 16, ..IqPlan::default() });
    bench.host.poll();
    // VI_ENABLE's event has no queue to go to.
    assert_eq!(bench.host.asic.poll_timeout(), None);
    bench.host.link(mafo_t4::PortId(1), true);
    assert_eq!(bench.host.asic.poll_timeout(), now, "an event to tell");
    bench.host.poll();
    assert_eq!(bench.host.asic.poll_timeout(), None);
    // A port's buffer of eight.
    for n in 0..7 {
        bench.host.post(&mut bench.eth, &eth_wr(1, &plain([2; 6], &[n])));
    }
    assert_eq!(bench.host.asic.poll_timeout(), now, "a doorbell");
    bench.host.poll();
    assert_eq!(bench.host.asic.poll_timeout(), None);
    for n in 0..7 {
        bench.host.post(&mut bench.eth, &eth_wr(1, &plain([2; 6], &[n])));
    }
    bench.host.poll();
    assert_eq!(bench.host.asic.poll_timeout(), None, "nobody empties the port");
    assert_eq!(bench.host.sent(1).len(), 8);
    assert_eq!(bench.host.asic.poll_timeout(), now, "now there is room");
    bench.host.poll();
    assert_eq!(bench.host.sent(1).len(), 6);
    assert_eq!(bench.host.asic.poll_timeout(), None);
    // More than one queue's turn, for a port that drops.
    bench.host.link(mafo_t4::PortId(1), false);
    let mut second = bench.host.eth_eq(&bench.iq, bench.viid, 1, 300);
    for n in 0..140 {
        bench.host.post(&mut second, &eth_wr(1, &plain([2; 6], &[n])));
    }
    bench.host.poll();
    assert_eq!(bench.host.asic.poll_timeout(), now, "a queue had its turn and has more");
    bench.host.poll();
    assert_eq!(bench.host.asic.poll_timeout(), None);
    // More answers than an ingress queue takes: the host has to return credits.
    let mut ctrl = bench.host.ctrl_eq(&bench.iq, 200);
    for n in 0..150 {
        bench.host.post(&mut ctrl, &l2t_write(&bench.iq, 100 + n % 50, 0));
    }
    for _ in 0..6 {
        bench.host.poll();
    }
    assert_eq!(bench.host.asic.poll_timeout(), None);
    assert_eq!(bench.host.drain(&mut bench.iq).len(), 15);
    assert_eq!(bench.host.asic.poll_timeout(), now, "credits");
}

#[test]
fn doorbells_that_make_no_sense_are_errors_and_nothing_else() {
    let mut bench = bench(IqPlan::default());
    bench.host.refill(&mut bench.iq, 2);
    let cause3 = 0x103c;
    // More units than the ring has free.
    bench.host.doorbell(bench.eth.relative, 16);
    bench.host.poll();
    assert_eq!(bench.host.bar.read32(cause3), 1 << 12, "ERR_BAD_DB_PIDX0");
    bench.host.bar.write32(cause3, 1 << 12);
    assert_eq!(bench.host.bar.read32(cause3), 0, "cleared by writing one");
    // A queue of this function that nobody has allocated.
    bench.host.doorbell(bench.eth.relative + 1, 1);
    bench.host.poll();
    assert_eq!(bench.host.bar.read32(cause3), 1 << 18, "ERR_DROPPED_DB");
    // Credits for entries that were never written.
    bench.host.give_back(&bench.iq, 3);
    bench.host.poll();
    assert_eq!(bench.host.bar.read32(cause3), 1 << 21 | 1 << 18, "ERR_INVALID_CIDX_INC");
    let sge = bench.host.asic.counters().sge;
    let counted = (sge.doorbells_bad_pidx, sge.doorbells_dropped, sge.credits_bad_cidx);
    assert_eq!(counted, (1, 1, 1));
    let bad = bench.host.asic.counters().bad_accesses;
    bench.host.bar.write_doorbell(4, 1);
    bench.host.bar.write_doorbell(u32::MAX, 1);
    bench.host.bar.write_doorbell(7 * 4096 + 8, 1);
    assert_eq!(bench.host.asic.counters().bad_accesses, bad + 3, "holes of BAR2");
    bench.loop_frame(1);
    assert_eq!(bench.arrived(), [1]);
}

#[test]
fn the_function_register_and_write_combining_ring_too() {
    let mut bench = bench(IqPlan::default());
    bench.host.refill(&mut bench.iq, 2);
    let frame = eth_wr(5, &plain(bench.mac, &[1])[..30]);
    assert_eq!(frame.len(), 64, "one unit");
    let relative = bench.eth.relative;
    // SGE_PF_KDOORBELL: QID 31:15, PIDX 12:0.
    bench.host.put_wr(&mut bench.eth, &frame);
    bench.host.bar.write32(0x1b000, relative << 15 | 1);
    bench.host.poll();
    assert_eq!(bench.arrived(), [1]);
    // The write-combining unit of the queue's area.
    bench.host.put_wr(&mut bench.eth, &frame);
    let unit: [u8; 64] = frame[..].try_into().expect("a unit");
    bench.host.bar.write_combined(relative * 128 + 64, &unit);
    bench.host.poll();
    assert_eq!(bench.arrived(), [1]);
    // SGE_PF_GTS: INGRESSQID 31:16, CIDXINC 11:0.
    bench.loop_frame(2);
    assert!(bench.host.take(&mut bench.iq).is_some());
    bench.host.bar.write32(0x1b004, u32::from(bench.iq.relative) << 16 | 7 << 13 | 1);
    bench.host.poll();
    assert_eq!(bench.host.asic.counters().sge.credits_bad_cidx, 0);
}

/// Memory that is not mapped: counted, skipped, and the queue goes on.
#[test]
fn a_bad_address_is_a_counted_fault() {
    let mut bench = bench(IqPlan::default());
    // A buffer at address 0x10, and seven good ones behind it.
    bench.host.refill(&mut bench.iq, 1);
    bench.host.spoil_buffer(&bench.iq, 0, 0x10 | 5);
    bench.loop_frame(1);
    assert_eq!(bench.host.asic.counters().dma_faults, 1, "the frame");
    let lost = bench.host.take(&mut bench.iq).expect("the entry comes all the same");
    assert_eq!(lost.payload[16], 0, "the frame went nowhere");
    bench.host.give_back(&bench.iq, 1);
    bench.loop_frame(2);
    assert_eq!(bench.arrived(), [2]);

    // A frame whose scatter list leads nowhere: header, CPL, DSGL of one entry.
    let mut wr = eth_wr(5, &[0; 60]);
    wr.truncate(32);
    wr[3] = 16;
    wr.extend([0x82, 0, 0, 1, 0, 0, 0, 60]);
    wr.extend((BASE - 1).to_be_bytes());
    wr[7] = 3;
    bench.host.post(&mut bench.eth, &wr);
    bench.host.poll();
    let counters = bench.host.asic.counters();
    assert_eq!((counters.hw.tx_dma_faults, counters.wr.eth_frames), (1, 2));
    bench.loop_frame(3);
    assert_eq!(bench.arrived(), [3]);
}

#[test]
fn queues_that_cannot_be_are_refused() {
    use mafo_t4::fw::{Command, EqCtrlCmd, EqIdWord, IqCmd, Retval};
    let mut bench = bench(IqPlan::default());
    let host = &mut bench.host;
    let good = IqCmd::alloc_start().with_iqsize(64).with_iqaddr(mafo_t4::Iova(BASE));
    for (what, cmd) in [
        ("no multiple of 16", good.with_iqsize(40)),
        ("no entries", good.with_iqsize(0)),
        ("misaligned", good.with_iqaddr(mafo_t4::Iova(BASE + 8))),
        ("two freelists", good.with_fl1size(9)),
        ("a freelist of a status page alone", good.with_fl0size(1)),
        ("a packed freelist", good.with_fl0size(9).with_fl0(good.fl0().with_packen(true))),
    ] {
        assert_eq!(host.command(&cmd, cmd.as_bytes()).0, Retval::EINVAL, "{what}");
    }
    let free = IqCmd::free(bench.iq.relative + 1);
    assert_eq!(host.command(&free, free.as_bytes()).0, Retval::ENOENT);
    // An Ethernet queue is no control queue.
    let free = EqCtrlCmd::request(mafo_t4::fw::Access::Exec);
    let free = free
        .with_lo(free.lo().with_free(true))
        .with_eqid(EqIdWord(0).with_eqid(bench.eth.relative));
    assert_eq!(host.command(&free, free.as_bytes()).0, Retval::ENOENT);
    // All ids are used up, and one comes back.
    let mut last = 0;
    let before = host.asic.in_use().ingress_queues as u16;
    for _ in before..40 {
        let reply = host.ok(&good, good.as_bytes());
        last = reply.iqid();
    }
    assert_eq!(host.command(&good, good.as_bytes()).0, Retval::ENOSPC);
    let free = IqCmd::free(last);
    host.ok(&free, free.as_bytes());
    assert_eq!(host.ok(&good, good.as_bytes()).iqid(), last);
}

#[test]
fn freed_queues_take_nothing_and_leave_nothing() {
    use mafo_t4::fw::{EqEthCmd, IqCmd};
    let mut bench = bench(IqPlan::default());
    bench.host.refill(&mut bench.iq, 2);
    bench.loop_frame(1);
    let free = EqEthCmd::free(bench.eth.relative);
    bench.host.ok(&free, free.as_bytes());
    let stop = IqCmd::stop(bench.iq.relative);
    bench.host.ok(&stop, stop.as_bytes());
    let fl = bench.iq.freelist.as_ref().expect("a freelist").relative as u16;
    let free = IqCmd::free(bench.iq.relative).with_fl0id(fl);
    bench.host.ok(&free, free.as_bytes());
    let in_use = bench.host.asic.in_use();
    assert_eq!((in_use.ingress_queues, in_use.egress_queues), (0, 0));
    bench.host.doorbell(bench.eth.relative, 2);
    bench.host.poll();
    assert_eq!(bench.host.asic.counters().sge.doorbells_dropped, 1);
    // Its port's frames have no queue any more.
    bench.host.link(mafo_t4::PortId(1), true);
    bench.host.receive(1, &[plain(bench.mac, b"late")]);
    assert_eq!(bench.host.asic.counters().sge.ingress_no_queue, 1);
}
