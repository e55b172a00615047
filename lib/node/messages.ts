// The messages that every node understands: ping, describe, the list of nodes, statistics.
// Reads as the table of who may ask what; the answers stand in builtin.ts.

import { ANY_ROLE, defineEvent, defineRequest } from "../session/mod.ts";
import { s } from "../wire/mod.ts";
import type { LaneName } from "../lanes/mod.ts";

/** What may be asked by and of everybody, ahead of all else. */
const OPEN_TO_ALL = { lane: "control", effect: "read", from: ANY_ROLE, to: ANY_ROLE } as const;

/** Longest ping payload in bytes: an unreliable lane's message limit (architecture 4). */
export const MAX_PING_BYTES = 16 * 1024;

/** A round trip on one lane: the payload comes back as it went. One request a lane, so that each can be measured. */
function pingOn<L extends LaneName>(lane: L) {
  return defineRequest({
    name: `hana.ping.${lane}`,
    description: `Sends the payload back on the ${lane} lane.`,
    lane,
    effect: "read",
    from: ANY_ROLE,
    to: ANY_ROLE,
    body: s.object({ payload: s.bytes({ maxLength: MAX_PING_BYTES }) }),
    reply: s.object({ payload: s.bytes({ maxLength: MAX_PING_BYTES }) }),
  });
}

/** Round trips by lane. */
export const PING = {
  control: pingOn("control"),
  state: pingOn("state"),
  modulation: pingOn("modulation"),
  events: pingOn("events"),
  telemetry: pingOn("telemetry"),
} as const;

/** A node's record and the messages that it understands, its own ones among them. */
export const DESCRIBE = defineRequest({
  name: "hana.describe",
  description: "The node's record and the messages it understands.",
  ...OPEN_TO_ALL,
  body: s.object({}),
  reply: s.object({ node: s.unknown(), messages: s.array(s.unknown(), { maxItems: 1024 }) }),
});

/** All nodes that this node sees, itself first. */
export const LIST_NODES = defineRequest({
  name: "hana.nodes.list",
  description: "The nodes that this node sees, itself first.",
  ...OPEN_TO_ALL,
  body: s.object({}),
  reply: s.object({ nodes: s.array(s.unknown(), { maxItems: 8192 }) }),
});

/** Asks for every change of the list of nodes, until the session ends. */
export const WATCH_NODES = defineRequest({
  name: "hana.nodes.watch",
  description: "Sends hana.nodes.delta for every change from now on.",
  ...OPEN_TO_ALL,
  body: s.object({}),
  reply: s.object({ nodes: s.array(s.unknown(), { maxItems: 8192 }) }),
});

/** One change of the list of nodes. */
export const NODES_DELTA = defineEvent({
  name: "hana.nodes.delta",
  description: "One change of the list of nodes.",
  ...OPEN_TO_ALL,
  body: s.object({
    op: s.enum(["add", "update", "remove"]),
    node: s.unknown(),
    event: s.optional(s.unknown()),
  }),
});

/** Counters and round trips of a node and its sessions. */
export const STATISTICS = defineRequest({
  name: "hana.statistics",
  description: "Counters of the node, its discovery and its sessions.",
  ...OPEN_TO_ALL,
  body: s.object({}),
  reply: s.object({ statistics: s.unknown() }),
});

/** The wall clock of a node's machine, for comparing clocks; nothing in the mesh depends on it. */
export const CLOCK = defineRequest({
  name: "hana.clock",
  description: "The wall clock of the node's machine, in milliseconds since 1970.",
  ...OPEN_TO_ALL,
  body: s.object({}),
  reply: s.object({ wallMs: s.number() }),
});

/** Asks for every datagram of the node's discovery, until the session ends. Answered on the node's own machine alone. */
export const TRACE = defineRequest({
  name: "hana.discovery.trace",
  description:
    "Sends hana.discovery.datagram for every datagram from now on; on the node's own machine alone.",
  ...OPEN_TO_ALL,
  body: s.object({}),
  reply: s.object({ nowUs: s.number() }),
});

/** One datagram of the node's discovery. */
export const TRACE_ENTRY = defineEvent({
  name: "hana.discovery.datagram",
  description: "One datagram of the node's discovery, and how many before it were missed.",
  ...OPEN_TO_ALL,
  // A tool that does not keep up must not hold up the answers that it waits for.
  lane: "events",
  body: s.object({ entry: s.unknown(), missed: s.integer({ minimum: 0 }) }),
});

/** What the session's `hana.sink` lanes have counted since it was asked last; counting begins anew. */
export const SINK_FIGURES = defineRequest({
  name: "hana.sink.figures",
  description: "What the hana.sink lanes of this session have counted since it was asked last.",
  ...OPEN_TO_ALL,
  body: s.object({}),
  reply: s.object({ sinks: s.array(s.unknown(), { maxItems: 64 }), nowUs: s.number() }),
});
