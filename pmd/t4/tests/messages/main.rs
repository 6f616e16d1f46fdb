//! Messages, work requests, ring entries and the TCB against bytes written by hand from the datasheet.
//!
//! In each vector the bytes stand in the order of the wire, a field a line. They were worked out with pencil
//! and the bit positions of the header, not by running the code under test.

/// A CPL both ways: built from fields it is these bytes; read from these bytes it has these fields; one byte less
/// or another opcode, and it is not read at all.
macro_rules! cpl_vector {
    (
        $test:ident: $Type:ty, new($($arg:expr),*)
        { $($field:ident: $value:expr),* $(,)? }
        [$($byte:expr),* $(,)?]
        $({ $($getter:ident() => $got:expr),* $(,)? })?
    ) => {
        #[test]
        fn $test() {
            let bytes: &[u8] = &[$($byte),*];
            pastey::paste! {
                let built = <$Type>::new($($arg),*) $( .[<with_ $field>]($value) )*;
            }
            pretty(built.as_bytes(), bytes);
            let read = mafo_t4::cpl::parse::<$Type>(bytes).expect("read");
            $( assert_eq!(read.$field(), $value, stringify!($field)); )*
            $($( assert_eq!(read.$getter(), $got, stringify!($getter)); )*)?
            for short in 0..bytes.len() {
                assert!(mafo_t4::cpl::parse::<$Type>(&bytes[..short]).is_none(), "{short} bytes");
            }
            let mut other = bytes.to_vec();
            other[0] ^= 0xff;
            assert!(mafo_t4::cpl::parse::<$Type>(&other).is_none(), "another opcode");
        }
    };
}

mod bits;
mod connection;
mod facts;
mod filter;
mod firmware;
mod hostile;
mod open;
mod packet;
mod sge;
mod table;
mod tcb;
mod tcb_image;
mod tuple;
mod wr;

/// Compares bytes, and shows the first that differs.
#[track_caller]
fn pretty(got: &[u8], want: &[u8]) {
    if let Some(at) = got.iter().zip(want).position(|(got, want)| got != want) {
        panic!("byte {at}: got {:02x?}\nwant {:02x?}", &got[at..], &want[at..]);
    }
    assert_eq!(got.len(), want.len(), "length");
}
