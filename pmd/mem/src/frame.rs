//! Ethernet frames in bursts whose buffers stay warm.

/// A burst, a ring or a pool had no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// Bytes of an Ethernet header without a VLAN tag: destination, source, EtherType.
pub const ETHERNET_HEADER: usize = 14;

/// Buffer size that holds a frame of any link with `mtu` and a VLAN tag or two, in whole cache lines
/// and never under 2,048: parts of a program that all size their frames by it can exchange buffers
/// where unlike ones have to copy ([`Frame::take_from`]).
#[must_use]
pub const fn capacity_for_mtu(mtu: usize) -> usize {
    let needed = (mtu + ETHERNET_HEADER + 2 * 4).next_multiple_of(64);
    if needed < 2048 { 2048 } else { needed }
}

/// One whole Ethernet frame, from the destination MAC to the last byte before the FCS.
#[derive(Debug)]
pub struct Frame {
    buf: Box<[u8]>,
    len: usize,
}

impl Frame {
    /// An empty frame that can hold `capacity` bytes.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { buf: vec![0; capacity].into_boxed_slice(), len: 0 }
    }

    /// The frame's bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.buf[..self.len]
    }

    /// The frame's bytes, to be rewritten in place.
    #[must_use]
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.buf[..self.len]
    }

    /// The whole buffer, to be filled before [`Frame::set_len`].
    #[must_use]
    pub fn buffer_mut(&mut self) -> &mut [u8] {
        &mut self.buf
    }

    /// How many bytes of the buffer are the frame. Panics above [`Frame::capacity`].
    pub fn set_len(&mut self, len: usize) {
        assert!(len <= self.buf.len(), "frame of {len} bytes in a buffer of {}", self.buf.len());
        self.len = len;
    }

    /// Bytes that the buffer can hold.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.buf.len()
    }

    /// Replaces the content by a copy of `bytes`; [`Full`] and unchanged if they do not fit.
    #[inline]
    pub fn copy_from(&mut self, bytes: &[u8]) -> Result<(), Full> {
        let Some(dst) = self.buf.get_mut(..bytes.len()) else { return Err(Full) };
        dst.copy_from_slice(bytes);
        self.len = bytes.len();
        Ok(())
    }

    /// Takes over the content of `other`, whose content is undefined afterwards: by exchange of
    /// buffers if they are equally large, so that each owner keeps the size it counts on, else by a
    /// copy. [`Full`], and both unchanged, if the content does not fit.
    #[inline]
    pub fn take_from(&mut self, other: &mut Self) -> Result<(), Full> {
        if self.capacity() == other.capacity() {
            core::mem::swap(self, other);
            return Ok(());
        }
        self.copy_from(other.as_slice())
    }
}

/// Up to a fixed number of frames; buffers are allocated once and used in the same order each time,
/// so that a small burst stays in cache.
#[derive(Debug)]
pub struct FrameBurst {
    /// Those that have a buffer.
    frames: Vec<Frame>,
    len: usize,
    /// Frames at most, and the bytes of each.
    capacity: (usize, usize),
}

impl FrameBurst {
    /// An empty burst for `frames` frames of up to `frame_capacity` bytes.
    #[must_use]
    pub fn new(frames: usize, frame_capacity: usize) -> Self {
        let mut burst = Self::on_demand(frames, frame_capacity);
        burst.frames.extend((0..frames).map(|_| Frame::with_capacity(frame_capacity)));
        burst
    }

    /// The same whose buffers are each allocated when it is used first: for a burst of which mostly little is.
    #[must_use]
    pub fn on_demand(frames: usize, frame_capacity: usize) -> Self {
        Self { frames: Vec::with_capacity(frames), len: 0, capacity: (frames, frame_capacity) }
    }

    /// Frames in the burst.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the burst holds no frame.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Frames that may still be added.
    #[must_use]
    pub fn room(&self) -> usize {
        self.capacity.0 - self.len
    }

    /// Whether another frame would not fit.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.len == self.capacity.0
    }

    /// Empties the burst; the buffers stay.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Takes all but the oldest `len` frames out of the burst, if it has more; the buffers stay.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Takes the oldest `frames` frames out of the burst, or all; the buffers stay.
    pub fn remove_front(&mut self, frames: usize) {
        let gone = frames.min(self.len);
        self.frames[..self.len].rotate_left(gone);
        self.len -= gone;
    }

    /// The frames, oldest first.
    #[must_use]
    pub fn frames(&self) -> &[Frame] {
        &self.frames[..self.len]
    }

    /// The frames, oldest first, to be rewritten in place.
    #[must_use]
    pub fn frames_mut(&mut self) -> &mut [Frame] {
        &mut self.frames[..self.len]
    }

    /// Appends a copy of `bytes`; [`Full`] when there is no room or the frame is too long.
    #[inline]
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.spare().ok_or(Full)?.copy_from(bytes)?;
        self.len += 1;
        Ok(())
    }

    /// Appends the content of `frame` as [`Frame::take_from`] does; [`Full`] when there is no room or
    /// the frame is too long.
    #[inline]
    pub fn push_frame(&mut self, frame: &mut Frame) -> Result<(), Full> {
        self.spare().ok_or(Full)?.take_from(frame)?;
        self.len += 1;
        Ok(())
    }

    /// The next free frame, to be filled (by its owner, or by [`core::mem::swap`] with a full one)
    /// and then counted by [`FrameBurst::commit`].
    #[inline]
    pub fn spare(&mut self) -> Option<&mut Frame> {
        if self.frames.len() == self.len {
            self.grow();
        }
        self.frames.get_mut(self.len)
    }

    #[cold]
    fn grow(&mut self) {
        if self.len < self.capacity.0 {
            self.frames.push(Frame::with_capacity(self.capacity.1));
        }
    }

    /// Counts the frame that [`FrameBurst::spare`] lent. Panics when there was none.
    #[inline]
    pub fn commit(&mut self) {
        assert!(self.len < self.frames.len(), "commit on a full burst");
        self.len += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_on_demand_are_allocated_once() {
        let mut burst = FrameBurst::on_demand(2, 4);
        assert_eq!((burst.frames.len(), burst.room()), (0, 2));
        assert_eq!(burst.push(&[1]), Ok(()));
        let address = burst.frames()[0].as_slice().as_ptr();
        burst.clear();
        assert_eq!((burst.room(), burst.is_full()), (2, false));
        assert_eq!(burst.push(&[2]), Ok(()));
        assert_eq!(burst.frames()[0].as_slice().as_ptr(), address, "the same again");
        assert_eq!(burst.spare().map(|frame| frame.capacity()), Some(4));
        burst.commit();
        assert_eq!((burst.is_full(), burst.frames.len()), (true, 2));
        assert_eq!(burst.push(&[3]), Err(Full));
    }

    #[test]
    fn a_burst_takes_its_size_and_no_more() {
        let mut burst = FrameBurst::new(2, 4);
        assert_eq!(burst.push(&[1, 2]), Ok(()));
        assert_eq!(burst.room(), 1);
        assert_eq!(burst.push(&[1, 2, 3, 4, 5]), Err(Full), "longer than a buffer");
        assert_eq!(burst.push(&[3]), Ok(()));
        assert_eq!((burst.is_full(), burst.room()), (true, 0));
        assert_eq!(burst.push(&[4]), Err(Full));
        let seen: Vec<&[u8]> = burst.frames().iter().map(Frame::as_slice).collect();
        assert_eq!(seen, [&[1, 2][..], &[3][..]]);
        burst.truncate(3);
        assert_eq!(burst.len(), 2, "there were no more");
        burst.truncate(1);
        assert_eq!((burst.len(), burst.frames()[0].as_slice()), (1, &[1, 2][..]));
    }

    #[test]
    fn the_oldest_leave_first() {
        let mut burst = FrameBurst::new(3, 8);
        for byte in 1..=3 {
            burst.push(&[byte]).expect("fits");
        }
        burst.remove_front(2);
        assert_eq!((burst.len(), burst.frames()[0].as_slice()), (1, &[3][..]));
        burst.push(&[4]).expect("fits");
        burst.push(&[5]).expect("fits");
        assert!(burst.is_full());
        burst.remove_front(4);
        assert!(burst.is_empty());
    }

    #[test]
    fn equal_buffers_are_exchanged_and_unlike_ones_copied() {
        let mut burst = FrameBurst::new(3, 8);
        let mut alike = Frame::with_capacity(8);
        alike.copy_from(&[1, 2]).expect("fits");
        let address = alike.as_slice().as_ptr();
        assert_eq!(burst.push_frame(&mut alike), Ok(()));
        assert_eq!(burst.frames()[0].as_slice().as_ptr(), address, "exchanged");
        assert_eq!(alike.capacity(), 8);

        let mut larger = Frame::with_capacity(9);
        larger.copy_from(&[3; 8]).expect("fits");
        let address = larger.as_slice().as_ptr();
        assert_eq!(burst.push_frame(&mut larger), Ok(()));
        assert_ne!(burst.frames()[1].as_slice().as_ptr(), address, "copied");
        assert_eq!((burst.frames()[1].as_slice(), burst.frames()[1].capacity()), (&[3; 8][..], 8));

        larger.copy_from(&[4; 9]).expect("fits");
        assert_eq!(burst.push_frame(&mut larger), Err(Full), "longer than a buffer");
        assert_eq!((burst.len(), larger.as_slice()), (2, &[4; 9][..]), "unchanged");
    }

    #[test]
    fn buffers_hold_tagged_frames_of_their_mtu() {
        assert_eq!(capacity_for_mtu(1500), 2048);
        assert_eq!(capacity_for_mtu(2048 - 22), 2048);
        assert_eq!(capacity_for_mtu(2048 - 21), 2112);
        assert_eq!(capacity_for_mtu(9000), 9024);
    }

    #[test]
    fn a_spare_counts_only_after_commit() {
        let mut burst = FrameBurst::new(1, 4);
        burst.spare().expect("room").copy_from(&[7]).expect("fits");
        assert!(burst.is_empty());
        burst.commit();
        assert_eq!(burst.frames()[0].as_slice(), [7]);
        assert!(burst.spare().is_none());
    }
}
