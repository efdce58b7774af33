//! The operator is killed at every write it or its Helm makes, before and after the API server has it; and at any time.

use std::time::{Duration, Instant};

use futures::future::join_all;
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt as _;
use kube::api::ListParams;
use kvartal_operator::backup::{BACKUP, REQUEST};
use kvartal_operator::secrets::value;
use serde_json::json;
use tokio::sync::Semaphore;

use crate::apiserver::uid;
use crate::kubelet::kind;
use crate::operator::{Operator, Settings};
use crate::place::{Place, is_ready};
use crate::proxy::{Cut, Proxy, Victim};

/// Whoever comes after a kill has so long.
const CONVERGES: Duration = Duration::from_secs(60);
/// Between two looks at how far it is. Fifty looks a second, as elsewhere, by a dozen at once would be the load themselves.
const LOOK: Duration = Duration::from_millis(250);
/// So many are worked on at once: more would only wait for each other's processors, each of them longer.
static PLACES: Semaphore = Semaphore::const_new(6);
/// Where a new operator has to wait for the lease of the one before, there is time for other points.
const ROWS_OF_WAITERS: usize = 2;

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
        let object = place.object().await.ok_or("there is no object")?;
        is_ready(&object, object.metadata.generation.unwrap_or(0))?;
        let status = object.status.ok_or("no status")?;
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
                let jobs = place.api::<Job>().list(&ListParams::default()).await.map_err(|error| error.to_string())?;
                let (turn, handled) = (turn.to_string(), status.handled_backup);
                let mut asked = jobs.items.iter().filter(|job| job.annotations().get(REQUEST) == Some(&turn));
                let asked = asked.next().and_then(|job| job.labels().get(BACKUP).cloned());
                let (made, checked) = (status.last_backup, status.last_verified);
                let (made, checked) = (made.map(|made| made.name), checked.map(|checked| checked.name));
                // Of this request: those of the one before are alike, too.
                if handled != Some(turn) || asked.is_none() || made != asked || checked != asked {
                    return Err(format!("handled {handled:?}, asked {asked:?}, made {made:?}, checked {checked:?}"));
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

/// Waits until `stage` is through; why not yet, when time is up.
async fn through(
    stage: Stage,
    turn: usize,
    place: &Place,
    operator: &mut Operator,
    settings: &Settings,
    within: Duration,
) -> Result<(), String> {
    let end = Instant::now() + within;
    loop {
        match stage.is_through(place, turn).await {
            Ok(()) => return Ok(()),
            Err(why) if Instant::now() >= end => return Err(why),
            Err(_) => tokio::time::sleep(LOOK).await,
        }
        operator.keep(place.cluster, settings).await;
    }
}

/// Points of one stage: the write `first`, and every `step`th one after it.
#[derive(Clone, Copy)]
struct Row {
    stage: Stage,
    cut: Cut,
    victim: Victim,
    first: usize,
    step: usize,
    /// Names of databases hold it: all share one PostgreSQL.
    number: usize,
}

impl Row {
    /// A database that is ready, in a namespace of its own, or the place for one that is to be made.
    async fn place(&self, turn: usize) -> Place {
        let place = Place::new(&format!("k{}-{turn}", self.number), kind()).await;
        if self.stage != Stage::Create {
            let settings = place.settings();
            let mut operator = Operator::start(place.cluster, &settings).await;
            place.create(spec()).await;
            let made = through(Stage::Create, turn, &place, &mut operator, &settings, CONVERGES * 2).await;
            assert!(made.is_ok(), "{made:?}\n{}", operator.output());
            operator.stop().await;
        }
        place
    }

    /// One point after another, until there is none any more; how many there were, and the longest way back.
    async fn walk(self) -> (usize, Duration) {
        let Self { stage, cut, victim, first, step, .. } = self;
        let mut place = {
            let _slot = PLACES.acquire().await.unwrap();
            self.place(first).await
        };
        let (mut points, mut longest) = (0, Duration::ZERO);
        for turn in (first..).step_by(step) {
            // Whose operator comes back under another name waits more than it works.
            let _slot = if victim == Victim::Container { Some(PLACES.acquire().await.unwrap()) } else { None };
            if turn > first && matches!(stage, Stage::Create | Stage::Delete) {
                place = self.place(turn).await;
            }
            let before = Kept::of(&place).await;
            let told = format!("{stage:?} {cut:?} {victim:?} at write {turn} of {}", place.namespace);
            let proxy = Proxy::start(place.client.clone(), Some((turn, cut, victim))).await;
            let named = |which: &str| {
                if victim == Victim::Container { "operator".to_owned() } else { format!("operator-{turn}-{which}") }
            };
            let settings = Settings { url: proxy.url.clone(), identity: named("a"), ..place.settings() };
            let mut operator = Operator::start(place.cluster, &settings).await;
            stage.begin(&place, turn + 1).await;
            let undisturbed = tokio::select! {
                () = proxy.reached() => None,
                end = through(stage, turn + 1, &place, &mut operator, &settings, CONVERGES * 2) => Some(end),
            };
            match victim {
                Victim::Container => operator.kill(),
                Victim::Operator => operator.kill_alone(),
            }
            if let Some(end) = undisturbed {
                assert!(end.is_ok(), "{told}, which it did not reach: {end:?}\n{}", operator.output());
                break;
            }
            let restarted = Instant::now();
            let settings = Settings { identity: named("b"), ..place.settings() };
            let mut second = Operator::start(place.cluster, &settings).await;
            let end = through(stage, turn + 1, &place, &mut second, &settings, CONVERGES).await;
            assert!(end.is_ok(), "{told}: {end:?}\n{}", second.output());
            points += 1;
            longest = longest.max(restarted.elapsed());
            let now = Kept::of(&place).await;
            before.check(&now, &told);
            assert!(now.volume.is_some() && now.superuser.is_some(), "{told}: {now:?}");
            assert_eq!(place.pending().await, "", "{told}");
            second.stop().await;
        }
        println!("{stage:?} {cut:?} {victim:?} from {first}: {points} kill points, back within {longest:?}");
        (points, longest)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_every_write_it_loses_nothing_and_goes_on() {
    let stages = [Stage::Create, Stage::Change, Stage::Rotate, Stage::BackUp, Stage::Correct, Stage::Delete];
    let mut rows = Vec::new();
    for cut in [Cut::Before, Cut::After] {
        // A container that dies takes its Helm with it.
        rows.extend(stages.map(|stage| (stage, cut, Victim::Container, 1, 1)));
        // A Helm that lives on alone is what a lost lease leaves, and another operator takes over.
        for first in 1..=ROWS_OF_WAITERS {
            let stages = [Stage::Create, Stage::Change, Stage::Rotate, Stage::BackUp];
            rows.extend(stages.map(|stage| (stage, cut, Victim::Operator, first, ROWS_OF_WAITERS)));
        }
    }
    let rows = rows.into_iter().enumerate();
    let rows = rows.map(|(number, (stage, cut, victim, first, step))| Row { stage, cut, victim, first, step, number });
    let results = join_all(rows.map(Row::walk)).await;
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
        let _slot = PLACES.acquire().await.unwrap();
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
    let (restarted, settings) = (Instant::now(), place.settings());
    let mut operator = Operator::start(place.cluster, &settings).await;
    // Ready, in the generation that was asked for last.
    let well = through(Stage::Change, kills, &place, &mut operator, &settings, CONVERGES).await;
    assert!(well.is_ok(), "seed {seed}: {well:?}\n{}", operator.output());
    kept.check(&Kept::of(&place).await, &format!("seed {seed}"));
    assert_eq!(place.pending().await, "", "seed {seed}");
    restarted.elapsed()
}
