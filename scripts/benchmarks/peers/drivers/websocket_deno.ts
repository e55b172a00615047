// WebSocket as Deno brings it: `Deno.serve` at the sender, `new WebSocket` at receivers; a message is
// a binary message. Not encrypted. One queue a connection.

import { CHANNEL_AT, Deferred, type Endpoint, type EndpointOptions } from "./endpoint.ts";

/** More than this may not wait unsent before a sender is asked to wait. */
const MAX_BUFFERED_BYTES = 1 << 20;

/** Opens one end. */
export async function openDenoWebSocket(options: EndpointOptions): Promise<Endpoint> {
  const { role, host, port, receivers } = options;
  const sockets: WebSocket[] = [];
  const connected = new Deferred();
  let server: Deno.HttpServer | null = null;

  function add(socket: WebSocket): void {
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => {
      const bytes = new Uint8Array(data);
      options.onMessage(bytes[CHANNEL_AT] ?? 0, bytes);
    };
    socket.onopen = () => {
      sockets.push(socket);
      if (sockets.length === receivers || role === "receiver") connected.resolve();
    };
  }

  if (role === "sender") {
    server = Deno.serve({ hostname: host, port, onListen: () => {} }, (request) => {
      const { socket, response } = Deno.upgradeWebSocket(request);
      add(socket);
      return response;
    });
  } else {
    add(new WebSocket(`ws://${host}:${port}/`));
    await connected.promise;
  }
  return {
    send(channel, bytes): void | Promise<void> {
      bytes[CHANNEL_AT] = channel;
      for (const socket of sockets) socket.send(bytes);
      const [first] = sockets;
      if (first !== undefined && first.bufferedAmount > MAX_BUFFERED_BYTES) return drained(first);
    },
    flush: () => {},
    connected: () => connected.promise,
    async close(): Promise<void> {
      for (const socket of sockets) socket.close();
      await server?.shutdown();
    },
  };
}

async function drained(socket: WebSocket): Promise<void> {
  while (socket.bufferedAmount > MAX_BUFFERED_BYTES / 2 && socket.readyState === WebSocket.OPEN) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
