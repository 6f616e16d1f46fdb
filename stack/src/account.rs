//! What goes by on one connection of the host path, counted for whoever watches it.

use mafo_tcp::Segment;

/// Segments of one connection, by the names that Linux's TCP_INFO has for them. They wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Segments that came in.
    pub segs_in: u32,
    /// Segments that went out.
    pub segs_out: u32,
    /// Those that came in with payload.
    pub data_segs_in: u32,
    /// Those that went out with payload.
    pub data_segs_out: u32,
    /// Those that were sent again, whatever was in them.
    pub total_retrans: u32,
    /// Payload bytes in them.
    pub bytes_retrans: u64,
}

impl Account {
    /// So many segments have come in together, with payload or without.
    #[inline]
    pub(crate) fn came(&mut self, segments: usize, has_payload: bool) {
        let segments = segments as u32;
        self.segs_in = self.segs_in.wrapping_add(segments);
        if has_payload {
            self.data_segs_in = self.data_segs_in.wrapping_add(segments);
        }
    }

    /// A segment leaves, for the first time or once more.
    #[inline]
    pub(crate) fn leaves(&mut self, segment: &Segment, again: bool) {
        self.segs_out = self.segs_out.wrapping_add(1);
        self.data_segs_out = self.data_segs_out.wrapping_add(u32::from(segment.payload_len > 0));
        if again {
            self.total_retrans = self.total_retrans.wrapping_add(1);
            self.bytes_retrans += u64::from(segment.payload_len);
        }
    }
}
