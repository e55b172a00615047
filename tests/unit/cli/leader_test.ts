// `hana leader` in every output mode and with every exit code that applies, against a node that says what the test wants.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { HanaError, type NodeId } from "../../../lib/base/mod.ts";
import type { ConnectorContext } from "../../../lib/node/connector.ts";
import { NodeListeners } from "../../../lib/node/listeners.ts";
import {
  APP_ROLE,
  HAND_OVER,
  LEADER,
  type LeaderView,
  LIST_NODES,
  SessionSet,
  SOLO,
} from "../../../lib/node/mod.ts";
import { denoPlatform } from "../../../lib/platform/deno/mod.ts";
import { HandlerTable } from "../../../lib/session/mod.ts";
import { type Home, makeHome, runHana } from "../../support/cli.ts";
import { testContext, testRing } from "../security/support.ts";
import { identity } from "../session/support.ts";

const DESK = identity(1, { name: "desk" });
const BACKUP = "0b".repeat(16) as NodeId;

const LED: LeaderView = {
  leader: {
    id: DESK.id,
    name: "desk",
    incarnation: 7,
    term: 4,
    mode: "lease",
    validMs: 3_900,
    self: true,
    priority: 9,
  },
  candidates: [{ id: DESK.id, name: "desk", priority: 9 }, { id: BACKUP, name: "backup", priority: 0 }],
  candidate: true,
  lineage: "00112233aabbccdd",
  voters: [
    { id: "0000000000000000", name: "desk", present: true },
    { id: "0b0b0b0b0b0b0b0b", name: "backup", present: true },
    { id: "0c0c0c0c0c0c0c0c", name: null, present: false },
  ],
};
const led = (change: Partial<NonNullable<LeaderView["leader"]>>): LeaderView => ({
  ...LED,
  leader: LED.leader === null ? null : { ...LED.leader, ...change },
});
const HANDED_OVER = led({ id: BACKUP, name: "backup", term: 5, self: false, priority: 0 });
const NOBODY: LeaderView = { ...LED, leader: null, candidates: [], lineage: null, voters: [] };
const CUT_OFF: LeaderView = {
  ...LED,
  leader: null,
  voters: LED.voters.map((voter, index) => ({ ...voter, present: index === 0 })),
};

interface Call {
  readonly args: string;
  /** What the node says before and after an order; the same unless given. */
  readonly view: LeaderView;
  readonly after?: LeaderView;
  /** The node refuses the order. */
  readonly refuses?: true;
  readonly code: number;
  readonly out?: RegExp;
  readonly err?: RegExp;
  /** What it was ordered. */
  readonly ordered?: unknown;
}

const SILENT = /^$/;
const ERROR = /^error: .+\n(?: {2}.+\n){0,2}$/;

const CALLS: readonly Call[] = [
  {
    args: "",
    view: LED,
    code: 0,
    out:
      /^leader\tdesk\nid\t[0-9a-f]{32}\nmode\telected by a majority\nterm\t4\npriority\t9\nvalid\t3\.9s\napps\tdesk \(priority 9\), backup\nvoters\t3 nodes: desk, backup, 0c0c0c0c \(away\)\n$/,
    err: SILENT,
  },
  { args: "--header", view: LED, code: 0, out: /^FIELD\tVALUE\nleader\tdesk\n/ },
  { args: "-q", view: LED, code: 0, out: /^desk\n$/, err: SILENT },
  {
    args: "--json",
    view: LED,
    code: 0,
    out:
      /^\{"schema":"hana\.leader\/1","ts":"[^"]+","leader":\{"id":.*"term":4,"mode":"lease",.*"priority":9\},"candidates":\[.*"voters":\[.*\]\}\n$/,
  },
  { args: "--ndjson", view: LED, code: 0, out: /^\{"schema":"hana\.leader\/1",.*\}\n$/ },
  {
    args: "",
    view: led({ mode: "solo" }),
    code: 0,
    out: /\nmode\talone, unfenced: fewer than three nodes\n/,
  },
  { args: "", view: led({ mode: "forced" }), code: 0, out: /\nmode\tby the operator's word: / },
  { args: "-q", view: led({ name: null }), code: 0, out: /^00000000\n$/ },
  {
    args: "",
    view: NOBODY,
    code: 1,
    out: /^leader\tnone\napps\tnone\nvoters\tnone\n$/,
    err: /serve --role app\n$/,
  },
  { args: "-q", view: NOBODY, code: 1, out: SILENT },
  { args: "--json", view: NOBODY, code: 1, out: /"leader":null,/ },
  {
    args: "",
    view: CUT_OFF,
    code: 1,
    out: /^leader\tnone\n/,
    err: /^1 of 3 voters are in reach: too few to elect a leader\ntry: hana leader solo .*\n$/,
  },
  {
    args: "hand-over backup",
    view: LED,
    after: HANDED_OVER,
    code: 0,
    out: /^leader\tbackup\n/,
    ordered: { to: BACKUP },
  },
  { args: "hand-over", view: LED, after: HANDED_OVER, code: 0, out: /\nterm\t5\n/, ordered: {} },
  { args: "hand-over desk", view: LED, code: 0, out: /^leader\tdesk\n/ },
  {
    args: "hand-over wall",
    view: LED,
    code: 2,
    out: SILENT,
    err: /^error: wall cannot lead\n.*role is daemon\n/,
  },
  { args: "hand-over nobody", view: LED, code: 1, out: SILENT, err: ERROR },
  { args: "hand-over", view: CUT_OFF, code: 1, out: SILENT, err: /^error: no app leads\n/ },
  { args: "hand-over", view: LED, refuses: true, code: 7, out: SILENT, err: ERROR, ordered: {} },
  {
    args: "solo",
    view: CUT_OFF,
    after: led({ mode: "forced", term: 65_540 }),
    code: 0,
    out: /\nterm\t65540\n/,
    ordered: { end: false },
  },
  { args: "solo --end -q", view: LED, code: 0, out: /^desk\n$/, ordered: { end: true } },
  { args: "take", view: CUT_OFF, after: LED, code: 0, ordered: { take: true } },
  { args: "drop -q", view: LED, after: HANDED_OVER, code: 0, out: /^backup\n$/, ordered: { take: false } },
  { args: "solo extra", view: LED, code: 2, out: SILENT, err: ERROR },
  { args: "tkae", view: LED, code: 2, out: SILENT, err: ERROR },
];

/** A node of this machine that answers what `call` wants; returns how to stop it and what it was ordered. */
async function standIn(
  home: Home,
  call: Call,
): Promise<{ readonly orders: unknown[]; stop(): Promise<void> }> {
  const platform = denoPlatform();
  const handlers = new HandlerTable();
  const sessions = new SessionSet(16);
  const orders: unknown[] = [];
  const obey = (order: unknown): void => {
    orders.push(order);
    if (call.refuses === true) throw new HanaError("refused", { what: "no", hint: "hana leader" });
  };
  handlers.onRequest(LEADER, () => ({ leader: orders.length > 0 ? call.after ?? call.view : call.view }));
  handlers.onRequest(HAND_OVER, (order) => (obey(order), { done: true }));
  handlers.onRequest(SOLO, (order) => (obey(order), { done: true }));
  handlers.onRequest(APP_ROLE, (order) => (obey(order), { role: "app" }));
  handlers.onRequest(LIST_NODES, () => ({
    nodes: [
      { id: DESK.id, name: "desk", role: "app", state: "alive" },
      { id: BACKUP, name: "backup", role: "app", state: "alive" },
      { id: "0c".repeat(16), name: "wall", role: "daemon", state: "alive" },
    ],
  }));
  const context: ConnectorContext = {
    platform,
    security: testContext(testRing(1)),
    local: DESK,
    handlers,
    access: "operator",
  };
  const listeners = new NodeListeners(context, sessions);
  const { id, name, role } = DESK;
  await listeners.open({ id, name, role, runDirectory: `${home.run}/hana`, tcpPort: null });
  return {
    orders,
    stop: async () => {
      listeners.close();
      await sessions.closeAll("done");
    },
  };
}

async function check(call: Call): Promise<void> {
  await using home = makeHome();
  const node = await standIn(home, call);
  try {
    const args = ["leader", ...call.args.split(" ").filter((word) => word !== "")];
    const result = await runHana(args, { home });
    const told = `hana ${args.join(" ")}\n${JSON.stringify(result, null, 1)}`;
    assertEquals(result.code, call.code, told);
    if (call.out !== undefined) assertMatch(result.stdout, call.out, told);
    if (call.err !== undefined) assertMatch(result.stderr, call.err, told);
    assertEquals(node.orders, call.ordered === undefined ? [] : [call.ordered], told);
  } finally {
    await node.stop();
  }
}

Deno.test(`${CALLS.length} calls of hana leader answer as promised`, async () => {
  const waiting = [...CALLS];
  const failures: string[] = [];
  const worker = async (): Promise<void> => {
    for (let call = waiting.shift(); call !== undefined; call = waiting.shift()) {
      try {
        await check(call);
      } catch (thrown) {
        failures.push(`hana leader ${call.args}\n${thrown}`);
      }
    }
  };
  await Promise.all(Array.from({ length: 4 }, worker));
  assertEquals(failures.length, 0, failures.join("\n\n"));
});

Deno.test("orders need a node that stays: without one hana leader says how to start it", async () => {
  for (const order of ["solo", "take", "drop"]) {
    const { code, stderr } = await runHana(["leader", order]);
    assertEquals(code, 1, stderr);
    assertMatch(stderr, /^error: no node runs on this machine\n.*\n {2}try: hana serve --role app\n$/);
  }
});

Deno.test("a priority is a number from 0 to 255, as a flag, a variable and in a file", async () => {
  const show = (args: readonly string[], env: Record<string, string> = {}) =>
    runHana(["config", "show", "--plain", ...args], { env });
  assertMatch((await show(["--priority", "200"])).stdout, /^priority\t200$/m);
  assertMatch((await show([], { HANA_PRIORITY: "7" })).stdout, /^priority\t7$/m);
  for (const wrong of ["256", "-1", "high", "1.5"]) {
    const { code, stderr } = await show(["--priority", wrong]);
    assert(code === 2 && stderr.startsWith("error: "), `${wrong}: ${stderr}`);
  }
  assertMatch((await runHana(["serve", "--help"])).stdout, /--priority <NUMBER>/);
});
