//! What nobody else is to know: seeds, secrets of sequence numbers.

use std::fs::File;
use std::io::{self, Read};

const SOURCE: &str = "/dev/urandom";

/// So many bytes of the kernel's randomness. The error names where they were to come from.
pub fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    let read = File::open(SOURCE).and_then(|mut file| file.read_exact(&mut bytes));
    read.map_err(|e| io::Error::new(e.kind(), format!("{SOURCE}: {e}")))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_are_alike() {
        let some: [[u8; 16]; 8] = std::array::from_fn(|_| random().expect("there is some"));
        for (n, bytes) in some.iter().enumerate() {
            assert!(!some[..n].contains(bytes));
        }
    }
}
