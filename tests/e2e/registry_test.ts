// The list of nodes as a crew sees it: what machines have, who crashed, who left, and why.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { liveTest } from "../support/live.ts";
import { shareKey, stageOf } from "./stage.ts";

/** A crash is known by then (discovery research, section 7), on a machine that runs much else too. */
const CRASH_KNOWN_MS = 20_000;

liveTest(
  "discover shows the crashed and the gone below the living, since when, and -q leaves them out",
  async (network) => {
    const [desk, left, right, rack] = stageOf(network, "desk", "left", "right", "rack");
    await shareKey(desk, left, right, rack);
    await desk.serve();
    const crashes = await left.serve("--role", "visualization");
    const leaves = await rack.serve();
    await right.serve("--role", "visualization");
    assertEquals((await desk.discover("--expect", "4")).code, 0);
    const watch = await desk.watch();
    await crashes.crash();
    await leaves.stop();
    await watch.untilState("rack", "left");
    await watch.untilState("left", "dead", CRASH_KNOWN_MS);

    const lines = (await desk.run(["discover"])).stdout.trimEnd().split("\n").map((line) => line.split("\t"));
    assertEquals(lines.map(([name, , , , , , , state]) => `${name} ${state}`), [
      "desk alive",
      "right alive",
      "left dead",
      "rack left",
    ]);
    assert(lines.every((line) => /^\d+$/.test(line[9] ?? "")), "since when, in ms");
    assertEquals((await desk.run(["discover", "-q"])).stdout, "desk\nright\n");
    assertEquals((await desk.run(["discover", "-q", "--state", "dead,left"])).stdout, "left\nrack\n");
    assertEquals((await desk.run(["discover", "-q", "--state", "all"])).stdout, "desk\nright\nleft\nrack\n");
    // Whoever may be spoken to is all that a reader of names is told.
    const names = await desk.run(["discover", "--watch", "-q", "--timeout", "300ms"]);
    assertEquals(names.stdout, "add\tdesk\nadd\tright\nsync\n");

    const again = await left.serve("--role", "visualization");
    const restarted = await watch.until(
      "the reason for its coming back",
      (told) =>
        told.find((line) => line.op === "update" && line.name === "left" && line.event?.kind === "restarted"),
    );
    assert(restarted.op !== "sync");
    assertEquals([restarted.id, restarted.state], [again.ready.id, "alive"]);
  },
);

liveTest(
  "what machines have is told with their load, asked for by condition, and shown in columns",
  async (network) => {
    const [desk, wall, looker] = stageOf(network, "desk", "wall", "looker");
    await shareKey(desk, wall, looker);
    await desk.serve("--hardware", "off");
    Deno.mkdirSync(`${wall.home.config}/hana`, { recursive: true });
    Deno.writeTextFileSync(
      `${wall.home.config}/hana/config.yaml`,
      "resources: {gpu: {0: {vramMb: 8000, name: borrowed}}, display: {0: {width: 3840, height: 2160}}}\n",
    );
    await wall.serve("--capability", "fog");
    const names = async (...conditions: string[]): Promise<string> =>
      (await desk.run(["discover", "-q", ...conditions.flatMap((each) => ["--capability", each])])).stdout;
    const watch = await desk.watch("--resources");
    await watch.until(
      "the load of wall",
      (lines) =>
        lines.find((line) =>
          line.op !== "sync" && line.name === "wall" && (line.load?.memoryFreeMb ?? null) !== null
        ),
    );
    assertEquals(await names("gpu.vramMb>=8000", "fog"), "wall\n");
    assertEquals(await names("gpu.vramMb>=8GB", "display.width>=3840"), "wall\n");
    assertEquals(await names("free.memoryMb>1", "load.cpu<101"), "wall\n");
    assertEquals(await names("cpu.cores>=1"), "wall\n");
    // Without a node here, load is known only to who listens for a beat.
    const looked = await looker.run(["discover", "-q", "--capability", "free.memoryMb>1"]);
    assertEquals([looked.code, looked.stdout], [0, "wall\n"]);
    assertEquals(await names("!fog"), "desk\n");
    const wrong = await desk.run(["discover", "--capability", "free.disk>1"]);
    assertEquals([wrong.code, wrong.stdout], [2, ""]);
    assertMatch(
      wrong.stderr,
      /nothing is known of free\.disk\n.*free\.vramMb and free\.memoryMb\n.*try: hana discover/,
    );

    const { stdout } = await desk.run(["discover", "--resources", "--header"]);
    const [header = "", , wallLine = ""] = stdout.split("\n");
    assertEquals(header, "NAME\tROLE\tSTATE\tCPU\tMEM\tGPU\tVRAM\tDISPLAYS\tSINCE");
    assertMatch(wallLine, /^wall\tdaemon\talive\t(\d+\/)?\d+\t\d+\/\d+\tborrowed\t-\/8000\t3840x2160\t\d+$/);
    const shown = await wall.run(["config", "show", "--origin"]);
    assertMatch(
      shown.stdout,
      /^resources\tgpu\.0\.vramMb=8000, gpu\.0\.name=borrowed, .*\tfile .*config\.yaml:1$/m,
    );
  },
);
