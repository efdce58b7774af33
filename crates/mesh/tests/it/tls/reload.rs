//! A folder that changes while it is used.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;

use kvartal_kernel::{ManualClock, SystemClock};
use kvartal_mesh::tls::{BUNDLE_FILE, CERTIFICATE_FILE, Identity, KEY_FILE};
use tokio_util::sync::CancellationToken;

use super::{DAY, HOUR, Installation, SOON, now, reason};

fn load(folder: &Path) -> Result<Identity, kvartal_kernel::Error> {
    Identity::load(folder, Arc::new(SystemClock))
}

#[test]
fn what_peers_would_refuse_is_not_loaded() {
    let (installation, stranger) = (Installation::new(), Installation::new());
    let folder = installation.path("audit");
    assert!(reason(load(&folder)).contains("cannot be read"));
    let issued = installation.authority.issue("audit", DAY, now()).unwrap();
    issued.write(&folder).unwrap();
    load(&folder).unwrap();
    let other = installation.authority.issue("audit", DAY, now()).unwrap();
    let cut = issued.certificate[..issued.certificate.len() / 2].to_owned();
    for (file, content, expected) in [
        (KEY_FILE, other.key.as_str(), "does not belong to"),
        (KEY_FILE, "", "holds no private key"),
        (KEY_FILE, issued.certificate.as_str(), "holds no private key"),
        (CERTIFICATE_FILE, other.certificate.as_str(), "does not belong to"),
        (CERTIFICATE_FILE, cut.as_str(), "is no PEM file"),
        (CERTIFICATE_FILE, "", "holds no certificate"),
        (BUNDLE_FILE, stranger.authority.bundle(), "is not valid for the bundle"),
        (BUNDLE_FILE, "", "holds no certificate"),
    ] {
        let good = fs::read(folder.join(file)).unwrap();
        fs::write(folder.join(file), content).unwrap();
        let error = reason(load(&folder));
        assert!(error.contains(expected), "{file}: {error}");
        fs::write(folder.join(file), good).unwrap();
    }
    load(&folder).unwrap();
    let later = Identity::load(&folder, Arc::new(ManualClock::at(now().plus(DAY * 2))));
    assert!(reason(later).contains("expired"));
    let earlier = Identity::load(&folder, Arc::new(ManualClock::at(now().minus(HOUR))));
    assert!(reason(earlier).contains("not valid"));
}

#[test]
fn a_pair_that_is_half_written_is_tried_again_and_never_replaces_a_good_one() {
    let (installation, stranger) = (Installation::new(), Installation::new());
    let identity = installation.identity("audit");
    let folder = installation.path("audit");
    let first = identity.status();
    assert!(first.error.is_none() && first.loads == 1 && first.left > HOUR * 23);
    assert!(!identity.look(), "nothing has changed");

    let next = installation.authority.issue("audit", DAY, now()).unwrap();
    fs::write(folder.join(KEY_FILE), &next.key).unwrap();
    for _ in 0..3 {
        assert!(!identity.look());
    }
    let between = identity.status();
    assert_eq!((&between.serial, between.failures), (&first.serial, 1), "one content is one failure");
    assert!(between.error.unwrap().contains("does not belong to"));
    fs::remove_file(folder.join(CERTIFICATE_FILE)).unwrap();
    assert!(!identity.look());
    assert_eq!(identity.status().failures, 2);
    fs::write(folder.join(CERTIFICATE_FILE), &next.certificate).unwrap();
    assert!(identity.look());
    let second = identity.status();
    assert!(second.error.is_none() && second.loads == 2 && second.serial != first.serial);

    // Complete, and wrong nevertheless.
    let short = HOUR / 2;
    for (issued, expected) in [
        (installation.authority.issue("incident", DAY, now()).unwrap(), "identity of spiffe://kvartal/incident"),
        (installation.authority.issue("audit", short, now().minus(HOUR)).unwrap(), "expired"),
        (stranger.authority.issue("audit", DAY, now()).unwrap(), ""),
    ] {
        let foreign = expected.is_empty();
        issued.replace(&folder).unwrap();
        if foreign {
            // Complete with its authority it is another installation's, and a mistake that no check can see.
            fs::write(folder.join(BUNDLE_FILE), installation.authority.bundle()).unwrap();
        }
        assert!(!identity.look(), "{expected}");
        let status = identity.status();
        assert!(status.error.as_ref().is_some_and(|error| error.contains(expected)), "{status:?}");
        assert_eq!(status.serial, second.serial);
    }
    next.replace(&folder).unwrap();
    assert!(!identity.look());
    assert_eq!(identity.status().error, None, "what is in use is there again");
}

/// Lays files out as Kubernetes does: `tls.crt` leads through `..data` to a generation.
fn generation(folder: &Path, number: u32, issued: &kvartal_mesh::tls::ca::Issued) {
    let name = format!("..generation-{number}");
    fs::create_dir_all(folder.join(&name)).unwrap();
    for (file, content) in
        [(CERTIFICATE_FILE, &issued.certificate), (KEY_FILE, &issued.key), (BUNDLE_FILE, &issued.bundle)]
    {
        fs::write(folder.join(&name).join(file), content).unwrap();
        let _ = symlink(format!("..data/{file}"), folder.join(file));
    }
    symlink(&name, folder.join("..data_tmp")).unwrap();
    fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
}

#[tokio::test]
async fn the_swap_of_a_mounted_secret_is_seen_by_itself() {
    let installation = Installation::new();
    let folder = installation.path("mounted");
    generation(&folder, 1, &installation.authority.issue("audit", DAY, now()).unwrap());
    let identity = load(&folder).unwrap();
    let (stop, first) = (CancellationToken::new(), identity.status().serial);
    let running = tokio::spawn(identity.clone().run(stop.clone()));
    generation(&folder, 2, &installation.authority.issue("audit", DAY, now()).unwrap());
    tokio::time::timeout(SOON, async {
        while identity.status().serial == first {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
    fs::remove_dir_all(folder.join("..generation-1")).unwrap();
    assert!(!identity.look() && identity.status().error.is_none());
    stop.cancel();
    running.await.unwrap();
}

#[test]
fn keys_are_not_shown() {
    let installation = Installation::new();
    let issued = installation.authority.issue("audit", DAY, now()).unwrap();
    let identity = installation.identity("audit");
    let shown = format!(
        "{issued:?} {:?} {identity:?} {:?} {:?} {:?}",
        installation.authority,
        identity.status(),
        identity.client_config("incident").unwrap(),
        identity.server_config().unwrap()
    );
    assert!(shown.contains("spiffe://kvartal/audit"), "{shown}");
    let secret = issued.key.lines().nth(1).unwrap();
    assert!(!shown.contains(secret) && !shown.contains("PRIVATE"), "{shown}");
}
