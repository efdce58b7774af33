//! Signing keys and their turns.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::future::join_all;
use kvartal_proto::identity::v1 as pb;

use crate::world::{ADMIN, World, reason};

const ANNA: &str = "anna@city.example";
const GET: pb::GetProfileRequest = pb::GetProfileRequest {};

fn kid(access_token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(access_token.split('.').next().unwrap()).unwrap();
    let header: serde_json::Value = serde_json::from_slice(&header).unwrap();
    assert_eq!((&header["alg"], &header["typ"]), (&"EdDSA".into(), &"at+jwt".into()));
    header["kid"].as_str().unwrap().to_owned()
}

async fn published(world: &World) -> Vec<String> {
    let keys = world.stranger().get_jwks(pb::GetJwksRequest {}).await.unwrap().into_inner().keys;
    assert!(
        keys.iter().all(|key| key.kty == "OKP" && key.crv == "Ed25519" && key.alg == "EdDSA" && key.r#use == "sig")
    );
    keys.into_iter().map(|key| key.kid).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_changes_the_key_and_old_tokens_live_on() {
    let (_place, world) = World::embedded().await;
    world.registered(ANNA).await;
    let (mut before, tokens) = world.session(ANNA).await;
    let first = kid(&tokens.access_token);
    assert_eq!(published(&world).await.len(), 2);
    let mut admin = world.admin().await;
    let second = admin.rotate_signing_key(pb::RotateSigningKeyRequest {}).await.unwrap().into_inner().kid;
    let (mut after, tokens) = world.session(ANNA).await;
    assert_eq!(kid(&tokens.access_token), second);
    assert_ne!(first, second);
    assert!(published(&world).await.contains(&first));
    before.get_profile(GET).await.unwrap();
    after.get_profile(GET).await.unwrap();

    world.clock.advance(Duration::from_secs(12 * 60));
    assert!(!published(&world).await.contains(&first), "its last token has expired");
    assert_eq!(reason(before.get_profile(GET).await), "TOKEN_INVALID");
}

#[tokio::test(flavor = "multi_thread")]
async fn rotations_under_load_fail_no_call() {
    let (_place, world) = World::embedded().await;
    world.registered(ANNA).await;
    let boss = world.sign_in(ADMIN).await.tokens.unwrap();
    let (done, calls) = (AtomicBool::new(false), AtomicU32::new(0));
    let caller = async |_| {
        let mut tokens = world.session(ANNA).await.1;
        while !done.load(Ordering::Relaxed) {
            tokens = world.refresh(&tokens.refresh_token).await.unwrap();
            for _ in 0..5 {
                world.with_token(&tokens.access_token).get_profile(GET).await.unwrap();
                calls.fetch_add(1, Ordering::Relaxed);
                // Below the rate of reads that one account may make.
                tokio::time::sleep(Duration::from_millis(60)).await;
            }
        }
    };
    let rotate = async {
        let mut admin = world.with_token(&boss.access_token);
        for _ in 0..12 {
            admin.rotate_signing_key(pb::RotateSigningKeyRequest {}).await.unwrap();
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        done.store(true, Ordering::Relaxed);
    };
    tokio::join!(rotate, join_all((0..3).map(caller)));
    assert!(calls.load(Ordering::Relaxed) > 20);
    assert_eq!(published(&world).await.len(), 14);
}
