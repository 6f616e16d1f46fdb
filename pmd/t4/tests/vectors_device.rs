//! Bytes of the commands about the whole device, written by hand from the layout of `t4fw_interface.h`.
//!
//! Each vector is built with the API and read with it; a comment names every field of a line.

use mafo_t4::fw::{
    Access, ByeCmd, CapsConfigCmd, ClipCmd, Command, DebugAssertCmd, DebugType, DevParam,
    DevlogCmd, DevlogPlace, DmaqParam, FilterParam, Header, HelloCmd, HelloFlags, InitializeCmd,
    LdstAddrVal, LdstAddrspace, LdstCmd, LdstIdCtxt, LdstPcie, MemType, NicCaps, OfldCaps, Opcode,
    Param, ParamsCmd, PfvfCaps, PfvfCmd, PfvfEqs, PfvfIqs, PfvfParam, PfvfVis, ResetCmd,
    ResetFlags, Retval, SwitchCaps, Version, mailbox,
};
use mafo_t4::regs::pl::PL_RST;

#[test]
fn hello_asks_for_any_master() {
    let bytes = [
        0x04, 0xa0, 0x00, 0x00, // OPCODE 0x04, REQUEST b23, WRITE b21
        0x00, 0x00, 0x00, 0x01, // LEN16 1
        0x0f, 0x41, 0x00, 0x00, // MBMASTER 27:24 = 0xf, MBASYNCNOT 22:20 = 4, CLEARINIT b16
        0x00, 0x00, 0x00, 0x00, // firmware revision, in the reply
    ];
    let flags = HelloFlags::default()
        .with_mbmaster(HelloFlags::ANY_MASTER)
        .with_mbasyncnot(4)
        .with_stage(HelloFlags::STAGE_OS)
        .with_clearinit(true);
    let hello = HelloCmd::request(Access::Write).with_flags(flags);
    assert_eq!(hello.as_bytes(), bytes);
    assert_eq!(HelloCmd::matching(&bytes), Some(&hello));
}

#[test]
fn hello_is_answered_with_the_master_and_the_version() {
    let bytes = [
        0x04, 0x00, 0x00, 0x00, // OPCODE 0x04
        0x00, 0x00, 0x10, 0x01, // RETVAL 15:8 = 16 (EBUSY), LEN16 1
        0xe4, 0x8a, 0x00,
        0x00, // ERR b31, INIT b30, MASTERDIS b29, MBMASTER 4, MBASYNCNOTINT b23, STAGE 19:17 = 5
        0x01, 0x17, 0x03, 0x02, // 1.23.3.2
    ];
    let reply = HelloCmd::matching(&bytes).unwrap();
    assert_eq!(reply.retval(), Retval::EBUSY);
    let flags = reply.flags();
    assert!(flags.err() && flags.init() && flags.masterdis() && flags.mbasyncnotint());
    assert!(!flags.masterforce() && !flags.clearinit());
    assert_eq!((flags.master(), flags.mbasyncnot(), flags.stage()), (4, 0, 5));
    let version = reply.fwrev();
    let parts = (version.major(), version.minor(), version.micro(), version.build());
    assert_eq!(parts, (1, 23, 3, 2));
}

#[test]
fn reset_halts() {
    let bytes = [
        0x03, 0xa0, 0x00, 0x00, // OPCODE 0x03, REQUEST, WRITE
        0x00, 0x00, 0x00, 0x01, // LEN16 1
        0x00, 0x00, 0x00, 0x03, // PIORST b1, PIORSTMODE b0
        0x80, 0x00, 0x00, 0x00, // HALT b31
    ];
    let reset = ResetCmd::request(Access::Write)
        .with_val(PL_RST::default().with_piorst(true).with_piorstmode(true))
        .with_flags(ResetFlags::default().with_halt(true));
    assert_eq!(reset.as_bytes(), bytes);
    assert_eq!(ResetCmd::matching(&bytes), Some(&reset));
    assert!(reset.val().piorst() && reset.flags().halt());
}

#[test]
fn initialize_and_bye_have_no_arguments() {
    let initialize = [0x06, 0xa0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]; // OPCODE, REQUEST, WRITE; LEN16 1
    assert_eq!(InitializeCmd::request(Access::Write).as_bytes(), initialize);
    let bye = [0x05, 0xa0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]; // OPCODE, REQUEST, WRITE; LEN16 1
    assert_eq!(ByeCmd::request(Access::Write).as_bytes(), bye);
    assert_eq!(InitializeCmd::matching(&bye), None);
    assert!(ByeCmd::matching(&bye).is_some());
}

#[test]
fn caps_config_names_the_file() {
    let mut bytes = [0; 48];
    bytes[..8].copy_from_slice(&[
        0x07, 0xc0, 0x00, 0x00, // OPCODE 0x07, REQUEST b23, READ b22
        0x0c, 0x1f, 0x00,
        0x03, // CFVALID b27, MEMTYPE_CF 26:24 = 4, MEMADDR64K_CF 23:16 = 0x1f, LEN16 3
    ]);
    let request = CapsConfigCmd::from_file(MemType::FLASH, 0x1f_0000);
    assert_eq!(request.as_bytes(), bytes);
    let lo = CapsConfigCmd::matching(&bytes).unwrap().lo();
    assert_eq!((lo.cfvalid(), lo.memtype_cf(), lo.memaddr64k_cf()), (true, 4, 0x1f));
}

#[test]
fn caps_config_tells_what_the_device_can() {
    let bytes = [
        0x07, 0x00, 0x00, 0x00, // OPCODE 0x07
        0x00, 0x00, 0x00, 0x03, // RETVAL 0, LEN16 3
        0x00, 0x00, 0x00, 0x00, //
        0x12, 0x34, 0x56, 0x78, // 12: hwmbitmap
        0x00, 0x01, 0x00, 0x02, // 16: nbmcaps; 18: linkcaps
        0x00, 0x02, 0x00, 0x00, // 20: switchcaps: EGRESS
        0x00, 0x21, 0x00, 0x01, // 24: niccaps: HASHFILTER, NIC; 26: ofldcaps: TOE
        0x00, 0x03, 0x00, 0x04, // 28: rdmacaps; 30: cryptocaps
        0x00, 0x05, 0x00, 0x06, // 32: iscsicaps; 34: fcoecaps
        0xa0, 0xb0, 0xc0, 0xd0, // 36: cfcsum
        0x00, 0x01, 0x00, 0x19, // 40: finiver
        0xa1, 0xb1, 0xc1, 0xd1, // 44: finicsum
    ];
    let reply = CapsConfigCmd::default()
        .with_hi(mafo_t4::fw::Hi(0x0700_0000))
        .with_lo(mafo_t4::fw::CapsConfigLo::default().with_len16(3))
        .with_hwmbitmap(0x1234_5678)
        .with_nbmcaps(1)
        .with_linkcaps(2)
        .with_switchcaps(SwitchCaps::default().with_egress(true))
        .with_niccaps(NicCaps::default().with_nic(true).with_hashfilter(true))
        .with_ofldcaps(OfldCaps::default().with_toe(true))
        .with_rdmacaps(3)
        .with_cryptocaps(4)
        .with_iscsicaps(5)
        .with_fcoecaps(6)
        .with_cfcsum(0xa0b0_c0d0)
        .with_finiver(0x0001_0019)
        .with_finicsum(0xa1b1_c1d1);
    assert_eq!(reply.as_bytes(), bytes);
    let read = CapsConfigCmd::matching(&bytes).unwrap();
    assert!(read.ofldcaps().toe() && read.niccaps().nic() && !read.niccaps().vm());
    assert!(read.switchcaps().egress() && !read.switchcaps().ingress());
    let sums = (read.cfcsum(), read.finiver(), read.finicsum());
    assert_eq!(sums, (0xa0b0_c0d0, 0x0001_0019, 0xa1b1_c1d1));
}

#[test]
fn params_are_asked_for() {
    let mut bytes = [0; 64];
    bytes[..40].copy_from_slice(&[
        0x08, 0xc0, 0x04, 0x00, // OPCODE 0x08, REQUEST, READ, PFN 10:8 = 4
        0x00, 0x00, 0x00, 0x04, // LEN16 4
        0x01, 0x00, 0x00, 0x00, // MNEM 31:24 = 1 (DEV), X 23:16 = 0 (CCLK)
        0x00, 0x00, 0x00, 0x00, // its value
        0x02, 0x13, 0x00, 0x00, // MNEM 2 (PFVF), X 0x13 (L2T_START)
        0x00, 0x00, 0x00, 0x00, // its value
        0x04, 0x20, 0x01, 0x23, // MNEM 4 (DMAQ), X 0x20 (CONM_CTXT), YZ 15:0 = queue 0x123
        0x00, 0x00, 0x00, 0x00, // its value
        0x01, 0x2e, 0x01, 0x00, // MNEM 1 (DEV), X 0x2e (FILTER), Y 15:8 = 1 (mode and mask)
        0x00, 0x00, 0x00, 0x00, // its value
    ]);
    let params = [
        Param::dev(DevParam::CCLK),
        Param::pfvf(PfvfParam::L2T_START),
        Param::dmaq(DmaqParam::CONM_CTXT, 0x123),
        Param::filter(FilterParam::MODE_MASK),
    ];
    let request = ParamsCmd::read(&params).of_function(4, 0);
    assert_eq!(request.as_bytes(), bytes);
    let read = ParamsCmd::matching(&bytes).unwrap();
    assert!(read.iter().map(|(param, _)| param).eq(params));
    assert_eq!(read.header().hi().function(), (4, 0));
    let names: Vec<String> = params.iter().map(|param| format!("{param}")).collect();
    assert_eq!(names, ["DEV.CCLK", "PFVF.L2T_START", "DMAQ.CONM_CTXT[0x123]", "DEV.FILTER[0x100]"]);
}

#[test]
fn params_are_answered_and_set() {
    let mut bytes = [0; 64];
    bytes[..24].copy_from_slice(&[
        0x08, 0xa0, 0x04, 0x07, // OPCODE 0x08, REQUEST, WRITE, PFN 4, VFN 7:0 = 7
        0x00, 0x00, 0x00, 0x04, // LEN16 4
        0x02, 0x31, 0x00, 0x00, // PFVF CPLFW4MSG_ENCAP
        0x00, 0x00, 0x00, 0x01, // 1
        0x03, 0x01, 0x00, 0x8c, // MNEM 3 (REG), XYZ 23:0 = 0x1008c
        0xde, 0xad, 0xbe, 0xef, // 0xdeadbeef
    ]);
    let register = Param(0x0301_008c);
    let mut command =
        ParamsCmd::write(&[(Param::pfvf(PfvfParam::CPLFW4MSG_ENCAP), 1), (register, 0)])
            .of_function(4, 7);
    command.set_value(1, 0xdead_beef);
    assert_eq!(command.as_bytes(), bytes);
    assert_eq!(register.xyz(), 0x1_008c);
    assert_eq!(
        (command.value(1), command.value(6), command.value(7)),
        (Some(0xdead_beef), Some(0), None)
    );
}

#[test]
#[should_panic(expected = "8 parameters in one FW_PARAMS_CMD")]
fn params_beyond_the_seventh_are_a_bug() {
    let _ = ParamsCmd::read(&[Param::dev(DevParam::CCLK); 8]);
}

#[test]
fn pfvf_tells_the_resources() {
    let bytes = [
        0x09, 0x00, 0x04, 0x00, // OPCODE 0x09, PFN 4
        0x00, 0x00, 0x00, 0x02, // LEN16 2
        0x10, 0x00, 0x00, 0x80, // 8: NIQFLINT 31:20 = 0x100, NIQ 19:0 = 0x80
        0x8f, 0x30, 0x02,
        0x00, // 12: TYPE b31, CMASK 27:24 = 0xf, PMASK 23:20 = 3, NEQ 19:0 = 0x200
        0x10, 0x04, 0x00, 0x20, // 16: TC 31:24 = 0x10, NVI 23:16 = 4, NEXACTF 15:0 = 0x20
        0x86, 0x82, 0x01, 0x80, // 20: R_CAPS 31:24, WX_CAPS 23:16, NETHCTRL 15:0 = 0x180
        0x00, 0x11, 0x00, 0x22, // 24: nricq; 26: nriqp
        0x00, 0x00, 0x00, 0x00, //
    ];
    let mut reply = PfvfCmd::request(Access::Read).of_function(4, 0);
    let header = reply.header();
    reply.set_header(header.with_hi(header.hi().with_request(false).with_read(false)));
    let reply = reply
        .with_iqs(PfvfIqs::default().with_niqflint(0x100).with_niq(0x80))
        .with_eqs(PfvfEqs::default().with_type_(true).with_cmask(15).with_pmask(3).with_neq(0x200))
        .with_vis(PfvfVis::default().with_tc(0x10).with_nvi(4).with_nexactf(0x20))
        .with_caps(PfvfCaps::default().with_r_caps(0x86).with_wx_caps(0x82).with_nethctrl(0x180))
        .with_nricq(0x11)
        .with_nriqp(0x22);
    assert_eq!(reply.as_bytes(), bytes);
    let read = PfvfCmd::matching(&bytes).unwrap();
    assert_eq!((read.iqs().niqflint(), read.eqs().neq(), read.vis().nvi()), (0x100, 0x200, 4));
    assert_eq!(read.caps().nethctrl(), 0x180);
}

#[test]
fn clip_adds_and_removes_an_address() {
    let mut bytes = [
        0x28, 0xa0, 0x00, 0x00, // OPCODE 0x28, REQUEST, WRITE
        0x80, 0x00, 0x00, 0x02, // ALLOC b31, LEN16 2
        0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00, // 8: ip_hi, 2001:db8::
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xab, 0xcd, // 16: ip_lo, ::abcd
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, //
    ];
    let address: [u8; 16] = bytes[8..24].try_into().unwrap();
    assert_eq!(ClipCmd::alloc(address).as_bytes(), bytes);
    let read = ClipCmd::matching(&bytes).unwrap();
    assert_eq!((read.ip_hi(), read.ip_lo()), (0x2001_0db8_0000_0000, 0xabcd));
    assert_eq!(read.address(), address);
    bytes[4] = 0x40; // FREE b30
    assert_eq!(ClipCmd::free(address).as_bytes(), bytes);
}

#[test]
fn ldst_reaches_a_tp_register() {
    let mut bytes = [0; 64];
    bytes[..16].copy_from_slice(&[
        0x01, 0xc0, 0x00, 0x10, // OPCODE 0x01, REQUEST, READ, ADDRSPACE 7:0 = 0x10 (TP_PIO)
        0x00, 0x05, 0x00, 0x04, // CYCLES 31:16 = 5, LEN16 4
        0x00, 0x00, 0x01, 0x40, // 8: addr: TP_VLAN_PRI_MAP
        0x00, 0x00, 0x03, 0x2b, // 12: val
    ]);
    let part = LdstAddrVal::default().with_addr(0x140).with_val(0x32b);
    let command = LdstCmd::to(Access::Read, LdstAddrspace::TP_PIO).with_addrval(part);
    let command = command.with_lo(command.lo().with_cycles(5));
    assert_eq!(command.as_bytes(), bytes);
    let read = LdstCmd::matching(&bytes).unwrap();
    assert_eq!(read.hi().addrspace(), LdstAddrspace::TP_PIO);
    assert_eq!((read.addrval().addr(), read.addrval().val()), (0x140, 0x32b));
}

#[test]
fn ldst_reaches_a_context_and_configuration_space() {
    let mut bytes = [0; 64];
    bytes[..24].copy_from_slice(&[
        0x01, 0xc0, 0x00, 0x09, // OPCODE 0x01, REQUEST, READ, ADDRSPACE 9 (SGE_INGC)
        0x00, 0x00, 0x00, 0x04, // LEN16 4
        0x00, 0x00, 0x01, 0x23, // 8: physid
        0x80, 0x00, 0x00, 0x00, // 12: CTXTFLUSH b31
        0x07, 0x00, 0x00, 0x07, // 16: ctxt_data7
        0x06, 0x00, 0x00, 0x06, // 20: ctxt_data6
    ]);
    let part = LdstIdCtxt::default()
        .with_physid(0x123)
        .with_msg_ctxtflush(0x8000_0000)
        .with_ctxt_data([0x0700_0007, 0x0600_0006, 0, 0, 0, 0, 0, 0]);
    let command = LdstCmd::to(Access::Read, LdstAddrspace::SGE_INGC).with_idctxt(part);
    assert_eq!(command.as_bytes(), bytes);
    assert_eq!(LdstCmd::matching(&bytes).unwrap().idctxt(), part);

    let mut bytes = [0; 64];
    bytes[..20].copy_from_slice(&[
        0x01, 0xc0, 0x00, 0x29, // OPCODE 0x01, REQUEST, READ, ADDRSPACE 0x29 (FUNC_PCIE)
        0x00, 0x00, 0x00, 0x04, // LEN16 4
        0x80, 0x01, 0x44, 0x02, // 8: ctrl_to_fn; 9: bnum; 10: r; 11: ext_r
        0x01, 0x04, 0x00, 0x03, // 12: select_naccess; 13: pcie_fn; 14: nset_pkd
        0xca, 0xfe, 0x14, 0x25, // 16: data[0]
    ]);
    let mut data = [0; 12];
    data[0] = 0xcafe_1425;
    let part = LdstPcie::default()
        .with_ctrl_to_fn(0x80)
        .with_bnum(1)
        .with_r(0x44)
        .with_ext_r(2)
        .with_select_naccess(1)
        .with_pcie_fn(4)
        .with_nset_pkd(3)
        .with_data(data);
    let command = LdstCmd::to(Access::Read, LdstAddrspace::FUNC_PCIE).with_pcie(part);
    assert_eq!(command.as_bytes(), bytes);
    assert_eq!(LdstCmd::matching(&bytes).unwrap().pcie(), part);
}

#[test]
fn devlog_tells_its_place() {
    let bytes = [
        0x25, 0xc0, 0x00, 0x00, // OPCODE 0x25, REQUEST, READ
        0x00, 0x00, 0x00, 0x02, // LEN16 2
        0x03, 0x00, 0x00, 0x00, // 8: level
        0x00, 0x00, 0x00, 0x00, //
        0x20, 0x01, 0x23, 0x45, // 16: MEMTYPE 31:28 = 2, MEMADDR16 27:0 = 0x12345
        0x00, 0x00, 0x80, 0x00, // 20: memsize
        0x00, 0x00, 0x00, 0x00, //
        0x00, 0x00, 0x00, 0x00, //
    ];
    let command = DevlogCmd::request(Access::Read)
        .with_level(3)
        .with_place(DevlogPlace::default().with_memtype_devlog(2).with_memaddr16_devlog(0x1_2345))
        .with_memsize_devlog(0x8000);
    assert_eq!(command.as_bytes(), bytes);
}

#[test]
fn an_assertion_comes_instead_of_a_reply() {
    let bytes = [
        0x81, 0x00, 0x00, 0x00, // OPCODE 0x81, TYPE 7:0 = 0 (assert)
        0x00, 0x00, 0x00, 0x03, // LEN16 3
        0x00, 0x00, 0x00, 0x11, // 8: fcid
        0x00, 0x00, 0x01, 0x02, // 12: line
        0xaa, 0x00, 0x00, 0x01, // 16: x
        0xbb, 0x00, 0x00, 0x02, // 20: y
        b't', b'p', b'_', b'm', b'a', b'i', b'n', b'.', // 24: filename 0 to 7
        b'c', 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, // 32: filename 8 to 15
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, //
    ];
    let read = DebugAssertCmd::matching(&bytes).unwrap();
    assert_eq!(read.debug_type(), DebugType::ASSERT);
    assert_eq!(
        (read.fcid(), read.line(), read.x(), read.y()),
        (0x11, 258, 0xaa00_0001, 0xbb00_0002)
    );
    assert_eq!(&read.filename()[..9], b"tp_main.c");
    assert_eq!(HelloCmd::matching(&bytes), None);
}

#[test]
fn the_header_is_read_without_knowing_the_command() {
    let bytes = [
        0x1c, 0x70, 0x00, 0x03, // OPCODE 0x1c, READ b22, WRITE b21, EXEC b20, PORTID 3
        0x00, 0x00, 0x26, 0x04, // RETVAL 38, LEN16 4
    ];
    let header = Header::parse(&bytes).unwrap();
    let hi = header.hi();
    assert_eq!(hi.opcode(), Opcode::PORT_STATS);
    assert_eq!((hi.request(), hi.read(), hi.write(), hi.exec()), (false, true, true, true));
    assert_eq!(hi.port().0, 3);
    assert_eq!((header.retval(), header.len()), (Retval::ENOSYS, 64));
    assert_eq!(header.retval().ok(), Err(Retval::ENOSYS));
    assert_eq!(Header::parse(&bytes[..7]), None);
}

#[test]
fn a_short_command_matches_nothing() {
    let hello = HelloCmd::request(Access::Write);
    assert!(HelloCmd::matching(hello.as_bytes()).is_some());
    assert_eq!(HelloCmd::matching(&hello.as_bytes()[..15]), None);
    assert_eq!(HelloCmd::matching(&[]), None);
}

#[test]
fn the_mailbox_holds_big_endian_words() {
    let hello = HelloCmd::request(Access::Write).with_fwrev(Version(0x0117_0302));
    let words = mailbox::to_words(hello.as_bytes());
    assert_eq!(words, [0x04a0_0000_0000_0001, 0x0000_0000_0117_0302, 0, 0, 0, 0, 0, 0]);
    let bytes = mailbox::from_words(&words);
    assert_eq!(HelloCmd::matching(&bytes), Some(&hello));
    assert_eq!(bytes[16..], [0; 48]);
}
