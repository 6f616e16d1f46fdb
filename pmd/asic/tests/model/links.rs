//! Link events, and ports that are down.

use super::host::{Host, IqPlan, eth_wr, plain};
use mafo_t4::PortId;
use mafo_t4::fw::{Command, Param, ParamsCmd, PfvfParam};

/// FW6_MSG with FW_PORT / GET_PORT_INFO, byte for byte: opcode and type, then the command image.
fn event(port: u8, link: u32) -> Vec<u8> {
    let mut cpl = vec![0xe0, 0, 0, 0, 0, 0, 0, 0];
    // Opcode 0x1b, request, read, port; action 3, 32 bytes.
    cpl.extend([0x1b, 0xc0, 0x00, port, 0x00, 0x03, 0x00, 0x02]);
    cpl.extend(link.to_be_bytes());
    // pcap and acap: 1G, 10G, pause both ways; MTU 1586.
    cpl.extend([0x00, 0xca, 0x00, 0xca]);
    cpl.extend(1586_u16.to_be_bytes());
    cpl.extend([0; 14]);
    cpl
}

/// LSTATUS, 10 Gb/s, SFP cage, passive cable.
const UP: u32 = 0x8800_0904;
/// No signal (reason 6), SFP cage, passive cable.
const DOWN: u32 = 0x0000_09c4;

#[test]
fn the_firmware_tells_of_links() {
    let mut host = Host::new(Host::config());
    host.hello();
    let mut events = host.iq(IqPlan { fl_units: 0, events: true, ..IqPlan::default() });
    let mut data = host.iq(IqPlan::default());
    let _ = host.interface(1, &data);
    let told = |host: &mut Host, iq: &mut super::host::HostIq| -> Vec<Vec<u8>> {
        host.drain(iq).iter().map(|message| message.cpl().to_vec()).collect()
    };
    host.poll();
    assert_eq!(told(&mut host, &mut events), [event(1, DOWN)], "VI_ENABLE tells the state");
    host.link(PortId(1), true);
    assert_eq!(told(&mut host, &mut events), [] as [Vec<u8>; 0], "nothing before the poll");
    host.poll();
    assert_eq!(told(&mut host, &mut events), [event(1, UP)]);
    host.link(PortId(1), true);
    host.poll();
    assert_eq!(told(&mut host, &mut events), [] as [Vec<u8>; 0], "no change, no event");
    // A port that the driver has not started has a carrier and no link.
    host.link(PortId(3), true);
    host.poll();
    assert_eq!(told(&mut host, &mut events), [] as [Vec<u8>; 0]);
    host.link(PortId(1), false);
    host.poll();
    assert_eq!(told(&mut host, &mut events), [event(1, DOWN)]);
    assert!(host.take(&mut data).is_none(), "only the event queue hears of it");
    assert_eq!(host.asic.counters().fw.link_events, 3);
}

#[test]
fn events_wait_for_credits_and_come_in_their_order() {
    let mut host = Host::new(Host::config());
    host.hello();
    let data = host.iq(IqPlan::default());
    let _ = host.interface(0, &data);
    // There is no event queue yet.
    for up in [true, false, true] {
        host.link(PortId(0), up);
        host.poll();
    }
    let mut events = host.iq(IqPlan { size: 16, fl_units: 0, events: true, ..IqPlan::default() });
    host.poll();
    assert_eq!(host.drain(&mut events).len(), 4, "VI_ENABLE and three changes");
    for n in 0..20 {
        host.link(PortId(0), n % 2 == 1);
        host.poll();
    }
    let mut states = Vec::new();
    for _ in 0..5 {
        for message in host.drain(&mut events) {
            states.push(message.cpl()[16] >> 7);
        }
        host.poll();
    }
    assert_eq!(states.len(), 20);
    // Those that had to wait tell the state at the time of telling, which is up.
    assert_eq!(states[..15], [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0]);
    assert_eq!(states[15..], [1; 5]);
}

#[test]
fn the_32_bit_form_on_request() {
    let mut host = Host::new(Host::config());
    host.hello();
    let params = ParamsCmd::write(&[(Param::pfvf(PfvfParam::PORT_CAPS32), 1)]).of_function(4, 0);
    host.ok(&params, params.as_bytes());
    let mut events = host.iq(IqPlan { fl_units: 0, events: true, ..IqPlan::default() });
    let data = host.iq(IqPlan::default());
    host.link(PortId(2), true);
    let _ = host.interface(2, &data);
    host.poll();
    let messages = host.drain(&mut events);
    // L1_CFG brings the link up, VI_ENABLE tells it again.
    assert_eq!(messages.len(), 2);
    let cpl = messages[0].cpl();
    assert_eq!(cpl[8..16], [0x1b, 0xc0, 0x00, 0x02, 0x00, 0x0a, 0x00, 0x02]);
    // lstatus32 31, port type 20:13 = 9, module 12:8 = 4.
    assert_eq!(cpl[16..20], (1_u32 << 31 | 9 << 13 | 4 << 8).to_be_bytes());
}

/// A port that is down drops and counts what is sent to its wire; its loopback goes on, and so does
/// every other port.
#[test]
fn a_port_that_is_down_drops_and_counts() {
    let mut host = Host::new(Host::config());
    host.hello();
    let mut iq = host.iq(IqPlan::default());
    host.refill(&mut iq, 4);
    let (viid, mac) = host.interface(1, &iq);
    let (viid3, _) = host.interface(3, &iq);
    let mut eth = host.eth_eq(&iq, viid, 1, 32);
    let mut eth3 = host.eth_eq(&iq, viid3, 3, 32);
    host.link(PortId(1), true);
    host.link(PortId(3), true);
    let tx_drop = 0x34000 + 0x468;
    for n in 0..3 {
        host.post(&mut eth, &eth_wr(1, &plain([2; 6], &[n])));
    }
    host.poll();
    host.link(PortId(1), false);
    assert_eq!(host.bar.read32(tx_drop), 3, "what waited for the cable is lost with it");
    assert!(host.sent(1).is_empty());
    for n in 0..10 {
        host.post(&mut eth, &eth_wr(1, &plain([2; 6], &[n])));
        host.post(&mut eth3, &eth_wr(3, &plain([2; 6], &[n])));
        host.poll();
        assert_eq!(host.sent(3).len(), 1);
    }
    assert_eq!(host.bar.read32(tx_drop), 13);
    host.post(&mut eth, &eth_wr(5, &plain(mac, b"loop")));
    host.poll();
    assert_eq!(host.drain(&mut iq).len(), 1);
    // Nothing comes in either.
    host.receive(1, &[plain(mac, b"in")]);
    assert_eq!(host.asic.counters().hw.rx_link_down, 1);
    assert!(host.take(&mut iq).is_none());
    host.link(PortId(1), true);
    host.receive(1, &[plain(mac, b"in")]);
    assert_eq!(host.drain(&mut iq).len(), 1);
    host.post(&mut eth, &eth_wr(1, &plain([2; 6], b"out")));
    host.poll();
    assert_eq!(host.sent(1).len(), 1);
    assert_eq!(host.bar.read32(tx_drop), 13);
}

/// The reset line works although the BAR answers all ones, and is acknowledged when the card is still.
#[test]
fn the_reset_line_stops_a_card_that_has_fallen_off_the_bus() {
    let mut config = Host::config();
    config.max_delay_polls = 50;
    let mut host = Host::new(config);
    host.hello();
    let mut iq = host.iq(IqPlan::default());
    host.refill(&mut iq, 4);
    let (viid, mac) = host.interface(1, &iq);
    let mut eth = host.eth_eq(&iq, viid, 1, 64);
    host.link(PortId(1), true);
    for n in 0..8 {
        host.post(&mut eth, &eth_wr(5, &plain(mac, &[n])));
    }
    while host.asic.counters().wr.eth_frames < 8 {
        host.poll();
    }
    host.post(&mut eth, &eth_wr(1, &plain([2; 6], b"out")));
    host.asic.shared().set_gone(true);
    assert_eq!(host.bar.read32(0x19400), u32::MAX);
    host.bar.write32(0x1044, 1);
    let line = host.asic.reset_line();
    line.assert();
    assert!(!line.is_acknowledged());
    host.poll();
    assert!(line.is_acknowledged());
    assert_eq!(host.drain(&mut iq).len(), 8, "what was under way has landed");
    for _ in 0..60 {
        host.poll();
        assert!(host.sent(1).is_empty(), "no frame leaves any more");
    }
    host.asic.shared().set_gone(false);
    line.release();
    host.poll();
    assert!(!line.is_acknowledged());
    assert_eq!(host.bar.read32(0x30b8), 0, "as after power-on");
    assert_eq!(host.bar.read32(0x1044), 4096);
    assert_eq!(host.asic.in_use().ingress_queues, 0);
}
