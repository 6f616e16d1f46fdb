//! The TCB's image: fields read and replaced, SET_TCB_FIELD, the order of a memory window.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use mafo_t4::tcb::{Tcb, field};

fn tcb(criterion: &mut Criterion) {
    let mut image = Tcb::default();
    image.set(field::T_STATE, 4);
    // Sequence numbers of ours are kept as distances from the end of what was posted.
    image.set(field::TX_MAX, 0x1234_6000);
    image.set_snd_nxt(0x1234_5678);
    assert_eq!((image.get(field::T_STATE), image.snd_nxt()), (4, 0x1234_5678));
    let old = image.set_field(field::T_STATE.word, field::T_STATE.mask(), field::T_STATE.place(7));
    assert_eq!((field::T_STATE.extract(old), image.get(field::T_STATE)), (4, 7));
    assert_eq!(image.snd_nxt(), 0x1234_5678, "its neighbours stay");
    let window = image.to_window_order();
    assert!(Tcb::from_window_order(&window) == image);

    let mut group = criterion.benchmark_group("tcb");
    group.bench_function("a field read", |b| {
        b.iter(|| black_box(&image).get(black_box(field::T_STATE)));
    });
    group.bench_function("four sequence numbers read", |b| {
        b.iter(|| {
            let image = black_box(&image);
            (image.snd_una(), image.snd_nxt(), image.snd_max(), image.rcv_nxt())
        });
    });
    group.bench_function("a field replaced", |b| {
        b.iter(|| black_box(&mut image).set(field::T_STATE, black_box(4)));
    });
    group.bench_function("SET_TCB_FIELD", |b| {
        b.iter(|| black_box(&mut image).set_field(black_box(1), black_box(0xff), black_box(3)));
    });
    group.bench_function("out of a window", |b| {
        b.iter(|| Tcb::from_window_order(black_box(&window)));
    });
    group.finish();
}

criterion_group!(benches, tcb);
criterion_main!(benches);
