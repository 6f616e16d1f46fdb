//! The compressed filter tuple: which fields of a frame the card looks at beyond addresses and ports.

use super::headers::Headers;

/// One field that the filter mode can select; the discriminant is its bit in TP_VLAN_PRI_MAP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Fibre Channel over Ethernet.
    Fcoe = 0,
    /// Ingress port, 0–7.
    Port = 1,
    /// Virtual interface or outer VLAN, valid bit 16.
    VnicId = 2,
    /// VLAN, valid bit 16.
    Vlan = 3,
    /// Type of service.
    Tos = 4,
    /// IP protocol.
    Protocol = 5,
    /// EtherType.
    Ethertype = 6,
    /// Index of the MAC table entry that matched.
    MacMatch = 7,
    /// How it matched.
    MpsHitType = 8,
    /// Fragment.
    Fragmentation = 9,
}

/// Selectable fields in the order of packing, with their widths.
const FIELDS: [(Field, u32); 10] = [
    (Field::Fcoe, 1),
    (Field::Port, 3),
    (Field::VnicId, 17),
    (Field::Vlan, 17),
    (Field::Tos, 8),
    (Field::Protocol, 8),
    (Field::Ethertype, 16),
    (Field::MacMatch, 9),
    (Field::MpsHitType, 3),
    (Field::Fragmentation, 1),
];

/// Bits of the compressed tuple that T5 has.
const WIDTH_MAX: u32 = 40;
/// Bit that says that a VLAN or VNIC field is present.
const VALID: u64 = 1 << 16;

/// The selection is wider than the card's compressed tuple, or the mask selects what the mode does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unrepresentable;

/// Filter mode (fields that exist) and filter mask (those of them that are enforced for connections of
/// the active region), both in the bits of TP_VLAN_PRI_MAP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilterMode {
    mode: u16,
    mask: u16,
    /// TP_INGRESS_CONFIG.VNIC: the VNIC field is a virtual interface, not an outer VLAN.
    vnic: bool,
    /// The mask in the positions of the compressed tuple.
    enforced: u64,
}

impl Default for FilterMode {
    /// The configuration file's: fragmentation, hit type, protocol, VLAN, port, FCoE; of these protocol
    /// and FCoE enforced. A connection is thus found whatever port or VLAN its frames come by.
    fn default() -> Self {
        const DEFAULT: Result<FilterMode, Unrepresentable> = FilterMode::new(0x32b, 0x021, false);
        match DEFAULT {
            Ok(mode) => mode,
            Err(Unrepresentable) => unreachable!("33 bits of 40"),
        }
    }
}

impl FilterMode {
    /// A mode and a mask that is part of it.
    pub const fn new(mode: u16, mask: u16, vnic: bool) -> Result<Self, Unrepresentable> {
        let mut filter_mode = Self { mode, mask, vnic, enforced: 0 };
        if mask & !mode != 0 || mode >> FIELDS.len() != 0 || filter_mode.width() > WIDTH_MAX {
            return Err(Unrepresentable);
        }
        let mut at = 0;
        while at < FIELDS.len() {
            let (field, width) = FIELDS[at];
            if mask >> field as u16 & 1 != 0
                && let Some(shift) = filter_mode.shift(field)
            {
                filter_mode.enforced |= ((1 << width) - 1) << shift;
            }
            at += 1;
        }
        Ok(filter_mode)
    }

    /// The mode as TP_VLAN_PRI_MAP holds it.
    #[must_use]
    pub const fn mode(&self) -> u16 {
        self.mode
    }

    /// The mask, in the same bits.
    #[must_use]
    pub const fn mask(&self) -> u16 {
        self.mask
    }

    /// Whether the VNIC field is a virtual interface (and then nothing that a frame carries).
    #[must_use]
    pub const fn vnic(&self) -> bool {
        self.vnic
    }

    const fn width(&self) -> u32 {
        let (mut at, mut width) = (0, 0);
        while at < FIELDS.len() {
            if self.mode >> at & 1 != 0 {
                width += FIELDS[at].1;
            }
            at += 1;
        }
        width
    }

    /// Whether filters can match this field.
    #[must_use]
    pub const fn selects(&self, field: Field) -> bool {
        self.mode >> field as u16 & 1 != 0
    }

    /// Position of a field in the compressed tuple; `None` when the mode lacks it.
    #[must_use]
    pub const fn shift(&self, field: Field) -> Option<u32> {
        if !self.selects(field) {
            return None;
        }
        let (mut at, mut shift) = (0, 0);
        while at < field as usize {
            if self.mode >> at & 1 != 0 {
                shift += FIELDS[at].1;
            }
            at += 1;
        }
        Some(shift)
    }

    /// The enforced part of a compressed tuple, as the key of a connection has it.
    #[must_use]
    pub const fn enforce(&self, ntuple: u64) -> u64 {
        ntuple & self.enforced
    }

    /// The enforced part of a frame's compressed tuple.
    #[must_use]
    pub fn of_frame(&self, headers: &Headers) -> u64 {
        let mut ntuple = 0;
        let mut shift = 0;
        for (field, width) in FIELDS {
            if !self.selects(field) {
                continue;
            }
            if self.mask >> field as u16 & 1 != 0 {
                ntuple |= value(field, headers, self.vnic) << shift;
            }
            shift += width;
        }
        ntuple
    }
}

/// A field of a frame, in its own width.
fn value(field: Field, headers: &Headers, vnic: bool) -> u64 {
    let tag = |tag: Option<u16>| tag.map_or(0, |tag| VALID | u64::from(tag));
    let ip = headers.ip.as_ref();
    match field {
        Field::Fcoe => u64::from(headers.is_fcoe()),
        Field::Port => u64::from(headers.ingress.port & 7),
        Field::VnicId if vnic => 0,
        Field::VnicId => tag(headers.outer_vlan),
        Field::Vlan => tag(headers.vlan),
        Field::Tos => ip.map_or(0, |ip| u64::from(ip.tos)),
        Field::Protocol => ip.map_or(0, |ip| u64::from(ip.protocol)),
        Field::Ethertype => u64::from(headers.ethertype),
        Field::MacMatch => u64::from(headers.ingress.mac_index.unwrap_or(0) & 0x1ff),
        Field::MpsHitType => u64::from(headers.ingress.hit_type & 7),
        Field::Fragmentation => ip.map_or(0, |ip| u64::from(ip.fragment)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::le::headers::Ingress;

    fn headers() -> Headers {
        let mut frame =
            vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x81, 0x00, 0x60, 0x05, 0x08, 0x00];
        frame.extend([0x45, 0xb8, 0, 20, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 77, 0, 1, 10, 77, 0, 2]);
        let ingress = Ingress { port: 5, mac_index: Some(0x103), hit_type: 4 };
        Headers::parse(ingress, &frame).expect("a frame")
    }

    #[test]
    fn the_default_enforces_protocol_and_fcoe_only() {
        let mode = FilterMode::default();
        // fcoe 0, port 3:1, vlan 20:4, protocol 28:21, hit type 31:29, fragmentation 32.
        assert_eq!(mode.shift(Field::Port), Some(1));
        assert_eq!(mode.shift(Field::Vlan), Some(4));
        assert_eq!(mode.shift(Field::Protocol), Some(21));
        assert_eq!(mode.shift(Field::MpsHitType), Some(29));
        assert_eq!(mode.shift(Field::Fragmentation), Some(32));
        assert_eq!(mode.shift(Field::Tos), None);
        assert_eq!(mode.of_frame(&headers()), 6 << 21);
        assert_eq!(mode.enforce(u64::MAX), 0xff << 21 | 1);
    }

    #[test]
    fn a_mask_with_port_and_vlan_puts_them_where_the_mode_says() {
        let mode = FilterMode::new(0x32b, 0x02a, false).expect("fits");
        assert_eq!(mode.of_frame(&headers()), 6 << 21 | (0x1_6005 << 4) | 5 << 1);
    }

    #[test]
    fn every_field_has_its_value() {
        for (mode, expected) in [
            (0x001, 0),
            (0x002, 5),
            (0x004, 0),
            (0x008, 0x1_6005),
            (0x010, 0xb8),
            (0x020, 6),
            (0x040, 0x0800),
            (0x080, 0x103),
            (0x100, 4),
            (0x200, 0),
        ] {
            let mode = FilterMode::new(mode, mode, false).expect("one field fits");
            assert_eq!(mode.of_frame(&headers()), expected, "mode {:#x}", mode.mode());
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(
            FilterMode::new(0x00c | 0x040, 0, false),
            Err(Unrepresentable),
            "17 + 17 + 16 bits"
        );
        assert_eq!(
            FilterMode::new(0x020, 0x022, false),
            Err(Unrepresentable),
            "mask beyond the mode"
        );
        assert_eq!(FilterMode::new(0x400, 0, false), Err(Unrepresentable), "no such field");
    }
}
