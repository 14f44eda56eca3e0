//! The Durable Object of one server or image: load, decide, write, answer.
//!
//! Its methods are synchronous. Nothing else can happen between a check and the write that depends
//! on it, and the runtime holds the answer back until the write is durable.

use serde_json::Value;
use wasm_bindgen::prelude::{JsError, JsValue, wasm_bindgen};

use super::made::Recent;
use super::message::{Call, Reply, Task};
use super::schema;
use crate::identity::policy::Actor;
use crate::metadata::{Kind, Operation, Record, decide};
use crate::platform::sql::{Storage, transaction};
use crate::platform::{Exception, runtime};
use crate::registry::{Applied, apply, parse};

/// The note on a change that made a new record: a retry must answer 201 as well.
const CREATED: &str = "created";

/// One server or image. JavaScript's `ResourceObject` holds it and hands messages on.
#[wasm_bindgen]
pub struct ResourceObject {
    storage: Storage,
    /// What SQLite holds. The object is its only writer, so this cannot be stale; [`None`] before
    /// the first message and after a write that failed.
    state: Option<State>,
}

struct State {
    record: Option<Record>,
    recent: Recent,
}

#[wasm_bindgen]
impl ResourceObject {
    /// An object on `ctx.storage`; reads nothing yet.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(storage: Storage) -> Self {
        Self {
            storage,
            state: None,
        }
    }

    /// Carries out one [`Call`], whose fields are the arguments, and gives the [`Reply`].
    ///
    /// # Errors
    ///
    /// The call is not understood, or the database refuses.
    pub fn perform(
        &mut self,
        operation_id: &str,
        retry: bool,
        task: String,
        project_id: String,
        standing: u8,
        item_limit: usize,
        key: String,
        body: String,
    ) -> Result<JsValue, JsError> {
        #[cfg(feature = "faults")]
        if let Some(promise) = crate::faults::in_object(operation_id)? {
            return Ok(promise.into());
        }
        let task = Call {
            operation_id: operation_id.to_owned(),
            retry,
            task,
            project_id,
            standing,
            item_limit,
            key,
            body,
        }
        .task()?;
        let reply = self.carry_out(operation_id, retry, task)?;
        Ok(reply.encode().into())
    }
}

impl ResourceObject {
    fn carry_out(&mut self, id: &str, retry: bool, task: Task) -> Result<Reply, Exception> {
        // Taken out, and only put back when all went well: after a failure SQLite is asked again.
        let mut state = match self.state.take() {
            Some(state) => state,
            None => State::load(&self.storage)?,
        };
        if retry && let Some(reply) = state.reply_to_retry(id, &task) {
            self.state = Some(state);
            return Ok(reply);
        }
        let reply = match task {
            Task::Perform {
                operation,
                actor,
                item_limit,
            } => state.perform(&self.storage, id, &operation, &actor, item_limit)?,
            Task::Register {
                document,
                item_limit,
            } => state.register(&self.storage, id, &document, item_limit)?,
            Task::Inspect => state.inspect(),
            Task::Forget => state.forget(&self.storage, id)?,
        };
        self.state = Some(state);
        Ok(reply)
    }
}

impl State {
    fn load(storage: &Storage) -> Result<Self, Exception> {
        let stored = schema::load(storage)?;
        Ok(Self {
            record: stored.record,
            recent: Recent::new(stored.made),
        })
    }

    /// The reply to a request whose change was made already, but whose first answer was lost.
    fn reply_to_retry(&self, id: &str, task: &Task) -> Option<Reply> {
        let note = self.recent.find(id)?;
        match (task, &self.record) {
            (Task::Perform { operation, .. }, Some(record)) => {
                Some(Reply::Done(operation.outcome(record)))
            }
            (Task::Register { .. }, Some(record)) if note == CREATED => {
                Some(Reply::Created(record.clone()))
            }
            (Task::Register { .. }, Some(record)) => Some(Reply::Known(record.clone())),
            (Task::Forget, None) => Some(Reply::Forgotten),
            _ => None,
        }
    }

    fn perform(
        &mut self,
        storage: &Storage,
        id: &str,
        operation: &Operation,
        actor: &Actor,
        item_limit: usize,
    ) -> Result<Reply, Exception> {
        let change = match decide(self.record.as_ref(), operation, actor, item_limit) {
            Ok(change) => change,
            Err(refusal) => return Ok(Reply::Refused(refusal)),
        };
        let Some(record) = &mut self.record else {
            return Ok(Reply::Unknown);
        };
        if let Some(change) = change {
            let made = self.recent.next(id, runtime::now().millis(), "");
            transaction(storage, || {
                schema::write_change(storage, &change)?;
                schema::write_made(storage, &made)
            })?;
            self.recent.remember(made);
            change.apply(&mut record.metadata);
        }
        Ok(Reply::Done(operation.outcome(record)))
    }

    fn register(
        &mut self,
        storage: &Storage,
        id: &str,
        document: &Value,
        item_limit: usize,
    ) -> Result<Reply, Exception> {
        let kind = if document.get(Kind::Server.singular()).is_some() {
            Kind::Server
        } else {
            Kind::Image
        };
        let now = runtime::now();
        let parsed = match parse(kind, document, item_limit) {
            Ok(document) => document,
            Err(field) => return Ok(Reply::Invalid(field)),
        };
        let with_items = parsed.names_metadata();
        let (created, record) = match apply(self.record.as_ref(), parsed, now) {
            Ok(Applied::Created(record)) => (true, record),
            Ok(Applied::Updated(record)) => (false, record),
            Ok(Applied::Outdated) => return Ok(self.inspect()),
            Err(field) => return Ok(Reply::Invalid(field)),
        };
        let note = if created { CREATED } else { "" };
        let made = self.recent.next(id, now.millis(), note);
        transaction(storage, || {
            schema::migrate(storage)?;
            schema::write_record(storage, &record, with_items)?;
            schema::write_made(storage, &made)
        })?;
        self.recent.remember(made);
        self.record = Some(record.clone());
        Ok(if created {
            Reply::Created(record)
        } else {
            Reply::Known(record)
        })
    }

    fn inspect(&self) -> Reply {
        match &self.record {
            Some(record) => Reply::Known(record.clone()),
            None => Reply::Unknown,
        }
    }

    fn forget(&mut self, storage: &Storage, id: &str) -> Result<Reply, Exception> {
        if self.record.is_none() {
            return Ok(Reply::Unknown);
        }
        let made = self.recent.next(id, runtime::now().millis(), "");
        transaction(storage, || {
            schema::erase(storage)?;
            schema::write_made(storage, &made)
        })?;
        self.recent.remember(made);
        self.record = None;
        Ok(Reply::Forgotten)
    }
}
