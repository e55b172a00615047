// Which generation applying a show makes, and which hosts are told: by what hosts say they have.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { readShow } from "../../../../cli/programs/show/load.ts";
import { showBefore } from "../../../../cli/programs/show/history.ts";
import { isSettled, makePlan, type ShowPlan } from "../../../../cli/programs/show/plan.ts";
import {
  behind,
  type ShowHeading,
  type ShowHost,
  type ShowMesh,
} from "../../../../cli/programs/show/show_hosts.ts";
import { HanaError } from "../../../../lib/base/mod.ts";
import type { NodeView } from "../../../../lib/node/mod.ts";
import type { PrepareResult } from "../../../../lib/supervision/mod.ts";

const TEXT = `hana: 1
show: tour
hosts: [left, right]
programs:
  viz: { run: [viz], on: "*" }
`;
const SHOW = readShow("show.yaml", TEXT);

/** What a host has, and what it says that the show would change there. */
interface Has {
  readonly generation?: number;
  readonly show?: string;
  readonly sha256?: string;
  readonly of?: number | null;
  readonly changes?: boolean;
  readonly staged?: readonly string[];
  readonly older?: readonly ShowHeading[];
  readonly refuses?: HanaError;
}

function heading(generation: number, more: Partial<ShowHeading> = {}): ShowHeading {
  return { generation, name: "tour", of: null, sha256: SHOW.sha256, by: "anna", atWallMs: 0, ...more };
}

function host(name: string, has: Has): ShowHost {
  const { generation = 0, show = "tour", sha256 = SHOW.sha256, of = null, changes = false, staged = [] } =
    has;
  const prepared: PrepareResult = {
    base: generation,
    platform: "linux-x64",
    added: changes ? ["viz"] : [],
    changed: [],
    removed: [],
    unchanged: changes ? [] : ["viz"],
    staged,
    problems: [],
  };
  const request = (message: { name: string }): Promise<unknown> => {
    if (has.refuses !== undefined) return Promise.reject(has.refuses);
    return Promise.resolve(
      message.name.endsWith("show-text") ? { name: "tour", sha256, text: TEXT } : prepared,
    );
  };
  const generations = generation === 0
    ? []
    : [heading(generation, { name: show, sha256, of }), ...has.older ?? []];
  return {
    node: { name, id: name, tags: {}, load: null } as unknown as NodeView,
    host: { name, id: name, self: false, aheadMs: 0, session: { request } } as unknown as ShowHost["host"],
    generations,
    count: generation === 0 ? 0 : 1,
    staged: [...staged],
    halted: false,
    programs: [],
  };
}

function mesh(hosts: Record<string, Has>): ShowMesh {
  return { hosts: Object.entries(hosts).map(([name, has]) => host(name, has)), silent: [] };
}

async function planOf(
  hosts: Record<string, Has>,
  more: { only?: string[]; of?: number } = {},
): Promise<ShowPlan> {
  const { only = null, of = null } = more;
  return await makePlan(mesh(hosts), { show: SHOW, of, only, op: "op-12345678", by: "anna" });
}

/** `GENERATION: hosts that are told`. */
function told({ generation, hosts }: ShowPlan): string {
  return `${generation}: ${hosts.filter(({ isTold }) => isTold).map(({ name }) => name)}`;
}

Deno.test("a new show is generation 1, the same again is nothing to do, a changed one is the next", async () => {
  assertEquals(told(await planOf({ left: { changes: true }, right: { changes: true } })), "1: left,right");
  const same = await planOf({ left: { generation: 3 }, right: { generation: 3 } });
  assertEquals([told(same), isSettled(same)], ["3: ", true]);
  const other = { generation: 3, sha256: "0".repeat(64) };
  assertEquals(told(await planOf({ left: { ...other, changes: true }, right: other })), "4: left,right");
});

Deno.test("a host that was away gets the generation that the others have; what was changed by hand makes a new one", async () => {
  const away = { generation: 2, sha256: "0".repeat(64), changes: true };
  assertEquals(told(await planOf({ left: { generation: 3 }, right: away })), "3: right");
  assertEquals(told(await planOf({ left: { generation: 3 }, right: { changes: true } })), "3: right");
  const drifted = { generation: 3, changes: true };
  assertEquals(told(await planOf({ left: drifted, right: { generation: 3 } })), "4: left,right");
  // The same number with another text: two consoles that did not see each other.
  const split = { generation: 3, sha256: "1".repeat(64), changes: true };
  assertEquals(told(await planOf({ left: { generation: 3 }, right: split })), "4: left,right");
  assertEquals(behind(mesh({ left: { generation: 3 }, right: split })).length, 1);
});

Deno.test("programs that were left as they were are a reason to go on, and none for a new generation", async () => {
  const plan = await planOf({ left: { generation: 3 }, right: { generation: 3, staged: ["viz"] } });
  assertEquals([told(plan), isSettled(plan)], ["3: ", false]);
});

Deno.test("going back makes a new generation on every host of the show", async () => {
  const plan = await planOf({ left: { generation: 3 }, right: { generation: 3 } }, { of: 1 });
  assertEquals([told(plan), plan.of], ["4: left,right", 1]);
});

Deno.test("the shows of other hosts count by themselves; hosts that left the show lose its programs", async () => {
  const elsewhere = { generation: 9, show: "museum", sha256: "2".repeat(64) };
  const same = await planOf({ left: { generation: 3 }, right: { generation: 3 }, far: elsewhere });
  assertEquals([told(same), isSettled(same)], ["3: ", true]);
  const left = await planOf({
    left: { generation: 3 },
    right: { generation: 3 },
    old: { generation: 2, changes: true },
  });
  assertEquals(told(left), "3: old");
  assertEquals(left.hosts.find(({ name }) => name === "old")?.programs, []);
  const taken = await planOf({ left: { changes: true }, right: { ...elsewhere, changes: true } });
  assertEquals(taken.replaces, [{ host: "right", show: "museum", by: "anna" }]);
  assertEquals(told(taken), "10: left,right");
});

Deno.test("a host that does not answer is pending, one that refuses ends the plan, and others can be left out", async () => {
  const gone = new HanaError("unreachable", { what: "right does not answer" });
  const part = await planOf({ left: { changes: true }, right: { refuses: gone } });
  assertEquals([told(part), part.pending.map(({ name }) => name)], ["1: left", ["right"]]);
  const unknown = await planOf({ left: { changes: true } });
  assertEquals(unknown.pending.map(({ name }) => name), ["right"]);
  const no = new HanaError("refused", { what: "right refused the show", why: "it takes no shows" });
  const error = await assertRejects(
    () => planOf({ left: { changes: true }, right: { refuses: no } }),
    HanaError,
  );
  assertEquals(error.code, "refused");
  const only = await planOf({ left: { changes: true }, right: { refuses: no } }, { only: ["left"] });
  assertEquals([told(only), only.pending], ["1: left", []]);
});

Deno.test("going back goes to the show before, further back the next time, and to any that is kept", async () => {
  const older = [3, 2, 1].map((generation) => heading(generation));
  const shows = (top: Has) => mesh({ left: { ...top, older }, right: { ...top, older } });
  assertEquals((await showBefore(shows({ generation: 4 }), null)).generation, 3);
  assertEquals((await showBefore(shows({ generation: 5, of: 3 }), null)).generation, 2);
  assertEquals((await showBefore(shows({ generation: 5, of: 3 }), 1)).generation, 1);
  const error = await assertRejects(() => showBefore(shows({ generation: 5, of: 1 }), null), HanaError);
  assert(error.message.includes("no generation before 1"), error.message);
  await assertRejects(() => showBefore(shows({ generation: 4 }), 9), HanaError, "no host keeps generation 9");
  const two = mesh({ left: { generation: 1 }, far: { generation: 9, show: "museum" } });
  await assertRejects(() => showBefore(two, null), HanaError, "2 shows are in force");
  await assertRejects(() => showBefore(mesh({ left: {} }), null), HanaError, "no show is in force");
});
