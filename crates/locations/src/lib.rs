//! Where addresses are, by a file in MaxMind's format that the operator brings: read whole into memory, and replaced in one step.

mod record;

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use arc_swap::ArcSwap;
use doorward_domain::{Location, Locations, Timestamp};
use maxminddb::{MaxMindDbError, Reader};

use record::Record;

/// How many networks are looked at for one whose country is named.
const LOOKED_AT: usize = 10_000;

/// A file that can't be used, and why.
#[derive(Debug, thiserror::Error)]
#[error("{path} can't be used as a location database: {why}", path = path.display())]
pub struct Unusable {
    path: PathBuf,
    why: String,
}

/// The operator's file, as it was when it was last read.
pub struct LocationDatabase {
    path: PathBuf,
    edition: ArcSwap<Edition>,
}

/// One state of the file, found to be whole.
pub struct Edition {
    reader: Reader<Vec<u8>>,
    built_at: Timestamp,
}

impl Edition {
    /// Reads a file and looks through all of it. To be called where it may take a while.
    ///
    /// # Errors
    /// `Unusable` if it can't be read, isn't of the format, is damaged, or names no country as GeoIP2 does.
    pub fn read(path: &Path) -> Result<Self, Unusable> {
        let unusable = |why: String| Unusable { path: path.to_owned(), why };
        let bytes = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
        let whole = || {
            let reader = Reader::from_source(bytes)?;
            reader.verify()?;
            let named = names_a_country(&reader)?;
            Ok::<_, MaxMindDbError>((reader, named))
        };
        let (reader, named) = whole().map_err(|error| unusable(error.to_string()))?;
        if !named {
            let sort = &reader.metadata().database_type;
            return Err(unusable(format!("it is of the type {sort} and names no country where GeoIP2 and GeoLite2 do")));
        }
        let seconds = i64::try_from(reader.metadata().build_epoch).unwrap_or(i64::MAX);
        Ok(Self { built_at: Timestamp::from_micros(seconds.saturating_mul(1_000_000)), reader })
    }

    /// When it was built, as it says itself.
    #[must_use]
    pub const fn built_at(&self) -> Timestamp {
        self.built_at
    }

    /// What it is, as it says itself, such as `GeoLite2-City`.
    #[must_use]
    pub fn sort(&self) -> &str {
        &self.reader.metadata().database_type
    }

    fn find(&self, ip: IpAddr) -> Option<Location> {
        // An IPv6 address in a file that knows IPv4 alone, or a record of another form: not known.
        let record: Record<'_> = self.reader.lookup(ip.to_canonical()).ok()?.decode().ok()??;
        record.location()
    }
}

fn names_a_country(reader: &Reader<Vec<u8>>) -> Result<bool, MaxMindDbError> {
    for network in reader.networks(maxminddb::WithinOptions::default())?.take(LOOKED_AT) {
        let record: Option<Record<'_>> = network?.decode()?;
        if record.and_then(|record| record.location()).is_some_and(|location| location.country.is_some()) {
            return Ok(true);
        }
    }
    Ok(false)
}

impl LocationDatabase {
    /// Reads the file for the first time.
    ///
    /// # Errors
    /// As [`Edition::read`].
    pub fn open(path: &Path) -> Result<Self, Unusable> {
        Ok(Self { edition: ArcSwap::from_pointee(Edition::read(path)?), path: path.to_owned() })
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Uses another edition from now on.
    pub fn replace(&self, edition: Edition) {
        self.edition.store(edition.into());
    }
}

impl Locations for LocationDatabase {
    fn find(&self, ip: IpAddr) -> Option<Location> {
        self.edition.load().find(ip)
    }
}
