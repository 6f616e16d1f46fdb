//! The two crossings of the PCIe edge: the host reaches the card through [`Bar`], the card reaches
//! the host through [`HostMemory`].

use alloc::sync::Arc;

use crate::Iova;

/// The card's memory-mapped windows as the host sees them.
///
/// No access runs the data path. Doorbells and write-combined units only deposit; registers with
/// effects (mailbox, indirect pairs) act inside the access; all others are plain storage.
pub trait Bar: Sync {
    /// A 32-bit register of BAR0.
    fn read32(&self, offset: u32) -> u32;
    /// Writes a 32-bit register of BAR0.
    fn write32(&self, offset: u32, value: u32);
    /// Writes a 64-bit register pair of BAR0 (low word at `offset`) as one access.
    fn write64(&self, offset: u32, value: u64);
    /// Writes a 32-bit doorbell of BAR2.
    fn write_doorbell(&self, offset: u32, value: u32);
    /// Writes a 64-byte unit into the write-combining area of a BAR2 doorbell page: descriptor and
    /// doorbell in one.
    fn write_combined(&self, offset: u32, unit: &[u8; 64]);
}

/// The card asked for host memory that the driver has not mapped for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DmaFault {
    /// First byte of the access.
    pub iova: Iova,
    /// Bytes asked for.
    pub len: usize,
}

/// Host memory as the card sees it, by bus address, checked against what the driver mapped.
///
/// Within one queue entry the card writes the payload first, then the entry without its last eight
/// bytes, then those with [`HostMemory::store_release_u64`].
pub trait HostMemory {
    /// Copies host memory into `dst`.
    fn read(&self, iova: Iova, dst: &mut [u8]) -> Result<(), DmaFault>;
    /// Copies `src` into host memory.
    fn write(&self, iova: Iova, src: &[u8]) -> Result<(), DmaFault>;
    /// Loads a word (as it lies in memory, native order) that hands ownership over. `iova` is a
    /// multiple of 8, else a fault. Pairs with the host's release store of the same word.
    fn load_acquire_u64(&self, iova: Iova) -> Result<u64, DmaFault>;
    /// Stores a word (as it shall lie in memory, native order) that hands ownership over. `iova` is a
    /// multiple of 8, else a fault. Pairs with the host's acquire load of the same word.
    fn store_release_u64(&self, iova: Iova, value: u64) -> Result<(), DmaFault>;
}

/// A card and the driver that maps memory for it share the same window.
impl<M: HostMemory + ?Sized> HostMemory for Arc<M> {
    #[inline]
    fn read(&self, iova: Iova, dst: &mut [u8]) -> Result<(), DmaFault> {
        (**self).read(iova, dst)
    }
    #[inline]
    fn write(&self, iova: Iova, src: &[u8]) -> Result<(), DmaFault> {
        (**self).write(iova, src)
    }
    #[inline]
    fn load_acquire_u64(&self, iova: Iova) -> Result<u64, DmaFault> {
        (**self).load_acquire_u64(iova)
    }
    #[inline]
    fn store_release_u64(&self, iova: Iova, value: u64) -> Result<(), DmaFault> {
        (**self).store_release_u64(iova, value)
    }
}
