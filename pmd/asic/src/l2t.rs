//! The L2 table: next hops, and through which port they are reached.

use mafo_t4::{L2tIdx, PortId};

/// Rows of the silicon's table; a function owns a range of them.
pub const L2T_ROWS: u16 = 4096;

/// Where the card sends a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Egress {
    /// Out of this port's cable.
    Wire(PortId),
    /// Into the loopback port of this channel: it comes back as ingress port 4 + n.
    Loopback(PortId),
}

impl Egress {
    /// The egress that `INTF` of a transmit request names: 0 to 3 a wire, 4 to 7 a loopback port.
    #[must_use]
    pub fn from_interface(intf: u8) -> Option<Self> {
        match intf {
            0..=3 => Some(Self::Wire(PortId(intf))),
            4..=7 => Some(Self::Loopback(PortId(intf - 4))),
            _ => None,
        }
    }

    /// The port whose wire or loopback this is.
    #[must_use]
    pub fn port(self) -> PortId {
        match self {
            Self::Wire(port) | Self::Loopback(port) => port,
        }
    }
}

/// How a next hop is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Neighbour {
    /// By a frame to this egress.
    Reachable(Egress),
    /// ARPMISS: its MAC address is not known; nothing is sent, opens fail with status 23.
    Unresolved(PortId),
}

/// A next hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct L2tEntry {
    /// Destination MAC address.
    pub dmac: [u8; 6],
    /// VLAN id and priority of the frames, if they carry a tag.
    pub vlan: Option<u16>,
    /// Port, loopback or neither.
    pub neighbour: Neighbour,
}

/// The L2 table.
#[derive(Debug)]
pub struct L2t {
    rows: Vec<Option<L2tEntry>>,
}

impl Default for L2t {
    fn default() -> Self {
        Self { rows: vec![None; usize::from(L2T_ROWS)] }
    }
}

impl L2t {
    /// The next hop of row `idx`; `None` if the row was never written or does not exist.
    #[must_use]
    pub fn get(&self, idx: L2tIdx) -> Option<&L2tEntry> {
        self.rows.get(idx.index())?.as_ref()
    }

    /// Writes row `idx`; `false` if it does not exist.
    pub fn set(&mut self, idx: L2tIdx, entry: L2tEntry) -> bool {
        match self.rows.get_mut(idx.index()) {
            Some(row) => {
                *row = Some(entry);
                true
            }
            None => false,
        }
    }
}
