//! Document 3, "GET /internal/session/trusted-devices", from top to bottom; then POST and DELETE, which it doesn't show and its
//! published neighbours have.

use doorward_domain::Timestamp;
use doorward_tests::host::{ACME, Answer, Ask, Host};
use serde_json::{Value, json};

const PATH: &str = "/internal/session/trusted-devices";

doorward_tests::on_each_engine! {
    the_list_is_as_documented,
    parameters_are_required_and_bounded_as_documented,
    a_page_has_twenty_items_unless_asked_otherwise,
    a_problem_has_the_documented_members,
    a_problem_has_members_of_the_documented_types,
    a_device_is_created_and_deleted_as_its_neighbours_document,
}

fn asked(host: &Host, method: &str, path: &str) -> Ask {
    host.call(method, path).tenant(ACME)
}

async fn list(host: &Host, query: &str) -> Answer {
    asked(host, "GET", PATH).query(query).await.expect(200)
}

fn names(object: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = object.as_object().expect("an object").keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

/// "Responses: 200 Trusted devices list", with the schemas that it refers to.
///
/// Settled: `code` is 0 and `message` is `success`. What isn't known is an empty string, since all members are strings. Only what is
/// trusted now is listed, newest first.
async fn the_list_is_as_documented(host: Host) {
    let nobody = list(&host, "user_id=user-1").await;
    assert_eq!((&nobody.body["items"], &nobody.body["total"]), (&json!([]), &json!(0)));
    assert_eq!(nobody.body["pagination"], json!({ "page": 1, "page_size": 20, "total": 0, "total_pages": 0, "has_next": false, "has_prev": false }));

    let mut devices = vec![];
    for _ in 0..3 {
        devices.insert(0, host.browser("user-1").enter_and_trust().await.device());
        host.pass_s(60);
    }
    // Known, and not trusted: only what is trusted now is in the list.
    host.browser("user-1").enter().await;
    host.browser("user-2").enter_and_trust().await;
    let listed = list(&host, "user_id=user-1").await;

    // dto.TrustedDeviceListResponse
    assert_eq!(names(&listed.body), ["code", "items", "message", "pagination", "timestamp", "total"]);
    assert_eq!((&listed.body["code"], &listed.body["message"], &listed.body["total"]), (&json!(0), &json!("success"), &json!(3)));
    assert_eq!(Timestamp::parse(&listed.text_at("/timestamp")), Some(host.now()));
    assert_eq!(listed.ids(), devices);

    // dto.TrustedDeviceResponse: eleven strings.
    let first = &listed.body["items"][0];
    let documented = ["browser", "created_at", "device_fingerprint", "device_name", "device_type", "id", "ip", "os", "tenant_id", "trusted_until", "user_id"];
    assert_eq!(names(first), documented);
    assert!(first.as_object().expect("an object").values().all(Value::is_string), "{first}");
    let told = ["tenant_id", "user_id", "device_name", "device_type", "browser", "os", "ip"].map(|name| first[name].as_str().expect("a string"));
    assert_eq!(told, [ACME, "user-1", "Chrome on Windows", "desktop", "Chrome", "Windows", "203.0.113.7"]);
    let own = host.call("GET", &format!("/internal/users/user-1/devices/{}", devices[0])).await.expect(200);
    for (here, there) in [("device_fingerprint", "device_fingerprint"), ("created_at", "created_at"), ("trusted_until", "trusted_until")] {
        assert_eq!(first[here], own.body[there], "{here}");
    }

    // gitee_com_linmes_authms_base_dto.PageInfo; `total` stands in both places.
    let pages = [
        ("page=1&page_size=2", 2, json!({ "page": 1, "page_size": 2, "total": 3, "total_pages": 2, "has_next": true, "has_prev": false })),
        ("page=2&page_size=2", 1, json!({ "page": 2, "page_size": 2, "total": 3, "total_pages": 2, "has_next": false, "has_prev": true })),
        ("page=9&page_size=2", 0, json!({ "page": 9, "page_size": 2, "total": 3, "total_pages": 2, "has_next": false, "has_prev": true })),
        ("page=4294967295&page_size=100", 0, json!({ "page": u32::MAX, "page_size": 100, "total": 3, "total_pages": 1, "has_next": false, "has_prev": true })),
        ("page=1", 3, json!({ "page": 1, "page_size": 20, "total": 3, "total_pages": 1, "has_next": false, "has_prev": false })),
        ("surplus=1&Page=0", 3, json!({ "page": 1, "page_size": 20, "total": 3, "total_pages": 1, "has_next": false, "has_prev": false })),
    ];
    for (query, count, expected) in pages {
        let page = list(&host, &format!("user_id=user-1&{query}")).await;
        assert_eq!((page.ids().len(), &page.body["pagination"], &page.body["total"]), (count, &expected, &json!(3)), "{query}");
    }

    // Trust ends, and it is in the list no more.
    host.pass_s(30 * 86_400);
    assert_eq!(list(&host, "user_id=user-1").await.body["total"], 0);
}

/// "page_size query integer No 20": the default, with more than it holds.
async fn a_page_has_twenty_items_unless_asked_otherwise(host: Host) {
    for number in 0..21 {
        let device = json!({ "user_id": "user-1", "device_fingerprint": format!("fp-{number}") });
        asked(&host, "POST", PATH).json(&device).await.expect(200);
    }
    for (query, count, has_next, has_prev) in [("user_id=user-1", 20, true, false), ("user_id=user-1&page=2", 1, false, true)] {
        let page = list(&host, query).await;
        assert_eq!(page.ids().len(), count, "{query}");
        let place = &page.body["pagination"];
        assert_eq!((&place["page_size"], &place["total"], &place["total_pages"]), (&json!(20), &json!(21), &json!(2)));
        assert_eq!((&place["has_next"], &place["has_prev"]), (&json!(has_next), &json!(has_prev)), "{query}");
    }
    assert_eq!(list(&host, "user_id=user-1&page_size=100").await.ids().len(), 21);
}

/// "Request Parameters": X-Tenant-ID and user_id are required, page and page_size aren't.
///
/// Settled: what the table leaves open. Pages are numbered from 1, a page has at most 100 items, and all faults are in one answer.
async fn parameters_are_required_and_bounded_as_documented(host: Host) {
    let rows = host.rows().await;
    let faults = |answer: Answer| -> Vec<String> {
        let answer = answer.refused(400, "invalid_request");
        let errors = answer.body["errors"].as_array().expect("errors").clone();
        errors.iter().map(|error| format!("{} {}", error["field"].as_str().unwrap_or_default(), error["code"].as_str().unwrap_or_default())).collect()
    };
    let bare = |query: &str| host.call("GET", PATH).query(query);
    assert_eq!(faults(bare("user_id=user-1").await), ["X-Tenant-ID required"]);
    assert_eq!(faults(bare("").tenant(ACME).await), ["user_id required"]);
    assert_eq!(faults(bare("user_id=").tenant(ACME).await), ["user_id required"]);
    let bad = [
        ("page=0", "page range"),
        ("page=x", "page range"),
        ("page=-1", "page range"),
        ("page=1&page=1", "page repeated"),
        ("page_size=0", "page_size range"),
        ("page_size=101", "page_size range"),
        ("page_size=1.5", "page_size range"),
        ("page_size=99999999999999999999", "page_size range"),
    ];
    for (query, fault) in bad {
        assert_eq!(faults(bare(&format!("user_id=user-1&{query}")).tenant(ACME).await), [fault], "{query}");
    }
    // All faults in one answer.
    let all = ["X-Tenant-ID required", "user_id required", "page range", "page_size range"];
    assert_eq!(faults(bare("user_id=&page=0&page_size=101").await), all);
    for user in ["%00", ".", "..", "%FF", "a%0Ab", &"a".repeat(256)] {
        assert_eq!(faults(bare(&format!("user_id={user}")).tenant(ACME).await), ["user_id format"], "{user}");
    }
    assert_eq!(host.rows().await, rows);
}

/// "401 Invalid internal API key", and dto.Problem with dto.FieldViolation.
async fn a_problem_has_the_documented_members(host: Host) {
    for path in [PATH.to_owned(), format!("{PATH}/fp-1")] {
        for method in ["GET", "POST", "DELETE"] {
            if (method == "DELETE") == (path != PATH) {
                // Before anything else: nothing else of these is right either.
                for ask in [host.ask(method, &path), host.ask(method, &path).key("dwk_wrong"), host.ask(method, &path).bytes("{")] {
                    ask.query("page=0").await.refused(401, "unauthenticated");
                }
            }
        }
    }
    let answer = asked(&host, "GET", PATH).query("page=0").await.refused(400, "invalid_request");
    let documented = [
        "code",
        "detail",
        "errors",
        "i18n_args",
        "i18n_key",
        "instance",
        "request_id",
        "service",
        "span_id",
        "status",
        "timestamp",
        "title",
        "trace_id",
        "type",
    ];
    // `retry_after` is there with 429 and 503, `value` of a violation in development only.
    assert_eq!(names(&answer.body), documented);
    assert_eq!(names(&answer.body["errors"][0]), ["code", "description", "field"]);
    // The document's example has the query in it; ours has none, since queries may hold what no log should.
    assert_eq!(answer.text_at("/instance"), PATH);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
}

/// dto.Problem, member by member: the table's types, and the forms of its examples.
///
/// Settled: `trace_id` holds the 32 digits of the trace alone, where the example has a whole `traceparent`. `value` of a violation is
/// shown in development only, as the table says. `type` is a reference that this server answers itself.
async fn a_problem_has_members_of_the_documented_types(host: Host) {
    let with_trace = asked(&host, "GET", PATH).header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    let problem = with_trace.query("page=0").await.refused(400, "invalid_request").body;
    let strings = ["detail", "i18n_key", "instance", "request_id", "service", "span_id", "timestamp", "title", "trace_id", "type"];
    assert!(strings.iter().all(|name| problem[*name].as_str().is_some_and(|text| !text.is_empty())), "{problem}");
    assert!(problem["code"].is_u64() && problem["status"] == 400 && problem["i18n_args"].is_object() && problem["errors"].is_array(), "{problem}");
    // "Example: 30101001": eight digits.
    assert_eq!(problem["code"].to_string().len(), 8);
    for violation in problem["errors"].as_array().expect("errors") {
        assert!(["code", "description", "field"].iter().all(|name| violation[*name].is_string()), "{violation}");
    }
    // "Example: req_550e8400-e29b-41d4-a716-446655440000", "error.user_not_found", "2026-04-03T12:00:00Z".
    let (mark, id) = problem["request_id"].as_str().and_then(|id| id.split_at_checked(4)).expect("an id");
    assert!(mark == "req_" && uuid::Uuid::try_parse(id).is_ok(), "{problem}");
    assert_eq!(problem["trace_id"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(problem["span_id"].as_str().map(str::len), Some(16));
    assert_eq!((&problem["i18n_key"], &problem["type"]), (&json!("error.invalid_request"), &json!("/problems/invalid_request")));
    assert_eq!(Timestamp::parse(problem["timestamp"].as_str().expect("a time")), Some(host.now()));
    host.ask("GET", "/problems/invalid_request").await.expect(200);
    // "RetryAfter is used for 429 Too Many Requests": a number of seconds, which the header says too.
    let wrong = || host.ask("GET", PATH).tenant(ACME).query("user_id=user-1").from("198.51.100.77");
    for number in 0..300 {
        let unauthenticated = wrong().key(&format!("dwk_wrong-{number}-which-nobody-gave-to-anybody")).await.refused(401, "unauthenticated");
        assert_eq!(unauthenticated.body.get("retry_after"), None);
    }
    let throttled = wrong().key("dwk_wrong-again-which-nobody-gave-to-anybody").await.refused(429, "too_many_requests");
    let seconds = throttled.body["retry_after"].as_u64().expect("an integer");
    assert_eq!(throttled.header("retry-after"), Some(&*seconds.to_string()));
}

/// POST and DELETE, which the document doesn't show.
///
/// Settled: they take and answer what its published neighbours do; the key vouches for the factor, since there is no field for it.
async fn a_device_is_created_and_deleted_as_its_neighbours_document(host: Host) {
    let device = json!({
        "user_id": "user-1", "device_fingerprint": "fp-7f3a", "browser": "Chrome", "device_type": "desktop",
        "ip": "203.0.113.7", "os": "Windows", "device_name": "Ana's laptop", "surplus": [1],
    });
    let made = asked(&host, "POST", PATH).json(&device).await.expect(200);
    for (name, value) in device.as_object().expect("an object").iter().filter(|(name, _)| *name != "surplus") {
        assert_eq!(made.body[name], *value, "{name}");
    }
    assert_eq!(made.body["tenant_id"], ACME);
    assert_eq!(made.text_at("/created_at"), host.now().to_string());
    assert_eq!(made.text_at("/trusted_until"), host.now().plus_s(7 * 86_400).to_string(), "the longest trust of this binding");
    let listed = list(&host, "user_id=user-1").await;
    assert_eq!((&listed.body["items"], &listed.body["total"]), (&json!([made.body]), &json!(1)));

    let gone = asked(&host, "DELETE", &format!("{PATH}/fp-7f3a")).query("user_id=user-1").await.expect(200);
    assert_eq!(gone.body, json!({ "code": 0, "message": "success", "timestamp": host.now().to_string() }));
    assert_eq!(list(&host, "user_id=user-1").await.body["items"], json!([]));
    asked(&host, "DELETE", &format!("{PATH}/fp-7f3a")).query("user_id=user-1").await.refused(404, "not_found");
}
