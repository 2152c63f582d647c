//! Migrations: embedded, numbered, never edited after a release. The first is what the tables describe.

use crate::StoreError;

/// A step from one schema to the next, for one engine.
pub(crate) struct Migration {
    /// Its number, from 1.
    pub(crate) number: i64,
    /// Its SQL, several statements.
    pub(crate) sql: &'static str,
}

impl Migration {
    /// What tells an edited migration from the released one.
    pub(crate) fn checksum(&self) -> i64 {
        i64::from(crc32fast::hash(self.sql.as_bytes()))
    }
}

/// SQLite's.
pub(crate) const SQLITE: &[Migration] = &[Migration { number: 1, sql: include_str!("../migrations/0001.sqlite.sql") }];
/// PostgreSQL's.
pub(crate) const POSTGRES: &[Migration] = &[Migration { number: 1, sql: include_str!("../migrations/0001.postgres.sql") }];

/// What is done about migrations that are pending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pending {
    /// They are applied.
    Apply,
    /// Nothing is opened.
    Refuse,
}

/// Some are pending, and it isn't for the one who asks to apply them.
pub(crate) fn refused() -> StoreError {
    StoreError::Misconfigured(
        "its tables are of an older version: back it up, then run doorward migrate, or start doorward serve, which does the same".to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use crate::row::{Kind, Table};

    /// An engine's way to say things.
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Dialect {
        Sqlite,
        Postgres,
    }

    impl Dialect {
        const fn kind(self, kind: Kind) -> &'static str {
            match (self, kind) {
                (Self::Sqlite, Kind::Int) => "INTEGER",
                (Self::Postgres, Kind::Int) => "BIGINT",
                (_, Kind::Text) => "TEXT",
                (Self::Sqlite, Kind::Blob) => "BLOB",
                (Self::Postgres, Kind::Blob) => "BYTEA",
            }
        }
    }

    /// The DDL of a table as it is described today.
    fn ddl(table: &Table, dialect: Dialect) -> String {
        let columns = table.all_columns().map(|column| {
            let null = if column.nullable { "" } else { " NOT NULL" };
            format!("    {} {}{null},\n", column.name, dialect.kind(column.kind))
        });
        let key = table.primary_key.map_or_else(
            || {
                let scope = table.scope.columns().iter().chain(&table.columns[..table.key]);
                scope.map(|column| column.name).collect::<Vec<_>>().join(", ")
            },
            str::to_owned,
        );
        let end = if dialect == Dialect::Sqlite { ") STRICT, WITHOUT ROWID" } else { ")" };
        let mut sql = format!("CREATE TABLE {} (\n{}    PRIMARY KEY ({key})\n{end};\n", table.name, columns.collect::<String>());
        for (name, unique, rest) in table.indexes {
            let unique = if *unique { "UNIQUE " } else { "" };
            sql.push_str(&format!("CREATE {unique}INDEX {name} ON {} {rest};\n", table.name));
        }
        sql
    }

    /// `UPDATE_MIGRATIONS=1` writes the files anew; only before a release.
    #[test]
    fn the_migrations_make_what_the_tables_describe() {
        for (dialect, file) in [(Dialect::Sqlite, "0001.sqlite.sql"), (Dialect::Postgres, "0001.postgres.sql")] {
            let described: String = crate::rows::tables().into_iter().map(|table| ddl(table, dialect)).collect::<Vec<_>>().join("\n");
            let path = format!("{}/migrations/{file}", env!("CARGO_MANIFEST_DIR"));
            if std::env::var_os("UPDATE_MIGRATIONS").is_some() {
                std::fs::write(&path, &described).expect("the folder is there");
            }
            assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), described, "{file}");
        }
    }
}
