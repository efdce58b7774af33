//! What the authority makes, writes and refuses.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kvartal_kernel::{ManualClock, Timestamp};
use rcgen::{CertificateParams, KeyPair};

use super::{Authority, uri};
use crate::tls::{Identity, Name};

const NOW: Timestamp = Timestamp(1_800_000_000_000_000);
const HOUR: Duration = Duration::from_secs(3_600);

fn authority(folder: &Path) -> Authority {
    Authority::create(folder, "kvartal", HOUR * 100, NOW).unwrap()
}

#[test]
fn what_is_issued_is_an_identity_and_only_its_owner_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let (ca, service) = (folder.path().join("ca"), folder.path().join("tls/audit"));
    authority(&ca);
    // As a later run of the program finds it.
    let authority = Authority::open(&ca).unwrap();
    assert_eq!(authority.trust_domain(), "kvartal");
    authority.issue("audit", HOUR * 24, NOW).unwrap().write(&service).unwrap();
    let identity = Identity::load(&service, Arc::new(ManualClock::at(NOW))).unwrap();
    assert_eq!(identity.name().to_string(), "spiffe://kvartal/audit");
    assert_eq!(identity.status().left, HOUR * 24);
    for file in [ca.join("ca.key"), ca.join("ca.crt"), service.join("tls.key"), service.join("tls.crt")] {
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
    }
    for folder in [&ca, &service] {
        assert_eq!(fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700, "{}", folder.display());
    }
}

#[test]
fn keys_are_not_overwritten_unless_they_are_to_be_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let (ca, service) = (folder.path().join("ca"), folder.path().join("audit"));
    let first = authority(&ca);
    let before = fs::read(ca.join("ca.key")).unwrap();
    let error = Authority::create(&ca, "kvartal", HOUR, NOW).unwrap_err();
    assert!(error.message().contains("not overwritten"), "{error}");
    assert_eq!(fs::read(ca.join("ca.key")).unwrap(), before);
    first.issue("audit", HOUR, NOW).unwrap().write(&service).unwrap();
    let before = fs::read(service.join("tls.key")).unwrap();
    assert!(first.issue("audit", HOUR, NOW).unwrap().write(&service).is_err());
    assert_eq!(fs::read(service.join("tls.key")).unwrap(), before);
    first.issue("audit", HOUR, NOW).unwrap().replace(&service).unwrap();
    assert_ne!(fs::read(service.join("tls.key")).unwrap(), before);
    assert_eq!(fs::read_dir(&service).unwrap().count(), 3, "nothing is left over");
}

#[test]
fn half_of_a_life_another_bundle_or_another_authority_makes_it_due() {
    let folder = tempfile::tempdir().unwrap();
    let (ca, next, service) = (folder.path().join("ca"), folder.path().join("next"), folder.path().join("audit"));
    let old = authority(&ca);
    old.issue("audit", HOUR * 24, NOW).unwrap().write(&service).unwrap();
    let due = |authority: &Authority, hours: u32| authority.look(&service, NOW.plus(HOUR * hours)).unwrap().due;
    assert_eq!(old.look(&service, NOW).unwrap().name.service(), "audit");
    assert!(!due(&old, 0) && !due(&old, 11));
    assert!(due(&old, 12) && due(&old, 100));
    // The exchange of the authority, as `kvartal help ca renew` tells it.
    let both = format!("{}{}", old.bundle(), authority(&next).bundle());
    fs::write(ca.join("ca.crt"), &both).unwrap();
    let old = Authority::open(&ca).unwrap();
    assert!(due(&old, 0));
    old.issue("audit", HOUR * 24, NOW).unwrap().replace(&service).unwrap();
    assert!(!due(&old, 0));
    fs::write(next.join("ca.crt"), &both).unwrap();
    let next = Authority::open(&next).unwrap();
    assert!(due(&next, 0), "the same bundle, and another authority");
    next.issue("audit", HOUR * 24, NOW).unwrap().replace(&service).unwrap();
    assert!(!due(&next, 0));
}

#[test]
fn nothing_outlives_its_authority() {
    let folder = tempfile::tempdir().unwrap();
    let authority = authority(folder.path());
    let issued = authority.issue("audit", HOUR * 1_000, NOW.plus(HOUR * 99)).unwrap();
    assert_eq!(issued.expires, authority.expires());
    let error = authority.issue("audit", HOUR, NOW.plus(HOUR * 100)).unwrap_err();
    assert!(error.message().contains("ended"), "{error}");
    assert!(authority.issue("Audit", HOUR, NOW).is_err());
    assert!(Authority::create(&folder.path().join("x"), "Kvartal", HOUR, NOW).is_err());
}

#[test]
fn an_authority_knows_its_own_certificate_among_others() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    let other = authority(&old);
    let bundle = format!("{}{}", other.bundle(), authority(&new).bundle());
    fs::write(new.join("ca.crt"), &bundle).unwrap();
    let authority = Authority::open(&new).unwrap();
    authority.issue("audit", HOUR, NOW).unwrap().write(&folder.path().join("audit")).unwrap();
    Identity::load(folder.path().join("audit"), Arc::new(ManualClock::at(NOW))).unwrap();
    fs::write(new.join("ca.crt"), other.bundle()).unwrap();
    assert!(Authority::open(&new).unwrap_err().message().contains("no certificate for"));
}

#[test]
fn a_certificate_has_exactly_one_uri() {
    let named = |uris: &[&str]| {
        let mut params = CertificateParams::default();
        params.subject_alt_names = uris.iter().map(|text| uri(text).unwrap()).collect();
        params.self_signed(&KeyPair::generate().unwrap()).unwrap()
    };
    let one = "spiffe://kvartal/audit";
    assert_eq!(Name::of_certificate(named(&[one]).der()).unwrap().service(), "audit");
    for uris in [&[][..], &[one, one], &[one, "spiffe://kvartal/gateway"], &["https://kvartal/audit"]] {
        assert!(Name::of_certificate(named(uris).der()).is_err(), "{uris:?}");
    }
}
