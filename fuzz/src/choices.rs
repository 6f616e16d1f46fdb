//! What an input chooses.

use arbitrary::{Arbitrary, Unstructured};

/// As many of something as the bytes of an input give, up to `most`. (A `Vec` of them would end after
/// each with even chance.)
pub fn all_of<'a, T: Arbitrary<'a>>(bytes: &mut Unstructured<'a>, most: usize) -> Vec<T> {
    let mut all = Vec::new();
    while !bytes.is_empty()
        && all.len() < most
        && let Ok(one) = bytes.arbitrary()
    {
        all.push(one);
    }
    all
}

/// Where the system under test keeps its connections, and what happens to it: a hundred things at most.
pub fn path_and_steps<'a, T: Arbitrary<'a>>(bytes: &'a [u8]) -> (bool, Vec<T>) {
    let mut bytes = Unstructured::new(bytes);
    let offload = bytes.arbitrary().unwrap_or(false);
    (offload, all_of(&mut bytes, 100))
}
