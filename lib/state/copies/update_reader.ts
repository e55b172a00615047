// Bytes to an update.
// Decides which bytes are an update: exactly those that update_writer.ts writes.
// Never throws, never makes more of bytes than they hold, never judges whether the rows of an update make sense together.

import { ACCESS_LEVELS, type AccessLevel, type NodeId, nodeIdFromBytes, toHex } from "../../base/mod.ts";
import {
  type ClientRow,
  type HoldingCopy,
  type LeaveOperation,
  MAX_LEAVE_OPERATIONS,
} from "../holding/mod.ts";
import type { StandbyClient, StandbyPath, StandbyUpdate } from "../host/mod.ts";
import type { Claim, Look } from "../merge/mod.ts";
import {
  createJsonCodec,
  DefinitionReader,
  type FieldReader,
  LEAVE_TIMES,
  MAX_CLIENT,
  MAX_NAME_BYTES,
  MAX_NUMBER,
  MAX_SUBSYSTEM,
  MAX_SUBSYSTEMS,
  MAX_U32,
  TOKEN_BYTES,
} from "../messages/mod.ts";
import {
  type ClientNumber,
  isPath,
  MAX_PATH_LENGTH,
  type PathId,
  type StateEpoch,
  type SubsystemNumber,
} from "../model/mod.ts";
import type { BookRow } from "../schema/mod.ts";
import { CopiedValues } from "./copied_values.ts";
import { COPY_FORM, MAX_CLAIMS_OF_PATH, MAX_KEY_BYTES, MAX_ROWS } from "./limits.ts";
import {
  CLAIM_LEASED,
  CLAIM_MOMENTARY,
  CLAIM_TAKEN,
  ROW_KEY,
  ROW_TOKEN,
  STANDINGS,
  TOKEN_HASH_BYTES,
} from "./update_writer.ts";

/** The fewest bytes of a row of each list. */
const LEAST = { subsystem: 2, row: 3, path: 6, claim: 8, client: 1, clientRow: 22, operation: 4, object: 2 };
const LEVELS = ACCESS_LEVELS as readonly [AccessLevel, ...AccessLevel[]];

/** Reads one update after the other. */
export class UpdateReader {
  readonly #values = new CopiedValues();
  readonly #definitions = new DefinitionReader(createJsonCodec());

  /** The rest of what `reader` has; means nothing when that has a problem. */
  read(reader: FieldReader): StandbyUpdate {
    this.#definitions.reset();
    const at = reader.at;
    if (reader.u8() !== COPY_FORM) reader.fail("unknown-kind", at);
    const epoch = readEpoch(reader);
    const number = reader.varint(MAX_NUMBER, 1);
    const base = reader.varint(number);
    const subsystems: (readonly [SubsystemNumber, string])[] = [];
    let last = -1;
    for (let left = reader.count(MAX_SUBSYSTEMS, LEAST.subsystem); left > 0; left--) {
      if (reader.problem !== null) break;
      last = readGap(reader, last, MAX_SUBSYSTEM);
      subsystems.push([last as SubsystemNumber, reader.shortText(MAX_NAME_BYTES)]);
    }
    const rows = this.#rows(reader);
    const paths = this.#paths(reader);
    const clients = readClients(reader);
    const holding = reader.u8(1) === 0 ? null : this.#holding(reader);
    if (reader.problem === null && reader.remaining > 0) reader.fail("trailing", reader.at);
    return { epoch, base, number, subsystems, rows, paths, clients, holding };
  }

  #rows(reader: FieldReader): BookRow[] {
    const rows: BookRow[] = [];
    let last = 0;
    for (let left = reader.count(MAX_ROWS, LEAST.row); left > 0 && reader.problem === null; left--) {
      const at = reader.at;
      const head = reader.varint(MAX_NUMBER);
      last = readAfter(reader, at, last, Math.floor(head / 2), MAX_U32);
      const id = last as PathId;
      const revision = reader.varint(MAX_NUMBER);
      if (head % 2 === 1) {
        const definition = this.#definitions.read(reader);
        rows.push({ id, path: definition.path, definition, revision });
        continue;
      }
      const pathAt = reader.at;
      const path = reader.shortText(MAX_PATH_LENGTH);
      if (reader.problem === null && !isPath(path)) reader.fail("out-of-range", pathAt);
      rows.push({ id, path, definition: null, revision });
    }
    return rows;
  }

  #paths(reader: FieldReader): StandbyPath[] {
    const paths: StandbyPath[] = [];
    let last = 0;
    for (let left = reader.count(MAX_ROWS, LEAST.path); left > 0 && reader.problem === null; left--) {
      last = readGap(reader, last, MAX_U32);
      const look = this.#look(reader);
      paths.push({ id: last as PathId, record: { claims: this.#claims(reader), look } });
    }
    return paths;
  }

  #look(reader: FieldReader): Look {
    const holder = readHolder(reader);
    const term = reader.varint(MAX_NUMBER);
    const stamp = reader.varint(MAX_NUMBER);
    return { value: this.#values.read(reader), holder, term, stamp };
  }

  #claims(reader: FieldReader): Claim[] {
    const claims: Claim[] = [];
    let last = -2;
    for (let left = reader.count(MAX_CLAIMS_OF_PATH, LEAST.claim); left > 0; left--) {
      if (reader.problem !== null) break;
      last = readGap(reader, last, MAX_CLIENT);
      const bits = reader.u8(CLAIM_TAKEN * 2 - 1);
      const priority = reader.u8();
      const term = reader.varint(MAX_NUMBER);
      const stamp = reader.varint(MAX_NUMBER);
      const seq = reader.varint(MAX_NUMBER);
      const since = reader.varint(MAX_NUMBER);
      const leaseUntilUs = (bits & CLAIM_LEASED) === 0 ? 0 : reader.varint(MAX_NUMBER, 1);
      const takenAt = reader.at;
      const takenBy = (bits & CLAIM_TAKEN) === 0 ? 0 as ClientNumber : readHolder(reader);
      if ((bits & CLAIM_TAKEN) !== 0 && takenBy === 0) reader.fail("not-canonical", takenAt);
      claims.push({
        client: last as ClientNumber,
        value: this.#values.read(reader),
        priority,
        term,
        seq,
        since,
        stamp,
        standing: STANDINGS[bits & 7] ?? "live",
        momentary: (bits & CLAIM_MOMENTARY) !== 0,
        leaseUntilUs,
        takenBy,
      });
    }
    return claims;
  }

  #holding(reader: FieldReader): HoldingCopy {
    const lastClient = reader.varint(MAX_CLIENT);
    const lastGeneration = reader.varint(MAX_U32);
    const privileged = reader.varint(MAX_CLIENT) as ClientNumber;
    const privilegeGeneration = privileged === 0 ? 0 : reader.varint(MAX_U32);
    const clients: ClientRow[] = [];
    let last = 0;
    for (let left = reader.count(MAX_ROWS, LEAST.clientRow); left > 0 && reader.problem === null; left--) {
      last = readGap(reader, last, MAX_CLIENT);
      clients.push(this.#clientRow(reader, last as ClientNumber));
    }
    const objects: HoldingCopy["objects"][number][] = [];
    last = 0;
    for (let left = reader.count(MAX_ROWS, LEAST.object); left > 0 && reader.problem === null; left--) {
      last = readGap(reader, last, MAX_U32);
      const owner = reader.varint(MAX_CLIENT) as ClientNumber;
      const generation = owner === 0 ? 0 : reader.varint(MAX_U32);
      objects.push({ id: last as PathId, owner, generation });
    }
    return { lastClient, lastGeneration, clients, objects, privileged, privilegeGeneration };
  }

  #clientRow(reader: FieldReader, number: ClientNumber): ClientRow {
    const bits = reader.u8(ROW_KEY + ROW_TOKEN);
    const nodeId = readNode(reader);
    const key = (bits & ROW_KEY) === 0 ? null : reader.shortText(MAX_KEY_BYTES);
    const tokenHash = (bits & ROW_TOKEN) === 0 ? "" : toHex(reader.view(TOKEN_HASH_BYTES));
    const name = reader.shortText(MAX_NAME_BYTES);
    const level = reader.word(LEVELS);
    const sequence = reader.varint(MAX_NUMBER);
    const operations: LeaveOperation[] = [];
    for (let left = reader.count(MAX_LEAVE_OPERATIONS, LEAST.operation); left > 0; left--) {
      if (reader.problem !== null) break;
      const at = reader.word(LEAVE_TIMES);
      const id = reader.varint(MAX_U32, 1) as PathId;
      const priority = reader.u8();
      operations.push({ at, id, priority, value: this.#values.read(reader) });
    }
    return { number, peer: { nodeId, key }, name, level, sequence, tokenHash, operations };
  }
}

/** Reads what `writeEpoch` wrote. */
export function readEpoch(reader: FieldReader): StateEpoch {
  return { term: reader.varint(MAX_NUMBER), hostId: readNode(reader) };
}

function readClients(reader: FieldReader): StandbyClient[] {
  const clients: StandbyClient[] = [];
  let last = 0;
  for (let left = reader.count(MAX_ROWS, LEAST.client); left > 0 && reader.problem === null; left--) {
    const at = reader.at;
    const head = reader.varint(MAX_NUMBER);
    last = readAfter(reader, at, last, Math.floor(head / 2), MAX_CLIENT);
    const isGone = head % 2 === 1;
    const name = isGone ? "" : reader.shortText(MAX_NAME_BYTES);
    const sequence = isGone ? 0 : reader.varint(MAX_NUMBER);
    clients.push({ client: last as ClientNumber, name, sequence, isGone });
  }
  return clients;
}

/** The next number of an ascending list. */
function readGap(reader: FieldReader, last: number, max: number): number {
  const at = reader.at;
  return readAfter(reader, at, last, reader.varint(MAX_NUMBER), max);
}

function readAfter(reader: FieldReader, at: number, last: number, gap: number, max: number): number {
  const number = last + 1 + gap;
  if (number <= max) return number;
  reader.fail("out-of-range", at);
  return last;
}

function readHolder(reader: FieldReader): ClientNumber {
  return reader.varint(MAX_CLIENT + 1) - 1 as ClientNumber;
}

function readNode(reader: FieldReader): NodeId {
  const bytes = reader.view(TOKEN_BYTES);
  return reader.problem === null ? nodeIdFromBytes(bytes) : NO_NODE;
}

/** Stands where no id could be read. */
const NO_NODE = "00000000000000000000000000000000" as NodeId;
