//! What is the same for every request of an isolate: settings, bindings, and what is remembered.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use chrono::TimeDelta;
use edge_metadata_core::http::fault::Fault;
use edge_metadata_core::http::header;
use edge_metadata_core::settings::{BadSetting, LogLevel, Settings, api_base_path};
use thiserror::Error;
use wasm_bindgen::intern;
use worker::{Env, KvStore, RateLimiter};

use crate::auth::Authenticator;
use crate::context::RequestContext;
use crate::counters::Counters;
use crate::objects::client::{Indexes, Resources};
use crate::platform;

/// For how long this isolate believes what it knows of the control plane's last report.
const FEED_CACHE: TimeDelta = TimeDelta::seconds(5);

thread_local! {
    static SERVICE: OnceCell<Rc<Service>> = const { OnceCell::new() };
}

/// The Worker, as far as it is the same for every request of an isolate.
pub(crate) struct Service {
    /// What the operator set; the defaults where a setting is bad.
    pub(crate) settings: Settings,
    /// Why this deployment cannot work.
    pub(crate) misconfigured: Option<Misconfigured>,
    /// Where requests are counted.
    pub(crate) counters: Counters,
    authenticator: Option<Authenticator>,
    resources: Option<Resources>,
    indexes: Option<Indexes>,
    limiter: Option<RateLimiter>,
    /// When the control plane last reported, and when it was asked for that; milliseconds since 1970.
    feed: Cell<(i64, i64)>,
}

/// Why a deployment cannot work.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Misconfigured {
    /// A setting has a value that it may not have.
    #[error("setting {0}")]
    Setting(#[from] BadSetting),
    /// A binding is missing.
    #[error("binding {0} is missing")]
    Binding(&'static str),
}

impl Service {
    /// Returns this isolate's service. Settings are checked when the first request comes.
    pub(crate) fn of_isolate(env: &Env) -> Rc<Self> {
        SERVICE.with(|service| Rc::clone(service.get_or_init(|| Rc::new(Self::new(env)))))
    }

    /// Returns a service that logs and counts nothing, and that no request gets.
    pub(crate) fn silent(env: &Env) -> Self {
        let mut service = Self::new(env);
        service.settings.log_level = LogLevel::Warn;
        service.counters = Counters::default();
        service
    }

    fn new(env: &Env) -> Self {
        // Each request sends these to JavaScript, which would be decoded each time.
        for name in header::ASKED_FOR {
            intern(name);
        }
        let read = |name| platform::setting(env, name);
        let (settings, bad) = match Settings::read(read) {
            Ok(settings) => (settings, None),
            Err(bad) => {
                let api_base_path = api_base_path(&read).unwrap_or_default();
                let settings = Settings {
                    api_base_path,
                    ..Settings::default()
                };
                (settings, Some(bad))
            }
        };
        let authenticator = Authenticator::new(&settings, KvStore::from_this(env, "TOKENS").ok());
        let resources = Resources::new(env);
        let indexes = Indexes::new(env).ok();
        let missing = if authenticator.is_none() {
            Some("TOKENS")
        } else if resources.is_none() {
            Some("RESOURCES")
        } else if indexes.is_none() {
            Some("INDEXES")
        } else {
            None
        };
        Self {
            misconfigured: bad
                .map(Misconfigured::from)
                .or(missing.map(Misconfigured::Binding)),
            settings,
            counters: Counters::new(env),
            authenticator,
            resources,
            indexes,
            limiter: platform::binding(env, "RATE_LIMITER"),
            feed: Cell::default(),
        }
    }

    /// Returns who resolves tokens.
    ///
    /// # Errors
    ///
    /// 500 without the binding, as [`misconfigured`](Self::misconfigured) says.
    pub(crate) fn authenticator(&self) -> Result<&Authenticator, Fault> {
        self.authenticator.as_ref().ok_or(Fault::Internal)
    }

    /// Returns the objects of servers and images.
    ///
    /// # Errors
    ///
    /// The same.
    pub(crate) fn resources(&self) -> Result<&Resources, Fault> {
        self.resources.as_ref().ok_or(Fault::Internal)
    }

    /// Returns the lists.
    ///
    /// # Errors
    ///
    /// The same.
    pub(crate) fn indexes(&self) -> Result<&Indexes, Fault> {
        self.indexes.as_ref().ok_or(Fault::Internal)
    }

    /// 9. Counts a request. Without the binding, or when it fails, all pass.
    ///
    /// # Errors
    ///
    /// S1: 413 when there are too many requests.
    pub(crate) async fn check_rate(
        &self,
        key: &str,
        context: &RequestContext,
    ) -> Result<(), Fault> {
        let Some(limiter) = &self.limiter else {
            return Ok(());
        };
        match limiter.limit(key.to_owned()).await {
            Ok(outcome) if outcome.success => Ok(()),
            Ok(_) => Err(Fault::RateLimited {
                retry_after: self.settings.rate_limit_period_seconds,
                status: self.settings.rate_limit_status,
            }),
            Err(error) => {
                context.note(format!("the rate limiter failed: {error}"));
                Ok(())
            }
        }
    }

    /// P: changes wait for a control plane that has not reported for `MAX_FEED_AGE_SECONDS`.
    ///
    /// # Errors
    ///
    /// 503 when its last report is too old, or cannot be asked for.
    pub(crate) async fn check_feed(&self, context: &RequestContext) -> Result<(), Fault> {
        let Some(max_age) = self.settings.max_feed_age_seconds else {
            return Ok(());
        };
        let now = context.received_at.timestamp_millis();
        let (mut reported, asked) = self.feed.get();
        if now - asked >= FEED_CACHE.num_milliseconds() {
            reported = self.indexes()?.feed().await.map_err(|error| {
                context.note(error.to_string());
                Fault::StoreUnavailable
            })?;
            self.feed.set((reported, now));
        }
        if now - reported > i64::from(max_age) * 1_000 {
            return Err(Fault::StaleFeed);
        }
        Ok(())
    }
}
