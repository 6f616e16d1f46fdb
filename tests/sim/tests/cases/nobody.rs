//! Nobody listens any more: what was accepted lives on, and what comes for the listener is refused.

use super::*;

in_each_stage! {
    /// Half of the connections were accepted from the listener that is gone.
    an_accepted_connection_moves: Breakage::Deaf(Side::Near, ms(600));
}

/// The active link fails, then nobody listens, and then the peer opens a connection: neither adapter has the listener any
/// more.
#[test]
fn a_syn_comes_during_the_tunnel() {
    let tunnelled = |what| Fault { when: Trigger::In(Stage::Tunnelled, ms(30)), what };
    let deaf = Breakage::Deaf(Side::Near, ms(1_500));
    let (coverage, outcomes) = runs(|seed| {
        let mut plan = Plan {
            faults: vec![cut(CUT, ms(300)), tunnelled(deaf), tunnelled(Breakage::Open)],
            ..plan(seed)
        };
        plan.connections.push(connection(Side::Peer, ms(900), TALKS));
        // When somebody listens again, by the other link.
        plan.connections.push(connection(Side::Peer, ms(1_700), TALKS));
        plan
    });
    assert!(coverage.faults_in("we do not listen", "Tunnelled") > 0, "{coverage}");
    assert!(coverage.faults_in("open", "Tunnelled") > 0, "{coverage}");
    // By a reset: what is not answered is said again when somebody listens. The first SYN may be lost with the link.
    let refused: Vec<_> = outcomes.iter().map(|outcome| outcome.not_accepted).collect();
    assert_eq!(refused, [1; 12]);
}
