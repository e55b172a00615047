// Turns what the system says about datagram sockets into errors that a crew can act on.
// Decides codes and hints; what repeats is held back by the socket.

import { HanaError } from "../../base/mod.ts";
import type { DatagramOptions } from "../mod.ts";
import { systemCodeOf } from "./stream_errors.ts";

/** `udp://host:port`, for people. */
export function udpText(host: string, port: number): string {
  return `udp://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The error of a failed bind. */
export function bindError(thrown: unknown, options: DatagramOptions): HanaError {
  if (thrown instanceof HanaError) return thrown;
  const what = `cannot bind ${udpText(options.egress ?? options.host, options.port)}`;
  if (thrown instanceof Deno.errors.AddrInUse || systemCodeOf(thrown) === "EADDRINUSE") {
    return new HanaError("address-in-use", {
      what,
      why: options.shared ? "a program that does not share the port holds it" : "another program holds it",
      hint: "find it: ss -lunp",
      cause: thrown,
    });
  }
  return new HanaError("network-unusable", {
    what,
    why: reasonOf(thrown),
    hint: "list the addresses of this machine: ip address",
    cause: thrown,
  });
}

/** The error of anything else that a socket tried. */
export function datagramError(thrown: unknown, what: string): HanaError {
  if (thrown instanceof HanaError) return thrown;
  return new HanaError("network-unusable", { what, why: reasonOf(thrown), cause: thrown });
}
