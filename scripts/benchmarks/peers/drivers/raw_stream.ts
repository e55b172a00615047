// The bare runtime: Deno's TCP, or (variant "unix") a Unix socket; a frame is a channel, a length and the message, one
// write a frame. Nothing is encrypted. One queue: what is large stands before what is urgent.

import { Deferred, type Endpoint, type EndpointOptions } from "./endpoint.ts";

const HEADER_BYTES = 5;
const BUFFER_BYTES = 65_536;
/** What waits in this process for the kernel to take it. */
const MAX_WAITING = 4_096;

/** Opens one end. */
export async function openRawStream(options: EndpointOptions): Promise<Endpoint> {
  const { role, host, port, variant, directory, receivers } = options;
  const path = `${directory}/raw`;
  const connections: FrameConnection[] = [];
  const connected = new Deferred();
  let listener: Deno.Listener<Deno.Conn> | null = null;

  function add(connection: Deno.Conn): void {
    if (variant !== "unix") (connection as Deno.TcpConn).setNoDelay(true);
    connections.push(new FrameConnection(connection, options.onMessage));
    if (connections.length === receivers) connected.resolve();
  }

  if (role === "sender") {
    const listening: Deno.Listener<Deno.Conn> = variant === "unix"
      ? Deno.listen({ transport: "unix", path })
      : Deno.listen({ hostname: host, port });
    listener = listening;
    void (async () => {
      while (connections.length < receivers) add(await listening.accept());
    })().catch(connected.reject);
  } else {
    add(
      variant === "unix"
        ? await Deno.connect({ transport: "unix", path })
        : await Deno.connect({ hostname: host, port }),
    );
  }
  return {
    send(channel, bytes): void | Promise<void> {
      const [first] = connections;
      if (connections.length === 1 && first !== undefined) return first.send(channel, bytes);
      return Promise.all(connections.map((connection) => connection.send(channel, bytes))).then(() => {});
    },
    flush: () => {},
    connected: () => connected.promise,
    close(): Promise<void> {
      listener?.close();
      for (const connection of connections) connection.close();
      return Promise.resolve();
    },
  };
}

/** One connection: frames out in order, one at a time, and frames in. */
class FrameConnection {
  readonly #waiting: { readonly frame: Uint8Array; readonly done: () => void }[] = [];
  #isWriting = false;
  #isClosed = false;

  constructor(
    private readonly connection: Deno.Conn,
    private readonly onMessage: (channel: number, bytes: Uint8Array) => void,
  ) {
    void this.#read().catch((thrown: unknown) => {
      if (!this.#isClosed) throw thrown;
    });
  }

  async send(channel: number, bytes: Uint8Array): Promise<void> {
    const frame = new Uint8Array(HEADER_BYTES + bytes.length);
    frame[0] = channel;
    new DataView(frame.buffer).setUint32(1, bytes.length, true);
    frame.set(bytes, HEADER_BYTES);
    if (this.#isWriting) {
      if (this.#waiting.length >= MAX_WAITING) throw new Error("too much waits for a connection");
      await new Promise<void>((done) => this.#waiting.push({ frame, done }));
      return;
    }
    this.#isWriting = true;
    await this.#write(frame);
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      await this.#write(next.frame);
      next.done();
    }
    this.#isWriting = false;
  }

  close(): void {
    this.#isClosed = true;
    this.connection.close();
  }

  async #write(frame: Uint8Array): Promise<void> {
    for (let at = 0; at < frame.length;) at += await this.connection.write(frame.subarray(at));
  }

  async #read(): Promise<void> {
    let buffer = new Uint8Array(BUFFER_BYTES);
    let end = 0;
    for (;;) {
      const length = await this.connection.read(buffer.subarray(end));
      if (length === null) return;
      end += length;
      let at = 0;
      const view = new DataView(buffer.buffer);
      while (end - at >= HEADER_BYTES) {
        const size = HEADER_BYTES + view.getUint32(at + 1, true);
        if (size > buffer.length) {
          const larger = new Uint8Array(size + BUFFER_BYTES);
          larger.set(buffer.subarray(at, end));
          [buffer, end, at] = [larger, end - at, 0];
          break;
        }
        if (end - at < size) break;
        this.onMessage(buffer[at] ?? 0, buffer.subarray(at + HEADER_BYTES, at + size));
        at += size;
      }
      buffer.copyWithin(0, at, end);
      end -= at;
    }
  }
}
