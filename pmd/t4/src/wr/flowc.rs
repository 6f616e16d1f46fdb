//! FW_FLOWC_WR: what the firmware must know of a flow, the first work request of a tid on an offload queue.

use zerocopy::FromBytes;

use super::{Cursor, Malformed, Op, WrHi, WrMid, len16};
use crate::Tid;

codes! {
    /// Parameters of a flow (`t4fw_interface.h FW_FLOWC_MNEM_*`).
    pub Mnem: u8 {
        /// A [`PfnVfn`].
        PFNVFN = 0,
        /// Channel.
        CH = 1,
        PORT = 2,
        /// Ingress queue, absolute.
        IQID = 3,
        SNDNXT = 4,
        RCVNXT = 5,
        /// Send buffer in bytes.
        SNDBUF = 6,
        MSS = 7,
        TXDATAPLEN_MAX = 8,
        /// A [`State`](crate::tcb::State), 4 to 9.
        TCPSTATE = 9,
        EOSTATE = 10,
        SCHEDCLASS = 11,
        DCBPRIO = 12,
        SND_SCALE = 13,
        /// Shift of the peer's window.
        RCV_SCALE = 14,
        ULD_MODE = 15,
        /// Of software adapters, not of silicon, whose numbers are low: 0 says that what commits the host to a connection
        /// need not wait until it can see that.
        COMMITS = 0xf0,
    }
}

bits! {
    /// Value of [`Mnem::PFNVFN`].
    pub PfnVfn: u32 {
        15:8 pfn,
        7:0 vfn,
    }
}

layout! {
    /// The header, which parameters follow (`fw_flowc_wr`).
    pub FwFlowcWr [8] {
        /// Its `immdlen` is the number of parameters.
        0 hi: WrHi,
        4 mid: WrMid,
    }
}
zero_default!(FwFlowcWr);

layout! {
    /// A parameter (`fw_flowc_mnemval`).
    pub FlowcMnemVal [8] {
        0 mnemonic: Mnem,
        1 _: [u8; 3],
        4 val: u32,
    }
}
zero_default!(FlowcMnemVal);

impl FwFlowcWr {
    /// Units of 16 bytes of a FLOWC with `params` parameters: its cost in credits.
    #[must_use]
    pub const fn len16_of(params: usize) -> usize {
        len16(Self::SIZE + FlowcMnemVal::SIZE * params)
    }

    /// Writes a FLOWC for `tid` into `buf`; the bytes used, or `None` when they do not fit. With `compl` a FW4_ACK
    /// is wanted.
    #[must_use]
    pub fn write(buf: &mut [u8], tid: Tid, compl: bool, params: &[(Mnem, u32)]) -> Option<usize> {
        let count = u8::try_from(params.len()).ok()?;
        let bytes = Self::SIZE + FlowcMnemVal::SIZE * params.len();
        if bytes > super::MAX_LEN {
            return None;
        }
        let mut out = Cursor::new(buf);
        out.put_ref(
            &Self::default()
                .with_hi(WrHi::of(Op::FLOWC).with_compl(compl).with_immdlen(u32::from(count)))
                .with_mid(WrMid::of(tid, bytes)),
        )?;
        for &(mnemonic, val) in params {
            out.put_ref(&FlowcMnemVal::default().with_mnemonic(mnemonic).with_val(val))?;
        }
        out.finish()
    }

    /// The parameters of the FLOWC `wr`, which may name any of them several times.
    pub fn params(wr: &[u8]) -> Result<impl Iterator<Item = (Mnem, u32)> + Clone + '_, Malformed> {
        let (header, rest) = Self::ref_from_prefix(wr).map_err(|_| Malformed)?;
        let count = header.hi().immdlen() as usize;
        let (params, _) =
            <[FlowcMnemVal]>::ref_from_prefix_with_elems(rest, count).map_err(|_| Malformed)?;
        Ok(params.iter().map(|param| (param.mnemonic(), param.val())))
    }
}
