//! The compressed filter tuple: which fields of a frame the card looks at beyond addresses and ports.

use super::headers::Headers;
use mafo_t4::opt::{FilterTuple, FtVlan};
use mafo_t4::regs::tp::pio::{TP_VLAN_PRI_MAP, TupleField};

/// Bits of the compressed tuple that T5 has.
const WIDTH_MAX: u32 = 40;

/// The selection is wider than the card's compressed tuple, or the mask selects what the mode does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unrepresentable;

/// Filter mode (fields that exist) and filter mask (those of them that are enforced for connections of
/// the active region), both in the bits of TP_VLAN_PRI_MAP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilterMode {
    mode: TP_VLAN_PRI_MAP,
    mask: TP_VLAN_PRI_MAP,
    /// TP_INGRESS_CONFIG.VNIC: the VNIC field is a virtual interface, not an outer VLAN.
    vnic: bool,
    /// The mask in the positions of the compressed tuple.
    enforced: u64,
    /// The fields of the mask, in front, and where each begins.
    masked: [(TupleField, u32); TupleField::ALL.len()],
    /// How many these are.
    masked_count: usize,
}

impl Default for FilterMode {
    /// The configuration file's: fragmentation, hit type, protocol, VLAN, port, FCoE; of these protocol
    /// and FCoE enforced. A connection is thus found whatever port or VLAN its frames come by.
    fn default() -> Self {
        Self::of(TP_VLAN_PRI_MAP::DEFAULT_MODE, TP_VLAN_PRI_MAP::DEFAULT_MASK, false)
    }
}

impl FilterMode {
    /// A mode and a mask that is part of it.
    pub fn new(
        mode: TP_VLAN_PRI_MAP,
        mask: TP_VLAN_PRI_MAP,
        vnic: bool,
    ) -> Result<Self, Unrepresentable> {
        let width: u32 = TupleField::ALL
            .iter()
            .filter(|field| mode.has(**field))
            .map(|field| field.width())
            .sum();
        if mask.0 & !mode.0 != 0 || mode.0 >> TupleField::ALL.len() != 0 || width > WIDTH_MAX {
            return Err(Unrepresentable);
        }
        Ok(Self::of(mode, mask, vnic))
    }

    fn of(mode: TP_VLAN_PRI_MAP, mask: TP_VLAN_PRI_MAP, vnic: bool) -> Self {
        let mut masked = TupleField::ALL.map(|field| (field, 0));
        let mut masked_count = 0;
        let fields = TupleField::ALL.into_iter().filter(|&field| mask.has(field));
        for (field, shift) in fields.filter_map(|field| Some((field, mode.shift(field)?))) {
            masked[masked_count] = (field, shift);
            masked_count += 1;
        }
        let enforced = FilterTuple::ALL_ONES.pack_masked(mode, mask);
        Self { mode, mask, vnic, enforced, masked, masked_count }
    }

    /// The mode as TP_VLAN_PRI_MAP holds it.
    #[must_use]
    pub const fn mode(&self) -> TP_VLAN_PRI_MAP {
        self.mode
    }

    /// The mask, in the same bits.
    #[must_use]
    pub const fn mask(&self) -> TP_VLAN_PRI_MAP {
        self.mask
    }

    /// Whether the VNIC field is a virtual interface (and then nothing that a frame carries).
    #[must_use]
    pub const fn vnic(&self) -> bool {
        self.vnic
    }

    /// Whether filters can match all of these fields.
    #[must_use]
    pub const fn selects(&self, fields: TP_VLAN_PRI_MAP) -> bool {
        fields.0 & !self.mode.0 == 0
    }

    /// The enforced part of a compressed tuple, as the key of a connection has it.
    #[must_use]
    pub const fn enforce(&self, ntuple: u64) -> u64 {
        ntuple & self.enforced
    }

    /// The enforced part of a frame's compressed tuple.
    #[must_use]
    pub fn of_frame(&self, headers: &Headers) -> u64 {
        let masked = self.masked.iter().take(self.masked_count);
        masked.fold(0, |ntuple, &(field, shift)| ntuple | value(field, headers, self.vnic) << shift)
    }
}

/// A field of a frame, in its own width.
fn value(field: TupleField, headers: &Headers, vnic: bool) -> u64 {
    let tag = |tag: Option<u16>| {
        u64::from(tag.map_or(0, |tag| FtVlan(u32::from(tag)).with_valid(true).0))
    };
    let ip = headers.ip.as_ref();
    match field {
        TupleField::Fcoe => u64::from(headers.is_fcoe()),
        TupleField::Port => u64::from(headers.ingress.port & 7),
        TupleField::VnicId if vnic => 0,
        TupleField::VnicId => tag(headers.outer_vlan),
        TupleField::Vlan => tag(headers.vlan),
        TupleField::Tos => ip.map_or(0, |ip| u64::from(ip.tos)),
        TupleField::Protocol => ip.map_or(0, |ip| u64::from(ip.protocol)),
        TupleField::Ethertype => u64::from(headers.ethertype),
        TupleField::MacMatch => u64::from(headers.ingress.mac_index.unwrap_or(0) & 0x1ff),
        TupleField::MpsHitType => u64::from(headers.ingress.hit_type & 7),
        TupleField::Fragmentation => ip.map_or(0, |ip| u64::from(ip.fragment)),
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

    fn mode(mode: u32, mask: u32) -> Result<FilterMode, Unrepresentable> {
        FilterMode::new(TP_VLAN_PRI_MAP(mode), TP_VLAN_PRI_MAP(mask), false)
    }

    #[test]
    fn the_default_enforces_protocol_and_fcoe_only() {
        // fcoe 0, port 3:1, vlan 20:4, protocol 28:21, hit type 31:29, fragmentation 32.
        let mode = FilterMode::default();
        assert_eq!(mode.of_frame(&headers()), 6 << 21);
        assert_eq!(mode.enforce(u64::MAX), 0xff << 21 | 1);
        assert!(
            mode.selects(TP_VLAN_PRI_MAP::DEFAULT_MODE) && !mode.selects(TP_VLAN_PRI_MAP(0x010))
        );
    }

    #[test]
    fn a_mask_with_port_and_vlan_puts_them_where_the_mode_says() {
        let mode = mode(0x32b, 0x02a).expect("fits");
        assert_eq!(mode.of_frame(&headers()), 6 << 21 | (0x1_6005 << 4) | 5 << 1);
    }

    #[test]
    fn every_field_has_its_value() {
        for (field, expected) in [
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
            let mode = mode(field, field).expect("one field fits");
            assert_eq!(mode.of_frame(&headers()), expected, "mode {field:#x}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(mode(0x00c | 0x040, 0), Err(Unrepresentable), "17 + 17 + 16 bits");
        assert_eq!(mode(0x020, 0x022), Err(Unrepresentable), "mask beyond the mode");
        assert_eq!(mode(0x400, 0), Err(Unrepresentable), "no such field");
    }
}
