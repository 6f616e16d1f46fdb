//! Memory by 2 MiB pages when the system has some to give, by ordinary pages when not.

use std::alloc::Layout;
use std::ptr::{self, NonNull};
use std::sync::Once;

/// Size of a huge page, and what the length of a huge region is rounded up to.
pub const HUGE_PAGE: usize = 2 << 20;
/// Alignment of a region of ordinary pages.
const ORDINARY_PAGE: usize = 4096;

/// One reminder a process is enough; the second arena has the same reason.
static FALLBACK_TOLD: Once = Once::new();

/// What a region of memory is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pages {
    /// 2 MiB pages: one TLB entry covers a whole receive ring.
    Huge,
    /// The system's ordinary pages.
    Ordinary,
}

/// The system gave no memory at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system has no {len} bytes of memory to give")]
pub struct NoMemory {
    /// Bytes asked for.
    pub len: usize,
}

/// The command that reserves the huge pages that `len` bytes need.
#[must_use]
pub fn reserve_command(len: usize) -> String {
    format!("sysctl -w vm.nr_hugepages={}", len.div_ceil(HUGE_PAGE))
}

/// Zeroed pages, given back on drop.
pub(super) struct Region {
    base: NonNull<u8>,
    layout: Layout,
    pages: Pages,
}

// SAFETY: the region is plain memory; who may touch which part of it when is decided by its users.
unsafe impl Send for Region {}
// SAFETY: as above, a Region itself only tells base and length.
unsafe impl Sync for Region {}

impl Region {
    /// At least `len` bytes of huge pages if any are free, else of ordinary pages and, once in a
    /// process, a warning that names the command to reserve huge ones.
    pub(super) fn new(len: usize) -> Result<Self, NoMemory> {
        Self::huge_or_ordinary(len, take_huge, &FALLBACK_TOLD)
    }

    /// At least `len` bytes of ordinary pages.
    pub(super) fn ordinary(len: usize) -> Result<Self, NoMemory> {
        let layout = layout(len, ORDINARY_PAGE)?;
        // SAFETY: an anonymous private mapping at an address of the kernel's choice touches no
        // memory that exists.
        let base = unsafe {
            libc::mmap(
                ptr::null_mut(),
                layout.size(),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(NoMemory { len });
        }
        let base = NonNull::new(base.cast()).ok_or(NoMemory { len })?;
        Ok(Self { base, layout, pages: Pages::Ordinary }.kept_from_children())
    }

    fn huge_or_ordinary(
        len: usize,
        take: impl FnOnce(Layout) -> *mut u8,
        told: &Once,
    ) -> Result<Self, NoMemory> {
        let layout = layout(len, HUGE_PAGE)?;
        if let Some(base) = NonNull::new(take(layout)) {
            return Ok(Self { base, layout, pages: Pages::Huge }.kept_from_children());
        }
        told.call_once(|| {
            tracing::warn!(
                "no free huge page for {len} bytes of DMA memory: using ordinary pages, which are \
                 slower; to reserve some: {}",
                reserve_command(len)
            );
        });
        Self::ordinary(len)
    }

    /// After a fork the parent's next write to a shared page moves *the parent* to a copy, and a
    /// card would go on writing to the page that the parent no longer sees.
    fn kept_from_children(self) -> Self {
        // SAFETY: the range is this region's own mapping; the advice changes only what fork copies.
        let advised = unsafe {
            libc::madvise(self.base.as_ptr().cast(), self.layout.size(), libc::MADV_DONTFORK)
        };
        if advised != 0 {
            tracing::debug!("MADV_DONTFORK refused: do not fork while a card is running");
        }
        self
    }

    pub(super) fn base(&self) -> NonNull<u8> {
        self.base
    }

    pub(super) fn len(&self) -> usize {
        self.layout.size()
    }

    pub(super) fn pages(&self) -> Pages {
        self.pages
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        match self.pages {
            // SAFETY: `base` came from `hugepage_rs::alloc` with this very layout, and nobody holds
            // a part of the region any more, or they would hold the region.
            Pages::Huge => unsafe { hugepage_rs::dealloc(self.base.as_ptr(), self.layout) },
            // SAFETY: `base` came from `mmap` with this very length; as above.
            Pages::Ordinary => unsafe {
                libc::munmap(self.base.as_ptr().cast(), self.layout.size());
            },
        }
    }
}

fn layout(len: usize, page: usize) -> Result<Layout, NoMemory> {
    let rounded = len.max(1).checked_next_multiple_of(page).ok_or(NoMemory { len })?;
    Layout::from_size_align(rounded, page).map_err(|_| NoMemory { len })
}

/// Huge pages, or null when there are none to give.
fn take_huge(layout: Layout) -> *mut u8 {
    // hugepage-rs panics on a kernel that does not say how big its huge pages are, and rounds to
    // that size: only a system of 2 MiB pages is asked.
    let known = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    if !known.lines().any(is_huge_page_size_line) {
        return ptr::null_mut();
    }
    // SAFETY: `layout` has at least one page.
    unsafe { hugepage_rs::alloc(layout) }
}

fn is_huge_page_size_line(line: &str) -> bool {
    line.strip_prefix("Hugepagesize:").is_some_and(|size| size.trim() == "2048 kB")
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata};

    use super::*;

    /// Keeps the text of all warnings.
    #[derive(Clone, Default)]
    struct Warnings(Arc<Mutex<Vec<String>>>);

    impl tracing::field::Visit for Warnings {
        fn record_debug(&mut self, _: &tracing::field::Field, value: &dyn std::fmt::Debug) {
            self.0.lock().expect("no panic").push(format!("{value:?}"));
        }
    }

    impl tracing::Subscriber for Warnings {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            *metadata.level() == tracing::Level::WARN
        }
        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, event: &Event<'_>) {
            event.record(&mut self.clone());
        }
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn without_huge_pages_memory_is_ordinary_and_the_command_is_told_once() {
        let warnings = Warnings::default();
        let told = Once::new();
        tracing::subscriber::with_default(warnings.clone(), || {
            for _ in 0..2 {
                let none = |_: Layout| ptr::null_mut();
                let region = Region::huge_or_ordinary(3 * HUGE_PAGE + 1, none, &told);
                let region = region.expect("ordinary pages are left");
                assert_eq!(region.pages(), Pages::Ordinary);
                assert!(region.len() > 3 * HUGE_PAGE);
            }
        });
        let texts = warnings.0.lock().expect("no panic");
        let [text] = &texts[..] else { panic!("one warning, not {texts:?}") };
        assert!(text.contains("sysctl -w vm.nr_hugepages=4"), "{text}");
    }

    #[test]
    fn huge_pages_are_used_when_there_are_some() {
        // What the system gives: with pages reserved the region is huge, without it falls back.
        let region = Region::new(1).expect("memory");
        match region.pages() {
            Pages::Huge => assert_eq!(region.len(), HUGE_PAGE),
            Pages::Ordinary => assert_eq!(region.len(), ORDINARY_PAGE),
        }
        // SAFETY: the region is ours and at least a page long.
        let (first, last) = unsafe {
            let base = region.base().as_ptr();
            (base.read(), base.add(region.len() - 1).read())
        };
        assert_eq!((first, last), (0, 0), "pages come zeroed");
    }

    #[test]
    fn an_impossible_size_is_an_error() {
        assert_eq!(Region::new(usize::MAX).err(), Some(NoMemory { len: usize::MAX }));
        assert!(Region::ordinary(usize::MAX / 4).is_err());
    }

    #[test]
    fn only_systems_of_two_mib_pages_are_asked() {
        assert!(is_huge_page_size_line("Hugepagesize:       2048 kB"));
        assert!(!is_huge_page_size_line("Hugepagesize:    1048576 kB"));
        assert!(!is_huge_page_size_line("HugePages_Total:    2048"));
    }
}
