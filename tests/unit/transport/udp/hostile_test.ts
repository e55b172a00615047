// Endpoints among strangers who record, repeat, cut, alter and redirect everything: nobody gets more than it sent, nothing
// is told twice, nothing of it stays.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { IpEndpoint } from "../../../../lib/platform/mod.ts";
import { noiseSuite } from "../../../../lib/security/mod.ts";
import { AMPLIFICATION, HALF_OPEN_US, UDP_DROPS } from "../../../../lib/transport/udp/mod.ts";
import { SourceRates } from "../../../../lib/transport/udp/source_rates.ts";
import { RecordingCipher } from "../../../support/null_cipher.ts";
import { seededRandom, testRing } from "../../security/support.ts";
import { A, B, SimulatedNode, suite, world } from "./support.ts";

const STRANGER: IpEndpoint = { host: "10.1.0.3", port: 6000 };

Deno.test("whatever a stranger does with what it records, it gets no more than it sends and no node tells anything twice", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 1e6 }), async (seed) => {
      const { world: simulated, hosts: [hostA, hostB, hostC] } = world(3, seed, {
        loss: 0.1,
        delay: { kind: "uniform", minUs: 100, maxUs: 30_000 },
        duplicate: 0.1,
      });
      assert(hostA !== undefined && hostB !== undefined && hostC !== undefined);
      const recording = new RecordingCipher(suite.cipher);
      const recorded = noiseSuite(recording, "SHA256");
      const a = new SimulatedNode(hostA, A, testRing(1), {}, recorded);
      const b = new SimulatedNode(hostB, B, testRing(1), {}, recorded);
      const random = seededRandom(seed);
      let received = 0;
      let sent = 0;
      const heard: Uint8Array[] = [];
      simulated.tapFrames((from, to, _bytes, payload) => {
        if (payload === null) return;
        if (to === "host-3") received += payload.length;
        if (from !== "host-3" && heard.length < 200) heard.push(payload.slice());
      });
      const socket = hostC.platform.datagrams.bind({ host: "0.0.0.0", port: STRANGER.port }, {
        onDatagram: () => {},
        onError: () => {},
      });
      const mischief = (): void => {
        const original = heard[Math.floor(random.float() * heard.length)];
        if (original === undefined) return;
        const bytes = original.slice(
          0,
          random.float() < 0.2 ? random.u32() % (original.length + 1) : undefined,
        );
        if (random.float() < 0.5 && bytes.length > 0) {
          const at = random.u32() % bytes.length;
          bytes[at] = (bytes[at] ?? 0) ^ (1 << (random.u32() & 7));
        }
        socket.send(bytes, random.float() < 0.5 ? A : B);
        sent += bytes.length;
      };
      const { owner } = a.dial(B);
      for (let i = 0; i < 150; i++) {
        mischief();
        await simulated.runFor(10_000);
        const [accepted] = b.accepted;
        if (owner.path !== null) owner.say(a.nowUs, `there ${i}`);
        if (accepted !== undefined) accepted.say(b.nowUs, `back ${i}`);
      }
      await simulated.runFor(1_000_000);
      // A packet that was lost for the peer and is then brought by the stranger is authentic, and may be answered.
      assert(received <= AMPLIFICATION * sent, `${received} B for ${sent} B`);
      for (const ends of [[owner], b.accepted]) {
        for (const { packets } of ends) {
          assertEquals(new Set(packets.map(({ number }) => number)).size, packets.length);
        }
      }
      assertEquals(owner.path?.remote ?? B, B);
      // Whoever passes on question and first packet before they arrive is taken for the peer, until the peer is heard.
      for (const { path, newAddresses } of b.accepted) {
        const isTold = newAddresses.some(({ host }) => host === A.host);
        assert(isTold || path?.remote?.host === A.host, `${path?.remote?.host}`);
      }
      assertEquals(recording.repeated, [], "no nonce is used twice");
      await simulated.runFor(HALF_OPEN_US + 1_000_000);
      assert(a.endpoint.pathCount <= 1 && b.endpoint.pathCount <= 1);
    }),
    { numRuns: 25 },
  );
});

Deno.test("a flood of questions from a member leaves room, costs no more than it sends, and honest dials go on", async () => {
  const { world: simulated, hosts: [hostA, hostB, hostC] } = world(3);
  assert(hostA !== undefined && hostB !== undefined && hostC !== undefined);
  const b = new SimulatedNode(hostB, B);
  const flooder = new SimulatedNode(hostC, STRANGER);
  let received = 0;
  let sent = 0;
  simulated.tapFrames((from, to, _bytes, payload) => {
    if (from === "host-3") sent += payload?.length ?? 0;
    if (to === "host-3") received += payload?.length ?? 0;
  });
  // Each dial is abandoned when it is answered, and a new one made: as many questions as it can.
  for (let i = 0; i < 600; i++) {
    flooder.endpoint.dial(B, { onOpen: (path) => path.close(), onFailed: () => {} });
    if (i % 100 === 0) await simulated.runFor(1_000);
  }
  await simulated.runFor(200_000);
  const { counters } = b.endpoint;
  assert(counters.cookiesSent > 100, `${counters.cookiesSent} cookies`);
  assert(counters.responsesSent <= 2 * 50 + counters.cookiesSent / 10, `${counters.responsesSent} answers`);
  assert(received <= sent, `${received} B for ${sent} B`);
  assert(b.endpoint.pathCount <= 256);
  const a = new SimulatedNode(hostA, A);
  const { owner } = a.dial(B);
  await simulated.runFor(1_500_000);
  assert(owner.path !== null, "an honest node gets through");
  flooder.endpoint.close();
  await simulated.runFor(2 * HALF_OPEN_US);
  assertEquals([b.endpoint.pathCount, b.accepted.length], [1, 1]);
});

Deno.test("rates of sources slide over a second, and go back to nothing", () => {
  const rates = new SourceRates(0, 12_345);
  for (let i = 0; i < 100; i++) rates.count(i * 10_000, "10.0.0.1");
  assertEquals([rates.rate(999_999, "10.0.0.1"), rates.rate(999_999, "10.0.0.2")], [100, 0]);
  assertEquals(
    Math.round(rates.rate(1_500_000, "10.0.0.1")),
    50,
    "half of the second before lies within the last one",
  );
  assertEquals(Math.round(rates.total(1_750_000)), 25);
  assertEquals(rates.count(1_999_999, "10.0.0.1") < 1.01, true);
  assertEquals(rates.total(10_000_000), 0);
});

Deno.test("every reason to drop a datagram has a counter, and they add up", async () => {
  const { world: simulated, hosts: [hostA, hostB] } = world(2);
  assert(hostA !== undefined && hostB !== undefined);
  const a = new SimulatedNode(hostA, A);
  const socket = hostB.platform.datagrams.bind({ host: "0.0.0.0", port: 1 }, {
    onDatagram: () => {},
    onError: () => {},
  });
  const random = seededRandom(8);
  for (let i = 0; i < 500; i++) socket.send(random.fill(new Uint8Array(random.u32() % 1300)), A);
  await simulated.runFor(1_000_000);
  const { dropped, receivedDatagrams } = a.endpoint.counters;
  assertEquals(Object.keys(dropped).sort(), [...UDP_DROPS].sort());
  assertEquals(Object.values(dropped).reduce((sum, count) => sum + count, 0), receivedDatagrams);
  assertEquals(a.endpoint.counters.sentDatagrams, 0);
});
