//! Argon2id on threads of its own.

mod hasher;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use async_trait::async_trait;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use kvartal_kernel::{Error, Kind};
use opentelemetry::metrics::{Histogram, UpDownCounter};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::application::Passwords;
use crate::domain::{NewPassword, PasswordHash, Secret, Token};
use hasher::Hasher;

/// Hashes at once: they bound the memory, and leave the other cores to the calls.
const WORKERS: usize = 2;
/// Hashes that wait at most; at some 20 ms each, nobody waits for long.
const QUEUE: usize = 32;
/// A worker without work for so long gives its memory back.
const IDLE: Duration = Duration::from_secs(10);

type Task = Box<dyn FnOnce(&mut Hasher) + Send>;

/// Threads that hash passwords. A hash takes 19 MiB and some 20 ms, so neither the threads that answer calls nor an
/// unbounded number of others must do it. Work whose caller has gone away is skipped.
pub struct PasswordWorkers {
    queue: Option<Sender<Task>>,
    workers: Vec<JoinHandle<()>>,
    duration: Histogram<f64>,
    waiting: UpDownCounter<i64>,
    /// Verified against when there is no account, so that it takes the same work.
    decoy: PasswordHash,
}

impl PasswordWorkers {
    /// Starts the threads; they end when this is dropped.
    pub async fn start() -> Result<Self, Error> {
        let (queue, tasks) = crossbeam_channel::bounded::<Task>(QUEUE);
        let mut workers = Vec::new();
        for number in 0..WORKERS {
            let (mut hasher, tasks) = (Hasher::new()?, tasks.clone());
            let thread = thread::Builder::new().name(format!("passwords-{number}"));
            let worker = thread.spawn(move || work(&mut hasher, &tasks));
            workers.push(worker.map_err(|error| Error::internal("no thread for passwords").because(error))?);
        }
        let meter = opentelemetry::global::meter("kvartal-identity");
        meter
            .u64_observable_gauge("identity.passwords.limit")
            .with_description("Passwords that may wait or be hashed; more are refused")
            .with_callback(|limit| limit.observe(u64::try_from(QUEUE + WORKERS).unwrap_or(u64::MAX), &[]))
            .build();
        let mut started = Self {
            queue: Some(queue),
            workers,
            duration: meter
                .f64_histogram("identity.passwords.duration")
                .with_unit("s")
                .with_description("Time a password waits and is hashed")
                .build(),
            waiting: meter
                .i64_up_down_counter("identity.passwords.waiting")
                .with_description("Passwords that wait or are being hashed")
                .build(),
            decoy: PasswordHash::new(""),
        };
        started.decoy = started.hash_secret(Token::generate().reveal()).await?;
        Ok(started)
    }

    async fn hash_secret(&self, secret: Secret) -> Result<PasswordHash, Error> {
        self.run(move |hasher| hasher.hash(&secret)).await
    }

    /// Has a worker do it, or refuses at once when too many wait.
    async fn run<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut Hasher) -> Result<T, Error> + Send + 'static,
    {
        let began = Instant::now();
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting::new(&self.waiting);
        let task: Task = Box::new(move |hasher| {
            let _waiting = waiting;
            if !answer.is_closed() {
                let _ = answer.send(work(hasher));
            }
        });
        self.queue.as_ref().and_then(|queue| queue.try_send(task).ok()).ok_or_else(busy)?;
        let answered = answered.await;
        self.duration.record(began.elapsed().as_secs_f64(), &[]);
        answered.map_err(|_| Error::internal("a password worker gave no answer"))?
    }
}

#[async_trait]
impl Passwords for PasswordWorkers {
    async fn hash(&self, password: &NewPassword) -> Result<PasswordHash, Error> {
        self.hash_secret(password.secret().clone()).await
    }

    async fn verify(&self, password: &Secret, hash: Option<&PasswordHash>) -> Result<bool, Error> {
        let known = hash.is_some();
        let (password, hash) = (password.clone(), hash.unwrap_or(&self.decoy).clone());
        let right = self.run(move |hasher| hasher.verify(&password, &hash)).await?;
        Ok(right && known)
    }
}

/// Counts a password until its work is done or dropped.
struct Waiting(UpDownCounter<i64>);

impl Waiting {
    fn new(counter: &UpDownCounter<i64>) -> Self {
        counter.add(1, &[]);
        Self(counter.clone())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.add(-1, &[]);
    }
}

impl Drop for PasswordWorkers {
    fn drop(&mut self) {
        self.queue = None;
        for worker in self.workers.drain(..) {
            let _ = worker.join();
        }
    }
}

fn work(hasher: &mut Hasher, tasks: &Receiver<Task>) {
    loop {
        match tasks.recv_timeout(IDLE) {
            Ok(task) => {
                if catch_unwind(AssertUnwindSafe(|| task(hasher))).is_err() {
                    tracing::error!("hashing a password panicked");
                }
            }
            Err(RecvTimeoutError::Timeout) => hasher.rest(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn busy() -> Error {
    Error::new(Kind::ResourceExhausted, "PASSWORDS_BUSY", "too many people are signing in; try again in a moment")
        .retry_after(Duration::from_secs(1))
}

#[cfg(test)]
mod tests;
