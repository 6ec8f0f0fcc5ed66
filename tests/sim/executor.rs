//! Runs the tasks of every node of a world in one thread, in an order drawn from the world's seed.
//!
//! Time is the paused clock of a runtime of one thread: it goes on only when every task waits. Which of the tasks that
//! are ready goes next is drawn from the seed, so that the order in which they were woken decides nothing.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    future::{Future, poll_fn},
    pin::Pin,
    rc::Rc,
    sync::{Arc, Mutex},
    task::{Context, Poll, Wake, Waker},
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::sync::oneshot;

/// A node of a world: what is killed as a whole.
pub(crate) type NodeId = usize;

/// Whose tasks never die: those of the world itself.
pub(crate) const WORLD: NodeId = usize::MAX;

/// More polls than this in one world mean that it runs in circles.
const POLLS_MAX: u64 = 20_000_000;

/// What a task ends with; an error when its node was killed before.
pub(crate) type Ending<T> = oneshot::Receiver<T>;

type Running = Pin<Box<dyn Future<Output = ()>>>;

/// The tasks of a world.
#[derive(Clone)]
pub(crate) struct Executor(Rc<Inner>);

struct Inner {
    /// By number; nothing in the place of the one that is being polled.
    tasks: RefCell<BTreeMap<u64, (NodeId, Option<Running>)>>,
    ready: Arc<Ready>,
    next: Cell<u64>,
    polls: Cell<u64>,
    rng: RefCell<StdRng>,
}

#[derive(Default)]
struct Ready {
    tasks: Mutex<BTreeSet<u64>>,
    root: Mutex<Option<Waker>>,
}

struct TaskWaker {
    task: u64,
    ready: Arc<Ready>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.ready.tasks.lock().unwrap().insert(self.task);
        let root = self.ready.root.lock().unwrap().clone();
        if let Some(root) = root {
            root.wake();
        }
    }
}

impl Executor {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Rc::new(Inner {
            tasks: RefCell::default(),
            ready: Arc::default(),
            next: Cell::new(0),
            polls: Cell::new(0),
            rng: RefCell::new(StdRng::seed_from_u64(seed)),
        }))
    }

    /// Starts a task of a node.
    pub(crate) fn spawn<T: 'static>(&self, node: NodeId, work: impl Future<Output = T> + 'static) -> Ending<T> {
        let (said, ending) = oneshot::channel();
        let work = async move { drop(said.send(work.await)) };
        let task = self.0.next.get();
        self.0.next.set(task + 1);
        // A budget of the runtime would make tasks yield at places that have nothing to do with the seed.
        let work: Running = Box::pin(tokio::task::unconstrained(work));
        self.0.tasks.borrow_mut().insert(task, (node, Some(work)));
        self.0.ready.tasks.lock().unwrap().insert(task);
        ending
    }

    /// Ends all tasks of a node where they stand.
    pub(crate) fn kill(&self, node: NodeId) {
        let dead: Vec<_> = self.0.tasks.borrow_mut().extract_if(.., |_, (owner, _)| *owner == node).collect();
        // What they hold may wake others, or end what it held in turn.
        drop(dead);
    }

    /// How many polls there were.
    pub(crate) fn polls(&self) -> u64 {
        self.0.polls.get()
    }

    /// Runs everything until `director` has ended. `between` is called after every poll.
    pub(crate) async fn run<T: 'static>(
        &self,
        director: impl Future<Output = T> + 'static,
        mut between: impl FnMut(),
    ) -> T {
        let mut ending = self.spawn(WORLD, director);
        poll_fn(move |context| {
            *self.0.ready.root.lock().unwrap() = Some(context.waker().clone());
            while let Some(task) = self.draw() {
                self.poll(task);
                between();
                match ending.try_recv() {
                    Ok(value) => return Poll::Ready(value),
                    Err(oneshot::error::TryRecvError::Empty) => {}
                    Err(oneshot::error::TryRecvError::Closed) => panic!("nobody kills the director"),
                }
            }
            Poll::Pending
        })
        .await
    }

    /// The ready task that goes next.
    fn draw(&self) -> Option<u64> {
        let mut ready = self.0.ready.tasks.lock().unwrap();
        if ready.is_empty() {
            return None;
        }
        let index = self.0.rng.borrow_mut().random_range(0..ready.len());
        let task = *ready.iter().nth(index)?;
        ready.remove(&task);
        Some(task)
    }

    fn poll(&self, task: u64) {
        let polls = self.0.polls.get() + 1;
        assert!(polls < POLLS_MAX, "the world runs in circles");
        self.0.polls.set(polls);
        let Some(mut running) = self.0.tasks.borrow_mut().get_mut(&task).and_then(|(_, running)| running.take()) else {
            return;
        };
        let waker = Waker::from(Arc::new(TaskWaker { task, ready: Arc::clone(&self.0.ready) }));
        let is_pending = running.as_mut().poll(&mut Context::from_waker(&waker)).is_pending();
        let mut tasks = self.0.tasks.borrow_mut();
        if is_pending {
            if let Some((_, place)) = tasks.get_mut(&task) {
                *place = Some(running);
            }
        } else {
            tasks.remove(&task);
            drop(tasks);
            drop(running);
        }
    }
}
