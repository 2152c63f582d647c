//! Welch's t over two kinds of tries that were timed in turn, as dudect does it: over all of them, and over those below each of several
//! bounds, since what interrupts a try lengthens it.

/// Times of one kind of tries, gathered as they come.
#[derive(Default)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn of(times: impl Iterator<Item = f64>) -> Self {
        times.fold(Self::default(), |mut sum, time| {
            sum.count += 1.0;
            let off = time - sum.mean;
            sum.mean += off / sum.count;
            sum.squares += off * (time - sum.mean);
            sum
        })
    }

    /// The variance of the mean.
    fn spread(&self) -> f64 {
        self.squares / (self.count - 1.0) / self.count
    }
}

/// Beyond this, two kinds are told apart: so large a t comes by chance in seven of a million.
pub(crate) const TOLD_APART: f64 = 4.5;

/// The shares of the shortest tries, of both kinds together, that are looked at.
const CROPS: [f64; 7] = [1.0, 0.99, 0.95, 0.9, 0.75, 0.5, 0.25];

/// The largest t of all, with its sign: positive where the first kind takes longer.
pub(crate) fn t(first: &[f64], second: &[f64]) -> f64 {
    let mut all: Vec<f64> = first.iter().chain(second).copied().collect();
    all.sort_unstable_by(f64::total_cmp);
    let of = |crop: f64| {
        let bound = all[((all.len() - 1) as f64 * crop) as usize];
        let [first, second] = [first, second].map(|times| Moments::of(times.iter().copied().filter(|time| *time <= bound)));
        let spread = (first.spread() + second.spread()).sqrt();
        if first.count > 100.0 && second.count > 100.0 && spread > 0.0 { (first.mean - second.mean) / spread } else { 0.0 }
    };
    CROPS.into_iter().map(of).max_by(|one, other| one.abs().total_cmp(&other.abs())).unwrap_or_default()
}

/// A small generator, so that a run can be repeated.
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

#[test]
fn equal_kinds_are_not_told_apart_and_a_small_difference_is() {
    let mut draw = Draw(0x9e37_79b9_7f4a_7c15);
    // A long tail, as real times have it.
    let mut times = |longer: f64| -> Vec<f64> {
        (0..50_000).map(|_| 1_000.0 + longer + (draw.next() % 100) as f64 + if draw.next().is_multiple_of(50) { 20_000.0 } else { 0.0 }).collect()
    };
    let (one, same, longer) = (times(0.0), times(0.0), times(2.0));
    assert!(t(&one, &same).abs() < TOLD_APART, "{}", t(&one, &same));
    assert!(t(&longer, &one) > TOLD_APART, "{}", t(&longer, &one));
    assert!(t(&one, &longer) < -TOLD_APART, "{}", t(&one, &longer));
}
