// `hana bench rtt`: how long a message takes to come back, by path and kind of lane, beside a bare socket of that way.
// Decides the rounds: all ways in turn, so that what disturbs the machine disturbs them alike.

import { type EchoChannel, laneEcho, rawEcho } from "./channels.ts";
import { type EchoCount, EchoDriver } from "./echo_driver.ts";
import type { Session } from "../../lib/session/mod.ts";
import type { Ground } from "./ground.ts";
import { LatencyHistogram } from "./latency.ts";
import { type BenchPath, type BenchPlan, formatSize } from "./plan.ts";
import { type BenchResult, type BenchRun, interleave, sessionFigures } from "./result.ts";
import { median, round } from "./statistics.ts";

interface Subject {
  readonly label: string;
  readonly path: BenchPath;
  readonly size: number;
  readonly kind: string | null;
  readonly channel: EchoChannel;
  readonly driver: EchoDriver;
  readonly all: LatencyHistogram;
  readonly rounds: LatencyHistogram[];
  /** Null for bare sockets. */
  readonly session: Session | null;
  sent: number;
  received: number;
  refused: number;
}

/** Runs the workload. */
export async function benchRtt(
  ground: Ground,
  plan: BenchPlan,
  run: BenchRun,
): Promise<BenchResult[]> {
  const subjects = await subjectsOf(ground, plan, run);
  try {
    const measureOne = async (subject: Subject, durationUs: number, warm: boolean): Promise<void> => {
      let histogram = new LatencyHistogram();
      // What is warmed up is the code: as fast as it goes.
      const ratePerS = warm ? null : plan.ratePerS;
      const measure = (): Promise<EchoCount> => {
        histogram = new LatencyHistogram();
        return subject.driver.run({ ratePerS, durationUs }, histogram);
      };
      const { session, path } = subject;
      const count = session === null ? await measure() : await ground.onPath(session, path, measure);
      if (session !== null && count.received === 0 && count.sent > count.refused) {
        throw ground.nothingArrived(session);
      }
      if (warm) return;
      subject.rounds.push(histogram);
      subject.all.add(histogram);
      subject.sent += count.sent;
      subject.received += count.received;
      subject.refused += count.refused;
    };
    const steps = (durationUs: number, warm: boolean) =>
      subjects.map((subject) => () =>
        run.guard(subject, subject.label, () => measureOne(subject, durationUs, warm))
      );
    if (plan.warmupUs > 0) await interleave(1, steps(plan.warmupUs, true), () => run.say("warming up"));
    await interleave(
      plan.rounds,
      steps(plan.durationUs / plan.rounds, false),
      (done, all) => run.say(`round trips: ${done} of ${all}`),
    );
    return resultsOf(ground, plan, subjects.filter((subject) => run.isWhole(subject)));
  } finally {
    for (const { channel } of subjects) channel.close();
  }
}

async function subjectsOf(ground: Ground, plan: BenchPlan, run: BenchRun): Promise<Subject[]> {
  const subjects: Subject[] = [];
  const add = (
    of: Pick<Subject, "label" | "path" | "size" | "kind" | "channel" | "session">,
  ): void => {
    const driver = new EchoDriver(of.channel, of.size);
    subjects.push({
      ...of,
      driver,
      all: new LatencyHistogram(),
      rounds: [],
      sent: 0,
      received: 0,
      refused: 0,
    });
  };
  for (const size of plan.sizes) {
    for (const path of plan.paths) {
      if (!ground.supports(path)) continue;
      const raw = plan.isRaw ? await rawEcho(ground, path, size) : null;
      if (raw !== null) {
        add({ label: `raw ${rawName(path)}`, path, size, kind: null, channel: raw, session: null });
      }
      for (const kind of plan.kinds) {
        if (size > 16 * 1024 && kind.startsWith("unreliable")) continue;
        // One session a lane: the lane of another measurement is not heard on it.
        await run.guard({}, `${path} ${kind}`, async () => {
          const session = await ground.openSession(path);
          const channel = laneEcho(ground, session, kind, size);
          add({ label: `${path} ${kind}`, path, size, kind, channel, session });
        });
      }
    }
  }
  return subjects;
}

function resultsOf(ground: Ground, plan: BenchPlan, subjects: readonly Subject[]): BenchResult[] {
  const pace = plan.ratePerS === null
    ? "one after the other"
    : `${plan.ratePerS} a second, timed from when each was due`;
  return subjects.filter(({ kind }) => kind !== null).map((subject) => {
    const { path, size, kind } = subject;
    const raw = subjects.find((each) => each.kind === null && each.path === path && each.size === size);
    return {
      name: `rtt ${path} ${kind} ${formatSize(size)}`,
      workload: "rtt" as const,
      n: subject.received,
      kind: kind ?? "",
      sizeBytes: size,
      ...sessionFigures(ground, subject),
      sent: subject.sent,
      received: subject.received,
      lost: subject.sent - subject.received - subject.refused,
      drops: { refused: subject.refused },
      rttUs: subject.all.figures(),
      baseline: raw === undefined ? null : { name: raw.label, rttUs: raw.all.figures() },
      ratio: raw === undefined ? null : {
        p50: ratioOf(subject, raw, 0.5),
        p99: ratioOf(subject, raw, 0.99),
      },
      how: `${ground.how}; ${pace}; ${plan.rounds} rounds`,
      histogram: subject.all,
      ...(raw === undefined ? {} : { baselineHistogram: raw.all }),
    };
  });
}

function ratioOf(subject: Subject, raw: Subject, share: number): number {
  const ratios = subject.rounds.map((round, i) =>
    round.percentile(share) / (raw.rounds[i]?.percentile(share) ?? NaN)
  );
  return round(median(ratios));
}

/** A bare socket's name. */
export function rawName(path: BenchPath): string {
  return path === "unix" ? "Unix" : path.toUpperCase();
}
