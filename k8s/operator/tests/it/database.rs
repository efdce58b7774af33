//! Owners and users.

use kvartal_operator::database::Retired;

use crate::server::{Postgres, password};

#[tokio::test]
async fn users_take_turns_and_what_they_make_belongs_to_all() {
    let postgres = Postgres::start().await;
    let server = postgres.seen("news");
    server.provision("news_a", &password()).await.unwrap();
    postgres.sql("news_a", "news", "CREATE TABLE posts (title text)").unwrap();
    // As often as anybody likes.
    server.provision("news_a", &password()).await.unwrap();

    server.provision("news_b", &password()).await.unwrap();
    postgres.sql("news_b", "news", "ALTER TABLE posts ADD COLUMN body text").unwrap();
    postgres.sql("news_a", "news", "INSERT INTO posts VALUES ('first', '')").unwrap();
    let owner = postgres.sql("news_b", "news", "SELECT tableowner FROM pg_tables WHERE tablename = 'posts'");
    assert_eq!(owner.as_deref(), Ok("news"));

    assert_eq!(server.retire("news_a").await.unwrap(), Retired::Yes);
    assert!(postgres.sql("news_a", "news", "SELECT 1").unwrap_err().contains("not permitted to log in"));
    assert_eq!(postgres.sql("news_b", "news", "SELECT count(*) FROM posts").as_deref(), Ok("1"));
    // Its next turn.
    server.provision("news_a", &password()).await.unwrap();
    assert_eq!(postgres.sql("news_a", "news", "SELECT count(*) FROM posts").as_deref(), Ok("1"));
}

#[tokio::test]
async fn a_user_with_sessions_is_not_retired_and_the_owner_cannot_sign_in() {
    let postgres = Postgres::start().await;
    let server = postgres.seen("news");
    server.provision("news_a", &password()).await.unwrap();
    let mut session = std::process::Command::new("psql");
    session.args(["-X", "-q", "-d", &format!("postgres://news_a@{}/news", postgres.address)]);
    let mut session = session.stdin(std::process::Stdio::piped()).spawn().unwrap();
    let sessions =
        || postgres.sql("postgres", "postgres", "SELECT count(*) FROM pg_stat_activity WHERE usename = 'news_a'");
    kvartal_testing::eventually(std::time::Duration::from_secs(10), || async { sessions().as_deref() == Ok("1") })
        .await;
    assert_eq!(server.retire("news_a").await.unwrap(), Retired::Sessions(1));
    drop(session.stdin.take());
    session.wait().unwrap();
    kvartal_testing::eventually(std::time::Duration::from_secs(10), || async { sessions().as_deref() == Ok("0") })
        .await;
    assert_eq!(server.retire("news_a").await.unwrap(), Retired::Yes);
    assert!(postgres.sql("news", "news", "SELECT 1").unwrap_err().contains("not permitted to log in"));
}

#[tokio::test]
async fn other_databases_of_a_server_are_closed_to_its_users() {
    let postgres = Postgres::start().await;
    postgres.seen("news").provision("news_a", &password()).await.unwrap();
    postgres.seen("chat").provision("chat_a", &password()).await.unwrap();
    assert!(postgres.sql("news_a", "chat", "SELECT 1").unwrap_err().contains("permission denied"));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_that_names_it() {
    let postgres = Postgres::start().await;
    let server = postgres.seen("news");
    let address = postgres.address.clone();
    drop(postgres);
    let error = format!("{:#}", server.provision("news_a", &password()).await.unwrap_err());
    assert!(error.contains(&address), "{error}");
}
