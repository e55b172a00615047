// What a node says of itself by DNS-SD: probing, announcing, answering, keeping still, taking leave.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  type Advertisement,
  canAdvertise,
  encodeText,
  hostLabelOf,
  recordKey,
  type ResourceRecord,
  TYPE,
} from "../../../../lib/discovery/dns_sd/mod.ts";
import {
  ADVERTISEMENT,
  linkOf,
  message,
  MS,
  PEER,
  question,
  record,
  ResponderBench,
  SECOND,
  type Sent,
} from "./bench.ts";

const INSTANCE = "stage left._hana._udp.local";
const SESSIONS = "stage left._hana._tcp.local";
const HOST = "stage-left-1a2b.local";
const SRV = { type: TYPE.srv, priority: 0, weight: 0, port: 40_000, target: HOST } as const;

const namesOf = (records: readonly ResourceRecord[]): string[] =>
  records.map(({ name, data }) => `${name} ${data.type}`).sort();
const isProbe = ({ message }: Sent): boolean => message.authorities.length > 0;

Deno.test("a start probes three times 250 ms apart, then announces three times with doubling gaps", () => {
  const bench = new ResponderBench();
  bench.run(10 * SECOND);
  const sent = bench.taken();
  assertEquals(sent.length, 6);
  const [first, second, third, ...announcements] = sent;
  assert(first !== undefined && second !== undefined && third !== undefined);
  assert(first.atUs <= 250 * MS);
  assertEquals([second.atUs - first.atUs, third.atUs - second.atUs], [250 * MS, 250 * MS]);
  for (const probe of [first, second, third]) {
    assertEquals(probe.message.questions.map(({ name, type }) => `${name} ${type}`), [
      `${INSTANCE} 255`,
      `${SESSIONS} 255`,
      `${HOST} 255`,
    ]);
    assertEquals(
      namesOf(probe.message.authorities),
      [
        `${SESSIONS} 16`,
        `${SESSIONS} 33`,
        `${INSTANCE} 16`,
        `${INSTANCE} 33`,
        `${HOST} 1`,
      ].sort(),
    );
    assert(probe.message.authorities.every(({ isFlush }) => !isFlush));
  }
  const startUs = third.atUs + 250 * MS;
  assertEquals(announcements.map(({ atUs }) => atUs - startUs), [0, SECOND, 3 * SECOND]);
  assert(startUs <= SECOND, "a browser sees us within a second");
  const [announcement] = announcements;
  assert(announcement !== undefined);
  assertEquals(
    namesOf(announcement.message.answers),
    [
      "_app._sub._hana._tcp.local 12",
      "_app._sub._hana._udp.local 12",
      "_hana._tcp.local 12",
      "_hana._udp.local 12",
      "_services._dns-sd._udp.local 12",
      "_services._dns-sd._udp.local 12",
      `${HOST} 1`,
      `${SESSIONS} 16`,
      `${SESSIONS} 33`,
      `${INSTANCE} 16`,
      `${INSTANCE} 33`,
    ].sort(),
  );
  for (const { data, isFlush, ttlS, name } of announcement.message.answers) {
    assertEquals(isFlush, data.type !== TYPE.ptr, name);
    assertEquals(ttlS, data.type === TYPE.srv || data.type === TYPE.a ? 120 : 4500, name);
  }
});

Deno.test("a service whose port is not known yet is left out, and comes with its port", () => {
  const bench = new ResponderBench(1, ADVERTISEMENT, [linkOf(0, { port: 0 })]);
  bench.settle();
  bench.ask("_hana._udp.local", TYPE.ptr);
  bench.run(SECOND);
  assertEquals(bench.taken(), []);
  bench.responder.handleLinks(bench.nowUs, [linkOf(0)]);
  bench.settle();
  bench.ask("_hana._udp.local", TYPE.ptr);
  bench.run(SECOND);
  const [answer] = bench.taken();
  assert(answer?.message.additionals.some(({ data }) => "port" in data && data.port === 40_000));
});

Deno.test("each link is told its own address and nobody else's", () => {
  const bench = new ResponderBench(1, ADVERTISEMENT, [linkOf(0), linkOf(1)]);
  bench.run(10 * SECOND);
  const addresses = new Map<string, Set<string>>();
  for (const { link, message } of bench.taken()) {
    for (const { data } of [...message.answers, ...message.authorities, ...message.additionals]) {
      if (!("address" in data)) continue;
      addresses.set(link, (addresses.get(link) ?? new Set()).add(data.address));
    }
  }
  assertEquals([...addresses].map(([link, set]) => [link, [...set]]).sort(), [
    ["eth0", ["10.0.0.1"]],
    ["eth1", ["10.0.1.1"]],
  ]);
});

Deno.test("a question for what several may have is answered after 20 to 120 ms, with all that follows from it", () => {
  const delays: number[] = [];
  for (let seed = 1; seed <= 200; seed++) {
    const bench = new ResponderBench(seed).settle();
    const askedUs = bench.nowUs;
    bench.ask("_HANA._udp.LOCAL", TYPE.ptr);
    bench.run(SECOND);
    const [answer, ...more] = bench.taken();
    assert(answer !== undefined && more.length === 0);
    delays.push(answer.atUs - askedUs);
    assertEquals(namesOf(answer.message.answers), ["_hana._udp.local 12"]);
    assertEquals(
      namesOf(answer.message.additionals),
      [
        `${HOST} 1`,
        `${HOST} 47`,
        `${INSTANCE} 16`,
        `${INSTANCE} 33`,
      ].sort(),
    );
  }
  assert(Math.min(...delays) >= 20 * MS && Math.max(...delays) <= 120 * MS);
  assert(Math.max(...delays) - Math.min(...delays) > 80 * MS, "spread out");
});

Deno.test("a question for what is ours alone is answered at once", () => {
  const bench = new ResponderBench().settle();
  bench.ask(INSTANCE, TYPE.srv);
  bench.run(0);
  const [answer] = bench.taken();
  assertEquals(answer?.atUs, bench.nowUs);
  assertEquals(namesOf(answer?.message.answers ?? []), [`${INSTANCE} 33`]);
});

Deno.test("a subtype finds us by our role, another role's subtype does not", () => {
  const bench = new ResponderBench().settle();
  bench.ask("_daemon._sub._hana._udp.local", TYPE.ptr);
  bench.run(SECOND);
  assertEquals(bench.taken(), []);
  bench.ask("_app._sub._hana._udp.local", TYPE.ptr);
  bench.run(SECOND);
  assertEquals(bench.taken().length, 1);
});

Deno.test("a question for an address of another family is answered with what there is (NSEC)", () => {
  const bench = new ResponderBench().settle();
  bench.ask(HOST, TYPE.aaaa);
  bench.run(0);
  const [answer] = bench.taken();
  assertEquals(answer?.message.answers.map(({ data }) => data), [{
    type: TYPE.nsec,
    next: HOST,
    types: [TYPE.a],
  }]);
  bench.ask("another.local", TYPE.aaaa);
  bench.run(SECOND);
  assertEquals(bench.taken(), []);
});

const KNOWN = record("_hana._udp.local", { type: TYPE.ptr, target: INSTANCE }, 4500, false);

Deno.test("a known answer is not given again while half of its lifetime is left, and is given after that", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 4500 }), fc.nat(1000), (ttlS, seed) => {
    const bench = new ResponderBench(seed + 1).settle();
    bench.ask("_hana._udp.local", TYPE.ptr, [{ ...KNOWN, ttlS }]);
    bench.run(2 * SECOND);
    assertEquals(bench.taken().length, ttlS >= 2250 ? 0 : 1);
    assertEquals(bench.counters.suppressedByKnownAnswer, ttlS >= 2250 ? 1 : 0);
  }));
});

Deno.test("after a truncated list of known answers the answer waits 400 to 500 ms for the rest", () => {
  const bench = new ResponderBench().settle();
  const askedUs = bench.nowUs;
  bench.hear({ isTruncated: true, questions: [question("_hana._udp.local", TYPE.ptr)] });
  bench.run(300 * MS);
  assertEquals(bench.taken(), []);
  bench.run(SECOND);
  const [answer] = bench.taken();
  assert(answer !== undefined && answer.atUs >= askedUs + 400 * MS && answer.atUs <= askedUs + 500 * MS);
  bench.run(5 * SECOND);
  bench.hear({ isTruncated: true, questions: [question("_hana._udp.local", TYPE.ptr)] });
  bench.run(100 * MS);
  bench.hear({ answers: [KNOWN] });
  bench.run(2 * SECOND);
  assertEquals(bench.taken(), []);
});

Deno.test("what another asked for as well is not held back by the first one's known answers", () => {
  const bench = new ResponderBench().settle();
  bench.hear({ isTruncated: true, questions: [question("_hana._udp.local", TYPE.ptr)] });
  bench.hear({ questions: [question("_hana._udp.local", TYPE.ptr)] }, { host: "10.0.0.8", port: 5353 });
  bench.hear({ answers: [KNOWN] });
  bench.run(2 * SECOND);
  assertEquals(bench.taken().length, 1);
});

Deno.test("an answer that another gives first is not given twice", () => {
  const bench = new ResponderBench().settle();
  const types = record(
    "_services._dns-sd._udp.local",
    { type: TYPE.ptr, target: "_hana._udp.local" },
    4500,
    false,
  );
  bench.ask("_services._dns-sd._udp.local", TYPE.ptr);
  bench.hear({ isResponse: true, answers: [types] });
  bench.run(2 * SECOND);
  const said = bench.taken().flatMap((sent) => sent.message.answers);
  assertEquals(said.map(({ data }) => "target" in data ? data.target : ""), ["_hana._tcp.local"]);
  assertEquals(bench.counters.suppressedByOther, 1);
});

Deno.test("no record is multicast twice within a second, however many ask", () => {
  fc.assert(fc.property(
    fc.array(fc.tuple(fc.nat(300), fc.nat(3)), { minLength: 1, maxLength: 60 }),
    fc.nat(100),
    (asks, seed) => {
      const bench = new ResponderBench(seed + 1).settle();
      const names = ["_hana._udp.local", INSTANCE, HOST, "_app._sub._hana._tcp.local"] as const;
      for (const [waitMs, which] of asks) {
        bench.run(waitMs * MS);
        bench.ask(names[which] ?? HOST, TYPE.any);
      }
      bench.run(5 * SECOND);
      const last = new Map<string, number>();
      for (const { atUs, message } of bench.taken()) {
        for (const each of [...message.answers, ...message.additionals]) {
          const before = last.get(recordKey(each));
          assert(
            before === undefined || atUs - before >= SECOND,
            `${recordKey(each)} after ${atUs - (before ?? 0)}`,
          );
          last.set(recordKey(each), atUs);
        }
      }
      // And nobody is left without an answer.
      assert(last.size > 0);
    },
  ));
});

Deno.test("a name is defended against a prober after 250 ms at the latest", () => {
  const bench = new ResponderBench().settle();
  bench.ask(INSTANCE, TYPE.any);
  bench.run(100 * MS);
  bench.taken();
  const probedUs = bench.nowUs;
  bench.hear({
    questions: [question(INSTANCE, TYPE.any)],
    authorities: [record(INSTANCE, { ...SRV, port: 9 }, 120, false)],
  });
  bench.run(SECOND);
  const [defence] = bench.taken();
  assert(defence !== undefined && defence.atUs - probedUs <= 250 * MS);
});

Deno.test("of two that probe for a name at once the one with the later data wins, the other waits a second", () => {
  const rival = (port: number) => {
    const bench = new ResponderBench();
    bench.runTo(260 * MS);
    bench.taken();
    const theirs = [
      record(INSTANCE, { ...SRV, port }, 120, false),
      record(INSTANCE, { type: TYPE.txt, bytes: encodeText({ txtvers: "1", id: "1a2b" }) }, 4500, false),
    ];
    bench.hear({ questions: [question(INSTANCE, TYPE.any)], authorities: theirs });
    const heardUs = bench.nowUs;
    bench.run(10 * SECOND);
    return bench.taken().filter(isProbe).map(({ atUs }) => atUs - heardUs);
  };
  const won = rival(1);
  assert(won.length <= 2 && (won[0] ?? 0) <= 250 * MS);
  const lost = rival(65_000);
  assertEquals(lost.length, 3);
  assert((lost[0] ?? 0) >= SECOND);
  // The same data: another link of ours, or a reflector.
  assert(rival(40_000).length <= 2);
});

Deno.test("a name that a foreign service has is given up for one with a number, in DNS-SD alone", () => {
  const bench = new ResponderBench();
  bench.runTo(300 * MS);
  bench.hear({ isResponse: true, answers: [record(INSTANCE, { ...SRV, port: 9, target: "other.local" })] });
  assertEquals(bench.responder.instance, "stage left (2)");
  assertEquals(bench.responder.pollEvent(), {
    kind: "dns-sd-renamed",
    wanted: "stage left",
    name: "stage left (2)",
  });
  bench.run(10 * SECOND);
  const said = bench.taken().filter((sent) => !isProbe(sent)).flatMap((sent) => sent.message.answers);
  assert(said.length > 0);
  assert(
    said.every(({ name }) => !name.startsWith("stage left._hana")),
    "nothing is said of the foreign name",
  );
  assert(said.some(({ name }) => name === "stage left (2)._hana._udp.local"));
});

Deno.test("a host name that another has gets a number as well, and our instance keeps its name", () => {
  const bench = new ResponderBench();
  bench.runTo(300 * MS);
  bench.hear({ isResponse: true, answers: [record(HOST, { type: TYPE.a, address: "10.0.0.77" })] });
  bench.run(10 * SECOND);
  assertEquals(bench.responder.instance, "stage left");
  const said = bench.taken().flatMap((sent) => sent.message.answers);
  assert(said.some(({ name }) => name === "stage-left-1a2b-2.local"));
});

Deno.test("a claim after the start makes us probe again; who does not defend it loses it to us", () => {
  const bench = new ResponderBench().settle();
  bench.hear({ isResponse: true, answers: [record(INSTANCE, { ...SRV, port: 9 })] });
  bench.run(10 * SECOND);
  const sent = bench.taken();
  assertEquals(sent.filter(isProbe).length, 3);
  assertEquals(sent.length, 6);
  assertEquals(bench.responder.instance, "stage left");
});

Deno.test("our own records, on any link or out of date by an update, are no claim", () => {
  const bench = new ResponderBench(1, ADVERTISEMENT, [linkOf(0), linkOf(1)]).settle();
  bench.hear({ isResponse: true, answers: [record(HOST, { type: TYPE.a, address: "10.0.1.1" })] });
  const [udp, tcp] = ADVERTISEMENT.services;
  assert(udp !== undefined && tcp !== undefined);
  const text = encodeText({ txtvers: "1", id: "1a2b", st: "2" });
  bench.responder.advertise(bench.nowUs, { ...ADVERTISEMENT, services: [{ ...udp, text }, tcp] });
  bench.run(5 * SECOND);
  bench.taken();
  bench.hear({ isResponse: true, answers: [record(INSTANCE, { type: TYPE.txt, bytes: udp.text }, 4500)] });
  bench.run(10 * SECOND);
  assertEquals(bench.taken(), []);
  assertEquals(bench.counters.conflicts, 0);
});

Deno.test("fifteen conflicts in ten seconds make the next attempt wait five", () => {
  const bench = new ResponderBench();
  let probes = 0;
  for (let i = 0; i < 30; i++) {
    const name = `${bench.responder.instance ?? ""}._hana._udp.local`;
    for (let tries = 0; tries < 100 && bench.taken().filter(isProbe).length === 0; tries++) {
      bench.run(100 * MS);
    }
    probes++;
    bench.hear({ isResponse: true, answers: [record(name, { ...SRV, port: 9 })] });
  }
  assertEquals(probes, 30);
  // Fifteen at up to 0.35 s each, then fifteen at five seconds or more.
  assert(bench.nowUs > 15 * 5 * SECOND, `${bench.nowUs}`);
});

Deno.test("a change of text is announced twice, without probing, and only what changed", () => {
  const bench = new ResponderBench().settle();
  const [udp, tcp] = ADVERTISEMENT.services;
  assert(udp !== undefined && tcp !== undefined);
  const text = encodeText({ txtvers: "1", id: "1a2b", st: "2" });
  const changedUs = bench.nowUs;
  bench.responder.advertise(changedUs, { ...ADVERTISEMENT, services: [{ ...udp, text }, tcp] });
  bench.run(10 * SECOND);
  const sent = bench.taken();
  assertEquals(sent.map(({ atUs }) => atUs - changedUs), [0, SECOND]);
  for (const each of sent) assertEquals(namesOf(each.message.answers), [`${INSTANCE} 16`]);
});

Deno.test("a new name is probed for and the old one withdrawn", () => {
  const bench = new ResponderBench().settle();
  bench.responder.advertise(bench.nowUs, { ...ADVERTISEMENT, instance: "stage right" });
  bench.run(10 * SECOND);
  const answers = bench.taken().flatMap((sent) => sent.message.answers);
  const gone = answers.filter(({ ttlS }) => ttlS === 0);
  assert(
    gone.some(({ name, data }) =>
      name === "_hana._udp.local" && "target" in data && data.target === INSTANCE
    ),
  );
  assert(gone.some(({ name }) => name === INSTANCE));
  assert(answers.some(({ name, ttlS }) => name === "stage right._hana._udp.local" && ttlS > 0));
});

Deno.test("more than ten updates a minute are taken together, and the last one is said in the end", () => {
  const bench = new ResponderBench().settle();
  const [udp, tcp] = ADVERTISEMENT.services;
  assert(udp !== undefined && tcp !== undefined);
  for (let i = 0; i < 600; i++) {
    const text = encodeText({ st: `${i}` });
    bench.responder.advertise(bench.nowUs, { ...ADVERTISEMENT, services: [{ ...udp, text }, tcp] });
    bench.run(100 * MS);
  }
  bench.run(10 * SECOND);
  const texts = bench.taken().flatMap((sent) => sent.message.answers)
    .filter(({ name, data }) => name === INSTANCE && data.type === TYPE.txt).map(recordKey);
  assert(new Set(texts).size <= 17, `${new Set(texts).size}`);
  assert(texts.at(-1)?.includes("st=599"));
});

Deno.test("a goodbye withdraws all that is ours alone, three times within 300 ms, and nothing is said after it", () => {
  const bench = new ResponderBench().settle();
  const leftUs = bench.nowUs;
  bench.responder.leave(leftUs);
  bench.ask("_hana._udp.local", TYPE.ptr);
  bench.run(5 * SECOND);
  const sent = bench.taken();
  assertEquals(sent.map(({ atUs }) => atUs - leftUs), [0, 100 * MS, 300 * MS]);
  for (const each of sent) {
    assert(each.message.answers.every(({ ttlS }) => ttlS === 0));
    assertEquals(each.message.answers.length, 9);
    assert(
      each.message.answers.every(({ name }) => !name.startsWith("_services")),
      "others are still of these types",
    );
  }
  assertEquals(bench.responder.pollEvent(), { kind: "goodbye-sent" });
});

Deno.test("a node that has not announced yet leaves without a word", () => {
  const bench = new ResponderBench();
  bench.runTo(300 * MS);
  bench.taken();
  bench.responder.leave(bench.nowUs);
  bench.run(SECOND);
  assertEquals(bench.taken(), []);
  assertEquals(bench.responder.pollEvent(), { kind: "goodbye-sent" });
});

Deno.test("a record of ours that another lets run out is said again", () => {
  const bench = new ResponderBench().settle();
  bench.hear({ isResponse: true, answers: [{ ...KNOWN, ttlS: 0 }] });
  bench.run(SECOND);
  assertEquals(bench.taken().length, 1);
});

Deno.test("a legacy query is answered to its sender alone: its number, ten seconds, 512 bytes, no flush bit", () => {
  const bench = new ResponderBench().settle();
  const from = { host: "10.0.0.9", port: 40_404 };
  bench.hear({ id: 77, questions: [question("_hana._udp.local", TYPE.ptr)] }, from);
  bench.run(SECOND);
  const [answer, ...more] = bench.taken();
  assert(answer !== undefined && more.length === 0);
  assertEquals(answer.to, from);
  assertEquals([answer.message.id, answer.message.questions.length], [77, 1]);
  assert(answer.bytes <= 512);
  for (const { ttlS, isFlush } of [...answer.message.answers, ...answer.message.additionals]) {
    assert(ttlS <= 10 && !isFlush);
  }
});

Deno.test("a flood of legacy queries gets twenty answers a second after the first forty", () => {
  const bench = new ResponderBench().settle();
  for (let i = 0; i < 1_000; i++) {
    bench.hear({ questions: [question(HOST, TYPE.a)] }, { host: "10.0.0.9", port: 40_404 });
    bench.run(10 * MS);
  }
  const count = bench.taken().length;
  assert(count >= 230 && count <= 245, `${count}`);
  assertEquals(bench.counters.legacyAnswers + bench.counters.legacyLimited, 1_000);
});

Deno.test("any name fits: long ones are cut, and no message has more than 1,200 bytes", () => {
  const name = fc.string({ unit: "binary", minLength: 1, maxLength: 48 }).filter((text) =>
    text.isWellFormed()
  );
  fc.assert(
    fc.property(name, fc.nat(200), (instance, seed) => {
      const advertisement: Advertisement = {
        ...ADVERTISEMENT,
        instance,
        host: hostLabelOf(instance, "1a2b3c4d"),
        services: ADVERTISEMENT.services.map((service) => ({
          ...service,
          text: encodeText({ id: "0".repeat(32), v: "x".repeat(32), inc: "1763629200000000" }),
        })),
      };
      const bench = new ResponderBench(seed + 1, advertisement);
      bench.settle();
      bench.ask("_hana._udp.local", TYPE.ptr);
      bench.run(SECOND);
      assertEquals(bench.taken().length, 1);
    }),
    { numRuns: 50 },
  );
});

Deno.test("a host name is made of the node's name and id, never of the machine's", () => {
  assertEquals(hostLabelOf("Bühne Links", "1a2b3c4d"), "buhne-links-1a2b");
  assertEquals(hostLabelOf("舞台", "1a2b3c4d"), "hana-1a2b");
  assertEquals(hostLabelOf("-x-".repeat(40), "ffff0000").length <= 63, true);
});

Deno.test("above 200 nodes only apps advertise; an observer never does", () => {
  assert(canAdvertise("daemon", 200) && !canAdvertise("daemon", 201));
  assert(!canAdvertise("visualization", 500) && canAdvertise("app", 500));
  assert(!canAdvertise("observer", 1));
  assert(!canAdvertise("daemon", 190, false) && canAdvertise("daemon", 180, false));
});

Deno.test("whatever comes leaves the responder standing", () => {
  const names = fc.constantFrom(INSTANCE, SESSIONS, HOST, "_hana._udp.local", "x.local", "");
  const data = fc.constantFrom<ResourceRecord["data"]>(
    SRV,
    { ...SRV, port: 9 },
    { type: TYPE.ptr, target: INSTANCE },
    { type: TYPE.a, address: "10.0.0.1" },
    { type: TYPE.txt, bytes: new Uint8Array(1) },
    { type: TYPE.nsec, next: HOST, types: [1, 28] },
    { type: 99, opaque: new Uint8Array(3) },
  );
  const records = fc.array(
    fc.tuple(names, data, fc.constantFrom(0, 1, 120, 4500), fc.boolean())
      .map(([name, what, ttlS, isFlush]) => record(name, what, ttlS, isFlush)),
    { maxLength: 5 },
  );
  const questions = fc.array(fc.tuple(names, fc.constantFrom(1, 12, 16, 28, 33, 255), fc.boolean()), {
    maxLength: 4,
  });
  const event = fc.record({
    waitMs: fc.nat(2000),
    isResponse: fc.boolean(),
    isTruncated: fc.boolean(),
    port: fc.constantFrom(5353, 5353, 5353, 9999),
    questions,
    answers: records,
    authorities: records,
    additionals: records,
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 30 }), (events) => {
      const bench = new ResponderBench();
      for (const { waitMs, port, questions: asked, ...rest } of events) {
        bench.run(waitMs * MS);
        const parts = message({
          ...rest,
          questions: asked.map(([name, type, qu]) => question(name, type, qu)),
        });
        bench.hear(parts, { host: PEER.host, port });
      }
      bench.run(60 * SECOND);
      // In the end it speaks, under whatever name.
      assert(bench.responder.isSpeaking);
      assert(bench.next() === Infinity);
    }),
    { numRuns: 300 },
  );
});
