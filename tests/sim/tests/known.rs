//! Seeds that failed once, each with what it was.

use mafo_sim::{Plan, run};

/// In the order in which they were understood.
const KNOWN: [(u64, &str); 27] = [
    (160, "an image was uploaded without what the old owner delivered after it was read"),
    (952, "a connection that nobody held waited for a FIN for ever"),
    (73, "frames stayed in a dead link's queue and left by it when it was back"),
    (4, "what answers for a connection that is over offered no window"),
    (536, "a SYN that a hub floods to a backup was answered there"),
    (168, "a SYN,ACK left by a port that is not active, of the adapter that is"),
    (179, "the same"),
    (831, "the same"),
    (1_208, "an owner that was being silenced spoke by its wire, which was active again"),
    (1_273, "the same"),
    (2_036, "the same"),
    (1_486, "a fence was posted in the poll in which the old adapter became active again"),
    (2_581, "the same"),
    (3_176, "the same"),
    (6_268, "the checker took what a hub floods back for the peer's"),
    (6_559, "a SYN that was put back into an adapter was asked about when another was active"),
    (804, "what the old owner had said waited in a queue behind the new owner's words"),
    (6_289, "a change of channel met the next owner of a tid that was released before it"),
    (7_598, "the answer to an abort met the next owner of its tid"),
    (
        102_448,
        "the abort of a connection that nobody wanted any more found no room, and was forgotten",
    ),
    (116_381, "the same"),
    (
        103_465,
        "the answer to an earlier open on the same adapter was taken for that to a later one",
    ),
    (131_513, "the same"),
    (132_392, "the same"),
    (170_375, "a connection was gated before its old adapter had turned its next hop"),
    (1_015_783, "the end of a stream was told whose last bytes a reset behind it had thrown away"),
    (110_907, "a link of the simulation came back before a late card had heard that it was gone"),
];

#[test]
fn what_failed_once_does_not_again() {
    for (seed, what) in KNOWN {
        if let Err(failure) = run::run_plan(&Plan::first_edition(seed)) {
            panic!("once: {what}\n{failure}");
        }
    }
}
