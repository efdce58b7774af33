//! Who calls.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use kvartal_kernel::{Clock, Error, Uuid};
use kvartal_mesh::auth::{
    AUDIENCE, Claims, ISSUER, JwtVerifier, KeySource, LocalRevocations, PublicKey, SigningKey, TokenKind, Verifier,
};
use tonic::service::Interceptor;
use tonic::{Request, Status};

/// People whose tokens one key signs; they live by a clock. Cheap to clone.
#[derive(Clone)]
pub struct People {
    key: Arc<SigningKey>,
    clock: Arc<dyn Clock>,
}

impl People {
    /// Everybody's key is the same in every test.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::signed_by(7, clock)
    }

    /// People whose tokens another key of the same name signs.
    pub fn forgers(clock: Arc<dyn Clock>) -> Self {
        Self::signed_by(8, clock)
    }

    fn signed_by(seed: u8, clock: Arc<dyn Clock>) -> Self {
        Self { key: Arc::new(SigningKey::from_seed("test", &[seed; 32]).unwrap()), clock }
    }

    /// What verifies their tokens.
    pub fn public_key(&self) -> PublicKey {
        self.key.public().clone()
    }

    /// Believes their tokens without asking an identity service.
    pub fn verifier(&self) -> Arc<dyn Verifier> {
        let revocations = Arc::new(LocalRevocations::new(self.clock.clone()));
        Arc::new(JwtVerifier::new(Arc::new(Keys(self.public_key())), revocations, self.clock.clone()))
    }

    /// A good access token.
    pub fn token(&self, user: Uuid, session: Uuid, roles: &[impl AsRef<str>]) -> String {
        let now = self.clock.now().seconds();
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user,
            sid: Some(session),
            generation: 1,
            kind: TokenKind::User,
            roles: roles.iter().map(|role| role.as_ref().to_owned()).collect(),
            iat: now,
            nbf: now,
            exp: now + 300,
            jti: Uuid::new_v4(),
        };
        self.key.sign(&claims).unwrap()
    }

    /// Somebody new with these roles.
    pub fn person(&self, roles: &[&str]) -> Person {
        self.person_with_id(Uuid::now_v7(), roles)
    }

    /// Somebody with these roles.
    pub fn person_with_id(&self, id: Uuid, roles: &[&str]) -> Person {
        let roles = roles.iter().map(|role| (*role).to_owned()).collect();
        Person { id: Some(id), roles, people: self.clone() }
    }

    /// Nobody in particular.
    pub fn nobody(&self) -> Person {
        Person { id: None, roles: Vec::new(), people: self.clone() }
    }
}

impl fmt::Debug for People {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("People").finish_non_exhaustive()
    }
}

struct Keys(PublicKey);

#[async_trait]
impl KeySource for Keys {
    async fn keys(&self) -> Result<Vec<PublicKey>, Error> {
        Ok(vec![self.0.clone()])
    }
}

/// Somebody who calls; every call carries a token of the moment.
#[derive(Clone, Debug)]
pub struct Person {
    id: Option<Uuid>,
    roles: Vec<String>,
    people: People,
}

impl Person {
    /// The account.
    pub fn id(&self) -> Uuid {
        self.id.unwrap()
    }

    /// Whether they are somebody.
    pub fn is_known(&self) -> bool {
        self.id.is_some()
    }

    /// The account as text.
    pub fn name(&self) -> String {
        self.id().to_string()
    }

    /// A call of theirs.
    pub fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(id) = self.id {
            let token = format!("Bearer {}", self.people.token(id, id, &self.roles));
            request.metadata_mut().insert("authorization", token.parse().unwrap());
        }
        request
    }
}

impl Interceptor for Person {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let own = self.request(());
        if let Some(token) = own.metadata().get("authorization") {
            request.metadata_mut().insert("authorization", token.clone());
        }
        Ok(request)
    }
}
