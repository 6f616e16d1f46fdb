//! What a ring between two lcores costs an element, beside the rings of others: in bursts, on one core, where nothing waits.
//!
//! One thread is both ends, so that the ring itself is measured and not the way between two caches. Each ring is used in its
//! own best way, and gets the same elements: numbers in their order, whose sum the reader has to find.
//!
//! Before that two threads, on two cores if there are two: what it costs to wake one that sleeps ([`super::wake`]).

use std::fmt::Write;
use std::time::Duration;

use clap::Args;
use crossbeam_queue::ArrayQueue;
use mafo::eal::clock::{Clock, thread_cpu_time};
use mafo::failover::Distribution;
use mafo::ring;

use super::BenchError;
use super::contest::take_a_core;
use super::figures::{CoreShare, Counts, Figures, PerOp, Slice, median, own_cycles, spread};
use super::turns::{self, Hooks};
use super::wake::{self, Wakes};
use crate::rig::fine_micros_json;
use crate::sys;

/// What `mafo bench rings` can be asked for.
#[derive(Args, Clone, Debug)]
pub struct RingsOptions {
    /// Elements that are written together and read together
    #[arg(long, value_name = "N", default_value_t = 32,
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub burst: u16,
    /// How long all rings are measured, in turns
    #[arg(long, value_name = "S", default_value_t = 3,
          value_parser = clap::value_parser!(u64).range(1..=600))]
    pub seconds: u64,
    /// Print one JSON object on standard output, everything else on standard error
    #[arg(long)]
    pub json: bool,
    /// For tests
    #[command(flatten)]
    pub hooks: Hooks,
}

/// Elements that a ring has room for: few enough that all of it stays in the first cache.
const CAPACITY: usize = 1024;
/// A ring's turn.
const SLICE: Duration = Duration::from_millis(50);
/// Times that a sleeper is woken; fewer for a test.
const WAKES: u32 = if cfg!(debug_assertions) { 100 } else { 2000 };
/// Bursts between two looks at the clock.
const BURSTS: u64 = 1000;

/// A ring whose both ends are here.
trait Ring {
    /// Writes the numbers from `first` on, `burst` of them, and reads as many; the sum of what was read.
    fn pass(&mut self, first: u64, burst: usize) -> u64;
}

/// The ring of mafo-mem, whose slots are filled and read where they lie.
struct Ours(ring::Producer<u64>, ring::Consumer<u64>);

impl Ring for Ours {
    #[inline(always)]
    fn pass(&mut self, first: u64, burst: usize) -> u64 {
        let Self(producer, consumer) = self;
        let filled = producer.claim_burst(burst).fill(first..);
        producer.publish_burst(filled);
        let slots = consumer.peek_burst(burst);
        let read = slots.len();
        let sum = slots.fold(0_u64, |sum, slot| sum.wrapping_add(*slot));
        consumer.release_burst(read);
        sum
    }
}

/// rtrb's, by its chunks: what is not initialised before it is written, and slices that are read in place.
struct Rtrb(rtrb::Producer<u64>, rtrb::Consumer<u64>);

impl Ring for Rtrb {
    #[inline(always)]
    fn pass(&mut self, first: u64, burst: usize) -> u64 {
        let Self(producer, consumer) = self;
        if let Ok(chunk) = producer.write_chunk_uninit(burst) {
            chunk.fill_from_iter(first..);
        }
        let Ok(chunk) = consumer.read_chunk(burst) else { return 0 };
        let (front, back) = chunk.as_slices();
        let sum = front.iter().chain(back).fold(0_u64, |sum, value| sum.wrapping_add(*value));
        chunk.commit_all();
        sum
    }
}

/// crossbeam's, which has no bursts and takes any number of writers and readers.
impl Ring for ArrayQueue<u64> {
    #[inline(always)]
    fn pass(&mut self, first: u64, burst: usize) -> u64 {
        for value in (first..).take(burst) {
            if self.push(value).is_err() {
                break;
            }
        }
        (0..burst).filter_map(|_| self.pop()).fold(0, u64::wrapping_add)
    }
}

/// Passes [`BURSTS`] bursts of the numbers from `first` on; their sum. Apart, so that the compiler makes the same of it whatever stands around.
#[inline(never)]
fn bursts(ring: &mut impl Ring, mut first: u64, burst: usize) -> u64 {
    let mut sum = 0_u64;
    for _ in 0..BURSTS {
        sum = sum.wrapping_add(ring.pass(first, burst));
        first += burst as u64;
    }
    sum
}

/// Sum of the `count` numbers from `first` on.
fn sum_of(first: u64, count: u64) -> u64 {
    // One of the two factors is even.
    let (a, b) = (count, first.wrapping_mul(2).wrapping_add(count).wrapping_sub(1));
    if a.is_multiple_of(2) { (a / 2).wrapping_mul(b) } else { a.wrapping_mul(b / 2) }
}

/// A ring, what it has carried and what that cost.
struct Contestant<R> {
    name: &'static str,
    ring: R,
    /// The next number.
    next: u64,
    /// Of the slices that count; a rate is nanoseconds an element.
    figures: Figures,
}

impl<R: Ring> Contestant<R> {
    fn new(name: &'static str, ring: R) -> Self {
        Self { name, ring, next: 0, figures: Figures::default() }
    }

    /// Works for at least `length`, and compares what came out with what went in.
    fn slice(&mut self, burst: usize, length: Duration) -> Result<Slice, BenchError> {
        let (clock, ticks, cpu, first) =
            (Clock::start(), sys::cycles(), thread_cpu_time(), self.next);
        let mut sum = 0_u64;
        while u128::from(clock.now().0) < length.as_nanos() {
            sum = sum.wrapping_add(bursts(&mut self.ring, self.next, burst));
            self.next += BURSTS * burst as u64;
        }
        let (elements, cpu) = (self.next - first, thread_cpu_time() - cpu);
        let (ticks, time) = (sys::cycles() - ticks, clock.now());
        if sum != sum_of(first, elements) {
            let what =
                format!("{}: the sums of what went in and of what came out differ", self.name);
            return Err(BenchError::Failed(what));
        }
        let (counts, times) = (Counts::default(), Distribution::default());
        Ok(Slice {
            done: elements,
            cpu,
            cycles: own_cycles(ticks, cpu, time) as u64,
            counts,
            times,
        })
    }

    /// A turn whose figure counts.
    fn turn(&mut self, burst: usize, length: Duration) -> Result<f64, BenchError> {
        let slice = self.slice(burst, length)?;
        let each = slice.cpu.0 as f64 / slice.done as f64;
        self.figures.add(each, &[slice]);
        Ok(each)
    }

    /// Median, and its spread.
    fn medians(&self) -> (f64, f64) {
        (median(&self.figures.rates), spread(&self.figures.rates))
    }
}

/// How many slices each ring gets, and how long one is.
fn slices(options: &RingsOptions) -> (u32, Duration) {
    turns::slices(Duration::from_secs(options.seconds) / 3, SLICE, options.hooks)
}

/// Measures; what is printed.
pub(super) fn run(options: &RingsOptions) -> Result<String, BenchError> {
    let wakes = wake::measure(WAKES)?;
    let (burst, core) = (usize::from(options.burst), take_a_core(None)?);
    let (count, length) = slices(options);
    let say = |text: String| if options.json { eprintln!("{text}") } else { println!("{text}") };
    say(format!(
        "rings of {CAPACITY} numbers, bursts of {burst}, both ends on core {core}: {count} slices of {} ms each",
        length.as_millis()
    ));
    let (producer, consumer) = ring::spsc(CAPACITY, || 0);
    let mut ours = Contestant::new("mafo", Ours(producer, consumer));
    let (producer, consumer) = rtrb::RingBuffer::new(CAPACITY);
    let mut rtrb = Contestant::new("rtrb", Rtrb(producer, consumer));
    let mut array = Contestant::new("arrayqueue", ArrayQueue::new(CAPACITY));
    if options.hooks.spoils() {
        // One more than anybody counts.
        let Ours(producer, _) = &mut ours.ring;
        if producer.claim().is_some() {
            producer.publish();
        }
    }
    // Once in vain, for the caches.
    ours.slice(burst, length)?;
    rtrb.slice(burst, length)?;
    array.slice(burst, length)?;
    for n in 1..=count {
        let ours = ours.turn(burst, length)?;
        let (rtrb, array) = (rtrb.turn(burst, length)?, array.turn(burst, length)?);
        say(format!(
            "{n:>5}  mafo {ours:.3}  rtrb {rtrb:.3}  arrayqueue {array:.3}  ns per element"
        ));
    }
    let medians = [ours.medians(), rtrb.medians(), array.medians()];
    let each = PerOp {
        cycles: ours.figures.per_op(1.0).cycles,
        // A ring that took or gave fewer would have carried another sum.
        burst_mean: Some(burst as f64),
        // Nobody is told, nothing takes its time, and elements are made and read where they lie.
        ..PerOp::default()
    };
    let core = CoreShare {
        lcore: 0,
        core: Some(core),
        connections: None,
        mafo: Some(medians[0].0),
        core_seconds: ours.figures.core_seconds,
    };
    Ok(if options.json {
        json(burst, medians, &wakes, &each, &core)
    } else {
        text(medians, &wakes)
    })
}

/// Ours, rtrb's and crossbeam's: median and spread.
type Medians = [(f64, f64); 3];

fn text(medians: Medians, wakes: &Wakes) -> String {
    let mut out = String::new();
    for (name, (median, spread)) in ["mafo", "rtrb", "arrayqueue"].into_iter().zip(medians) {
        let _ = writeln!(out, "median {name:<10} {median:.3} ns per element, spread {spread:.3}");
    }
    let [(ours, _), (rtrb, _), _] = medians;
    let _ = writeln!(out, "mafo / rtrb: {:.3} of its speed; sums equal", rtrb / ours);
    let [p50, p99] = [0.5, 0.99].map(|part| wakes.times.quantile(part).0 as f64 / 1e3);
    let place = wakes.core.map_or("the same core".to_owned(), |core| format!("core {core}"));
    let _ = writeln!(
        out,
        "an lcore that sleeps on {place} runs p50 {p50:.1} µs, p99 {p99:.1} µs after a frame for it rings"
    );
    out
}

fn json(burst: usize, medians: Medians, wakes: &Wakes, each: &PerOp, core: &CoreShare) -> String {
    let [(ours, spread), (rtrb, _), (array, _)] = medians;
    format!(
        "{{\"name\":\"rings\",\"burst\":{burst},\"unit\":\"ns per element\",\"rtrb\":{rtrb:?},\"arrayqueue\":{array:?},\
         \"mafo\":{ours:?},\"ratio\":{:?},\"spread\":{spread:?},\"wake_us\":{},{},{},\"cores\":[{}]}}\n",
        rtrb / ours,
        fine_micros_json(&wakes.times),
        each.latency_json(),
        each.counts_json(),
        core.json(),
    )
}

#[cfg(test)]
mod tests {

    use mafo::Nanos;

    use super::*;

    #[test]
    fn sums_are_those_of_the_numbers() {
        for (first, count) in [(0, 0), (0, 1), (5, 1), (5, 2), (7, 1000), (8, 1001)] {
            assert_eq!(sum_of(first, count), (first..first + count).sum(), "{count} from {first}");
        }
    }

    #[test]
    fn the_ratio_is_that_of_speeds() {
        let medians = [(0.5, 0.1), (1.0, 0.2), (8.0, 0.3)];
        let mut wakes = Wakes { times: Distribution::default(), core: Some(3) };
        wakes.times.record(Nanos::from_micros(5));
        let each = PerOp { cycles: Some(1.25), burst_mean: Some(32.0), ..PerOp::default() };
        let (core, mafo) = (Some(2), Some(0.5));
        let core = CoreShare { core, mafo, core_seconds: 1.5, ..CoreShare::default() };
        assert_eq!(
            json(32, medians, &wakes, &each, &core),
            "{\"name\":\"rings\",\"burst\":32,\"unit\":\"ns per element\",\"rtrb\":1.0,\"arrayqueue\":8.0,\"mafo\":0.5,\
             \"ratio\":2.0,\"spread\":0.1,\"wake_us\":{\"p50\":5.000,\"p99\":5.000,\"max\":5.000},\
             \"latency_us\":{\"p50\":null,\"p99\":null,\"p999\":null},\
             \"cycles_per_op\":1.25,\"copied_per_op\":null,\"doorbells_per_op\":null,\"burst_mean\":32.0,\
             \"cores\":[{\"lcore\":0,\"core\":2,\"connections\":null,\"mafo\":0.5,\"core_seconds\":1.5}]}\n"
        );
        let text = text(medians, &wakes);
        assert!(text.contains("2.000 of its speed"), "{text}");
        assert!(text.contains("core 3 runs p50 5.0 µs, p99 5.0 µs"), "{text}");
    }

    /// Around the end of each ring several times, with bursts that do not divide it.
    #[test]
    fn every_ring_carries_what_it_is_given() {
        let (producer, consumer) = ring::spsc(CAPACITY, || 0);
        let (p, c) = rtrb::RingBuffer::new(CAPACITY);
        let mut rings: [Box<dyn Ring>; 3] = [
            Box::new(Ours(producer, consumer)),
            Box::new(Rtrb(p, c)),
            Box::new(ArrayQueue::new(CAPACITY)),
        ];
        for ring in &mut rings {
            for burst in [1, 7, 32, CAPACITY] {
                for n in 0..500 {
                    assert_eq!(ring.pass(n, burst), sum_of(n, burst as u64));
                }
            }
        }
    }
}
