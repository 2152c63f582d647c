//! A `doorward` process under test: how it is started, asked and stopped.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

pub(crate) const KEY: &str = "canary-bootstrap-key-0123456789-abcdefgh";
pub(crate) const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// A running `doorward` and the lines of its log.
pub(crate) struct Doorward {
    pub(crate) child: Child,
    log: Receiver<String>,
    seen: Vec<Value>,
}

pub(crate) fn command(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doorward"));
    command.args(arguments).current_dir(dir).env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Doorward {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the binary runs");
        let stderr = child.stderr.take().expect("piped");
        let (send, log) = channel();
        std::thread::spawn(move || BufReader::new(stderr).lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        Self { child, log, seen: Vec::new() }
    }

    /// Where it listens by this name, as its log says.
    pub(crate) fn address(&mut self, listener: &str) -> String {
        loop {
            if let Some(line) = self.seen.iter().find(|line| line["message"] == "listening" && line["listener"] == listener) {
                return line["address"].as_str().expect("an address").to_owned();
            }
            let line = self.log.recv_timeout(Duration::from_secs(10)).expect("it says where it listens");
            self.seen.push(serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line}")));
        }
    }

    /// The next line of its log whose message holds this.
    pub(crate) fn line(&mut self, part: &str) -> Value {
        loop {
            // Files are looked at every ten seconds.
            let line = self.log.recv_timeout(Duration::from_secs(30)).unwrap_or_else(|_| panic!("no line says: {part}\n{:?}", self.seen));
            let line: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line}"));
            self.seen.push(line.clone());
            if line["message"].as_str().is_some_and(|message| message.contains(part)) {
                return line;
            }
        }
    }

    /// Tells it to stop; how long that took, whether it went well, and the whole log.
    pub(crate) fn stop(mut self) -> (Duration, bool, String) {
        let began = Instant::now();
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).expect("it runs");
        let status = self.child.wait().expect("it ends");
        let took = began.elapsed();
        self.seen.extend(self.log.iter().filter_map(|line| serde_json::from_str(&line).ok()));
        (took, status.success(), self.seen.iter().map(|line| format!("{line}\n")).collect())
    }
}

impl Drop for Doorward {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The exit code and the messages of a command that ends by itself.
pub(crate) fn refused(mut command: Command) -> (Option<i32>, String) {
    let mut child = command.spawn().expect("the binary runs");
    let began = Instant::now();
    while child.try_wait().expect("it can be asked").is_none() {
        if began.elapsed() > Duration::from_secs(10) {
            child.kill().expect("it can be killed");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().expect("it ended");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Status and body of a GET.
pub(crate) fn get(address: &str, path: &str, headers: &str) -> (u16, String) {
    ask(address, "GET", path, headers, "")
}

/// Status and JSON of a call with the first API key.
pub(crate) fn call(address: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
    call_by(address, KEY, method, path, body)
}

/// The same with another API key.
pub(crate) fn call_by(address: &str, key: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let headers = format!("X-API-Key: {key}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    let (status, answer) = ask(address, method, path, &headers, &body);
    (status, serde_json::from_str(&answer).unwrap_or(Value::Null))
}

fn ask(address: &str, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: doorward.localhost\r\nConnection: close\r\n{headers}\r\n{body}").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}
