//! Sums of headers, small requests and full segments, beside smoltcp's; copies with and without a sum.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mafo_mem::checksum::{copy_and_sum, sum};
use smoltcp::wire::checksum::data as smoltcp_sum;

/// An IPv4 header, a TCP header with timestamps and SACK, 64 bytes behind a plain one, a full segment, a jumbo.
const LENGTHS: [usize; 6] = [20, 40, 64, 84, 1460, 8948];

fn checksums(criterion: &mut Criterion) {
    for len in LENGTHS {
        let src: Vec<u8> = (0..len).map(|n| (n * 37) as u8).collect();
        let mut dst = vec![0; len];
        assert_eq!(sum(&src).fold(), smoltcp_sum(&src), "{len} bytes");
        assert_eq!(copy_and_sum(&mut dst, &src).fold(), sum(&src).fold(), "{len} bytes");
        assert_eq!(dst, src);

        let mut group = criterion.benchmark_group("checksum");
        group.throughput(Throughput::Bytes(len as u64));
        group.bench_function(BenchmarkId::new("mafo", len), |b| {
            b.iter(|| sum(black_box(&src)).fold());
        });
        group.bench_function(BenchmarkId::new("smoltcp", len), |b| {
            b.iter(|| smoltcp_sum(black_box(&src)));
        });
        group.finish();

        let mut group = criterion.benchmark_group("copy");
        group.throughput(Throughput::Bytes(len as u64));
        group.bench_function(BenchmarkId::new("alone", len), |b| {
            b.iter(|| black_box(&mut dst).copy_from_slice(black_box(&src)));
        });
        group.bench_function(BenchmarkId::new("and-sum", len), |b| {
            b.iter(|| copy_and_sum(black_box(&mut dst), black_box(&src)).fold());
        });
        group.finish();
    }
}

criterion_group!(benches, checksums);
criterion_main!(benches);
