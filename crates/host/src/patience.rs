//! Waiting at the start for servers that are not there yet.

use std::future::Future;
use std::time::Duration;

use anyhow::Context;
use kvartal_kernel::{Error, Kind};
use kvartal_store::spread;
use tokio::time::Instant;

/// Bounds of the pause between two attempts.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(3));
/// How often the log says that the process still waits.
const TELL: Duration = Duration::from_secs(10);

/// Tries until it works, as long as the reason is that nobody answers; anything else, such as a wrong password, fails at
/// once. The last error is kept.
pub async fn wait_for<T, F>(what: &str, limit: Duration, mut attempt: impl FnMut() -> F) -> anyhow::Result<T>
where
    F: Future<Output = Result<T, Error>>,
{
    let began = Instant::now();
    let (mut pause, mut told) = (PAUSE.0, None::<Instant>);
    loop {
        let error = match attempt().await {
            Ok(value) => {
                if told.is_some() {
                    tracing::info!(server = what, after = ?began.elapsed(), "the server answers");
                }
                return Ok(value);
            }
            Err(error) if error.kind() != Kind::Unavailable => {
                return Err(error).with_context(|| format!("{what} cannot be used"));
            }
            Err(error) => error,
        };
        let left = limit.saturating_sub(began.elapsed());
        if left.is_zero() {
            let late = || format!("{what} did not answer within {limit:?} (--wait-for-servers)");
            return Err(error).with_context(late);
        }
        if told.is_none_or(|told| told.elapsed() >= TELL) {
            tracing::warn!(server = what, error = error.chain(), for_at_most = ?left, "waiting for a server");
            told = Some(Instant::now());
        }
        tokio::time::sleep(pause.mul_f64(1.0 - spread() / 2.0).min(left)).await;
        pause = (pause * 2).min(PAUSE.1);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn it_waits_while_nobody_answers_and_no_longer_than_told() {
        let attempts = Cell::new(0);
        let third = || {
            attempts.set(attempts.get() + 1);
            let answer = if attempts.get() < 3 { Err(Error::unavailable("AWAY", "away")) } else { Ok(attempts.get()) };
            std::future::ready(answer)
        };
        assert_eq!(wait_for("the server", Duration::from_secs(60), third).await.unwrap(), 3);
        let (began, limit) = (Instant::now(), Duration::from_millis(300));
        let never = || std::future::ready(Err::<(), _>(Error::unavailable("AWAY", "away")));
        let error = wait_for("the server", limit, never).await.unwrap_err();
        assert!(format!("{error:#}").contains("--wait-for-servers"), "{error:#}");
        assert!(began.elapsed() >= limit, "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn a_refusal_is_not_waited_for() {
        let attempts = Cell::new(0);
        let refused = || {
            attempts.set(attempts.get() + 1);
            std::future::ready(Err::<(), _>(Error::internal("wrong password")))
        };
        let error = wait_for("the server", Duration::from_secs(60), refused).await.unwrap_err();
        assert!(format!("{error:#}").contains("wrong password"), "{error:#}");
        assert_eq!(attempts.get(), 1);
    }
}
