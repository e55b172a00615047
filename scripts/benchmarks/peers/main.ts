// scripts/bench peers: the same workloads on hana and on what people would use instead, in one table.
// Decides the exit code: 0 all was measured, 3 something could not be, 2 wrong usage, 70 it broke. Limits are not its
// business: a table of other programs promises nothing. Nothing that a run started outlives it.

import { EXIT } from "../../../cli/output/exit_codes.ts";
import { endChildren } from "../children.ts";
import { sweepDeadRuns } from "../discovery_stage.ts";
import { describeMachine } from "../machine.ts";
import { Cable } from "./cable.ts";
import { type Cell, cellOf, type Figures } from "./figures.ts";
import { type Options, parseOptions, USAGE } from "./options.ts";
import { type Need, PEERS } from "./peers.ts";
import { planRuns, type Run, unknownWords } from "./plan.ts";
import { COLUMNS, renderRatios, renderTable } from "./rendering.ts";
import { runOnce } from "./run.ts";
import { bring } from "./tools.ts";
import { WORKLOAD_KINDS, workloads } from "./workloads.ts";

const GRACE_MS = 3_000;

function print(text: string): void {
  const bytes = new TextEncoder().encode(text + "\n");
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}

function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`hana: ${text}\n`));
}

/** What could not be measured. */
interface Unmeasured {
  readonly name: string;
  readonly why: string;
}

/** What has to be removed, however this ends. */
let cable: Cable | null = null;
let directory: string | null = null;
let signalCode: number | null = null;
let cleaned: Promise<void> | null = null;

function cleanUp(): Promise<void> {
  return cleaned ??= (async () => {
    await endChildren(GRACE_MS);
    await cable?.remove();
    if (directory !== null) await Deno.remove(directory, { recursive: true }).catch(() => {});
  })();
}

for (const [signal, code] of [["SIGINT", EXIT.interrupted], ["SIGTERM", EXIT.terminated]] as const) {
  Deno.addSignalListener(signal, () => {
    signalCode ??= code;
    void cleanUp().finally(() => Deno.exit(signalCode ?? code));
  });
}

async function main(): Promise<number> {
  const options = parseOptions(Deno.args);
  if (options === null) {
    say(USAGE);
    return EXIT.usage;
  }
  const all = workloads(options.isQuick);
  const unknown = unknownWords(options, PEERS, all, WORKLOAD_KINDS);
  if (unknown.length > 0) {
    say(`there is no peer or workload ${unknown.join(", ")}\n${USAGE}`);
    say(
      `peers: ${PEERS.map(({ name }) => name).join(", ")}; workloads: ${
        all.map(({ name }) => name).join(", ")
      }`,
    );
    return EXIT.usage;
  }
  const machine = describeMachine();
  await sweepDeadRuns();
  const prefix = `hana-peers-${Deno.pid}-`;
  directory = await Deno.makeTempDir({ prefix });
  const planned = planRuns(PEERS, all, options);
  const unmeasured: Unmeasured[] = [];
  try {
    const runs = await prepare(planned, directory, unmeasured);
    if (runs.some(({ workload }) => workload.cable !== null)) {
      cable = await Cable.create(directory, `${prefix}c`);
    }
    say(`${runs.length} runs, about ${minutesOf(runs)} minutes`);
    const cells = await play(runs, options, directory, unmeasured);
    if (signalCode !== null) return signalCode;
    await report(options, cells, unmeasured, machine);
  } finally {
    await cleanUp();
  }
  if (signalCode !== null) return signalCode;
  return unmeasured.length > 0 ? EXIT.partial : EXIT.done;
}

/** How long it will take: what is measured, and two seconds a run to start and end. */
function minutesOf(runs: readonly Run[]): number {
  const us = runs.reduce(
    (sum, { workload: { kind, warmUpUs, measureUs } }) =>
      sum + warmUpUs + measureUs * (kind === "mixed" ? 2 : 1) + 2e6,
    0,
  );
  return Math.ceil(us / 60e6);
}

/** The runs whose needs are met. */
async function prepare(
  planned: readonly Run[],
  home: string,
  unmeasured: Unmeasured[],
): Promise<readonly Run[]> {
  const needsOf = ({ peer, workload }: Run): readonly Need[] =>
    workload.cable === null ? peer.needs : [...peer.needs, "cable"];
  const missing = await bring(new Set(planned.flatMap(needsOf)), home, say);
  if (!missing.has("cable") && planned.some(({ workload }) => workload.cable !== null)) {
    const { success } = await new Deno.Command("ip", {
      args: ["netns", "list"],
      stdout: "null",
      stderr: "null",
    })
      .output().catch(() => ({ success: false }));
    if (!success || Deno.uid() !== 0) missing.set("cable", "it needs network namespaces: root, and `ip`");
  }
  const lacks = (run: Run): Need | undefined => needsOf(run).find((need) => missing.has(need));
  const named = new Set<string>();
  for (const run of planned) {
    const need = lacks(run);
    const name = need === "cable" ? run.workload.name : run.peer.name;
    if (need === undefined || named.has(name)) continue;
    named.add(name);
    unmeasured.push({ name, why: missing.get(need) ?? "" });
    say(`${name} cannot be measured here: ${missing.get(need)}`);
  }
  return planned.filter((run) => lacks(run) === undefined);
}

/** All runs in their order; what fails once is not tried again. */
async function play(
  runs: readonly Run[],
  options: Options,
  home: string,
  unmeasured: Unmeasured[],
): Promise<Cell[]> {
  const figures = new Map<string, { readonly run: Run; readonly all: Figures[] }>();
  const failed = new Set<string>();
  for (const [at, run] of runs.entries()) {
    if (signalCode !== null) break;
    const name = `${run.workload.name}, ${run.peer.name}`;
    if (failed.has(name)) continue;
    try {
      const one = await runOnce(run, { directory: home, seed: options.seed, cable });
      const kept = figures.get(name) ?? { run, all: [] };
      kept.all.push(one);
      figures.set(name, kept);
      say(`${at + 1}/${runs.length} ${name}: ${COLUMNS[run.workload.task].text(one)}`);
    } catch (thrown) {
      if (signalCode !== null) break;
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      failed.add(name);
      unmeasured.push({ name, why });
      say(`${at + 1}/${runs.length} ${name}: not measured: ${why}`);
    }
  }
  return [...figures.values()].map(({ run, all }) => cellOf(run.peer.name, run.workload.name, all));
}

async function report(
  options: Options,
  cells: readonly Cell[],
  unmeasured: readonly Unmeasured[],
  machine: Readonly<Record<string, string | number>>,
): Promise<void> {
  const all = workloads(options.isQuick);
  const names = PEERS.map(({ name }) => name);
  const document = JSON.stringify(
    {
      schema: "hana.bench-peers/1",
      machine,
      options,
      peers: PEERS.filter(({ name }) => cells.some(({ peer }) => peer === name)).map((
        { name, runs, note },
      ) => ({
        name,
        runs,
        note,
      })),
      workloads: all.filter(({ name }) => cells.some(({ workload }) => workload === name)),
      cells,
      unmeasured,
    },
    // JSON has no infinity: a transfer that never ended is null.
    (_, value: unknown) => typeof value === "number" && !Number.isFinite(value) ? null : value,
    2,
  );
  if (options.json === "-") {
    print(document);
    return;
  }
  if (options.json !== null) await Deno.writeTextFile(options.json, document + "\n");
  print(renderTable(cells, all, names));
  const ratios = renderRatios(cells, all, names);
  if (ratios !== "") print("\n" + ratios);
  print("");
  for (const { name, note } of PEERS) if (cells.some(({ peer }) => peer === name)) print(`${name}: ${note}`);
  for (const { name, why } of unmeasured) print(`not measured: ${name}: ${why}`);
  print(
    `n = ${
      Math.max(
        0,
        ...cells.map(({ n }) => n),
      )
    } runs a cell, in turn; medians; hana-udp and hana-tcp encrypt, nothing else does`,
  );
  print(Object.entries(machine).map(([name, value]) => `${name}=${value}`).join("  "));
}

Deno.exit(
  await main().catch((thrown: unknown) => {
    if (signalCode !== null) return signalCode;
    say(thrown instanceof Error ? thrown.message : String(thrown));
    return EXIT.bug;
  }),
);
