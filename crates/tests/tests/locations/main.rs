//! The reader of location databases: what it finds in files that the tests write, and that no file makes it fail later than at reading.

use std::net::IpAddr;
use std::path::PathBuf;

use doorward_domain::{Location, Locations as _, Point};
use doorward_locations::{Edition, LocationDatabase};
use doorward_tests::mmdb::mmdb;
use serde_json::{Value, json};
use tempfile::TempDir;

const BUILT_AT_S: u64 = 1_790_000_000;

struct File {
    _folder: TempDir,
    path: PathBuf,
}

impl File {
    fn holding(bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = Self { path: folder.path().join("places.mmdb"), _folder: folder };
        file.put(bytes);
        file
    }

    fn put(&self, bytes: &[u8]) {
        std::fs::write(&self.path, bytes).expect("written");
    }

    fn fault(&self) -> Option<String> {
        Edition::read(&self.path).err().map(|error| error.to_string())
    }
}

fn open(networks: &[(&str, Value)]) -> (LocationDatabase, File) {
    let file = File::holding(&mmdb("Test-City", BUILT_AT_S, 24, networks));
    (LocationDatabase::open(&file.path).expect("a whole file"), file)
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn country(code: &str) -> Value {
    json!({ "country": { "iso_code": code } })
}

fn code(database: &LocationDatabase, address: &str) -> Option<String> {
    database.find(ip(address)).and_then(|place| place.country)
}

#[test]
fn the_narrowest_network_of_an_address_counts_in_every_size_of_record() {
    let networks = [
        ("192.0.2.0/24", country("AT")),
        ("192.0.2.128/25", country("DE")),
        ("192.0.2.130/32", country("CH")),
        ("2001:db8::/32", country("FR")),
        ("2001:db8:1::/48", country("IT")),
    ];
    for bits in [24, 28, 32] {
        let file = File::holding(&mmdb("Test-Country", BUILT_AT_S, bits, &networks));
        let database = LocationDatabase::open(&file.path).expect("a whole file");
        for (address, found) in [
            ("192.0.2.1", Some("AT")),
            ("192.0.2.129", Some("DE")),
            ("192.0.2.130", Some("CH")),
            ("192.0.2.131", Some("DE")),
            ("192.0.3.1", None),
            ("::ffff:192.0.2.129", Some("DE")),
            ("2001:db8::1", Some("FR")),
            ("2001:db8:1::1", Some("IT")),
            ("2001:db9::1", None),
            ("10.0.0.1", None),
        ] {
            assert_eq!(code(&database, address).as_deref(), found, "{address} at {bits}");
        }
    }
}

#[test]
fn of_a_record_what_is_well_formed_is_told() {
    let point = |latitude: f64, longitude: f64, radius_km: f64| Point::new(latitude, longitude, radius_km);
    let of = |country: Option<&str>, region: Option<&str>, city: Option<&str>, point: Option<Point>| {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Some(Location { country: owned(country), region: owned(region), city: owned(city), point, anonymous: false })
    };
    let cases = [
        (
            json!({
                "country": { "iso_code": "AT" }, "registered_country": { "iso_code": "US" }, "subdivisions": [{ "iso_code": "9", "names": { "en": "Vienna" } }],
                "city": { "names": { "en": "Vienna", "de": "Wien" } }, "location": { "latitude": 48.2, "longitude": 16.37, "accuracy_radius": 20 },
            }),
            of(Some("AT"), Some("Vienna"), Some("Vienna"), point(48.2, 16.37, 20.0)),
        ),
        (json!({ "subdivisions": [{ "iso_code": "CA" }], "country": { "iso_code": "US" } }), of(Some("US"), Some("CA"), None, None)),
        (
            json!({ "city": { "names": { "en": "Graz" } }, "location": { "latitude": 47.5, "longitude": 15.5 } }),
            of(None, None, Some("Graz"), point(47.5, 15.5, 100.0)),
        ),
        // The middle of a country of which no radius is said is no point.
        (json!({ "country": { "iso_code": "AT" }, "location": { "latitude": 47.5, "longitude": 15.5 } }), of(Some("AT"), None, None, None)),
        (
            json!({ "country": { "iso_code": "AT" }, "location": { "latitude": 91.5, "longitude": 15.5, "accuracy_radius": 5 } }),
            of(Some("AT"), None, None, None),
        ),
        (json!({ "country": { "iso_code": "Austria" } }), None),
        (json!({ "country": { "iso_code": "at" } }), None),
        (json!({ "city": { "names": { "en": "" } } }), None),
        (json!({ "city": { "names": { "de": "Wien" } } }), None),
        (json!({ "registered_country": { "iso_code": "US" } }), None),
        (json!({ "traits": { "is_anonymous": true } }), None),
        (json!({ "country": "AT" }), None),
        (json!({}), None),
    ];
    for (record, expected) in cases {
        let (database, _file) = open(&[("1.0.0.0/24", country("AT")), ("192.0.2.0/24", record.clone())]);
        assert_eq!(database.find(ip("192.0.2.1")), expected, "{record}");
    }
    for name in [
        "anonymous",
        "anonymous_proxy",
        "anonymous_vpn",
        "anycast",
        "hosting_provider",
        "public_proxy",
        "residential_proxy",
        "satellite_provider",
        "tor_exit_node",
    ] {
        let mut record = country("AT");
        record["traits"] = json!({ format!("is_{name}"): true, "is_in_european_union": true });
        let (database, _file) = open(&[("192.0.2.0/24", record)]);
        assert!(database.find(ip("192.0.2.1")).is_some_and(|place| place.anonymous), "{name}");
    }
}

#[test]
fn a_file_that_is_none_or_of_another_sort_says_so() {
    let nowhere = File::holding(b"");
    std::fs::remove_file(&nowhere.path).expect("removed");
    assert!(nowhere.fault().is_some_and(|fault| fault.contains("places.mmdb") && fault.contains("No such file")), "{:?}", nowhere.fault());
    for garbage in [&b""[..], b"country,city\nAT,Vienna\n", &[0; 4_096], b"\xab\xcd\xefMaxMind.com"] {
        assert!(File::holding(garbage).fault().is_some());
    }
    let asn = mmdb("GeoLite2-ASN", BUILT_AT_S, 24, &[("192.0.2.0/24", json!({ "autonomous_system_number": 64_500 }))]);
    let fault = File::holding(&asn).fault().expect("it names no country");
    assert!(fault.contains("GeoLite2-ASN") && fault.contains("names no country"), "{fault}");
    let flat = mmdb("flat", BUILT_AT_S, 24, &[("192.0.2.0/24", json!({ "country": "AT", "city": "Vienna" }))]);
    assert!(File::holding(&flat).fault().is_some(), "another form of records");
    let good = File::holding(&mmdb("Test-City", BUILT_AT_S, 24, &[("192.0.2.0/24", country("AT"))]));
    let edition = Edition::read(&good.path).expect("a whole file");
    assert_eq!((edition.sort(), edition.built_at().to_string()), ("Test-City", "2026-09-21T14:13:20Z".to_owned()));
}

#[test]
fn a_damaged_file_is_refused_or_read_and_never_makes_anything_fail() {
    let networks = [("192.0.2.0/24", country("AT")), ("198.51.100.0/24", country("US")), ("2001:db8::/32", country("FR"))];
    let whole = mmdb("Test-Country", BUILT_AT_S, 24, &networks);
    let file = File::holding(&whole);
    for length in 0..whole.len() {
        file.put(&whole[..length]);
        assert!(file.fault().is_some(), "cut to {length} of {} bytes", whole.len());
    }
    let mut refused = 0;
    for place in 0..whole.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut damaged = whole.clone();
            damaged[place] ^= change;
            file.put(&damaged);
            match LocationDatabase::open(&file.path) {
                Err(_) => refused += 1,
                Ok(database) => {
                    for address in ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "::", "255.255.255.255"] {
                        database.find(ip(address));
                    }
                }
            }
        }
    }
    assert!(refused > 100, "{refused}");
}

#[test]
fn another_edition_replaces_the_first_in_one_step() {
    let (database, file) = open(&[("192.0.2.0/24", country("AT"))]);
    assert_eq!(code(&database, "192.0.2.1").as_deref(), Some("AT"));
    file.put(&mmdb("Test-City", BUILT_AT_S, 24, &[("192.0.2.0/24", country("DE"))]));
    assert_eq!(code(&database, "192.0.2.1").as_deref(), Some("AT"), "what is in memory doesn't follow the file by itself");
    database.replace(Edition::read(database.path()).expect("a whole file"));
    assert_eq!(code(&database, "192.0.2.1").as_deref(), Some("DE"));
}
