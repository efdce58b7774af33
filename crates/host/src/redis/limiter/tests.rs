//! The script against the model it copies.

use kvartal_kernel::SystemClock;
use kvartal_mesh::rate::Rate;

use super::*;

#[tokio::test]
async fn the_script_decides_as_the_model_does() {
    let server = kvartal_testing::redis().await;
    let redis = Redis::connect(&server.url()).await.unwrap();
    let rates = [(2_000, 5), (700, 1), (5_000, 40), (150, 2)];
    for (number, (interval_us, burst)) in rates.into_iter().enumerate() {
        let rate = Rate { interval: Duration::from_micros(interval_us), burst };
        let numbers = RateNumbers { read: rate, ..RateNumbers::default() };
        let limiter = RedisLimiter::new(redis.clone(), Arc::new(SystemClock), numbers);
        let key = format!("caller {number}");
        let mut arrival = None;
        let (mut allowed, mut refused) = (0, 0);
        for call in 0..400 {
            let hits = if call % 7 == 0 { 2 } else { 1 };
            let (counts, now) = limiter.count(&[Hit { class: RateClass::Read, key: &key, hits }]).await.unwrap();
            let model = rate.take(arrival, now, hits);
            if let Ok(next) = model {
                arrival = Some(next);
            }
            let wait = model.err().unwrap_or_default();
            let expected = Count::of(rate, wait, arrival.unwrap_or(now), now);
            assert_eq!(counts, [expected], "interval {interval_us}, burst {burst}, at {now:?}");
            if wait.is_zero() { allowed += hits } else { refused += hits }
        }
        assert!(allowed >= burst, "{allowed} of {burst} were allowed, {refused} refused");
    }
}

#[tokio::test]
async fn a_key_is_forgotten_when_it_no_longer_matters() {
    let server = kvartal_testing::redis().await;
    let redis = Redis::connect(&server.url()).await.unwrap();
    let rate = Rate { interval: Duration::from_millis(20), burst: 3 };
    let numbers = RateNumbers { read: rate, ..RateNumbers::default() };
    let limiter = RedisLimiter::new(redis.clone(), Arc::new(SystemClock), numbers);
    limiter.check(RateClass::Read, "somebody").await.unwrap();
    kvartal_testing::eventually(Duration::from_secs(2), || async {
        fred::interfaces::KeysInterface::exists::<i64, _>(&redis.pool, "kvartal:rate:read:somebody").await.unwrap() == 0
    })
    .await;
}

#[tokio::test]
async fn several_are_counted_together_or_not_at_all() {
    let server = kvartal_testing::redis().await;
    let redis = Redis::connect(&server.url()).await.unwrap();
    let slow = |burst| Rate { interval: Duration::from_secs(60), burst };
    let numbers = RateNumbers { read: slow(5), write: slow(2), ..RateNumbers::default() };
    let limiter = RedisLimiter::new(redis.clone(), Arc::new(SystemClock), numbers);
    let local = LocalLimiter::new(Arc::new(SystemClock), numbers);
    let read = Hit { class: RateClass::Read, key: "a", hits: 1 };
    let write = Hit { class: RateClass::Write, key: "a", hits: 1 };
    // Both count alike; the third request has a write too many, so its read is not counted either; the same caller named
    // three times over is one too many for what is left.
    let script: [(&[Hit<'_>], bool, &[u32]); 6] = [
        (&[read, write], true, &[4, 1]),
        (&[write, read], true, &[0, 3]),
        (&[read, write], false, &[3, 0]),
        (&[read], true, &[2]),
        (&[read, read, read], false, &[2, 1, 0]),
        (&[read, read], true, &[1, 0]),
    ];
    for (hits, allowed, left) in script {
        let (shared, _) = limiter.count(hits).await.unwrap();
        for counts in [shared, local.try_take(hits)] {
            assert_eq!(counts.iter().all(Count::allowed), allowed, "{hits:?}: {counts:?}");
            assert_eq!(counts.iter().map(|count| count.left).collect::<Vec<_>>(), left, "{hits:?}");
        }
    }
}

#[tokio::test]
async fn a_flood_of_refused_calls_does_not_reach_redis() {
    let server = kvartal_testing::redis().await;
    let redis = Redis::connect(&server.url()).await.unwrap();
    let limiter = RedisLimiter::new(redis.clone(), Arc::new(SystemClock), RateNumbers::default());
    let hit = [Hit { class: RateClass::Sensitive, key: "a", hits: 20 }];
    assert!(limiter.take(&hit).await.unwrap()[0].allowed());
    let one = [Hit { hits: 1, ..hit[0] }];
    let refused = limiter.take(&one).await.unwrap()[0];
    assert!(refused.wait > Duration::from_secs(5), "{refused:?}");
    // Without the books Redis would let it in: so it is memory that refuses.
    fred::interfaces::KeysInterface::del::<(), _>(&redis.pool, "kvartal:rate:sensitive:a").await.unwrap();
    let again = limiter.take(&one).await.unwrap()[0];
    assert!(!again.allowed() && again.wait <= refused.wait, "{again:?} after {refused:?}");
}
