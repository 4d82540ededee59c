//! A place that fails when it is told to.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

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

/// Changes that are let through, and whether one was not.
#[derive(Debug)]
struct Left {
    changes: AtomicUsize,
    failed: AtomicBool,
    /// Whether the next change is to panic.
    panics: AtomicBool,
}

/// Memory whose changes fail from one on, until it is healed.
#[derive(Debug)]
pub struct Failing {
    inner: InMemory,
    left: Arc<Left>,
    /// Files put so far.
    pub files: watch::Sender<usize>,
}

impl Failing {
    /// Works, and is empty.
    pub fn new() -> Arc<Self> {
        Self::with(InMemory::new())
    }

    /// Works, and has what this one has.
    pub fn fork(&self) -> Arc<Self> {
        Self::with(self.inner.fork())
    }

    fn with(inner: InMemory) -> Arc<Self> {
        let left = Left {
            changes: AtomicUsize::new(usize::MAX),
            failed: AtomicBool::new(false),
            panics: AtomicBool::new(false),
        };
        let left = Arc::new(left);
        Arc::new(Self { inner, left, files: watch::Sender::new(0) })
    }

    /// Lets that many changes through.
    pub fn fail_after(&self, changes: usize) {
        self.left.changes.store(changes, Ordering::SeqCst);
    }

    /// Panics at the next change, once.
    pub fn panic_once(&self) {
        self.left.panics.store(true, Ordering::SeqCst);
    }

    /// Works from here on, and says whether anything failed.
    pub fn heal(&self) -> bool {
        self.left.changes.store(usize::MAX, Ordering::SeqCst);
        self.left.failed.swap(false, Ordering::SeqCst)
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

impl Left {
    /// Lets a change through, or not.
    fn change(&self) -> Result<()> {
        assert!(!self.panics.swap(false, Ordering::SeqCst), "it was told to panic");
        let take = |left: usize| if left == usize::MAX { Some(left) } else { left.checked_sub(1) };
        if self.changes.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_ok() {
            return Ok(());
        }
        self.failed.store(true, Ordering::SeqCst);
        Err(Error::Generic { store: "failing", source: "it was told to fail".into() })
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
        self.left.change()?;
        let put = self.inner.put_opts(location, payload, options).await?;
        self.files.send_modify(|files| *files += 1);
        Ok(put)
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.left.change()?;
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: Objects<Path>) -> Objects<Path> {
        let left = Arc::clone(&self.left);
        self.inner.delete_stream(Box::pin(locations.map(move |path| left.change().and(path))))
    }

    fn list(&self, prefix: Option<&Path>) -> Objects<ObjectMeta> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.left.change()?;
        self.inner.copy_opts(from, to, options).await
    }
}
