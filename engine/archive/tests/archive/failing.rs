//! A place that fails when it is told to.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tokio::sync::watch;
use tokio_stream::{Stream, StreamExt};

type Objects<T> = Pin<Box<dyn Stream<Item = Result<T>> + Send>>;

/// Memory whose changes fail from one on, until it is healed.
#[derive(Debug)]
pub struct Failing {
    inner: InMemory,
    left: Arc<AtomicUsize>,
    /// Files put so far.
    pub files: watch::Sender<usize>,
}

impl Failing {
    /// Works.
    pub fn new() -> Arc<Self> {
        let left = Arc::new(AtomicUsize::new(usize::MAX));
        Arc::new(Self { inner: InMemory::new(), left, files: watch::Sender::new(0) })
    }

    /// Lets that many changes through.
    pub fn fail_after(&self, changes: usize) {
        self.left.store(changes, Ordering::SeqCst);
    }

    /// Works from here on, and says whether anything failed.
    pub fn heal(&self) -> bool {
        self.left.swap(usize::MAX, Ordering::SeqCst) == 0
    }

    /// Every file, with its bytes.
    pub async fn contents(&self) -> Vec<(String, Vec<u8>)> {
        let mut contents = Vec::new();
        let mut all = self.inner.list(None);
        while let Some(meta) = all.next().await {
            let path = meta.unwrap().location;
            let got = self.inner.get_opts(&path, GetOptions::default()).await.unwrap();
            contents.push((path.to_string(), got.bytes().await.unwrap().to_vec()));
        }
        contents.sort();
        contents
    }
}

fn change(left: &AtomicUsize) -> Result<()> {
    let take = |left: usize| if left == usize::MAX { Some(left) } else { left.checked_sub(1) };
    match left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take) {
        Ok(_) => Ok(()),
        Err(_) => Err(Error::Generic { store: "failing", source: "it was told to fail".into() }),
    }
}

impl fmt::Display for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("failing")
    }
}

#[async_trait]
impl ObjectStore for Failing {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        change(&self.left)?;
        let put = self.inner.put_opts(location, payload, options).await?;
        self.files.send_modify(|files| *files += 1);
        Ok(put)
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        change(&self.left)?;
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: Objects<Path>) -> Objects<Path> {
        let left = Arc::clone(&self.left);
        self.inner.delete_stream(Box::pin(locations.map(move |path| change(&left).and(path))))
    }

    fn list(&self, prefix: Option<&Path>) -> Objects<ObjectMeta> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        change(&self.left)?;
        self.inner.copy_opts(from, to, options).await
    }
}
