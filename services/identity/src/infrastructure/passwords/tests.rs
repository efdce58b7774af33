//! The workers do what they say, and not too much of it.

use std::sync::{Arc, Mutex};

use futures::future::join_all;

use super::*;
use crate::domain::{DisplayName, Email};

fn password(text: &str) -> NewPassword {
    let email = Email::parse("email", "anna@city.example").unwrap();
    let name = DisplayName::parse("name", "Anna").unwrap();
    NewPassword::parse("password", Secret::new(text), &email, &name).unwrap()
}

#[tokio::test]
async fn a_password_verifies_against_its_own_hash_only() {
    let workers = PasswordWorkers::start().await.unwrap();
    let hash = workers.hash(&password("correct horse")).await.unwrap();
    assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
    assert_ne!(hash, workers.hash(&password("correct horse")).await.unwrap(), "each hash has its own salt");
    let verify = |text: &str, hash: Option<PasswordHash>| {
        let (workers, text) = (&workers, Secret::new(text));
        async move { workers.verify(&text, hash.as_ref()).await.unwrap() }
    };
    assert!(verify("correct horse", Some(hash.clone())).await);
    assert!(!verify("wrong horse", Some(hash)).await);
    assert!(!verify("correct horse", None).await);
}

#[tokio::test]
async fn who_finds_the_queue_full_is_told_to_come_back() {
    let workers = PasswordWorkers::start().await.unwrap();
    let secret = Secret::new("correct horse");
    let calls = (0..WORKERS + QUEUE + 30).map(|_| workers.verify(&secret, None));
    let answers = join_all(calls).await;
    let refused: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
    assert!((28..=30 + WORKERS).contains(&refused.len()), "{} were refused", refused.len());
    assert!(refused.iter().all(|error| error.reason() == "PASSWORDS_BUSY" && error.retry_delay().is_some()));
    assert!(workers.verify(&secret, None).await.is_ok(), "the workers go on");
}

#[tokio::test]
async fn a_panic_costs_one_answer_and_no_worker() {
    let workers = PasswordWorkers::start().await.unwrap();
    for _ in 0..WORKERS + 1 {
        let answer: Result<(), Error> = workers.run(|_| panic!("as wished")).await;
        assert_eq!(answer.unwrap_err().kind(), Kind::Internal);
    }
    assert!(workers.run(|_| Ok(())).await.is_ok());
}

#[tokio::test]
async fn work_nobody_waits_for_is_skipped() {
    let workers = PasswordWorkers::start().await.unwrap();
    let (begin, begun) = std::sync::mpsc::channel::<()>();
    let begun = Arc::new(Mutex::new(begun));
    // Both workers are kept busy until `begin` is dropped.
    let busy: Vec<_> = (0..WORKERS)
        .map(|_| {
            let begun = begun.clone();
            workers.run(move |_| {
                let _ = begun.lock().unwrap().recv();
                Ok(())
            })
        })
        .collect();
    let busy = join_all(busy);
    let (ran, runs) = std::sync::mpsc::channel();
    let abandoned = workers.run(move |_| ran.send(()).map_err(|_| Error::internal("nobody listens")));
    tokio::select! {
        biased;
        _ = busy => panic!("they wait"),
        _ = abandoned => panic!("it waits behind them"),
        () = std::future::ready(()) => {}
    }
    drop(begin);
    workers.run(|_| Ok(())).await.unwrap();
    drop(workers);
    assert!(runs.recv().is_err(), "the abandoned work has run");
}
