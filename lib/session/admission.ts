// Whether a message that came may reach its handler, and whether one of ours may go out.
// Decides in this order: known, of this kind, allowed for these roles, by a peer with access enough, readable, as its schema says.
// The fence of commands comes after that, in core.ts: what is refused here must not raise it.
// Every refusal is counted under its reason; a refused message never reaches a handler (seeds b2.8).

import { type AccessLevel, HanaError, hasAccess } from "../base/mod.ts";
import type { Codec } from "../wire/mod.ts";
import { type PeerAccess, whoIs } from "./access.ts";
import type { SessionCounters } from "./events.ts";
import type { CompiledMessage, MessageDefinition } from "./message.ts";
import type { Identity } from "./protocol.ts";

/** Who meets whom, and what the peer may do. Roles change while a session is open. */
export interface AdmissionContext {
  local: Identity;
  peer: Identity;
  /** What the peer may do, and as whom. */
  readonly access: PeerAccess;
  readonly codec: Codec;
  readonly counters: SessionCounters;
}

/**
 * Checks a message of ours before it is sent. Throws `closed` without a peer, `refused` or `schema`.
 * @param ownAccess what we may do at the peer; a one-way message that needs more is refused here, since its receiver only
 *   counts it, while a request is for the receiver to refuse
 */
export function checkOutgoing(
  local: Identity,
  peer: Identity | null,
  message: CompiledMessage,
  body: unknown,
  ownAccess: AccessLevel = "operator",
): void {
  const { name, kind } = message.definition;
  if (peer === null) {
    throw new HanaError("closed", { what: `${name} was not sent`, why: "the session is not open" });
  }
  if (!message.isAllowed(local.role, peer.role)) {
    throw new HanaError("refused", {
      what: `${name} was not sent to ${peer.name}`,
      why: `a ${local.role} may not send it to a ${peer.role}`,
    });
  }
  if (kind === "event" && !hasAccess(ownAccess, message.access)) {
    throw new HanaError("refused", {
      what: `${name} was not sent to ${peer.name}`,
      why: `it needs access ${message.access}, and the key of this machine gives ${ownAccess}`,
      hint: "hana mesh show",
    });
  }
  const problem = message.body.validate(body);
  if (problem !== null) {
    throw new HanaError("schema", { what: `${name}: ${problem.path}`, why: problem.expected });
  }
}

/** The body of an admitted message. */
export interface Admitted {
  readonly message: CompiledMessage;
  readonly body: unknown;
}

/**
 * Checks a message and decodes its body.
 * @param message the definition that `name` has here, if any
 * @returns the admitted message, or the error that answers a request
 */
export function admit(
  context: AdmissionContext,
  kind: MessageDefinition["kind"],
  name: string,
  message: CompiledMessage | undefined,
  bytes: Uint8Array,
): Admitted | HanaError {
  const { local, peer, counters } = context;
  if (message === undefined || message.definition.kind !== kind) {
    counters.unknownMessage++;
    return new HanaError("unknown-message", {
      what: `${local.name} knows no ${kind} ${name}`,
      hint: `hana call ${local.name} --list`,
    });
  }
  if (!message.isAllowed(peer.role, local.role)) {
    counters.wrongRole++;
    const why = `a node of role ${peer.role} may not send it to one of role ${local.role}`;
    return new HanaError("refused", { what: `${local.name} refused ${name}`, why });
  }
  if (!hasAccess(context.access.access, message.access)) {
    const refusal = refuseAccess(context, name, message.access);
    const { access, holder } = context.access;
    message.onRefused?.(whoIs({ access, holder, peer }), refusal);
    return refusal;
  }
  let body: unknown;
  try {
    body = context.codec.decode(bytes);
  } catch (thrown) {
    if (!(thrown instanceof HanaError)) throw thrown;
    counters.undecodable++;
    return new HanaError("decode", {
      what: `the body of ${name} cannot be read`,
      why: thrown.why ?? thrown.what,
    });
  }
  const problem = message.body.validate(body);
  if (problem === null) return { message, body };
  counters.schemaRefused++;
  return new HanaError("schema", { what: `${name}: ${problem.path}`, why: problem.expected });
}

/** The refusal for a peer that may not do enough. */
function refuseAccess(context: AdmissionContext, name: string, needed: AccessLevel): HanaError {
  const { local, peer, counters } = context;
  const { access, holder } = context.access;
  const what = `${local.name} refused ${name}`;
  if (holder === null && access === "viewer") {
    counters.untrusted++;
    return new HanaError("refused", {
      what,
      why: "its mesh is open: others may look but not command",
      hint: "hana mesh create    (then hana mesh join on the others), or hana serve --insecure",
    });
  }
  counters.lowAccess++;
  return new HanaError("refused", {
    what,
    why: `it needs access ${needed}, and this was ${whoIs({ access, holder, peer })}`,
    hint: `hana mesh grant ${holder ?? "NAME"} --role ${needed}    (on a machine with the mesh key)`,
  });
}
