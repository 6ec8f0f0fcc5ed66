//! The one place that writes, a thread of its own in a program. Work that waits is committed together, and nobody learns of success before the commit.
//!
//! A failure of the store, or a panic in a piece of work, poisons the writer: the group is lost, whoever waits is told,
//! and so is everybody after. What was acknowledged stays.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
};

use tokio::sync::{mpsc, oneshot, watch};

use super::{Group, Store, StoreError};
use crate::mailbox::Books;

/// Pieces of work that wait, at most. Beyond it a stream waits, which its own queue bounds.
const QUEUE_MAX: usize = 1_024;
/// Items (operations, envelopes, parts of objects) in one commit, at most; one piece of work is never cut.
const GROUP_ITEMS_MAX: usize = 512;

type Work = Box<dyn FnOnce(&mut Books, &Group) -> Result<Answer, StoreError> + Send>;
type Answer = Box<dyn FnOnce() + Send>;

/// Hands work to the writing thread.
#[derive(Clone)]
pub(crate) struct Writer {
    queue: mpsc::Sender<(usize, Work)>,
    poisoned: watch::Receiver<bool>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Writer(..)")
    }
}

impl Writer {
    /// A writer, and the desk where its work is done. The desk's work ends when the last `Writer` is dropped.
    pub(crate) fn new(store: Arc<Store>, books: Books) -> (Self, Desk) {
        let (queue, work) = mpsc::channel(QUEUE_MAX);
        let (poison, poisoned) = watch::channel(false);
        (Self { queue, poisoned }, Desk { store, books, work, poison })
    }

    /// Runs `work` in the next group; its value comes back once it is durable. `items` is how much it writes.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        items: usize,
        work: impl FnOnce(&mut Books, &Group) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, wait) = oneshot::channel();
        let work: Work = Box::new(move |books, group| {
            let value = work(books, group)?;
            Ok(Box::new(move || drop(reply.send(value))))
        });
        self.queue.send((items.max(1), work)).await.map_err(|_| StoreError::Poisoned)?;
        wait.await.map_err(|_| StoreError::Poisoned)
    }

    /// Waits until the writer is poisoned.
    pub(crate) async fn poisoned(&self) {
        let mut poisoned = self.poisoned.clone();
        // An error means that the thread is gone, which is the same.
        let _ = poisoned.wait_for(|poisoned| *poisoned).await;
    }
}

/// Where the work of writers is done, one group after the other.
pub struct Desk {
    store: Arc<Store>,
    books: Books,
    work: mpsc::Receiver<(usize, Work)>,
    poison: watch::Sender<bool>,
}

impl Desk {
    /// Works on a thread of its own.
    pub(crate) fn start(mut self) -> io::Result<thread::JoinHandle<()>> {
        thread::Builder::new().name("store writer".into()).spawn(move || {
            while let Some(first) = self.work.blocking_recv() {
                if !self.turn(first) {
                    return;
                }
            }
        })
    }

    /// Works in its place, for a runtime of one thread.
    pub async fn run(mut self) {
        while let Some(first) = self.work.recv().await {
            if !self.turn(first) {
                return;
            }
        }
    }

    /// Commits what waits now as one group. False when nothing more can be written.
    fn turn(&mut self, first: (usize, Work)) -> bool {
        let mut items = first.0;
        let mut group = vec![first.1];
        while items < GROUP_ITEMS_MAX {
            let Ok((more, work)) = self.work.try_recv() else { break };
            items = items.saturating_add(more);
            group.push(work);
        }
        let committed = catch_unwind(AssertUnwindSafe(|| commit(&self.store, &mut self.books, group)));
        let Ok(Ok(answers)) = committed else {
            // The answers are dropped, which tells those who wait.
            self.poison.send_replace(true);
            return false;
        };
        self.books.publish();
        for answer in answers {
            answer();
        }
        true
    }
}

fn commit(store: &Store, books: &mut Books, works: Vec<Work>) -> Result<Vec<Answer>, StoreError> {
    let group = store.group()?;
    let mut answers = Vec::with_capacity(works.len());
    for work in works {
        answers.push(work(books, &group)?);
    }
    group.commit()?;
    Ok(answers)
}
