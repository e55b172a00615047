// Reads `sd_notify` datagrams (systemd's notification protocol): assignments, one a line.
// Decides which of them mean something here; the others are counted and passed over, as systemd does with those it does not know.

import { MAX_EXTEND_US, MAX_NOTIFY_BYTES } from "./limits.ts";
import type { BrokenRule, NotifyMessage } from "./messages.ts";
import { cleanText, TEXT_LIMITS } from "./text.ts";

const decoder = new TextDecoder("utf-8");

/** Reads a datagram. Never throws. */
export function readNotify(bytes: Uint8Array): NotifyMessage | BrokenRule {
  if (bytes.length > MAX_NOTIFY_BYTES) {
    return { rule: "notify-size", detail: `${bytes.length} bytes in a datagram` };
  }
  let ready = false;
  let stopping = false;
  let reloading = false;
  let watchdog: NotifyMessage["watchdog"] = null;
  let status: string | null = null;
  let extendUs: number | null = null;
  let ignored = 0;
  let assignments = 0;
  for (const line of decoder.decode(bytes).split("\n")) {
    const at = line.indexOf("=");
    if (at <= 0) {
      if (line.trim() !== "") ignored++;
      continue;
    }
    assignments++;
    const value = line.slice(at + 1);
    const name = line.slice(0, at);
    if (name === "READY" && value === "1") ready = true;
    else if (name === "STOPPING" && value === "1") stopping = true;
    else if (name === "RELOADING" && value === "1") reloading = true;
    else if (name === "WATCHDOG" && value === "1") watchdog ??= "beat";
    else if (name === "WATCHDOG" && value === "trigger") watchdog = "trigger";
    else if (name === "STATUS") status = cleanText(value, TEXT_LIMITS.status);
    else if (name === "EXTEND_TIMEOUT_USEC" && /^[0-9]{1,15}$/.test(value)) {
      extendUs = Math.min(MAX_EXTEND_US, Number(value));
    } else ignored++;
  }
  if (assignments === 0) return { rule: "notify", detail: "a datagram without an assignment" };
  return { ready, stopping, reloading, watchdog, status, extendUs, ignored };
}
