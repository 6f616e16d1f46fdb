//! RSS: FW_RSS_GLB_CONFIG, FW_RSS_VI_CONFIG, FW_RSS_IND_TBL.

use super::{Access, Command, Viid};
use crate::IqId;

bits! {
    /// Who decides (S_FW_RSS_GLB_CONFIG_CMD_MODE).
    pub RssMode: u32 { 31:28 mode }
}

impl RssMode {
    /// `mode`: the driver writes the registers.
    pub const MANUAL: u32 = 0;
    /// `mode`: each virtual interface has its settings (FW_RSS_GLB_CONFIG_CMD_MODE_BASICVIRTUAL).
    pub const BASICVIRTUAL: u32 = 1;
}

bits! {
    /// What is hashed and mapped (S_FW_RSS_GLB_CONFIG_CMD_SYNMAPEN, …).
    pub RssGlbFlags: u32 {
        8 synmapen, 7 syn4tupenipv6, 6 syn2tupenipv6, 5 syn4tupenipv4, 4 syn2tupenipv4, 3 ofdmapen,
        2 tnlmapen, 1 tnlalllkp, 0 hashtoeplitz,
    }
}

command! {
    /// RSS of the whole card. (`fw_rss_glb_config_cmd, basicvirtual`)
    pub struct RssGlbConfigCmd[32] = RSS_GLB_CONFIG, super::Lo {
        /// Who decides.
        mode: RssMode,
        /// What is hashed and mapped.
        flags: RssGlbFlags,
        #[doc(hidden)]
        r8: u64,
        #[doc(hidden)]
        r9: u64,
    }
}

bits! {
    /// Default queue and hash of an interface (S_FW_RSS_VI_CONFIG_CMD_DEFAULTQ, …).
    pub RssViFlags: u32 { 25:16 defaultq, 4 ip6fourtupen, 3 ip6twotupen, 2 ip4fourtupen, 1 ip4twotupen, 0 udpen }
}

command! {
    /// RSS of a virtual interface. (`fw_rss_vi_config_cmd, basicvirtual`)
    pub struct RssViConfigCmd[32] = RSS_VI_CONFIG, super::Lo {
        #[doc(hidden)]
        r6: u32,
        /// Default queue and hash.
        flags: RssViFlags,
        #[doc(hidden)]
        r9: u64,
        #[doc(hidden)]
        r10: u64,
    }
}

bits! {
    /// Three queues of the indirection table, absolute ids (S_FW_RSS_IND_TBL_CMD_IQ0, …).
    pub RssQueues: u32 { 29:20 iq0, 19:10 iq1, 9:0 iq2 }
}

command! {
    /// Writes up to 32 entries of an interface's slice of the indirection table. (`fw_rss_ind_tbl_cmd`)
    pub struct RssIndTblCmd[64] = RSS_IND_TBL, super::Lo {
        /// Entries written.
        niqid: u16,
        /// First of them, inside the slice.
        startidx: u16,
        #[doc(hidden)]
        r3: u32,
        /// The queues, three a word; the last word has two.
        queues: [RssQueues; 11],
        #[doc(hidden)]
        r15_lo: u32,
    }
}

impl RssIndTblCmd {
    /// Entries a command has room for.
    pub const MAX: usize = 32;

    /// Writes `queues` (at most 32; more are a bug) from entry `start` of the slice of `viid`.
    #[must_use]
    pub fn write(viid: Viid, start: u16, queues: &[IqId]) -> Self {
        assert!(queues.len() <= Self::MAX, "{} queues in one FW_RSS_IND_TBL_CMD", queues.len());
        let mut command = Self::request(Access::Write)
            .of_vi(viid)
            .with_niqid(queues.len() as u16)
            .with_startidx(start);
        for (slot, three) in command.queues.iter_mut().zip(queues.chunks(3)) {
            let id = |i: usize| three.get(i).map_or(0, |queue| u32::from(queue.0));
            let word = RssQueues::default().with_iq0(id(0)).with_iq1(id(1)).with_iq2(id(2));
            *slot = crate::message::Field::store(word);
        }
        command
    }
    /// The queues written, in order; never more than fit.
    pub fn iter(&self) -> impl Iterator<Item = IqId> {
        let count = usize::from(self.niqid()).min(Self::MAX);
        self.queues()
            .into_iter()
            .flat_map(|word| [word.iq0(), word.iq1(), word.iq2()])
            .map(|queue| IqId(queue as u16))
            .take(count)
    }
}
