//! Which parts of an arena are free.

use std::collections::BTreeMap;

/// First fit over the gaps, which are kept by offset so that neighbours join again.
///
/// Buffers are taken at start-up and given back at the end: clarity before speed.
#[derive(Debug)]
pub(super) struct FreeList {
    /// Offset of each gap and its length; no two gaps touch.
    gaps: BTreeMap<usize, usize>,
}

impl FreeList {
    /// All of `len` bytes are free.
    pub(super) fn new(len: usize) -> Self {
        Self { gaps: BTreeMap::from([(0, len)]) }
    }

    /// Takes `len` bytes (not 0) whose offset is a multiple of `align` (a power of two).
    pub(super) fn take(&mut self, len: usize, align: usize) -> Option<usize> {
        let (gap, gap_len, offset) = self.gaps.iter().find_map(|(&gap, &gap_len)| {
            let offset = gap.checked_next_multiple_of(align)?;
            let fits = offset.checked_add(len)? <= gap + gap_len;
            fits.then_some((gap, gap_len, offset))
        })?;
        self.gaps.remove(&gap);
        if offset > gap {
            self.gaps.insert(gap, offset - gap);
        }
        let end = gap + gap_len;
        if end > offset + len {
            self.gaps.insert(offset + len, end - offset - len);
        }
        Some(offset)
    }

    /// Gives back what [`FreeList::take`] gave.
    pub(super) fn give_back(&mut self, mut offset: usize, mut len: usize) {
        if let Some((&before, &before_len)) = self.gaps.range(..=offset).next_back() {
            assert!(before + before_len <= offset, "bytes at {offset} are free already");
            if before + before_len == offset {
                self.gaps.remove(&before);
                offset = before;
                len += before_len;
            }
        }
        if let Some((&after, &after_len)) = self.gaps.range(offset..).next() {
            assert!(offset + len <= after, "bytes at {after} are free already");
            if offset + len == after {
                self.gaps.remove(&after);
                len += after_len;
            }
        }
        self.gaps.insert(offset, len);
    }

    /// Free bytes, in one piece or many.
    pub(super) fn free(&self) -> usize {
        self.gaps.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_split_and_join() {
        let mut list = FreeList::new(1024);
        let a = list.take(100, 1).expect("room");
        let b = list.take(64, 64).expect("room");
        let c = list.take(1, 1).expect("room");
        assert_eq!((a, b, c), (0, 128, 100), "the gap left by alignment is used");
        assert_eq!(list.take(1024, 1), None);
        assert_eq!(list.free(), 1024 - 165);
        list.give_back(b, 64);
        list.give_back(a, 100);
        list.give_back(c, 1);
        assert_eq!(list.take(1024, 1024), Some(0), "all joined again");
    }

    #[test]
    #[should_panic(expected = "free already")]
    fn giving_back_twice_is_a_bug() {
        let mut list = FreeList::new(256);
        let a = list.take(64, 64).expect("room");
        list.give_back(a, 64);
        list.give_back(a, 64);
    }

    #[test]
    fn an_overlong_wish_does_not_overflow() {
        let mut list = FreeList::new(256);
        assert_eq!(list.take(usize::MAX, 1), None);
        assert_eq!(list.take(1, 1 << (usize::BITS - 1)), Some(0), "offset 0 suits every alignment");
        assert_eq!(list.take(1, 1 << (usize::BITS - 1)), None);
    }
}
