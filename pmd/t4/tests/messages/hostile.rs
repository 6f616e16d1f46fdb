//! What a host (for the card) or a device (for the driver) may write: nothing panics, nothing is believed, and what
//! a writer wrote is read again.

use mafo_t4::Tid;
use mafo_t4::cpl::{self, Cpl, TxDataFlags};
use mafo_t4::tcb::field;
use mafo_t4::wr::*;
use proptest::collection::vec;
use proptest::prelude::*;

/// Reads `bytes` as a message of type `T` in every way.
fn read<T: Cpl + core::fmt::Debug>(bytes: &[u8]) {
    let parsed = cpl::parse::<T>(bytes);
    assert_eq!(
        parsed.is_some(),
        bytes.len() >= size_of::<T>() && cpl::opcode(bytes) == Some(T::OPCODE)
    );
    if let Some((message, rest)) = cpl::split::<T>(bytes) {
        assert_eq!(message.as_bytes(), &bytes[..size_of::<T>()]);
        assert_eq!(rest, &bytes[size_of::<T>()..]);
        // Every getter, by way of Debug.
        assert!(!format!("{message:?}").is_empty());
    }
}

fn read_all(bytes: &[u8]) {
    macro_rules! read_each { ($($T:ident)*) => { $( read::<cpl::$T>(bytes); )* } }
    read_each! {
        PassOpenReq PassOpenReq6 PassOpenRpl CloseListsrvReq CloseListsrvRpl PassAcceptReq PassAcceptRpl
        T4PassAcceptRpl ActOpenReq ActOpenReq6 T4ActOpenReq T4ActOpenReq6 ActOpenRpl PassEstablish ActEstablish
        TidRelease RxData RxDataAck TxData Fw4Ack PeerClose CloseConReq CloseConRpl AbortReq AbortRpl
        AbortReqRss AbortRplRss RxUrgNotify RxUrgPkt Fw4Msg Fw6Msg SgeEgrUpdate Barrier Error TxPkt TxPktLso
        RxPkt T5TracePkt TracePkt L2tWriteReq L2tWriteRpl SmtWriteReq SmtWriteRpl SetTcb SetTcbField SetTcbRpl
        GetTcb GetTcbRpl
    }
}

/// Opcodes of all messages, so that random bytes are taken for one.
const OPCODES: [u8; 47] = [
    0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x12, 0x14, 0x18,
    0x1a, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x29, 0x2b, 0x2c, 0x2d, 0x2e, 0x32, 0x39, 0x3a,
    0x3b, 0x40, 0x41, 0x44, 0x48, 0x81, 0x83, 0xa5, 0xb0, 0xc0, 0xc3, 0xe0, 0xed, 0xee, 0xff,
];

fn message() -> impl Strategy<Value = Vec<u8>> {
    (proptest::sample::select(&OPCODES[..]), vec(any::<u8>(), 0..160)).prop_map(
        |(opcode, mut bytes)| {
            bytes.insert(0, opcode);
            bytes
        },
    )
}

/// Bytes that begin like a work request: lengths small enough to be taken for true now and then.
fn work_request() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        Just(0),
        0..16u8,
        any::<u8>(),
        proptest::sample::select(&[0x04u8, 0x80, 0x81, 0x82, 0xed, 0xee][..])
    ];
    vec(byte, 0..600)
}

/// Walks a work request in every way; what is read lies inside it.
fn walk(bytes: &[u8]) {
    let _ = header(bytes);
    if let Some((header, wr)) = cut(bytes) {
        assert_eq!(header.bytes(), wr.len());
        assert!(wr.len() <= MAX_LEN);
    }
    if let Ok(cpl) = FwTpWr::cpl(bytes) {
        assert!(cpl.len() <= bytes.len() - 16);
        read_all(cpl);
    }
    if let Some(packets) = UlptxCpls::of(bytes) {
        let packets: Vec<_> = packets.collect();
        assert!(packets.len() <= bytes.len() / 16, "each packet takes at least 16 bytes");
        for packet in packets.iter().flatten() {
            read_all(packet.cpl);
        }
    }
    if let Ok(params) = FwFlowcWr::params(bytes) {
        assert!(params.count() <= bytes.len() / 8);
    }
    if let Ok((header, payload)) = FwOfldTxDataWr::parse(bytes) {
        assert_eq!(u64::from(header.plen()), payload.len());
        assert_eq!(payload.is_empty(), header.plen() == 0);
    }
    if let Ok(pkt) = FwEthTxPktWr::parse(bytes) {
        assert!(!format!("{pkt:?}").is_empty());
    }
    if let Ok(list) = Dsgl::parse(bytes) {
        assert_eq!(list.iter().count(), list.len());
        assert_eq!(list.get(list.len()), None);
        assert_eq!(list.total(), list.iter().map(|sge| u64::from(sge.len)).sum::<u64>());
    }
}

fn sges() -> impl Strategy<Value = Vec<Sge>> {
    vec((any::<u64>(), 0..100_000u32), 1..60).prop_map(|sges| {
        sges.into_iter().map(|(iova, len)| Sge { iova: mafo_t4::Iova(iova), len }).collect()
    })
}

/// One of the CPLs that travel in ULPTX work requests, of various lengths.
#[derive(Clone, Debug)]
enum Travelling {
    Set(u8, u64, u64),
    Close(u32),
    Abort(u32),
    Open(u16),
}

impl Travelling {
    fn push(&self, wr: &mut UlptxWriter<'_>) -> Result<(), WrFull> {
        match *self {
            Self::Set(word, mask, val) => wr.push(&cpl::SetTcbField::at(Tid(1), word, mask, val)),
            Self::Close(tid) => wr.push(&cpl::CloseConReq::new(Tid(tid))),
            Self::Abort(snd_nxt) => wr.push(&cpl::AbortReq::new(Tid(2)).with_snd_nxt(snd_nxt)),
            Self::Open(port) => {
                let open = cpl::ActOpenReq::new(mafo_t4::IqId(3), mafo_t4::Atid(4));
                wr.push(&open.with_local_port(port))
            }
        }
    }

    fn bytes(&self) -> Vec<u8> {
        match *self {
            Self::Set(word, mask, val) => {
                cpl::SetTcbField::at(Tid(1), word, mask, val).as_bytes().to_vec()
            }
            Self::Close(tid) => cpl::CloseConReq::new(Tid(tid)).as_bytes().to_vec(),
            Self::Abort(snd_nxt) => {
                cpl::AbortReq::new(Tid(2)).with_snd_nxt(snd_nxt).as_bytes().to_vec()
            }
            Self::Open(port) => cpl::ActOpenReq::new(mafo_t4::IqId(3), mafo_t4::Atid(4))
                .with_local_port(port)
                .as_bytes()
                .to_vec(),
        }
    }
}

fn travelling() -> impl Strategy<Value = Travelling> {
    prop_oneof![
        (0..32u8, any::<u64>(), any::<u64>())
            .prop_map(|(word, mask, val)| Travelling::Set(word, mask, val)),
        (0..0x100_0000u32).prop_map(Travelling::Close),
        any::<u32>().prop_map(Travelling::Abort),
        any::<u16>().prop_map(Travelling::Open),
    ]
}

proptest! {
    #[test]
    fn any_bytes_as_any_message(bytes in message()) {
        read_all(&bytes);
    }

    #[test]
    fn any_bytes_as_any_work_request(bytes in work_request()) {
        walk(&bytes);
    }

    #[test]
    fn a_work_request_spoiled_or_cut(
        cpls in vec(travelling(), 1..8), at in 0..512usize, value: u8, cut_to in 0..=512usize,
    ) {
        let mut buf = [0; 512];
        let mut wr = UlptxWriter::new(&mut buf, Tid(1)).expect("room");
        for cpl in &cpls {
            let _ = cpl.push(&mut wr);
        }
        let len = wr.finish();
        walk(&buf[..len.min(cut_to)]);
        buf[at] = value;
        walk(&buf[..len]);
    }

    #[test]
    fn ulptx_round_trip(cpls in vec(travelling(), 0..16), room in 0..600usize) {
        let mut buf = vec![0xaa; room];
        let Some(mut wr) = UlptxWriter::new(&mut buf, Tid(9)) else {
            prop_assert!(room < 16);
            return Ok(());
        };
        // What does not fit is refused, and leaves the work request whole.
        let written: Vec<_> = cpls.iter().filter(|cpl| cpl.push(&mut wr).is_ok()).collect();
        let len = wr.finish();
        prop_assert!(len <= room.min(512) && len % 16 == 0);
        let (header, wr) = cut(&buf).expect("whole");
        prop_assert_eq!((header.op(), header.flow(), wr.len()), (Op::ULPTX, Tid(9), len));
        let read: Vec<_> = UlptxCpls::of(wr).expect("header").collect();
        prop_assert_eq!(read.len(), written.len());
        for (packet, cpl) in read.iter().zip(written) {
            prop_assert_eq!(packet.expect("read").cpl, &cpl.bytes()[..]);
        }
    }

    #[test]
    fn dsgl_round_trip(sges in sges(), room in 0..1024usize) {
        let mut buf = vec![0xaa; room];
        let written = Dsgl::write(&mut buf, &sges);
        prop_assert_eq!(written, (Dsgl::bytes(sges.len()) <= room).then_some(Dsgl::bytes(sges.len())));
        if let Some(len) = written {
            let read = Dsgl::parse(&buf[..len]).expect("read");
            prop_assert_eq!(read.iter().collect::<Vec<_>>(), sges);
            prop_assert!(Dsgl::parse(&buf[..len - 1]).is_err());
        }
    }

    #[test]
    fn tx_data_round_trip(sges in sges(), payload in vec(any::<u8>(), 0..300), flags: u32, room in 0..600usize) {
        let flags = TxDataFlags(flags);
        let mut buf = vec![0; room];
        if let Some(len) = FwOfldTxDataWr::write_inline(&mut buf, Tid(5), true, flags, &payload) {
            let (header, wr) = cut(&buf).expect("whole");
            prop_assert_eq!((header.op(), wr.len()), (Op::OFLD_TX_DATA, len));
            prop_assert_eq!(len, 16 * FwOfldTxDataWr::len16_inline(payload.len()));
            let (header, read) = FwOfldTxDataWr::parse(wr).expect("read");
            prop_assert_eq!(header.flags(), flags);
            prop_assert!(matches!(read, Payload::Inline(bytes) if bytes == payload));
        } else {
            let fits = (1..=255).contains(&payload.len());
            prop_assert!(!fits || 16 * FwOfldTxDataWr::len16_inline(payload.len()) > room);
        }
        if let Some(len) = FwOfldTxDataWr::write_sgl(&mut buf, Tid(5), false, flags, &sges) {
            let (header, wr) = cut(&buf).expect("whole");
            prop_assert_eq!((header.op(), wr.len()), (Op::OFLD_TX_DATA, len));
            prop_assert_eq!(len, 16 * FwOfldTxDataWr::len16_sgl(sges.len()));
            let Ok((_, Payload::Sgl(list))) = FwOfldTxDataWr::parse(wr) else { panic!("a list") };
            prop_assert_eq!(list.iter().collect::<Vec<_>>(), sges);
        } else {
            let fits = sges.len() <= FwOfldTxDataWr::MAX_SGES;
            prop_assert!(!fits || 16 * FwOfldTxDataWr::len16_sgl(sges.len()) > room);
        }
    }

    #[test]
    fn frame_round_trip(frame in vec(any::<u8>(), 1..500), len16 in 0..256u32, room in 0..600usize) {
        // A length in the caller's word does not count.
        let mid = WrMid(0).with_equeq(true).with_len16(len16);
        let mut buf = vec![0; room];
        if let Some(len) = FwEthTxPktWr::write_inline(&mut buf, mid, cpl::TxPkt::new(), &frame) {
            let (header, wr) = cut(&buf).expect("whole");
            prop_assert_eq!((header.op(), wr.len()), (Op::ETH_TX_PKT, len));
            let read = FwEthTxPktWr::parse(wr).expect("read");
            let inline = matches!(read.frame, Payload::Inline(bytes) if bytes == frame);
            prop_assert!(inline);
        } else {
            prop_assert!(frame.len() > 480 || 16 * FwEthTxPktWr::len16_inline(frame.len()) > room);
        }
    }

    #[test]
    fn flowc_round_trip(params in vec((any::<u8>(), any::<u32>()), 0..70), room in 0..600usize) {
        let params: Vec<_> = params.into_iter().map(|(mnem, val)| (Mnem(mnem), val)).collect();
        let mut buf = vec![0; room];
        if let Some(len) = FwFlowcWr::write(&mut buf, Tid(5), false, &params) {
            prop_assert_eq!(len, 16 * FwFlowcWr::len16_of(params.len()));
            let read: Vec<_> = FwFlowcWr::params(&buf[..len]).expect("read").collect();
            prop_assert_eq!(read, params);
        } else {
            prop_assert!(16 * FwFlowcWr::len16_of(params.len()) > room.min(512));
        }
    }

    #[test]
    fn tp_wr_round_trip(value in 0..1u64 << 28, room in 0..80usize) {
        let set = cpl::SetTcbField::of(Tid(1), field::SND_CWND, value);
        let mut buf = vec![0; room];
        let written = FwTpWr::write(&mut buf, Tid(1), false, &set);
        prop_assert_eq!(written, (room >= 48).then_some(48));
        if written.is_some() {
            prop_assert_eq!(FwTpWr::cpl(&buf).map(cpl::parse), Ok(Some(&set)));
        }
    }
}
