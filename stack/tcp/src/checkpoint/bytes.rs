//! A checkpoint as bytes: for an engine in another process, or in a later one.
//!
//! Two bytes of version, most significant first, then the fields in the order of their declaration in
//! [postcard's wire format](https://postcard.jamesmunns.com/wire-format): integers as variable-length
//! ones, an `Option` and an enum behind its number, a `Vec` behind its length.

use super::{Checkpoint, Unfit};

/// Goes up with whatever changes the bytes: a field, a variant, their order.
const VERSION: u16 = 4;

impl Checkpoint {
    /// The checkpoint as bytes, some 200 of them for a connection with little in flight.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let version = VERSION.to_be_bytes().to_vec();
        match postcard::to_extend(self, version) {
            Ok(bytes) => bytes,
            Err(error) => unreachable!("plain data, into a vector that grows: {error}"),
        }
    }

    /// The checkpoint that [`Checkpoint::to_bytes`] made bytes of.
    ///
    /// # Errors
    ///
    /// [`Unfit`], if they are of another version, or not what was made, or if what they say is no
    /// connection that an engine could go on with.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Unfit> {
        let (version, body) = bytes.split_first_chunk().ok_or(Unfit::Malformed)?;
        let version = u16::from_be_bytes(*version);
        if version != VERSION {
            return Err(Unfit::Version { found: version, known: VERSION });
        }
        let (checkpoint, rest) =
            postcard::take_from_bytes::<Self>(body).map_err(|_| Unfit::Malformed)?;
        if !rest.is_empty() {
            return Err(Unfit::Malformed);
        }
        checkpoint.check()?;
        Ok(checkpoint)
    }
}

#[cfg(all(test, feature = "script"))]
mod tests {
    use expect_test::expect;
    use mafo_mem::Nanos;

    use super::*;
    use crate::script::{Endpoint, EngineEndpoint, Setup};
    use crate::{CongestionControl, Flags, Segment, SeqNum};

    const NOW: Nanos = Nanos::from_secs(1);

    /// Just opened, with three bytes out and five beyond a gap in.
    fn sample() -> Checkpoint {
        let setup = Setup {
            iss: SeqNum(u32::MAX - 1),
            mss: 1_000,
            rcv_buf: 60_000,
            congestion: CongestionControl::Cubic,
            ..Setup::modern()
        };
        let mut end = EngineEndpoint::new(&setup, NOW);
        end.listen();
        let syn = Segment {
            src_port: 40_000,
            dst_port: 7,
            seq: SeqNum(999),
            flags: Flags::SYN,
            window: 5_000,
            ..Segment::default()
        };
        end.inject(&syn, &[]);
        let ack = SeqNum(setup.iss.0.wrapping_add(1));
        end.inject(&Segment { seq: SeqNum(1_000), ack, flags: Flags::ACK, ..syn }, &[]);
        end.send(b"abc");
        while end.take().is_some() {}
        let beyond = Segment { seq: SeqNum(1_010), ack, flags: Flags::ACK, payload_len: 5, ..syn };
        end.inject(&beyond, b"hello");
        end.conn.expect("it is open").checkpoint(NOW)
    }

    fn hex(bytes: &[u8]) -> String {
        let line =
            |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        bytes.chunks(40).map(|bytes| line(bytes) + "\n").collect()
    }

    /// Whoever has to change these bytes has made a new version.
    #[test]
    fn version_4_stays_as_it_is() {
        expect![[r#"
            000407c0b8020301feffffff0fffffffff0f0202020088278827f207ffffffff0fe707e80700e0d4
            03e0d403c8dc03e8070001f207f707010000019804e80700000000000000000100010000f029ffff
            ff7f000000feffffff0f0001ffffffff0f0200000000000100000000018084af5f00000000000000
            0000000000000001980404010200000000ffffffff0fffffffff0fffffffff0f0000000301020000
            00000000000000018727010200ffffffff0f00000001000000000000000000000300010001000000
            00030000000001
        "#]]
        .assert_eq(&hex(&sample().to_bytes()));
    }

    #[test]
    fn bytes_lead_back_to_the_checkpoint() {
        assert_eq!(Checkpoint::from_bytes(&sample().to_bytes()), Ok(sample()));
    }

    #[test]
    fn other_bytes_are_refused_by_what_is_wrong_with_them() {
        let bytes = sample().to_bytes();
        for cut in 0..bytes.len() {
            assert_eq!(Checkpoint::from_bytes(&bytes[..cut]), Err(Unfit::Malformed), "{cut}");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(Checkpoint::from_bytes(&longer), Err(Unfit::Malformed));
        let newer = [&[0, 5], &bytes[2..]].concat();
        let error = Checkpoint::from_bytes(&newer).expect_err("a version to come");
        assert_eq!(error, Unfit::Version { found: 5, known: 4 });
        let contradiction = Checkpoint { snd_una: sample().snd_max + 1, ..sample() };
        let error = Checkpoint::from_bytes(&contradiction.to_bytes()).expect_err("it is");
        assert!(
            matches!(error, Unfit::Inconsistent(rule) if rule.starts_with("snd_una")),
            "{error}"
        );
    }
}
