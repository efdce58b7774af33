//! The public port of a platform, and the people who come there.

use std::time::Duration;

use http_body_util::{BodyExt as _, Empty};
use kvartal_proto::identity::v1::identity_service_client::IdentityServiceClient;
use kvartal_proto::identity::v1::{ConfirmEmailRequest, GrantRoleRequest, RegisterRequest, SignInRequest};
use kvartal_testing::Smtp;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use uuid::Uuid;

use crate::{RawClient, User};

/// The administrator that every platform is started with.
pub(crate) const ADMIN: &str = "admin@city.example";
/// The password of everybody.
pub(crate) const PASSWORD: &str = "a long enough password";

/// Where people come in.
pub struct Front {
    url: String,
    /// The authority whose certificate the port shows, in PEM; without it the port is plain.
    trusted: Option<String>,
    /// Where its mail arrives.
    pub smtp: Smtp,
}

impl Front {
    /// On a port of this computer.
    pub(crate) fn new(port: u16, trusted: Option<String>, smtp: Smtp) -> Self {
        let url = match &trusted {
            None => format!("http://127.0.0.1:{port}"),
            Some(_) => format!("https://localhost:{port}"),
        };
        Self { url, trusted, smtp }
    }

    /// Elsewhere, on a plain port.
    pub fn at(url: String, smtp: Smtp) -> Self {
        Self { url, trusted: None, smtp }
    }

    /// `http://127.0.0.1:port`, or `https://localhost:port`.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// A connection of its own, made when it is first used.
    pub fn channel(&self) -> Channel {
        connect(&self.url(), self.trusted.as_deref())
    }

    /// Makes such connections, for who has not this value.
    pub fn connector(&self) -> impl Fn() -> Channel + Send + Sync + use<> {
        let copy = (self.url(), self.trusted.clone());
        move || connect(&copy.0, copy.1.as_deref())
    }

    /// GET of a plain port: the status and the body.
    pub async fn get(&self, path: &str) -> (u16, String) {
        get(&format!("{}{path}", self.url())).await
    }

    /// A client for any RPC and any bytes.
    pub fn raw(&self) -> RawClient {
        RawClient::new(self.channel())
    }

    /// The administrator, signed in.
    pub async fn admin(&self) -> User {
        self.sign_in(ADMIN).await
    }

    /// Signs in an account made by [`Self::user`].
    pub async fn sign_in(&self, email: &str) -> User {
        let request = SignInRequest { email: email.to_owned(), password: PASSWORD.to_owned() };
        let answer = IdentityServiceClient::new(self.channel()).sign_in(request).await.expect("signed in").into_inner();
        User::new(self.channel(), email, PASSWORD, answer)
    }

    /// Registers a new person, confirms the address by the mail that arrives, gives the roles and signs in.
    pub async fn user(&self, admin: &User, roles: &[kvartal_kernel::Role]) -> User {
        let email = format!("{}@people.example", Uuid::new_v4().simple());
        self.register(&email).await;
        let user = self.sign_in(&email).await;
        if roles.is_empty() {
            return user;
        }
        for role in roles {
            let request = GrantRoleRequest { user_id: user.id().to_string(), role: *role as i32 };
            IdentityServiceClient::new(self.channel()).grant_role(admin.request(request)).await.expect("granted");
        }
        self.sign_in(&email).await
    }

    /// Registers a person and confirms the address by the mail that arrives.
    pub async fn register(&self, email: &str) {
        let mut identity = IdentityServiceClient::new(self.channel());
        let request = RegisterRequest {
            email: email.to_owned(),
            password: PASSWORD.to_owned(),
            display_name: "Мария Тестова".to_owned(),
            locale: "ru".to_owned(),
            time_zone: "Europe/Moscow".to_owned(),
        };
        identity.register(request).await.expect("registered");
        let mail = self.smtp.wait_for(email, |mail| mail.text.contains("token=")).await;
        let token = mail.text.split("token=").nth(1).expect("a link").split_whitespace().next().expect("a token");
        identity.confirm_email(ConfirmEmailRequest { token: token.to_owned() }).await.expect("confirmed");
    }
}

pub(crate) async fn get(url: &str) -> (u16, String) {
    let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
    let request = http::Request::get(url).body(Empty::<bytes::Bytes>::new()).expect("a request");
    let answer = client.request(request).await.expect("an answer");
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.expect("a body").to_bytes();
    (status, String::from_utf8_lossy(&body).into_owned())
}

fn connect(url: &str, trusted: Option<&str>) -> Channel {
    let endpoint = Endpoint::from_shared(url.to_owned()).expect("an address").connect_timeout(Duration::from_secs(5));
    let Some(trusted) = trusted else { return endpoint.connect_lazy() };
    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(trusted));
    endpoint.tls_config(tls).expect("a certificate").connect_lazy()
}
