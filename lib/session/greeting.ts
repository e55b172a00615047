// The greeting: who we are, and whether we can talk at all.
// Decides which greeting is readable and acceptable; never sends one (core.ts).

import { HanaError, type Incarnation, isNodeId, isRole, type Role } from "../base/mod.ts";
import type { LaneOffer } from "../lanes/mod.ts";
import { type Identity, PROTOCOL_VERSIONS } from "./protocol.ts";

/** The body of hello and welcome. */
export interface Greeting extends Identity {
  /** In hello: all versions that the dialler speaks. In welcome: the one chosen. */
  readonly versions: readonly number[];
  /** How the sender takes packets of lanes; null when it takes plain payloads alone. */
  readonly lanes: LaneOffer | null;
}

/** The body of hello or welcome as it is encoded. */
export function encodeGreeting(greeting: Greeting): Record<string, unknown> {
  const { versions, id, name, role, incarnation, software, lanes } = greeting;
  const body = { versions: [...versions], id, name, role, incarnation, software };
  return lanes === null ? body : { ...body, lanes };
}

/** Longest node name in characters. */
export const MAX_NAME_LENGTH = 64;

/** Reads the body of hello or welcome; null when a field is missing or wrong. Unknown fields are for later versions. */
export function decodeGreeting(body: unknown): Greeting | null {
  if (typeof body !== "object" || body === null) return null;
  const { versions, id, name, role, incarnation, software } = body as Record<string, unknown>;
  if (!Array.isArray(versions) || versions.length === 0 || versions.length > 16) return null;
  if (!versions.every((version) => Number.isSafeInteger(version) && version > 0)) return null;
  if (typeof id !== "string" || !isNodeId(id)) return null;
  if (typeof name !== "string" || name.length === 0 || name.length > MAX_NAME_LENGTH) return null;
  if (typeof role !== "string" || !isRole(role)) return null;
  if (typeof incarnation !== "number" || !Number.isSafeInteger(incarnation) || incarnation < 0) return null;
  if (typeof software !== "string" || software.length > MAX_NAME_LENGTH) return null;
  const lanes = decodeOffer((body as Record<string, unknown>)["lanes"]);
  return { versions, id, name, role, incarnation: incarnation as Incarnation, software, lanes };
}

/** What cannot be read is of a later version, and as good as no offer. */
function decodeOffer(offer: unknown): LaneOffer | null {
  if (typeof offer !== "object" || offer === null) return null;
  const { version, udp } = offer as Record<string, unknown>;
  if (!isInRange(version, 1, 0xffff)) return null;
  if (typeof udp !== "object" || udp === null) return { version, udp: null };
  const { port, index } = udp as Record<string, unknown>;
  const usable = isInRange(port, 1, 0xffff) && isInRange(index, 0, 0xffff_ffff);
  return { version, udp: usable ? { port, index } : null };
}

function isInRange(value: unknown, least: number, most: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= least && value <= most;
}

/** The best version in both lists, null when there is none. */
export function chooseVersion(theirs: readonly number[]): number | null {
  return PROTOCOL_VERSIONS.find((version) => theirs.includes(version)) ?? null;
}

/** Whether a node may change its role: an app may become a node that stays, or the other way round; an observer nothing. */
export function canBecome(from: Role, to: Role): boolean {
  return from !== "observer" && to !== "observer" && (from === "app" || to === "app");
}

/** Why `local` cannot have a session with the node of `greeting`; null when it can. */
export function refusalOf(greeting: Greeting, local: Identity): HanaError | null {
  if (chooseVersion(greeting.versions) === null) {
    const theirs = `${greeting.name} (hana ${greeting.software})`;
    return new HanaError("version", {
      what: `${theirs} and ${local.name} (hana ${local.software}) have no protocol version in common`,
      why: `one speaks ${greeting.versions.join(", ")}, the other ${PROTOCOL_VERSIONS.join(", ")}`,
      hint: "hana version    (on both machines)",
    });
  }
  if (greeting.id === local.id) {
    return new HanaError("conflict", {
      what: `${greeting.name} has the id of ${local.name}`,
      why: "a node reached itself, or a state directory was copied",
      hint: "hana serve --state-dir NEW-DIRECTORY",
    });
  }
  return null;
}
