// The numbers that messages go by in one session, each direction for itself.
// Decides when a name must be told before its number is used; bounded by its owner.

/** The names of one session. */
export class MessageNames {
  readonly #own = new Map<string, number>();
  readonly #peer = new Map<number, string>();

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

  /** What the peer means by a number; undefined when it never said. */
  ofPeer(number: number): string | undefined {
    return this.#peer.get(number);
  }
}
