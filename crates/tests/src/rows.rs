//! Rows as they lie in the database, read beside the store: what a law compares before and after.

use std::path::Path;
use std::time::Duration;

use doorward_store::row::Table;
use doorward_store::{Database, tables};
use rusqlite::{Connection, OpenFlags};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

/// Every row of every table, each as one line, in order.
pub async fn all(database: &Database) -> Vec<String> {
    match database {
        Database::Sqlite(path) => all_of_sqlite(&sqlite(path)),
        Database::Postgres(url) => all_of_postgres(&postgres(url).await).await,
    }
}

/// A connection of its own to a SQLite file.
///
/// # Panics
/// If there is no such file.
#[must_use]
pub fn sqlite(path: &Path) -> Connection {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX).expect("the file opens");
    connection.busy_timeout(Duration::from_secs(10)).expect("a patient connection");
    connection
}

/// A connection of its own to PostgreSQL.
///
/// # Panics
/// If there is none to be had.
pub async fn postgres(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("PostgreSQL answers");
    tokio::spawn(connection);
    client
}

/// The URL with another database's name.
#[must_use]
pub fn with_database(url: &str, name: &str) -> String {
    let (address, options) = url.split_once('?').map_or((url, String::new()), |(address, options)| (address, format!("?{options}")));
    let host = address.find("://").map_or(0, |at| at + 3);
    let end = address[host..].find('/').map_or(address.len(), |at| host + at);
    format!("{}/{name}{options}", &address[..end])
}

fn select(table: &Table, shown: fn(&str) -> String) -> String {
    let columns: Vec<&str> = table.all_columns().map(|column| column.name).collect();
    let shown: Vec<String> = columns.iter().map(|column| shown(column)).collect();
    format!("SELECT {} FROM {} ORDER BY {}", shown.join(", "), table.name, columns.join(", "))
}

fn line<'a>(table: &Table, cells: impl Iterator<Item = Option<&'a str>>) -> String {
    let cells = table.all_columns().zip(cells).map(|(column, cell)| format!("{}={}", column.name, cell.unwrap_or("NULL")));
    format!("{}: {}", table.name, cells.collect::<Vec<_>>().join(", "))
}

fn all_of_sqlite(connection: &Connection) -> Vec<String> {
    let mut lines = Vec::new();
    for table in tables() {
        let mut statement = connection.prepare(&select(table, |column| format!("quote({column})"))).expect("the table is there");
        let width = statement.column_count();
        let rows = statement.query_map([], |row| (0..width).map(|at| row.get::<_, String>(at)).collect::<Result<Vec<_>, _>>());
        for cells in rows.expect("the table reads") {
            lines.push(line(table, cells.expect("a row").iter().map(|cell| Some(cell.as_str()))));
        }
    }
    lines
}

async fn all_of_postgres(client: &Client) -> Vec<String> {
    let mut lines = Vec::new();
    for table in tables() {
        for message in client.simple_query(&select(table, str::to_owned)).await.expect("the table reads") {
            if let SimpleQueryMessage::Row(row) = message {
                lines.push(line(table, (0..row.len()).map(|at| row.get(at))));
            }
        }
    }
    lines
}
