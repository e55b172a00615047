// `hana bench lane`: messages a second that arrive by one lane, by path and kind, beside bare sockets of that way.
// Decides the rounds: all ways in turn, so that what disturbs the machine disturbs them alike.

import type { Session } from "../../lib/session/mod.ts";
import type { Ground } from "./ground.ts";
import { laneOneWay, type OneWay, type OneWayRound, type RawOneWay, rawOneWay } from "./one_way.ts";
import { type BenchPath, type BenchPlan, formatSize } from "./plan.ts";
import {
  type Baseline,
  type BenchResult,
  type BenchRun,
  interleave,
  type PerMessage,
  sessionFigures,
} from "./result.ts";
import { median, round } from "./statistics.ts";
import { rawName } from "./rtt.ts";

interface Subject {
  readonly label: string;
  readonly path: BenchPath;
  readonly size: number;
  readonly kind: string | null;
  /** Messages a write: the baseline has one. */
  readonly perWrite: number;
  readonly way: OneWay;
  /** Null for bare sockets. */
  readonly session: Session | null;
  readonly rounds: OneWayRound[];
}

/** The largest datagram of a bare socket that carries several messages. */
const MAX_DATAGRAM_BYTES = 1_400;
const MESSAGES_A_DATAGRAM = 20;
const WRITE_BYTES = 64 * 1024;

/** Runs the workload. */
export async function benchLane(
  ground: Ground,
  plan: BenchPlan,
  run: BenchRun,
): Promise<BenchResult[]> {
  const subjects = await subjectsOf(ground, plan, run);
  try {
    const measureOne = async (subject: Subject, durationUs: number, keep: boolean): Promise<void> => {
      const { session } = subject;
      const measure = (): Promise<OneWayRound> => subject.way.run(durationUs);
      const round = session === null ? await measure() : await ground.onPath(session, subject.path, measure);
      if (session !== null && round.received === 0 && round.sent > 0) throw ground.nothingArrived(session);
      if (keep) subject.rounds.push(round);
    };
    const steps = (durationUs: number, keep: boolean) =>
      subjects.map((subject) => () =>
        run.guard(subject, subject.label, () => measureOne(subject, durationUs, keep))
      );
    if (plan.warmupUs > 0) await interleave(1, steps(plan.warmupUs, false), () => run.say("warming up"));
    await interleave(
      plan.rounds,
      steps(plan.durationUs / plan.rounds, true),
      (done, all) => run.say(`one way: ${done} of ${all}`),
    );
    return subjects.filter((subject) => subject.kind !== null && run.isWhole(subject)).map((subject) =>
      resultOf(ground, plan, subject, subjects)
    );
  } finally {
    for (const { way } of subjects) way.close();
  }
}

async function subjectsOf(ground: Ground, plan: BenchPlan, run: BenchRun): Promise<Subject[]> {
  const subjects: Subject[] = [];
  const { peer } = ground;
  for (const size of plan.sizes) {
    for (const path of plan.paths) {
      if (!ground.supports(path)) continue;
      if (peer !== null && plan.isRaw) {
        for (const raw of rawWays(path, size)) {
          subjects.push({
            label: `raw ${rawName(path)}, ${raw.perWrite} a ${path === "udp" ? "datagram" : "write"}`,
            path,
            size,
            kind: null,
            perWrite: raw.perWrite,
            way: await rawOneWay(peer, size, raw),
            session: null,
            rounds: [],
          });
        }
      }
      for (const kind of plan.kinds) {
        if (size > 16 * 1024 && kind.startsWith("unreliable")) continue;
        await run.guard({}, `${path} ${kind}`, async () => {
          const session = await ground.openSession(path);
          subjects.push({
            label: `${path} ${kind}`,
            path,
            size,
            kind,
            perWrite: 0,
            way: laneOneWay(session, kind, size, peer),
            session,
            rounds: [],
          });
        });
      }
    }
  }
  return subjects;
}

function rawWays(path: BenchPath, size: number): RawOneWay[] {
  if (path !== "udp") {
    const many = Math.floor(WRITE_BYTES / size);
    return [{ sink: path, perWrite: 1 }, ...(many > 1 ? [{ sink: path, perWrite: many }] : [])];
  }
  const many = Math.min(MESSAGES_A_DATAGRAM, Math.floor(MAX_DATAGRAM_BYTES / size));
  return [{ sink: "udp", perWrite: 1 }, ...(many > 1 ? [{ sink: "udp" as const, perWrite: many }] : [])];
}

function resultOf(
  ground: Ground,
  plan: BenchPlan,
  subject: Subject,
  subjects: readonly Subject[],
): BenchResult {
  const { path, size, kind, rounds } = subject;
  const raws = subjects.filter((each) => each.kind === null && each.path === path && each.size === size);
  const [single, many] = raws;
  const sum = (of: (round: OneWayRound) => number): number =>
    rounds.reduce((total, round) => total + of(round), 0);
  const drops: Record<string, number> = {};
  for (const round of rounds) {
    for (const [reason, count] of Object.entries(round.drops)) drops[reason] = (drops[reason] ?? 0) + count;
  }
  const received = sum((round) => round.received);
  return {
    name: `lane ${path} ${kind} ${formatSize(size)}`,
    workload: "lane",
    n: received,
    kind: kind ?? "",
    sizeBytes: size,
    ...sessionFigures(ground, subject),
    sent: sum((round) => round.sent),
    received,
    lost: sum((round) => round.sent) - received,
    drops,
    ...ratesOf(subject),
    cpuUsPerMessage: perMessage(rounds, "cpuUs"),
    allocatedBytesPerMessage: perMessage(rounds, "allocatedBytes"),
    baseline: single === undefined ? null : baselineOf(single),
    ...(many === undefined ? {} : { beside: [baselineOf(many)] }),
    ratio: single === undefined ? null : {
      msgsPerS: ratioOf(subject, single),
      ...(many === undefined ? {} : { ofMany: ratioOf(subject, many) }),
    },
    how: `${ground.how}; as fast as the lane takes them; ${plan.rounds} rounds, medians`,
  };
}

function ratesOf({ rounds, size }: Subject): { msgsPerS: number; bytesPerS: number } {
  const msgsPerS = Math.round(median(rounds.map((round) => round.msgsPerS)));
  return { msgsPerS, bytesPerS: msgsPerS * size };
}

function baselineOf(raw: Subject): Baseline {
  return { name: raw.label, ...ratesOf(raw) };
}

function ratioOf(subject: Subject, raw: Subject): number {
  return round(
    median(subject.rounds.map((round, i) => round.msgsPerS / (raw.rounds[i]?.msgsPerS ?? NaN))),
  );
}

/** Per message that arrived; medians of the rounds. */
function perMessage(rounds: readonly OneWayRound[], what: "cpuUs" | "allocatedBytes"): PerMessage {
  const of = (side: "sender" | "receiver"): number | null => {
    const values = rounds.map((round) => (round[what][side] ?? NaN) / round.received);
    const middle = median(values);
    return Number.isFinite(middle) ? round(middle) : null;
  };
  return { sender: of("sender"), receiver: of("receiver") };
}
