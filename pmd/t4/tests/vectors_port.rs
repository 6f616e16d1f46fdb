//! Bytes of the port and statistics commands, written by hand from the layout of `t4fw_interface.h`.

use mafo_t4::PortId;
use mafo_t4::fw::{
    Access, AuxWord32, Caps16, Caps32, Command, LbStatsFirst, LinkDownReason, LinkState,
    LinkWord32, ModuleType, PortAction, PortCmd, PortInfo32Cmd, PortInfoCmd, PortL1Cfg32Cmd,
    PortL1CfgCmd, PortLbStatsCmd, PortStatsCmd, PortStatsFirst, PortType, StatsCount, ViStatsCmd,
    ViStatsRange, Viid,
};

#[test]
fn port_state_is_asked_for() {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&[
        0x1b, 0xc0, 0x00, 0x02, // OPCODE 0x1b, REQUEST, READ, PORTID 3:0 = 2
        0x00, 0x03, 0x00, 0x02, // ACTION 31:16 = 3 (GET_PORT_INFO), LEN16 2
    ]);
    let request = PortInfoCmd::to(Access::Read, PortId(2));
    assert_eq!(request.as_bytes(), bytes);
    assert_eq!(PortCmd::matching(&bytes).unwrap().action(), PortAction::GET_PORT_INFO);
    assert_eq!(PortInfoCmd::of_action(&bytes), Some(&request));
    assert_eq!(PortL1CfgCmd::of_action(&bytes), None);
}

/// A link that is up: 10 Gb/s, both pauses, SFP+ with a short range module.
const UP: [u8; 32] = [
    0x1b, 0x00, 0x00, 0x02, // OPCODE 0x1b, PORTID 2
    0x00, 0x03, 0x00, 0x02, // ACTION 3, RETVAL 0, LEN16 2
    0x88, 0xc0, 0x09,
    0x02, // 8: LSTATUS b31, LSPEED 29:24 = 8 (10G), TXPAUSE b23, RXPAUSE b22, PTYPE 12:8 = 9, MODTYPE 2
    0x01, 0xca, // 12: pcap: ANEG 0x100, FC_TX 0x80, FC_RX 0x40, 10G 8, 1G 2
    0x01, 0x08, // 14: acap: ANEG, 10G
    0x05, 0xdc, // 16: mtu 1500
    0x00, 0x00, 0x00, 0x00, // 18: cbllen; 19: auxlinfo; 20: dcbxdis; 21:
    0x00, 0x48, // 22: lpacap: FC_RX, 10G
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, //
];

fn up() -> LinkState {
    let ten = Caps32::default().with_speed_10g(true);
    LinkState {
        up: true,
        down_reason: LinkDownReason::NONE,
        link: ten.with_fc_tx(true).with_fc_rx(true),
        port_caps: ten.with_speed_1g(true).with_fc_tx(true).with_fc_rx(true).with_aneg(true),
        advertised: ten.with_aneg(true),
        partner: ten.with_fc_rx(true),
        port_type: PortType::SFP,
        module: ModuleType::SR,
        mtu: 1500,
    }
}

#[test]
fn a_link_is_up() {
    let read = PortInfoCmd::of_action(&UP).unwrap();
    assert_eq!(read.state(), up());
    assert_eq!(read.state().link.speed_mbps(), 10_000);
    let mut bytes = UP;
    bytes[1] = 0xc0; // REQUEST, READ
    let built = PortInfoCmd::to(Access::Read, PortId(2)).with_state(&up());
    assert_eq!(built.as_bytes(), bytes);
}

#[test]
fn a_link_goes_down() {
    let mut bytes = UP;
    bytes[8..12].copy_from_slice(&[0x00, 0x00, 0x09, 0xc2]); // LSTATUS 0, PTYPE 9, LINKDNRC 7:5 = 6, MODTYPE 2
    let state = PortInfoCmd::of_action(&bytes).unwrap().state();
    assert!(!state.up);
    assert_eq!(state.down_reason, LinkDownReason::RX_LOS);
    assert_eq!((state.link, state.link.speed_mbps()), (Caps32(0), 0));
    bytes[1] = 0xc0; // REQUEST, READ
    let built = PortInfoCmd::to(Access::Read, PortId(2)).with_state(&state);
    assert_eq!(built.as_bytes(), bytes);
}

#[test]
fn the_rest_of_the_port_information_has_its_place() {
    let mut bytes = UP;
    bytes[8..12].copy_from_slice(&[0x80, 0x25, 0xc0, 0x1f]); // LSTATUS, MDIOCAP b21, MDIOADDR 20:16 = 5, LPTXPAUSE b15, LPRXPAUSE b14, MODTYPE 31
    bytes[18..22].copy_from_slice(&[0x03, 0x04, 0x80, 0x00]); // cbllen, auxlinfo, DCBXDIS b7
    let read = PortInfoCmd::of_action(&bytes).unwrap();
    let word = read.link();
    assert!(word.mdiocap() && word.lptxpause() && word.lprxpause());
    assert_eq!((word.mdioaddr(), word.ptype(), word.modtype()), (5, 0, 31));
    assert_eq!((read.cbllen(), read.auxlinfo(), read.dcbxdis_pkd()), (3, 4, 0x80));
    // What the state does not cover stays.
    assert_eq!(read.with_state(&read.state()).as_bytes(), bytes);
}

#[test]
fn a_link_is_started() {
    let mut bytes = [0; 32];
    bytes[..12].copy_from_slice(&[
        0x1b, 0x90, 0x00, 0x01, // OPCODE 0x1b, REQUEST, EXEC, PORTID 1
        0x00, 0x01, 0x00, 0x02, // ACTION 1 (L1_CFG), LEN16 2
        0x00, 0x00, 0x03, 0xc8, // 8: rcap: MDI 10:9 = 1, ANEG b8, FC_TX b7, FC_RX b6, 10G b3
    ]);
    let rcap = Caps16::default()
        .with_mdi(1)
        .with_aneg(true)
        .with_fc_tx(true)
        .with_fc_rx(true)
        .with_speed_10g(true);
    let command = PortL1CfgCmd::to(Access::Exec, PortId(1)).with_rcap(rcap);
    assert_eq!(command.as_bytes(), bytes);
    assert_eq!(PortL1CfgCmd::of_action(&bytes).unwrap().rcap(), rcap);

    bytes[4..12].copy_from_slice(&[
        0x00, 0x09, 0x00, 0x02, // ACTION 9 (L1_CFG32), LEN16 2
        0x00, 0x33, 0x00,
        0x04, // 8: rcap32: MDI 22:21 = 1, ANEG b20, FC_TX b17, FC_RX b16, 10G b2
    ]);
    let command = PortL1Cfg32Cmd::to(Access::Exec, PortId(1)).with_rcap32(rcap.widen());
    assert_eq!(command.as_bytes(), bytes);
    assert_eq!(rcap.widen().mdi(), Caps32::MDI_AUTO);
    assert_eq!(rcap.widen().narrow(), rcap);
}

#[test]
fn a_link_is_up_in_32_bits() {
    let bytes = [
        0x1b, 0x00, 0x00, 0x00, // OPCODE 0x1b, PORTID 0
        0x00, 0x0a, 0x00, 0x02, // ACTION 10 (GET_PORT_INFO32), LEN16 2
        0x84, 0x21, 0xc5,
        0x03, // 8: LSTATUS b31, MDIOCAP b26, MDIOADDR 25:21 = 1, PORTTYPE 20:13 = 14, MODTYPE 12:8 = 5, CBLLEN 3
        0x01, 0x00, 0x23, 0x28, // 12: AUXLINFO 31:24 = 1, MTU 15:0 = 9000
        0x00, 0x03, 0x00, 0x10, // 16: linkattr32: FC_TX b17, FC_RX b16, 40G b4
        0x00, 0x13, 0x00, 0x16, // 20: pcaps32: ANEG b20, FC, 40G b4, 10G b2, 1G b1
        0x00, 0x10, 0x00, 0x10, // 24: acaps32: ANEG, 40G
        0x00, 0x00, 0x00, 0x10, // 28: lpacaps32: 40G
    ];
    let forty = Caps32::default().with_speed_40g(true);
    let state = LinkState {
        up: true,
        down_reason: LinkDownReason::NONE,
        link: forty.with_fc_tx(true).with_fc_rx(true),
        port_caps: forty
            .with_speed_10g(true)
            .with_speed_1g(true)
            .with_fc_tx(true)
            .with_fc_rx(true)
            .with_aneg(true),
        advertised: forty.with_aneg(true),
        partner: forty,
        port_type: PortType::QSFP,
        module: ModuleType::TWINAX_ACTIVE,
        mtu: 9000,
    };
    let read = PortInfo32Cmd::of_action(&bytes).unwrap();
    assert_eq!(read.state(), state);
    let built = PortInfo32Cmd::default()
        .with_hi(read.hi())
        .with_lo(read.lo())
        .with_link(LinkWord32::default().with_mdiocap32(true).with_mdioaddr32(1).with_cbllen32(3))
        .with_aux(AuxWord32::default().with_auxlinfo32(1))
        .with_state(&state);
    assert_eq!(built.as_bytes(), bytes);
}

#[test]
fn a_link_is_down_in_32_bits() {
    let word = LinkWord32(0x1000_0000); // LINKDNRC 30:28 = 1
    let state = PortInfo32Cmd::default().with_link(word).state();
    assert_eq!((state.up, state.down_reason), (false, LinkDownReason::REMFLT));
}

#[test]
fn speeds_are_one_hot() {
    let caps16 = [
        (0x01, 100),
        (0x02, 1_000),
        (0x04, 25_000),
        (0x08, 10_000),
        (0x10, 40_000),
        (0x20, 100_000),
    ];
    for (bit, mbps) in caps16 {
        assert_eq!(Caps16(bit).speed_mbps(), mbps, "16-bit {bit:#x}");
        let state = LinkState { link: Caps16(bit).widen(), ..up() };
        assert_eq!(PortInfoCmd::default().with_state(&state).state(), state, "16-bit {bit:#x}");
    }
    let caps32 = [
        (0x01, 100),
        (0x02, 1_000),
        (0x04, 10_000),
        (0x08, 25_000),
        (0x10, 40_000),
        (0x20, 50_000),
        (0x40, 100_000),
    ];
    for (bit, mbps) in caps32 {
        assert_eq!(Caps32(bit).speed_mbps(), mbps, "32-bit {bit:#x}");
    }
    // 50 Gb/s has no 16-bit code.
    assert_eq!(Caps32(0x20).narrow(), Caps16(0));
    assert_eq!(Caps32(0x16).speed_mbps(), 40_000);
}

#[test]
fn every_16_bit_capability_survives_in_32_bits() {
    for bit in 0..16 {
        let caps = Caps16(1 << bit);
        assert_eq!(caps.widen().narrow(), caps, "bit {bit}");
    }
}

#[test]
fn counters_of_a_port_are_read() {
    let mut bytes = [0; 64];
    bytes[..24].copy_from_slice(&[
        0x1c, 0xc0, 0x00, 0x03, // OPCODE 0x1c, REQUEST, READ, PORTID 3
        0x00, 0x00, 0x00, 0x04, // LEN16 4
        0x62, 0x93, 0x00, 0x00, // 8: NSTATS 6:4 = 6, BG_BM 1:0 = 2; 9: TX b7, IX 5:0 = 0x13
        0x00, 0x00, 0x00, 0x00, //
        0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, // 16: stat0
    ]);
    let command = PortStatsCmd::request(Access::Read)
        .of_port(PortId(3))
        .with_count(StatsCount::default().with_nstats(6).with_bg_bm(2))
        .with_first(PortStatsFirst::default().with_tx(true).with_ix(0x13))
        .with_stat([0x0102_0304_0506_0708, 0, 0, 0, 0, 0]);
    assert_eq!(command.as_bytes(), bytes);

    bytes[..12].copy_from_slice(&[
        0x1d, 0xc0, 0x00, 0x03, // OPCODE 0x1d, REQUEST, READ, LBPORT 3
        0x00, 0x00, 0x00, 0x04, // LEN16 4
        0x10, 0x0d, 0x00, 0x00, // 8: NSTATS 1; 9: IX 3:0 = 13
    ]);
    let command = PortLbStatsCmd::request(Access::Read)
        .of_port(PortId(3))
        .with_count(StatsCount::default().with_nstats(1))
        .with_first(LbStatsFirst::default().with_ix(13))
        .with_stat([0x0102_0304_0506_0708, 0, 0, 0, 0, 0]);
    assert_eq!(command.as_bytes(), bytes);
}

#[test]
fn counters_of_an_interface_are_read() {
    let mut bytes = [0; 64];
    bytes[..10].copy_from_slice(&[
        0x1a, 0xc0, 0x04, 0x84, // OPCODE 0x1a, REQUEST, READ, VIID
        0x00, 0x00, 0x00, 0x04, // LEN16 4
        0x50, 0x10, // 8: NSTATS 14:12 = 5, IX 4:0 = 0x10
    ]);
    let command = ViStatsCmd::request(Access::Read)
        .of_vi(Viid(0x484))
        .with_range(ViStatsRange::default().with_nstats(5).with_ix(0x10));
    assert_eq!(command.as_bytes(), bytes);
}
