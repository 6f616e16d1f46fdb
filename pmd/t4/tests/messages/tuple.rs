//! The compressed filter tuple.

use mafo_t4::opt::{FilterTuple, FtVlan, FtVnic};
use mafo_t4::regs::tp::pio::TP_VLAN_PRI_MAP;
use proptest::prelude::*;

/// Fields from bit 0: FCoE 1 bit, port 3, VLAN 17, protocol 8, MPS hit type 3, fragmentation 1: 33 bits.
const DEFAULT_MODE: TP_VLAN_PRI_MAP = TP_VLAN_PRI_MAP(0x32b);
/// FCoE and protocol.
const DEFAULT_MASK: TP_VLAN_PRI_MAP = TP_VLAN_PRI_MAP(0x021);

#[test]
fn default_mode_by_hand() {
    let tuple = FilterTuple {
        fcoe: 0,
        port: 5,
        vlan: FtVlan(0).with_valid(true).with_tci(0x0123).0,
        protocol: 6,
        mpshittype: 4,
        fragmentation: 1,
        // Fields that the mode has not.
        vnic_id: FtVnic(0).with_valid(true).with_pf(4).0,
        tos: 0xff,
        ethertype: 0x0800,
        macmatch: 0x155,
    };
    // port 5 << 1 = 0xa; vlan 0x1_0123 << 4 = 0x10_1230; protocol 6 << 21 = 0xc0_0000;
    // mpshittype 4 << 29 = 0x8000_0000; fragmentation 1 << 32.
    let packed = 0x1_80d0_123a;
    assert_eq!(tuple.pack(DEFAULT_MODE), packed);
    let unpacked = FilterTuple::unpack(DEFAULT_MODE, packed);
    assert_eq!(
        unpacked,
        FilterTuple { vnic_id: 0, tos: 0, ethertype: 0, macmatch: 0, ..tuple },
        "what the mode has not is zero"
    );
    // Enforced: FCoE (bit 0) and protocol (28:21).
    assert_eq!(FilterTuple::ALL_ONES.pack_masked(DEFAULT_MODE, DEFAULT_MASK), 0x1fe0_0001);
    assert_eq!(tuple.pack_masked(DEFAULT_MODE, DEFAULT_MASK), 0x00c0_0000);
}

#[test]
fn another_mode_by_hand() {
    // VNIC_ID (bit 2) 17, TOS (4) 8, ETHERTYPE (6) would make 41 bits; with MACMATCH (7) in place of it 34:
    // vnic_id at 0, tos at 17, macmatch at 25.
    let mode = TP_VLAN_PRI_MAP(0x094);
    let tuple = FilterTuple {
        vnic_id: FtVnic(0).with_valid(true).with_pf(3).with_vf(0x11).0,
        tos: 0xb8,
        macmatch: 0x1ff,
        ..FilterTuple::default()
    };
    // 0x1_0191; 0xb8 << 17 = 0x170_0000; 0x1ff << 25 = 0x3_fe00_0000.
    assert_eq!(tuple.pack(mode), 0x3_ff71_0191);
    assert_eq!(FilterTuple::unpack(mode, 0x3_ff71_0191), tuple);
}

#[test]
fn a_value_too_wide_does_not_spill() {
    let tuple = FilterTuple { port: 0xff, vlan: u32::MAX, ..FilterTuple::default() };
    // port 3 bits at 1, vlan 17 bits at 4.
    assert_eq!(tuple.pack(DEFAULT_MODE), 0x1f_fffe);
}

proptest! {
    #[test]
    fn packing_is_undone_by_unpacking(mode in 0u32..0x400, packed: u64) {
        let mode = TP_VLAN_PRI_MAP(mode);
        let used = FilterTuple::ALL_ONES.pack(mode);
        prop_assert_eq!(FilterTuple::unpack(mode, packed).pack(mode), packed & used);
        // The bits in use are the low ones, without gaps, in a mode that has room in the word.
        if mode.tuple_width() <= 64 {
            prop_assert_eq!(used.trailing_ones(), mode.tuple_width());
            prop_assert_eq!(used.count_ones(), mode.tuple_width());
        }
    }
}
