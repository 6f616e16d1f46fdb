//! Ethernet frames in bursts whose buffers stay warm.

/// A burst, a ring or a pool had no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

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
    pub fn copy_from(&mut self, bytes: &[u8]) -> Result<(), Full> {
        let Some(dst) = self.buf.get_mut(..bytes.len()) else { return Err(Full) };
        dst.copy_from_slice(bytes);
        self.len = bytes.len();
        Ok(())
    }
}

/// Up to a fixed number of frames; buffers are allocated once and used in the same order each time,
/// so that a small burst stays in cache.
#[derive(Debug)]
pub struct FrameBurst {
    frames: Vec<Frame>,
    len: usize,
}

impl FrameBurst {
    /// An empty burst for `frames` frames of up to `frame_capacity` bytes.
    #[must_use]
    pub fn new(frames: usize, frame_capacity: usize) -> Self {
        Self { frames: (0..frames).map(|_| Frame::with_capacity(frame_capacity)).collect(), len: 0 }
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

    /// Whether another frame would not fit.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.len == self.frames.len()
    }

    /// Empties the burst; the buffers stay.
    pub fn clear(&mut self) {
        self.len = 0;
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
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Full> {
        let frame = self.frames.get_mut(self.len).ok_or(Full)?;
        frame.copy_from(bytes)?;
        self.len += 1;
        Ok(())
    }

    /// The next free frame, to be filled (by its owner, or by [`core::mem::swap`] with a full one)
    /// and then counted by [`FrameBurst::commit`].
    pub fn spare(&mut self) -> Option<&mut Frame> {
        self.frames.get_mut(self.len)
    }

    /// Counts the frame that [`FrameBurst::spare`] lent. Panics when there was none.
    pub fn commit(&mut self) {
        assert!(self.len < self.frames.len(), "commit on a full burst");
        self.len += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_takes_its_size_and_no_more() {
        let mut burst = FrameBurst::new(2, 4);
        assert_eq!(burst.push(&[1, 2]), Ok(()));
        assert_eq!(burst.push(&[1, 2, 3, 4, 5]), Err(Full), "longer than a buffer");
        assert_eq!(burst.push(&[3]), Ok(()));
        assert!(burst.is_full());
        assert_eq!(burst.push(&[4]), Err(Full));
        let seen: Vec<&[u8]> = burst.frames().iter().map(Frame::as_slice).collect();
        assert_eq!(seen, [&[1, 2][..], &[3][..]]);
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
