//! A pool of connections, and reports that take a second one while they keep the first.

use lab_kit::{Cause, Kind, Load, Scenario, Truth, Variant};
use lab_strangers::{LOAD, cured, nothing, scenario, serve, sick};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

pub static SCENARIO: Scenario = scenario(
    "two-connections",
    "requests that query a database through four connections",
    Load { rate: 300.0, ..LOAD },
    &[
        sick(
            "a report opens a second connection inside of its transaction",
            |cx| {
                let pool = Pool::of(4);
                serve(cx, move |number| request(pool.clone(), number), nothing())
            },
            Some(Truth::new(Cause::StuckTasks, "reported::two_connections::Pool::connection")),
        ),
        cured("a report uses the connection of its transaction", |cx| {
            let pool = Pool::of(4);
            serve(cx, move |number| request_fixed(pool.clone(), number), nothing())
        }),
        Variant {
            name: "too-few",
            kind: Kind::Decoy,
            ..cured("healthy, with one connection for three times its load", |cx| {
                let pool = Pool::of(1);
                serve(cx, move |number| request_fixed(pool.clone(), number), nothing())
            })
        },
    ],
);

/// As a pool of a database driver is: permits, and what is open.
#[derive(Clone)]
struct Pool {
    permits: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

struct Connection;

struct Checkout {
    pool: Pool,
    connection: Option<Connection>,
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    fn of(size: usize) -> Pool {
        Pool { permits: Arc::new(Semaphore::new(size)), idle: Arc::default() }
    }

    async fn connection(&self) -> anyhow::Result<Checkout> {
        let permit = Arc::clone(&self.permits).acquire_owned().await?;
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Ok(Checkout {
            pool: self.clone(),
            connection: Some(idle.unwrap_or(Connection)),
            _permit: permit,
        })
    }
}

impl Checkout {
    async fn query(&mut self, took: Duration) {
        sleep(took).await;
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        let idle = &self.pool.idle;
        idle.lock().unwrap_or_else(PoisonError::into_inner).extend(self.connection.take());
    }
}

const QUERY: Duration = Duration::from_millis(5);

async fn audit(pool: &Pool) -> anyhow::Result<()> {
    pool.connection().await?.query(QUERY).await;
    Ok(())
}

async fn request(pool: Pool, number: usize) -> anyhow::Result<()> {
    let mut transaction = pool.connection().await?;
    transaction.query(QUERY).await;
    if number.is_multiple_of(3) {
        audit(&pool).await?;
    }
    transaction.query(QUERY).await;
    Ok(())
}

async fn request_fixed(pool: Pool, number: usize) -> anyhow::Result<()> {
    let mut transaction = pool.connection().await?;
    transaction.query(QUERY).await;
    if number.is_multiple_of(3) {
        transaction.query(QUERY).await;
    }
    transaction.query(QUERY).await;
    Ok(())
}
