// The bare runtime: Deno's UDP, one message a datagram, or (variant "packed") twenty. Nothing is encrypted, ordered,
// repeated or counted. Receivers say hello until they are answered, so that the sender knows their addresses.

import { Channel, Deferred, type Endpoint, type EndpointOptions } from "./endpoint.ts";

const HELLO = 255;
const PACKED = 20;
const BUFFER_BYTES = 2_048;
/** A packed datagram: what came with it in 16 bits each. */
const LENGTH_BYTES = 2;

/** Opens one end. */
export async function openRawDatagrams(options: EndpointOptions): Promise<Endpoint> {
  const { role, host, ownHost, port, receivers, variant } = options;
  const isSender = role === "sender";
  const socket = Deno.listenDatagram({
    transport: "udp",
    hostname: isSender ? host : ownHost,
    port: isSender ? port : 0,
  });
  const sender: Deno.NetAddr = { transport: "udp", hostname: host, port };
  const peers = new Map<string, Deno.NetAddr>();
  const targets: Deno.NetAddr[] = isSender ? [] : [sender];
  const connected = new Deferred();
  const out = new Uint8Array(BUFFER_BYTES);
  const packed = new Uint8Array(65_507);
  let packedBytes = 0;
  let packedCount = 0;
  let isClosed = false;

  async function receive(): Promise<void> {
    const buffer = new Uint8Array(variant === "packed" ? packed.length : BUFFER_BYTES);
    for (;;) {
      const [bytes, from] = await socket.receive(buffer);
      const channel = bytes[0] ?? HELLO;
      if (channel === HELLO) {
        if (isSender) greet(from as Deno.NetAddr);
        else connected.resolve();
      } else if (channel === Channel.flow && variant === "packed") unpack(bytes);
      else options.onMessage(channel, bytes.subarray(1));
    }
  }

  function greet(from: Deno.NetAddr): void {
    const key = `${from.hostname}:${from.port}`;
    if (!peers.has(key)) {
      peers.set(key, from);
      targets.push(from);
    }
    void socket.send(Uint8Array.of(HELLO), from).catch(() => {});
    if (peers.size === receivers) connected.resolve();
  }

  function unpack(bytes: Uint8Array): void {
    for (let at = 1; at + LENGTH_BYTES <= bytes.length;) {
      const length = (bytes[at] ?? 0) | (bytes[at + 1] ?? 0) << 8;
      at += LENGTH_BYTES;
      options.onMessage(Channel.flow, bytes.subarray(at, at + length));
      at += length;
    }
  }

  async function sendPacked(): Promise<void> {
    const bytes = packed.subarray(0, packedBytes);
    packedBytes = packedCount = 0;
    for (const target of targets) await socket.send(bytes, target);
  }

  void receive().catch((thrown: unknown) => {
    if (!isClosed) throw thrown;
  });
  if (!isSender) {
    const timer = setInterval(() => void socket.send(Uint8Array.of(HELLO), sender).catch(() => {}), 20);
    await connected.promise;
    clearInterval(timer);
  }
  return {
    send(channel, bytes): Promise<void> | void {
      if (channel === Channel.flow && variant === "packed") {
        if (packedCount === 0) packed[packedBytes++] = channel;
        packed[packedBytes++] = bytes.length & 255;
        packed[packedBytes++] = bytes.length >> 8;
        packed.set(bytes, packedBytes);
        packedBytes += bytes.length;
        return ++packedCount === PACKED ? sendPacked() : undefined;
      }
      out[0] = channel;
      out.set(bytes, 1);
      // The system call happens at once: the buffer is free when `send` returns.
      const datagram = out.subarray(0, 1 + bytes.length);
      const [first] = targets;
      if (targets.length === 1 && first !== undefined) return socket.send(datagram, first).then(ignore);
      return Promise.all(targets.map((target) => socket.send(datagram, target))).then(ignore);
    },
    flush: () => packedCount > 0 ? sendPacked() : undefined,
    connected: () => connected.promise,
    close(): Promise<void> {
      isClosed = true;
      socket.close();
      return Promise.resolve();
    },
  };
}

function ignore(): void {}
