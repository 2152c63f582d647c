//! A record of the file, as far as GeoIP2's City, Country and Enterprise databases, and those made like them, agree on it.

use doorward_domain::{Location, Point};
use serde::Deserialize;

/// How exact a point is of which the file doesn't say it, in kilometres: that of a city.
const UNSAID_KM: f64 = 100.0;

#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Record<'a> {
    #[serde(borrow)]
    country: Named<'a>,
    #[serde(borrow)]
    subdivisions: Vec<Named<'a>>,
    #[serde(borrow)]
    city: Named<'a>,
    location: Spot,
    traits: Traits,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Named<'a> {
    #[serde(borrow)]
    iso_code: Option<&'a str>,
    #[serde(borrow)]
    names: Names<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Names<'a> {
    #[serde(borrow)]
    en: Option<&'a str>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Spot {
    latitude: Option<f64>,
    longitude: Option<f64>,
    accuracy_radius: Option<u16>,
}

/// What is known of a network besides its place. Any of them says that those who use it may be anywhere.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Traits {
    is_anonymous: bool,
    is_anonymous_proxy: bool,
    is_anonymous_vpn: bool,
    is_anycast: bool,
    is_hosting_provider: bool,
    is_public_proxy: bool,
    is_residential_proxy: bool,
    is_satellite_provider: bool,
    is_tor_exit_node: bool,
}

impl Record<'_> {
    /// The place that it tells. `None` if it tells none.
    pub(crate) fn location(&self) -> Option<Location> {
        let owned = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        let letters = |code: &&str| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase());
        let region = self.subdivisions.first().and_then(|part| part.names.en.or(part.iso_code));
        let location = Location {
            country: owned(self.country.iso_code.filter(letters)),
            region: owned(region),
            city: owned(self.city.names.en),
            point: self.point(),
            anonymous: self.traits.any(),
        };
        let known = location.country.is_some() || location.city.is_some() || location.point.is_some();
        known.then_some(location)
    }

    fn point(&self) -> Option<Point> {
        let Spot { latitude, longitude, accuracy_radius } = self.location;
        // Without a city and a radius, it is the middle of a country.
        let radius_km = accuracy_radius.map(f64::from).or_else(|| self.city.names.en.map(|_| UNSAID_KM))?;
        Point::new(latitude?, longitude?, radius_km)
    }
}

impl Traits {
    const fn any(&self) -> bool {
        self.is_anonymous
            || self.is_anonymous_proxy
            || self.is_anonymous_vpn
            || self.is_anycast
            || self.is_hosting_provider
            || self.is_public_proxy
            || self.is_residential_proxy
            || self.is_satellite_provider
            || self.is_tor_exit_node
    }
}
