// What a peer has to be able to do, so that every workload runs on it unchanged.
// Decides the channels and the bytes of a measured message; never how a peer carries them.

/** What a message is for. A peer maps each to what its users would take for it. */
export const Channel = {
  /** Request and answer. */
  echo: 0,
  /** As many as possible one after the other, all of which arrive where the peer promises that. */
  flow: 1,
  /** A value a millisecond, of which the newest matters. */
  stream: 2,
  /** Large messages that all arrive. */
  bulk: 3,
  /** What the receiver says to the sender: few messages. */
  back: 4,
} as const;

/** How many channels there are. */
export const CHANNELS = 5;

/** Who an end is, and where the other one is. */
export interface EndpointOptions {
  readonly role: "sender" | "receiver";
  readonly workload: string;
  /** Where the sender, or the broker, is reached. */
  readonly host: string;
  readonly port: number;
  /** Where this end is reached itself, for peers that need to bind. */
  readonly ownHost: string;
  /** An empty directory that both ends share, for sockets and keys. */
  readonly directory: string;
  /** What to choose of a driver that can do more than one thing. */
  readonly variant: string;
  readonly receivers: number;
  /** Of a receiver, from 0. */
  readonly index: number;
  /** Takes a message; its bytes are valid during the call alone. */
  onMessage(channel: number, bytes: Uint8Array): void;
}

/** One end of a peer. The sender listens, receivers connect to it; with a broker both connect. */
export interface Endpoint {
  /**
   * Sends to all receivers, or from a receiver to the sender. The bytes may be changed once the receiver has had them.
   * A promise says when more may be sent.
   */
  send(channel: number, bytes: Uint8Array): void | Promise<void>;
  /** A batch is complete: what was kept back to fill a packet leaves now. */
  flush(): void | Promise<void>;
  /** Resolves when as many receivers as there are to be can be reached. */
  connected(): Promise<void>;
  close(): Promise<void>;
}

/** Opens one end. */
export type OpenEndpoint = (options: EndpointOptions) => Promise<Endpoint>;

/** What the streams of a run are doing when a message is sent; stands in every message of a stream. */
export const Phase = { warmUp: 0, before: 1, during: 2, end: 3 } as const;

/** The smallest message that holds what is measured. */
export const MIN_MESSAGE_BYTES = 24;

/** A byte of every message that nothing else uses: peers without channels of their own note theirs there. */
export const CHANNEL_AT = 5;

/** Writes and reads the head of a measured message: number, phase, when it was due and when it was sent. */
export class MessageView {
  #bytes: Uint8Array = new Uint8Array(MIN_MESSAGE_BYTES);

  /** The message that is meant from now on. */
  use(bytes: Uint8Array): this {
    this.#bytes = bytes;
    return this;
  }

  // Without a view of its own: millions of messages a second have a number only.
  get number(): number {
    const bytes = this.#bytes;
    return ((bytes[0] ?? 0) | (bytes[1] ?? 0) << 8 | (bytes[2] ?? 0) << 16 | (bytes[3] ?? 0) << 24) >>> 0;
  }

  set number(value: number) {
    const bytes = this.#bytes;
    bytes[0] = value;
    bytes[1] = value >> 8;
    bytes[2] = value >> 16;
    bytes[3] = value >> 24;
  }

  get phase(): number {
    return this.#bytes[4] ?? 0;
  }

  set phase(value: number) {
    this.#bytes[4] = value;
  }

  get dueUs(): number {
    return this.#view().getFloat64(8, true);
  }

  get sentUs(): number {
    return this.#view().getFloat64(16, true);
  }

  setTimes(dueUs: number, sentUs: number): void {
    const view = this.#view();
    view.setFloat64(8, dueUs, true);
    view.setFloat64(16, sentUs, true);
  }

  #view(): DataView {
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.byteLength);
  }
}

/** What a receiver says on the back channel. */
export const Back = { count: 1, bytes: 2 } as const;

/** A promise and how to end it; `Promise.withResolvers` is missing in Node 20. */
export class Deferred<T = void> {
  readonly promise: Promise<T>;
  resolve: (value: T) => void = () => {};
  reject: (why: unknown) => void = () => {};

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}
