//! The table `[gms]`: where administrators of groups are served beside the overlay.

use super::{Place, Value};
use crate::failure::Failure;
use std::net::SocketAddr;
use std::path::PathBuf;

const KEYS: &[&str] = &["https", "certificate", "key"];

impl Place<'_> {
    pub(super) fn gms(&self, value: &Value<'_>) -> Result<Option<runtime::Https>, Failure> {
        let Some(table) = value.get_ref().as_table() else {
            return Err(self.wrong_type("gms", value, "[gms]"));
        };
        let (mut at, mut certificate, mut own) = (None, None, None);
        for (key, value) in table.iter() {
            match &**key.get_ref() {
                "https" => at = Some(self.https(value)?),
                "certificate" => certificate = Some(self.file("gms.certificate", value)?),
                "key" => own = Some(self.file("gms.key", value)?),
                other => return Err(self.unknown_key(other, KEYS, "gms.", key.span())),
            }
        }
        match (at, certificate, own) {
            (None, None, None) => Ok(None),
            (Some(at), Some(certificate), Some(key)) => Ok(Some(runtime::Https {
                at,
                certificate,
                key,
            })),
            _ => Err(self.failure("error-config-gms", value.span())),
        }
    }

    fn https(&self, value: &Value<'_>) -> Result<SocketAddr, Failure> {
        let text = self.string("gms.https", value, "\"[::]:8443\"")?;
        let address = text.parse().ok().filter(|it: &SocketAddr| it.port() != 0);
        address.ok_or_else(|| {
            self.failure("error-config-https", value.span())
                .with("value", text)
        })
    }

    fn file(&self, key: &str, value: &Value<'_>) -> Result<PathBuf, Failure> {
        let text = self.string(key, value, "\"/etc/kumihimo/gms.pem\"")?;
        let path = PathBuf::from(text);
        match path.is_absolute() {
            true => Ok(path),
            false => Err(self
                .failure("error-config-file", value.span())
                .with("key", key)
                .with("value", text)),
        }
    }
}
