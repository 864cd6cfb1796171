//! The made-up API: lists in pages of one entry, states that take time, faults on request.

use std::{collections::HashMap, future::pending, sync::Arc};

use axum::{
    Json, Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use parking_lot::Mutex;
use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};

use crate::account::{FakeAccount, FakeRecord, FaultKind};

pub(crate) const TOKEN: &str = "dop_v1_token_canary";

pub(crate) type SharedAccount = Arc<Mutex<FakeAccount>>;

pub(crate) fn router(account: SharedAccount) -> Router {
    Router::new().fallback(answer).with_state(account)
}

async fn answer(State(account): State<SharedAccount>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let authorization = parts.headers.get("authorization").unwrap();
    if authorization.to_str().unwrap() != format!("Bearer {TOKEN}") {
        return failure(401, "Unable to authenticate you");
    }
    let method = parts.method.as_str().to_owned();
    let path = parts.uri.path().to_owned();
    let query: HashMap<String, String> = parts
        .uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| {
            let value = percent_encoding::percent_decode_str(value).decode_utf8();
            (key.to_owned(), value.unwrap().into_owned())
        })
        .collect();
    let host = parts.headers.get("host").unwrap().to_str().unwrap();
    let is_tls = parts.extensions.get::<crate::tls::OverTls>().is_some();
    let scheme = if is_tls { "https" } else { "http" };
    let base = format!("{scheme}://{host}");

    let (kill, fault) = {
        let mut account = account.lock();
        account.requests.push(format!("{method} {path}"));
        let number = account.requests.len();
        let kill = account.kill_at.filter(|it| it.request == number);
        let fits = account
            .faults
            .iter()
            .position(|it| it.method == method && path.starts_with(it.path));
        (kill, fits.and_then(|at| account.faults.remove(at)))
    };
    if kill.is_some_and(|it| !it.is_after) {
        kill_program(&account).await;
        return failure(500, "killed");
    }
    if let Some(FaultKind::Answer(status, headers, message)) = fault.as_ref().map(|it| &it.kind) {
        let mut answer = failure(*status, message);
        for (name, value) in *headers {
            answer.headers_mut().insert(*name, value.parse().unwrap());
        }
        return answer;
    }
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let done = act(&account, &method, &path, &query, &body, &base);
    if kill.is_some() {
        kill_program(&account).await;
    }
    match fault.map(|it| it.kind) {
        Some(FaultKind::Done(status)) => failure(status, "Server Error"),
        Some(FaultKind::Silence) => pending().await,
        _ => done,
    }
}

async fn kill_program(account: &SharedAccount) {
    let mut program = account.lock().program.clone();
    let pid = program.wait_for(Option::is_some).await.unwrap().unwrap();
    kill_process(pid, Signal::KILL).unwrap();
}

fn failure(status: u16, message: &str) -> Response {
    let body = Json(json!({"id": "error", "message": message}));
    let status = axum::http::StatusCode::from_u16(status).unwrap();
    (status, body).into_response()
}

fn no_content() -> Response {
    let mut response = Body::empty().into_response();
    *response.status_mut() = axum::http::StatusCode::NO_CONTENT;
    response
}

fn found(found: Option<Value>, key: &str) -> Response {
    match found {
        Some(value) => Json(json!({key: value})).into_response(),
        None => failure(404, "The resource you were accessing could not be found."),
    }
}

fn removed(is_removed: bool) -> Response {
    match is_removed {
        true => no_content(),
        false => found(None, ""),
    }
}

/// One page of a list, of one entry.
fn page(
    key: &str,
    all: &[Value],
    path: &str,
    query: &HashMap<String, String>,
    base: &str,
) -> Response {
    let number: usize = query.get("page").map_or(1, |page| page.parse().unwrap());
    let entries: Vec<&Value> = all.iter().skip(number - 1).take(1).collect();
    let mut pages = json!({});
    if number < all.len() {
        let rest: Vec<String> = query
            .iter()
            .filter(|(key, _)| *key != "page")
            .map(|(key, value)| format!("{key}={value}&"))
            .collect();
        let next = format!("{base}{path}?{}page={}", rest.concat(), number + 1);
        pages = json!({"next": next});
    }
    Json(json!({key: entries, "links": {"pages": pages}, "meta": {"total": all.len()}}))
        .into_response()
}

fn act(
    account: &SharedAccount,
    method: &str,
    path: &str,
    query: &HashMap<String, String>,
    body: &Value,
    base: &str,
) -> Response {
    let mut account = account.lock();
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let id = parts.last().and_then(|part| part.parse::<u64>().ok());
    match (method, &parts[1..]) {
        ("GET", ["account", "keys"]) => {
            let keys: Vec<Value> = account.keys.iter().map(|id| json!({"id": id})).collect();
            page("ssh_keys", &keys, path, query, base)
        }
        ("GET", ["domains", "pipal.in"]) => found(Some(json!({"name": "pipal.in"})), "domain"),
        ("GET", ["droplets"]) => {
            let named = account
                .droplets
                .iter()
                .filter(|it| it.name == query["name"]);
            let named: Vec<Value> = named.map(crate::account::FakeDroplet::json).collect();
            page("droplets", &named, path, query, base)
        }
        ("POST", ["droplets"]) => {
            let made = account.create_droplet(body);
            (axum::http::StatusCode::ACCEPTED, Json(made)).into_response()
        }
        ("GET", ["droplets", _]) => found(account.look(id.unwrap()), "droplet"),
        ("DELETE", ["droplets", _]) => removed(account.remove_droplet(id.unwrap())),
        ("GET", ["actions", _]) => {
            let status = if account.has_failing_action {
                "errored"
            } else {
                "in-progress"
            };
            found(Some(json!({"id": id, "status": status})), "action")
        }
        ("GET", ["domains", "pipal.in", "records"]) => {
            let name = query["name"].trim_end_matches(".pipal.in");
            let named = account.records.iter().filter(|it| it.name == name);
            let named: Vec<Value> = named.map(FakeRecord::json).collect();
            page("domain_records", &named, path, query, base)
        }
        ("POST", ["domains", "pipal.in", "records"]) => {
            let record = FakeRecord {
                id: account.next_id(),
                name: body["name"].as_str().unwrap().to_owned(),
                data: body["data"].as_str().unwrap().to_owned(),
                ttl: body["ttl"].as_u64().unwrap(),
            };
            account.records.push(record.clone());
            found(Some(record.json()), "domain_record")
        }
        ("GET", ["domains", "pipal.in", "records", _]) => {
            let record = account.records.iter().find(|it| Some(it.id) == id);
            found(record.map(FakeRecord::json), "domain_record")
        }
        ("PUT", ["domains", "pipal.in", "records", _]) => {
            let record = account.records.iter_mut().find(|it| Some(it.id) == id);
            let record = record.map(|record| {
                record.data = body["data"].as_str().unwrap().to_owned();
                record.ttl = body["ttl"].as_u64().unwrap();
                record.json()
            });
            found(record, "domain_record")
        }
        ("DELETE", ["domains", "pipal.in", "records", _]) => {
            let before = account.records.len();
            account.records.retain(|it| Some(it.id) != id);
            removed(account.records.len() < before)
        }
        ("DELETE", ["tags", tag]) => removed(account.tags.remove(*tag)),
        _ => found(None, ""),
    }
}
