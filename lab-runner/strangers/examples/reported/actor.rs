//! An actor that sends itself a message through its own bounded mailbox.

use lab_kit::{Cause, Cx, Load, Scenario, Truth};
use lab_strangers::{LOAD, cured, scenario, serve, sick};
use tokio::sync::{mpsc, oneshot};

pub static SCENARIO: Scenario = scenario(
    "actor",
    "an actor that counts, and orders a snapshot from itself now and then",
    Load { rate: 2_000.0, ..LOAD },
    &[
        sick(
            "the snapshot waits for room in the actor's own mailbox",
            |cx| run(cx, true),
            Some(Truth::new(Cause::StuckTasks, "reported::actor::ask")),
        ),
        cured("the snapshot is made at once", |cx| run(cx, false)),
    ],
);

enum Message {
    Add(u64, oneshot::Sender<u64>),
    Snapshot,
}

struct Counter {
    mailbox: mpsc::Receiver<Message>,
    own: mpsc::WeakSender<Message>,
    orders_from_itself: bool,
    count: u64,
    snapshots: Vec<u64>,
}

impl Counter {
    async fn serve(mut self) {
        while let Some(message) = self.mailbox.recv().await {
            self.receive(message).await;
        }
    }

    async fn receive(&mut self, message: Message) {
        match message {
            Message::Add(more, reply) => {
                self.count += more;
                if self.count.is_multiple_of(16) {
                    self.order_snapshot().await;
                }
                let _ = reply.send(self.count);
            }
            Message::Snapshot => self.snapshots.push(self.count),
        }
    }

    async fn order_snapshot(&mut self) {
        if !self.orders_from_itself {
            return self.snapshots.push(self.count);
        }
        if let Some(own) = self.own.upgrade() {
            let _ = own.send(Message::Snapshot).await;
        }
    }
}

async fn ask(counter: &mpsc::Sender<Message>) -> Result<u64, ()> {
    let (reply, answer) = oneshot::channel();
    counter.send(Message::Add(1, reply)).await.map_err(drop)?;
    answer.await.map_err(drop)
}

fn run(cx: &Cx, orders_from_itself: bool) -> anyhow::Result<()> {
    let (send, mailbox) = mpsc::channel(4);
    let own = send.downgrade();
    let counter = Counter { mailbox, own, orders_from_itself, count: 0, snapshots: Vec::new() };
    let handler = move |_number| {
        let send = send.clone();
        async move { ask(&send).await }
    };
    serve(cx, handler, lab_kit::follow("counter", counter.serve()))
}
