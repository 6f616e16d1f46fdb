//! Words with named bits and open code points, in the notation of the headers: explicit `hi:lo`.

/// A word with named fields. Width and overlap of the fields are checked at compile time.
///
/// `15:8 retval` is a field of several bits, an integer of the word's type; `31 alloc` is one bit, a
/// `bool`.
macro_rules! bits {
    ($(#[$m:meta])* $v:vis $Name:ident : $W:ty {
        $( $(#[$fm:meta])* $hi:literal $(: $lo:literal)? $field:ident ),* $(,)?
    }) => {
        $(#[$m])*
        #[derive(Clone, Copy, Default, PartialEq, Eq)]
        #[repr(transparent)]
        $v struct $Name(pub $W);

        ::pastey::paste! {
            impl $Name {
                $( bits_field! { $v $W, $hi $(: $lo)?, $field, $(#[$fm])* } )*
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
        impl $crate::message::Field for $Name {
            type Stored = <$W as $crate::message::Field>::Stored;
            #[inline]
            fn load(stored: Self::Stored) -> Self {
                Self(<$W as $crate::message::Field>::load(stored))
            }
            #[inline]
            fn store(self) -> Self::Stored {
                <$W as $crate::message::Field>::store(self.0)
            }
        }
    };
}

/// The mask, getter and setter of one field of [`bits!`].
macro_rules! bits_field {
    ($v:vis $W:ty, $hi:literal : $lo:literal, $field:ident, $(#[$fm:meta])*) => { ::pastey::paste! {
        #[doc = concat!("Bits ", stringify!($hi), ":", stringify!($lo), " in place.")]
        $v const [<$field:upper _MASK>]: $W = {
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
    } };
    ($v:vis $W:ty, $bit:literal, $field:ident, $(#[$fm:meta])*) => { ::pastey::paste! {
        #[doc = concat!("Bit ", stringify!($bit), " in place.")]
        $v const [<$field:upper _MASK>]: $W = 1 << $bit;
        #[doc = concat!("Bit ", stringify!($bit), ".")]
        $(#[$fm])*
        #[inline]
        #[must_use]
        $v const fn $field(self) -> bool {
            self.0 & Self::[<$field:upper _MASK>] != 0
        }
        #[doc = concat!("With bit ", stringify!($bit), " set or cleared.")]
        $(#[$fm])*
        #[inline]
        #[must_use]
        $v const fn [<with_ $field>](self, set: bool) -> Self {
            let rest = self.0 & !Self::[<$field:upper _MASK>];
            Self(if set { rest | Self::[<$field:upper _MASK>] } else { rest })
        }
    } };
}

/// An open set of code points: any value is representable, the known ones have names.
macro_rules! codes {
    ($(#[$m:meta])* $v:vis $Name:ident : $W:ty { $( $(#[$cm:meta])* $CODE:ident = $value:expr ),* $(,)? }) => {
        $(#[$m])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(transparent)]
        $v struct $Name(pub $W);

        impl $Name {
            $(
                #[doc = concat!("Code ", stringify!($value), ".")]
                $(#[$cm])*
                $v const $CODE: Self = Self($value);
            )*
            /// The code's name, if it is a known one.
            #[must_use]
            $v const fn name(self) -> Option<&'static str> {
                $( if self.0 == Self::$CODE.0 { return Some(stringify!($CODE)); } )*
                None
            }
        }
        impl ::core::fmt::Debug for $Name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, concat!(stringify!($Name), "({:#x})"), self.0),
                }
            }
        }
        impl $crate::message::Field for $Name {
            type Stored = <$W as $crate::message::Field>::Stored;
            #[inline]
            fn load(stored: Self::Stored) -> Self {
                Self(<$W as $crate::message::Field>::load(stored))
            }
            #[inline]
            fn store(self) -> Self::Stored {
                <$W as $crate::message::Field>::store(self.0)
            }
        }
    };
}

/// A block of 32-bit registers: a typed word, its offset, `read` and `write`, and the block's `TABLE`.
///
/// `0x1044[16; 4] Rw NAME { … }` is an array: 16 of them, 4 bytes apart. A block at a base (per PF, per
/// port) is written with offsets relative to it, and `read_at`/`write_at`.
macro_rules! registers {
    ($( $(#[$m:meta])* $off:literal $([$count:literal; $stride:literal])? $access:ident $Name:ident { $($body:tt)* } )*) => {
        $(
            bits! { $(#[$m])* #[allow(non_camel_case_types, reason = "the header's name, to be searched for")] pub $Name : u32 { $($body)* } }
            impl $Name {
                /// Byte offset in BAR0, or in the block that holds the register.
                pub const OFFSET: u32 = $off;
                /// How many there are.
                pub const COUNT: u32 = first!($($count)? 1);
                /// Bytes from one to the next.
                pub const STRIDE: u32 = first!($($stride)? 4);
                /// What an access does.
                pub const ACCESS: $crate::regs::Access = $crate::regs::Access::$access;
                /// Offset of number `index`.
                #[inline]
                #[must_use]
                pub const fn offset(index: u32) -> u32 {
                    debug_assert!(index < Self::COUNT);
                    Self::OFFSET + index * Self::STRIDE
                }
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
                /// Reads number `index` of an array.
                #[inline]
                #[must_use]
                pub fn read_nth(bar: &(impl $crate::Bar + ?Sized), index: u32) -> Self {
                    Self(bar.read32(Self::offset(index)))
                }
                /// Writes number `index` of an array.
                #[inline]
                pub fn write_nth(self, bar: &(impl $crate::Bar + ?Sized), index: u32) {
                    bar.write32(Self::offset(index), self.0);
                }
            }
        )*
        /// The registers of this block, in the order of the datasheet.
        pub const TABLE: &[$crate::regs::Register] = &[ $( $crate::regs::Register {
            name: stringify!($Name),
            offset: $Name::OFFSET,
            count: $Name::COUNT,
            stride: $Name::STRIDE,
            access: $Name::ACCESS,
        }, )* ];
    };
}

/// Registers behind an address/data pair: a typed word and its address there.
macro_rules! indirect_registers {
    ($( $(#[$m:meta])* $addr:literal $([$count:literal])? $Name:ident { $($body:tt)* } )*) => {
        $(
            bits! { $(#[$m])* #[allow(non_camel_case_types, reason = "the header's name, to be searched for")] pub $Name : u32 { $($body)* } }
            impl $Name {
                /// The address to select.
                pub const ADDR: u32 = $addr;
                /// How many there are, at consecutive addresses.
                pub const COUNT: u32 = first!($($count)? 1);
            }
        )*
        /// The register at `addr` behind this pair, for traces.
        #[must_use]
        pub const fn name(addr: u32) -> Option<&'static str> {
            $( if addr >= $Name::ADDR && addr - $Name::ADDR < $Name::COUNT { return Some(stringify!($Name)); } )*
            None
        }
    };
}

/// The first of its arguments.
macro_rules! first {
    ($first:literal $($rest:literal)*) => {
        $first
    };
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::format;

    bits! {
        /// A word with a field at each end.
        pub(super) Word: u32 { 31 top, 30:28 high, 16:1 middle, 0 bottom }
    }
    bits! {
        /// A field as wide as its word.
        pub(super) Whole: u64 { 63:0 all }
    }
    codes! {
        /// Two codes.
        pub(super) Code: u16 { ZERO = 0, NINE = 9 }
    }

    #[test]
    fn fields_do_not_touch_each_other() {
        let all = Word(u32::MAX);
        assert_eq!((all.top(), all.high(), all.middle(), all.bottom()), (true, 7, 0xffff, true));
        assert_eq!(all.with_top(false).0, 0x7fff_ffff);
        assert_eq!(all.with_high(0).0, 0x8fff_ffff);
        assert_eq!(all.with_middle(0x8001).0, 0xffff_0003);
        assert_eq!(all.with_bottom(false).0, 0xffff_fffe);
        assert_eq!(
            Word(0).with_top(true).with_high(5).with_middle(3).with_bottom(true).0,
            0xd000_0007
        );
    }

    #[test]
    fn masks_are_in_place() {
        assert_eq!(Word::TOP_MASK, 0x8000_0000);
        assert_eq!(Word::HIGH_MASK, 0x7000_0000);
        assert_eq!(Word::MIDDLE_MASK, 0x0001_fffe);
        assert_eq!(Word::BOTTOM_MASK, 1);
        assert_eq!(Whole::ALL_MASK, u64::MAX);
        assert_eq!(Whole(0).with_all(u64::MAX).all(), u64::MAX);
    }

    #[test]
    #[should_panic(expected = "value <=")]
    fn a_value_that_is_too_wide_is_a_bug() {
        let _ = Word(0).with_high(8);
    }

    #[test]
    fn words_and_codes_print_their_names() {
        let word = Word(0xd000_0007);
        assert_eq!(format!("{word:?}"), "Word { top: true, high: 5, middle: 3, bottom: true }");
        assert_eq!(format!("{:?} {:?}", Code::NINE, Code(0x1f)), "NINE Code(0x1f)");
        assert_eq!((Code(0).name(), Code(1).name()), (Some("ZERO"), None));
    }
}
