//! Seeds that failed once, each with what it was.

use mafo_sim::{Plan, run};

/// In the order in which they were understood; by the first edition of plans.
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

/// By the third edition, in which adapters die.
const OF_THE_THIRD: [(u64, &str); 4] = [
    (
        20_910,
        "a connection between two owners told the flow of its old tid, which on a card put in a dead one's place was \
         another's",
    ),
    (
        21_122,
        "the stamp of a timestamp that nobody believes was of the future when it got to the card: no segment of the peer \
         was new enough",
    ),
    (
        21_403,
        "a connection whose timestamps nobody knew moved again before it had heard any, and then took them for known",
    ),
    (21_853, "the same"),
];

/// By the fourth, in which connections are unlike.
const OF_THE_FOURTH: [(u64, &str); 10] = [
    (
        4_869,
        "the clock of a card was read when it had just died, and all ones were taken for what it showed",
    ),
    (
        10_103_204,
        "segments that were given again showed the card a timestamp of nothing, which it believed more than the peer's",
    ),
    (
        10_109_274,
        "what answers for a connection that is over offered a byte less than its card had, which counts no FIN",
    ),
    (
        30_040_934,
        "the checker took bytes for dropped that the host had, whose acknowledgment died with a link",
    ),
    (
        30_061_465,
        "a dead card's last echo left by the tunnel behind its death, and its heir echoed less, or nothing",
    ),
    (
        30_067_596,
        "next hops that could not be turned to the wire at once were while frames of their card were in its own \
         Ethernet queue, which its TP overtook",
    ),
    (
        30_080_746,
        "the checker took a listener's answer to an old SYN, of a connection that had been reset, for the connection's",
    ),
    (30_088_672, "the same"),
    (
        30_095_011,
        "the checker missed held frames at the next owner that had been given to one which died in that very poll",
    ),
    (
        40_015_520,
        "the checker took segments that had been kept beyond a gap, and were given in the order in which they had come, for \
         held ones in another order",
    ),
];

/// By the fifth, in which all links may carry, and single connections move.
const OF_THE_FIFTH: [(u64, &str); 17] = [
    (
        46_009_567,
        "the checker wanted an answer about a next hop that the switch gave to the link of a dead adapter, which had a carrier",
    ),
    (
        49_001_179,
        "while a dead adapter was heard out, its clock was read: it is held in reset and shows nothing",
    ),
    (
        13_392,
        "a copy of a SYN that the switch made for the link that was not active was given to the adapter of its connection, whose \
         listener answered it once more",
    ),
    (
        46_007_082,
        "a connection that was made to speak each time its link failed took each for a sign that its timer was too short, \
         and waited a minute after a dozen failures",
    ),
    (
        41_000_253,
        "where all links carry, what came in by one that probes found silent was dropped, though the switch knows nothing \
         of probes",
    ),
    (41_000_828, "the same"),
    (41_001_183, "the same"),
    (
        41_002_320,
        "the checker took what had waited in a link's queue when its connection was given another for going back",
    ),
    (
        41_002_745,
        "a record of the host's counted no FIN in a window, and its heir's right edge was one beyond what was said of the \
         end; and a handshake whose end had died was not ended by the question for a window",
    ),
    (
        871,
        "a connection on a detour changed its port instead, and the next hop of the detour was forgotten",
    ),
    (42_005_846, "a connection went to the link that was wished for when another one was active"),
    (42_010_166, "the same"),
    (
        43_002_534,
        "a connection that moved alone counted on a link that was down to lead its words through the host, and the link came \
         back",
    ),
    (43_020_575, "the same"),
    (
        44_017_316,
        "the checker took frames for held that came for the address of another link, which a card does not hear",
    ),
    (
        44_020_230,
        "the checker counted the packets of a dead card by those of the one that was put in its place",
    ),
    (
        42_000_631,
        "the checker took SYNs that listeners were asked about before a filter was in force for mistakes: they were not \
         answered",
    ),
];

/// By the seventh, in which control messages go wrong.
const OF_THE_SEVENTH: [(u64, &str); 14] = [
    (
        8_280,
        "the checker took an owner that got a connection back, behind an heir that had died, for a second speaker",
    ),
    (
        64_005_080,
        "the checker took a timestamp for heard that was on the cable of a port whose link was not up yet",
    ),
    (
        65_015_805,
        "without a link, entries on an adapter were made and dropped in turns for a connection whose way was a port; one \
         was taken for an earlier one of the same handle, of which the card spoke twice",
    ),
    (
        66_002_967,
        "the checker took a timestamp for heard that came with bytes which were there already (RFC 7323, 5.3)",
    ),
    (
        66_003_124,
        "the checker did not know that a connection had been moving to a link in whose queue its words waited, where all \
         links carry",
    ),
    (
        66_008_559,
        "what a new owner was to hold beyond a gap waited in a late queue: by then it was too old, as often as it was given",
    ),
    (
        66_012_428,
        "a FIN died with an adapter that had acknowledged it: the peer had forgotten the connection when it was asked",
    ),
    (
        66_029_824,
        "an application gave up while its connection had no owner, and the host path that took it over did not know",
    ),
    (
        66_017_238,
        "the peer had acknowledged more than the old owner's record said, whose window counted from there",
    ),
    (
        72_020_107,
        "what an heir had sent that lived for a moment and died was not known to have been: it was acknowledged, and that was not taken",
    ),
    (
        72_054_548,
        "where all links carry, what a dead owner had said waited in the queue of a link and left behind its next owner's words",
    ),
    (
        72_067_074,
        "an unprotected owner that was turning to its wire again died, and was taken for one whose words all went through the host",
    ),
    (
        72_086_293,
        "a detour that was to end had its question taken away together with that of an entry, and was never asked about again",
    ),
    (
        73_015_293,
        "what waited in a late queue while a detour ended left behind what had gone by the wire",
    ),
];

/// By the eighth, in which tables differ, room is little, and a link may flap without end.
const OF_THE_EIGHTH: [(u64, &str); 11] = [
    (
        75_003_588,
        "a connection that left the host path for an adapter waited for the queue of its way, and not of the link by which the \
         host had spoken",
    ),
    (
        75_012_157,
        "the checker held a card to a window that its host had told for it, to the last byte",
    ),
    (75_017_151, "the same"),
    (
        75_024_128,
        "a connection left the host path again and again for an adapter whose timestamps were too far ahead, and its timers \
         never ran out",
    ),
    (
        347,
        "an ACK that an owner had made before the peer was asked to prove that it takes our timestamps was let out behind \
         that, and offered less",
    ),
    (
        74_032_933,
        "the checker did not wait for what a new owner had been given until an answer that was late ahead of it had come",
    ),
    (
        74_065_014,
        "the checker did not know that the queue of a link that was left, and is active again, may hold what is old",
    ),
    (
        74_109_470,
        "the checker took frames for held that died with the adapter whose cable they had come by",
    ),
    (
        75_024_398,
        "the checker did not know of a link that became active and was left again within a step",
    ),
    (
        75_001_093,
        "the checker did not take down what a peer that had said all echoed, by which it proved that it took our timestamps",
    ),
    (
        74_114_088,
        "an owner died in the step in which its link became active, and what it had said waited in the queue of the other",
    ),
];

/// By the ninth.
const OF_THE_NINTH: [(u64, &str); 31] = [
    (
        91_031_558,
        "what was held came to the new owner of a connection whose application had given up, and was not told of it",
    ),
    (90_069_569, "a connection was aborted and its listener answered a stranger within one step"),
    (90_109_724, "what came by a cable of a hung owner was taken for held, as it was still moving"),
    (
        90_132_581,
        "what was queued for the link of a move came out when the host path had got that link",
    ),
    (90_570_090, "the host path spoke by the active link for a connection on its way to another"),
    (
        87_132_619,
        "of a proof's two segments only the first left before an adapter died, and its window was the host's word",
    ),
    (
        87_662_239,
        "segments beyond a gap waited for room behind all that came later, and never found any",
    ),
    (
        86_060_422,
        "an answer was seen against what the host had had when it asked, not against what old copies had brought it since",
    ),
    (
        85_023_387,
        "the checker did not know that a listener which was closed and is there again may have forgotten a handshake that was over for us",
    ),
    (
        85_028_024,
        "the checker did not know of a link that was active for a moment between two steps",
    ),
    (
        83_592_109,
        "the checker did not know that what the host path said by another link may have been left in a queue there",
    ),
    (82_054_265, "the checker did not know that a connection which is over has been told of all"),
    (
        82_106_612,
        "while no link carried, connections stayed behind the gate, and their owner died with what it was never asked",
    ),
    (
        81_618_326,
        "segments beyond a gap that a new owner's queue had no room for were tried again only with each look at its TCB",
    ),
    (
        82_017_925,
        "the checker took a segment for new that had been taken before, whose acknowledgment was lost",
    ),
    (82_034_646, "the checker did not know what the host path's link was while it said nothing"),
    (
        81_010_778,
        "the peer of half a handshake echoed no new timestamp, as it takes none of a SYN, and nothing it said was an answer",
    ),
    (
        80_677_896,
        "the checker took no account of timestamps that may be late, and the jumps between them went past half of all there are",
    ),
    (
        80_873_414,
        "the checker did not know that a connection that was moved to a link of many, and is back, may have left something there",
    ),
    (
        80_541_628,
        "old copies of segments, in the queue of another card, spoke for a connection whose adapter had died with later ones",
    ),
    (
        80_605_432,
        "next hops turned to the wire and back within one poll, and connections behind the gate did not begin anew",
    ),
    (
        79_000_619,
        "a FIN that came without new bytes was no reason to read its timestamp, and a later owner echoed nothing",
    ),
    (
        77_029_736,
        "the checker did not know that a queue may stand still as long as the answers of its card are late",
    ),
    (
        77_048_235,
        "from adapter to adapter, whose MTU tables differed, the size of a segment became less and less, until none took it",
    ),
    (77_076_030, "the same"),
    (
        77_144_097,
        "an entry was searched for, and not found, before the card had read the second question for it, and made it",
    ),
    (
        77_160_224,
        "the checker had no patience for what a card was to be given whose record could not be read twice",
    ),
    (78_147_993, "the same, of one that could not be read three times"),
    (
        78_044_911,
        "what a new owner was given came to it three segments at a time, at growing intervals, and was given up before the last",
    ),
    (
        78_102_361,
        "the checker held a card, whose record said more than it had told, to what its host told for it",
    ),
    (
        78_054_099,
        "the checker took down no timestamp of what left late, and lost its way after 2^31",
    ),
];

/// By the fourth, without protection.
const UNPROTECTED: [(u64, &str); 2] = [
    (
        88_000_293,
        "a connection whose owner died while it had an entry on another adapter went to the host path, and left that there",
    ),
    (
        88_003_031,
        "the checker took a SYN,ACK that was sent again for one that takes an acknowledgment back",
    ),
];

#[test]
fn what_failed_once_does_not_again() {
    let first = KNOWN.map(|(seed, what)| (Plan::first_edition(seed), what));
    let third = OF_THE_THIRD.map(|(seed, what)| (Plan::third_edition(seed), what));
    let fourth = OF_THE_FOURTH.map(|(seed, what)| (Plan::fourth_edition(seed), what));
    let fifth = OF_THE_FIFTH.map(|(seed, what)| (Plan::fifth_edition(seed), what));
    let seventh = OF_THE_SEVENTH.map(|(seed, what)| (Plan::seventh_edition(seed), what));
    let eighth = OF_THE_EIGHTH.map(|(seed, what)| (Plan::eighth_edition(seed), what));
    let ninth = OF_THE_NINTH.map(|(seed, what)| (Plan::draw(seed), what));
    let unprotected = UNPROTECTED.map(|(seed, what)| {
        let mut plan = Plan::fourth_edition(seed);
        plan.setup.protect = false;
        (plan, what)
    });
    let plans = first
        .into_iter()
        .chain(third)
        .chain(fourth)
        .chain(fifth)
        .chain(seventh)
        .chain(eighth)
        .chain(ninth)
        .chain(unprotected);
    for (plan, what) in plans {
        if let Err(failure) = run::run_plan(&plan) {
            panic!("once: {what}\n{failure}");
        }
    }
}
