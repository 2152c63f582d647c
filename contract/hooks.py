"""What Schemathesis must know besides the description: live credentials, ids that exist, and what a schema can't say."""

import atexit
import collections
import datetime
import json
import os
import pathlib
import random
import urllib.error
import urllib.request
import uuid

import schemathesis
from schemathesis import GenerationMode

BASE = os.environ["CONTRACT_URL"]
KEY = os.environ.get("CONTRACT_API_KEY")
AUTHMS = "/internal/session/trusted-devices"


# How often each operation answered with which status: what the run reached, told at its end.
REACHED = collections.Counter()
REACHED_FILE = os.environ.get("CONTRACT_REACHED")


def call(method, path, body=None):
    """Calls the server with its API key and answers the body."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"X-API-Key": KEY, "X-Tenant-ID": "acme", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(BASE + path, data, headers, method=method), timeout=10) as answer:
        return json.load(answer)


# What the live person's browser says of itself, and what the host posts for a device of theirs.
FINGERPRINT = "the live browser's own"
VOUCHED = {"user_id": "ana", "device_fingerprint": "fp-7f3a"}


class Nobody:
    """For operations of the backend alone. Without credentials at all, none would be sent, the key neither."""

    token, ids = None, {}


class Live:
    """A person who is signed in now: what was ended by the last call is ended.

    Usually their second factor is fresh. A session whose factor is stale, or was skipped, is refused by the trust gate.
    """

    def __init__(self, kind="fresh"):
        entry = {"user_id": "ana", "ip": "203.0.113.7", "user_agent": "curl/8.5.0", "fingerprint": FINGERPRINT}
        # Both were over an hour ago where it is stale.
        then = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1 if kind == "stale" else 0, seconds=1)
        done = {"second_factor": "done", "mfa": {"method": "totp", "verified_at": then.isoformat()}}
        opened = self.enter(entry | done, {"trust_device": True} if kind == "skipped" else {})
        if kind == "skipped":
            opened = self.enter(entry | {"device_token": opened["device_token"]}, {})
        self.token = opened["access_token"]
        self.ids = {"devices": opened["device"]["id"], "sessions": opened["session"]["id"]}
        self.ids["sign-ins"] = call("POST", "/internal/sign-ins", entry)["id"]

    @staticmethod
    def enter(entry, finish):
        """Signs in: evaluates, and completes."""
        sign_in = call("POST", "/internal/sign-ins", entry)["id"]
        return call("POST", f"/internal/sign-ins/{sign_in}/complete", finish)


def is_personal(case):
    """Whether the operation is called with a person's own token."""
    return case.path.startswith("/internal/forward-auth") or not case.path.startswith(("/internal/", "/oauth2/"))


def meets_gate(case):
    """Whether the operation gives a known device trust by the person's own second factor."""
    return is_personal(case) and case.path.endswith(("/trust", "/verify"))


def drawn(case, what):
    """The case's own dice: the same for the same case, so that a seed repeats a run."""
    return random.Random(f"{what} {case.path_parameters} {case.query} {case.body}")


if KEY is not None:

    @schemathesis.auth(refresh_interval=None)
    class Person:
        """Bearer tokens for the person's own operations, and names of what is there."""

        def get(self, case, context):
            if case.path.startswith(AUTHMS):
                call("POST", AUTHMS, VOUCHED)
                return Nobody()
            if not (is_personal(case) or "{id}" in case.path or "{uuid}" in case.path):
                return Nobody()
            # The gate looks at it, nothing else does.
            kind = drawn(case, "kind").choices(("fresh", "stale", "skipped"), (2, 1, 1))[0] if meets_gate(case) else "fresh"
            try:
                return Live(kind)
            except urllib.error.HTTPError:
                # An account that a report disabled takes no sign-ins.
                call("POST", "/internal/users/ana/security-events", {"type": "account_enabled"})
                return Live(kind)

        def set(self, case, data, context):
            case.headers = case.headers or {}
            case.headers["X-API-Key"] = KEY
            names = is_good(case) and drawn(case, "names").random() < (0.9 if meets_gate(case) else 0.7)
            if names and case.path.startswith(AUTHMS):
                name_vouched(case)
            if is_personal(case):
                case.headers["Authorization"] = f"Bearer {data.token}"
            if names and case.path == "/devices/trust" and isinstance(case.body, dict):
                case.body["fingerprint"] = FINGERPRINT
            name = next((name for name in ("id", "uuid") if name in (case.path_parameters or {})), None)
            if names and name:
                for collection, known in data.ids.items():
                    if f"/{collection}/{{{name}}}" in case.path:
                        case.path_parameters[name] = known
                if "user_id" in case.path_parameters:
                    case.path_parameters["user_id"] = "ana"


def name_vouched(case):
    """Has a case of the authms dialect name the device that the host posted."""
    for there, name in ((case.query, "user_id"), (case.path_parameters, "device_fingerprint")):
        if there and name in there:
            there[name] = VOUCHED[name]
    if isinstance(case.body, dict):
        case.body |= VOUCHED


def is_good(case):
    """Whether the case is meant to be accepted."""
    return case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE


def user(text):
    """A user's id that is near this text: bytes are counted, not characters, and no path could name a dot."""
    text = text.encode(errors="ignore")[:255].decode(errors="ignore")
    return text if text not in ("", ".", "..") else "ana"


@schemathesis.hook
def before_call(context, case, kwargs):
    """Makes good cases good where a schema can't say what is good."""
    if not is_good(case):
        return
    if "X-Tenant-ID" in (case.headers or {}):
        # A key acts in its own tenant alone.
        case.headers["X-Tenant-ID"] = "acme"
    if case.query:
        # Cursors are the server's own.
        case.query.pop("cursor", None)
        if "max_age" in case.query:
            case.query["require"] = "mfa"
        if isinstance(case.query.get("user_id"), str):
            case.query["user_id"] = user(case.query["user_id"])
    if case.path == "/internal/policy" and case.method == "PUT":
        # A good policy contradicts neither itself nor its preset, and isn't overtaken; and what it did would meet the other cases.
        case.query = {"dry_run": "true"}
        if isinstance(case.body, dict):
            for name in ("revision", "trust_max_s", "session_absolute_s", "trust_binding", "on_security_event"):
                case.body.pop(name, None)
            case.body |= {"preset": "custom", "trust_max_s": 31_536_000, "session_absolute_s": 31_536_000}
            if not case.body.get("trust_methods"):
                case.body["trust_methods"] = ["totp"]
    if "Idempotency-Key" in (case.headers or {}):
        # One that stood for another request is refused.
        case.headers["Idempotency-Key"] = uuid.uuid4().hex
    body = case.body
    if not isinstance(body, dict):
        return
    # A schema takes 211.0 for a whole number; here a number of seconds is written as one.
    for name, value in body.items():
        if isinstance(value, float) and value.is_integer():
            body[name] = int(value)
    # Times are neither in the future nor before the sign-in; an end is in the future.
    body.pop("authenticated_at", None)
    body.pop("expires_at", None)
    if isinstance(body.get("mfa"), dict):
        body["mfa"].pop("verified_at", None)
    if "second_factor" in body or case.path == "/internal/sign-ins":
        body["second_factor"] = "done" if body.get("mfa") else "available"
    if body.get("trust_device") and body.get("offer_trust") is False:
        body["offer_trust"] = True
    if isinstance(body.get("user_id"), str):
        body["user_id"] = user(body["user_id"])
    for name in ("device_name", "name"):
        if isinstance(body.get(name), str) and not body[name].strip():
            body[name] = "Laptop"


@schemathesis.hook
def after_call(context, case, response):
    """Keeps what was reached."""
    REACHED[f"{case.method} {case.path} {response.status_code}"] += 1


@atexit.register
def tell():
    """Leaves it to the run that reads it."""
    if REACHED_FILE is not None:
        pathlib.Path(REACHED_FILE).write_text(json.dumps(REACHED))
