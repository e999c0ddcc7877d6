//! A listener that keeps every task it started, and never asks how they ended.

use lab_kit::{Cause, Cx, Load, Scenario, Truth};
use lab_strangers::{LOAD, cured, scenario, serve, sick};
use tokio::sync::mpsc::{self, Receiver};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

pub static SCENARIO: Scenario = scenario(
    "join-set",
    "a listener that starts a task for each question",
    Load { rate: 2_000.0, duration_ms: 3_000, ..LOAD },
    &[
        sick(
            "ended tasks stay in the set",
            |cx| run(cx, true),
            Some(Truth::new(Cause::Leak, "reported::join_set::listen")),
        ),
        cured("ended tasks are taken out of the set", |cx| run(cx, false)),
    ],
);

type Question = oneshot::Sender<[u8; 64]>;

async fn resolve(question: Question) -> [u8; 256] {
    let _ = question.send([0; 64]);
    [7; 256]
}

async fn listen(mut questions: Receiver<Question>) {
    let mut answers = JoinSet::new();
    while let Some(question) = questions.recv().await {
        answers.spawn(resolve(question));
    }
}

async fn listen_fixed(mut questions: Receiver<Question>) {
    let mut answers = JoinSet::new();
    while let Some(question) = questions.recv().await {
        while answers.try_join_next().is_some() {}
        answers.spawn(resolve(question));
    }
}

fn run(cx: &Cx, buggy: bool) -> anyhow::Result<()> {
    let (ask, questions) = mpsc::channel(256);
    let handle = move |_number| {
        let ask = ask.clone();
        async move {
            let (question, answer) = oneshot::channel();
            ask.send(question).await.map_err(drop)?;
            answer.await.map(drop).map_err(drop)
        }
    };
    serve(cx, handle, async move {
        if buggy { listen(questions).await } else { listen_fixed(questions).await }
    })
}
