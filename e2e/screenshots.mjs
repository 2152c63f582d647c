// Pictures of the demo and of /docs: wide, on a phone, in the dark; with no device, one and many.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Person } from "./person.mjs";

const LOOKS = {
  wide: { viewport: { width: 1440, height: 900 } },
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
  dark: { viewport: { width: 1440, height: 900 }, colorScheme: "dark" },
};

/** Browsers that visit one person, so that there are many devices. */
const AGENTS = [
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
  "Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
  "Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0",
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
  "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
];

/** Writes the PNGs into a folder. */
export async function takeScreenshots(machine, folder) {
  mkdirSync(folder, { recursive: true });
  const names = [];
  for (const [look, options] of Object.entries(LOOKS)) {
    const shot = (page, name, fullPage = true) => {
      names.push(`${name}-${look}.png`);
      return page.screenshot({ path: join(folder, `${name}-${look}.png`), fullPage });
    };
    await walkOnce(machine, look, options, shot);
  }
  console.log(`${names.length} screenshots in ${folder}`);
}

async function walkOnce(machine, look, options, shot) {
  const context = await machine.browser.newContext({ locale: "en-GB", ...options });
  const me = new Person(await context.newPage(), machine.app);
  const name = `grace-${look}`;
  const password = "a long enough password";
  await me.go("/sign-in");
  await shot(me.page, "sign-in");
  await me.go("/register");
  await shot(me.page, "register");
  await me.page.getByLabel("Name or e-mail").fill(name);
  await me.page.getByLabel("Password").fill(password);
  await me.button("Register").click();
  await me.heading("Set up one-time codes").waitFor();
  await shot(me.page, "enrol");
  await me.code();
  await me.isAt("/trust");
  await shot(me.page, "trust");
  await me.button("Yes, trust this device").click();
  await me.isAt("/");
  await shot(me.page, "account");
  await me.go("/devices");
  await shot(me.page, "devices-one");
  await me.button("Send").count();
  await me.go("/step-up?for=transfer&to=Grace&amount=25");
  await shot(me.page, "step-up");
  await me.anotherBrowser();
  await me.password(name, password);
  await me.isAt("/code");
  await shot(me.page, "code");
  await me.page.locator(".panel details.call summary").first().click();
  await shot(me.page, "panel");
  await me.ownBrowser();
  await me.tool("Steal the cookie").click();
  await shot(me.page, "thief");
  await me.ownBrowser();
  await me.signOut();
  await manyDevices(machine, look, me, shot);
  const docs = await context.newPage();
  await docs.goto(`${machine.doorward}/docs`);
  await docs.waitForLoadState("networkidle");
  await shot(docs, "docs", false);
  await context.close();
}

// Bob needs no code, so he can be at many places quickly.
async function manyDevices(machine, look, me, shot) {
  for (const userAgent of look === "wide" ? AGENTS : []) {
    const context = await machine.browser.newContext({ userAgent });
    const visitor = new Person(await context.newPage(), machine.app);
    await visitor.password("bob", "battery staple");
    await visitor.isAt("/");
    await context.close();
  }
  await me.password("bob", "battery staple");
  await me.isAt("/");
  await me.go("/devices");
  const strangers = me.page.getByRole("article").filter({ hasText: "Edge" })
    .filter({ has: me.page.locator("summary", { hasText: "This wasn't me" }) });
  if ((await strangers.count()) > 0) {
    await me.confirm(strangers.first(), "This wasn't me", "Yes, block it");
    await me.sees("Blocked. Its sessions");
  }
  await shot(me.page, "devices-many");
  const card = me.page.getByRole("article").nth(1);
  await card.locator("summary", { hasText: "This wasn't me" }).click();
  await shot(me.page, "devices-confirm");
}
