//! Starts the built binary and talks to it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use kvartal_proto::identity::v1::SignInRequest;
use kvartal_proto::identity::v1::identity_service_client::IdentityServiceClient;
use kvartal_testing::{Process, free_port};
use prost::Message;
use tonic::transport::{Channel, Endpoint};

/// Generous: tests share the machine with compilers.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The password of the administrator that [`Platform::with_admin`] makes.
pub(crate) const PASSWORD: &str = "a long enough password";
/// That administrator's address.
pub(crate) const ADMIN: &str = "admin@city.example";

/// The built binary with these arguments.
pub(crate) fn kvartal(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kvartal"));
    command.args(arguments);
    command
}

/// What stands at the public port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Front {
    /// The edge inside the process.
    InProcess,
    /// The real Envoy.
    Envoy,
}

impl Front {
    /// What holds for one holds for the other.
    pub(crate) const BOTH: [Self; 2] = [Self::InProcess, Self::Envoy];
}

/// A running `kvartal up`.
pub(crate) struct Platform {
    pub(crate) process: Process,
    pub(crate) port: u16,
}

impl Platform {
    /// `up` with these arguments, on a free port; returns when it is ready.
    pub(crate) async fn up(arguments: &[&str]) -> Self {
        let port = free_port();
        let mut command = kvartal(&["up", "--port", &port.to_string()]);
        command.args(arguments);
        let mut process = Process::spawn(command);
        process.wait_for_line("ready in", PATIENCE).await;
        Self { process, port }
    }

    /// `up` behind either edge, with an administrator.
    pub(crate) async fn behind(front: Front, folder: &Path) -> Self {
        eprintln!("edge: {front:?}");
        match front {
            Front::InProcess => Self::with_admin(folder).await,
            Front::Envoy => {
                let program = kvartal_testing::envoy_program();
                let arguments = ["--gateway", "envoy", "--envoy-path", program.to_str().unwrap()];
                Self::with_admin_and(folder, &arguments).await
            }
        }
    }

    /// `up` with data in `folder` and an administrator.
    pub(crate) async fn with_admin(folder: &Path) -> Self {
        Self::with_admin_and(folder, &[]).await
    }

    async fn with_admin_and(folder: &Path, more: &[&str]) -> Self {
        let file = folder.join("password");
        std::fs::write(&file, PASSWORD).unwrap();
        let (data, file) = (folder.join("data"), file.to_str().unwrap().to_owned());
        let data = data.to_str().unwrap();
        let mut arguments = vec!["--data-dir", data, "--identity-admin-email", ADMIN];
        arguments.extend(["--identity-admin-password-file", &file]);
        arguments.extend(more);
        Self::up(&arguments).await
    }

    /// `http://127.0.0.1:port`.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A connection that speaks gRPC.
    pub(crate) async fn channel(&self) -> Channel {
        Endpoint::from_shared(self.url()).unwrap().connect().await.unwrap()
    }

    /// GET, as text.
    pub(crate) async fn get(&self, path: &str) -> (StatusCode, String) {
        get(self.port, path).await
    }

    /// A unary gRPC-Web call, as a browser makes it over HTTP/1.1.
    pub(crate) async fn call_web<A: Message + Default>(&self, path: &str, request: &impl Message) -> A {
        let mut frame = BytesMut::new();
        frame.put_u8(0);
        frame.put_u32(u32::try_from(request.encoded_len()).unwrap());
        request.encode(&mut frame).unwrap();
        let call = Request::post(format!("{}{path}", self.url()))
            .header("content-type", "application/grpc-web+proto")
            .header("x-grpc-web", "1")
            .body(Full::new(frame.freeze()))
            .unwrap();
        let client = Client::builder(TokioExecutor::new()).build_http();
        let answer = client.request(call).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let length = u32::from_be_bytes(body[1..5].try_into().unwrap()) as usize;
        let trailers = String::from_utf8_lossy(&body[5 + length + 5..]);
        assert!(body[0] == 0 && trailers.contains("grpc-status:0"), "{trailers}");
        A::decode(&body[5..5 + length]).unwrap()
    }

    /// Signs in; gives the value for the `authorization` header.
    pub(crate) async fn sign_in(&self, email: &str, password: &str) -> String {
        let request = SignInRequest { email: email.to_owned(), password: password.to_owned() };
        let answer = IdentityServiceClient::new(self.channel().await).sign_in(request).await.unwrap().into_inner();
        format!("Bearer {}", answer.tokens.unwrap().access_token)
    }

    /// Asks it to end; everything must end by itself.
    pub(crate) async fn stop(mut self) -> String {
        let status = self.process.stop(Duration::from_secs(30)).await;
        let output = self.process.output();
        assert!(status.success(), "{status}: {output}");
        output
    }
}

/// GET on a port of this machine, as text.
pub(crate) async fn get(port: u16, path: &str) -> (StatusCode, String) {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let request = Request::get(format!("http://127.0.0.1:{port}{path}")).body(Full::<Bytes>::default()).unwrap();
    let (head, body) = client.request(request).await.unwrap().into_parts();
    (head.status, String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap())
}

/// A request by somebody.
pub(crate) fn by<T>(authorization: &str, message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.metadata_mut().insert("authorization", authorization.parse().unwrap());
    request
}
