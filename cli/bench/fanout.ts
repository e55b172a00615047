// `hana bench fanout`: a stream to many receivers, and how old each message is when it comes.
// Receivers are sessions of the peer process, each with a path and keys of its own; messages carry the time at which
// they were due, by the clock that all processes of the machine share. Beside it: bare datagrams to as many sockets.

import { HanaError } from "../../lib/base/mod.ts";
import type { LaneKind } from "../../lib/lanes/mod.ts";
import type { Session } from "../../lib/session/mod.ts";
import type { Ground } from "./ground.ts";
import { LatencyHistogram } from "./latency.ts";
import { AGE_LANE } from "./peer.ts";
import type { PeerHandle } from "./peer_process.ts";
import { type BenchPath, type BenchPlan, formatSize } from "./plan.ts";
import { type BenchResult, type BenchRun, interleave, sessionFigures } from "./result.ts";
import { round } from "./statistics.ts";
import { nowUs, sharedClock, sleep, turn } from "./time.ts";

/** Sends one message to all receivers; how many were not taken. */
type SendAll = (payload: Uint8Array) => number;

interface Subject {
  readonly label: string;
  readonly path: BenchPath;
  readonly kind: LaneKind | null;
  readonly size: number;
  readonly receivers: number;
  readonly session: Session | null;
  readonly sendAll: SendAll;
  readonly ages: LatencyHistogram;
  sent: number;
  refused: number;
  received: number;
}

/** What is under way may take this long to arrive, in microseconds. */
const SETTLE_US = 200_000;
const DEFAULT_RATE = 1_000;

/** Runs the workload. */
export async function benchFanout(
  ground: Ground,
  plan: BenchPlan,
  run: BenchRun,
): Promise<BenchResult[]> {
  const { peer } = ground;
  if (peer === null) {
    throw new HanaError("usage", {
      what: "fanout cannot measure a node that was not started for it",
      why: "the age of a message needs a clock that sender and receiver share",
      hint: "hana bench fanout",
    });
  }
  const open: { close(): void }[] = [];
  try {
    const subjects = await subjectsOf(ground, peer, plan, open, run);
    const clock = sharedClock();
    const measureOne = async (subject: Subject, durationUs: number, keep: boolean): Promise<void> => {
      const measure = async (): Promise<[number, number, LatencyHistogram]> => {
        await peer.ask("ages", null);
        const counts = await stream(subject, plan.ratePerS ?? DEFAULT_RATE, durationUs, clock.offsetUs);
        await sleep(SETTLE_US);
        const { histogram } = await peer.ask("ages", null);
        return [...counts, LatencyHistogram.fromJSON(histogram)];
      };
      const { session, path } = subject;
      const [sent, refused, ages] = session === null
        ? await measure()
        : await ground.onPath(session, path, measure);
      if (!keep) return;
      subject.sent += sent;
      subject.refused += refused;
      subject.received += ages.count;
      subject.ages.add(ages);
    };
    const steps = (durationUs: number, keep: boolean) =>
      subjects.map((subject) => () =>
        run.guard(subject, subject.label, () => measureOne(subject, durationUs, keep))
      );
    if (plan.warmupUs > 0) await interleave(1, steps(plan.warmupUs, false), () => run.say("warming up"));
    await interleave(
      plan.rounds,
      steps(plan.durationUs / plan.rounds, true),
      (done, all) => run.say(`fan-out: ${done} of ${all}`),
    );
    return subjects.filter((subject) => subject.kind !== null && run.isWhole(subject)).map((subject) =>
      resultOf(ground, plan, subject, subjects, clock.name)
    );
  } finally {
    for (const each of open) each.close();
  }
}

async function subjectsOf(
  ground: Ground,
  peer: PeerHandle,
  plan: BenchPlan,
  open: { close(): void }[],
  run: BenchRun,
): Promise<Subject[]> {
  const subjects: Subject[] = [];
  const most = Math.max(...plan.receivers);
  const add = (of: Omit<Subject, "ages" | "sent" | "refused" | "received">): void => {
    subjects.push({ ...of, ages: new LatencyHistogram(), sent: 0, refused: 0, received: 0 });
  };
  const raw = plan.isRaw ? await bareDatagrams(peer, most, open) : null;
  for (const path of plan.paths) {
    if (!ground.supports(path)) continue;
    const sessions: Session[] = [];
    await run.guard({}, path, async () => {
      while (sessions.length < most) sessions.push(await ground.openSession(path));
    });
    if (sessions.length < most) continue;
    for (const size of plan.sizes) {
      for (const receivers of plan.receivers) {
        if (raw !== null && path === plan.paths[0]) {
          add({
            label: "raw UDP",
            path: "udp",
            kind: null,
            size,
            receivers,
            session: null,
            sendAll: (payload) => raw(payload, receivers),
          });
        }
        for (const kind of plan.kinds) {
          const lanes = sessions.slice(0, receivers).map((session) =>
            session.openLane({
              name: AGE_LANE,
              kind,
              tier: 1,
              keyed: false,
              maxMessageBytes: Math.max(size, 1_024),
            })
          );
          add({
            label: `${path} ${kind}`,
            path,
            kind,
            size,
            receivers,
            session: sessions[0] ?? null,
            sendAll: (payload) => {
              let refused = 0;
              for (const lane of lanes) if (lane.send(payload) < 0) refused++;
              return refused;
            },
          });
        }
      }
    }
  }
  return subjects;
}

async function bareDatagrams(
  peer: PeerHandle,
  most: number,
  open: { close(): void }[],
): Promise<(payload: Uint8Array, receivers: number) => number> {
  const { host } = peer.addresses.raw;
  const ports = await peer.ask("openAgePorts", most);
  const socket = Deno.listenDatagram({
    transport: "udp",
    hostname: host.includes(":") ? "::" : "0.0.0.0",
    port: 0,
  });
  open.push(socket);
  const to = ports.map((port): Deno.NetAddr => ({ transport: "udp", hostname: host, port }));
  return (payload, receivers) => {
    // The runtime may send later than now: the bytes must stay as they are.
    const bytes = payload.slice();
    for (const address of to.slice(0, receivers)) socket.send(bytes, address).catch(() => {});
    return 0;
  };
}

/** Sends at a rate; messages sent and messages that were not taken. */
async function stream(
  subject: Subject,
  ratePerS: number,
  durationUs: number,
  offsetUs: number,
): Promise<[number, number]> {
  const payload = new Uint8Array(subject.size);
  const view = new DataView(payload.buffer);
  const periodUs = 1e6 / ratePerS;
  const total = Math.max(1, Math.round(durationUs / periodUs));
  const startUs = nowUs() + 2 * periodUs;
  let refused = 0;
  for (let i = 0; i < total;) {
    for (let dueUs = startUs + i * periodUs; i < total && dueUs <= nowUs();) {
      // From when it was due: a stall of the sender makes messages old, too.
      view.setFloat64(0, dueUs + offsetUs);
      refused += subject.sendAll(payload);
      i++;
      dueUs = startUs + i * periodUs;
    }
    await turn();
  }
  return [total * subject.receivers, refused];
}

function resultOf(
  ground: Ground,
  plan: BenchPlan,
  subject: Subject,
  subjects: readonly Subject[],
  clock: string,
): BenchResult {
  const { path, kind, size, receivers, ages } = subject;
  const raw = subjects.find((each) =>
    each.kind === null && each.size === size && each.receivers === receivers
  );
  const ratioOf = (share: number): number =>
    round(ages.percentile(share) / (raw?.ages.percentile(share) ?? NaN));
  return {
    name: `fanout ${receivers} ${path} ${kind} ${formatSize(size)}`,
    workload: "fanout",
    n: subject.received,
    kind: kind ?? "",
    sizeBytes: size,
    receivers,
    ...sessionFigures(ground, subject),
    sent: subject.sent,
    received: subject.received,
    lost: subject.sent - subject.received - subject.refused,
    drops: { refused: subject.refused },
    ageUs: ages.figures(),
    baseline: raw === undefined ? null : { name: "raw UDP", ageUs: raw.ages.figures() },
    ratio: raw === undefined ? null : { p50: ratioOf(0.5), p99: ratioOf(0.99) },
    how: `${ground.how}; receivers are sessions of one process; ${plan.ratePerS ?? DEFAULT_RATE} a second ` +
      `to each, timed from when each was due, by ${clock}`,
    histogram: ages,
    ...(raw === undefined ? {} : { baselineHistogram: raw.ages }),
  };
}
