//! PostgreSQL over TLS: the server must prove its name.

use std::path::Path;

use kvartal_kernel::Kind;
use kvartal_store::Store;
use kvartal_testing::PostgresServer;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::options;

/// An authority, its certificate written to `file`; and what it has certified for `localhost`.
fn certified(file: &Path) -> (String, String) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    std::fs::write(file, authority.pem()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    (params.signed_by(&key, &authority).unwrap().pem(), key.serialize_pem())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_proves_its_name_is_used_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let (trusted, stranger) = (folder.path().join("ca.crt"), folder.path().join("other.crt"));
    let (certificate, key) = certified(&trusted);
    certified(&stranger);
    let server = PostgresServer::start_with_tls(&certificate, &key).await;
    let database = server.database().await;
    let url = |host: &str, root: &Path| {
        let here = database.url().replace("127.0.0.1", host);
        format!("{here}?sslmode=verify-full&sslrootcert={}", root.display())
    };

    let store = Store::open(options(&url("localhost", &trusted))).await.unwrap();
    let encrypted = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let row = store.reader().query_one_raw(Statement::from_string(DbBackend::Postgres, encrypted)).await.unwrap();
    assert!(row.unwrap().try_get_by_index::<bool>(0).unwrap());
    store.close().await;

    // The right authority under another name, and the right name by another authority.
    for wrong in [url("127.0.0.1", &trusted), url("localhost", &stranger)] {
        let error = Store::open(options(&wrong)).await.err().unwrap();
        assert_eq!(
            (error.kind(), error.reason()),
            (Kind::FailedPrecondition, "DATABASE_UNTRUSTED"),
            "{}",
            error.chain()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_tls_is_refused_where_tls_is_asked_for() {
    let database = kvartal_testing::postgres().await;
    let url = format!("{}?sslmode=verify-full", database.url());
    let error = Store::open(options(&url)).await.err().unwrap();
    assert_eq!(error.reason(), "DATABASE_UNTRUSTED", "{}", error.chain());
}
