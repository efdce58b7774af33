//! Pairs of blocks, their ratios, and the table.

use std::time::Duration;

/// What one block did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    /// Requests answered well.
    pub(crate) done: u64,
    /// CPU time that the contestant used.
    pub(crate) cpu: Duration,
    /// Wall time of the block.
    pub(crate) wall: Duration,
}

impl Block {
    fn micros(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.done.max(1) as f64
    }
}

struct Row {
    name: String,
    against: String,
    ours: f64,
    bare: f64,
    ratio: (f64, f64, f64),
    rate: f64,
}

/// Collects comparisons.
pub(crate) struct Report {
    /// How long a block lasts.
    pub(crate) block: Duration,
    pairs: usize,
    only: String,
    rows: Vec<Row>,
}

impl Report {
    pub(crate) fn new(seconds: u64, pairs: usize, only: String) -> Self {
        Self { block: Duration::from_secs(seconds), pairs: pairs.max(1), only, rows: Vec::new() }
    }

    /// Whether a benchmark was asked for.
    pub(crate) fn wants(&self, name: &str) -> bool {
        name.contains(&self.only)
    }

    /// Runs ours and the bare loop in turn, ABBA, after one block of each to warm up.
    pub(crate) async fn compare(
        &mut self,
        name: &str,
        against: &str,
        ours: impl AsyncFn(Duration) -> Block,
        bare: impl AsyncFn(Duration) -> Block,
    ) {
        eprintln!("{name} …");
        let warm = self.block / 2;
        ours(warm).await;
        bare(warm).await;
        let mut pairs = Vec::new();
        for pair in 0..self.pairs {
            let (a, b) = if pair % 2 == 0 {
                let a = ours(self.block).await;
                (a, bare(self.block).await)
            } else {
                let b = bare(self.block).await;
                (ours(self.block).await, b)
            };
            eprintln!("  {:8.1} µs  beside {:8.1} µs", a.micros(), b.micros());
            pairs.push((a, b));
        }
        let mut ratios: Vec<f64> = pairs.iter().map(|(a, b)| a.micros() / b.micros()).collect();
        ratios.sort_by(f64::total_cmp);
        let middle = |mut numbers: Vec<f64>| {
            numbers.sort_by(f64::total_cmp);
            numbers[numbers.len() / 2]
        };
        let ours = middle(pairs.iter().map(|(a, _)| a.micros()).collect());
        let bare = middle(pairs.iter().map(|(_, b)| b.micros()).collect());
        let rate = middle(pairs.iter().map(|(a, _)| a.done as f64 / a.wall.as_secs_f64()).collect());
        self.rows.push(Row {
            name: name.into(),
            against: against.into(),
            ours,
            bare,
            ratio: (ratios[ratios.len() / 2], ratios[0], ratios[ratios.len() - 1]),
            rate,
        });
    }

    /// The table, in Markdown, on standard output.
    pub(crate) fn print(&self) {
        println!("| operation | CPU/request | req/s per core | bare | CPU/request | ratio (least–most) | req/s seen |");
        println!("| --- | ---: | ---: | --- | ---: | ---: | ---: |");
        for row in &self.rows {
            println!(
                "| {} | {:.1} µs | {:.0} | {} | {:.1} µs | {:.2} ({:.2}–{:.2}) | {:.0} |",
                row.name,
                row.ours,
                1e6 / row.ours,
                row.against,
                row.bare,
                row.ratio.0,
                row.ratio.1,
                row.ratio.2,
                row.rate
            );
        }
    }
}
