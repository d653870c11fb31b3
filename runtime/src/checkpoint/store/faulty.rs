//! An object store that fails or hangs when a test wants it to.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, future, stream};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// What becomes of the operation that is one too many. Later ones are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing is done, and the caller hears so.
    Refused,
    /// It is done, and the caller hears that it was not.
    AnswerLost,
    /// Nothing is done, and the caller never hears.
    Hangs,
}

/// Another store, up to a number of operations. Each object deleted counts.
#[derive(Debug, Clone)]
pub(crate) struct Faulty {
    inner: Arc<dyn ObjectStore>,
    good: u64,
    fault: Fault,
    asked: Arc<AtomicU64>,
}

impl Faulty {
    pub(crate) fn after(good: u64, fault: Fault, inner: Arc<dyn ObjectStore>) -> Self {
        Self { inner, good, fault, asked: Arc::default() }
    }

    /// Whether there was an operation too many.
    pub(crate) fn has_failed(&self) -> bool {
        self.asked.load(Ordering::SeqCst) > self.good
    }

    async fn run<T>(&self, operation: impl Future<Output = Result<T>>) -> Result<T> {
        let before = self.asked.fetch_add(1, Ordering::SeqCst);
        if before < self.good {
            return operation.await;
        }
        match self.fault {
            Fault::AnswerLost if before == self.good => drop(operation.await),
            Fault::Hangs => future::pending().await,
            Fault::AnswerLost | Fault::Refused => {}
        }
        Err(Error::Generic { store: "Faulty", source: "one operation too many".into() })
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Faulty({})", self.inner)
    }
}

#[async_trait::async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.run(self.inner.put_opts(location, payload, options)).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.run(self.inner.put_multipart_opts(location, options)).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.run(self.inner.get_opts(location, options)).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.run(self.inner.get_ranges(location, ranges)).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        let delete = move |location: Result<Path>| {
            let store = store.clone();
            async move {
                let one = stream::iter([location]).boxed();
                let deleted = async { store.inner.delete_stream(one).next().await.expect("one in, one out") };
                store.run(deleted).await
            }
        };
        locations.then(delete).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (store, found) = (self.clone(), self.inner.list(prefix));
        let listed = async move { store.run(future::ready(Ok(found))).await };
        stream::once(listed)
            .flat_map(|found| match found {
                Ok(found) => found,
                Err(error) => stream::iter([Err(error)]).boxed(),
            })
            .boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.run(self.inner.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.run(self.inner.copy_opts(from, to, options)).await
    }
}
