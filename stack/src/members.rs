//! What a stack sends and receives by: adapters, and Ethernet ports that are no adapter's.
//!
//! A bond has both as its members. A connection lives *on* an adapter, and *by* a port: then its TCP runs here, on the
//! host path. So who asks for an adapter by its number ([`Members::adapter`], an index) gets none for a port's.

use core::fmt;
use core::ops::{Index, IndexMut};

use mafo_mem::{Frame, FrameBurst, Full, Nanos};
use mafo_pmd::{EthPort, TxState};
use mafo_t4::PortId;

use crate::TX_BURST;
use crate::tom::{Member, MemberId};

mafo_mem::counters! {
    /// What an Ethernet port that is no adapter's has carried.
    pub struct PortCounters {
        /// Frames taken from it.
        rx_frames,
        /// Frames that it took.
        tx_frames,
        /// Frames that it did not take.
        tx_dropped,
    }
}

/// An Ethernet port that is no adapter's.
pub(crate) struct Port {
    device: Box<dyn EthPort + Send>,
    /// Frames that were made one by one, and leave together.
    out: FrameBurst,
    /// Whether its link was up when that was last looked at.
    is_up: bool,
    /// Its device is gone.
    pub(crate) is_dead: bool,
    pub(crate) counters: PortCounters,
}

/// One of them.
#[expect(clippy::large_enum_variant, reason = "adapters are what the data path looks for")]
enum Device {
    Adapter(Member),
    Port(Port),
}

/// All of them, by [`MemberId`].
#[derive(Default)]
pub(crate) struct Members(Vec<Device>);

impl fmt::Debug for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|device| match device {
                Device::Adapter(member) => format!("{member:?}"),
                Device::Port(port) => format!("port {:?}", port.counters),
            }))
            .finish()
    }
}

impl Port {
    fn new(device: Box<dyn EthPort + Send>) -> Self {
        let out = FrameBurst::new(TX_BURST, usize::from(device.mtu()) + crate::FRAME_OVERHEAD);
        Self { device, out, is_up: false, is_dead: false, counters: PortCounters::new() }
    }

    pub(crate) fn mac(&self) -> [u8; 6] {
        self.device.mac()
    }

    pub(crate) fn mtu(&self) -> u16 {
        self.device.mtu()
    }

    /// Whether its device has been taken away.
    pub(crate) fn is_gone(&self) -> bool {
        self.device.is_gone()
    }

    /// Takes what has come in.
    pub(crate) fn receive(&mut self, now: Nanos, burst: &mut FrameBurst) {
        self.counters.rx_frames += self.device.rx_burst(now, burst) as u64;
    }

    /// How its link is, if that has changed.
    pub(crate) fn poll_link(&mut self) -> Option<bool> {
        let is_up = self.device.link_up();
        (core::mem::replace(&mut self.is_up, is_up) != is_up).then_some(is_up)
    }

    /// A device is in its place again.
    pub(crate) fn revive(&mut self) {
        (self.is_dead, self.is_up) = (false, false);
        self.out.clear();
    }

    /// Sends a frame, at the next [`Port::push`] at the latest.
    pub(crate) fn send(&mut self, now: Nanos, frame: &[u8]) -> Result<(), Full> {
        if self.out.is_full() {
            self.push(now);
        }
        self.out.push(frame)
    }

    /// Sends what was made one by one. What the port does not take is lost, as on any full queue.
    pub(crate) fn push(&mut self, now: Nanos) {
        if self.out.is_empty() {
            return;
        }
        let sent = self.device.tx_burst(now, self.out.frames());
        self.counters.tx_frames += sent as u64;
        self.counters.tx_dropped += (self.out.len() - sent) as u64;
        self.out.clear();
    }

    /// Sends frames behind all others; how many the port took, from the front.
    pub(crate) fn transmit(&mut self, now: Nanos, frames: &[Frame]) -> usize {
        self.push(now);
        let sent = self.device.tx_burst(now, frames);
        self.counters.tx_frames += sent as u64;
        self.counters.tx_dropped += (frames.len() - sent) as u64;
        sent
    }

    fn tx_state(&mut self) -> TxState {
        self.device.tx_state()
    }
}

impl Members {
    pub(crate) fn add_adapter(&mut self, member: Member) -> MemberId {
        self.add(Device::Adapter(member))
    }

    pub(crate) fn add_port(&mut self, device: Box<dyn EthPort + Send>) -> MemberId {
        self.add(Device::Port(Port::new(device)))
    }

    fn add(&mut self, device: Device) -> MemberId {
        let id = MemberId(self.0.len() as u8);
        self.0.push(device);
        id
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The adapter of this number.
    pub(crate) fn adapter(&self, member: MemberId) -> Option<&Member> {
        match self.0.get(member.index())? {
            Device::Adapter(member) => Some(member),
            Device::Port(_) => None,
        }
    }

    pub(crate) fn adapter_mut(&mut self, member: MemberId) -> Option<&mut Member> {
        match self.0.get_mut(member.index())? {
            Device::Adapter(member) => Some(member),
            Device::Port(_) => None,
        }
    }

    /// The port of this number, if it is no adapter's.
    pub(crate) fn port(&self, member: MemberId) -> Option<&Port> {
        match self.0.get(member.index())? {
            Device::Adapter(_) => None,
            Device::Port(port) => Some(port),
        }
    }

    pub(crate) fn port_mut(&mut self, member: MemberId) -> Option<&mut Port> {
        match self.0.get_mut(member.index())? {
            Device::Adapter(_) => None,
            Device::Port(port) => Some(port),
        }
    }

    pub(crate) fn adapters(&self) -> impl Iterator<Item = &Member> {
        self.0.iter().filter_map(|device| match device {
            Device::Adapter(member) => Some(member),
            Device::Port(_) => None,
        })
    }

    pub(crate) fn adapters_mut(&mut self) -> impl Iterator<Item = &mut Member> {
        self.0.iter_mut().filter_map(|device| match device {
            Device::Adapter(member) => Some(member),
            Device::Port(_) => None,
        })
    }

    pub(crate) fn ports_mut(&mut self) -> impl Iterator<Item = &mut Port> {
        self.0.iter_mut().filter_map(|device| match device {
            Device::Adapter(_) => None,
            Device::Port(port) => Some(port),
        })
    }

    /// Whether nothing is asked of it any more.
    pub(crate) fn is_dead(&self, member: MemberId) -> bool {
        match self.0.get(member.index()) {
            Some(Device::Adapter(member)) => member.is_dead(),
            Some(Device::Port(port)) => port.is_dead,
            None => true,
        }
    }

    /// Whether an adapter may have told something that there was no room for in the last poll.
    pub(crate) fn has_unread(&self) -> bool {
        let unread = |device: &Device| match device {
            Device::Adapter(member) => member.is_cut_short && !member.is_dead(),
            Device::Port(_) => false,
        };
        self.0.iter().any(unread)
    }

    /// When a port will next have something that has come in.
    pub(crate) fn poll_timeout(&self) -> Option<Nanos> {
        let ports = self.0.iter().filter_map(|device| match device {
            Device::Port(port) if !port.is_dead => port.device.poll_timeout(),
            _ => None,
        });
        ports.min()
    }

    /// Sends frames of the host itself by a link; how many it took, from the front.
    pub(crate) fn transmit(
        &mut self,
        now: Nanos,
        (member, port): (MemberId, PortId),
        frames: &[Frame],
    ) -> usize {
        match self.0.get_mut(member.index()) {
            Some(Device::Adapter(member)) => {
                let lcore = &mut member.lcore;
                let queue = lcore.port_index(port).and_then(|index| lcore.eth.get_mut(index));
                queue.map_or(0, |queue| queue.tx_burst(now, frames))
            }
            Some(Device::Port(port)) => port.transmit(now, frames),
            None => 0,
        }
    }

    /// Whether a link takes frames. What is given to none is lost, and not to be waited with.
    pub(crate) fn tx_state(&mut self, (member, port): (MemberId, PortId)) -> TxState {
        match self.0.get_mut(member.index()) {
            Some(Device::Adapter(member)) => {
                let lcore = &mut member.lcore;
                let queue = lcore.port_index(port).and_then(|index| lcore.eth.get_mut(index));
                queue.map_or(TxState::Ready, |queue| queue.tx_state())
            }
            Some(Device::Port(port)) => port.tx_state(),
            None => TxState::Ready,
        }
    }
}

/// The adapter of a connection, or of a message: that it is one is known.
impl Index<usize> for Members {
    type Output = Member;

    fn index(&self, n: usize) -> &Member {
        match &self.0[n] {
            Device::Adapter(member) => member,
            Device::Port(_) => panic!("member {n} is no adapter"),
        }
    }
}

impl IndexMut<usize> for Members {
    fn index_mut(&mut self, n: usize) -> &mut Member {
        match &mut self.0[n] {
            Device::Adapter(member) => member,
            Device::Port(_) => panic!("member {n} is no adapter"),
        }
    }
}
