// WebSocket as most Node programs have it: the package `ws` at both ends, without compression; a message is a binary
// message. Not encrypted. One queue a connection.

import { CHANNEL_AT, Deferred, type Endpoint, type EndpointOptions } from "./endpoint.ts";
import { load } from "./packages.ts";

const MAX_BUFFERED_BYTES = 1 << 20;

/** What is used of a socket of `ws`. */
interface WsSocket {
  readonly bufferedAmount: number;
  binaryType: string;
  on(event: "message", listener: (data: Uint8Array) => void): void;
  on(event: "open" | "close", listener: () => void): void;
  on(event: "error", listener: (error: Error) => void): void;
  send(data: Uint8Array, options: { readonly binary: true }): void;
  terminate(): void;
}

/** What is used of the package. */
interface Ws {
  readonly WebSocket: new (address: string, options: { readonly perMessageDeflate: false }) => WsSocket;
  readonly WebSocketServer: new (
    options: { readonly host: string; readonly port: number; readonly perMessageDeflate: false },
  ) => {
    on(event: "connection", listener: (socket: WsSocket) => void): void;
    on(event: "listening", listener: () => void): void;
    close(): void;
  };
}

/** Opens one end. */
export async function openNodeWebSocket(options: EndpointOptions): Promise<Endpoint> {
  const { role, host, port, receivers } = options;
  const { WebSocket, WebSocketServer } = await load<Ws>("ws");
  const sockets: WsSocket[] = [];
  const connected = new Deferred();
  let close = (): void => {};

  function add(socket: WsSocket): void {
    socket.on("message", (data) => options.onMessage(data[CHANNEL_AT] ?? 0, data));
    // The run ends the processes; what a socket says of that is no news.
    socket.on("error", () => {});
    sockets.push(socket);
    if (sockets.length === receivers || role === "receiver") connected.resolve();
  }

  if (role === "sender") {
    const server = new WebSocketServer({ host, port, perMessageDeflate: false });
    close = () => server.close();
    server.on("connection", add);
    await new Promise<void>((resolve) => server.on("listening", resolve));
  } else {
    const socket = new WebSocket(`ws://${host}:${port}/`, { perMessageDeflate: false });
    socket.on("open", () => add(socket));
    await connected.promise;
  }
  return {
    send(channel, bytes): void | Promise<void> {
      bytes[CHANNEL_AT] = channel;
      for (const socket of sockets) socket.send(bytes, { binary: true });
      const [first] = sockets;
      if (first !== undefined && first.bufferedAmount > MAX_BUFFERED_BYTES) return drained(first);
    },
    flush: () => {},
    connected: () => connected.promise,
    close(): Promise<void> {
      for (const socket of sockets) socket.terminate();
      close();
      return Promise.resolve();
    },
  };
}

async function drained(socket: WsSocket): Promise<void> {
  while (socket.bufferedAmount > MAX_BUFFERED_BYTES / 2) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
