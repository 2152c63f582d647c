"""What Schemathesis must know besides the description: live credentials, ids that exist, and what a schema can't say."""

import json
import os
import random
import urllib.error
import urllib.request
import uuid

import schemathesis
from schemathesis import GenerationMode

BASE = os.environ["CONTRACT_URL"]
KEY = os.environ.get("CONTRACT_API_KEY")


def call(method, path, body=None):
    """Calls the server with its API key and answers the body."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"X-API-Key": KEY, "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(BASE + path, data, headers, method=method), timeout=10) as answer:
        return json.load(answer)


class Live:
    """A person who is signed in now: what was ended by the last call is ended."""

    def __init__(self):
        entry = {"user_id": "ana", "ip": "203.0.113.7", "user_agent": "curl/8.5.0"}
        opened = call("POST", "/internal/sessions", entry | {"mfa": {"method": "totp"}})
        self.token = opened["access_token"]
        self.ids = {"devices": opened["device"]["id"], "sessions": opened["session"]["id"]}
        self.ids["sign-ins"] = call("POST", "/internal/sign-ins", entry)["id"]


def is_personal(case):
    """Whether the operation is called with a person's own token."""
    return case.path.startswith("/internal/forward-auth") or not case.path.startswith(("/internal/", "/oauth2/"))


if KEY is not None:

    @schemathesis.auth(refresh_interval=None)
    class Person:
        """Bearer tokens for the person's own operations."""

        def get(self, case, context):
            if not (is_personal(case) or "{id}" in case.path or "{uuid}" in case.path):
                return None
            try:
                return Live()
            except urllib.error.HTTPError:
                # An account that a report disabled takes no sign-ins.
                call("POST", "/internal/users/ana/security-events", {"type": "account_enabled"})
                return Live()

        def set(self, case, data, context):
            case.headers = case.headers or {}
            case.headers["X-API-Key"] = KEY
            if data is None:
                return
            if is_personal(case):
                case.headers["Authorization"] = f"Bearer {data.token}"
            name = next((name for name in ("id", "uuid") if name in (case.path_parameters or {})), None)
            if is_good(case) and name and random.Random(str(case.path_parameters)).random() < 0.7:
                for collection, known in data.ids.items():
                    if f"/{collection}/{{{name}}}" in case.path:
                        case.path_parameters[name] = known
                if "user_id" in case.path_parameters:
                    case.path_parameters["user_id"] = "ana"


def is_good(case):
    """Whether the case is meant to be accepted."""
    return case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE


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
    # Times are neither in the future nor before the sign-in.
    body.pop("authenticated_at", None)
    if isinstance(body.get("mfa"), dict):
        body["mfa"].pop("verified_at", None)
    if "second_factor" in body or case.path == "/internal/sign-ins":
        body["second_factor"] = "done" if body.get("mfa") else "available"
    if body.get("trust_device") and body.get("offer_trust") is False:
        body["offer_trust"] = True
    if isinstance(body.get("user_id"), str):
        # Bytes are counted, not characters.
        user = body["user_id"].encode(errors="ignore")[:255].decode(errors="ignore")
        body["user_id"] = user if user not in ("", ".", "..") else "ana"
    for name in ("device_name", "name"):
        if isinstance(body.get(name), str) and not body[name].strip():
            body[name] = "Laptop"
