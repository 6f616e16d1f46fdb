//! How messages are declared: fields in host order outside, big-endian bytes inside.

use zerocopy::byteorder::{BE, U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::{Atid, EqId, Ftid, Iova, IqId, L2tIdx, PortId, SmtIdx, Stid, Tid};

/// A value that can be a field of a message.
pub trait Field: Copy {
    /// How it lies there: big-endian, without alignment.
    type Stored: FromBytes + IntoBytes + KnownLayout + Immutable + Unaligned + Copy;
    /// From the message.
    fn load(stored: Self::Stored) -> Self;
    /// Into the message.
    fn store(self) -> Self::Stored;
}

impl Field for u8 {
    type Stored = Self;
    #[inline]
    fn load(stored: Self) -> Self {
        stored
    }
    #[inline]
    fn store(self) -> Self {
        self
    }
}

macro_rules! integer_fields {
    ($( $W:ty => $Stored:ty ),*) => { $(
        impl Field for $W {
            type Stored = $Stored;
            #[inline]
            fn load(stored: $Stored) -> Self {
                stored.get()
            }
            #[inline]
            fn store(self) -> $Stored {
                <$Stored>::new(self)
            }
        }
    )* };
}
integer_fields!(u16 => U16<BE>, u32 => U32<BE>, u64 => U64<BE>);

impl<T: Field, const N: usize> Field for [T; N]
where
    [T::Stored; N]: FromBytes + IntoBytes + KnownLayout + Immutable + Unaligned,
{
    type Stored = [T::Stored; N];
    #[inline]
    fn load(stored: Self::Stored) -> Self {
        stored.map(T::load)
    }
    #[inline]
    fn store(self) -> Self::Stored {
        self.map(T::store)
    }
}

macro_rules! id_fields {
    ($( $Name:ident($W:ty) )*) => { $(
        impl Field for $Name {
            type Stored = <$W as Field>::Stored;
            #[inline]
            fn load(stored: Self::Stored) -> Self {
                Self(<$W>::load(stored))
            }
            #[inline]
            fn store(self) -> Self::Stored {
                self.0.store()
            }
        }
    )* };
}
id_fields! {
    Tid(u32) Stid(u32) Atid(u32) Ftid(u32) IqId(u16) EqId(u32) L2tIdx(u16) SmtIdx(u8) PortId(u8) Iova(u64)
}

/// A message of fixed size: `name()`, `set_name()` and `with_name()` for every field, in host order.
///
/// The size in brackets is checked at compile time; there is no padding. Messages nest.
macro_rules! message {
    ($(#[$m:meta])* $v:vis struct $Name:ident [$size:literal] {
        $( $(#[$fm:meta])* $field:ident : $F:ty ),* $(,)?
    }) => {
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
            $( $field: <$F as $crate::message::Field>::Stored, )*
        }
        const _: () = assert!(::core::mem::size_of::<$Name>() == $size);

        impl $Name {
            /// Bytes of the message.
            pub const SIZE: usize = $size;

            /// The message at the start of `bytes`; `None` if they are too few.
            #[inline]
            #[must_use]
            pub fn parse(bytes: &[u8]) -> Option<&Self> {
                <Self as ::zerocopy::FromBytes>::ref_from_prefix(bytes).ok().map(|(message, _)| message)
            }
            /// The bytes of the message.
            #[inline]
            #[must_use]
            pub fn as_bytes(&self) -> &[u8] {
                <Self as ::zerocopy::IntoBytes>::as_bytes(self)
            }
        }
        ::pastey::paste! {
            impl $Name { $(
                #[doc = concat!("The field `", stringify!($field), "`.")]
                $(#[$fm])*
                #[inline]
                #[must_use]
                pub fn $field(&self) -> $F {
                    <$F as $crate::message::Field>::load(self.$field)
                }
                #[doc = concat!("Sets the field `", stringify!($field), "`.")]
                $(#[$fm])*
                #[inline]
                pub fn [<set_ $field>](&mut self, value: $F) {
                    self.$field = <$F as $crate::message::Field>::store(value);
                }
                #[doc = concat!("With the field `", stringify!($field), "` replaced.")]
                $(#[$fm])*
                #[inline]
                #[must_use]
                pub fn [<with_ $field>](mut self, value: $F) -> Self {
                    self.[<set_ $field>](value);
                    self
                }
            )* }
        }
        impl Default for $Name {
            /// All bytes zero.
            fn default() -> Self {
                ::zerocopy::FromZeros::new_zeroed()
            }
        }
        impl ::core::fmt::Debug for $Name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct(stringify!($Name))
                    $( .field(stringify!($field), &self.$field()) )*
                    .finish()
            }
        }
        impl $crate::message::Field for $Name {
            type Stored = Self;
            #[inline]
            fn load(stored: Self) -> Self {
                stored
            }
            #[inline]
            fn store(self) -> Self {
                self
            }
        }
    };
}
