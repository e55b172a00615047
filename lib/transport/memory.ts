// Streams inside one process (mem://): two nodes of a test or an embedding program talk without a system call.
// Decides nothing of the network's: no delay, no loss (the simulated platform has those); one write at a time, like
// any stream.

import { HanaError } from "../base/mod.ts";
import type { ByteStream, ListenHandlers, StreamHandlers, Timers } from "../platform/mod.ts";

/** The names that are listened on, shared by all who hold this object. */
export class MemoryNetwork {
  readonly #listeners = new Map<string, ListenHandlers>();

  constructor(private readonly timers: Timers) {}

  /** Listens on a name. Throws `address-in-use`. */
  listen(name: string, handlers: ListenHandlers): { close(): void } {
    if (this.#listeners.has(name)) {
      throw new HanaError("address-in-use", {
        what: `mem://${name} is taken`,
        why: "this process listens on it already",
      });
    }
    // A copy is this listener's own, so that closing it twice never closes a later one.
    const own: ListenHandlers = {
      onStream: (stream) => handlers.onStream(stream),
      onError: (error) => handlers.onError(error),
    };
    this.#listeners.set(name, own);
    return { close: () => void (this.#listeners.get(name) === own && this.#listeners.delete(name)) };
  }

  /** Connects to a name. Throws `unreachable` when nobody listens. */
  connect(name: string): ByteStream {
    const listener = this.#listeners.get(name);
    if (listener === undefined) {
      throw new HanaError("unreachable", {
        what: `mem://${name} cannot be reached`,
        why: "nobody in this process listens on it",
      });
    }
    const [near, far] = memoryPair(this.timers, `mem://${name}`);
    this.timers.defer(() => listener.onStream(far));
    return near;
  }
}

/** Two ends of one stream. */
export function memoryPair(timers: Timers, label: string): [ByteStream, ByteStream] {
  const near = new MemoryStream(timers, "mem://", label);
  const far = new MemoryStream(timers, label, "mem://");
  near.peer = far;
  far.peer = near;
  return [near, far];
}

class MemoryStream implements ByteStream {
  peer: MemoryStream | null = null;
  #handlers: StreamHandlers | null = null;
  #arrived: Uint8Array | null = null;
  #paused = false;
  #writing = false;
  #endWanted = false;
  #ended = false;
  #peerEnded = false;
  #closed = false;

  constructor(private readonly timers: Timers, readonly local: string, readonly remote: string) {}

  open(handlers: StreamHandlers): void {
    this.#handlers = handlers;
    this.timers.defer(() => this.#maybeDeliver());
  }

  write(bytes: Uint8Array): void {
    if (this.#closed || this.#writing) return;
    this.#writing = true;
    this.timers.defer(() => {
      if (this.#closed || this.peer === null) return;
      this.peer.#arrived = bytes;
      this.peer.#maybeDeliver();
    });
  }

  closeWrite(): void {
    this.#endWanted = true;
    if (!this.#writing) this.timers.defer(() => this.#maybeEnd());
  }

  abort(): void {
    if (this.#closed) return;
    this.timers.defer(() => this.#close(null));
    const peer = this.peer;
    if (peer === null || (this.#ended && this.#peerEnded)) return;
    this.timers.defer(() =>
      peer.#close(new HanaError("closed", { what: `${peer.remote} reset the connection` }))
    );
  }

  pauseReading(): void {
    this.#paused = true;
  }

  resumeReading(): void {
    this.#paused = false;
    this.timers.defer(() => this.#maybeDeliver());
  }

  #maybeDeliver(): void {
    const bytes = this.#arrived;
    if (this.#paused || this.#closed || this.#handlers === null) return;
    if (bytes !== null) {
      this.#arrived = null;
      this.#handlers.onData(bytes);
      const peer = this.peer;
      if (peer !== null) this.timers.defer(() => peer.#onTaken());
    }
    if (this.#peerEnded) this.#tellEnd();
  }

  #onTaken(): void {
    if (this.#closed) return;
    this.#writing = false;
    this.#handlers?.onWritten();
    if (this.#endWanted && !this.#writing) this.#maybeEnd();
  }

  #maybeEnd(): void {
    if (this.#ended || this.#closed) return;
    this.#ended = true;
    const peer = this.peer;
    if (peer !== null) {
      peer.#peerEnded = true;
      peer.#maybeDeliver();
    }
    this.#maybeFinish();
  }

  #endTold = false;
  #tellEnd(): void {
    if (this.#endTold || this.#closed) return;
    this.#endTold = true;
    this.#handlers?.onEnd();
    this.#maybeFinish();
  }

  #maybeFinish(): void {
    if (this.#ended && this.#endTold) this.#close(null);
  }

  #close(error: HanaError | null): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#handlers?.onClose(error);
  }
}
