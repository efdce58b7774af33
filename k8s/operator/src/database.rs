//! What is inside a server: the owner of everything, with whom nobody signs in, and the users of the service.
//!
//! Users act as the owner from their first statement on, so whatever one of them makes is the owner's, and the next one can
//! change it. Passwords go over as verifiers: neither a statement nor a log of the server ever holds one.

use std::time::Duration;

use anyhow::Context as _;
use aws_lc_rs::{digest, hmac, pbkdf2, rand::SecureRandom as _, rand::SystemRandom};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, Row as _};

use crate::secrets::Password;

/// Nothing that is done here takes longer on a server that is well.
const PATIENCE: Duration = Duration::from_secs(10);
/// PostgreSQL's own number.
const ITERATIONS: std::num::NonZeroU32 = std::num::NonZeroU32::new(4096).unwrap();

/// One server, seen with its superuser.
pub struct Server {
    /// `host:port`.
    pub address: String,
    /// The password of `postgres`.
    pub password: Password,
    /// The database and its owner.
    pub owner: String,
}

/// Why a user cannot be retired yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Retired {
    /// It cannot sign in any more.
    Yes,
    /// It still has so many sessions.
    Sessions(i64),
}

impl Server {
    /// Makes database and owner if they are not there, and lets `user` sign in with `password`.
    pub async fn provision(&self, user: &str, password: &Password) -> anyhow::Result<()> {
        within(async {
            let (owner, verifier) = (&self.owner, verifier(password)?);
            let mut server = self.connect("postgres").await?;
            for (role, options) in
                [(owner.as_str(), "NOLOGIN".to_owned()), (user, format!("LOGIN PASSWORD '{verifier}'"))]
            {
                let there = exists(&mut server, "SELECT 1 FROM pg_roles WHERE rolname = $1", role).await?;
                let verb = if there { "ALTER" } else { "CREATE" };
                run(&mut server, format!(r#"{verb} ROLE "{role}" {options}"#)).await?;
            }
            if !exists(&mut server, "SELECT 1 FROM pg_database WHERE datname = $1", owner).await? {
                run(&mut server, format!(r#"CREATE DATABASE "{owner}" OWNER "{owner}""#)).await?;
            }
            run(&mut server, format!(r#"ALTER DATABASE "{owner}" OWNER TO "{owner}""#)).await?;
            run(&mut server, format!(r#"REVOKE ALL ON DATABASE "{owner}" FROM PUBLIC"#)).await?;
            run(&mut server, format!(r#"GRANT "{owner}" TO "{user}""#)).await?;
            run(&mut server, format!(r#"ALTER ROLE "{user}" IN DATABASE "{owner}" SET role = '{owner}'"#)).await?;
            server.close().await?;
            Ok(())
        })
        .await
    }

    /// Takes a user's sign-in away once nobody uses it; what it owns is the owner's then.
    pub async fn retire(&self, user: &str) -> anyhow::Result<Retired> {
        within(async {
            let mut server = self.connect(&self.owner).await?;
            if !exists(&mut server, "SELECT 1 FROM pg_roles WHERE rolname = $1", user).await? {
                return Ok(Retired::Yes);
            }
            let count = sqlx::query("SELECT count(*) FROM pg_stat_activity WHERE usename = $1").bind(user);
            let sessions: i64 = count.fetch_one(&mut server).await?.try_get(0)?;
            if sessions > 0 {
                return Ok(Retired::Sessions(sessions));
            }
            let owner = &self.owner;
            run(&mut server, format!(r#"ALTER ROLE "{user}" NOLOGIN PASSWORD NULL"#)).await?;
            run(&mut server, format!(r#"REASSIGN OWNED BY "{user}" TO "{owner}""#)).await?;
            server.close().await?;
            Ok(Retired::Yes)
        })
        .await
    }

    async fn connect(&self, database: &str) -> anyhow::Result<PgConnection> {
        let (host, port) = self.address.rsplit_once(':').context("an address is host:port")?;
        let options = PgConnectOptions::new_without_pgpass()
            .host(host)
            .port(port.parse()?)
            .username("postgres")
            .password(&self.password)
            .database(database)
            .application_name("kvartal-operator")
            .ssl_mode(PgSslMode::Prefer)
            .disable_statement_logging();
        PgConnection::connect_with(&options).await.with_context(|| format!("{} does not let us in", self.address))
    }
}

async fn within<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let late = || anyhow::anyhow!("the server does not answer within {} s", PATIENCE.as_secs());
    tokio::time::timeout(PATIENCE, work).await.map_err(|_| late())?
}

async fn exists(server: &mut PgConnection, question: &'static str, name: &str) -> anyhow::Result<bool> {
    Ok(sqlx::query(question).bind(name).fetch_optional(server).await?.is_some())
}

/// Names are made of what [`crate::names`] lets through: letters, digits and underscores.
async fn run(server: &mut PgConnection, statement: String) -> anyhow::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(server).await?;
    Ok(())
}

/// What PostgreSQL keeps of a password (RFC 5802): enough to check it, too little to sign in with it.
fn verifier(password: &Password) -> anyhow::Result<String> {
    let mut salt = [0_u8; 16];
    SystemRandom::new().fill(&mut salt).map_err(|_| anyhow::anyhow!("there is no randomness"))?;
    Ok(verifier_with(password, &salt))
}

fn verifier_with(password: &str, salt: &[u8]) -> String {
    let mut salted = zeroize::Zeroizing::new([0_u8; 32]);
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ITERATIONS, salt, password.as_bytes(), &mut *salted);
    let key = hmac::Key::new(hmac::HMAC_SHA256, &*salted);
    let client = hmac::sign(&key, b"Client Key");
    let stored = digest::digest(&digest::SHA256, client.as_ref());
    let server = hmac::sign(&key, b"Server Key");
    let encode = |bytes: &[u8]| STANDARD.encode(bytes);
    format!("SCRAM-SHA-256${ITERATIONS}:{}${}:{}", encode(salt), encode(stored.as_ref()), encode(server.as_ref()))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    #[test]
    fn a_verifier_is_the_one_of_the_standard() {
        // RFC 7677, section 3: user `user`, password `pencil`.
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let verifier = super::verifier_with("pencil", &salt);
        let expected = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
        assert_eq!(verifier, expected);
    }
}
