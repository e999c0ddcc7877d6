//! The service that all variants share: small uploads, and the processing of one of them.

use lab_kit::Children;
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tracing::{Instrument, info_span};

/// Bytes of one upload, a thumbnail.
pub const BYTES: usize = 256;

/// One upload.
#[derive(Clone, Debug)]
pub struct Upload {
    /// Index in the batch.
    pub number: usize,
    /// The uploaded bytes.
    pub body: Arc<[u8]>,
}

/// The result of processing an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest {
    /// Index of the upload in the batch.
    pub number: usize,
    /// Checksum of the uploaded bytes.
    pub crc: u32,
}

/// Limits the bytes that are being processed at a time.
#[derive(Debug)]
pub struct Limiter {
    bytes: Semaphore,
    /// Counts polls and wakes of the uploads.
    counted: Children,
}

impl Limiter {
    /// A limiter that admits `bytes` at a time.
    pub fn new(bytes: usize, counted: Children) -> Limiter {
        Limiter { bytes: Semaphore::new(bytes), counted }
    }
}

/// Processes an upload as soon as the limiter admits it.
pub async fn process(upload: Upload, limiter: Arc<Limiter>) -> Digest {
    // Without a parent, so that spans of variants compare, whichever task polls the upload.
    let span = info_span!(parent: None, "piece", id = upload.number);
    limiter.counted.wrap(upload.number, digest(&upload, &limiter.bytes).instrument(span)).await
}

async fn digest(upload: &Upload, bytes: &Semaphore) -> Digest {
    let _permit =
        bytes.acquire_many(upload.body.len() as u32).await.expect("the limiter is never closed");
    let crc = info_span!("checksum").in_scope(|| crc32fast::hash(&upload.body));
    Digest { number: upload.number, crc }
}

/// Uploads generated from a seed. They share a few bodies, so that memory is mostly that of futures
/// and tasks.
pub fn generate(seed: u64, count: usize) -> Vec<Upload> {
    const BODIES: usize = 64;
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let mut bodies: Vec<Arc<[u8]>> = Vec::with_capacity(BODIES);
    for _ in 0..BODIES {
        let mut bytes = vec![0; BYTES];
        rng.fill_bytes(&mut bytes);
        bodies.push(bytes.into());
    }
    (0..count).map(|number| Upload { number, body: Arc::clone(&bodies[number % BODIES]) }).collect()
}

/// Number of uploads with the right digest, each counted once.
pub fn verified(uploads: &[Upload], digests: &[Digest]) -> u64 {
    let mut right = vec![false; uploads.len()];
    for digest in digests {
        let upload = uploads.get(digest.number);
        if upload.is_some_and(|upload| crc32fast::hash(&upload.body) == digest.crc) {
            right[digest.number] = true;
        }
    }
    right.into_iter().filter(|right| *right).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_uploads() {
        let bodies =
            |seed| generate(seed, 100).into_iter().map(|upload| upload.body).collect::<Vec<_>>();
        assert_eq!(bodies(1), bodies(1));
        assert_ne!(bodies(1), bodies(2));
    }

    #[test]
    fn a_wrong_digest_and_a_second_one_do_not_count() {
        let uploads = generate(7, 3);
        let right = |number: usize| Digest { number, crc: crc32fast::hash(&uploads[number].body) };
        assert_eq!(verified(&uploads, &[right(0), right(1), right(2)]), 3);
        assert_eq!(verified(&uploads, &[right(0), right(0), Digest { number: 1, crc: 0 }]), 1);
    }
}
