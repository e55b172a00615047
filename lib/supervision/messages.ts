// The messages about programs: who may ask a machine for what. Reads as the table of verbs.
// Decides names, lanes, access and the strict form of bodies; verbs.ts answers them, spec/ reads specifications.
// Arguments are vectors, never a line for a shell (research, section 1.11).

import { ANY_ROLE, defineEvent, defineRequest } from "../session/mod.ts";
import { s } from "../wire/mod.ts";

/** Everybody may look. */
const LOOK = { lane: "control", effect: "read", access: "viewer", from: ANY_ROLE, to: ANY_ROLE } as const;
/** A crew starts and stops what is there. */
const RUN = {
  lane: "control",
  effect: "command",
  access: "crew",
  fenced: "never",
  from: ANY_ROLE,
  to: ANY_ROLE,
} as const;
/** Operators change what is there. */
const CHANGE = { ...RUN, access: "operator" } as const;

/** Programs that one message can name or list. */
export const MAX_LISTED_PROGRAMS = 1024;
/** Log records and events that one answer holds. */
export const MAX_LISTED_RECORDS = 10_000;

const NAME = s.string({ minLength: 1, maxLength: 64 });
/** Names one demand of one console, so that repeating it does nothing twice: letters and digits, a ULID say. */
const OP = s.string({ minLength: 8, maxLength: 64 });
/** Who asks, in the words of the console; the node puts the peer's name behind it. */
const BY = s.optional(s.string({ maxLength: 64 }));
const GENERATION = s.optional(s.integer({ minimum: 0 }));
const NOW = s.optional(s.boolean());

/** What every verb answers: where the program stands now (a `ProgramSnapshot`), and whether the answer was given before. */
const VERB_REPLY = s.object({
  name: NAME,
  /** The generation after the verb. */
  generation: s.integer({ minimum: 0 }),
  /** The run that the verb found: who waits for another one waits for a greater number. */
  run: s.integer({ minimum: 0 }),
  /** False where everything was so already, or another call had done it. */
  changed: s.boolean(),
  /** Whether this is the answer of an earlier call with the same op. */
  replayed: s.boolean(),
  /** False where the disk refused to keep what is wanted. */
  durable: s.boolean(),
  program: s.nullable(s.unknown()),
});

/** All programs of a node. */
export const LIST_PROGRAMS = defineRequest({
  name: "hana.programs.list",
  description: "The programs of the node as they stand.",
  ...LOOK,
  body: s.object({}),
  reply: s.object({
    node: s.string(),
    programs: s.array(s.unknown(), { maxItems: MAX_LISTED_PROGRAMS }),
    /** The newest event, for `hana.programs.events`. */
    eventId: s.integer({ minimum: 0 }),
  }),
});

/** Gives a name a specification and wants it up. The same again changes nothing. */
export const SPAWN_PROGRAM = defineRequest({
  name: "hana.programs.spawn",
  description: "Starts and supervises a program; a known name gets the new specification.",
  ...CHANGE,
  body: s.object({
    op: OP,
    by: BY,
    name: NAME,
    spec: s.unknown(),
    want: s.optional(s.enum(["up", "once", "down"])),
    /** Refused with `conflict` when the program has another one; 0 means that it must not be there yet. */
    expectGeneration: GENERATION,
  }),
  reply: VERB_REPLY,
});

/** Wants a program up (or once, as it was spawned). */
export const START_PROGRAM = defineRequest({
  name: "hana.programs.start",
  description: "Starts a program that is there.",
  ...RUN,
  body: s.object({ op: OP, by: BY, name: NAME, expectGeneration: GENERATION }),
  reply: VERB_REPLY,
});

/** Wants a program down. */
export const STOP_PROGRAM = defineRequest({
  name: "hana.programs.stop",
  description: "Stops a program; now skips its grace.",
  ...RUN,
  body: s.object({ op: OP, by: BY, name: NAME, now: NOW, expectGeneration: GENERATION }),
  reply: VERB_REPLY,
});

/** Ends the present run and begins another. */
export const RESTART_PROGRAM = defineRequest({
  name: "hana.programs.restart",
  description: "Restarts a program; with run only if that one still runs.",
  ...RUN,
  body: s.object({
    op: OP,
    by: BY,
    name: NAME,
    now: NOW,
    run: s.optional(s.integer({ minimum: 0 })),
    expectGeneration: GENERATION,
  }),
  reply: VERB_REPLY,
});

/** Signals a program's leading process. */
export const SIGNAL_PROGRAM = defineRequest({
  name: "hana.programs.signal",
  description: "Signals the leading process of a program.",
  ...RUN,
  body: s.object({
    op: OP,
    by: BY,
    name: NAME,
    signal: s.enum(["SIGTERM", "SIGKILL", "SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGSTOP", "SIGCONT"]),
  }),
  reply: VERB_REPLY,
});

/** Stops a program and forgets it, its logs too. Answers when nothing of it is left. */
export const REMOVE_PROGRAM = defineRequest({
  name: "hana.programs.remove",
  description: "Stops a program and forgets it with its logs.",
  ...CHANGE,
  body: s.object({ op: OP, by: BY, name: NAME, now: NOW, expectGeneration: GENERATION }),
  reply: VERB_REPLY,
});

const LOG_QUERY = s.object({
  sinceWallMs: s.optional(s.number()),
  run: s.optional(s.integer()),
  tail: s.optional(s.integer({ minimum: 0, maximum: MAX_LISTED_RECORDS })),
  stream: s.optional(s.enum(["stdout", "stderr"])),
});
/** The number under which a session follows something; its own choice, or the node's where it makes none. */
const FOLLOW = s.integer({ minimum: 1, maximum: 2 ** 31 });
const RECORDS = s.array(s.unknown(), { maxItems: MAX_LISTED_RECORDS });

/** What a program wrote: records (`LogRecord`), oldest first. */
export const PROGRAM_LOGS = defineRequest({
  name: "hana.programs.logs",
  description: "Lines that a program wrote.",
  ...LOOK,
  body: s.object({ name: NAME, query: LOG_QUERY }),
  reply: s.object({ records: RECORDS }),
});

/** What is kept of a run: a `CrashBundle`. */
export const WHY_PROGRAM = defineRequest({
  name: "hana.programs.why",
  description: "What is known of a run of a program that ended, or of the present one.",
  ...LOOK,
  body: s.object({ name: NAME, run: s.optional(s.integer()) }),
  reply: s.object({ bundle: s.unknown() }),
});

/** Events (`ProgramEventEntry`) of the node in the order in which it learned of them. */
export const PROGRAM_EVENTS = defineRequest({
  name: "hana.programs.events",
  description: "What happened to programs of the node.",
  ...LOOK,
  body: s.object({
    /** Those behind this id, oldest first; the newest ones when not given. */
    after: s.optional(s.integer({ minimum: 0 })),
    program: s.optional(NAME),
    limit: s.optional(s.integer({ minimum: 1, maximum: MAX_LISTED_RECORDS })),
  }),
  reply: s.object({
    events: RECORDS,
    /** The newest id that was looked at: ask from there on. */
    last: s.integer({ minimum: 0 }),
    /** The oldest that is kept. */
    oldest: s.integer({ minimum: 0 }),
  }),
});

/** Asks for every change of the list of programs, until the session ends. */
export const WATCH_PROGRAMS = defineRequest({
  name: "hana.programs.watch",
  description: "Sends hana.programs.delta for every change from now on.",
  ...LOOK,
  body: s.object({}),
  reply: s.object({
    node: s.string(),
    programs: s.array(s.unknown(), { maxItems: MAX_LISTED_PROGRAMS }),
    eventId: s.integer({ minimum: 0 }),
  }),
});

/** One change of the list: the program (a `ProgramSnapshot`) as it is now, or as it last was. Behind a full lane only the newest is told. */
export const PROGRAMS_DELTA = defineEvent({
  name: "hana.programs.delta",
  description: "One change of the list of programs.",
  ...LOOK,
  body: s.object({ op: s.enum(["add", "update", "remove"]), program: s.unknown() }),
});

/** Asks for lines as they come: the newest of now as answer, then `hana.programs.log` until `unfollow` or the session's end. Lines may come before the answer. */
export const FOLLOW_LOGS = defineRequest({
  name: "hana.programs.follow-logs",
  description: "Answers the newest lines of a program and sends hana.programs.log from now on.",
  ...LOOK,
  body: s.object({ name: NAME, query: LOG_QUERY, follow: s.optional(FOLLOW) }),
  reply: s.object({ follow: FOLLOW, records: RECORDS }),
});

/** Lines of a program that is followed. */
export const PROGRAM_LOG = defineEvent({
  name: "hana.programs.log",
  description: "Lines that a program wrote, and how many before them were missed.",
  ...LOOK,
  // A console that does not keep up must not hold up the answers that it waits for.
  lane: "state",
  body: s.object({
    follow: FOLLOW,
    name: NAME,
    records: RECORDS,
    missed: s.integer({ minimum: 0 }),
  }),
});

/** Asks for events as they come: those behind `after` as answer, then `hana.programs.event`. */
export const FOLLOW_EVENTS = defineRequest({
  name: "hana.programs.follow-events",
  description: "Answers events behind an id and sends hana.programs.event from now on.",
  ...LOOK,
  body: s.object({
    after: s.optional(s.integer({ minimum: 0 })),
    program: s.optional(NAME),
    limit: s.optional(s.integer({ minimum: 0, maximum: MAX_LISTED_RECORDS })),
    follow: s.optional(FOLLOW),
  }),
  reply: s.object({
    follow: FOLLOW,
    events: RECORDS,
    last: s.integer({ minimum: 0 }),
    oldest: s.integer({ minimum: 0 }),
  }),
});

/** An event as it happened. */
export const PROGRAM_EVENT = defineEvent({
  name: "hana.programs.event",
  description: "Something that happened to a program, and how many events before it were missed.",
  ...LOOK,
  lane: "state",
  body: s.object({
    follow: FOLLOW,
    entry: s.unknown(),
    missed: s.integer({ minimum: 0 }),
  }),
});

/** Ends one following of logs or events. */
export const UNFOLLOW_PROGRAM = defineRequest({
  name: "hana.programs.unfollow",
  description: "Ends a following of logs or events.",
  ...LOOK,
  body: s.object({ follow: FOLLOW }),
  reply: s.object({}),
});

/** Characters of a manifest that a node keeps. */
export const MAX_SHOW_LENGTH = 256 * 1024;
const SHOW_PROGRAMS = s.array(
  s.object({ name: NAME, spec: s.unknown(), want: s.enum(["up", "once", "down"]) }),
  { maxItems: MAX_LISTED_PROGRAMS },
);
const NAMES = s.array(NAME, { maxItems: MAX_LISTED_PROGRAMS });
const SHOW_GENERATION = s.integer({ minimum: 1, maximum: 2 ** 40 });
const BASE = s.optional(s.integer({ minimum: 0 }));
/** What is in the way of a show, or should be known (`ShowProblem`). */
const PROBLEMS = s.array(
  s.object({
    program: s.string({ maxLength: 64 }),
    what: s.string(),
    why: s.string(),
    fatal: s.boolean(),
  }),
  { maxItems: 4 * MAX_LISTED_PROGRAMS },
);

/** Which show the node has, and which it had. */
export const SHOW_STATUS = defineRequest({
  name: "hana.programs.show-status",
  description: "The show of the node, the generations before it, and how far it was rolled out.",
  ...LOOK,
  body: s.object({}),
  reply: s.object({
    node: s.string(),
    /** `ShowRecord`s without their texts, newest first. */
    generations: s.array(s.unknown(), { maxItems: 64 }),
    programs: s.integer({ minimum: 0 }),
    staged: NAMES,
    halted: s.boolean(),
  }),
});

/** The manifest of a generation as it was applied. What stands in it may be nobody else's business. */
export const SHOW_TEXT = defineRequest({
  name: "hana.programs.show-text",
  description: "The manifest of a generation of the show.",
  ...LOOK,
  access: "operator",
  body: s.object({ generation: SHOW_GENERATION }),
  reply: s.object({ name: s.string(), sha256: s.string(), text: s.string() }),
});

/** Asks what a show would change, and what is in its way. Changes nothing. */
export const PREPARE_SHOW = defineRequest({
  name: "hana.programs.prepare-show",
  description: "What a show would change, and what is in its way; changes nothing.",
  ...CHANGE,
  body: s.object({
    op: OP,
    by: BY,
    programs: SHOW_PROGRAMS,
    /** Refused with `conflict` when another generation is in force; 0 for none. */
    base: BASE,
    /** Keeps other consoles from applying for some seconds. */
    reserve: s.optional(s.boolean()),
  }),
  reply: s.object({
    base: s.integer({ minimum: 0 }),
    platform: s.string(),
    added: NAMES,
    changed: s.array(
      s.object({ name: NAME, lines: s.array(s.string(), { maxItems: 64 }), restarts: s.boolean() }),
      { maxItems: MAX_LISTED_PROGRAMS },
    ),
    removed: NAMES,
    unchanged: NAMES,
    staged: NAMES,
    problems: PROBLEMS,
  }),
});

/** Takes a show over, whole or not at all; what runs stays as it is until `roll-out-show`, or until nobody says anything. */
export const APPLY_SHOW = defineRequest({
  name: "hana.programs.apply-show",
  description: "Takes a generation of a show over in one transaction; rolling it out comes after.",
  ...CHANGE,
  body: s.object({
    op: OP,
    by: BY,
    show: s.object({
      name: s.string({ minLength: 1, maxLength: 64 }),
      generation: SHOW_GENERATION,
      /** The generation that this one goes back to. */
      of: s.optional(s.nullable(SHOW_GENERATION)),
      sha256: s.string({ minLength: 64, maxLength: 64 }),
      text: s.string({ maxLength: MAX_SHOW_LENGTH }),
    }),
    programs: SHOW_PROGRAMS,
    base: BASE,
  }),
  reply: s.object({
    generation: SHOW_GENERATION,
    added: NAMES,
    changed: NAMES,
    removed: NAMES,
    unchanged: NAMES,
    /** Programs that wait for their turn. */
    staged: NAMES,
    durable: s.boolean(),
    replayed: s.boolean(),
  }),
});

/** Changes programs whose turn it is; with none named it only says that somebody is still at it. */
export const ROLL_OUT_SHOW = defineRequest({
  name: "hana.programs.roll-out-show",
  description: "Brings programs in line with the show that was taken over.",
  ...CHANGE,
  body: s.object({
    by: BY,
    generation: SHOW_GENERATION,
    names: NAMES,
    /** What is left stays as it is until somebody says more. */
    halt: s.optional(s.boolean()),
  }),
  reply: s.object({
    released: s.array(
      s.object({
        name: NAME,
        generation: s.integer({ minimum: 0 }),
        run: s.integer({ minimum: 0 }),
        restarts: s.boolean(),
        removed: s.boolean(),
      }),
      { maxItems: MAX_LISTED_PROGRAMS },
    ),
    staged: NAMES,
    problems: PROBLEMS,
  }),
});
