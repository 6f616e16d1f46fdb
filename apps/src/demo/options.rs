//! What `mafo demo` can be asked for.

use clap::{Args, ValueEnum};

use crate::rig::{Fault, RigOptions};

/// Sixty-four offloaded connections live through the cut of their cable.
#[derive(Args, Clone, Debug)]
pub struct DemoOptions {
    /// What happens to the active link
    #[arg(long, value_enum, default_value_t = Fault::Link)]
    pub fault: Fault,
    /// Bytes per connection and direction, at least; K, M and G are powers of 1024
    #[arg(long, default_value = "8M", value_parser = parse_size)]
    pub bytes: u64,
    /// Failures, one after the other: after each the failed port comes back as backup
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub rounds: u32,
    /// Who sends: both ends, only the peer (in), or only we (out)
    #[arg(long, value_enum, default_value_t = Direction::Both)]
    pub direction: Direction,
    /// Hosts, cables, reports
    #[command(flatten)]
    pub rig: RigOptions,
}

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Direction {
    /// Both ends.
    Both,
    /// The peer.
    In,
    /// We.
    Out,
}

impl Direction {
    /// Whether the peer sends.
    #[must_use]
    pub fn peer_sends(self) -> bool {
        self != Self::Out
    }

    /// Whether we send.
    #[must_use]
    pub fn we_send(self) -> bool {
        self != Self::In
    }
}

fn parse_size(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.char_indices().last() {
        Some((at, 'K' | 'k')) => (&text[..at], 1 << 10),
        Some((at, 'M' | 'm')) => (&text[..at], 1 << 20),
        Some((at, 'G' | 'g')) => (&text[..at], 1 << 30),
        _ => (text, 1),
    };
    let number: u64 = digits
        .parse()
        .map_err(|_| format!("'{text}' is no size: a number with K, M, G or nothing behind it"))?;
    match number.checked_mul(unit) {
        Some(bytes) if bytes >= 4 => Ok(bytes),
        Some(_) => Err("at least 4 bytes: a cut comes after a quarter".to_owned()),
        None => Err(format!("'{text}' is more than 64 bits hold")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_powers_of_1024() {
        assert_eq!(parse_size("8M"), Ok(8 << 20));
        assert_eq!(parse_size("256k"), Ok(256 << 10));
        assert_eq!(parse_size("17"), Ok(17));
        for wrong in ["", "M", "8X", "-1", "1.5M", "3", "99999999999G"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }
}
