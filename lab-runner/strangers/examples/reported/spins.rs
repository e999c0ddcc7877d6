//! A receiver that asks an empty channel again and again, and is polite about it.

use flume::TryRecvError;
use lab_kit::{Cause, Cx, Load, Scenario, Truth};
use lab_strangers::{LOAD, cured, scenario, serve, sick};
use tokio::sync::oneshot;
use tokio::task::yield_now;

pub static SCENARIO: Scenario = scenario(
    "spins",
    "a gateway with hardly anything to do",
    Load { rate: 50.0, ..LOAD },
    &[
        sick(
            "an empty channel is asked again after a yield",
            buggy,
            Some(Truth::new(Cause::BusyLoop, "reported::spins::receive")),
        ),
        cured("an empty channel wakes who waits for it", fixed),
    ],
);

type Packet = oneshot::Sender<()>;

async fn receive(packets: &flume::Receiver<Packet>) -> Option<Packet> {
    loop {
        match packets.try_recv() {
            Ok(packet) => return Some(packet),
            Err(TryRecvError::Empty) => yield_now().await,
            Err(TryRecvError::Disconnected) => return None,
        }
    }
}

async fn forward(packets: flume::Receiver<Packet>) {
    while let Some(packet) = receive(&packets).await {
        let _ = packet.send(());
    }
}

fn buggy(cx: &Cx) -> anyhow::Result<()> {
    let (send, packets) = flume::unbounded();
    let handle = move |_number| {
        let (packet, forwarded) = oneshot::channel();
        let sent = send.send(packet);
        async move {
            sent.map_err(drop)?;
            forwarded.await.map_err(drop)
        }
    };
    serve(cx, handle, forward(packets))
}

async fn forward_fixed(mut packets: tokio::sync::mpsc::UnboundedReceiver<Packet>) {
    while let Some(packet) = packets.recv().await {
        let _ = packet.send(());
    }
}

fn fixed(cx: &Cx) -> anyhow::Result<()> {
    let (send, packets) = tokio::sync::mpsc::unbounded_channel();
    let handle = move |_number| {
        let (packet, forwarded) = oneshot::channel();
        let sent = send.send(packet);
        async move {
            sent.map_err(drop)?;
            forwarded.await.map_err(drop)
        }
    };
    serve(cx, handle, forward_fixed(packets))
}
