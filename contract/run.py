"""Starts the binary and holds it to its descriptions: contract/run.py [--cases 2000] [--seed 1] [--surface NAME] [--binary PATH]"""

import argparse
import json
import os
import pathlib
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).parent
METHODS = ("get", "post", "put", "patch", "delete")
# Each surface by its own file, and which share of the own APIs' cases it has at least.
SURFACES = {"internal": 3 / 4, "native": 1 / 4, "flashback": 1 / 4, "laravel": 1 / 4, "authms": 1 / 4}
# What a run with credentials must meet: what only live ids, a fresh factor and a stale one reach.
MUST_REACH = {
    "native": ["POST /api/v1/devices/{id}/trust 200", "POST /api/v1/devices/{id}/trust 403"],
    "flashback": [f"POST /devices/trust {status}" for status in (200, 400, 403, 404)] + ["POST /devices/{id}/heartbeat 200"],
    "laravel": [f"PATCH /api/devices/{{uuid}}/verify {status}" for status in (200, 403)],
    "authms": ["POST /internal/session/trusted-devices 200"]
    + [f"DELETE /internal/session/trusted-devices/{{device_fingerprint}} {status}" for status in (200, 404)],
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=2_000, help="how many cases of the two own APIs at least, with credentials and without together; a quarter of them for each dialect")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32), help="repeats a run; a new one unless given")
    parser.add_argument("--surface", choices=SURFACES, action="append", help="only this one")
    parser.add_argument("--binary", default=os.environ.get("DOORWARD_BIN", HERE.parent / "target/debug/doorward"))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        return hold(options, pathlib.Path(folder))


def hold(options, folder):
    port = free_port()
    key = "dwk_" + secrets.token_urlsafe(32)
    settings = {
        "LISTEN": f"127.0.0.1:{port}",
        "DATA_DIR": str(folder / "data"),
        "BOOTSTRAP_TENANT": "acme",
        "BOOTSTRAP_API_KEY": key,
        "SESSION_COOKIE": "session",
        # Thousands of cases with wrong secrets come from one address.
        "WRONG_SECRETS": "1000000",
        "DIALECT_TRUSTS_PER_HOUR": "1000000",
        "DIALECT_WRITES_PER_MINUTE": "1000000",
        "LOG": "warn",
    }
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DOORWARD_")}
    environment |= {f"DOORWARD_{name}": value for name, value in settings.items()}
    with open(folder / "log", "w+") as log:
        server = subprocess.Popen([options.binary, "serve"], env=environment, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(url + "/readyz", server)
            good = [hold_to(name, options, folder, url, key) for name in options.surface or SURFACES]
            alive = server.poll() is None
            log.seek(0)
            panics = [line for line in log if "panic" in line]
            if panics or not alive:
                print("the server panicked or ended:", *panics[:5], sep="\n")
            return int(bool(panics) or not alive or not all(good))
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=30)


def hold_to(name, options, folder, url, key):
    """Holds the server to one description; answers whether it kept it."""
    url_of = f"{url}/openapi/{name}.json"
    with urllib.request.urlopen(url_of) as answer:
        paths = json.load(answer)["paths"]
    operations = sum(method in METHODS for item in paths.values() for method in item)
    least = int(options.cases * SURFACES[name])
    each = cases_each(name, least, operations)
    began = time.monotonic()
    held = [run(name, options, folder, url, each, key), run(name, options, folder, url, max(3, each // 10), None)]
    cases = sum(cases for cases, _, _ in held)
    print(f"{name}: {cases} cases over {operations} operations in {time.monotonic() - began:.0f} s, seed {options.seed}", flush=True)
    if cases < least:
        print(f"fewer than {least}")
    unmet = [deed for deed in MUST_REACH.get(name, []) if deed not in held[0][2]]
    if unmet:
        print("never met:", *unmet, sep="\n")
    return cases >= least and not unmet and not any(failed for _, failed, _ in held)


def cases_each(name, least, operations):
    """How many cases to draw of each kind for an operation. Besides these, each run tries cases that follow from the description alone:
    of the internal API, whose bodies have many fields, about 50 of each operation, of the others at least 10; and some in sequences."""
    known = 2 * operations * (50 if name == "internal" else 10)
    return max(10, int((least - known) / (1.1 * (operations + 5))))


def run(name, options, folder, url, each, key):
    """One run of Schemathesis; answers how many cases it made, whether it failed, and what it reached."""
    told = folder / f"{name}-{'with' if key else 'without'}"
    report, reached = told.with_suffix(".json"), told.with_suffix(".reached")
    environment = os.environ | {"CONTRACT_URL": url, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE), "PYTHONDONTWRITEBYTECODE": "1"}
    environment["CONTRACT_REACHED"] = str(reached)
    environment.pop("CONTRACT_API_KEY", None)
    if key is not None:
        environment["CONTRACT_API_KEY"] = key
    print(f"== {name}, {'with' if key else 'without'} credentials, {each} of each kind for an operation", flush=True)
    command = [pathlib.Path(sys.executable).parent / "schemathesis", "run", f"{url}/openapi/{name}.json", "--url", url, "--checks", "all"]
    command += ["--max-examples", str(each), "--seed", str(options.seed), "--continue-on-failure", "--warnings", "off"]
    command += ["--report", "json", "--report-json-path", str(report), "--request-timeout", "20"]
    outcome = subprocess.run(command, env=environment, cwd=folder)
    return find_total(json.loads(report.read_text())), outcome.returncode != 0, json.loads(reached.read_text())


def find_total(told):
    return told["test_cases"]["generated"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(url, server):
    for _ in range(300):
        if server.poll() is not None:
            raise SystemExit("the server doesn't start")
        try:
            urllib.request.urlopen(url)
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise SystemExit("the server isn't ready after 30 seconds")


if __name__ == "__main__":
    sys.exit(main())
