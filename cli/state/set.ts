// `hana state set`: values at paths, confirmed by the host; at once, in a fade, or held for a while.
// Decides what a person is told of what came of it: who stands above, and whose value is back when this command ends.

import type { Command } from "@commander-js/extra-typings";
import { HanaError } from "../../lib/base/mod.ts";
import { DEFAULT_PRIORITY, type SetOptions, type StateValue } from "../../lib/state/mod.ts";
import { type Cli, setExamples } from "../frame/mod.ts";
import { parseDuration, shellWord } from "../output/mod.ts";
import { holdOn } from "./held.ts";
import { showOutcomes } from "./outcomes.ts";
import { type Assignment, parseAssignments } from "./assignments.ts";
import { offerPaths } from "./completing.ts";
import type { Change, Desk, Outcome, ValueRow } from "./desk.ts";
import { readValue } from "./errors.ts";
import { addStateSettings, AS_FLAG, AS_TEXT, holdOf, priorityOf } from "./flags.ts";
import { type OpenDesk, openDesk, READY_US } from "./opening.ts";
import type { Action, Standing } from "./place.ts";
import { valueText } from "./rendering.ts";
import { selectOne } from "./selecting.ts";
import { Stay } from "./staying.ts";

interface SetFlags {
  readonly priority?: string;
  readonly momentary?: true;
  readonly hold?: string;
  readonly fade?: string;
  readonly take?: true;
  readonly as?: string;
}

/** Steps of a fade are this far apart, in microseconds: the rate at which a path takes values. */
const FADE_STEP_US = 33_334;
/** Paths whose other claims are looked up to say what is back when this command ends. */
const MAX_ASKED = 16;
const FADING: readonly string[] = ["f32", "unit", "i32", "vec3"];

/** Declares `hana state set`. */
export function defineSet(command: Command, cli: Cli): void {
  command.summary("set values").description(
    "sets values, with their units, and waits until the host has them; exit code 7 when somebody else stands above all of them, 3 above some",
  );
  setExamples(
    command,
    { call: "hana state set stage-left/hue=120°", why: "in its unit; several at once" },
    {
      call: "hana state set stage-left/hue 120° --priority 150 --hold 10m",
      why: "above the apps, for ten minutes",
    },
    { call: "hana state set stage-left/gain=0 --fade 2s", why: "go there within two seconds" },
  );
  offerPaths(command.argument("<PATH=VALUE...>", "or PATH VALUE where there is one alone"));
  command
    .option("--priority <N>", "1 to 200; the highest wins, of equals the newest; 100 unless given")
    .option("--hold <DURATION>", "stay so long and hold them; Ctrl-C ends it before")
    .option("--momentary", "with --hold: leave no trace behind; what was below is back")
    .option("--fade <DURATION>", "go there in steps, within this time")
    .option("--take", "take the lock of a path that has one; of equal priority whoever has it keeps it")
    .option(AS_FLAG, AS_TEXT)
    .action(async (words, options) => await set(cli, words as string[], options as SetFlags));
  addStateSettings(command);
}

async function set(cli: Cli, words: readonly string[], options: SetFlags): Promise<void> {
  const assignments = parseAssignments(words);
  const priority = priorityOf(options.priority) ?? DEFAULT_PRIORITY;
  const holdUs = holdOf(options.hold);
  const fadeUs = options.fade === undefined ? 0 : parseDuration(options.fade, "--fade");
  if (options.momentary === true && holdUs === null) {
    throw new HanaError("usage", {
      what: "--momentary without --hold",
      why: "a momentary value ends with the command that holds it, and this one would end at once",
      hint: `hana state set ${words.map(shellWord).join(" ")} --momentary --hold 10s`,
    });
  }
  const open = await openDesk(cli, { as: options.as });
  try {
    const { desk } = open;
    const targets = readTargets(desk, assignments);
    const stay = holdUs === null && fadeUs === 0 ? null : new Stay(cli);
    const writing: SetOptions = {
      priority,
      momentary: options.momentary === true,
      take: options.take === true,
    };
    const timeoutUs = cli.settings.timeout ?? READY_US;
    if (fadeUs > 0 && stay !== null) await fade(desk, targets, writing, fadeUs, stay.signal);
    const outcomes = stay?.signal.aborted === true
      ? []
      : await desk.write("set", targets.map(({ change }) => change), writing, timeoutUs);
    await showOutcomes(cli, outcomes);
    open.place?.note(actionOf("set", targets, outcomes, desk.client.number, priority));
    if (holdUs === null || outcomes.every(({ kind }) => kind === "refused")) {
      if (open.place === null) await tellWhatIsBack(cli, open, outcomes);
      return;
    }
    await holdOn(cli, open, stay ?? new Stay(cli), holdUs);
    // A name keeps its place, and what it was to hold for so long is over all the same.
    if (open.place !== null) await desk.write("release", targets.map(({ change }) => change), {}, timeoutUs);
  } finally {
    await open.close();
  }
}

interface Target {
  readonly change: Change;
  readonly before: ValueRow;
}

function readTargets(desk: Desk, assignments: readonly Assignment[]): Target[] {
  // All are looked at before the first is written: half a call is worse than none.
  return assignments.map(({ path, text }) => {
    const before = selectOne(desk, path, (right) => `hana state set ${shellWord(`${right}=${text}`)}`);
    return { before, change: { path, value: readValue(before.definition, text) } };
  });
}

/** Moves there in steps; the last step is the caller's. Throws `usage` for what has nothing between two values. */
async function fade(
  desk: Desk,
  targets: readonly Target[],
  writing: SetOptions,
  fadeUs: number,
  signal: AbortSignal,
): Promise<void> {
  for (const { before: { path, definition } } of targets) {
    if (FADING.includes(definition.type)) continue;
    throw new HanaError("usage", {
      what: `${path} cannot fade`,
      why: `between two values of type ${definition.type} there is nothing`,
      hint: "without --fade for this path",
    });
  }
  const { client } = desk;
  const { port } = client;
  const startUs = port.nowUs();
  for (;;) {
    await pause(FADE_STEP_US);
    const share = (port.nowUs() - startUs) / fadeUs;
    if (share >= 1 || signal.aborted) return;
    for (const { change: { path, value }, before } of targets) {
      client.trySet(path, between(before.value, value, share, before.definition.type), writing);
    }
  }
}

function between(from: StateValue, to: StateValue, share: number, type: string): StateValue {
  const mix = (a: number, b: number): number => a + (b - a) * share;
  if (typeof from === "number" && typeof to === "number") {
    return type === "i32" ? Math.round(mix(from, to)) : mix(from, to);
  }
  if (Array.isArray(from) && Array.isArray(to)) {
    const [a, b] = [from as readonly number[], to as readonly number[]];
    return b.map((part, at) => mix(a[at] ?? part, part));
  }
  return to;
}

function pause(us: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, us / 1_000));
}

/** What a clean leave gives back to others, which a person should know before he wonders. */
async function tellWhatIsBack(cli: Cli, open: OpenDesk, outcomes: readonly Outcome[]): Promise<void> {
  const standing = outcomes.filter(({ kind }) => kind === "stands").slice(0, MAX_ASKED);
  await Promise.all(standing.map(async ({ path, row }) => {
    try {
      const { claims } = await open.desk.client.why(path);
      const next = claims.find(({ client, standing }) =>
        client !== null && client !== open.desk.client.number && standing === "live"
      );
      if (next === undefined || row === null) return;
      cli.output.warn(
        `${path}: ${next.name} controls it too (${next.priority}); now that this command ends, its ` +
          `${
            valueText(row.definition, next.value as StateValue)
          } is back; to keep yours: --hold 10m, or --as NAME`,
      );
    } catch (thrown) {
      // It is written all the same; only the forecast is missing.
      if (!(thrown instanceof HanaError)) throw thrown;
    }
  }));
}

/** What a command changed, as it can be taken back. */
export function actionOf(
  verb: string,
  targets: readonly Target[],
  outcomes: readonly Outcome[],
  client: number,
  priority: number,
): Action {
  const taken = targets.filter((_, at) => outcomes[at]?.kind !== "refused" && outcomes[at] !== undefined);
  const changes = taken.map(({ change: { path, value }, before }) => ({
    before: standingOf(before, client),
    after: { path, text: valueText(before.definition, value), priority, held: true },
  }));
  const what = `${verb} ${changes.map(({ after }) => `${after.path}=${after.text}`).join(" ")}`;
  return { what: what.length > 120 ? `${what.slice(0, 119)}…` : what, changes };
}

/** How a path stands, as far as a client can bring it back. */
export function standingOf(
  { path, definition, value, holder, priority }: ValueRow,
  client: number,
): Standing {
  const isOthers = holder !== null && holder.client !== client;
  return {
    path,
    text: isOthers ? null : valueText(definition, value),
    priority: priority === 0 ? DEFAULT_PRIORITY : priority,
    held: holder?.client === client,
  };
}
