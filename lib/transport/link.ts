// A link: frames both ways over one byte stream, sealed where the stream leaves the machine.
// Decides when bytes are written (at once when the stream is idle, else together with all that came meanwhile)
// and how much may wait. Never knows what a frame means, never reconnects.
// Hot path: two buffers a direction that swap, no allocation a frame.

import { assert, HanaError } from "../base/mod.ts";
import type { ByteStream } from "../platform/mod.ts";
import {
  DEFAULT_MAX_FRAME_BYTES,
  FRAME_HEADER_BYTES,
  FrameDecoder,
  type FrameProblem,
  writeFrameHeader,
} from "../wire/mod.ts";
import {
  type AccessClaim,
  channelError,
  type DirectionKeys,
  MAX_RECORD_PLAINTEXT_BYTES,
  SecureChannel,
} from "../security/mod.ts";

/** What a link tells its owner; nothing follows `onClose`. */
export interface LinkHandlers {
  /** Both sides have proved the key (at once where the stream is not sealed). Frames may be sent. */
  onOpen(): void;
  /** A frame came. `payload` is valid during the call only. */
  onFrame(payload: Uint8Array): void;
  /** A write went through: there is room (again). */
  onWritable(): void;
  /** The peer will send no more. The owner ends too, once it has sent what it must. */
  onEnd(): void;
  /** The link is gone: null when both sides ended it in order. */
  onClose(error: HanaError | null): void;
}

/** How a link behaves. */
export interface LinkOptions {
  /** Seals the stream; null leaves it plain (local sockets, whose directory is the guard). */
  readonly channel: SecureChannel | null;
  /** A frame above this many bytes closes the link, whoever sends it. */
  readonly maxFrameBytes?: number;
  /** Above this many waiting bytes {@linkcode Link.canSend} is false. */
  readonly highWaterBytes?: number;
}

/** Counters of one link. */
export interface LinkStats {
  bytesSent: number;
  bytesReceived: number;
  framesSent: number;
  framesReceived: number;
  writes: number;
}

const DEFAULT_HIGH_WATER_BYTES = 64 * 1024;
const INITIAL_BUFFER_BYTES = 4 * 1024;
const EMPTY = new Uint8Array(0);

/** Frames over a stream. */
export class Link {
  readonly stats: LinkStats = { bytesSent: 0, bytesReceived: 0, framesSent: 0, framesReceived: 0, writes: 0 };
  readonly maxFrameBytes: number;
  readonly #highWaterBytes: number;
  readonly #decoder: FrameDecoder;
  readonly #channel: SecureChannel | null;
  #handlers: LinkHandlers | null = null;
  /** Frames that wait, and the buffer that the stream holds while it writes. */
  #waiting = new Uint8Array(INITIAL_BUFFER_BYTES);
  #waitingBytes = 0;
  #flying = new Uint8Array(INITIAL_BUFFER_BYTES);
  /** Sealed bytes, where there is a channel. */
  #sealed = EMPTY;
  #writing = false;
  #open = false;
  #ending = false;
  #closed = false;

  constructor(readonly stream: ByteStream, options: LinkOptions) {
    this.maxFrameBytes = options.maxFrameBytes ?? DEFAULT_MAX_FRAME_BYTES;
    this.#highWaterBytes = options.highWaterBytes ?? DEFAULT_HIGH_WATER_BYTES;
    this.#channel = options.channel;
    this.#decoder = new FrameDecoder(this.maxFrameBytes);
  }

  /** Whether frames travel sealed. */
  get secure(): boolean {
    return this.#channel !== null;
  }

  /** Keys for what goes beside the stream, from the same handshake; null where it is not sealed, or not yet. */
  exportKeys(label: string): DirectionKeys | null {
    return this.#channel?.exportKeys(label) ?? null;
  }

  /** Whose access key the peer has proved to hold; null where it holds the mesh key, or the stream is not sealed. */
  get claim(): AccessClaim | null {
    return this.#channel?.claim ?? null;
  }

  /** Whether both sides have proved themselves and nothing has ended yet. */
  get isOpen(): boolean {
    return this.#open && !this.#ending;
  }

  /** Whether another frame is welcome. */
  get canSend(): boolean {
    return this.#open && !this.#ending && this.#waitingBytes < this.#highWaterBytes;
  }

  /** Bytes that wait for the stream. */
  get queuedBytes(): number {
    return this.#waitingBytes;
  }

  /** Sets the handlers, starts reading and, where the stream is sealed, the handshake. */
  open(handlers: LinkHandlers): void {
    assert(this.#handlers === null, "a link is opened once");
    this.#handlers = handlers;
    this.stream.open({
      onData: (bytes) => this.#onData(bytes),
      onWritten: () => this.#onWritten(),
      onEnd: () => this.#onEnd(),
      onClose: (error) => this.#finish(error),
    });
    if (this.#channel === null) {
      this.#open = true;
      handlers.onOpen();
    } else {
      this.#flush();
    }
  }

  /**
   * Sends `first` and `rest` as one frame; both may be reused afterwards. The caller asks {@linkcode canSend} before.
   * @returns false when the link is not open or the frame is over the limit
   */
  sendFrame(first: number, rest: Uint8Array): boolean {
    const length = rest.length + 1;
    if (!this.#open || this.#ending || length > this.maxFrameBytes) return false;
    const at = this.#reserve(FRAME_HEADER_BYTES + length);
    writeFrameHeader(this.#waiting, at, length);
    this.#waiting[at + FRAME_HEADER_BYTES] = first;
    this.#waiting.set(rest, at + FRAME_HEADER_BYTES + 1);
    this.stats.framesSent++;
    if (!this.#writing) this.#flush();
    return true;
  }

  /** Sends what waits, then ends this side; the link closes when the peer ends its own. */
  end(): void {
    if (this.#closed || this.#ending) return;
    this.#ending = true;
    if (!this.#writing) this.#flush();
  }

  /** Drops everything at once. `onClose` follows with `error`. */
  abort(error: HanaError | null = null): void {
    if (this.#closed) return;
    this.stream.abort();
    this.#finish(error);
  }

  /** Stops reading, so that the peer backs up. */
  pauseReading(): void {
    this.stream.pauseReading();
  }

  /** Goes on reading. */
  resumeReading(): void {
    this.stream.resumeReading();
  }

  #reserve(bytes: number): number {
    const at = this.#waitingBytes;
    const needed = at + bytes;
    if (needed > this.#waiting.length) {
      const grown = new Uint8Array(Math.max(needed, this.#waiting.length * 2));
      grown.set(this.#waiting.subarray(0, at));
      this.#waiting = grown;
    }
    this.#waitingBytes = needed;
    return at;
  }

  #flush(): void {
    if (this.#writing || this.#closed) return;
    const channel = this.#channel;
    const bytes = channel === null ? this.#takeWaiting() : this.#takeSealed(channel);
    if (bytes !== null) {
      this.#writing = true;
      this.stats.writes++;
      this.stats.bytesSent += bytes.length;
      this.stream.write(bytes);
    } else if (this.#ending) {
      this.stream.closeWrite();
    }
  }

  #takeWaiting(): Uint8Array | null {
    const length = this.#waitingBytes;
    if (length === 0) return null;
    const bytes = this.#waiting;
    this.#waiting = this.#flying.length > 4 * this.#highWaterBytes
      ? new Uint8Array(INITIAL_BUFFER_BYTES)
      : this.#flying;
    this.#flying = bytes;
    this.#waitingBytes = 0;
    return bytes.subarray(0, length);
  }

  #takeSealed(channel: SecureChannel): Uint8Array | null {
    const handshake = channel.pollOutput();
    if (!this.#open) return handshake;
    const plain = this.#takeWaiting();
    if (plain === null) return handshake;
    const head = handshake?.length ?? 0;
    const needed = head + sealedBytes(plain.length);
    if (this.#sealed.length < needed || this.#sealed.length > 4 * this.#highWaterBytes) {
      this.#sealed = new Uint8Array(Math.max(needed, INITIAL_BUFFER_BYTES));
    }
    if (handshake !== null) this.#sealed.set(handshake);
    let at = head;
    for (let from = 0; from < plain.length; from += MAX_RECORD_PLAINTEXT_BYTES) {
      const piece = plain.subarray(from, Math.min(plain.length, from + MAX_RECORD_PLAINTEXT_BYTES));
      at += channel.sealInto(this.#sealed.subarray(at), piece);
    }
    return this.#sealed.subarray(0, at);
  }

  #onWritten(): void {
    this.#writing = false;
    if (this.#closed) return;
    this.#flush();
    this.#handlers?.onWritable();
  }

  #onData(bytes: Uint8Array): void {
    if (this.#closed) return;
    this.stats.bytesReceived += bytes.length;
    if (this.#channel === null) {
      this.#onPlaintext(bytes);
      return;
    }
    const failure = this.#channel.handleBytes(bytes, this);
    if (this.#closed) return;
    if (failure !== null) {
      this.abort(channelError(failure, this.stream.remote));
      return;
    }
    this.#maybeOpen();
    this.#flush();
  }

  /** A piece of the decrypted stream; called by the channel. */
  onPlaintext(bytes: Uint8Array): void {
    this.#maybeOpen();
    this.#onPlaintext(bytes);
  }

  #maybeOpen(): void {
    if (this.#open || this.#closed || this.#channel?.established !== true) return;
    this.#open = true;
    this.#handlers?.onOpen();
  }

  #onPlaintext(bytes: Uint8Array): void {
    if (this.#closed) return;
    const problem = this.#decoder.push(bytes, this.#deliver);
    if (problem !== null && !this.#closed) {
      this.abort(frameError(this.stream.remote, problem, this.maxFrameBytes));
    }
  }

  readonly #deliver = (payload: Uint8Array): void => {
    this.stats.framesReceived++;
    this.#handlers?.onFrame(payload);
  };

  #onEnd(): void {
    if (this.#closed) return;
    const failure = this.#channel?.handleEnd() ?? null;
    if (failure !== null) this.abort(channelError(failure, this.stream.remote));
    else if (this.#decoder.isMidFrame) {
      this.abort(new HanaError("protocol", { what: `${this.stream.remote} ended in the middle of a frame` }));
    } else this.#handlers?.onEnd();
  }

  #finish(reason: HanaError | null): void {
    if (this.#closed) return;
    // A connection that is cut during the handshake says more by what it had not proved yet.
    const failure =
      (reason?.code === "timeout" ? this.#channel?.handleHandshakeTimeout() : this.#channel?.handleEnd()) ??
        null;
    const error =
      (failure === "closed-in-handshake" || failure === "access-unanswered") && reason?.code !== "cancelled"
        ? channelError(failure, this.stream.remote)
        : reason;
    this.#channel?.close();
    this.#closed = true;
    this.#open = false;
    this.#waiting = this.#flying = this.#sealed = EMPTY;
    this.#waitingBytes = 0;
    this.#decoder.stop();
    this.#handlers?.onClose(error);
  }
}

function sealedBytes(plainBytes: number): number {
  const whole = Math.floor(plainBytes / MAX_RECORD_PLAINTEXT_BYTES);
  const rest = plainBytes % MAX_RECORD_PLAINTEXT_BYTES;
  return whole * SecureChannel.sealedLength(MAX_RECORD_PLAINTEXT_BYTES) +
    (rest > 0 ? SecureChannel.sealedLength(rest) : 0);
}

function frameError(remote: string, problem: FrameProblem, maxFrameBytes: number): HanaError {
  return problem === "frame-too-large"
    ? new HanaError("frame-too-large", { what: `${remote} announced a frame over ${maxFrameBytes} bytes` })
    : new HanaError("protocol", { what: `${remote} sent a broken frame`, why: problem });
}
