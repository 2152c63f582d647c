//! Crowds: many tasks at once, as a law about races needs them.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::Barrier;

/// Runs so many tasks that begin together, and gives their outcomes in order.
///
/// # Panics
/// If one of them does.
pub async fn at_once<T, F>(number: usize, task: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let gate = Arc::new(Barrier::new(number));
    let started = |at| {
        let (gate, task) = (Arc::clone(&gate), task(at));
        tokio::spawn(async move {
            gate.wait().await;
            task.await
        })
    };
    let running: Vec<_> = (0..number).map(started).collect();
    let mut outcomes = Vec::with_capacity(number);
    for task in running {
        outcomes.push(task.await.expect("no task fails"));
    }
    outcomes
}
