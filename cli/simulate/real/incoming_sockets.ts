// Sockets and streams of a rehearsed node: everything comes through `Incoming` first.
// Decides what counts as group traffic: what a shared socket hears, since a datagram does not say where it was sent,
// and discovery hears groups by shared sockets alone. Keeps the order of streams, and their bounds by not reading on.

import type {
  ByteStream,
  Datagrams,
  DatagramSocket,
  ListenHandlers,
  StreamHandlers,
  Streams,
} from "../../../lib/platform/mod.ts";
import type { ImpairedState } from "./impaired_state.ts";
import type { Incoming } from "./incoming.ts";

/** Bytes of a stream that may wait here before it is read no further. */
const MAX_WAITING_BYTES = 1 << 20;

/** Datagram sockets behind `incoming`. */
export function impairDatagrams(real: Datagrams, incoming: Incoming, state: ImpairedState): Datagrams {
  return {
    bind(options, handlers): DatagramSocket {
      const traffic = options.shared === true ? "group" : "unicast";
      let isOpen = true;
      const socket = real.bind(options, {
        onError: (error) => handlers.onError(error),
        onDatagram(bytes, from) {
          const deliver = (arrived: Uint8Array): void => {
            if (isOpen) state.run(() => handlers.onDatagram(arrived, from));
          };
          const host = incoming.hostOf(from.host);
          if (host === null) deliver(bytes);
          else incoming.onDatagram(host, bytes, traffic, deliver);
        },
      });
      return {
        get local() {
          return socket.local;
        },
        get stats() {
          return socket.stats;
        },
        send: (bytes, to) => socket.send(bytes, to),
        join: (group, address) => socket.join(group, address),
        leave: (group, address) => socket.leave(group, address),
        close() {
          isOpen = false;
          socket.close();
        },
      };
    },
  };
}

/** Streams behind `incoming`. */
export function impairStreams(real: Streams, incoming: Incoming, state: ImpairedState): Streams {
  const wrap = (stream: ByteStream): ByteStream => new LateStream(stream, incoming, state);
  return {
    listen(address, handlers) {
      const wrapped: ListenHandlers = {
        onStream: (stream) => handlers.onStream(wrap(stream)),
        onError: (error) => handlers.onError(error),
      };
      return real.listen(address, wrapped);
    },
    connect: async (address, options) => wrap(await real.connect(address, options)),
  };
}

/** A stream whose incoming side is late. */
class LateStream implements ByteStream {
  readonly #stream: ByteStream;
  readonly #incoming: Incoming;
  readonly #state: ImpairedState;
  /** What came and waits, in order. */
  readonly #waiting: { readonly deliver: () => void; readonly bytes: number; readonly atUs: number }[] = [];
  readonly #host: () => string | null;
  #waitingBytes = 0;
  #isBlocked = false;
  #isPausedByUs = false;
  #isPausedByOwner = false;

  constructor(stream: ByteStream, incoming: Incoming, state: ImpairedState) {
    this.#stream = stream;
    this.#incoming = incoming;
    this.#state = state;
    const address = /^tcp:\/\/(\[[^\]]+\]|[^:]+):/.exec(stream.remote)?.[1] ?? null;
    this.#host = () => address === null ? null : incoming.hostOf(address);
  }

  get local(): string {
    return this.#stream.local;
  }
  get remote(): string {
    return this.#stream.remote;
  }

  open(handlers: StreamHandlers): void {
    this.#stream.open({
      onData: (bytes) => {
        if (this.#mustWait()) {
          const copy = bytes.slice();
          this.#push(copy.length, () => handlers.onData(copy));
        } else this.#state.run(() => handlers.onData(bytes));
      },
      onWritten: () => handlers.onWritten(),
      onEnd: () => this.#push(0, () => handlers.onEnd()),
      onClose: (error) => this.#push(0, () => handlers.onClose(error)),
    });
  }

  write(bytes: Uint8Array): void {
    this.#stream.write(bytes);
  }
  closeWrite(): void {
    this.#stream.closeWrite();
  }
  abort(): void {
    this.#stream.abort();
    // What waits comes no more, but the end does.
    this.#waiting.splice(0, this.#waiting.length, ...this.#waiting.filter(({ bytes }) => bytes === 0));
    this.#waitingBytes = 0;
  }
  pauseReading(): void {
    this.#isPausedByOwner = true;
    this.#stream.pauseReading();
  }
  resumeReading(): void {
    this.#isPausedByOwner = false;
    if (!this.#isPausedByUs) this.#stream.resumeReading();
  }

  #mustWait(): boolean {
    const host = this.#host();
    return this.#waiting.length > 0 ||
      host !== null && (this.#incoming.isClogged(host) || this.#state.specFrom(host) !== null);
  }

  #push(bytes: number, deliver: () => void): void {
    if (!this.#mustWait()) return this.#state.run(deliver);
    const host = this.#host();
    const delayUs = host === null || bytes === 0 ? 0 : this.#incoming.streamDelayUs(host, bytes);
    this.#waiting.push({ deliver, bytes, atUs: this.#state.real.clock.nowUs() + delayUs });
    this.#waitingBytes += bytes;
    if (this.#waitingBytes > MAX_WAITING_BYTES && !this.#isPausedByUs) {
      this.#isPausedByUs = true;
      this.#stream.pauseReading();
    }
    this.#drain();
  }

  /** Gives out what is due, in order; one piece a turn when there is a delay. */
  #drain(): void {
    if (this.#isBlocked) return;
    const { clock, timers } = this.#state.real;
    for (;;) {
      const first = this.#waiting[0];
      if (first === undefined) break;
      const host = this.#host();
      if (host !== null && this.#incoming.isClogged(host)) {
        this.#isBlocked = true;
        return this.#incoming.whenReleased(host, () => this.#unblock());
      }
      if (first.atUs > clock.nowUs()) {
        this.#isBlocked = true;
        timers.schedule(first.atUs, () => this.#unblock());
        return;
      }
      this.#waiting.shift();
      this.#waitingBytes -= first.bytes;
      this.#state.run(first.deliver);
    }
    if (this.#isPausedByUs) {
      this.#isPausedByUs = false;
      if (!this.#isPausedByOwner) this.#stream.resumeReading();
    }
  }

  #unblock(): void {
    this.#isBlocked = false;
    this.#drain();
  }
}
