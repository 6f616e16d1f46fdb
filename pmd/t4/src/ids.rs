//! Numbers that must not be mixed up.

use core::fmt;

macro_rules! ids {
    ($( $(#[$m:meta])* $Name:ident($W:ty) )*) => { $(
        $(#[$m])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $Name(pub $W);

        impl fmt::Debug for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($Name), "({})"), self.0)
            }
        }
        impl $Name {
            /// As an index into a table.
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    )* };
}

ids! {
    /// A connection on the card: the index of its TCB. 24 bits.
    Tid(u32)
    /// A listener, chosen by the host: a position in the server region. 24 bits.
    Stid(u32)
    /// An active open until its tid is known, chosen by the host. 14 bits.
    Atid(u32)
    /// A filter: a position in the filter region.
    Ftid(u32)
    /// An ingress queue by its absolute id, as CPLs and work requests name it. 10 bits.
    IqId(u16)
    /// An egress queue or freelist by its absolute id. 17 bits.
    EqId(u32)
    /// A row of the L2 table: a next hop. 12 bits.
    L2tIdx(u16)
    /// An index into the source MAC table. 8 bits.
    SmtIdx(u8)
    /// A port of the card and the channel of the same number: 0 to 3.
    PortId(u8)
}

/// A bus address: where the card finds host memory.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Iova(pub u64);

impl Iova {
    /// The address `bytes` further on.
    #[must_use]
    pub const fn add(self, bytes: usize) -> Self {
        Self(self.0.wrapping_add(bytes as u64))
    }
}

impl fmt::Debug for Iova {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Iova({:#x})", self.0)
    }
}
