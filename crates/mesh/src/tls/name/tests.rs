//! Names that are names, and many that only look like it.

use proptest::prelude::*;

use super::Name;

#[test]
fn a_name_is_read_as_it_is_written() {
    let name = Name::parse("spiffe://kvartal/traffic-analytics").unwrap();
    assert_eq!((name.trust_domain(), name.service()), ("kvartal", "traffic-analytics"));
    assert_eq!(name.to_string(), "spiffe://kvartal/traffic-analytics");
    assert_eq!(Name::parse("spiffe://city-1.example_x/a").unwrap().trust_domain(), "city-1.example_x");
    assert_eq!(Name::new("kvartal", &"a".repeat(63)).unwrap().service().len(), 63);
}

#[test]
fn whatever_is_not_exactly_a_name_is_refused() {
    for uri in [
        "",
        "spiffe://",
        "spiffe:///audit",
        "spiffe://kvartal",
        "spiffe://kvartal/",
        "spiffe://kvartal//audit",
        "spiffe://kvartal/audit/",
        "spiffe://kvartal/ns/default/sa/audit",
        "spiffe://kvartal/./audit",
        "spiffe://kvartal/../audit",
        "spiffe://kvartal/audit?x=y",
        "spiffe://kvartal/audit#x",
        "spiffe://kvartal/%61udit",
        "spiffe://kvartal/Audit",
        "spiffe://kvartal/audit ",
        "spiffe://kvartal/1audit",
        "spiffe://kvartal/audit-",
        "spiffe://kvartal/audit\0",
        "spiffe://Kvartal/audit",
        "spiffe://kvartal:443/audit",
        "spiffe://user@kvartal/audit",
        "SPIFFE://kvartal/audit",
        "https://kvartal/audit",
        "kvartal/audit",
    ] {
        assert!(Name::parse(uri).is_err(), "{uri:?}");
    }
    assert!(Name::new("kvartal", &"a".repeat(64)).is_err());
    assert!(Name::new(&"a".repeat(256), "audit").is_err());
}

proptest! {
    #[test]
    fn every_name_survives_its_text(domain in "[a-z0-9._-]{1,40}", service in "[a-z]([a-z0-9-]{0,20}[a-z0-9])?") {
        let name = Name::new(&domain, &service).unwrap();
        prop_assert_eq!(Name::parse(&name.to_string()).unwrap(), name);
    }

    #[test]
    fn no_text_or_certificate_makes_it_panic(text in ".*", bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Name::parse(&text);
        prop_assert!(Name::of_certificate(&bytes).is_err());
    }
}
