//! A pool of connections to a database, on the same disk as the journal.

use crate::journal::{Disk, Entry};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

/// Time that a query takes while the disk does not pause.
const QUERY: Duration = Duration::from_millis(2);

/// Connections of which each serves one caller at a time.
#[derive(Clone, Debug)]
pub struct Pool {
    permits: Arc<Semaphore>,
    disk: Arc<Disk>,
}

impl Pool {
    /// A pool of so many connections.
    pub fn of(connections: usize, disk: Disk) -> Pool {
        Pool { permits: Arc::new(Semaphore::new(connections)), disk: Arc::new(disk) }
    }

    /// A connection, as soon as one is free.
    ///
    /// # Errors
    /// If the pool is closed.
    pub async fn connection(&self) -> anyhow::Result<Connection> {
        let permit = Arc::clone(&self.permits).acquire_owned().await?;
        Ok(Connection { disk: Arc::clone(&self.disk), _permit: permit })
    }
}

/// A connection, which is free again when it is dropped.
#[derive(Debug)]
pub struct Connection {
    disk: Arc<Disk>,
    _permit: OwnedSemaphorePermit,
}

impl Connection {
    /// Inserts an entry.
    pub async fn insert(&mut self, entry: Entry) {
        sleep(QUERY).await;
        self.disk.write(entry).await;
    }
}
