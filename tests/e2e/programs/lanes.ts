// Two programs that talk on lanes of their own, as somebody would write them who uses hana as a library, over a network
// that loses what the seed says (the adapter of rehearsals, on real sockets).
// lanes.ts take|send STATE_DIRECTORY RUN_DIRECTORY SEED LOSS PEER_HOST [ADDRESS]: a line of JSON for what came of it.

// deno-lint-ignore-file no-console

import { impairPlatform } from "../../../cli/simulate/real/impaired_platform.ts";
import { defineRequest, loadKeyRing, Node, openMeshKeyRing, s } from "../../../lib/mod.ts";
import { denoPlatform } from "../../../lib/platform/deno/mod.ts";

const MESSAGES = 2_000;
const VALUES = 2_000;
const KEYS = 16;

/** What the taker has got. */
const RESULT = defineRequest({
  name: "lanes.result",
  lane: "control",
  effect: "read",
  from: ["daemon"],
  to: ["daemon"],
  body: s.object({}),
  reply: s.object({
    inOrder: s.integer(),
    outOfOrder: s.integer(),
    values: s.integer(),
    stale: s.integer(),
    newest: s.array(s.integer()),
    lost: s.integer(),
  }),
});

const [task, stateDirectory = "", runDirectory = "", seed = "1", loss = "0", peerHost = "", address = ""] =
  Deno.args;
const { platform, impair, fates } = impairPlatform(denoPlatform());
impair({
  seed: Number(seed),
  self: task ?? "",
  hosts: { [peerHost]: "peer" },
  from: { peer: { loss: Number(loss) } },
  clogged: [],
  groupLoss: {},
  slowUs: 0,
  clock: null,
});
const node = await Node.start(platform, {
  role: "daemon",
  name: task ?? "",
  software: "example 1.0",
  stateDirectory,
  runDirectory,
  keys: loadKeyRing(platform.files, `${stateDirectory}/mesh.key`, platform.host.userId) ?? openMeshKeyRing(),
  discovery: null,
});

if (task === "take") {
  let inOrder = 0;
  let outOfOrder = 0;
  let values = 0;
  let stale = 0;
  const newest = new Array<number>(KEYS).fill(-1);
  const numberIn = (bytes: Uint8Array): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  node.onLane("cues", () => ({
    onMessage: (bytes) => numberIn(bytes) === inOrder ? inOrder++ : outOfOrder++,
  }));
  node.onLane("levels", () => ({
    onMessage: (bytes) => {
      const value = numberIn(bytes);
      values++;
      const key = value % KEYS;
      if (value < (newest[key] ?? -1)) stale++;
      newest[key] = Math.max(value, newest[key] ?? -1);
    },
  }));
  node.onRequest(RESULT, () => ({ inOrder, outOfOrder, values, stale, newest, lost: fates.lost }));
  console.log(JSON.stringify({ addresses: node.addresses }));
  await new Promise<void>((resolve) => Deno.addSignalListener("SIGTERM", resolve));
  await node.stop();
  Deno.exit(0);
}

const session = await node.connect(address);
const byDatagrams = await session.onDatagrams(5_000_000);
const cues = session.openLane({ name: "cues", kind: "reliable-ordered" });
const levels = session.openLane({ name: "levels", kind: "unreliable-sequenced", keyed: true, tier: 0 });
let delivered = 0;
const arrived = Promise.withResolvers<void>();
cues.onFate = (_number, fate) => {
  if (fate === "delivered" && ++delivered === MESSAGES) arrived.resolve();
};
const message = (number: number, length: number): Uint8Array => {
  const bytes = new Uint8Array(length);
  new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
};
const startedMs = performance.now();
const streaming = (async () => {
  for (let value = 0; value < VALUES; value++) {
    levels.send(message(value, 8), { key: value % KEYS });
    if (value % 4 === 3) await new Promise((resolve) => setTimeout(resolve, 4));
  }
})();
for (let number = 0; number < MESSAGES; number++) {
  // Most fit a packet, every tenth takes four.
  while (cues.send(message(number, number % 10 === 0 ? 4_000 : 200), { report: true }) < 0) {
    await cues.writable();
  }
}
await arrived.promise;
const elapsedMs = Math.round(performance.now() - startedMs);
await streaming;
const newestWanted = Array.from({ length: KEYS }, (_, key) => VALUES - KEYS + key);
const deadlineMs = performance.now() + 5_000;
for (;;) {
  const result = await session.between("daemon", "daemon").request(RESULT, {});
  const isThere = result.newest.every((value, key) => value === newestWanted[key]);
  if (!isThere && performance.now() < deadlineMs) continue;
  const { path } = session;
  const { repairedPieces } = cues.stats;
  console.log(JSON.stringify({
    ...result,
    byDatagrams,
    kind: path.kind,
    why: path.why,
    isThere,
    delivered,
    elapsedMs,
    repairedPieces,
  }));
  break;
}
await session.close();
await node.stop();
Deno.exit(0);
