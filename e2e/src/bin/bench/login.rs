//! Signing in: a password hash and what stands around it, beside the hash alone.

use std::time::Duration;

use argon2::{Argon2, PasswordHasher as _};
use kvartal_e2e::{Adapter, Options, Platform};
use kvartal_proto::identity::v1::SignInRequest;
use kvartal_proto::identity::v1::identity_service_client::IdentityServiceClient;

use crate::drive::{connect, load, repeat};
use crate::report::Report;

pub(crate) async fn run(report: &mut Report) {
    let name = "login (SQLite)";
    if !report.wants(name) {
        return;
    }
    let platform = Platform::start(Adapter::Embedded, Options::default()).await;
    let admin = platform.admin().await;
    let (email, password) = (admin.email().to_owned(), admin.password().to_owned());
    // Two at a time: the hash has two workers, and a longer queue only measures waiting.
    let channels = connect(&platform.url())[..1].to_vec();
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(2));
    let hash = || {
        // The parameters of the service: OWASP's least, 19 MiB, two passes, one lane.
        Argon2::default().hash_password(b"a long enough password").unwrap();
    };
    report
        .compare(
            name,
            "argon2id alone",
            async |lasting: Duration| {
                let (email, password, gate) = (email.clone(), password.clone(), gate.clone());
                load(platform.pid(), &channels, lasting, move |channel| {
                    let request = SignInRequest { email: email.clone(), password: password.clone() };
                    let gate = gate.clone();
                    async move {
                        let _turn = gate.acquire().await.unwrap();
                        IdentityServiceClient::new(channel).sign_in(request).await.is_ok()
                    }
                })
                .await
            },
            async |lasting: Duration| repeat(lasting, async || hash()).await,
        )
        .await;
}
