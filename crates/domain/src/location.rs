//! Where an address is, as the operator's file says: approximate, often not known, and not always where the person is.

use std::net::IpAddr;

/// An approximate place.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Location {
    /// The country, as ISO 3166-1 has it in two letters.
    pub country: Option<String>,
    /// The largest part of the country that is named, in English.
    pub region: Option<String>,
    /// The city, in English.
    pub city: Option<String>,
    /// The point on the earth, where one is known.
    pub point: Option<Point>,
    /// Whether people behind the address may be anywhere: it is a VPN's, a proxy's or a hosting network's, or in many places at once.
    pub anonymous: bool,
}

/// A point on the earth, and how exact it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    latitude: f64,
    longitude: f64,
    radius_km: f64,
}

/// The earth's mean radius, in kilometres (IUGG).
const EARTH_KM: f64 = 6_371.008_8;

impl Point {
    /// A point by its latitude (-90 to 90) and longitude (-180 to 180) in degrees, and the kilometres within which the address
    /// is likely to be. `None` for what is out of range.
    #[must_use]
    pub fn new(latitude: f64, longitude: f64, radius_km: f64) -> Option<Self> {
        let fits = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude) && (0.0..=20_100.0).contains(&radius_km);
        fits.then_some(Self { latitude, longitude, radius_km })
    }

    /// The kilometres within which the address is likely to be.
    #[must_use]
    pub const fn radius_km(&self) -> f64 {
        self.radius_km
    }

    /// The kilometres to another point along the surface, by the haversine formula.
    #[must_use]
    pub fn distance_km(&self, other: &Self) -> f64 {
        let half = |from: f64, to: f64| ((to - from).to_radians() / 2.0).sin().powi(2);
        let across = self.latitude.to_radians().cos() * other.latitude.to_radians().cos() * half(self.longitude, other.longitude);
        let part = half(self.latitude, other.latitude) + across;
        2.0 * EARTH_KM * part.clamp(0.0, 1.0).sqrt().asin()
    }
}

/// What knows where addresses are.
pub trait Locations: Send + Sync {
    /// Where an address is. `None` where that isn't known.
    fn find(&self, ip: IpAddr) -> Option<Location>;
}

/// No operator's file: no address is anywhere.
#[derive(Debug, Clone, Copy)]
pub struct NoLocations;

impl Locations for NoLocations {
    fn find(&self, _: IpAddr) -> Option<Location> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::Point;

    fn point(latitude: f64, longitude: f64) -> Point {
        Point::new(latitude, longitude, 0.0).expect("on the earth")
    }

    #[test]
    fn distances_are_those_of_the_globe() {
        let (quarter, half) = (10_007.6, 20_015.1);
        let pole = point(90.0, 0.0);
        for (one, other, km) in [
            (point(0.0, 0.0), point(0.0, 0.0), 0.0),
            (point(0.0, 0.0), point(0.0, 1.0), 111.2),
            (point(0.0, 0.0), point(0.0, 90.0), quarter),
            (point(0.0, -90.0), point(0.0, 90.0), half),
            (point(0.0, 179.5), point(0.0, -179.5), 111.2),
            (pole, point(90.0, 120.0), 0.0),
            (pole, point(-90.0, 7.0), half),
            // Vienna and New York.
            (point(48.2082, 16.3738), point(40.7128, -74.006), 6_796.3),
        ] {
            let found = one.distance_km(&other);
            assert!((found - km).abs() < 1.0, "{one:?} {other:?}: {found}");
            assert!((found - other.distance_km(&one)).abs() < 1e-6);
        }
    }

    #[test]
    fn what_is_not_on_the_earth_is_no_point() {
        for (latitude, longitude, radius) in
            [(90.1, 0.0, 0.0), (0.0, -180.1, 0.0), (f64::NAN, 0.0, 0.0), (0.0, f64::INFINITY, 0.0), (0.0, 0.0, -1.0), (0.0, 0.0, f64::NAN)]
        {
            assert_eq!(Point::new(latitude, longitude, radius), None);
        }
    }
}
