// Messages of shared state for tests: any that can be, and their form in JSON.
// Decides how a message is told in vectors; the bytes are made and read by lib/state/messages alone.

import fc from "fast-check";
import { fromHex, type NodeId, toHex } from "../../lib/base/mod.ts";
import { UNIT_STEPS } from "../../lib/state/digest/mod.ts";
import * as messages from "../../lib/state/messages/mod.ts";
import type {
  ClientNumber,
  ClientSequence,
  ParameterDefinition,
  PathId,
  StateValue,
  ValueType,
  Version,
} from "../../lib/state/model/mod.ts";

type StateMessage = messages.StateMessage;
type WireEntry = messages.WireEntry;

/** A message as JSON has it: bytes as hex, fields in any order. */
export type PlainMessage = { readonly kind: string } & { readonly [field: string]: unknown };

/** `message` for JSON: bytes become hex, and entries are in the order of the wire. */
export function plainMessage(message: StateMessage): PlainMessage {
  return plain(inWireOrder(message)) as PlainMessage;
}

/** The message that {@linkcode plainMessage} told. */
export function fromPlain(told: PlainMessage): StateMessage {
  const message: Record<string, unknown> = { ...told };
  if (typeof told.token === "string") message.token = fromHex(told.token);
  if (Array.isArray(told.entries)) message.entries = told.entries.map(entryFromPlain);
  if (Array.isArray(told.definitions)) message.definitions = told.definitions.map(definitionFromPlain);
  if (Array.isArray(told.operations)) message.operations = told.operations.map(entryFromPlain);
  if (told.kind === "nack" && told.current !== null) message.current = entryFromPlain(told.current);
  return message as unknown as StateMessage;
}

/** `message` with its entries in the order in which they lie on the wire: by type, then by id. */
export function inWireOrder(message: StateMessage): StateMessage {
  if (!("entries" in message)) return message;
  const entries = [...message.entries].sort((a, b) =>
    messages.ENTRY_TYPES.indexOf(a.type) - messages.ENTRY_TYPES.indexOf(b.type) || a.id - b.id
  );
  return { ...message, entries };
}

/** Anything as JSON has it: bytes as hex. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

function entryFromPlain(told: unknown): WireEntry {
  const entry = told as { type: string; value: unknown };
  if (entry.type === "bytes") {
    return { ...entry, value: fromHex(entry.value as string) } as unknown as WireEntry;
  }
  if (entry.type === "definition") {
    return { ...entry, value: definitionFromPlain(entry.value) } as unknown as WireEntry;
  }
  return entry as unknown as WireEntry;
}

function definitionFromPlain(told: unknown): ParameterDefinition {
  const definition = told as ParameterDefinition;
  if (definition.type !== "bytes" || definition.default === null) return definition;
  return { ...definition, default: fromHex(definition.default as unknown as string) };
}

// --- any message ---------------------------------------------------------------------------------------------------

const u32 = fc.oneof(
  fc.nat(70),
  fc.nat(20_000),
  fc.nat(0xffff_ffff),
  fc.constantFrom(0, 63, 64, 0xffff_ffff),
);
const big = fc.oneof(u32, fc.maxSafeNat(), fc.constant(Number.MAX_SAFE_INTEGER));
const version = big as fc.Arbitrary<Version>;
const pathId = u32.map((id) => Math.max(1, id)) as fc.Arbitrary<PathId>;
const client = fc.oneof(fc.nat(3), fc.nat(0xffff)) as fc.Arbitrary<ClientNumber>;
const sequence = big.map((n) => n % (messages.MAX_SEQUENCE + 1)) as fc.Arbitrary<ClientSequence>;
const subsystem = fc.oneof(fc.nat(12), fc.nat(0xffff)) as fc.Arbitrary<messages.SubsystemNumber>;
const nodeId = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(toHex) as fc.Arbitrary<NodeId>;
const token = fc.uint8Array({ minLength: 16, maxLength: 16 });
const short = (max: number, min = 0) =>
  fc.string({ unit: "grapheme", minLength: min, maxLength: 12 })
    .filter((text) => text.isWellFormed() && new TextEncoder().encode(text).length <= max);
const text = short(255);
const name = short(63);
const digest = fc.record({ high: u32, low: u32 });
const epoch = fc.record({ term: big, hostId: nodeId });
const ack = fc.record({ sequence, single: fc.boolean() });
/** JSON has no −0. */
const float = fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
const double = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
);
const json = fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.stringify(value))
  // A key that no codec here carries.
  .filter((told) => !told.includes("__proto__")).map((told) => JSON.parse(told) as StateValue);
const orNull = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(arbitrary, { nil: null });

/** A value of each type. */
const VALUES: Readonly<Record<ValueType, fc.Arbitrary<StateValue>>> = {
  f32: float,
  unit: fc.nat(UNIT_STEPS).map((step) => step / UNIT_STEPS),
  i32: fc.oneof(fc.integer({ min: -70, max: 70 }), fc.integer()),
  bool: fc.boolean(),
  enum: short(63, 1),
  text: short(255),
  bytes: fc.uint8Array({ maxLength: 20 }),
  vec3: fc.tuple(float, float, float),
  quat: fc.tuple(float, float, float, float),
  json,
};
const valueTypes = Object.keys(VALUES) as ValueType[];

const segment = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,7}$/);
const path = fc.array(fc.oneof(fc.constantFrom("stage", "aurora", "hue"), segment), {
  minLength: 1,
  maxLength: 4,
}).map((parts) => parts.join("/"));

const definition: fc.Arbitrary<ParameterDefinition> = fc.constantFrom(...valueTypes).chain((type) => {
  const isVector = type === "vec3" || type === "quat";
  const exact = type === "f32" || type === "unit"
    ? double
    : isVector
    ? fc.array(double, { minLength: type === "vec3" ? 3 : 4, maxLength: type === "vec3" ? 3 : 4 })
    : VALUES[type];
  return fc.record({
    path,
    subsystem: fc.constantFrom("params", "cues", "groups"),
    type: fc.constant(type),
    default: orNull(exact),
    min: orNull(double),
    max: orNull(double),
    unit: orNull(fc.constantFrom("°", "Hz", "%")),
    words: fc.array(short(20), { maxLength: 3 }),
    merge: fc.constantFrom("latest", "highest", "sum", "lock"),
    onLoss: fc.constantFrom("hold", "default", "fallback"),
    fadeUs: fc.oneof(fc.constant(0), fc.nat(3_600_000_000)),
    rate: fc.constantFrom("fast", "slow", "rare"),
    description: orNull(text),
  });
});

const winner: fc.Arbitrary<messages.EntryWinner | null> = fc.option(
  fc.record({ holder: client, priority: fc.oneof(fc.constant(100), fc.nat(255)) }),
  { nil: null },
);
const entry = (types: readonly messages.EntryType[], withWinner: boolean): fc.Arbitrary<WireEntry> =>
  fc.constantFrom(...types).chain((type) =>
    fc.record({
      id: pathId,
      type: fc.constant(type),
      value: type === "gone" ? fc.constant(null) : type === "definition" ? definition : VALUES[type],
      winner: withWinner && type !== "definition" ? winner : fc.constant(null),
    })
  ) as fc.Arbitrary<WireEntry>;
const leaveEntry = fc.constantFrom("gone", ...valueTypes).chain((type) =>
  fc.record({
    at: fc.constantFrom(...messages.LEAVE_TIMES),
    id: pathId,
    priority: type === "gone" ? fc.constant(0) : fc.integer({ min: 1, max: 255 }),
    type: fc.constant(type),
    value: type === "gone" ? fc.constant(null) : VALUES[type as ValueType],
  })
) as fc.Arbitrary<messages.LeaveEntry>;
const entries = (types: readonly messages.EntryType[], withWinner: boolean) =>
  fc.uniqueArray(entry(types, withWinner), { maxLength: 24, selector: ({ id }) => id, size: "max" });

const ascending = <T>(item: fc.Arbitrary<T>, key: (item: T) => number, max = 6) =>
  fc.uniqueArray(item, { maxLength: max, selector: key }).map((all) => all.sort((a, b) => key(a) - key(b)));
const versions = ascending(fc.record({ subsystem, version }), (each) => each.subsystem);
const ALL = messages.ENTRY_TYPES;

/** Any message of a kind that the encoder accepts. */
export const messageOf: {
  [Kind in messages.StateMessageKind]: fc.Arbitrary<Extract<StateMessage, { kind: Kind }>>;
} = {
  hello: fc.record({
    kind: fc.constant("hello"),
    protocol: fc.nat(255),
    name,
    token: orNull(token),
    epoch: orNull(epoch),
    have: versions,
    interests: fc.array(
      fc.record({ prefix: name, rate: fc.constantFrom("fast", "slow", "rare"), maxHz: fc.nat(255) }),
      {
        maxLength: 3,
      },
    ),
    capabilities: fc.array(name, { maxLength: 3 }),
  }).map((hello) => ({ ...hello, have: hello.epoch === null ? [] : hello.have })),
  welcome: fc.record({
    kind: fc.constant("welcome"),
    epoch,
    client: client.map((number) => Math.max(1, number) as ClientNumber),
    token,
    resumed: fc.boolean(),
    ack,
    nowUs: big,
    limits: fc.record({ setsPerSecond: u32, maxPatchHz: u32, maxPriority: fc.nat(255), silenceUs: big }),
    plans: ascending(
      fc.record({ subsystem, name, version, chunks: fc.nat(0xffff) }),
      (each) => each.subsystem,
    ),
    takenOver: ascending(pathId, (id) => id),
  }),
  chunk: fc.record({
    kind: fc.constant("chunk"),
    term: big,
    subsystem,
    version,
    index: fc.nat(30),
    count: fc.nat(30),
    nonce: orNull(u32),
    digest: orNull(digest),
    entries: entries(ALL, true),
  }).map((chunk) => ({ ...chunk, count: chunk.index + chunk.count + 1 })),
  set: fc.boolean().chain((released) =>
    fc.record({
      kind: fc.constant("set"),
      term: big,
      sequence: sequence.map((n) => Math.max(1, n) as ClientSequence),
      priority: released ? fc.constant(0) : fc.integer({ min: 1, max: 255 }),
      take: fc.boolean(),
      momentary: fc.boolean(),
      generation: orNull(u32),
      entries: entries(released ? ["gone"] : valueTypes, false),
    })
  ),
  tx: fc.record({
    kind: fc.constant("tx"),
    term: big,
    sequence: sequence.map((n) => Math.max(1, n) as ClientSequence),
    generation: orNull(u32),
    guards: fc.array(
      fc.oneof(
        fc.record({ on: fc.constant("path"), id: pathId, version }),
        fc.record({ on: fc.constant("subsystem"), subsystem, version }),
      ),
      { maxLength: 3 },
    ),
    definitions: fc.array(definition, { maxLength: 3 }),
    entries: entries(ALL, false),
  }),
  nack: fc.record({
    kind: fc.constant("nack"),
    term: big,
    sequence,
    code: fc.constantFrom(...messages.NACK_CODES),
    id: orNull(pathId),
    generation: orNull(u32),
    current: orNull(entry(ALL, true)),
    text,
  }),
  patch: fc.record({
    kind: fc.constant("patch"),
    term: big,
    subsystem,
    base: version,
    version,
    ack: orNull(ack),
    nonce: orNull(u32),
    digest: orNull(digest),
    entries: entries(ALL, true),
  }).map((patch) => {
    const base = Math.min(patch.base, patch.version) as Version;
    const end = Math.max(patch.base, patch.version) as Version;
    return { ...patch, base, version: end, entries: base === end ? [] : patch.entries };
  }),
  ack: fc.record({ kind: fc.constant("ack"), term: big, heldUs: big, versions }),
  resync: fc.record({
    kind: fc.constant("resync"),
    term: big,
    subsystem,
    have: version,
    nonce: u32,
    reason: fc.constantFrom(...messages.RESYNC_REASONS),
    digest: orNull(digest),
    buckets: fc.oneof(fc.constant([]), fc.array(digest, { minLength: 16, maxLength: 16 })),
  }),
  beat: fc.record({
    kind: fc.constant("beat"),
    epoch,
    nowUs: big,
    state: fc.constantFrom(...messages.BEAT_STATES),
    ack: orNull(ack),
    versions: ascending(
      fc.record({ subsystem, version, digest: orNull(digest) }),
      (each) => each.subsystem,
    ),
  }),
  own: fc.record({
    kind: fc.constant("own"),
    term: big,
    action: fc.constantFrom(...messages.OWN_ACTIONS),
    request: u32,
    other: client,
    objects: ascending(
      fc.record({
        id: pathId,
        state: fc.constantFrom(...messages.OWN_STATES),
        owner: client,
        generation: u32,
        leftUs: big,
      }),
      (each) => each.id,
    ),
    text,
  }),
  priv: fc.record({
    kind: fc.constant("priv"),
    term: big,
    action: fc.constantFrom(...messages.PRIVILEGE_ACTIONS),
    request: u32,
    state: fc.constantFrom(...messages.PRIVILEGE_STATES),
    holder: client,
    generation: u32,
    other: client,
    leftUs: big,
    text,
  }),
  bye: fc.record({
    kind: fc.constant("bye"),
    term: big,
    reason: fc.constantFrom(...messages.BYE_REASONS),
    successor: orNull(nodeId),
    text,
  }),
  error: fc.record({
    kind: fc.constant("error"),
    term: big,
    code: fc.constantFrom(...messages.ERROR_CODES),
    text,
  }),
  leave: fc.record({
    kind: fc.constant("leave"),
    term: big,
    operations: fc.array(leaveEntry, { maxLength: 5 }),
  }),
  names: fc.record({
    kind: fc.constant("names"),
    term: big,
    subsystems: ascending(fc.record({ subsystem, name }), (each) => each.subsystem)
      .filter(({ length }) => length > 0),
  }),
};

/** Any message that the encoder accepts. */
export const anyMessage: fc.Arbitrary<StateMessage> = fc.oneof(
  ...(Object.values(messageOf) as fc.Arbitrary<StateMessage>[]),
);
