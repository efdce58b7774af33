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
        for _ in 0..400 {
            let (ours, now) = limiter.count(RateClass::Read, &key).await.unwrap();
            let model = rate.next_arrival(arrival, now);
            assert_eq!(ours, model.map(|_| ()), "interval {interval_us}, burst {burst}, at {now:?}");
            match model {
                Ok(next) => {
                    arrival = Some(next);
                    allowed += 1;
                }
                Err(_) => refused += 1,
            }
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
