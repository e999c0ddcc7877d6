//! Who looks for input while one worker is in a long poll, by what is read and not by a clock.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use tokio::io::Interest;
use tokio::runtime::{Builder, Runtime};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// Time in which the workers fall asleep.
const QUIET: Duration = Duration::from_millis(50);
/// Far longer than a worker needs to read a byte. What is not read by then waits for the poll.
const LONG: Duration = Duration::from_secs(1);

/// What the long poll does: it sends a byte to its own runtime, and waits until that has read it.
struct LongPoll {
    client: TcpStream,
    read: Receiver<()>,
}

impl LongPoll {
    /// Whether the byte is read before the poll gives up.
    fn wait_until_read(mut self) -> bool {
        self.client.write_all(b"?").unwrap();
        self.read.recv_timeout(LONG).is_ok()
    }
}

/// A runtime of which one worker waits at the driver for a byte, and the other ones sleep.
fn listening(builder: &mut Builder) -> (Runtime, LongPoll) {
    let runtime = builder.enable_all().build().unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    server.set_nonblocking(true).unwrap();
    let (send, read) = channel();
    runtime.spawn(forward(server, send));
    client.write_all(b"!").unwrap();
    read.recv().unwrap();
    (runtime, LongPoll { client, read })
}

/// Reports each byte that it reads.
async fn forward(server: TcpStream, read: Sender<()>) {
    let socket = tokio::net::TcpStream::from_std(server).unwrap();
    let mut byte = [0];
    while socket.ready(Interest::READABLE).await.is_ok() {
        match socket.try_read(&mut byte) {
            Ok(0) => return,
            Ok(_) => drop(read.send(())),
            Err(_) => {}
        }
    }
}

fn workers(number: usize) -> Builder {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(number);
    builder
}

/// A long poll that begins when a timer wakes its task.
fn poll_is_heard(builder: &mut Builder) -> bool {
    let (runtime, poll) = listening(builder);
    let task = runtime.spawn(async {
        sleep(QUIET).await;
        poll.wait_until_read()
    });
    runtime.block_on(task).unwrap()
}

/// Whether something happens at least once in a few attempts: a busy host may keep a worker awake.
fn happens(attempt: impl Fn() -> bool) -> bool {
    (0..5).any(|_| attempt())
}

/// Whether something happens in each of a few attempts.
fn always(attempt: impl Fn() -> bool) -> bool {
    (0..5).all(|_| attempt())
}

#[test]
fn nobody_looks_for_input_during_a_long_poll_with_any_number_of_workers() {
    for number in [2, 8] {
        assert!(happens(|| !poll_is_heard(&mut workers(number))), "{number} workers");
    }
}

#[test]
fn a_task_that_a_worker_spawns_runs_on_the_same_worker() {
    assert!(happens(|| {
        let (runtime, poll) = listening(&mut workers(2));
        let task = runtime.spawn(async {
            sleep(QUIET).await;
            tokio::spawn(async { poll.wait_until_read() }).await.unwrap()
        });
        !runtime.block_on(task).unwrap()
    }));
}

#[test]
fn an_eager_handoff_of_the_driver_wakes_another_worker_before_the_poll() {
    assert!(always(|| poll_is_heard(workers(2).enable_eager_driver_handoff())));
}

#[test]
fn a_wake_from_outside_makes_another_worker_look_for_input() {
    assert!(always(|| {
        let (runtime, poll) = listening(&mut workers(2));
        let (begin, begun) = channel();
        let task = runtime.spawn(async move {
            sleep(QUIET).await;
            begin.send(()).unwrap();
            poll.wait_until_read()
        });
        begun.recv().unwrap();
        runtime.spawn(async {});
        runtime.block_on(task).unwrap()
    }));
}

#[test]
fn a_thread_of_the_blocking_pool_keeps_no_driver() {
    assert!(always(|| {
        let (runtime, poll) = listening(&mut workers(1));
        let task = runtime.spawn(async {
            sleep(QUIET).await;
            spawn_blocking(|| poll.wait_until_read()).await.unwrap()
        });
        runtime.block_on(task).unwrap()
    }));
}
