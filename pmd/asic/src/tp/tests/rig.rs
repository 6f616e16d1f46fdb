//! A scripted host, a scripted peer, and TP between them.
//!
//! Everything that TP says to either is written to one log, in order, as lines that a test compares. The
//! host checks the commit rule itself: no segment acknowledges what the host has not been told.

use crate::le::headers::Ingress;
use crate::le::{Headers, Regions};
use crate::tp::{Card, Disposition, Message, Stalled, Tp, TpConfig, TxError};
use core::net::Ipv4Addr;
use mafo_mem::{Frame, Nanos, checksum};
use mafo_t4::cpl::{self, Opcode, TxDataFlags};
use mafo_t4::opt::{Opt0, Opt1, Opt2, Params64};
use mafo_t4::wr::{Dsgl, Payload, Sge};
use mafo_t4::{Atid, DmaFault, HostMemory, Iova, IqId, L2tIdx, SmtIdx, Stid, Tid};
use mafo_tcp::{Flags, Segment, SeqNum, Timestamps};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const LOCAL: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
pub(super) const PEER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
/// Port of the end that opens actively.
pub(super) const OPENER: u16 = 40_000;
/// Port of the end that listens.
pub(super) const LISTENER: u16 = 7;
/// Initial sequence numbers of ours and of the peer's.
pub(super) const ISS: u32 = 1000;
pub(super) const IRS: u32 = 5000;
/// The queue of a connection.
pub(super) const IQ: IqId = IqId(5);
/// The queue of replies to requests.
pub(super) const CTRL_IQ: IqId = IqId(6);
pub(super) const L2T: L2tIdx = L2tIdx(17);
pub(super) const SMAC: SmtIdx = SmtIdx(3);
pub(super) const MTUS: [u16; 16] =
    [88, 256, 512, 576, 808, 1024, 1280, 1488, 1500, 2002, 2048, 4096, 4352, 8192, 9000, 9600];
/// Index of 1500.
pub(super) const MSS_IDX: u64 = 8;

/// Host memory from this address on.
pub(super) const ARENA: u64 = 0x7_0000_0000;
const ARENA_LEN: u64 = 1 << 20;

/// The byte of host memory at an address.
pub(super) fn byte_at(iova: u64) -> u8 {
    (iova.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u8
}

pub(super) struct Memory;

impl HostMemory for Memory {
    fn read(&self, iova: Iova, dst: &mut [u8]) -> Result<(), DmaFault> {
        let mapped = iova.0 >= ARENA && iova.0 + dst.len() as u64 <= ARENA + ARENA_LEN;
        if !mapped {
            return Err(DmaFault { iova, len: dst.len() });
        }
        for (at, byte) in (iova.0..).zip(dst) {
            *byte = byte_at(at);
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

/// A message as the host found it.
#[derive(Clone, Debug)]
pub(super) struct Posted {
    pub(super) iq: IqId,
    pub(super) cpl: Vec<u8>,
    pub(super) payload: Vec<u8>,
}

/// Local and peer port.
type Ports = (u16, u16);

/// The host and the card around TP.
pub(super) struct Host {
    pub(super) mtus: [u16; 16],
    pub(super) log: Vec<String>,
    pub(super) posted: Vec<Posted>,
    /// IP packets.
    pub(super) sent: Vec<Vec<u8>>,
    pub(super) stalled: BTreeSet<IqId>,
    /// The queue that RSS picks for whatever comes in.
    pub(super) spread: Option<IqId>,
    /// L2T entries that do not resolve.
    pub(super) unresolved: BTreeSet<L2tIdx>,
    /// Packets that the ports take before they are full.
    pub(super) tx_room: Option<usize>,
    pub(super) released: Vec<Tid>,
    /// Payload bytes received by the host, by TID.
    pub(super) received: BTreeMap<Tid, Vec<u8>>,
    /// Opens whose TID is not known yet.
    opening: BTreeMap<Atid, Ports>,
    ports: BTreeMap<Tid, Ports>,
    /// Up to where the host has been told of a connection.
    told: BTreeMap<Ports, SeqNum>,
    /// What a SYN,ACK acknowledges.
    asked: BTreeMap<Ports, SeqNum>,
    /// Whether the card keeps the commit rule.
    commits: bool,
    /// Connections for which it does not, as the host wants it.
    relaxed: BTreeSet<Ports>,
    /// Whether nothing of this is looked at, because the host writes nonsense.
    distrusts: bool,
}

impl Default for Host {
    fn default() -> Self {
        Self {
            mtus: MTUS,
            log: Vec::new(),
            posted: Vec::new(),
            sent: Vec::new(),
            stalled: BTreeSet::new(),
            spread: None,
            unresolved: BTreeSet::new(),
            tx_room: None,
            released: Vec::new(),
            received: BTreeMap::new(),
            opening: BTreeMap::new(),
            ports: BTreeMap::new(),
            told: BTreeMap::new(),
            asked: BTreeMap::new(),
            commits: true,
            relaxed: BTreeSet::new(),
            distrusts: false,
        }
    }
}

impl Host {
    /// The host takes the connection to be here.
    pub(super) fn tell(&mut self, tid: Tid, ports: Ports, rcv_nxt: u32) {
        self.ports.insert(tid, ports);
        self.told.insert(ports, SeqNum(rcv_nxt));
        self.received.entry(tid).or_default();
    }

    /// A host that writes nonsense cannot complain about the answers.
    pub(super) fn trusts_nobody(&mut self) {
        self.distrusts = true;
    }

    /// An open with this handle is of these ports.
    pub(super) fn expect_open(&mut self, atid: u32, ports: Ports) {
        self.opening.insert(Atid(atid), ports);
    }

    /// What a message says of how far the connection has come.
    fn learn(&mut self, message: &Posted) {
        let cpl = &message.cpl;
        if let Some(m) = cpl::parse::<cpl::ActEstablish>(cpl) {
            let ports = self.opening[&m.tos_atid().atid()];
            self.tell(m.tid(), ports, m.rcv_isn());
        } else if let Some(m) = cpl::parse::<cpl::ActOpenRpl>(cpl) {
            if m.status() == cpl::Status::NONE {
                let ports = self.opening[&m.atid()];
                self.ports.insert(m.tid(), ports);
            }
        } else if let Some(m) = cpl::parse::<cpl::PassAcceptReq>(cpl) {
            let tcp = &message.payload[34..];
            let port = |at: usize| u16::from_be_bytes([tcp[at], tcp[at + 1]]);
            let ports = (port(2), port(0));
            self.ports.insert(m.tid(), ports);
            let seq = u32::from_be_bytes([tcp[4], tcp[5], tcp[6], tcp[7]]);
            self.asked.insert(ports, SeqNum(seq) + 1);
        } else if let Some(m) = cpl::parse::<cpl::PassEstablish>(cpl) {
            let ports = self.ports[&m.tid()];
            self.tell(m.tid(), ports, m.rcv_isn());
        } else if let Some(m) = cpl::parse::<cpl::RxData>(cpl) {
            assert_eq!(usize::from(m.len()), message.payload.len(), "length of {m:?}");
            let told = self.told.get_mut(&self.ports[&m.tid()]).expect("RX_DATA before ESTABLISH");
            assert_eq!(told.0, m.seq(), "RX_DATA with a gap or an overlap");
            *told += u32::from(m.len());
            self.received.entry(m.tid()).or_default().extend(&message.payload);
        } else if let Some(m) = cpl::parse::<cpl::PeerClose>(cpl) {
            let told =
                self.told.get_mut(&self.ports[&m.tid()]).expect("PEER_CLOSE before ESTABLISH");
            assert_eq!((*told + 1).0, m.rcv_nxt(), "PEER_CLOSE before the last byte");
            *told += 1;
        }
    }

    /// The commit rule: the ACK field never covers what the host has not been told.
    fn check_commitment(&mut self, segment: &Segment) {
        let says_nothing =
            !segment.flags.contains(Flags::ACK) || segment.flags.contains(Flags::RST);
        let ports = (segment.src_port, segment.dst_port);
        if !self.commits || says_nothing || self.relaxed.contains(&ports) {
            return;
        }
        match self.told.get(&ports) {
            Some(told) => {
                assert!(
                    segment.ack.at_or_before(*told),
                    "ACK {:?}, host told {told:?}",
                    segment.ack
                );
            }
            // In SYN-RCVD the SYN is acknowledged, as the SYN,ACK did.
            None if self.asked.get(&ports) == Some(&segment.ack) => {}
            None => {
                assert!(segment.flags.contains(Flags::SYN), "{segment:?} before the host was told");
                self.asked.insert(ports, segment.ack);
            }
        }
    }
}

impl Card for Host {
    type Memory = Memory;

    fn post(&mut self, iq: IqId, message: Message<'_>) -> Result<(), Stalled> {
        if self.stalled.contains(&iq) {
            return Err(Stalled);
        }
        let posted = Posted { iq, cpl: message.cpl.to_vec(), payload: message.payload.concat() };
        if !self.distrusts {
            self.log.push(describe(&posted));
            self.learn(&posted);
        }
        self.posted.push(posted);
        Ok(())
    }

    fn spread(&self, _: &[u8], _: &Headers) -> Option<IqId> {
        self.spread
    }

    fn resolves(&self, l2t: L2tIdx) -> bool {
        !self.unresolved.contains(&l2t)
    }

    fn tx_ready(&self, _: L2tIdx) -> bool {
        self.tx_room != Some(0)
    }

    fn transmit(
        &mut self,
        l2t: L2tIdx,
        smac: SmtIdx,
        ethertype: u16,
        fill: impl FnOnce(&mut [u8], &Memory) -> Result<usize, DmaFault>,
    ) -> Result<(), TxError> {
        if self.unresolved.contains(&l2t) {
            return Err(TxError::NoNeighbour);
        }
        if let Some(room) = &mut self.tx_room {
            *room = room.checked_sub(1).ok_or(TxError::Full)?;
        }
        let mut packet = vec![0; 10_000];
        let len = fill(&mut packet, &Memory).map_err(TxError::Fault)?;
        packet.truncate(len);
        assert_eq!(ethertype, 0x0800);
        assert!(checksum::sum(&packet[..20]).is_valid(), "IP checksum");
        let (ip, tcp) = packet.split_at(20);
        let address = |at: usize| [ip[at], ip[at + 1], ip[at + 2], ip[at + 3]];
        let pseudo = checksum::pseudo_header_v4(address(12), address(16), 6, tcp.len() as u16);
        assert!((pseudo + checksum::sum(tcp)).is_valid(), "TCP checksum");
        let (segment, _) = Segment::parse(tcp).expect("a segment");
        if !self.distrusts {
            self.check_commitment(&segment);
        }
        let hop = if (l2t, smac) == (L2T, SMAC) {
            String::new()
        } else {
            format!("via {} {} ", l2t.0, smac.0)
        };
        self.log.push(format!("{hop}> {}", Seg(&segment)));
        self.sent.push(packet);
        Ok(())
    }

    fn mtu(&self, index: u8) -> u16 {
        self.mtus[usize::from(index)]
    }

    fn flow_acked(&mut self, _: Nanos, tid: Tid, snd_una: u32, bytes: u32) {
        self.log.push(format!("acked {} una {snd_una} bytes {bytes}", tid.0));
    }

    fn flow_released(&mut self, tid: Tid) {
        self.released.push(tid);
    }
}

/// A segment in a line: flags, numbers, options, payload.
pub(super) struct Seg<'a>(pub(super) &'a Segment);

impl core::fmt::Display for Seg<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let s = self.0;
        let flags = format!("{:?}", s.flags.without(Flags::PSH));
        write!(f, "{flags} seq {}", s.seq.0)?;
        if s.flags.contains(Flags::ACK) {
            write!(f, " ack {}", s.ack.0)?;
        }
        if s.payload_len != 0 {
            write!(f, " len {}", s.payload_len)?;
        }
        write!(f, " win {}", s.window)?;
        if let Some(mss) = s.options.mss {
            write!(f, " mss {mss}")?;
        }
        if let Some(scale) = s.options.window_scale {
            write!(f, " wscale {scale}")?;
        }
        if s.options.sack_permitted {
            write!(f, " sackok")?;
        }
        if let Some(Timestamps { val, ecr }) = s.options.timestamps {
            write!(f, " ts {val} {ecr}")?;
        }
        for block in s.options.sack.as_slice() {
            write!(f, " sack {}:{}", block.start.0, block.end.0)?;
        }
        Ok(())
    }
}

/// A message in a line.
fn describe(posted: &Posted) -> String {
    let Posted { iq, cpl, payload } = posted;
    let iq = iq.0;
    macro_rules! try_as {
        ($T:ty, $m:ident => $($arg:tt)*) => {
            if let Some($m) = cpl::parse::<$T>(cpl) {
                return format!("iq{iq} {}", format!($($arg)*));
            }
        };
    }
    try_as!(cpl::ActEstablish, m => "ACT_ESTABLISH tid {} atid {} snd_isn {} rcv_isn {} {:?}",
        m.tid().0, m.tos_atid().atid().0, m.snd_isn(), m.rcv_isn(), m.tcp_opt());
    try_as!(cpl::PassEstablish, m => "PASS_ESTABLISH tid {} stid {} snd_isn {} rcv_isn {} {:?}",
        m.tid().0, m.tos_stid().stid().0, m.snd_isn(), m.rcv_isn(), m.tcp_opt());
    try_as!(cpl::PassAcceptReq, m => "PASS_ACCEPT_REQ tid {} stid {} len {}",
        m.tid().0, m.tos_stid().stid().0, payload.len());
    try_as!(cpl::ActOpenRpl, m => "ACT_OPEN_RPL tid {} atid {} status {}", m.tid().0, m.atid().0, m.status().0);
    try_as!(cpl::PassOpenRpl, m => "PASS_OPEN_RPL stid {} status {}", m.stid().0, m.status().0);
    try_as!(cpl::CloseListsrvRpl, m => "CLOSE_LISTSRV_RPL stid {} status {}", m.stid().0, m.status().0);
    try_as!(cpl::RxData, m => "RX_DATA tid {} seq {} len {}{}", m.tid().0, m.seq(), m.len(),
        if m.flags().psh() { " psh" } else { "" });
    try_as!(cpl::RxUrgNotify, m => "RX_URG_NOTIFY tid {} seq {}", m.tid().0, m.seq());
    try_as!(cpl::PeerClose, m => "PEER_CLOSE tid {} rcv_nxt {}", m.tid().0, m.rcv_nxt());
    try_as!(cpl::CloseConRpl, m => "CLOSE_CON_RPL tid {} snd_nxt {} rcv_nxt {}", m.tid().0, m.snd_nxt(), m.rcv_nxt());
    try_as!(cpl::AbortReqRss, m => "ABORT_REQ_RSS tid {} status {}", m.tid().0, m.status().0);
    try_as!(cpl::AbortRplRss, m => "ABORT_RPL_RSS tid {} status {}", m.tid().0, m.status().0);
    try_as!(cpl::SetTcbRpl, m => "SET_TCB_RPL tid {} cookie {:#x} status {} old {:#x}",
        m.tid().0, m.cookie().0, m.status().0, m.oldval());
    if cpl::opcode(cpl) == Some(Opcode::GET_TCB_RPL) {
        assert_eq!((cpl.len(), payload.len()), (8, 128), "a TCB is a message with payload");
        return format!(
            "iq{iq} GET_TCB_RPL tid {}",
            u32::from_be_bytes([0, cpl[1], cpl[2], cpl[3]])
        );
    }
    panic!("a message that TP does not send: {cpl:02x?}");
}

/// TP, its host, and the time.
pub(super) struct Rig {
    pub(super) tp: Tp,
    pub(super) host: Host,
    pub(super) now: Nanos,
}

pub(super) fn regions() -> Regions {
    Regions {
        tid_base: 0,
        tids: 64,
        tid_order_seed: 0,
        secret: 1,
        filter_base: 100,
        filters: 16,
        server_base: 200,
        servers: 16,
    }
}

pub(super) fn config() -> TpConfig {
    TpConfig::new(regions(), 250_000, 0)
}

impl Rig {
    /// The host does not want the commit rule kept for a connection.
    pub(super) fn relax(&mut self, tid: Tid) {
        self.host.relaxed.insert(self.host.ports[&tid]);
        self.tp.relax(tid);
    }

    pub(super) fn new() -> Self {
        Self::with(&config())
    }

    pub(super) fn with(config: &TpConfig) -> Self {
        let host = Host { commits: config.commits, ..Host::default() };
        Self { tp: Tp::new(config), host, now: Nanos::from_secs(1) }
    }

    /// A CPL from the host; segments that it causes leave with the poll that follows it.
    pub(super) fn cpl(&mut self, cpl: &[u8]) {
        self.tp.handle_cpl(&mut self.host, self.now, cpl);
        self.poll();
    }

    pub(super) fn poll(&mut self) {
        self.tp.poll(&mut self.host, self.now);
    }

    /// Lets time pass, waking TP whenever it asks.
    pub(super) fn wait(&mut self, time: Nanos) {
        let end = self.now + time;
        while let Some(at) = self.tp.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.poll();
        }
        self.now = end;
        self.poll();
    }

    /// Lets time pass without waking TP before the end of it.
    pub(super) fn doze(&mut self, time: Nanos) {
        self.now += time;
        self.poll();
    }

    /// A burst of frames from the peer.
    pub(super) fn rx(&mut self, frames: &[Vec<u8>]) -> Vec<Disposition> {
        let frames: Vec<Frame> = frames
            .iter()
            .map(|bytes| {
                let mut frame = Frame::with_capacity(bytes.len());
                frame.copy_from(bytes).expect("fits");
                frame
            })
            .collect();
        let mut dispositions = Vec::new();
        for (index, frame) in frames.iter().enumerate() {
            let bytes = frame.as_slice();
            let headers = Headers::parse(Ingress::default(), bytes).expect("an Ethernet header");
            dispositions.push(self.tp.handle_frame(
                &mut self.host,
                self.now,
                index,
                bytes,
                &headers,
            ));
        }
        self.tp.end_of_burst(&mut self.host, self.now, &frames);
        dispositions
    }

    /// One segment from the peer.
    pub(super) fn seg(&mut self, peer: Peer) -> Disposition {
        self.rx(&[peer.frame()])[0]
    }

    /// What TP said since the last look.
    pub(super) fn log(&mut self) -> Vec<String> {
        core::mem::take(&mut self.host.log)
    }

    /// Compares all that TP said since the last look.
    #[track_caller]
    pub(super) fn expect(&mut self, lines: &[&str]) {
        let log = self.log();
        assert!(log == lines, "TP said\n  {}\nand not\n  {}", log.join("\n  "), lines.join("\n  "));
    }

    /// The last message of an opcode.
    pub(super) fn last(&self, opcode: Opcode) -> &Posted {
        self.host.posted.iter().rfind(|posted| posted.cpl[0] == opcode.0).expect("such a message")
    }

    /// Forgets the log, for the parts of a test that are another test's.
    pub(super) fn skip(&mut self) {
        self.host.log.clear();
    }

    /// Payload from host memory at `ARENA + at`.
    pub(super) fn post_sgl(&mut self, tid: Tid, entries: &[(u64, u32)]) {
        let entries: Vec<Sge> =
            entries.iter().map(|(at, len)| Sge { iova: Iova(ARENA + at), len: *len }).collect();
        let mut list = vec![0; Dsgl::bytes(entries.len())];
        Dsgl::write(&mut list, &entries).expect("fits");
        let payload = Payload::Sgl(Dsgl::parse(&list).expect("well-formed"));
        self.tp.handle_tx_data(&mut self.host, self.now, tid, &payload, TxDataFlags(0));
        self.poll();
    }

    pub(super) fn post_inline(&mut self, tid: Tid, bytes: &[u8]) {
        self.tp.handle_tx_data(
            &mut self.host,
            self.now,
            tid,
            &Payload::Inline(bytes),
            TxDataFlags(0),
        );
        self.poll();
    }

    pub(super) fn act_open(&mut self, atid: u32, opt0: Opt0, opt2: Opt2) {
        self.host.expect_open(atid, (OPENER, LISTENER));
        self.cpl(act_open_req(atid, opt0, opt2).as_bytes());
    }

    /// An established connection that we opened, TID 0. Says nothing in the log.
    pub(super) fn opened() -> (Self, Tid) {
        Self::opened_with(opt0(), opt2(), |syn_ack| syn_ack)
    }

    /// The same with these options, and a SYN,ACK as `change` makes it.
    pub(super) fn opened_with(
        opt0: Opt0,
        opt2: Opt2,
        change: impl FnOnce(Peer) -> Peer,
    ) -> (Self, Tid) {
        let mut rig = Self::new();
        rig.act_open(9, opt0, opt2);
        rig.seg(change(peer(Flags::SYN | Flags::ACK, IRS, ISS + 1).mss(1460)));
        let tid = cpl::parse::<cpl::ActEstablish>(&rig.last(Opcode::ACT_ESTABLISH).cpl)
            .expect("established")
            .tid();
        rig.skip();
        (rig, tid)
    }

    /// An established connection that the peer opened. Says nothing in the log.
    pub(super) fn accepted() -> (Self, Tid) {
        let mut rig = Self::new();
        rig.listen(200);
        rig.seg(to_listener(Flags::SYN, IRS, 0).mss(1460));
        let tid = rig.asked();
        rig.accept(tid, opt0(), opt2());
        rig.seg(to_listener(Flags::ACK, IRS + 1, ISS + 1));
        rig.skip();
        (rig, tid)
    }

    pub(super) fn listen(&mut self, stid: u32) {
        let request = cpl::PassOpenReq::new(Stid(stid))
            .with_local_port(LISTENER)
            .with_opt1(Opt1(0).with_syn_queue(IQ).with_policy(mafo_t4::opt::ConnPolicy::ASK));
        self.cpl(request.as_bytes());
    }

    /// TID of the last PASS_ACCEPT_REQ.
    pub(super) fn asked(&self) -> Tid {
        cpl::parse::<cpl::PassAcceptReq>(&self.last(Opcode::PASS_ACCEPT_REQ).cpl)
            .expect("asked")
            .tid()
    }

    pub(super) fn accept(&mut self, tid: Tid, opt0: Opt0, opt2: Opt2) {
        let reply = cpl::PassAcceptRpl::new(tid).with_opt0(opt0).with_opt2(opt2).with_iss(ISS);
        self.cpl(reply.as_bytes());
    }
}

/// 64 KB window, MTU 1500, no Nagle, no delayed ACK.
pub(super) fn opt0() -> Opt0 {
    Opt0(0)
        .with_tcam_bypass(true)
        .with_l2t(L2T)
        .with_smac(SMAC)
        .with_mss_idx(MSS_IDX)
        .with_rcv_bufsiz(63)
}

/// No options on the wire.
pub(super) fn opt2() -> Opt2 {
    Opt2(0).with_t5_opt_2_valid(true).with_iss_valid(true).with_queue(IQ)
}

pub(super) fn act_open_req(atid: u32, opt0: Opt0, opt2: Opt2) -> cpl::ActOpenReq {
    cpl::ActOpenReq::new(IQ, Atid(atid))
        .with_local_port(OPENER)
        .with_peer_port(LISTENER)
        .with_local_ip(LOCAL)
        .with_peer_ip(PEER)
        .with_opt0(opt0)
        .with_opt2(opt2)
        .with_iss(ISS)
        // Protocol 6 where the default filter mode has it.
        .with_params(Params64(0).with_filter_tuple(6 << 21))
}

/// A segment that the peer sends.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) segment: Segment,
    pub(super) payload: Vec<u8>,
}

/// From the listening peer to us who opened.
pub(super) fn peer(flags: Flags, seq: u32, ack: u32) -> Peer {
    Peer {
        segment: Segment {
            src_port: LISTENER,
            dst_port: OPENER,
            seq: SeqNum(seq),
            ack: SeqNum(ack),
            flags,
            window: 0xffff,
            ..Segment::default()
        },
        payload: Vec::new(),
    }
}

/// From the opening peer to us who listen.
pub(super) fn to_listener(flags: Flags, seq: u32, ack: u32) -> Peer {
    let mut to = peer(flags, seq, ack);
    (to.segment.src_port, to.segment.dst_port) = (OPENER, LISTENER);
    to
}

impl Peer {
    pub(super) fn mss(mut self, mss: u16) -> Self {
        self.segment.options.mss = Some(mss);
        self
    }

    pub(super) fn wscale(mut self, shift: u8) -> Self {
        self.segment.options.window_scale = Some(shift);
        self
    }

    pub(super) fn sackok(mut self) -> Self {
        self.segment.options.sack_permitted = true;
        self
    }

    pub(super) fn ts(mut self, val: u32, ecr: u32) -> Self {
        self.segment.options.timestamps = Some(Timestamps { val, ecr });
        self
    }

    pub(super) fn win(mut self, window: u16) -> Self {
        self.segment.window = window;
        self
    }

    /// Payload whose bytes follow from the sequence number.
    pub(super) fn len(mut self, len: u32) -> Self {
        self.payload = stream(self.segment.seq.0, len);
        self
    }

    /// The frame.
    pub(super) fn frame(&self) -> Vec<u8> {
        self.frame_between(PEER, LOCAL)
    }

    /// The frame between other addresses.
    pub(super) fn frame_between(&self, from: Ipv4Addr, to: Ipv4Addr) -> Vec<u8> {
        let mut segment = self.segment;
        segment.payload_len = self.payload.len() as u32;
        let header = segment.header_len();
        let total = 20 + header + self.payload.len();
        let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00];
        frame.extend([
            0x45,
            segment.ecn.bits(),
            (total >> 8) as u8,
            total as u8,
            0,
            1,
            0x40,
            0,
            64,
            6,
            0,
            0,
        ]);
        frame.extend(from.octets());
        frame.extend(to.octets());
        let sum = checksum::sum(&frame[14..34]).checksum();
        frame[24..26].copy_from_slice(&sum.to_be_bytes());
        frame.resize(34 + header, 0);
        segment.emit(&mut frame[34..]);
        frame.extend(&self.payload);
        let tcp = &frame[34..];
        let pseudo = checksum::pseudo_header_v4(from.octets(), to.octets(), 6, tcp.len() as u16);
        let sum = (pseudo + checksum::sum(tcp)).checksum();
        frame[50..52].copy_from_slice(&sum.to_be_bytes());
        frame
    }
}

/// The peer's stream: what its bytes from `seq` on are.
pub(super) fn stream(seq: u32, len: u32) -> Vec<u8> {
    (0..len).map(|at| byte_at(u64::from(seq.wrapping_add(at)))).collect()
}

/// The payload of the `n`th packet sent.
pub(super) fn payload_of(packet: &[u8]) -> &[u8] {
    let tcp = &packet[20..];
    &tcp[usize::from(tcp[12] >> 4) * 4..]
}

/// The image in a GET_TCB_RPL.
pub(super) fn image_in(posted: &Posted) -> mafo_t4::tcb::Tcb {
    let mut image = mafo_t4::tcb::Tcb::default();
    image.0.copy_from_slice(&posted.payload);
    image
}
