// The story of Doorward's demo, walked in Chromium as a person would, on two host names.
//   node story.mjs [--screenshots DIR]
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Machine } from "./machine.mjs";
import { Person } from "./person.mjs";
import { takeScreenshots } from "./screenshots.mjs";

const LONGEST_MS = 120_000;
const ADA = ["ada", "correct horse"];
const BOB = ["bob", "battery staple"];
const SECRET = "a long enough password";

const screenshots = process.argv.includes("--screenshots")
  ? process.argv[process.argv.indexOf("--screenshots") + 1]
  : undefined;

/** The steps, in order. Each leaves the demo signed out on "this browser", unless it says otherwise. */
const steps = [
  ["an unknown device is challenged, and the box beside the code trusts it", async (me) => {
    await me.password(...ADA);
    await me.isAt("/code");
    await me.sees("Shared or public computer?");
    await me.code({ trust: true });
    await me.isAt("/");
    await me.sees(/skips the code until \d+ \w+/);
    await me.signOut();
  }],

  ["the next sign-in on it needs no code", async (me) => {
    await me.password(...ADA);
    await me.isAt("/");
    await me.sees("the code was skipped because this device is trusted");
  }],

  ["a call copied as curl works as pasted", async (me) => {
    const call = me.page.locator(".panel details.call").filter({ hasText: "/internal/sessions/verify" }).first();
    await call.locator("summary").click();
    const line = await call.locator("pre.curl").innerText();
    assert.match(line, /^curl .*X-API-Key/s);
    const { stdout } = await promisify(execFile)("sh", ["-c", line]);
    assert.match(stdout, /^HTTP\/1\.1 200 /);
    assert.match(stdout, /"active":\s*true/);
  }],

  ["the device is listed as trusted with its end, and trust can be ended without signing out", async (me) => {
    await me.go("/devices");
    const card = me.thisDevice();
    assert.match(await card.innerText(), /Skips the code until \d+ \w+/);
    await card.getByRole("button", { name: "Stop trusting" }).click();
    await me.isAt("/devices");
    await me.sees("Trust has ended");
    assert.match(await me.thisDevice().innerText(), /Not trusted/);
    await me.signOut();
  }],

  ["so the code is asked for again", async (me) => {
    await me.password(...ADA);
    await me.isAt("/code");
    await me.code({ trust: true });
    await me.isAt("/");
    await me.signOut();
  }],

  ["someone new sets codes up, is asked about trust on a page of its own, and says No", async (me) => {
    await me.register("carol@example.org", SECRET, { trust: false });
    await me.isAt("/trust");
    await me.heading("Trust this device for 30 days?").waitFor();
    await me.sees("Shared or public computer? Choose No.");
    await me.button("No").click();
    await me.isAt("/");
    await me.sees("this device is not trusted");
    await me.signOut();
  }],

  ["the No is remembered, and can be changed on the devices page", async (me) => {
    await me.password("carol@example.org", SECRET);
    await me.isAt("/code");
    await me.code();
    await me.isAt("/");
    await me.seesNot("Decide now");
    await me.go("/devices");
    await me.thisDevice().getByRole("button", { name: "Trust this device" }).click();
    await me.sees(/skips the code until/);
    await me.signOut();
  }],

  ["a Yes on that page trusts the device, and a sensitive action still asks for the code", async (me) => {
    await me.register("dora", SECRET, { trust: false });
    await me.isAt("/trust");
    await me.button("Yes, trust this device").click();
    await me.isAt("/");
    await me.sees(/skips the code until/);
    await me.button("Send").click();
    await me.heading("Confirm that it's you").waitFor();
    await me.code({ confirm: "Send" });
    await me.isAt("/");
    await me.sees("Sent 25 pebbles to Grace");
    await me.signOut();
  }],

  ["several people share a browser, and each keeps their own trust", async (me) => {
    await me.password(...ADA);
    await me.isAt("/");
    await me.signOut();
    await me.password("dora", SECRET);
    await me.isAt("/");
    await me.signOut();
  }],

  ["another browser of the same person is challenged, and is a second device", async (me) => {
    await me.register("erin", SECRET, { trust: true });
    await me.isAt("/");
    await me.anotherBrowser();
    await me.password("erin", SECRET);
    await me.isAt("/code");
    await me.code();
    await me.isAt("/trust");
    await me.go("/devices");
    assert.equal(await me.page.getByRole("article").count(), 2);
    assert.match(await me.page.getByRole("article").first().innerText(), /This device/);
    await me.ownBrowser();
  }],

  ["it can be renamed", async (me) => {
    await me.go("/devices");
    const card = me.card("iOS");
    await card.locator("summary", { hasText: "Rename" }).click();
    await card.getByLabel("Name of this device").fill("Mystery <phone>");
    await card.getByRole("button", { name: "Save" }).click();
    await me.heading("Mystery <phone>").waitFor();
  }],

  ["\"This wasn't me\" signs it out and keeps it out", async (me) => {
    await me.confirm(me.card("Mystery <phone>"), "This wasn't me", "Yes, block it");
    await me.sees("Blocked. Its sessions and its trust have ended");
    assert.match(await me.card("Mystery <phone>").innerText(), /Blocked/);
    await me.tool("As another browser").click();
    await me.heading("You're signed out").waitFor();
    await me.sees("its device was reported as not yours");
    await me.password("erin", SECRET);
    await me.heading("You can't sign in here").waitFor();
    await me.go("/");
    await me.isAt("/sign-in");
    await me.ownBrowser();
    await me.isAt("/");
    await me.signOut();
  }],

  ["a thief with the cookie and the password is stopped for good", async (me) => {
    await me.password(...ADA);
    await me.isAt("/");
    await me.tool("Steal the cookie").click();
    await me.page.getByText("You are now the thief").waitFor();
    await me.password(...ADA);
    // With the copied token the thief either meets the code or gets a session that Ada can see.
    await me.page.waitForURL((url) => ["/", "/code"].includes(url.pathname));
    const stopped = new URL(me.page.url()).pathname === "/code";
    console.log(`       (the thief ${stopped ? "is asked for the code" : "is in, with the password and the token"})`);
    await me.ownBrowser();
    await me.go("/devices");
    const card = me.thisDevice();
    const sessions = await card.locator(".sessions li").count();
    assert.equal(sessions, stopped ? 1 : 2);
    await me.confirm(card, "Stolen or copied", "Yes, block it");
    await me.heading("This device is blocked").waitFor();
    await me.tool("Steal the cookie").click();
    await me.password(...ADA);
    await me.heading("You can't sign in here").waitFor();
    await me.ownBrowser();
    await me.tool("Clear cookies").click();
    await me.sees("It is a new device now.");
    await me.password(...ADA);
    await me.isAt("/code");
  }],

  ["30 days later the session is over and so is the trust", async (me) => {
    await me.register("flora", SECRET, { trust: true });
    await me.isAt("/");
    await me.tool("30 days later").click();
    await me.heading("You're signed out").waitFor();
    await me.page.locator(".dev .clock", { hasText: "30 days ahead" }).waitFor();
    await me.password("flora", SECRET);
    await me.isAt("/code");
    await me.sees("the trust in this device has run out");
  }],

  ["someone without a second factor gets in by password, and is offered no trust", async (me) => {
    await me.password(...BOB);
    await me.isAt("/");
    await me.sees("Password alone");
    await me.button("Send").click();
    await me.heading("This needs a one-time code").waitFor();
    await me.go("/devices");
    assert.equal(await me.button("Trust this device").count(), 0);
  }],

  ["signing out everywhere else counts, and leaves this session alone", async (me) => {
    await me.anotherBrowser();
    await me.password(...BOB);
    await me.isAt("/");
    await me.ownBrowser();
    await me.go("/devices");
    await me.page.locator("summary", { hasText: "Sign out everywhere else (1)" }).click();
    await me.button("Yes, sign out everywhere else").click();
    await me.sees("Signed out 1 session elsewhere");
    await me.go("/");
    await me.heading("Hello, bob").waitFor();
    await me.tool("As another browser").click();
    await me.heading("You're signed out").waitFor();
    await me.ownBrowser();
  }],

  ["a device can be removed", async (me) => {
    await me.go("/devices");
    await me.confirm(me.card("iOS"), "Remove", "Yes, remove it");
    await me.sees("Removed, and signed out there.");
    assert.equal(await me.page.getByRole("article").count(), 1);
    await me.sees("No other devices.");
    await me.signOut();
  }],

  ["forms work without scripts, and a form of another site is refused", async (me, machine) => {
    const context = await machine.browser.newContext({ javaScriptEnabled: false });
    const plain = new Person(await context.newPage(), machine.app);
    await plain.password(...BOB);
    await plain.isAt("/");
    await plain.go("/devices");
    const card = plain.thisDevice();
    await card.locator("summary", { hasText: "Rename" }).click();
    await card.getByLabel("Name of this device").fill("No scripts here");
    await card.getByRole("button", { name: "Save" }).click();
    await plain.heading("No scripts here").waitFor();
    const form = `<form method="post" action="${machine.app}/sign-out"><button>Win a prize</button></form>`;
    await plain.page.route("http://elsewhere.localhost/", (route) =>
      route.fulfill({ contentType: "text/html", body: form }));
    await plain.page.goto("http://elsewhere.localhost/");
    const refused = plain.page.waitForResponse(`${machine.app}/sign-out`);
    await plain.button("Win a prize").click();
    assert.equal((await refused).status(), 403);
    await plain.go("/");
    await plain.heading("Hello, bob").waitFor();
    assert.deepEqual(plain.faults, []);
    await context.close();
  }],

  ["/docs of Doorward opens, all from this machine", async (me, machine) => {
    const page = await me.page.context().newPage();
    const reader = new Person(page, machine.doorward, { patient: true });
    const answer = await reader.go("/docs");
    assert.equal(answer.status(), 200);
    await page.getByText("devices").first().waitFor();
    await page.waitForLoadState("networkidle");
    assert.deepEqual(reader.faults, []);
    await page.close();
  }],

  ["no page complained, and nothing was asked of any other machine", async (me) => {
    assert.deepEqual(me.faults, []);
  }],
];

async function walk(machine) {
  const page = await (await machine.browser.newContext({ locale: "en-GB" })).newPage();
  const me = new Person(page, machine.app);
  let passed = 0;
  for (const [name, step] of steps) {
    const began = Date.now();
    try {
      await step(me, machine);
      passed += 1;
      console.log(`ok     ${name} (${Date.now() - began} ms)`);
    } catch (error) {
      console.log(`FAILED ${name}\n       at ${page.url()}\n       ${String(error.stack).slice(0, 2000).replaceAll("\n", "\n       ")}`);
      console.log(`       the page says: ${(await page.locator("main").innerText().catch(() => "")).slice(0, 600)}`);
      // The next steps build on this one.
      break;
    }
  }
  return passed;
}

const machine = new Machine();
const tooLong = setTimeout(() => {
  console.error(`not done within ${LONGEST_MS / 1000} s`);
  process.exit(1);
}, LONGEST_MS);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => process.exit(1));
}

let passed = 0;
let trouble = 0;
try {
  await machine.start();
  passed = await walk(machine);
  if (screenshots) await takeScreenshots(machine, screenshots);
} catch (error) {
  trouble = 1;
  console.error(error);
} finally {
  await machine.stop();
  clearTimeout(tooLong);
}
const failed = steps.length - passed;
if (failed > 0) console.log(`the server's last words:\n${machine.log}`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed + trouble > 0 ? 1 : 0);
