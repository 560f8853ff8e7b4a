//! Settings of the installation that may change while it runs.

use crate::{
    Error, Store,
    database::fetch_one,
    values::{get, params},
};

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
