// What a peer may do, and as whom: the session's own view of what the transport has proved.
// Decides how that reads in a log; never who holds which key (lib/security), nor what a message needs (message.ts).

import type { AccessLevel, HanaError } from "../base/mod.ts";
import type { Identity } from "./protocol.ts";

/** What a peer has proved. */
export interface PeerAccess {
  readonly access: AccessLevel;
  /** Whose access key it holds; null for a machine with the mesh key, a local socket, the open mesh. */
  readonly holder: string | null;
  /** Why no session is wanted with it all the same; null when one is. */
  readonly refusal: HanaError | null;
}

/** What a peer may do that has not greeted. */
export const NO_ACCESS: PeerAccess = { access: "viewer", holder: null, refusal: null };

/** A level that is known from the start, or where to ask for it once the carrier is up. */
export type AccessSource = AccessLevel | (() => PeerAccess);

/** What the source says now. */
export function readAccess(source: AccessSource): PeerAccess {
  return typeof source === "function" ? source() : { access: source, holder: null, refusal: null };
}

/** Who asks, for logs and refusals: `anna (crew) at foh`, or `foh (operator)` where no person is named. */
export function whoIs(
  session: {
    readonly access: AccessLevel;
    readonly holder: string | null;
    readonly peer: Pick<Identity, "name">;
  },
): string {
  const { access, holder, peer } = session;
  return holder === null ? `${peer.name} (${access})` : `${holder} (${access}) at ${peer.name}`;
}
