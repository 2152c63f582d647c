// Client programs as the documented APIs show them, in their real libraries, against the binary: node clients.mjs
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { FlashbackClient, curlTrust } from "./clients/flashback.mjs";
import { connect, curl, manageDevice } from "./clients/laravel.mjs";
import { Server, freePort } from "./server.mjs";

const KEY = "dwk_a-key-of-these-client-programs-alone";
const GUZZLE = "/usr/share/php/GuzzleHttp/autoload.php";
const run = promisify(execFile);
const server = new Server();
const port = await freePort();
const base = `http://127.0.0.1:${port}`;

async function backend(method, path, body, more = {}) {
  const headers = { "X-API-Key": KEY, "Content-Type": "application/json", ...more };
  const answer = await fetch(base + path, { method, headers, body: body && JSON.stringify(body) });
  assert.ok(answer.ok, `${path}: ${answer.status}`);
  return answer.status === 204 ? undefined : answer.json();
}

/** Someone who has just signed in with a second factor, each time somebody else. */
let people = 0;
async function signIn() {
  people += 1;
  const user = `person-${people}`;
  const looks = { user_id: user, ip: "203.0.113.7", user_agent: "Mozilla/5.0 (X11; Linux x86_64; rv:148.0) Gecko/20100101 Firefox/148.0" };
  const { id } = await backend("POST", "/internal/sign-ins", { ...looks, fingerprint: `device-of-${user}` });
  const opened = await backend("POST", `/internal/sign-ins/${id}/complete`, { mfa: { method: "totp" } });
  return { user, token: opened.access_token, device: opened.session.device_id, session: opened.session.id };
}

const shell = async (line) => JSON.parse((await run("sh", ["-c", line])).stdout);

const programs = [
  ["fetch: the Flashback client trusts its device, keeps its session, and ends both by untrusting", async () => {
    const me = await signIn();
    const client = new FlashbackClient({ baseUrl: base, accessToken: me.token });
    const [device] = (await client.devices.list()).devices;
    assert.equal(device.id, me.device);
    assert.equal(device.isTrusted, false);
    const { deviceFingerprint } = (await client.devices.get(device.id)).device;
    const result = await client.devices.trust({ fingerprint: deviceFingerprint });
    assert.equal(result.message, "Device trusted successfully");
    assert.match(result.trustExpiresAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.equal((await client.devices.get(device.id)).device.isTrusted, true);
    await assert.rejects(client.devices.trust({ fingerprint: "nobody's" }), { message: "Device not found", status: 404 });
    assert.ok(Date.parse((await client.sessions.heartbeat(me.session)).newExpiry) > Date.now());
    assert.ok(Date.parse((await client.devices.heartbeat(me.device)).newExpiry) > Date.now());
    assert.equal((await client.sessions.list()).sessions.length, 1);
    await client.devices.untrust(device.id);
    await assert.rejects(client.sessions.list(), { status: 401 });
  }],

  ["curl: the line that trusts a device", async () => {
    const me = await signIn();
    const told = await shell(curlTrust(base, me.token, `device-of-${me.user}`));
    assert.equal(told.success, true);
    assert.equal(told.data, told.trustExpiresAt);
  }],

  ["axios: the whole flow of the laravel-devices document", async () => {
    const me = await signIn();
    const api = connect(base, me.token);
    const { data: { data: [listed] } } = await api.get("/api/devices");
    assert.deepEqual([listed.uuid, listed.is_current, listed.browser.name], [me.device, true, "Firefox"]);
    const before = await manageDevice(api, me.device, () => false);
    assert.equal(before.status, "unverified");
    const refused = await api.get("/api/devices").catch((error) => error.response);
    assert.deepEqual([refused.status, refused.data], [401, { message: "Unauthenticated." }]);
    const other = await signIn();
    await manageDevice(connect(base, other.token), other.device, () => true);
    assert.equal((await backend("GET", `/internal/users/${other.user}/devices/${other.device}`)).status, "hijacked");
  }],

  ["curl: each line of the laravel-devices document", async () => {
    const me = await signIn();
    const line = (method, path) => shell(curl(base, me.token, method, path));
    assert.equal((await line("GET", "/api/devices")).data.length, 1);
    assert.equal((await line("GET", `/api/devices/${me.device}`)).data.sessions[0].status, "active");
    assert.deepEqual(await line("PATCH", `/api/devices/${me.device}/verify`), { message: "Device verified successfully" });
    assert.deepEqual(await line("GET", "/api/devices/01234567-89ab-cdef-0123-456789abcdef"), { message: "Device not found" });
    assert.deepEqual(await line("POST", "/api/devices/signout"), { message: "All active sessions for device finished successfully." });
    const other = await signIn();
    const hijack = await shell(curl(base, other.token, "PATCH", `/api/devices/${other.device}/hijack`));
    assert.deepEqual(hijack, { message: "Device flagged as hijacked" });
    const third = await signIn();
    const forget = await shell(curl(base, third.token, "PATCH", `/api/devices/${third.device}/forget`));
    assert.deepEqual(forget, { message: "Device forgotten successfully. All active sessions were ended." });
  }],

  ["Guzzle: the lines of the laravel-devices document", async () => {
    const me = await signIn();
    const told = JSON.parse((await run("php", [fileURLToPath(new URL("clients/guzzle.php", import.meta.url)), base, me.token, me.device])).stdout);
    assert.equal(told.devices.data[0].uuid, me.device);
    assert.equal(told.device.data.status, "unverified");
    assert.equal(told.verified.message, "Device verified successfully");
    assert.deepEqual(told.after, [401, { message: "Unauthenticated." }]);
  }, existsSync(GUZZLE)],

  ["fetch: a backend lists, makes and removes trusted devices as of the Autional session service", async () => {
    const path = "/internal/session/trusted-devices";
    const tenant = { "X-Tenant-ID": "acme" };
    const made = await backend("POST", path, {
      user_id: "ana", device_fingerprint: "a/fingerprint 50% odd", browser: "Chrome", device_type: "desktop", ip: "203.0.113.7", os: "Windows", device_name: "Laptop",
    }, tenant);
    const list = await backend("GET", `${path}?user_id=ana&page=1&page_size=20`, undefined, tenant);
    assert.deepEqual([list.code, list.total, list.pagination.has_next], [0, 1, false]);
    assert.equal(list.items[0].device_fingerprint, "a/fingerprint 50% odd");
    assert.ok(made.id);
    assert.equal(list.items[0].id, made.id);
    const removed = await backend("DELETE", `${path}/${encodeURIComponent("a/fingerprint 50% odd")}?user_id=ana`, undefined, tenant);
    assert.equal(removed.code, 0);
    assert.equal((await backend("GET", `${path}?user_id=ana`, undefined, tenant)).total, 0);
  }],
];

let [passed, failed] = [0, 0];
try {
  const env = { DOORWARD_BOOTSTRAP_TENANT: "acme", DOORWARD_BOOTSTRAP_API_KEY: KEY, DOORWARD_LOG: "warn" };
  await server.start(["serve", "--listen", `127.0.0.1:${port}`], env, [["127.0.0.1", port]]);
  for (const [name, program, isThere = true] of programs) {
    if (!isThere) {
      console.log(`left out (its library isn't installed): ${name}`);
      continue;
    }
    try {
      await program();
      passed += 1;
      console.log(`ok: ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED: ${name}\n${error.stack ?? error}\n${server.log}`);
    }
  }
} finally {
  await server.stop();
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
