//! JSON bodies: good ones, changed at random, to every operation that takes one.

use doorward_domain::Role;
use doorward_tests::host::SignedIn;
use doorward_tests::host::description::{Operation, operations, request_schema};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Map, Value, json};

use crate::{Target, fuzz};

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        proptest::sample::select(&["totp", "done", "none", "ana", "203.0.113.7", "::1", "2026-11-20T10:00:00Z", "9999-12-31T23:59:59Z", "dwd_", ".", ""][..])
            .prop_map(Value::from),
        "a{1000,9000}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec(("[a-z_]{0,8}", inner), 0..6).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A body of the fields that the description names, each good or anything.
fn body(operation: &Operation) -> impl Strategy<Value = Value> + use<> {
    let fields: Vec<String> = request_schema(operation)["properties"].as_object().map(|fields| fields.keys().cloned().collect()).unwrap_or_default();
    let one = move |name: String| {
        let good = match name.as_str() {
            "user_id" => json!("ana"),
            "ip" => json!("203.0.113.7"),
            "user_agent" => json!("curl/8.5.0"),
            "mfa" => json!({ "method": "totp" }),
            "type" => json!("email_changed"),
            "second_factor" => json!("done"),
            "token" => json!("dws_x"),
            "tokens" => json!(["dws_x"]),
            "fingerprint" => json!("opaque"),
            "name" | "device_name" => json!("Laptop"),
            _ => Value::Null,
        };
        prop_oneof![4 => Just(Some(good)), 1 => anything().prop_map(Some), 2 => Just(None)].prop_map(move |value| (name.clone(), value))
    };
    let fields: Vec<_> = fields.into_iter().map(one).collect();
    fields.prop_map(|fields| Value::Object(fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect::<Map<_, _>>()))
}

/// A body as bytes: as it is, or cut, or with bytes changed.
fn bytes(operation: &Operation) -> impl Strategy<Value = Vec<u8>> + use<> {
    let cuts = prop::collection::vec((any::<Index>(), any::<u8>(), 0..3_u8), 0..3);
    (prop_oneof![6 => body(operation), 1 => anything()], prop_oneof![2 => Just(vec![]), 1 => cuts]).prop_map(|(body, cuts)| {
        let mut bytes = body.to_string().into_bytes();
        for (at, byte, how) in cuts {
            let at = at.index(bytes.len() + 1);
            match how {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, byte),
                _ => bytes.get_mut(at).into_iter().for_each(|old| *old = byte),
            }
        }
        bytes
    })
}

fn path(operation: &Operation, opened: &SignedIn) -> String {
    let id = if operation.path.contains("/devices/") { opened.device() } else { opened.session() };
    operation.path.replace("{user_id}", "ana").replace("{id}", &id)
}

#[test]
fn every_body_is_taken_or_refused_by_name() {
    let target = Target::new();
    let opened = target.wait(target.host.browser("ana").enter());
    for operation in operations().into_iter().filter(Operation::takes_body) {
        fuzz(40, &bytes(&operation), |bytes| {
            target.wait(async {
                let asked = target.host.ask(operation.method, &path(&operation, &opened));
                let asked = if operation.is_internal() { asked.by(Role::Admin) } else { asked.bearer(&opened.token) };
                let answer = asked.header("content-type", "application/json").bytes(bytes).await;
                // That it is as described, the host has seen to.
                prop_assert!(answer.status < 500, "{}: {}", operation.id, answer.text);
                Ok(())
            })
        });
    }
}
