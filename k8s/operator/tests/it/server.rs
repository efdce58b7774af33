//! A PostgreSQL of this test alone, with the superuser that the operator knows.

use kvartal_operator::database::Server;
use kvartal_operator::secrets::{self, Password};
use kvartal_testing::PostgresServer;

/// One server.
pub(crate) struct Postgres {
    _server: PostgresServer,
    /// `host:port`.
    pub(crate) address: String,
}

impl Postgres {
    pub(crate) async fn start() -> Self {
        let server = PostgresServer::start().await;
        server.database().await.sql("CREATE ROLE postgres SUPERUSER LOGIN").await;
        let address = server.url().split('@').nth(1).unwrap().split('/').next().unwrap().to_owned();
        Self { _server: server, address }
    }

    /// As the operator sees it.
    pub(crate) fn seen(&self, owner: &str) -> Server {
        Server { address: self.address.clone(), password: password(), owner: owner.to_owned() }
    }

    /// What a statement says, run by this user in this database.
    pub(crate) fn sql(&self, user: &str, database: &str, statement: &str) -> Result<String, String> {
        let mut command = std::process::Command::new("psql");
        command.args(["-X", "-q", "-t", "-A", "-w", "-v", "ON_ERROR_STOP=1", "-c", statement, "-d"]);
        command.arg(format!("postgres://{user}@{}/{database}", self.address));
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }
}

pub(crate) fn password() -> Password {
    secrets::password().unwrap()
}
