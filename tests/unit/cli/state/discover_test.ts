// What `hana discover` shows of the shared state: asked of its host alone, and never for long.

import { assert, assertEquals } from "@std/assert";
import type { ConnectorContext } from "../../../../lib/node/connector.ts";
import { NodeListeners } from "../../../../lib/node/listeners.ts";
import { LIST_NODES, SessionSet } from "../../../../lib/node/mod.ts";
import { denoPlatform } from "../../../../lib/platform/deno/mod.ts";
import { HandlerTable } from "../../../../lib/session/mod.ts";
import { STATE_SESSIONS } from "../../../../lib/state/mod.ts";
import { type Home, makeHome, runHana } from "../../../support/cli.ts";
import { testContext, testRing } from "../../security/support.ts";
import { identity } from "../../session/support.ts";

const DESK = identity(1, { name: "desk" });
const WALL = "0b".repeat(16);

interface Play {
  /** Whether the node of this machine leads, and so hosts. */
  readonly leads: boolean;
  /** It does not tell who takes part before it ends. */
  readonly isSilent?: true;
}

async function standIn(home: Home, { leads, isSilent }: Play) {
  const over = Promise.withResolvers<void>();
  const handlers = new HandlerTable();
  const sessions = new SessionSet(16);
  let asked = 0;
  const node = { role: "app", state: "alive", capabilities: {}, endpoints: [] };
  handlers.onRequest(LIST_NODES, () => ({
    nodes: [
      { ...node, id: DESK.id, name: "desk", leader: leads, self: true },
      { ...node, id: WALL, name: "wall", leader: false, role: "visualization" },
      { ...node, id: "0c".repeat(16), name: "spare", leader: false },
    ],
  }));
  const client = {
    level: "operator",
    state: "joined",
    heardMs: 1,
    expiresMs: null,
    sequence: 0,
    queuedBytes: 0,
  };
  handlers.onRequest(STATE_SESSIONS, async () => {
    asked++;
    if (isSilent === true) await over.promise;
    return {
      epoch: { term: 1, host: DESK.id },
      clients: [
        { ...client, client: 1, name: "desk", node: DESK.id, owns: ["a", "b"], privileged: true },
        { ...client, client: 2, name: "wall", node: WALL, owns: ["c"], privileged: false },
        // Two clients of one node count together.
        { ...client, client: 3, name: "wall-2", node: WALL, owns: ["d"], privileged: false },
        { ...client, client: 4, name: "cli@x", node: "0d".repeat(16), owns: ["e"], privileged: false },
      ],
      privilege: { state: "held", holder: 1, generation: 1 },
      objects: [],
      subsystems: [],
    };
  });
  const context: ConnectorContext = {
    platform: denoPlatform(),
    security: testContext(testRing(1)),
    local: DESK,
    handlers,
    access: "operator",
  };
  const listeners = new NodeListeners(context, sessions);
  const { id, name, role } = DESK;
  await listeners.open({ id, name, role, runDirectory: `${home.run}/hana`, tcpPort: null });
  return {
    asked: () => asked,
    stop: async () => {
      over.resolve();
      listeners.close();
      await sessions.closeAll("done");
    },
  };
}

interface Listed {
  readonly nodes: readonly {
    readonly name: string;
    readonly owned?: number;
    readonly privileged?: boolean;
  }[];
  readonly summary: { readonly total: number; readonly elapsedMs: number };
}

async function discover(play: Play) {
  await using home = makeHome();
  const node = await standIn(home, play);
  try {
    const { code, stdout, stderr } = await runHana(["discover", "--json"], { home });
    assertEquals([code, stderr], [0, ""]);
    const plain = await runHana(["discover", "--plain", "--header"], { home });
    const rows = plain.stdout.trim().split("\n").map((line) => line.split("\t"));
    const at = rows[0]?.indexOf("OWNER") ?? -1;
    const owners = rows.slice(1).map((row) => row[at]);
    return { listed: JSON.parse(stdout) as Listed, owners, asked: node.asked() };
  } finally {
    await node.stop();
  }
}

Deno.test("the list says what the clients of each node own, and whose is privileged", async () => {
  const { listed, owners } = await discover({ leads: true });
  assertEquals(listed.nodes.map(({ name, owned, privileged }) => [name, owned, privileged]), [
    ["desk", 2, true],
    ["spare", undefined, undefined],
    ["wall", 2, false],
  ]);
  assertEquals(owners, ["privileged, owns 2", "-", "owns 2"]);
});

Deno.test("where nobody hosts, nobody is asked", async () => {
  const { listed, owners, asked } = await discover({ leads: false });
  assertEquals([asked, listed.nodes.some(({ owned }) => owned !== undefined)], [0, false]);
  assertEquals(owners, ["-", "-", "-"]);
});

Deno.test("a host that is slow to answer does not hold up the list", async () => {
  const { listed, asked } = await discover({ leads: true, isSilent: true });
  assert(asked > 0);
  assertEquals([listed.summary.total, listed.nodes.some(({ owned }) => owned !== undefined)], [3, false]);
  assert(listed.summary.elapsedMs < 2_000, `${listed.summary.elapsedMs} ms`);
});
