//! A card that lies to its driver: a software ASIC whose words are changed on their way.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use arbitrary::Arbitrary;
use mafo::WirePort;
use mafo::wire::Wire;
use mafo::wire::mem::{self, LinkConfig, MemEnd};
use mafo_asic::{Asic, AsicConfig};
use mafo_failover::{Bond, BondConfig, LinkId};
use mafo_mem::frame::capacity_for_mtu;
use mafo_mem::{FrameBurst, Nanos};
use mafo_pmd::adapter::{AdapterEvent, Request};
use mafo_pmd::eal::dma::{Arena, DeviceView, Domain};
use mafo_pmd::{Adapter, AdapterConfig};
use mafo_stack::{Core, MemberId, Options, PathChoice, SocketId, Stack, StackConfig};
use mafo_t4::cpl::Opcode;
use mafo_t4::{Bar, DmaFault, HostMemory, Iova, PortId};

const OURS: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
const PEERS: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
const MAC: [u8; 6] = [2, 0, 0, 0xff, 0, 2];
const PORT: u16 = 7;
const BUFFER: usize = 16 << 10;

/// Messages that a card sends to its host.
const MESSAGES: [Opcode; 21] = [
    Opcode::FW4_ACK,
    Opcode::RX_DATA,
    Opcode::CLOSE_LISTSRV_RPL,
    Opcode::GET_TCB_RPL,
    Opcode::L2T_WRITE_RPL,
    Opcode::PASS_OPEN_RPL,
    Opcode::ACT_OPEN_RPL,
    Opcode::PEER_CLOSE,
    Opcode::ABORT_REQ_RSS,
    Opcode::ABORT_RPL_RSS,
    Opcode::CLOSE_CON_RPL,
    Opcode::SET_TCB_RPL,
    Opcode::RX_PKT,
    Opcode::ACT_ESTABLISH,
    Opcode::PASS_ESTABLISH,
    Opcode::PASS_ACCEPT_REQ,
    Opcode::SGE_EGR_UPDATE,
    Opcode::FW6_MSG,
    Opcode::FW6_PLD,
    Opcode::FW4_MSG,
    Opcode::ERROR,
];

fn message(byte: u8) -> Opcode {
    MESSAGES[usize::from(byte) % MESSAGES.len()]
}

/// What the card writes instead of what it should.
#[derive(Arbitrary, Clone, Debug)]
pub enum Lie {
    /// Nothing.
    Silence,
    /// Other bytes, each at its place.
    Bytes([(u8, u8); 3]),
    /// Other bytes from the front on, so many of them.
    Front(u8, [u8; 40]),
    /// A word that is nearly right: by up to three more or less.
    Near(u8, i8),
    /// Another message with the same body.
    Message(u8),
}

/// Which of the card's DMA writes a lie is for.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum When {
    /// The one after so many others.
    After(u8),
    /// The next that begins as this message does.
    Message(u8),
}

/// A lie and its time.
type Planned = (When, Lie);

/// The card's way to the host's memory.
struct Liar {
    through: DeviceView,
    /// What is planned.
    lies: Arc<Mutex<Vec<Planned>>>,
}

impl Liar {
    /// The bytes that are written in place of `bytes`, if any are.
    fn instead_of(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut said = bytes.to_vec();
        let mut lies = self.lies.lock().expect("one thread");
        let mut due = None;
        for (n, (when, _)) in lies.iter_mut().enumerate() {
            let now = match when {
                When::After(0) => true,
                When::After(honest) => {
                    *honest -= 1;
                    false
                }
                When::Message(byte) => bytes.first() == Some(&message(*byte).0),
            };
            if now && due.is_none() {
                due = Some(n);
            }
        }
        let Some(due) = due else { return Some(said) };
        match lies.remove(due).1 {
            Lie::Silence => return None,
            Lie::Bytes(changes) => {
                for (at, value) in changes {
                    let at = usize::from(at) % said.len().max(1);
                    if let Some(byte) = said.get_mut(at) {
                        *byte = value;
                    }
                }
            }
            Lie::Near(word, by) => {
                let (words, _) = said.as_chunks_mut::<4>();
                let count = words.len();
                if let Some(word) = words.get_mut(usize::from(word) % count.max(1)) {
                    let right = u32::from_be_bytes(*word);
                    *word = right.wrapping_add_signed((by % 4).into()).to_be_bytes();
                }
            }
            Lie::Front(len, bytes) => {
                let bytes = bytes.into_iter().take(len.into());
                said.iter_mut().zip(bytes).for_each(|(said, byte)| *said = byte);
            }
            Lie::Message(byte) => {
                // In the RSS header and in the CPL behind it.
                for at in [0, 8] {
                    if let Some(said) = said.get_mut(at) {
                        *said = message(byte).0;
                    }
                }
            }
        }
        Some(said)
    }
}

impl HostMemory for Liar {
    fn read(&self, iova: Iova, dst: &mut [u8]) -> Result<(), DmaFault> {
        self.through.read(iova, dst)
    }
    fn write(&self, iova: Iova, src: &[u8]) -> Result<(), DmaFault> {
        match self.instead_of(src) {
            Some(said) => self.through.write(iova, &said),
            None => Ok(()),
        }
    }
    fn load_acquire_u64(&self, iova: Iova) -> Result<u64, DmaFault> {
        self.through.load_acquire_u64(iova)
    }
    fn store_release_u64(&self, iova: Iova, value: u64) -> Result<(), DmaFault> {
        match self.instead_of(&value.to_ne_bytes()) {
            Some(said) => {
                let said = said.try_into().map_or(value, u64::from_ne_bytes);
                self.through.store_release_u64(iova, said)
            }
            None => Ok(()),
        }
    }
}

/// What happens next.
#[derive(Arbitrary, Debug)]
pub enum Act {
    /// A lie is planned.
    Plan(When, Lie),
    /// Our application sends.
    Send(u16),
    /// It takes what is there.
    Recv(u16),
    /// It says that it sends nothing more.
    Shutdown,
    /// It gives its connection up and opens another.
    Reopen,
    /// It listens anew.
    Relisten,
    /// The peer sends.
    PeerSend(u16),
    /// The peer takes what is there.
    PeerRecv(u16),
    /// The peer opens a connection to us.
    PeerOpen,
    /// The peer gives its last connection up.
    PeerAbort,
    /// The cable is pulled, or plugged in.
    Cable(bool),
    /// Time passes, in units of 100 µs.
    Wait(u16),
}

/// Our host, on a card that may lie, and an honest peer on the host path.
struct World {
    asic: Asic<Liar>,
    adapter: Adapter,
    stack: Stack,
    bond: Option<Bond>,
    /// The bond's address was asked for, and is there.
    asked: bool,
    addressed: bool,
    wire: MemEnd,
    up: bool,
    frames: [FrameBurst; 2],
    peer: Stack,
    lies: Arc<Mutex<Vec<Planned>>>,
    now: Nanos,
    socket: Option<SocketId>,
    peers: Option<SocketId>,
}

fn options(path: PathChoice) -> Options {
    Options::on(path)
}

fn config(address: Ipv4Addr, mac: u8) -> StackConfig {
    let mut config = StackConfig::new(address, 24, [2, 0, 0, 0xff, 0, mac]);
    config.sockets_max = 16;
    (config.send_buffer, config.recv_buffer) = (BUFFER, BUFFER);
    config
}

impl World {
    fn new() -> Self {
        let (near, far) = mem::link(&LinkConfig::default());
        let lies = Arc::new(Mutex::new(Vec::new()));
        let domain = Domain::new(1);
        let shared = Arena::ordinary(1 << 20).expect("memory");
        domain.map(&shared);
        let through = Liar { through: domain.device(), lies: Arc::clone(&lies) };
        let frame_len = capacity_for_mtu(1500);
        let asic = AsicConfig { max_frame_len: frame_len, ..AsicConfig::t540_cr() };
        let asic = Asic::new(asic, through);
        let arena = Arena::ordinary(8 << 20).expect("memory");
        let adapter = Adapter::new(asic.bar(), domain, arena, AdapterConfig::default());
        let mut peer = Stack::new(config(PEERS, 1), Arena::ordinary(1 << 20).expect("memory"));
        peer.add_port(Box::new(WirePort::new(far, [2, 0, 0, 0xff, 0, 1], 1500)));
        let burst = || FrameBurst::new(32, frame_len);
        let mut world = Self {
            asic,
            adapter,
            stack: Stack::new(config(OURS, 2), shared),
            bond: None,
            asked: false,
            addressed: false,
            wire: near,
            up: false,
            frames: [burst(), burst()],
            peer,
            lies,
            now: Nanos::from_secs(1),
            socket: None,
            peers: None,
        };
        world.connect();
        world
    }

    /// Brings the adapter up, listens at both ends, opens a connection.
    fn connect(&mut self) {
        for _ in 0..2000 {
            self.poll();
            let up = |bond: &Bond| bond.is_ready(self.stack.core()) && bond.active().is_some();
            if self.bond.as_ref().is_some_and(up) {
                break;
            }
        }
        let listen = |core: &mut Core, address, path| {
            core.listen((address, PORT).into(), 8, options(path)).expect("listens")
        };
        listen(self.stack.core_mut(), OURS, PathChoice::Offload);
        listen(self.peer.core_mut(), PEERS, PathChoice::Host);
        (0..20).for_each(|_| self.poll());
        self.act(Act::Reopen);
        self.act(Act::PeerOpen);
        (0..50).for_each(|_| self.poll());
        let open = self.socket.is_some_and(|id| self.stack.core().is_established(id));
        assert!(open, "an honest card opens connections");
    }

    fn poll(&mut self) {
        self.now += Nanos::from_micros(10);
        let [rx, tx] = &mut self.frames;
        let up = self.wire.link_up(self.now);
        if up != self.up {
            self.up = up;
            self.asic.set_link(PortId(0), up);
        }
        rx.clear();
        self.wire.rx_burst(self.now, rx);
        self.asic.rx_burst(self.now, PortId(0), rx.frames());
        self.asic.poll(self.now);
        while self.asic.tx_burst(PortId(0), tx) > 0 {
            self.wire.tx_burst(self.now, tx.frames());
            tx.clear();
        }
        // An adapter that has failed stays so; the sockets go on without it.
        let _ = self.adapter.poll(self.now);
        while let Some(event) = self.adapter.poll_event() {
            self.addressed |= matches!(event, AdapterEvent::Done { .. });
        }
        match &mut self.bond {
            Some(bond) => {
                self.stack.poll_with(self.now, bond);
                bond.poll(self.now, self.stack.core_mut());
                self.stack.core_mut().ring();
                while bond.poll_event().is_some() {}
            }
            None => self.bring_up(),
        }
        self.peer.poll(self.now);
        accept(self.stack.core_mut(), &mut None);
        accept(self.peer.core_mut(), &mut self.peers);
    }

    /// An adapter that is up gets the bond's address, and then the stack its queues.
    fn bring_up(&mut self) {
        if !self.adapter.is_up() {
            return;
        }
        if !self.asked {
            let add = Request::AddMac { port: PortId(0), mac: MAC, source: true };
            self.asked = self.adapter.request(add).is_ok();
        } else if self.addressed
            && let Some(lcore) = self.adapter.take_lcore(0)
        {
            self.stack.add_adapter(lcore);
            let links = vec![LinkId { member: MemberId(0), port: PortId(0) }];
            self.bond = Some(Bond::new(BondConfig::new(links), self.stack.core_mut()));
        }
    }

    fn plan(&mut self, planned: Planned) {
        self.lies.lock().expect("one thread").push(planned);
    }

    fn act(&mut self, act: Act) {
        let now = self.now;
        let (ours, peer) = (self.stack.core_mut(), self.peer.core_mut());
        match act {
            Act::Plan(When::After(honest), lie) => {
                self.plan((When::After(honest % 16), lie));
                return;
            }
            Act::Plan(when, lie) => {
                self.plan((when, lie));
                return;
            }
            Act::Send(len) => send(ours, self.socket, len),
            Act::Recv(len) => recv(ours, self.socket, len),
            Act::Shutdown => {
                if let Some(id) = self.socket {
                    let _ = ours.shutdown(id);
                }
            }
            Act::Reopen => {
                if let Some(id) = self.socket.take() {
                    ours.abort(now, id);
                }
                let to = (PEERS, PORT).into();
                self.socket = ours.connect(now, to, None, options(PathChoice::Offload)).ok();
            }
            Act::Relisten => {
                let at = (OURS, PORT + 1).into();
                if let Ok(listener) = ours.listen(at, 2, options(PathChoice::Offload)) {
                    ours.close_listener(now, listener);
                }
            }
            Act::PeerSend(len) => send(peer, self.peers, len),
            Act::PeerRecv(len) => recv(peer, self.peers, len),
            Act::PeerOpen => {
                let to = (OURS, PORT).into();
                let _ = peer.connect(now, to, None, options(PathChoice::Host));
            }
            Act::PeerAbort => {
                if let Some(id) = self.peers.take() {
                    peer.abort(now, id);
                }
            }
            Act::Cable(plugged) => self.wire.cable().set_carrier(plugged),
            Act::Wait(units) => self.now += Nanos::from_micros(100 * u64::from(units)),
        }
        (0..4).for_each(|_| self.poll());
        // The peer's delayed ACKs are due: the card has to say what it heard.
        self.now += Nanos::from_millis(41);
        (0..4).for_each(|_| self.poll());
    }
}

/// Takes every connection; the last one into `last`.
fn accept(core: &mut Core, last: &mut Option<SocketId>) {
    while let Some(event) = core.poll_event() {
        if let mafo_stack::Event::Incoming(listener) = event {
            while let Some(id) = core.accept(listener) {
                *last = Some(id);
            }
        }
    }
}

fn send(core: &mut Core, socket: Option<SocketId>, len: u16) {
    if let Some(id) = socket {
        let _ = core.send(id, &vec![0x5a; usize::from(len)]);
    }
}

fn recv(core: &mut Core, socket: Option<SocketId>, len: u16) {
    if let Some(id) = socket {
        let _ = core.recv(id, &mut vec![0; usize::from(len)]);
    }
}

/// Runs acts on a world that was honest until now.
pub fn run(acts: Vec<Act>) {
    let mut world = World::new();
    for act in acts {
        world.act(act);
    }
    (0..50).for_each(|_| world.poll());
    world.adapter.close();
    for _ in 0..50 {
        world.now += Nanos::from_millis(100);
        world.poll();
    }
}

/// What a register shows instead of what it should, after some honest reads.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Read {
    honest: u8,
    value: u32,
}

/// The host's way to the card.
struct LyingBar {
    through: Arc<dyn Bar + Send + Sync>,
    /// What is to come, the next one last.
    reads: Mutex<Vec<Read>>,
}

impl Bar for LyingBar {
    fn read32(&self, offset: u32) -> u32 {
        let value = self.through.read32(offset);
        let mut reads = self.reads.lock().expect("one thread");
        match reads.last_mut() {
            Some(read) if read.honest > 0 => {
                read.honest -= 1;
                value
            }
            Some(_) => reads.pop().map_or(value, |read| read.value),
            None => value,
        }
    }
    fn write32(&self, offset: u32, value: u32) {
        self.through.write32(offset, value);
    }
    fn write64(&self, offset: u32, value: u64) {
        self.through.write64(offset, value);
    }
    fn write_doorbell(&self, offset: u32, value: u32) {
        self.through.write_doorbell(offset, value);
    }
    fn write_combined(&self, offset: u32, unit: &[u8; 64]) {
        self.through.write_combined(offset, unit);
    }
}

/// Brings an adapter up, or fails to, and closes it.
pub fn bring_up(mut reads: Vec<Read>) {
    reads.reverse();
    let domain = Domain::new(1);
    let mut asic = Asic::new(AsicConfig::t540_cr(), domain.device());
    let bar = Arc::new(LyingBar { through: asic.bar(), reads: Mutex::new(reads) });
    let arena = Arena::ordinary(8 << 20).expect("memory");
    let mut adapter = Adapter::new(bar, domain, Arc::clone(&arena), AdapterConfig::default());
    let mut now = Nanos::from_secs(1);
    let mut closing = false;
    for _ in 0..1500 {
        now += Nanos::from_millis(1);
        asic.poll(now);
        let failed = adapter.poll(now).is_err();
        while adapter.poll_event().is_some() {}
        if failed {
            // Patience is at an end: another master, silence, nonsense. What was taken is given back.
            break;
        }
        if adapter.is_up() && !closing {
            closing = true;
            adapter.close();
        }
    }
    drop(adapter);
    drop(asic);
    assert_eq!(arena.free(), arena.len(), "memory is forgotten");
}
