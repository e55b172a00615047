// Everything discovery counts, in one object: what came, what was refused and why, what we dropped ourselves.
// Decides the list of reasons; never reacts to them.

/** Why a received datagram changed nothing. The order is that of the checks. */
export const REFUSALS = [
  "not-hana", // too short for us, or another magic
  "oversize", // over 1,200 bytes: hana never sends that
  "version", // another major version of the protocol
  "other-mesh", // the tag of another mesh name
  "flood", // its source is over its rate
  "foreign", // another key, or altered bytes
  "unknown-kind", // a kind of a later version
  "malformed", // signed by the key, but no valid message
  "own-echo", // our own multicast coming back
  "own-id", // another process under our id
  "off-link", // a source outside every subnet of ours
  "duplicate", // seen already: a second path, or a replay
  "old-incarnation", // a former life of a node that is alive
  "other-process", // same id and incarnation, other process
  "after-goodbye", // the node had said goodbye
  "delayed", // held back on the way, or replayed; freshness is asked for
  "stale-nonce", // an answer to nothing that we asked
  "not-for-us", // meant for another node
  "not-allowed", // a request for pages from an address that has not shown that it is one
  "bad-endpoint", // an endpoint that would point back into our own machine
  "peer-limit", // no room
] as const;

/** Why a received datagram changed nothing. */
export type Refusal = typeof REFUSALS[number];

/** What we gave up on our own side. */
export const DROPS = [
  "multicast-limit", // our own rate of multicast
  "unicast-limit", // our own rate of unicast
  "offer-limit", // more questions than we answer
  "page-limit", // more requests for pages than we answer
  "record-fetches", // more cut records than are fetched at a time
  "outbox", // the owner does not fetch what is to be sent
  "events", // the owner does not fetch events
  "hints", // more addresses that may be nodes than are asked at a time
  "candidates", // more newcomers than can be asked
  "challenges", // more open questions than are kept
  "vouches", // more suspected nodes than we can speak up for
  "helps", // more requests to ping somebody than are followed
  "no-link", // nowhere to send from
] as const;

/** What we gave up on our own side. */
export type Drop = typeof DROPS[number];

function zeros<K extends string>(keys: readonly K[]): Record<K, number> {
  return Object.fromEntries(keys.map((key) => [key, 0])) as Record<K, number>;
}

/** Counters since the core was made; they only grow. */
export class DiscoveryCounters {
  sent = 0;
  sentBytes = 0;
  received = 0;
  receivedBytes = 0;
  accepted = 0;
  /** Verified by the previous key of the ring: somebody has not rotated yet. */
  acceptedByPreviousKey = 0;
  readonly refused: Record<Refusal, number> = zeros(REFUSALS);
  readonly dropped: Record<Drop, number> = zeros(DROPS);
}
