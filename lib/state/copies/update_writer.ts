// An update to bytes.
// Decides the layout (docs/state-protocol.md); update_reader.ts is its mirror. An update that breaks a bound, or whose
// lists do not ascend, is not written. Never decides what is in an update.

import { ACCESS_LEVELS, fromHex, isNodeId, type NodeId, nodeIdToBytes } from "../../base/mod.ts";
import type { ByteWriter } from "../../wire/mod.ts";
import type { ClientRow, HoldingCopy, LeaveOperation } from "../holding/mod.ts";
import { MAX_LEAVE_OPERATIONS } from "../holding/mod.ts";
import type { StandbyClient, StandbyPath, StandbyUpdate } from "../host/mod.ts";
import type { Claim, Look } from "../merge/mod.ts";
import {
  createJsonCodec,
  DefinitionWriter,
  LEAVE_TIMES,
  MAX_CLIENT,
  MAX_NAME_BYTES,
  MAX_NUMBER,
  MAX_SUBSYSTEM,
  MAX_SUBSYSTEMS,
  MAX_U32,
  writeVarint,
  writeWord,
} from "../messages/mod.ts";
import { isPath, MAX_PATH_LENGTH, type StateEpoch } from "../model/mod.ts";
import type { BookRow } from "../schema/mod.ts";
import { CopiedValues } from "./copied_values.ts";
import { COPY_FORM, MAX_CLAIMS_OF_PATH, MAX_KEY_BYTES, MAX_ROWS } from "./limits.ts";

/** How a claim can stand, in the order of the numbers. */
export const STANDINGS = [
  "live",
  "doubted",
  "unheard",
  "kept",
  "dormant",
  "overtaken",
  "reaching",
  "released",
] as const;
/** Bits beside the standing of a claim. */
export const CLAIM_MOMENTARY = 8;
export const CLAIM_LEASED = 16;
export const CLAIM_TAKEN = 32;
/** Bits of a client's row. */
export const ROW_KEY = 1;
export const ROW_TOKEN = 2;
/** Bytes of a token's hash. */
export const TOKEN_HASH_BYTES = 32;

/** Writes one update after the other. */
export class UpdateWriter {
  readonly #values = new CopiedValues();
  readonly #definitions = new DefinitionWriter(createJsonCodec());

  write(out: ByteWriter, update: StandbyUpdate): void {
    const { epoch, base, number, subsystems, rows, paths, clients, holding } = update;
    this.#definitions.reset();
    out.u8(COPY_FORM);
    writeEpoch(out, epoch);
    writeVarint(out, number, MAX_NUMBER, 1);
    writeVarint(out, base, number);
    writeVarint(out, subsystems.length, MAX_SUBSYSTEMS);
    let expected = 0;
    for (const [subsystem, name] of subsystems) {
      expected = writeGap(out, subsystem, expected, MAX_SUBSYSTEM, 0, 1);
      out.shortText(name, MAX_NAME_BYTES);
    }
    writeVarint(out, rows.length, MAX_ROWS);
    expected = 1;
    for (const row of rows) expected = this.#row(out, row, expected);
    writeVarint(out, paths.length, MAX_ROWS);
    expected = 1;
    for (const path of paths) expected = this.#path(out, path, expected);
    writeVarint(out, clients.length, MAX_ROWS);
    expected = 1;
    for (const client of clients) expected = writeClient(out, client, expected);
    out.u8(holding === null ? 0 : 1);
    if (holding !== null) this.#holding(out, holding);
  }

  #row(out: ByteWriter, { id, path, definition, revision }: BookRow, expected: number): number {
    const next = writeGap(out, id, expected, MAX_U32, definition === null ? 0 : 1, 2);
    writeVarint(out, revision, MAX_NUMBER);
    if (definition !== null) {
      if (definition.path !== path) out.fail();
      this.#definitions.write(out, definition);
    } else if (isPath(path)) out.shortText(path, MAX_PATH_LENGTH);
    else out.fail();
    return next;
  }

  #path(out: ByteWriter, { id, record }: StandbyPath, expected: number): number {
    const next = writeGap(out, id, expected, MAX_U32, 0, 1);
    this.#look(out, record.look);
    writeVarint(out, record.claims.length, MAX_CLAIMS_OF_PATH);
    let client = -1;
    for (const claim of record.claims) client = this.#claim(out, claim, client);
    return next;
  }

  #look(out: ByteWriter, { value, holder, term, stamp }: Look): void {
    writeHolder(out, holder);
    writeVarint(out, term, MAX_NUMBER);
    writeVarint(out, stamp, MAX_NUMBER);
    this.#values.write(out, value);
  }

  #claim(out: ByteWriter, claim: Claim, expected: number): number {
    const { client, value, priority, term, seq, since, stamp, standing, momentary } = claim;
    const { leaseUntilUs, takenBy } = claim;
    writeVarint(out, client - expected, MAX_CLIENT - expected);
    const number = STANDINGS.indexOf(standing);
    if (number < 0) out.fail();
    out.u8(
      number + (momentary ? CLAIM_MOMENTARY : 0) + (leaseUntilUs === 0 ? 0 : CLAIM_LEASED) +
        (takenBy === 0 ? 0 : CLAIM_TAKEN),
    );
    out.u8(priority);
    writeVarint(out, term, MAX_NUMBER);
    writeVarint(out, stamp, MAX_NUMBER);
    writeVarint(out, seq, MAX_NUMBER);
    writeVarint(out, since, MAX_NUMBER);
    if (leaseUntilUs !== 0) writeVarint(out, leaseUntilUs, MAX_NUMBER);
    if (takenBy !== 0) writeHolder(out, takenBy);
    this.#values.write(out, value);
    return client + 1;
  }

  #holding(out: ByteWriter, holding: HoldingCopy): void {
    const { clients, objects } = holding;
    writeVarint(out, holding.lastClient, MAX_CLIENT);
    writeVarint(out, holding.lastGeneration, MAX_U32);
    writeVarint(out, holding.privileged, MAX_CLIENT);
    if (holding.privileged !== 0) writeVarint(out, holding.privilegeGeneration, MAX_U32);
    else if (holding.privilegeGeneration !== 0) out.fail();
    writeVarint(out, clients.length, MAX_ROWS);
    let expected = 1;
    for (const row of clients) expected = this.#clientRow(out, row, expected);
    writeVarint(out, objects.length, MAX_ROWS);
    expected = 1;
    for (const { id, owner, generation } of objects) {
      expected = writeGap(out, id, expected, MAX_U32, 0, 1);
      writeVarint(out, owner, MAX_CLIENT);
      if (owner !== 0) writeVarint(out, generation, MAX_U32);
      else if (generation !== 0) out.fail();
    }
  }

  #clientRow(out: ByteWriter, row: ClientRow, expected: number): number {
    const { number, peer, name, level, sequence, tokenHash, operations } = row;
    const next = writeGap(out, number, expected, MAX_CLIENT, 0, 1);
    out.u8((peer.key === null ? 0 : ROW_KEY) + (tokenHash === "" ? 0 : ROW_TOKEN));
    writeNode(out, peer.nodeId);
    if (peer.key !== null) out.shortText(peer.key, MAX_KEY_BYTES);
    if (tokenHash !== "") writeHash(out, tokenHash);
    out.shortText(name, MAX_NAME_BYTES);
    writeWord(out, level, ACCESS_LEVELS);
    writeVarint(out, sequence, MAX_NUMBER);
    writeVarint(out, operations.length, MAX_LEAVE_OPERATIONS);
    for (const operation of operations) this.#operation(out, operation);
    return next;
  }

  #operation(out: ByteWriter, { at, id, value, priority }: LeaveOperation): void {
    writeWord(out, at, LEAVE_TIMES);
    writeVarint(out, id, MAX_U32, 1);
    out.u8(priority);
    this.#values.write(out, value);
  }
}

/** Writes an epoch: its term, then the node. */
export function writeEpoch(out: ByteWriter, { term, hostId }: StateEpoch): void {
  writeVarint(out, term, MAX_NUMBER);
  writeNode(out, hostId);
}

/** Writes a number of an ascending list as the gap before it, with `bit` in `span`. @returns the lowest that may follow. */
function writeGap(
  out: ByteWriter,
  number: number,
  expected: number,
  max: number,
  bit: number,
  span: 1 | 2,
): number {
  if (number <= max) writeVarint(out, (number - expected) * span + bit, MAX_NUMBER);
  else out.fail();
  if (number < expected) out.fail();
  return number + 1;
}

function writeClient(out: ByteWriter, client: StandbyClient, expected: number): number {
  const { name, sequence, isGone } = client;
  const next = writeGap(out, client.client, expected, MAX_CLIENT, isGone ? 1 : 0, 2);
  if (isGone) {
    if (name !== "" || sequence !== 0) out.fail();
    return next;
  }
  out.shortText(name, MAX_NAME_BYTES);
  writeVarint(out, sequence, MAX_NUMBER);
  return next;
}

/** A client, the host (0), or nobody (−1). */
function writeHolder(out: ByteWriter, holder: number): void {
  writeVarint(out, holder + 1, MAX_CLIENT + 1);
}

function writeNode(out: ByteWriter, id: NodeId): void {
  if (isNodeId(id)) out.bytes(nodeIdToBytes(id));
  else out.fail();
}

function writeHash(out: ByteWriter, hex: string): void {
  if (/^[0-9a-f]{64}$/.test(hex)) out.bytes(fromHex(hex));
  else out.fail();
}
