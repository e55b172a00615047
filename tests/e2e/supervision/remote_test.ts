// Programs of another machine: who may bring a command line, who may press Restart, what is said to who may not, and that
// nothing of a command line is ever read by a shell. Real machines on a network of their own.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { chaosChild } from "../../support/chaos_child.ts";
import { HanaUser } from "../../support/hana_process.ts";
import { liveTest } from "../../support/live.ts";
import type { TestNetwork } from "../../support/namespaces.ts";
import { Host } from "../../support/programs/host.ts";
import { shareKey } from "../stage.ts";

/** The machine `stage` with its programs, and `foh`, where somebody sits. */
async function twoMachines(network: TestNetwork): Promise<{ stage: Host; foh: HanaUser }> {
  network.addSegment("stage");
  const at = (digit: number) => ({ segments: [{ segment: "stage", address: `10.77.1.${digit}/24` }] });
  const stage = new Host(network.addMachine("stage", at(1)), await chaosChild());
  const foh = new HanaUser(network.addMachine("foh", at(2)));
  return { stage, foh };
}

const SPAWN = ["spawn", "--on", "stage", "--name"];

liveTest(
  "a command line from another machine is refused in three lines, and noted with who and what",
  async (network) => {
    const { stage, foh } = await twoMachines(network);
    await shareKey(stage.user, foh);
    const node = await stage.serve();
    const refused = await foh.run([...SPAWN, "wall", "--", ...stage.chaos("wall")]);
    assertEquals(refused.code, 7, refused.stderr);
    const lines = refused.stderr.trimEnd().split("\n");
    assertEquals(lines.length, 3, refused.stderr);
    assertMatch(lines[0] ?? "", /stage refused to spawn wall/);
    assertMatch(lines[1] ?? "", /takes no command lines from other machines/);
    assertMatch(lines[2] ?? "", /hana serve --allow-exec/);
    // Another key is stopped before anything is asked; none at all may look, and no more.
    const stranger = new HanaUser(foh.machine, "stranger");
    await stranger.createMesh();
    const call = [
      "call",
      `tcp://10.77.1.1:${node.port}`,
      "hana.programs.spawn",
      "op=strange-0001",
      "name=wall",
    ];
    const spec = `spec=${JSON.stringify({ argv: stage.chaos("wall") })}`;
    const foreign = await stranger.run([...call, spec]);
    assertEquals(foreign.code, 7, foreign.stderr);
    assertEquals(stage.stamps("wall"), []);
    await using desk = await stage.console();
    const event = await desk.until(
      "it to be noted",
      (each) => each.entries.find(({ event }) => event.kind === "refused"),
    );
    assertEquals(event.event.program, "wall");
    assertEquals(event.event.detail.verb, "spawn");
    assertMatch(event.event.by ?? "", /foh|hana/);
    assertEquals(desk.programs.size, 0);
  },
  ["command:cc"],
);

liveTest("with --allow-exec it is started, and every word arrives as it was typed", async (network) => {
  const { stage, foh } = await twoMachines(network);
  await shareKey(stage.user, foh);
  await stage.serve("--allow-exec");
  await using desk = await stage.console();
  const words = [
    "; rm -rf /",
    "$(touch /tmp/never)",
    "`id`",
    "a\nb",
    "ünï \u{1F3AD}",
    "*",
    "'\"\\",
    "--",
    "-x",
  ];
  const dump = stage.path("words");
  const spawned = await foh.run([
    ...SPAWN,
    "words",
    "--",
    stage.child,
    `dump ${dump}`,
    "speak",
    "args",
    ...words,
  ]);
  assertEquals(spawned.code, 0, spawned.stderr);
  await desk.untilState("words", "running");
  const text = await Deno.readTextFile(dump);
  assertStringIncludes(text, `\0args\0${words.join("\0")}\0`);
  assert((await desk.list()).length === 1);
  // The same demand again is the same answer; nothing is started twice.
  const op = ["--op", "01J0Q2Z5M7R8T9V0W1X2Y3Z4A5"];
  for (let time = 0; time < 2; time++) {
    const again = await foh.run([...SPAWN, "once", ...op, "--", ...stage.chaos("once", "speak")]);
    assertEquals(again.code, 0, again.stderr);
  }
  assertEquals(stage.stamps("once").length, 1);
  const call = ["stage", "hana.programs.restart", "name=once", "op=press-000001", "run=1"];
  const first = (await foh.call(...call)).document.reply as Record<string, unknown>;
  await desk.until(
    "its second run",
    () => desk.program("once").run === 2 && desk.program("once").state === "running",
  );
  const second = (await foh.call(...call)).document.reply as Record<string, unknown>;
  assertEquals([first.changed, first.replayed, second.changed, second.replayed], [true, false, true, true]);
  assertEquals([second.run, second.generation], [first.run, first.generation]);
  assertEquals(stage.stamps("once").filter(({ what }) => what === "start").length, 2);
  // The same op for something else is no replay, and a generation that has passed is a conflict.
  const other = await foh.run(["call", "stage", "hana.programs.stop", "name=once", "op=press-000001"]);
  assertEquals(other.code, 7, `${other.stdout}${other.stderr}`);
  const stale = await foh.run([
    "call",
    "stage",
    "hana.programs.stop",
    "name=once",
    "op=press-000002",
    "expectGeneration=0",
  ]);
  assertEquals(stale.code, 7, `${stale.stdout}${stale.stderr}`);
  assertEquals(desk.program("once").want, "up");
}, ["command:cc"]);

liveTest(
  "a crew code restarts, starts and stops what is there; a viewer's looks; neither brings a program",
  async (network) => {
    const { stage, foh } = await twoMachines(network);
    await stage.user.createMesh();
    await stage.serve("--allow-exec");
    await using desk = await stage.console();
    await desk.spawn("wall", stage.chaos("wall", "speak"));
    await desk.untilState("wall", "running");
    const join = async (name: string, role: string): Promise<HanaUser> => {
      const user = new HanaUser(foh.machine, name);
      const granted = await stage.user.run(["mesh", "grant", name, "--role", role, "-q"]);
      assertEquals(granted.code, 0, granted.stderr);
      const joined = await user.run(["mesh", "join", "-"], { stdin: granted.stdout });
      assertEquals(joined.code, 0, joined.stderr);
      return user;
    };
    const [anna, vera] = await Promise.all([join("anna", "crew"), join("vera", "viewer")]);
    const restarted = await anna.run(["restart", "wall@stage"]);
    assertEquals(restarted.code, 0, restarted.stderr);
    await desk.until("its second run", () => desk.program("wall").run === 2);
    const spawned = await anna.run([...SPAWN, "new", "--", ...stage.chaos("new")]);
    assertEquals(spawned.code, 7, spawned.stderr);
    assertMatch(spawned.stderr, /operator/);
    const removed = await anna.run(["call", "stage", "hana.programs.remove", "name=wall", "op=remove-0001"]);
    assertEquals(removed.code, 7, removed.stderr);
    const looked = await vera.run(["ps", "--on", "stage", "--json"]);
    assertEquals(looked.code, 0, looked.stderr);
    assertStringIncludes(looked.stdout, "wall");
    for (const verb of ["restart", "stop", "start"]) {
      const refused = await vera.run([verb, "wall@stage"]);
      assertEquals(refused.code, 7, `${verb}: ${refused.stdout}${refused.stderr}`);
      assertMatch(refused.stderr, /crew/);
    }
    await desk.until(
      "every refusal to be noted",
      (each) =>
        each.entries.filter(({ event }) => event.kind === "refused" && /vera/.test(event.by ?? "")).length >=
          3,
    );
    assert(
      desk.entries.some(({ event }) =>
        event.kind === "refused" && /anna/.test(event.by ?? "") && event.detail.verb === "spawn"
      ),
    );
    assertEquals([desk.program("wall").run, desk.program("wall").want], [2, "up"]);
    assertEquals(desk.programs.size, 1);
  },
  ["command:cc"],
);
