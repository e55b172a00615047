// A show on two machines: from a file with mistakes to a wall that runs, changed, taken back, and with a machine that was away.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Answer, HanaUser, ServedNode } from "../support/hana_process.ts";
import { liveTest } from "../support/live.ts";
import type { TestNetwork } from "../support/namespaces.ts";
import { shareKey, stageOf } from "./stage.ts";

interface Applied {
  readonly schema: string;
  readonly show: string;
  readonly generation: number;
  readonly of: number | null;
  readonly hosts: readonly {
    readonly host: string;
    readonly outcome: string;
    readonly added: readonly string[];
    readonly changed: readonly { readonly program: string; readonly lines: readonly string[] }[];
    readonly removed: readonly string[];
    readonly unchanged: readonly string[];
    readonly staged: readonly string[];
  }[];
  readonly pending: readonly { readonly host: string }[];
  readonly programs: readonly { readonly name: string; readonly node: string; readonly outcome: string }[];
}

interface Listed {
  readonly programs: readonly {
    readonly name: string;
    readonly node: string;
    readonly state: string;
    readonly run: number;
    readonly argv: readonly string[];
  }[];
}

/** A desk, and two machines that take shows from it. */
class Tour {
  readonly #file: string;

  constructor(readonly foh: HanaUser) {
    this.#file = `${foh.home.path}/show.yaml`;
  }

  write(text: string): string {
    Deno.writeTextFileSync(this.#file, text);
    return this.#file;
  }

  apply(...args: string[]): Promise<Answer<Applied>> {
    return this.foh.json(["apply", ...args, "--timeout", "20s"]);
  }

  /** `NAME@HOST STATE ARGV rRUN`, all of them. */
  async programs(): Promise<string[]> {
    const { document } = await this.foh.json<Listed>(["ps", "--on", "all"]);
    return document.programs.map(({ name, node, state, argv, run }) =>
      `${name}@${node} ${state} ${argv.at(-1)} r${run}`
    ).sort();
  }
}

function show(scene: string, more = ""): string {
  return `hana: 1
show: spring-tour
hosts: { left: { tags: [wall] }, right: { tags: [wall] } }
defaults: { grace: 500ms, start_timeout: 5s }
programs:
  tracker: { run: [/bin/sleep, "4001"], on: left }
  aurora:
    run: [/bin/sleep, "${scene}"]
    on: ["tag:wall"]
    needs: { tracker: ready }
${more}groups:
  wall: { members: [aurora@left, aurora@right] }
`;
}

/** A desk with a node of its own, which knows at once who is there, and two machines that take shows. */
async function openingOf(
  network: TestNetwork,
  rightTakes = true,
): Promise<{ tour: Tour; right: HanaUser; node: ServedNode }> {
  const [foh, left, right] = stageOf(network, "foh", "left", "right");
  await shareKey(foh, left, right);
  const [, , node] = await Promise.all([
    foh.serve("--name", "foh", "--programs", "off"),
    left.serve("--name", "left", "--allow-apply"),
    right.serve("--name", "right", ...rightTakes ? ["--allow-apply"] : []),
  ]);
  assertEquals((await foh.discover("--expect", "foh,left,right")).code, 0);
  return { tour: new Tour(foh), right, node };
}

liveTest("a show is planned, applied, found unchanged, and changed where it differs", async (network) => {
  const { tour } = await openingOf(network);
  const file = tour.write(show("5001"));
  const plan = await tour.apply(file, "--plan");
  assertEquals([plan.code, plan.document.schema], [0, "hana.apply/1"], plan.stderr);
  assertEquals(plan.document.hosts.map(({ host, added }) => `${host}: ${added}`), [
    "left: aurora,tracker",
    "right: aurora",
  ]);
  const first = await tour.apply(file);
  assertEquals([first.code, first.document.generation], [0, 1], first.stderr);
  assertEquals(
    first.document.programs.map(({ name, node, outcome }) => `${name}@${node} ${outcome}`).sort(),
    [
      "aurora@left reached",
      "aurora@right reached",
      "tracker@left reached",
    ],
  );
  const settled = await tour.apply(file);
  assertEquals([settled.code, settled.document.generation, settled.document.programs.length], [0, 1, 0]);

  tour.write(show("5002", "    grace: 1s\n"));
  const told = await tour.foh.run(["apply", file, "--plan", "--plain"]);
  assertEquals(told.code, 0, told.stderr);
  assertMatch(told.stdout, /^left\trestart\taurora\t.*grace: 500ms -> 1s/m);
  assertMatch(told.stdout, /^left\tsame\ttracker/m);
  assertEquals(await tour.programs(), [
    "aurora@left running 5001 r1",
    "aurora@right running 5001 r1",
    "tracker@left running 4001 r1",
  ]);
  const second = await tour.apply(file);
  assertEquals([second.code, second.document.generation], [0, 2], second.stderr);
  assertEquals(await tour.programs(), [
    "aurora@left running 5002 r2",
    "aurora@right running 5002 r2",
    "tracker@left running 4001 r1",
  ]);
});

liveTest("a show is taken back, and takes away what it does not have any more", async (network) => {
  const { tour } = await openingOf(network);
  const file = tour.write(show("5001"));
  assertEquals((await tour.apply(file)).code, 0);
  tour.write(show("5002"));
  assertEquals((await tour.apply(file)).code, 0);
  const back = await tour.apply("--rollback");
  assertEquals([back.code, back.document.generation, back.document.of], [0, 3, 1], back.stderr);
  const further = await tour.foh.run(["apply", "--rollback"]);
  assertEquals(further.code, 1);
  assertStringIncludes(further.stderr, "no generation before 1");
  const status = await tour.foh.run(["apply", "--status", "--plain"]);
  assertEquals(status.code, 0, status.stderr);
  assertEquals(status.stdout.trimEnd().split("\n").map((line) => line.split("\t").slice(0, 4)), [
    ["left", "spring-tour", "3", "in-force"],
    ["right", "spring-tour", "3", "in-force"],
  ]);
  const both = "hosts: { left: { tags: [wall] }, right: { tags: [wall] } }";
  tour.write(show("5001").replace(", aurora@right", "").replace(both, "hosts: { left: { tags: [wall] } }"));
  const less = await tour.apply(file);
  assertEquals(less.code, 0, less.stderr);
  assertEquals(await tour.programs(), ["aurora@left running 5001 r3", "tracker@left running 4001 r1"]);
});

liveTest(
  "a machine that is away is pending, is behind when it comes back, and is brought in line",
  async (network) => {
    const { tour, right, node } = await openingOf(network);
    const file = tour.write(show("6001"));
    assertEquals((await tour.apply(file)).code, 0);
    await node.crash();
    tour.write(show("6002"));
    const part = await tour.apply(file);
    assertEquals(part.code, 3, part.stderr);
    assertEquals(part.document.pending.map(({ host }) => host), ["right"]);
    assertMatch(part.stderr, /right is pending: .*hana apply .*show\.yaml/);

    await right.serve("--name", "right", "--allow-apply");
    assertEquals((await tour.foh.discover("--expect", "foh,left,right")).code, 0);
    const listed = await tour.foh.run(["ps", "--on", "all", "--plain"]);
    assertMatch(
      listed.stderr,
      /right is behind: it has generation 1 of spring-tour, 2 is in force; try: hana apply --resume/,
    );
    const resumed = await tour.apply("--resume");
    assertEquals([resumed.code, resumed.document.generation], [0, 2], resumed.stderr);
    assertEquals(resumed.document.hosts.map(({ host, outcome }) => `${host} ${outcome}`), [
      "left unchanged",
      "right applied",
    ]);
    // The programs of a host went on without it; what was in line already was not touched again.
    assertEquals(await tour.programs(), [
      "aurora@left running 6002 r2",
      "aurora@right running 6002 r2",
      "tracker@left running 4001 r1",
    ]);
  },
);

liveTest(
  "a file with mistakes, a host that takes no shows and a missing program change nothing anywhere",
  async (network) => {
    const { tour, right, node } = await openingOf(network, false);
    const wrong = tour.write(show("7001").replace("needs:", "neds:").replace("on: left", "on: lefd"));
    const mistakes = await tour.foh.run(["apply", wrong]);
    assertEquals([mistakes.code, mistakes.stdout], [2, ""]);
    assertMatch(
      mistakes.stderr,
      /show\.yaml:6:45: tracker: there is no host "lefd"\n {2}did you mean left\?/,
    );
    assertMatch(
      mistakes.stderr,
      /show\.yaml:10:5: programs\.aurora has no field "neds"\n {2}did you mean needs\?/,
    );
    assertMatch(mistakes.stderr, /show\.yaml was not applied\n {2}2 problems in it/);

    const closed = await tour.foh.run(["apply", tour.write(show("7001"))]);
    assertEquals(closed.code, 7, closed.stderr);
    assertMatch(closed.stderr, /right refused the show/);
    assertStringIncludes(closed.stderr, "--allow-apply");
    await node.stop();
    await right.serve("--name", "right", "--allow-apply");
    assertEquals((await tour.foh.discover("--expect", "foh,left,right")).code, 0);

    const missing = tour.write(show("7001").replace('/bin/sleep, "7001"', "/shows/aurora"));
    const absent = await tour.foh.run(["apply", missing]);
    assertEquals(absent.code, 1, absent.stderr);
    assertMatch(absent.stderr, /left: aurora cannot be started\n {2}\/shows\/aurora is missing/);
    assertMatch(absent.stderr, /right: aurora cannot be started/);
    assertEquals(await tour.programs(), []);
  },
);

liveTest(
  "a picture that fails on one machine leaves that of the next as it is, and the show goes back",
  async (network) => {
    const { tour } = await openingOf(network);
    const file = tour.write(show("7001"));
    assertEquals((await tour.apply(file)).code, 0);
    tour.write(show("7001").replace('[/bin/sleep, "7001"]', '[/bin/false, "7002"]'));
    const failed = await tour.apply(file, "--timeout", "4s");
    assertEquals(failed.code, 4, failed.stderr);
    assertMatch(failed.stderr, /aurora@left did not get ready/);
    assertMatch(failed.stderr, /stay as they were: aurora@right/);
    const status = await tour.foh.run(["apply", "--status", "--plain"]);
    assertMatch(status.stdout, /^right\tspring-tour\t2\thalted/m);
    const back = await tour.apply("--rollback");
    assertEquals(back.code, 0, back.stderr);
    const programs = await tour.programs();
    assertMatch(programs[0] ?? "", /^aurora@left running 7001/);
    assertEquals(programs.slice(1), ["aurora@right running 7001 r1", "tracker@left running 4001 r1"]);
  },
);

liveTest("of two consoles that apply two shows at once one wins everywhere", async (network) => {
  const { tour, right } = await openingOf(network);
  const other = new Tour(right);
  const [first, second] = await Promise.all([
    tour.foh.run(["apply", tour.write(show("8001"))]),
    right.run(["apply", other.write(show("8002"))]),
  ]);
  const said = `${first.stderr}\n${second.stderr}`;
  const codes = [first.code, second.code].sort();
  // Whoever came behind the other's end has applied another generation; else one of them was told who was first.
  assert(codes[0] === 0 && (codes[1] === 0 || codes[1] === 7), said);
  const loser = [first, second].find(({ code }) => code === 7);
  if (loser !== undefined) assertMatch(loser.stderr, /right now|is in force/);
  const scenes = (await tour.programs()).filter((line) => line.startsWith("aurora"))
    .map((line) => line.split(" ")[2]);
  assertEquals([scenes.length, scenes[0]], [2, scenes[1]], said);
});
