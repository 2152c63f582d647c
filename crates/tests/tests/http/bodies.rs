//! Bodies that can't be read: each is a 4xx that names the fault, for every operation of the own APIs, and leaves every row as it
//! was. Dialects read as their documents say, which their own stories tell.

use doorward_tests::host::description::{Operation, accepts, request_schema};
use doorward_tests::host::{ACME, Answer, Ask, Host};
use serde_json::{Value, json};

use crate::operations::{Names, Someone, body_of, each};

doorward_tests::on_each_engine! {
    what_is_no_json_object_is_refused,
    unknown_and_repeated_fields_are_named,
    what_is_required_is_named,
    values_of_a_wrong_type_are_named,
    what_may_be_null_may_be_left_out_or_null,
    a_body_of_another_media_type_is_refused,
    bodies_are_at_most_64_kib,
    where_there_are_no_fields_only_an_empty_object_fits,
    a_body_is_read_before_ids_are_looked_up,
}

const LIMIT: usize = 64 * 1024;

struct Case {
    operation: Operation,
    someone: Someone,
    rows: Vec<String>,
}

impl Case {
    fn raw(&self, body: impl Into<Vec<u8>>) -> Ask {
        let bare = self.someone.bare(&self.operation, &self.someone.names);
        self.someone.credentialled(&self.operation, bare).bytes(body.into())
    }

    fn json(&self, body: impl Into<Vec<u8>>) -> Ask {
        self.raw(body).header("content-type", "application/json")
    }

    fn good(&self) -> Value {
        body_of(&self.operation, &self.someone.names).unwrap_or_else(|| json!({}))
    }

    /// Sends it, and sees that it is refused so.
    async fn refused(&self, asked: Ask, status: u16, name: &str, case: &str) -> Answer {
        let answer = asked.await;
        assert_eq!(answer.status, status, "{} with {case}: {}", self.operation.id, answer.text);
        answer.refused(status, name)
    }

    /// Sees that nothing of all that changed a row.
    async fn unchanged(self) {
        assert_eq!(self.someone.host.rows().await, self.rows, "{}", self.operation.id);
    }

    async fn faulty(&self, body: impl Into<Vec<u8>>, field: &str, code: &str, case: &str) {
        let answer = self.refused(self.json(body), 400, "invalid_request", case).await;
        let first = &answer.body["errors"][0];
        let named =
            first["field"].as_str().is_some_and(|named| named == field || named.starts_with(&format!("{field}.")) || named.starts_with(&format!("{field}[")));
        assert!(named && first["code"] == code, "{} with {case}: {field} {code}, {first}", self.operation.id);
    }
}

async fn cases(host: &Host, which: impl Fn(&Operation) -> bool) -> Vec<Case> {
    let all = each(host).await;
    let rows = host.rows().await;
    let fitting = all.into_iter().filter(|(operation, _)| operation.dialect().is_none() && which(operation));
    fitting.map(|(operation, someone)| Case { operation, someone, rows: rows.clone() }).collect()
}

async fn with_body(host: &Host) -> Vec<Case> {
    cases(host, Operation::takes_body).await
}

async fn what_is_no_json_object_is_refused(host: Host) {
    let mut deep = b"{\"a\":".repeat(200);
    deep.extend(b"1");
    deep.extend(b"}".repeat(200));
    for case in with_body(&host).await {
        let good = case.good().to_string();
        let as_array = Value::Array(case.good().as_object().expect("an object").values().cloned().collect()).to_string();
        let bad: Vec<Vec<u8>> = vec![
            b"{".to_vec(),
            b"}".to_vec(),
            b"{]".to_vec(),
            b"{'a':1}".to_vec(),
            b"{\"a\":1,}".to_vec(),
            b"{\"a\" 1}".to_vec(),
            b"[]".to_vec(),
            as_array.into_bytes(),
            b"null".to_vec(),
            b"true".to_vec(),
            b"7".to_vec(),
            b"\"text\"".to_vec(),
            b" ".to_vec(),
            b"\xff\xfe".to_vec(),
            b"\xef\xbb\xbf{}".to_vec(),
            b"{\"a\":\"\xc3\x28\"}".to_vec(),
            b"{\"a\":\"\xed\xa0\x80\"}".to_vec(),
            b"{\"a\":\"\\ud800\"}".to_vec(),
            b"{\"a\":\"\n\"}".to_vec(),
            b"{\"a\":1e999}".to_vec(),
            b"{\"a\":NaN}".to_vec(),
            b"activation_token=x&name=y".to_vec(),
            deep.clone(),
            format!("{good}{good}").into_bytes(),
            format!("{good}x").into_bytes(),
            format!("{good}\0").into_bytes(),
        ];
        for body in bad {
            let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
            case.refused(case.json(body), 400, "invalid_request", &shown).await;
        }
        case.unchanged().await;
    }
}

async fn unknown_and_repeated_fields_are_named(host: Host) {
    for case in with_body(&host).await {
        let good = case.good();
        let mut more = good.clone();
        more["surplus"] = json!({ "secret": "canary" });
        case.faulty(more.to_string(), "surplus", "unknown", "an unknown field").await;
        for (name, value) in good.as_object().expect("an object") {
            let rest = good.to_string();
            let twice = format!("{{\"{name}\":{value},{}", &rest[1..]);
            case.faulty(twice, name, "repeated", "a repeated field").await;
            if value.is_object() {
                let mut inner = good.clone();
                inner[name]["surplus"] = json!(1);
                case.faulty(inner.to_string(), &format!("{name}.surplus"), "unknown", "an unknown field inside").await;
                let method = &value["method"];
                let twice = rest.replace("{\"method\"", &format!("{{\"method\":{method},\"method\""));
                case.faulty(twice, &format!("{name}.method"), "repeated", "a repeated field inside").await;
            }
        }
        case.unchanged().await;
    }
}

async fn what_is_required_is_named(host: Host) {
    for case in with_body(&host).await {
        let required = request_schema(&case.operation)["required"].as_array().cloned().unwrap_or_default();
        for name in required.iter().filter_map(Value::as_str) {
            let mut without = case.good();
            without.as_object_mut().expect("an object").remove(name);
            case.faulty(without.to_string(), name, "required", "a field missing").await;
            let mut null = case.good();
            null[name] = Value::Null;
            case.faulty(null.to_string(), name, "format", "a required field that is null").await;
        }
        if !required.is_empty() {
            let first = required[0].as_str().expect("a name");
            for nothing in ["", "{}"] {
                let answer = case.refused(case.json(nothing), 400, "invalid_request", "no body").await;
                assert_eq!(answer.body["errors"][0]["code"], "required", "{}: {first}", case.operation.id);
            }
        }
        case.unchanged().await;
    }
}

async fn values_of_a_wrong_type_are_named(host: Host) {
    let candidates =
        [json!(7), json!(-1.5), json!(true), json!("text"), json!([1]), json!([]), json!({ "a": 1 }), json!(null), json!([null]), json!(["x", {}])];
    for case in with_body(&host).await {
        let properties = request_schema(&case.operation)["properties"].as_object().expect("fields");
        for (name, schema) in properties {
            for candidate in &candidates {
                let mut body = case.good();
                body[name] = candidate.clone();
                if !accepts(schema, candidate) {
                    case.faulty(body.to_string(), name, "format", &candidate.to_string()).await;
                }
            }
        }
        case.unchanged().await;
    }
}

async fn what_may_be_null_may_be_left_out_or_null(host: Host) {
    for operation in doorward_tests::host::description::operations().iter().filter(|operation| operation.takes_body()) {
        let properties = request_schema(operation)["properties"].as_object().expect("fields");
        for (number, (name, _)) in properties.iter().filter(|(_, schema)| accepts(schema, &Value::Null)).enumerate() {
            let someone = Someone::new(&host, ACME, &format!("{}-{number}", operation.id)).await;
            let mut body = body_of(operation, &someone.names).expect("a body");
            body[name] = Value::Null;
            if body.get("second_factor").is_some() && name == "mfa" || name == "second_factor" {
                // The two go together.
                continue;
            }
            let bare = someone.bare(operation, &someone.names);
            let answer = someone.credentialled(operation, bare).json(&body).await;
            let refused_otherwise = name == "mfa" && answer.status == 403;
            assert!(answer.status < 300 || refused_otherwise, "{} with {name} null: {}", operation.id, answer.text);
        }
    }
}

async fn a_body_of_another_media_type_is_refused(host: Host) {
    let bad = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx", "text/json", "json", "*/*", ""];
    for case in with_body(&host).await {
        let good = case.good().to_string();
        for media_type in bad {
            let asked = case.raw(good.clone()).header("content-type", media_type);
            case.refused(asked, 415, "unsupported_media_type", media_type).await;
        }
        case.refused(case.raw(good.clone()), 415, "unsupported_media_type", "no media type").await;
        let twice = case.json(good.clone()).header("content-type", "application/json");
        case.refused(twice, 415, "unsupported_media_type", "two media types").await;
        case.unchanged().await;
    }
    let someone = Someone::new(&host, ACME, "ana").await;
    for good in ["application/json; charset=utf-8", "APPLICATION/JSON", "application/json ;x=y", "application/vnd.acme+json"] {
        let asked = host.call("POST", "/internal/sessions/verify").header("content-type", good);
        let body = json!({ "token": someone.names.token }).to_string();
        assert_eq!(asked.bytes(body).await.expect(200).body["active"], true, "{good}");
    }
}

async fn bodies_are_at_most_64_kib(host: Host) {
    for case in cases(&host, |operation| operation.method != "GET").await {
        for size in [LIMIT + 1, 2 * LIMIT, 40 * LIMIT] {
            let mut body = case.good().to_string().into_bytes();
            body.resize(size, b' ');
            case.refused(case.json(body), 413, "body_too_large", "a large body").await;
        }
        case.unchanged().await;
    }
    for (operation, someone) in each(&host).await.into_iter().filter(|(operation, _)| operation.method != "GET" && !operation.takes_form()) {
        let good = someone.good(&operation).await;
        let mut body = body_of(&operation, &someone.names).unwrap_or_else(|| json!({})).to_string().into_bytes();
        body.resize(LIMIT, b' ');
        let answer = good.bytes(body).await;
        assert!(answer.status < 300, "{} with a body of just 64 KiB: {}", operation.id, answer.text);
    }
}

async fn where_there_are_no_fields_only_an_empty_object_fits(host: Host) {
    let no_fields = |operation: &Operation| operation.dialect().is_none() && !operation.takes_body() && !operation.takes_form() && operation.method != "GET";
    let bad = ["{", "[]", "null", "{\"surplus\":1}", "{\"device_id\":\"x\"}", "{}{}", "\"\"", "\0", " "];
    for case in cases(&host, no_fields).await {
        for body in bad {
            case.refused(case.json(body), 400, "invalid_request", body).await;
        }
        case.faulty("{\"surplus\":1}", "surplus", "unknown", "an unknown field").await;
        case.unchanged().await;
    }
    for (operation, someone) in each(&host).await {
        if no_fields(&operation) {
            let answer = someone.good(&operation).await.header("content-type", "application/json").bytes(" {} ").await;
            assert!(answer.status < 300, "{}: {}", operation.id, answer.text);
        }
    }
}

async fn a_body_is_read_before_ids_are_looked_up(host: Host) {
    let large = vec![b' '; LIMIT + 1];
    for case in cases(&host, |operation| operation.method != "GET" && !operation.takes_form()).await {
        // One that is malformed, and one that isn't even text.
        for id in ["x", "%FF"] {
            let named = || id.to_owned();
            let unknown = Names { user: named(), device: named(), session: named(), sign_in: named(), api_key: named(), ..case.someone.names.clone() };
            let asked = || {
                let bare = case.someone.bare(&case.operation, &unknown);
                case.someone.credentialled(&case.operation, bare).header("content-type", "application/json")
            };
            case.refused(asked().bytes("{\"surplus\":1}"), 400, "invalid_request", "a malformed id and an unknown field").await;
            case.refused(asked().bytes(large.clone()), 413, "body_too_large", "a malformed id and a large body").await;
        }
        case.unchanged().await;
    }
}
