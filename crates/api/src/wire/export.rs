//! An export of a person on the wire.

use doorward_service::PersonExport;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Everything that is held of a person.
#[derive(Serialize, ToSchema)]
pub(crate) struct Export {
    /// Whose it is: the tenant.
    tenant_id: String,
    /// Whose it is: the user.
    user_id: String,
    /// When it was taken.
    #[schema(format = DateTime)]
    exported_at: String,
    /// Table by table a list of rows, each with the names of its columns: `docs/data-protection.md` describes the tables. Empty
    /// for a user never seen.
    #[schema(value_type = Object)]
    held: Map<String, Value>,
}

impl From<PersonExport> for Export {
    fn from(export: PersonExport) -> Self {
        Self { tenant_id: export.tenant.as_str().to_owned(), user_id: export.user.as_str().to_owned(), exported_at: export.at.to_string(), held: export.held }
    }
}
