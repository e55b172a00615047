// The one error type of hana and the list of its codes.
// Decides what an error carries: what failed, why as far as known, what to try.
// Never decides how it is printed (cli/output) and is never thrown on a hot path: hot paths return codes and count.

/**
 * Every way in which hana fails, as a crew or a program can react to it.
 * The CLI maps each code to an exit code; a peer receives it in an error reply.
 */
export type ErrorCode =
  | "usage" // the call itself is wrong
  | "config" // a setting has a value that cannot be used
  | "not-found" // no such node, message, file
  | "refused" // permission, ownership, role or key forbids it
  | "timeout" // the deadline passed
  | "cancelled" // the caller gave up
  | "unreachable" // no path led there
  | "closed" // the connection ended before the answer
  | "protocol" // the peer broke the protocol
  | "frame-too-large" // a frame over the limit, ours or the peer's
  | "decode" // bytes that are no valid value
  | "schema" // a value that its schema does not allow
  | "unknown-message" // the receiver knows no such message
  | "authentication" // keys differ, or the bytes were altered
  | "version" // no protocol version in common
  | "overloaded" // a bound was reached
  | "address-in-use" // somebody else holds the port or the socket
  | "network-unusable" // no interface, no permission, no route
  | "storage" // a file or directory cannot be read or written
  | "conflict" // the same id or name twice
  | "unsupported" // not on this operating system or in this build
  | "internal"; // a bug in hana

/** What a {@linkcode HanaError} is made of. */
export interface ErrorDetail {
  /** What failed, naming the concrete address, interface, file or node. */
  readonly what: string;
  /** Why, as far as known. */
  readonly why?: string;
  /** What to try: a runnable command where there is one. */
  readonly hint?: string;
  /** The error underneath. */
  readonly cause?: unknown;
}

/** An error that a person can act on. `message` is `what: why`. */
export class HanaError extends Error {
  override readonly name = "HanaError";
  readonly code: ErrorCode;
  readonly what: string;
  readonly why: string | undefined;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, detail: ErrorDetail) {
    super(detail.why === undefined ? detail.what : `${detail.what}: ${detail.why}`, { cause: detail.cause });
    this.code = code;
    this.what = detail.what;
    this.why = detail.why;
    this.hint = detail.hint;
  }
}

/** Wraps anything thrown into a {@linkcode HanaError}; one that already is stays as it is. */
export function toHanaError(thrown: unknown, code: ErrorCode, what: string): HanaError {
  if (thrown instanceof HanaError) return thrown;
  const why = thrown instanceof Error ? thrown.message : String(thrown);
  return new HanaError(code, { what, why, cause: thrown });
}

/** States what must hold at this line. A failure is a bug in hana, never the fault of a peer. */
export function assert(condition: boolean, claim: string): asserts condition {
  if (!condition) throw new HanaError("internal", { what: "assertion failed", why: claim });
}
