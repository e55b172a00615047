// Turns what the system says about sockets into errors that a crew can act on.
// Decides codes and hints for streams of every kind; never retries and never logs.

import { type ErrorCode, HanaError } from "../../base/mod.ts";
import type { StreamAddress } from "../mod.ts";

/** An address as its URL: `tcp://10.0.0.2:47677`, `tcp://[::1]:80`, `unix:///run/x.sock`, `pipe://name`. */
export function addressText(address: StreamAddress): string {
  if (address.kind === "unix") return `unix://${address.path}`;
  if (address.kind === "pipe") return `pipe://${address.name}`;
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return `tcp://${host}:${address.port}`;
}

/** The system's name of an error (`EPIPE`), empty where it has none. */
export function systemCodeOf(thrown: unknown): string {
  if (typeof thrown !== "object" || thrown === null || !("code" in thrown)) return "";
  return typeof thrown.code === "string" ? thrown.code : "";
}

function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The error of a stream that ended before its time; always `closed`. */
export function closedError(thrown: unknown, remote: string): HanaError {
  return new HanaError("closed", {
    what: `connection to ${remote || "a peer"} ended`,
    why: reasonOf(thrown),
    cause: thrown,
  });
}

/** The error of a connect that its caller gave up. */
export function cancelledError(address: StreamAddress): HanaError {
  return new HanaError("cancelled", { what: `connecting to ${addressText(address)}`, why: "given up" });
}

/**
 * The error of a failed connect. For a Unix socket `not-found` means that there is no file, `unreachable` that
 * the file has nobody behind it (left over by a crash), `refused` that permissions forbid it.
 */
export function connectError(thrown: unknown, address: StreamAddress): HanaError {
  if (thrown instanceof HanaError) return thrown;
  const code = systemCodeOf(thrown);
  const what = `cannot connect to ${addressText(address)}`;
  const local = address.kind !== "tcp";
  if (thrown instanceof Deno.errors.NotFound || code === "ENOENT") {
    return new HanaError("not-found", {
      what,
      why: local ? "nobody has made it" : reasonOf(thrown),
      hint: local ? "start a node there: hana serve" : undefined,
      cause: thrown,
    });
  }
  if (thrown instanceof Deno.errors.PermissionDenied || code === "EACCES" || code === "EPERM") {
    return new HanaError("refused", {
      what,
      why: "permission denied",
      hint: local ? "run as the user who owns it" : "check the firewall and the system's network permissions",
      cause: thrown,
    });
  }
  if (thrown instanceof Deno.errors.ConnectionRefused || code === "ECONNREFUSED") {
    return new HanaError("unreachable", {
      what,
      why: local ? "nobody listens behind it; its owner ended without clearing it" : "nobody listens there",
      hint: "check that the node runs: hana discover",
      cause: thrown,
    });
  }
  return new HanaError("unreachable", { what, why: reasonOf(thrown), cause: thrown });
}

/** The error of a failed listen. */
export function listenError(thrown: unknown, address: StreamAddress): HanaError {
  if (thrown instanceof HanaError) return thrown;
  const code = systemCodeOf(thrown);
  const what = `cannot listen on ${addressText(address)}`;
  const fail = (as: ErrorCode, why: string, hint: string): HanaError =>
    new HanaError(as, { what, why, hint, cause: thrown });
  const tcp = address.kind === "tcp";
  if (thrown instanceof Deno.errors.AddrInUse || code === "EADDRINUSE") {
    return fail(
      "address-in-use",
      tcp ? "another program listens there" : "something is there already",
      tcp ? "take another port, or 0 for any free one" : "another node may run there: hana discover",
    );
  }
  if (thrown instanceof Deno.errors.PermissionDenied || code === "EACCES" || code === "EPERM") {
    return fail(
      "refused",
      "permission denied",
      tcp ? "take a port above 1023" : "take a directory that you own: --run-dir DIR",
    );
  }
  if (thrown instanceof Deno.errors.NotFound || code === "ENOENT") {
    return fail(
      "not-found",
      "its directory is missing",
      "make the directory, or take another: --run-dir DIR",
    );
  }
  return fail(
    "network-unusable",
    reasonOf(thrown),
    tcp ? "list the addresses of this machine: ip address" : "",
  );
}
