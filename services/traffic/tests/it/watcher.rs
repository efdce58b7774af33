//! Somebody who watches the living map from beginning to end, and knows what he was told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use kvartal_proto::traffic::v1 as pb;
use kvartal_proto::traffic::v1::live_service_client::LiveServiceClient;

use crate::stage::Stage;

/// The newest of each thing, by its id.
#[derive(Clone, Default, PartialEq, Debug)]
pub(crate) struct Known {
    pub(crate) segments: BTreeMap<String, pb::SegmentState>,
    pub(crate) jams: BTreeMap<String, pb::Jam>,
    pub(crate) scores: BTreeMap<String, pb::TrafficScore>,
    pub(crate) warnings: BTreeMap<String, pb::TrafficWarning>,
}

/// What was told so far.
#[derive(Default)]
struct Told {
    known: Known,
    /// Messages that told of states, jams or scores.
    messages: usize,
    ended: bool,
}

/// Somebody who watches.
pub(crate) struct Watcher(Arc<Mutex<Told>>);

impl Watcher {
    /// Subscribes to everything that everybody may see.
    pub(crate) async fn of(stage: &Stage, max_rate_hz: u32) -> Self {
        let mut live = LiveServiceClient::new(stage.client(&stage.person(&["citizen"])));
        let request = pb::WatchTrafficRequest { max_rate_hz, ..Default::default() };
        let mut stream = live.watch_traffic(request).await.unwrap().into_inner();
        let told = Arc::new(Mutex::new(Told::default()));
        let here = told.clone();
        tokio::spawn(async move {
            while let Ok(Some(message)) = stream.message().await {
                here.lock().unwrap().take(message);
            }
            here.lock().unwrap().ended = true;
        });
        Self(told)
    }

    /// What he knows now, and from how many messages; the stream has not ended.
    pub(crate) fn known(&self) -> (Known, usize) {
        let told = self.0.lock().unwrap();
        assert!(!told.ended, "the stream has ended");
        (told.known.clone(), told.messages)
    }
}

impl Told {
    fn take(&mut self, message: pb::WatchTrafficResponse) {
        let known = &mut self.known;
        if message.snapshot {
            *known = Known::default();
        }
        let quiet = message.segments.is_empty() && message.jams.is_empty() && message.scores.is_empty();
        self.messages += usize::from(!quiet);
        known.segments.extend(message.segments.into_iter().map(|it| (it.segment_id.clone(), it)));
        known.jams.extend(message.jams.into_iter().map(|it| (it.jam_id.clone(), it)));
        known.scores.extend(message.scores.into_iter().map(|it| (it.district_id.clone(), it)));
        known.warnings.extend(message.warnings.into_iter().map(|it| (it.warning_id.clone(), it)));
        for id in message.removed_ids {
            known.segments.remove(&id);
            known.jams.remove(&id);
            known.scores.remove(id.trim_start_matches("score/"));
            known.warnings.remove(&id);
        }
    }
}
