// How programs are written: who has them, what they do by themselves, and the rules by which they are kept.
// Decides keys, units and defaults; what is not said of a rule is left to supervision's own defaults.

import { SPEC_DEFAULTS } from "../../supervision/mod.ts";
import type { BehaviourPlan, ProgramPlan, ProgramRules } from "../program_plan.ts";
import type { NodePlan } from "../scenario.ts";
import { pathOf, ScenarioProblem, suggest } from "./problem.ts";
import { checkSelector, isRandomSelector, selectorText } from "./selector.ts";
import {
  byKind,
  choice,
  mapping,
  optional,
  plainNumber,
  quantity,
  record,
  type RecordOutput,
  required,
  type Shape,
  text,
  yesNo,
} from "./shape.ts";
import { DURATION, SIZE, writeQuantity } from "./units.ts";

/** Programs of one scenario. */
export const MAX_PROGRAMS = 200;
const NAME_PATTERN = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$";

/** A name of a program. */
export const programName: Shape<string> = text("a name of small letters, digits and dashes", NAME_PATTERN);

const duration = quantity(DURATION);
const lasting = quantity(DURATION, 1);
const count = (what: string, min: number, max: number): Shape<number> =>
  plainNumber(what, { min, max, integer: true });

const doesFields = {
  speaks: optional(
    choice(["none", "notify", "protocol"]),
    "How it tells of itself: not at all, by sd_notify, or by the child protocol, which it does unless told otherwise.",
  ),
  start_takes: optional(duration, "From its start until it is ready; 200ms unless given."),
  ends_after: optional(
    lasting,
    "It ends by itself so long after its start, with success unless said otherwise.",
  ),
  crash_after: optional(lasting, "It fails so long after its start: with code 1 unless said otherwise."),
  code: optional(count("an exit code", 0, 255), "What it ends or fails with."),
  signal: optional(
    choice(["SIGKILL", "SIGTERM", "SIGHUP", "SIGINT"]),
    "The signal that ends it, instead of a code.",
  ),
  hang_after: optional(lasting, "It falls silent and hears nothing any more."),
  freeze_picture_after: optional(lasting, "It goes on beating while its picture stands still."),
  in_driver_after: optional(lasting, "It waits in the kernel, where nothing ends it."),
  in_driver_for: optional(lasting, "For so long; 30s unless given."),
  ignore_term: optional(yesNo, "It does not end when it is asked to."),
  stop_takes: optional(duration, "From being asked to end until it does."),
  forks: optional(count("a count", 1, 1_000), "Children that it starts in groups of their own and forgets."),
  memory: optional(quantity(SIZE, 1), "What it occupies."),
  times: optional(
    count("a count", 1, 10_000),
    "Only so many runs on a machine go wrong; those after them stay.",
  ),
};

const milestone = choice(["started", "ready", "done"]);

const programFields = {
  count: optional(count("a count", 1, MAX_PROGRAMS), "How many: name-0, name-1, …"),
  on: required(selectorText, "Nodes that have it."),
  start: optional(
    byKind<number | null>("a time or `later`", {
      string: {
        read: (raw, path) => raw === "later" ? null : duration.read(raw, path),
        schema: () => ({ anyOf: [{ const: "later" }, duration.schema()] }),
      },
    }),
    "When it is first asked for; 1s unless given, `later`: an action brings it.",
  ),
  want: optional(choice(["up", "once"]), "Up for good, or once; up unless given."),
  does: optional(record(doesFields), "What it does by itself; without any of it, it stays."),
  restart: optional(choice(["always", "on-failure", "never"]), "When it is started again."),
  backoff_cap: optional(lasting, "The longest pause between two tries."),
  give_up: optional(
    record({
      after: required(count("a count", 1, 1_000), "So many failures."),
      within: required(lasting, "Within so long."),
    }),
    "When it is parked.",
  ),
  grace: optional(duration, "How long it may take to end."),
  start_limit: optional(lasting, "How long it may take to get ready."),
  heartbeat: optional(quantity(DURATION, 10_000), "How often it says that it is alive."),
  hang_warn: optional(lasting, "Silence after which it counts as hung."),
  hang_kill: optional(lasting, "Silence after which it is ended."),
  stall: optional(lasting, "A picture that stands still so long counts as frozen."),
  stall_does: optional(choice(["alert", "restart"]), "What is done about a frozen picture."),
  needs: optional(
    mapping(milestone, { what: "a name of a program", pattern: NAME_PATTERN }),
    "Programs of the same node that come first.",
  ),
  bind: optional(yesNo, "Whether it is started again when one that it needs was."),
  memory_max: optional(quantity(SIZE, 1), "It is ended when it occupies more."),
  boot: optional(choice(["restore", "ask"]), "Whether it comes back with its machine."),
  fallback_after: optional(
    count("a count", 1, 100),
    "Failures in a row after which the safe look is shown.",
  ),
};

/** A program as it is written. */
export type ProgramEntry = RecordOutput<typeof programFields>;

/** The `programs` of a scenario. */
export const programsShape: Shape<Record<string, ProgramEntry>> = mapping(record(programFields), {
  what: "a name of a program",
  pattern: NAME_PATTERN,
});

const DEFAULT_START_US = 1_000_000;
const DEFAULT_START_TAKES_US = 200_000;
const DEFAULT_DRIVER_US = 30_000_000;

/** The programs of a scenario, in the order in which they are written, groups counted out. */
export function planPrograms(entries: Record<string, ProgramEntry>): ProgramPlan[] {
  const plans = Object.entries(entries).flatMap(([name, entry]): ProgramPlan[] => {
    const path = pathOf("programs", name);
    const plan = planOf(name, entry, path);
    if (entry.count === undefined) return [plan];
    return Array.from({ length: entry.count }, (_, index) => ({ ...plan, name: `${name}-${index}` }));
  });
  if (plans.length > MAX_PROGRAMS) {
    throw new ScenarioProblem("programs", `there are more than ${MAX_PROGRAMS}`);
  }
  return plans;
}

function planOf(name: string, entry: ProgramEntry, path: string): ProgramPlan {
  const { start = DEFAULT_START_US, want = "up" } = entry;
  return {
    name,
    on: entry.on,
    startUs: start,
    want,
    does: behaviourOf(entry.does ?? {}, pathOf(path, "does")),
    rules: given<ProgramRules>({
      restart: entry.restart,
      backoffCapUs: entry.backoff_cap,
      giveUp: entry.give_up && { after: entry.give_up.after, withinUs: entry.give_up.within },
      graceUs: entry.grace,
      startUs: entry.start_limit,
      heartbeatUs: entry.heartbeat,
      hangWarnUs: entry.hang_warn,
      hangKillUs: entry.hang_kill,
      stallUs: entry.stall,
      stall: entry.stall_does,
      needs: entry.needs,
      bind: entry.bind,
      memoryMaxBytes: entry.memory_max,
      boot: entry.boot,
      fallbackAfter: entry.fallback_after,
    }),
  };
}

function behaviourOf(does: NonNullable<ProgramEntry["does"]>, path: string): BehaviourPlan {
  const { speaks = "protocol", start_takes: startTakesUs = DEFAULT_START_TAKES_US } = does;
  const { ends_after: endsUs, crash_after: crashUs, in_driver_after: driverAfterUs } = does;
  const say = (key: string, why: string): never => {
    throw new ScenarioProblem(pathOf(path, key), why);
  };
  if (endsUs !== undefined && crashUs !== undefined) {
    say("crash_after", "contradicts ends_after: say one of both");
  }
  const endsAfterUs = endsUs ?? crashUs;
  if (endsAfterUs === undefined && does.code !== undefined) {
    say("code", "goes with crash_after or ends_after");
  }
  if (endsAfterUs === undefined && does.signal !== undefined) {
    say("signal", "goes with crash_after or ends_after");
  }
  if (does.code !== undefined && does.signal !== undefined) {
    say("signal", "contradicts code: say one of both");
  }
  if (driverAfterUs === undefined && does.in_driver_for !== undefined) {
    say("in_driver_for", "goes with in_driver_after");
  }
  const isTrouble = endsAfterUs ?? does.hang_after ?? does.freeze_picture_after ?? driverAfterUs;
  if (isTrouble === undefined && does.times !== undefined) say("times", "of what? nothing goes wrong");
  const code = does.signal === undefined ? does.code ?? (crashUs === undefined ? 0 : 1) : undefined;
  return {
    speaks,
    ...given<Omit<BehaviourPlan, "speaks">>({
      startTakesUs: startTakesUs === 0 ? undefined : startTakesUs,
      endsAfterUs,
      endCode: endsAfterUs === undefined ? undefined : code,
      endSignal: does.signal,
      hangsAfterUs: does.hang_after,
      freezesAfterUs: does.freeze_picture_after,
      driverAfterUs,
      driverForUs: driverAfterUs === undefined ? undefined : does.in_driver_for ?? DEFAULT_DRIVER_US,
      ignoresTerm: does.ignore_term,
      stopTakesUs: does.stop_takes,
      forks: does.forks,
      memoryBytes: does.memory,
      times: does.times,
    }),
  };
}

/** The fields that were said. */
function given<T extends object>(fields: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

/** Refuses programs that cannot be: nobody has them, or they need what is not there. */
export function checkPrograms(programs: readonly ProgramPlan[], nodes: readonly NodePlan[]): void {
  const names = new Set<string>();
  for (const { name, on, rules } of programs) {
    const path = pathOf("programs", name);
    if (names.has(name)) throw new ScenarioProblem(path, "is there twice");
    names.add(name);
    checkSelector(on, nodes, `${path}.on`);
    if (isRandomSelector(on)) throw new ScenarioProblem(`${path}.on`, "must not hang on a draw");
    for (const needed of Object.keys(rules.needs ?? {})) {
      if (programs.some((each) => each.name === needed)) continue;
      throw new ScenarioProblem(
        `${path}.needs`,
        `there is no program ${needed}`,
        suggest(needed, programs.map((each) => each.name)),
      );
    }
    const warnUs = rules.hangWarnUs ?? SPEC_DEFAULTS.hang.warnUs;
    const killUs = rules.hangKillUs ?? SPEC_DEFAULTS.hang.killUs;
    if (killUs < warnUs) throw new ScenarioProblem(`${path}.hang_kill`, "is less than hang_warn");
  }
}

const us = (value: number | undefined): string | undefined =>
  value === undefined ? undefined : writeQuantity(DURATION, value);
const size = (value: number | undefined): string | undefined =>
  value === undefined ? undefined : writeQuantity(SIZE, value);

/** Writes a program as it would be written by hand. */
export function writeProgram({ on, startUs, want, does, rules }: ProgramPlan): Record<string, unknown> {
  const isCrash = does.endCode !== 0;
  return given<Record<string, unknown>>({
    on,
    start: startUs === null ? "later" : us(startUs),
    want: want === "up" ? undefined : want,
    does: given<Record<string, unknown>>({
      speaks: does.speaks,
      start_takes: us(does.startTakesUs ?? 0),
      ends_after: isCrash ? undefined : us(does.endsAfterUs),
      crash_after: isCrash ? us(does.endsAfterUs) : undefined,
      code: isCrash ? does.endCode : undefined,
      signal: does.endSignal,
      hang_after: us(does.hangsAfterUs),
      freeze_picture_after: us(does.freezesAfterUs),
      in_driver_after: us(does.driverAfterUs),
      in_driver_for: us(does.driverForUs),
      ignore_term: does.ignoresTerm,
      stop_takes: us(does.stopTakesUs),
      forks: does.forks,
      memory: size(does.memoryBytes),
      times: does.times,
    }),
    restart: rules.restart,
    backoff_cap: us(rules.backoffCapUs),
    give_up: rules.giveUp && { after: rules.giveUp.after, within: us(rules.giveUp.withinUs) },
    grace: us(rules.graceUs),
    start_limit: us(rules.startUs),
    heartbeat: us(rules.heartbeatUs),
    hang_warn: us(rules.hangWarnUs),
    hang_kill: us(rules.hangKillUs),
    stall: us(rules.stallUs),
    stall_does: rules.stall,
    needs: rules.needs,
    bind: rules.bind,
    memory_max: size(rules.memoryMaxBytes),
    boot: rules.boot,
    fallback_after: rules.fallbackAfter,
  });
}
