// Starts the binary in a folder of its own and stops it again, whatever happens.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import http from "node:http";

const BINARY =
  process.env.DOORWARD_BIN ?? fileURLToPath(new URL("../target/release/doorward", import.meta.url));

export function freePort() {
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

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function until(what, check, seconds) {
  const end = Date.now() + seconds * 1000;
  while (!(await check())) {
    if (Date.now() > end) throw new Error(`${what} within ${seconds} s`);
    await sleep(100);
  }
}

/** The binary, running. */
export class Server {
  #process;
  #exited = false;
  #dataDir = mkdtempSync(join(tmpdir(), "doorward-e2e-"));
  log = "";

  /** Starts it, and waits until it answers at each of these: a name and a port. */
  async start(args, env, places) {
    // However this process ends, the server ends with it.
    process.on("exit", () => this.kill());
    if (!existsSync(BINARY)) throw new Error(`no binary at ${BINARY}: build it or set DOORWARD_BIN`);
    this.#process = spawn(BINARY, [...args, "--data-dir", this.#dataDir], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    const note = (chunk) => { this.log = (this.log + chunk).slice(-20_000); };
    this.#process.stdout.on("data", note);
    this.#process.stderr.on("data", note);
    this.#process.on("exit", () => { this.#exited = true; });
    this.#process.on("error", (error) => { this.#exited = true; note(String(error)); });
    await until("the server answers", async () => {
      if (this.#exited) throw new Error(`the server stopped:\n${this.log}`);
      return (await Promise.all(places.map(([host, port]) => answers(host, port)))).every(Boolean);
    }, 30);
  }

  /** Stops it and removes its data. */
  async stop() {
    if (this.#process && !this.#exited) {
      this.#process.kill("SIGTERM");
      await until("the server stops", () => this.#exited, 5).catch(() => this.kill());
    }
    rmSync(this.#dataDir, { recursive: true, force: true });
  }

  /** The last resort, without waiting. */
  kill() {
    if (this.#process && !this.#exited) this.#process.kill("SIGKILL");
    rmSync(this.#dataDir, { recursive: true, force: true });
  }
}
