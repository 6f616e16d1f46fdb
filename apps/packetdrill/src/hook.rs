//! The tool asks for TCP_INFO through the C library's `getsockopt`, and closes what a script leaves open by
//! its `close`, not through its interface. So that this concerns the sockets of this stack, the program's own
//! imports of the two are taken over: descriptors of ours are answered here, all others by the C library.
#![expect(unsafe_code, reason = "the program's table of imported functions is changed")]

use std::ffi::{CStr, c_void};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use libc::{c_int, socklen_t};

use crate::drill::Drill;
use crate::errno::Errno;
use crate::fds;
use crate::ffi::get_option;

/// The imports that are taken over, and by what.
fn replacement(name: &CStr) -> Option<*const c_void> {
    match name.to_bytes() {
        b"getsockopt" => Some(getsockopt as *const c_void),
        b"close" => Some(close as *const c_void),
        _ => None,
    }
}

/// The run whose descriptors are answered. The function that takes over has no argument for it.
static RUN: AtomicPtr<Drill> = AtomicPtr::new(ptr::null_mut());

/// Takes over for `drill`, which is to stay where it is until [`remove`].
pub(crate) fn install(drill: &Drill) {
    RUN.store(ptr::from_ref(drill).cast_mut(), Ordering::Release);
    // SAFETY: the callback only looks at what it is given, and changes one slot of the program's imports.
    unsafe { libc::dl_iterate_phdr(Some(visit), ptr::null_mut()) };
}

/// The run is over: its descriptors are nobody's.
pub(crate) fn remove(drill: *mut Drill) {
    // A later run's may have taken over meanwhile.
    let _ = RUN.compare_exchange(drill, ptr::null_mut(), Ordering::AcqRel, Ordering::Relaxed);
}

/// The run that `fd` belongs to, if it is one of ours.
fn run_of(fd: c_int) -> Option<&'static Drill> {
    if fd < fds::FIRST {
        return None;
    }
    // SAFETY: `remove` is called before the run goes away, on the thread that calls what is taken over.
    unsafe { RUN.load(Ordering::Acquire).as_ref() }
}

fn fail(Errno(errno): Errno) -> c_int {
    // SAFETY: the address of this thread's errno.
    unsafe { *libc::__errno_location() = errno };
    -1
}

unsafe extern "C" fn close(fd: c_int) -> c_int {
    let Some(run) = run_of(fd) else {
        // SAFETY: the argument is the caller's. Not by the C library: its `close` may be this function.
        return unsafe { libc::syscall(libc::SYS_close, fd) as c_int };
    };
    run.call(|world| world.close(fd)).map_or_else(fail, |()| 0)
}

unsafe extern "C" fn getsockopt(
    fd: c_int,
    level: c_int,
    name: c_int,
    to: *mut c_void,
    len: *mut socklen_t,
) -> c_int {
    let Some(run) = run_of(fd) else {
        // SAFETY: the arguments are the caller's; not by the C library, as above.
        return unsafe { libc::syscall(libc::SYS_getsockopt, fd, level, name, to, len) as c_int };
    };
    get_option(run, fd, (level, name), to, len).unwrap_or_else(fail)
}

/// What of an ELF file's dynamic section tells where its imports are (`<elf.h>`).
#[derive(Default)]
struct Dynamic {
    symbols: usize,
    strings: usize,
    tables: [(usize, usize); 2],
}

const DT_NULL: u64 = 0;
const DT_PLTRELSZ: u64 = 2;
const DT_STRTAB: u64 = 5;
const DT_SYMTAB: u64 = 6;
const DT_RELA: u64 = 7;
const DT_RELASZ: u64 = 8;
const DT_JMPREL: u64 = 23;

/// Called for the program first, and then for each library: only the program is of interest.
unsafe extern "C" fn visit(
    info: *mut libc::dl_phdr_info,
    _size: libc::size_t,
    _data: *mut c_void,
) -> c_int {
    // SAFETY: the dynamic linker hands over a description of a loaded object whose headers, dynamic section,
    // symbols and relocations are mapped at the addresses that they name.
    unsafe {
        let info = &*info;
        let base = info.dlpi_addr as usize;
        let headers = std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into());
        if let Some(header) = headers.iter().find(|header| header.p_type == libc::PT_DYNAMIC) {
            let section = (base + header.p_vaddr as usize) as *const [u64; 2];
            replace(base, &read_dynamic(section));
        }
    }
    // Not zero: no further object.
    1
}

/// # Safety
///
/// `section` is a dynamic section, which ends with DT_NULL.
unsafe fn read_dynamic(mut section: *const [u64; 2]) -> Dynamic {
    let mut found = Dynamic::default();
    loop {
        // SAFETY: not beyond the end, which is at DT_NULL.
        let [tag, value] = unsafe { *section };
        let value = value as usize;
        match tag {
            DT_NULL => return found,
            DT_SYMTAB => found.symbols = value,
            DT_STRTAB => found.strings = value,
            DT_RELA => found.tables[0].0 = value,
            DT_RELASZ => found.tables[0].1 = value,
            DT_JMPREL => found.tables[1].0 = value,
            DT_PLTRELSZ => found.tables[1].1 = value,
            _ => {}
        }
        // SAFETY: as above.
        section = unsafe { section.add(1) };
    }
}

/// # Safety
///
/// `dynamic` describes the object that is loaded at `base`.
unsafe fn replace(base: usize, dynamic: &Dynamic) {
    for (table, bytes) in dynamic.tables {
        if table == 0 || dynamic.symbols == 0 || dynamic.strings == 0 {
            continue;
        }
        for n in 0..bytes / size_of::<[u64; 3]>() {
            // SAFETY: the tables are where the dynamic section says: Elf64_Rela has three words (place, symbol
            // and kind, addend), Elf64_Sym begins with the name's place in the strings and has 24 bytes.
            unsafe {
                let [place, kind, _] = *(table as *const [u64; 3]).add(n);
                let symbol = (kind >> 32) as usize;
                if symbol == 0 {
                    continue;
                }
                let name = *((dynamic.symbols + symbol * 24) as *const u32) as usize;
                let name = CStr::from_ptr((dynamic.strings + name) as *const _);
                if let Some(function) = replacement(name) {
                    set(base + place as usize, function);
                }
            }
        }
    }
}

/// # Safety
///
/// `slot` is the program's import of the function that `function` has the type of.
unsafe fn set(slot: usize, function: *const c_void) {
    let slot = slot as *mut *const c_void;
    // SAFETY: a page of the program's own imports is made writable, where it was not left so, and the slot
    // gets a function of the same type. No other thread runs yet that could call through it.
    unsafe {
        let page = libc::sysconf(libc::_SC_PAGESIZE) as usize;
        let start = slot as usize & !(page - 1);
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        if libc::mprotect(start as *mut c_void, page, protection) == 0 {
            slot.write(function);
        }
    }
}
