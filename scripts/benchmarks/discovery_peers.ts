// scripts/bench discovery-peers: hana beside Avahi and serf, in the same namespaces, behind the same switch, with the same
// loss: how soon a newcomer lists all others and is listed by them, and how soon a crash is known to everybody.
// Decides which programs stand beside hana and when hana is ahead (exit code 5 when it is not). Never changes a setting of
// theirs but those that its output names. docs/discovery-numbers.md says how to read it.

import { EXIT } from "../../cli/output/exit_codes.ts";
import { whyNoNamespaces } from "../../cli/simulate/real/mod.ts";
import { AvahiCandidate, type Candidate, HanaCandidate, SerfCandidate } from "./discovery_candidates.ts";
import { playRounds, type Rounds } from "./discovery_rounds.ts";
import { chooseHana, ensureTools } from "./discovery_tools.ts";
import { Stage, type SwitchSpeed } from "./discovery_stage.ts";
import { describeMachine } from "./machine.ts";
import { percentile } from "./statistics.ts";

const USAGE =
  `usage: scripts/bench discovery-peers [--nodes 5] [--loss 0,5,30] [--runs 10] [--only hana,avahi,serf-join,serf-discover]
         [--clock start|loaded] [--serf-joins 1] [--from binary|source] [--patience SECONDS] [--seed N] [--json]`;
const MEET_LIMIT_MS = 20_000;
const MAX_NODES = 40;
const MAX_RUNS = 1_000;

/** The measures, in the order of the table, and since when they count: the process's start, or its first line. */
const MEASURES = [
  { key: "listsAll", text: "newcomer lists all", clock: "start" },
  { key: "listedByAll", text: "all list newcomer", clock: "start" },
  { key: "crashAll", text: "crash known to all", clock: null },
  { key: "listsAllLoaded", text: "lists all, once loaded", clock: "loaded" },
  { key: "listedByAllLoaded", text: "listed by all, once loaded", clock: "loaded" },
] as const satisfies readonly { key: keyof Rounds; text: string; clock: string | null }[];

/** Shown beside them. */
const BESIDE = [
  { key: "firstLine", text: "start: first line" },
  { key: "ready", text: "start: up" },
  { key: "crashEach", text: "crash known to each" },
] as const satisfies readonly { key: keyof Rounds; text: string }[];

/** Figures of one measure in milliseconds; null where it did not happen within the limit. */
interface Figures {
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly n: number;
  /** How often it did not happen within its limit. */
  readonly missing: number;
}

interface Cell {
  readonly program: string;
  readonly lossPercent: number;
  readonly figures: Readonly<Record<string, Figures>>;
  readonly falseDeaths: number;
  readonly pairHours: number;
  readonly switch: Rounds["traffic"];
}

interface Comparison {
  readonly lossPercent: number;
  readonly measure: string;
  readonly statistic: "p50" | "p99";
  readonly against: string;
  readonly hanaMs: number | null;
  readonly theirMs: number | null;
  readonly isAhead: boolean;
  /** Whether the exit code depends on it. */
  readonly isDecisive: boolean;
}

interface Options {
  readonly nodes: number;
  readonly losses: readonly number[];
  readonly runs: number;
  readonly only: readonly string[] | null;
  readonly from: "binary" | "source" | null;
  readonly patienceS: number;
  readonly seed: number;
  /** Since when a meeting counts for the exit code: the start of the process, or its first line. */
  readonly clock: string;
  readonly serfJoins: number;
  readonly json: boolean;
}

function print(text: string): void {
  const bytes = new TextEncoder().encode(text + "\n");
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}

function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`hana: ${text}\n`));
}

/** Null for a command line that cannot be understood. */
function optionsOf(args: readonly string[]): Options | null {
  const values = new Map<string, string>();
  for (let at = 0; at < args.length; at++) {
    const name = args[at] ?? "";
    if (name === "--json") values.set(name, "");
    else if (
      ["--nodes", "--loss", "--runs", "--only", "--from", "--patience", "--seed", "--clock", "--serf-joins"]
        .includes(name)
    ) {
      values.set(name, args[++at] ?? "");
    } else return null;
  }
  const number = (name: string, otherwise: number): number => Number(values.get(name) ?? otherwise);
  const from = values.get("--from") ?? null;
  const options: Options = {
    nodes: number("--nodes", 5),
    losses: (values.get("--loss") ?? "0,5,30").split(",").map(Number),
    runs: number("--runs", 10),
    only: values.get("--only")?.split(",") ?? null,
    from: from === "binary" || from === "source" ? from : null,
    patienceS: number("--patience", 30),
    seed: number("--seed", 1),
    clock: values.get("--clock") ?? "start",
    serfJoins: number("--serf-joins", 1),
    json: values.has("--json"),
  };
  const isWhole = (value: number, least: number, most: number): boolean =>
    Number.isInteger(value) && value >= least && value <= most;
  const isFine = isWhole(options.nodes, 3, MAX_NODES) && isWhole(options.runs, 1, MAX_RUNS) &&
    isWhole(options.seed, 0, 2 ** 31) && isWhole(options.serfJoins, 1, MAX_NODES) &&
    ["start", "loaded"].includes(options.clock) && options.patienceS > 0 && options.patienceS <= 600 &&
    options.losses.every((loss) => loss >= 0 && loss < 100) && (from === null || options.from !== null);
  return isFine ? options : null;
}

function figuresOf(values: readonly number[]): Figures {
  const shown = (value: number): number | null => Number.isFinite(value) ? Math.round(value * 10) / 10 : null;
  return {
    p50Ms: shown(percentile(values, 0.5)),
    p99Ms: shown(percentile(values, 0.99)),
    n: values.length,
    missing: values.filter((value) => !Number.isFinite(value)).length,
  };
}

function cellOf(program: string, loss: number, rounds: Rounds): Cell {
  return {
    program,
    lossPercent: loss,
    figures: Object.fromEntries([...MEASURES, ...BESIDE].map(({ key }) => [key, figuresOf(rounds[key])])),
    falseDeaths: rounds.falseDeaths,
    pairHours: Math.round(rounds.pairHours * 10_000) / 10_000,
    switch: rounds.traffic,
  };
}

/** hana against each other program, in each figure that both have. */
function compare(cells: readonly Cell[], decisive: string): Comparison[] {
  const comparisons: Comparison[] = [];
  for (const ours of cells.filter(({ program }) => program === "hana")) {
    for (const theirs of cells) {
      if (theirs.program === "hana" || theirs.lossPercent !== ours.lossPercent) continue;
      for (const { key, text, clock } of MEASURES) {
        const [mine, other] = [ours.figures[key], theirs.figures[key]];
        if (mine === undefined || other === undefined || mine.n === 0 || other.n === 0) continue;
        for (const [statistic, field] of [["p50", "p50Ms"], ["p99", "p99Ms"]] as const) {
          const [hanaMs, theirMs] = [mine[field], other[field]];
          comparisons.push({
            lossPercent: ours.lossPercent,
            measure: text,
            statistic,
            against: theirs.program,
            hanaMs,
            theirMs,
            isAhead: (hanaMs ?? Infinity) < (theirMs ?? Infinity),
            isDecisive: clock === null || clock === decisive,
          });
        }
      }
    }
  }
  return comparisons;
}

/** Lines of a table whose columns are as wide as they need to be. */
function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((text, at) => widths[at] = Math.max(widths[at] ?? 0, text.length));
  return rows.map((row) => row.map((text, at) => text.padEnd(widths[at] ?? 0)).join("  ").trimEnd()).join(
    "\n",
  );
}

function renderCells(cells: readonly Cell[], measures: readonly { key: string; text: string }[]): string {
  const header = ["loss", "program", ...measures.map(({ text }) => `${text}: p50 p99 ms (n)`)];
  const text = (figures: Figures | undefined): string => {
    if (figures === undefined || figures.n === 0) return "-";
    const { p50Ms, p99Ms, n, missing } = figures;
    const seen = missing === 0 ? `${n}` : `${n}, never ${missing}`;
    return `${p50Ms ?? "never"} ${p99Ms ?? "never"} (${seen})`;
  };
  const rows = cells.map(({ lossPercent, program, figures }) => [
    `${lossPercent} %`,
    program,
    ...measures.map(({ key }) => text(figures[key])),
  ]);
  return table([header, ...rows]);
}

function renderTraffic(cells: readonly Cell[]): string {
  const header = [
    ...["loss", "program", "frames/s", "kB/s", "lost", "delay in the switch p50 p99 max ms"],
    ...["missed by it", "false deaths", "pair-hours"],
  ];
  const ms = (us: number | null | undefined): string =>
    us === null || us === undefined ? "-" : (us / 1000).toFixed(2);
  const rows = cells.map(({ lossPercent, program, switch: figures, falseDeaths, pairHours }) => {
    const perS = (value: number | undefined): string => ((value ?? 0) / (figures?.seconds ?? 1)).toFixed(1);
    const tried = (figures?.copies ?? 0) - (figures?.spared ?? 0) + (figures?.lost ?? 0);
    const { p50, p99, max } = figures?.delayUs ?? { p50: null, p99: null, max: null };
    return [
      `${lossPercent} %`,
      program,
      perS(figures?.frames),
      perS((figures?.bytes ?? 0) / 1000),
      `${(100 * (figures?.lost ?? 0) / Math.max(1, tried)).toFixed(1)} %`,
      `${ms(p50)} ${ms(p99)} ${ms(max)}`,
      `${(figures?.missed ?? 0) + (figures?.overflows ?? 0)}`,
      `${falseDeaths}`,
      pairHours.toFixed(3),
    ];
  });
  return table([header, ...rows]);
}

function renderComparisons(comparisons: readonly Comparison[]): string {
  const ms = (value: number | null): string => value === null ? "never" : `${value}`;
  const rows = comparisons.map((
    { lossPercent, measure, statistic, against, hanaMs, theirMs, isAhead, isDecisive },
  ) => [
    isAhead ? "ahead" : "BEHIND",
    `${lossPercent} %`,
    measure,
    statistic,
    `hana ${ms(hanaMs)} ms`,
    `${against} ${ms(theirMs)} ms`,
    isDecisive ? "decides" : "",
  ]);
  return table(rows);
}

const interrupted = new AbortController();
/** What has to be removed, however this ends. */
let stage: Stage | null = null;
let signalCode: number | null = null;
for (const [signal, code] of [["SIGINT", EXIT.interrupted], ["SIGTERM", EXIT.terminated]] as const) {
  Deno.addSignalListener(signal, () => {
    signalCode ??= code;
    interrupted.abort();
    // Nothing that is under way is waited for: a program that was killed may be awaited somewhere.
    if (stage !== null) void stage.remove().finally(() => Deno.exit(signalCode ?? code));
  });
}

async function main(): Promise<number> {
  const options = optionsOf(Deno.args);
  if (options === null) {
    say(USAGE);
    return EXIT.usage;
  }
  const missing = whyNoNamespaces();
  if (missing !== null) {
    say(`this cannot be measured here: ${missing.message}`);
    return EXIT.partial;
  }
  const machine = describeMachine();
  const tools = await ensureTools(say);
  const { binary, text: hana } = await chooseHana(options.from, false);
  say(`hana: ${hana}`);
  const built = stage = await Stage.create(options.nodes);
  const cells: Cell[] = [];
  const unmeasured: { name: string; why: string }[] = [...tools.missing];
  const how: Record<string, string> = {};
  let speed: SwitchSpeed | null = null;
  try {
    if (signalCode !== null) return signalCode;
    speed = await built.speed();
    say(`the switch: ${speedText(speed)}`);
    for (const candidate of candidatesOf(built, binary, tools.present, options)) {
      how[candidate.name] = `${candidate.how}${candidate.name === "hana" ? `; ${hana}` : ""}`;
      if (candidate instanceof HanaCandidate) await candidate.open();
      for (const loss of options.losses) {
        if (interrupted.signal.aborted) break;
        say(`${candidate.name}, ${loss} % loss: ${options.runs} newcomers among ${options.nodes - 1}`);
        try {
          const rounds = await playRounds(built, candidate, {
            runs: options.runs,
            loss: loss / 100,
            seed: options.seed,
            meetLimitMs: MEET_LIMIT_MS,
            crashLimitMs: options.patienceS * 1000,
            signal: interrupted.signal,
            say,
          });
          const cell = cellOf(candidate.name, loss, rounds);
          cells.push(cell);
          say(renderCells([cell], MEASURES).split("\n").at(-1) ?? "");
        } catch (thrown) {
          if (interrupted.signal.aborted) break;
          const why = thrown instanceof Error ? thrown.message : String(thrown);
          say(`${candidate.name}, ${loss} % loss: not measured: ${why}`);
          unmeasured.push({ name: `${candidate.name}, ${loss} % loss`, why });
        }
      }
      await candidate.close();
      if (interrupted.signal.aborted) break;
    }
  } finally {
    await built.remove();
  }
  if (signalCode !== null) return signalCode;
  // By loss, for who reads it; the order of the programs stays.
  cells.sort((a, b) => a.lossPercent - b.lossPercent);
  const comparisons = compare(cells, options.clock);
  if (options.json) {
    const schema = "hana.bench-discovery-peers/1";
    print(
      JSON.stringify(
        { schema, machine, options, how, switch: speed, cells, comparisons, unmeasured },
        null,
        2,
      ),
    );
  } else report(options, how, speed, cells, comparisons, unmeasured, machine);
  if (comparisons.some(({ isAhead, isDecisive }) => isDecisive && !isAhead)) return EXIT.threshold;
  return unmeasured.length > 0 || comparisons.length === 0 ? EXIT.partial : EXIT.done;
}

function report(
  options: Options,
  how: Readonly<Record<string, string>>,
  speed: SwitchSpeed | null,
  cells: readonly Cell[],
  comparisons: readonly Comparison[],
  unmeasured: readonly { name: string; why: string }[],
  machine: Readonly<Record<string, string | number>>,
): void {
  print(
    `${options.nodes} nodes, the last of which comes and is killed ${options.runs} times; seed ${options.seed}`,
  );
  for (const [name, text] of Object.entries(how)) print(`${name}: ${text}`);
  if (speed !== null) print(`switch: ${speedText(speed)}`);
  print(
    `every list is a stream of its program: nothing is polled; given up after ${
      MEET_LIMIT_MS / 1000
    } s (meeting), ` +
      `${options.patienceS} s (crash)\n`,
  );
  print(renderCells(cells, MEASURES.slice(0, 3)));
  print("");
  print(renderCells(cells, [...BESIDE, ...MEASURES.slice(3)]));
  print("");
  print(renderTraffic(cells));
  print("");
  if (comparisons.length > 0) print(renderComparisons(comparisons) + "\n");
  for (const { name, why } of unmeasured) print(`not measured: ${name}: ${why}`);
  print(Object.entries(machine).map(([name, value]) => `${name}=${value}`).join("  "));
}

function speedText({ rttUs, asked, lost, sentPerS, passedPerS }: SwitchSpeed): string {
  return `round trip through it p50 ${Math.round(rttUs.p50)} p99 ${Math.round(rttUs.p99)} µs ` +
    `(two ways, ${asked} asked, ${lost} lost); of ${sentPerS} datagrams of 300 B sent in a second ${
      passedPerS ?? "an unknown number"
    } passed`;
}

function candidatesOf(
  stage: Stage,
  binary: string | null,
  present: ReadonlySet<string>,
  { only, serfJoins }: Options,
): Candidate[] {
  const all: Candidate[] = [new HanaCandidate(stage.directory, binary)];
  if (present.has("avahi")) all.push(new AvahiCandidate(stage.directory));
  if (present.has("serf")) all.push(new SerfCandidate("join", serfJoins), new SerfCandidate("discover"));
  return all.filter(({ name }) => only === null || only.includes(name.replace(" -", "-")));
}

Deno.exit(
  await main().catch((thrown: unknown) => {
    if (signalCode !== null) return signalCode;
    say(thrown instanceof Error ? thrown.message : String(thrown));
    return EXIT.bug;
  }),
);
