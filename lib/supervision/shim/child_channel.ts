// The sockets on which a program talks to its shim: lines on a stream, and sd_notify datagrams.
// Decides how many connections wait to be read and what becomes of one that does not read; never what a line means
// (child/). Bytes go to the judge of the present run, whoever sent them: it knows its program by the token.

import type {
  ByteStream,
  NotifyListener,
  Processes,
  StreamAddress,
  StreamListener,
  Streams,
} from "../../platform/mod.ts";

/** What may wait to be written to a program that does not read. */
const MAX_WAITING_BYTES = 64 * 1024;

/** Who hears a program. */
export interface ChildChannelHandlers {
  onConnect(id: number): void;
  onBytes(id: number, bytes: Uint8Array): void;
  onClosed(id: number): void;
  onNotify(bytes: Uint8Array): void;
}

interface Connection {
  readonly stream: ByteStream;
  waiting: Uint8Array[];
  waitingBytes: number;
  isWriting: boolean;
}

/** The program's side of a shim's sockets. */
export class ChildChannel {
  readonly #handlers: ChildChannelHandlers;
  readonly #connections = new Map<number, Connection>();
  readonly #encoder = new TextEncoder();
  #listener: StreamListener | null = null;
  #notify: NotifyListener | null = null;
  #ids = 0;

  constructor(handlers: ChildChannelHandlers) {
    this.#handlers = handlers;
  }

  /**
   * Starts to listen, or listens anew: who is connected stays. Without datagrams where the system has none. Rejects as
   * {@linkcode Streams.listen} does.
   */
  async listen(
    streams: Streams,
    processes: Processes,
    address: StreamAddress,
    notifySocket: string | null,
  ): Promise<void> {
    this.#listener?.close();
    this.#notify?.close();
    this.#listener = await streams.listen(address, {
      onStream: (stream) => this.#onStream(stream),
      onError: () => {},
    });
    if (notifySocket === null) return;
    this.#notify = await processes.listenNotify(notifySocket, (bytes) => this.#handlers.onNotify(bytes));
  }

  /** Sends a line, with its end. One that finds no room ends the connection: the program does not read. */
  send(id: number, line: string): void {
    const connection = this.#connections.get(id);
    if (connection === undefined) return;
    const bytes = this.#encoder.encode(line);
    if (connection.waitingBytes + bytes.length > MAX_WAITING_BYTES) return connection.stream.abort();
    connection.waiting.push(bytes);
    connection.waitingBytes += bytes.length;
    this.#write(connection);
  }

  /** Ends a connection; the judge has forgotten it. */
  end(id: number): void {
    this.#connections.get(id)?.stream.abort();
    this.#connections.delete(id);
  }

  /** Stops listening and ends every connection. */
  close(): void {
    this.#listener?.close();
    this.#notify?.close();
    for (const id of [...this.#connections.keys()]) this.end(id);
  }

  #onStream(stream: ByteStream): void {
    const id = ++this.#ids;
    const connection: Connection = { stream, waiting: [], waitingBytes: 0, isWriting: false };
    this.#connections.set(id, connection);
    stream.open({
      onData: (bytes) => {
        if (this.#connections.has(id)) this.#handlers.onBytes(id, bytes);
      },
      onWritten: () => {
        connection.isWriting = false;
        this.#write(connection);
      },
      onEnd: () => stream.abort(),
      onClose: () => {
        if (this.#connections.delete(id)) this.#handlers.onClosed(id);
      },
    });
    this.#handlers.onConnect(id);
  }

  #write(connection: Connection): void {
    const next = connection.isWriting ? undefined : connection.waiting.shift();
    if (next === undefined) return;
    connection.waitingBytes -= next.length;
    connection.isWriting = true;
    connection.stream.write(next);
  }
}
