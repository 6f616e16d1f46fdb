//! Register words written by hand from the datasheet, and what the helpers below the tables make of them.

use mafo_t4::PortId;
use mafo_t4::chip::{Chip, DeviceId, PCI_VENDOR, PRODUCTS, Product, T540_CR};
use mafo_t4::regs::bar2::{Area, DoorbellKind, Layout, Port, port};
use mafo_t4::regs::pcie::{PCIE_FW, PCIE_FW_PF, PCIE_MEM_ACCESS_BASE_WIN, PCIE_MEM_ACCESS_OFFSET};
use mafo_t4::regs::pf::{CIM_PF_MAILBOX_CTRL, MailboxOwner, SGE_PF_GTS, SGE_PF_KDOORBELL, pf_base};
use mafo_t4::regs::pl::{PL_REV, PL_WHOAMI};
use mafo_t4::regs::sge::{
    SGE_CONM_CTRL, SGE_CONTROL, SGE_CONTROL2, SGE_EGRESS_QUEUES_PER_PAGE_PF, SGE_FL_BUFFER_SIZE,
    SGE_HOST_PAGE_SIZE, SGE_INGRESS_RX_THRESHOLD, SGE_INT_CAUSE3,
};
use mafo_t4::regs::tp::pio::{TP_VLAN_PRI_MAP, TupleField};
use mafo_t4::regs::tp::{
    TP_CCTRL_TABLE, TP_MTU_TABLE, TP_RSS_CONFIG, TP_RSS_LKP_TABLE, TP_SHIFT_CNT,
    TP_TIMER_RESOLUTION, TP_TX_MOD_QUEUE_REQ_MAP,
};
use mafo_t4::regs::{self, Access};

#[test]
fn doorbell_word() {
    // QID 31:15 = 0x1234, DBPRIO b14, DBTYPE b13, PIDX 12:0 = 8
    let word = SGE_PF_KDOORBELL(0x091a_6008);
    let built = SGE_PF_KDOORBELL::default()
        .with_qid(0x1234)
        .with_dbprio(true)
        .with_dbtype(true)
        .with_pidx_t5(8);
    assert_eq!(built, word);
    assert_eq!((word.qid(), word.dbprio(), word.dbtype(), word.pidx_t5()), (0x1234, true, true, 8));
    // T4: PIDX 13:0, so its top bit is T5's DBTYPE
    assert_eq!(word.pidx_t4(), 0x2008);
    assert_eq!(SGE_PF_KDOORBELL(0x091a_4000).with_pidx_t4(0x2008), word);
    assert_eq!(word.with_pidx_t4(9), SGE_PF_KDOORBELL(0x091a_4009));
}

#[test]
fn credit_return_word() {
    // INGRESSQID 31:16 = 0x21, TIMERREG 15:13 = 7, SEINTARM b12, CIDXINC 11:0 = 0x40
    let word = SGE_PF_GTS(0x0021_f040);
    assert_eq!(SGE_PF_GTS::credits(0x21, 0x40).with_seintarm(true), word);
    assert_eq!((word.ingressqid(), word.timerreg(), word.cidxinc()), (0x21, 7, 0x40));
}

#[test]
fn mailbox_words() {
    // MSGVALID b3, OWNER 1:0 = 1 (firmware)
    assert_eq!(CIM_PF_MAILBOX_CTRL::message_for(MailboxOwner::Firmware), CIM_PF_MAILBOX_CTRL(0x9));
    // MSGVALID b3, OWNER 2 (driver)
    assert_eq!(CIM_PF_MAILBOX_CTRL::message_for(MailboxOwner::Driver), CIM_PF_MAILBOX_CTRL(0xa));
    assert_eq!(CIM_PF_MAILBOX_CTRL(0x6).owner(), MailboxOwner::Driver); // INTREQ b2
    assert!(CIM_PF_MAILBOX_CTRL(0x6).mbintreq() && !CIM_PF_MAILBOX_CTRL(0x6).mbmsgvalid());
    for bits in 0..4 {
        assert_eq!(MailboxOwner::from_bits(bits).bits(), bits);
    }
}

#[test]
fn the_vendor_configuration_of_the_sge() {
    // 0x40810: split CPL mode b18, PKTSHIFT 12:10 = 2, INGPADBOUNDARY 6:4 = 1
    let control = SGE_CONTROL(0x0004_0810);
    assert!(control.rxpktcplmode());
    assert_eq!(
        (control.pktshift(), control.pad_boundary(), control.status_page_size()),
        (2, 64, 64)
    );
    assert_eq!(SGE_CONTROL(0x0002_0000).status_page_size(), 128); // EGRSTATUSPAGESIZE b17
    for bytes in [32, 64, 128, 256, 512, 1024, 2048, 4096] {
        assert_eq!(control.with_pad_boundary(bytes).pad_boundary(), bytes);
    }

    // 0x22222222: 4 KB pages for all eight functions
    let pages = SGE_HOST_PAGE_SIZE(0x2222_2222);
    assert_eq!((pages.page_shift(4), pages.hostpagesizepf7()), (12, 2));
    assert_eq!(pages.with(4, 6), SGE_HOST_PAGE_SIZE(0x2226_2222));
    assert_eq!(SGE_EGRESS_QUEUES_PER_PAGE_PF(0x8765_4321).of(4), 5);

    // 0x01040810: 1 in 29:24, 4 in 21:16, 8 in 13:8, 16 in 5:0
    assert_eq!(SGE_INGRESS_RX_THRESHOLD(0x0104_0810).thresholds(), [1, 4, 8, 16]);
    // Pack boundary 18:16: 16 bytes for code 0, else 32 << code
    for (code, bytes) in [(0, 16), (1, 64), (2, 128), (7, 4096)] {
        assert_eq!(SGE_CONTROL2(code << 16).pack_boundary(), bytes);
        assert_eq!(SGE_CONTROL2::default().with_pack_boundary(bytes), SGE_CONTROL2(code << 16));
    }
    // EGRTHRESHOLDPACKING 19:14 = 3, EGRTHRESHOLD 13:8 = 10; threshold = 2 n + 1
    let congestion = SGE_CONM_CTRL(3 << 14 | 10 << 8);
    assert_eq!((congestion.starve_threshold(false), congestion.starve_threshold(true)), (21, 7));
    assert_eq!(regs::sge::DEFAULT_FL_BUFFER_SIZES[regs::sge::FL_BUFFER_2048 as usize], 2048);
    assert_eq!(SGE_FL_BUFFER_SIZE::offset(15), 0x1080);
    // ERR_INVALID_CIDX_INC b21, ERR_BAD_DB_PIDX3 b15
    let cause = SGE_INT_CAUSE3(0x0020_8000);
    assert!(cause.err_invalid_cidx_inc() && cause.err_bad_db_pidx3() && !cause.err_dropped_db());
    assert_eq!(SGE_INT_CAUSE3::ACCESS, Access::W1c);
}

#[test]
fn memory_windows() {
    // Window 2 of T5: 128 KB at 0x60000; PCIEOFST 31:10 = 0x180, WINDOW 7:0 = 17 - 10
    let window = PCIE_MEM_ACCESS_BASE_WIN::at(0x6_0000, 0x2_0000);
    assert_eq!(window, PCIE_MEM_ACCESS_BASE_WIN(0x0006_0007));
    assert_eq!((window.base(), window.size()), (0x6_0000, Some(0x2_0000)));
    assert_eq!(PCIE_MEM_ACCESS_BASE_WIN(21).size(), Some(0x8000_0000));
    assert_eq!(PCIE_MEM_ACCESS_BASE_WIN(22).size(), None);
    assert_eq!(PCIE_MEM_ACCESS_BASE_WIN(0xff).size(), None);
    let offset = PCIE_MEM_ACCESS_OFFSET::window_of(0x1234_5678, 0x800, 4);
    assert_eq!(offset, PCIE_MEM_ACCESS_OFFSET(0x1234_5004));
    assert_eq!(PCIE_MEM_ACCESS_OFFSET::offset(7), 0x30a4);
    for chip in [Chip::T4, Chip::T5] {
        for (base, size) in chip.memory_windows() {
            assert_eq!(PCIE_MEM_ACCESS_BASE_WIN::at(base, size).size(), Some(size));
            assert!(base + size <= regs::BAR0_SIZE);
        }
    }
}

#[test]
fn firmware_state() {
    // INIT b30, EVAL 26:24 = 3, MASTER_VLD b15, MASTER 14:12 = 4
    let state = PCIE_FW(0x4300_c000);
    assert!(state.init() && !state.err() && !state.halt() && !state.is_gone());
    assert_eq!((state.master_pf(), state.eval()), (Some(4), regs::pcie::eval::INIT));
    assert_eq!(PCIE_FW(0x0000_4000).master_pf(), None);
    assert!(PCIE_FW(u32::MAX).is_gone());
    // NENTRIES128 31:28 = 3, ADDR16 27:4 = 0x12345, MEMTYPE 3:0 = 1
    let log = PCIE_FW_PF(0x3012_3451);
    assert_eq!(
        (log.devlog_entries(), log.devlog_address(), log.memtype_devlog()),
        (512, 0x12_3450, 1)
    );
    assert_eq!(PL_WHOAMI(0x400).sourcepf(), 4);
    assert_eq!(PL_REV(0x1).rev(), 1);
}

#[test]
fn tp_words() {
    // Default of the configuration file
    let shifts = TP_SHIFT_CNT(0x0e2f_8849);
    assert_eq!((shifts.synshiftmax(), shifts.rxtshiftmaxr1(), shifts.rxtshiftmaxr2()), (14, 2, 15));
    assert_eq!((shifts.pershiftbackoffmax(), shifts.pershiftmax()), (8, 8));
    assert_eq!((shifts.keepalivemaxr1(), shifts.keepalivemaxr2()), (4, 9));
    // TIMER 14, TIMESTAMP 18, DELAYEDACK 14: 65.536 us and 1048.576 us on a core of 250 MHz
    let resolution = TP_TIMER_RESOLUTION(0x000e_120e);
    let timer = resolution.timerresolution();
    assert_eq!(TP_TIMER_RESOLUTION::ticks_to_ns(timer, 1, 250_000), 65_536);
    let timestamp = resolution.timestampresolution();
    assert_eq!(TP_TIMER_RESOLUTION::ticks_to_ns(timestamp, 1000, 250_000), 1_048_576_000);
    assert_eq!(TP_TIMER_RESOLUTION::ticks_to_ns(0, 1, 0), 0);
    let saturated = TP_TIMER_RESOLUTION::ticks_to_ns(31, u64::MAX, 1);
    for resolution in [32, 255] {
        assert_eq!(TP_TIMER_RESOLUTION::ticks_to_ns(resolution, u64::MAX, 1), saturated);
    }
    // Queue n feeds channel n
    let channels = [0, 1, 2, 3].map(|queue| TP_TX_MOD_QUEUE_REQ_MAP::DEFAULT.channel(queue));
    assert_eq!(channels, [0, 1, 2, 3]);
    // Row 5: twelve ones above it; valid b31, row 29:20, queue 1 in 19:10, queue 0 in 9:0
    assert_eq!(TP_RSS_LKP_TABLE::select(5), TP_RSS_LKP_TABLE(0xfff0_0005));
    let row = TP_RSS_LKP_TABLE(0x8050_4811);
    let queues = (row.lkptblqueue1(), row.lkptblqueue0());
    assert_eq!((row.lkptblrowvld(), row.lkptblrowidx(), queues), (true, 5, (0x12, 0x11)));
    // OFDMAPEN b17, SYNMAPEN b9, HASHTOEPLITZ b2
    let rss = TP_RSS_CONFIG(0x0002_0204);
    assert!(rss.ofdmapen() && rss.synmapen() && rss.hashtoeplitz() && !rss.disable());
}

#[test]
fn mtu_table_words() {
    // INDEX 31:24 = 0xff, VALUE 13:0 = the entry to read
    assert_eq!(TP_MTU_TABLE::select(8), TP_MTU_TABLE(0xff00_0008));
    // INDEX 8, WIDTH 19:16 = log2 rounded, VALUE
    assert_eq!(TP_MTU_TABLE::entry(8, 1500), TP_MTU_TABLE(0x080a_05dc));
    assert_eq!(TP_MTU_TABLE::entry(9, 2002), TP_MTU_TABLE(0x090b_07d2));
    assert_eq!(TP_MTU_TABLE::entry(1, 256), TP_MTU_TABLE(0x0108_0100));
    assert_eq!(TP_MTU_TABLE::entry(15, 9600), TP_MTU_TABLE(0x0f0d_2580));
    assert!(regs::tp::DEFAULT_MTUS.is_sorted());
}

#[test]
fn congestion_table_words() {
    // MTU 8 << 21 | window 0 << 16 | beta 0 << 13 | (1500 - 40) * 1 / 2
    assert_eq!(TP_CCTRL_TABLE::entry(8, 1500, 0), TP_CCTRL_TABLE(8 << 21 | 730));
    // window 31, beta 7, 1460 * 500 / 229376 = 3
    let last = TP_CCTRL_TABLE::entry(8, 1500, 31);
    assert_eq!(last, TP_CCTRL_TABLE(8 << 21 | 31 << 16 | 7 << 13 | 3));
    assert_eq!((last.place(), last.beta(), last.increment()), (Some((8, 31)), 7, 3));
    // 8960 * 1 / 80, and 48 * 1 / 80, which is below the least increment, 2
    assert_eq!(TP_CCTRL_TABLE::entry(14, 9000, 8).increment(), 112);
    assert_eq!(TP_CCTRL_TABLE::entry(0, 88, 8).increment(), 2);
    assert_eq!(TP_CCTRL_TABLE::select(8, 31), TP_CCTRL_TABLE(0xffff_011f));
    assert_eq!(TP_CCTRL_TABLE::select(8, 31).place(), None);
}

#[test]
fn filter_tuple_is_packed_in_order() {
    let mode = TP_VLAN_PRI_MAP::DEFAULT_MODE;
    // fragmentation b9, mpshittype b8, protocol b5, vlan b3, port b1, fcoe b0
    assert_eq!(mode, TP_VLAN_PRI_MAP(0x32b));
    assert_eq!(TP_VLAN_PRI_MAP::DEFAULT_MASK, TP_VLAN_PRI_MAP(0x21));
    let shifts = [
        (TupleField::Fcoe, Some(0)),
        (TupleField::Port, Some(1)),
        (TupleField::VnicId, None),
        (TupleField::Vlan, Some(4)),
        (TupleField::Tos, None),
        (TupleField::Protocol, Some(21)),
        (TupleField::Ethertype, None),
        (TupleField::MacMatch, None),
        (TupleField::MpsHitType, Some(29)),
        (TupleField::Fragmentation, Some(32)),
    ];
    for (field, shift) in shifts {
        assert_eq!(mode.shift(field), shift, "{field:?}");
    }
    assert_eq!(mode.tuple_width(), 33);
    assert!(mode.tuple_width() <= Chip::T4.filter_tuple_bits());
    // protocol 6 << 21 | port 2 << 1
    let tuple = mode.with_field(0, TupleField::Protocol, 6);
    let tuple = mode.with_field(tuple, TupleField::Port, 2);
    let tuple = mode.with_field(tuple, TupleField::Tos, 1);
    assert_eq!(tuple, 6 << 21 | 2 << 1);
    assert_eq!(mode.field(tuple, TupleField::Protocol), Some(6));
    assert_eq!(mode.field(tuple, TupleField::Tos), None);
    assert_eq!(mode.tuple_mask(TupleField::Vlan), 0x1_ffff << 4);
    assert_eq!(mode.tuple_mask(TupleField::Tos), 0);
    // Side by side, without overlap or gap, as far as 64 bits reach.
    let some = TP_VLAN_PRI_MAP(0x3f3); // all but VLAN and VNIC_ID
    assert_eq!(some.tuple_width(), 49);
    let mut seen = 0;
    for field in TupleField::ALL {
        assert_eq!(seen & some.tuple_mask(field), 0, "{field:?}");
        seen |= some.tuple_mask(field);
    }
    assert_eq!(seen, (1 << 49) - 1);
    // A host may select more than any chip has room for; what does not fit is absent.
    let all = TP_VLAN_PRI_MAP(0x3ff);
    assert_eq!((all.tuple_width(), all.shift(TupleField::Protocol)), (83, Some(46)));
    for field in [TupleField::Ethertype, TupleField::MacMatch, TupleField::Fragmentation] {
        assert_eq!(
            (all.shift(field), all.tuple_mask(field), all.field(u64::MAX, field)),
            (None, 0, None)
        );
    }
}

#[test]
fn user_doorbells_are_inferred_where_the_page_has_room() {
    // 4 KB pages hold 32 areas of 128 bytes.
    let layout = Layout { page_shift: 12, queues_per_page_shift: 5 };
    let area = layout.area(33);
    assert_eq!(area, Area { offset: 0x1080, qid: 0, inferred: true });
    assert_eq!(area.write_combine(), Some(0x10c0));
    let (offset, word) = area.doorbell(3, DoorbellKind::Egress);
    assert_eq!((offset, word), (0x1088, SGE_PF_KDOORBELL(3)));
    // A freelist's doorbell has DBPRIO b14 and DBTYPE b13.
    assert_eq!(area.doorbell(3, DoorbellKind::Freelist).1, SGE_PF_KDOORBELL(0x6003));
    // TIMERREG 15:13 = 7
    assert_eq!(area.gts(5), (0x1094, SGE_PF_GTS(0xe005)));
}

#[test]
fn user_doorbells_name_the_queue_where_the_page_has_no_room() {
    // 64 queues a page of 4 KB: the second half rings at the start of the page.
    let layout = Layout { page_shift: 12, queues_per_page_shift: 6 };
    assert_eq!(layout.area(31), Area { offset: 0xf80, qid: 0, inferred: true });
    let area = layout.area(64 + 32);
    assert_eq!(area, Area { offset: 0x1000, qid: 32, inferred: false });
    assert_eq!(area.write_combine(), None);
    // QID 31:15 = 32
    assert_eq!(area.doorbell(1, DoorbellKind::Egress), (0x1008, SGE_PF_KDOORBELL(0x0010_0001)));
    // INGRESSQID 31:16 = 32, TIMERREG 7
    assert_eq!(area.gts(1), (0x1014, SGE_PF_GTS(0x0020_e001)));
}

#[test]
fn every_queue_is_found_again_from_its_doorbell() {
    for page_shift in 10..=16 {
        for queues_per_page_shift in 0..=10 {
            let layout = Layout { page_shift, queues_per_page_shift };
            for qid in 0..4096 {
                let area = layout.area(qid);
                assert_eq!(layout.queue(area.offset, area.qid), qid, "{layout:?}");
                assert!(
                    area.offset % (1 << page_shift) + 128 <= 1 << page_shift,
                    "{layout:?} {qid}"
                );
            }
        }
    }
}

#[test]
fn any_doorbell_write_means_some_queue() {
    for page_shift in [10, 12, 25] {
        for queues_per_page_shift in [0, 5, 15] {
            let layout = Layout { page_shift, queues_per_page_shift };
            // No overflow, whatever a host writes.
            let _ = layout.queue(u32::MAX, 0x1_ffff);
        }
    }
}

#[test]
fn a_doorbell_area_has_three_ports() {
    let expected = |offset| match offset % 128 {
        8 => Port::Doorbell,
        20 => Port::Gts,
        64..128 => Port::WriteCombine,
        _ => Port::Hole,
    };
    for offset in 0..512 {
        assert_eq!(port(offset), expected(offset), "{offset}");
    }
}

#[test]
fn every_offset_has_its_name() {
    let name = |offset| regs::name(offset).map(|place| place.to_string());
    assert_eq!(name(0x1e000).as_deref(), Some("PF0.SGE_PF_KDOORBELL"));
    assert_eq!(name(pf_base(4) + 0x280).as_deref(), Some("PF4.CIM_PF_MAILBOX_CTRL"));
    assert_eq!(name(0x1f3fc), None);
    assert_eq!(name(0x1b240 + 4).as_deref(), Some("MYPF.CIM_PF_MAILBOX_DATA[1]"));
    assert_eq!(name(0x1050).as_deref(), Some("SGE_FL_BUFFER_SIZE[3]"));
    assert_eq!(name(0x3074).as_deref(), Some("PCIE_MEM_ACCESS_OFFSET[1]"));
    assert_eq!(name(0x38404).as_deref(), Some("PORT2.MPS_PORT_STAT_TX_PORT_BYTES[1]"));
    assert_eq!(name(0x40404), None);
    assert_eq!(name(0x9640).as_deref(), Some("MPS_STAT_RX_BG_0_MAC_DROP_FRAME[0]"));
    assert_eq!(name(0x7e44).as_deref(), Some("TP_PIO_DATA"));
    assert_eq!(name(0x1009), None);
    assert_eq!(name(u32::MAX), None);
    assert_eq!(regs::tp::pio::name(0x30 + 7), Some("TP_RSS_PF_CONFIG"));
    assert_eq!(regs::tp::pio::name(0x141), Some("TP_INGRESS_CONFIG"));
    assert_eq!(regs::tp::pio::name(0x142), None);
}

#[test]
fn no_two_registers_share_an_offset() {
    let mut seen = std::collections::BTreeMap::new();
    let block = |base: u32, tables: &[&'static [regs::Register]]| -> Vec<(u32, &'static str)> {
        let rows = tables.iter().flat_map(|table| table.iter());
        rows.flat_map(|row| {
            (0..row.count).map(move |i| (base + row.offset + i * row.stride, row.name))
        })
        .collect()
    };
    let mut all = block(0, regs::GLOBAL);
    all.extend(block(regs::pf::MYPF_BASE, &[regs::pf::TABLE]));
    all.extend((0..8).flat_map(|pf| block(pf_base(pf), &[regs::pf::TABLE])));
    all.extend((0..4).flat_map(|n| block(Chip::T5.port_base(PortId(n)), regs::mps::port::TABLES)));
    for (offset, name) in all {
        assert!(offset < regs::BAR0_SIZE && offset % 4 == 0, "{name} at {offset:#x}");
        assert_eq!(seen.insert(offset, name), None, "{name} at {offset:#x}");
        assert_eq!(regs::name(offset).map(|place| place.register.name), Some(name));
    }
}

#[test]
fn device_ids() {
    assert_eq!(PCI_VENDOR, 0x1425);
    // 0x5403: T5, function 4, T540-CR
    let id = T540_CR.device_id(4);
    assert_eq!(id, DeviceId(0x5403));
    assert_eq!((id.chip(), id.function(), id.product()), (Some(Chip::T5), 4, 3));
    assert_eq!(id.product_name(), Some("T540-CR"));
    assert_eq!(Product::of(id), Some(&T540_CR));
    assert_eq!(T540_CR.device_id(3), DeviceId(0x5003)); // functions 0 to 3 share one code
    assert_eq!(DeviceId(0x4401).product_name(), Some("T420-CR"));
    assert_eq!(DeviceId(0x5480).product_name(), None); // customer variant
    assert_eq!(DeviceId(0x6401).product_name(), None);
    assert_eq!((DeviceId(0x6401).chip(), Product::of(DeviceId(0x6401))), (None, None));
    for product in PRODUCTS {
        assert_eq!(product.device_id(4).product_name(), Some(product.name));
        assert_eq!(Product::of(product.device_id(4)), Some(product));
    }
    let speeds = PRODUCTS
        .iter()
        .map(|product| (product.name, u32::from(product.ports) * product.speed.mbps()));
    assert!(speeds.eq([
        ("T420-CR", 20_000),
        ("T440-CR", 40_000),
        ("T520-CR", 20_000),
        ("T540-CR", 40_000),
        ("T580-CR", 80_000),
    ]));
}

#[test]
fn chips_differ() {
    assert_eq!((Chip::T4.port_base(PortId(3)), Chip::T5.port_base(PortId(3))), (0x26000, 0x3c000));
    assert_eq!((Chip::T4.doorbell_units_max(), Chip::T5.doorbell_units_max()), (0x3fff, 0x1fff));
    assert_eq!((Chip::T4.mac_entries(), Chip::T5.mac_entries()), (336, 512));
    assert_eq!((Chip::T4.filter_tuple_bits(), Chip::T5.filter_tuple_bits()), (36, 40));
    assert_eq!((Chip::from_version(4), Chip::from_version(6)), (Some(Chip::T4), None));
    for query in [
        Chip::has_user_doorbells,
        Chip::freelist_doorbell_has_type,
        Chip::has_pack_boundary,
        Chip::takes_iss_from_host,
    ] {
        assert_eq!((query(Chip::T4), query(Chip::T5)), (false, true));
    }
    assert!(Chip::T4.window_base_is_bus_address() && !Chip::T5.window_base_is_bus_address());
}
