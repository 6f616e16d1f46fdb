//! A peer that lies: what the wire brings to a host.

use std::net::Ipv4Addr;

use arbitrary::Arbitrary;
use mafo::eal::dma::Arena;
use mafo::wire::Wire;
use mafo::wire::mem::{self, LinkConfig, MemEnd};
use mafo::{
    AdapterConfig, AsicConfig, BondConfig, Core, Host, HostConfig, ListenerId, Options, PathChoice,
    PortId, SocketId, SoftConfig, Stack, StackConfig, WirePort, capacity_for_mtu,
};
use mafo_mem::{Frame, FrameBurst, Nanos, checksum};
use mafo_stack::packet::{self, Packet};
use mafo_tcp::{Flags, SackBlock, SackBlocks, Segment, SeqNum, Timestamps};

use crate::choices::path_and_steps;

pub(crate) const US: ([u8; 6], Ipv4Addr) = ([2, 0, 0, 0xff, 0, 2], Ipv4Addr::new(10, 77, 0, 2));
pub(crate) const PEER: ([u8; 6], Ipv4Addr) = ([2, 0, 0, 0, 0, 1], Ipv4Addr::new(10, 77, 0, 1));
pub(crate) const PORT: u16 = 7;
pub(crate) const PEER_PORT: u16 = 40_000;
const IRS: SeqNum = SeqNum(0xffff_f000);

/// What happens next.
#[derive(Arbitrary, Debug)]
enum Step {
    /// Any bytes.
    Noise(Vec<u8>),
    /// Any bytes of an EtherType, for our station.
    ForUs(u16, Vec<u8>),
    /// Any bytes behind an IPv4 header that is right, of any protocol.
    Packet(u8, Vec<u8>),
    /// A segment around where the connection is, or to the listener from any port.
    Segment {
        flags: u16,
        seq: i16,
        ack: i16,
        len: u16,
        window: u16,
        timestamps: Option<(u32, u32)>,
        sack: [Option<(i16, u16)>; 3],
        mss: Option<u16>,
        scale: Option<u8>,
        stranger: Option<u16>,
    },
    /// A segment with a byte changed behind right checksums.
    Damaged(u16, u8),
    /// The application sends.
    Send(u16),
    /// The application takes what is there.
    Recv(u16),
    /// The application says that it sends nothing more.
    Shutdown,
    /// It opens a connection of its own.
    Connect,
    /// Time passes, in units of 100 µs.
    Wait(u16),
}

enum OnPath {
    Offload(Box<Host>),
    Host(Box<Stack>),
}

pub(crate) struct World {
    host: OnPath,
    options: Options,
    wire: MemEnd,
    pub(crate) now: Nanos,
    rx: FrameBurst,
    listener: Option<ListenerId>,
    pub(crate) socket: Option<SocketId>,
    /// What the host said last: the next byte that it will send, the one that it expects.
    pub(crate) snd_nxt: SeqNum,
    rcv_nxt: SeqNum,
    ts: u32,
}

impl World {
    /// A host with a listener and an established connection.
    pub(crate) fn new(offload: bool) -> Self {
        let (near, wire) = mem::link(&LinkConfig::default());
        let mut config = StackConfig::new(US.1, 24, US.0);
        config.sockets_max = 8;
        (config.send_buffer, config.recv_buffer) = (16 << 10, 16 << 10);
        let (host, path) = if offload {
            let asic =
                AsicConfig { max_frame_len: capacity_for_mtu(1500), ..AsicConfig::t540_cr() };
            let wires = vec![(PortId(0), Box::new(near) as Box<dyn Wire>)];
            let adapters = vec![SoftConfig { asic, driver: AdapterConfig::default(), wires }];
            let links = vec![(0, PortId(0))];
            let host = Host::new(HostConfig::new(config, adapters, BondConfig::new(links)))
                .expect("memory");
            (OnPath::Offload(Box::new(host)), PathChoice::Offload)
        } else {
            let arena = Arena::ordinary(1 << 20).expect("memory");
            let mut stack = Stack::new(config, arena);
            stack.add_port(Box::new(WirePort::new(near, US.0, 1500)));
            (OnPath::Host(Box::new(stack)), PathChoice::Host)
        };
        let mut world = Self {
            host,
            options: Options::on(path),
            wire,
            now: Nanos::from_secs(1),
            rx: FrameBurst::new(64, 2048),
            listener: None,
            socket: None,
            snd_nxt: SeqNum(0),
            rcv_nxt: IRS,
            ts: 1,
        };
        for _ in 0..2000 {
            world.poll();
            match &world.host {
                OnPath::Offload(host) if !host.is_up() => {}
                _ => break,
            }
        }
        let options = world.options;
        let listener = world.core().listen((US.1, PORT).into(), 4, options);
        world.listener = Some(listener.expect("listens"));
        world.settle();
        world.handshake();
        world
    }

    pub(crate) fn core(&mut self) -> &mut Core {
        match &mut self.host {
            OnPath::Offload(host) => host.sockets_mut(),
            OnPath::Host(stack) => stack.core_mut(),
        }
    }

    fn accept(&mut self) -> Option<SocketId> {
        let listener = self.listener?;
        self.core().accept(listener)
    }

    fn handshake(&mut self) {
        let mut syn = Self::blank(Flags::SYN, IRS, SeqNum(0));
        syn.options.mss = Some(1460);
        syn.options.window_scale = Some(7);
        syn.options.sack_permitted = true;
        syn.options.timestamps = Some(Timestamps { val: 1, ecr: 0 });
        self.segment(&syn, PEER_PORT);
        self.settle();
        let mut ack = Self::blank(Flags::ACK, IRS + 1, self.snd_nxt);
        ack.options.timestamps = Some(Timestamps { val: 2, ecr: self.ts });
        self.segment(&ack, PEER_PORT);
        self.settle();
        self.socket = self.accept();
        assert!(self.socket.is_some(), "an honest handshake is accepted");
    }

    pub(crate) fn blank(flags: Flags, seq: SeqNum, ack: SeqNum) -> Segment {
        Segment {
            src_port: PEER_PORT,
            dst_port: PORT,
            seq,
            ack,
            flags,
            window: 500,
            ..Segment::default()
        }
    }

    pub(crate) fn poll(&mut self) {
        match &mut self.host {
            OnPath::Offload(host) => host.poll(self.now).expect("the adapter lives"),
            OnPath::Host(stack) => stack.poll(self.now),
        }
        self.now += Nanos::from_micros(10);
        self.rx.clear();
        self.wire.rx_burst(self.now, &mut self.rx);
        for n in 0..self.rx.len() {
            let frame = self.rx.frames()[n].as_slice();
            let arp = match packet::parse(frame) {
                Ok(Packet::Tcp(_, bytes)) => {
                    if let Ok((segment, _)) = Segment::parse(bytes)
                        && segment.dst_port == PEER_PORT
                    {
                        let fin = segment.flags.contains(Flags::FIN);
                        let syn = segment.flags.contains(Flags::SYN);
                        let len = segment.payload_len + u32::from(fin) + u32::from(syn);
                        (self.snd_nxt, self.rcv_nxt) = (segment.seq + len, segment.ack);
                        self.ts = segment.options.timestamps.map_or(self.ts, |ts| ts.val);
                    }
                    None
                }
                Ok(Packet::Arp(arp)) if arp.request && arp.target == PEER.1 => Some(arp),
                _ => None,
            };
            if let Some(arp) = arp {
                let answer = packet::Arp {
                    request: false,
                    sender_mac: PEER.0,
                    sender: PEER.1,
                    target_mac: arp.sender_mac,
                    target: arp.sender,
                };
                let mut buf = [0; 64];
                let len = packet::emit_arp(&mut buf, PEER.0, US.0, &answer);
                self.give(&buf[..len]);
            }
        }
    }

    pub(crate) fn settle(&mut self) {
        (0..8).for_each(|_| self.poll());
    }

    /// What the peer would acknowledge next.
    pub(crate) fn rcv_nxt(&self) -> SeqNum {
        self.rcv_nxt
    }

    /// The timestamps of an honest segment.
    pub(crate) fn timestamps(&self) -> Timestamps {
        Timestamps { val: 3, ecr: self.ts }
    }

    /// Puts a frame on the wire; what is longer than the wire carries is lost there.
    pub(crate) fn give(&mut self, bytes: &[u8]) {
        let mut frame = Frame::with_capacity(bytes.len());
        frame.copy_from(bytes).expect("as long as it is");
        self.wire.tx_burst(self.now, &[frame]);
    }

    fn frame(segment: &Segment) -> Vec<u8> {
        let mut buf = vec![0; 2048];
        let payload = vec![0x5a; segment.payload_len as usize];
        let len = packet::emit_tcp(&mut buf, (PEER.0, US.0), (PEER.1, US.1), segment, &payload);
        buf.truncate(len);
        buf
    }

    pub(crate) fn segment(&mut self, segment: &Segment, from: u16) {
        let frame = Self::frame(&Segment { src_port: from, ..*segment });
        self.give(&frame);
    }

    /// A frame whose checksums are right again after a byte was changed.
    fn damaged(&self, at: u16, value: u8) -> Vec<u8> {
        let mut segment = Self::blank(Flags::ACK, self.rcv_nxt, self.snd_nxt);
        segment.options.timestamps = Some(Timestamps { val: 3, ecr: self.ts });
        segment.payload_len = 20;
        let mut frame = Self::frame(&segment);
        let at = 14 + usize::from(at) % (frame.len() - 14);
        frame[at] = value;
        frame[24..26].fill(0);
        let sum = checksum::sum(&frame[14..34]).checksum();
        frame[24..26].copy_from_slice(&sum.to_be_bytes());
        frame[50..52].fill(0);
        let tcp = &frame[34..];
        let (src, dst) = (PEER.1.octets(), US.1.octets());
        let pseudo = checksum::pseudo_header_v4(src, dst, 6, tcp.len() as u16);
        let sum = (pseudo + checksum::sum(tcp)).checksum();
        frame[50..52].copy_from_slice(&sum.to_be_bytes());
        frame
    }

    fn step(&mut self, step: Step) {
        let header = |ethertype: u16| {
            let mut frame = [US.0, PEER.0].concat();
            frame.extend(ethertype.to_be_bytes());
            frame
        };
        match step {
            Step::Noise(bytes) => self.give(&bytes),
            Step::ForUs(ethertype, bytes) => {
                let mut frame = header(ethertype);
                frame.extend(bytes);
                self.give(&frame);
            }
            Step::Packet(protocol, bytes) => {
                let mut buf = vec![0; 34];
                let bytes = &bytes[..bytes.len().min(1480)];
                let (macs, addresses) = ((PEER.0, US.0), (PEER.1, US.1));
                packet::emit_ipv4(&mut buf, macs, addresses, protocol.into(), bytes.len());
                buf.extend(bytes);
                self.give(&buf);
            }
            Step::Segment {
                flags,
                seq,
                ack,
                len,
                window,
                timestamps,
                sack,
                mss,
                scale,
                stranger,
            } => {
                let near = |right: SeqNum, by: i16| SeqNum(right.0.wrapping_add_signed(by.into()));
                // Mostly with ACK and nothing else, as segments are.
                let flags = if flags & 0x8000 == 0 { Flags::ACK } else { Flags(flags & 0x1ff) };
                let mut segment =
                    Self::blank(flags, near(self.rcv_nxt, seq), near(self.snd_nxt, ack));
                segment.window = window;
                segment.options.mss = mss;
                segment.options.window_scale = scale;
                segment.options.timestamps = timestamps.map(|(val, ecr)| Timestamps {
                    val: val % 4096,
                    ecr: self.ts.wrapping_add_signed((ecr as i32) >> 20),
                });
                let mut blocks = SackBlocks::EMPTY;
                let most = if segment.options.timestamps.is_some() { 3 } else { 4 };
                if mss.is_none() && scale.is_none() {
                    for (start, len) in sack.into_iter().flatten().take(most) {
                        let start = near(self.snd_nxt, start);
                        blocks.push(SackBlock { start, end: start + u32::from(len) });
                    }
                }
                segment.options.sack = blocks;
                segment.payload_len = u32::from(len) % 1400;
                self.segment(&segment, stranger.unwrap_or(PEER_PORT));
            }
            Step::Damaged(at, value) => {
                let frame = self.damaged(at, value);
                self.give(&frame);
            }
            Step::Send(len) => {
                if let Some(id) = self.socket {
                    let _ = self.core().send(id, &vec![1; usize::from(len)]);
                }
            }
            Step::Recv(len) => {
                if let Some(id) = self.socket {
                    let _ = self.core().recv(id, &mut vec![0; usize::from(len)]);
                }
            }
            Step::Shutdown => {
                if let Some(id) = self.socket {
                    let _ = self.core().shutdown(id);
                }
            }
            Step::Connect => {
                let (now, options) = (self.now, self.options);
                let _ = self.core().connect(now, (PEER.1, PEER_PORT).into(), None, options);
            }
            Step::Wait(units) => self.now += Nanos::from_micros(100 * u64::from(units)),
        }
        self.poll();
        while self.core().poll_event().is_some() {}
        while let Some(id) = self.accept() {
            let now = self.now;
            self.core().close(now, id);
        }
    }
}

/// Runs what `bytes` choose against a fresh host.
pub fn run(bytes: &[u8]) {
    let (offload, steps) = path_and_steps::<Step>(bytes);
    let mut world = World::new(offload);
    for step in steps {
        world.step(step);
    }
    world.settle();
    // However it went, it can be ended.
    if let Some(id) = world.socket {
        let now = world.now;
        world.core().abort(now, id);
    }
    world.settle();
}
