//! `kvartal migrate`: brings databases to the state this version needs, and does nothing else.

use anyhow::Context as _;
use clap::builder::PossibleValuesParser;
use kvartal_kernel::{Clock as _, SystemClock};
use kvartal_store::{Store, StoreOptions};

use crate::console::{Console, Glyph};
use crate::services;

/// Whose databases.
#[derive(clap::Args, Clone)]
#[command(after_help = "Examples:
  kvartal migrate --database-url postgres://kvartal@db/{service}           all services
  kvartal migrate incident --database-url-file /run/secrets/database-url   one of them
  kvartal migrate --data-dir ./data                                        SQLite files

It waits for a server that does not answer yet (--wait-for-servers). Run it before a new version serves; running it again, or twice at once, does no harm. Going back is not needed: every
migration leaves the database usable by the version before.")]
pub(crate) struct Args {
    /// The services; all when none is named.
    #[arg(value_name = "SERVICE", value_parser = PossibleValuesParser::new(services::NAMES))]
    services: Vec<String>,
    #[command(flatten)]
    platform: kvartal_host::Config,
}

impl std::fmt::Debug for Args {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Args").field("services", &self.services).finish_non_exhaustive()
    }
}

/// Migrates one service after the other; stops at the first failure.
pub(crate) async fn run(args: Args, console: Console) -> anyhow::Result<()> {
    args.platform.validate()?;
    let all = services::NAMES.map(str::to_owned).to_vec();
    let names = if args.services.is_empty() { all } else { args.services };
    if args.platform.store_url("")?.starts_with("sqlite:") {
        let folder = &args.platform.data_dir;
        std::fs::create_dir_all(folder).with_context(|| format!("--data-dir {} cannot be made", folder.display()))?;
    }
    for name in names {
        let began = SystemClock.now();
        let options = StoreOptions {
            url: args.platform.store_url(&name)?,
            pool_size: 2,
            application_name: format!("migrate {name}"),
        };
        let what = format!("the database of {name}");
        let limit = args.platform.wait_for_servers;
        let store = kvartal_host::wait_for(&what, limit, || Store::open(options.clone())).await?;
        let migrated = store.migrate(services::migrations(&name)?).await;
        store.close().await;
        migrated.with_context(|| format!("the database of {name} cannot be migrated"))?;
        console.step(Glyph::Good, &name, "up to date", SystemClock.now().since(began));
    }
    Ok(())
}
