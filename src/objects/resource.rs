//! The Durable Object of one server or image: load, decide, write, answer.
//!
//! Its methods are synchronous. Nothing else can happen between a check and the write that depends
//! on it, and the runtime holds the answer back until the write is durable.

use wasm_bindgen::prelude::{JsError, JsValue, wasm_bindgen};

use super::made::Recent;
use super::message::{Call, Reply, Task};
use super::outbox::{self, Listed};
use super::schema;
use crate::identity::policy::Actor;
use crate::metadata::{Kind, Operation, Record, decide};
use crate::platform::sql::{Database, Storage, delete_all, set_alarm, transaction};
use crate::platform::{Exception, runtime};
use crate::registry::{Applied, apply, parse};

/// Milliseconds until a list that could not be reached is told again.
const TELL_AGAIN_MILLIS: i64 = 20_000;

/// Milliseconds for which the object of a deleted record still knows that it was deleted: longer
/// than the requests may last that repeat the deletion.
const GONE_MILLIS: i64 = 60_000;

/// One server or image. JavaScript's `ResourceObject` holds it and hands messages on.
#[wasm_bindgen]
pub struct ResourceObject {
    database: Database,
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
    ///
    /// # Errors
    ///
    /// The storage has no database.
    #[wasm_bindgen(constructor)]
    pub fn new(storage: Storage) -> Result<Self, JsError> {
        Ok(Self {
            database: Database::new(storage)?,
            state: None,
        })
    }

    /// Carries out one [`Call`], whose fields are the arguments, and gives the [`Reply`].
    ///
    /// # Errors
    ///
    /// The call is not understood, or the database refuses.
    pub fn perform(
        &mut self,
        operation_id: &str,
        // Not needed to know a change that was made already: a first try that was held up may even
        // come after the second.
        retry: bool,
        task: &str,
        project_id: &str,
        standing: u8,
        item_limit: usize,
        key: &str,
        body: &str,
    ) -> Result<JsValue, JsError> {
        #[cfg(feature = "faults")]
        let (operation_id, fault) = crate::faults::split(operation_id);
        #[cfg(feature = "faults")]
        if let Some(promise) = crate::faults::in_object(operation_id, fault, retry)? {
            return Ok(promise.into());
        }
        let call = Call {
            operation_id,
            retry,
            task,
            project_id,
            standing,
            item_limit,
            key,
            body: body.into(),
        };
        let reply = self.carry_out(operation_id, call.task()?)?;
        #[cfg(feature = "faults")]
        if let Some(promise) = crate::faults::after_object(operation_id, fault, retry) {
            return Ok(promise.into());
        }
        Ok(reply.into())
    }

    /// The alarm: what the lists have to hear, for [`deliver`](super::outbox::deliver); empty when
    /// they know all. An object without a record is then of no more use and goes, too.
    ///
    /// # Errors
    ///
    /// The database refuses.
    pub fn parcels(&mut self) -> Result<String, JsError> {
        let marks = schema::marks(&self.database)?;
        let stored = schema::load(&self.database)?;
        if !marks.is_empty() {
            return Ok(outbox::parcels(stored.record.as_ref(), &marks));
        }
        if stored.record.is_none() {
            self.state = None;
            delete_all(&self.database)?;
        }
        Ok(String::new())
    }

    /// What came of it, and when the next alarm is due.
    ///
    /// # Errors
    ///
    /// The database refuses.
    pub fn heard(&mut self, marks: &str) -> Result<(), JsError> {
        let heard = outbox::heard(marks);
        for (project_id, revision) in &heard {
            schema::unmark(&self.database, project_id, *revision)?;
        }
        let now = runtime::now().millis();
        if !schema::marks(&self.database)?.is_empty() {
            // Those that are left are next, but for those that could not be reached.
            let pause = if heard.is_empty() {
                TELL_AGAIN_MILLIS
            } else {
                0
            };
            set_alarm(&self.database, now + pause)?;
        } else if schema::load(&self.database)?.record.is_none() {
            set_alarm(&self.database, now + GONE_MILLIS)?;
        }
        Ok(())
    }
}

impl ResourceObject {
    /// The reply as it travels.
    fn carry_out(&mut self, id: &str, task: Task<'_>) -> Result<String, Exception> {
        // Taken out, and only put back when all went well: after a failure SQLite is asked again.
        let mut state = match self.state.take() {
            Some(state) => state,
            None => State::load(&self.database)?,
        };
        // The change was made already, but its answer was lost: what was replied then holds.
        if let Some(slot) = state.recent.find(id) {
            let reply = schema::reply(&self.database, slot)?;
            self.state = Some(state);
            return Ok(reply);
        }
        let reply = match task {
            Task::Perform {
                operation,
                actor,
                item_limit,
            } => state.perform(&self.database, id, &operation, &actor, item_limit)?,
            Task::Register {
                name,
                document,
                item_limit,
            } => state.register(&self.database, id, &name, &document, item_limit)?,
            Task::Inspect => state.inspect().encode(),
            Task::Forget { name } => state.forget(&self.database, id, &name)?,
        };
        self.state = Some(state);
        Ok(reply)
    }
}

impl State {
    fn load(database: &Database) -> Result<Self, Exception> {
        let stored = schema::load(database)?;
        Ok(Self {
            record: stored.record,
            recent: Recent::new(stored.made),
        })
    }

    fn perform(
        &mut self,
        database: &Database,
        id: &str,
        operation: &Operation,
        actor: &Actor,
        item_limit: usize,
    ) -> Result<String, Exception> {
        let change = match decide(self.record.as_ref(), operation, actor, item_limit) {
            Ok(change) => change,
            Err(refusal) => return Ok(Reply::Refused(refusal).encode()),
        };
        let Some(record) = &mut self.record else {
            return Ok(Reply::Unknown.encode());
        };
        let Some(change) = change else {
            return Ok(Reply::Done(operation.outcome(record)).encode());
        };
        // In memory first, because the reply is written along with the change. Should the write
        // fail, this state is dropped.
        change.apply(&mut record.metadata);
        let reply = Reply::Done(operation.outcome(record)).encode();
        let made = self.recent.next(id, runtime::now().millis());
        schema::write_change(database, &change, &made, &reply)?;
        self.recent.remember(made);
        Ok(reply)
    }

    fn register(
        &mut self,
        database: &Database,
        id: &str,
        name: &str,
        document: &str,
        item_limit: usize,
    ) -> Result<String, Exception> {
        let now = runtime::now();
        // The kind is in the object's own name, as it was in the path that named the object.
        let kind = if name.starts_with(Kind::Image.singular()) {
            Kind::Image
        } else {
            Kind::Server
        };
        let json = serde_json::from_str(document).unwrap_or_default();
        let parsed = match parse(kind, &json, item_limit) {
            Ok(document) => document,
            Err(field) => return Ok(Reply::Invalid(field).encode()),
        };
        let with_items = parsed.names_metadata();
        let (created, record) = match apply(self.record.as_ref(), parsed, now) {
            Ok(Applied::Created(record)) => (true, record),
            Ok(Applied::Updated(record)) => (false, record),
            Ok(Applied::Outdated) => return Ok(self.inspect().encode()),
            Err(field) => return Ok(Reply::Invalid(field).encode()),
        };
        let reply = if created {
            Reply::Created(record.clone()).encode()
        } else {
            Reply::Known(record.clone()).encode()
        };
        let made = self.recent.next(id, now.millis());
        let lists = lists_to_tell(self.record.as_ref(), Some(&record));
        transaction(database, || {
            schema::migrate(database)?;
            schema::write_record(database, &record, with_items)?;
            schema::mark(database, name, &lists)?;
            schema::write_made(database, &made, &reply)
        })?;
        if !lists.is_empty() {
            set_alarm(database, now.millis())?;
        }
        self.recent.remember(made);
        self.record = Some(record);
        Ok(reply)
    }

    fn inspect(&self) -> Reply {
        match &self.record {
            Some(record) => Reply::Known(record.clone()),
            None => Reply::Unknown,
        }
    }

    fn forget(&mut self, database: &Database, id: &str, name: &str) -> Result<String, Exception> {
        if self.record.is_none() {
            return Ok(Reply::Unknown.encode());
        }
        let now = runtime::now().millis();
        let reply = Reply::Forgotten.encode();
        let made = self.recent.next(id, now);
        let lists = lists_to_tell(self.record.as_ref(), None);
        transaction(database, || {
            schema::erase(database)?;
            schema::mark(database, name, &lists)?;
            schema::write_made(database, &made, &reply)
        })?;
        set_alarm(database, now)?;
        self.recent.remember(made);
        self.record = None;
        Ok(reply)
    }
}

fn lists_to_tell(before: Option<&Record>, after: Option<&Record>) -> Vec<String> {
    let before = before.map(Listed::of);
    let after = after.map(Listed::of);
    Listed::to_tell(before.as_ref(), after.as_ref())
}
