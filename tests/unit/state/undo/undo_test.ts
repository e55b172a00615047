import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { HanaError } from "../../../../lib/base/mod.ts";
import type { StateClient } from "../../../../lib/state/client/mod.ts";
import { StateUndo, UndoHistory } from "../../../../lib/state/undo/mod.ts";
import { loadSnapshot, takeSnapshot } from "../../../../lib/state/presets/mod.ts";
import { fader, Stage } from "../client/stage.ts";

const WALL = [
  fader("wall/a"),
  fader("wall/b"),
  fader("wall/c"),
  fader("wall/sum", { merge: "sum" }),
  { path: "wall/name", type: "text", default: "none" },
] as const;
/** Longer than a movement is held together, in microseconds. */
const PAUSE_US = 400_000;

interface Crew {
  readonly stage: Stage;
  readonly foh: StateClient;
  readonly desk: StateClient;
  readonly undo: StateUndo;
}

async function crew(): Promise<Crew> {
  const stage = new Stage(WALL);
  const [foh, desk] = [stage.join("foh"), stage.join("desk")];
  await stage.until(Promise.all([foh.ready(), desk.ready()]));
  await stage.run(100_000);
  return { stage, foh, desk, undo: new StateUndo(foh) };
}

async function write({ stage }: Crew, client: StateClient, path: string, value: unknown): Promise<void> {
  await stage.until(client.set(path, value));
  await stage.run(PAUSE_US);
}

Deno.test("undo writes what stood there before, redo what was written, newest first", async () => {
  const show = await crew();
  const { stage, foh, desk, undo } = show;
  await write(show, foh, "wall/a", 10);
  await write(show, foh, "wall/a", 20);
  await write(show, foh, "wall/name", "finale");
  assertEquals([undo.undoable, undo.redoable], [3, 0]);
  assertEquals(await stage.until(undo.undo()), { outcome: "done", paths: ["wall/name"], skipped: [] });
  assertEquals(await stage.until(undo.undo()), { outcome: "done", paths: ["wall/a"], skipped: [] });
  await stage.run(100_000);
  assertEquals([desk.get("wall/a"), desk.get("wall/name")], [10, "none"]);
  await stage.until(undo.undo());
  assertEquals((await stage.until(undo.undo())).outcome, "nothing");
  assertEquals(foh.get("wall/a"), 0);
  for (const _ of [1, 2, 3]) assertEquals((await stage.until(undo.redo())).outcome, "done");
  assertEquals((await stage.until(undo.redo())).outcome, "nothing");
  await stage.run(100_000);
  assertEquals([desk.get("wall/a"), desk.get("wall/name")], [20, "finale"]);
});

Deno.test("a new action ends what could be done again", async () => {
  const show = await crew();
  const { stage, foh, undo } = show;
  await write(show, foh, "wall/a", 10);
  await stage.until(undo.undo());
  assertEquals(undo.redoable, 1);
  await write(show, foh, "wall/b", 1);
  assertEquals(undo.redoable, 0);
});

Deno.test("a movement of a fader is one step, also while another one moves; a pause makes two", async () => {
  const { stage, foh, undo } = await crew();
  for (let at = 1; at <= 50; at++) {
    foh.trySet("wall/a", at);
    foh.trySet("wall/b", 100 - at);
    await stage.run(33_333);
  }
  assertEquals(undo.undoable, 2);
  await stage.run(PAUSE_US);
  foh.trySet("wall/a", 60);
  await stage.run(PAUSE_US);
  assertEquals(undo.undoable, 3);
  await stage.until(undo.undo());
  assertEquals(foh.get("wall/a"), 50);
  await stage.until(undo.undo());
  await stage.until(undo.undo());
  assertEquals([foh.get("wall/a"), foh.get("wall/b")], [0, 0]);
});

Deno.test("a step that somebody else wrote over is skipped, and says who", async () => {
  const show = await crew();
  const { stage, foh, desk, undo } = show;
  await write(show, foh, "wall/a", 10);
  await write(show, foh, "wall/b", 11);
  await write(show, desk, "wall/b", 12);
  const result = await stage.until(undo.undo());
  assert(result.outcome === "skipped");
  assertEquals([result.path, result.by, result.byName], ["wall/b", desk.number, "desk"]);
  assert(result.text.includes("desk"), result.text);
  assertEquals(foh.get("wall/b"), 12);
  assertEquals((await stage.until(undo.undo())).outcome, "done");
  assertEquals(foh.get("wall/a"), 0);
});

Deno.test("the same value by somebody else is somebody else's", async () => {
  const show = await crew();
  await write(show, show.foh, "wall/a", 10);
  await write(show, show.desk, "wall/a", 10);
  assertEquals((await show.stage.until(show.undo.undo())).outcome, "skipped");
});

Deno.test("a write that was shadowed has nothing to take back", async () => {
  const { stage, foh, desk, undo } = await crew();
  await stage.until(desk.set("wall/a", 80, { priority: 150 }));
  await stage.run(100_000);
  await stage.until(foh.set("wall/a", 10));
  await stage.run(100_000);
  assertEquals((await stage.until(undo.undo())).outcome, "skipped");
  assertEquals(foh.get("wall/a"), 80);
});

Deno.test("a part of a sum is taken back, and not what the others give", async () => {
  const show = await crew();
  const { stage, foh, desk, undo } = show;
  await write(show, desk, "wall/sum", 5);
  await write(show, foh, "wall/sum", 10);
  await write(show, foh, "wall/sum", 20);
  await stage.until(undo.undo());
  await stage.run(200_000);
  assertEquals(desk.get("wall/sum"), 15);
  await stage.until(undo.undo());
  await stage.run(200_000);
  assertEquals(desk.get("wall/sum"), 5);
  await stage.until(undo.redo());
  await stage.run(200_000);
  assertEquals(desk.get("wall/sum"), 15);
});

Deno.test("a transaction is taken back and done again as one: what it made goes, what it took out is there", async () => {
  const show = await crew();
  const { stage, foh, desk, undo } = show;
  await stage.until(foh.privilege.request());
  await write(show, desk, "wall/c", 33);
  desk.leave();
  await stage.run(1_000_000);
  await stage.until(
    foh.transaction((transaction) =>
      transaction.define(fader("wall/new", { default: 4 })).put("wall/a", 50).forget("wall/c")
    ),
  );
  assertEquals([foh.get("wall/new"), foh.get("wall/a"), foh.has("wall/c")], [4, 50, false]);
  assertEquals((await stage.until(undo.undo())).outcome, "done");
  await stage.run(100_000);
  assertEquals([foh.has("wall/new"), foh.get("wall/a"), foh.get("wall/c")], [false, 0, 33]);
  assertEquals(undo.undoable, 0);
  assertEquals((await stage.until(undo.redo())).outcome, "done");
  await stage.run(100_000);
  assertEquals([foh.get("wall/new"), foh.get("wall/a"), foh.has("wall/c")], [4, 50, false]);
  assertEquals([undo.undoable, undo.redoable], [1, 0]);
});

Deno.test("a transaction of which somebody uses a part already is skipped whole", async () => {
  const show = await crew();
  const { stage, foh, desk, undo } = show;
  await stage.until(foh.privilege.request());
  await stage.until(
    foh.transaction((transaction) => transaction.define(fader("wall/new")).put("wall/a", 50)),
  );
  await stage.run(100_000);
  await write(show, desk, "wall/new", 9);
  const result = await stage.until(undo.undo());
  assert(result.outcome === "skipped");
  assertEquals([result.path, result.byName], ["wall/new", "desk"]);
  assertEquals([foh.get("wall/new"), foh.get("wall/a")], [9, 50]);
});

Deno.test("an undo that the host refuses can be tried again", async () => {
  const { stage, foh, desk, undo } = await crew();
  await stage.until(foh.privilege.request());
  await stage.until(foh.define(fader("wall/new")));
  await stage.until(foh.privilege.release());
  await assertRejects(() => stage.until(undo.undo()), HanaError, "privilege");
  assertEquals(undo.undoable, 1);
  await stage.until(foh.privilege.request());
  assertEquals((await stage.until(undo.undo())).outcome, "done");
  await stage.run(50_000);
  assertEquals(desk.has("wall/new"), false);
});

Deno.test("steps outlive a break and another host, by the names of their paths", async () => {
  const show = await crew();
  const { stage, foh, desk, undo } = show;
  await write(show, foh, "wall/a", 10);
  await write(show, foh, "wall/b", 20);
  stage.cut(stage.deskOf(foh));
  await stage.run(2_000_000);
  stage.connect(stage.deskOf(foh));
  await stage.run(500_000);
  assertEquals((await stage.until(undo.undo())).outcome, "done");
  stage.understudy();
  await stage.run(1_000_000);
  stage.kill();
  await stage.run(300_000);
  stage.reign("standby");
  await stage.until(Promise.all([foh.ready(), desk.ready()]));
  await stage.run(500_000);
  assertEquals(await stage.until(undo.undo()), { outcome: "done", paths: ["wall/a"], skipped: [] });
  await stage.run(200_000);
  assertEquals([desk.get("wall/a"), desk.get("wall/b")], [0, 0]);
});

Deno.test("a step whose path a new host does not have is skipped; its number in another's hand is not taken for its own", async () => {
  const show = await crew();
  const { stage, foh, desk, undo } = show;
  await write(show, foh, "wall/a", 10);
  await write(show, foh, "wall/b", 20);
  const number = foh.number;
  stage.kill();
  await stage.run(100_000);
  // The other one comes first, and gets the first number of the new host.
  stage.desks.reverse();
  stage.reign("nothing", [fader("wall/a"), fader("wall/c")]);
  await stage.until(Promise.all([foh.ready(), desk.ready()]));
  assertEquals(desk.number, number);
  await write(show, desk, "wall/a", 10);
  const gone = await stage.until(undo.undo());
  assert(gone.outcome === "skipped" && gone.text.includes("no more"));
  assertEquals((await stage.until(undo.undo())).outcome, "skipped");
});

Deno.test("a preset that is loaded within a group is taken back as one, but for what somebody else wrote since", async () => {
  const show = await crew();
  const { stage, foh, desk, undo } = show;
  await write(show, foh, "wall/a", 1);
  const look = takeSnapshot(foh, "wall");
  await write(show, foh, "wall/a", 50);
  await write(show, foh, "wall/b", 60);
  const before = undo.undoable;
  const report = await stage.until(undo.group(() => loadSnapshot(foh, look, { fadeUs: 500_000 })));
  assertEquals(report.skipped, []);
  await stage.run(PAUSE_US);
  assertEquals([foh.get("wall/a"), foh.get("wall/b"), undo.undoable], [1, 0, before + 1]);
  await write(show, desk, "wall/b", 9);
  const result = await stage.until(undo.undo());
  assert(result.outcome === "done");
  assert(result.paths.includes("wall/a") && !result.paths.includes("wall/b"));
  assertEquals(result.skipped.map(({ path, byName }) => [path, byName]), [["wall/b", "desk"]]);
  await stage.run(200_000);
  assertEquals([desk.get("wall/a"), desk.get("wall/b")], [50, 9]);
  assertEquals((await stage.until(undo.redo())).outcome, "done");
  await stage.run(200_000);
  assertEquals([desk.get("wall/a"), desk.get("wall/b")], [1, 9]);
});

Deno.test("a hundred steps are kept, the oldest go", () => {
  const history = new UndoHistory();
  for (let at = 0; at < 150; at++) history.noteSet(at * PAUSE_US, "wall/a", at, at + 1, undefined);
  assertEquals([history.undoable, history.forgotten], [100, 50]);
  const step = history.takeDone();
  assert(step?.kind === "set");
  assertEquals([step.before, step.after], [149, 150]);
});

/** What a client did, as the model keeps it. */
interface Done {
  readonly path: string;
  readonly before: number;
  after: number;
  atUs: number;
}

Deno.test("undo and redo of three clients are those of a model, whoever writes when and whoever loses the connection", async () => {
  const paths = ["wall/a", "wall/b"];
  const action = fc.record({
    who: fc.nat(2),
    what: fc.constantFrom("set", "set", "drag", "undo", "undo", "redo", "cut"),
    path: fc.constantFrom(...paths),
    value: fc.integer({ min: 0, max: 100 }),
    pause: fc.constantFrom(50_000, PAUSE_US),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 40 }), async (actions) => {
      const stage = new Stage(WALL);
      const clients = ["a", "b", "c"].map((name) => stage.join(name));
      await stage.until(Promise.all(clients.map((client) => client.ready())));
      const undos = clients.map((client) => new StateUndo(client));
      const standing = new Map(paths.map((path) => [path, { value: 0, by: -1 }]));
      const done: Done[][] = [[], [], []];
      const undone: Done[][] = [[], [], []];
      for (const { who, what, path, value, pause } of actions) {
        const [client, undo] = [clients[who], undos[who]];
        const [mine, taken] = [done[who], undone[who]];
        assert(client !== undefined && undo !== undefined && mine !== undefined && taken !== undefined);
        if (what === "cut") {
          stage.cut(stage.deskOf(client));
          await stage.run(200_000);
          stage.connect(stage.deskOf(client));
          await stage.until(client.ready());
        } else if (what === "undo" || what === "redo") {
          const [from, to] = what === "undo" ? [mine, taken] : [taken, mine];
          const result = await stage.until(what === "undo" ? undo.undo() : undo.redo());
          const step = from.pop();
          if (step === undefined) assertEquals(result.outcome, "nothing");
          else {
            const [expected, next] = what === "undo" ? [step.after, step.before] : [step.before, step.after];
            const now = standing.get(step.path);
            const isOurs = now?.value === expected && (now.by === who || now.by === -1);
            assertEquals(result.outcome, isOurs ? "done" : "skipped");
            if (isOurs) {
              standing.set(step.path, { value: next, by: who });
              to.push({ ...step, atUs: -Infinity });
            }
          }
        } else {
          const values = what === "set" ? [value] : [value, (value + 7) % 100, (value + 31) % 100];
          for (const each of values) {
            const before = standing.get(path)?.value ?? 0;
            client.trySet(path, each);
            taken.length = 0;
            const nowUs = stage.nowUs;
            const recent = mine.slice(mine.findLastIndex(({ atUs }) => nowUs - atUs > 300_000) + 1);
            const step = recent.findLast((one) => one.path === path);
            if (step === undefined) mine.push({ path, before, after: each, atUs: nowUs });
            else {
              step.after = each;
              step.atUs = nowUs;
            }
            standing.set(path, { value: each, by: who });
            await stage.run(50_000);
          }
        }
        await stage.run(pause);
        for (const [at, { value: expected }] of standing) {
          for (const client of clients) assertEquals(client.get(at), expected, `${at} after ${what}`);
        }
        for (const [at, undo] of undos.entries()) {
          assertEquals([undo.undoable, undo.redoable], [done[at]?.length, undone[at]?.length]);
        }
      }
    }),
    { numRuns: 150 },
  );
});
