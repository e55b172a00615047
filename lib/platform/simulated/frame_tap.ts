// The face of somebody who watches frames from outside the network: metrics, traces. Costs nothing while unset.

/** What became of a frame. `cut` could not pass at all; `duplicated` and `corrupted` arrived so. */
export type FrameFate = "delivered" | "lost" | "cut" | "duplicated" | "corrupted";

/**
 * Told of each frame of a segment as it is sent (a held one when it leaves): hosts, bytes on the wire, what it carries
 * (to be read during the call only; null for what carries nothing), its fate, when it arrives (−1 when it does not).
 */
export type FrameTap = (
  from: string,
  to: string,
  bytes: number,
  payload: Uint8Array | null,
  fate: FrameFate,
  arrivesUs: number,
  kind: "datagram" | "stream",
) => void;
