//! Requests in progress: each is one future, which is polled where it begins and again where it is woken.
//!
//! `wasm_bindgen`'s executor lets every future wait for its turn in a queue that all share. Here a wake
//! polls at once. It is sound because each future waits for promises and timers of its own request alone,
//! which the runtime settles in that request.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

type Future = Pin<Box<dyn std::future::Future<Output = ()>>>;

/// The requests in progress, by the number that each was given, and a value `T` that belongs to each.
pub struct Tasks<T> {
    by_number: RefCell<BTreeMap<u32, Task<T>>>,
    /// Polls the task of this number: [`poll`](Self::poll) of these tasks.
    poll: fn(u32),
}

struct Task<T> {
    value: T,
    waker: Waker,
    /// [`None`] while it is polled.
    future: Option<Future>,
    /// Whether it was woken while it was polled.
    is_woken: bool,
}

/// What wakes a task. A waker must be [`Send`], which a task is not, so it knows the number alone.
struct NumberWaker {
    number: u32,
    poll: fn(u32),
}

impl Wake for NumberWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        (self.poll)(self.number);
    }
}

impl<T> Tasks<T> {
    /// Returns tasks of which `poll` finds the one to [`poll`](Self::poll) again.
    #[must_use]
    pub const fn new(poll: fn(u32)) -> Self {
        Self {
            by_number: RefCell::new(BTreeMap::new()),
            poll,
        }
    }

    /// Begins a task, and goes on with it as far as it does without waiting.
    pub fn spawn(
        &self,
        number: u32,
        value: T,
        future: impl std::future::Future<Output = ()> + 'static,
    ) {
        let poll = self.poll;
        let task = Task {
            value,
            waker: Waker::from(Arc::new(NumberWaker { number, poll })),
            future: Some(Box::pin(future)),
            is_woken: false,
        };
        self.by_number.borrow_mut().insert(number, task);
        self.poll(number);
    }

    /// Goes on with a task. One that is being polled is polled once more when that is done; one that has ended stays so.
    pub fn poll(&self, number: u32) {
        while let Some((mut future, waker)) = self.take(number) {
            let mut context = Context::from_waker(&waker);
            if future.as_mut().poll(&mut context).is_ready() {
                self.abort(number);
                return;
            }
            if !self.put_back(number, future) {
                return;
            }
        }
    }

    /// Ends a task: its future is dropped, with everything that it holds. Returns its value, [`None`] when it has ended
    /// before.
    pub fn abort(&self, number: u32) -> Option<T> {
        let task = self.by_number.borrow_mut().remove(&number)?;
        Some(task.value)
    }

    fn take(&self, number: u32) -> Option<(Future, Waker)> {
        let mut tasks = self.by_number.borrow_mut();
        let task = tasks.get_mut(&number)?;
        let future = task.future.take();
        task.is_woken = future.is_none();
        Some((future?, task.waker.clone()))
    }

    /// Returns whether it was woken while it was polled. One that was aborted meanwhile is dropped.
    fn put_back(&self, number: u32, future: Future) -> bool {
        let mut tasks = self.by_number.borrow_mut();
        let Some(task) = tasks.get_mut(&number) else {
            return false;
        };
        task.future = Some(future);
        task.is_woken
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::poll_fn;
    use std::rc::Rc;
    use std::task::Poll;

    use super::*;

    thread_local! {
        static TASKS: Tasks<&'static str> = const { Tasks::new(poll) };
    }

    fn poll(number: u32) {
        TASKS.with(|tasks| tasks.poll(number));
    }

    fn spawn(number: u32, future: impl std::future::Future<Output = ()> + 'static) {
        TASKS.with(|tasks| tasks.spawn(number, "a value", future));
    }

    fn in_progress() -> usize {
        TASKS.with(|tasks| tasks.by_number.borrow().len())
    }

    /// What a task waits for until it is opened.
    #[derive(Clone, Default)]
    struct Gate(Rc<RefCell<(bool, Option<Waker>)>>);

    impl Gate {
        fn open(&self) {
            self.0.borrow_mut().0 = true;
            let waker = self.0.borrow_mut().1.take();
            if let Some(waker) = waker {
                waker.wake();
            }
        }

        async fn opened(&self) {
            poll_fn(|context| {
                let mut state = self.0.borrow_mut();
                if state.0 {
                    return Poll::Ready(());
                }
                state.1 = Some(context.waker().clone());
                Poll::Pending
            })
            .await;
        }
    }

    /// Counts.
    #[derive(Clone, Default)]
    struct Seen(Rc<Cell<u32>>);

    impl Seen {
        fn count(&self) {
            self.0.set(self.0.get() + 1);
        }
    }

    #[test]
    fn a_task_that_need_not_wait_ends_where_it_is_spawned() {
        let seen = Seen::default();
        let inner = seen.clone();
        spawn(1, async move { inner.count() });
        assert_eq!(seen.0.get(), 1);
        assert_eq!(in_progress(), 0);
    }

    #[test]
    fn a_wake_goes_on_at_once_and_with_its_own_task_only() {
        let (one, two, seen) = (Gate::default(), Gate::default(), Seen::default());
        for (number, gate) in [(1, one.clone()), (2, two.clone())] {
            let seen = seen.clone();
            spawn(number, async move {
                gate.opened().await;
                seen.count();
            });
        }
        two.open();
        assert_eq!((seen.0.get(), in_progress()), (1, 1));
        one.open();
        assert_eq!((seen.0.get(), in_progress()), (2, 0));
    }

    #[test]
    fn a_task_that_is_woken_while_it_is_polled_is_polled_again() {
        let seen = Seen::default();
        let inner = seen.clone();
        spawn(
            1,
            poll_fn(move |context| {
                inner.count();
                if inner.0.get() == 3 {
                    return Poll::Ready(());
                }
                context.waker().wake_by_ref();
                Poll::Pending
            }),
        );
        assert_eq!((seen.0.get(), in_progress()), (3, 0));
    }

    #[test]
    fn a_wake_after_the_end_does_nothing() {
        let seen = Seen::default();
        let kept: Rc<RefCell<Option<Waker>>> = Rc::default();
        let (inner, keep) = (seen.clone(), Rc::clone(&kept));
        spawn(
            1,
            poll_fn(move |context| {
                inner.count();
                keep.replace(Some(context.waker().clone()));
                Poll::Ready(())
            }),
        );
        let waker = kept.take();
        assert!(waker.is_some());
        waker.into_iter().for_each(Waker::wake);
        assert_eq!(seen.0.get(), 1);
    }

    #[test]
    fn an_aborted_task_is_dropped_and_not_woken() {
        let (gate, seen, owned) = (Gate::default(), Seen::default(), Rc::new(()));
        let (inner, wait, hold) = (seen.clone(), gate.clone(), Rc::clone(&owned));
        spawn(1, async move {
            wait.opened().await;
            inner.count();
            drop(hold);
        });
        assert_eq!(Rc::strong_count(&owned), 2);
        assert_eq!(TASKS.with(|tasks| tasks.abort(1)), Some("a value"));
        assert_eq!((Rc::strong_count(&owned), in_progress()), (1, 0));
        gate.open();
        assert_eq!(seen.0.get(), 0);
        assert_eq!(TASKS.with(|tasks| tasks.abort(1)), None);
    }

    #[test]
    fn a_task_that_is_aborted_while_it_is_polled_ends_with_that_poll() {
        let owned = Rc::new(());
        let hold = Rc::clone(&owned);
        spawn(1, async move {
            TASKS.with(|tasks| tasks.abort(1));
            Gate::default().opened().await;
            drop(hold);
        });
        assert_eq!((Rc::strong_count(&owned), in_progress()), (1, 0));
    }

    #[test]
    fn what_a_task_does_when_it_is_dropped_may_wake_and_spawn_others() {
        struct Opens(Gate, Seen);
        impl Drop for Opens {
            fn drop(&mut self) {
                self.0.open();
                let seen = self.1.clone();
                spawn(3, async move { seen.count() });
            }
        }
        let (gate, seen) = (Gate::default(), Seen::default());
        let (wait, inner) = (gate.clone(), seen.clone());
        spawn(1, async move {
            wait.opened().await;
            inner.count();
        });
        let opens = Opens(gate, seen.clone());
        spawn(2, async move {
            Gate::default().opened().await;
            drop(opens);
        });
        TASKS.with(|tasks| tasks.abort(2));
        assert_eq!((seen.0.get(), in_progress()), (2, 0));
    }

    #[test]
    fn a_late_wake_of_an_earlier_task_of_the_same_number_is_a_spurious_poll() {
        let (gate, seen) = (Gate::default(), Seen::default());
        let wait = gate.clone();
        spawn(1, async move { wait.opened().await });
        TASKS.with(|tasks| tasks.abort(1));
        let (wait, inner) = (Gate::default(), seen.clone());
        spawn(1, async move {
            inner.count();
            wait.opened().await;
            inner.count();
        });
        gate.open();
        assert_eq!((seen.0.get(), in_progress()), (1, 1));
    }
}
