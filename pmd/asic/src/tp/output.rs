//! Segments on their way out: turns, headers, payload, checksums.

use super::tcb::{Phase, Tcb};
use super::tx_store::TxStore;
use super::{Card, Ctx, Tp, TxError};
use core::net::{IpAddr, Ipv4Addr};
use mafo_mem::{Nanos, checksum};
use mafo_t4::cpl::TxDataFlags;
use mafo_t4::wr::Payload;
use mafo_t4::{DmaFault, HostMemory, tcb::field};
use mafo_tcp::{CHECKSUM_OFFSET, Ended, Follows, Output, State};

const ETHERTYPE_IPV4: u16 = 0x0800;
const IPV4_HEADER: usize = 20;
const PROTOCOL_TCP: u8 = 6;
/// Time to live of packets before a register says another (`TP_GLOBAL_CONFIG.IPTTL`).
pub(super) const TTL: u8 = 64;

/// Why a connection's turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// It has nothing to send.
    Done,
    /// Its port takes no more now.
    Blocked,
    /// Its share is used up.
    More,
}

impl Tp {
    /// Lets the connections that may have something to send do so in turn, until the burst is full.
    pub(super) fn run_output<C: Card>(&mut self, card: &mut C, now: Nanos, mut budget: usize) {
        // A connection whose port is full comes again at the next poll, not now.
        let mut blocked = 0;
        let (tcbs, mut ctx) = self.split(card, now);
        while budget != 0 && ctx.core.ready.len() > blocked {
            let Some(tid) = ctx.core.ready.pop_front() else { break };
            let Some(tcb) = tcbs.get_mut(tid) else { continue };
            tcb.ready = false;
            let share = budget.min(ctx.core.output_quantum);
            let (turn, sent) = ctx.send(tcb, share);
            budget -= sent;
            match turn {
                Turn::Done => {}
                Turn::More => ctx.core.make_ready(tcb),
                Turn::Blocked => {
                    ctx.core.make_ready(tcb);
                    blocked += 1;
                }
            }
        }
    }
}

impl<C: Card> Ctx<'_, C> {
    /// Lets a connection send ahead of what its host is told, as on silicon; what does not fit has its turn later.
    pub(super) fn answer_first(&mut self, tcb: &mut Tcb) {
        if self.send(tcb, self.core.output_quantum).0 != Turn::Done {
            self.core.make_ready(tcb);
        }
    }

    /// Sends up to `share` segments of a connection.
    fn send(&mut self, tcb: &mut Tcb, share: usize) -> (Turn, usize) {
        let commits = self.core.commits_to(tcb);
        let mut sent = 0;
        let mut output = None;
        let turn = loop {
            let Phase::Live(live) = &mut tcb.phase else { return (Turn::Done, sent) };
            if live.gated && commits {
                return (Turn::Done, sent);
            }
            if sent == share {
                break Turn::More;
            }
            if !self.card.tx_ready(tcb.route.l2t) {
                break Turn::Blocked;
            }
            let engine = &mut self.core.engine;
            let is_alike = |output| live.conn.poll_alike(engine, self.now, output);
            if !output.as_mut().is_some_and(is_alike) {
                output = live.conn.poll_output(&mut self.core.engine, self.now);
            }
            let Some(output) = &output else {
                self.finish(tcb);
                break Turn::Done;
            };
            self.emit(tcb, output);
            sent += 1;
            if output.follows == Follows::Nothing {
                break Turn::Done;
            }
        };
        if let Phase::Live(live) = &tcb.phase {
            let deadline = live.conn.poll_timeout();
            self.core.timers.arm(tcb.tid, deadline);
        }
        (turn, sent)
    }

    /// A connection that closed both ways is over once its last ACK is out, and that waits for PEER_CLOSE to be
    /// where the host can see it.
    fn finish(&mut self, tcb: &mut Tcb) {
        let Phase::Live(live) = &tcb.phase else { return };
        let ended = matches!(live.conn.ended(), Some(Ended::Finished | Ended::TimeWait));
        let told = !tcb.touched && !live.fin_owed && tcb.backlog == 0;
        if live.conn.state() == State::Closed && ended && told {
            self.over(tcb);
        }
    }

    /// Everything that is due at once, for a connection that ends with it; what the port does not take is lost.
    pub(super) fn last_words(&mut self, tcb: &mut Tcb) {
        while let Phase::Live(live) = &mut tcb.phase {
            let Some(output) = live.conn.poll_output(&mut self.core.engine, self.now) else {
                break;
            };
            self.emit(tcb, &output);
        }
    }

    /// Builds one packet and gives it to the card. One that cannot be sent is lost, which TCP repairs.
    pub(super) fn emit(&mut self, tcb: &Tcb, output: &Output) {
        let (IpAddr::V4(local), IpAddr::V4(peer)) = (tcb.key.tuple.local, tcb.key.tuple.peer)
        else {
            debug_assert!(false, "{:?}: {:?} is live", tcb.tid, tcb.key.tuple);
            return;
        };
        let id = self.core.ip_id;
        self.core.ip_id = id.wrapping_add(1);
        let tos = tcb.route.tos & !3 | output.segment.ecn.bits();
        let ip = Ipv4 { local, peer, tos, ttl: self.core.ttl, id };
        let sent =
            self.card.transmit(tcb.route.l2t, tcb.route.smac, ETHERTYPE_IPV4, |packet, memory| {
                build(packet, &ip, output, &tcb.tx, memory)
            });
        let counters = &mut self.core.counters;
        match sent {
            Ok(()) => counters.tx_segments += 1,
            Err(TxError::NoNeighbour) => counters.tx_drop_arp_miss += 1,
            Err(TxError::Fault(_)) => counters.tx_drop_dma_fault += 1,
            Err(TxError::Full) => counters.tx_drop_full += 1,
        }
    }

    /// The host has more to send.
    pub(super) fn post_payload(
        &mut self,
        tcb: &mut Tcb,
        payload: &Payload<'_>,
        flags: TxDataFlags,
    ) {
        let len = payload.len();
        // Distances from TX_MAX have 28 bits, and the FIN needs room too.
        if tcb.tx.len() + len >= field::SND_UNA_RAW.max() {
            self.core.counters.tx_drop_too_much += 1;
            return;
        }
        let bytes = len as u32;
        match &mut tcb.phase {
            Phase::Live(live) if !live.closed && live.conn.state() != State::Closed => {
                if flags.shove() {
                    live.conn.post(bytes);
                } else {
                    live.conn.post_unpushed(bytes);
                }
                if flags.urgent() {
                    live.conn.mark_urgent();
                }
            }
            Phase::NonOffload if !tcb.image.flags().core_fin() => grow(tcb, bytes),
            _ => {
                self.core.counters.tx_drop_not_open += 1;
                return;
            }
        }
        let pool = &mut self.core.tx_pool;
        match payload {
            Payload::Inline(bytes) => tcb.tx.push_inline(pool, bytes),
            Payload::Sgl(list) => {
                list.iter().for_each(|sge| tcb.tx.push_host(pool, sge.iova, sge.len));
            }
        }
        self.touch_up(tcb);
    }
}

/// Moves TX_MAX of an image; what has been sent and acknowledged stays where it is.
pub(super) fn grow(tcb: &mut Tcb, by: u32) {
    let image = &mut tcb.image;
    let end = image.tx_max().wrapping_add(by);
    image.set(field::TX_MAX, u64::from(end));
    for raw in [field::SND_UNA_RAW, field::SND_NXT_RAW, field::SND_MAX_RAW, field::SND_REC_RAW] {
        let back = image.get(raw) + u64::from(by);
        image.set(raw, back & raw.max());
    }
}

/// What is particular about an IPv4 header.
struct Ipv4 {
    local: Ipv4Addr,
    peer: Ipv4Addr,
    tos: u8,
    ttl: u8,
    id: u16,
}

/// Writes IP header, TCP header and payload, and says how many bytes these are.
fn build(
    packet: &mut [u8],
    ip: &Ipv4,
    output: &Output,
    payload: &TxStore,
    memory: &impl HostMemory,
) -> Result<usize, DmaFault> {
    let segment = &output.segment;
    let header_len = segment.header_len();
    let tcp_len = header_len + segment.payload_len as usize;
    let total = IPV4_HEADER + tcp_len;
    let (header, rest) = packet[..total].split_at_mut(IPV4_HEADER);
    write_ipv4(header, ip, total as u16);
    let (_, of_header) = segment.emit_summed(rest);
    let (tcp, data) = rest.split_at_mut(header_len);
    if !data.is_empty() {
        payload.read(memory, u64::from(output.offset), data)?;
    }
    // The header is a multiple of four bytes, so the payload's sum begins at an even offset.
    let pseudo = checksum::pseudo_header_v4(
        ip.local.octets(),
        ip.peer.octets(),
        PROTOCOL_TCP,
        tcp_len as u16,
    );
    let sum = (pseudo + of_header + checksum::sum(data)).checksum();
    tcp[CHECKSUM_OFFSET..CHECKSUM_OFFSET + 2].copy_from_slice(&sum.to_be_bytes());
    Ok(total)
}

//= rfc1191#3 RFC1191-3-4
/// RFC 791 without options; RFC 6864: with DF set the identification means nothing, and is counted for those
/// who look at traces.
fn write_ipv4(header: &mut [u8], ip: &Ipv4, total: u16) {
    let [len_hi, len_lo] = total.to_be_bytes();
    let words = [
        u32::from_be_bytes([0x45, ip.tos, len_hi, len_lo]),
        u32::from(ip.id) << 16 | 0x4000,
        u32::from_be_bytes([ip.ttl, PROTOCOL_TCP, 0, 0]),
        ip.local.to_bits(),
        ip.peer.to_bits(),
    ];
    let sum = checksum::put_words(header, words);
    header[10..12].copy_from_slice(&sum.checksum().to_be_bytes());
}
