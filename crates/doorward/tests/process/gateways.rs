//! The nginx of `docs/gateways.md`, as it stands there but for addresses, between callers and an application.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use doorward_domain::AccessToken;
use doorward_domain::token::{Secret, Token};
use serde_json::json;

use super::running::{Doorward, KEY, SECRET, call, command, get};

/// An nginx that is ended with the test.
struct Nginx(Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The example, with these addresses in place of those for readers.
fn example(doorward: &str, application: &str, listen: &str) -> String {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/gateways.md")).expect("the page");
    let block = page.split("```nginx\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example for nginx");
    for (shown, count) in [("127.0.0.1:8081", 1), ("127.0.0.1:3000", 3), ("listen 80;", 1)] {
        assert_eq!(block.matches(shown).count(), count, "{shown}");
    }
    block.replace("127.0.0.1:8081", doorward).replace("127.0.0.1:3000", application).replace("listen 80;", &format!("listen {listen};"))
}

fn start(nginx: &str, dir: &Path, block: &str, listen: &str) -> Nginx {
    let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|name| format!("    {name}_temp_path {}/{name};\n", dir.display())).concat();
    let whole = format!(
        "daemon off;\nmaster_process off;\npid {0}/pid;\nerror_log {0}/errors;\nevents {{ worker_connections 64; }}\nhttp {{\n    access_log off;\n{paths}{block}}}\n",
        dir.display()
    );
    std::fs::write(dir.join("nginx.conf"), whole).expect("written");
    let errors = dir.join("errors");
    let child = Command::new(nginx).arg("-e").arg(&errors).arg("-c").arg(dir.join("nginx.conf")).stdin(Stdio::null()).spawn().expect("nginx runs");
    let mut nginx = Nginx(child);
    let began = Instant::now();
    while TcpStream::connect(listen).is_err() {
        let told = || std::fs::read_to_string(&errors).unwrap_or_default();
        assert!(nginx.0.try_wait().expect("it can be asked").is_none(), "nginx has ended: {}", told());
        assert!(began.elapsed() < Duration::from_secs(10), "nginx doesn't listen: {}", told());
        std::thread::sleep(Duration::from_millis(20));
    }
    nginx
}

/// An application that answers with the head of the request as it came. Its address.
fn application() -> String {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let address = socket.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for stream in socket.incoming().map_while(Result::ok) {
            let mut stream = BufReader::new(stream);
            let mut head = String::new();
            while stream.read_line(&mut head).is_ok_and(|length| length > 2) {}
            let _ = write!(stream.get_mut(), "HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n{head}", head.len());
        }
    });
    address
}

#[test]
fn the_example_for_nginx_lets_pass_whom_it_may_and_nobody_else() {
    let Ok(nginx) = std::env::var("DOORWARD_TEST_NGINX") else {
        assert!(std::env::var("DOORWARD_TEST_REQUIRE_NGINX").as_deref() != Ok("1"), "DOORWARD_TEST_NGINX names no nginx");
        eprintln!("skipped: DOORWARD_TEST_NGINX names no nginx");
        return;
    };
    let dir = tempfile::tempdir().expect("a directory");
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--internal-listen", "127.0.0.1:0", "--session-cookie", "session", "--log-format", "json"];
    let mut serve = command(dir.path(), &[&arguments[..], &["--trusted-proxies", "127.0.0.1", "--wrong-secrets", "3"]].concat());
    serve.env("DOORWARD_SECRET_KEY", SECRET).env("DOORWARD_BOOTSTRAP_TENANT", "acme").env("DOORWARD_BOOTSTRAP_API_KEY", KEY);
    let mut doorward = Doorward::start(serve);
    let internal = doorward.address("internal");
    let listen = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").to_string();
    let running = start(&nginx, dir.path(), &example(&internal, &application(), &listen), &listen);

    let enter = |user: &str, mfa: bool| {
        let mut entry = json!({ "user_id": user, "ip": "203.0.113.7", "user_agent": "curl/8.5.0" });
        if mfa {
            entry["mfa"] = json!({ "method": "totp" });
        }
        let (status, opened) = call(&internal, "POST", "/internal/sessions", &entry);
        assert_eq!(status, 201, "{opened}");
        (opened["access_token"].as_str().expect("a token").to_owned(), opened["session"]["id"].as_str().expect("an id").to_owned())
    };
    let (ana, session) = enter("ana", true);
    let (bob, _) = enter("bob", false);
    let bearer = |token: &str| format!("Authorization: Bearer {token}\r\n");

    // Who isn't signed in is sent to the sign-in, which everybody reaches.
    for headers in [String::new(), bearer("dws_x"), "X-Doorward-User: root\r\n".to_owned()] {
        assert_eq!(get(&listen, "/", &headers).0, 302, "{headers}");
    }
    assert_eq!(get(&listen, "/sign-in", "").0, 200);
    // Who is passes under the headers, whatever they send of them themselves.
    let forged = "X-Doorward-User: root\r\nx-doorward-acr: aal9\r\nX-Doorward-Mfa-Skipped-By: x\r\nX_Doorward_User: root\r\nX-Tenant-ID: nowhere\r\n";
    for headers in [bearer(&ana), format!("Cookie: a=b; session={ana}\r\n"), bearer(&ana) + forged] {
        let (status, seen) = get(&listen, "/page?require=nonsense", &headers);
        assert_eq!(status, 200, "{headers}");
        for expected in ["GET /page?require=nonsense ", "X-Doorward-User: ana\r\n", "X-Doorward-Tenant: acme\r\n", "X-Doorward-Acr: aal2\r\n", &session] {
            assert!(seen.contains(expected), "{expected}: {seen}");
        }
        let seen = seen.to_lowercase();
        assert!(!seen.contains("root") && !seen.contains("aal9") && !seen.contains("skipped"), "{seen}");
        assert_eq!(seen.matches("x-doorward-user").count(), 1, "{seen}");
    }
    // A condition.
    assert_eq!(get(&listen, "/", &bearer(&bob)).0, 200);
    assert_eq!(get(&listen, "/admin/", &bearer(&bob)).0, 403);
    let (status, seen) = get(&listen, "/admin/", &(bearer(&ana) + forged));
    assert!(status == 200 && seen.contains("X-Doorward-User: ana\r\n") && !seen.to_lowercase().contains("aal9"), "{seen}");
    assert_eq!(get(&listen, "/_doorward", &bearer(&ana)).0, 404, "the question isn't for callers");
    // Wrong tokens count against the address that nginx was asked from, and the answer stays a sign-in. This machine is a
    // proxy here, so a caller's own header stands for the address of a caller of its.
    let guess = Token { at: AccessToken::parse(&ana).expect("an access token").at, secret: Secret::new([0xee; 32]) }.reveal();
    let from = |address: &str| bearer(&guess) + &format!("X-Forwarded-For: {address}\r\n");
    for _ in 0..6 {
        assert_eq!(get(&listen, "/", &from("203.0.113.66")).0, 302);
    }
    let public = doorward.address("public");
    let direct = |address: &str| get(&public, "/api/v1/sessions/current", &from(address)).0;
    assert_eq!((direct("203.0.113.66"), direct("203.0.113.67")), (429, 401));
    assert_eq!(get(&listen, "/", &(bearer(&ana) + "X-Forwarded-For: 203.0.113.66\r\n")).0, 200, "a right one passes from there");
    // An ending is seen at once.
    assert_eq!(call(&internal, "DELETE", &format!("/internal/users/ana/sessions/{session}"), &json!(null)).0, 204);
    assert_eq!(get(&listen, "/", &bearer(&ana)).0, 302);
    // What can't be known lets nobody pass.
    assert!(doorward.stop().1);
    assert_eq!(get(&listen, "/", &bearer(&bob)).0, 500);
    drop(running);
}
