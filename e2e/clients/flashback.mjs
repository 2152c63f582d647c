// A client as the Flashback documents show it: built on fetch, and the curl line.

/** The part of a client that an app built for that API uses. */
export class FlashbackClient {
  #baseUrl;
  #accessToken;

  constructor({ baseUrl, accessToken }) {
    this.#baseUrl = baseUrl;
    this.#accessToken = accessToken;
  }

  async #call(method, path, body) {
    const answer = await fetch(this.#baseUrl + path, {
      method,
      headers: {
        Accept: "application/json",
        Authorization: `Bearer ${this.#accessToken}`,
        ...(body && { "Content-Type": "application/json" }),
      },
      body: body && JSON.stringify(body),
    });
    const told = await answer.json();
    if (!told.success) throw Object.assign(new Error(told.error), { status: answer.status });
    return told;
  }

  devices = {
    list: () => this.#call("GET", "/devices"),
    get: (id) => this.#call("GET", `/devices/${id}`),
    trust: ({ fingerprint }) => this.#call("POST", "/devices/trust", { fingerprint }),
    untrust: (id) => this.#call("POST", `/devices/${id}/untrust`),
    remove: (id) => this.#call("DELETE", `/devices/${id}`),
    heartbeat: (id) => this.#call("POST", `/devices/${id}/heartbeat`),
  };

  sessions = {
    list: () => this.#call("GET", "/sessions"),
    revoke: (id) => this.#call("POST", `/sessions/${id}/revoke`),
    revokeAll: () => this.#call("POST", "/sessions/revoke-all"),
    heartbeat: (id) => this.#call("POST", `/sessions/${id}/heartbeat`),
  };
}

/** The line that trusts a device, for a shell. */
export const curlTrust = (base, token, fingerprint) => `curl -sS -X POST ${base}/devices/trust \\
  -H 'Accept: application/json' \\
  -H 'Authorization: Bearer ${token}' \\
  -H 'Content-Type: application/json' \\
  -d '{
  "fingerprint": "${fingerprint}"
}'`;
