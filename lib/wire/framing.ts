// Messages on a byte stream: a length of four bytes, big-endian, then so many bytes.
// Decides where a frame begins and ends, however the stream was cut into reads, and refuses a length over the limit
// before it keeps a single byte of it. The buffer grows with bytes that came, never with bytes that were announced.
// Never looks into a frame, never throws for what a peer sent: the first problem stays for good.

import { assert } from "../base/mod.ts";

/** Bytes in front of each frame. */
export const FRAME_HEADER_BYTES = 4;

/** The longest frame unless configured otherwise: 16 MiB, far above any control message. */
export const DEFAULT_MAX_FRAME_BYTES = 16 * 1024 * 1024;

/** What is wrong with a stream of frames; the session closes with the code `frame-too-large` or `protocol`. */
export type FrameProblem =
  | "frame-too-large" // a length over the limit
  | "empty-frame"; // a length of zero: no message is empty, and nothing floods more cheaply

/** Takes one frame. The bytes are valid during the call only. */
export type FrameHandler = (payload: Uint8Array) => void;

/** Buffers up to this size are kept for the next frame. */
const KEPT_BUFFER_BYTES = 64 * 1024;
const FIRST_BUFFER_BYTES = 1024;

/** Writes the header of a frame of `payloadBytes` at `at`. That it fits is the caller's promise. */
export function writeFrameHeader(target: Uint8Array, at: number, payloadBytes: number): void {
  assert(
    payloadBytes > 0 && payloadBytes <= 0xffff_ffff,
    `a frame has 1 to 2^32 − 1 bytes, not ${payloadBytes}`,
  );
  assert(at >= 0 && at + FRAME_HEADER_BYTES <= target.length, `no room for a frame header at ${at}`);
  target[at] = payloadBytes >>> 24;
  target[at + 1] = payloadBytes >>> 16;
  target[at + 2] = payloadBytes >>> 8;
  target[at + 3] = payloadBytes;
}

/** A fresh array with header and payload: for handshakes and tests, not for hot paths. */
export function encodeFrame(payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
  writeFrameHeader(frame, 0, payload.length);
  frame.set(payload, FRAME_HEADER_BYTES);
  return frame;
}

/** Finds the frames of one stream. */
export class FrameDecoder {
  readonly #maxFrameBytes: number;
  #problem: FrameProblem | null = null;
  #stopped = false;
  #delivering = false;
  /** The header that has come so far: its bytes as a number, and how many. */
  #header = 0;
  #headerBytes = 0;
  /** Length of the frame that is coming; −1 while its header is. */
  #frameBytes = -1;
  /** What has come of a frame that was cut. */
  #buffer = EMPTY;
  #bufferedBytes = 0;
  #frames = 0;

  /** `maxFrameBytes` counts the payload without its header. */
  constructor(maxFrameBytes: number = DEFAULT_MAX_FRAME_BYTES) {
    assert(
      Number.isSafeInteger(maxFrameBytes) && maxFrameBytes > 0 && maxFrameBytes <= 0xffff_ffff,
      `maxFrameBytes is 1 to 2^32 − 1, not ${maxFrameBytes}`,
    );
    this.#maxFrameBytes = maxFrameBytes;
  }

  /** The first problem, which stays: nothing behind it can be trusted. */
  get problem(): FrameProblem | null {
    return this.#problem;
  }

  /** Whether the stream stands inside a frame: a peer that ends here was cut off. */
  get isMidFrame(): boolean {
    return this.#headerBytes > 0 || this.#frameBytes >= 0;
  }

  /** Bytes held of a frame that is not whole yet. */
  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  /** Size of the buffer behind {@linkcode bufferedBytes}: less than twice what came, or a kept 64 KiB at most. */
  get capacityBytes(): number {
    return this.#buffer.length;
  }

  /** Frames handed out so far. */
  get frames(): number {
    return this.#frames;
  }

  /** Hands out no further frame, not even from bytes already pushed. May be called by the frame handler. */
  stop(): void {
    this.#stopped = true;
    this.#release();
  }

  /**
   * Takes the next bytes of the stream and calls `onFrame` for every frame that is whole, in order.
   * A frame that lies whole in `bytes` is handed out as a part of it, without a copy.
   * Returns the problem that ended the stream, null while all is well or after {@linkcode stop}.
   * If `onFrame` throws, the error passes through and the decoder has stopped.
   */
  push(bytes: Uint8Array, onFrame: FrameHandler): FrameProblem | null {
    assert(!this.#delivering, "a frame handler does not push into its own decoder");
    const end = bytes.length;
    let at = 0;
    while (at < end && this.#problem === null && !this.#stopped) {
      if (this.#frameBytes < 0) {
        at = this.#readHeader(bytes, at);
        continue;
      }
      const missing = this.#frameBytes - this.#bufferedBytes;
      const here = Math.min(missing, end - at);
      if (here === missing && this.#bufferedBytes === 0) {
        this.#deliver(bytes.subarray(at, at + here), onFrame);
      } else {
        this.#keep(bytes, at, here);
        if (here === missing) this.#deliver(this.#buffer.subarray(0, this.#bufferedBytes), onFrame);
      }
      at += here;
    }
    return this.#problem;
  }

  #readHeader(bytes: Uint8Array, from: number): number {
    let at = from;
    while (at < bytes.length && this.#headerBytes < FRAME_HEADER_BYTES) {
      this.#header = this.#header * 256 + (bytes[at++] as number);
      this.#headerBytes++;
    }
    if (this.#headerBytes === FRAME_HEADER_BYTES) {
      if (this.#header > this.#maxFrameBytes) this.#fail("frame-too-large");
      else if (this.#header === 0) this.#fail("empty-frame");
      else this.#frameBytes = this.#header;
      this.#header = 0;
      this.#headerBytes = 0;
    }
    return at;
  }

  #keep(bytes: Uint8Array, at: number, count: number): void {
    const needed = this.#bufferedBytes + count;
    if (needed > this.#buffer.length) {
      const doubled = Math.max(FIRST_BUFFER_BYTES, needed, this.#buffer.length * 2);
      // Never more than the frame needs, and the announced length alone never asks for anything.
      const grown = new Uint8Array(Math.max(needed, Math.min(doubled, this.#frameBytes)));
      grown.set(this.#buffer.subarray(0, this.#bufferedBytes));
      this.#buffer = grown;
    }
    this.#buffer.set(bytes.subarray(at, at + count), this.#bufferedBytes);
    this.#bufferedBytes = needed;
  }

  #deliver(payload: Uint8Array, onFrame: FrameHandler): void {
    this.#frameBytes = -1;
    this.#bufferedBytes = 0;
    this.#frames++;
    this.#delivering = true;
    let returned = false;
    try {
      onFrame(payload);
      returned = true;
    } finally {
      this.#delivering = false;
      // Bytes behind this frame would be lost with the error: a stream with a hole is worse than none.
      if (!returned) this.stop();
    }
    if (this.#buffer.length > KEPT_BUFFER_BYTES) this.#buffer = EMPTY;
  }

  #fail(problem: FrameProblem): void {
    this.#problem = problem;
    this.#release();
  }

  #release(): void {
    this.#buffer = EMPTY;
    this.#bufferedBytes = 0;
  }
}

const EMPTY: Uint8Array = new Uint8Array(0);
