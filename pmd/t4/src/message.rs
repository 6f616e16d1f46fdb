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
            $v const SIZE: usize = $size;

            /// The message at the start of `bytes`; `None` if they are too few.
            #[inline]
            #[must_use]
            $v fn parse(bytes: &[u8]) -> Option<&Self> {
                <Self as ::zerocopy::FromBytes>::ref_from_prefix(bytes).ok().map(|(message, _)| message)
            }
            /// The bytes of the message.
            #[inline]
            #[must_use]
            $v fn as_bytes(&self) -> &[u8] {
                <Self as ::zerocopy::IntoBytes>::as_bytes(self)
            }
        }
        ::pastey::paste! {
            impl $Name { $(
                #[doc = concat!("The field `", stringify!($field), "`.")]
                $(#[$fm])*
                #[inline]
                #[must_use]
                $v fn $field(&self) -> $F {
                    <$F as $crate::message::Field>::load(self.$field)
                }
                #[doc = concat!("Sets the field `", stringify!($field), "`.")]
                $(#[$fm])*
                #[inline]
                $v fn [<set_ $field>](&mut self, value: $F) {
                    self.$field = <$F as $crate::message::Field>::store(value);
                }
                #[doc = concat!("With the field `", stringify!($field), "` replaced.")]
                $(#[$fm])*
                #[inline]
                #[must_use]
                $v fn [<with_ $field>](mut self, value: $F) -> Self {
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

#[cfg(test)]
#[expect(dead_code, reason = "a macro makes more than a test uses")]
mod tests {
    extern crate std;

    use std::format;

    use crate::{Iova, IqId};

    bits! {
        /// Two fields.
        pub(super) Word: u16 { 15 flag, 14:0 number }
    }
    message! {
        /// Part of another.
        pub(super) struct Inner[3] { byte: u8, word: Word }
    }
    message! {
        /// Every kind of field.
        pub(super) struct Outer[30] {
            byte: u8,
            iq: IqId,
            word: u32,
            address: Iova,
            bytes: [u8; 3],
            words: [u16; 3],
            inner: [Inner; 2],
        }
    }

    const BYTES: [u8; 30] = [
        0x01, // byte
        0x02, 0x03, // iq
        0x04, 0x05, 0x06, 0x07, // word
        0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, // address
        0x10, 0x11, 0x12, // bytes
        0x13, 0x14, 0x15, 0x16, 0x17, 0x18, // words
        0x19, 0x80, 0x01, // inner 0: byte, flag and number
        0x1a, 0x7f, 0xff, // inner 1: byte, number
    ];

    #[test]
    fn fields_lie_big_endian_without_padding() {
        let inner = [
            Inner::default().with_byte(0x19).with_word(Word(0).with_flag(true).with_number(1)),
            Inner::default().with_byte(0x1a).with_word(Word(0x7fff)),
        ];
        let outer = Outer::default()
            .with_byte(1)
            .with_iq(IqId(0x203))
            .with_word(0x0405_0607)
            .with_address(Iova(0x0809_0a0b_0c0d_0e0f))
            .with_bytes([0x10, 0x11, 0x12])
            .with_words([0x1314, 0x1516, 0x1718])
            .with_inner(inner);
        assert_eq!(outer.as_bytes(), BYTES);
        let read = Outer::parse(&BYTES).unwrap();
        assert_eq!(read, &outer);
        assert_eq!((read.byte(), read.iq(), read.word()), (1, IqId(0x203), 0x0405_0607));
        assert_eq!((read.words(), read.inner()), ([0x1314, 0x1516, 0x1718], inner));
    }

    #[test]
    fn a_message_is_read_at_any_address_and_only_whole() {
        let mut shifted = [0; 32];
        shifted[1..31].copy_from_slice(&BYTES);
        assert_eq!(Outer::parse(&shifted[1..]).map(Outer::as_bytes), Some(&BYTES[..]));
        assert_eq!(Outer::parse(&BYTES[..29]), None);
    }

    #[test]
    fn a_message_prints_its_fields() {
        let inner = Inner::default().with_byte(7);
        assert_eq!(
            format!("{inner:?}"),
            "Inner { byte: 7, word: Word { flag: false, number: 0 } }"
        );
    }
}
