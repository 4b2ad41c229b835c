//! What `/openapi.json` says of the operator's port is so: every path is served, every answer has the described shape.

use handfast::base::Engine;
use handfast::testbed::Order;
use serde_json::Value;

use crate::bed::{SETTLE_MAX, Stand, on, until};
use crate::http;

#[test]
fn every_path_is_served_and_every_answer_has_the_described_shape() {
    on(Engine::Postgres, "every_path_is_served_and_every_answer_has_the_described_shape", shapes);
}

async fn shapes(engine: Engine) {
    let stand = Stand::start(engine).await;
    let port = stand.handfast.admin_port();
    let mut client = stand.client().await;
    client.run("BEGIN").await.unwrap();
    client.run_all(&Order::numbered(1).statements()).await.unwrap();
    client.run("COMMIT").await.unwrap();
    let document = http::read_json(port, "/openapi.json");
    let name = http::read_json(port, "/api/v1/transactions")["transactions"][0]["name"].as_str().unwrap().to_owned();
    until("a sample was taken", SETTLE_MAX, || async {
        !http::read_json(port, "/api/v1/samples")["series"]["commits"].as_array().unwrap().is_empty()
    })
    .await;
    for (path, item) in document["paths"].as_object().unwrap() {
        let Some(operation) = item.get("get") else { continue };
        let content = operation["responses"]["200"]["content"].as_object().unwrap();
        let (media, described) = content.iter().next().unwrap();
        if media == "text/event-stream" {
            continue;
        }
        let answer = http::get(port, &path.replace("{name}", &name));
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        assert!(answer.media_type.starts_with(media.as_str()), "{path}: {}", answer.media_type);
        if media == "application/json" {
            fits(&document, &described["schema"], &answer.json(), path);
        }
    }
    events(port, &document);
    refusals(port, &document);
    let resolved =
        http::post(port, &format!("/api/v1/transactions/{name}/resolve"), &serde_json::json!({"outcome": "commit"}));
    assert_eq!(resolved.status, 200, "{}", resolved.body);
    fits(&document, &reference("Transaction"), &resolved.json(), "resolve");
    let explained = http::post(
        port,
        "/api/v1/explain",
        &serde_json::json!({"sql": "UPDATE agents SET name = 'x'; SELECT * FROM orders, agents"}),
    );
    assert_eq!(explained.status, 200, "{}", explained.body);
    fits(&document, &reference("Explained"), &explained.json(), "explain");
    for (verb, paused) in [("pause", true), ("resume", false)] {
        let answer = http::post(port, &format!("/api/v1/backends/delivery/{verb}"), &Value::Null);
        assert_eq!(answer.status, 200, "{}", answer.body);
        fits(&document, &reference("Backends"), &answer.json(), verb);
        let delivery = answer.json()["backends"].as_array().unwrap().iter().find(|b| b["name"] == "delivery").cloned();
        assert_eq!(delivery.unwrap()["paused"], paused);
    }
    let id = http::read_json(port, "/api/v1/clients")["clients"][0]["id"].clone();
    let killed = http::post(port, &format!("/api/v1/clients/postgres/{id}/kill"), &Value::Null);
    assert_eq!(killed.status, 200, "{}", killed.body);
    fits(&document, &reference("Clients"), &killed.json(), "kill");
    client.run("SELECT 1").await.expect_err("it was killed");
    let drained = http::post(port, "/api/v1/drain", &Value::Null);
    assert_eq!(drained.status, 200, "{}", drained.body);
    fits(&document, &reference("Status"), &drained.json(), "drain");
    let status = stand.handfast.wait_exit(SETTLE_MAX).expect("it ends");
    assert!(status.success(), "{status}");
}

fn reference(name: &str) -> Value {
    serde_json::json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn events(port: u16, document: &Value) {
    let text = http::listen(port, "/api/v1/events", |text| text.matches("event: status").count() >= 3);
    let data = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    fits(document, &reference("Status"), &serde_json::from_str(data).unwrap(), "events");
}

fn refusals(port: u16, document: &Value) {
    let json = "Content-Type: application/json";
    for (method, path, headers, body, status) in [
        ("GET", "/api/v1/transactions/hf1.a.b.1.1", &[][..], "", 404),
        ("GET", "/api/v1/transactions?state=lost", &[], "", 400),
        ("GET", "/api/v1/transactions?limit=many", &[], "", 400),
        ("GET", "/api/v1/nothing", &[], "", 404),
        ("POST", "/api/v1/status", &[json], "{}", 404),
        ("POST", "/api/v1/transactions/hf1.a.b.1.1/resolve", &[json], "{\"outcome\":\"maybe\"}", 400),
        ("POST", "/api/v1/backends/nowhere/pause", &[json], "{}", 404),
        ("POST", "/api/v1/clients/postgres/999999/kill", &[json], "{}", 404),
        ("POST", "/api/v1/clients/postgres/x/kill", &[json], "{}", 400),
        ("POST", "/api/v1/drain", &[json, "Origin: https://elsewhere.example"], "{}", 401),
    ] {
        let answer = http::ask(port, method, path, headers, body);
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        assert_eq!(answer.media_type, "application/problem+json", "{method} {path}");
        fits(document, &reference("Problem"), &answer.json(), path);
    }
}

/// Whether a value has the shape of a schema, as far as ours use JSON Schema.
fn fits(document: &Value, schema: &Value, value: &Value, at: &str) {
    if let Some(pointer) = schema.get("$ref").and_then(Value::as_str) {
        let found =
            document.pointer(pointer.strip_prefix('#').unwrap()).unwrap_or_else(|| panic!("{pointer} is nowhere"));
        return fits(document, found, value, at);
    }
    if let Some(any) = schema.get("anyOf").and_then(Value::as_array) {
        let chosen = any.iter().find(|one| (one["type"] == "null") == value.is_null());
        return fits(document, chosen.unwrap(), value, at);
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::Array(all) => all.iter().map(|one| one.as_str().unwrap()).collect(),
        one => vec![one.as_str().unwrap_or_else(|| panic!("{at}: no type in {schema}"))],
    };
    let is = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_u64() || number.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let right = types.contains(&is) || (is == "integer" && types.contains(&"number"));
    assert!(right, "{at} is {value}, described as {types:?}");
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array) {
        assert!(allowed.contains(value), "{at} is {value}, described as one of {allowed:?}");
    }
    for item in value.as_array().into_iter().flatten() {
        fits(document, &schema["items"], item, &format!("{at}[]"));
    }
    let (Some(fields), Some(described)) = (value.as_object(), schema.get("properties").and_then(Value::as_object))
    else {
        return;
    };
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(fields.contains_key(name.as_str().unwrap()), "{at} has no {name}: {value}");
    }
    for (name, field) in fields {
        let schema = described.get(name).unwrap_or_else(|| panic!("{at}.{name} is not described"));
        fits(document, schema, field, &format!("{at}.{name}"));
    }
}

#[test]
fn every_route_of_the_sources_is_described() {
    let document: Value = serde_json::from_str(handfast::admin::OPENAPI).unwrap();
    for (prefix, source) in [
        ("", include_str!("../../src/admin/mod.rs")),
        ("/api/v1", include_str!("../../src/admin/api.rs")),
        ("/api/v1", include_str!("../../src/admin/config.rs")),
    ] {
        for rest in source.split(".route(\"").skip(1) {
            let (path, rest) = rest.split_once('"').unwrap();
            let method = if rest.trim_start_matches([',', ' ', '\n']).starts_with("post") { "post" } else { "get" };
            let described = &document["paths"][format!("{prefix}{path}")][method];
            assert!(described.is_object(), "{method} {prefix}{path} is not described");
        }
    }
}
