// `hana bench handshake`: how long it takes until two nodes may speak, and what the handshakes cost.
// Decides what stands beside them: a bare connection that carried one byte each way, and the X25519 of both sides.

import { createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync } from "node:crypto";
import { HanaError } from "../../lib/base/mod.ts";
import type { Platform } from "../../lib/platform/mod.ts";
import { createMeshKey, loadSessionSuite, MeshKeyRing, ReplayGuard } from "../../lib/security/mod.ts";
import { encodeHello, handshakeContext, UdpInitiator, UdpResponder } from "../../lib/transport/mod.ts";
import type { Ground } from "./ground.ts";
import { LatencyHistogram } from "./latency.ts";
import { type Operation, timeOperations } from "./operations.ts";
import type { BenchPath, BenchPlan } from "./plan.ts";
import { type BenchResult, type BenchRun, interleave } from "./result.ts";
import { round } from "./statistics.ts";
import { rawName } from "./rtt.ts";
import { nowUs, sleep } from "./time.ts";

/** A node takes 50 handshakes over datagrams a second from one address, proved or not; more wait. */
const APART_US = 30_000;

interface Subject {
  readonly path: BenchPath;
  readonly isRaw: boolean;
  readonly histogram: LatencyHistogram;
  run(): Promise<void>;
}

/** Runs the workload. */
export async function benchHandshake(
  ground: Ground,
  platform: Platform,
  plan: BenchPlan,
  { say }: BenchRun,
): Promise<BenchResult[]> {
  const subjects: Subject[] = [];
  for (const path of plan.paths) {
    if (path === "udp" ? ground.datagramAddress === null : !ground.supports(path)) continue;
    subjects.push({
      path,
      isRaw: false,
      histogram: new LatencyHistogram(),
      run: () => openAndClose(ground, path),
    });
    if (ground.peer === null || !plan.isRaw) continue;
    subjects.push({
      path,
      isRaw: true,
      histogram: new LatencyHistogram(),
      run: () => connectBare(ground, path),
    });
  }
  const run = async ({ run, histogram, path }: Subject, durationUs: number, keep: boolean): Promise<void> => {
    const endUs = nowUs() + durationUs;
    do {
      const startedUs = nowUs();
      await run();
      if (keep) histogram.record(nowUs() - startedUs);
      if (path === "udp") await sleep(APART_US);
    } while (nowUs() < endUs);
  };
  await interleave(1, subjects.map((each) => () => run(each, plan.warmupUs, false)), () => say("warming up"));
  const steps = subjects.map((each) => () => run(each, plan.durationUs / plan.rounds, true));
  await interleave(plan.rounds, steps, (done, all) => say(`handshakes: ${done} of ${all}`));
  const sessions = subjects.filter(({ isRaw }) => !isRaw).map((subject) => {
    const raw = subjects.find(({ path, isRaw }) => isRaw && path === subject.path);
    return resultOf(ground, plan, subject, raw);
  });
  return [...sessions, ...await handshakeCosts(platform, plan, say)];
}

const SESSIONS: Readonly<Record<BenchPath, string>> = {
  unix: "session by Unix socket",
  tcp: "session by TCP, Noise",
  udp: "session by UDP alone, INIT and RESPONSE",
};

async function openAndClose(ground: Ground, path: BenchPath): Promise<void> {
  const session = await ground.openBare(path);
  // The goodbye is no part of it, but must not pile up.
  void session.close("measured");
}

async function connectBare(ground: Ground, path: BenchPath): Promise<void> {
  const raw = ground.peer?.addresses.raw;
  if (raw === undefined) throw new HanaError("internal", { what: "there are no bare sockets" });
  if (path === "udp") return await askBare(raw.host, raw.udpEcho);
  const stream = path === "unix"
    ? await Deno.connect({ transport: "unix", path: raw.unixEcho ?? "" })
    : await Deno.connect({ hostname: raw.host, port: raw.tcpEcho });
  const byte = new Uint8Array(1);
  await stream.write(byte);
  await stream.read(byte);
  stream.close();
}

async function askBare(host: string, port: number): Promise<void> {
  const socket = Deno.listenDatagram({
    transport: "udp",
    hostname: host.includes(":") ? "::" : "0.0.0.0",
    port: 0,
  });
  await socket.send(new Uint8Array(1), { transport: "udp", hostname: host, port });
  await socket.receive(new Uint8Array(64));
  socket.close();
}

function resultOf(ground: Ground, plan: BenchPlan, subject: Subject, raw: Subject | undefined): BenchResult {
  const { histogram, path } = subject;
  const us = histogram.figures();
  const what = SESSIONS[path];
  const ratioOf = (share: number): number =>
    round(histogram.percentile(share) / (raw?.histogram.percentile(share) ?? NaN));
  return {
    name: `handshake ${what}`,
    workload: "handshake",
    n: histogram.count,
    us,
    // Paced where the node would make us wait.
    ...(path === "udp" ? {} : { msgsPerS: Math.round(1e6 / us.mean) }),
    baseline: raw === undefined
      ? null
      : { name: `raw ${rawName(path)}, a byte there and back`, us: raw.histogram.figures() },
    ratio: raw === undefined ? null : { p50: ratioOf(0.5), p99: ratioOf(0.99) },
    how: `${ground.how}; one after the other; ${plan.rounds} rounds`,
    histogram,
    ...(raw === undefined ? {} : { baselineHistogram: raw.histogram }),
  };
}

/** Both ends of the handshake over datagrams, and both sides' X25519, in this process without sockets. */
async function handshakeCosts(
  platform: Platform,
  plan: BenchPlan,
  say: (text: string) => void,
): Promise<BenchResult[]> {
  const datagrams = await datagramHandshake(platform);
  const [cost, raw] = await timeOperations(
    [datagrams, bareAgreement()],
    plan,
    (done, all) => say(`handshakes over datagrams: round ${done + 1} of ${all}`),
  );
  if (cost === undefined || raw === undefined) return [];
  return [{
    name: `handshake ${datagrams.name}`,
    workload: "handshake",
    n: cost.n,
    us: cost.us,
    msgsPerS: cost.perS,
    baseline: { name: "raw X25519: two key pairs, two agreements", us: raw.us },
    ratio: { p50: round(cost.us.p50 / raw.us.p50), p99: round(cost.us.p99 / raw.us.p99) },
    how: "one process, both ends, no sockets",
  }];
}

/** Far enough apart that no end thinks itself flooded. */
const VIRTUAL_US = 1_000_000;
const FROM = { host: "10.0.0.1", port: 1 };

async function datagramHandshake(platform: Platform): Promise<Operation> {
  const suite = await loadSessionSuite();
  const key = createMeshKey(platform.random.stream("bench/key"), null, platform.clock.wallMs());
  const context = handshakeContext(suite, new MeshKeyRing(key, null));
  const hello = encodeHello({ laneVersion: 1, maxAckDelayUs: 25_000, extensions: [] });
  if (hello === null) throw new HanaError("internal", { what: "a hello is too long" });
  let index = 1;
  let atUs = 0;
  const random = platform.random.stream("bench/handshake");
  const responder = new UdpResponder({
    context,
    random,
    nowUs: 0,
    hello,
    replayGuard: new ReplayGuard(),
    drawIndex: () => index++,
    isCrossed: () => false,
    onHalfOpen: () => {},
    onForgotten: () => {},
  });
  const run = (): void => {
    atUs += VIRTUAL_US;
    responder.handleTimeout(atUs);
    const initiator = new UdpInitiator({ context, random, nowUs: atUs, index: index++, hello });
    const init = initiator.pollDatagram(atUs);
    const verdict = init === null ? "nothing" : responder.handleInit(atUs, init, FROM);
    const problem = verdict === "answered" ? initiator.handleResponse(responder.reply) : verdict;
    if (problem !== null) {
      throw new HanaError("internal", { what: "a handshake over datagrams failed", why: String(problem) });
    }
  };
  run();
  return { name: "over datagrams, INIT and RESPONSE, both ends", run };
}

/** What a handshake without anything else would take: node:crypto, keys in its own form. */
function bareAgreement(): Operation {
  const exported = generateKeyPairSync("x25519");
  const publicKey = exported.publicKey.export({ format: "der", type: "spki" });
  const privateKey = exported.privateKey.export({ format: "der", type: "pkcs8" });
  type DerPrivate = Parameters<typeof createPrivateKey>[0];
  type DerPublic = Parameters<typeof createPublicKey>[0];
  return {
    name: "X25519",
    run: () => {
      for (let side = 0; side < 2; side++) {
        const own = createPrivateKey({ key: privateKey, format: "der", type: "pkcs8" } as DerPrivate);
        createPublicKey(own as unknown as DerPublic);
        const peer = createPublicKey({ key: publicKey, format: "der", type: "spki" } as DerPublic);
        diffieHellman({ privateKey: own, publicKey: peer });
      }
    },
  };
}
