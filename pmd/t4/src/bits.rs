//! Bit fields by explicit `hi:lo`, exactly as the headers write them.

/// A word with named fields. Width and overlap of the fields are checked at compile time.
macro_rules! bits {
    ($(#[$m:meta])* $v:vis $Name:ident : $W:ty {
        $( $(#[$fm:meta])* $hi:literal : $lo:literal $field:ident ),* $(,)?
    }) => {
        $(#[$m])*
        #[derive(Clone, Copy, Default, PartialEq, Eq)]
        #[repr(transparent)]
        $v struct $Name(pub $W);

        ::pastey::paste! {
            impl $Name {
                $(
                    #[doc = concat!("Bits ", stringify!($hi), ":", stringify!($lo), " in place.")]
                    pub const [<$field:upper _MASK>]: $W = {
                        assert!($hi >= $lo);
                        (<$W>::MAX >> (<$W>::BITS - 1 - ($hi - $lo))) << $lo
                    };
                    #[doc = concat!("Bits ", stringify!($hi), ":", stringify!($lo), ".")]
                    $(#[$fm])*
                    #[inline]
                    #[must_use]
                    $v const fn $field(self) -> $W {
                        (self.0 & Self::[<$field:upper _MASK>]) >> $lo
                    }
                    #[doc = concat!("With bits ", stringify!($hi), ":", stringify!($lo), " replaced; a value that is too wide is a bug.")]
                    $(#[$fm])*
                    #[inline]
                    #[must_use]
                    $v const fn [<with_ $field>](self, value: $W) -> Self {
                        debug_assert!(value <= Self::[<$field:upper _MASK>] >> $lo);
                        Self((self.0 & !Self::[<$field:upper _MASK>])
                            | ((value << $lo) & Self::[<$field:upper _MASK>]))
                    }
                )*
                /// Fails to compile when two fields overlap.
                const DISJOINT: () = {
                    let mut seen: $W = 0;
                    $(
                        assert!(seen & Self::[<$field:upper _MASK>] == 0);
                        seen |= Self::[<$field:upper _MASK>];
                    )*
                    let _ = seen;
                };
            }
        }
        const _: () = $Name::DISJOINT;
        impl ::core::fmt::Debug for $Name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct(stringify!($Name))
                    $(.field(stringify!($field), &self.$field()))*
                    .finish()
            }
        }
    };
}

/// A block of 32-bit registers: a typed word, its offset, `read` and `write`, and the block's name table.
///
/// A block at a base (per PF, per port) is written with offsets relative to it, and `read_at`/`write_at`.
#[allow(unused_macros, reason = "used by regs")]
macro_rules! registers {
    ($( $(#[$m:meta])* $off:literal $Name:ident { $($body:tt)* } )*) => {
        $(
            bits! { $(#[$m])* #[allow(non_camel_case_types, reason = "the header's name, to be searched for")] pub $Name : u32 { $($body)* } }
            impl $Name {
                /// Byte offset in BAR0, or in the block that holds the register.
                pub const OFFSET: u32 = $off;
                /// Reads the register.
                #[inline]
                #[must_use]
                pub fn read(bar: &(impl $crate::Bar + ?Sized)) -> Self {
                    Self(bar.read32(Self::OFFSET))
                }
                /// Writes the register.
                #[inline]
                pub fn write(self, bar: &(impl $crate::Bar + ?Sized)) {
                    bar.write32(Self::OFFSET, self.0);
                }
                /// Reads the register of the block at `base`.
                #[inline]
                #[must_use]
                pub fn read_at(bar: &(impl $crate::Bar + ?Sized), base: u32) -> Self {
                    Self(bar.read32(base + Self::OFFSET))
                }
                /// Writes the register of the block at `base`.
                #[inline]
                pub fn write_at(self, bar: &(impl $crate::Bar + ?Sized), base: u32) {
                    bar.write32(base + Self::OFFSET, self.0);
                }
            }
        )*
        /// The register at `offset` of this table, for traces.
        #[must_use]
        pub const fn name(offset: u32) -> Option<&'static str> {
            match offset { $( $off => Some(stringify!($Name)), )* _ => None }
        }
    };
}
