//! The demo city: generated from a fixed seed, filled through the real RPCs, and kept moving.
//!
//! `city` is the map, `people` who lives there, `town` how they call the platform, `acts` what they can do, `seed` what
//! the city begins with and `life` what happens afterwards; `traffic` is what drives on its streets. Nothing here has a way in that others have not: every change is an RPC by somebody
//! who may make it.

mod acts;
mod city;
mod life;
mod people;
mod photo;
mod random;
mod seed;
mod town;
mod traffic;
mod words;

use std::sync::Arc;

use anyhow::Context as _;
use kvartal_gateway_grpc_web::{Account, Line, LineClass};
use kvartal_host::Runtime;
use kvartal_kernel::Role;

use crate::console::{Console, Glyph};
use city::City;
pub(crate) use people::PASSWORD;
use people::{Person, everybody};
use town::Town;

/// The accounts that the screen names; one for each role has an address of the same form.
pub(crate) const ROLES_SHOWN: &str = "citizen@, dispatcher@, patrol@, moderator@, admin@ … demo.kvartal.example";

/// The accounts of the demo, for identity to make.
pub(crate) fn accounts() -> Vec<kvartal_identity::DemoUser> {
    everybody()
        .into_iter()
        .map(|person| kvartal_identity::DemoUser {
            email: person.email,
            password: PASSWORD.to_owned(),
            display_name: person.name.to_owned(),
            roles: vec![person.role],
        })
        .collect()
}

/// One account for each role, for the start page.
pub(crate) fn shown_accounts() -> Vec<Account> {
    let people = everybody();
    Role::ALL
        .iter()
        .filter_map(|role| people.iter().find(|person| person.role == *role))
        .map(|person| Account {
            role: person.role.name().to_owned(),
            email: person.email.clone(),
            password: PASSWORD.to_owned(),
        })
        .collect()
}

/// Streets and the river, for the start page's map.
pub(crate) fn scenery() -> Vec<Line> {
    let city = City::generate();
    let river = Line { name: "Сева".to_owned(), class: LineClass::Water, points: city.river };
    let streets = city.streets.into_iter().map(|street| Line {
        name: street.name.to_owned(),
        class: LineClass::Street,
        points: street.points,
    });
    std::iter::once(river).chain(streets).collect()
}

/// The running demo.
pub(crate) struct Demo {
    city: City,
    people: Vec<Person>,
    town: Town,
    console: Console,
}

impl Demo {
    /// Begins to fill the city, and keeps it moving until the runtime stops.
    pub(crate) fn start(runtime: &Runtime, console: Console) -> anyhow::Result<()> {
        let local = |name: &str| runtime.directory().local(name).with_context(|| format!("the demo needs {name}"));
        let town = Town::new(
            local(kvartal_identity::NAME)?,
            local(kvartal_incident::NAME)?,
            local(kvartal_traffic::NAME)?,
            runtime.clock(),
        );
        let demo = Arc::new(Self { city: City::generate(), people: everybody(), town, console });
        let (stop, driving) = (runtime.stop(), demo.clone());
        runtime.spawn("demo traffic", async move {
            stop.run_until_cancelled(traffic::run(&driving)).await;
        });
        let stop = runtime.stop();
        runtime.spawn("demo", async move {
            // Whatever is under way is dropped at once: calls are durable or they did not happen.
            stop.run_until_cancelled(demo.run()).await;
        });
        Ok(())
    }

    async fn run(self: Arc<Self>) {
        let began = self.town.now();
        match seed::fill(&self).await {
            Ok(made) => {
                let took = self.town.now().since(began).as_secs_f64();
                let what =
                    format!("{}: {} reports, {} incidents in {took:.1} s", city::NAME, made.reports, made.incidents);
                self.console.say(Glyph::Good, what);
            }
            Err(error) => {
                self.console.say(Glyph::Bad, format_args!("{} could not be filled: {}", city::NAME, error.chain()));
                return;
            }
        }
        life::live(&self).await;
    }

    /// Those with this role.
    fn with_role(&self, role: Role) -> Vec<&Person> {
        self.people.iter().filter(|person| person.role == role).collect()
    }
}
