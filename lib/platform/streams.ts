// Byte streams: TCP, Unix sockets, Windows named pipes.
// Decides the contract of one connection: one write at a time, reads by callback, half-close, abort.
// Never queues: lib/transport holds the bounded outbox, once for every kind of stream.

import type { HanaError } from "../base/mod.ts";

/**
 * Where a stream can be listened on or connected to. A host is a literal address, a link-local one with its zone;
 * listening on `0.0.0.0` takes all of IPv4, on `::` all of both families.
 */
export type StreamAddress =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "pipe"; readonly name: string };

/** What a stream tells its owner, in order; nothing follows `onClose`. */
export interface StreamHandlers {
  /** Bytes came. `bytes` is valid during the call only. */
  onData(bytes: Uint8Array): void;
  /** The last write has been handed to the system whole; the next may start. */
  onWritten(): void;
  /** The peer will send no more (half-close); writing may go on. */
  onEnd(): void;
  /** The stream is gone: `null` after both sides ended in order or after `abort`, else why. */
  onClose(error: HanaError | null): void;
}

/** A connected stream. */
export interface ByteStream {
  /** Both ends as URLs (`tcp://10.0.0.2:47677`); an end without a name reads like `unix://`. */
  readonly local: string;
  readonly remote: string;
  /** Sets the handlers and starts reading. Called once, before anything else. */
  open(handlers: StreamHandlers): void;
  /** Writes all of `bytes`, which belong to the stream until `onWritten`. One write at a time. */
  write(bytes: Uint8Array): void;
  /**
   * Says that no more will be written, once a running write is through. A pipe has no half-close: there it ends
   * both directions, and bytes of the peer that are still under way are lost.
   */
  closeWrite(): void;
  /**
   * Ends both directions at once and drops what was not written. `onClose(null)` follows. The peer sees an end or a
   * reset, as its system likes; bytes whose `onWritten` came usually still arrive, but nobody promises it.
   */
  abort(): void;
  /** Stops reading, so that the peer's writes back up; a chunk already read may still come. */
  pauseReading(): void;
  /** Goes on reading. */
  resumeReading(): void;
}

/** What a listener tells its owner. */
export interface ListenHandlers {
  /** Somebody connected. */
  onStream(stream: ByteStream): void;
  /** Accepting one connection failed; the listener goes on. */
  onError(error: HanaError): void;
}

/** A listener that accepts. */
export interface StreamListener {
  /** Where it listens, with the port that the system chose. */
  readonly address: StreamAddress;
  /**
   * Stops accepting; streams already accepted live on. Removes the file of a Unix socket. Listening there again in
   * the same process may follow at once.
   */
  close(): void;
}

/** How to connect. */
export interface ConnectOptions {
  /** Aborting rejects with `cancelled`; the caller keeps the deadline. */
  readonly signal?: AbortSignal;
}

/** Opens streams. */
export interface Streams {
  /**
   * Rejects with `address-in-use` (also for a Unix socket whose path exists, stale or not), `network-unusable`,
   * `refused` (permission), `not-found` (no such directory), `unsupported` or `config` (path over 103 bytes).
   */
  listen(address: StreamAddress, handlers: ListenHandlers): Promise<StreamListener>;
  /**
   * Rejects with `unreachable`, `cancelled`, `refused` (permission), `unsupported` or `config`. For a Unix socket
   * `not-found` means that there is no file and `unreachable` that nobody listens behind it: if it is a socket, it
   * is stale. TCP comes with TCP_NODELAY set.
   */
  connect(address: StreamAddress, options?: ConnectOptions): Promise<ByteStream>;
}
