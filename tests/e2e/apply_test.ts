// A show on two machines: from a file with mistakes to a wall that runs, changed, taken back, and with a machine that was away.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Answer, HanaUser } from "../support/hana_process.ts";
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

  /** `NAME@HOST STATE ARGV`, all of them. */
  async programs(): Promise<string[]> {
    const { document } = await this.foh.json<Listed>(["ps", "--on", "all"]);
    return document.programs.map(({ name, node, state, argv }) => `${name}@${node} ${state} ${argv.at(-1)}`)
      .sort();
  }

  async runs(): Promise<Record<string, number>> {
    const { document } = await this.foh.json<Listed>(["ps", "--on", "all"]);
    return Object.fromEntries(document.programs.map(({ name, node, run }) => [`${name}@${node}`, run]));
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

/** A desk and two machines that take shows. */
async function openingOf(network: TestNetwork): Promise<HanaUser> {
  const [foh, left, right] = stageOf(network, "foh", "left", "right");
  await shareKey(foh, left, right);
  await Promise.all([left, right].map((user) => user.serve("--allow-apply", "--name", user.machine.name)));
  assertEquals((await foh.discover("--expect", "left,right")).code, 0);
  return foh;
}

liveTest(
  "a show is planned, applied, found unchanged, and changed where it differs",
  async (network) => {
    const foh = await openingOf(network);
    const tour = new Tour(foh);
    const file = tour.write(show("5001"));

    const plan = await tour.apply(file, "--plan");
    assertEquals([plan.code, plan.document.schema], [0, "hana.apply/1"], plan.stderr);
    assertEquals(plan.document.hosts.map(({ host, added }) => `${host}: ${added}`), [
      "left: aurora,tracker",
      "right: aurora",
    ]);
    assertEquals(await tour.programs(), []);

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
    assertEquals(await tour.programs(), [
      "aurora@left running 5001",
      "aurora@right running 5001",
      "tracker@left running 4001",
    ]);

    const again = await foh.run(["apply", file]);
    assertEquals(again.code, 0, again.stderr);
    const settled = await tour.apply(file);
    assertEquals([settled.code, settled.document.generation, settled.document.programs.length], [0, 1, 0]);
    assertEquals(await tour.runs(), { "aurora@left": 1, "aurora@right": 1, "tracker@left": 1 });

    tour.write(show("5002", "    grace: 1s\n"));
    const told = await foh.run(["apply", file, "--plan", "--plain"]);
    assertEquals(told.code, 0, told.stderr);
    assertMatch(told.stdout, /^left\trestart\taurora\t.*grace: 500ms -> 1s/m);
    assertMatch(told.stdout, /^left\tsame\ttracker/m);
    const second = await tour.apply(file);
    assertEquals([second.code, second.document.generation], [0, 2], second.stderr);
    assertEquals(await tour.programs(), [
      "aurora@left running 5002",
      "aurora@right running 5002",
      "tracker@left running 4001",
    ]);
    assertEquals(await tour.runs(), { "aurora@left": 2, "aurora@right": 2, "tracker@left": 1 });
  },
);

liveTest(
  "a show is taken back and forth, and takes away what it does not have any more",
  async (network) => {
    const foh = await openingOf(network);
    const tour = new Tour(foh);
    const file = tour.write(show("5001"));
    assertEquals((await tour.apply(file)).code, 0);
    tour.write(show("5002"));
    assertEquals((await tour.apply(file)).code, 0);
    const back = await tour.apply("--rollback");
    assertEquals([back.code, back.document.generation, back.document.of], [0, 3, 1], back.stderr);
    assertEquals((await tour.programs())[0], "aurora@left running 5001");
    const further = await foh.run(["apply", "--rollback"]);
    assertEquals(further.code, 1);
    assertStringIncludes(further.stderr, "no generation before 1");
    const forth = await tour.apply("--rollback", "2");
    assertEquals([forth.code, forth.document.of], [0, 2], forth.stderr);
    assertEquals((await tour.programs())[0], "aurora@left running 5002");

    const status = await foh.run(["apply", "--status", "--plain"]);
    assertEquals(status.code, 0, status.stderr);
    assertEquals(
      status.stdout.split("\n").filter((line) => line !== "").map((line) => line.split("\t").slice(0, 4)),
      [
        ["left", "spring-tour", "4", "in-force"],
        ["right", "spring-tour", "4", "in-force"],
      ],
    );

    // A show that has nothing for a machine any more takes its programs away.
    tour.write(
      show("5002").replace(", aurora@right", "").replace(
        "hosts: { left: { tags: [wall] }, right: { tags: [wall] } }",
        "hosts: { left: { tags: [wall] } }",
      ),
    );
    const less = await tour.apply(file);
    assertEquals(less.code, 0, less.stderr);
    assertEquals(await tour.programs(), ["aurora@left running 5002", "tracker@left running 4001"]);
  },
);

liveTest(
  "a machine that is away is pending, is behind when it comes back, and is brought in line",
  async (network) => {
    const [foh, left, right] = stageOf(network, "foh", "left", "right");
    await shareKey(foh, left, right);
    await left.serve("--allow-apply", "--name", "left");
    const node = await right.serve("--allow-apply", "--name", "right");
    assertEquals((await foh.discover("--expect", "left,right")).code, 0);
    const tour = new Tour(foh);
    const file = tour.write(show("6001"));
    assertEquals((await tour.apply(file)).code, 0);

    await node.crash();
    tour.write(show("6002"));
    const part = await tour.apply(file);
    assertEquals(part.code, 3, part.stderr);
    assertEquals(part.document.pending.map(({ host }) => host), ["right"]);
    assertMatch(part.stderr, /right is pending: .*hana apply .*show\.yaml/);
    assertEquals((await tour.programs())[0], "aurora@left running 6002");

    // Its programs went on without it, as they were.
    await right.serve("--allow-apply", "--name", "right");
    assertEquals((await foh.discover("--expect", "left,right")).code, 0);
    assertEquals((await tour.programs())[1], "aurora@right running 6001");
    const listed = await foh.run(["ps", "--on", "all"]);
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
    assertEquals((await tour.programs())[1], "aurora@right running 6002");
    assertEquals((await tour.runs())["aurora@left"], 2);
    const after = await foh.run(["ps", "--on", "all"]);
    assert(!after.stderr.includes("behind"), after.stderr);
  },
);

liveTest(
  "a show with mistakes, missing files, a host that takes none, and a picture that fails changes as little as can be",
  async (network) => {
    const [foh, left, right] = stageOf(network, "foh", "left", "right");
    await shareKey(foh, left, right);
    await left.serve("--allow-apply", "--name", "left");
    const node = await right.serve("--name", "right");
    assertEquals((await foh.discover("--expect", "left,right")).code, 0);
    const tour = new Tour(foh);

    const wrong = tour.write(show("7001").replace("needs:", "neds:").replace("on: left", "on: lefd"));
    const mistakes = await foh.run(["apply", wrong]);
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

    const closed = await foh.run(["apply", tour.write(show("7001"))]);
    assertEquals(closed.code, 7, closed.stderr);
    assertMatch(closed.stderr, /right refused the show/);
    assertStringIncludes(closed.stderr, "--allow-apply");
    await node.stop();
    await right.serve("--allow-apply", "--name", "right");
    assertEquals((await foh.discover("--expect", "left,right")).code, 0);

    const absent = await foh.run([
      "apply",
      tour.write(show("7001").replace('/bin/sleep, "7001"', "/shows/aurora")),
    ]);
    assertEquals(absent.code, 1, absent.stderr);
    assertMatch(absent.stderr, /left: aurora cannot be started\n {2}\/shows\/aurora is missing/);
    assertMatch(absent.stderr, /right: aurora cannot be started/);
    assertEquals(await tour.programs(), []);

    const file = tour.write(show("7001"));
    assertEquals((await tour.apply(file)).code, 0);
    // The new one ends at once: the second machine keeps its picture.
    tour.write(show("7001").replace('[/bin/sleep, "7001"]', '[/bin/false, "7002"]'));
    const failed = await tour.apply(file, "--timeout", "4s");
    assertEquals(failed.code, 4, failed.stderr);
    assertMatch(failed.stderr, /aurora@left did not get ready/);
    assertMatch(failed.stderr, /1 program stay as they were: aurora@right|aurora@right/);
    assertEquals((await tour.programs())[1], "aurora@right running 7001");
    const status = await foh.run(["apply", "--status", "--plain"]);
    assertMatch(status.stdout, /^right\tspring-tour\t2\thalted/m);
    const back = await tour.apply("--rollback");
    assertEquals(back.code, 0, back.stderr);
    assertEquals(await tour.programs(), [
      "aurora@left running 7001",
      "aurora@right running 7001",
      "tracker@left running 4001",
    ]);
    assertEquals((await tour.runs())["aurora@right"], 1);
  },
);

liveTest("of two consoles that apply two shows at once one wins everywhere", async (network) => {
  const [foh, desk, left, right] = stageOf(network, "foh", "desk", "left", "right");
  await shareKey(foh, desk, left, right);
  await left.serve("--allow-apply", "--name", "left");
  await right.serve("--allow-apply", "--name", "right");
  assertEquals((await foh.discover("--expect", "left,right")).code, 0);
  const one = new Tour(foh);
  const two = new Tour(desk);
  const [first, second] = await Promise.all([
    foh.run(["apply", one.write(show("8001"))]),
    desk.run(["apply", two.write(show("8002"))]),
  ]);
  const scenes = (await one.programs()).filter((line) => line.startsWith("aurora")).map((line) =>
    line.split(" ")[2]
  );
  assertEquals(scenes.length, 2);
  assertEquals(scenes[0], scenes[1], `${first.stderr}\n${second.stderr}`);
  const codes = [first.code, second.code].sort();
  // Whoever came behind the other's end has applied another generation; else one of them was told who was first.
  assert(codes[0] === 0 && (codes[1] === 0 || codes[1] === 7), `${first.stderr}\n${second.stderr}`);
  const loser = [first, second].find(({ code }) => code === 7);
  if (loser !== undefined) assertMatch(loser.stderr, /right now|is in force/);
});
