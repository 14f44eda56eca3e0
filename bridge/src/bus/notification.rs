//! Notifications of Nova and Glance, as oslo.messaging puts them on the wire.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::Value;

use crate::resource::{Kind, Resource, ResourceId};

/// What a notification says: something happened to this resource at that time.
///
/// There is nothing else in it on purpose. A payload is a snapshot of its sender's memory, and two notifications of
/// one server can arrive with the older snapshot last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announcement {
    /// What it is about; [`None`] when it is about nothing that the edge has.
    pub resource: Option<Resource>,
    /// When it was sent, if it says so.
    pub sent: Option<DateTime<Utc>>,
}

/// A message that is no notification.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Undecodable(String);

/// Reads a message's body: `{"oslo.version": "2.0", "oslo.message": "<JSON text>"}`, or the notification itself.
///
/// # Errors
///
/// It is not JSON, or has no event type.
pub fn parse(body: &[u8]) -> Result<Announcement, Undecodable> {
    let outer: Value =
        serde_json::from_slice(body).map_err(|error| Undecodable(format!("no JSON: {error}")))?;
    let notification = match outer.get("oslo.message") {
        Some(Value::String(text)) => serde_json::from_str(text)
            .map_err(|error| Undecodable(format!("oslo.message is no JSON: {error}")))?,
        Some(_) => return Err(Undecodable("oslo.message is no text".to_owned())),
        None => outer,
    };
    let event = notification
        .get("event_type")
        .and_then(Value::as_str)
        .ok_or_else(|| Undecodable("there is no event_type".to_owned()))?;
    let resource = kind_and_id(event, &notification).and_then(|(kind, id)| {
        Some(Resource {
            kind,
            id: ResourceId::parse(id)?,
        })
    });
    Ok(Announcement {
        resource,
        sent: sent(&notification),
    })
}

fn kind_and_id<'a>(event: &str, notification: &'a Value) -> Option<(Kind, &'a str)> {
    let payload = notification.get("payload")?;
    let (kind, id) = if event.starts_with("instance.") {
        (Kind::Server, payload.get("nova_object.data")?.get("uuid"))
    } else if event.starts_with("compute.instance.") {
        (Kind::Server, payload.get("instance_id"))
    } else if event.starts_with("image.") {
        // A member's event names the image by `image_id`.
        (
            Kind::Image,
            payload.get("image_id").or_else(|| payload.get("id")),
        )
    } else {
        return None;
    };
    Some((kind, id?.as_str()?))
}

/// oslo writes UTC, without an offset and with a space.
fn sent(notification: &Value) -> Option<DateTime<Utc>> {
    let text = notification.get("timestamp")?.as_str()?;
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f")
        .ok()
        .map(|time| time.and_utc())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ID: &str = "5ec95878-b74d-40f2-be61-c3c1ae5e5b19";

    fn wire(notification: &Value) -> Vec<u8> {
        json!({"oslo.version": "2.0", "oslo.message": notification.to_string()})
            .to_string()
            .into_bytes()
    }

    fn resource(event: &str, payload: &Value) -> Option<Resource> {
        parse(&wire(&json!({"event_type": event, "payload": payload})))
            .unwrap()
            .resource
    }

    fn named(kind: Kind) -> Resource {
        Resource {
            kind,
            id: ResourceId::parse(ID).unwrap(),
        }
    }

    #[test]
    fn a_versioned_notification_of_nova() {
        let payload =
            json!({"nova_object.name": "InstanceUpdatePayload", "nova_object.data": {"uuid": ID}});
        assert_eq!(
            resource("instance.update", &payload),
            Some(named(Kind::Server))
        );
        assert_eq!(
            resource("instance.delete.end", &payload),
            Some(named(Kind::Server))
        );
    }

    #[test]
    fn a_legacy_notification_of_nova() {
        assert_eq!(
            resource("compute.instance.update", &json!({"instance_id": ID})),
            Some(named(Kind::Server))
        );
    }

    #[test]
    fn notifications_of_glance() {
        assert_eq!(
            resource("image.update", &json!({"id": ID})),
            Some(named(Kind::Image))
        );
        let member = json!({"image_id": ID, "member_id": "a1", "id": 7});
        assert_eq!(
            resource("image.member.create", &member),
            Some(named(Kind::Image))
        );
    }

    #[test]
    fn the_time_is_utc() {
        let body = wire(
            &json!({"event_type": "x", "timestamp": "2026-11-25 18:00:01.500000", "payload": {}}),
        );
        let sent = parse(&body).unwrap().sent.unwrap();
        assert_eq!(sent.to_rfc3339(), "2026-11-25T18:00:01.500+00:00");
    }

    #[test]
    fn what_is_about_something_else_names_nothing() {
        for (event, payload) in [
            ("service.update", json!({"nova_object.data": {"uuid": ID}})),
            ("keypair.create.end", json!({})),
            ("compute.instance.update", json!({})),
            ("compute.instance.update", json!({"instance_id": 5})),
            ("image.update", json!({"id": "no uuid"})),
        ] {
            assert_eq!(resource(event, &payload), None, "{event} {payload}");
        }
    }

    #[test]
    fn a_message_without_an_envelope_is_read() {
        let body = json!({"event_type": "image.update", "payload": {"id": ID}}).to_string();
        assert_eq!(
            parse(body.as_bytes()).unwrap().resource,
            Some(named(Kind::Image))
        );
    }

    #[test]
    fn what_is_no_notification_is_an_error() {
        for body in [
            "",
            "\u{1}",
            "[]",
            "{}",
            r#"{"oslo.message": 1}"#,
            r#"{"oslo.message": "{"}"#,
        ] {
            assert!(parse(body.as_bytes()).is_err(), "{body}");
        }
    }
}
