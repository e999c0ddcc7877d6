//! Services that a macro declares: a state, a handler, and a loop beside it.

use lab_kit::Cx;
use lab_strangers::{serve, spin};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Mutex, RwLock, broadcast, mpsc};

macro_rules! service {
    ($name:ident, $state:ty, handler: |$s:ident, $n:ident| $handler:block,
     beside: |$b:ident| $beside:block) => {
        pub mod $name {
            use super::*;

            pub async fn handle($s: Arc<$state>, $n: usize) {
                $handler
            }

            pub async fn beside($b: Arc<$state>) {
                $beside
            }

            pub fn run(cx: &Cx) -> anyhow::Result<()> {
                let state = Arc::new(<$state>::default());
                let shared = Arc::clone(&state);
                serve(cx, move |number| handle(Arc::clone(&shared), number), beside(state))
            }
        }
    };
}

// Exchange rates are computed anew four times a second.
service!(rates, RwLock<u64>,
handler: |rates, number| {
    black_box(*rates.read().await ^ number as u64);
},
beside: |rates| {
    let mut every = tokio::time::interval(Duration::from_millis(250));
    loop {
        every.tick().await;
        let fresh = (0..300_u64).fold(0, |all, pair| all ^ spin(40_000 + pair));
        *rates.write().await = fresh;
    }
});

// The same, one pair in each tick.
service!(pairs, RwLock<u64>,
handler: |rates, number| {
    black_box(*rates.read().await ^ number as u64);
},
beside: |rates| {
    let mut every = tokio::time::interval(Duration::from_millis(1));
    loop {
        every.tick().await;
        *rates.write().await ^= spin(40_000);
    }
});

#[derive(Default)]
pub struct Inbox {
    queue: Mutex<Vec<usize>>,
}

// A worker that looks into its inbox whenever it can.
service!(eager, Inbox,
handler: |inbox, number| {
    inbox.queue.lock().await.push(number);
},
beside: |inbox| {
    loop {
        let next = inbox.queue.lock().await.pop();
        match next {
            Some(number) => {
                black_box(number);
            }
            None => tokio::task::yield_now().await,
        }
    }
});

pub struct Posted {
    send: mpsc::UnboundedSender<usize>,
    receive: Mutex<mpsc::UnboundedReceiver<usize>>,
}

impl Default for Posted {
    fn default() -> Self {
        let (send, receive) = mpsc::unbounded_channel();
        Posted { send, receive: Mutex::new(receive) }
    }
}

// A worker that is woken by its inbox.
service!(patient, Posted,
handler: |inbox, number| {
    let _ = inbox.send.send(number);
},
beside: |inbox| {
    let mut receive = inbox.receive.lock().await;
    while let Some(number) = receive.recv().await {
        black_box(number);
    }
});

#[derive(Default)]
pub struct Ledger {
    lines: Mutex<u64>,
    audit: Mutex<u64>,
}

// The ledger is locked before the audit here, and after it there.
service!(ledger, Ledger,
handler: |ledger, number| {
    if number % 50 == 25 {
        let mut audit = ledger.audit.lock().await;
        tokio::time::sleep(Duration::from_millis(3)).await;
        *audit += *ledger.lines.lock().await;
    } else {
        *ledger.lines.lock().await += 1;
    }
},
beside: |ledger| {
    loop {
        tokio::time::sleep(Duration::from_millis(7)).await;
        let mut lines = ledger.lines.lock().await;
        tokio::time::sleep(Duration::from_millis(3)).await;
        *lines += *ledger.audit.lock().await;
    }
});

// Both lock the ledger first.
service!(ordered, Ledger,
handler: |ledger, number| {
    let mut lines = ledger.lines.lock().await;
    if number % 50 == 25 {
        *lines += *ledger.audit.lock().await;
    }
},
beside: |ledger| {
    loop {
        tokio::time::sleep(Duration::from_millis(7)).await;
        let mut lines = ledger.lines.lock().await;
        let mut audit = ledger.audit.lock().await;
        tokio::time::sleep(Duration::from_micros(300)).await;
        *lines += 1;
        *audit += 1;
    }
});

pub struct Flags {
    changes: Mutex<broadcast::Receiver<u64>>,
    now: AtomicU64,
}

impl Default for Flags {
    fn default() -> Self {
        let (all, changes) = broadcast::channel(16);
        for flag in 1..4 {
            let _ = all.send(flag);
        }
        Flags { changes: Mutex::new(changes), now: AtomicU64::new(0) }
    }
}

// Flags are sent once, and whoever sent them is gone.
service!(flags, Flags,
handler: |flags, number| {
    black_box(flags.now.load(Ordering::Relaxed) ^ number as u64);
},
beside: |flags| {
    let mut changes = flags.changes.lock().await;
    loop {
        match changes.recv().await {
            Ok(flag) => flags.now.store(flag, Ordering::Relaxed),
            Err(_) => continue,
        }
    }
});

pub struct Ticks {
    ticks: Mutex<mpsc::Receiver<u64>>,
    sum: AtomicU64,
}

impl Default for Ticks {
    fn default() -> Self {
        let (send, ticks) = mpsc::channel(4_096);
        let feed = move || {
            for burst in 0.. {
                let left = (0..600).any(|tick| {
                    matches!(send.try_send(burst ^ tick), Err(TrySendError::Closed(_)))
                });
                if left {
                    return;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        };
        // Without a thread there are no prices, which the run would show.
        let _ = std::thread::Builder::new().name("feed".into()).spawn(feed);
        Ticks { ticks: Mutex::new(ticks), sum: AtomicU64::new(0) }
    }
}

// Half a million prices a second come from a thread, and each is added up.
service!(ticks, Ticks,
handler: |ticks, number| {
    black_box(ticks.sum.load(Ordering::Relaxed) ^ number as u64);
},
beside: |ticks| {
    let mut prices = ticks.ticks.lock().await;
    while let Some(price) = prices.recv().await {
        ticks.sum.fetch_add(price, Ordering::Relaxed);
    }
});
