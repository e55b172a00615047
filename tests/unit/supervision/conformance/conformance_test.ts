// The conformance runner against programs of a simulated machine that keep or break one rule each: the first broken rule
// is named, nothing else is, and nothing is left running.

import { assert, assertEquals, assertRejects } from "@std/assert";
import type { HanaError } from "../../../../lib/base/mod.ts";
import { type Program, type ProgramScript, SimulatedWorld } from "../../../../lib/platform/simulated/mod.ts";
import {
  ChildClient,
  type ChildDepth,
  type Conformance,
  testChild,
} from "../../../../lib/supervision/mod.ts";

const SECOND = 1_000_000;
const TOKEN = "0123456789abcdef0123456789abcdef";

/** What a program does otherwise than it should. */
interface Faults {
  readonly token?: string;
  readonly hello?: Record<string, unknown>;
  readonly neverReady?: true;
  readonly beatUs?: number;
  readonly frozen?: true;
  readonly endsAfterUs?: number;
  readonly deaf?: true;
  readonly first?: string;
  readonly code?: number;
  readonly ignoresTerm?: true;
  readonly leaves?: true;
  readonly dropsUnknown?: true;
  readonly silentPing?: true;
}

/** A program that speaks by hand, so that it can break every rule. */
function speaker(faults: Faults = {}): ProgramScript {
  return (program) => {
    if (faults.leaves === true) program.start(["helper"]);
    if (faults.ignoresTerm === true) program.onSignal = () => {};
    void speak(program, faults);
  };
}

async function speak(program: Program, faults: Faults): Promise<void> {
  const { streams, clock, timers } = program.platform;
  const stream = await streams.connect({ kind: "unix", path: program.env["HANA_SOCK"] ?? "" });
  const waiting: string[] = [];
  let isWriting = false;
  const flush = (): void => {
    const line = isWriting ? undefined : waiting.shift();
    if (line === undefined) return;
    isWriting = true;
    stream.write(new TextEncoder().encode(line + "\n"));
  };
  const tell = (message: unknown): void => {
    waiting.push(typeof message === "string" ? message : JSON.stringify(message));
    flush();
  };
  let inbox = "";
  stream.open({
    onData: (bytes) => {
      const lines = (inbox + new TextDecoder().decode(bytes)).split("\n");
      inbox = lines.pop() ?? "";
      for (const line of lines) {
        const asked = JSON.parse(line) as Record<string, unknown>;
        if (asked["t"] === "ping" && faults.silentPing !== true) tell({ t: "pong", n: asked["n"] });
        if (asked["t"] === "stop" && faults.deaf !== true) program.exit(faults.code ?? 0);
        if (asked["t"] === "hana.unknown" && faults.dropsUnknown === true) stream.abort();
      }
    },
    onWritten: () => {
      isWriting = false;
      flush();
    },
    onEnd: () => stream.abort(),
    onClose: () => {},
  });
  if (faults.first !== undefined) tell(faults.first);
  tell({
    t: "hello",
    v: 1,
    token: faults.token ?? program.env["HANA_TOKEN"],
    caps: ["hb", "stop", "frame"],
    ...faults.hello,
  });
  if (faults.neverReady !== true) tell({ t: "ready" });
  let frame = 0;
  const beatUs = faults.beatUs ?? SECOND;
  const beat = (): void => {
    if (faults.frozen !== true) frame += 60;
    tell({ t: "hb", frame });
    timers.schedule(clock.nowUs() + beatUs, beat);
  };
  if (beatUs !== Infinity) timers.schedule(clock.nowUs() + beatUs, beat);
  if (faults.endsAfterUs !== undefined) {
    timers.schedule(clock.nowUs() + faults.endsAfterUs, () => program.exit(3));
  }
}

interface Played extends Conformance {
  /** Rule and verdict, in order. */
  readonly verdicts: Record<string, string>;
  readonly left: number;
}

async function play(script: ProgramScript, depth: ChildDepth = 2, timeoutUs = 60 * SECOND): Promise<Played> {
  const world = new SimulatedWorld({ seed: 5, streamPieces: "random" });
  const host = world.createHost({ name: "stage-left" });
  host.programs.register("viz", script);
  host.programs.register("helper", () => {});
  host.platform.files.makeDirectory("/tmp/t", 0o700);
  let outcome: Conformance | null = null;
  const playing = testChild(host.platform, {
    argv: ["viz"],
    depth,
    directory: "/tmp/t",
    token: TOKEN,
    startUs: 5 * SECOND,
    graceUs: 3 * SECOND,
    isAlone: true,
    timeoutUs,
  }).then((value) => outcome = value);
  await world.runUntilTrue(() => outcome !== null, 120 * SECOND);
  const conformance = await playing;
  await world.runFor(SECOND);
  const verdicts = Object.fromEntries(conformance.checks.map(({ rule, verdict }) => [rule, verdict]));
  const left = host.platform.processTable.marked("HANA_INSTANCE", TOKEN).length;
  return { ...conformance, verdicts, left };
}

Deno.test("a program that keeps all rules passes them all, in two runs", async () => {
  const { verdicts, firstBroken, left } = await play(speaker());
  assertEquals([firstBroken, left], [null, 0]);
  assertEquals(new Set(Object.values(verdicts)), new Set(["pass"]));
  assertEquals(Object.keys(verdicts).length, 12);
});

Deno.test("each broken rule is the first and only one, with what to do, and nothing is left running", async () => {
  const cases: [Faults, string][] = [
    [{ endsAfterUs: 1, neverReady: true }, "start"],
    [{ token: "wrong" }, "hello"],
    [{ hello: { run: 77 } }, "hello"],
    [{ first: '{"t":"ready"}' }, "hello"],
    [{ neverReady: true }, "ready"],
    [{ beatUs: Infinity }, "heartbeat"],
    [{ beatUs: 2.5 * SECOND }, "heartbeat"],
    [{ endsAfterUs: 1.5 * SECOND }, "heartbeat"],
    [{ frozen: true }, "frames"],
    [{ dropsUnknown: true }, "unknown"],
    [{ silentPing: true }, "ping"],
    [{ deaf: true }, "stop"],
    [{ code: 4 }, "exit"],
    [{ ignoresTerm: true }, "sigterm"],
    [{ leaves: true }, "leftovers"],
    [{ hello: { caps: "hb" } }, "lines"],
  ];
  for (const [faults, rule] of cases) {
    const { firstBroken, checks, left } = await play(speaker(faults));
    const broken = checks.filter(({ verdict }) => verdict === "fail");
    assertEquals({ faults, rules: broken.map((each) => each.rule), left }, {
      faults,
      rules: [rule],
      left: 0,
    });
    assert((firstBroken?.hint ?? "").length > 10 && (firstBroken?.detail ?? "").length > 5);
  }
});

Deno.test("what a program does not claim is not used, and not held against it", async () => {
  const { verdicts, firstBroken } = await play(speaker({ hello: { caps: [] }, beatUs: Infinity }));
  assertEquals(firstBroken, null);
  const unused = Object.keys(verdicts).filter((rule) => verdicts[rule] === "not used");
  assertEquals(unused, ["heartbeat", "frames", "stop", "exit"]);
});

Deno.test("a program that says nothing passes at depth 0, and breaks the first rule of depth 1 and 2", async () => {
  const silent: ProgramScript = () => {};
  assertEquals((await play(silent, 0)).verdicts, { start: "pass", sigterm: "pass", leftovers: "pass" });
  assertEquals((await play(silent, 1)).firstBroken?.rule, "ready");
  assertEquals((await play(silent, 2)).firstBroken?.rule, "hello");
  assertEquals((await play((program) => program.exit(1), 0)).firstBroken?.rule, "start");
});

Deno.test("a program that speaks sd_notify passes at depth 1", async () => {
  const notifier: ProgramScript = (program) => {
    const { clock, timers } = program.platform;
    program.notify("READY=1\nSTATUS=drawing");
    const beat = (): void => {
      program.notify("WATCHDOG=1");
      timers.schedule(clock.nowUs() + SECOND / 2, beat);
    };
    beat();
  };
  const { verdicts, firstBroken } = await play(notifier, 1);
  assertEquals(firstBroken, null);
  assertEquals(verdicts, {
    start: "pass",
    ready: "pass",
    heartbeat: "pass",
    lines: "pass",
    sigterm: "pass",
    leftovers: "pass",
  });
  const onlyReady = await play((program) => void program.notify("READY=1"), 1);
  assertEquals([onlyReady.firstBroken, onlyReady.verdicts["heartbeat"]], [null, "not used"]);
  assertEquals((await play((program) => void program.notify("ready"), 1)).firstBroken?.rule, "lines");
});

Deno.test("the client of the library keeps every rule", async () => {
  const { verdicts, firstBroken } = await play((program) => {
    let client: ChildClient | null = null;
    const end = async (): Promise<void> => {
      await client?.bye("asked");
      program.exit(0);
    };
    program.onSignal = () => void end();
    void ChildClient.connect(program.platform, program.env, { onStop: () => void end() }).then(
      (connected) => {
        client = connected;
        client?.ready();
        let frame = 0;
        const { clock, timers } = program.platform;
        const draw = (): void => {
          client?.frame(++frame);
          timers.schedule(clock.nowUs() + 16_667, draw);
        };
        draw();
      },
    );
  });
  assertEquals(firstBroken, null);
  assertEquals(new Set(Object.values(verdicts)), new Set(["pass"]));
});

Deno.test("a test that takes too long ends, says so, and ends the program", async () => {
  const { timedOut, firstBroken, left } = await play(speaker(), 2, 2 * SECOND);
  assertEquals([timedOut, firstBroken, left], [true, null, 0]);
});

Deno.test("a program that is not there is no broken rule but an error", async () => {
  const world = new SimulatedWorld({ seed: 1 });
  const { platform } = world.createHost({ name: "stage-left" });
  platform.files.makeDirectory("/tmp/t", 0o700);
  const failed = assertRejects(() =>
    testChild(platform, {
      argv: ["nobody"],
      depth: 0,
      directory: "/tmp/t",
      token: TOKEN,
      startUs: SECOND,
      graceUs: SECOND,
      isAlone: true,
      timeoutUs: 10 * SECOND,
    })
  );
  await world.runFor(SECOND);
  assertEquals((await failed as HanaError).code, "not-found");
});
