//! Bytes of the commands about queues, virtual interfaces and RSS, written by hand from the layout of
//! `t4fw_interface.h`.

use mafo_t4::fw::{
    Access, Command, EqContext, EqCtrlCmd, EqEthAuto, EqEthCmd, EqEthTimer, EqFetch, EqIdWord,
    EqOfldCmd, FlContext, FlFetch, IqCmd, IqContext, IqKind, MacEntry, MacEntryWord, NO_FREELIST,
    PhysEqIdWord, RssGlbConfigCmd, RssGlbFlags, RssIndTblCmd, RssMode, RssViConfigCmd, RssViFlags,
    RxMode, ViCmd, ViEnableCmd, ViIdWord, ViMacCmd, ViMacHashCmd, ViMacLo, ViRss, ViRxModeCmd,
    Viid, eq,
};
use mafo_t4::{Iova, IqId, PortId};

/// Function 4, valid, number 4.
const VIID: Viid = Viid(0x484);
const MAC: [u8; 6] = [0x00, 0x07, 0x43, 0x01, 0x02, 0x03];

#[test]
fn an_ingress_queue_with_a_freelist_is_allocated() {
    let bytes = [
        0x10, 0xb0, 0x04, 0x00, // OPCODE 0x10, REQUEST b23, WRITE b21, EXEC b20, PFN 10:8 = 4
        0x90, 0x00, 0x00, 0x04, // ALLOC b31, IQSTART b28, LEN16 4
        0x00, 0x11, 0x00, 0x12, // 8: physiqid; 10: iqid
        0x00, 0x13, 0xff, 0xff, // 12: fl0id; 14: fl1id: none
        0x14, 0x84, 0x90,
        0x05, // 16: TYPE 0, IQASYNCH b28, VIID 27:16, IQANDST b15, IQANUD 13:12 = 1, IQANDSTINDEX 5
        0x50, 0x2a, 0x04,
        0x00, // 20: IQGTSMODE b14, IQPCIECH 13:12 = 1, IQINTCNTTHRESH 5:4 = 2, IQO b3, IQESIZE 2; 22: iqsize
        0x00, 0x00, 0x00, 0x01, 0x23, 0x45, 0x60, 0x00, // 24: iqaddr
        0x4a, 0x30, 0x18,
        0x45, // 32: IQRO b30, IQFLINTCONGEN b27, IQTYPE 25:24 = 2, FL0CNGCHMAP 23:20 = 3,
        //                             FL0DATARO b12, FL0CONGCIF b11, FL0FETCHRO b6, FL0PADEN b2, FL0CONGEN b0
        0x01, 0xb0, 0x00,
        0x11, // 36: FBMIN 9:7 = 3, FBMAX 6:4 = 3; 38: fl0size: 16 units and the status page
        0x00, 0x00, 0x00, 0x01, 0x23, 0x45, 0xa0, 0x00, // 40: fl0addr
        0x00, 0xf0, 0x00, 0x02, // 48: FL1CNGCHMAP 23:20 = 0xf, FL1PACKEN b1
        0x80, 0x0d, 0x00,
        0x21, // 52: DCAEN b15, CIDXFTHRESHO b3, CIDXFTHRESH 2:0 = 5; 54: fl1size
        0x00, 0x00, 0x00, 0x01, 0x23, 0x45, 0xb0, 0x00, // 56: fl1addr
    ];
    let kind = IqKind::default()
        .with_type_(IqKind::FL_INT_CAP)
        .with_iqasynch(true)
        .with_vi(VIID)
        .with_iqandst(true)
        .with_iqanud(IqKind::UPDATE_INTERRUPT)
        .with_iqandstindex(5);
    let context = IqContext::default()
        .with_iqgtsmode(true)
        .with_iqpciech(1)
        .with_iqintcntthresh(2)
        .with_iqo(true)
        .with_entry_size(64);
    let fl0 = FlContext::default()
        .with_iqro(true)
        .with_iqflintcongen(true)
        .with_iqtype(FlContext::IQTYPE_OFLD)
        .with_cngchmap(3)
        .with_dataro(true)
        .with_congcif(true)
        .with_fetchro(true)
        .with_hostfcmode(eq::HOSTFCMODE_NONE)
        .with_paden(true)
        .with_congen(true);
    let command = IqCmd::alloc_start()
        .of_function(4, 0)
        .with_physiqid(0x11)
        .with_iqid(0x12)
        .with_fl0id(0x13)
        .with_fl1id(NO_FREELIST)
        .with_kind(kind)
        .with_context(context)
        .with_iqsize(1024)
        .with_iqaddr(Iova(0x1_2345_6000))
        .with_fl0(fl0)
        .with_fl0_fetch(FlFetch::default().with_fbmin(3).with_fbmax(3))
        .with_fl0size(17)
        .with_fl0addr(Iova(0x1_2345_a000))
        .with_fl1(FlContext::default().with_cngchmap(0xf).with_packen(true))
        .with_fl1_fetch(
            FlFetch::default().with_dcaen(true).with_cidxfthresho(true).with_cidxfthresh(5),
        )
        .with_fl1size(33)
        .with_fl1addr(Iova(0x1_2345_b000));
    assert_eq!(command.as_bytes(), bytes);
    let read = IqCmd::matching(&bytes).unwrap();
    assert!(read.lo().alloc() && read.lo().start() && !read.lo().stop());
    assert_eq!((read.context().entry_size(), read.iqsize()), (64, 1024));
    assert_eq!((read.iqaddr(), read.fl0addr()), (Iova(0x1_2345_6000), Iova(0x1_2345_a000)));
    assert!(read.kind().iqasynch() && !read.kind().iqanus());
}

#[test]
fn an_ingress_queue_is_stopped_and_freed() {
    let mut bytes = [0; 64];
    bytes[..16].copy_from_slice(&[
        0x10, 0x90, 0x04, 0x00, // OPCODE 0x10, REQUEST, EXEC, PFN 4
        0x08, 0x00, 0x00, 0x04, // IQSTOP b27, LEN16 4
        0x00, 0x00, 0x00, 0x12, // 8: physiqid; 10: iqid
        0x00, 0x13, 0xff, 0xff, // 12: fl0id; 14: fl1id: none
    ]);
    assert_eq!(IqCmd::stop(0x12).of_function(4, 0).with_fl0id(0x13).as_bytes(), bytes);
    bytes[4] = 0x40; // FREE b30
    assert_eq!(IqCmd::free(0x12).of_function(4, 0).with_fl0id(0x13).as_bytes(), bytes);
    bytes[4] = 0x10; // IQSTART b28
    bytes[12..14].copy_from_slice(&[0xff, 0xff]); // fl0id: none
    assert_eq!(IqCmd::start(0x12).of_function(4, 0).as_bytes(), bytes);
}

#[test]
fn an_ethernet_queue_is_allocated() {
    let bytes = [
        0x12, 0xb0, 0x04, 0x00, // OPCODE 0x12, REQUEST, WRITE, EXEC, PFN 4
        0x90, 0x00, 0x00, 0x03, // ALLOC b31, EQSTART b28, LEN16 3
        0x00, 0x00, 0x00, 0x31, // 8: EQID 19:0
        0x00, 0x00, 0x04, 0x31, // 12: PHYSEQID 19:0
        0x00, 0x61, 0x00,
        0x12, // 16: FETCHRO b22, HOSTFCMODE 21:20 = 2, PCIECHN 17:16 = 1, IQID 15:0
        0x01, 0x35, 0x00,
        0x41, // 20: FBMIN 25:23 = 2, FBMAX 22:20 = 3, CIDXFTHRESH 18:16 = 5, EQSIZE 65
        0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x10, 0x00, // 24: eqaddr
        0x44, 0x84, 0x00, 0x00, // 32: AUTOEQUEQE b30, VIID 27:16
        0x00, 0x00, 0x00, 0x0a, // 36: TIMEREN b3, TIMERIX 2:0 = 2
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, //
    ];
    let command = EqEthCmd::alloc_start()
        .of_function(4, 0)
        .with_eqid(EqIdWord::default().with_eqid(0x31))
        .with_physeqid(PhysEqIdWord::default().with_physeqid(0x431))
        .with_context(
            EqContext::default()
                .with_fetchro(true)
                .with_hostfcmode(eq::HOSTFCMODE_STATUS_PAGE)
                .with_pciechn(1)
                .with_iqid(0x12),
        )
        .with_fetch(
            EqFetch::default()
                .with_fbmin(eq::FBMIN_64B)
                .with_fbmax(eq::FBMAX_512B)
                .with_cidxfthresh(eq::CIDXFTHRESH_32)
                .with_eqsize(65),
        )
        .with_eqaddr(Iova(0x2_0000_1000))
        .with_auto(EqEthAuto::default().with_autoequeqe(true).with_viid(u32::from(VIID.0)))
        .with_timer(EqEthTimer::default().with_timeren(true).with_timerix(2));
    assert_eq!(command.as_bytes(), bytes);
    assert_eq!(EqEthCmd::matching(&bytes), Some(&command));
}

#[test]
fn a_control_queue_is_allocated() {
    let bytes = [
        0x13, 0xb0, 0x04, 0x00, // OPCODE 0x13, REQUEST, WRITE, EXEC, PFN 4
        0x90, 0x00, 0x00, 0x02, // ALLOC, EQSTART, LEN16 2
        0x01, 0x20, 0x00, 0x00, // 8: CMPLIQID 31:20 = 0x12
        0x00, 0x00, 0x00, 0x00, // 12: PHYSEQID
        0x07, 0xbf, 0x00,
        0x12, // 16: FETCHSZM b26, STATUSPGNS b25, STATUSPGRO b24, FETCHNS b23, HOSTFCMODE 3,
        //                             CPRIO b19, ONCHIP b18, PCIECHN 3, IQID
        0xff, 0xc8, 0x00,
        0x11, // 20: DCAEN b31, DCACPU 30:26 = 0x1f, FBMIN 25:23 = 7, FBMAX 4, CIDXFTHRESHO b19, EQSIZE 17
        0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x20, 0x00, // 24: eqaddr
    ];
    let command = EqCtrlCmd::alloc_start()
        .of_function(4, 0)
        .with_eqid(EqIdWord::default().with_cmpliqid(0x12))
        .with_context(
            EqContext::default()
                .with_fetchszm(true)
                .with_statuspgns(true)
                .with_statuspgro(true)
                .with_fetchns(true)
                .with_hostfcmode(eq::HOSTFCMODE_BOTH)
                .with_cprio(true)
                .with_onchip(true)
                .with_pciechn(3)
                .with_iqid(0x12),
        )
        .with_fetch(
            EqFetch::default()
                .with_dcaen(true)
                .with_dcacpu(0x1f)
                .with_fbmin(7)
                .with_fbmax(4)
                .with_cidxfthresho(true)
                .with_eqsize(17),
        )
        .with_eqaddr(Iova(0x2_0000_2000));
    assert_eq!(command.as_bytes(), bytes);
    assert_eq!(EqCtrlCmd::matching(&bytes), Some(&command));
}

#[test]
fn an_offload_queue_is_freed() {
    let mut bytes = [0; 32];
    bytes[..12].copy_from_slice(&[
        0x21, 0x90, 0x04, 0x00, // OPCODE 0x21, REQUEST, EXEC, PFN 4
        0x40, 0x00, 0x00, 0x02, // FREE b30, LEN16 2
        0x00, 0x01, 0x00, 0x31, // 8: EQID 19:0
    ]);
    assert_eq!(EqOfldCmd::free(0x1_0031).of_function(4, 0).as_bytes(), bytes);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&[
        0x21, 0xb0, 0x04, 0x00, // OPCODE 0x21, REQUEST, WRITE, EXEC, PFN 4
        0x90, 0x00, 0x00, 0x02, // ALLOC b31, EQSTART b28, LEN16 2
    ]);
    assert_eq!(EqOfldCmd::alloc_start().of_function(4, 0).as_bytes(), bytes);
}

#[test]
fn an_interface_is_allocated() {
    let mut bytes = [0; 64];
    bytes[..18].copy_from_slice(&[
        0x14, 0xb0, 0x04, 0x00, // OPCODE 0x14, REQUEST, WRITE, EXEC, PFN 4
        0x80, 0x00, 0x00, 0x04, // ALLOC b31, LEN16 4
        0x00, 0x00, // 8: type_viid
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, // 10: mac
        0x20, 0x01, // 16: PORTID 7:4 = 2; 17: nmac beside the first
    ]);
    assert_eq!(ViCmd::alloc(4, PortId(2), 2).as_bytes(), bytes);
}

#[test]
fn an_interface_is_answered() {
    let bytes = [
        0x14, 0x00, 0x04, 0x00, // OPCODE 0x14, PFN 4
        0x81, 0x05, 0x00, 0x04, // ALLOC b31, VFVLD b24, VIN 23:16 = 5, LEN16 4
        0x94, 0x84, // 8: TYPE b15, FUNC 14:12 = 1, VIID 11:0
        0x00, 0x07, 0x43, 0x01, 0x02, 0x03, // 10: mac
        0x20, 0x01, // 16: PORTID 2; 17: nmac
        0x00, 0x07, 0x43, 0x01, 0x02, 0x04, // 18: nmac0
        0x08, 0x80, // 24: NORSS b11, RSSSIZE 10:0 = 128
        0x00, 0x07, 0x43, 0x01, 0x02, 0x05, // 26: nmac1
        0x00, 0x0a, // 32: idsiiq
        0x00, 0x07, 0x43, 0x01, 0x02, 0x06, // 34: nmac2
        0x00, 0x0b, // 40: idseiq
        0x00, 0x07, 0x43, 0x01, 0x02, 0x07, // 42: nmac3
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, //
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, //
    ];
    let read = ViCmd::matching(&bytes).unwrap();
    assert_eq!((read.lo().alloc(), read.lo().vfvld(), read.lo().vin()), (true, true, 5));
    assert_eq!((read.type_viid().type_(), read.type_viid().func()), (true, 1));
    assert_eq!(read.viid(), VIID);
    assert_eq!((read.viid().pfn(), read.viid().vivld(), read.viid().vin()), (4, true, 4));
    assert_eq!(read.mac(), MAC);
    assert_eq!((read.portid().portid(), read.nmac()), (2, 1));
    assert_eq!((read.rss().norss(), read.rss().rsssize()), (true, 128));
    let last_bytes = [read.nmac0()[5], read.nmac1()[5], read.nmac2()[5], read.nmac3()[5]];
    assert_eq!(last_bytes, [4, 5, 6, 7]);
    assert_eq!((read.idsiiq(), read.idseiq()), (10, 11));

    let built = ViCmd::default()
        .with_hi(read.hi())
        .with_lo(read.lo())
        .with_type_viid(ViIdWord::default().with_type_(true).with_func(1).with_viid(VIID.0))
        .with_mac(MAC)
        .with_portid(read.portid())
        .with_nmac(1)
        .with_nmac0([0, 7, 0x43, 1, 2, 4])
        .with_rss(ViRss::default().with_norss(true).with_rsssize(128))
        .with_nmac1([0, 7, 0x43, 1, 2, 5])
        .with_idsiiq(10)
        .with_nmac2([0, 7, 0x43, 1, 2, 6])
        .with_idseiq(11)
        .with_nmac3([0, 7, 0x43, 1, 2, 7]);
    assert_eq!(built.as_bytes(), bytes);
}

#[test]
fn an_interface_is_freed() {
    let mut bytes = [0; 64];
    bytes[..10].copy_from_slice(&[
        0x14, 0x90, 0x04, 0x00, // OPCODE 0x14, REQUEST, EXEC, PFN 4
        0x40, 0x00, 0x00, 0x04, // FREE b30, LEN16 4
        0x04, 0x84, // 8: VIID 11:0
    ]);
    assert_eq!(ViCmd::free(4, VIID).as_bytes(), bytes);
}

#[test]
fn a_mac_address_is_added() {
    let mut bytes = [0; 64];
    bytes[..16].copy_from_slice(&[
        0x15, 0xa0, 0x04, 0x84, // OPCODE 0x15, REQUEST, WRITE, VIID 11:0
        0x00, 0x00, 0x00, 0x01, // LEN16 1: one entry
        0x8f, 0xff, // 8: VALID b15, SMAC_RESULT 11:10 = 3, IDX 9:0 = 0x3ff (add)
        0x00, 0x07, 0x43, 0x01, 0x02, 0x03, // 10: the address
    ]);
    let entry = MacEntry::new(MacEntryWord::ADD, MacEntryWord::SMT_AND_MPSTCAM, MAC);
    let command = ViMacCmd::write(VIID, &[entry]);
    assert_eq!(command.as_bytes(), bytes);
    assert_eq!(ViMacCmd::read(&bytes[..16]), Some(command));
    assert_eq!(command.entries(), [entry]);
    assert_eq!(command.header().hi().viid(), VIID);
    assert_eq!(ViMacCmd::read(&bytes[..8]), None);
}

#[test]
fn two_mac_addresses_are_freed() {
    let mut bytes = [0; 64];
    bytes[..24].copy_from_slice(&[
        0x15, 0xa0, 0x04, 0x84, // OPCODE 0x15, REQUEST, WRITE, VIID
        0x80, 0x00, 0x00, 0x02, // FREEMACS b31, LEN16 2: two entries and a half
        0x83, 0xfd, 0x00, 0x07, 0x43, 0x01, 0x02,
        0x03, // 8: VALID, IDX 0x3fd (free by address)
        0xd5, 0x23, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, // 16: VALID, PRIO 14:12 = 5, SMAC_RESULT 1, IDX 0x123
    ]);
    let second = MacEntry::new(0x123, MacEntryWord::MPS_TCAM_ONLY, [0; 6]);
    let second = second.with_word(second.word().with_prio(5));
    let first = MacEntry::new(MacEntryWord::FREE_BY_MAC, MacEntryWord::MPS_TCAM_ENTRY, MAC);
    let command = ViMacCmd::write(VIID, &[first, second]);
    let command = command.with_lo(command.lo().with_freemacs(true));
    assert_eq!(command.as_bytes(), bytes);
    // The length has room for a third entry; it is not valid.
    assert_eq!(command.entries().len(), 3);
    assert!(!command.entries()[2].word().valid());
}

#[test]
fn mac_entries_follow_the_length_and_never_exceed_the_structure() {
    let seven = ViMacCmd::write(VIID, &[MacEntry::default(); 7]);
    assert_eq!((seven.lo().len16(), seven.entries().len()), (4, 7));
    let mut command = seven.with_lo(ViMacLo::default().with_len16(255));
    assert_eq!((command.entries().len(), command.entries_mut().len()), (7, 7));
    assert_eq!(seven.with_lo(ViMacLo::default()).entries().len(), 0);
    assert_eq!(ViMacCmd::read(command.as_bytes()), None);
}

#[test]
fn inexact_addresses_are_hashed() {
    let bytes = [
        0x15, 0xa0, 0x04, 0x84, // OPCODE 0x15, REQUEST, WRITE, VIID
        0x00, 0xc0, 0x00,
        0x01, // HASHVECEN b23 (ENTRY_TYPE 25:23 = 1), HASHUNIEN b22, LEN16 1
        0x80, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, // 8: hashvec
    ];
    let command = ViMacHashCmd::write(VIID, true, 0x8000_0000_0000_0005);
    assert_eq!(command.as_bytes(), bytes);
    assert_eq!(ViMacHashCmd::matching(&bytes).unwrap().lo().entry_type(), ViMacLo::HASH);
}

#[test]
fn receive_mode_is_set() {
    let bytes = [
        0x16, 0xa0, 0x04, 0x84, // OPCODE 0x16, REQUEST, WRITE, VIID
        0x00, 0x00, 0x00, 0x01, // LEN16 1
        0x05, 0xdc, 0x77,
        0x00, // 8: MTU 31:16 = 1500, PROMISC 15:14 = 1, ALLMULTI 13:12 = 3, BCAST 11:10 = 1, VLANEX 9:8 = 3
        0x00, 0x00, 0x00, 0x00, //
    ];
    let mode = RxMode::UNCHANGED.with_mtu(1500).with_promiscen(1).with_broadcasten(1);
    let command = ViRxModeCmd::request(Access::Write).of_vi(VIID).with_mode(mode);
    assert_eq!(command.as_bytes(), bytes);
    assert_eq!(ViRxModeCmd::matching(&bytes).unwrap().mode(), mode);
    assert_eq!(RxMode::UNCHANGED.0, 0xffff_ff00);
}

#[test]
fn an_interface_is_enabled() {
    let mut bytes = [
        0x17, 0x90, 0x04, 0x84, // OPCODE 0x17, REQUEST, EXEC, VIID
        0xc0, 0x00, 0x00, 0x01, // IEN b31, EEN b30, LEN16 1
        0x00, 0x00, 0x00, 0x00, // 8: blinkdur
        0x00, 0x00, 0x00, 0x00, //
    ];
    let command = ViEnableCmd::directions(VIID, true, true);
    assert_eq!(command.as_bytes(), bytes);
    bytes[4] = 0x70; // EEN b30, LED b29, DCB_INFO b28
    bytes[9] = 0x05; // blinkdur
    let command = ViEnableCmd::directions(VIID, false, true).with_blinkdur(5);
    let command = command.with_lo(command.lo().with_led(true).with_dcb_info(true));
    assert_eq!(command.as_bytes(), bytes);
}

#[test]
fn rss_of_the_card_is_set() {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(&[
        0x22, 0xa0, 0x00, 0x00, // OPCODE 0x22, REQUEST, WRITE
        0x00, 0x00, 0x00, 0x02, // LEN16 2
        0x10, 0x00, 0x00, 0x00, // 8: MODE 31:28 = 1 (basic virtual)
        0x00, 0x00, 0x01,
        0x2f, // 12: SYNMAPEN b8, SYN4TUPENIPV4 b5, OFDMAPEN b3, TNLMAPEN b2, TNLALLLKP b1, HASHTOEPLITZ b0
    ]);
    let flags = RssGlbFlags::default()
        .with_synmapen(true)
        .with_syn4tupenipv4(true)
        .with_ofdmapen(true)
        .with_tnlmapen(true)
        .with_tnlalllkp(true)
        .with_hashtoeplitz(true);
    let command = RssGlbConfigCmd::request(Access::Write)
        .with_mode(RssMode::default().with_mode(RssMode::BASICVIRTUAL))
        .with_flags(flags);
    assert_eq!(command.as_bytes(), bytes);
    let other = flags.with_syn4tupenipv6(true).with_syn2tupenipv6(true).with_syn2tupenipv4(true);
    assert_eq!(other.0 ^ flags.0, 0xd0); // b7, b6, b4
}

#[test]
fn rss_of_an_interface_is_set() {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(&[
        0x23, 0xa0, 0x04, 0x84, // OPCODE 0x23, REQUEST, WRITE, VIID
        0x00, 0x00, 0x00, 0x02, // LEN16 2
        0x00, 0x00, 0x00, 0x00, // 8:
        0x00, 0x12, 0x00,
        0x15, // 12: DEFAULTQ 25:16 = 0x12, IP6FOURTUP b4, IP4FOURTUP b2, UDP b0
    ]);
    let flags = RssViFlags::default()
        .with_defaultq(0x12)
        .with_ip6fourtupen(true)
        .with_ip4fourtupen(true)
        .with_udpen(true);
    let command = RssViConfigCmd::request(Access::Write).of_vi(VIID).with_flags(flags);
    assert_eq!(command.as_bytes(), bytes);
    let other = flags.with_ip6twotupen(true).with_ip4twotupen(true);
    assert_eq!(other.0 ^ flags.0, 0x0a); // b3, b1
}

#[test]
fn the_indirection_table_is_written() {
    let mut bytes = [0; 64];
    bytes[..24].copy_from_slice(&[
        0x20, 0xa0, 0x04, 0x84, // OPCODE 0x20, REQUEST, WRITE, VIID
        0x00, 0x00, 0x00, 0x04, // LEN16 4
        0x00, 0x04, 0x00, 0x20, // 8: niqid 4; 10: startidx 0x20
        0x00, 0x00, 0x00, 0x00, //
        0x01, 0x10, 0x48, 0x13, // 16: 0x11 in 29:20, 0x12 in 19:10, 0x13 in 9:0
        0x3f, 0xf0, 0x00, 0x00, // 20: 0x3ff in 29:20
    ]);
    let queues = [IqId(0x11), IqId(0x12), IqId(0x13), IqId(0x3ff)];
    let command = RssIndTblCmd::write(VIID, 0x20, &queues);
    assert_eq!(command.as_bytes(), bytes);
    assert!(RssIndTblCmd::matching(&bytes).unwrap().iter().eq(queues));
}

#[test]
fn the_indirection_table_takes_32_queues_a_command() {
    let queues: Vec<IqId> = (0..32).map(IqId).collect();
    let command = RssIndTblCmd::write(VIID, 0, &queues);
    assert!(command.iter().eq(queues.iter().copied()));
    // 56: queues 30 (0x1e) and 31 (0x1f) in the word of two
    assert_eq!(command.as_bytes()[56..], [0x01, 0xe0, 0x7c, 0x00, 0, 0, 0, 0]);
    // A count beyond the structure reads what is there.
    assert_eq!(command.with_niqid(u16::MAX).iter().count(), 32);
}
