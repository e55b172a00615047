// hana itself: the sender is a node as it ships, without discovery; receivers are observers that open a session to it.
// Variant "unix" takes the local socket, "tcp" the encrypted path over TCP. Values ride on `modulation`, what flows on
// `events`, large messages on `state`, reports on `control`: each channel on the lane that a program would take.
//
// Which lane carries a channel stands in LANE_OF alone, which path in `addressOf`: another carrier needs no more.

import { readFileSync, writeFileSync } from "node:fs";
import { fromHex, toHex } from "../../../../lib/base/mod.ts";
import { type LaneName } from "../../../../lib/lanes/mod.ts";
import { Node } from "../../../../lib/node/mod.ts";
import { denoPlatform } from "../../../../lib/platform/deno/mod.ts";
import { MeshKey, MeshKeyRing } from "../../../../lib/security/mod.ts";
import { ANY_ROLE, defineEvent, type EventDefinition, type Session } from "../../../../lib/session/mod.ts";
import { s } from "../../../../lib/wire/mod.ts";
import { Channel, Deferred, type Endpoint, type EndpointOptions } from "./endpoint.ts";

const MAX_MESSAGE_BYTES = 2 << 20;

/** By channel: what its users would choose. */
const LANE_OF: Readonly<Record<number, LaneName>> = {
  [Channel.echo]: "modulation",
  [Channel.flow]: "events",
  [Channel.stream]: "modulation",
  [Channel.bulk]: "state",
  [Channel.back]: "control",
};

/** What the receivers have to know, left in the directory that both ends share. */
interface Shared {
  readonly key: string;
  readonly addresses: readonly string[];
}

function define(name: string, lane: LaneName) {
  return defineEvent({
    name: `bench.${name}`,
    lane,
    effect: "read",
    from: ANY_ROLE,
    to: ANY_ROLE,
    body: s.bytes({ maxLength: MAX_MESSAGE_BYTES }),
  });
}

const HELLO = define("hello", "control");
const MESSAGES = Object.entries(Channel).map(([name, channel]) => define(name, LANE_OF[channel] ?? "events"));

/** Opens one end. */
export async function openHana(options: EndpointOptions): Promise<Endpoint> {
  const { role, directory, receivers } = options;
  const sessions: Session[] = [];
  const connected = new Deferred();
  const isSender = role === "sender";
  const sharedPath = `${directory}/hana.json`;
  const key = isSender ? toHex(crypto.getRandomValues(new Uint8Array(32))) : readShared(sharedPath).key;
  const node = await Node.start(denoPlatform(), {
    role: isSender ? "daemon" : "observer",
    ...(isSender ? { name: "sender" } : {}),
    software: "bench",
    stateDirectory: isSender ? `${directory}/s` : "",
    runDirectory: isSender ? `${directory}/r` : null,
    keys: new MeshKeyRing(new MeshKey(fromHex(key)), null),
    ...(isSender ? {} : { tcpPort: null }),
    discovery: null,
    readsHardware: false,
  });
  for (const [channel, message] of MESSAGES.entries()) {
    node.onEvent(message, (body) => options.onMessage(channel, body));
  }
  if (isSender) {
    node.onEvent(HELLO, (_, { session }) => {
      if (!sessions.includes(session)) sessions.push(session);
      if (sessions.length === receivers) connected.resolve();
    });
    writeFileSync(sharedPath, JSON.stringify({ key, addresses: node.addresses } satisfies Shared));
  } else {
    const session = await node.open(addressOf(options, readShared(sharedPath).addresses));
    if (session.secure === (options.variant === "unix")) throw new Error("the path is not what it should be");
    sessions.push(session);
    session.send(HELLO, new Uint8Array(1));
  }

  /** A promise only where the lane had to queue: then it says when it would not. */
  function sendTo(session: Session, message: EventDefinition, bytes: Uint8Array): void | Promise<void> {
    const status = session.send(message, bytes);
    if (status === "queued" && message.lane !== "modulation") return session.writable(message.lane);
    if (status !== "sent" && status !== "queued") throw new Error(`a message was not sent: ${status}`);
  }

  return {
    send(channel, bytes): void | Promise<void> {
      const message = MESSAGES[channel];
      if (message === undefined) return;
      const [first] = sessions;
      if (sessions.length === 1 && first !== undefined) return sendTo(first, message, bytes);
      return Promise.all(sessions.map((session) => sendTo(session, message, bytes))).then(() => {});
    },
    flush: () => {},
    connected: () => connected.promise,
    close: () => node.stop(),
  };
}

function readShared(path: string): Shared {
  return JSON.parse(readFileSync(path, "utf8")) as Shared;
}

/** Where the receivers find the sender. */
function addressOf({ variant, host }: EndpointOptions, addresses: readonly string[]): string {
  const address = addresses.find((one) => one.startsWith(`${variant}://`));
  if (address === undefined) throw new Error(`the node has no ${variant} address`);
  return variant === "unix" ? address : `${variant}://${host}:${address.slice(address.lastIndexOf(":") + 1)}`;
}
