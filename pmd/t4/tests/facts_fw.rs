//! The firmware interface against constants of DPDK's `drivers/net/cxgbe/base/t4fw_interface.h`: fields (`S_*`
//! and `M_*`, the prefix stands beside the word), places of structure members, and code points.
//!
//! What DPDK's header does not have (offload queues, 16-bit port state, …) is held by the vectors alone.

use core::mem::size_of;

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
fn fields_are_where_t4fw_interface_h_has_them() {
    words_are! {
        Hi { op 24 0xff, request 23 1, read 22 1, write 21 1, exec 20 1 } // FW_CMD
        Lo { retval 8 0xff, len16 0 0xff } // FW_CMD
        Version { major 24 0xff, minor 16 0xff, micro 8 0xff, build 0 0xff } // FW_HDR_FW_VER
        HelloFlags { // FW_HELLO_CMD
            err 31 1, init 30 1, masterdis 29 1, masterforce 28 1, mbmaster 24 0xf,
            mbasyncnot 20 0x7, stage 17 0x7, clearinit 16 1,
        }
        ResetFlags { halt 31 1 } // FW_RESET_CMD
        CapsConfigLo { // FW_CAPS_CONFIG_CMD
            cfvalid 27 1, memtype_cf 24 0x7, memaddr64k_cf 16 0xff,
        }
        PfvfIqs { niqflint 20 0xfff, niq 0 0xfffff } // FW_PFVF_CMD
        PfvfEqs { pmask 20 0xf, neq 0 0xfffff } // FW_PFVF_CMD
        PfvfVis { tc 24 0xff, nvi 16 0xff, nexactf 0 0xffff } // FW_PFVF_CMD
        PfvfCaps { r_caps 24 0xff, wx_caps 16 0xff, nethctrl 0 0xffff } // FW_PFVF_CMD
        ClipLo { alloc 31 1, free 30 1 } // FW_CLIP_CMD
        Param { mnem 24 0xff, x 16 0xff, y 8 0xff, z 0 0xff } // FW_PARAMS
        FilterModeMask { mode 16 0xffff, mask 0 0xffff } // FW_PARAMS_PARAM_FILTER
        PortLo { action 16 0xffff } // FW_PORT_CMD
        LinkWord { // FW_PORT_CMD
            lstatus 31 1, lspeed 24 0x3f, txpause 23 1, rxpause 22 1, ptype 8 0x1f,
        }
        LinkWord32 { // FW_PORT_CMD
            lstatus32 31 1, linkdnrc32 28 0x7, mdiocap32 26 1, mdioaddr32 21 0x1f,
            porttype32 13 0xff, modtype32 8 0x1f,
        }
        IqKind { // FW_IQ_CMD
            type_ 29 0x7, iqasynch 28 1, viid 16 0xfff, iqandst 15 1, iqanud 12 0x3,
            iqandstindex 0 0xfff,
        }
        IqContext { // FW_IQ_CMD
            iqgtsmode 14 1, iqpciech 12 0x3, iqintcntthresh 4 0x3, iqesize 0 0x3,
        }
        FlContext { // FW_IQ_CMD
            iqro 30 1, iqflintcongen 27 1, cngchmap 20 0xf, dataro 12 1, congcif 11 1, fetchro 6 1,
            hostfcmode 4 0x3, paden 2 1, packen 1 1, congen 0 1,
        }
        FlFetch { fbmin 7 0x7, fbmax 4 0x7 } // FW_IQ_CMD
        QueueLo { alloc 31 1, free 30 1, start 28 1, stop 27 1 } // FW_IQ_CMD
        QueueLo { alloc 31 1, free 30 1, start 28 1 } // FW_EQ_ETH_CMD
        EqIdWord { eqid 0 0xfffff } // FW_EQ_CTRL_CMD
        EqIdWord { eqid 0 0xfffff } // FW_EQ_ETH_CMD
        PhysEqIdWord { physeqid 0 0xfffff } // FW_EQ_ETH_CMD
        EqContext { // FW_EQ_ETH_CMD
            fetchro 22 1, hostfcmode 20 0x3, pciechn 16 0x3, iqid 0 0xffff,
        }
        EqFetch { fbmin 23 0x7, fbmax 20 0x7, cidxfthresh 16 0x7, eqsize 0 0xffff } // FW_EQ_ETH_CMD
        EqEthAuto { autoequeqe 30 1, viid 16 0xfff } // FW_EQ_ETH_CMD
        ViLo { alloc 31 1, free 30 1, vfvld 24 1, vin 16 0xff } // FW_VI_CMD
        ViIdWord { type_ 15 1, func 12 0x7, viid 0 0xfff } // FW_VI_CMD
        ViPort { portid 4 0xf } // FW_VI_CMD
        ViRss { rsssize 0 0x7ff } // FW_VI_CMD
        Viid { vivld 7 1, vin 0 0x7f } // FW_VIID
        MacEntryWord { valid 15 1, smac_result 10 0x3, idx 0 0x3ff } // FW_VI_MAC_CMD
        RxMode { // FW_VI_RXMODE_CMD
            mtu 16 0xffff, promiscen 14 0x3, allmultien 12 0x3, broadcasten 10 0x3, vlanexen 8 0x3,
        }
        ViEnableLo { ien 31 1, een 30 1, dcb_info 28 1 } // FW_VI_ENABLE_CMD
        RssMode { mode 28 0xf } // FW_RSS_GLB_CONFIG_CMD
        RssGlbFlags { // FW_RSS_GLB_CONFIG_CMD
            synmapen 8 1, syn4tupenipv6 7 1, syn2tupenipv6 6 1, syn4tupenipv4 5 1,
            syn2tupenipv4 4 1, ofdmapen 3 1, tnlmapen 2 1, tnlalllkp 1 1, hashtoeplitz 0 1,
        }
        RssViFlags { // FW_RSS_VI_CONFIG_CMD
            defaultq 16 0x3ff, ip6fourtupen 4 1, ip6twotupen 3 1, ip4fourtupen 2 1,
            ip4twotupen 1 1, udpen 0 1,
        }
        RssQueues { iq0 20 0x3ff, iq1 10 0x3ff, iq2 0 0x3ff } // FW_RSS_IND_TBL_CMD
    }
}

/// The byte at which a member begins: where the first byte changes when it is set to all ones.
macro_rules! members_are {
    ($( $Name:ident [$size:literal] { $( $at:literal $set:ident $ones:expr ),* $(,)? } )*) => { $(
        assert_eq!(size_of::<$Name>(), $size, stringify!($Name));
        $(
            let command = $Name::default().$set($ones);
            let first = command.as_bytes().iter().position(|byte| *byte != 0);
            assert_eq!(first, Some($at), concat!(stringify!($Name), "::", stringify!($set)));
        )*
    )* };
}

#[test]
fn members_are_where_t4fw_interface_h_has_them() {
    const ADDRESS: mafo_t4::Iova = mafo_t4::Iova(u64::MAX);
    const MAC: [u8; 6] = [0xff; 6];
    members_are! {
        HelloCmd[16] { 8 with_flags HelloFlags(!0), 12 with_fwrev Version(!0) }
        ResetCmd[16] { 8 with_val mafo_t4::regs::pl::PL_RST(!0), 12 with_flags ResetFlags(!0) }
        ByeCmd[16] {}
        InitializeCmd[16] {}
        CapsConfigCmd[48] {
            12 with_hwmbitmap !0, 16 with_nbmcaps !0, 18 with_linkcaps !0,
            20 with_switchcaps SwitchCaps(!0), 24 with_niccaps NicCaps(!0),
            26 with_ofldcaps OfldCaps(!0), 28 with_rdmacaps !0, 30 with_cryptocaps !0,
            32 with_iscsicaps !0, 34 with_fcoecaps !0, 36 with_cfcsum !0, 40 with_finiver !0,
            44 with_finicsum !0,
        }
        ParamsCmd[64] { 8 with_param [ParamValue::default().with_mnem(Param(!0)); 7] }
        PfvfCmd[32] {
            8 with_iqs PfvfIqs(!0), 12 with_eqs PfvfEqs(!0), 16 with_vis PfvfVis(!0),
            20 with_caps PfvfCaps(!0), 24 with_nricq !0, 26 with_nriqp !0,
        }
        IqCmd[64] {
            8 with_physiqid !0, 10 with_iqid !0, 12 with_fl0id !0, 14 with_fl1id !0,
            16 with_kind IqKind(!0), 20 with_context IqContext(!0), 22 with_iqsize !0,
            24 with_iqaddr ADDRESS, 32 with_fl0 FlContext(!0), 36 with_fl0_fetch FlFetch(!0),
            38 with_fl0size !0, 40 with_fl0addr ADDRESS, 48 with_fl1 FlContext(!0),
            52 with_fl1_fetch FlFetch(!0), 54 with_fl1size !0, 56 with_fl1addr ADDRESS,
        }
        EqEthCmd[48] {
            8 with_eqid EqIdWord(!0), 12 with_physeqid PhysEqIdWord(!0),
            16 with_context EqContext(!0), 20 with_fetch EqFetch(!0), 24 with_eqaddr ADDRESS,
            32 with_auto EqEthAuto(!0), 36 with_timer EqEthTimer(!0),
        }
        EqCtrlCmd[32] {
            8 with_eqid EqIdWord(!0), 12 with_physeqid PhysEqIdWord(!0),
            16 with_context EqContext(!0), 20 with_fetch EqFetch(!0), 24 with_eqaddr ADDRESS,
        }
        ViCmd[64] {
            8 with_type_viid ViIdWord(!0), 10 with_mac MAC, 16 with_portid ViPort(!0),
            17 with_nmac !0, 18 with_nmac0 MAC, 24 with_rss ViRss(!0), 26 with_nmac1 MAC,
            32 with_idsiiq !0, 34 with_nmac2 MAC, 40 with_idseiq !0, 42 with_nmac3 MAC,
        }
        ViMacCmd[64] { 8 with_exact [MacEntry::default().with_word(MacEntryWord(!0)); 7] }
        ViMacHashCmd[16] { 8 with_hashvec !0 }
        ViRxModeCmd[16] { 8 with_mode RxMode(!0) }
        ViEnableCmd[16] { 8 with_blinkdur !0 }
        ViStatsCmd[64] { 8 with_range ViStatsRange(!0), 16 with_stat [!0; 6] }
        PortL1Cfg32Cmd[32] { 8 with_rcap32 Caps32(!0) }
        PortL1CfgCmd[32] { 10 with_rcap Caps16(!0) } // the low half of a 32-bit word
        PortInfoCmd[32] {
            8 with_link LinkWord(!0), 12 with_pcap Caps16(!0), 14 with_acap Caps16(!0),
            16 with_mtu !0, 18 with_cbllen !0, 19 with_auxlinfo !0, 20 with_dcbxdis_pkd !0,
            22 with_lpacap Caps16(!0),
        }
        PortInfo32Cmd[32] {
            8 with_link LinkWord32(!0), 12 with_aux AuxWord32(!0), 16 with_linkattr32 Caps32(!0),
            20 with_pcaps32 Caps32(!0), 24 with_acaps32 Caps32(!0), 28 with_lpacaps32 Caps32(!0),
        }
        PortStatsCmd[64] {
            8 with_count StatsCount(!0), 9 with_first PortStatsFirst(!0), 16 with_stat [!0; 6],
        }
        RssGlbConfigCmd[32] { 8 with_mode RssMode(!0), 12 with_flags RssGlbFlags(!0) }
        RssViConfigCmd[32] { 12 with_flags RssViFlags(!0) }
        RssIndTblCmd[64] {
            8 with_niqid !0, 10 with_startidx !0, 16 with_queues [RssQueues(!0); 11],
        }
        ClipCmd[32] { 8 with_ip_hi !0, 16 with_ip_lo !0 }
        LdstCmd[64] { 8 with_body [0xff; 56] }
        LdstAddrVal[8] { 0 with_addr !0, 4 with_val !0 }
        LdstIdCtxt[40] { 0 with_physid !0, 4 with_msg_ctxtflush !0, 8 with_ctxt_data [!0; 8] }
        LdstPcie[56] {
            0 with_ctrl_to_fn !0, 1 with_bnum !0, 2 with_r !0, 3 with_ext_r !0,
            4 with_select_naccess !0, 5 with_pcie_fn !0, 6 with_nset_pkd !0, 8 with_data [!0; 12],
        }
        DebugAssertCmd[48] {
            8 with_fcid !0, 12 with_line !0, 16 with_x !0, 20 with_y !0,
            24 with_filename [0xff; 16],
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
fn code_points_are_those_of_t4fw_interface_h() {
    codes_are! {
        Opcode { // enum fw_cmd_opcodes
            LDST 0x01, RESET 0x03, HELLO 0x04, BYE 0x05, INITIALIZE 0x06, CAPS_CONFIG 0x07,
            PARAMS 0x08, PFVF 0x09, IQ 0x10, EQ_ETH 0x12, EQ_CTRL 0x13, VI 0x14, VI_MAC 0x15,
            VI_RXMODE 0x16, VI_ENABLE 0x17, VI_STATS 0x1a, PORT 0x1b, RSS_IND_TBL 0x20,
            RSS_GLB_CONFIG 0x22, RSS_VI_CONFIG 0x23, CLIP 0x28, DEBUG 0x81,
        }
        Retval { // enum fw_retval
            SUCCESS 0, EPERM 1, ENOENT 2, EIO 5, ENOEXEC 8, EAGAIN 11, ENOMEM 12, EFAULT 14,
            EBUSY 16, EEXIST 17, ENODEV 19, EINVAL 22, ENOSPC 28, ENOSYS 38, ENODATA 61,
            EPROTO 71, EADDRINUSE 98, EADDRNOTAVAIL 99, ENETDOWN 100, ENETUNREACH 101,
            ENOBUFS 105, ETIMEDOUT 110, EINPROGRESS 115,
        }
        MemType { EDC0 0, EDC1 1, EXTMEM 2, FLASH 4, INTERNAL 5, EXTMEM1 6 } // enum fw_memtype
        LdstAddrspace { TP_PIO 0x10 } // enum fw_ldst_addrspc
        Mnem { DEV 1, PFVF 2, REG 3, DMAQ 4 } // enum fw_params_mnem
        DevParam { // enum fw_params_param_dev
            CCLK 0x00, PORTVEC 0x01, NTID 0x02, FWREV 0x0b, TPREV 0x0c, CF 0x0d,
            ULPTX_MEMWRITE_DSGL 0x17, FILTER2_WR 0x1d, OPAQUE_VIID_SMT_EXTN 0x27,
            HASHFILTER_WITH_OFLD 0x28, FILTER 0x2e, VI_ENABLE_INGRESS_AFTER_LINKUP 0x32,
        }
        PfvfParam { // enum fw_params_param_pfvf
            CLIP_START 0x03, CLIP_END 0x04, FILTER_START 0x05, FILTER_END 0x06, L2T_START 0x13,
            L2T_END 0x14, CPLFW4MSG_ENCAP 0x31, PORT_CAPS32 0x3a,
            MAX_PKTS_PER_ETH_TX_PKTS_WR 0x3d, GET_SMT_START 0x3e, GET_SMT_SIZE 0x3f,
        }
        DmaqParam { IQ_INTCNTTHRESH 0x01, CONM_CTXT 0x20 } // enum fw_params_param_dmaq
        FilterParam { VNIC_MODE 0, MODE_MASK 1 } // enum fw_params_param_dev_filter
        PortAction { L1_CFG32 0x0009, GET_PORT_INFO32 0x000a } // enum fw_port_action
        PortType { // enum fw_port_type
            FIBER_XFI 0, FIBER_XAUI 1, BT_SGMII 2, BT_XFI 3, BT_XAUI 4, KX4 5, CX4 6, KX 7, KR 8,
            SFP 9, BP_AP 10, BP4_AP 11, QSFP_10G 12, QSA 13, QSFP 14, BP40_BA 15, KR4_100G 16,
            CR4_QSFP 17, CR_QSFP 18, CR2_QSFP 19, SFP28 20, KR_SFP28 21, NONE 31,
        }
        ModuleType { // enum fw_port_module_type
            NA 0, LR 1, SR 2, ER 3, TWINAX_PASSIVE 4, TWINAX_ACTIVE 5, LRM 6, ERROR 28,
            UNKNOWN 29, NOTSUPPORTED 30, NONE 31,
        }
        LinkDownReason { // enum fw_port_link_dn_rc
            NONE 0, REMFLT 1, ANEG_F 2, RESERVED3 3, OVERHEAT 4, UNKNOWN 5, RX_LOS 6, RESERVED7 7,
        }
    }
}

#[test]
fn other_constants_are_those_of_t4fw_interface_h() {
    assert_eq!(Caps32::SPEED_100M_MASK, 0x0000_0001); // FW_PORT_CAP32_SPEED_100M
    assert_eq!(Caps32::SPEED_1G_MASK, 0x0000_0002); // FW_PORT_CAP32_SPEED_1G
    assert_eq!(Caps32::SPEED_10G_MASK, 0x0000_0004); // FW_PORT_CAP32_SPEED_10G
    assert_eq!(Caps32::SPEED_25G_MASK, 0x0000_0008); // FW_PORT_CAP32_SPEED_25G
    assert_eq!(Caps32::SPEED_40G_MASK, 0x0000_0010); // FW_PORT_CAP32_SPEED_40G
    assert_eq!(Caps32::SPEED_50G_MASK, 0x0000_0020); // FW_PORT_CAP32_SPEED_50G
    assert_eq!(Caps32::SPEED_100G_MASK, 0x0000_0040); // FW_PORT_CAP32_SPEED_100G
    assert_eq!(Caps32::FC_RX_MASK, 0x0001_0000); // FW_PORT_CAP32_FC_RX
    assert_eq!(Caps32::FC_TX_MASK, 0x0002_0000); // FW_PORT_CAP32_FC_TX
    assert_eq!(Caps32::PAUSE_MASK, 0x0004_0000); // FW_PORT_CAP32_802_3_PAUSE
    assert_eq!(Caps32::ASM_DIR_MASK, 0x0008_0000); // FW_PORT_CAP32_802_3_ASM_DIR
    assert_eq!(Caps32::ANEG_MASK, 0x0010_0000); // FW_PORT_CAP32_ANEG
    assert_eq!(Caps32::MDI_MASK, 3 << 21); // S_, M_FW_PORT_CAP32_MDI
    assert_eq!(Caps32::FEC_RS_MASK, 0x0080_0000); // FW_PORT_CAP32_FEC_RS
    assert_eq!(Caps32::FEC_BASER_RS_MASK, 0x0100_0000); // FW_PORT_CAP32_FEC_BASER_RS
    assert_eq!(Caps32::FEC_NO_FEC_MASK, 0x0200_0000); // FW_PORT_CAP32_FEC_NO_FEC
    assert_eq!(Caps32::FORCE_PAUSE_MASK, 0x1000_0000); // FW_PORT_CAP32_FORCE_PAUSE
    assert_eq!(Caps32::FORCE_FEC_MASK, 0x2000_0000); // FW_PORT_CAP32_FORCE_FEC
    assert_eq!(Caps32::MDI_AUTO, 1); // FW_PORT_CAP32_MDI_AUTO

    assert_eq!(NicCaps::HASHFILTER_MASK, 0x20); // FW_CAPS_CONFIG_NIC_HASHFILTER
    assert_eq!(NicCaps::ETHOFLD_MASK, 0x40); // FW_CAPS_CONFIG_NIC_ETHOFLD
    assert_eq!(HelloFlags::STAGE_OS, 0); // FW_HELLO_CMD_STAGE_OS
    assert_eq!(IqKind::FL_INT_CAP, 0); // FW_IQ_TYPE_FL_INT_CAP
    assert_eq!(IqKind::UPDATE_STATUS_PAGE, 2); // t4_regs_values.h X_UPDATEDELIVERY_STATUS_PAGE
    assert_eq!(FlContext::IQTYPE_NIC, 1); // FW_IQ_IQTYPE_NIC
    assert_eq!(FlContext::IQTYPE_OFLD, 2); // FW_IQ_IQTYPE_OFLD
    assert_eq!(eq::HOSTFCMODE_NONE, 0); // t4_regs_values.h X_HOSTFCMODE_NONE
    assert_eq!(eq::FBMIN_64B, 2); // X_FETCHBURSTMIN_64B
    assert_eq!(eq::FBMIN_128B, 3); // X_FETCHBURSTMIN_128B
    assert_eq!(eq::FBMAX_256B, 2); // X_FETCHBURSTMAX_256B
    assert_eq!(eq::FBMAX_512B, 3); // X_FETCHBURSTMAX_512B
    assert_eq!(MacEntryWord::ADD, 0x3ff); // FW_VI_MAC_ADD_MAC
    assert_eq!(MacEntryWord::ADD_PERSIST, 0x3fe); // FW_VI_MAC_ADD_PERSIST_MAC
    assert_eq!(MacEntryWord::FREE_BY_ID, 0x3fc); // FW_VI_MAC_ID_BASED_FREE
    assert_eq!(MacEntryWord::MPS_TCAM_ENTRY, 0); // FW_VI_MAC_MPS_TCAM_ENTRY
    assert_eq!(MacEntryWord::SMT_AND_MPSTCAM, 3); // FW_VI_MAC_SMT_AND_MPSTCAM
    assert_eq!(ViMacLo::FREEMACS_MASK, 1 << 31); // S_FW_VI_MAC_CMD_FREEMACS
    assert_eq!(ViMacLo::ENTRY_TYPE_MASK & 1 << 23, 1 << 23); // S_FW_VI_MAC_CMD_ENTRY_TYPE
    assert_eq!(ViMacLo::RAW, 2); // FW_VI_MAC_TYPE_RAW
    assert_eq!(ViStatsRange::NSTATS_MASK & 1 << 12, 1 << 12); // S_FW_VI_STATS_CMD_NSTATS
    assert_eq!(EqIdWord::CMPLIQID_MASK & 1 << 20, 1 << 20); // S_FW_EQ_CTRL_CMD_CMPLIQID
    assert_eq!(RssMode::BASICVIRTUAL, 1); // FW_RSS_GLB_CONFIG_CMD_MODE_BASICVIRTUAL
    assert_eq!((TIMEOUT_MS, HELLO_TIMEOUT_MS, HELLO_RETRIES), (10_000, 30_000, 3)); // FW_CMD_*
    let header = Header::default().with_hi(Hi(!0)).with_lo(Lo(!0));
    assert_eq!((header.len(), Header::SIZE), (255 * 16, 8)); // struct fw_cmd_hdr
    assert_eq!(Hi(!0).function(), (7, 255)); // M_FW_PARAMS_CMD_PFN, _VFN
    assert_eq!(Hi(!0).viid(), Viid(0xfff)); // M_FW_VI_MAC_CMD_VIID
    assert_eq!(Hi(!0).port().0, 15); // M_FW_PORT_CMD_PORTID
    assert_eq!(Hi(!0).addrspace().0, 0xff); // M_FW_LDST_CMD_ADDRSPACE
}
