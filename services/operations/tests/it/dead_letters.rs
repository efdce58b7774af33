//! Events that were given up, and handed over once more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use kvartal_events::{Event, Handler};
use kvartal_kernel::{Clock as _, Error, SystemClock};
use kvartal_proto::audit::v1::CallAudited;
use kvartal_proto::operations::v1 as pb;
use kvartal_testing::eventually;
use tonic::Code;

use crate::stage::{SOON, Stage};

/// The audit service's consumer, which refuses events until it is mended.
#[derive(Default)]
struct Consumer {
    mended: AtomicBool,
    handled: AtomicBool,
}

#[async_trait]
impl Handler for Consumer {
    async fn handle(&self, _: &Event) -> Result<(), Error> {
        if !self.mended.load(Ordering::SeqCst) {
            return Err(Error::invalid("method", "is not to my liking"));
        }
        self.handled.store(true, Ordering::SeqCst);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_listed_with_its_reason_and_handled_when_replayed() {
    let stage = Stage::start().await;
    let consumer = Arc::new(Consumer::default());
    stage.runtime.consume("audit", consumer.clone()).await.unwrap();
    let call = CallAudited { address: "203.0.113.7".into(), ..Default::default() };
    let event = Event::new("identity", "anna", SystemClock.now(), &call);
    stage.runtime.bus().publish(std::slice::from_ref(&event)).await.unwrap();

    let letter = eventually(SOON, || async {
        let mut letters = letters(&stage).await;
        if letters.len() == 1 { Ok(letters.remove(0)) } else { Err(letters.len()) }
    })
    .await;
    assert_eq!((letter.event_id, letter.source, letter.subject), (event.id.to_string(), event.source, event.subject));
    assert_eq!((letter.r#type.as_str(), letter.delivery_count), ("kvartal.audit.v1.CallAudited", 1));
    assert!(letter.reason.contains("not to my liking"), "{}", letter.reason);

    consumer.mended.store(true, Ordering::SeqCst);
    let replay = pb::ReplayDeadLettersRequest { service: "audit".into() };
    let replayed = stage.client().replay_dead_letters(stage.request("admin", replay.clone())).await.unwrap();
    assert_eq!(replayed.into_inner().replayed_count, 1);
    eventually(SOON, || async { consumer.handled.load(Ordering::SeqCst).then_some(()).ok_or("not handled") }).await;
    assert_eq!(letters(&stage).await, []);
    let replayed = stage.client().replay_dead_letters(stage.request("admin", replay)).await.unwrap();
    assert_eq!(replayed.into_inner().replayed_count, 0, "nothing is left");
}

async fn letters(stage: &Stage) -> Vec<pb::DeadLetter> {
    let request = stage.request("admin", pb::ListDeadLettersRequest { service: "audit".into() });
    stage.client().list_dead_letters(request).await.unwrap().into_inner().dead_letters
}

#[tokio::test(flavor = "multi_thread")]
async fn who_consumes_nothing_has_no_dead_letters() {
    let stage = Stage::start().await;
    for service in ["operations", "weather"] {
        let request = pb::ListDeadLettersRequest { service: service.into() };
        let refused = stage.client().list_dead_letters(stage.request("admin", request)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{service}");
        let request = pb::ReplayDeadLettersRequest { service: service.into() };
        let refused = stage.client().replay_dead_letters(stage.request("admin", request)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{service}");
    }
    let request = stage.request("support", pb::ReplayDeadLettersRequest { service: "audit".into() });
    assert_eq!(stage.client().replay_dead_letters(request).await.unwrap_err().code(), Code::PermissionDenied);
}
