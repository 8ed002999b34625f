//! Gets vectors and whole models from one backend, with its key and the retries it deserves.

use std::sync::Arc;

use futures_util::StreamExt;

use super::{Cause, Router, pick, retry};
use crate::backends::{EmbedCall, Pulling, Vectors};
use crate::config::Settings;
use crate::embeddings::Embedder;
use crate::engine::Purpose;
use crate::gate::{Errand, Origin};
use crate::model::{BackendName, ErrorClass};

impl Router {
    /// The vectors of one batch. Asks no other backend: its vectors would lie in another space.
    pub(crate) async fn embed(
        &self,
        settings: &Arc<Settings>,
        embedder: &Embedder,
        texts: &[String],
        origin: &Origin,
    ) -> Result<Vectors, Cause> {
        let ready =
            self.engines.ready(&embedder.backend, &embedder.model, Purpose::Vectors).await?;
        let backend = ready.as_ref().map_or(&embedder.backend, |ready| &ready.backend);
        let model = &embedder.model;
        let clear = || self.gate.clear(settings, backend, model, Errand::Embedding, origin);
        // Before the key is fetched: what may not leave needs none.
        drop(clear()?);
        let mut key = match &ready {
            Some(ready) => ready.key.clone(),
            None => self.keys.key_of(backend, settings).await?,
        };
        let mut n_retries = 0;
        let mut may_refetch_key = true;
        loop {
            let backend = backend.clone();
            let call = EmbedCall { backend, model, key: key.clone(), texts, pass: clear()? };
            let error = match self.backends.embed(call).await {
                Ok(vectors) => return Ok(vectors),
                Err(error) => error,
            };
            let is_unauthorized = error.class == ErrorClass::Auth && error.status == Some(401);
            if is_unauthorized && std::mem::take(&mut may_refetch_key) {
                let fresh =
                    self.keys.changed_key_of(&embedder.backend, settings, key.as_ref()).await;
                if fresh.is_some() {
                    key = fresh;
                    continue;
                }
            }
            match retry::wait_before_retry(&error, n_retries, true) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(error.into()),
            }
            n_retries += 1;
        }
    }

    /// Has a backend fetch a model. Dropping the future stops it.
    pub async fn pull(
        &self,
        settings: &Arc<Settings>,
        backend: &BackendName,
        model: &str,
        watch: &mut (dyn FnMut(Pulling) + Send),
    ) -> Result<(), Cause> {
        let backend = settings.backend(backend).ok_or_else(|| *pick::unknown(settings, backend))?;
        let key = self.keys.key_of(backend, settings).await?;
        let mut lines = self.backends.pull(backend.clone(), model.to_owned(), key);
        while let Some(line) = lines.next().await {
            watch(line?);
        }
        Ok(())
    }
}
