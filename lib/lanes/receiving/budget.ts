// How much memory received messages may take before they are handed on: for one connection, for a whole endpoint.
// Decides what is still allowed; every byte that a lane keeps is taken here first. Never frees anything by itself,
// except that it names the oldest unfinished unreliable message when room for a new one is needed.

const KIBIBYTE = 1024;
const MEBIBYTE = 1024 * KIBIBYTE;

/** What an endpoint allows all of its connections together. */
export interface EndpointBudgetOptions {
  /** With this much held, nothing new is kept for unreliable lanes. Default 64 MiB. */
  readonly softBytes: number;
  /** With this much held, a reliable lane may keep no more than the guaranteed part. Default 256 MiB. */
  readonly hardBytes: number;
  /** What every connection may hold whatever the others do, so that none of them can starve it. Default 1 MiB. */
  readonly guaranteedBytes: number;
}

const ENDPOINT_DEFAULTS: EndpointBudgetOptions = {
  softBytes: 64 * MEBIBYTE,
  hardBytes: 256 * MEBIBYTE,
  guaranteedBytes: MEBIBYTE,
};

/** What all connections of an endpoint hold: at most the hard bound plus the guaranteed part of each connection. */
export class EndpointBudget {
  readonly softBytes: number;
  readonly hardBytes: number;
  readonly guaranteedBytes: number;
  /** Bytes held by all connections, overheads included. */
  heldBytes = 0;

  /** @param options bounds that differ from the defaults, in bytes */
  constructor(options: Partial<EndpointBudgetOptions> = {}) {
    this.softBytes = options.softBytes ?? ENDPOINT_DEFAULTS.softBytes;
    this.hardBytes = options.hardBytes ?? ENDPOINT_DEFAULTS.hardBytes;
    this.guaranteedBytes = options.guaranteedBytes ?? ENDPOINT_DEFAULTS.guaranteedBytes;
  }
}

/** What one connection may hold. */
export interface ReassemblyBudgetOptions {
  /** Everything that its lanes keep. Default 64 MiB. */
  readonly connectionBytes: number;
  /** Unfinished messages of its unreliable lanes. Default 256 KiB. */
  readonly unreliableBytes: number;
}

/** A lane that keeps unfinished unreliable messages. */
export interface PartialOwner {
  /** When its oldest unfinished message got its last piece; Infinity with none. */
  readonly oldestPartialUs: number;
  /** Drops and counts that message. */
  dropOldestPartial(): void;
}

/** What the lanes of one connection hold, and may hold. */
export class ReassemblyBudget {
  readonly connectionBytes: number;
  readonly unreliableBytes: number;
  /** Bytes held by this connection, overheads included; and the part of them that unfinished unreliable messages are. */
  heldBytes = 0;
  heldUnreliableBytes = 0;
  /** How often something was not allowed. */
  refusals = 0;
  readonly #endpoint: EndpointBudget;
  readonly #owners: PartialOwner[] = [];

  /**
   * @param endpoint the bounds that it shares with other connections; its own by default
   * @param options bounds that differ from the defaults, in bytes
   */
  constructor(
    endpoint: EndpointBudget = new EndpointBudget(),
    options: Partial<ReassemblyBudgetOptions> = {},
  ) {
    this.#endpoint = endpoint;
    this.connectionBytes = options.connectionBytes ?? 64 * MEBIBYTE;
    this.unreliableBytes = options.unreliableBytes ?? 256 * KIBIBYTE;
  }

  /** Takes `bytes` for something that must not be lost; false when that is not allowed, and nothing was taken. */
  take(bytes: number): boolean {
    const held = this.heldBytes + bytes;
    if (
      held > this.connectionBytes ||
      (held > this.#endpoint.guaranteedBytes && this.#endpoint.heldBytes + bytes > this.#endpoint.hardBytes)
    ) {
      this.refusals++;
      return false;
    }
    this.heldBytes = held;
    this.#endpoint.heldBytes += bytes;
    return true;
  }

  /** Takes `bytes` for messages of an unreliable lane that wait for their reader: refused from the soft bound on. */
  takeWaiting(bytes: number): boolean {
    if (this.#endpoint.heldBytes + bytes <= this.#endpoint.softBytes) return this.take(bytes);
    this.refusals++;
    return false;
  }

  /**
   * Takes `bytes` for an unfinished unreliable message. The oldest such messages of the connection make room for it;
   * false when that does not help, and nothing was taken.
   */
  takeUnreliable(bytes: number): boolean {
    if (bytes > this.unreliableBytes) {
      this.refusals++;
      return false;
    }
    while (this.heldUnreliableBytes + bytes > this.unreliableBytes) {
      const owner = this.#oldestOwner();
      if (owner === null) break; // lanes that never joined hold the rest
      owner.dropOldestPartial();
    }
    if (this.heldUnreliableBytes + bytes > this.unreliableBytes) {
      this.refusals++;
      return false;
    }
    if (!this.takeWaiting(bytes)) return false;
    this.heldUnreliableBytes += bytes;
    return true;
  }

  /** Gives back what {@linkcode take} or {@linkcode takeWaiting} took. */
  release(bytes: number): void {
    this.heldBytes -= bytes;
    this.#endpoint.heldBytes -= bytes;
  }

  /** Gives back what {@linkcode takeUnreliable} took. */
  releaseUnreliable(bytes: number): void {
    this.heldUnreliableBytes -= bytes;
    this.release(bytes);
  }

  /** A lane with unfinished unreliable messages comes, or goes. */
  join(owner: PartialOwner): void {
    this.#owners.push(owner);
  }
  leave(owner: PartialOwner): void {
    const at = this.#owners.indexOf(owner);
    if (at >= 0) this.#owners.splice(at, 1);
  }

  /** Lanes that would be asked to make room. */
  get ownerCount(): number {
    return this.#owners.length;
  }

  #oldestOwner(): PartialOwner | null {
    let oldest: PartialOwner | null = null;
    let atUs = Infinity;
    for (const owner of this.#owners) {
      if (owner.oldestPartialUs < atUs) {
        oldest = owner;
        atUs = owner.oldestPartialUs;
      }
    }
    return oldest;
  }
}
