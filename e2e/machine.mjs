// Starts what the story needs (the server, the browser) and stops all of it again, whatever happens.
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";
import { Server, freePort, sleep } from "./server.mjs";

const CHROMIUM = process.env.CHROMIUM_BIN ?? "/usr/bin/chromium";

/** The server and the browser of one run. */
export class Machine {
  #server = new Server();

  get log() {
    return this.#server.log;
  }

  /** Starts `doorward dev` and Chromium. */
  async start() {
    if (!existsSync(CHROMIUM)) throw new Error(`no browser at ${CHROMIUM}: apt-get install chromium`);
    const [api, app] = [await freePort(), await freePort()];
    this.doorward = `http://doorward.localhost:${api}`;
    this.app = `http://app.localhost:${app}`;
    const flags = ["--listen", `127.0.0.1:${api}`, "--demo-listen", `127.0.0.1:${app}`];
    await this.#server.start(["dev", ...flags], {}, [["doorward.localhost", api], ["app.localhost", app]]);
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
    await this.#server.stop();
  }

  /** The last resort, without waiting. */
  kill() {
    this.#server.kill();
  }
}
