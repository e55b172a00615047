// By what right a command comes: the token of a leadership, an operator's word, or neither.
// Decides how that stands before a request or an event, and which right a command of ours has; never which rights
// suffice: the owner of the session does, by its fence (lib/node/leadership.ts).
//
//   fenced   kind · form u8 · right · request or event
//   form 0   nothing: an operator lets the command pass without a token
//   form 1   term varint · leader 16 B · incarnation varint

import {
  equalBytes,
  type FencingToken,
  HanaError,
  type Incarnation,
  isFencingToken,
  NODE_ID_BYTES,
  nodeIdFromBytes,
  nodeIdToBytes,
} from "../base/mod.ts";
import type { ByteReader, ByteWriter } from "../wire/mod.ts";
import type { MessageDefinition } from "./message.ts";
import type { Identity } from "./protocol.ts";

/** By what right a command comes. */
export interface CommandRight {
  /** The leadership that it belongs to; null for none. */
  readonly token: FencingToken | null;
  /** Whether an operator lets it pass without one. */
  readonly isForced: boolean;
}

/** What a caller may say of a command. */
export interface CommandOptions {
  /** The leadership that it belongs to, for an app that acts for the leader; that of our own node when not given. */
  readonly token?: FencingToken;
  /** An operator's word: to be obeyed without a token, whoever leads. */
  readonly unfenced?: boolean;
}

/** What a session asks its owner about commands. Both are synchronous and must not throw but as they say. */
export interface Fence {
  /** The token that a command of ours carries; null for none. Throws `refused` when we must not command any more. */
  tokenFor(command: MessageDefinition): FencingToken | null;
  /** Null when a command that came may run, else the error that answers it. Asked last, just before it runs. */
  admit(command: MessageDefinition, right: CommandRight, from: Identity): HanaError | null;
}

/** The right of whatever comes without an envelope. */
export const NO_RIGHT: CommandRight = { token: null, isForced: false };
const FORCED: CommandRight = { token: null, isForced: true };

/** Numbers are never given again. */
const Form = { forced: 0, token: 1 } as const;

/**
 * The right with which a message of ours goes out; {@linkcode NO_RIGHT} for what is no command.
 * Throws `refused` when we must not command, `schema` for a token that is none.
 */
export function rightOf(
  fence: Fence | undefined,
  definition: MessageDefinition,
  options: CommandOptions,
): CommandRight {
  if (definition.effect !== "command" || definition.fenced === "never") return NO_RIGHT;
  if (options.token !== undefined) {
    if (isFencingToken(options.token)) return { token: options.token, isForced: false };
    throw new HanaError("schema", { what: `${definition.name}: token`, why: "is no token of a leadership" });
  }
  if (options.unfenced === true) return FORCED;
  const token = fence?.tokenFor(definition) ?? null;
  return token === null ? NO_RIGHT : { token, isForced: false };
}

/** Writes and reads rights. Remembers the last of each, since a leader's commands all carry the same. */
export class Envelope {
  #written: FencingToken | null = null;
  #writtenId: Uint8Array = new Uint8Array(NODE_ID_BYTES);
  #read: CommandRight = NO_RIGHT;
  #readId: Uint8Array = new Uint8Array(NODE_ID_BYTES);

  /** Writes what stands between the kind and the message. */
  write(writer: ByteWriter, { token }: CommandRight): void {
    if (token === null) return writer.u8(Form.forced);
    if (token !== this.#written) {
      this.#writtenId = nodeIdToBytes(token.leaderId);
      this.#written = token;
    }
    writer.u8(Form.token);
    writer.varint(token.term);
    writer.bytes(this.#writtenId);
    writer.varint(token.leaderIncarnation);
  }

  /** Reads it; null when it cannot be read. */
  read(reader: ByteReader): CommandRight | null {
    const form = reader.u8();
    if (form === Form.forced) return reader.failed ? null : FORCED;
    if (form !== Form.token) return null;
    const term = reader.varint();
    const id = reader.bytes(NODE_ID_BYTES);
    const leaderIncarnation = reader.varint() as Incarnation;
    if (reader.failed) return null;
    const { token: last } = this.#read;
    if (
      last !== null && last.term === term && last.leaderIncarnation === leaderIncarnation &&
      equalBytes(id, this.#readId)
    ) return this.#read;
    const token = { term, leaderId: nodeIdFromBytes(id), leaderIncarnation };
    if (!isFencingToken(token)) return null;
    this.#readId = id.slice();
    this.#read = { token, isForced: false };
    return this.#read;
  }
}
