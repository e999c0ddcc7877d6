//! The login service of the example pack: what the learner has no need to touch.

use lab_kit::Cx;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long the vault takes to hash a password.
const VAULT: Duration = Duration::from_millis(6);
/// Every so many requests one is a login, with one worker.
const LOGIN_EVERY: usize = 32;

/// The accounts, and how many passwords were checked.
#[derive(Debug, Default)]
pub struct Accounts {
    checked: AtomicU64,
}

impl Accounts {
    /// Accepts a password by its hash.
    pub fn accept(&self, account: u64, hash: u64) -> bool {
        let right = hash == hashed(account);
        self.checked.fetch_add(u64::from(right), Ordering::Relaxed);
        right
    }
}

/// Asks the vault for the hash of a password. Its client library blocks.
#[inline(never)] // so that a profile shows it
pub fn ask_vault(password: u64) -> u64 {
    std::thread::sleep(VAULT);
    hashed(password)
}

fn hashed(password: u64) -> u64 {
    (password | 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// Runs the service: every thirty-second request is a login, the others are the start page. With
/// more workers there are as many times more logins, so that one more worker hides nothing.
pub fn serve<F, Fut>(cx: &Cx, login: F) -> anyhow::Result<()>
where
    F: Fn(u64, Arc<Accounts>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = anyhow::Result<bool>> + Send + 'static,
{
    let begin = Instant::now();
    std::hint::black_box(ask_vault(1));
    cx.probe().counter("hash_us")?.set(begin.elapsed().as_micros() as u64);
    let (logins, checked) =
        (cx.probe().counter("logins")?, cx.probe().counter("passwords_checked")?);
    checked.set(0);
    let accounts = Arc::<Accounts>::default();
    let (shared, counted) = (Arc::clone(&accounts), logins.clone());
    let every = LOGIN_EVERY / cx.load().workers.clamp(1, LOGIN_EVERY);
    let runtime = cx.runtime().build()?;
    let requests = cx.requests(runtime.handle(), move |request| {
        let login = (request.number % every == 0).then(|| {
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
