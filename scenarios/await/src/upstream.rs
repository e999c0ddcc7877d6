//! The price service that an order asks, with a few short round trips.

use anyhow::{Context, ensure};
use std::net::{SocketAddr, TcpListener as StdListener};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::error::Elapsed;
use tokio::time::{sleep, timeout};

/// Lines of an order.
pub const LINES: u64 = 8;
/// Prices that are asked for at a time.
pub const AT_A_TIME: usize = 4;
/// Time of a round trip.
const ROUND_TRIP: Duration = Duration::from_millis(10);
/// Time after which a price is given up: twice what the longest takes.
const PATIENCE: Duration = Duration::from_millis(80);
/// Time to store the line of an order.
const STORE: Duration = Duration::from_millis(30);
/// Time that the slow service takes.
const SLOW: Duration = Duration::from_millis(60);

/// The price of a line: two round trips, or four for what is not in stock.
///
/// # Errors
/// If its time is up.
pub async fn price(line: u64) -> Result<u64, Elapsed> {
    let asked = async move {
        let in_stock = line % 4 != 3;
        for _ in 0..if in_stock { 2 } else { 4 } {
            sleep(ROUND_TRIP).await;
        }
        100 + line
    };
    timeout(PATIENCE, asked).await
}

/// Stores a line with its price.
pub async fn store(_line: u64) {
    sleep(STORE).await;
}

/// Asks a service that takes its time.
pub async fn ask_slow() -> anyhow::Result<()> {
    sleep(SLOW).await;
    Ok(())
}

/// Asks the same service over a socket.
///
/// # Errors
/// If the service cannot be reached, or answers something else.
pub async fn ask_socket(service: SocketAddr) -> anyhow::Result<()> {
    let mut socket = TcpStream::connect(service).await.context("cannot reach the price service")?;
    socket.write_all(b"price").await?;
    let mut answer = [0; 5];
    socket.read_exact(&mut answer).await?;
    ensure!(&answer == b"price", "the price service answered {answer:?}");
    Ok(())
}

/// The slow service behind a socket, on a thread and a runtime of its own, until it is dropped.
#[derive(Debug)]
pub struct SocketService {
    /// Where it listens.
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl SocketService {
    /// Starts the service.
    ///
    /// # Errors
    /// If there is no port or no thread for it.
    pub fn start() -> anyhow::Result<SocketService> {
        let listener = StdListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = thread::Builder::new().name("price-service".into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    () = accept(listener) => {}
                }
            });
        })?;
        Ok(SocketService { address, stop: Some(stop), thread: Some(thread) })
    }
}

async fn accept(listener: StdListener) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    while let Ok((socket, _)) = listener.accept().await {
        tokio::spawn(answer(socket));
    }
}

/// Sends back what a client sent, after a while. A client that is gone needs no answer.
async fn answer(mut socket: TcpStream) {
    let mut asked = [0; 5];
    if socket.read_exact(&mut asked).await.is_ok() {
        sleep(SLOW).await;
        let _ = socket.write_all(&asked).await;
    }
}

impl Drop for SocketService {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
