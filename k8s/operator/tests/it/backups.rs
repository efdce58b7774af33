//! The scripts of the Jobs, run as the Jobs run them: made, checked, damaged, restored.

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use kvartal_operator::backup::Kind;
use kvartal_operator::backup::pod::script;
use serde_json::Value;

use crate::server::{Postgres, password};

/// A volume for backups, and a server with something in it.
struct Place {
    postgres: Postgres,
    folder: tempfile::TempDir,
}

impl Place {
    async fn new() -> Self {
        let postgres = Postgres::start().await;
        postgres.seen("news").provision("news_a", &password()).await.unwrap();
        let statements = "
            CREATE TABLE posts (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, title text NOT NULL, at timestamptz, size float8, tags text[], body jsonb);
            INSERT INTO posts (title, at, size, tags, body)
              SELECT 'новость ' || n, '2026-11-26T03:00:00Z'::timestamptz + n * interval '1 hour', n / 7.0, ARRAY['a', n::text], jsonb_build_object('n', n)
              FROM generate_series(1, 2000) n;
            CREATE TABLE readings (at timestamptz NOT NULL, value float8) PARTITION BY RANGE (at);
            CREATE TABLE readings_november PARTITION OF readings FOR VALUES FROM ('2026-11-01') TO ('2026-12-01');
            INSERT INTO readings SELECT '2026-11-01T00:00:00Z'::timestamptz + n * interval '1 minute', n FROM generate_series(0, 999) n;
            CREATE TABLE empty (nothing int);
            CREATE SCHEMA \"odd name\"; CREATE TABLE \"odd name\".\"ta'ble\" (x bytea); INSERT INTO \"odd name\".\"ta'ble\" VALUES ('\\x00ff');";
        postgres.sql("news_a", "news", statements).unwrap();
        let folder = tempfile::tempdir().unwrap();
        for name in ["backups", "scratch", "credentials"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        std::fs::write(folder.path().join("credentials/superuser-password"), "anything").unwrap();
        let place = Self { postgres, folder };
        place.give_away(place.folder.path());
        place
    }

    /// PostgreSQL does not run as root, and neither do the Jobs.
    fn give_away(&self, path: &Path) {
        let Some((uid, gid)) = user() else { return };
        chown(path, Some(uid), Some(gid)).unwrap();
        if path.is_dir() {
            for entry in std::fs::read_dir(path).unwrap() {
                self.give_away(&entry.unwrap().path());
            }
        }
    }

    fn backups(&self) -> PathBuf {
        self.folder.path().join("backups")
    }

    /// Runs a Job; what it told.
    fn job(&self, kind: Kind, name: &str, database: &str) -> Result<Value, String> {
        let at = |name: &str| self.folder.path().join(name);
        let own_tmp = tempfile::tempdir_in(self.folder.path()).unwrap();
        std::fs::set_permissions(own_tmp.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        let told = own_tmp.path().join("told");
        let (host, port) = self.postgres.address.split_once(':').unwrap();
        // In its container it has /tmp to itself.
        let script = script(kind).replace("/tmp/", &format!("{}/", own_tmp.path().display()));
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &script]).env_clear().current_dir(own_tmp.path());
        command.env("PATH", "/usr/lib/postgresql/15/bin:/usr/bin:/bin");
        command.envs([("NAME", name), ("DATABASE", database), ("OWNER", database), ("HOST", host), ("KEEP", "2")]);
        command.env("DATABASE_PORT", port).env("BACKUPS", self.backups()).env("SCRATCH", at("scratch"));
        command.env("CREDENTIALS", at("credentials")).env("TERMINATION", &told);
        if let Some((uid, gid)) = user() {
            command.uid(uid).gid(gid);
        }
        let output = command.output().unwrap();
        let text = std::fs::read_to_string(&told).unwrap_or_else(|_| {
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
        });
        if output.status.success() { Ok(serde_json::from_str(&text).unwrap()) } else { Err(text) }
    }
}

fn user() -> Option<(u32, u32)> {
    let root = nix::unistd::geteuid().is_root();
    let user = nix::unistd::User::from_name("postgres").unwrap().unwrap();
    root.then(|| (user.uid.as_raw(), user.gid.as_raw()))
}

const FIRST: &str = "20261126t030000z";

#[tokio::test]
async fn a_backup_is_made_checked_and_restored_into_a_new_database() {
    let place = Place::new().await;
    let made = place.job(Kind::Backup, FIRST, "news").unwrap();
    assert_eq!((&made["name"], &made["tables"], &made["rows"]), (&FIRST.into(), &4.into(), &3001.into()));
    // What is written after it is not in it, and does not trouble its check.
    place.postgres.sql("news_a", "news", "DELETE FROM posts WHERE id > 10").unwrap();
    let checked = place.job(Kind::Verify, FIRST, "news").unwrap();
    assert_eq!(checked["rows"], 3001);

    place.postgres.seen("copy").provision("copy_a", &password()).await.unwrap();
    let restored = place.job(Kind::Restore, "", "copy").unwrap();
    assert_eq!((&restored["name"], &restored["rows"]), (&FIRST.into(), &3001.into()));
    let count = "SELECT count(*) || ' ' || min(title) FROM posts";
    assert_eq!(place.postgres.sql("copy_a", "copy", count).as_deref(), Ok("2000 новость 1"));
    place.postgres.sql("copy_a", "copy", "ALTER TABLE posts ADD COLUMN more text").unwrap();
    // A Job that is started again finds what it has done.
    place.postgres.sql("copy_a", "copy", "ALTER TABLE posts DROP COLUMN more").unwrap();
    place.job(Kind::Restore, FIRST, "copy").unwrap();
}

#[tokio::test]
async fn a_restore_never_writes_over_data() {
    let place = Place::new().await;
    place.job(Kind::Backup, FIRST, "news").unwrap();
    place.postgres.sql("news_a", "news", "UPDATE posts SET title = 'mine' WHERE id = 1").unwrap();
    let refused = place.job(Kind::Restore, FIRST, "news").unwrap_err();
    assert!(refused.contains("is left as it is"), "{refused}");
    assert_eq!(place.postgres.sql("news_a", "news", "SELECT title FROM posts WHERE id = 1").as_deref(), Ok("mine"));
}

#[tokio::test]
async fn every_damage_to_a_backup_is_found() {
    let place = Place::new().await;
    place.job(Kind::Backup, FIRST, "news").unwrap();
    let dump = place.backups().join(format!("{FIRST}.dump"));
    let whole = std::fs::read(&dump).unwrap();
    for part in 0..18 {
        let mut damaged = whole.clone();
        let at = whole.len() * part / 18;
        damaged[at] ^= 0x10;
        std::fs::write(&dump, &damaged).unwrap();
        let told = place.job(Kind::Verify, FIRST, "news").unwrap_err();
        assert!(told.contains("is damaged"), "byte {at}: {told}");
    }
    std::fs::write(&dump, &whole[..whole.len() / 2]).unwrap();
    assert!(place.job(Kind::Verify, FIRST, "news").unwrap_err().contains("is damaged"));
    // One that is whole, of something else: its checksum fits, its content does not.
    std::fs::write(&dump, &whole).unwrap();
    let content = place.backups().join(format!("{FIRST}.content"));
    let other = std::fs::read_to_string(&content).unwrap().replace("public.posts 2000", "public.posts 2001");
    std::fs::write(&content, other).unwrap();
    let told = place.job(Kind::Verify, FIRST, "news").unwrap_err();
    assert!(told.contains("differs from what was there"), "{told}");
    assert!(!place.backups().join(format!("{FIRST}.verified")).exists());
}

#[tokio::test]
async fn old_backups_go_but_never_the_newest_that_was_checked() {
    let place = Place::new().await;
    place.job(Kind::Backup, FIRST, "news").unwrap();
    place.job(Kind::Verify, FIRST, "news").unwrap();
    std::fs::write(place.backups().join("20261127t030000z.dump.part"), "cut short").unwrap();
    for day in 27..31 {
        place.job(Kind::Backup, &format!("202611{day}t030000z"), "news").unwrap();
    }
    let mut names: Vec<String> = std::fs::read_dir(place.backups())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let dumps: Vec<&String> =
        names.iter().filter(|name| !name.ends_with(".content") && !name.ends_with(".sha256")).collect();
    assert_eq!(
        dumps,
        ["20261126t030000z.dump", "20261126t030000z.verified", "20261129t030000z.dump", "20261130t030000z.dump"]
    );
}

#[tokio::test]
async fn a_backup_that_cannot_be_made_says_why_and_leaves_none() {
    let place = Place::new().await;
    let told = place.job(Kind::Backup, FIRST, "nowhere").unwrap_err();
    assert!(told.contains("nowhere"), "{told}");
    assert!(!place.backups().join(format!("{FIRST}.dump")).exists());
    assert!(place.job(Kind::Restore, "", "news").unwrap_err().contains("there is no backup"));
    assert!(place.job(Kind::Verify, FIRST, "news").unwrap_err().contains("there is no such backup"));
}
