// Clients as the laravel-devices document shows them: axios, Guzzle and curl.
import axios from "axios";

/** An axios instance as an app sets it up. */
export const connect = (base, token) =>
  axios.create({ baseURL: base, headers: { Authorization: `Bearer ${token}`, Accept: "application/json" } });

/** The document's whole flow: look, verify what is unverified, report what is suspicious, else sign out. */
export async function manageDevice(api, uuid, isSuspicious) {
  const { data: { data: device } } = await api.get(`/api/devices/${uuid}`);
  if (device.status === "unverified") await api.patch(`/api/devices/${uuid}/verify`);
  if (isSuspicious(device)) {
    await api.patch(`/api/devices/${uuid}/hijack`, {});
    return device;
  }
  await api.post("/api/devices/signout", {});
  return device;
}

/** The lines for a shell. */
export const curl = (base, token, method, path) => `curl -sS -X ${method} "${base}${path}" \\
  -H "Authorization: Bearer ${token}" \\
  -H "Accept: application/json"`;
