// Starts what the story needs (the server, the browser) and stops all of it again, whatever happens.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import http from "node:http";
import { chromium } from "playwright-core";

const BINARY =
  process.env.DOORWARD_BIN ?? fileURLToPath(new URL("../target/release/doorward", import.meta.url));
const CHROMIUM = process.env.CHROMIUM_BIN ?? "/usr/bin/chromium";

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

// Any HTTP answer will do: the name is resolved here, since only browsers and curl know `*.localhost`.
function answers(host, port) {
  return new Promise((resolve) => {
    const request = http.get(
      { host: "127.0.0.1", port, path: "/", headers: { Host: `${host}:${port}` }, timeout: 1000 },
      (answer) => {
        answer.resume();
        resolve(true);
      },
    );
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(false));
  });
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function until(what, check, seconds) {
  const end = Date.now() + seconds * 1000;
  while (!(await check())) {
    if (Date.now() > end) throw new Error(`${what} within ${seconds} s`);
    await sleep(100);
  }
}

/** The server and the browser of one run. */
export class Machine {
  #server;
  #exited = false;
  #dataDir = mkdtempSync(join(tmpdir(), "doorward-story-"));
  log = "";

  /** Starts `doorward dev` and Chromium. */
  async start() {
    // However this process ends, the server ends with it; Playwright does the same for the browser.
    process.on("exit", () => this.kill());
    if (!existsSync(BINARY)) throw new Error(`no binary at ${BINARY}: build it or set DOORWARD_BIN`);
    if (!existsSync(CHROMIUM)) throw new Error(`no browser at ${CHROMIUM}: apt-get install chromium`);
    const [api, app] = [await freePort(), await freePort()];
    this.doorward = `http://doorward.localhost:${api}`;
    this.app = `http://app.localhost:${app}`;
    const flags = ["--listen", `127.0.0.1:${api}`, "--demo-listen", `127.0.0.1:${app}`];
    this.#server = spawn(BINARY, ["dev", "--data-dir", this.#dataDir, ...flags], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const note = (chunk) => { this.log = (this.log + chunk).slice(-20_000); };
    this.#server.stdout.on("data", note);
    this.#server.stderr.on("data", note);
    this.#server.on("exit", () => { this.#exited = true; });
    this.#server.on("error", (error) => { this.#exited = true; note(String(error)); });
    await until("the server answers on both names", async () => {
      if (this.#exited) throw new Error(`the server stopped:\n${this.log}`);
      return (await answers("doorward.localhost", api)) && (await answers("app.localhost", app));
    }, 30);
    this.browser = await chromium.launch({
      executablePath: CHROMIUM,
      headless: true,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--host-resolver-rules=MAP *.localhost 127.0.0.1",
      ],
    });
  }

  /** Stops the browser and the server and removes their data. */
  async stop() {
    await Promise.race([this.browser?.close().catch(() => {}), sleep(5000)]);
    if (this.#server && !this.#exited) {
      this.#server.kill("SIGTERM");
      await until("the server stops", () => this.#exited, 5).catch(() => this.kill());
    }
    rmSync(this.#dataDir, { recursive: true, force: true });
  }

  /** The last resort, without waiting. */
  kill() {
    if (this.#server && !this.#exited) this.#server.kill("SIGKILL");
    rmSync(this.#dataDir, { recursive: true, force: true });
  }
}
