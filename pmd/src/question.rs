//! A question that a card has to answer: until when, and how often it has been asked.
//!
//! No card loses a message that it has made, but a card can be late, and one whose TP or firmware stands still answers
//! nothing while its registers do. Who waits for an answer asks again when its time is over, by words that do no harm
//! twice; a card that leaves all of them unanswered is given up.

use mafo_mem::Nanos;

/// How long an answer may take: longer than a full ingress queue takes to be read.
pub const PATIENCE: Nanos = Nanos::from_millis(20);
/// Questions without an answer after which the card is given up.
pub const QUESTIONS: u32 = 4;

/// A question without an answer so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    due: Nanos,
    times: u32,
}

impl Question {
    /// A question that was asked just now, and is to be answered within `patience`.
    #[must_use]
    pub fn new(now: Nanos, patience: Nanos) -> Self {
        Self { due: now + patience, times: 1 }
    }

    /// Until when an answer is waited for.
    #[must_use]
    pub fn due(&self) -> Nanos {
        self.due
    }

    /// Whether the answer should have come.
    #[must_use]
    pub fn is_due(&self, now: Nanos) -> bool {
        now >= self.due
    }

    /// How often it was asked.
    #[must_use]
    pub fn times(&self) -> u32 {
        self.times
    }

    /// Whether it has been asked often enough: when this is due again, the card is given up.
    #[must_use]
    pub fn is_hopeless(&self) -> bool {
        self.times >= QUESTIONS
    }

    /// It is asked once more; its answer is waited for twice as long as the last one.
    pub fn repeat(&mut self, now: Nanos, patience: Nanos) {
        self.due = now + Nanos(patience.0 << self.times.min(QUESTIONS));
        self.times += 1;
    }

    /// It is asked once more as soon as can be.
    #[must_use]
    pub fn at_once(self, now: Nanos) -> Self {
        Self { due: now, ..self }
    }

    /// The card has answered, and is asked for the rest in another way when `due`.
    #[must_use]
    pub fn in_another_way(due: Nanos) -> Self {
        Self { due, times: 2 }
    }

    /// There was no room for it: it is tried again soon.
    pub fn put_off(&mut self, now: Nanos) {
        self.due = now + NO_ROOM;
    }
}

/// Until a full ring is looked at again.
const NO_ROOM: Nanos = Nanos::from_micros(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_doubles_and_ends() {
        let patience = Nanos::from_millis(5);
        let mut now = Nanos::from_secs(1);
        let mut question = Question::new(now, patience);
        for wait in [5, 10, 20, 40] {
            assert!(!question.is_due(question.due() - Nanos(1)));
            assert_eq!(question.due() - now, Nanos::from_millis(wait));
            now = question.due();
            assert_eq!((question.is_due(now), question.is_hopeless()), (true, wait == 40));
            question.repeat(now, patience);
        }
        assert_eq!(question.times(), 5);
    }
}
