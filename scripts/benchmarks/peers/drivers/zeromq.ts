// ZeroMQ under Node: the package `zeromq` with its own libzmq. PUB and SUB for values, PUSH and PULL for what must
// arrive, and a pair each way for requests, as the guide has it. Not encrypted, no broker.

import { Channel, Deferred, type Endpoint, type EndpointOptions } from "./endpoint.ts";
import { load } from "./packages.ts";

/** What is used of a socket. */
interface ZmqSocket {
  bind(address: string): Promise<void>;
  connect(address: string): void;
  close(): void;
  send(message: Uint8Array): Promise<void>;
  subscribe(): void;
  [Symbol.asyncIterator](): AsyncIterator<readonly Uint8Array[]>;
}

type SocketClass = new (options?: Readonly<Record<string, number>>) => ZmqSocket;

/** What is used of the package. */
type Zmq = Readonly<Record<"Publisher" | "Subscriber" | "Push" | "Pull" | "Pair", SocketClass>>;

/** Which pattern carries which channel; ports follow each other in this order. */
const PATTERNS = [
  { channels: [Channel.echo], out: "Pair", in: "Pair" },
  { channels: [Channel.flow], out: "Push", in: "Pull" },
  { channels: [Channel.stream], out: "Publisher", in: "Subscriber" },
  { channels: [Channel.bulk], out: "Push", in: "Pull" },
] as const;

/** Opens one end. */
export async function openZeroMq(options: EndpointOptions): Promise<Endpoint> {
  const { role, host, port, receivers, index } = options;
  const zmq = await load<Zmq>("zeromq");
  const isSender = role === "sender";
  const sockets: ZmqSocket[] = [];
  const outlets: (Outlet | undefined)[] = [];

  async function open(kind: keyof Zmq, at: number, binds: boolean): Promise<ZmqSocket> {
    // Messages that wait at one end: as many as the window of a flow holds, values of a stream no more than usual.
    const socket = new zmq[kind]({ linger: 0 });
    sockets.push(socket);
    const address = `tcp://${host}:${port + at}`;
    if (binds) await socket.bind(address);
    else socket.connect(address);
    return socket;
  }

  async function read(socket: ZmqSocket, channel: number): Promise<void> {
    for await (const [message] of socket as AsyncIterable<readonly Uint8Array[]>) {
      if (message !== undefined) options.onMessage(channel, message);
    }
  }

  for (const [at, pattern] of PATTERNS.entries()) {
    // Only values go to many; what goes to one is the first one's.
    if (!isSender && index > 0 && pattern.out !== "Publisher") continue;
    const socket = await open(isSender ? pattern.out : pattern.in, at, isSender);
    for (const channel of pattern.channels) {
      if (isSender || pattern.out === "Pair") outlets[channel] = new Outlet(socket);
      if (!isSender || pattern.out === "Pair") void read(socket, channel).catch(() => {});
    }
    if (pattern.in === "Subscriber" && !isSender) socket.subscribe();
  }
  const back = await open(isSender ? "Pull" : "Push", PATTERNS.length, isSender);
  const hellos = new Set<number>();
  const connected = new Deferred();
  if (isSender) {
    void (async () => {
      for await (const [message] of back as AsyncIterable<readonly Uint8Array[]>) {
        if (message === undefined) continue;
        if (message.length > 1) options.onMessage(Channel.back, message);
        else if (hellos.add(message[0] ?? 0).size === receivers) connected.resolve();
      }
    })().catch(() => {});
  } else {
    outlets[Channel.back] = new Outlet(back);
    await back.send(Uint8Array.of(index));
  }
  return {
    send: (channel, bytes) => outlets[channel]?.send(bytes),
    flush: () => {},
    connected: () => connected.promise,
    close(): Promise<void> {
      for (const socket of sockets) socket.close();
      return Promise.resolve();
    },
  };
}

/** One send at a time, as the package demands. */
class Outlet {
  readonly #waiting: (() => void)[] = [];
  #isBusy = false;

  constructor(private readonly socket: ZmqSocket) {}

  async send(bytes: Uint8Array): Promise<void> {
    if (this.#isBusy) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#isBusy = true;
    await this.socket.send(bytes);
    const next = this.#waiting.shift();
    if (next === undefined) this.#isBusy = false;
    else next();
  }
}
