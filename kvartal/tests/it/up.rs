//! `kvartal up` without the demo.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use kvartal_proto::identity::v1::identity_service_client::IdentityServiceClient;
use kvartal_proto::identity::v1::{GetJwksRequest, GetJwksResponse};
use kvartal_proto::incident::v1::report_service_client::ReportServiceClient;
use kvartal_proto::incident::v1::{ListCategoriesRequest, PutCategoryRequest};
use kvartal_testing::Process;
use nix::sys::signal::Signal;

use crate::platform::{ADMIN, PASSWORD, PATIENCE, Platform, by, kvartal};

#[tokio::test(flavor = "multi_thread")]
async fn up_prints_its_addresses_and_answers_every_protocol_on_one_port() {
    let platform = Platform::up(&[]).await;
    let output = platform.process.output();
    for told in ["App", "/start", "gRPC", "/healthz", "/metrics", "grpcurl -plaintext", "Ctrl-C stops"] {
        assert!(output.contains(told), "{told} is missing in:\n{output}");
    }
    assert!(output.contains(&format!("http://localhost:{}", platform.port)), "{output}");
    assert!(!output.contains('\u{1b}'), "no colour into files:\n{output}");

    let grpc = IdentityServiceClient::new(platform.channel().await).get_jwks(GetJwksRequest {}).await.unwrap();
    let path = "/kvartal.identity.v1.IdentityService/GetJwks";
    let web: GetJwksResponse = platform.call_web(path, &GetJwksRequest {}).await;
    assert_eq!(web, grpc.into_inner());

    let (status, page) = platform.get("/start?lang=en").await;
    assert!(status == 200 && page.contains("All services are up"), "{status}\n{page}");
    let (status, health) = platform.get("/healthz").await;
    assert!(status == 200 && health.contains("\"ready\""), "{health}");
    for path in [
        "/metrics",
        "/.well-known/jwks.json",
        "/open311/v2/services.json",
        "/wzdx/v4.2/work-zones.geojson",
        "/_dev/mail",
    ] {
        assert_eq!(platform.get(path).await.0, 200, "{path}");
    }
    platform.stop().await;
}

/// The folder that the output names.
fn temporary_folder(output: &str) -> PathBuf {
    let line = output.lines().find_map(|line| line.split_once("temporary: ")).expect("the folder is named").1;
    PathBuf::from(line.split_whitespace().next().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_drains_deletes_temporary_data_and_exits_0() {
    let mut platform = Platform::up(&[]).await;
    let folder = temporary_folder(&platform.process.output());
    assert!(folder.join("identity.sqlite").exists());
    platform.process.signal(Signal::SIGINT);
    let status = platform.process.wait(Duration::from_secs(30)).await;
    let output = platform.process.output();
    assert_eq!(status.code(), Some(0), "{output}");
    assert!(output.contains("Ctrl-C: stopping") && output.contains("temporary data deleted"), "{output}");
    assert!(!folder.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_ctrl_c_quits_at_once() {
    let mut platform = Platform::up(&["--shutdown-grace", "60s"]).await;
    // A request whose body does not come: it would be waited for.
    let mut slow = TcpStream::connect(("127.0.0.1", platform.port)).unwrap();
    let head = "POST /open311/v2/requests.json HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\
                content-type: application/x-www-form-urlencoded\r\n\r\n";
    slow.write_all(head.as_bytes()).unwrap();
    // It is asked for when somebody waits for it.
    let mut asked = [0; 12];
    slow.set_read_timeout(Some(PATIENCE)).unwrap();
    slow.read_exact(&mut asked).unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100");
    platform.process.signal(Signal::SIGINT);
    platform.process.wait_for_line("again to quit at once", PATIENCE).await;
    platform.process.signal(Signal::SIGINT);
    let status = platform.process.wait(Duration::from_secs(10)).await;
    assert_eq!(status.code(), Some(130), "{}", platform.process.output());
    drop(slow);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_explained_when_it_was_asked_for() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut process = Process::spawn(kvartal(&["up", "--port", &port.to_string()]));
    let status = process.wait(PATIENCE).await;
    let output = process.output();
    assert_eq!(status.code(), Some(1));
    assert!(output.contains(&format!("port {port} is taken by")), "{output}");
    assert!(output.contains("--port"), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn data_is_kept_with_a_data_folder() {
    let folder = tempfile::tempdir().unwrap();
    let platform = Platform::with_admin(folder.path()).await;
    let admin = platform.sign_in(ADMIN, PASSWORD).await;
    let category = PutCategoryRequest {
        category_id: "volcano".to_owned(),
        name_ru: "Вулкан".to_owned(),
        name_en: "Volcano".to_owned(),
        group: "other".to_owned(),
        ..PutCategoryRequest::default()
    };
    ReportServiceClient::new(platform.channel().await).put_category(by(&admin, category)).await.unwrap();
    let output = platform.stop().await;
    assert!(!output.contains("deleted"), "{output}");

    let platform = Platform::with_admin(folder.path()).await;
    let answer = ReportServiceClient::new(platform.channel().await).list_categories(ListCategoriesRequest {}).await;
    let categories = answer.unwrap().into_inner().categories;
    assert!(categories.iter().any(|category| category.category_id == "volcano"));
    platform.stop().await;
}
