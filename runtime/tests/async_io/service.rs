//! A service that answers when a test says so, and a function that asks it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use millstream::operator::{AsyncContext, AsyncFunction};
use millstream::prelude::*;
use tokio::sync::{Notify, oneshot};

type Answer = Result<Vec<u64>, String>;

/// Clones are the same service.
#[derive(Clone, Default)]
pub(crate) struct Service(Arc<Mutex<Inside>>);

#[derive(Default)]
struct Inside {
    /// Requests without an answer; several if a number is asked for several times.
    waiting: BTreeMap<u64, Vec<oneshot::Sender<Answer>>>,
    requests: u64,
    opened: u64,
    closed: u64,
    held: Option<Arc<Notify>>,
}

impl Service {
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap()
    }

    /// Answers with the number itself.
    #[track_caller]
    pub(crate) fn answer(&self, number: u64) {
        self.reply(number, Ok(vec![number]));
    }

    #[track_caller]
    pub(crate) fn fail(&self, number: u64) {
        self.reply(number, Err(format!("{number} is busy")));
    }

    #[track_caller]
    fn reply(&self, number: u64, answer: Answer) {
        let mut inside = self.inside();
        let waiting = inside.waiting.entry(number).or_default();
        waiting.retain(|asker| !asker.is_closed());
        assert!(!waiting.is_empty(), "nobody asks for {number}");
        waiting.remove(0).send(answer).unwrap();
    }

    /// The numbers that somebody waits for.
    pub(crate) fn waiting(&self) -> Vec<u64> {
        let inside = self.inside();
        let open = |askers: &[oneshot::Sender<Answer>]| askers.iter().any(|asker| !asker.is_closed());
        inside.waiting.iter().filter(|(_, askers)| open(askers)).map(|(number, _)| *number).collect()
    }

    /// How many requests there have been.
    pub(crate) fn requests(&self) -> u64 {
        self.inside().requests
    }

    pub(crate) fn opened(&self) -> u64 {
        self.inside().opened
    }

    pub(crate) fn closed(&self) -> u64 {
        self.inside().closed
    }

    /// Lets nobody in.
    pub(crate) fn hold_open(&self) {
        self.inside().held = Some(Arc::default());
    }

    /// Lets in who waits.
    pub(crate) fn let_open(&self) {
        self.inside().held.take().unwrap().notify_waiters();
    }
}

/// Asks a service for a number.
#[derive(Clone)]
pub(crate) struct Lookup {
    service: Service,
    is_open: bool,
}

impl Lookup {
    pub(crate) fn new(service: &Service) -> Self {
        Self { service: service.clone(), is_open: false }
    }
}

impl AsyncFunction for Lookup {
    type In = u64;
    type Out = u64;

    async fn open(&mut self, _ctx: &AsyncContext) -> Result<()> {
        let held = self.service.inside().held.clone();
        if let Some(held) = held {
            held.notified().await;
        }
        self.service.inside().opened += 1;
        self.is_open = true;
        Ok(())
    }

    async fn call(&self, number: u64, _ctx: &AsyncContext) -> Result<Vec<u64>> {
        let (asker, answer) = oneshot::channel();
        {
            let mut inside = self.service.inside();
            inside.requests += 1;
            inside.waiting.entry(number).or_default().push(asker);
        }
        answer.await?.map_err(anyhow::Error::msg)
    }

    async fn close(&self, _ctx: &AsyncContext) -> Result<()> {
        self.service.inside().closed += 1;
        Ok(())
    }
}
