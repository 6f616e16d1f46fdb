//! Fields, offsets and code points that DPDK's copy of the vendor's headers leaves out, under the names that the
//! full `t4_regs.h` and `t4fw_interface.h` (FreeBSD, sys/dev/cxgbe) give them: the layouts once more, apart from
//! the code.

use mafo_t4::fw::*;

/// A word, and of each field shift and mask.
macro_rules! words_are {
    ($( $Name:ident { $( $field:ident $shift:literal $mask:literal ),* $(,)? } )*) => { $(
        ::pastey::paste! { $(
            assert_eq!(
                $Name::[<$field:upper _MASK>],
                $mask << $shift,
                concat!(stringify!($field), " of ", stringify!($Name)),
            );
        )* }
    )* };
}

#[test]
fn firmware_fields() {
    words_are! {
        HelloFlags { mbasyncnotint 23 1 }
        NicCaps { nic 0 1, vm 1 1 }
        SwitchCaps { ingress 0 1, egress 1 1 }
        OfldCaps { toe 0 1 }
        PfvfEqs { type_ 31 1, cmask 24 0xf }
        DevlogPlace { memtype_devlog 28 0xf, memaddr16_devlog 0 0xfff_ffff }
        LdstLo { cycles 16 0xffff }
        CfPlace { memtype 8 0xff, addr64k 0 0xff }
        QueueLo { modify 29 1, stop 27 1 }
        IqKind { iqanus 14 1 }
        IqContext { iqdroprss 15 1, iqdcaen 11 1, iqdcacpu 6 0x1f, iqo 3 1, iqcprio 2 1 }
        FlContext {
            iqns 31 1, iqflintiqhsen 28 0x3, iqflintiscsic 26 1, iqtype 24 0x3, cachelock 15 1, dbp 14 1,
            datans 13 1, onchip 10 1, statuspgns 9 1, statuspgro 8 1, fetchns 7 1, cprio 3 1,
        }
        FlFetch { dcaen 15 1, dcacpu 10 0x1f, cidxfthresho 3 1, cidxfthresh 0 0x7 }
        EqIdWord { cmpliqid 20 0xfff }
        EqContext {
            fetchszm 26 1, statuspgns 25 1, statuspgro 24 1, fetchns 23 1, cprio 19 1, onchip 18 1,
        }
        EqFetch { dcaen 31 1, dcacpu 26 0x1f, cidxfthresho 19 1 }
        EqEthAuto { autoequiqe 31 1 }
        EqEthTimer { timeren 3 1, timerix 0 0x7 }
        Viid { pfn 8 0x7 }
        ViRss { norss 11 1 }
        ViMacLo { freemacs 31 1, entry_type 23 0x7, hashunien 22 1 }
        MacEntryWord { prio 12 0x7 }
        ViEnableLo { led 29 1 }
        ViStatsRange { nstats 12 0x7, ix 0 0x1f }
        StatsCount { nstats 4 0x7, bg_bm 0 0x3 }
        PortStatsFirst { tx 7 1, ix 0 0x3f }
        LbStatsFirst { ix 0 0xf }
        LinkWord {
            mdiocap 21 1, mdioaddr 16 0x1f, lptxpause 15 1, lprxpause 14 1, linkdnrc 5 0x7, modtype 0 0x1f,
        }
        LinkWord32 { cbllen32 0 0xff }
        AuxWord32 { auxlinfo32 24 0xff, mtu32 0 0xffff }
        Caps16 {
            speed_100m 0 1, speed_1g 1 1, speed_25g 2 1, speed_10g 3 1, speed_40g 4 1, speed_100g 5 1,
            fc_rx 6 1, fc_tx 7 1, aneg 8 1, mdi 9 0x3, fec_rs 11 1, fec_baser_rs 12 1, force_pause 13 1,
            pause 14 1, asm_dir 15 1,
        }
    }
}

/// Code points by their names in the header without its prefix.
macro_rules! codes_are {
    ($( $Name:ident { $( $CODE:ident $value:literal ),* $(,)? } )*) => { $( $(
        assert_eq!($Name::$CODE.0, $value, concat!(stringify!($Name), "::", stringify!($CODE)));
        assert_eq!($Name($value).name(), Some(stringify!($CODE)));
    )* )* };
}

#[test]
fn firmware_codes() {
    codes_are! {
        Opcode {
            EQ_MNGT 0x11, ACL_MAC 0x18, ACL_VLAN 0x19, PORT_STATS 0x1c, PORT_LB_STATS 0x1d,
            PORT_TRACE 0x1e, PORT_TRACE_MMAP 0x1f, EQ_OFLD 0x21, SCHED 0x24, DEVLOG 0x25, PTP 0x3e,
            HMA 0x3f, ERROR 0x80,
        }
        LdstAddrspace {
            FIRMWARE 0x01, SGE_EGRC 0x08, SGE_INGC 0x09, SGE_FLMC 0x0a, SGE_CONMC 0x0b,
            TP_TM_PIO 0x11, TP_MIB 0x12, MDIO 0x18, MPS 0x20, FUNC 0x28, FUNC_PCIE 0x29, I2C 0x38,
        }
        Mnem { CHNET 5 }
        DevParam {
            FLOWC_BUFFIFO_SZ 0x03, INTVER_NIC 0x04, INTVER_VNIC 0x05, INTVER_OFLD 0x06,
            INTVER_RI 0x07, INTVER_ISCSIPDU 0x08, INTVER_ISCSI 0x09, INTVER_FCOE 0x0a, PHYFW 0x0f,
            DIAG 0x11, MAXORDIRD_QP 0x13, MAXIRD_ADAPTER 0x14, FWCACHE 0x18, SCFGREV 0x1a,
            VPDREV 0x1b, MPSBGMAP 0x1e, TPCHMAP 0x1f,
        }
        DiagParam { TMP 0, VDD 1, MAXTMPTHRESH 2 }
        PfvfParam {
            ROUTE_START 0x01, ROUTE_END 0x02, SERVER_START 0x07, SERVER_END 0x08, TDDP_START 0x09,
            TDDP_END 0x0a, ISCSI_START 0x0b, ISCSI_END 0x0c, STAG_START 0x0d, STAG_END 0x0e,
            RQ_START 0x0f, RQ_END 0x10, PBL_START 0x11, PBL_END 0x12, SQRQ_START 0x15,
            SQRQ_END 0x16, CQ_START 0x17, CQ_END 0x18, SCHEDCLASS_ETH 0x20, VIID 0x24,
            CPMASK 0x25, OCQ_START 0x26, OCQ_END 0x27, CONM_MAP 0x28, IQFLINT_START 0x29,
            IQFLINT_END 0x2a, EQ_START 0x2b, EQ_END 0x2c, ACTIVE_FILTER_START 0x2d,
            ACTIVE_FILTER_END 0x2e, ETHOFLD_START 0x2f, ETHOFLD_END 0x30, HPFILTER_START 0x32,
            HPFILTER_END 0x33, LINK_STATE 0x40,
        }
        DmaqParam {
            IQ_DCA 0x00, EQ_CMPLIQID_MNGT 0x10, EQ_CMPLIQID_CTRL 0x11, EQ_SCHEDCLASS_ETH 0x12,
            EQ_DCBPRIO_ETH 0x13,
        }
        DebugType { ASSERT 0, PRT 1 }
        PortAction {
            L1_CFG 0x0001, L2_CFG 0x0002, GET_PORT_INFO 0x0003, LPBK_TO_NORMAL 0x0020,
            L1_LPBK 0x0021,
        }
    }
    assert_eq!(MacEntryWord::FREE_BY_MAC, 0x3fd);
    assert_eq!(MacEntryWord::MPS_TCAM_ONLY, 1);
    assert_eq!(MacEntryWord::SMT_ONLY, 2);
    assert_eq!((ViMacLo::EXACT, ViMacLo::HASH), (0, 1));
    assert_eq!(IqKind::UPDATE_INTERRUPT, 1);
    assert_eq!(FlContext::IQTYPE_OTHER, 0);
    assert_eq!(
        (eq::HOSTFCMODE_INGRESS_QUEUE, eq::HOSTFCMODE_STATUS_PAGE, eq::HOSTFCMODE_BOTH),
        (1, 2, 3)
    );
    assert_eq!(1 << eq::CIDXFTHRESH_32, 32);
    assert_eq!(RssMode::MANUAL, 0);
    assert_eq!((HelloFlags::ANY_MASTER, NO_FREELIST), (0xf, 0xffff));
    assert_eq!((RxMode::KEEP_MTU, RxMode::KEEP), (0xffff, 3));
}

/// Offset, register, and of each field shift and mask.
macro_rules! registers_are {
    ($AT:ident: $( $at:literal $Name:ident { $( $field:ident $shift:literal $mask:literal ),* $(,)? } )*) => {
        $( assert_eq!($Name::$AT, $at, stringify!($Name)); )*
        words_are! { $( $Name { $( $field $shift $mask ),* } )* }
    };
}

#[test]
fn registers_of_functions_and_queues() {
    use mafo_t4::regs::{pf::*, sge::*};
    registers_are! {
        OFFSET:
        0x004 SGE_PF_GTS { timerreg 13 0x7 }
        0x040 PCIE_PF_CFG {}
        0x044 PCIE_PF_CLI {}
        0x280 CIM_PF_MAILBOX_CTRL { mbintreq 2 1 }
        0x288 CIM_PF_HOST_INT_ENABLE { mbmsgrdyinten 19 1 }
        0x28c CIM_PF_HOST_INT_CAUSE { mbmsgrdyint 19 1 }
        0x290 CIM_PF_MAILBOX_CTRL_SHADOW_COPY { mbintreq 2 1 }
        0x3c0 PL_PF_INT_CAUSE {}
        0x3c8 PL_PF_CTL {}
        0x1008 SGE_CONTROL { ingpcieboundary 7 0x7, egrpcieboundary 1 0x7, globalenable 0 1 }
        0x1010 SGE_EGRESS_QUEUES_PER_PAGE_PF {
            queuesperpagepf7 28 0xf, queuesperpagepf6 24 0xf, queuesperpagepf5 20 0xf,
            queuesperpagepf4 16 0xf, queuesperpagepf3 12 0xf, queuesperpagepf2 8 0xf,
        }
        0x1014 SGE_EGRESS_QUEUES_PER_PAGE_VF { queuesperpagevfpf4 16 0xf, queuesperpagevfpf0 0 0xf }
        0x1024 SGE_INT_CAUSE1 {}
        0x1030 SGE_INT_CAUSE2 {}
        0x103c SGE_INT_CAUSE3 {}
        0x1098 SGE_TIMESTAMP_LO {}
        0x109c SGE_TIMESTAMP_HI {}
        0x10a4 SGE_DBFIFO_STATUS {}
        0x10a8 SGE_DOORBELL_CONTROL {}
        0x10f4 SGE_INGRESS_QUEUES_PER_PAGE_PF {
            queuesperpagepf7 28 0xf, queuesperpagepf6 24 0xf, queuesperpagepf5 20 0xf,
            queuesperpagepf4 16 0xf, queuesperpagepf3 12 0xf, queuesperpagepf2 8 0xf,
        }
        0x10f8 SGE_INGRESS_QUEUES_PER_PAGE_VF { queuesperpagevfpf4 16 0xf, queuesperpagevfpf0 0 0xf }
        0x1124 SGE_CONTROL2 { vfifo_enable 10 1 }
        0x1138 SGE_DBVFIFO_BADDR {}
        0x113c SGE_DBVFIFO_SIZE {}
        0x11fc SGE_CTXT_CMD { busy 31 1, ctxttype 24 0x3, ctxtqid 0 0x1_ffff }
        0x1200 SGE_CTXT_DATA {}
    }
    assert_eq!((ctxttype::EGRESS, ctxttype::INGRESS, ctxttype::FLM, ctxttype::CONM), (0, 1, 2, 3));
    assert_eq!(DEFAULT_FL_BUFFER_SIZES, [4096, 65536, 1536, 9024, 9216, 2048, 128, 8192, 16384]);
    assert_eq!(
        (DEFAULT_TIMERS_US, DEFAULT_RX_THRESHOLDS),
        ([5, 10, 20, 50, 100, 200], [1, 4, 8, 16])
    );
}

#[test]
fn registers_of_the_other_blocks() {
    use mafo_t4::regs::{le::*, ma::*, mps::*, pcie::*, pl::*, ulp_rx::*};
    registers_are! {
        OFFSET:
        0x30b8 PCIE_FW {
            stage 21 0x7, asyncnot_vld 20 1, asyncnotint 19 1, asyncnot 16 0x7, reset_vld 11 1, reset 8 0x7,
            registered 0 0xff,
        }
        0x30bc PCIE_FW_PF { nentries128_devlog 28 0xf, addr16_devlog 4 0xff_ffff, memtype_devlog 0 0xf }
        0x77c0 MA_EDRAM0_BAR { edram0_base 16 0xfff }
        0x77c4 MA_EDRAM1_BAR { edram1_base 16 0xfff, edram1_size 0 0xfff }
        0x77c8 MA_EXT_MEMORY0_BAR { ext_mem0_base 16 0xfff }
        0xe000 MPS_CLS_SRAM_L {}
        0xe004 MPS_CLS_SRAM_H { portmap 0 0xf }
        0xf000 MPS_CLS_TCAM_Y_L {}
        0xf004 MPS_CLS_TCAM_Y_H {}
        0xf008 MPS_CLS_TCAM_X_L {}
        0xf00c MPS_CLS_TCAM_X_H {}
        0x11010 MPS_RX_PG_RSV {}
        0x19178 ULP_RX_TDDP_PSZ { hpz3 24 0xf, hpz2 16 0xf, hpz1 8 0xf }
        0x1940c PL_INT_CAUSE {}
        0x19410 PL_INT_ENABLE {}
        0x19414 PL_INT_MAP0 { pfs 0 0xff }
        0x19c04 LE_DB_CONFIG { srvrsram_en 22 1, aslipcompen 17 1 }
        0x19c10 LE_DB_ACTIVE_TABLE_START_INDEX {}
        0x19c14 LE_DB_FILTER_TABLE_INDEX {}
        0x19c18 LE_DB_SERVER_INDEX {}
        0x19c1c LE_DB_CLIP_TABLE_INDEX {}
        0x19c20 LE_DB_ACT_CNT_IPV4 {}
        0x19c24 LE_DB_ACT_CNT_IPV6 {}
        0x19c28 LE_DB_HASH_CONFIG { hashtidsize 16 0x3f, hashsize 0 0x3f }
        0x19c30 LE_DB_HASH_TID_BASE {}
    }
    assert_eq!((MPS_CLS_TCAM_Y_L::STRIDE, MPS_CLS_TCAM_X_H::COUNT), (16, 512));
    assert_eq!((MPS_TRC_CFG, CELLS_PER_TID), (0x9800, 4));
    assert_eq!((eval::CRASH, eval::PREP, eval::CONF, eval::INIT), (0, 1, 2, 3));
    assert_eq!((eval::UNEXPECTEDEVENT, eval::OVERHEAT, eval::DEVICESHUTDOWN), (4, 5, 6));
    assert_eq!(PCIE_FW_PF_DEVLOG, 7);
}

#[test]
fn registers_of_tp() {
    use mafo_t4::regs::tp::*;
    registers_are! {
        OFFSET:
        0x7d04 TP_OUT_CONFIG { ipidsplitmode 16 1 }
        0x7d08 TP_GLOBAL_CONFIG { issfromcplenable 11 1, ipttl 0 0xff }
        0x7d14 TP_CMM_MM_BASE {}
        0x7d18 TP_CMM_TIMER_BASE {}
        0x7d20 TP_PMM_TX_BASE {}
        0x7d28 TP_PMM_RX_BASE {}
        0x7d2c TP_PMM_RX_PAGE_SIZE {}
        0x7d30 TP_PMM_RX_MAX_PAGE {}
        0x7d34 TP_PMM_TX_PAGE_SIZE {}
        0x7d38 TP_PMM_TX_MAX_PAGE {}
        0x7d48 TP_PC_CONFIG {}
        0x7d60 TP_PARA_REG0 { initcwnd 24 0x7 }
        0x7d68 TP_PARA_REG2 { maxrxdata 16 0xffff }
        0x7d6c TP_PARA_REG3 {}
        0x7d78 TP_PARA_REG6 {}
        0x7d90 TP_TIMER_RESOLUTION { timestampresolution 8 0xff }
        0x7d98 TP_RXT_MIN {}
        0x7d9c TP_RXT_MAX {}
        0x7da0 TP_PERS_MIN {}
        0x7da4 TP_PERS_MAX {}
        0x7da8 TP_KEEP_IDLE {}
        0x7dac TP_KEEP_INTVL {}
        0x7db0 TP_INIT_SRTT {}
        0x7db4 TP_DACK_TIMER {}
        0x7db8 TP_FINWAIT2_TIMER {}
        0x7dc0 TP_SHIFT_CNT {
            synshiftmax 24 0xff, rxtshiftmaxr1 20 0xf, rxtshiftmaxr2 16 0xf, pershiftbackoffmax 12 0xf,
            pershiftmax 8 0xf, keepalivemaxr1 4 0xf, keepalivemaxr2 0 0xf,
        }
        0x7dc8 TP_TIME_LO {}
        0x7dcc TP_TIME_HI {}
        0x7dd8 TP_PACE_TABLE {}
        0x7ddc TP_CCTRL_TABLE { rowindex 16 0xffff, rowvalue 0 0xffff }
        0x7dec TP_RSS_LKP_TABLE {
            lkptblrowvld 31 1, lkptblrowidx 20 0x3ff, lkptblqueue1 10 0x3ff, lkptblqueue0 0 0x3ff,
        }
        0x7df0 TP_RSS_CONFIG {
            tnl4tupenipv6 31 1, tnl2tupenipv6 30 1, tnl4tupenipv4 29 1, tnl2tupenipv4 28 1, tnltcpsel 27 1,
            tnlip6sel 26 1, tnlvrtsel 25 1, tnlmapen 24 1, ofdhashsave 19 1, ofdvrtsel 18 1, ofdmapen 17 1,
            ofdlkpen 16 1, syn4tupenipv6 15 1, syn2tupenipv6 14 1, syn4tupenipv4 13 1, syn2tupenipv4 12 1,
            synip6sel 11 1, synvrtsel 10 1, synmapen 9 1, synlkpen 8 1, channelenable 7 1, portenable 6 1,
            tnlalllookup 5 1, virtenable 4 1, congestionenable 3 1, hashtoeplitz 2 1, udpenable 1 1,
            disable 0 1,
        }
        0x7df4 TP_RSS_CONFIG_TNL {}
        0x7df8 TP_RSS_CONFIG_OFD {}
        0x7dfc TP_RSS_CONFIG_SYN {}
        0x7e00 TP_RSS_CONFIG_VRT { keywraddr 0 0xf }
        0x7e04 TP_RSS_CONFIG_CNG {}
        0x7e18 TP_TM_PIO_ADDR {}
        0x7e1c TP_TM_PIO_DATA {}
        0x7e24 TP_MOD_CONFIG {}
        0x7e28 TP_TX_MOD_QUEUE_REQ_MAP {}
    }
    use mafo_t4::regs::tp::pio::*;
    registers_are! {
        ADDR:
        0x30 TP_RSS_PF_CONFIG {}
        0x38 TP_RSS_PF_MAP {}
        0x39 TP_RSS_PF_MSK {}
        0x3a TP_RSS_VFL_CONFIG {}
        0x3b TP_RSS_VFH_CONFIG {}
    }
    assert_eq!((TP_RSS_PF_CONFIG::COUNT, TP_RSS_SECRET_KEY::COUNT), (8, 10));
}

#[test]
fn counters_of_tp() {
    use mafo_t4::regs::tp::mib::Mib;
    codes_are! {
        Mib {
            MAC_IN_ERR_0 0x0, HDR_IN_ERR_0 0x4, TCP_IN_ERR_0 0x8, TCP_OUT_RST 0xc,
            TCP_IN_SEG_HI 0x10, TCP_IN_SEG_LO 0x11, TCP_OUT_SEG_HI 0x12, TCP_OUT_SEG_LO 0x13,
            TCP_RXT_SEG_HI 0x14, TCP_RXT_SEG_LO 0x15, OFD_CHN_DROP_0 0x1c, TNL_OUT_PKT_0 0x20,
            TNL_IN_PKT_0 0x24, TCP_V6IN_ERR_0 0x28, TCP_V6OUT_RST 0x2c, TCP_V6IN_SEG_HI 0x30,
            TCP_V6IN_SEG_LO 0x31, TCP_V6OUT_SEG_HI 0x32, TCP_V6OUT_SEG_LO 0x33,
            TCP_V6RXT_SEG_HI 0x34, TCP_V6RXT_SEG_LO 0x35, OFD_ARP_DROP 0x36, OFD_DFR_DROP 0x37,
            CPL_IN_REQ_0 0x38, CPL_OUT_RSP_0 0x3c, TNL_LPBK_0 0x40, TNL_DROP_0 0x44,
            OFD_VLN_DROP_0 0x58,
        }
    }
    assert_eq!(Mib::OFD_CHN_DROP_0.channel(3), Mib(0x1f));
}
