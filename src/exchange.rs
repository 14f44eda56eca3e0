//! A request that is being answered: what all steps of the handler have at hand.

use std::rc::Rc;

use chrono::TimeDelta;
use edge_metadata_core::auth::Actor;
use edge_metadata_core::http::checks::check_content_type;
use edge_metadata_core::http::cors::Cors;
use edge_metadata_core::http::documents::View;
use edge_metadata_core::http::fault::Fault;
use edge_metadata_core::http::microversion::Microversion;
use edge_metadata_core::http::request::{Headers as _, RequestHead};
use edge_metadata_core::http::response::Response;
use edge_metadata_core::http::route::{ComputeRoute, Route};
use edge_metadata_core::http::{body, header};
use serde_json::Value as Json;
use uuid::Uuid;
use worker::web_sys::{Request, Response as PlatformResponse};
use worker::{Context, Headers};

use crate::body::{self as request_body, BodyError};
use crate::context::{RequestContext, Waiting};
use crate::objects::client::{CallOptions, StoreError};
use crate::platform;
use crate::response::{RequestHeaders, send};
use crate::service::Service;

/// A request that is being answered.
pub(crate) struct Exchange {
    request: Request,
    headers: Headers,
    /// The settings, the bindings and what this isolate remembers.
    pub(crate) service: Rc<Service>,
    /// The path's route, [`None`] for an unknown path.
    pub(crate) route: Option<Route>,
    /// What passes through the request.
    pub(crate) context: Rc<RequestContext>,
}

impl Exchange {
    /// Returns a request that has just come in, under an id of its own.
    pub(crate) fn new(
        id: Uuid,
        request: Request,
        service: Rc<Service>,
        worker: Option<Context>,
    ) -> Self {
        let headers = Headers(request.headers());
        let mut url = request.url();
        if RequestHead::needs_parser(&url) {
            url = platform::normalized(&url).unwrap_or(url);
        }
        let head = RequestHead::new(&request.method(), &url);
        let route = Route::parse(&head.path, &service.settings.api_base_path);
        let received_at = platform::now();
        let patience = TimeDelta::milliseconds(service.settings.request_deadline_ms.into());
        let deadline = received_at + patience;
        let context = RequestContext::new(id, head, received_at, deadline, worker);
        context.log(|record| {
            record.route = route.as_ref().map(Route::template);
            record.read_ids(&RequestHeaders(&headers));
        });
        Self {
            request,
            headers,
            service,
            route,
            context: Rc::new(context),
        }
    }

    /// Returns the request's method.
    pub(crate) fn method(&self) -> &str {
        &self.context.head.method
    }

    /// Returns the request's headers.
    pub(crate) fn headers(&self) -> RequestHeaders<'_> {
        RequestHeaders(&self.headers)
    }

    /// Returns a header of the request.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.headers().get(name)
    }

    /// Reads the body of a PUT or POST. S1: a DELETE accepts none, so it is not read; nor is a GET's.
    ///
    /// # Errors
    ///
    /// 6. 415 for another content type. 7. 400 for what is not JSON, 413 for what is too long.
    pub(crate) async fn read_json(&self, limit: usize) -> Result<Json, Fault> {
        check_content_type(self.header(header::CONTENT_TYPE).as_deref())?;
        if !matches!(self.method(), "PUT" | "POST") {
            return Ok(Json::Null);
        }
        let Some(stream) = self.request.body() else {
            return body::parse(&[]);
        };
        self.context.wait_for(Waiting::Body);
        let bytes = request_body::read(&stream, limit)
            .await
            .map_err(|error| match error {
                BodyError::TooLong => Fault::TooLarge(limit),
                BodyError::Broken(_) => Fault::MalformedBody,
            })?;
        self.context.wait_for(Waiting::Store);
        body::parse(&bytes)
    }

    /// Returns what the documents of this request depend on.
    pub(crate) fn view<'a>(
        &'a self,
        route: &'a ComputeRoute,
        version: Microversion,
        actor: &Actor,
    ) -> View<'a> {
        View {
            head: &self.context.head,
            base_path: &self.service.settings.api_base_path,
            route,
            version,
            access_level: actor.access_level,
        }
    }

    /// Returns what each call of an object has in common.
    pub(crate) fn call_options(&self) -> CallOptions {
        let id = self.context.id;
        #[cfg(feature = "faults")]
        let id = crate::faults::operation_id(id, &self.headers());
        CallOptions {
            id,
            deadline: self.context.deadline,
            item_limit: self.service.settings.metadata_items,
            keep_changes: self.service.settings.keep_changes,
        }
    }

    /// Returns the 503 for an object that did not reply.
    pub(crate) fn store_failed(&self, error: &StoreError) -> Fault {
        self.context.note(error.to_string());
        Fault::StoreUnavailable
    }

    /// Logs the request, and turns the response into the platform's.
    ///
    /// # Errors
    ///
    /// The runtime refuses the response, which it never does.
    pub(crate) fn finish(self, response: Response) -> worker::Result<PlatformResponse> {
        let settings = &self.service.settings;
        let cors = Cors::new(
            &settings.cors_origins,
            self.method(),
            &self.headers(),
            self.route.as_ref(),
        );
        let status = response.status();
        let now = platform::now();
        self.context.log(|record| {
            record.complete(status, now, now - self.context.received_at);
            record.write(settings.log_level);
            self.service.counters.count(record);
        });
        let request_id = self.context.request_id();
        send(&response.into_parts(self.method(), &request_id, cors))
    }
}
