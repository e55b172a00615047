// Messages to bytes.
// Decides the layout of each kind (docs/state-protocol.md); decoder.ts is its mirror. A message that breaks a bound or
// holds a value without a form is not written. Never splits, never sends.

import { isNodeId, type NodeId, nodeIdToBytes } from "../../base/mod.ts";
import { ByteWriter } from "../../wire/mod.ts";
import { ColumnWriter } from "./columns.ts";
import { writeVarint, writeWord } from "./fields.ts";
import { DIGEST_BUCKETS } from "../digest/mod.ts";
import * as limits from "./limits.ts";
import { writeGaps } from "./runs.ts";
import type {
  BeatMessage,
  ChunkMessage,
  Digest64,
  HelloMessage,
  LeaveMessage,
  NackMessage,
  NamesMessage,
  OwnMessage,
  PatchMessage,
  PrivilegeMessage,
  ResyncMessage,
  SetMessage,
  StateMessage,
  SubsystemNumber,
  SubsystemVersion,
  TransactionMessage,
  WelcomeMessage,
  WriteAck,
} from "./types.ts";
import { BEAT_STATES, BYE_REASONS, ERROR_CODES, LEAVE_TIMES, NACK_CODES, RESYNC_REASONS } from "./words.ts";
import { OWN_ACTIONS, OWN_STATES, PRIVILEGE_ACTIONS, PRIVILEGE_STATES } from "./words.ts";

const { KIND_NUMBERS, MAX_CLIENT, MAX_NUMBER, MAX_SEQUENCE, MAX_TEXT_BYTES, MAX_U32 } = limits;
/** A patch's first byte with the bit that says that an acknowledgement follows the term. */
const ACK_BIT = 1 << 5;

/** Encodes one message after the other. */
export class MessageEncoder {
  readonly #out = new ByteWriter(limits.MAX_MESSAGE_BYTES, 1_024);
  readonly #columns = new ColumnWriter();

  /**
   * The bytes of `message`, valid until the next call; null for one that is too large, breaks a bound, names an id
   * twice, or holds a value that its type has no form for.
   */
  encode(message: StateMessage): Uint8Array | null {
    this.#out.reset();
    this.#columns.reset();
    this.#message(message);
    return this.#out.failed ? null : this.#out.view();
  }

  /**
   * The bytes of a patch with `ack` in it, from those of the same patch without: entries are encoded once for all who
   * get them. Valid until the next call. Null when it is no such patch, or a view of this encoder, which is about to change.
   */
  acknowledge(patch: Uint8Array, ack: WriteAck): Uint8Array | null {
    const first = patch[0] ?? 0;
    const termBytes = 1 << ((patch[1] ?? 0) >> 6);
    if ((first & 0x1f) !== KIND_NUMBERS.patch || (first & ACK_BIT) !== 0) return null;
    const out = this.#out;
    out.reset();
    if (patch.buffer === out.view().buffer) return null;
    out.u8(first | ACK_BIT);
    out.bytes(patch.subarray(1, 1 + termBytes));
    this.#ack(ack);
    out.bytes(patch.subarray(1 + termBytes));
    return out.failed ? null : out.view();
  }

  #message(message: StateMessage): void {
    const out = this.#out;
    switch (message.kind) {
      case "hello":
        return this.#hello(message);
      case "welcome":
        return this.#welcome(message);
      case "chunk":
        return this.#chunk(message);
      case "set":
        return this.#set(message);
      case "tx":
        return this.#transaction(message);
      case "nack":
        return this.#nack(message);
      case "patch":
        return this.#patch(message);
      case "ack":
        this.#head(KIND_NUMBERS.ack, message.term);
        writeVarint(out, message.heldUs, MAX_NUMBER);
        return this.#versions(message.versions);
      case "resync":
        return this.#resync(message);
      case "beat":
        return this.#beat(message);
      case "own":
        return this.#own(message);
      case "priv":
        return this.#privilege(message);
      case "bye":
        this.#head(KIND_NUMBERS.bye | flag(0, message.successor !== null), message.term);
        writeWord(out, message.reason, BYE_REASONS);
        if (message.successor !== null) this.#nodeId(message.successor);
        return out.shortText(message.text, MAX_TEXT_BYTES);
      case "error":
        this.#head(KIND_NUMBERS.error, message.term);
        writeWord(out, message.code, ERROR_CODES);
        return out.shortText(message.text, MAX_TEXT_BYTES);
      case "leave":
        return this.#leave(message);
      case "names":
        return this.#names(message);
    }
  }

  #hello({ protocol, name, token, epoch, have, interests, capabilities }: HelloMessage): void {
    const out = this.#out;
    out.u8(KIND_NUMBERS.hello | flag(0, token !== null) | flag(1, epoch !== null));
    out.u8(protocol);
    out.shortText(name, limits.MAX_NAME_BYTES);
    if (token !== null) this.#token(token);
    if (epoch !== null) {
      this.#epoch(epoch);
      this.#versions(have);
    } else if (have.length > 0) out.fail();
    writeVarint(out, interests.length, limits.MAX_INTERESTS);
    for (const { prefix, rate, maxHz } of interests) {
      out.shortText(prefix, limits.MAX_PREFIX_BYTES);
      writeWord(out, rate, limits.RATE_CLASSES);
      out.u8(maxHz);
    }
    writeVarint(out, capabilities.length, limits.MAX_CAPABILITIES);
    for (const capability of capabilities) out.shortText(capability, limits.MAX_NAME_BYTES);
  }

  #welcome(message: WelcomeMessage): void {
    const out = this.#out;
    out.u8(KIND_NUMBERS.welcome | flag(0, message.resumed));
    this.#epoch(message.epoch);
    writeVarint(out, message.client, MAX_CLIENT, 1);
    this.#token(message.token);
    this.#ack(message.ack);
    writeVarint(out, message.nowUs, MAX_NUMBER);
    writeVarint(out, message.limits.setsPerSecond, MAX_U32);
    writeVarint(out, message.limits.maxPatchHz, MAX_U32);
    out.u8(message.limits.maxPriority);
    writeVarint(out, message.limits.silenceUs, MAX_NUMBER);
    writeVarint(out, message.plans.length, limits.MAX_SUBSYSTEMS);
    let expected = 0;
    for (const { subsystem, name, version, chunks } of message.plans) {
      expected = this.#subsystemGap(subsystem, expected);
      out.shortText(name, limits.MAX_NAME_BYTES);
      writeVarint(out, version, MAX_NUMBER);
      writeVarint(out, chunks, limits.MAX_CHUNKS);
    }
    writeVarint(out, message.takenOver.length, limits.MAX_TAKEN_OVER);
    writeGaps(out, message.takenOver, message.takenOver.length, 1);
  }

  #chunk({ term, subsystem, version, index, count, nonce, digest, entries }: ChunkMessage): void {
    const out = this.#out;
    this.#head(KIND_NUMBERS.chunk | flag(0, nonce !== null) | flag(1, digest !== null), term);
    writeVarint(out, subsystem, limits.MAX_SUBSYSTEM);
    writeVarint(out, version, MAX_NUMBER);
    writeVarint(out, index, count - 1);
    writeVarint(out, count, limits.MAX_CHUNKS, 1);
    if (nonce !== null) out.u32(nonce);
    if (digest !== null) this.#digest(digest);
    this.#columns.write(out, entries);
  }

  #set({ term, sequence, priority, take, momentary, generation, entries }: SetMessage): void {
    const out = this.#out;
    const flags = flag(0, take) | flag(1, momentary) | flag(2, generation !== null);
    this.#head(KIND_NUMBERS.set | flags, term);
    writeVarint(out, sequence, MAX_SEQUENCE, 1);
    out.u8(priority);
    if (generation !== null) writeVarint(out, generation, MAX_U32);
    for (const { type, winner } of entries) {
      if ((type === "gone") !== (priority === 0) || type === "definition" || winner !== null) out.fail();
    }
    this.#columns.write(out, entries);
  }

  #transaction({ term, sequence, generation, guards, definitions, entries }: TransactionMessage): void {
    const out = this.#out;
    this.#head(KIND_NUMBERS.tx | flag(0, generation !== null), term);
    writeVarint(out, sequence, MAX_SEQUENCE, 1);
    if (generation !== null) writeVarint(out, generation, MAX_U32);
    writeVarint(out, guards.length, limits.MAX_GUARDS);
    for (const guard of guards) {
      if (guard.on === "path") {
        writeVarint(out, guard.id, MAX_U32, 1);
      } else {
        out.u8(0);
        writeVarint(out, guard.subsystem, limits.MAX_SUBSYSTEM);
      }
      writeVarint(out, guard.version, MAX_NUMBER);
    }
    this.#columns.definitions(out, definitions, limits.MAX_DEFINITIONS);
    for (const { winner } of entries) if (winner !== null) out.fail();
    this.#columns.write(out, entries);
  }

  #nack({ term, sequence, code, id, generation, current, text }: NackMessage): void {
    const out = this.#out;
    this.#head(KIND_NUMBERS.nack | flag(0, id !== null) | flag(1, generation !== null), term);
    writeVarint(out, sequence, MAX_SEQUENCE);
    writeWord(out, code, NACK_CODES);
    if (id !== null) writeVarint(out, id, MAX_U32, 1);
    if (generation !== null) writeVarint(out, generation, MAX_U32);
    out.shortText(text, MAX_TEXT_BYTES);
    if (current !== null) this.#columns.write(out, [current]);
  }

  #patch({ term, subsystem, base, version, ack, nonce, digest, entries }: PatchMessage): void {
    const out = this.#out;
    this.#head(
      KIND_NUMBERS.patch | flag(0, ack !== null) | flag(1, nonce !== null) | flag(2, digest !== null),
      term,
    );
    if (ack !== null) this.#ack(ack);
    writeVarint(out, subsystem, limits.MAX_SUBSYSTEM);
    writeVarint(out, version, MAX_NUMBER);
    writeVarint(out, version - base, version);
    if (nonce !== null) out.u32(nonce);
    if (digest !== null) this.#digest(digest);
    if (version === base && entries.length > 0) out.fail();
    this.#columns.write(out, entries);
  }

  #resync({ term, subsystem, have, nonce, reason, digest, buckets }: ResyncMessage): void {
    const out = this.#out;
    const flags = flag(0, digest !== null) | flag(1, buckets.length > 0);
    this.#head(KIND_NUMBERS.resync | flags, term);
    writeVarint(out, subsystem, limits.MAX_SUBSYSTEM);
    writeVarint(out, have, MAX_NUMBER);
    out.u32(nonce);
    writeWord(out, reason, RESYNC_REASONS);
    if (digest !== null) this.#digest(digest);
    if (buckets.length !== 0 && buckets.length !== DIGEST_BUCKETS) out.fail();
    for (const bucket of buckets) this.#digest(bucket);
  }

  #beat({ epoch, nowUs, state, ack, versions }: BeatMessage): void {
    const out = this.#out;
    out.u8(KIND_NUMBERS.beat | flag(0, ack !== null));
    this.#epoch(epoch);
    writeVarint(out, nowUs, MAX_NUMBER);
    writeWord(out, state, BEAT_STATES);
    if (ack !== null) this.#ack(ack);
    writeVarint(out, versions.length, limits.MAX_SUBSYSTEMS);
    let expected = 0;
    for (const { subsystem, version, digest } of versions) {
      if (!(subsystem >= expected && subsystem <= limits.MAX_SUBSYSTEM)) return out.fail();
      out.varint((subsystem - expected) * 2 + (digest === null ? 0 : 1));
      expected = subsystem + 1;
      writeVarint(out, version, MAX_NUMBER);
      if (digest !== null) this.#digest(digest);
    }
  }

  #own({ term, action, request, other, objects, text }: OwnMessage): void {
    const out = this.#out;
    this.#head(KIND_NUMBERS.own, term);
    writeWord(out, action, OWN_ACTIONS);
    writeVarint(out, request, MAX_U32);
    writeVarint(out, other, MAX_CLIENT);
    writeVarint(out, objects.length, limits.MAX_OBJECTS);
    let expected = 1;
    for (const { id, state, owner, generation, leftUs } of objects) {
      writeVarint(out, id - expected, MAX_U32 - expected);
      writeWord(out, state, OWN_STATES);
      writeVarint(out, owner, MAX_CLIENT);
      writeVarint(out, generation, MAX_U32);
      writeVarint(out, leftUs, MAX_NUMBER);
      expected = id + 1;
    }
    out.shortText(text, MAX_TEXT_BYTES);
  }

  #privilege(message: PrivilegeMessage): void {
    const out = this.#out;
    this.#head(KIND_NUMBERS.priv, message.term);
    writeWord(out, message.action, PRIVILEGE_ACTIONS);
    writeVarint(out, message.request, MAX_U32);
    writeWord(out, message.state, PRIVILEGE_STATES);
    writeVarint(out, message.holder, MAX_CLIENT);
    writeVarint(out, message.generation, MAX_U32);
    writeVarint(out, message.other, MAX_CLIENT);
    writeVarint(out, message.leftUs, MAX_NUMBER);
    out.shortText(message.text, MAX_TEXT_BYTES);
  }

  #leave({ term, operations }: LeaveMessage): void {
    const out = this.#out;
    this.#head(KIND_NUMBERS.leave, term);
    writeVarint(out, operations.length, limits.MAX_LEAVES);
    for (const { at, id, priority, type, value } of operations) {
      writeWord(out, at, LEAVE_TIMES);
      writeVarint(out, id, MAX_U32, 1);
      out.u8(priority);
      writeWord(out, type, limits.LEAVE_TYPES);
      if ((type === "gone") !== (priority === 0)) out.fail();
      if (type !== "gone") this.#columns.value(out, type, value);
      else if (value !== null) out.fail();
    }
  }

  #names({ term, subsystems }: NamesMessage): void {
    const out = this.#out;
    this.#head(KIND_NUMBERS.names, term);
    writeVarint(out, subsystems.length, limits.MAX_SUBSYSTEMS, 1);
    let expected = 0;
    for (const { subsystem, name } of subsystems) {
      expected = this.#subsystemGap(subsystem, expected);
      out.shortText(name, limits.MAX_NAME_BYTES);
    }
  }

  #head(kindAndFlags: number, term: number): void {
    this.#out.u8(kindAndFlags);
    writeVarint(this.#out, term, MAX_NUMBER);
  }

  #epoch({ term, hostId }: BeatMessage["epoch"]): void {
    writeVarint(this.#out, term, MAX_NUMBER);
    this.#nodeId(hostId);
  }

  #nodeId(id: NodeId): void {
    if (isNodeId(id)) this.#out.bytes(nodeIdToBytes(id));
    else this.#out.fail();
  }

  #token(token: Uint8Array): void {
    if (token.length === limits.TOKEN_BYTES) this.#out.bytes(token);
    else this.#out.fail();
  }

  #ack({ sequence, single }: WriteAck): void {
    writeVarint(this.#out, sequence * 2 + (single ? 1 : 0), MAX_SEQUENCE * 2 + 1);
  }

  #digest({ high, low }: Digest64): void {
    this.#out.u32(high);
    this.#out.u32(low);
  }

  #versions(versions: readonly SubsystemVersion[]): void {
    writeVarint(this.#out, versions.length, limits.MAX_SUBSYSTEMS);
    let expected = 0;
    for (const { subsystem, version } of versions) {
      expected = this.#subsystemGap(subsystem, expected);
      writeVarint(this.#out, version, MAX_NUMBER);
    }
  }

  /** Writes a subsystem of an ascending list as the gap before it. Returns the lowest that may follow. */
  #subsystemGap(subsystem: SubsystemNumber, expected: number): number {
    writeVarint(this.#out, subsystem - expected, limits.MAX_SUBSYSTEM - expected);
    return subsystem + 1;
  }
}

/** The bit of a flag of the first byte. */
function flag(index: number, set: boolean): number {
  return set ? 1 << (5 + index) : 0;
}
