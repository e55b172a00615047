// How the library says no: one error that a program can tell apart and a person can read.
// Decides which code of hana stands for which word of the state protocol; never decides that something is refused.

import { type ErrorCode, HanaError } from "../../base/mod.ts";
import type { NackCode } from "../messages/mod.ts";
import type { DropReason, WriteAnswer } from "../replica/mod.ts";
import { isRefusal, type Refusal, type RefusalCode } from "../schema/mod.ts";

/** Why something of the shared state was refused, in the words of the protocol. */
export type StateReason =
  | NackCode
  | DropReason
  | RefusalCode
  /** No host has let this client in yet: there is no book of paths. */
  | "not-joined"
  /** No priority that this client may use. */
  | "priority"
  /** The answer was lost with the connection: nobody knows whether it happened. */
  | "unknown"
  /** No answer in time. */
  | "timeout"
  /** The client was closed. */
  | "closed";

/** Something that the shared state refused. `code` is one of hana's, `reason` the finer word. */
export class StateError extends HanaError {
  readonly reason: StateReason;
  /** The path concerned; null where it was about no single one. */
  readonly path: string | null;
  /** The number of the client that stands in the way; 0 for none. */
  readonly holder: number;

  constructor(
    reason: StateReason,
    detail: {
      readonly what: string;
      readonly why?: string;
      readonly hint?: string;
      readonly path?: string;
      readonly holder?: number;
    },
  ) {
    super(CODES[reason] ?? "refused", detail);
    this.reason = reason;
    this.path = detail.path ?? null;
    this.holder = detail.holder ?? 0;
  }
}

/** The error for a write that was not even taken; null where it was. */
export function refusedWrite(path: string, answer: WriteAnswer): StateError | null {
  if (answer === "taken") return null;
  const what = `${path} was not written`;
  if (isRefusal(answer)) return refused(path, what, answer);
  switch (answer) {
    case "not-joined":
      return new StateError("not-joined", {
        what,
        why: "no host of the shared state has let this client in yet",
        hint: "wait for ready()",
        path,
      });
    case "priority":
      return new StateError("priority", {
        what,
        why: "priorities go from 1 to what the host allows this client, 200 at most",
        path,
      });
    case "full":
      return new StateError("full", { what, why: "too many writes of this client wait already", path });
  }
}

/** The error for what the schema refuses. */
export function refused(path: string, what: string, { code, why }: Refusal): StateError {
  return new StateError(code, { what, why, path });
}

/** A sentence of the host, which knows clients by number, with their names where they are known. */
export function withNames(text: string, nameOf: (client: number) => string | null): string {
  return text.replaceAll(/\bclient (\d+)\b/g, (number, digits: string) => {
    const name = nameOf(Number(digits));
    return name === null ? number : `${name} (${number})`;
  });
}

const CODES: Readonly<Partial<Record<StateReason, ErrorCode>>> = {
  "unknown-path": "not-found",
  gone: "not-found",
  "path-changed": "not-found",
  type: "schema",
  range: "schema",
  malformed: "schema",
  "wrong-type": "schema",
  "not-finite": "schema",
  "out-of-range": "schema",
  "unknown-word": "schema",
  "too-long": "schema",
  "too-deep": "schema",
  "not-text": "schema",
  priority: "usage",
  conflict: "conflict",
  version: "conflict",
  rate: "overloaded",
  full: "overloaded",
  "not-joined": "unreachable",
  stale: "timeout",
  timeout: "timeout",
  order: "closed",
  epoch: "closed",
  suspended: "closed",
  unknown: "closed",
  closed: "closed",
};
