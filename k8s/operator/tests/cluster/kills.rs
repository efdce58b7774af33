//! The operator is killed at every write it or its Helm makes, before and after the API server has it; and at any time.

use std::time::{Duration, Instant};

use futures::future::join_all;
use kube::ResourceExt as _;
use kvartal_operator::secrets::value;
use kvartal_testing::eventually;
use serde_json::json;

use crate::apiserver::uid;
use crate::kubelet::kind;
use crate::operator::{Operator, Settings};
use crate::place::Place;
use crate::proxy::{Cut, Proxy, Victim};

/// Whoever comes after a kill has so long.
const CONVERGES: Duration = Duration::from_secs(60);

/// A part of the life of a database.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// From nothing to ready.
    Create,
    /// A setting and a larger volume.
    Change,
    /// Another user for the service.
    Rotate,
    /// A backup and its check.
    BackUp,
    /// Somebody else's hand in it.
    Correct,
    /// The last backup, and the end.
    Delete,
}

impl Stage {
    /// Asks for it, for the `turn`th time.
    async fn begin(self, place: &Place, turn: usize) {
        let annotate = |name: &str| json!({ "metadata": { "annotations": { name: turn.to_string() } } });
        match self {
            Self::Create => place.create(spec()).await,
            Self::Change => {
                let (size, setting) = (format!("{turn}Gi"), format!("{turn}MB"));
                place
                    .change(json!({ "spec": { "storage": { "size": size }, "parameters": { "work_mem": setting } } }))
                    .await;
            }
            Self::Rotate => place.change(annotate("kvartal.dev/rotation-requested")).await,
            Self::BackUp => place.change(annotate("kvartal.dev/backup-requested")).await,
            Self::Correct => {
                let edits = [
                    ("v1", "Service", json!({ "spec": { "selector": { "x": "y" } } })),
                    ("v1", "ConfigMap", json!({ "data": null })),
                ];
                for (version, kind, edit) in edits {
                    let patch = kube::api::Patch::Merge(edit);
                    place.objects(version, kind).patch(&place.release(), &Default::default(), &patch).await.unwrap();
                }
            }
            Self::Delete => {
                place.change(json!({ "spec": { "deletion": { "finalBackup": true } } })).await;
                place.ask_to_go().await;
            }
        }
    }

    /// Whether it is through.
    async fn is_through(self, place: &Place, turn: usize) -> Result<(), String> {
        if self == Self::Delete {
            if place.object().await.is_some() {
                return Err("the object is there".to_owned());
            }
            let left = place.left().await;
            return if left.is_empty() { Ok(()) } else { Err(left.join(", ")) };
        }
        let generation = place.object().await.and_then(|object| object.metadata.generation).unwrap_or(0);
        place.is_ready(generation).await?;
        let status = place.object().await.and_then(|object| object.status).ok_or("no status")?;
        match self {
            Self::Rotate => {
                let secret = place.service().await.ok_or("no Secret")?;
                let handled = secret.annotations().get("kvartal.dev/rotation-handled");
                if handled != Some(&turn.to_string()) || secret.annotations().contains_key("kvartal.dev/previous-user")
                {
                    return Err(format!("handled {handled:?}"));
                }
            }
            Self::BackUp => {
                let (made, checked) = (status.last_backup, status.last_verified);
                if status.handled_backup != Some(turn.to_string())
                    || made.as_ref().map(|made| &made.name) != checked.as_ref().map(|checked| &checked.name)
                {
                    return Err(format!("made {made:?}, checked {checked:?}"));
                }
            }
            Self::Correct => {
                let service =
                    place.objects("v1", "Service").get(&place.release()).await.map_err(|error| error.to_string())?;
                if service.data["spec"]["selector"].get("x").is_some() {
                    return Err("the Service is as somebody made it".to_owned());
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn spec() -> serde_json::Value {
    json!({ "storage": { "size": "1Gi" }, "backup": { "schedule": "0 0 1 1 *" }, "credentials": { "retireAfterMinutes": 0 } })
}

/// What must stay as it is, whatever is killed.
#[derive(Default, PartialEq, Debug)]
struct Kept {
    volume: Option<String>,
    superuser: Option<String>,
    owner: Option<String>,
}

impl Kept {
    async fn of(place: &Place) -> Self {
        let server = place.server().await;
        let secret = |key| server.as_ref().and_then(|server| value(server, key)).map(|value| value.to_string());
        Self {
            volume: place.volume().await.map(|volume| uid(&volume)),
            superuser: secret("superuser-password"),
            owner: secret("password"),
        }
    }

    /// What was there is there.
    fn check(&self, now: &Self, told: &str) {
        for (before, now) in [(&self.volume, &now.volume), (&self.superuser, &now.superuser), (&self.owner, &now.owner)]
        {
            assert!(before.is_none() || before == now, "{told}: {self:?} became {now:?}");
        }
    }
}

/// Every write of a stage, one after another; how many there were, and the longest way back.
async fn every_write(stage: Stage, cut: Cut, victim: Victim, number: usize) -> (usize, Duration) {
    let name = |turn: usize| format!("k{number}-{turn}");
    let mut place = Place::new(&name(0), kind()).await;
    let mut longest = Duration::ZERO;
    let mut identities = 0_usize..;
    for turn in 1.. {
        let fresh = matches!(stage, Stage::Create | Stage::Delete);
        if fresh {
            place = place.another(&name(turn)).await;
        }
        if (stage != Stage::Create && fresh) || (turn == 1 && !fresh) {
            let mut operator = Operator::start(place.cluster, &place.settings()).await;
            place.create(spec()).await;
            place.ready().await;
            operator.stop().await;
        }
        let before = Kept::of(&place).await;
        let told = format!("{stage:?} {cut:?} {victim:?} at write {turn} of {}", place.namespace);
        let proxy = Proxy::start(place.client.clone(), Some((turn, cut, victim))).await;
        let identity = |number: usize| {
            if victim == Victim::Container { "operator".to_owned() } else { format!("operator-{number}") }
        };
        let first =
            Settings { url: proxy.url.clone(), identity: identity(identities.next().unwrap()), ..place.settings() };
        let mut operator = Operator::start(place.cluster, &first).await;
        stage.begin(&place, turn + 1).await;
        let through = eventually(CONVERGES * 2, || stage.is_through(&place, turn + 1));
        let killed = tokio::select! {
            () = proxy.reached() => true,
            () = through => false,
        };
        match victim {
            Victim::Container => operator.kill(),
            Victim::Operator => operator.kill_alone(),
        }
        if !killed {
            println!("{stage:?} {cut:?} {victim:?}: {} kill points, back within {longest:?}", turn - 1);
            return (turn - 1, longest);
        }
        let restarted = Instant::now();
        let second = Settings { identity: identity(identities.next().unwrap()), ..place.settings() };
        let mut operator = Operator::start(place.cluster, &second).await;
        let found = tokio::time::timeout(CONVERGES, async {
            eventually(CONVERGES * 2, || stage.is_through(&place, turn + 1)).await;
        });
        if found.await.is_err() {
            let state = stage.is_through(&place, turn + 1).await;
            panic!("{told}: {state:?}\n{}", operator.output());
        }
        longest = longest.max(restarted.elapsed());
        let now = Kept::of(&place).await;
        before.check(&now, &told);
        assert!(now.volume.is_some() && now.superuser.is_some(), "{told}: {now:?}");
        assert_eq!(place.pending().await, "", "{told}");
        operator.stop().await;
    }
    unreachable!()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_every_write_it_loses_nothing_and_goes_on() {
    let stages = [Stage::Create, Stage::Change, Stage::Rotate, Stage::BackUp, Stage::Correct, Stage::Delete];
    let cuts = [Cut::Before, Cut::After];
    // A container that dies takes its Helm with it. One that lives on alone is what a lost lease leaves.
    let container = stages.iter().flat_map(|stage| cuts.map(|cut| (*stage, cut, Victim::Container)));
    let alone =
        [Stage::Create, Stage::Change].into_iter().flat_map(|stage| cuts.map(|cut| (stage, cut, Victim::Operator)));
    let runs = container.chain(alone).enumerate();
    let results = join_all(runs.map(|(number, (stage, cut, victim))| every_write(stage, cut, victim, number))).await;
    let points: usize = results.iter().map(|(points, _)| points).sum();
    let longest = results.iter().map(|(_, longest)| *longest).max().unwrap_or_default();
    println!("{points} kill points, all is well within {longest:?} of the restart");
    assert!(points >= 200, "{points} kill points");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_time_it_loses_nothing_and_goes_on() {
    let lives = join_all((0..6).map(|life| killed_often(life, 50))).await;
    let longest = lives.into_iter().max().unwrap_or_default();
    println!("300 kills, all is well within {longest:?} of the last restart");
}

/// One database whose operator is killed again and again while it is asked for more and more.
async fn killed_often(life: usize, kills: usize) -> Duration {
    use rand::{RngExt as _, SeedableRng as _};
    let seed = u64::try_from(life).unwrap() + 20_261_126;
    let mut random = rand::rngs::StdRng::seed_from_u64(seed);
    let place = Place::new(&format!("r{life}"), kind()).await;
    place.create(spec()).await;
    let mut kept = Kept::default();
    for kill in 1..=kills {
        let mut operator = Operator::start(place.cluster, &place.settings()).await;
        let stage = [Stage::Change, Stage::Rotate, Stage::BackUp][random.random_range(0..3)];
        stage.begin(&place, kill).await;
        let lives = Duration::from_millis(random.random_range(0..3000));
        // At a time that nothing it does has to do with.
        let _ = tokio::time::timeout(lives, std::future::pending::<()>()).await;
        operator.kill();
        let now = Kept::of(&place).await;
        kept.check(&now, &format!("seed {seed}, kill {kill}"));
        kept = now;
    }
    let restarted = Instant::now();
    let operator = Operator::start(place.cluster, &place.settings()).await;
    let generation = place.object().await.unwrap().metadata.generation.unwrap();
    let well = tokio::time::timeout(CONVERGES, eventually(CONVERGES * 2, || place.is_ready(generation))).await;
    assert!(well.is_ok(), "seed {seed}: {:?}\n{}", place.is_ready(generation).await, operator.output());
    kept.check(&Kept::of(&place).await, &format!("seed {seed}"));
    assert_eq!(place.pending().await, "", "seed {seed}");
    restarted.elapsed()
}
