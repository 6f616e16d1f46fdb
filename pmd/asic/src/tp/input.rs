//! Frames: whose are they, and what do they tell the engine?

use super::open::action_of;
use super::outbox::Then;
use super::rx_store::PagePool;
use super::tcb::{Phase, Piece, Source, Tcb};
use super::{Card, Ctx, Message, Tp};
use crate::le::headers::{Ip, PROTOCOL_TCP};
use crate::le::{Action, Headers, Hit};
use core::net::IpAddr;
use mafo_mem::{Nanos, checksum};
use mafo_t4::cpl::{self, SynHdrLen, SynL2Info, TosStid};
use mafo_t4::opt::{ConnPolicy, TcpOptions};
use mafo_t4::tcb::{Tcb as Image, field};
use mafo_t4::{IqId, Stid};
use mafo_tcp::{Ecn, Events, Flags, Payload, Segment};

/// What the card is to do with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Nothing: it was TP's.
    Consumed,
    /// What a filter, or a connection that is not offloaded, says.
    Act(Action),
    /// Nobody's: to the host by RSS.
    Unmatched,
}

/// A frame of the burst, its TCP header, and where its payload starts.
struct Received<'a> {
    index: usize,
    headers: &'a Headers,
    frame: &'a [u8],
    segment: Segment,
    payload_at: usize,
}

/// Why bytes are not a segment that TP looks at.
enum Bad {
    IpChecksum,
    TcpChecksum,
    Malformed,
}

fn verify(headers: &Headers, frame: &[u8]) -> Result<(Segment, usize), Bad> {
    let Some(ip) = headers.ip.filter(|ip| ip.protocol == PROTOCOL_TCP) else {
        return Err(Bad::Malformed);
    };
    let tcp = &frame[ip.payload..ip.end];
    let len = tcp.len();
    let pseudo = match (ip.peer, ip.local) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            if !checksum::sum(&frame[ip.start..ip.payload]).is_valid() {
                return Err(Bad::IpChecksum);
            }
            // An IPv4 packet has at most 65,535 bytes.
            checksum::pseudo_header_v4(src.octets(), dst.octets(), PROTOCOL_TCP, len as u16)
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            checksum::pseudo_header_v6(src.octets(), dst.octets(), PROTOCOL_TCP, len as u32)
        }
        _ => return Err(Bad::Malformed),
    };
    if !(pseudo + checksum::sum(tcp)).is_valid() {
        return Err(Bad::TcpChecksum);
    }
    let (segment, at) = Segment::parse(tcp).map_err(|_| Bad::Malformed)?;
    Ok((Segment { ecn: Ecn::of_tos(ip.tos), ..segment }, ip.payload + at))
}

impl Tp {
    /// A frame that MPS accepted: number `index` of the burst, its bytes, and what they were parsed to. It must
    /// lie where it is until [`Tp::end_of_burst`].
    pub fn handle_frame<C: Card>(
        &mut self,
        card: &mut C,
        now: Nanos,
        index: usize,
        frame: &[u8],
        headers: &Headers,
    ) -> Disposition {
        let tcbs = &self.tcbs;
        let hit = self.le.lookup(headers, frame.len(), |tid, key| tcbs.is(tid, key));
        let tid = match hit {
            Hit::Filter(_, action) => return Disposition::Act(action),
            Hit::Miss => return Disposition::Unmatched,
            Hit::Connection(tid) => Some(tid),
            Hit::Server(_) => None,
        };
        if let Some(tcb) = tid.and_then(|tid| self.tcbs.get_mut(tid))
            && matches!(tcb.phase, Phase::NonOffload)
        {
            self.core.counters.rx_not_offloaded += 1;
            count_hit(&mut tcb.image, frame.len());
            return Disposition::Act(action_of(&tcb.image, tcb.tid.0));
        }
        let (segment, payload_at) = match verify(headers, frame) {
            Ok(verified) => verified,
            Err(bad) => {
                match bad {
                    Bad::IpChecksum => self.core.counters.rx_drop_ip_checksum += 1,
                    Bad::TcpChecksum => self.core.counters.rx_drop_tcp_checksum += 1,
                    Bad::Malformed => self.core.counters.rx_drop_malformed += 1,
                }
                return Disposition::Consumed;
            }
        };
        let received = Received { index, headers, frame, segment, payload_at };
        match hit {
            Hit::Server(stid) => self.handle_syn(card, now, stid, &received),
            _ => {
                let (tcbs, mut ctx) = self.split(card, now);
                if let Some(tcb) = tid.and_then(|tid| tcbs.get_mut(tid)) {
                    ctx.handle_segment(tcb, &received);
                }
            }
        }
        Disposition::Consumed
    }

    /// A SYN for a listener: a new TCB, and the host is asked.
    fn handle_syn<C: Card>(
        &mut self,
        card: &mut C,
        now: Nanos,
        stid: Stid,
        received: &Received<'_>,
    ) {
        let Some(server) = self.le.servers.get(stid).copied() else { return };
        if server.opt1.policy() == ConnPolicy::DENY {
            self.core.counters.rx_drop_syn_denied += 1;
            return;
        }
        let Some((tuple, ip)) = received.headers.tuple().zip(received.headers.ip) else { return };
        let key = self.le.key_of(tuple, received.headers);
        let Some(tid) = self.le.tids.allocate() else {
            self.core.counters.rx_drop_syn_no_tid += 1;
            return;
        };
        let by_hash = server.opt1.syn_rss_use_hash();
        let spread = by_hash.then(|| card.spread(received.frame, received.headers)).flatten();
        let iq = spread.unwrap_or(server.opt1.syn_queue());
        let request = accept_request(stid, received, &ip).with_tid(tid);
        let message = Message { cpl: request.as_bytes(), payload: &[&received.frame[..ip.end]] };
        // The peer sends its SYN again, so this one need not wait for the queue.
        if self.core.outbox.is_blocked(iq) || card.post(iq, message).is_err() {
            self.le.tids.release(tid);
            self.core.counters.rx_drop_syn_stalled += 1;
            return;
        }
        let tcbs = &self.tcbs;
        if self.le.active.insert(&key, tid, |tid, key| tcbs.is(tid, key)).is_err() {
            debug_assert!(false, "{tid:?}: a SYN for a listener whose addresses are taken");
        }
        self.core.counters.passive_opens += 1;
        let image = Image::default().with(field::RSS_INFO, u64::from(iq.0));
        let tcb = self.tcbs.insert(tid, key, image, Phase::Asked(stid, received.segment));
        tcb.looked_up = true;
        let _ = now;
    }
}

/// PASS_ACCEPT_REQ but for its TID.
fn accept_request(stid: Stid, received: &Received<'_>, ip: &Ip) -> cpl::PassAcceptReq {
    let Received { headers, segment, payload_at, .. } = received;
    let ingress = headers.ingress;
    let options = &segment.options;
    let hdr_len = SynHdrLen(0)
        .with_eth(ip.start as u32)
        .with_ip((ip.payload - ip.start) as u32)
        .with_tcp((payload_at - ip.payload) as u32)
        .with_rx_chan(u32::from(ingress.port & 3));
    let l2info = SynL2Info(0)
        .with_intf(u16::from(ingress.port & 0xf))
        .with_xact_match(ingress.mac_index.is_some())
        .with_mac_idx(ingress.mac_index.unwrap_or(0) & 0x1ff);
    let tcpopt = TcpOptions(0)
        .with_mss(u32::from(options.mss.unwrap_or(0)))
        .with_wsf(options.window_scale.map_or(0xff, u32::from))
        .with_tstamp(options.timestamps.is_some())
        .with_sack(options.sack_permitted)
        .with_ecn(segment.flags.contains(Flags::ECE | Flags::CWR));
    cpl::PassAcceptReq::new(mafo_t4::Tid(0))
        .with_len(ip.end as u16)
        .with_hdr_len(hdr_len)
        .with_vlan(headers.vlan.unwrap_or(0))
        .with_l2info(l2info)
        .with_tos_stid(TosStid(0).with_tos(u32::from(ip.tos)).with_stid(stid))
        .with_tcpopt(tcpopt)
}

/// A hit of a TCB that is not offloaded, where DACK (of the open: DELACK) asks for the count: frames in
/// TIMESTAMP, bytes in the two words behind it.
fn count_hit(image: &mut Image, len: usize) {
    if image.flags().dack() {
        let frames = image.word(5).wrapping_add(1);
        image.set_field(5, u64::from(u32::MAX), u64::from(frames));
        let bytes = image.read64(6).wrapping_add(len as u64);
        image.set_field(6, u64::MAX, bytes);
    }
}

impl<C: Card> Ctx<'_, C> {
    fn handle_segment(&mut self, tcb: &mut Tcb, received: &Received<'_>) {
        match &mut tcb.phase {
            Phase::Live(_) => self.handle_live_segment(tcb, received),
            Phase::Asked(_, syn) => {
                // RFC 9293 3.10.7.4: a reset counts at exactly the next sequence number.
                let reset = received.segment.flags.contains(Flags::RST);
                if reset && received.segment.seq == syn.seq + 1 {
                    self.peer_aborted(tcb, cpl::Status::CONN_RESET);
                } else {
                    self.core.counters.rx_drop_not_open += 1;
                }
            }
            Phase::NonOffload | Phase::PeerAborted | Phase::Over => {
                self.core.counters.rx_drop_not_open += 1
            }
        }
    }

    fn handle_live_segment(&mut self, tcb: &mut Tcb, received: &Received<'_>) {
        let (before, commits) = (tcb.untold(), self.core.commits_to(tcb));
        let Phase::Live(live) = &mut tcb.phase else { return };
        let mut segment = received.segment;
        let pages = PagePool::pages_for(segment.payload_len as usize);
        // Payload that will wait, for its queue or behind a hole, leaves a share to that which will not: a
        // stalled queue stops only its own connections.
        let waits = live.gated
            || tcb.backlog != 0
            || segment.seq.after(live.conn.rcv_nxt())
            || self.core.outbox.is_blocked(tcb.route.iq);
        let left = if waits { self.core.rx_pool.share() } else { 0 };
        if segment.payload_len != 0
            && self.core.pages_reserved + pages + left > self.core.rx_pool.available()
        {
            // What it says about our bytes counts nevertheless.
            self.core.counters.rx_drop_no_memory += 1;
            segment.payload_len = 0;
            segment.flags = segment.flags.without(Flags::FIN);
        }
        let nxt = live.conn.rcv_nxt();
        let input = live.conn.handle_segment(&mut self.core.engine, self.now, &segment);
        if !commits {
            // The segments that answer this burst come ahead of what the host is told.
            live.conn.deliver(input.advanced);
            if input.events.contains(Events::PEER_FIN) {
                live.conn.deliver_fin();
            }
            tcb.tx.release(&mut self.core.tx_pool, u64::from(input.acked));
        }
        let due = &mut tcb.due;
        due.acked += input.acked;
        due.established |= input.events.contains(Events::ESTABLISHED);
        due.peer_fin |= input.events.contains(Events::PEER_FIN);
        due.fin_acked |= input.events.contains(Events::FIN_ACKED);
        due.closed |= input.events.contains(Events::CLOSED);
        match input.payload {
            Payload::Drop => debug_assert_eq!(input.advanced, 0, "{:?}", tcb.tid),
            Payload::Deliver { skip, len } => {
                due.psh |= segment.flags.contains(Flags::PSH);
                let at = received.payload_at as u32 + skip;
                self.core.pages_reserved += pages;
                self.add_piece(tcb, Source::Frame { index: received.index as u32, at }, len);
                // Bytes held earlier follow.
                self.add_piece(tcb, Source::Store, input.advanced.saturating_sub(len));
            }
            Payload::Hold { skip, len, offset } => {
                let from = received.payload_at + skip as usize;
                let bytes = &received.frame[from..from + len as usize];
                let stored =
                    tcb.rx.write(&mut self.core.rx_pool, (before + offset) as usize, bytes);
                assert!(stored.is_ok(), "{:?}: no page for bytes that the engine holds", tcb.tid);
            }
        }
        if let Some(ahead) = input.urgent {
            // Ahead of its bytes, as the news travels on the wire.
            let message = cpl::RxUrgNotify::new(tcb.tid).with_seq((nxt + ahead).0);
            self.tell(tcb, tcb.route.iq, message.as_bytes(), &[], Then::Nothing);
        }
        if !tcb.touched {
            tcb.touched = true;
            self.core.touched.push(tcb.tid);
        }
    }

    fn add_piece(&mut self, tcb: &mut Tcb, source: Source, len: u32) {
        if len == 0 {
            return;
        }
        let index = self.core.pieces.len() as u32;
        self.core.pieces.push(Piece { source, len, next: None });
        let first = match tcb.due.pieces {
            Some((first, last)) => {
                self.core.pieces[last as usize].next = Some(index);
                first
            }
            None => index,
        };
        tcb.due.pieces = Some((first, index));
        tcb.due.piece_bytes += len;
    }

    /// The peer, or a timer, has ended the connection.
    pub(super) fn peer_aborted(&mut self, tcb: &mut Tcb, status: cpl::Status) {
        self.core.counters.peer_aborts += 1;
        self.over(tcb);
        tcb.phase = Phase::PeerAborted;
        let message = cpl::AbortReqRss::new(tcb.tid).with_status(status);
        let iq: IqId = tcb.route.iq;
        self.tell(tcb, iq, message.as_bytes(), &[], Then::Nothing);
    }
}
