//! What the client hears just before ReadyForQuery: notifications, and parameters that have changed. The server reports
//! both there; several backends that follow one SET are one change.

use bytes::{Bytes, BytesMut};

use crate::wire::pg::frame::whole;
use crate::wire::pg::server::{self, tag};

/// News for one client.
#[derive(Debug, Default)]
pub struct News {
    /// What the client was told last, by name.
    told: Vec<(Bytes, Bytes)>,
    /// What has changed since, by name.
    changed: Vec<(Bytes, Bytes)>,
    /// Whole frames.
    notifications: BytesMut,
}

impl News {
    /// The client has been told a parameter.
    pub fn told(&mut self, name: &[u8], value: &[u8]) {
        set(&mut self.told, Bytes::copy_from_slice(name), Bytes::copy_from_slice(value));
    }

    /// A parameter as it is now.
    pub fn value(&self, name: &[u8]) -> Option<&[u8]> {
        self.changed.iter().chain(&self.told).find(|(known, _)| *known == name).map(|(_, value)| &value[..])
    }

    /// A backend has reported a parameter: the body of its ParameterStatus.
    pub fn changed(&mut self, body: &[u8]) {
        if let Ok((name, value)) = server::parameter(body) {
            set(&mut self.changed, Bytes::copy_from_slice(name), Bytes::copy_from_slice(value));
        }
    }

    /// Keeps what came during a verb of ours for later; notices go to `out` at once.
    pub fn keep(&mut self, mut frames: &[u8], out: &mut BytesMut) {
        while let Ok(Some((head, body))) = whole(frames) {
            let (frame, rest) = frames.split_at(head.total_bytes);
            match head.tag {
                tag::PARAMETER => self.changed(body),
                tag::NOTIFICATION => self.notifications.extend_from_slice(frame),
                _ => out.extend_from_slice(frame),
            }
            frames = rest;
        }
    }

    /// Writes all of it.
    pub fn tell(&mut self, out: &mut BytesMut) {
        if !self.notifications.is_empty() {
            out.extend_from_slice(&self.notifications.split());
        }
        for (name, value) in std::mem::take(&mut self.changed) {
            if !self.told.iter().any(|(n, v)| *n == name && *v == value) {
                server::put_parameter(out, &name, &value);
                set(&mut self.told, name, value);
            }
        }
    }
}

fn set(list: &mut Vec<(Bytes, Bytes)>, name: Bytes, value: Bytes) {
    match list.iter_mut().find(|(n, _)| *n == name) {
        Some(pair) => pair.1 = value,
        None => list.push((name, value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(name: &str, value: &str) -> BytesMut {
        let mut frame = BytesMut::new();
        server::put_parameter(&mut frame, name.as_bytes(), value.as_bytes());
        frame
    }

    #[test]
    fn a_parameter_is_told_once_and_only_if_it_is_new() {
        let (mut news, mut out) = (News::default(), BytesMut::new());
        news.told(b"TimeZone", b"UTC");
        for value in ["Asia/Tokyo", "UTC"] {
            news.keep(&parameter("TimeZone", value), &mut out);
        }
        news.tell(&mut out);
        assert!(out.is_empty(), "there and back again is no change");
        for _ in 0..2 {
            news.keep(&parameter("TimeZone", "Asia/Tokyo"), &mut out);
            news.tell(&mut out);
        }
        assert_eq!(out, parameter("TimeZone", "Asia/Tokyo"));
    }
}
