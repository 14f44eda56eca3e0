//! Many requests with one question: one of them asks, the others wait for what it finds out.
//!
//! A request may not wait for another one's I/O. Each waits for a signal of its own, which the one
//! that asked gives to all.

use std::cell::RefCell;
use std::rc::Rc;

use crate::identity::token::Digest;
use crate::platform::runtime::{self, Bell, Signal};
use crate::time::Timestamp;

/// The questions that are being asked in this isolate.
#[derive(Debug)]
pub(super) struct Flights<T> {
    patience_ms: u32,
    aloft: RefCell<Vec<(Key, Rc<Flight<T>>)>>,
}

/// Which token, and whether it may have expired.
pub(super) type Key = (Digest, bool);

/// One question that is being asked.
#[derive(Debug)]
pub(super) struct Flight<T> {
    began: i64,
    state: RefCell<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    landed: Option<T>,
    bells: Vec<Bell>,
}

/// What a request is to do about its question.
pub(super) enum Seat<T> {
    /// Ask, and tell the others.
    Pilot(Rc<Flight<T>>),
    /// Wait.
    Passenger(Rc<Flight<T>>),
}

impl<T: Clone> Flights<T> {
    /// Nobody waits for another one longer than `patience_ms`: whoever asked may have been
    /// cancelled, and tells nobody.
    pub(super) fn new(patience_ms: u32) -> Self {
        Self {
            patience_ms,
            aloft: RefCell::new(Vec::new()),
        }
    }

    /// A seat in the flight that is under way, or in a new one where there is none, or none to
    /// wait for any longer.
    pub(super) fn board(&self, key: Key, now: Timestamp) -> Seat<T> {
        let mut aloft = self.aloft.borrow_mut();
        aloft.retain(|(_, flight)| self.patience_left(flight, now) > 0);
        if let Some((_, flight)) = aloft.iter().find(|(other, _)| *other == key) {
            return Seat::Passenger(Rc::clone(flight));
        }
        let flight = Rc::new(Flight {
            began: now.millis(),
            state: RefCell::new(State {
                landed: None,
                bells: Vec::new(),
            }),
        });
        aloft.push((key, Rc::clone(&flight)));
        Seat::Pilot(flight)
    }

    /// Tells all that wait, and those that boarded just before.
    pub(super) fn land(&self, flight: &Rc<Flight<T>>, outcome: &T) {
        self.aloft
            .borrow_mut()
            .retain(|(_, other)| !Rc::ptr_eq(other, flight));
        let mut state = flight.state.borrow_mut();
        state.landed = Some(outcome.clone());
        for bell in state.bells.drain(..) {
            bell.ring();
        }
    }

    /// What the one who asks found out; [`None`] when that takes too long.
    pub(super) async fn wait(&self, flight: &Flight<T>, now: Timestamp) -> Option<T> {
        let signal = Signal::of_this_request();
        flight.state.borrow_mut().bells.push(signal.bell());
        runtime::within(self.patience_left(flight, now), signal.wait()).await;
        flight.state.borrow().landed.clone()
    }

    fn patience_left(&self, flight: &Flight<T>, now: Timestamp) -> u32 {
        let left = flight.began + i64::from(self.patience_ms) - now.millis();
        u32::try_from(left).unwrap_or_default()
    }
}
