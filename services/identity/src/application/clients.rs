//! Programs that call by themselves.

use kvartal_kernel::{Caller, Error, Page, PageRequest, Roles, Timestamp};
use kvartal_mesh::auth::TokenKind;

use super::signing::Holder;
use super::{Identity, Revocation, wrong_credentials};
use crate::domain::{ClientId, DisplayName, Event, MachineClient, Secret, Token};

/// A client that was just registered.
pub struct NewClient {
    /// The client.
    pub client: MachineClient,
    /// Shown this once.
    pub secret: Secret,
}

/// A token for a program.
pub struct ClientToken {
    /// The JWT.
    pub access: Secret,
    /// When it expires.
    pub expires_at: Timestamp,
}

impl Identity {
    /// Registers a program.
    pub async fn create_client(&self, name: DisplayName, roles: Roles) -> Result<NewClient, Error> {
        let secret = Token::generate();
        let id = ClientId::generate(self.clock.as_ref());
        let (client, events) = MachineClient::create(id, name, roles, &secret, self.clock.now());
        self.clients.create(client.clone(), events).await?;
        Ok(NewClient { client, secret: secret.reveal() })
    }

    /// A page of programs, newest first.
    pub async fn list_clients(&self, request: PageRequest) -> Result<Page<MachineClient>, Error> {
        self.clients.page(request).await
    }

    /// Removes a program; its tokens stop working at once. Removing it again is no error.
    pub async fn delete_client(&self, id: ClientId) -> Result<(), Error> {
        let client = self.clients.find(id).await?;
        client.ok_or_else(|| Error::not_found("MACHINE_CLIENT_NOT_FOUND", "machine client"))?;
        let now = self.clock.now();
        self.clients.delete(id, now, vec![Event::MachineClientDeleted { client: id }]).await?;
        self.announce(Revocation::Before(id.0, MachineClient::DELETED_GENERATION)).await;
        Ok(())
    }

    /// Exchanges a program's id and secret for an access token. Unknown programs and wrong secrets get the same answer.
    pub async fn issue_client_token(
        &self,
        caller: &Caller,
        id: ClientId,
        secret: Secret,
    ) -> Result<ClientToken, Error> {
        self.throttle_guess("client", &id.to_string(), caller).await?;
        let secret = Token::parse(secret.expose()).map(|secret| secret.hash());
        let client = self.clients.find(id).await?;
        let (Some(client), Some(secret)) = (client, secret) else { return Err(wrong_credentials()) };
        if !client.accepts(&secret) {
            return Err(wrong_credentials());
        }
        let holder = Holder {
            kind: TokenKind::Machine,
            id: id.0,
            session: None,
            generation: MachineClient::GENERATION,
            roles: client.roles,
        };
        let (access, expires_at) = self.signer.sign(holder).await?;
        Ok(ClientToken { access, expires_at })
    }
}
