//! The fault: a blocking call in an `async fn` keeps the worker, and no other task runs meanwhile.

use crate::database::query;

/// Answers a request; every hundredth one needs the database.
pub async fn handle(number: usize) -> anyhow::Result<()> {
    if number.is_multiple_of(100) {
        query();
    }
    Ok(())
}
