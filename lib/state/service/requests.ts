// What anybody may ask a node about the shared state: who hosts it, who takes part, why a path has its value.
// Decides the messages; hosting_service.ts answers where the state is hosted, every node says where that is.

import { ANY_ROLE, defineRequest } from "../../session/mod.ts";
import { s } from "../../wire/mod.ts";

const READ = { lane: "control", effect: "read", from: ANY_ROLE, to: ANY_ROLE } as const;

/** Who hosts, as one node sees it. */
export const STATE_HOST = defineRequest({
  name: "hana.state.host",
  description: "Which node hosts the shared state, and whether it is this one.",
  ...READ,
  body: s.object({}),
  reply: s.object({
    hosting: s.boolean({ description: "whether the node that was asked hosts" }),
    /** Null while nobody does, as far as the node knows. */
    host: s.nullable(s.object({
      id: s.string(),
      name: s.nullable(s.string()),
      mode: s.string({ description: "leader or fixed" }),
    })),
    epoch: s.nullable(s.object({ term: s.integer(), host: s.string() })),
    /** Those that keep a copy, of a node that hosts. */
    standbys: s.array(s.object({ id: s.string(), name: s.nullable(s.string()), confirmed: s.boolean() })),
    /** Whether acknowledged writes are with the host alone. */
    single: s.boolean(),
  }),
});

/** The clients of the host, and what each of them holds. */
export const STATE_SESSIONS = defineRequest({
  name: "hana.state.sessions",
  description: "The clients of the shared state: who is there, what they own, who is privileged.",
  ...READ,
  body: s.object({}),
  reply: s.object({
    epoch: s.object({ term: s.integer(), host: s.string() }),
    clients: s.array(s.object({
      client: s.integer(),
      name: s.string(),
      node: s.string({ description: "the id of its node" }),
      level: s.string({ description: "viewer, crew or operator" }),
      state: s.string({ description: "joined, suspect or suspended" }),
      heardMs: s.integer({ description: "how long ago it was heard" }),
      expiresMs: s.nullable(s.integer({ description: "for how long its place is still held" })),
      /** The paths of the objects that it owns. */
      owns: s.array(s.string()),
      privileged: s.boolean(),
      sequence: s.integer({ description: "writes that it has done" }),
      queuedBytes: s.integer({ description: "bytes that wait for it" }),
    })),
    privilege: s.object({
      state: s.string(),
      holder: s.integer(),
      generation: s.integer(),
    }),
    objects: s.array(s.object({
      path: s.string(),
      state: s.string(),
      owner: s.integer(),
      generation: s.integer(),
      leftMs: s.integer(),
    })),
    subsystems: s.array(s.object({ name: s.string(), version: s.integer(), entries: s.integer() })),
  }),
});

/** Why a path has its value. */
export const STATE_WHY = defineRequest({
  name: "hana.state.why",
  description: "Why a path has the value that it has: every claim on it, and why it stands or does not.",
  ...READ,
  body: s.object({ path: s.string({ maxLength: 128 }) }),
  reply: s.object({
    path: s.string(),
    value: s.unknown(),
    unit: s.nullable(s.string()),
    holder: s.nullable(s.object({ client: s.integer(), name: s.string() })),
    priority: s.integer(),
    reason: s.string({ description: "a word, like newest or highest-priority" }),
    text: s.string({ description: "the reason as a sentence" }),
    merge: s.string(),
    onLoss: s.string(),
    claims: s.array(s.object({
      client: s.nullable(s.integer()),
      name: s.string(),
      value: s.unknown(),
      priority: s.integer(),
      standing: s.string(),
      fate: s.string(),
      text: s.string(),
      leaseLeftMs: s.nullable(s.integer()),
    })),
  }),
});

/** Keeps what another side of the mesh had, as a preset. */
export const STATE_HEAL = defineRequest({
  name: "hana.state.heal",
  description: "Stores what a host that had to yield had otherwise, as a preset; nothing of it takes effect.",
  lane: "state",
  effect: "command",
  access: "operator",
  /** Whoever hosts takes it: the reign that it tells of is over. */
  fenced: "never",
  from: ANY_ROLE,
  to: ANY_ROLE,
  body: s.object({
    entries: s.array(s.object({ path: s.string({ maxLength: 128 }), value: s.unknown() }), { maxItems: 128 }),
  }),
  reply: s.object({ kept: s.integer() }),
});

/** The parameters that a visualization declares. */
export const STATE_PARAMETERS = defineRequest({
  name: "hana.state.parameters",
  description:
    "The parameters of a visualization: path below its name, type, range, unit, default, merge rule.",
  ...READ,
  body: s.object({}),
  reply: s.object({
    hash: s.string(),
    /** As `readDefinition` (lib/state/schema) takes them. */
    parameters: s.array(s.unknown(), { maxItems: 1024 }),
    /** As `readDisplay` (lib/state/groups) takes them. */
    displays: s.array(s.object({ id: s.string({ maxLength: 63 }), display: s.unknown() }), { maxItems: 256 }),
  }),
});
