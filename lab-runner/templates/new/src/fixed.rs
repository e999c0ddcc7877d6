//! The fix: the blocking call runs on a thread of the blocking pool, and the task awaits its end.

use crate::database::query;

/// Answers a request; every hundredth one needs the database.
pub async fn handle(number: usize) -> anyhow::Result<()> {
    if number.is_multiple_of(100) {
        tokio::task::spawn_blocking(query).await?;
    }
    Ok(())
}
