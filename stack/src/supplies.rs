//! What sockets are made with: buffers, used ones if there are any, and settings.

use std::sync::Arc;

use mafo_pmd::eal::dma::DmaBuf;

use crate::Options;
use crate::buffer::RecvBuffer;
use crate::core::Core;

impl Core {
    /// A send buffer: a used one if there is any, since its memory is warm.
    pub(crate) fn send_buffer(&mut self) -> Option<DmaBuf> {
        if self.send_buffers.is_empty() {
            self.more_send_buffers()?;
        }
        self.send_buffers.pop()
    }

    /// Small ones come many at a time, with one record for all.
    fn more_send_buffers(&mut self) -> Option<()> {
        let len = self.config.send_buffer;
        let each = len.next_multiple_of(CACHE_LINE);
        let more = (SEND_BUFFERS / each).saturating_sub(1) * each;
        let many = self.arena.alloc(more + len, CACHE_LINE);
        let mut rest = many.or_else(|_| self.arena.alloc(len, CACHE_LINE)).ok()?;
        while let Some(first) = rest.cut(len) {
            self.send_buffers.push(first);
        }
        self.send_buffers.push(rest);
        Some(())
    }

    /// A receive buffer of `room` bytes: a used one if there is any, since the system takes its time to give memory.
    pub(crate) fn recv_buffer(&mut self, room: usize) -> RecvBuffer {
        let used = (room == self.config.recv_buffer).then(|| self.recv_buffers.pop()).flatten();
        used.map_or_else(|| RecvBuffer::new(room), RecvBuffer::over)
    }

    /// These settings, shared with the last socket that has the same.
    pub(crate) fn share(&mut self, options: Options) -> Arc<Options> {
        if *self.settings != options {
            self.settings = Arc::new(options);
        }
        Arc::clone(&self.settings)
    }
}

const CACHE_LINE: usize = 64;

/// Bytes of send buffers that are taken from the arena at a time.
const SEND_BUFFERS: usize = 64 << 10;
