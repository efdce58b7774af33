//! A store that speaks S3 and asks for signatures, on a folder.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tokio::net::TcpListener;

use crate::Folder;

/// Runs until it is dropped.
pub struct S3 {
    address: SocketAddr,
    folder: Folder,
    server: tokio::task::JoinHandle<()>,
}

impl S3 {
    /// The one who may.
    pub const ACCESS_KEY_ID: &str = "backups";
    /// How it signs.
    pub const SECRET_ACCESS_KEY: &str = "a-secret-of-tests";
    /// The only bucket.
    pub const BUCKET: &str = "city-backups";

    /// Starts one at this address; port 0 is one that is free.
    pub async fn start(address: &str) -> Self {
        let folder = Folder::in_memory("kvartal-s3-");
        std::fs::create_dir(folder.path().join(Self::BUCKET)).unwrap_or_else(|error| panic!("a bucket: {error}"));
        let files = FileSystem::new(folder.path()).unwrap_or_else(|error| panic!("a folder for S3: {error:?}"));
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(Self::ACCESS_KEY_ID, Self::SECRET_ACCESS_KEY));
        let service = builder.build();
        let listener = TcpListener::bind(address).await.unwrap_or_else(|error| panic!("{address}: {error}"));
        let address = listener.local_addr().unwrap_or_else(|error| panic!("{error}"));
        #[expect(clippy::disallowed_methods, reason = "ended when the value is dropped")]
        let server = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let service = service.clone();
                connections.spawn(async move {
                    let http = auto::Builder::new(TokioExecutor::new());
                    let _ = http.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { address, folder, server }
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where an object lies, for tests that damage it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(Self::BUCKET).join(name)
    }

    /// Names of all objects below a folder, sorted.
    pub fn objects(&self, folder: &str) -> Vec<String> {
        let list = |path: &Path| -> Vec<String> {
            let files = path.read_dir().into_iter().flatten().flatten();
            files.map(|file| file.file_name().to_string_lossy().into_owned()).collect()
        };
        // What the server keeps for itself begins with a dot.
        let mut names: Vec<_> = list(&self.file(folder)).into_iter().filter(|name| !name.starts_with('.')).collect();
        names.sort();
        names
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.server.abort();
    }
}
