//! Checkpoints in an S3-compatible bucket.

use object_store::{
    ObjectStore, ObjectStoreExt as _, PutMode, PutOptions,
    aws::{AmazonS3, AmazonS3Builder},
    path::Path,
};

use super::publish_error::PublishError;

/// An S3-compatible bucket. Region, endpoint and credentials are configured as for the AWS tools:
/// with `AWS_REGION`, `AWS_ENDPOINT_URL`, `AWS_ACCESS_KEY_ID` and so on, or by the role of the
/// machine.
pub(super) struct Bucket {
    store: AmazonS3,
    prefix: String,
}

impl Bucket {
    pub(super) fn open(bucket: &str, prefix: &str) -> Result<Self, PublishError> {
        let store = AmazonS3Builder::from_env()
            .with_bucket_name(bucket)
            .build()?;
        Ok(Self {
            store,
            prefix: prefix.to_owned(),
        })
    }

    /// Creates an object named after the size. An existing object is never overwritten.
    pub(super) async fn put(&self, size: u64, note: &str) -> Result<(), PublishError> {
        // Padded to twenty digits, so that names sort by size.
        let path = Path::from(format!("{}/{size:020}", self.prefix));
        let once = PutOptions {
            mode: PutMode::Create,
            ..PutOptions::default()
        };

        match self
            .store
            .put_opts(&path, note.to_owned().into(), once)
            .await
        {
            Ok(_) => Ok(()),
            Err(object_store::Error::AlreadyExists { .. }) => {
                let there = self.store.get(&path).await?.bytes().await?;
                if there == note.as_bytes() {
                    Ok(())
                } else {
                    Err(PublishError::Contradiction)
                }
            }
            Err(error) => Err(error.into()),
        }
    }
}
