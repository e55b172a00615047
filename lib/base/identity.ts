// Names for the things that every layer speaks of: node ids, incarnations, roles.
// Decides their form in text and bytes; never who holds one or what it may do.

import { HanaError } from "./errors.ts";
import { fromHex, toHex } from "./bytes.ts";

declare const brand: unique symbol;

/** A primitive that cannot be mixed up with another of the same shape. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** A node's identity: 128 random bits as 32 lower-case hex digits, kept across restarts. */
export type NodeId = Brand<string, "NodeId">;

/** Bytes in a {@linkcode NodeId}. */
export const NODE_ID_BYTES = 16;

/**
 * The life of a node: grows at every start, even when the wall clock was set back.
 * `max(wall ms, last + 1)`, so that it fits 48 bits (discovery research 6.2).
 */
export type Incarnation = Brand<number, "Incarnation">;

/** What a node is to the mesh. `observer` is a short-lived tool that is never listed. */
export type Role = "app" | "visualization" | "daemon" | "observer";

/** All roles; the index is the role's number on the wire, so the order never changes. */
export const ROLES: readonly Role[] = ["app", "visualization", "daemon", "observer"];

/** Whether `text` names a role. */
export function isRole(text: string): text is Role {
  return (ROLES as readonly string[]).includes(text);
}

const NODE_ID_PATTERN = /^[0-9a-f]{32}$/;

/** Whether `text` has the form of a node id. */
export function isNodeId(text: string): text is NodeId {
  return NODE_ID_PATTERN.test(text);
}

/** Reads a node id from its 16 bytes. Throws `decode` on any other length. */
export function nodeIdFromBytes(bytes: Uint8Array): NodeId {
  if (bytes.length !== NODE_ID_BYTES) {
    throw new HanaError("decode", { what: "node id", why: `has ${bytes.length} bytes instead of 16` });
  }
  return toHex(bytes) as NodeId;
}

/** The 16 bytes of a node id. */
export function nodeIdToBytes(id: NodeId): Uint8Array {
  return fromHex(id);
}
