//! Reading and writing a TCB.

use super::{OpcodeTid, ReplyCtrl, Status};
use crate::tcb::{Field, Tcb};
use crate::wr::FilterCookie;
use crate::{IqId, Tid};

layout! {
    /// Replaces a whole TCB (`cpl_set_tcb`); the image presumably follows. No driver uses it.
    pub SetTcb [8] {
        0 ot: OpcodeTid,
        4 reply_ctrl: ReplyCtrl,
        6 cookie: u16,
    }
}

bits! {
    /// Which 64 bits of a TCB, and what the answer repeats (`WORD, COOKIE`).
    pub WordCookie: u16 {
        7:5 cookie,
        4:0 word,
    }
}

layout! {
    /// Writes the masked bits of the 64 that begin at a word of a TCB (`cpl_set_tcb_field`).
    pub SetTcbField [24] {
        0 ot: OpcodeTid,
        4 reply_ctrl: ReplyCtrl,
        6 word_cookie: WordCookie,
        8 mask: u64,
        16 val: u64,
    }
}

bits! {
    /// Low byte of the request's [`WordCookie`].
    pub TcbCookie: u8 {
        7:5 cookie,
        4:0 word,
    }
}

layout! {
    /// A TCB field is written, or a filter work request is done (`cpl_set_tcb_rpl`).
    pub SetTcbRpl [16] {
        0 ot: OpcodeTid,
        4 _: u16,
        6 cookie: TcbCookie,
        7 status: Status,
        /// The 64 bits before the write.
        8 oldval: u64,
    }
}

impl SetTcbRpl {
    /// The end of a filter work request, whose ftid stands in place of the tid.
    #[must_use]
    pub fn filter_cookie(&self) -> FilterCookie {
        FilterCookie(self.cookie().cookie())
    }
}

layout! {
    /// Asks for a TCB (`cpl_get_tcb`).
    pub GetTcb [8] {
        0 ot: OpcodeTid,
        4 reply_ctrl: ReplyCtrl,
        6 cookie: u16,
    }
}

layout! {
    /// A TCB (`cpl_get_tcb_rpl and the image behind it`).
    pub GetTcbRpl [136] {
        0 ot: OpcodeTid,
        4 cookie: u8,
        5 status: Status,
        6 len: u16,
        8 tcb: Tcb,
    }
}

cpls! {
    SetTcb = SET_TCB by tid;
    SetTcbField = SET_TCB_FIELD by tid;
    SetTcbRpl = SET_TCB_RPL by tid;
    GetTcb = GET_TCB by tid;
    GetTcbRpl = GET_TCB_RPL by tid;
}

impl SetTcbField {
    /// Sets `field` of `tid` to `value`; no cookie, an answer to queue 0 unless `reply_ctrl` says otherwise.
    #[must_use]
    pub fn of(tid: Tid, field: Field, value: u64) -> Self {
        Self::at(tid, field.word, field.mask(), field.place(value))
    }

    /// Sets the masked bits of the 64 from `word` on.
    #[must_use]
    pub fn at(tid: Tid, word: u8, mask: u64, val: u64) -> Self {
        Self::new(tid)
            .with_word_cookie(WordCookie(0).with_word(u16::from(word)))
            .with_mask(mask)
            .with_val(val)
    }

    /// Reads the 64 bits from `word` on: a write with an empty mask, whose answer has the old value.
    #[must_use]
    pub fn read(tid: Tid, word: u8, reply_to: IqId) -> Self {
        Self::at(tid, word, 0, 0).with_reply_ctrl(ReplyCtrl::to(reply_to))
    }

    /// With the cookie (three bits) that the answer repeats.
    #[must_use]
    pub fn with_cookie(self, cookie: u8) -> Self {
        self.with_word_cookie(self.word_cookie().with_cookie(u16::from(cookie)))
    }

    /// First of the 64 bits, in words.
    #[must_use]
    pub fn word(&self) -> u8 {
        // Five bits.
        self.word_cookie().word() as u8
    }

    /// The answer, given the 64 bits before the write.
    #[must_use]
    pub fn reply(&self, oldval: u64) -> SetTcbRpl {
        // The low byte is repeated.
        SetTcbRpl::new(self.tid())
            .with_cookie(TcbCookie(self.word_cookie().0 as u8))
            .with_oldval(oldval)
    }
}
