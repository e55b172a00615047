// Measures supervision with real processes: how soon a crashed program is there again, how soon a hang is seen, how soon a
// daemon has taken over what runs, how long a spawn on another machine takes, and how long the end of a storm.
// Decides how each is measured (moments are stamped by the program itself, by one clock); judges nothing.

import { Supervisor } from "../../../lib/supervision/mod.ts";
import { denoPlatform } from "../../../lib/platform/deno/mod.ts";
import { eventually } from "../captured_process.ts";
import { hanaProgram } from "../hana_process.ts";
import type { Console } from "./console.ts";
import { cpuTicks, type Host } from "./host.ts";
import { type Lateness, latenessOf } from "./lateness.ts";

/**
 * From the last thing that a program does before it is killed to the first that its replacement does; a fresh program for
 * each sample, one at a time, and none while a spare shim is being made.
 */
export async function measureRestart(host: Host, desk: Console, samples: number): Promise<Lateness> {
  const times: number[] = [];
  for (let i = 0; i < samples; i++) {
    const name = `restart-${i}`;
    await desk.spawn(name, host.chaos(name, "run 1 signal KILL after 900ms"));
    await desk.until(
      `${name} again`,
      () => desk.program(name).run === 2 && desk.program(name).process !== null,
    );
    const start = await eventually(
      "its stamp",
      () => host.stamps(name).find(({ what, run }) => what === "start" && run === 2) ?? null,
    );
    const end = host.stamps(name).find(({ what, run }) => what === "end" && run === 1);
    times.push((start.atUs - (end?.atUs ?? NaN)) / 1_000);
    await desk.stop(name, true);
  }
  return latenessOf(times);
}

/** How long a daemon takes to know that programs run, in milliseconds. */
export interface Adoption {
  readonly programs: number;
  /** From the start of adoption in a daemon that runs until each shim has answered. */
  readonly insideMs: number;
  /** From the start of the process until it can be reached, with everything adopted. */
  readonly fromExecMs: number;
}

/** Starts `count` programs, loses the daemon, and measures how the next one finds them. The host has a daemon afterwards. */
export async function measureAdoption(host: Host, desk: Console, count: number): Promise<Adoption> {
  const names = Array.from({ length: count }, (_, i) => `adopted-${i}`);
  for (const name of names) await desk.spawn(name, host.chaos(name, "speak"));
  for (const name of names) await desk.untilState(name, "running");
  const [first = "hana", ...rest] = hanaProgram();
  await host.crash();
  const inside: number[] = [];
  for (let i = 0; i < 5; i++) {
    const startMs = performance.now();
    const supervisor = await Supervisor.open({
      platform,
      directory: host.nodeDirectory,
      runDirectory: host.user.runDirectory,
      nodeName: host.machine.name,
      shim: [first, ...rest],
      warm: false,
    });
    const isWhole = (): boolean =>
      supervisor.programs().filter(({ supervised }) => supervised).length === count;
    // On a busy machine some shims answer when the start has stopped waiting for them.
    await new Promise<void>((resolve) => {
      if (isWhole()) return resolve();
      const stop = supervisor.watch(() => {
        if (!isWhole()) return;
        stop();
        resolve();
      });
    });
    inside.push(performance.now() - startMs);
    supervisor.close();
  }
  const startMs = performance.now();
  await host.serve();
  const fromExecMs = performance.now() - startMs;
  return { programs: count, insideMs: latenessOf(inside).p50Ms, fromExecMs };
}

/** How long the end of `count` processes takes that left their session and hear no SIGTERM, from the word to the proof. */
export async function measureStorm(host: Host, desk: Console, count: number): Promise<number> {
  await desk.spawn("storm", host.chaos("storm", `fork ${count} setsid`, "say forked"), {
    ready: { kind: "line", text: "forked" },
  });
  await desk.untilState("storm", "running");
  const startMs = performance.now();
  await desk.stop("storm", true);
  await desk.untilState("storm", "idle");
  const tookMs = performance.now() - startMs;
  await desk.remove("storm");
  return tookMs;
}

/** The system as this process sees it. */
const platform = denoPlatform();
// Its table of processes loads a library when it is first asked, which no single test is to answer for.
platform.processTable.inspect(Deno.pid);

/** From the request to the answer of spawning a program, with a spare shim ready; `desk` may be far away. */
export async function measureSpawn(host: Host, desk: Console, samples: number): Promise<Lateness> {
  const times: number[] = [];
  for (let i = 0; i < samples; i++) {
    const name = `spawn-${i}`;
    const argv = host.chaos(name, "speak");
    await untilSpare(host, desk);
    const startMs = performance.now();
    await desk.spawn(name, argv);
    times.push(performance.now() - startMs);
    await desk.until(`${name} to run`, () => desk.programs.get(name)?.state === "running");
    await desk.remove(name);
  }
  return latenessOf(times);
}

/** Waits until a shim without a task has nothing left to load: it uses no more CPU. */
export async function untilSpare(host: Host, desk: Console): Promise<void> {
  let before = "";
  await eventually("a spare shim", () => {
    const taken = [...desk.programs.values()].filter(({ state }) =>
      state !== "idle" && state !== "done"
    ).length;
    const shims = host.shims();
    const now = shims.map(({ processId }) => `${processId}:${cpuTicks(processId)}`).join(" ");
    const isCalm = now === before && shims.length > taken;
    before = now;
    return isCalm;
  });
}
