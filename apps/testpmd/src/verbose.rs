//! What frames are, in words: for `set verbose`.

use std::fmt::Write;

use mafo::Frame;

use crate::console::say;

/// Prints a line a frame. Slow, as whoever asks for it wants it.
pub(crate) fn tell(port: usize, what: &str, frames: &[Frame]) {
    // Forwarding goes on without one who listens.
    say(&describe(port, what, frames));
}

fn describe(port: usize, what: &str, frames: &[Frame]) -> String {
    let mut text = format!("port {port}/queue 0: {what} {} packets\n", frames.len());
    for frame in frames {
        let bytes = frame.as_slice();
        let Some(([d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1], _)) =
            bytes.split_first_chunk()
        else {
            let _ = writeln!(text, "  no frame - length={}", bytes.len());
            continue;
        };
        let _ = writeln!(
            text,
            "  src={} - dst={} - type=0x{:04x} - length={} - nb_segs=1",
            mac(&[*s0, *s1, *s2, *s3, *s4, *s5]),
            mac(&[*d0, *d1, *d2, *d3, *d4, *d5]),
            u16::from_be_bytes([*t0, *t1]),
            bytes.len(),
        );
    }
    text
}

/// A station's address as DPDK writes it.
pub(crate) fn mac(bytes: &[u8; 6]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_a_line() {
        let mut frames = [Frame::with_capacity(64), Frame::with_capacity(64)];
        let header = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 0xab, 8, 6, 0];
        frames[0].copy_from(&header).expect("fits");
        assert_eq!(
            describe(3, "received", &frames),
            "port 3/queue 0: received 2 packets\n  src=02:00:00:00:00:AB - dst=FF:FF:FF:FF:FF:FF - type=0x0806 - \
             length=15 - nb_segs=1\n  no frame - length=0\n"
        );
    }
}
