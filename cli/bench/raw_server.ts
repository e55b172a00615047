// The bare sockets beside which hana is measured: UDP, TCP and Unix sockets that send back what comes, or count it.
// Nothing but the runtime: no session, no bound, no encryption. Runs in the peer process of a benchmark alone.

import { nowUs } from "./time.ts";

/** Where the bare sockets are. Ports, and paths of Unix sockets (null where there are none). */
export interface RawAddresses {
  readonly host: string;
  readonly udpEcho: number;
  readonly udpSink: number;
  readonly tcpEcho: number;
  readonly tcpSink: number;
  readonly unixEcho: string | null;
  readonly unixSink: string | null;
}

/** What a counting socket has seen since it was asked last. */
export interface RawSinkFigures {
  readonly bytes: number;
  readonly firstUs: number;
  readonly lastUs: number;
  /** Bytes of the first datagram or read, which mark the beginning. */
  readonly firstBytes: number;
}

/** One way of counting. */
export type RawSinkName = "udp" | "tcp" | "unix";

const READ_BYTES = 65_536;

class RawSink {
  #bytes = 0;
  #firstUs = 0;
  #lastUs = 0;
  #firstBytes = 0;

  count(length: number): void {
    const atUs = nowUs();
    if (this.#bytes === 0) {
      this.#firstUs = atUs;
      this.#firstBytes = length;
    }
    this.#bytes += length;
    this.#lastUs = atUs;
  }

  take(): RawSinkFigures {
    const figures = {
      bytes: this.#bytes,
      firstUs: this.#firstUs,
      lastUs: this.#lastUs,
      firstBytes: this.#firstBytes,
    };
    this.#bytes =
      this.#firstUs =
      this.#lastUs =
      this.#firstBytes =
        0;
    return figures;
  }
}

/** All bare sockets of one peer. */
export class RawServer {
  readonly addresses: RawAddresses;
  readonly #sinks: Readonly<Record<RawSinkName, RawSink>> = {
    udp: new RawSink(),
    tcp: new RawSink(),
    unix: new RawSink(),
  };
  readonly #open: { close(): void }[] = [];

  /** @param directory where Unix sockets are made */
  constructor(host: string, directory: string) {
    const hasUnix = Deno.build.os !== "windows";
    const unixEcho = hasUnix ? `${directory}/raw-echo` : null;
    const unixSink = hasUnix ? `${directory}/raw-sink` : null;
    this.addresses = {
      host,
      udpEcho: this.#datagrams(host, async (socket) => await echoDatagrams(socket)),
      udpSink: this.#datagrams(host, async (socket) => await countDatagrams(socket, this.#sinks.udp)),
      tcpEcho: this.#listen(host, echoStream),
      tcpSink: this.#listen(host, (stream) => countStream(stream, this.#sinks.tcp)),
      unixEcho,
      unixSink,
    };
    if (unixEcho !== null && unixSink !== null) {
      this.#accept(Deno.listen({ transport: "unix", path: unixEcho }), echoStream);
      this.#accept(
        Deno.listen({ transport: "unix", path: unixSink }),
        (stream) => countStream(stream, this.#sinks.unix),
      );
    }
  }

  /** What a counting socket has seen; counting begins anew. */
  take(name: RawSinkName): RawSinkFigures {
    return this.#sinks[name].take();
  }

  close(): void {
    for (const each of this.#open.splice(0)) {
      try {
        each.close();
      } catch {
        // Closed by its peer.
      }
    }
  }

  #datagrams(host: string, serve: (socket: Deno.DatagramConn) => Promise<void>): number {
    const socket = Deno.listenDatagram({ transport: "udp", hostname: host, port: 0 });
    this.#open.push(socket);
    serve(socket).catch(() => {});
    return (socket.addr as Deno.NetAddr).port;
  }

  #listen(host: string, serve: (stream: Deno.Conn) => Promise<void>): number {
    const listener = Deno.listen({ hostname: host, port: 0 });
    this.#accept(listener, async (stream) => {
      (stream as Deno.TcpConn).setNoDelay(true);
      await serve(stream);
    });
    return listener.addr.port;
  }

  #accept(listener: Deno.Listener<Deno.Conn>, serve: (stream: Deno.Conn) => Promise<void>): void {
    this.#open.push(listener);
    const run = async (): Promise<void> => {
      for await (const stream of listener) {
        this.#open.push(stream);
        serve(stream).catch(() => {});
      }
    };
    run().catch(() => {});
  }
}

async function echoDatagrams(socket: Deno.DatagramConn): Promise<void> {
  const buffer = new Uint8Array(READ_BYTES);
  for (;;) {
    const [bytes, from] = await socket.receive(buffer);
    await socket.send(bytes, from);
  }
}

async function countDatagrams(socket: Deno.DatagramConn, sink: RawSink): Promise<void> {
  const buffer = new Uint8Array(READ_BYTES);
  for (;;) {
    const [bytes] = await socket.receive(buffer);
    sink.count(bytes.length);
  }
}

async function echoStream(stream: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(READ_BYTES);
  for (;;) {
    const length = await stream.read(buffer);
    if (length === null) return;
    await writeAll(stream, buffer.subarray(0, length));
  }
}

async function countStream(stream: Deno.Conn, sink: RawSink): Promise<void> {
  const buffer = new Uint8Array(READ_BYTES);
  for (;;) {
    const length = await stream.read(buffer);
    if (length === null) return;
    sink.count(length);
  }
}

/** Writes all of `bytes`: one write may take a part of it. */
export async function writeAll(stream: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await stream.write(bytes.subarray(at));
}
