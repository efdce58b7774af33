//! The traffic of the demo city: roads, what drives on them, and what is seen of it.
//!
//! `roads` is the network, `flow` how vehicles move on it (a model of traffic as a flow, nothing is told to be a jam),
//! `demand` who wants to drive where, `world` all three at a moment. `sensors` and `camera` see it, `seeding`, `feed`,
//! `history`, `frames`, `obstacles` and `crews` tell the platform through its RPCs.

mod camera;
mod crews;
mod demand;
mod feed;
mod flow;
mod frames;
mod history;
mod obstacles;
mod roads;
mod seeding;
mod sensors;
mod world;

use std::time::Duration;

use kvartal_kernel::{Error, Role};

use super::Demo;
use super::acts::open_incidents;
use super::seed::some;
use crate::console::Glyph;
use crews::Driving;
use history::History;
use obstacles::Logged;
use roads::Roads;
use seeding::{Camera, FRAME_S};
use sensors::{PERIOD_S, Sensor};
use world::{World, moment_of};

/// From look to look, seconds.
const TICK_S: u64 = 10;
/// Detectors have their turn in so many groups, one at each look.
const TURNS: usize = PERIOD_S as usize / TICK_S as usize;

/// Fills the streets, and keeps them moving until it is dropped. A single failure is told and passes.
pub(super) async fn run(demo: &Demo) {
    let began = demo.town.now();
    match fill(demo).await {
        Ok(city) => {
            let took = demo.town.now().since(began).as_secs_f64();
            let (roads, sensors) = (city.world.roads.roads.len(), city.sensors.len());
            let days = feed::PAST_S / 86_400;
            let what = format!("traffic: {roads} roads, {sensors} detectors, {days} days of readings in {took:.1} s");
            demo.console.say(Glyph::Good, what);
            drive(demo, city).await;
        }
        Err(error) => {
            demo.console.say(Glyph::Bad, format_args!("the streets could not be filled: {}", error.chain()));
        }
    }
}

/// What moves.
struct Streets {
    world: World,
    sensors: Vec<Sensor>,
    cameras: Vec<Camera>,
    crews: Vec<Driving>,
    logged: Logged,
    /// When each detector was last spoken for by the demo, seconds since 1970.
    spoke: Vec<i64>,
    /// What is still to be told of the week before.
    history: Option<History>,
    /// Somebody else speaks for the detectors: the demo is silent.
    silent: bool,
}

async fn fill(demo: &Demo) -> Result<Streets, Error> {
    let roads = Roads::of(&demo.city);
    let sensors = sensors::sensors(&roads);
    seeding::network(demo, &roads).await?;
    seeding::detectors(demo, &roads, &sensors).await?;
    let cameras = seeding::cameras(demo, &roads, &sensors).await?;
    let crews = seeding::patrols(demo).await?;
    let crews = (0..).zip(crews).map(|(number, crew)| Driving::start(crew, number, &roads)).collect();
    // Something to see at once; the past takes a while.
    let now = moment_of(demo.town.now().seconds() as f64);
    let mut world = World::at(&demo.city, now - world::WARM_UP_S);
    world.advance(now);
    if let Err(error) = frames::upload(demo, &world, &cameras, 0).await {
        tracing::warn!(error = error.chain(), "the cameras of the demo show nothing yet");
    }
    let world = feed::past(demo, &sensors).await?;
    let spoke = vec![demo.town.now().seconds(); sensors.len()];
    let history = History::to_tell(demo, &sensors).await?;
    Ok(Streets { world, sensors, cameras, crews, logged: Logged::default(), spoke, history, silent: false })
}

async fn drive(demo: &Demo, mut city: Streets) {
    let mut ticks = tokio::time::interval(Duration::from_secs(TICK_S));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut failing = false;
    for tick in 0_u64.. {
        ticks.tick().await;
        match step(demo, &mut city, tick).await {
            Ok(()) => failing = false,
            // Told once, until it goes well again.
            Err(error) if !failing => {
                failing = true;
                tracing::warn!(error = error.chain(), "something on the streets of the demo did not happen");
            }
            Err(error) => tracing::debug!(error = error.chain(), "something on the streets did not happen again"),
        }
    }
}

/// What happens within one look. What fails keeps nothing else from happening in the next.
async fn step(demo: &Demo, city: &mut Streets, tick: u64) -> Result<(), Error> {
    let now = demo.town.now().seconds();
    city.world.advance(moment_of(now as f64));
    let turn = usize::try_from(tick % TURNS as u64).unwrap_or(0);
    if turn == 0 {
        city.silent = feed::others_speak(demo, &city.sensors, &city.spoke).await?;
    }
    let batch = feed::minute(&mut city.world, &city.sensors, now, turn, TURNS);
    if !city.silent {
        batch.note(&mut city.spoke);
        batch.send(demo, &city.sensors).await?;
    }
    if let Some(history) = &mut city.history
        && !history.go_on(demo, &city.sensors).await?
    {
        city.history = None;
    }
    for crew in &mut city.crews {
        crew.turn(demo, &city.world, TICK_S as f64).await?;
    }
    if tick.is_multiple_of(2) {
        city.logged.keep_up(demo, &city.world).await?;
        let told = obstacles::told(demo, &city.world.roads).await?;
        city.world.tell(told);
    }
    if tick.is_multiple_of(u64::from(FRAME_S) / TICK_S) {
        frames::upload(demo, &city.world, &city.cameras, tick + 1).await?;
    }
    if tick % 4 == 1 {
        let dispatchers = demo.with_role(Role::Dispatcher);
        let open = open_incidents(demo, some(&dispatchers, 2)?).await?;
        crews::send_somebody(demo, &open, &city.crews).await?;
    }
    Ok(())
}
