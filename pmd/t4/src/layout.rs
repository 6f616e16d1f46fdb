//! Messages by byte offset, exactly as the datasheet writes them.
//!
//! A layout is declared once, with the offset and the host type of each field. The declaration yields a
//! `#(`repr(C)`)` structure of big-endian bytes without padding, whose offsets and size are checked at
//! compile time, and for each field `name()`, `with_name(value)` and `set_name(value)` in host types.

use core::net::{Ipv4Addr, Ipv6Addr};

use crate::message::Field;

impl Field for Ipv4Addr {
    type Stored = [u8; 4];
    #[inline]
    fn load(stored: Self::Stored) -> Self {
        Self::from(stored)
    }
    #[inline]
    fn store(self) -> Self::Stored {
        self.octets()
    }
}

impl Field for Ipv6Addr {
    type Stored = [u8; 16];
    #[inline]
    fn load(stored: Self::Stored) -> Self {
        Self::from(stored)
    }
    #[inline]
    fn store(self) -> Self::Stored {
        self.octets()
    }
}

/// Declares a message: `pub Name (`size`) { offset field: HostType, offset _: Reserved, … }`.
macro_rules! layout {
    (@munch $head:tt [$($all:tt)*] [$($named:tt)*] $off:literal _ : $T:ty $(, $($rest:tt)*)?) => {
        layout! { @munch $head [$($all)* ($off [<rsvd $off>] $T)] [$($named)*] $($($rest)*)? }
    };
    (@munch $head:tt [$($all:tt)*] [$($named:tt)*]
        $(#[$fm:meta])* $off:literal $name:ident : $T:ty $(, $($rest:tt)*)?) => {
        layout! {
            @munch $head [$($all)* ($off $name $T)] [$($named)* ($(#[$fm])* $off $name $T)] $($($rest)*)?
        }
    };
    (@munch [$(#[$m:meta])* $v:vis $Name:ident $size:literal]
        [$(($off:literal $all:tt $All:ty))*]
        [$(($(#[$fm:meta])* $at:literal $name:ident $T:ty))*]
    ) => { ::pastey::paste! {
        $(#[$m])*
        #[derive(
            Clone,
            Copy,
            PartialEq,
            Eq,
            ::zerocopy::FromBytes,
            ::zerocopy::IntoBytes,
            ::zerocopy::KnownLayout,
            ::zerocopy::Immutable,
            ::zerocopy::Unaligned,
        )]
        #[repr(C)]
        $v struct $Name {
            $( $all: <$All as $crate::message::Field>::Stored, )*
        }
        const _: () = {
            assert!(size_of::<$Name>() == $size);
            $( assert!(::core::mem::offset_of!($Name, $all) == $off); )*
        };
        impl $Name {
            /// Bytes of the structure.
            pub const SIZE: usize = $size;

            /// The bytes of the structure.
            #[inline]
            #[must_use]
            pub fn as_bytes(&self) -> &[u8] {
                <Self as ::zerocopy::IntoBytes>::as_bytes(self)
            }
            $(
                $(#[$fm])*
                #[doc = concat!("Byte ", stringify!($at), ".")]
                #[inline]
                #[must_use]
                pub fn $name(&self) -> $T {
                    <$T as $crate::message::Field>::load(self.$name)
                }
                #[doc = concat!("With `", stringify!($name), "` replaced.")]
                #[inline]
                #[must_use]
                pub fn [<with_ $name>](mut self, value: $T) -> Self {
                    self.[<set_ $name>](value);
                    self
                }
                #[doc = concat!("Replaces `", stringify!($name), "`.")]
                #[inline]
                pub fn [<set_ $name>](&mut self, value: $T) {
                    self.$name = <$T as $crate::message::Field>::store(value);
                }
            )*
        }
        impl ::core::fmt::Debug for $Name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct(stringify!($Name))
                    $(.field(stringify!($name), &self.$name()))*
                    .finish()
            }
        }
    } };
    ($(#[$m:meta])* $v:vis $Name:ident [$size:literal] { $($body:tt)* }) => {
        layout! { @munch [$(#[$m])* $v $Name $size] [] [] $($body)* }
    };
}

/// `Default` of headers, where all zero is a sensible start.
macro_rules! zero_default {
    ($($Name:ident),* $(,)?) => { $(
        impl Default for $Name {
            /// All zero.
            #[inline]
            fn default() -> Self {
                ::zerocopy::FromZeros::new_zeroed()
            }
        }
    )* };
}
