// An app that gives a cue five times a second while it leads, and a node that obeys it, as somebody would write them who
// uses hana as a library. After it has led, the app goes on: as it is, and, at the first target, with the token that it had.
// cues.ts lead|obey NAME STATE_DIRECTORY RUN_DIRECTORY [TARGET…]: a line of JSON for everything that happens; SIGTERM
// ends it.

// deno-lint-ignore-file no-console

import {
  defineRequest,
  type FencingToken,
  HanaError,
  loadKeyRing,
  Node,
  openMeshKeyRing,
  s,
} from "../../../lib/mod.ts";
import { denoPlatform } from "../../../lib/platform/deno/mod.ts";

const CUE = defineRequest({
  name: "wall.cue",
  lane: "control",
  effect: "command",
  fenced: "required",
  from: ["app"],
  to: ["daemon", "visualization"],
  body: s.object({}),
  reply: s.object({}),
});

const CUE_MS = 200;
const PATIENCE_US = 1_000_000;

function tell(what: Record<string, unknown>): void {
  console.log(JSON.stringify({ atMs: performance.timeOrigin + performance.now(), ...what }));
}

const [task = "", name = "", stateDirectory = "", runDirectory = "", ...targets] = Deno.args;
const platform = denoPlatform();
const node = await Node.start(platform, {
  role: task === "lead" ? "app" : "daemon",
  name,
  software: "example 1.0",
  stateDirectory,
  runDirectory,
  keys: loadKeyRing(platform.files, `${stateDirectory}/mesh.key`, platform.host.userId) ?? openMeshKeyRing(),
});
node.discovery?.onEvent((event) => {
  if (event.kind === "leader-changed") {
    const { token, mode, isSelf } = event.leader;
    tell({ event: event.kind, leader: token.leaderId, term: token.term, mode, isSelf });
  } else if (event.kind === "leader-lost" || event.kind === "no-quorum" || event.kind === "diverged") {
    tell({ event: event.kind, reason: "reason" in event ? event.reason : null });
  }
});
if (task === "obey") {
  let cues = 0;
  node.onRequest(CUE, (_body, { session }) => {
    tell({ cue: ++cues, from: session.peer.name });
    return {};
  });
}
tell({ ready: node.id });

async function cue(target: string, token?: FencingToken): Promise<string> {
  try {
    const session = await node.connect(target, { timeoutUs: PATIENCE_US });
    await session.call(CUE, {}, { timeoutUs: PATIENCE_US, ...(token === undefined ? {} : { token }) });
    return "done";
  } catch (thrown) {
    return thrown instanceof HanaError ? `${thrown.code}: ${thrown.message}` : String(thrown);
  }
}

const ended = Promise.withResolvers<void>();
let isOver = false;
let last: FencingToken | null = null;
Deno.addSignalListener("SIGTERM", () => {
  isOver = true;
  ended.resolve();
});

async function lead(target: string): Promise<void> {
  while (!isOver) {
    await Promise.race([ended.promise, new Promise((resolve) => setTimeout(resolve, CUE_MS))]);
    const { token } = node.leadership.commands;
    if (token !== null) last = token;
    if (last === null || isOver) continue;
    const before = last;
    tell({ target, gave: await cue(target) });
    if (token === null && target === targets[0]) tell({ target, late: await cue(target, before) });
  }
}

await Promise.all(task === "lead" ? targets.map(lead) : [ended.promise]);
await node.stop();
Deno.exit(0);
