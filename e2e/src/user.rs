//! Somebody signed in.

use kvartal_proto::identity::v1::SignInResponse;
use tonic::Request;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use uuid::Uuid;

/// A signed-in person with the means to call.
#[derive(Clone, Debug)]
pub struct User {
    channel: Channel,
    email: String,
    password: String,
    id: Uuid,
    access_token: String,
    refresh_token: String,
}

impl User {
    pub(crate) fn new(channel: Channel, email: &str, password: &str, answer: SignInResponse) -> Self {
        let tokens = answer.tokens.expect("tokens");
        let user = answer.user.expect("the user");
        Self {
            channel,
            email: email.to_owned(),
            password: password.to_owned(),
            id: user.user_id.parse().expect("a UUID"),
            access_token: tokens.access_token,
            refresh_token: tokens.refresh_token,
        }
    }

    /// The account.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// The address it signs in with.
    pub fn email(&self) -> &str {
        &self.email
    }

    /// Its password.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The token of its calls.
    pub fn access_token(&self) -> &str {
        &self.access_token
    }

    /// The token that gets new ones.
    pub fn refresh_token(&self) -> &str {
        &self.refresh_token
    }

    /// Its connection.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// A call with its token.
    pub fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let value = MetadataValue::try_from(format!("Bearer {}", self.access_token)).expect("a header");
        request.metadata_mut().insert("authorization", value);
        request
    }
}
