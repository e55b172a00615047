// What the host of the state and the nodes of displays say to each other about groups, and how a node asks for the time.
// Decides the messages; desk.ts and member.ts decide when they are said.

import { ANY_ROLE, type BodyOf, defineEvent, defineRequest, type ReplyOf } from "../../session/mod.ts";
import { s } from "../../wire/mod.ts";
import { MAX_DISPLAYS, MAX_SHOWN, MAX_WHY_LENGTH } from "./bounds.ts";

/** Never fenced by the lease: each names the reign of its host, and member and desk go by that. */
const COMMAND = {
  lane: "state",
  effect: "command",
  fenced: "never",
  from: ANY_ROLE,
  to: ANY_ROLE,
} as const;

const id = () => s.string({ minLength: 1, maxLength: 63 });
const digest = () => s.string({ minLength: 16, maxLength: 16 });
const why = () => s.nullable(s.string({ maxLength: MAX_WHY_LENGTH }));
const edition = () => ({
  version: s.integer({ minimum: 1 }),
  digest: digest(),
});

/** Host to node: get ready for a version; it is not shown before its commit. */
export const GROUP_PREPARE = defineRequest({
  name: "hana.group.prepare",
  description: "Asks the node of displays to get ready for a version of their group.",
  ...COMMAND,
  body: s.object({
    term: s.integer({ minimum: 0 }),
    order: s.integer({ minimum: 1, description: "counts what this host decided to prepare" }),
    group: id(),
    ...edition(),
    value: s.unknown({ description: "the group, as it stands at groups/<id>; null: it is taken apart" }),
    displays: s.array(id(), { maxItems: MAX_DISPLAYS }),
  }),
  reply: s.object({
    ready: s.boolean(),
    why: why(),
    decided: s.boolean({
      description: "this version is committed here already, by this host or an earlier one",
    }),
    uncertaintyUs: s.nullable(
      s.integer({ description: "how far its clock may be from the host's; null: it does not know" }),
    ),
  }),
});

/** Host to node: show a version that it is ready for. */
export const GROUP_COMMIT = defineEvent({
  name: "hana.group.commit",
  description: "Has the displays of a group change to a version at one moment.",
  ...COMMAND,
  body: s.object({
    term: s.integer({ minimum: 0 }),
    order: s.integer({ minimum: 1 }),
    group: id(),
    ...edition(),
    atUs: s.integer({ description: "on the host's clock; 0 for at once" }),
  }),
});

/** Host to node: a version will not be shown. */
export const GROUP_ABORT = defineEvent({
  name: "hana.group.abort",
  description: "Tells that a version that was prepared will not be shown.",
  ...COMMAND,
  body: s.object({
    term: s.integer({ minimum: 0 }),
    order: s.integer({ minimum: 1 }),
    group: id(),
    ...edition(),
  }),
});

/** Node to host: what its displays show. */
export const GROUP_SHOWN = defineEvent({
  name: "hana.group.shown",
  description: "Tells which version of their groups the displays of a node show, and how they are.",
  ...COMMAND,
  body: s.object({
    term: s.integer({ minimum: 0, description: "of the host that it follows" }),
    uncertaintyUs: s.nullable(s.integer()),
    rttUs: s.nullable(s.integer({ minimum: 0 })),
    loss: s.nullable(s.number({ minimum: 0, maximum: 1 })),
    displays: s.array(
      s.object({
        display: id(),
        available: s.boolean(),
        why: why(),
      }),
      { maxItems: MAX_DISPLAYS },
    ),
    shown: s.array(
      s.object({
        group: id(),
        display: id(),
        ...edition(),
        appliedUs: s.nullable(
          s.integer({ description: "when, on the host's clock; null where that is not known" }),
        ),
        failed: why(),
      }),
      { maxItems: MAX_SHOWN },
    ),
  }),
});

/** Anybody to the host: what time is it? */
export const CLOCK_ASK = defineRequest({
  name: "hana.clock.ask",
  description:
    "Asks for the host's clock, as RFC 5905 does: when the question came and when the answer left.",
  lane: "control",
  effect: "read",
  from: ANY_ROLE,
  to: ANY_ROLE,
  body: s.object({}),
  reply: s.object({
    host: s.boolean({
      description: "whether the node that was asked hosts the state: its clock is the shared one",
    }),
    receivedUs: s.integer(),
    sentUs: s.integer(),
  }),
});

/** The body of {@linkcode GROUP_PREPARE}. */
export type PrepareBody = BodyOf<typeof GROUP_PREPARE>;
/** The answer to it. */
export type PrepareReply = ReplyOf<typeof GROUP_PREPARE>;
/** The body of {@linkcode GROUP_COMMIT}. */
export type CommitBody = BodyOf<typeof GROUP_COMMIT>;
/** The body of {@linkcode GROUP_ABORT}. */
export type AbortBody = BodyOf<typeof GROUP_ABORT>;
/** The body of {@linkcode GROUP_SHOWN}. */
export type ShownBody = BodyOf<typeof GROUP_SHOWN>;
/** The answer to {@linkcode CLOCK_ASK}. */
export type ClockReply = ReplyOf<typeof CLOCK_ASK>;

/** A reason that fits into a message. */
export function fitWhy(text: string): string {
  return text.slice(0, MAX_WHY_LENGTH).toWellFormed();
}
