// Windows named pipes, through `node:net`, which is the only way to them.
// Decides how a name becomes a path and how a node socket fulfils the stream contract. The adapter itself does
// not care what kind of path it is given, so that it is tested over a Unix socket on other systems.
// Loads `node:net` on first use only: most runs never need it.
// A pipe has no half-close, and the runtime's node sockets have none either: `closeWrite` ends both directions.

import type { Server, Socket } from "node:net";
import { assert, HanaError } from "../../base/mod.ts";
import type { ByteStream, ListenHandlers, StreamAddress, StreamHandlers, StreamListener } from "../mod.ts";
import type { CrashReporter } from "./crash.ts";
import { addressText, cancelledError, closedError, connectError, listenError } from "./stream_errors.ts";

/** The server's default of four instances is used up by four clients at once (deno-platform research 2.3). */
const PENDING_INSTANCES = "254";
/** `\\.\pipe\` and the name together may have 256 characters. */
const MAX_NAME_CHARACTERS = 240;

/** The path of the pipe called `name`. Throws `config` for a name that no pipe can have. */
export function pipePath(name: string): string {
  if (name.length === 0 || name.length > MAX_NAME_CHARACTERS || name.includes("\\")) {
    throw new HanaError("config", {
      what: `pipe name ${JSON.stringify(name)}`,
      why: `must have 1 to ${MAX_NAME_CHARACTERS} characters and no backslash`,
    });
  }
  return `\\\\.\\pipe\\${name}`;
}

function requireWindows(name: string): void {
  if (Deno.build.os === "windows") return;
  throw new HanaError("unsupported", {
    what: `pipe://${name}`,
    why: "named pipes are on Windows only",
    hint: "use unix:///path/to/socket",
  });
}

/** Listens on the pipe called `name`. Rejects with `unsupported` elsewhere than on Windows. */
export async function listenPipe(
  name: string,
  handlers: ListenHandlers,
  crashes: CrashReporter,
): Promise<StreamListener> {
  requireWindows(name);
  Deno.env.set("NODE_PENDING_PIPE_INSTANCES", PENDING_INSTANCES);
  return await listenNodeNet(pipePath(name), { kind: "pipe", name }, handlers, crashes);
}

/** Connects to the pipe called `name`. Rejects with `unsupported` elsewhere than on Windows. */
export async function connectPipe(
  name: string,
  signal: AbortSignal | undefined,
  crashes: CrashReporter,
): Promise<ByteStream> {
  requireWindows(name);
  return await connectNodeNet(pipePath(name), { kind: "pipe", name }, signal, crashes);
}

/** Listens on a path by `node:net`; `address` is what the listener calls itself. */
export async function listenNodeNet(
  path: string,
  address: StreamAddress,
  handlers: ListenHandlers,
  crashes: CrashReporter,
): Promise<StreamListener> {
  const net = await import("node:net");
  const server: Server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true });
  let listening = false;
  await new Promise<void>((resolve, reject) => {
    server.on("error", (thrown) => {
      if (!listening) reject(listenError(thrown, address));
      else {
        handlers.onError(
          new HanaError("network-unusable", {
            what: `accepting on ${addressText(address)}`,
            why: thrown.message,
            cause: thrown,
          }),
        );
      }
    });
    server.on("connection", (socket) => {
      const stream = new NodeNetStream(socket, addressText(address), anonymous(address), crashes);
      try {
        handlers.onStream(stream);
      } catch (thrown) {
        crashes.crash(thrown, `listener ${addressText(address)}`);
        stream.abort();
      }
    });
    server.listen(path, () => {
      listening = true;
      resolve();
    });
  });
  return { address, close: () => void server.close() };
}

/** Connects to a path by `node:net`. */
export async function connectNodeNet(
  path: string,
  address: StreamAddress,
  signal: AbortSignal | undefined,
  crashes: CrashReporter,
): Promise<ByteStream> {
  const net = await import("node:net");
  if (signal?.aborted) throw cancelledError(address);
  return await new Promise<ByteStream>((resolve, reject) => {
    const socket: Socket = net.createConnection({ path, allowHalfOpen: true });
    const onAbort = (): void => {
      socket.destroy();
      reject(cancelledError(address));
    };
    const onError = (thrown: Error): void => {
      signal?.removeEventListener("abort", onAbort);
      reject(connectError(thrown, address));
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    socket.on("error", onError);
    socket.once("connect", () => {
      signal?.removeEventListener("abort", onAbort);
      const stream = new NodeNetStream(socket, anonymous(address), addressText(address), crashes);
      socket.off("error", onError);
      resolve(stream);
    });
  });
}

function anonymous(address: StreamAddress): string {
  return `${address.kind}://`;
}

/**
 * A stream over a socket of `node:net`. Unlike other streams it ends whole: after `closeWrite` what was written
 * arrives, but nothing more is read, and `onEnd` and `onClose(null)` follow (seen on Deno 2.7.11, where a node
 * socket reports the end of its reading side as soon as its writing side has ended).
 */
export class NodeNetStream implements ByteStream {
  readonly local: string;
  readonly remote: string;
  readonly #socket: Socket;
  readonly #crashes: CrashReporter;
  #handlers: StreamHandlers | null = null;
  #failure: HanaError | null = null;
  #closed = false;
  #writing = false;
  #writeEnding = false;

  constructor(socket: Socket, local: string, remote: string, crashes: CrashReporter) {
    this.#socket = socket;
    this.local = local;
    this.remote = remote;
    this.#crashes = crashes;
    socket.pause();
    // Without a listener an error event ends the process, so it is there before anybody opens the stream.
    socket.on("error", (thrown) => this.#onError(thrown));
    socket.on("close", () => this.#finish(this.#failure));
  }

  open(handlers: StreamHandlers): void {
    assert(this.#handlers === null, "a stream is opened once");
    this.#handlers = handlers;
    if (this.#closed) {
      queueMicrotask(() => this.#tellClosed(handlers, this.#failure));
      return;
    }
    this.#socket.on("data", (bytes: Uint8Array) => this.#guard(() => handlers.onData(bytes)));
    this.#socket.on("end", () => this.#guard(() => handlers.onEnd()));
    this.#socket.resume();
  }

  write(bytes: Uint8Array): void {
    const handlers = this.#handlers;
    assert(handlers !== null, "a stream is opened before it is written to");
    assert(!this.#writing, "the last write is through before the next one starts");
    assert(!this.#writeEnding, "nothing is written after closeWrite");
    if (this.#closed || this.#failure !== null) return;
    this.#writing = true;
    this.#socket.write(bytes, (thrown) => {
      this.#writing = false;
      if (thrown === null || thrown === undefined) this.#guard(() => handlers.onWritten());
    });
  }

  closeWrite(): void {
    if (this.#writeEnding) return;
    this.#writeEnding = true;
    if (!this.#closed) this.#socket.end();
  }

  abort(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.destroy();
    const handlers = this.#handlers;
    if (handlers !== null) queueMicrotask(() => this.#tellClosed(handlers, null));
  }

  pauseReading(): void {
    this.#socket.pause();
  }

  resumeReading(): void {
    if (this.#handlers !== null) this.#socket.resume();
  }

  #onError(thrown: Error): void {
    this.#failure ??= closedError(thrown, this.remote);
    this.#socket.destroy();
  }

  #guard(call: () => void): void {
    if (this.#closed) return;
    try {
      call();
    } catch (thrown) {
      this.#failure = this.#crashes.record(thrown, `stream ${this.remote}`);
      this.#socket.destroy();
      this.#finish(this.#failure);
    }
  }

  #finish(error: HanaError | null): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#handlers !== null) this.#tellClosed(this.#handlers, error);
  }

  #tellClosed(handlers: StreamHandlers, error: HanaError | null): void {
    try {
      handlers.onClose(error);
    } catch (thrown) {
      this.#crashes.crash(thrown, `stream ${this.remote}`);
    }
  }
}
