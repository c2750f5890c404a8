//! Settings: small values by name. What they mean is the business of whoever keeps them.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::column::{from_json, json};
use crate::error::Error;
use crate::store::Store;
use crate::writer::Write;

impl Store {
    /// The value of a setting; none where it was never set.
    pub async fn setting<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Error> {
        let value: Option<String> = sqlx::query_scalar("SELECT value FROM settings WHERE name = ?1")
            .bind(name)
            .fetch_optional(self.readers())
            .await
            .map_err(Error::read)?;
        value.map(|value| from_json(|| format!("setting {name}"), &value)).transpose()
    }

    /// Sets a setting, or with `None` removes it.
    pub async fn set_setting<T: Serialize + Sync>(&self, name: &str, value: Option<&T>) -> Result<(), Error> {
        let value = value.map(|value| json("a setting", value)).transpose()?;
        self.submit(Write::Setting { name: name.to_owned(), value }).await.map(drop)
    }
}
