//! The login service of the example pack: what the learner has no need to touch.

use lab_kit::Cx;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Rounds of one hash: some milliseconds on any machine.
const ROUNDS: u64 = 4_000_000;
/// Every so many requests one is a login.
const LOGIN_EVERY: usize = 16;

/// The accounts, and how many passwords were checked.
#[derive(Debug, Default)]
pub struct Accounts {
    checked: AtomicU64,
}

impl Accounts {
    /// Accepts a password by its hash.
    pub fn accept(&self, account: u64, hash: u64) -> bool {
        let right = hash == hash_of(account);
        self.checked.fetch_add(u64::from(right), Ordering::Relaxed);
        right
    }
}

/// The hash of a password, slow on purpose.
#[inline(never)] // so that a profile shows it
pub fn hash_of(password: u64) -> u64 {
    let mut hash = password | 1;
    for round in 0..ROUNDS {
        hash = std::hint::black_box(hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ round);
    }
    hash
}

/// Runs the service: every sixteenth request is a login, the others are the start page.
pub fn serve<F, Fut>(cx: &Cx, login: F) -> anyhow::Result<()>
where
    F: Fn(u64, Arc<Accounts>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = anyhow::Result<bool>> + Send + 'static,
{
    let begin = Instant::now();
    std::hint::black_box(hash_of(1));
    cx.probe().counter("hash_us")?.set(begin.elapsed().as_micros() as u64);
    let (logins, checked) =
        (cx.probe().counter("logins")?, cx.probe().counter("passwords_checked")?);
    checked.set(0);
    let accounts = Arc::<Accounts>::default();
    let (shared, counted) = (Arc::clone(&accounts), logins.clone());
    let runtime = cx.runtime().build()?;
    let requests = cx.requests(runtime.handle(), move |request| {
        let login = (request.number % LOGIN_EVERY == 0).then(|| {
            counted.add(1);
            login(request.number as u64, Arc::clone(&shared))
        });
        async move {
            match login {
                Some(login) => login.await.map(drop),
                None => Ok(()),
            }
        }
    })?;
    requests.finish()?;
    checked.set(accounts.checked.load(Ordering::Relaxed));
    Ok(())
}
