// What a person does on the demo's pages: sign in, read the code, press buttons.
import assert from "node:assert/strict";

/** A browser window of someone who uses the demo. It notes everything that a page should not do. */
export class Person {
  faults = [];

  /** `patient`: waits for each page to the end, so that nothing may be cut off by going on. */
  constructor(page, app, { patient = false } = {}) {
    this.page = page;
    this.app = app;
    page.setDefaultTimeout(10_000);
    page.on("console", (message) => {
      if (message.type() !== "error") return;
      // A page that says "no" has a status that Chromium notes as an error of its own.
      const expected = /status of (401|403|404|409|422|503)/.test(message.text())
        && message.location().url.startsWith(app);
      if (!expected) this.faults.push(`console: ${message.text()} (${message.location().url})`);
    });
    page.on("pageerror", (error) => this.faults.push(`script: ${error}`));
    page.on("requestfailed", (request) => {
      const cause = request.failure()?.errorText;
      // The next click came before the last file had: the browser itself gave up on it.
      if (cause !== "net::ERR_ABORTED" || patient) this.faults.push(`failed: ${request.url()} ${cause}`);
    });
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (!/^(data|blob):$/.test(url.protocol) && !url.hostname.endsWith(".localhost")) {
        this.faults.push(`left the machine: ${url.href}`);
      }
    });
  }

  go(path) {
    return this.page.goto(this.app + path);
  }

  button(name) {
    return this.page.getByRole("button", { name, exact: true });
  }

  heading(name) {
    return this.page.getByRole("heading", { name });
  }

  /** Waits until this text is on the page. */
  async sees(text) {
    await this.page.locator("main").getByText(text).first().waitFor();
  }

  async isAt(path) {
    await this.page.waitForURL(this.app + path);
  }

  async seesNot(text) {
    assert.equal(await this.page.locator("main").getByText(text).count(), 0, `"${text}" is shown`);
  }

  async password(name, password) {
    await this.go("/sign-in");
    await this.page.getByLabel("Name or e-mail").fill(name);
    await this.page.getByLabel("Password").fill(password);
    await this.button("Sign in").click();
  }

  /** Enters the code that the demo shows, waiting for the next one if it must. */
  async code({ trust = false, confirm = "Continue" } = {}) {
    const shown = this.page.locator("#shown-code");
    await this.page.getByLabel("One-time code").waitFor();
    for (const end = Date.now() + 40_000; (await shown.count()) === 0 && Date.now() < end;) {
      await this.page.waitForTimeout(1000);
      await this.page.reload();
    }
    await this.page.getByLabel("One-time code").fill(await shown.innerText());
    const box = this.page.getByLabel("Trust this device for 30 days");
    if ((await box.count()) > 0) {
      assert.equal(await box.isChecked(), false, "the box is preselected");
      if (trust) await box.check();
    }
    await this.button(confirm).click();
  }

  async register(name, password, { trust }) {
    await this.go("/register");
    await this.page.getByLabel("Name or e-mail").fill(name);
    await this.page.getByLabel("Password").fill(password);
    await this.button("Register").click();
    await this.heading("Set up one-time codes").waitFor();
    assert.ok(await this.page.locator("svg.qr").isVisible(), "no QR code");
    await this.code({ trust });
  }

  async signOut() {
    await this.page.getByRole("navigation").getByRole("button", { name: "Sign out" }).click();
    await this.isAt("/sign-in");
    await this.sees("You are signed out.");
  }

  /** The card of a device, by the words on it. */
  card(text) {
    return this.page.getByRole("article").filter({ hasText: text });
  }

  /** The card that is labelled as this device. */
  thisDevice() {
    const label = this.page.getByText("This device", { exact: true });
    return this.page.getByRole("article").filter({ has: label });
  }

  /** Opens a drawer of a card and presses the button in it. */
  async confirm(card, drawer, button) {
    const summary = this.page.locator("summary", { hasText: drawer });
    const inside = card.locator("details.confirm").filter({ has: summary });
    await inside.locator("summary").click();
    await inside.getByRole("button", { name: button }).click();
  }

  tool(name) {
    return this.page.locator(".dev").getByRole("button", { name, exact: true });
  }

  async anotherBrowser() {
    await this.tool("As another browser").click();
    await this.page.getByText("You are now another browser").waitFor();
  }

  async ownBrowser() {
    await this.tool("Back to this browser").click();
    await this.tool("As another browser").waitFor();
  }
}
