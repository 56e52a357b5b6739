//! Virtual time, and an executor that runs until nobody has anything to do.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use embassy_time::{Duration, Instant, MockDriver};

static TIME: Mutex<()> = Mutex::new(());

/// Polls of one task without time passing that no honest task needs.
const POLLS: u32 = 1_000_000;

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Task {
    future: Option<Pin<Box<dyn Future<Output = ()>>>>,
    flag: Arc<Flag>,
}

/// What a task will have answered.
pub(crate) struct Answer<T>(Rc<RefCell<Option<T>>>);

impl<T> Answer<T> {
    /// The answer, if there is one by now.
    pub(crate) fn take(&self) -> Option<T> {
        self.0.borrow_mut().take()
    }
}

/// One executor and its time.
pub(crate) struct World {
    tasks: Vec<Task>,
    _time: MutexGuard<'static, ()>,
}

impl World {
    /// A world at time zero.
    pub(crate) fn new() -> Self {
        let time = TIME.lock().unwrap_or_else(PoisonError::into_inner);
        MockDriver::get().reset();
        Self { tasks: Vec::new(), _time: time }
    }

    /// Runs a future with the others. Its number is for [`kill`](Self::kill).
    pub(crate) fn spawn<T: 'static>(&mut self, future: impl Future<Output = T> + 'static) -> (Answer<T>, usize) {
        let answer = Rc::new(RefCell::new(None));
        let into = Rc::clone(&answer);
        let future = Box::pin(async move {
            let output = future.await;
            *into.borrow_mut() = Some(output);
        });
        self.tasks.push(Task { future: Some(future), flag: Arc::new(Flag(AtomicBool::new(true))) });
        (Answer(answer), self.tasks.len() - 1)
    }

    /// Drops a future where it waits.
    pub(crate) fn kill(&mut self, task: usize) {
        self.tasks[task].future = None;
    }

    /// Polls everybody who was woken until nobody is; no time passes.
    pub(crate) fn settle(&mut self) {
        let mut polls = 0;
        loop {
            let mut any = false;
            for task in &mut self.tasks {
                let Some(future) = &mut task.future else { continue };
                if !task.flag.0.swap(false, Ordering::Relaxed) {
                    continue;
                }
                any = true;
                polls += 1;
                assert!(polls < POLLS, "somebody spins at {:?}", Instant::now());
                let waker = Waker::from(Arc::clone(&task.flag));
                if let Poll::Ready(()) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                    task.future = None;
                }
            }
            if !any {
                return;
            }
        }
    }

    /// Lets time pass at once: nobody sees a moment in between.
    pub(crate) fn jump(&mut self, span: Duration) {
        self.settle();
        MockDriver::get().advance(span);
        self.settle();
    }

    /// Lets time pass, a millisecond at a time.
    pub(crate) fn pass(&mut self, span: Duration) {
        for _ in 0..span.as_millis() {
            self.jump(Duration::from_millis(1));
        }
    }

    /// Lets time pass until there is an answer.
    pub(crate) fn until<T>(&mut self, answer: &Answer<T>, within: Duration) -> T {
        self.settle();
        for _ in 0..within.as_millis() {
            if let Some(answer) = answer.take() {
                return answer;
            }
            self.jump(Duration::from_millis(1));
        }
        answer.take().unwrap_or_else(|| panic!("no answer within {} s", within.as_secs()))
    }

    /// Runs one future to its end, and the others meanwhile.
    pub(crate) fn run<T: 'static>(&mut self, within: Duration, future: impl Future<Output = T> + 'static) -> T {
        let (answer, _) = self.spawn(future);
        self.until(&answer, within)
    }
}

/// Whether something has been seen to happen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen(Rc<Cell<bool>>);

impl Seen {
    pub(crate) fn set(&self) {
        self.0.set(true);
    }

    pub(crate) fn get(&self) -> bool {
        self.0.get()
    }
}

/// Something that lives as long as the process.
pub(crate) fn forever<T>(value: T) -> &'static mut T {
    Box::leak(Box::new(value))
}
