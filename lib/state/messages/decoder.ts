// Bytes to messages.
// Decides which bytes are a message: exactly those that encoder.ts writes (but for the inside of values of type json).
// Never throws, never makes more of bytes than they hold, never judges who may say so.

import { type NodeId, nodeIdFromBytes } from "../../base/mod.ts";
import type { ClientNumber, ClientSequence, PathId, RateClass, StateEpoch, Version } from "../model/mod.ts";
import { DIGEST_BUCKETS } from "../digest/mod.ts";
import { ColumnReader } from "./columns_reader.ts";
import { type DecodeProblem, FieldReader } from "./fields.ts";
import * as limits from "./limits.ts";
import { readGaps } from "./runs.ts";
import type {
  AckMessage,
  BeatMessage,
  ByeMessage,
  ChunkMessage,
  Digest64,
  ErrorMessage,
  Guard,
  HelloMessage,
  Interest,
  LeaveEntry,
  LeaveMessage,
  NackMessage,
  NamesMessage,
  ObjectStanding,
  OwnMessage,
  PatchMessage,
  PrivilegeMessage,
  ResyncMessage,
  SetMessage,
  StateMessage,
  SubsystemBeat,
  SubsystemName,
  SubsystemNumber,
  SubsystemPlan,
  SubsystemVersion,
  TransactionMessage,
  WelcomeMessage,
  WireEntry,
  WriteAck,
} from "./types.ts";
import * as words from "./words.ts";

const {
  KIND_FLAGS,
  KIND_NUMBERS,
  MAX_CLIENT,
  MAX_NUMBER,
  MAX_SEQUENCE,
  MAX_SUBSYSTEM,
  MAX_TEXT_BYTES,
  MAX_U32,
} = limits;

/** Decodes one message after the other. */
export class MessageDecoder {
  readonly #in = new FieldReader();
  readonly #columns = new ColumnReader();

  /** Where the field with the problem begins, in bytes. */
  get problemAt(): number {
    return this.#in.problemAt;
  }

  /** The message in `bytes`, which shares no memory with them; or what is wrong with them. */
  decode(bytes: Uint8Array): StateMessage | DecodeProblem {
    const reader = this.#in;
    reader.reset(bytes);
    this.#columns.reset();
    if (bytes.length > limits.MAX_MESSAGE_BYTES) reader.fail("trailing", limits.MAX_MESSAGE_BYTES);
    const first = reader.u8();
    const message = reader.problem === null ? this.#message(first & 0x1f, first >> 5) : null;
    if (reader.problem === null && reader.remaining > 0) reader.fail("trailing", reader.at);
    return reader.problem ?? message ?? "unknown-kind";
  }

  #message(kind: number, flags: number): StateMessage | null {
    if (flags >> (KIND_FLAGS[kind] ?? 3) !== 0) this.#in.fail("out-of-range", 0);
    switch (kind) {
      case KIND_NUMBERS.hello:
        return this.#hello(flags);
      case KIND_NUMBERS.welcome:
        return this.#welcome(flags);
      case KIND_NUMBERS.chunk:
        return this.#chunk(flags);
      case KIND_NUMBERS.set:
        return this.#set(flags);
      case KIND_NUMBERS.tx:
        return this.#transaction(flags);
      case KIND_NUMBERS.nack:
        return this.#nack(flags);
      case KIND_NUMBERS.patch:
        return this.#patch(flags);
      case KIND_NUMBERS.ack:
        return this.#acknowledgement();
      case KIND_NUMBERS.resync:
        return this.#resync(flags);
      case KIND_NUMBERS.beat:
        return this.#beat(flags);
      case KIND_NUMBERS.own:
        return this.#own();
      case KIND_NUMBERS.priv:
        return this.#privilege();
      case KIND_NUMBERS.bye:
        return this.#bye(flags);
      case KIND_NUMBERS.error:
        return this.#error();
      case KIND_NUMBERS.leave:
        return this.#leave();
      case KIND_NUMBERS.names:
        return this.#names();
      default:
        this.#in.fail("unknown-kind", 0);
        return null;
    }
  }

  #hello(flags: number): HelloMessage {
    const reader = this.#in;
    const protocol = reader.u8();
    const name = reader.shortText(limits.MAX_NAME_BYTES);
    const token = (flags & 1) === 0 ? null : reader.copy(limits.TOKEN_BYTES);
    const epoch = (flags & 2) === 0 ? null : this.#epoch();
    const have = (flags & 2) === 0 ? [] : this.#versions();
    const interests: Interest[] = [];
    const interested = reader.count(limits.MAX_INTERESTS, 3);
    for (let i = 0; i < interested && reader.problem === null; i++) {
      const prefix = reader.shortText(limits.MAX_PREFIX_BYTES);
      const rate: RateClass = reader.word(limits.RATE_CLASSES);
      interests.push({ prefix, rate, maxHz: reader.u8() });
    }
    const capabilities: string[] = [];
    const capable = reader.count(limits.MAX_CAPABILITIES, 1);
    for (let i = 0; i < capable && reader.problem === null; i++) {
      capabilities.push(reader.shortText(limits.MAX_NAME_BYTES));
    }
    return { kind: "hello", protocol, name, token, epoch, have, interests, capabilities };
  }

  #welcome(flags: number): WelcomeMessage {
    const reader = this.#in;
    const epoch = this.#epoch();
    const client = reader.varint(MAX_CLIENT, 1) as ClientNumber;
    const token = reader.copy(limits.TOKEN_BYTES);
    const ack = this.#ack();
    const nowUs = reader.varint(MAX_NUMBER);
    const setsPerSecond = reader.varint(MAX_U32);
    const maxPatchHz = reader.varint(MAX_U32);
    const maxPriority = reader.u8();
    const silenceUs = reader.varint(MAX_NUMBER);
    const plans: SubsystemPlan[] = [];
    const planned = reader.count(limits.MAX_SUBSYSTEMS, 4);
    let expected = 0;
    for (let i = 0; i < planned && reader.problem === null; i++) {
      const subsystem = this.#subsystemAfter(expected);
      const name = reader.shortText(limits.MAX_NAME_BYTES);
      const version = this.#version();
      plans.push({ subsystem, name, version, chunks: reader.varint(limits.MAX_CHUNKS) });
      expected = subsystem + 1;
    }
    const takenOver: number[] = [];
    readGaps(reader, takenOver, reader.count(limits.MAX_TAKEN_OVER, 1), 1, MAX_U32);
    return {
      kind: "welcome",
      epoch,
      client,
      token,
      resumed: flags === 1,
      ack,
      nowUs,
      limits: { setsPerSecond, maxPatchHz, maxPriority, silenceUs },
      plans,
      takenOver: takenOver as PathId[],
    };
  }

  #chunk(flags: number): ChunkMessage {
    const reader = this.#in;
    const term = this.#term();
    const subsystem = this.#subsystem();
    const version = this.#version();
    const at = reader.at;
    const index = reader.varint(limits.MAX_CHUNKS);
    const count = reader.varint(limits.MAX_CHUNKS, 1);
    if (index >= count) reader.fail("out-of-range", at);
    const nonce = (flags & 1) === 0 ? null : reader.u32();
    const digest = (flags & 2) === 0 ? null : this.#digest();
    const entries = this.#columns.read(reader);
    return { kind: "chunk", term, subsystem, version, index, count, nonce, digest, entries };
  }

  #set(flags: number): SetMessage {
    const reader = this.#in;
    const term = this.#term();
    const sequence = reader.varint(MAX_SEQUENCE, 1) as ClientSequence;
    const priority = reader.u8();
    const generation = (flags & 4) === 0 ? null : reader.varint(MAX_U32);
    const at = reader.at;
    const entries = this.#columns.read(reader);
    for (let i = 0; i < entries.length && reader.problem === null; i++) {
      const { type, winner } = entries[i] as WireEntry;
      if ((type === "gone") !== (priority === 0) || type === "definition" || winner !== null) {
        reader.fail("out-of-range", at);
      }
    }
    return {
      kind: "set",
      term,
      sequence,
      priority,
      take: (flags & 1) !== 0,
      momentary: (flags & 2) !== 0,
      generation,
      entries,
    };
  }

  #transaction(flags: number): TransactionMessage {
    const reader = this.#in;
    const term = this.#term();
    const sequence = reader.varint(MAX_SEQUENCE, 1) as ClientSequence;
    const generation = flags === 0 ? null : reader.varint(MAX_U32);
    const guards: Guard[] = [];
    const guarded = reader.count(limits.MAX_GUARDS, 2);
    for (let i = 0; i < guarded && reader.problem === null; i++) {
      const id = reader.varint(MAX_U32) as PathId;
      if (id === 0) guards.push({ on: "subsystem", subsystem: this.#subsystem(), version: this.#version() });
      else guards.push({ on: "path", id, version: this.#version() });
    }
    const definitions = this.#columns.definitions(reader, limits.MAX_DEFINITIONS);
    const at = reader.at;
    const entries = this.#columns.read(reader);
    for (let i = 0; i < entries.length && reader.problem === null; i++) {
      if ((entries[i] as WireEntry).winner !== null) reader.fail("out-of-range", at);
    }
    return { kind: "tx", term, sequence, generation, guards, definitions, entries };
  }

  #nack(flags: number): NackMessage {
    const reader = this.#in;
    const term = this.#term();
    const sequence = reader.varint(MAX_SEQUENCE) as ClientSequence;
    const code = reader.word(words.NACK_CODES);
    const id = (flags & 1) === 0 ? null : reader.varint(MAX_U32, 1) as PathId;
    const generation = (flags & 2) === 0 ? null : reader.varint(MAX_U32);
    const text = reader.shortText(MAX_TEXT_BYTES);
    const at = reader.at;
    const entries = this.#columns.read(reader);
    if (entries.length > 1) reader.fail("out-of-range", at);
    return { kind: "nack", term, sequence, code, id, generation, current: entries[0] ?? null, text };
  }

  #patch(flags: number): PatchMessage {
    const reader = this.#in;
    const term = this.#term();
    const ack = (flags & 1) === 0 ? null : this.#ack();
    const subsystem = this.#subsystem();
    const version = this.#version();
    const base = (version - reader.varint(version)) as Version;
    const nonce = (flags & 2) === 0 ? null : reader.u32();
    const digest = (flags & 4) === 0 ? null : this.#digest();
    const at = reader.at;
    const entries = this.#columns.read(reader);
    if (base === version && entries.length > 0) reader.fail("out-of-range", at);
    return { kind: "patch", term, subsystem, base, version, ack, nonce, digest, entries };
  }

  #acknowledgement(): AckMessage {
    const term = this.#term();
    const heldUs = this.#in.varint(MAX_NUMBER);
    return { kind: "ack", term, heldUs, versions: this.#versions() };
  }

  #resync(flags: number): ResyncMessage {
    const reader = this.#in;
    const term = this.#term();
    const subsystem = this.#subsystem();
    const have = this.#version();
    const nonce = reader.u32();
    const reason = reader.word(words.RESYNC_REASONS);
    const digest = (flags & 1) === 0 ? null : this.#digest();
    const buckets: Digest64[] = [];
    const count = (flags & 2) === 0 ? 0 : DIGEST_BUCKETS;
    for (let i = 0; i < count && reader.problem === null; i++) buckets.push(this.#digest());
    return { kind: "resync", term, subsystem, have, nonce, reason, digest, buckets };
  }

  #beat(flags: number): BeatMessage {
    const reader = this.#in;
    const epoch = this.#epoch();
    const nowUs = reader.varint(MAX_NUMBER);
    const state = reader.word(words.BEAT_STATES);
    const ack = flags === 0 ? null : this.#ack();
    const versions: SubsystemBeat[] = [];
    const count = reader.count(limits.MAX_SUBSYSTEMS, 2);
    let expected = 0;
    for (let i = 0; i < count && reader.problem === null; i++) {
      const at = reader.at;
      const head = reader.varint(2 * MAX_SUBSYSTEM + 1);
      const number = expected + (head >> 1);
      if (number > MAX_SUBSYSTEM) reader.fail("out-of-range", at);
      const version = this.#version();
      const digest = (head & 1) === 0 ? null : this.#digest();
      versions.push({ subsystem: number as SubsystemNumber, version, digest });
      expected = number + 1;
    }
    return { kind: "beat", epoch, nowUs, state, ack, versions };
  }

  #own(): OwnMessage {
    const reader = this.#in;
    const term = this.#term();
    const action = reader.word(words.OWN_ACTIONS);
    const request = reader.varint(MAX_U32);
    const other = reader.varint(MAX_CLIENT) as ClientNumber;
    const objects: ObjectStanding[] = [];
    const count = reader.count(limits.MAX_OBJECTS, 5);
    let expected = 1;
    for (let i = 0; i < count && reader.problem === null; i++) {
      const id = (expected + reader.varint(Math.max(0, MAX_U32 - expected))) as PathId;
      const state = reader.word(words.OWN_STATES);
      const owner = reader.varint(MAX_CLIENT) as ClientNumber;
      const generation = reader.varint(MAX_U32);
      objects.push({ id, state, owner, generation, leftUs: reader.varint(MAX_NUMBER) });
      expected = id + 1;
    }
    return { kind: "own", term, action, request, other, objects, text: reader.shortText(MAX_TEXT_BYTES) };
  }

  #privilege(): PrivilegeMessage {
    const reader = this.#in;
    return {
      kind: "priv",
      term: this.#term(),
      action: reader.word(words.PRIVILEGE_ACTIONS),
      request: reader.varint(MAX_U32),
      state: reader.word(words.PRIVILEGE_STATES),
      holder: reader.varint(MAX_CLIENT) as ClientNumber,
      generation: reader.varint(MAX_U32),
      other: reader.varint(MAX_CLIENT) as ClientNumber,
      leftUs: reader.varint(MAX_NUMBER),
      text: reader.shortText(MAX_TEXT_BYTES),
    };
  }

  #bye(flags: number): ByeMessage {
    const term = this.#term();
    const reason = this.#in.word(words.BYE_REASONS);
    const successor = flags === 0 ? null : this.#nodeId();
    return { kind: "bye", term, reason, successor, text: this.#in.shortText(MAX_TEXT_BYTES) };
  }

  #error(): ErrorMessage {
    const term = this.#term();
    const code = this.#in.word(words.ERROR_CODES);
    return { kind: "error", term, code, text: this.#in.shortText(MAX_TEXT_BYTES) };
  }

  #leave(): LeaveMessage {
    const reader = this.#in;
    const term = this.#term();
    const operations: LeaveEntry[] = [];
    const count = reader.count(limits.MAX_LEAVES, 4);
    for (let i = 0; i < count && reader.problem === null; i++) {
      const at = reader.word(words.LEAVE_TIMES);
      const id = reader.varint(MAX_U32, 1) as PathId;
      const priorityAt = reader.at;
      const priority = reader.u8();
      const type = reader.word(limits.LEAVE_TYPES);
      if ((type === "gone") !== (priority === 0)) reader.fail("out-of-range", priorityAt);
      const value = type === "gone" ? null : this.#columns.value(reader, type);
      operations.push({ at, id, priority, type, value });
    }
    return { kind: "leave", term, operations };
  }

  #names(): NamesMessage {
    const reader = this.#in;
    const term = this.#term();
    const subsystems: SubsystemName[] = [];
    const count = reader.count(limits.MAX_SUBSYSTEMS, 2, 1);
    let expected = 0;
    for (let i = 0; i < count && reader.problem === null; i++) {
      const subsystem = this.#subsystemAfter(expected);
      subsystems.push({ subsystem, name: reader.shortText(limits.MAX_NAME_BYTES) });
      expected = subsystem + 1;
    }
    return { kind: "names", term, subsystems };
  }

  #term(): number {
    return this.#in.varint(MAX_NUMBER);
  }

  #version(): Version {
    return this.#in.varint(MAX_NUMBER) as Version;
  }

  #subsystem(): SubsystemNumber {
    return this.#in.varint(MAX_SUBSYSTEM) as SubsystemNumber;
  }

  /** A subsystem of an ascending list, `expected` at least. */
  #subsystemAfter(expected: number): SubsystemNumber {
    const at = this.#in.at;
    const number = expected + this.#in.varint(MAX_SUBSYSTEM);
    if (number > MAX_SUBSYSTEM) this.#in.fail("out-of-range", at);
    return number as SubsystemNumber;
  }

  #versions(): SubsystemVersion[] {
    const versions: SubsystemVersion[] = [];
    const count = this.#in.count(limits.MAX_SUBSYSTEMS, 2);
    let expected = 0;
    for (let i = 0; i < count && this.#in.problem === null; i++) {
      const subsystem = this.#subsystemAfter(expected);
      versions.push({ subsystem, version: this.#version() });
      expected = subsystem + 1;
    }
    return versions;
  }

  #epoch(): StateEpoch {
    return { term: this.#term(), hostId: this.#nodeId() };
  }

  #nodeId(): NodeId {
    const bytes = this.#in.view(limits.TOKEN_BYTES);
    return this.#in.problem === null ? nodeIdFromBytes(bytes) : NOBODY;
  }

  #ack(): WriteAck {
    const value = this.#in.varint(MAX_SEQUENCE * 2 + 1);
    return { sequence: Math.floor(value / 2) as ClientSequence, single: value % 2 === 1 };
  }

  #digest(): Digest64 {
    return { high: this.#in.u32(), low: this.#in.u32() };
  }
}

/** Stands where no id could be read. */
const NOBODY = "00000000000000000000000000000000" as NodeId;
