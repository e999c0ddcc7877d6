//! A status page that looks at one watch channel twice in one expression, while somebody else updates it.

use lab_kit::{Cause, Cx, Kind, Load, Scenario, Truth, Variant};
use lab_strangers::{LOAD, compute, cured, scenario, serve, serve_joined, sick};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

pub static SCENARIO: Scenario = scenario(
    "two-borrows",
    "a status page beside the updates that it shows",
    Load { rate: 800.0, workers: 2, ..LOAD },
    &[
        sick(
            "the first look is kept during the second",
            |cx| run(cx, true),
            Some(Truth::new(Cause::Deadlock, "reported::two_borrows::status")),
        ),
        cured("one look, and a copy of what was seen", |cx| run(cx, false)),
        Variant {
            name: "joined",
            kind: Kind::Trap,
            ..sick(
                "as buggy, and main waits for the updates to end",
                joined,
                Some(Truth::new(Cause::Deadlock, "reported::two_borrows::status")),
            )
        },
    ],
);

#[derive(Clone, Copy, Default)]
struct Peer {
    connected: bool,
    session: u64,
}

struct Status {
    _connected: &'static str,
    _flagged: bool,
}

fn words(connected: bool) -> &'static str {
    compute(1_200); // half a millisecond
    if connected { "connected" } else { "disconnected" }
}

#[expect(clippy::match_single_binding, reason = "the fault as it was reported")]
async fn status(peer: watch::Receiver<Peer>) -> Option<Status> {
    Some(match *peer.borrow() {
        Peer { connected, .. } => {
            Status { _connected: words(connected), _flagged: peer.borrow().session == 0 }
        }
    })
}

async fn status_fixed(peer: watch::Receiver<Peer>) -> Option<Status> {
    let Peer { connected, session } = *peer.borrow();
    Some(Status { _connected: words(connected), _flagged: session == 0 })
}

async fn follow(peer: watch::Sender<Peer>) {
    for session in 0.. {
        peer.send_replace(Peer { connected: session % 7 != 0, session });
        sleep(Duration::from_millis(1)).await;
    }
}

fn run(cx: &Cx, buggy: bool) -> anyhow::Result<()> {
    let (update, peer) = watch::channel(Peer::default());
    let handle = move |_number| {
        let peer = peer.clone();
        async move {
            if buggy { status(peer).await } else { status_fixed(peer).await }.map(drop).ok_or(())
        }
    };
    serve(cx, handle, follow(update))
}

fn joined(cx: &Cx) -> anyhow::Result<()> {
    let (update, peer) = watch::channel(Peer::default());
    let handle = move |_number| {
        let peer = peer.clone();
        async move { status(peer).await.map(drop).ok_or(()) }
    };
    serve_joined(cx.runtime().build()?, cx, handle, follow(update))
}
