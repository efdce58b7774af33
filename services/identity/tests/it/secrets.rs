//! What grants power never reaches the log, however much is logged.

use std::process::Command;
use std::time::Duration;

use kvartal_proto::identity::v1 as pb;
use kvartal_testing::Process;

use crate::world::{ADMIN, PASSWORD, Place, credentials, registration};

/// The secrets of this story begin with a word that is nowhere else.
const PASSWORDS: [&str; 4] = ["canary-one-1234", "canary-two-1234", "canary-three-1", "canary-wrong-1"];
/// Printed in front of the generated secrets, in pieces that no search for the whole finds.
const MARK: &str = "secret in pieces:";

#[tokio::test(flavor = "multi_thread")]
async fn a_story_full_of_secrets() {
    let mut place = Place::embedded();
    place.config.log = "trace,sqlx=trace,sea_orm=trace,h2=trace,hyper=trace,tonic=trace,tower=trace".to_owned();
    let world = place.start().await;
    let mut secrets = Vec::new();
    let email = "anna@city.example";
    let [one, two, three, wrong] = PASSWORDS;

    world.stranger().register(pb::RegisterRequest { password: one.to_owned(), ..registration(email) }).await.unwrap();
    let mail = world.confirmation_mail(email).await;
    secrets.push(mail.token.clone());
    world.stranger().confirm_email(pb::ConfirmEmailRequest { token: mail.token }).await.unwrap();
    world.stranger().sign_in(credentials(email, wrong)).await.unwrap_err();
    let tokens = world.stranger().sign_in(credentials(email, one)).await.unwrap().into_inner().tokens.unwrap();
    let renewed = world.refresh(&tokens.refresh_token).await.unwrap();
    let mut anna = world.with_token(&renewed.access_token);
    let change = pb::ChangePasswordRequest { current_password: one.to_owned(), new_password: two.to_owned() };
    anna.change_password(change).await.unwrap();
    world.refresh(&tokens.refresh_token).await.unwrap_err();
    let request = pb::RequestPasswordResetRequest { email: email.to_owned() };
    world.stranger().request_password_reset(request).await.unwrap();
    let mail = world.reset_mail(email).await;
    secrets.push(mail.token.clone());
    let reset = pb::ResetPasswordRequest { token: mail.token, new_password: three.to_owned() };
    world.stranger().reset_password(reset).await.unwrap();
    for pair in [tokens, renewed] {
        secrets.extend([pair.access_token, pair.refresh_token]);
    }
    let mut admin = world.admin().await;
    let request = pb::CreateMachineClientRequest { display_name: "Feed".to_owned(), roles: Vec::new() };
    let created = admin.create_machine_client(request).await.unwrap().into_inner();
    let issue = pb::IssueClientTokenRequest {
        client_id: created.machine_client.unwrap().client_id,
        client_secret: created.client_secret.clone(),
    };
    let issued = world.stranger().issue_client_token(issue).await.unwrap().into_inner();
    secrets.extend([created.client_secret, issued.access_token]);
    admin.rotate_signing_key(pb::RotateSigningKeyRequest {}).await.unwrap();
    secrets.push(std::fs::read_to_string(place.data_dir().join("identity-master.key")).unwrap());
    drop((anna, admin));
    world.stop().await;
    for secret in secrets {
        let pieces: Vec<String> = secret.chars().map(String::from).collect();
        println!("{MARK} {}", pieces.join(" "));
    }
}

/// Runs the story above in a process of its own, where everything is logged, and searches what it wrote.
#[tokio::test]
async fn no_secret_reaches_the_log() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "secrets::a_story_full_of_secrets", "--nocapture"]);
    let mut story = Process::spawn(command);
    let status = story.wait(Duration::from_secs(120)).await;
    let output = story.output();
    assert!(status.success(), "{output}");
    let secrets: Vec<String> = output
        .lines()
        .filter_map(|line| line.split_once(MARK))
        .map(|(_, pieces)| pieces.split_whitespace().collect())
        .collect();
    assert_eq!(secrets.len(), 9);
    assert!(output.contains("migration applied"), "what is logged is seen here:\n{output}");
    for secret in secrets.iter().map(String::as_str).chain(PASSWORDS).chain([PASSWORD]) {
        assert!(!output.contains(secret), "{secret} was logged");
    }
    for personal in ["anna@city.example", ADMIN, "Anna Petrova"] {
        assert!(!output.contains(personal), "{personal} was logged");
    }
}
