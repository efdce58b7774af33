//! `kvartal ca`: a small authority of one's own, where no operator issues certificates.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::Subcommand;
use clap::builder::PossibleValuesParser;
use kvartal_kernel::{Clock as _, SystemClock, Timestamp};
use kvartal_mesh::tls::EDGE;
use kvartal_mesh::tls::ca::Authority;

use crate::console::{Console, Glyph};
use crate::services;

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

/// What to do with it.
#[derive(clap::Args, Clone, Debug)]
#[command(
    long_about = "An authority for the certificates with which services prove their names to each other.\n\nEach service has a folder with tls.crt, tls.key and ca.crt, and the name spiffe://<trust domain>/<service> in its\ncertificate; `kvartal serve --tls-dir` reads it and takes new ones over while it runs. Certificates live for a day, so\nthat a stolen one is soon worth nothing: run `kvartal ca renew` every few hours. In Kubernetes the operator does all this.",
    after_help = "Examples:
  kvartal ca init --dir ca                                         once for an installation
  kvartal ca issue identity incident gateway --dir ca --out tls    folders tls/identity, tls/incident, tls/gateway
  kvartal serve identity --tls-dir tls/identity
  kvartal ca renew --dir ca --out tls                              from cron: new ones where half of the time is over"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Clone, Debug)]
enum What {
    /// Make the authority: a key that never leaves its folder, and the certificate everybody trusts.
    #[command(after_help = "Examples:
  kvartal ca init --dir ca
  kvartal ca init --dir ca --trust-domain city.example --days 730

The folder is readable by its owner only. Whoever has ca.key can be any service: keep it off the machines that serve.
Nothing is overwritten; remove the folder to begin anew, then every service needs a new certificate.")]
    Init(Init),
    /// Make certificates for services, and for the edge (`gateway`).
    #[command(after_help = "Examples:
  kvartal ca issue identity incident notification audit gateway --dir ca --out tls
  kvartal ca issue incident --dir ca --out tls --hours 2
  kubectl create secret generic incident-tls --from-file=tls/incident        for a cluster without the operator

A key that exists is not overwritten; `kvartal ca renew` replaces what it has made.")]
    Issue(Issue),
    /// Replace certificates of which half of the life is over, or whose authority or ca.crt is another by now.
    #[command(after_help = "Examples:
  kvartal ca renew --dir ca --out tls             all folders in tls
  kvartal ca renew incident --dir ca --out tls    one of them
  0 */3 * * *  kvartal ca renew --dir ca --out tls

Running it again does no harm: what is fresh is left alone. Services take new certificates over by themselves, and no
call fails for it.

An authority is exchanged for another without a gap too; ca.crt may hold several, and all of them are trusted:
  kvartal ca init --dir next && cat next/ca.crt >> ca/ca.crt     then renew --dir ca: everybody trusts both
  cp ca/ca.crt next/ca.crt                                       then renew --dir next: everybody is certified anew
Last take the old certificate out of next/ca.crt and renew --dir next once more.")]
    Renew(Renew),
}

#[derive(clap::Args, Clone, Debug)]
struct Init {
    /// Folder of the authority; it is made.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Name of the installation in every certificate; services of another one are not let in.
    #[arg(long, value_name = "NAME", default_value = "kvartal")]
    trust_domain: String,
    /// How long the authority lives, in days.
    #[arg(long, value_name = "COUNT", default_value_t = 365, value_parser = clap::value_parser!(u64).range(1..=3650))]
    days: u64,
}

#[derive(clap::Args, Clone, Debug)]
struct Issue {
    /// The services, or `gateway` for the edge.
    #[arg(required = true, value_name = "SERVICE", value_parser = names())]
    services: Vec<String>,
    #[command(flatten)]
    place: Place,
}

#[derive(clap::Args, Clone, Debug)]
struct Renew {
    /// The services; every folder in --out when none is named.
    #[arg(value_name = "SERVICE", value_parser = names())]
    services: Vec<String>,
    #[command(flatten)]
    place: Place,
}

#[derive(clap::Args, Clone, Debug)]
struct Place {
    /// Folder of the authority.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Folder of the certificates: a folder in it for each service.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// How long the new certificates live, in hours.
    #[arg(long, value_name = "COUNT", default_value_t = 24, value_parser = clap::value_parser!(u64).range(1..=8760))]
    hours: u64,
    /// How long the new certificates live, in days.
    #[arg(long, value_name = "COUNT", conflicts_with = "hours", value_parser = clap::value_parser!(u64).range(1..=365))]
    days: Option<u64>,
}

impl Place {
    fn life(&self) -> Duration {
        Duration::from_secs(self.days.map_or(self.hours * HOUR, |days| days * DAY))
    }

    fn authority(&self) -> anyhow::Result<Authority> {
        Authority::open(&self.dir).with_context(|| {
            let dir = self.dir.display();
            format!("--dir {dir} holds no authority; `kvartal ca init --dir {dir}` makes one")
        })
    }
}

fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(services::NAMES.into_iter().chain([EDGE]))
}

/// Does it.
pub(crate) fn run(args: &Args, console: Console) -> anyhow::Result<()> {
    let now = SystemClock.now();
    match &args.what {
        What::Init(init) => {
            let life = Duration::from_secs(init.days * DAY);
            let authority = Authority::create(&init.dir, &init.trust_domain, life, now)?;
            let (dir, domain) = (init.dir.display(), authority.trust_domain());
            console.say(Glyph::Good, format_args!("{dir}: authority of {domain} until {}", authority.expires()));
        }
        What::Issue(issue) => {
            let authority = issue.place.authority()?;
            for service in &issue.services {
                let issued = authority.issue(service, issue.place.life(), now)?;
                let folder = issue.place.out.join(service);
                issued.write(&folder).context("`kvartal ca renew` replaces a certificate")?;
                tell(console, "made", &folder, issued.expires);
            }
        }
        What::Renew(renew) => {
            let authority = renew.place.authority()?;
            for folder in folders(renew)? {
                renew_one(&authority, &folder, renew.place.life(), now, console)?;
            }
        }
    }
    Ok(())
}

/// The folders to look at: those of the named services, or all in which there is a certificate.
fn folders(renew: &Renew) -> anyhow::Result<Vec<PathBuf>> {
    let out = &renew.place.out;
    if !renew.services.is_empty() {
        return Ok(renew.services.iter().map(|service| out.join(service)).collect());
    }
    let cannot = || format!("--out {} cannot be read", out.display());
    let mut found = Vec::new();
    for entry in std::fs::read_dir(out).with_context(cannot)? {
        let folder = entry.with_context(cannot)?.path();
        if folder.join(kvartal_mesh::tls::CERTIFICATE_FILE).exists() {
            found.push(folder);
        }
    }
    found.sort();
    anyhow::ensure!(!found.is_empty(), "--out {} holds no certificates; `kvartal ca issue` makes some", out.display());
    Ok(found)
}

fn renew_one(
    authority: &Authority,
    folder: &Path,
    life: Duration,
    now: Timestamp,
    console: Console,
) -> anyhow::Result<()> {
    let found = authority.look(folder, now)?;
    if !found.due {
        tell(console, "still good", folder, found.expires);
        return Ok(());
    }
    let issued = authority.issue(found.name.service(), life, now)?;
    issued.replace(folder)?;
    tell(console, "renewed", folder, issued.expires);
    Ok(())
}

fn tell(console: Console, what: &str, folder: &Path, expires: Timestamp) {
    console.say(Glyph::Good, format_args!("{}: {what}, until {expires}", folder.display()));
}
