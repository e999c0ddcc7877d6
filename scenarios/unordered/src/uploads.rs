//! The service that all variants share: small uploads, and how one of them is processed.

use lab_kit::Children;
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tracing::{Instrument, info_span};

/// Bytes of one upload: a thumbnail.
pub const BYTES: usize = 256;

/// One upload.
#[derive(Clone, Debug)]
pub struct Upload {
    /// Its place in the batch.
    pub number: usize,
    /// Its bytes.
    pub body: Arc<[u8]>,
}

/// What is kept of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest {
    /// The upload.
    pub number: usize,
    /// Checksum of its bytes.
    pub crc: u32,
}

/// Bounds the bytes that are being processed at a time.
#[derive(Debug)]
pub struct Limiter {
    bytes: Semaphore,
    /// Where the lab counts polls and wakes.
    counted: Children,
}

impl Limiter {
    /// A limiter that lets `bytes` pass at a time.
    pub fn new(bytes: usize, counted: Children) -> Limiter {
        Limiter { bytes: Semaphore::new(bytes), counted }
    }
}

/// Processes an upload as soon as the limiter lets it.
pub async fn process(upload: Upload, limiter: Arc<Limiter>) -> Digest {
    // Of its own, whoever polls it: the ways are to be comparable.
    let span = info_span!(parent: None, "piece", id = upload.number);
    limiter.counted.wrap(upload.number, digest(&upload, &limiter.bytes).instrument(span)).await
}

async fn digest(upload: &Upload, bytes: &Semaphore) -> Digest {
    let _permit =
        bytes.acquire_many(upload.body.len() as u32).await.expect("nobody closes the limiter");
    let crc = info_span!("checksum").in_scope(|| crc32fast::hash(&upload.body));
    Digest { number: upload.number, crc }
}

/// Uploads made from a seed. They share a few bodies, so that memory goes into what is studied.
pub fn generate(seed: u64, count: usize) -> Vec<Upload> {
    const BODIES: usize = 64;
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let mut body = || {
        let mut bytes = vec![0; BYTES];
        rng.fill_bytes(&mut bytes);
        Arc::<[u8]>::from(bytes)
    };
    let bodies: Vec<Arc<[u8]>> = (0..BODIES).map(|_| body()).collect();
    (0..count).map(|number| Upload { number, body: Arc::clone(&bodies[number % BODIES]) }).collect()
}

/// How many of the uploads have the right digest, each counted once.
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
