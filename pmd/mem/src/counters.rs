//! Statistics as plain words with one writer each: counting is an addition, reading is a copy.

/// Declares a struct of `u64` counters.
///
/// Names are DPDK xstats in style: direction, queue or block, what, outcome
/// (`rx_frames`, `tx_carrier_errors`, `rx_csum_bad`), so that a list of them reads as a page of
/// `ethtool -S`. The fields and methods have the visibility of the struct.
///
/// | generated | use |
/// |---|---|
/// | `Default`, `const fn new()` | all zero |
/// | `NAMES`, `iter()` | in declaration order: names alone; `(name, value)` pairs |
/// | `since(&earlier)` | what was counted in between |
/// | `+=` | the sum over queues or ports |
/// | `Debug` | only the counters that are not zero |
/// | `PartialEq` | a test compares all of them, so that a counter it did not expect fails it |
///
/// ```
/// mafo_mem::counters! {
///     /// What a port saw.
///     pub struct PortCounters {
///         /// Frames received whole.
///         rx_frames,
///         /// Frames dropped because they were shorter than an Ethernet header.
///         rx_runts,
///     }
/// }
/// let mut port = PortCounters::new();
/// port.rx_frames += 2;
/// let before = port;
/// port.rx_runts += 1;
/// assert_eq!(port.since(&before), PortCounters { rx_runts: 1, ..PortCounters::new() });
/// assert_eq!(format!("{port:?}"), "PortCounters { rx_frames: 2, rx_runts: 1 }");
/// ```
#[macro_export]
macro_rules! counters {
    ($(
        $(#[$meta:meta])*
        $vis:vis struct $Name:ident { $( $(#[$field_meta:meta])* $field:ident ),+ $(,)? }
    )+) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Default, PartialEq, Eq)]
        $vis struct $Name { $( $(#[$field_meta])* $vis $field: u64 ),+ }

        impl $Name {
            /// The counters' names in declaration order.
            $vis const NAMES: &'static [&'static str] = &[ $( stringify!($field) ),+ ];

            /// All counters at zero.
            #[must_use]
            $vis const fn new() -> Self {
                Self { $( $field: 0 ),+ }
            }

            /// `(name, value)` of every counter in declaration order.
            $vis fn iter(&self) -> impl ExactSizeIterator<Item = (&'static str, u64)> + use<> {
                [ $( (stringify!($field), self.$field) ),+ ].into_iter()
            }

            /// What was counted since `earlier` was copied from the same counters. A counter that
            /// was reset in between yields 0.
            #[must_use]
            $vis fn since(&self, earlier: &Self) -> Self {
                Self { $( $field: self.$field.saturating_sub(earlier.$field) ),+ }
            }
        }

        // A private set may leave some of its methods unused, which is no mistake.
        const _: () = {
            let _ = ($Name::NAMES, $Name::new(), $Name::iter, $Name::since);
        };

        impl ::core::ops::AddAssign for $Name {
            fn add_assign(&mut self, rhs: Self) {
                $( self.$field += rhs.$field; )+
            }
        }

        impl ::core::fmt::Debug for $Name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let mut out = f.debug_struct(stringify!($Name));
                for (name, value) in self.iter().filter(|&(_, value)| value != 0) {
                    out.field(name, &value);
                }
                out.finish()
            }
        }
    )+};
}

#[cfg(test)]
mod tests {
    counters! {
        /// A set to test with.
        struct Sample {
            /// First.
            rx_frames,
            /// Second.
            rx_bytes,
            /// Third.
            tx_errors,
        }

        /// A second set in the same invocation.
        struct Other {
            /// Its only counter.
            polls,
        }
    }

    #[test]
    fn names_and_values_come_in_declaration_order() {
        let sample = Sample { rx_frames: 1, rx_bytes: 60, tx_errors: 3 };
        assert_eq!(Sample::NAMES, ["rx_frames", "rx_bytes", "tx_errors"]);
        let pairs: Vec<_> = sample.iter().collect();
        assert_eq!(pairs, [("rx_frames", 1), ("rx_bytes", 60), ("tx_errors", 3)]);
        assert_eq!(sample.iter().len(), 3);
        assert_eq!(Other::NAMES, ["polls"]);
    }

    #[test]
    fn debug_shows_what_is_not_zero() {
        assert_eq!(format!("{:?}", Sample::new()), "Sample");
        let sample = Sample { tx_errors: 7, ..Sample::default() };
        assert_eq!(format!("{sample:?}"), "Sample { tx_errors: 7 }");
    }

    #[test]
    fn differences_and_sums_are_per_counter() {
        let before = Sample { rx_frames: 10, rx_bytes: 100, tx_errors: 5 };
        let after = Sample { rx_frames: 12, rx_bytes: 190, tx_errors: 1 };
        let delta = after.since(&before);
        assert_eq!(
            delta,
            Sample { rx_frames: 2, rx_bytes: 90, tx_errors: 0 },
            "a reset is no 2^64"
        );

        let mut total = before;
        total += delta;
        assert_eq!(total, Sample { rx_frames: 12, rx_bytes: 190, tx_errors: 5 });
    }
}
