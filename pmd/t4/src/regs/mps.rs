//! MPS, the switch between MACs and TP: MAC classification, buffer groups, statistics.

use super::{Access, Register};
use crate::Bar;

registers! {
    /// Common settings; the field is log2 of the ports. (`A_MPS_CMN_CTL`)
    0x9000 Rw MPS_CMN_CTL { 1:0 numports }
    /// What the statistics count. (`A_MPS_STAT_CTL`)
    0x9600 Rw MPS_STAT_CTL { 5 countpausemcrx, 4 countpausestatrx, 3 countpausemctx, 2 countpausestattx }
    /// What entry `i` of the MAC table does, low word. (`A_MPS_CLS_SRAM_L`)
    0xe000[512; 8] Rw MPS_CLS_SRAM_L { 11 replicate, 10:8 pf, 7 vf_valid, 6:0 vf }
    /// What entry `i` of the MAC table does, high word: the ports it applies to. (`A_MPS_CLS_SRAM_H`)
    0xe004[512; 8] Rw MPS_CLS_SRAM_H { 3:0 portmap }
    /// MAC table, entry `i`: bits that must be zero, low word. (`A_MPS_CLS_TCAM_Y_L`)
    0xf000[512; 16] Rw MPS_CLS_TCAM_Y_L { 31:0 bits }
    /// MAC table, entry `i`: bits that must be zero, high word. (`A_MPS_CLS_TCAM_Y_H`)
    0xf004[512; 16] Rw MPS_CLS_TCAM_Y_H { 31:0 bits }
    /// MAC table, entry `i`: bits that must be one, low word. (`A_MPS_CLS_TCAM_X_L`)
    0xf008[512; 16] Rw MPS_CLS_TCAM_X_L { 31:0 bits }
    /// MAC table, entry `i`: bits that must be one, high word. (`A_MPS_CLS_TCAM_X_H`)
    0xf00c[512; 16] Rw MPS_CLS_TCAM_X_H { 31:0 bits }
    /// Pages reserved for ingress buffer group `i`. (`A_MPS_RX_PG_RSV0`)
    0x11010[8; 4] Rw MPS_RX_PG_RSV { 31:0 value }
}

/// Trace filters begin here (A_MPS_TRC_CFG).
pub const MPS_TRC_CFG: u32 = 0x9800;

/// A counter of 64 bits: low word at `offset`, high word after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// The header's name without `A_` and `_L`.
    pub name: &'static str,
    /// Byte offset of the low word, in BAR0 or in the port's block.
    pub offset: u32,
}

impl Stat {
    /// Reads the counter of the block at `base` (0 for those of the whole card).
    #[must_use]
    pub fn read_at(self, bar: &(impl Bar + ?Sized), base: u32) -> u64 {
        let low = bar.read32(base + self.offset);
        let high = bar.read32(base + self.offset + 4);
        u64::from(high) << 32 | u64::from(low)
    }
}

/// Counters of 64 bits by the offset of their low word, the list of them and their rows of the register map.
macro_rules! stats {
    ($(#[$m:meta])* $LIST:ident $TABLE:ident { $( $off:literal $Name:ident )* }) => {
        $(
            #[doc = concat!("Counter at ", stringify!($off), ".")]
            pub const $Name: Stat = Stat { name: stringify!($Name), offset: $off };
        )*
        $(#[$m])*
        pub const $LIST: &[Stat] = &[ $( $Name, )* ];
        /// The same as rows of the register map: number 0 is the low word, number 1 the high one.
        pub const $TABLE: &[Register] = &[ $( Register {
            name: stringify!($Name),
            offset: $off,
            count: 2,
            stride: 4,
            access: Access::Ro,
        }, )* ];
    };
}

stats! {
    /// Drops and truncations of the four ingress buffer groups, for frames from the wire and from loopback.
    BUFFER_GROUP_STATS BUFFER_GROUP_TABLE {
        0x9640 MPS_STAT_RX_BG_0_MAC_DROP_FRAME
        0x9648 MPS_STAT_RX_BG_1_MAC_DROP_FRAME
        0x9650 MPS_STAT_RX_BG_2_MAC_DROP_FRAME
        0x9658 MPS_STAT_RX_BG_3_MAC_DROP_FRAME
        0x9660 MPS_STAT_RX_BG_0_LB_DROP_FRAME
        0x9668 MPS_STAT_RX_BG_1_LB_DROP_FRAME
        0x9670 MPS_STAT_RX_BG_2_LB_DROP_FRAME
        0x9678 MPS_STAT_RX_BG_3_LB_DROP_FRAME
        0x9680 MPS_STAT_RX_BG_0_MAC_TRUNC_FRAME
        0x9688 MPS_STAT_RX_BG_1_MAC_TRUNC_FRAME
        0x9690 MPS_STAT_RX_BG_2_MAC_TRUNC_FRAME
        0x9698 MPS_STAT_RX_BG_3_MAC_TRUNC_FRAME
        0x96a0 MPS_STAT_RX_BG_0_LB_TRUNC_FRAME
        0x96a8 MPS_STAT_RX_BG_1_LB_TRUNC_FRAME
        0x96b0 MPS_STAT_RX_BG_2_LB_TRUNC_FRAME
        0x96b8 MPS_STAT_RX_BG_3_LB_TRUNC_FRAME
    }
}

/// What every port has of its own. Offsets are inside the port's block.
pub mod port {
    use super::{Access, Register, Stat};

    /// The block of port 0 on T4 (t4_regs.h PORT0_BASE).
    pub const T4_BASE: u32 = 0x20000;
    /// From one port's block to the next on T4 (PORT_STRIDE).
    pub const T4_STRIDE: u32 = 0x2000;
    /// The block of port 0 on T5 (T5_PORT0_BASE).
    pub const T5_BASE: u32 = 0x30000;
    /// From one port's block to the next on T5 (T5_PORT_STRIDE).
    pub const T5_STRIDE: u32 = 0x4000;
    /// Ports of a card.
    pub const PORT_COUNT: u32 = 4;

    registers! {
        /// Which VLAN tags are recognised. (`A_MPS_PORT0_RX_CTL`)
        0x100 Rw MPS_PORT_RX_CTL { 4 ivlan_en, 2 ovlan_en2, 1 ovlan_en1, 0 ovlan_en0 }
        /// Ethernet type of an inner VLAN tag. (`A_MPS_PORT0_RX_IVLAN`)
        0x11c Rw MPS_PORT_RX_IVLAN { 15:0 ivlan_etype }
        /// Ethernet types of outer VLAN tags. (`A_MPS_PORT0_RX_OVLAN0`)
        0x120[3; 4] Rw MPS_PORT_RX_OVLAN { 31:16 ovlan_mask, 15:0 ovlan_etype }
    }

    stats! {
        /// Frames sent to the wire.
        TX_STATS TX_TABLE {
            0x400 MPS_PORT_STAT_TX_PORT_BYTES
            0x408 MPS_PORT_STAT_TX_PORT_FRAMES
            0x410 MPS_PORT_STAT_TX_PORT_BCAST
            0x418 MPS_PORT_STAT_TX_PORT_MCAST
            0x420 MPS_PORT_STAT_TX_PORT_UCAST
            0x428 MPS_PORT_STAT_TX_PORT_ERROR
            0x430 MPS_PORT_STAT_TX_PORT_64B
            0x438 MPS_PORT_STAT_TX_PORT_65B_127B
            0x440 MPS_PORT_STAT_TX_PORT_128B_255B
            0x448 MPS_PORT_STAT_TX_PORT_256B_511B
            0x450 MPS_PORT_STAT_TX_PORT_512B_1023B
            0x458 MPS_PORT_STAT_TX_PORT_1024B_1518B
            0x460 MPS_PORT_STAT_TX_PORT_1519B_MAX
            0x468 MPS_PORT_STAT_TX_PORT_DROP
            0x470 MPS_PORT_STAT_TX_PORT_PAUSE
            0x478 MPS_PORT_STAT_TX_PORT_PPP0
            0x480 MPS_PORT_STAT_TX_PORT_PPP1
            0x488 MPS_PORT_STAT_TX_PORT_PPP2
            0x490 MPS_PORT_STAT_TX_PORT_PPP3
            0x498 MPS_PORT_STAT_TX_PORT_PPP4
            0x4a0 MPS_PORT_STAT_TX_PORT_PPP5
            0x4a8 MPS_PORT_STAT_TX_PORT_PPP6
            0x4b0 MPS_PORT_STAT_TX_PORT_PPP7
        }
    }

    stats! {
        /// Frames through the port's loopback.
        LB_STATS LB_TABLE {
            0x4c0 MPS_PORT_STAT_LB_PORT_BYTES
            0x4c8 MPS_PORT_STAT_LB_PORT_FRAMES
            0x4d0 MPS_PORT_STAT_LB_PORT_BCAST
            0x4d8 MPS_PORT_STAT_LB_PORT_MCAST
            0x4e0 MPS_PORT_STAT_LB_PORT_UCAST
            0x4e8 MPS_PORT_STAT_LB_PORT_ERROR
            0x4f0 MPS_PORT_STAT_LB_PORT_64B
            0x4f8 MPS_PORT_STAT_LB_PORT_65B_127B
            0x500 MPS_PORT_STAT_LB_PORT_128B_255B
            0x508 MPS_PORT_STAT_LB_PORT_256B_511B
            0x510 MPS_PORT_STAT_LB_PORT_512B_1023B
            0x518 MPS_PORT_STAT_LB_PORT_1024B_1518B
            0x520 MPS_PORT_STAT_LB_PORT_1519B_MAX
            0x528 MPS_PORT_STAT_LB_PORT_DROP_FRAMES
        }
    }

    stats! {
        /// Frames received from the wire.
        RX_STATS RX_TABLE {
            0x540 MPS_PORT_STAT_RX_PORT_BYTES
            0x548 MPS_PORT_STAT_RX_PORT_FRAMES
            0x550 MPS_PORT_STAT_RX_PORT_BCAST
            0x558 MPS_PORT_STAT_RX_PORT_MCAST
            0x560 MPS_PORT_STAT_RX_PORT_UCAST
            0x568 MPS_PORT_STAT_RX_PORT_MTU_ERROR
            0x570 MPS_PORT_STAT_RX_PORT_MTU_CRC_ERROR
            0x578 MPS_PORT_STAT_RX_PORT_CRC_ERROR
            0x580 MPS_PORT_STAT_RX_PORT_LEN_ERROR
            0x588 MPS_PORT_STAT_RX_PORT_SYM_ERROR
            0x590 MPS_PORT_STAT_RX_PORT_64B
            0x598 MPS_PORT_STAT_RX_PORT_65B_127B
            0x5a0 MPS_PORT_STAT_RX_PORT_128B_255B
            0x5a8 MPS_PORT_STAT_RX_PORT_256B_511B
            0x5b0 MPS_PORT_STAT_RX_PORT_512B_1023B
            0x5b8 MPS_PORT_STAT_RX_PORT_1024B_1518B
            0x5c0 MPS_PORT_STAT_RX_PORT_1519B_MAX
            0x5c8 MPS_PORT_STAT_RX_PORT_PAUSE
            0x5d0 MPS_PORT_STAT_RX_PORT_PPP0
            0x5d8 MPS_PORT_STAT_RX_PORT_PPP1
            0x5e0 MPS_PORT_STAT_RX_PORT_PPP2
            0x5e8 MPS_PORT_STAT_RX_PORT_PPP3
            0x5f0 MPS_PORT_STAT_RX_PORT_PPP4
            0x5f8 MPS_PORT_STAT_RX_PORT_PPP5
            0x600 MPS_PORT_STAT_RX_PORT_PPP6
            0x608 MPS_PORT_STAT_RX_PORT_PPP7
            0x610 MPS_PORT_STAT_RX_PORT_LESS_64B
        }
    }

    /// All rows of a port's block.
    pub const TABLES: &[&[Register]] = &[TABLE, TX_TABLE, LB_TABLE, RX_TABLE];
}
