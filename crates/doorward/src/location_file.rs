//! The operator's location database: read at the start, and anew when its file changes or a signal says so.

use std::path::Path;
use std::sync::Arc;

use doorward_locations::{Edition, LocationDatabase, Unusable};
use doorward_service::Locations;
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;
use crate::watch::Watch;

/// The database in use; a clone is the same one.
#[derive(Clone)]
pub(crate) struct LocationFile {
    database: Arc<LocationDatabase>,
    watch: Watch,
}

impl LocationFile {
    /// Reads the file.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let watch = Watch::of(vec![path.to_owned()]);
        let database = LocationDatabase::open(path).map_err(unusable)?;
        tracing::info!(file = %path.display(), "the location database is in use");
        Ok(Self { database: Arc::new(database), watch })
    }

    /// Looks at the file again and again until `stop`.
    pub(crate) fn watch(&self, stop: CancellationToken) {
        let kept = self.clone();
        self.watch.clone().start(stop, move || {
            kept.replace(kept.read()?);
            Ok(())
        });
    }

    /// Reads the file as it is now, and doesn't use it yet. It may take a while.
    pub(crate) fn read(&self) -> Result<Edition, Failure> {
        Edition::read(self.database.path()).map_err(unusable)
    }

    /// Uses what was read.
    pub(crate) fn replace(&self, edition: Edition) {
        tracing::info!(file = %self.database.path().display(), built_at = %edition.built_at(), "the location database was read anew");
        self.database.replace(edition);
    }

    /// What knows where addresses are.
    pub(crate) fn locations(&self) -> Arc<dyn Locations> {
        Arc::clone(&self.database) as Arc<dyn Locations>
    }
}

fn unusable(error: Unusable) -> Failure {
    Failure::of_settings(format!("location_database: {error}. Put a database in MaxMind's format there, such as GeoLite2-City.mmdb."))
}
