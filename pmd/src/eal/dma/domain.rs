//! The software IOMMU of one adapter.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use mafo_t4::{DmaFault, HostMemory, Iova};

use super::arena::{Arena, DmaBuf};
use super::fences::Fences;

/// Arenas that one adapter may reach. A range check per access stays a handful of comparisons.
pub const WINDOWS_MAX: usize = 8;
/// No host address of a user process is as high, so an IOVA is never equal to an address.
const LOWEST_IOVA: u64 = 1 << 47;
/// Each domain has a terabyte of IOVA of its own.
const DOMAIN_STRIDE_LOG2: u32 = 40;
/// Distance between windows: running off the end of one is a fault, not the next arena.
const GUARD: u64 = 2 << 20;
/// In [`Domain::gate`]: no further access; the other bits count the accesses in flight.
const REVOKED: u32 = 1 << 31;

/// What one adapter may reach of host memory: a few arenas, each a window of bus addresses.
///
/// The adapter's side is [`HostMemory`]: every access is checked against the windows; an access
/// beyond them, or after [`Domain::revoke`], is counted and refused. Bus addresses differ from
/// domain to domain and from host addresses, so that nothing works because two happen to be equal.
pub struct Domain {
    base: u64,
    windows: [OnceLock<Window>; WINDOWS_MAX],
    /// How many of the windows are set; their readers need no lock.
    mapped: AtomicUsize,
    /// Serialises [`Domain::map`]; the next free bus address.
    next: Mutex<u64>,
    gate: AtomicU32,
    /// One for each [`DeviceView`].
    views: Mutex<Vec<Arc<Slot>>>,
    faults: AtomicU64,
    last_fault: Mutex<Option<DmaFault>>,
}

struct Window {
    iova: u64,
    arena: Arc<Arena>,
}

impl Window {
    #[inline(always)]
    fn translate(&self, iova: Iova, len: usize, align: usize) -> Option<NonNull<u8>> {
        let offset = usize::try_from(iova.0.checked_sub(self.iova)?).ok()?;
        let end = offset.checked_add(len)?;
        if end > self.arena.len() || !offset.is_multiple_of(align) {
            return None;
        }
        // SAFETY: `offset` is within the arena, by the comparison above.
        Some(unsafe { self.arena.base().add(offset) })
    }
}

impl Domain {
    /// An empty domain. `number` (below 128) tells the adapters of a host apart.
    #[must_use]
    pub fn new(number: u8) -> Arc<Self> {
        assert!(number < 128, "IOVA domain {number}");
        let base = LOWEST_IOVA | (u64::from(number) << DOMAIN_STRIDE_LOG2);
        Arc::new(Self {
            base,
            windows: [const { OnceLock::new() }; WINDOWS_MAX],
            mapped: AtomicUsize::new(0),
            next: Mutex::new(base),
            gate: AtomicU32::new(0),
            views: Mutex::new(Vec::new()),
            faults: AtomicU64::new(0),
            last_fault: Mutex::new(None),
        })
    }

    /// Lets the adapter reach `arena`; a second time changes nothing. More than [`WINDOWS_MAX`]
    /// arenas are a bug.
    pub fn map(&self, arena: &Arc<Arena>) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        if self.windows().any(|window| Arc::ptr_eq(&window.arena, arena)) {
            return;
        }
        let count = self.mapped.load(Ordering::Relaxed);
        assert!(count < WINDOWS_MAX, "more than {WINDOWS_MAX} arenas mapped for one adapter");
        let window = Window { iova: *next, arena: Arc::clone(arena) };
        *next += (arena.len() as u64).next_multiple_of(GUARD) + GUARD;
        assert!(*next - self.base <= 1 << DOMAIN_STRIDE_LOG2, "IOVA space of a domain exhausted");
        let fresh = self.windows[count].set(window).is_ok();
        assert!(fresh, "IOVA window {count} set twice");
        // Release: who sees the new count sees the window (the Acquire is in `windows`).
        self.mapped.store(count + 1, Ordering::Release);
    }

    /// Where the adapter finds `buf`. A buffer of an arena that is not mapped here is a bug.
    #[inline]
    #[must_use]
    pub fn iova(&self, buf: &DmaBuf) -> Iova {
        let window = self.windows().find(|window| Arc::ptr_eq(&window.arena, buf.arena()));
        let Some(window) = window else { panic!("{buf:?} is in no arena of {self:?}") };
        Iova(window.iova).add(buf.offset())
    }

    /// The domain for one thread of a software adapter: cheaper per access than the domain itself.
    #[must_use]
    pub fn device(self: &Arc<Self>) -> DeviceView {
        DeviceView::new(self, Fences::best())
    }

    /// Takes all memory away from the adapter: returns when no access is in flight; every later one
    /// is a counted fault. There is no way back.
    pub fn revoke(&self) {
        // AcqRel: an access that began before is counted in what we read, or sees the bit.
        let mut seen = self.gate.fetch_or(REVOKED, Ordering::AcqRel);
        while seen & !REVOKED != 0 {
            std::thread::yield_now();
            seen = self.gate.load(Ordering::Acquire);
        }
        // The bit is set: whoever looks for it after this fence finds it, and whoever looked before
        // has said that it is busy.
        Fences::best().heavy();
        let views = self.views.lock().unwrap_or_else(PoisonError::into_inner);
        for slot in views.iter() {
            while slot.busy.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
        }
    }

    /// Whether [`Domain::revoke`] was called.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        self.gate.load(Ordering::Acquire) & REVOKED != 0
    }

    /// Accesses of the adapter that were refused.
    #[must_use]
    pub fn faults(&self) -> u64 {
        self.faults.load(Ordering::Relaxed)
    }

    /// The last access that was refused.
    #[must_use]
    pub fn last_fault(&self) -> Option<DmaFault> {
        *self.last_fault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn windows(&self) -> impl Iterator<Item = &Window> {
        let count = self.mapped.load(Ordering::Acquire);
        self.windows[..count].iter().filter_map(OnceLock::get)
    }

    fn translate(&self, iova: Iova, len: usize, align: usize) -> Option<NonNull<u8>> {
        self.find(iova, len, align).map(|(_, at)| at)
    }

    /// The number of the window that has them, and where they are.
    fn find(&self, iova: Iova, len: usize, align: usize) -> Option<(usize, NonNull<u8>)> {
        let mut windows = self.windows().enumerate();
        windows.find_map(|(n, window)| Some((n, window.translate(iova, len, align)?)))
    }

    /// The same, with the window that was found last tried first; it becomes another one's number.
    #[inline(always)]
    fn translate_again(
        &self,
        last: &Cell<usize>,
        iova: Iova,
        len: usize,
        align: usize,
    ) -> Option<NonNull<u8>> {
        let window = self.windows.get(last.get()).and_then(OnceLock::get);
        match window.and_then(|window| window.translate(iova, len, align)) {
            None => self.translate_anew(last, iova, len, align),
            found => found,
        }
    }

    #[cold]
    fn translate_anew(
        &self,
        last: &Cell<usize>,
        iova: Iova,
        len: usize,
        align: usize,
    ) -> Option<NonNull<u8>> {
        let (n, at) = self.find(iova, len, align)?;
        last.set(n);
        Some(at)
    }

    #[cold]
    fn fault(&self, iova: Iova, len: usize) -> DmaFault {
        let fault = DmaFault { iova, len };
        self.faults.fetch_add(1, Ordering::Relaxed);
        *self.last_fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
        fault
    }
}

/// Who may reach host memory, and how it is known that an access is in flight.
trait Gate {
    /// Runs `access` on the host address of `len` bytes at `iova`, a multiple of `align`.
    fn with<R>(
        &self,
        iova: Iova,
        len: usize,
        align: usize,
        access: impl FnOnce(NonNull<u8>) -> R,
    ) -> Result<R, DmaFault>;
}

/// One access in flight, as [`Domain::revoke`] counts them.
struct Pass<'a> {
    gate: &'a AtomicU32,
    revoked: bool,
}

impl<'a> Pass<'a> {
    #[inline]
    fn through(gate: &'a AtomicU32) -> Self {
        // Acquire: pairs with the bit that `revoke` sets.
        let revoked = gate.fetch_add(1, Ordering::Acquire) & REVOKED != 0;
        Self { gate, revoked }
    }
}

impl Drop for Pass<'_> {
    #[inline]
    fn drop(&mut self) {
        // Release: what the access did is done when `revoke` sees the count fall.
        self.gate.fetch_sub(1, Ordering::Release);
    }
}

impl Gate for Domain {
    #[inline]
    fn with<R>(
        &self,
        iova: Iova,
        len: usize,
        align: usize,
        access: impl FnOnce(NonNull<u8>) -> R,
    ) -> Result<R, DmaFault> {
        let pass = Pass::through(&self.gate);
        if !pass.revoked
            && let Some(at) = self.translate(iova, len, align)
        {
            return Ok(access(at));
        }
        drop(pass);
        Err(self.fault(iova, len))
    }
}

/// A domain as one thread of a software adapter sees it: the same checks without an atomic
/// read-modify-write per access, which costs more than most accesses do.
#[derive(Debug)]
pub struct DeviceView {
    domain: Arc<Domain>,
    slot: Arc<Slot>,
    fences: Fences,
    /// The window of the last access: mostly that of the next one.
    last: Cell<usize>,
    /// `busy` tells of one access at a time: the view is `Send` and not `Sync`.
    _one_thread: PhantomData<Cell<()>>,
}

/// Whether a view has an access in flight. On a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Slot {
    busy: AtomicBool,
}

impl DeviceView {
    fn new(domain: &Arc<Domain>, fences: Fences) -> Self {
        let slot = Arc::<Slot>::default();
        let mut views = domain.views.lock().unwrap_or_else(PoisonError::into_inner);
        views.push(Arc::clone(&slot));
        drop(views);
        Self {
            domain: Arc::clone(domain),
            slot,
            fences,
            last: Cell::new(0),
            _one_thread: PhantomData,
        }
    }
}

impl Gate for DeviceView {
    #[inline(always)]
    fn with<R>(
        &self,
        iova: Iova,
        len: usize,
        align: usize,
        access: impl FnOnce(NonNull<u8>) -> R,
    ) -> Result<R, DmaFault> {
        // Either `revoke` sees the access in flight, or the access sees the bit: each side writes,
        // then fences, then reads. The fence of the rare side is the heavy one.
        self.slot.busy.store(true, Ordering::Relaxed);
        self.fences.light();
        let revoked = self.domain.gate.load(Ordering::Acquire) & REVOKED != 0;
        let at =
            if revoked { None } else { self.domain.translate_again(&self.last, iova, len, align) };
        let result = at.map(access);
        // Release: what the access did is done when `revoke` sees the flag fall.
        self.slot.busy.store(false, Ordering::Release);
        result.ok_or_else(|| self.domain.fault(iova, len))
    }
}

macro_rules! host_memory {
    ($($Through:ty)*) => { $(
        impl HostMemory for $Through {
            #[inline(always)]
            fn read(&self, iova: Iova, dst: &mut [u8]) -> Result<(), DmaFault> {
                self.with(iova, dst.len(), 1, |src| {
                    // SAFETY: `src` is `dst.len()` bytes inside a mapped arena, which the window keeps
                    // alive; `dst` is a mutable reference, so not this memory. The queue's protocol
                    // keeps the host from writing what the adapter reads; if it does not, bytes are torn.
                    unsafe {
                        src.copy_to_nonoverlapping(NonNull::from(&mut *dst).cast(), dst.len());
                    }
                })
            }

            #[inline(always)]
            fn write(&self, iova: Iova, src: &[u8]) -> Result<(), DmaFault> {
                self.with(iova, src.len(), 1, |dst| {
                    // SAFETY: as in `read`; a `src` that is itself a view of an arena (a frame looped
                    // back) is of memory that the adapter has given up, so never of what it now writes.
                    unsafe { dst.copy_from_nonoverlapping(NonNull::from(src).cast(), src.len()) };
                })
            }

            #[inline(always)]
            fn load_acquire_u64(&self, iova: Iova) -> Result<u64, DmaFault> {
                self.with(iova, 8, 8, |word| {
                    // SAFETY: 8 bytes inside a mapped arena, aligned (windows begin at page boundaries
                    // on both sides); these words are accessed by atomics while both sides run.
                    unsafe { AtomicU64::from_ptr(word.as_ptr().cast()) }.load(Ordering::Acquire)
                })
            }

            #[inline(always)]
            fn store_release_u64(&self, iova: Iova, value: u64) -> Result<(), DmaFault> {
                self.with(iova, 8, 8, |word| {
                    // SAFETY: as in `load_acquire_u64`.
                    let word = unsafe { AtomicU64::from_ptr(word.as_ptr().cast()) };
                    word.store(value, Ordering::Release);
                })
            }
        }
    )* };
}
host_memory! { Domain DeviceView }

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Domain")
            .field("base", &Iova(self.base))
            .field("windows", &self.windows().count())
            .field("revoked", &self.is_revoked())
            .field("faults", &self.faults())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapped(number: u8) -> (Arc<Domain>, Arc<Arena>) {
        let arena = Arena::ordinary(16 << 10).expect("memory");
        let domain = Domain::new(number);
        domain.map(&arena);
        (domain, arena)
    }

    #[test]
    fn both_sides_see_the_same_bytes() {
        let (domain, arena) = mapped(0);
        let _first = arena.alloc(64, 64).expect("room");
        let mut buf = arena.alloc(64, 64).expect("room");
        let iova = domain.iova(&buf);
        buf.write(3, b"host");
        let mut read = [0; 6];
        domain.read(iova.add(2), &mut read).expect("mapped");
        assert_eq!(&read, b"\0host\0");
        domain.write(iova.add(32), b"card").expect("mapped");
        assert_eq!(buf.view(31, 6), b"\0card\0");
        domain.store_release_u64(iova.add(8), 77).expect("mapped");
        assert_eq!(buf.load_acquire_u64(8), 77);
        buf.store_release_u64(16, 78);
        assert_eq!(domain.load_acquire_u64(iova.add(16)), Ok(78));
        assert_eq!(domain.faults(), 0);
    }

    #[test]
    fn bus_addresses_are_not_host_addresses_and_differ_by_domain() {
        let (a, arena) = mapped(0);
        let b = Domain::new(1);
        b.map(&arena);
        let buf = arena.alloc(64, 64).expect("room");
        let host = buf.view(0, 1).as_ptr().addr() as u64;
        assert_ne!(a.iova(&buf), b.iova(&buf));
        assert_ne!(a.iova(&buf).0, host);
        assert_eq!(b.read(a.iova(&buf), &mut [0]), Err(DmaFault { iova: a.iova(&buf), len: 1 }));
    }

    #[test]
    fn an_access_outside_is_a_counted_fault_that_touches_nothing() {
        let (domain, arena) = mapped(0);
        let buf = arena.alloc(arena.len(), 64).expect("room");
        let start = domain.iova(&buf);
        let end = start.add(arena.len());
        let ranges = [
            (Iova(0), 1),
            (Iova(start.0 - 1), 1),
            (Iova(start.0 - 1), 2),
            (end, 1),
            (Iova(end.0 - 1), 2),
            (Iova(u64::MAX), 2),
            (start, arena.len() + 1),
        ];
        for (faults, (iova, len)) in (1..).zip(ranges) {
            assert_eq!(domain.write(iova, &vec![1; len]), Err(DmaFault { iova, len }));
            assert_eq!(domain.faults(), faults);
            assert_eq!(domain.last_fault(), Some(DmaFault { iova, len }));
        }
        assert_eq!(
            domain.load_acquire_u64(start.add(4)),
            Err(DmaFault { iova: start.add(4), len: 8 })
        );
        assert_eq!(domain.store_release_u64(start.add(1), 1).map_err(|f| f.len), Err(8));
        assert!(buf.view(0, arena.len()).iter().all(|&byte| byte == 0));
        domain.write(end, &[]).expect("nothing at the end is nothing");
    }

    #[test]
    fn windows_of_one_domain_do_not_touch() {
        let domain = Domain::new(3);
        let first = Arena::ordinary(GUARD as usize).expect("memory");
        let second = Arena::ordinary(4096).expect("memory");
        domain.map(&first);
        domain.map(&second);
        domain.map(&first);
        let a = domain.iova(&first.alloc(first.len(), 64).expect("room"));
        let b = domain.iova(&second.alloc(64, 64).expect("room"));
        assert!(b.0 > a.add(first.len()).0, "the second map of the first arena changed nothing");
        assert_eq!(domain.write(a.add(first.len() - 1), &[1, 2]).map_err(|f| f.len), Err(2));
    }

    #[test]
    #[should_panic(expected = "is in no arena of")]
    fn the_address_of_an_unmapped_buffer_is_a_bug() {
        let buf = Arena::ordinary(4096).expect("memory").alloc(64, 64).expect("room");
        let _ = Domain::new(0).iova(&buf);
    }

    /// Writes pages of one byte, lap by lap, until it is refused; how many laps.
    fn scribble(through: &impl HostMemory, iova: Iova) -> u64 {
        for lap in 0_u64.. {
            let byte = u8::try_from(lap % 251).expect("small");
            if through.write(iova, &[byte; 4096]).is_err() {
                return lap;
            }
        }
        unreachable!("the loop ends by the revoke only")
    }

    /// Revokes while `card` scribbles, and checks that nothing was cut in the middle or came after.
    fn revoke_under_way<C: HostMemory + Send + 'static>(card: impl FnOnce(&Arc<Domain>) -> C) {
        let (domain, arena) = mapped(0);
        let buf = arena.alloc(4096, 64).expect("room");
        let iova = domain.iova(&buf);
        let card = card(&domain);
        let card = std::thread::spawn(move || (scribble(&card, iova), card));
        while buf.load_acquire_u64(4088) == 0 {
            std::thread::yield_now();
        }
        domain.revoke();
        let frozen = buf.read_array::<4096>(0);
        assert!(frozen.iter().all(|&byte| byte == frozen[0]), "an access was cut in the middle");
        let (laps, card) = card.join().expect("no panic");
        assert_eq!(u64::from(frozen[0]), (laps - 1) % 251, "the last access was not the last");
        assert_eq!(buf.read_array::<4096>(0), frozen);
        assert!(domain.is_revoked());
        assert_eq!(domain.faults(), 1);
        assert_eq!(card.read(iova, &mut [0]), Err(DmaFault { iova, len: 1 }));
    }

    #[test]
    fn after_revoke_has_returned_nothing_changes_any_more() {
        for _ in 0..50 {
            revoke_under_way(Arc::clone);
            revoke_under_way(Domain::device);
            revoke_under_way(|domain| DeviceView::new(domain, Fences::Symmetric));
        }
    }

    #[test]
    fn a_view_sees_what_the_domain_sees_and_counts_its_faults_there() {
        let (domain, arena) = mapped(0);
        let mut buf = arena.alloc(64, 64).expect("room");
        let iova = domain.iova(&buf);
        let view = domain.device();
        buf.write(0, b"host");
        let mut read = [0; 4];
        view.read(iova, &mut read).expect("mapped");
        assert_eq!(&read, b"host");
        view.write(iova.add(8), b"card").expect("mapped");
        assert_eq!(buf.view(8, 4), b"card");
        view.store_release_u64(iova.add(16), 5).expect("mapped");
        assert_eq!(view.load_acquire_u64(iova.add(16)), Ok(5));
        let late = Arena::ordinary(4096).expect("memory");
        domain.map(&late);
        let other = domain.iova(&late.alloc(64, 64).expect("room"));
        assert_eq!(view.load_acquire_u64(other), Ok(0), "mapped after the view was made");
        assert_eq!(view.write(Iova(0), &[1]), Err(DmaFault { iova: Iova(0), len: 1 }));
        assert_eq!(view.load_acquire_u64(iova.add(4)).map_err(|fault| fault.len), Err(8));
        assert_eq!(domain.faults(), 2);
        domain.revoke();
        assert!(view.read(iova, &mut read).is_err());
        assert!(domain.device().read(iova, &mut read).is_err());
    }
}
