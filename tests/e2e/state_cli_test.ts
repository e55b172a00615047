// `hana state` with real processes: an app that hosts, a visualization that declares parameters, and people at both
// machines and at a third that runs no node.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { CapturedProcess } from "../support/captured_process.ts";
import { eventually } from "../support/captured_process.ts";
import type { HanaUser, ServedNode } from "../support/hana_process.ts";
import { liveTest } from "../support/live.ts";
import type { TestNetwork } from "../support/namespaces.ts";
import { shareKey, stageOf } from "./stage.ts";

/** A row of `state get`, as far as tests read it. */
interface Value {
  readonly path: string;
  readonly value: unknown;
  readonly text: string;
  readonly holder: { readonly client: number; readonly name: string } | null;
  readonly priority: number | null;
  readonly set: boolean;
}

interface Why {
  readonly sentence: string;
  readonly reason: string;
  readonly claims: readonly { readonly name: string; readonly priority: number; readonly fate: string }[];
}

interface Sessions {
  readonly clients: readonly {
    readonly client: number;
    readonly name: string;
    readonly state: string;
    readonly owns: readonly string[];
    readonly privileged: boolean;
  }[];
}

interface Theatre {
  readonly foh: HanaUser;
  readonly wall: HanaUser;
  /** On the network, without a node of its own. */
  readonly crew: HanaUser;
  readonly app: ServedNode;
  readonly visualization: ServedNode;
}

const PARAMETERS = [
  ...["--parameter", "hue:f32:0..360:°=120"],
  ...["--parameter", "gain:unit:%=0.5"],
  ...["--parameter", "mood:enum:calm|wild=calm"],
];

/** Waits until the parameters of the wall are there for everybody. */
async function theatre(network: TestNetwork): Promise<Theatre> {
  const [foh, wall, crew] = stageOf(network, "foh", "wall", "crew");
  await shareKey(foh, wall, crew);
  const [app, visualization] = await Promise.all([
    foh.serve("--role", "app"),
    wall.serve("--role", "visualization", "--draw", ...PARAMETERS),
  ]);
  await eventually("the parameters of the wall", async () => {
    const { code } = await foh.run(["state", "get", "wall/mood", "--timeout", "10s"]);
    return code === 0 ? true : null;
  });
  return { foh, wall, crew, app, visualization };
}

async function get(user: HanaUser, path: string): Promise<Value> {
  const { code, document, stderr } = await user.json<{ values: Value[] }>(["state", "get", path]);
  assertEquals(code, 0, stderr);
  const [value] = document.values;
  assert(value !== undefined);
  return value;
}

/** Until a path has a value there. */
async function shows(user: HanaUser, path: string, text: string): Promise<Value> {
  return await eventually(`${path} to be ${text}`, async () => {
    const value = await get(user, path);
    return value.text === text ? value : null;
  });
}

/** Runs hana and says how it ended and what it said. */
async function told(user: HanaUser, ...args: string[]): Promise<[number, string, string]> {
  const { code, stdout, stderr } = await user.run(args);
  return [code, stdout, stderr];
}

/** Starts a command that stays, and waits until it holds. */
async function holding(user: HanaUser, ...args: string[]): Promise<CapturedProcess> {
  const process = user.start(args);
  await process.until("to hold", () => process.stderr.includes("holding ") ? true : null);
  return process;
}

async function interrupted(process: CapturedProcess): Promise<number> {
  process.kill("SIGINT");
  return (await process.ended()).code;
}

liveTest(
  "a value that a short command sets stands when the command is gone, and the wall draws it",
  async (network) => {
    const { foh, wall, crew, visualization } = await theatre(network);
    // In its unit, from a machine that runs no node.
    const set = await crew.json<{ outcomes: { path: string; outcome: string }[] }>(
      ["state", "set", "wall/hue=0.5turn", "wall/mood=wild"],
    );
    assertEquals([set.code, set.document.outcomes.map(({ outcome }) => outcome)], [0, ["stands", "stands"]]);
    await visualization.process.until(
      "the wall to draw it",
      () => visualization.process.stderr.includes("hue is 180°") ? true : null,
    );
    for (const user of [foh, wall, crew]) {
      const value = await get(user, "wall/hue");
      // Nobody holds it any more: the client has said goodbye.
      assertEquals([value.value, value.text, value.holder, value.set], [180, "180°", null, true]);
    }
    const why = await foh.json<Why>(["state", "why", "wall/hue"]);
    assertEquals([why.code, why.document.reason, why.document.claims], [0, "held", []]);
    assertEquals(why.document.sentence, "wall/hue is 180°: nobody controls it; its last value stands");
    const sessions = await foh.json<Sessions>(["state", "sessions"]);
    const names = sessions.document.clients.map(({ name }) => name);
    assertEquals(names, ["wall", names.at(-1) ?? ""], "only the wall and this command itself");
    // What is shared is not set behind everybody's back; what is not shared is set there alone, and told so.
    const behind = await told(foh, "call", "wall", "hana.viz.set", "name=hue", "value=3");
    assertEquals(behind[0], 7);
    assertStringIncludes(behind[2], "hue is shared: wall/hue has a host");
    const alone = await foh.call("wall", "hana.viz.set", "name=strobe", "value=0.5");
    assertEquals((alone.document.reply as { local: boolean }).local, true);
    await visualization.process.until(
      "the wall to say that",
      () => visualization.process.stderr.includes("strobe is 0.5 (set here alone)") ? true : null,
    );
    // For scripts: values alone.
    assertEquals(await told(crew, "state", "get", "wall/hue", "wall/mood", "-q"), [0, "180°\nwild\n", ""]);
  },
);

liveTest(
  "two apps contest a parameter: the higher priority wins, and everybody can read why",
  async (network) => {
    const { foh, wall, crew } = await theatre(network);
    const lighting = await holding(wall, "state", "set", "wall/hue=30°", "--hold", "1m", "--as", "lighting");
    const video = await holding(
      crew,
      ...["state", "set", "wall/hue=200°", "--priority", "150", "--hold", "1m", "--as", "video"],
    );
    const why = await foh.json<Why>(["state", "why", "wall/hue"]);
    assertEquals(why.document.sentence, "wall/hue is 200°: video has the highest priority (150)");
    assertEquals(why.document.claims.map(({ name, priority, fate }) => [name, priority, fate]), [
      ["video", 150, "stands"],
      ["lighting", 100, "lower-priority"],
    ]);
    // Who comes below is told who stands above, and what it would take.
    const [code, stdout, stderr] = await told(foh, "state", "set", "wall/hue=10");
    assertEquals([code, stdout], [7, "wall/hue\t200°\tshadowed\tvideo\t150\n"]);
    assertStringIncludes(stderr, "video has priority 150; it is 200°");
    assertStringIncludes(stderr, "try: hana state why wall/hue    (or --priority 151)");
    // Part of a call stands, part does not.
    assertEquals((await foh.run(["state", "set", "wall/hue=10", "wall/gain=10%"])).code, 3);
    // Ctrl-C gives it up: the next claim counts, and nobody is left behind.
    assertEquals(await interrupted(video), 130);
    const back = await shows(foh, "wall/hue", "30°");
    assertEquals([back.holder?.name, back.priority], ["lighting", 100]);
    // A short command that wins by being newer says whose value is back when it ends.
    const short = await told(foh, "state", "set", "wall/hue=77");
    assertEquals(short.slice(0, 2), [0, "wall/hue\t77°\tstands\tcli@" + short[1].split("cli@")[1]]);
    assertMatch(
      short[2],
      /^warning: wall\/hue: lighting controls it too \(100\); .* its 30° is back; .*--as NAME\n$/,
    );
    await shows(foh, "wall/hue", "30°");
    assertEquals(await interrupted(lighting), 130);
  },
);

liveTest(
  "commands under one name are one client: claims and undo outlast each of them",
  async (network) => {
    const { foh, wall } = await theatre(network);
    const numberOf = async (name: string): Promise<number | undefined> =>
      (await foh.json<Sessions>(["state", "sessions"])).document.clients.find((each) => each.name === name)
        ?.client;
    assertEquals((await foh.run(["state", "set", "wall/hue=30", "--as", "desk"])).code, 0);
    const number = await numberOf("desk");
    assert(number !== undefined, "it keeps its place");
    const held = await get(foh, "wall/hue");
    assertEquals([held.text, held.holder], ["30°", { client: number, name: "desk" }]);
    const file = `${foh.stateDirectory}/clients/desk.json`;
    assertEquals((Deno.statSync(file).mode ?? 0) & 0o777, 0o600);
    const token = JSON.parse(Deno.readTextFileSync(file)).token as string;
    assertMatch(token, /^[0-9a-f]{32}$/);

    assertEquals((await foh.run(["state", "set", "wall/hue=90", "wall/mood=wild", "--as", "desk"])).code, 0);
    assertEquals(await numberOf("desk"), number, "the same client");
    assert(JSON.parse(Deno.readTextFileSync(file)).token !== token, "a token is used once");
    const listed = await told(foh, "state", "undo", "--list", "-q", "--as", "desk");
    assertEquals(listed, [0, "set wall/hue=90° wall/mood=wild\nset wall/hue=30°\n", ""]);
    assertEquals((await foh.run(["state", "undo", "--as", "desk"])).code, 0);
    assertEquals([(await get(foh, "wall/hue")).text, (await get(foh, "wall/mood")).text], ["30°", "calm"]);
    assertEquals((await foh.run(["state", "redo", "--as", "desk"])).code, 0);
    assertEquals((await get(foh, "wall/hue")).text, "90°");
    // What somebody else has moved since is his.
    assertEquals((await wall.run(["state", "set", "wall/hue=5", "--as", "side"])).code, 0);
    const [code, , stderr] = await told(foh, "state", "undo", "--as", "desk");
    assertEquals(code, 3);
    assertStringIncludes(stderr, "side has moved it since; it stays as it is");
    assertEquals([(await get(foh, "wall/hue")).text, (await get(foh, "wall/mood")).text], ["5°", "calm"]);
  },
);

liveTest(
  "an object is its owner's alone whatever the priority, is given to somebody who is there, and outlasts commands",
  async (network) => {
    const { foh, wall } = await theatre(network);
    const clients = async (): Promise<Sessions["clients"]> =>
      (await foh.json<Sessions>(["state", "sessions"])).document.clients;
    assertEquals((await wall.run(["state", "set", "wall/hue=5", "--as", "side"])).code, 0);
    assertEquals((await foh.run(["state", "own", "wall/hue", "--as", "desk"])).code, 0);
    const refused = await told(wall, "state", "set", "wall/hue=1", "--priority", "200");
    assertEquals(refused[0], 7);
    assertStringIncludes(refused[2], "desk owns it, and edits it alone");
    assertEquals((await foh.run(["state", "set", "wall/hue=60", "--as", "desk"])).code, 0);
    // To give it to somebody, that one has to be there.
    const away = await told(foh, "state", "transfer", "wall/hue", "side", "--as", "desk");
    assertEquals(away[0], 7);
    assertStringIncludes(away[2], "side is not there to take wall/hue");
    const side = await holding(wall, "state", "claim", "wall/gain", "--hold", "1m", "--as", "side");
    assertEquals((await foh.run(["state", "transfer", "wall/hue", "side", "--as", "desk"])).code, 0);
    assertEquals(await interrupted(side), 130);
    assertEquals((await clients()).find(({ name }) => name === "side")?.owns, ["wall/hue"]);
    assertEquals((await foh.run(["state", "set", "wall/hue=1", "--as", "desk"])).code, 7);
    assertEquals((await wall.run(["state", "disown", "wall/hue", "--as", "side"])).code, 0);
    assertEquals((await foh.run(["state", "set", "wall/hue=61", "--as", "desk"])).code, 0);

    // The name is free again.
    assertEquals((await foh.run(["state", "release", "--all", "--as", "desk"])).code, 0);
    assertEquals((await clients()).find(({ name }) => name === "desk"), undefined);
    // What side had was taken over while no command of it was there; so the last value stands.
    const last = await get(foh, "wall/hue");
    assertEquals([last.text, last.holder], ["61°", null]);
  },
);

liveTest(
  "the privilege is asked for, kept, refused and handed over, and structure is changed by it alone",
  async (network) => {
    const { foh, wall } = await theatre(network);
    assertEquals((await foh.run(["state", "privilege"])).code, 1);
    // Nobody has it: a command takes it for its moment.
    assertEquals((await foh.run(["state", "define", "show/level", "f32", "0..100", "%", "=", "25"])).code, 0);
    assertEquals((await get(wall, "show/level")).text, "25%");
    const desk = await holding(foh, "state", "privilege", "request", "--hold", "1m", "--as", "desk");
    assertEquals(await told(wall, "state", "privilege", "-q"), [0, "desk\n", ""]);
    const [code, , stderr] = await told(wall, "state", "forget", "show/level");
    assertEquals(code, 7);
    assertStringIncludes(stderr, "desk is the privileged client");
    assertEquals(await interrupted(desk), 130);
    await eventually("nobody to be privileged", async () => {
      const { code } = await wall.run(["state", "privilege", "seize", "--as", "side"]);
      return code === 0 ? true : null;
    });
    assertEquals((await wall.run(["state", "forget", "show/level", "--as", "side"])).code, 0);
    assertEquals((await foh.run(["state", "get", "show/level"])).code, 1);

    // Asked for: the holder agrees. Offered: the other one waits for it and takes it.
    const consent = wall.start(["state", "privilege", "consent", "--as", "side"]);
    await consent.until(
      "to wait",
      () => consent.stderr.includes("waiting until somebody asks") ? true : null,
    );
    assertEquals((await foh.run(["state", "privilege", "request", "--as", "desk"])).code, 0);
    assertEquals((await consent.ended()).code, 0);
    const accept = wall.start(["state", "privilege", "accept", "--as", "side"]);
    await accept.until("to wait", () => accept.stderr.includes("waiting until it is offered") ? true : null);
    const offered = await foh.run(["state", "privilege", "offer", "side", "--as", "desk"]);
    assertEquals(offered.code, 0, offered.stderr);
    assertEquals((await accept.ended()).code, 0);
    assertEquals(await told(foh, "state", "privilege", "-q"), [0, "side\n", ""]);
    // A command that stays and gives to whoever asks.
    const giving = await holding(foh, "state", "own", "wall/hue", "--hold", "1m", "--give");
    assertEquals((await wall.run(["state", "own", "wall/hue", "--as", "side"])).code, 0);
    await giving.until(
      "to say so",
      () => giving.stderr.includes("side asks for wall/hue: given") ? true : null,
    );
    assertEquals(await interrupted(giving), 130);
  },
);

liveTest(
  "who watches hears every change until he has heard enough, and a wrong word is answered with the right one",
  async (network) => {
    const { foh, wall } = await theatre(network);
    const watch = foh.start(["state", "watch", "wall/gain", "--count", "1", "--timeout", "30s"]);
    await watch.until("the first list", () => watch.stdout.includes('"op":"sync"') ? true : null);
    assertEquals((await wall.run(["state", "set", "wall/gain=75%", "--as", "side"])).code, 0);
    const { code, stdout } = await watch.ended();
    const lines = stdout.trim().split("\n").map((line) => JSON.parse(line));
    assertEquals([code, lines.map(({ op }) => op)], [0, ["add", "sync", "update"]]);
    assertEquals([lines[2].text, lines[2].holder.name, lines[2].schema], [
      "75%",
      "side",
      "hana.state.watch.value/1",
    ]);
    const silent = await foh.run(["state", "watch", "wall/mood", "--count", "1", "--timeout", "300ms"]);
    assertEquals([silent.code, silent.stderr], [4, "0 changes of 1 came\n"]);

    const cases: readonly (readonly [string, number, RegExp])[] = [
      [
        "get wall/heu",
        1,
        /^error: there is no path wall\/heu\n {2}did you mean wall\/hue\?\n {2}try: hana state get wall\/hue\n$/,
      ],
      [
        "set wall/hue=900",
        2,
        /takes a number from 0 to 360°, not 900\n {2}try: hana state set wall\/hue=120°\n$/,
      ],
      ["set wall/mood=wlid", 2, /try: hana state set wall\/mood=wild\n$/],
      ["set wall 3", 2, /^error: wall is no parameter\n.*wall\/gain, wall\/hue, wall\/mood\n/],
      ["set wall/hue=3 --priority 201", 2, /what is above is the host's own\n/],
      ["release wall/hue", 2, /try: hana state release wall\/hue --as NAME\n$/],
      ["transfer wall/hue sdie --as desk", 1, /did you mean side\?\n/],
      ["why wall/hue/x", 1, /wall\/hue is a parameter itself, with nothing below it\n/],
      ["snapshot load act-1", 1, /^error: no snapshot act-1 is stored\n {2}none are\n/],
      ["groups status wall", 1, /^error: there is no group wall\n {2}there are none at all\n/],
      ["watch --json", 2, /try: hana state watch --ndjson\n$/],
      ["gte wall/hue", 2, /did you mean get\?\n {2}try: hana state get wall\/hue\n$/],
    ];
    for (const [args, expected, said] of cases) {
      const [ended, , stderr] = await told(foh, "state", ...args.split(" "));
      assertEquals(ended, expected, `${args}: ${stderr}`);
      assertMatch(stderr, said);
    }
  },
);

liveTest("how everything stood is stored by name and as a file, compared and put back", async (network) => {
  const { foh, wall, crew } = await theatre(network);
  assertEquals((await foh.run(["state", "set", "wall/hue=10", "wall/mood=wild"])).code, 0);
  assertEquals((await foh.run(["state", "snapshot", "save", "act-1", "--note", "before the solo"])).code, 0);
  assertEquals((await wall.run(["state", "set", "wall/hue=300", "wall/mood=calm"])).code, 0);
  assertEquals(await told(crew, "state", "snapshot", "diff", "act-1"), [
    1,
    "wall/hue\t10°\t300°\nwall/mood\twild\tcalm\n",
    "",
  ]);
  const exported = await crew.run(["state", "snapshot", "export"]);
  assertMatch(exported.stdout, /\nvalues:\n.* {2}wall\/hue: \{ f32: 300 \} # .*360°\n/s);
  assertEquals((await crew.run(["state", "snapshot", "load", "act-1"])).code, 0);
  assertEquals([(await get(foh, "wall/hue")).text, (await get(foh, "wall/mood")).text], ["10°", "wild"]);
  // Back to the file, by stdin.
  const imported = await crew.run(["state", "snapshot", "import", "-"], { stdin: exported.stdout });
  assertEquals(imported.code, 0, imported.stderr);
  assertEquals((await get(foh, "wall/hue")).text, "300°");
  assertEquals(await told(foh, "complete", "snapshots"), [0, "act-1\n", ""]);
  assertEquals(await told(foh, "complete", "paths"), [0, "wall/gain\nwall/hue\nwall/mood\n", ""]);
  assertEquals((await foh.run(["state", "snapshot", "rm", "act-1"])).code, 0);
  assertEquals((await foh.run(["state", "snapshot"])).code, 1);
});

liveTest(
  "a node that was told to host does so before the leader, and without any host a person reads what to start",
  async (network) => {
    const [foh, desk] = stageOf(network, "foh", "desk");
    await shareKey(foh, desk);
    await foh.serve();
    const nobody = await told(foh, "state", "host");
    assertEquals(nobody[0], 1);
    assertStringIncludes(nobody[2], "try: hana serve --role app");
    const [code, , stderr] = await told(foh, "state", "set", "wall/hue=3");
    assertEquals(code, 1);
    assertMatch(
      stderr,
      /^error: nobody hosts the shared state\n.*\n {2}try: hana serve --role app .*--host-state\)\n$/,
    );
    // Nobody is asked where nobody hosts.
    assertEquals((await foh.discover()).code, 0);

    const node = await desk.serve("--host-state");
    const host = await eventually("the desk to host", async () => {
      const { code, document } = await foh.json<{ host: { name: string; mode: string } | null }>([
        "state",
        "host",
      ]);
      return code === 0 ? document.host : null;
    });
    assertEquals([host.name, host.mode], ["desk", "fixed"]);
    assertEquals((await foh.run(["state", "define", "show/mood", "enum", "calm|wild"])).code, 0);
    assertEquals(await told(foh, "state", "set", "show/mood", "wild", "-q"), [0, "show/mood\n", ""]);
    assertEquals((await get(desk, "show/mood")).text, "wild");
    await node.stop();
  },
);

liveTest(
  "the host dies: who watches is told, a name keeps its place, and what was set stands",
  async (network) => {
    const [foh, backup, wall] = stageOf(network, "foh", "backup", "wall");
    await shareKey(foh, backup, wall);
    const app = await foh.serve("--role", "app", "--priority", "9");
    await wall.serve("--role", "visualization", ...PARAMETERS);
    await eventually("the parameters of the wall", async () => {
      const { code } = await wall.run(["state", "get", "wall/mood", "--timeout", "10s"]);
      return code === 0 ? true : null;
    });
    await backup.serve("--role", "app");
    const host = async (): Promise<{ host: { name: string } | null; single: boolean }> =>
      (await wall.json<{ host: { name: string } | null; single: boolean }>(["state", "host"])).document;
    assertEquals((await host()).host?.name, "foh");
    assertEquals((await wall.run(["state", "set", "wall/hue=11", "--as", "side"])).code, 0);
    const before = await get(wall, "wall/hue");
    await eventually("a standby to have it", async () => (await host()).single ? null : true);
    const watch = wall.start(["state", "watch", "wall/hue"]);
    await watch.until("the first list", () => watch.stdout.includes('"op":"sync"') ? true : null);

    await app.crash();
    await watch.until("to be told", () => watch.stderr.includes("the host does not answer") ? true : null);
    const set = await wall.run(["state", "set", "wall/gain=10%", "--as", "side", "--timeout", "30s"]);
    assertEquals(set.code, 0, set.stderr);
    assertEquals((await host()).host?.name, "backup");
    await watch.until(
      "to hear the next one",
      () => watch.stderr.includes("a host answers again") ? true : null,
    );
    const [hue, gain] = [await get(wall, "wall/hue"), await get(wall, "wall/gain")];
    assertEquals([hue.text, hue.holder, gain.text, gain.holder], [
      "11°",
      before.holder,
      "10%",
      before.holder,
    ]);
    assertEquals((await wall.run(["state", "undo", "--as", "side"])).code, 0);
    assertEquals((await get(wall, "wall/gain")).text, "50%");
    assertEquals(await interrupted(watch), 130);
  },
);

liveTest(
  "a visualization that finds no host is driven by hand, and keeps what it shows when a host comes",
  async (network) => {
    const [foh, wall] = stageOf(network, "foh", "wall");
    await shareKey(foh, wall);
    const visualization = await wall.serve("--role", "visualization", "--draw", ...PARAMETERS);
    const reply = await eventually("the wall to be on its own", async () => {
      const { code, stdout } = await foh.run([
        "call",
        "wall",
        "hana.viz.set",
        "name=hue",
        "value=300",
        "--json",
      ]);
      return code === 0 ? JSON.parse(stdout).reply : null;
    });
    assertEquals([reply.value, reply.local], [300, true]);
    await visualization.process.until(
      "the wall to show it",
      () => visualization.process.stderr.includes("hue is 300° (set here alone)") ? true : null,
    );
    // What does not fit is refused here as anywhere.
    const wrong = await told(foh, "call", "wall", "hana.viz.set", "name=hue", "value=900");
    assertEquals(wrong[0], 1);
    assertStringIncludes(wrong[2], "a number from 0 to 360°, not 900");

    await foh.serve("--role", "app");
    await eventually("the host to have the parameters", async () => {
      const { code } = await foh.run(["state", "get", "wall/hue", "--timeout", "10s"]);
      return code === 0 ? true : null;
    });
    const hue = await shows(foh, "wall/hue", "300°");
    assertEquals([hue.holder?.name, hue.priority], ["wall", 100], "the wall's own claim: nothing jumps");
    assertEquals((await foh.run(["state", "set", "wall/hue=10", "--as", "desk"])).code, 0);
    await visualization.process.until(
      "the wall to follow",
      () => visualization.process.stderr.includes("hue is 10°\n") ? true : null,
    );
  },
);
