// The numbers that messages go by in one session, each direction for itself.
// Decides when a name must be told before its number is used, and how: ahead of its first message on a carrier that
// keeps everything in order, else within every message until one of them is known to have arrived. Bounded by its owner.

import type { ByteReader, ByteWriter } from "../wire/mod.ts";
import { PayloadKind } from "./protocol.ts";

/** The names of one session. */
export class MessageNames {
  readonly #own = new Map<string, number>();
  readonly #peer = new Map<number, string>();
  /** Numbers that the peer is known to know. */
  readonly #confirmed = new Set<number>();
  /** Whether names travel within messages: lanes may overtake each other. */
  #within = false;
  #told = 0;

  /** @param maxPeerNames names that the peer may use; one more is refused */
  constructor(readonly maxPeerNames: number) {}

  /** Our number of a name; undefined before {@linkcode give}. */
  find(name: string): number | undefined {
    return this.#own.get(name);
  }

  /** Gives a name of ours the next number; the peer must be told before it is used. */
  give(name: string): number {
    const number = this.#own.size + 1;
    this.#own.set(name, number);
    return number;
  }

  /** Takes in what the peer calls a message. False when it has too many names. */
  learn(number: number, name: string): boolean {
    if (this.#peer.size >= this.maxPeerNames) return false;
    this.#peer.set(number, name);
    return true;
  }

  /** From now on lanes may overtake each other. Names that were told before arrived before. */
  tellWithin(): void {
    this.#within = true;
    for (const number of this.#own.values()) this.#confirmed.add(number);
  }

  /** Whether names travel within messages. */
  get travelWithin(): boolean {
    return this.#within;
  }

  /** The number that the last message told the name of, to confirm once that message arrived; 0 when it told none. */
  get told(): number {
    return this.#told;
  }

  /** Writes the name before a message, where the peer may not know it yet. */
  writeWithin(writer: ByteWriter, number: number, name: string): void {
    this.#told = 0;
    if (!this.#within || this.#confirmed.has(number)) return;
    writer.u8(PayloadKind.named);
    writer.varint(number);
    writer.shortText(name);
    this.#told = number;
  }

  /** The peer has a message that told this name. */
  confirm(number: number): void {
    this.#confirmed.add(number);
  }

  /** Reads a name that the peer told; false when it is wrong, or one too many. */
  read(reader: ByteReader): boolean {
    const number = reader.varint();
    const name = reader.shortText();
    return !reader.failed && (this.#peer.get(number) === name || this.learn(number, name));
  }

  /** What the peer means by a number; undefined when it never said. */
  ofPeer(number: number): string | undefined {
    return this.#peer.get(number);
  }
}
