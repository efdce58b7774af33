//! Drives load and reads what a process used.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tonic::transport::{Channel, Endpoint};

use crate::report::Block;

/// Connections of a client: one HTTP/2 connection is one lock.
const CONNECTIONS: usize = 4;
/// Calls under way on each connection.
const STREAMS: usize = 16;

/// CPU time that a process has used so far, in user and kernel.
pub(crate) fn cpu(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process runs");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    // USER_HZ is 100 on every Linux that this runs on.
    Duration::from_millis(ticks * 10)
}

/// A child of this very program in another role; killed when dropped.
pub(crate) struct Contestant {
    child: Child,
    /// `http://127.0.0.1:port`.
    pub(crate) url: String,
}

impl Contestant {
    pub(crate) fn start(role: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg(role)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the contestant starts");
        let mut line = String::new();
        let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut output, &mut line).expect("the contestant says its address");
        Self { child, url: line.trim().to_owned() }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Contestant {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Several connections to one address.
pub(crate) fn connect(url: &str) -> Vec<Channel> {
    (0..CONNECTIONS).map(|_| Endpoint::from_shared(url.to_owned()).unwrap().tcp_nodelay(true).connect_lazy()).collect()
}

/// Calls again and again for this long, [`STREAMS`] at a time on each connection; CPU is that of the process.
pub(crate) async fn load<F, C>(pid: u32, channels: &[Channel], lasting: Duration, call: C) -> Block
where
    C: Fn(Channel) -> F + Clone + Send + 'static,
    F: Future<Output = bool> + Send,
{
    let done = Arc::new(AtomicU64::new(0));
    let (started, before) = (Instant::now(), cpu(pid));
    let mut workers = Vec::new();
    for channel in channels.iter().flat_map(|channel| std::iter::repeat_n(channel.clone(), STREAMS)) {
        let (done, call) = (done.clone(), call.clone());
        workers.push(tokio::spawn(async move {
            while started.elapsed() < lasting {
                assert!(call(channel.clone()).await, "a request of the benchmark failed");
                done.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    for worker in workers {
        worker.await.expect("the load runs");
    }
    Block { done: done.load(Ordering::Relaxed), cpu: cpu(pid).saturating_sub(before), wall: started.elapsed() }
}

/// Repeats work in this process for this long; CPU is that of this process.
pub(crate) async fn repeat(lasting: Duration, work: impl AsyncFn()) -> Block {
    let pid = std::process::id();
    let (started, before) = (Instant::now(), cpu(pid));
    let mut done = 0;
    while started.elapsed() < lasting {
        work().await;
        done += 1;
    }
    Block { done, cpu: cpu(pid).saturating_sub(before), wall: started.elapsed() }
}
