//! What a stack is made of, and the way of a frame into it and out of it.

use core::net::IpAddr;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use mafo_mem::{FrameBurst, KeyedHasher, Nanos, Wheel};
use mafo_pmd::eal::dma::{Arena, DmaBuf};
use mafo_pmd::l2t::{L2tTarget, NextHop};
use mafo_pmd::{EthPort, TxState};
use mafo_t4::{PortId, Tid};
use mafo_tcp::{Engine, Flags, Segment, SeqNum, isn, reset_for};

use crate::closed::Archive;
use crate::defect::Defects;
use crate::error::ConnectionError;
use crate::icmp;
use crate::lend::LendMemory;
use crate::listener::{Listener, ListenerId};
use crate::local::{LOOPBACK, Loopback};
use crate::members::{Members, Port, PortCounters};
use crate::moved::Moved;
use crate::neigh::{BROADCAST, Change, Mac, Neighbours, Resolution};
use crate::packet::{self, Arp, Dscp, Handling, Ip, Malformed, Packet};
use crate::pmtu::PathMtus;
use crate::policy::Policy;
use crate::shard::Shard;
use crate::slab::{Slab, SocketId};
use crate::socket::{Holder, Path, Readiness, Socket};
use crate::time_wait::{Answer, TimeWait};
use crate::tom::state::Transitions;
use crate::tom::{Farewell, Looks, Member, MemberId, Overdue, Sampling};
use crate::tuple::{ByTuple, FourTuple};
use crate::{Counters, Event, FRAME_OVERHEAD, Options, PathChoice, StackConfig, TX_BURST};

/// Bytes that an application makes up at a time ([`Core::send_in_place`]): a part of the nearest cache.
pub(crate) const PIECE: usize = 4096;

/// Whether what is left of an old connection has dealt with a segment.
pub(crate) enum Late {
    /// It has.
    Done,
    /// There is nothing left that could, or the segment opens a new connection, whose sequence numbers then begin
    /// behind this one.
    No(Option<SeqNum>),
}

/// A number that a connection of ours, our station address and its next hop's have: what links are chosen by.
pub type Spread = fn(&FourTuple, Mac, Mac) -> u32;

/// All of a stack but the queues that frames and messages come from.
#[derive(Debug)]
pub struct Core {
    pub(crate) config: StackConfig,
    pub(crate) neighbours: Neighbours,
    pub(crate) engine: Engine,
    pub(crate) secret: isn::Secret,
    pub(crate) sockets: Slab<Socket>,
    pub(crate) by_tuple: ByTuple,
    pub(crate) listeners: BTreeMap<ListenerId, Listener>,
    pub(crate) listeners_made: u32,
    pub(crate) time_wait: TimeWait,
    /// Connections that the peer closed first. They need no TIME_WAIT, but a late answer of the peer,
    /// say to a FIN that was sent twice, must not be met by a reset.
    pub(crate) lingering: TimeWait,
    pub(crate) path_mtus: PathMtus,
    /// Wake-ups of sockets that wait differently from others, by their place.
    pub(crate) watches: Wheel,
    /// The last number given to a packet that routers may cut.
    pub(crate) packets_cut: u16,
    /// Says at which port active opens to each peer begin.
    pub(crate) port_hasher: KeyedHasher,
    /// Ports that active opens have tried, modulo how many there are.
    pub(crate) ports_tried: u64,
    /// Sockets of the host path that may have something to send.
    pub(crate) unsent: Vec<SocketId>,
    /// Those that have heard something, and of which it is not decided yet what they wait for.
    pub(crate) resting: Vec<SocketId>,
    /// Wake-ups of the host path, by the socket's place.
    pub(crate) timers: Wheel,
    pub(crate) news: VecDeque<SocketId>,
    pub(crate) incoming: VecDeque<ListenerId>,
    pub(crate) out: FrameBurst,
    pub(crate) loopback: Loopback,
    pub(crate) members: Members,
    /// The link of new connections, and of frames of the host itself.
    pub(crate) active: Option<(MemberId, PortId)>,
    /// All that carry connections, where these are more than one; and what chooses one for an active open.
    pub(crate) carriers: Vec<(MemberId, PortId)>,
    /// Ports by which peers may open connections, where `spread` is set.
    pub(crate) hearing: Vec<(MemberId, PortId)>,
    pub(crate) spread: Option<Spread>,
    /// Connections that wait for room in a ring.
    pub(crate) stalled: Vec<SocketId>,
    /// Active opens that wait for room in a ring.
    pub(crate) opens: Vec<SocketId>,
    /// Connections that the application has let go of, and when to look whether they are over. In order,
    /// since all wait equally long.
    pub(crate) orphans: VecDeque<(Nanos, SocketId)>,
    /// Tids whose release waits for room in a ring.
    pub(crate) releases: Vec<(MemberId, Tid)>,
    /// Tids whose last work requests wait for room in a ring.
    pub(crate) farewells: Vec<Farewell>,
    /// And how many there were.
    pub(crate) farewells_bid: u32,
    /// Answers about tids that adapters still owe.
    pub(crate) overdue: Overdue,
    /// Next hops that have moved, where an adapter could not be told yet.
    pub(crate) stale_hops: Vec<(IpAddr, Mac)>,
    /// SYNs whose rejection found no room in a ring.
    pub(crate) rejects: Vec<(MemberId, Tid)>,
    /// When the last frame or message came in.
    pub(crate) now: Nanos,
    /// Its place among the lcores of its host, where it is not the only one.
    pub(crate) shard: Option<Shard>,
    pub(crate) moved: Moved,
    pub(crate) scratch: Vec<u8>,
    /// What an application makes up before it is written to its socket's memory, which a device may be reading.
    pub(crate) piece: Box<[u8; PIECE]>,
    pub(crate) arena: Arc<Arena>,
    pub(crate) lend: LendMemory,
    /// What listeners and connections are made with whose applications do not say.
    pub(crate) policy: Option<Arc<Policy>>,
    pub(crate) send_buffers: Vec<DmaBuf>,
    /// What the last socket was made with: most are made with the same.
    pub(crate) settings: Arc<Options>,
    /// Used ones of [`StackConfig::recv_buffer`] bytes, at most as many as there may be sockets.
    pub(crate) recv_buffers: Vec<Box<[u8]>>,
    pub(crate) counters: Counters,
    pub(crate) transitions: Transitions,
    /// Whose TCBs are looked at next.
    pub(crate) sampling: Sampling,
    pub(crate) looks: Looks,
    pub(crate) archive: Archive,
    pub(crate) defects: Defects,
    /// Connections that have ended, for whoever goes on with them when their owner fails.
    pub(crate) departed: Vec<SocketId>,
}

impl Core {
    pub(crate) fn new(config: StackConfig, arena: Arc<Arena>) -> Self {
        let frame = config.mtu as usize + FRAME_OVERHEAD;
        let secret = isn::Secret(config.secret);
        let hasher = |table| KeyedHasher::new(&secret.0, table);
        Self {
            neighbours: Neighbours::new(config.neighbours_max),
            engine: Engine::new(config.tcp.clone()),
            secret,
            sockets: Slab::new(config.sockets_max),
            by_tuple: ByTuple::new(hasher(0)),
            listeners: BTreeMap::new(),
            listeners_made: 0,
            time_wait: TimeWait::new(config.time_wait_max, config.time_wait, hasher(1)),
            watches: Wheel::with_capacity(config.sockets_max as usize),
            packets_cut: 0,
            path_mtus: PathMtus::new(
                config.path_mtus_max,
                config.path_mtu_least,
                config.path_mtu_lifetime,
            ),
            lingering: TimeWait::new(config.time_wait_max, config.linger, hasher(2)),
            port_hasher: hasher(3),
            ports_tried: 0,
            unsent: Vec::new(),
            resting: Vec::new(),
            timers: Wheel::with_capacity(config.sockets_max as usize),
            news: VecDeque::new(),
            incoming: VecDeque::new(),
            out: FrameBurst::new(TX_BURST, frame),
            loopback: Loopback::default(),
            members: Members::default(),
            active: None,
            carriers: Vec::new(),
            hearing: Vec::new(),
            spread: None,
            stalled: Vec::new(),
            opens: Vec::new(),
            orphans: VecDeque::new(),
            releases: Vec::new(),
            farewells: Vec::new(),
            farewells_bid: 0,
            overdue: Overdue::default(),
            stale_hops: Vec::new(),
            rejects: Vec::new(),
            now: Nanos::ZERO,
            shard: None,
            moved: Moved::new(hasher(4)),
            scratch: Vec::with_capacity(frame),
            piece: Box::new([0; PIECE]),
            arena,
            lend: LendMemory::new(config.lend_memory),
            policy: None,
            send_buffers: Vec::new(),
            settings: Arc::new(Options::on(PathChoice::Host)),
            recv_buffers: Vec::new(),
            counters: Counters::new(),
            transitions: Transitions::default(),
            sampling: Sampling::default(),
            looks: Looks::default(),
            archive: Archive::new(config.closed_max),
            defects: Defects::default(),
            departed: Vec::new(),
            config,
        }
    }

    /// A frame that came in by `member` and is for this stack.
    pub fn handle_frame(&mut self, now: Nanos, member: MemberId, frame: &[u8]) {
        let Some((src, dst)) = packet::macs(frame) else {
            self.counters.rx_malformed += 1;
            return;
        };
        if src == self.config.mac {
            // Our own broadcast, flooded back to us by a switch.
            self.counters.rx_own += 1;
            return;
        }
        if dst != self.config.mac && dst != BROADCAST {
            self.counters.rx_not_for_us += 1;
            return;
        }
        let packet = packet::parse(frame);
        if self.shard.is_some()
            && let Ok(packet) = &packet
            && self.pass_on(member, packet, frame)
        {
            return;
        }
        self.take_packet(now, member, (src, dst), packet);
    }

    /// A packet that concerns this lcore.
    #[inline]
    pub(crate) fn take_packet(
        &mut self,
        now: Nanos,
        member: MemberId,
        (src, dst): (Mac, Mac),
        packet: Result<Packet<'_>, Malformed>,
    ) {
        match packet {
            Ok(Packet::Arp(arp)) => self.handle_arp(now, &arp),
            Ok(Packet::Icmp(ip, message)) => self.handle_icmp(now, src, ip, message),
            Ok(Packet::Tcp(ip, bytes)) if dst != BROADCAST => {
                self.handle_tcp(now, (member, src), ip, bytes);
            }
            Ok(Packet::Tcp(..) | Packet::Other) => self.counters.rx_not_for_us += 1,
            Err(_) => self.counters.rx_malformed += 1,
        }
    }

    fn handle_arp(&mut self, now: Nanos, arp: &Arp) {
        self.counters.rx_arp += 1;
        let us = self.config.address;
        let is_silent = self.shard.as_ref().is_some_and(Shard::leaves_answers_to_another);
        if self.learn(now, arp) && arp.request && !is_silent {
            let reply = Arp {
                request: false,
                sender_mac: self.config.mac,
                sender: us,
                target_mac: arp.sender_mac,
                target: arp.sender,
            };
            self.send_arp(now, arp.sender_mac, &reply);
        }
    }

    /// Takes in what an ARP packet says of its sender; whether it is for us.
    pub(crate) fn learn(&mut self, now: Nanos, arp: &Arp) -> bool {
        let us = self.config.address;
        if arp.sender == us {
            self.counters.address_conflicts += 1;
            return false;
        }
        let wanted = arp.target == us;
        if !arp.sender.is_unspecified() {
            self.neighbours.learn(now, IpAddr::V4(arp.sender), arp.sender_mac, wanted);
        }
        wanted
    }

    fn send_arp(&mut self, now: Nanos, dst: Mac, arp: &Arp) {
        let src = self.config.mac;
        self.transmit(now, |buf| packet::emit_arp(buf, src, dst, arp));
    }

    /// Tells everybody on the link where this stack's address is now.
    pub fn announce(&mut self, now: Nanos) {
        let (mac, address) = (self.config.mac, self.config.address);
        self.transmit(now, |buf| packet::emit_gratuitous_arp(buf, mac, address));
    }

    fn handle_icmp(&mut self, now: Nanos, src: Mac, ip: Ip, message: &[u8]) {
        if ip.dst != self.config.address {
            self.counters.rx_not_for_us += 1;
            return;
        }
        if icmp::is_error(message) {
            self.handle_icmp_error(now, message);
            return;
        }
        let (macs, ttl) = ((self.config.mac, src), self.handling(Dscp::DEFAULT).ttl);
        let mut answered = false;
        self.transmit(now, |buf| {
            let len = packet::emit_echo_reply(buf, macs, (ip.dst, ip.src), ttl, message);
            answered = len.is_some();
            len.unwrap_or(0)
        });
        if answered {
            self.counters.icmp_echoes += 1;
        } else {
            self.counters.rx_icmp_other += 1;
        }
    }

    //= rfc9293#3.9.2.3 MUST-57
    pub(crate) fn handle_tcp(&mut self, now: Nanos, from: (MemberId, Mac), ip: Ip, bytes: &[u8]) {
        if ip.dst != self.config.address {
            self.counters.rx_not_for_us += 1;
            return;
        }
        let (segment, header_len) = match packet::segment(&ip, bytes) {
            Ok(parsed) => parsed,
            Err(Malformed::Checksum) => {
                self.counters.rx_csum_bad += 1;
                return;
            }
            Err(_) => {
                self.counters.rx_malformed += 1;
                return;
            }
        };
        let tuple = FourTuple {
            local: (ip.dst, segment.dst_port).into(),
            remote: (ip.src, segment.src_port).into(),
        };
        if let Some(id) = self.by_tuple.get(&self.sockets, &tuple)
            && self.host_input(now, id, &segment, &[&bytes[header_len..]])
        {
            return;
        }
        //= rfc9293#3.9.2.3 MUST-63
        // MUST-63: an answer to such a source would go to many, to nobody, or to ourselves, whom no link brings. No
        // connection has one.
        if !self.is_unicast(ip.src) && from.0 != LOOPBACK {
            self.counters.rx_bad_source += 1;
            return;
        }
        self.handle_stray(now, from, tuple, &segment, &bytes[header_len..]);
    }

    /// A segment of no connection, unless of one whose remains are still here: then they answer it, to `src_mac`.
    pub(crate) fn answer_late(
        &mut self,
        now: Nanos,
        src_mac: Mac,
        tuple: &FourTuple,
        segment: &Segment,
    ) -> Late {
        let late = self.lingering.on_segment(now, tuple, segment);
        match late.or_else(|| self.time_wait.on_segment(now, tuple, segment)) {
            Some(Answer::Reply(reply, dscp)) => {
                self.counters.time_wait_acks += 1;
                self.send_segment(now, src_mac, tuple, dscp, &reply);
                Late::Done
            }
            Some(Answer::Drop) => {
                if segment.flags.contains(Flags::RST) {
                    self.counters.time_wait_resets += 1;
                } else {
                    self.counters.time_wait_drops += 1;
                }
                Late::Done
            }
            Some(Answer::Reopen(after)) => Late::No(Some(after)),
            None => Late::No(None),
        }
    }

    /// A segment of no connection of the host path: TIME_WAIT's, a listener's, or nobody's.
    fn handle_stray(
        &mut self,
        now: Nanos,
        (by, src_mac): (MemberId, Mac),
        tuple: FourTuple,
        segment: &Segment,
        payload: &[u8],
    ) {
        let after = match self.answer_late(now, src_mac, &tuple, segment) {
            Late::Done => return,
            Late::No(after) => after,
        };
        let is_ack = segment.flags.contains(Flags::ACK);
        // What no state of a listener knows is dropped, and not reset, wherever its SYNs are answered.
        let is_nothing = !segment.flags.intersects(Flags::SYN | Flags::ACK | Flags::RST);
        // By a port that is no adapter's all connections begin here, and so do those with ourselves.
        let begins_here = !self.is_adapter(by);
        let ours = |l: &Listener| {
            l.is_host_path() || begins_here || is_ack && l.gave_cookies(now) || is_nothing
        };
        let listener = self.listeners.iter().find(|(_, l)| l.takes(tuple.local) && ours(l));
        if let Some((&id, _)) = listener
            && self.host_listen(now, (id, after), src_mac, tuple, segment, payload)
        {
            return;
        }
        let is_syn = segment.flags.contains(Flags::SYN)
            && !segment.flags.intersects(Flags::ACK | Flags::RST);
        if is_syn && self.listeners.values().any(|l| l.takes(tuple.local)) {
            // An adapter listens there that had not heard of it yet: the peer asks again.
            self.counters.listen_early += 1;
            return;
        }
        match reset_for(segment) {
            Some(reset) => {
                self.counters.tx_resets += 1;
                self.send_segment(now, src_mac, &tuple, Dscp::DEFAULT, &reset);
            }
            None => self.counters.rx_drop_reset += 1,
        }
    }

    /// What routers make of our packets with this code point.
    ///
    //= rfc9293#3.9.2 MUST-49
    pub(crate) fn handling(&self, dscp: Dscp) -> Handling {
        // RFC 1122 3.2.1.7: nobody sends a packet that has no time to live.
        Handling { dscp, ttl: self.config.ttl.max(1) }
    }

    /// Sends a segment without payload straight back to where its cause came from.
    pub(crate) fn send_segment(
        &mut self,
        now: Nanos,
        dst: Mac,
        tuple: &FourTuple,
        dscp: Dscp,
        segment: &Segment,
    ) {
        let (IpAddr::V4(local), IpAddr::V4(remote)) = (tuple.local.ip(), tuple.remote.ip()) else {
            return;
        };
        let (macs, handling) = ((self.config.mac, dst), self.handling(dscp));
        self.transmit(now, |buf| {
            packet::emit_tcp_with(buf, macs, (local, remote), handling, segment, |_| {})
        });
    }

    /// Appends a frame to the burst that is on its way out; `fill` writes it and says how long it is
    /// (0: nothing to send after all).
    pub(crate) fn transmit(&mut self, now: Nanos, fill: impl FnOnce(&mut [u8]) -> usize) {
        if self.out.is_full() {
            self.flush(now);
        }
        let Some(frame) = self.out.spare() else { return };
        let len = fill(frame.buffer_mut());
        if len > 0 {
            frame.set_len(len);
            self.out.commit();
        }
    }

    /// Whether the active link takes frames.
    pub(crate) fn tx_state(&mut self) -> TxState {
        self.active.map_or(TxState::Ready, |active| self.members.tx_state(active))
    }

    /// Runs all that is due at `now`.
    pub(crate) fn poll(&mut self, now: Nanos) {
        self.poll_loopback(now);
        self.poll_neighbours(now);
        self.time_wait.poll(now);
        self.lingering.poll(now);
        self.poll_orphans(now);
        self.poll_path_mtus(now);
        self.poll_watches(now);
        self.poll_samples(now);
        self.poll_questions(now);
        self.host_timers(now);
        self.host_output(now);
        self.flush(now);
        self.poll_members();
    }

    fn poll_neighbours(&mut self, now: Nanos) {
        let mut questions = Vec::new();
        let members = &self.members;
        let heard = |next_hop| members.adapters().filter_map(|m| m.heard(next_hop)).max();
        self.neighbours.poll(now, heard, |question| questions.push(question));
        let (mac, sender) = (self.config.mac, self.config.address);
        for question in questions {
            self.counters.arp_requests += 1;
            let target = question.target;
            let arp = Arp { request: true, sender_mac: mac, sender, target_mac: [0; 6], target };
            self.send_arp(now, question.mac, &arp);
        }
        for (next_hop, mac) in core::mem::take(&mut self.stale_hops) {
            self.follow_next_hop(next_hop, mac);
        }
        for change in self.neighbours.take_changes() {
            self.on_neighbour(now, change);
        }
    }

    fn on_neighbour(&mut self, now: Nanos, change: Change) {
        let address = match change {
            Change::Resolved(address, _) | Change::Lost(address) => address,
        };
        if let Change::Resolved(next_hop, mac) = change {
            self.follow_next_hop(next_hop, mac);
        }
        let waiting: Vec<SocketId> = self
            .sockets
            .iter()
            .filter(|(_, s)| matches!(s.path, Path::Resolving | Path::Host(_)))
            .filter(|(_, s)| self.next_hop(s.ends.remote_ip()) == Some(address))
            .map(|(id, _)| id)
            .collect();
        for id in waiting {
            let opening = self.sockets.get(id).is_some_and(|s| matches!(s.path, Path::Resolving));
            match change {
                _ if !opening => self.list(id),
                Change::Resolved(..) => self.open(now, id),
                Change::Lost(_) => self.fail(id, ConnectionError::Unreachable),
            }
        }
    }

    /// The adapters' tables follow a next hop that has moved. Entries that lead into a loopback have
    /// somebody else's MAC, and get the new one when they lead out again.
    fn follow_next_hop(&mut self, next_hop: IpAddr, mac: Mac) {
        let mut is_stale = false;
        for member in self.members.adapters_mut().filter(|member| !member.is_dead()) {
            let used: Vec<_> = member.hops().filter(|(address, ..)| *address == next_hop).collect();
            for (_, _, l2t) in used {
                let Some(&says) = member.lcore.l2t.get(l2t) else { continue };
                if says.target == L2tTarget::Wire
                    && says.mac != mac
                    && member.write_hop(l2t, NextHop { mac, ..says }).is_err()
                {
                    self.counters.tom_ring_full += 1;
                    is_stale = true;
                }
            }
        }
        // At the next poll, unless it has moved again.
        if is_stale && self.neighbours.known(next_hop) == Some(mac) {
            self.stale_hops.push((next_hop, mac));
        }
    }

    /// Goes on with an active open, now or when the next hop is known.
    pub(crate) fn open(&mut self, now: Nanos, id: SocketId) {
        let Some(socket) = self.sockets.get(id) else { return };
        let remote = socket.ends.remote_ip();
        match self.resolve(now, remote).unwrap_or(Resolution::Unreachable) {
            Resolution::Known(_) => {
                let Some(socket) = self.sockets.get(id) else { return };
                let begins_on = self.port_of(&socket.ends.tuple()).map(|(member, _)| member);
                let offload = socket.options.path == PathChoice::Offload
                    && begins_on.is_some_and(|member| self.is_adapter(member));
                if offload { self.tom_connect(now, id) } else { self.host_connect(now, id) }
            }
            Resolution::Pending => {}
            Resolution::Unreachable => self.fail(id, ConnectionError::Unreachable),
            Resolution::TableFull => self.fail(id, ConnectionError::NoBuffers),
        }
    }

    /// Tries an active open again at the next poll.
    pub(crate) fn retry_open(&mut self, id: SocketId) {
        self.opens.push(id);
    }

    /// Makes `port` of `member` the one that new connections and Ethernet frames use.
    pub fn set_active_port(&mut self, member: MemberId, port: PortId) {
        self.active = Some((member, port));
    }

    /// Connections may begin on each of `ports`, where SYNs come in, and where `spread` says that active opens begin.
    pub fn set_carriers(
        &mut self,
        ports: Vec<(MemberId, PortId)>,
        hearing: Vec<(MemberId, PortId)>,
        spread: Spread,
    ) {
        (self.carriers, self.hearing, self.spread) = (ports, hearing, Some(spread));
    }

    /// The adapter and port on which an active open begins.
    pub(crate) fn port_of(&self, tuple: &FourTuple) -> Option<(MemberId, PortId)> {
        let Some(spread) = self.spread.filter(|_| !self.carriers.is_empty()) else {
            return self.active;
        };
        let hop = self.next_hop(tuple.remote.ip())?;
        let mac = self.neighbours.known(hop).unwrap_or_default();
        let hash = spread(tuple, self.config.mac, mac) as usize;
        self.carriers.get(hash % self.carriers.len()).copied()
    }

    /// Whether connections may begin on a port.
    pub(crate) fn is_open(&self, port: (MemberId, PortId)) -> bool {
        if self.spread.is_some() {
            return self.hearing.contains(&port);
        }
        self.active.is_none_or(|active| active == port)
    }

    /// An adapter of this stack.
    #[must_use]
    pub fn member(&self, member: MemberId) -> Option<&Member> {
        self.members.adapter(member)
    }

    /// An adapter of this stack, to be driven.
    pub fn member_mut(&mut self, member: MemberId) -> Option<&mut Member> {
        self.members.adapter_mut(member)
    }

    /// Whether a member is an adapter: connections live on it. By others, which are Ethernet ports alone, go those that
    /// live here.
    #[must_use]
    pub fn is_adapter(&self, member: MemberId) -> bool {
        self.members.adapter(member).is_some()
    }

    /// Station address and MTU of a member that is an Ethernet port alone.
    #[must_use]
    pub fn plain_port(&self, member: MemberId) -> Option<(Mac, u16)> {
        self.members.port(member).map(|port| (port.mac(), port.mtu()))
    }

    /// What a member that is an Ethernet port alone has carried.
    #[must_use]
    pub fn port_counters(&self, member: MemberId) -> Option<PortCounters> {
        self.members.port(member).map(|port| port.counters)
    }

    /// Whether the device of a member that is an Ethernet port alone has been taken away.
    #[must_use]
    pub fn is_gone(&self, member: MemberId) -> bool {
        self.members.port(member).is_some_and(Port::is_gone)
    }

    /// Sends a frame by a member that is an Ethernet port alone, behind all others. `false`: it is no such member, or takes
    /// nothing.
    pub fn send_by_port(&mut self, member: MemberId, frame: &[u8]) -> bool {
        let now = self.now;
        self.members.port_mut(member).is_some_and(|port| port.send(now, frame).is_ok())
    }

    /// Takes an Ethernet port in. The first member is active until somebody decides otherwise.
    pub(crate) fn add_port(&mut self, port: Box<dyn EthPort + Send>) -> MemberId {
        let id = self.members.add_port(port);
        self.active.get_or_insert((id, PortId(0)));
        id
    }

    /// The link of new connections, and of frames of the host itself.
    #[must_use]
    pub fn active_port(&self) -> Option<(MemberId, PortId)> {
        self.active
    }

    /// Tells the application that `id` is now ready for `readiness`.
    pub(crate) fn tell(&mut self, id: SocketId, readiness: Readiness) {
        if let Some(socket) = self.sockets.get_mut(id) {
            socket.tell(id, readiness, &mut self.news);
        }
    }

    /// The next thing that the application should know.
    pub(crate) fn next_event(&mut self) -> Option<Event> {
        while let Some(listener) = self.incoming.pop_front() {
            if self.listeners.get(&listener).is_some_and(|l| !l.ready.is_empty()) {
                return Some(Event::Incoming(listener));
            }
        }
        if let Some((id, token)) = self.moved.next_arrived() {
            return Some(Event::Arrived(id, token));
        }
        while let Some(id) = self.news.pop_front() {
            // What nobody has accepted yet is told when it is accepted.
            let Some(socket) = self.sockets.get_mut(id) else { continue };
            let news = core::mem::take(&mut socket.news);
            if !news.is_empty() && socket.holder == Holder::Application {
                return Some(Event::Socket(id, news));
            }
        }
        None
    }

    /// Ends a connection before its time.
    pub(crate) fn fail(&mut self, id: SocketId, error: ConnectionError) {
        if let Some(socket) = self.sockets.get_mut(id) {
            // What was told before is the reason.
            socket.error.get_or_insert(error);
            self.end(id, Readiness::ERROR | Readiness::READABLE);
        }
    }

    /// The connection is over: its 4-tuple is free, its socket stays for as long as somebody holds it.
    pub(crate) fn end(&mut self, id: SocketId, news: Readiness) {
        self.file(id);
        let Some(socket) = self.sockets.get_mut(id) else { return };
        self.timers.disarm(id.place());
        socket.path = Path::Ended;
        socket.tx.let_go();
        if self.sampling.wanted {
            self.departed.push(id);
        }
        let (tuple, holder) = (socket.ends.tuple(), socket.holder);
        self.by_tuple.remove(&tuple, id);
        self.release_tuple(&tuple);
        match holder {
            Holder::Application => self.tell(id, news),
            Holder::Nobody => self.forget(id),
            Holder::Listener(_) => {
                self.leave_listener(id);
                self.forget(id);
            }
        }
    }

    /// Takes a connection that nobody has accepted off its listener's books.
    pub(crate) fn leave_listener(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get(id) else { return };
        let Holder::Listener(listener) = socket.holder else { return };
        let Some(listener) = self.listeners.get_mut(&listener) else { return };
        let before = listener.ready.len();
        listener.ready.retain(|&ready| ready != id);
        if listener.ready.len() == before {
            listener.opening = listener.opening.saturating_sub(1);
        }
    }

    pub(crate) fn forget(&mut self, id: SocketId) {
        let named =
            |socket: &Socket| self.by_tuple.get(&self.sockets, &socket.ends.tuple()) == Some(id);
        debug_assert!(!self.sockets.get(id).is_some_and(named), "{id:?} is still to be found");
        if let Some(socket) = self.sockets.remove(id) {
            self.timers.disarm(id.place());
            self.watches.disarm(id.place());
            self.send_buffers.push(socket.tx.into_memory());
            // More may come from other lcores than go there.
            let is_wanted = self.recv_buffers.len() < self.config.sockets_max as usize;
            if socket.rx.capacity() == self.config.recv_buffer && is_wanted {
                self.recv_buffers.push(socket.rx.into_memory());
            }
        }
    }

    /// When there is something to do without a frame coming in.
    pub(crate) fn poll_timeout(&self) -> Option<Nanos> {
        let all = [
            self.timers.next(),
            self.neighbours.poll_timeout(),
            self.time_wait.poll_timeout(),
            self.lingering.poll_timeout(),
            self.orphans.front().map(|&(at, _)| at),
            self.path_mtus.poll_timeout(),
            self.watches.next(),
            self.samples_timeout(),
            self.questions_timeout(),
            self.members.poll_timeout(),
            self.is_due_at_once().then_some(self.now),
        ];
        all.into_iter().flatten().min()
    }

    /// Whether something is left that waited for this poll, or the next.
    fn is_due_at_once(&self) -> bool {
        !self.loopback.is_empty()
            || !self.resting.is_empty()
            || self.has_parcels()
            || self.members.has_unread()
    }
}
