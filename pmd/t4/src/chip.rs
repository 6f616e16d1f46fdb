//! Chips and adapters: what differs between T4 and T5, and the PCI ids.

use crate::PortId;
use crate::regs::mps::port;

/// Chelsio's PCI vendor id.
pub const PCI_VENDOR: u16 = 0x1425;

/// The function that a driver of the whole card attaches to.
pub const UNIFIED_PF: u8 = 4;

/// A chip generation whose differences this crate knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Chip {
    /// Terminator 4.
    T4,
    /// Terminator 5.
    T5,
}

impl Chip {
    /// From the chip's number, as PCI device ids and firmware headers have it.
    #[must_use]
    pub const fn from_version(version: u8) -> Option<Self> {
        match version {
            4 => Some(Self::T4),
            5 => Some(Self::T5),
            _ => None,
        }
    }
    /// The chip's number.
    #[must_use]
    pub const fn version(self) -> u8 {
        match self {
            Self::T4 => 4,
            Self::T5 => 5,
        }
    }
    /// Block of port `port` in BAR0.
    #[must_use]
    pub const fn port_base(self, port: PortId) -> u32 {
        match self {
            Self::T4 => port::T4_BASE + port.0 as u32 * port::T4_STRIDE,
            Self::T5 => port::T5_BASE + port.0 as u32 * port::T5_STRIDE,
        }
    }
    /// Whether queues ring in BAR2 (else in the function's SGE_PF_KDOORBELL).
    #[must_use]
    pub const fn has_user_doorbells(self) -> bool {
        matches!(self, Self::T5)
    }
    /// Largest increment of one doorbell, 64-byte units (T4 has a bit more, T5 uses it for the type).
    #[must_use]
    pub const fn doorbell_units_max(self) -> u32 {
        match self {
            Self::T4 => 0x3fff,
            Self::T5 => 0x1fff,
        }
    }
    /// Whether a freelist doorbell sets DBTYPE beside DBPRIO.
    #[must_use]
    pub const fn freelist_doorbell_has_type(self) -> bool {
        matches!(self, Self::T5)
    }
    /// Whether SGE_CONTROL2 has a pack boundary of its own (on T4 the pad boundary serves both).
    #[must_use]
    pub const fn has_pack_boundary(self) -> bool {
        matches!(self, Self::T5)
    }
    /// Usable bits of the compressed filter tuple.
    #[must_use]
    pub const fn filter_tuple_bits(self) -> u32 {
        match self {
            Self::T4 => 36,
            Self::T5 => 40,
        }
    }
    /// Entries of the MAC table.
    #[must_use]
    pub const fn mac_entries(self) -> u32 {
        match self {
            Self::T4 => 336,
            Self::T5 => 512,
        }
    }
    /// Transmit scheduler classes a channel.
    #[must_use]
    pub const fn sched_classes(self) -> u32 {
        match self {
            Self::T4 => 15,
            Self::T5 => 16,
        }
    }
    /// Memory window 0, 1 and 2: default place in BAR0 and bytes.
    #[must_use]
    pub const fn memory_windows(self) -> [(u32, u32); 3] {
        match self {
            Self::T4 => [(0x1b800, 0x800), (0x28000, 0x8000), (0x30000, 0x10000)],
            Self::T5 => [(0x1b800, 0x800), (0x52000, 0x8000), (0x60000, 0x20000)],
        }
    }
    /// Whether a memory window's base is an address on the bus (T4) or in BAR0 (T5).
    #[must_use]
    pub const fn window_base_is_bus_address(self) -> bool {
        matches!(self, Self::T4)
    }
    /// Whether the host may give a connection's initial sequence number (opt2 T5_ISS).
    #[must_use]
    pub const fn takes_iss_from_host(self) -> bool {
        matches!(self, Self::T5)
    }
    /// Tids that an IPv6 filter takes.
    pub const IPV6_FILTER_TIDS: u32 = 4;
}

/// A PCI device id: chip, function and product (t4_chip_type.h CHELSIO_PCI_ID_*).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeviceId(pub u16);

impl DeviceId {
    /// Function `pf` of a product. Functions 0 to 3 share one code.
    #[must_use]
    pub const fn new(chip: Chip, pf: u8, product: u8) -> Self {
        let function = if pf < 4 { 0 } else { pf as u16 & 0xf };
        Self((chip.version() as u16) << 12 | function << 8 | product as u16)
    }
    /// The chip; `None` for one this crate does not know.
    #[must_use]
    pub const fn chip(self) -> Option<Chip> {
        Chip::from_version((self.0 >> 12) as u8)
    }
    /// The function code: 0 for functions 0 to 3, 4 to 7 for those, 8 for virtual functions.
    #[must_use]
    pub const fn function(self) -> u8 {
        (self.0 >> 8) as u8 & 0xf
    }
    /// The product code.
    #[must_use]
    pub const fn product(self) -> u8 {
        self.0 as u8
    }
    /// The product's name; `None` for customer variants and unknown ones.
    #[must_use]
    pub fn product_name(self) -> Option<&'static str> {
        let names = match self.chip()? {
            Chip::T4 => T4_PRODUCTS,
            Chip::T5 => T5_PRODUCTS,
        };
        names.iter().find(|(product, _)| *product == self.product()).map(|(_, name)| *name)
    }
}

/// Speed of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Speed {
    /// 1 Gb/s.
    G1,
    /// 10 Gb/s.
    G10,
    /// 40 Gb/s.
    G40,
}

impl Speed {
    /// Megabits a second.
    #[must_use]
    pub const fn mbps(self) -> u32 {
        match self {
            Self::G1 => 1_000,
            Self::G10 => 10_000,
            Self::G40 => 40_000,
        }
    }
}

/// A product: chip, ports and their speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Product {
    /// The vendor's name.
    pub name: &'static str,
    /// The chip on it.
    pub chip: Chip,
    /// Product code of the PCI device id.
    pub code: u8,
    /// Ports.
    pub ports: u8,
    /// Speed of each port.
    pub speed: Speed,
}

impl Product {
    /// The device id of function `pf`.
    #[must_use]
    pub const fn device_id(&self, pf: u8) -> DeviceId {
        DeviceId::new(self.chip, pf, self.code)
    }
    /// The product of a device id, if it is in [`PRODUCTS`].
    #[must_use]
    pub fn of(id: DeviceId) -> Option<&'static Self> {
        let chip = id.chip()?;
        PRODUCTS.iter().find(|product| product.chip == chip && product.code == id.product())
    }
}

/// T420-CR: two ports of 10 Gb/s.
pub const T420_CR: Product =
    Product { name: "T420-CR", chip: Chip::T4, code: 0x01, ports: 2, speed: Speed::G10 };
/// T440-CR: four ports of 10 Gb/s.
pub const T440_CR: Product =
    Product { name: "T440-CR", chip: Chip::T4, code: 0x03, ports: 4, speed: Speed::G10 };
/// T520-CR: two ports of 10 Gb/s.
pub const T520_CR: Product =
    Product { name: "T520-CR", chip: Chip::T5, code: 0x01, ports: 2, speed: Speed::G10 };
/// T540-CR: four ports of 10 Gb/s.
pub const T540_CR: Product =
    Product { name: "T540-CR", chip: Chip::T5, code: 0x03, ports: 4, speed: Speed::G10 };
/// T580-CR: two ports of 40 Gb/s.
pub const T580_CR: Product =
    Product { name: "T580-CR", chip: Chip::T5, code: 0x0d, ports: 2, speed: Speed::G40 };

/// The products whose ports are described.
pub const PRODUCTS: &[Product] = &[T420_CR, T440_CR, T520_CR, T540_CR, T580_CR];

/// Product codes of T4 (t4_pci_id_tbl.h).
const T4_PRODUCTS: &[(u8, &str)] = &[
    (0x00, "T440-dbg"),
    (0x01, "T420-CR"),
    (0x02, "T422-CR"),
    (0x03, "T440-CR"),
    (0x04, "T420-BCH"),
    (0x05, "T440-BCH"),
    (0x06, "T440-CH"),
    (0x07, "T420-SO"),
    (0x08, "T420-CX"),
    (0x09, "T420-BT"),
    (0x0a, "T404-BT"),
    (0x0b, "B420-SR"),
    (0x0c, "B404-BT"),
    (0x0d, "T480-CR"),
    (0x0e, "T440-LP-CR"),
];

/// Product codes of T5 (t4_pci_id_tbl.h).
const T5_PRODUCTS: &[(u8, &str)] = &[
    (0x00, "T580-dbg"),
    (0x01, "T520-CR"),
    (0x02, "T522-CR"),
    (0x03, "T540-CR"),
    (0x04, "T520-BCH"),
    (0x05, "T540-BCH"),
    (0x06, "T540-CH"),
    (0x07, "T520-SO"),
    (0x08, "T520-CX"),
    (0x09, "T520-BT"),
    (0x0a, "T504-BT"),
    (0x0b, "B520-SR"),
    (0x0c, "B504-BT"),
    (0x0d, "T580-CR"),
    (0x0e, "T540-LP-CR"),
    (0x10, "T580-LP-CR"),
    (0x11, "T520-LL-CR"),
    (0x12, "T560-CR"),
    (0x13, "T580-CHR"),
    (0x14, "T580-SO"),
    (0x15, "T502-BT"),
    (0x16, "T580-OCP-SO"),
    (0x17, "T520-OCP-SO"),
    (0x18, "T540-BT"),
    (0x19, "T540-LP-BT"),
    (0x1a, "T540-SO-BT"),
    (0x1b, "T540-SO-CR"),
];
