//! Tables, each described once: what INSERT, UPDATE, SELECT and both engines' DDL come from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use doorward_domain::{KeyedHash, Timestamp};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use crate::StoreError;

/// A cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// SQL's NULL.
    Null,
    /// A 64-bit integer; times are microseconds since 1970.
    Int(i64),
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A 64-bit integer.
    Int,
    /// Text.
    Text,
    /// Bytes.
    Blob,
}

/// A column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// Whether it identifies a person: then it is stored sealed, together with the row's other private cells.
    pub private: bool,
}

/// The columns in front of a table's own, by which it is spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// None: tenants, keys.
    Everywhere,
    /// `shard`.
    Shard,
    /// `shard, account`.
    Account,
}

impl Scope {
    /// The columns.
    #[must_use]
    pub const fn columns(self) -> &'static [Column] {
        const SHARD: Column = int("shard");
        const ACCOUNT: Column = blob("account");
        match self {
            Self::Everywhere => &[],
            Self::Shard => &[SHARD],
            Self::Account => &[SHARD, ACCOUNT],
        }
    }
}

/// A table.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// The columns in front.
    pub scope: Scope,
    /// How many of its own columns, from the first, make a row's key within the scope.
    pub key: usize,
    /// The primary key, where it isn't the scope and the key: `sign_in` is found without its account.
    pub primary_key: Option<&'static str>,
    /// Its own columns.
    pub columns: &'static [Column],
    /// Further indexes: name, uniqueness, and what follows the table's name in SQL.
    pub indexes: &'static [(&'static str, bool, &'static str)],
}

/// A NOT NULL integer column.
#[must_use]
pub const fn int(name: &'static str) -> Column {
    Column { name, kind: Kind::Int, nullable: false, private: false }
}

/// A NOT NULL text column.
#[must_use]
pub const fn text(name: &'static str) -> Column {
    Column { name, kind: Kind::Text, nullable: false, private: false }
}

/// A NOT NULL column of bytes.
#[must_use]
pub const fn blob(name: &'static str) -> Column {
    Column { name, kind: Kind::Blob, nullable: false, private: false }
}

/// The column, but it may be NULL.
#[must_use]
pub const fn maybe(column: Column) -> Column {
    Column { nullable: true, ..column }
}

/// The column, but it identifies a person, so it is stored sealed. No key, index or condition can name it.
#[must_use]
pub const fn private(column: Column) -> Column {
    Column { private: true, ..column }
}

/// What holds a row's private cells.
static SEALED: Column = blob("sealed");

impl Table {
    /// Whether it has private columns.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.columns.iter().any(|column| column.private)
    }

    /// Its own columns as they are stored: the public ones, then one for all that is private.
    pub fn stored_columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| !column.private).chain(self.is_private().then_some(&SEALED))
    }

    /// The scope's columns, then its own as they are stored.
    pub fn all_columns(&self) -> impl Iterator<Item = &Column> {
        self.scope.columns().iter().chain(self.stored_columns())
    }

    /// Its own columns as they are stored, as a list for SELECT, each behind `alias.`.
    #[must_use]
    pub fn select_list(&self, alias: &str) -> String {
        self.stored_columns().map(|column| format!("{alias}.{}", column.name)).collect::<Vec<_>>().join(", ")
    }

    /// Scope and key, as `a = <p1> AND b = <p2>`, from parameter `first` on.
    #[must_use]
    pub fn key_condition(&self, first: usize, parameter: fn(usize) -> String) -> String {
        let columns = self.scope.columns().iter().chain(&self.columns[..self.key]);
        columns.enumerate().map(|(at, column)| format!("{} = {}", column.name, parameter(first + at))).collect::<Vec<_>>().join(" AND ")
    }

    /// `INSERT` of a whole row, scope first.
    #[must_use]
    pub fn insert(&self, parameter: fn(usize) -> String) -> String {
        let names = self.all_columns().map(|column| column.name).collect::<Vec<_>>();
        let values = (1..=names.len()).map(parameter).collect::<Vec<_>>();
        format!("INSERT INTO {} ({}) VALUES ({})", self.name, names.join(", "), values.join(", "))
    }

    /// `INSERT`, or the same as [`Table::update`] where the row is there. Both engines write it alike.
    #[must_use]
    pub fn upsert(&self, parameter: fn(usize) -> String) -> String {
        let key = self.scope.columns().iter().chain(&self.columns[..self.key]).map(|column| column.name).collect::<Vec<_>>();
        let set = self.stored_columns().skip(self.key).map(|column| format!("{0} = excluded.{0}", column.name)).collect::<Vec<_>>();
        format!("{} ON CONFLICT ({}) DO UPDATE SET {}", self.insert(parameter), key.join(", "), set.join(", "))
    }

    /// `DELETE` of one row by scope and key.
    #[must_use]
    pub fn delete(&self, parameter: fn(usize) -> String) -> String {
        format!("DELETE FROM {} WHERE {}", self.name, self.key_condition(1, parameter))
    }

    /// `DELETE` of whatever is in the scope.
    #[must_use]
    pub fn clear(&self, parameter: fn(usize) -> String) -> String {
        let scope = self.scope.columns().iter().enumerate().map(|(at, column)| format!("{} = {}", column.name, parameter(at + 1)));
        format!("DELETE FROM {} WHERE {}", self.name, scope.collect::<Vec<_>>().join(" AND "))
    }

    /// Every row of an account, which `account` names, by its key: parameters 1 and 2 are its place.
    #[must_use]
    pub fn of_account(&self, account: &str, parameter: fn(usize) -> String) -> String {
        let key = self.columns[..self.key].iter().map(|column| column.name).collect::<Vec<_>>().join(", ");
        format!("SELECT {} FROM {} t WHERE t.shard = {} AND t.{account} = {} ORDER BY {key}", self.select_list("t"), self.name, parameter(1), parameter(2))
    }

    /// `DELETE` of rows whose `age` lies before parameter 1, the oldest first and at most parameter 2 of them; with `of_tenant`
    /// only those of the tenant in parameter 3.
    #[must_use]
    pub fn prune(&self, age: &str, of_tenant: bool, parameter: fn(usize) -> String) -> String {
        let key = self.scope.columns().iter().chain(&self.columns[..self.key]).map(|column| column.name).collect::<Vec<_>>().join(", ");
        let tenant = if of_tenant { format!(" AND tenant = {}", parameter(3)) } else { String::new() };
        let (table, before, limit) = (self.name, parameter(1), parameter(2));
        // Said twice, since a row may have been renewed while the statement waited for it.
        format!(
            "DELETE FROM {table} WHERE {age} < {before} AND ({key}) IN (SELECT {key} FROM {table} WHERE {age} < {before}{tenant} ORDER BY {age} LIMIT {limit})"
        )
    }

    /// `UPDATE` of a whole row by scope and key: the parameters are those of [`Table::insert`], in the same order.
    #[must_use]
    pub fn update(&self, parameter: fn(usize) -> String) -> String {
        let key = self.scope.columns().len() + self.key;
        let set = self.stored_columns().skip(self.key).enumerate().map(|(at, column)| format!("{} = {}", column.name, parameter(key + at + 1)));
        format!("UPDATE {} SET {} WHERE {}", self.name, set.collect::<Vec<_>>().join(", "), self.key_condition(1, parameter))
    }
}

/// A thing that is kept as one row.
pub trait Row: Sized + Clone + PartialEq {
    /// Its table.
    const TABLE: &'static Table;
    /// Its own columns' values, in order.
    fn encode(&self) -> Vec<Value>;
    /// The reverse.
    ///
    /// # Errors
    /// `StoreError::Corrupt` for what `encode` can't have written.
    fn decode(cells: &mut Cells) -> Result<Self, StoreError>;
    /// Whether two are the same row, whatever they hold.
    fn same_row(&self, other: &Self) -> bool;
}

/// Into a cell.
pub(crate) trait ToCell {
    fn cell(&self) -> Value;
}

impl ToCell for i64 {
    fn cell(&self) -> Value {
        Value::Int(*self)
    }
}
impl ToCell for bool {
    fn cell(&self) -> Value {
        Value::Int(i64::from(*self))
    }
}
impl ToCell for Timestamp {
    fn cell(&self) -> Value {
        Value::Int(self.micros())
    }
}
impl ToCell for str {
    fn cell(&self) -> Value {
        Value::Text(self.to_owned())
    }
}
impl ToCell for String {
    fn cell(&self) -> Value {
        Value::Text(self.clone())
    }
}
impl ToCell for [u8] {
    fn cell(&self) -> Value {
        Value::Blob(self.to_vec())
    }
}
impl ToCell for Uuid {
    fn cell(&self) -> Value {
        self.as_bytes()[..].cell()
    }
}
impl ToCell for KeyedHash {
    fn cell(&self) -> Value {
        self.to_bytes()[..].cell()
    }
}
impl ToCell for IpAddr {
    fn cell(&self) -> Value {
        match self {
            Self::V4(v4) => v4.octets()[..].cell(),
            Self::V6(v6) => v6.octets()[..].cell(),
        }
    }
}
/// An empty map is NULL.
impl ToCell for Map<String, Json> {
    fn cell(&self) -> Value {
        if self.is_empty() { Value::Null } else { Value::Text(Json::Object(self.clone()).to_string()) }
    }
}
impl<T: ToCell> ToCell for Option<T> {
    fn cell(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::cell)
    }
}

/// A row's cells, taken one by one from the left.
pub struct Cells {
    table: &'static Table,
    values: std::vec::IntoIter<Value>,
    taken: usize,
}

impl Cells {
    /// The cells of a row.
    #[must_use]
    pub fn new(table: &'static Table, values: Vec<Value>) -> Self {
        Self { table, values: values.into_iter(), taken: 0 }
    }

    /// What the present cell's failure is called.
    #[must_use]
    pub fn corrupt(&self) -> StoreError {
        let column = self.table.columns.get(self.taken.saturating_sub(1)).map_or("(past the last column)", |column| column.name);
        StoreError::corrupt(self.table.name, column)
    }

    fn next(&mut self) -> Result<Value, StoreError> {
        self.taken += 1;
        self.values.next().ok_or_else(|| self.corrupt())
    }

    /// The next cell through `read`, or `None` if it is NULL.
    ///
    /// # Errors
    /// As `read`.
    pub fn maybe<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, StoreError>) -> Result<Option<T>, StoreError> {
        if matches!(self.values.as_slice().first(), Some(Value::Null)) {
            self.next()?;
            return Ok(None);
        }
        read(self).map(Some)
    }

    /// An integer.
    ///
    /// # Errors
    /// `Corrupt`, as all of these.
    pub fn int(&mut self) -> Result<i64, StoreError> {
        match self.next()? {
            Value::Int(value) => Ok(value),
            _ => Err(self.corrupt()),
        }
    }

    /// Text.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn text(&mut self) -> Result<String, StoreError> {
        match self.next()? {
            Value::Text(value) => Ok(value),
            _ => Err(self.corrupt()),
        }
    }

    /// Bytes.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn blob(&mut self) -> Result<Vec<u8>, StoreError> {
        match self.next()? {
            Value::Blob(value) => Ok(value),
            _ => Err(self.corrupt()),
        }
    }

    /// A truth.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn flag(&mut self) -> Result<bool, StoreError> {
        Ok(self.int()? != 0)
    }

    /// A moment.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn time(&mut self) -> Result<Timestamp, StoreError> {
        self.int().map(Timestamp::from_micros)
    }

    /// An id.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn uuid(&mut self) -> Result<Uuid, StoreError> {
        Uuid::from_slice(&self.blob()?).map_err(|_| self.corrupt())
    }

    /// A keyed hash.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn hash(&mut self) -> Result<KeyedHash, StoreError> {
        KeyedHash::from_bytes(&self.blob()?).ok_or_else(|| self.corrupt())
    }

    /// An address of 4 or 16 bytes.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn ip(&mut self) -> Result<IpAddr, StoreError> {
        let bytes = self.blob()?;
        let v4 = <[u8; 4]>::try_from(&bytes[..]).map(|octets| IpAddr::V4(Ipv4Addr::from(octets)));
        let v6 = <[u8; 16]>::try_from(&bytes[..]).map(|octets| IpAddr::V6(Ipv6Addr::from(octets)));
        v4.or(v6).map_err(|_| self.corrupt())
    }

    /// A member of a closed set, by its code.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn code<T>(&mut self, member: fn(i64) -> Option<T>) -> Result<T, StoreError> {
        let code = self.int()?;
        member(code).ok_or_else(|| self.corrupt())
    }

    /// A map; NULL is an empty one.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn map(&mut self) -> Result<Map<String, Json>, StoreError> {
        let text = self.maybe(Self::text)?;
        text.map_or_else(|| Ok(Map::new()), |text| serde_json::from_str(&text).map_err(|_| self.corrupt()))
    }

    /// Words separated by spaces.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn words(&mut self) -> Result<Vec<String>, StoreError> {
        Ok(self.text()?.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect())
    }
}
