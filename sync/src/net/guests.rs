//! Connections from others: a bounded number, in which strangers never keep the record's own devices out.
//!
//! Whoever has not shown yet that it belongs here gives way: when all places are taken, the oldest such connection is
//! closed for the new one. Nothing here decides who belongs.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use super::Connection;

/// Connections from others at one time.
const GUESTS_MAX: usize = 32;

/// The connections that are open, oldest first.
#[derive(Default)]
pub(crate) struct Guests {
    open: Mutex<Vec<Arc<Place>>>,
}

/// The place of one connection, taken as long as this.
pub(crate) struct Guest {
    guests: Arc<Guests>,
    place: Arc<Place>,
}

struct Place {
    connection: Box<dyn Connection>,
    is_welcome: AtomicBool,
}

impl Guests {
    /// Takes a connection in. If there is no room, the oldest stranger goes; if there is none, the newcomer does.
    pub(crate) fn receive(self: &Arc<Self>, connection: Box<dyn Connection>) -> Arc<Guest> {
        let place = Arc::new(Place { connection, is_welcome: AtomicBool::new(false) });
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.push(Arc::clone(&place));
        if open.len() > GUESTS_MAX
            && let Some(stranger) = open.iter().position(|place| !place.is_welcome.load(Ordering::Relaxed))
        {
            open.remove(stranger).connection.close();
        }
        drop(open);
        Arc::new(Guest { guests: Arc::clone(self), place })
    }
}

impl Guest {
    /// It showed that it belongs here: it gives way to nobody.
    pub(crate) fn welcome(&self) {
        self.place.is_welcome.store(true, Ordering::Relaxed);
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut open = self.guests.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|place| !Arc::ptr_eq(place, &self.place));
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Ends, Soon},
        *,
    };

    struct Called(Arc<AtomicBool>);

    impl Connection for Called {
        fn exporter(&self) -> Option<[u8; 32]> {
            None
        }

        fn open(&self) -> Soon<'_, Option<Ends>> {
            Box::pin(async { None })
        }

        fn close(&self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    /// A connection that comes in: its place, and whether it was closed.
    fn call(guests: &Arc<Guests>) -> (Arc<Guest>, Arc<AtomicBool>) {
        let closed = Arc::new(AtomicBool::new(false));
        (guests.receive(Box::new(Called(Arc::clone(&closed)))), closed)
    }

    #[test]
    fn fault_c8_strangers_give_way_and_who_belongs_here_stays() {
        let guests = Arc::new(Guests::default());
        let (own, own_is_closed) = call(&guests);
        own.welcome();
        let strangers: Vec<_> = (0..GUESTS_MAX + 5).map(|_| call(&guests)).collect();
        let closed = |at: usize| strangers[at].1.load(Ordering::Relaxed);
        assert!(!own_is_closed.load(Ordering::Relaxed));
        assert!((0..6).all(closed), "the oldest strangers went");
        assert!(!(6..strangers.len()).any(closed), "the newest have their time");
        assert_eq!(guests.open.lock().unwrap().len(), GUESTS_MAX);
        drop(strangers);
        assert_eq!(guests.open.lock().unwrap().len(), 1, "a place is free when its connection is gone");
    }

    #[test]
    fn where_all_belong_the_newcomer_goes() {
        let guests = Arc::new(Guests::default());
        let known: Vec<_> = (0..GUESTS_MAX).map(|_| call(&guests)).inspect(|(guest, _)| guest.welcome()).collect();
        let (_late, is_closed) = call(&guests);
        assert!(is_closed.load(Ordering::Relaxed));
        assert!(!known.iter().any(|(_, closed)| closed.load(Ordering::Relaxed)));
    }
}
