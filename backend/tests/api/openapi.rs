//! `/openapi.json`: it has all routes and no others, and only parameters that they take.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    app::{App, PREFIX},
    routes::{MATRIX, RouteRow, class_with_versions},
};

/// The `(method, path)` of every operation.
pub(crate) fn documented(document: &Value) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in ["get", "put", "post", "delete", "patch"] {
            if item[method].is_object() {
                found.insert((method.to_uppercase(), path.clone()));
            }
        }
    }
    found
}

/// Whether an address, without its query, is one of a template such as `/a/{b}`. A `{path}`
/// may have slashes in it.
pub(crate) fn is_of(template: &str, address: &str) -> bool {
    let address = format!("/{}", address.split('?').next().unwrap());
    if let Some(before) = template.strip_suffix("{path}") {
        return address.len() > before.len() && address.starts_with(before);
    }
    let (template, address) = (template.split('/'), address.split('/'));
    template.clone().count() == address.clone().count()
        && template
            .zip(address)
            .all(|(part, given)| part == given || (part.starts_with('{') && !given.is_empty()))
}

/// The parameters of an operation that belong into the query of its address.
pub(crate) fn query_parameters(operation: &Value) -> Vec<&Value> {
    let parameters = operation["parameters"].as_array();
    let parameters = parameters.map_or(&[][..], Vec::as_slice).iter();
    parameters.filter(|one| one["in"] == "query").collect()
}

/// A value that a parameter takes, and one that it refuses if it does not take every text.
fn examples(parameter: &Value) -> (&'static str, Option<&'static str>) {
    let schema = &parameter["schema"]["type"];
    let is = |kind: &str| schema == kind || schema.as_array().is_some_and(|all| all[0] == kind);
    match parameter["name"].as_str().unwrap() {
        "timestamp" => ("2022-11-14T16:00:00Z", Some("yesterday")),
        _ if is("integer") => ("0", Some("many")),
        _ if is("boolean") => ("true", Some("perhaps")),
        _ => ("x.ipynb", None),
    }
}

#[tokio::test]
async fn every_get_route_reads_the_query_parameters_that_the_document_lists() {
    let (app, versions) = class_with_versions().await;
    let document = app.instructor().json("openapi.json").await;
    let mut wrong = Vec::new();
    let mut tried = 0;
    for (_, template) in documented(&document).iter().filter(|(m, _)| m == "GET") {
        let parameters = query_parameters(&document["paths"][template]["get"]);
        let row = MATRIX.iter().find(|RouteRow(method, address, statuses)| {
            let [.., instructor] = statuses;
            method == "GET" && *instructor < 400 && is_of(template, address)
        });
        // There is no row for the callback from the Hub, which takes no made-up value, nor for
        // `/api/followed`, since no notebook is followed.
        let Some(row) = row else { continue };
        let address = row.filled(versions);
        let (path, query) = address.split_once('?').unwrap_or((&address, ""));
        for parameter in parameters {
            let name = parameter["name"].as_str().unwrap();
            let others: Vec<_> = query
                .split('&')
                .filter(|pair| !pair.is_empty() && pair.split('=').next() != Some(name))
                .collect();
            let (right, refused) = examples(parameter);
            for (value, is_refused) in [(Some(right), false), (refused, true)] {
                let Some(value) = value else { continue };
                let own = format!("{name}={value}");
                let address = format!("{path}?{}", [&others[..], &[&own]].concat().join("&"));
                let status = app.instructor().get(&address).await.status();
                if (status == 400) != is_refused {
                    wrong.push(format!("{address}: {status}"));
                }
                tried += 1;
            }
        }
    }
    assert!(tried > 60, "{tried}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn the_document_has_every_route_and_no_other() {
    let app = App::with_hub().await;
    let document = app.participant("alice").json("openapi.json").await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(document["servers"][0]["url"], PREFIX.trim_end_matches('/'));
    let documented = documented(&document);
    for RouteRow(method, address, _) in MATRIX {
        let told = documented
            .iter()
            .any(|(m, template)| m == method.as_str() && is_of(template, address));
        assert!(
            told,
            "{method} {address} has no #[utoipa::path] in router()"
        );
    }
    for (method, template) in &documented {
        let known = MATRIX
            .iter()
            .any(|RouteRow(m, address, _)| m.as_str() == method && is_of(template, address));
        assert!(known, "{method} {template} has no row in routes.rs");
    }
}

#[tokio::test]
async fn the_document_has_the_security_and_the_answers_of_every_route() {
    let app = App::standalone().await;
    let document = app.instructor().json("openapi.json").await;
    for (method, template) in documented(&document) {
        let operation = &document["paths"][&template][method.to_lowercase()];
        let is_open = operation["security"] == serde_json::json!([{}]);
        let open = MATRIX
            .iter()
            .any(|row| row.is_open() && is_of(&template, row.1));
        // Signing in takes a token as well.
        assert_eq!(is_open, open && template != "/api/login", "{template}");
        assert!(operation["summary"].is_string(), "{template}");
        let answers = operation["responses"].as_object().unwrap();
        assert!(
            answers.len() >= 2 && answers.contains_key("default"),
            "{template}"
        );
    }
    let schemas = &document["components"]["schemas"];
    let text = document.to_string();
    for reference in text.split(r##""$ref":"#/components/schemas/"##).skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(schemas[name].is_object(), "{name} is not defined");
    }
    assert_eq!(schemas["Event"]["properties"]["type"]["type"], "string");
}
