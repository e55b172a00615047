// hana itself: the sender is a node as it ships, without discovery; receivers are observers that open a session to it.
// Variant "unix" takes the local socket, "tcp" keeps lanes on the encrypted stream, "udp" has them on datagrams, and says
// so when they stayed on the stream. Each channel is a lane of the program's own, of the kind that a program would take.

import { readFileSync, writeFileSync } from "node:fs";
import { setImmediate } from "node:timers";
import { fromHex, toHex } from "../../../../lib/base/mod.ts";
import { type ProgramLane, refusalName, SendRefusal } from "../../../../lib/lanes/mod.ts";
import { Node } from "../../../../lib/node/mod.ts";
import { denoPlatform } from "../../../../lib/platform/deno/mod.ts";
import { MeshKey, MeshKeyRing } from "../../../../lib/security/mod.ts";
import { ANY_ROLE, defineEvent, type OutgoingLane, type Session } from "../../../../lib/session/mod.ts";
import { s } from "../../../../lib/wire/mod.ts";
import { Channel, Deferred, type Endpoint, type EndpointOptions } from "./endpoint.ts";

/** Lanes take datagrams within this time, or the run has failed. */
const DATAGRAMS_MS = 8_000;
const LOOK_MS = 10;

/** By channel: what its users would choose. */
const LANES: Readonly<Record<number, ProgramLane>> = {
  [Channel.echo]: { name: "bench.echo", kind: "unreliable-unordered", tier: 1 },
  [Channel.flow]: { name: "bench.flow", kind: "reliable-unordered" },
  [Channel.stream]: { name: "bench.stream", kind: "unreliable-sequenced" },
  [Channel.bulk]: { name: "bench.bulk", kind: "reliable-ordered" },
  [Channel.back]: { name: "bench.back", kind: "reliable-ordered", tier: 0 },
};
/** A stream of values is one value that changes: its newest is the one that counts. */
const VALUE = { key: 0 };

/** Says that a receiver is there. */
const HELLO = defineEvent({
  name: "bench.hello",
  lane: "control",
  effect: "read",
  from: ANY_ROLE,
  to: ANY_ROLE,
  body: s.object({}),
});

/** What the receivers have to know, left in the directory that both ends share. */
interface Shared {
  readonly key: string;
  readonly addresses: readonly string[];
}

/** Opens one end. */
export async function openHana(options: EndpointOptions): Promise<Endpoint> {
  const { role, directory, receivers, variant } = options;
  const isSender = role === "sender";
  const peers: PeerLanes[] = [];
  const connected = new Deferred();
  const sharedPath = `${directory}/hana.json`;
  const key = isSender ? toHex(crypto.getRandomValues(new Uint8Array(32))) : readShared(sharedPath).key;
  const node = await Node.start(denoPlatform(), {
    role: isSender ? "daemon" : "observer",
    ...(isSender ? { name: "sender" } : { tcpPort: null }),
    software: "bench",
    stateDirectory: isSender ? `${directory}/s` : "",
    runDirectory: isSender ? `${directory}/r` : null,
    keys: new MeshKeyRing(new MeshKey(fromHex(key)), null),
    discovery: null,
    readsHardware: false,
    udpLanes: variant === "udp",
  });
  for (const channel of Object.values(Channel)) {
    const onMessage = (bytes: Uint8Array): void => options.onMessage(channel, bytes);
    node.onLane(LANES[channel]?.name ?? "", () => ({ onMessage }), { untrusted: true });
  }
  if (isSender) {
    node.onEvent(HELLO, (_, { session }) => {
      void checkedPath(session, variant).then(() => {
        peers.push(new PeerLanes(session));
        if (peers.length === receivers) connected.resolve();
      }, connected.reject);
    });
    writeFileSync(sharedPath, JSON.stringify({ key, addresses: node.addresses } satisfies Shared));
  } else {
    const session = await node.open(addressOf(options, readShared(sharedPath).addresses));
    await checkedPath(session, variant);
    peers.push(new PeerLanes(session));
    session.send(HELLO, {});
  }
  return {
    send(channel, bytes): void | Promise<void> {
      const [first] = peers;
      if (peers.length === 1 && first !== undefined) return first.send(channel, bytes);
      let waiting: Promise<void>[] | null = null;
      for (const peer of peers) {
        const sent = peer.send(channel, bytes);
        if (sent !== undefined) (waiting ??= []).push(sent);
      }
      if (waiting !== null) return Promise.all(waiting).then(() => {});
    },
    flush: () => {},
    connected: () => connected.promise,
    close: () => node.stop(),
  };
}

/** The lanes to one peer, opened when something is sent on them. */
class PeerLanes {
  readonly #lanes: (OutgoingLane | undefined)[] = [];

  constructor(private readonly session: Session) {}

  /** A promise only where the lane has no room: then it says when the message was taken. */
  send(channel: number, bytes: Uint8Array): void | Promise<void> {
    const lane = this.#lanes[channel] ??= this.#open(channel);
    const result = channel === Channel.stream ? lane.send(bytes, VALUE) : lane.send(bytes);
    if (result < 0) return this.#retry(lane, bytes, result);
  }

  #open(channel: number): OutgoingLane {
    const options = LANES[channel];
    if (options === undefined) throw new Error(`there is no channel ${channel}`);
    return this.session.openLane(options);
  }

  async #retry(lane: OutgoingLane, bytes: Uint8Array, refusal: number): Promise<void> {
    let result = refusal;
    while (result < 0) {
      if (result !== SendRefusal.full && result !== SendRefusal.noCredit) {
        throw new Error(`a message was not sent: ${refusalName(result)}`);
      }
      await lane.writable();
      // What makes room comes by the event loop.
      await new Promise((resolve) => setImmediate(resolve));
      result = lane.send(bytes);
    }
  }
}

/** Resolves when the session is on the path that is to be measured; rejects when it is not. */
async function checkedPath(session: Session, variant: string): Promise<void> {
  if (session.secure === (variant === "unix")) {
    throw new Error(`the session by ${variant} is not as it should be`);
  }
  const wanted = variant === "udp" ? "udp" : "stream";
  for (let waitedMs = 0; session.path.kind !== wanted; waitedMs += LOOK_MS) {
    if (waitedMs > DATAGRAMS_MS) {
      throw new Error(`lanes stay on the ${session.path.kind}: ${session.path.why}`);
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

function readShared(path: string): Shared {
  return JSON.parse(readFileSync(path, "utf8")) as Shared;
}

/** Where the receivers find the sender: datagrams are proved beside a stream over TCP. */
function addressOf({ variant, host }: EndpointOptions, addresses: readonly string[]): string {
  const kind = variant === "unix" ? "unix" : "tcp";
  const address = addresses.find((one) => one.startsWith(`${kind}://`));
  if (address === undefined) throw new Error(`the node has no ${kind} address`);
  return kind === "unix" ? address : `tcp://${host}:${address.slice(address.lastIndexOf(":") + 1)}`;
}
