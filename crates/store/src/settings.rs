//! Settings of the installation that may change while it runs.

use crate::{
    Error, Store,
    database::{Tx, fetch_one},
    values::{get, params},
};

/// The setting that counts changes of limits.
pub(crate) const LIMITS_VERSION: &str = "limits_version";
/// The setting that counts changes of the tree of units.
pub(crate) const UNITS_VERSION: &str = "units_version";
/// The setting that counts changes of people, their units and their keys.
pub(crate) const PRINCIPALS_VERSION: &str = "principals_version";

/// Counts one more change, so that other processes read anew what they keep copies of. Returns the new
/// number; changes are committed in the order of their numbers.
pub(crate) async fn count_change(tx: &mut Tx, version: &str) -> Result<u64, Error> {
    let row = tx
        .fetch_one(
            "INSERT INTO setting (name, value) VALUES ($1, '1') \
             ON CONFLICT (name) DO UPDATE \
                 SET value = CAST(CAST(setting.value AS BIGINT) + 1 AS TEXT) \
             RETURNING CAST(value AS BIGINT) AS n",
            params![version],
        )
        .await?;
    get(&row.ok_or(Error::NotFound)?, "n")
}

impl Store {
    /// Returns a setting.
    ///
    /// # Errors
    /// A database error.
    pub async fn setting(&self, name: &str) -> Result<Option<String>, Error> {
        let mut db = self.read().await?;
        let sql = "SELECT value FROM setting WHERE name = $1";
        let row = fetch_one(&mut db, sql, params![name]).await?;
        row.map(|row| get(&row, "value")).transpose()
    }

    /// The number that changes whenever a person, their units or one of their keys is changed or
    /// taken away, by any process.
    ///
    /// # Errors
    /// A database error.
    pub async fn principals_version(&self) -> Result<u64, Error> {
        self.version(PRINCIPALS_VERSION).await
    }

    pub(crate) async fn version(&self, name: &str) -> Result<u64, Error> {
        let value = self.setting(name).await?;
        Ok(value.and_then(|value| value.parse().ok()).unwrap_or(0))
    }

    /// Sets a setting.
    ///
    /// # Errors
    /// A database error.
    pub async fn set_setting(&self, name: &str, value: &str) -> Result<(), Error> {
        let mut tx = self.write().await?;
        tx.execute(
            "INSERT INTO setting (name, value) VALUES ($1, $2) \
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            params![name, value],
        )
        .await?;
        tx.commit().await
    }
}
