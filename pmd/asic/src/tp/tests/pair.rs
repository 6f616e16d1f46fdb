//! Two TPs back to back over a path that loses, doubles and reorders, with hosts that stall.

use crate::le::headers::Ingress;
use crate::le::{Headers, Regions};
use crate::tp::{Card, Disposition, Message, Stalled, Tp, TpConfig, TxError};
use core::net::{IpAddr, Ipv4Addr};
use mafo_mem::{Frame, Nanos};
use mafo_t4::cpl::{self, AbortCmd, Opcode, ReplyCtrl, TxDataFlags};
use mafo_t4::opt::{ConnPolicy, Opt0, Opt1, Opt2, Params64};
use mafo_t4::tcb::{TFlags, Tcb as Image, field};
use mafo_t4::wr::{Dsgl, Payload, Sge};
use mafo_t4::{Atid, DmaFault, HostMemory, Iova, IqId, L2tIdx, SmtIdx, Stid, Tid};
use mafo_tcp::{Flags, Segment, SeqNum, Timestamps};
use std::collections::{BTreeMap, VecDeque};

use super::rig::{MTUS, Peer};

/// PCG, so that a run is its seed.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let xorshifted = (((self.0 >> 18) ^ self.0) >> 27) as u32;
        xorshifted.rotate_right((self.0 >> 59) as u32)
    }
    fn below(&mut self, n: u32) -> u32 {
        self.next() % n
    }
    /// Once in `n`.
    fn chance(&mut self, n: u32) -> bool {
        self.below(n) == 0
    }
}

/// Byte `at` of the stream that the owner of `salt` sends.
fn stream_byte(salt: u64, at: u64) -> u8 {
    ((at ^ salt).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 29) as u8
}

/// Host memory in which each connection's stream lies at its own address.
struct Streams;

const STREAM: u64 = 1 << 32;

impl HostMemory for Streams {
    fn read(&self, iova: Iova, dst: &mut [u8]) -> Result<(), DmaFault> {
        for (at, byte) in (iova.0..).zip(dst) {
            *byte = stream_byte(at / STREAM, at % STREAM);
        }
        Ok(())
    }
    fn write(&self, iova: Iova, src: &[u8]) -> Result<(), DmaFault> {
        Err(DmaFault { iova, len: src.len() })
    }
    fn load_acquire_u64(&self, iova: Iova) -> Result<u64, DmaFault> {
        Err(DmaFault { iova, len: 8 })
    }
    fn store_release_u64(&self, iova: Iova, _: u64) -> Result<(), DmaFault> {
        Err(DmaFault { iova, len: 8 })
    }
}

/// One end of a connection as its host sees it.
#[derive(Debug, Default)]
struct End {
    /// What it sends, and how much of that.
    salt: u64,
    goal: u64,
    posted: u64,
    acked: u64,
    /// What the peer sends.
    peer_salt: u64,
    received: u64,
    /// Received and not given back as credit.
    owed: u32,
    closed: bool,
    peer_closed: bool,
    done: bool,
    error: Option<u8>,
    /// What an ACK in TIME-WAIT says.
    snd_nxt: u32,
    rcv_nxt: u32,
}

/// A card's surroundings.
struct Side {
    out: Vec<Vec<u8>>,
    posted: VecDeque<(Vec<u8>, Vec<u8>)>,
    rng: Rng,
    /// One in so many posts finds no credit; 0 for none.
    stall: u32,
}

impl Card for Side {
    type Memory = Streams;
    fn post(&mut self, _: IqId, message: Message<'_>) -> Result<(), Stalled> {
        if self.stall != 0 && self.rng.chance(self.stall) {
            return Err(Stalled);
        }
        self.posted.push_back((message.cpl.to_vec(), message.payload.concat()));
        Ok(())
    }
    fn resolves(&self, _: L2tIdx) -> bool {
        true
    }
    fn tx_ready(&self, _: L2tIdx) -> bool {
        self.out.len() < 64
    }
    fn transmit(
        &mut self,
        _: L2tIdx,
        _: SmtIdx,
        ethertype: u16,
        fill: impl FnOnce(&mut [u8], &Streams) -> Result<usize, DmaFault>,
    ) -> Result<(), TxError> {
        let mut frame = vec![0; 1600];
        frame[12..14].copy_from_slice(&ethertype.to_be_bytes());
        let len = fill(&mut frame[14..], &Streams).map_err(TxError::Fault)?;
        frame.truncate(14 + len);
        self.out.push(frame);
        Ok(())
    }
    fn mtu(&self, index: u8) -> u16 {
        MTUS[usize::from(index)]
    }
    fn flow_acked(&mut self, _: Nanos, tid: Tid, _: u32, bytes: u32) {
        let mut cpl = vec![Opcode::FW4_ACK.0];
        cpl.extend(tid.0.to_be_bytes());
        self.posted.push_back((cpl, bytes.to_be_bytes().to_vec()));
    }
    fn flow_released(&mut self, _: Tid) {}
}

/// A host with its card.
struct Node {
    tp: Tp,
    side: Side,
    ends: BTreeMap<Tid, End>,
}

const A: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const B: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const PORT: u16 = 80;
const FIRST: u16 = 20_000;

impl Node {
    fn new(seed: u64, stall: u32, commits: bool) -> Self {
        let regions = Regions {
            tid_base: 0,
            tids: 64,
            tid_order_seed: seed,
            secret: seed,
            filter_base: 100,
            filters: 4,
            server_base: 200,
            servers: 4,
        };
        let mut config = TpConfig::new(regions, 250_000, seed << 20);
        (config.rx_memory, config.commits) = (1 << 18, commits);
        let side = Side { out: Vec::new(), posted: VecDeque::new(), rng: Rng(seed), stall };
        Self { tp: Tp::new(&config), side, ends: BTreeMap::new() }
    }

    fn cpl(&mut self, now: Nanos, cpl: &[u8]) {
        self.tp.handle_cpl(&mut self.side, now, cpl);
    }

    fn options(scale: u64) -> (Opt0, Opt2) {
        let opt0 =
            Opt0(0).with_mss_idx(8).with_rcv_bufsiz(60).with_wnd_scale(scale).with_delack(true);
        let opt2 = Opt2(0)
            .with_iss_valid(true)
            .with_queue(IqId(1))
            .with_wnd_scale_en(true)
            .with_tstamps_en(true)
            .with_sack_en(true);
        (opt0, opt2)
    }

    fn connect(&mut self, now: Nanos, n: u16, iss: u32) {
        let (opt0, opt2) = Self::options(2);
        let open = cpl::ActOpenReq::new(IqId(1), Atid(u32::from(n)))
            .with_local_port(FIRST + n)
            .with_peer_port(PORT)
            .with_local_ip(A)
            .with_peer_ip(B)
            .with_opt0(opt0)
            .with_opt2(opt2)
            .with_iss(iss)
            .with_params(Params64(0).with_filter_tuple(6 << 21));
        self.cpl(now, open.as_bytes());
    }

    fn listen(&mut self, now: Nanos) {
        let opt1 = Opt1(0).with_syn_queue(IqId(1)).with_policy(ConnPolicy::ASK);
        let open = cpl::PassOpenReq::new(Stid(200)).with_local_port(PORT).with_opt1(opt1);
        self.cpl(now, open.as_bytes());
    }

    /// The host's work: messages, then payload, credits and ends.
    fn run(&mut self, now: Nanos, goal: u64) {
        while let Some((cpl, payload)) = self.side.posted.pop_front() {
            self.message(now, goal, &cpl, &payload);
        }
        let tids: Vec<Tid> = self.ends.keys().copied().collect();
        for tid in tids {
            self.drive(now, tid);
        }
        self.tp.poll(&mut self.side, now);
    }

    fn message(&mut self, now: Nanos, goal: u64, cpl: &[u8], payload: &[u8]) {
        if let Some(m) = cpl::parse::<cpl::ActEstablish>(cpl) {
            let n = u64::from(m.tos_atid().atid().0);
            let end = End { salt: 2 * n + 2, peer_salt: 2 * n + 3, goal, ..End::default() };
            self.ends.insert(m.tid(), end);
        } else if let Some(m) = cpl::parse::<cpl::PassAcceptReq>(cpl) {
            let port = u16::from_be_bytes([payload[34], payload[35]]);
            let n = u64::from(port - FIRST);
            let end = End { salt: 2 * n + 3, peer_salt: 2 * n + 2, goal: 0, ..End::default() };
            self.ends.insert(m.tid(), end);
            let (opt0, opt2) = Self::options(7);
            let iss = self.side.rng.next();
            let reply =
                cpl::PassAcceptRpl::new(m.tid()).with_opt0(opt0).with_opt2(opt2).with_iss(iss);
            self.cpl(now, reply.as_bytes());
        } else if let Some(m) = cpl::parse::<cpl::PassEstablish>(cpl) {
            self.end(m.tid()).goal = goal;
        } else if let Some(m) = cpl::parse::<cpl::RxData>(cpl) {
            let end = self.end(m.tid());
            for (at, byte) in (end.received..).zip(payload) {
                assert_eq!(*byte, stream_byte(end.peer_salt, at), "byte {at} of the stream");
            }
            end.received += payload.len() as u64;
            end.owed += payload.len() as u32;
        } else if cpl[0] == Opcode::FW4_ACK.0 {
            let tid = Tid(u32::from_be_bytes([cpl[1], cpl[2], cpl[3], cpl[4]]));
            let bytes = u32::from_be_bytes([payload[0], payload[1], payload[2], payload[3]]);
            self.end(tid).acked += u64::from(bytes);
        } else if let Some(m) = cpl::parse::<cpl::PeerClose>(cpl) {
            let end = self.end(m.tid());
            (end.peer_closed, end.rcv_nxt) = (true, m.rcv_nxt());
        } else if let Some(m) = cpl::parse::<cpl::CloseConRpl>(cpl) {
            let end = self.end(m.tid());
            (end.done, end.snd_nxt) = (true, m.snd_nxt());
        } else if let Some(m) = cpl::parse::<cpl::AbortReqRss>(cpl) {
            self.end(m.tid()).error = Some(m.status().0);
        }
    }

    fn end(&mut self, tid: Tid) -> &mut End {
        self.ends.get_mut(&tid).expect("a message about a connection that the host knows")
    }

    fn drive(&mut self, now: Nanos, tid: Tid) {
        let chunk = 1 + self.side.rng.below(20_000);
        let pause = self.side.rng.chance(4);
        let end = self.end(tid);
        let room = 100_000_u64.saturating_sub(end.posted - end.acked);
        let len = room.min(end.goal - end.posted).min(u64::from(chunk)) as u32;
        let (at, closes) =
            (end.posted, end.goal != 0 && !end.closed && end.posted + u64::from(len) == end.goal);
        end.posted += u64::from(len);
        end.closed |= closes;
        let salt = end.salt;
        let owed = if pause { 0 } else { core::mem::take(&mut end.owed) };
        if len != 0 {
            self.post(now, tid, salt * STREAM + at, len);
        }
        if closes {
            self.cpl(now, cpl::CloseConReq::new(tid).as_bytes());
        }
        if owed != 0 {
            let credits = cpl::CreditDack(0).with_credits(owed);
            self.cpl(now, cpl::RxDataAck::new(tid).with_credit_dack(credits).as_bytes());
        }
    }

    /// Small pieces inline, large ones by a list of two.
    fn post(&mut self, now: Nanos, tid: Tid, at: u64, len: u32) {
        if len < 200 {
            let bytes: Vec<u8> =
                (at..at + u64::from(len)).map(|at| stream_byte(at / STREAM, at % STREAM)).collect();
            self.tp.handle_tx_data(
                &mut self.side,
                now,
                tid,
                &Payload::Inline(&bytes),
                TxDataFlags(0),
            );
            return;
        }
        let half = len / 2;
        let entries = [
            Sge { iova: Iova(at), len: half },
            Sge { iova: Iova(at + u64::from(half)), len: len - half },
        ];
        let mut list = vec![0; Dsgl::bytes(2)];
        Dsgl::write(&mut list, &entries).expect("fits");
        let payload = Payload::Sgl(Dsgl::parse(&list).expect("well-formed"));
        self.tp.handle_tx_data(&mut self.side, now, tid, &payload, TxDataFlags(0));
    }

    fn receive(&mut self, now: Nanos, frames: &[Frame]) {
        for (index, frame) in frames.iter().enumerate() {
            let headers = Headers::parse(Ingress::default(), frame.as_slice()).expect("a frame");
            let disposition =
                self.tp.handle_frame(&mut self.side, now, index, frame.as_slice(), &headers);
            if disposition == Disposition::Unmatched {
                self.answer_in_time_wait(&headers, frame.as_slice());
            }
        }
        self.tp.end_of_burst(&mut self.side, now, frames);
    }

    /// TIME-WAIT is the host's: a peer that repeats its FIN is told again that it has arrived.
    fn answer_in_time_wait(&mut self, headers: &Headers, frame: &[u8]) {
        let (ip, tuple) = headers.ip.zip(headers.tuple()).expect("a segment");
        let (segment, _) = Segment::parse(&frame[ip.payload..ip.end]).expect("a segment");
        let n = u64::from(tuple.local_port.max(tuple.peer_port) - FIRST);
        let end =
            self.ends.values().find(|end| end.salt / 2 == n + 1 && end.done && end.peer_closed);
        let Some(end) =
            end.filter(|_| segment.payload_len != 0 || segment.flags.contains(Flags::FIN))
        else {
            return;
        };
        let echo = segment.options.timestamps.expect("agreed");
        let mut answer = Segment {
            src_port: tuple.local_port,
            dst_port: tuple.peer_port,
            seq: SeqNum(end.snd_nxt),
            ack: SeqNum(end.rcv_nxt),
            flags: Flags::ACK,
            ..Segment::default()
        };
        answer.options.timestamps = Some(Timestamps { val: echo.ecr, ecr: echo.val });
        let (IpAddr::V4(from), IpAddr::V4(to)) = (tuple.local, tuple.peer) else { return };
        let peer = Peer { segment: answer, payload: Vec::new() };
        self.side.out.push(peer.frame_between(from, to));
    }

    fn finished(&self) -> bool {
        !self.ends.is_empty() && self.ends.values().all(|end| end.done && end.peer_closed)
    }
}

/// The path: loss and duplication once in so many frames (0: never), delay drawn per frame.
#[derive(Clone, Copy)]
struct Path {
    loss: u32,
    duplicate: u32,
    jitter_us: u32,
}

struct World {
    nodes: [Node; 2],
    rng: Rng,
    path: Path,
    now: Nanos,
    /// Frames under way, by arrival.
    cable: BTreeMap<(Nanos, u64), (usize, Vec<u8>)>,
    serial: u64,
}

impl World {
    fn new(seed: u64, path: Path, stall: u32) -> Self {
        Self::with(seed, path, stall, true)
    }

    /// With cards that keep the commit rule, or not.
    fn with(seed: u64, path: Path, stall: u32, commits: bool) -> Self {
        let nodes = [1, 2].map(|n| Node::new(seed * 2 + n, stall, commits));
        let (now, cable) = (Nanos::from_secs(1), BTreeMap::new());
        let mut world = Self { nodes, rng: Rng(seed), path, now, cable, serial: 0 };
        world.nodes[1].listen(now);
        world
    }

    fn carry(&mut self) {
        for from in 0..2 {
            for frame in core::mem::take(&mut self.nodes[from].side.out) {
                if self.path.loss != 0 && self.rng.chance(self.path.loss) {
                    continue;
                }
                let copies = if self.path.duplicate != 0 && self.rng.chance(self.path.duplicate) {
                    2
                } else {
                    1
                };
                for _ in 0..copies {
                    let delay = 50 + self.rng.below(self.path.jitter_us + 1);
                    self.serial += 1;
                    let when = self.now + Nanos::from_micros(u64::from(delay));
                    self.cable.insert((when, self.serial), (1 - from, frame.clone()));
                }
            }
        }
    }

    fn arrivals(&mut self, to: usize) -> Vec<Frame> {
        let due: Vec<_> = self
            .cable
            .range(..=(self.now, u64::MAX))
            .filter(|(_, (node, _))| *node == to)
            .map(|(key, _)| *key)
            .take(32)
            .collect();
        due.iter()
            .filter_map(|key| self.cable.remove(key))
            .map(|(_, bytes)| {
                let mut frame = Frame::with_capacity(bytes.len());
                frame.copy_from(&bytes).expect("fits");
                frame
            })
            .collect()
    }

    fn step(&mut self, goal: u64) {
        for to in 0..2 {
            let frames = self.arrivals(to);
            if !frames.is_empty() {
                let now = self.now;
                self.nodes[to].receive(now, &frames);
            }
            let now = self.now;
            self.nodes[to].run(now, goal);
        }
        self.carry();
        self.now += Nanos::from_micros(50);
    }

    /// To the next thing that happens, when nothing does.
    fn skip(&mut self) {
        let timers = self.nodes.iter().filter_map(|node| node.tp.poll_timeout()).min();
        let frame = self.cable.keys().next().map(|(when, _)| *when);
        if let Some(next) = timers.into_iter().chain(frame).min() {
            self.now = self.now.max(next);
        }
    }

    fn transfer(&mut self, connections: u16, goal: u64) {
        for n in 0..connections {
            let iss = self.rng.next();
            let now = self.now;
            self.nodes[0].connect(now, n, iss);
        }
        for _ in 0..200_000 {
            self.step(goal);
            let quiet = self
                .nodes
                .iter()
                .all(|node| node.side.posted.is_empty() && node.tp.stalled_messages() == 0);
            if quiet {
                self.skip();
            }
            if self
                .nodes
                .iter()
                .all(|node| node.ends.len() == usize::from(connections) && node.finished())
            {
                break;
            }
        }
        for node in &self.nodes {
            for (tid, end) in &node.ends {
                assert_eq!(
                    (end.received, end.acked, end.error),
                    (goal, goal, None),
                    "{tid:?}: {end:?}"
                );
            }
            assert_eq!(node.ends.len(), usize::from(connections));
        }
    }

    /// After all is closed and released, nothing is left.
    fn leave(&mut self) {
        for _ in 0..200 {
            self.step(0);
        }
        let now = self.now;
        for node in &mut self.nodes {
            for tid in node.ends.keys().copied().collect::<Vec<_>>() {
                node.cpl(now, cpl::TidRelease::new(tid).as_bytes());
            }
            assert_eq!((node.tp.tids_in_use(), node.tp.active()), (0, (0, 0)));
            assert_eq!((node.tp.rx_memory_in_use(), node.tp.stalled_messages()), (0, 0));
        }
    }
}

const CLEAN: Path = Path { loss: 0, duplicate: 0, jitter_us: 0 };

#[test]
fn a_clean_path_carries_everything_once() {
    let mut world = World::new(1, CLEAN, 0);
    world.transfer(8, 300_000);
    for node in &world.nodes {
        assert_eq!(node.tp.tcp_counters().retransmits, 0);
        assert_eq!(node.tp.counters().rx_drop_no_memory, 0);
    }
    world.leave();
}

#[test]
fn loss_duplication_reordering_and_stalls_change_nothing() {
    for (seed, commits) in
        (1..=20).map(|seed| (seed, true)).chain((1..=20).map(|seed| (seed, false)))
    {
        let path = Path { loss: 30, duplicate: 50, jitter_us: 400 };
        let mut world = World::with(seed, path, if seed % 2 == 0 { 3 } else { 0 }, commits);
        world.transfer(1 + (seed % 4) as u16, 150_000);
        let counters = world.nodes.each_ref().map(|node| *node.tp.tcp_counters());
        assert!(counters.iter().any(|c| c.retransmits > 0), "seed {seed}: nothing was lost");
        world.leave();
    }
}

/// The image that GET_TCB shows now.
fn image_of(node: &mut Node, now: Nanos, tid: Tid) -> Image {
    node.cpl(now, cpl::GetTcb::new(tid).with_reply_ctrl(ReplyCtrl::to(IqId(1))).as_bytes());
    let at = node
        .side
        .posted
        .iter()
        .position(|(cpl, _)| cpl[0] == Opcode::GET_TCB_RPL.0)
        .expect("a reply");
    let (_, payload) = node.side.posted.remove(at).expect("there");
    let mut image = Image::default();
    image.0.copy_from_slice(&payload);
    image
}

/// A connection goes on in another card from the middle of its transfer: drained on the old one, its image
/// read, silenced, and uploaded by the messages of an upload.
#[test]
fn a_connection_moves_in_the_middle() {
    for seed in 1..=10 {
        let mut world = World::new(seed, Path { loss: 0, duplicate: 0, jitter_us: 100 }, 0);
        let goal = 3_000_000;
        let iss = world.rng.next();
        let now = world.now;
        world.nodes[0].connect(now, 0, iss);
        // A quarter on our side, then no more payload until all is acknowledged.
        while world.nodes[0].ends.values().all(|end| end.acked < goal / 4) {
            world.step(goal);
            world.skip();
        }
        let tid = *world.nodes[0].ends.keys().next().expect("one");
        world.nodes[0].end(tid).goal = world.nodes[0].end(tid).posted;
        world.nodes[0].end(tid).closed = true;
        // Until nothing of either direction is in the card alone.
        let image = loop {
            world.step(goal);
            let now = world.now;
            let image = image_of(&mut world.nodes[0], now, tid);
            let nothing = [field::SND_UNA_RAW, field::RX_HDR_OFFSET, field::RX_FRAG0_LEN];
            if nothing.iter().all(|field| image.get(*field) == 0) {
                break image;
            }
            world.skip();
        };
        let now = world.now;
        while let Some((cpl, payload)) = world.nodes[0].side.posted.pop_front() {
            world.nodes[0].message(now, goal, &cpl, &payload);
        }
        assert!(world.nodes[0].end(tid).received < goal, "seed {seed}: too late for a move");

        // Silence the old card, and let the new one take its place in the world.
        let old = &mut world.nodes[0];
        old.cpl(now, cpl::AbortReq::new(tid).with_cmd(AbortCmd::NO_RST).as_bytes());
        old.side.out.clear();
        let end = old.ends.remove(&tid).expect("the end");
        let mut new = Node::new(1000 + seed, 0, true);
        let new_tid = upload(&mut new, now, &image);
        let end = End { goal, closed: false, ..end };
        new.ends.insert(new_tid, end);
        world.nodes[0] = new;
        for _ in 0..100_000 {
            world.step(goal);
            world.skip();
            if world.nodes.iter().all(Node::finished) {
                break;
            }
        }
        for node in &world.nodes {
            for end in node.ends.values() {
                assert_eq!(
                    (end.received, end.acked, end.error),
                    (goal, goal, None),
                    "seed {seed}: {end:?}"
                );
            }
        }
        world.leave();
    }
}

/// The messages of an upload, from an image read elsewhere.
fn upload(node: &mut Node, now: Nanos, from: &Image) -> Tid {
    let (opt0, _) = Node::options(2);
    let open = cpl::ActOpenReq::new(IqId(1), Atid(0))
        .with_local_port(FIRST)
        .with_peer_port(PORT)
        .with_local_ip(A)
        .with_peer_ip(B)
        .with_opt0(opt0.with_non_offload(true).with_no_cong(true).with_delack(false))
        .with_opt2(Opt2(0).with_queue(IqId(1)).with_cong_cntrl(2))
        .with_params(Params64(0).with_filter_tuple(6 << 21));
    node.cpl(now, open.as_bytes());
    let (reply, _) = node.side.posted.pop_front().expect("a reply");
    let tid = cpl::parse::<cpl::ActOpenRpl>(&reply).expect("ACT_OPEN_RPL").tid();
    for field in [
        field::TOS,
        field::T_STATE,
        field::MAX_RT,
        field::SND_SCALE,
        field::RCV_SCALE,
        field::RCV_ADV,
        field::T_RTSEQ_RECENT,
        field::T_SRTT,
        field::T_RTTVAR,
        field::TX_MAX,
        field::SND_CWND,
        field::SND_SSTHRESH,
        field::RCV_NXT,
        field::RCV_WND,
        field::TS_LAST_ACK_SENT_RAW,
    ] {
        node.cpl(
            now,
            cpl::SetTcbField::of(tid, field, from.get(field))
                .with_reply_ctrl(ReplyCtrl::SILENT)
                .as_bytes(),
        );
    }
    // The new card's clock is another: the smallest offset that does not let TSval fall back.
    let offset = field::TIMESTAMP_OFFSET;
    node.cpl(
        now,
        cpl::SetTcbField::of(tid, offset, 1).with_reply_ctrl(ReplyCtrl::SILENT).as_bytes(),
    );
    let flags = from.flags().0 & TFlags::TRAVELLING & !TFlags::NON_OFFLOAD_MASK;
    let last = cpl::SetTcbField::at(tid, 1, TFlags::TRAVELLING, flags)
        .with_reply_ctrl(ReplyCtrl::to(IqId(1)));
    node.cpl(now, last.as_bytes());
    let (reply, _) = node.side.posted.pop_back().expect("a reply");
    let status = cpl::parse::<cpl::SetTcbRpl>(&reply).expect("SET_TCB_RPL").status();
    assert_eq!(status, cpl::Status::NONE, "{from:?}");
    tid
}
