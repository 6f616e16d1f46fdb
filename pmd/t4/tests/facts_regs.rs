//! The register map against constants of DPDK's `drivers/net/cxgbe/base/t4_regs.h` (offsets `A_*`, fields
//! `S_*` and `M_*`), `t4_regs_values.h`, `t4_hw.c` and `t4fw_interface.h` (PCIE_FW): a slip in the map cannot
//! hide in driver and model at once.
//!
//! Only what these files define is here; `_` stands where they name the fields but not the register.

use mafo_t4::regs::mps::{self, Stat, port};
use mafo_t4::regs::tp::pio::{self, TupleField};
use mafo_t4::regs::{bar2, pcie, pf, sge, tp};

/// Offset, register, and of each field shift and mask.
macro_rules! registers_are {
    ($AT:ident: $( $off:tt $Name:ident { $( $field:ident $shift:literal $mask:literal ),* $(,)? } )*) => { $(
        offset_is!($off, $Name::$AT);
        ::pastey::paste! { $(
            assert_eq!(
                $Name::[<$field:upper _MASK>],
                $mask << $shift,
                concat!(stringify!($field), " of ", stringify!($Name)),
            );
        )* }
    )* };
}
macro_rules! offset_is {
    (_, $at:expr) => {};
    ($off:literal, $at:expr) => {
        assert_eq!($at, $off, stringify!($at));
    };
}

#[test]
fn registers_are_where_t4_regs_h_has_them() {
    use mafo_t4::regs::{cim::*, le::*, ma::*, mps::port::*, mps::*, pcie::*, pf::*};
    use mafo_t4::regs::{pl::*, sf::*, sge::*, tp::*, ulp_rx::*};
    registers_are! {
        OFFSET:
        0x7b00 CIM_BOOT_CFG { upcrst 0 1 }
        0x19c04 LE_DB_CONFIG { hashen 20 1 }
        0x19c74 LE_DB_RSP_CODE_0 { tcam_actv_hit 0 0x1f }
        0x19c78 LE_DB_RSP_CODE_1 { hash_actv_hit 25 0x1f }
        0x19df8 LE_DB_TID_HASHBASE {}
        0x19eac LE_3_DB_HASH_MASK_GEN_IPV4_T6 {}
        0x19eb0 LE_4_DB_HASH_MASK_GEN_IPV4_T6 {}
        0x77c0 MA_EDRAM0_BAR { edram0_size 0 0xfff }
        0x77c8 MA_EXT_MEMORY0_BAR { ext_mem0_size 0 0xfff }
        0x9000 MPS_CMN_CTL { numports 0 0x3 }
        0x9600 MPS_STAT_CTL {
            countpausemcrx 5 1, countpausestatrx 4 1, countpausemctx 3 1, countpausestattx 2 1,
        }
        _ MPS_CLS_SRAM_L { replicate 11 1, pf 8 0x7, vf_valid 7 1, vf 0 0x7f }
        0x100 MPS_PORT_RX_CTL {
            ivlan_en 4 1, ovlan_en2 2 1, ovlan_en1 1 1, ovlan_en0 0 1,
        }
        0x11c MPS_PORT_RX_IVLAN { ivlan_etype 0 0xffff }
        0x120 MPS_PORT_RX_OVLAN { ovlan_mask 16 0xffff, ovlan_etype 0 0xffff }
        0x3018 PCIE_CFG2 { totmaxtag 0 0x3 }
        0x3068 PCIE_MEM_ACCESS_BASE_WIN { pcieofst 10 0x3fffff, bir 8 0x3, window 0 0xff }
        0x306c PCIE_MEM_ACCESS_OFFSET {}
        0x30b8 PCIE_FW {
            err 31 1, init 30 1, halt 29 1, eval 24 0x7, master_vld 15 1, master 12 0x7,
        }
        0x30bc PCIE_FW_PF {}
        0x5980 PCIE_CMD_CFG { mintag 0 0xff }
        0x0 SGE_PF_KDOORBELL { qid 15 0x1ffff, dbprio 14 1, dbtype 13 1, pidx_t5 0 0x1fff }
        0x4 SGE_PF_GTS { ingressqid 16 0xffff, seintarm 12 1, cidxinc 0 0xfff }
        0x240 CIM_PF_MAILBOX_DATA {}
        0x280 CIM_PF_MAILBOX_CTRL { mbmsgvalid 3 1, mbowner 0 0x3 }
        0x290 CIM_PF_MAILBOX_CTRL_SHADOW_COPY { mbmsgvalid 3 1, mbowner 0 0x3 }
        _ PL_PF_INT_CAUSE { pfsw 3 1, pfcim 1 1 }
        0x3c4 PL_PF_INT_ENABLE { pfsw 3 1, pfcim 1 1 }
        0x19400 PL_WHOAMI { sourcepf 8 0x7 }
        0x19414 PL_INT_MAP0 {}
        0x19428 PL_RST { piorst 1 1, piorstmode 0 1 }
        0x1943c PL_REV { rev 0 0xf }
        0x193f8 SF_DATA {}
        0x193fc SF_OP { busy 31 1, sf_lock 4 1, cont 3 1, bytecnt 1 0x3, op 0 1 }
        0x1008 SGE_CONTROL {
            rxpktcplmode 18 1, egrstatuspagesize 17 1, pktshift 10 0x7, ingpadboundary 4 0x7,
        }
        0x100c SGE_HOST_PAGE_SIZE {
            hostpagesizepf7 28 0xf, hostpagesizepf6 24 0xf, hostpagesizepf5 20 0xf,
            hostpagesizepf4 16 0xf, hostpagesizepf3 12 0xf, hostpagesizepf2 8 0xf,
            hostpagesizepf1 4 0xf, hostpagesizepf0 0 0xf,
        }
        0x1010 SGE_EGRESS_QUEUES_PER_PAGE_PF { queuesperpagepf1 4 0xf, queuesperpagepf0 0 0xf }
        0x1014 SGE_EGRESS_QUEUES_PER_PAGE_VF {}
        _ SGE_INT_CAUSE3 {
            err_cpl_exceed_iqe_size 22 1, err_invalid_cidx_inc 21 1, err_cpl_opcode_0 19 1,
            err_dropped_db 18 1, err_data_cpl_on_high_qid1 17 1, err_data_cpl_on_high_qid0 16 1,
            err_bad_db_pidx3 15 1, err_bad_db_pidx2 14 1, err_bad_db_pidx1 13 1,
            err_bad_db_pidx0 12 1, err_ing_pcie_chan 11 1, err_ing_ctxt_prio 10 1,
            err_egr_ctxt_prio 9 1, dbfifo_hp_int 8 1, dbfifo_lp_int 7 1, ingress_size_err 5 1,
            egress_size_err 4 1,
        }
        0x1040 SGE_INT_ENABLE3 {
            err_cpl_exceed_iqe_size 22 1, err_invalid_cidx_inc 21 1, err_cpl_opcode_0 19 1,
            err_dropped_db 18 1, err_data_cpl_on_high_qid1 17 1, err_data_cpl_on_high_qid0 16 1,
            err_bad_db_pidx3 15 1, err_bad_db_pidx2 14 1, err_bad_db_pidx1 13 1,
            err_bad_db_pidx0 12 1, err_ing_pcie_chan 11 1, err_ing_ctxt_prio 10 1,
            err_egr_ctxt_prio 9 1, dbfifo_hp_int 8 1, dbfifo_lp_int 7 1, ingress_size_err 5 1,
            egress_size_err 4 1,
        }
        0x1044 SGE_FL_BUFFER_SIZE {}
        0x1090 SGE_FLM_CFG { creditcnt 4 0x3, creditcntpacking 2 0x3 }
        0x1094 SGE_CONM_CTRL {
            egrthresholdpacking 14 0x3f, egrthreshold 8 0x3f, ingthreshold 2 0x3f,
        }
        0x10a0 SGE_INGRESS_RX_THRESHOLD {
            threshold_0 24 0x3f, threshold_1 16 0x3f, threshold_2 8 0x3f, threshold_3 0 0x3f,
        }
        0x10b8 SGE_TIMER_VALUE_0_AND_1 { timervalue0 16 0xffff, timervalue1 0 0xffff }
        0x10bc SGE_TIMER_VALUE_2_AND_3 { timervalue2 16 0xffff, timervalue3 0 0xffff }
        0x10c0 SGE_TIMER_VALUE_4_AND_5 { timervalue4 16 0xffff, timervalue5 0 0xffff }
        0x10ec SGE_STAT_CFG { statsource_t5 9 0xf, statmode 2 0x3 }
        0x10f4 SGE_INGRESS_QUEUES_PER_PAGE_PF {
            queuesperpagepf1 4 0xf, queuesperpagepf0 0 0xf,
        }
        0x10f8 SGE_INGRESS_QUEUES_PER_PAGE_VF {}
        0x1124 SGE_CONTROL2 { idmaarbroundrobin 19 1, ingpackboundary 16 0x7 }
        _ SGE_CTXT_CMD { busy 31 1 }
        0x7d04 TP_OUT_CONFIG { crxpktenc 3 1 }
        0x7d10 TP_CMM_TCB_BASE {}
        0x7d90 TP_TIMER_RESOLUTION { timerresolution 16 0xff, delayedackresolution 0 0xff }
        0x7ddc TP_CCTRL_TABLE {}
        0x7de4 TP_MTU_TABLE { mtuindex 24 0xff, mtuwidth 16 0xf, mtuvalue 0 0x3fff }
        0x7e00 TP_RSS_CONFIG_VRT { keymode 6 0x3, keywren 4 1 }
        0x7e40 TP_PIO_ADDR {}
        0x7e44 TP_PIO_DATA {}
        0x7e50 TP_MIB_INDEX {}
        0x7e54 TP_MIB_DATA {}
        0x19178 ULP_RX_TDDP_PSZ { hpz0 0 0xf }
    }
}

#[test]
fn indirect_registers_are_where_t4_regs_h_has_them() {
    use mafo_t4::regs::tp::pio::*;
    registers_are! {
        ADDR:
        0x40 TP_RSS_SECRET_KEY {}
        0x140 TP_VLAN_PRI_MAP {
            fragmentation 9 1, mpshittype 8 1, macmatch 7 1, ethertype 6 1, protocol 5 1, tos 4 1,
            vlan 3 1, vnic_id 2 1, port 1 1, fcoe 0 1,
        }
        0x141 TP_INGRESS_CONFIG {
            use_enc_idx 13 1, vnic 11 1, csum_has_pseudo_hdr 10 1, rm_ovlan 9 1,
        }
    }
    assert_eq!(tp::mib::Mib::TNL_CNG_DROP_0.0, 0x18); // A_TP_MIB_TNL_CNG_DROP_0
}

#[test]
fn blocks_and_arrays_are_where_t4_regs_h_has_them() {
    assert_eq!(pf::MYPF_BASE, 0x1b000); // MYPF_BASE
    assert_eq!(pf::PF0_BASE, 0x1e000); // PF0_BASE
    assert_eq!(pf::PF_STRIDE, 0x400); // PF_STRIDE
    assert_eq!(port::T4_BASE, 0x20000); // PORT0_BASE
    assert_eq!(port::T4_STRIDE, 0x2000); // PORT_STRIDE
    assert_eq!(port::T5_BASE, 0x30000); // T5_PORT0_BASE
    assert_eq!(port::T5_STRIDE, 0x4000); // T5_PORT_STRIDE
    assert_eq!(pcie::PCIE_MEM_ACCESS_BASE_WIN::COUNT, 8); // NUM_PCIE_MEM_ACCESS_INSTANCES
    assert_eq!(pcie::PCIE_MEM_ACCESS_BASE_WIN::STRIDE, 8); // PCIE_MEM_ACCESS_REG
    assert_eq!(pcie::PCIE_MEM_ACCESS_OFFSET::STRIDE, 8); // PCIE_MEM_ACCESS_REG
    assert_eq!(pcie::PCIE_FW_PF::COUNT, 8); // NUM_PCIE_FW_INSTANCES
    assert_eq!(pcie::PCIE_FW_PF::STRIDE, 4); // PCIE_FW_REG
    assert_eq!(pf::CIM_PF_MAILBOX_DATA::COUNT, 16); // NUM_CIM_PF_MAILBOX_DATA_INSTANCES
    assert_eq!(pf::MAILBOX_SIZE, 64); // t4_hw.h MBOX_LEN
    assert_eq!(mps::MPS_CLS_SRAM_L::COUNT, 512); // NUM_MPS_T5_CLS_SRAM_L_INSTANCES
    assert_eq!(mps::MPS_CLS_SRAM_L::STRIDE, 8); // MPS_T5_CLS_SRAM_L
    assert_eq!(mps::MPS_CLS_SRAM_H::COUNT, 512); // NUM_MPS_T5_CLS_SRAM_H_INSTANCES
    assert_eq!(sge::SGE_FL_BUFFER_SIZE::offset(3), 0x1050); // A_SGE_FL_BUFFER_SIZE3
    assert_eq!(port::MPS_PORT_RX_OVLAN::offset(2), 0x128); // A_RX_OVLAN2
}

#[test]
fn values_are_those_of_t4_regs_values_h() {
    assert_eq!(bar2::AREA_SIZE, 128); // SGE_UDB_SIZE
    assert_eq!(bar2::KDOORBELL, 8); // SGE_UDB_KDOORBELL
    assert_eq!(bar2::GTS, 20); // SGE_UDB_GTS
    assert_eq!(pf::TIMERREG_RESTART_COUNTER, 6); // X_TIMERREG_RESTART_COUNTER
    assert_eq!(pf::TIMERREG_UPDATE_CIDX, 7); // X_TIMERREG_UPDATE_CIDX
    assert_eq!(pf::MailboxOwner::None.bits(), 0); // X_MBOWNER_NONE
    assert_eq!(pf::MailboxOwner::Firmware.bits(), 1); // X_MBOWNER_FW
    assert_eq!(pf::MailboxOwner::Driver.bits(), 2); // X_MBOWNER_PL
    assert_eq!(pf::NO_ACCESS, 0xeeee_eeee); // t4_hw.c X_CIM_PF_NOACCESS
    assert_eq!(sge::ConmCtxt::CNGTPMODE_MASK, 0x3 << 19); // S_, M_CONMCTXT_CNGTPMODE
    assert_eq!(sge::ConmCtxt::CNGCHMAP_MASK, 0xffff); // S_, M_CONMCTXT_CNGCHMAP
    assert_eq!(sge::ConmCtxt::QUEUE, 1); // X_CONMCTXT_CNGTPMODE_QUEUE
    assert_eq!(sge::ConmCtxt::CHANNEL, 2); // X_CONMCTXT_CNGTPMODE_CHANNEL
    assert_eq!(sge::SGE_CONTROL(0).pad_boundary(), 1 << 5); // X_INGPADBOUNDARY_SHIFT
    assert_eq!(sge::SGE_CONTROL2(0).pack_boundary(), 16); // X_INGPACKBOUNDARY_16B
    assert_eq!(sge::SGE_CONTROL2(0).with_ingpackboundary(1).pack_boundary(), 64); // X_INGPACKBOUNDARY_64B
    assert_eq!(pio::VLAN_VLD, 1 << 16); // S_FT_VLAN_VLD
    let widths = TupleField::ALL.map(TupleField::width);
    assert_eq!(widths, [1, 3, 17, 17, 8, 8, 16, 9, 3, 1]); // W_FT_FCOE … W_FT_FRAGMENTATION
}

/// The list and its counters, in the order of the header.
macro_rules! counters_are {
    ($list:expr, $( $off:literal $Name:ident )*) => {
        let expected = [$( Stat { name: stringify!($Name), offset: $off } ),*];
        assert_eq!($list, expected);
    };
}

#[test]
fn port_counters_are_where_t4_regs_h_has_them() {
    counters_are! {
        port::TX_STATS,
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
    counters_are! {
        port::LB_STATS,
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
    counters_are! {
        port::RX_STATS,
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

#[test]
fn buffer_group_counters_are_where_t4_regs_h_has_them() {
    counters_are! {
        mps::BUFFER_GROUP_STATS,
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
