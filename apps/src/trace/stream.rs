//! The bytes of one direction, put together from all their copies.

use std::collections::BTreeMap;

use super::Rule;
use super::segment::Segment;

/// What one end sends, from the byte behind its SYN on.
#[derive(Debug)]
pub(super) struct Stream {
    /// Sequence number of byte 0.
    first: u32,
    bytes: Vec<u8>,
    /// Which of `bytes` have been seen: begin and end of each part, none of which touch.
    seen: BTreeMap<usize, usize>,
    /// How many bytes there are.
    fin: Option<usize>,
}

impl Stream {
    /// The stream of an end whose SYN had this sequence number.
    pub(super) fn after_syn(sequence: u32) -> Self {
        let first = sequence.wrapping_add(1);
        Self { first, bytes: Vec::new(), seen: BTreeMap::new(), fin: None }
    }

    /// Bytes seen so far.
    pub(super) fn len(&self) -> u64 {
        self.seen.iter().map(|(start, end)| (end - start) as u64).sum()
    }

    /// Takes the payload of a segment, whose first byte has the number `sequence`, and its FIN.
    pub(super) fn take(&mut self, sequence: u32, segment: &Segment<'_>) -> Result<(), Rule> {
        let start = sequence.wrapping_sub(self.first) as usize;
        let end = start + segment.payload.len();
        if segment.fin && *self.fin.get_or_insert(end) != end {
            return Err(Rule::OutsideStream(end as u64));
        }
        if segment.payload.is_empty() {
            return Ok(());
        }
        // Streams here are far shorter: such a byte lies before the SYN.
        let before_syn = start >= 1 << 31;
        if before_syn || self.fin.is_some_and(|fin| end > fin) {
            return Err(Rule::OutsideStream(start as u64));
        }
        self.put(start, segment.payload)
    }

    fn put(&mut self, start: usize, payload: &[u8]) -> Result<(), Rule> {
        let end = start + payload.len();
        // Every part that overlaps or touches the new one becomes one with it.
        let touching: Vec<(usize, usize)> = self
            .seen
            .range(..=end)
            .rev()
            .map(|(&from, &to)| (from, to))
            .take_while(|&(_, to)| to >= start)
            .collect();
        let (mut first, mut last) = (start, end);
        for (from, to) in touching {
            let overlap = from.max(start)..to.min(end);
            for at in overlap {
                if self.bytes[at] != payload[at - start] {
                    return Err(Rule::CopiesDiffer(at as u64));
                }
            }
            self.seen.remove(&from);
            (first, last) = (first.min(from), last.max(to));
        }
        self.seen.insert(first, last);
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes[start..end].copy_from_slice(payload);
        Ok(())
    }

    /// At the end of the capture: everything up to the FIN is there.
    pub(super) fn finish(&self) -> Result<(), Rule> {
        let fin = self.fin.ok_or(Rule::NoFin)?;
        let whole = match self.seen.first_key_value() {
            Some((0, &end)) => end,
            _ => 0,
        };
        match whole.cmp(&fin) {
            std::cmp::Ordering::Less => Err(Rule::Hole(whole as u64)),
            std::cmp::Ordering::Equal => Ok(()),
            std::cmp::Ordering::Greater => Err(Rule::OutsideStream(fin as u64)),
        }
    }
}
