//! The PostgreSQL engine.
use crate::StoreError;
use std::sync::Arc;
pub(crate) struct PostgresStore;
impl PostgresStore {
    pub(crate) async fn open(_url: &str) -> Result<Arc<dyn crate::Store>, StoreError> {
        Err(StoreError::Unavailable("in progress".into()))
    }
}
