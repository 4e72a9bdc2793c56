//! Event stores in schemas of a PostgreSQL database, in the place of those in topics.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use headwater_events::postgres::{Postgres, PostgresOptions};
use headwater_events::{Store, block_on};

use crate::engine::Headwater;
use crate::error::Result;

/// Where event stores are, if not in topics.
#[derive(Debug, Default)]
pub(crate) struct Elsewhere(OnceLock<Database>);

struct Database {
    address: String,
    /// Those that are there; those that are used are open.
    stores: Mutex<BTreeMap<String, Option<Store>>>,
}

/// An address may hold a password.
impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").finish_non_exhaustive()
    }
}

impl Elsewhere {
    /// The names of the stores; `None`: stores are topics.
    pub(super) fn names(&self) -> Option<Vec<String>> {
        let database = self.0.get()?;
        let stores = database.stores.lock();
        let stores = stores.unwrap_or_else(PoisonError::into_inner);
        Some(stores.keys().cloned().collect())
    }

    /// The store of a name, which is made if it is not there; `None`: stores are topics.
    pub(super) fn open(&self, name: &str) -> Option<Result<Store>> {
        self.0.get().map(|database| database.open(name))
    }
}

impl Database {
    fn open(&self, name: &str) -> Result<Store> {
        let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Some(store)) = stores.get(name) {
            return Ok(store.clone());
        }
        let options = PostgresOptions::schema(name);
        let store = block_on(Postgres::connect(&self.address, options))?.store();
        stores.insert(name.to_owned(), Some(store.clone()));
        Ok(store)
    }
}

impl Headwater {
    /// Has its event stores in the schemas of a PostgreSQL database from now on, not in topics; the address is such as
    /// `postgres://user:password@host/database`.
    ///
    /// # Errors
    /// `Invalid` if the address is wrong, or there is one already; `Unavailable` if the server is not there.
    pub fn use_postgres(&self, address: &str) -> Result<()> {
        let names = block_on(Postgres::stores(address))?;
        let database = Database {
            address: address.to_owned(),
            stores: Mutex::new(names.into_iter().map(|name| (name, None)).collect()),
        };
        self.0.elsewhere.0.set(database).map_err(|_| {
            let text = "event stores are in a database already";
            crate::Error::new(crate::ErrorKind::Invalid, text)
        })
    }

    /// Whether its event stores are in a PostgreSQL database.
    pub fn is_on_postgres(&self) -> bool {
        self.0.elsewhere.0.get().is_some()
    }
}
