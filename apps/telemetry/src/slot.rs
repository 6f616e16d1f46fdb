//! The way of what an lcore says to those who answer: two buffers that go to and fro.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_queue::ArrayQueue;

/// How long an lcore may take until what it said last is told again: it sleeps no longer than a tenth of a second, and then
/// needs some turns for each few dozen connections.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(1);
/// Buffers of an lcore: one that it fills, one of which answers are made.
const BUFFERS: usize = 2;

/// How much is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// What is counted, and how ports and bonds stand.
    Counters,
    /// Each connection as well.
    All,
}

/// A question: its number, never 0, and behind it a bit that says how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Question(u32);

impl Question {
    fn next(self, scope: Scope) -> Self {
        let number = (self.0 >> 1).wrapping_add(1) & (u32::MAX >> 1);
        Self(number.max(1) << 1 | u32::from(scope == Scope::All))
    }

    fn scope(self) -> Scope {
        if self.0 & 1 == 1 { Scope::All } else { Scope::Counters }
    }
}

#[derive(Debug)]
struct Shared<T> {
    /// The question that is open, or 0. It is only looked at: what it stands for comes with the buffers.
    wanted: AtomicU32,
    /// A buffer to be filled.
    empty: ArrayQueue<T>,
    /// One that has been, and for which question.
    full: ArrayQueue<(Question, T)>,
}

/// An lcore's end.
#[derive(Debug)]
pub struct Publisher<T> {
    shared: Arc<Shared<T>>,
    question: Question,
}

impl<T> Publisher<T> {
    /// Whether somebody has asked, and has no answer yet.
    #[inline]
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.shared.wanted.load(Ordering::Relaxed) != 0
    }

    /// The buffer that is to be filled, and how much is asked for; once for each question.
    pub fn take(&mut self) -> Option<(T, Scope)> {
        let question = Question(self.shared.wanted.load(Ordering::Relaxed));
        if question.0 == 0 {
            return None;
        }
        let buffer = self.shared.empty.pop()?;
        self.question = question;
        Some((buffer, question.scope()))
    }

    /// Gives the buffer back, filled.
    pub fn publish(&mut self, buffer: T) {
        let Question(question) = self.question;
        // Another question may have come meanwhile, which stays open.
        let wanted = &self.shared.wanted;
        let _ = wanted.compare_exchange(question, 0, Ordering::Relaxed, Ordering::Relaxed);
        // There is room for all buffers that there are.
        drop(self.shared.full.push((self.question, buffer)));
    }
}

/// What is kept of an lcore.
#[derive(Debug)]
struct Lcore<T> {
    shared: Arc<Shared<T>>,
    last: T,
    /// `None` while the lcore has it.
    spare: Option<T>,
}

/// The other end of all of them.
#[derive(Debug)]
pub struct Collector<T> {
    lcores: Vec<Lcore<T>>,
    question: Question,
}

impl<T> Collector<T> {
    /// One for lcores that fill such buffers, two of which are made for each by `buffer`; and what each of them gets.
    #[must_use]
    pub fn new(lcores: usize, mut buffer: impl FnMut(usize) -> T) -> (Self, Vec<Publisher<T>>) {
        let (mut seats, mut publishers) = (Vec::new(), Vec::new());
        for n in 0..lcores {
            let shared = Arc::new(Shared {
                wanted: AtomicU32::new(0),
                empty: ArrayQueue::new(BUFFERS),
                full: ArrayQueue::new(BUFFERS),
            });
            publishers.push(Publisher { shared: Arc::clone(&shared), question: Question(0) });
            seats.push(Lcore { shared, last: buffer(n), spare: Some(buffer(n)) });
        }
        (Self { lcores: seats, question: Question(0) }, publishers)
    }

    /// What all of them say now; of one that does not answer in time, or has ended, what it said last.
    pub fn collect(&mut self, scope: Scope) -> Vec<&T> {
        self.question = self.question.next(scope);
        for lcore in &mut self.lcores {
            lcore.ask(self.question);
        }
        let deadline = Instant::now() + PATIENCE;
        for lcore in &mut self.lcores {
            while !lcore.hear(self.question) && !lcore.has_ended() && Instant::now() < deadline {
                thread::sleep(LOOK);
            }
        }
        self.lcores.iter().map(|lcore| &lcore.last).collect()
    }
}

impl<T> Lcore<T> {
    fn ask(&mut self, question: Question) {
        self.hear(question);
        self.shared.wanted.store(question.0, Ordering::Relaxed);
        if let Some(spare) = self.spare.take() {
            drop(self.shared.empty.push(spare));
        }
    }

    /// Takes the answer to `question`, if it is there. One to an earlier question is none.
    fn hear(&mut self, question: Question) -> bool {
        while let Some((answered, buffer)) = self.shared.full.pop() {
            if answered == question {
                self.spare = Some(std::mem::replace(&mut self.last, buffer));
                return true;
            }
            drop(self.shared.empty.push(buffer));
        }
        false
    }

    /// Whether nobody is left who could answer.
    fn has_ended(&self) -> bool {
        Arc::strong_count(&self.shared) == 1 && self.shared.full.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    fn answer(lcore: &mut Publisher<Vec<u32>>, what: u32) -> Scope {
        let (mut buffer, scope) = loop {
            match lcore.take() {
                Some(taken) => break taken,
                None => thread::yield_now(),
            }
        };
        buffer.clear();
        buffer.push(what);
        lcore.publish(buffer);
        scope
    }

    fn words<'a>(all: impl IntoIterator<Item = &'a Vec<u32>>) -> Vec<u32> {
        all.into_iter().flatten().copied().collect()
    }

    /// Who has nothing fresh to say is quoted.
    #[test]
    fn the_last_word_of_each_counts() {
        let (mut collector, mut publishers) = Collector::new(2, |_| Vec::with_capacity(1));
        assert!(publishers.iter().all(|lcore| !lcore.is_wanted()));
        let [first, second] = &mut publishers[..] else { unreachable!("two were made") };
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                assert_eq!(answer(first, 1), Scope::All);
                assert_eq!(answer(second, 2), Scope::All);
                assert!(!first.is_wanted());
                assert_eq!(answer(second, 3), Scope::Counters);
                while !done.load(Ordering::SeqCst) {
                    thread::yield_now();
                }
            });
            let heard = words(collector.collect(Scope::All));
            let again = words(collector.collect(Scope::Counters));
            done.store(true, Ordering::SeqCst);
            assert_eq!(heard, [1, 2]);
            assert_eq!(again, [1, 3]);
        });
        assert!(first.is_wanted());
    }

    /// What was said to somebody who asked for less is no answer.
    #[test]
    fn an_answer_is_to_its_question() {
        let (mut collector, mut publishers) = Collector::new(1, |_| Vec::with_capacity(1));
        let lcore = &mut publishers[0];
        assert_eq!(words(collector.collect(Scope::Counters)), []);
        // It has begun with its answer when somebody asks again.
        let (mut late, scope) = lcore.take().expect("it was asked");
        assert_eq!(scope, Scope::Counters);
        let asked = lcore.shared.wanted.load(Ordering::Relaxed);
        thread::scope(|threads| {
            threads.spawn(|| {
                while lcore.shared.wanted.load(Ordering::Relaxed) == asked {
                    thread::yield_now();
                }
                late.push(1);
                lcore.publish(late);
                assert_eq!(answer(lcore, 2), Scope::All);
            });
            assert_eq!(words(collector.collect(Scope::All)), [2]);
        });
    }

    /// No more than two buffers are there, and they keep what they have room for.
    #[test]
    fn buffers_go_to_and_fro() {
        let made = std::cell::Cell::new(0);
        let (mut collector, mut publishers) = Collector::new(1, |_| {
            made.set(made.get() + 1);
            Vec::with_capacity(8)
        });
        let lcore = &mut publishers[0];
        let mut addresses = std::collections::BTreeSet::new();
        thread::scope(|threads| {
            threads.spawn(|| {
                for n in 0..20 {
                    let (mut buffer, _) = loop {
                        match lcore.take() {
                            Some(taken) => break taken,
                            None => thread::yield_now(),
                        }
                    };
                    buffer.clear();
                    buffer.push(n);
                    addresses.insert(buffer.as_ptr() as usize);
                    lcore.publish(buffer);
                }
            });
            for n in 0..20 {
                assert_eq!(words(collector.collect(Scope::All)), [n]);
            }
        });
        assert_eq!((made.get(), addresses.len()), (BUFFERS, BUFFERS));
    }

    /// Nobody is waited for who has gone.
    #[test]
    fn an_lcore_that_has_ended_is_quoted() {
        let (mut collector, publishers) = Collector::new(1, |_| vec![7]);
        drop(publishers);
        assert!(collector.lcores[0].has_ended());
        assert_eq!(words(collector.collect(Scope::All)), [7]);
    }
}
