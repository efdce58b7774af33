//! An identity service that knows one key and the contacts a test gives it, behind the real server stack.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::response::Response;
use axum::routing::post;
use kvartal_host::Runtime;
use kvartal_kernel::{SystemClock, Uuid};
use kvartal_proto::identity::v1::{GetContactRequest, GetContactResponse};
use kvartal_stage::{People, answer, refusal};
use prost::Message as _;
use tonic::Code;

/// What the test says about people.
#[derive(Clone)]
pub(crate) struct Identity(Arc<Inner>);

struct Inner {
    people: People,
    contacts: Mutex<HashMap<String, GetContactResponse>>,
    down: AtomicBool,
    asked: AtomicUsize,
}

impl Identity {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner {
            people: People::new(Arc::new(SystemClock)),
            contacts: Mutex::default(),
            down: AtomicBool::new(false),
            asked: AtomicUsize::new(0),
        }))
    }

    /// Makes the service known in this runtime.
    pub(crate) fn register(&self, runtime: &Runtime) {
        let contacts = self.clone();
        let routes = kvartal_stage::identity(&self.0.people).route(
            "/kvartal.identity.v1.IdentityService/GetContact",
            post(move |body: Bytes| async move { contacts.contact(&body) }),
        );
        kvartal_stage::stand_in(runtime, "identity", routes);
    }

    /// From now on this person can be reached; an empty address is one that is not confirmed.
    pub(crate) fn knows(&self, user: Uuid, email: &str, name: &str, locale: &str) {
        let contact = GetContactResponse {
            email: email.to_owned(),
            display_name: name.to_owned(),
            locale: locale.to_owned(),
            time_zone: "Europe/Moscow".to_owned(),
        };
        self.0.contacts.lock().unwrap().insert(user.to_string(), contact);
    }

    /// Whether contacts cannot be had from now on.
    pub(crate) fn set_down(&self, down: bool) {
        self.0.down.store(down, Ordering::SeqCst);
    }

    /// How often contacts were asked for.
    pub(crate) fn asked(&self) -> usize {
        self.0.asked.load(Ordering::SeqCst)
    }

    /// A good access token of a person with these roles.
    pub(crate) fn token(&self, user: Uuid, roles: &[&str]) -> String {
        self.0.people.token(user, user, roles)
    }

    fn contact(&self, body: &Bytes) -> Response {
        self.0.asked.fetch_add(1, Ordering::SeqCst);
        if self.0.down.load(Ordering::SeqCst) {
            return refusal(Code::Unavailable);
        }
        let request = GetContactRequest::decode(&body[5..]).unwrap();
        match self.0.contacts.lock().unwrap().get(&request.user_id) {
            Some(contact) => answer(contact),
            None => refusal(Code::NotFound),
        }
    }
}
