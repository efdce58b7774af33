//! Backups in an S3-compatible store: the containers of Jobs that carry them there and back. A backup is there when its dump
//! is; it is written last.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use futures::TryStreamExt as _;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::buffered::BufWriter;
use object_store::path::Path;
use object_store::{Certificate, ClientOptions, ObjectStore, ObjectStoreExt as _, RetryConfig};
use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt as _;

/// Of an upload in parts; a store takes ten thousand of them, so a dump may have 160 GB.
const PART: usize = 16 * 1024 * 1024;
/// A part may take so long.
const TIMEOUT: Duration = Duration::from_secs(300);
/// The files of a backup in the order in which they are written: the last one makes it one.
const FILES: [&str; 3] = ["content", "sha256", "dump"];
/// The file that says that a backup was restored and found whole.
const VERIFIED: &str = "verified";

/// A bucket, and what to carry.
#[derive(Args)]
pub struct Store {
    #[command(subcommand)]
    verb: Verb,
    /// Address of the store, such as https://s3.example
    #[arg(long, env = "STORE_ENDPOINT", value_name = "URL")]
    endpoint: String,
    /// Bucket
    #[arg(long, env = "STORE_BUCKET", value_name = "NAME")]
    bucket: String,
    /// Region
    #[arg(long, env = "STORE_REGION", value_name = "NAME", default_value = "us-east-1")]
    region: String,
    /// What the names of this database's backups begin with, without a slash at the end
    #[arg(long, env = "STORE_PREFIX", value_name = "PREFIX")]
    prefix: String,
    /// Folder with accessKeyId and secretAccessKey, and ca.crt if the store has an authority of its own
    #[arg(long, env = "STORE_CREDENTIALS", value_name = "FOLDER")]
    credentials: PathBuf,
    /// Folder of backups here
    #[arg(long, env = "BACKUPS", value_name = "FOLDER")]
    backups: PathBuf,
    /// The backup, such as 20261126t030000z; the newest in the store when empty
    #[arg(long, env = "NAME", value_name = "NAME", default_value = "")]
    name: String,
}

#[derive(Subcommand)]
enum Verb {
    /// Carry a backup from here to the store, and delete the oldest there
    Push {
        /// How many stay there; the newest one that was checked always does
        #[arg(long, env = "KEEP", value_name = "COUNT")]
        keep: usize,
    },
    /// Carry a backup from the store to here
    Pull,
    /// Carry the mark of a checked backup to the store
    Mark,
}

impl Store {
    /// Does it.
    ///
    /// # Errors
    /// With a sentence for people: what is missing, or what the store says.
    pub async fn run(&self) -> anyhow::Result<()> {
        let bucket = Bucket { store: Arc::new(self.open().await?), prefix: self.prefix.clone() };
        match &self.verb {
            Verb::Push { keep } => {
                for end in FILES {
                    self.upload(&bucket, end).await?;
                }
                bucket.prune(*keep).await
            }
            Verb::Pull => self.pull(&bucket).await,
            Verb::Mark => self.upload(&bucket, VERIFIED).await,
        }
        .with_context(|| format!("{}/{}", self.endpoint, self.bucket))
    }

    async fn open(&self) -> anyhow::Result<AmazonS3> {
        let secret = async |key: &str| -> anyhow::Result<String> {
            let text = fs::read_to_string(self.credentials.join(key)).await;
            Ok(text.with_context(|| format!("the Secret of the store has no {key}"))?.trim().to_owned())
        };
        let mut options = ClientOptions::new().with_timeout(TIMEOUT).with_allow_http(true);
        if let Ok(pem) = fs::read(self.credentials.join("ca.crt")).await {
            for authority in Certificate::from_pem_bundle(&pem).context("ca.crt")? {
                options = options.with_root_certificate(authority);
            }
        }
        let builder = AmazonS3Builder::new()
            .with_endpoint(&self.endpoint)
            .with_bucket_name(&self.bucket)
            .with_region(&self.region)
            .with_access_key_id(secret("accessKeyId").await?)
            .with_secret_access_key(secret("secretAccessKey").await?)
            .with_client_options(options)
            .with_retry(RetryConfig { max_retries: 5, retry_timeout: TIMEOUT, ..RetryConfig::default() });
        builder.build().context("the store cannot be used")
    }

    async fn upload(&self, bucket: &Bucket, end: &str) -> anyhow::Result<()> {
        let name = format!("{}.{end}", self.name);
        let path = self.backups.join(&name);
        let mut file = File::open(&path).await.with_context(|| path.display().to_string())?;
        let mut upload =
            BufWriter::with_capacity(bucket.store.clone(), bucket.path(&name), PART).with_max_concurrency(2);
        let failed = || format!("{name} cannot be written");
        if let Err(error) = tokio::io::copy(&mut file, &mut upload).await {
            // Parts that nobody will complete cost money.
            let _ = upload.abort().await;
            return Err(error).with_context(failed);
        }
        upload.shutdown().await.with_context(failed)
    }

    async fn pull(&self, bucket: &Bucket) -> anyhow::Result<()> {
        let there = bucket.names("dump").await?;
        let name = if self.name.is_empty() { there.last() } else { there.get(&self.name) };
        let name = name.with_context(|| match self.name.as_str() {
            "" => "there is no backup".to_owned(),
            name => format!("{name}: there is no such backup"),
        })?;
        for end in FILES {
            let name = format!("{name}.{end}");
            let path = self.backups.join(&name);
            let mut file = File::create(&path).await.with_context(|| path.display().to_string())?;
            let mut content = bucket.store.get(&bucket.path(&name)).await?.into_stream();
            while let Some(bytes) = content.try_next().await.with_context(|| format!("{name} cannot be read"))? {
                file.write_all(&bytes).await.with_context(|| path.display().to_string())?;
            }
            file.sync_all().await?;
        }
        Ok(())
    }
}

/// The backups of one database in a store.
struct Bucket {
    store: Arc<dyn ObjectStore>,
    prefix: String,
}

impl Bucket {
    fn path(&self, name: &str) -> Path {
        Path::from(format!("{}/{name}", self.prefix))
    }

    /// Backups that have a file with this end, the oldest first.
    async fn names(&self, end: &str) -> anyhow::Result<BTreeSet<String>> {
        let all = self.store.list(Some(&Path::from(self.prefix.as_str())));
        let all: Vec<_> = all.try_collect().await.context("its content cannot be listed")?;
        let names = all.iter().filter_map(|object| object.location.filename()?.strip_suffix(end)?.strip_suffix('.'));
        Ok(names.map(str::to_owned).collect())
    }

    async fn prune(&self, keep: usize) -> anyhow::Result<()> {
        let checked = self.names(VERIFIED).await?;
        let old = self.names("dump").await?.into_iter().rev().skip(keep);
        for name in old.filter(|name| Some(name) != checked.last()) {
            // The dump first: without it, it is none.
            for end in FILES.into_iter().rev().chain([VERIFIED]) {
                match self.store.delete(&self.path(&format!("{name}.{end}"))).await {
                    Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                    Err(error) => return Err(error).with_context(|| format!("{name} cannot be deleted")),
                }
            }
        }
        Ok(())
    }
}
