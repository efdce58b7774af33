//! The containers that carry backups to an S3-compatible store and back, as the Jobs run them.

use std::path::Path;
use std::process::Output;

use kvartal_testing::S3;
use tempfile::TempDir;

const FIRST: &str = "20261126t030000z";

/// A store, and how a Job signs in.
struct Place {
    store: S3,
    credentials: TempDir,
}

impl Place {
    async fn new() -> Self {
        let credentials = tempfile::tempdir().unwrap();
        // As people write files: with an end of line.
        std::fs::write(credentials.path().join("accessKeyId"), format!("{}\n", S3::ACCESS_KEY_ID)).unwrap();
        std::fs::write(credentials.path().join("secretAccessKey"), S3::SECRET_ACCESS_KEY).unwrap();
        Self { store: S3::start("127.0.0.1:0").await, credentials }
    }

    async fn run(&self, verb: &str, backups: &Path, name: &str) -> Output {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_kvartal-operator"));
        command.args(["store", verb]).env_clear();
        command
            .env("STORE_ENDPOINT", self.store.url())
            .env("STORE_BUCKET", S3::BUCKET)
            .env("STORE_PREFIX", "city/news");
        command.env("STORE_CREDENTIALS", self.credentials.path()).env("BACKUPS", backups);
        if verb == "push" {
            command.env("KEEP", "2");
        }
        command.env("NAME", name).output().await.unwrap()
    }

    async fn carry(&self, verb: &str, backups: &Path, name: &str) -> Result<(), String> {
        let output = self.run(verb, backups, name).await;
        if output.status.success() { Ok(()) } else { Err(String::from_utf8(output.stderr).unwrap()) }
    }

    fn objects(&self) -> Vec<String> {
        self.store.objects("city/news")
    }
}

/// A backup as the script leaves it; its dump is larger than one part of an upload.
fn backup(name: &str, size: usize) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let dump: Vec<u8> = (0..size).map(|n| u8::try_from(n % 251).unwrap()).collect();
    for (end, content) in [("dump", dump.as_slice()), ("sha256", b"a sum\n"), ("content", b"public.posts 3 7\n")] {
        std::fs::write(folder.path().join(format!("{name}.{end}")), content).unwrap();
    }
    folder
}

#[tokio::test]
async fn a_backup_comes_back_from_the_store_as_it_was() {
    let place = Place::new().await;
    let made = backup(FIRST, 40_000_000);
    place.carry("push", made.path(), FIRST).await.unwrap();
    for name in [FIRST, ""] {
        let back = tempfile::tempdir().unwrap();
        place.carry("pull", back.path(), name).await.unwrap();
        for end in ["dump", "sha256", "content"] {
            let file = format!("{FIRST}.{end}");
            assert!(
                std::fs::read(back.path().join(&file)).unwrap() == std::fs::read(made.path().join(&file)).unwrap(),
                "{file} is another one"
            );
        }
    }
}

#[tokio::test]
async fn old_backups_go_from_the_store_but_never_the_newest_that_was_checked() {
    let place = Place::new().await;
    let first = backup(FIRST, 100);
    place.carry("push", first.path(), FIRST).await.unwrap();
    std::fs::write(first.path().join(format!("{FIRST}.verified")), "").unwrap();
    place.carry("mark", first.path(), FIRST).await.unwrap();
    for day in 27..31 {
        let name = format!("202611{day}t030000z");
        place.carry("push", backup(&name, 100).path(), &name).await.unwrap();
    }
    let dumps: Vec<_> =
        place.objects().into_iter().filter(|name| name.ends_with("dump") || name.ends_with("verified")).collect();
    let expected =
        ["20261126t030000z.dump", "20261126t030000z.verified", "20261129t030000z.dump", "20261130t030000z.dump"];
    assert_eq!(dumps, expected);
    assert_eq!(place.objects().len(), 10, "{:?}", place.objects());
}

#[tokio::test]
async fn what_is_wrong_with_a_store_is_said_and_nothing_is_half_there() {
    let place = Place::new().await;
    let folder = tempfile::tempdir().unwrap();
    let error = place.carry("pull", folder.path(), FIRST).await.unwrap_err();
    assert!(error.contains("there is no such backup"), "{error}");
    let error = place.carry("pull", folder.path(), "").await.unwrap_err();
    assert!(error.contains("there is no backup"), "{error}");
    // The script that makes the dump did not get that far.
    let half = backup(FIRST, 100);
    std::fs::remove_file(half.path().join(format!("{FIRST}.dump"))).unwrap();
    let error = place.carry("push", half.path(), FIRST).await.unwrap_err();
    assert!(error.contains(&format!("{FIRST}.dump")), "{error}");
    assert!(!place.objects().contains(&format!("{FIRST}.dump")));
    let error = place.carry("pull", folder.path(), "").await.unwrap_err();
    assert!(error.contains("there is no backup"), "what is half there is none: {error}");

    std::fs::write(place.credentials.path().join("secretAccessKey"), "another").unwrap();
    let error = place.carry("push", backup(FIRST, 100).path(), FIRST).await.unwrap_err();
    assert!(error.contains("SignatureDoesNotMatch") && !error.contains("another"), "{error}");
    std::fs::remove_file(place.credentials.path().join("secretAccessKey")).unwrap();
    let error = place.carry("push", backup(FIRST, 100).path(), FIRST).await.unwrap_err();
    assert!(error.contains("the Secret of the store has no secretAccessKey"), "{error}");
}
