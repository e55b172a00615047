// What a node learns by DNS-SD: asking, keeping, asking again, forgetting.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { encodeText, MAX_CACHED, type ResourceRecord, TYPE } from "../../../../lib/discovery/dns_sd/mod.ts";
import { BrowserBench, message, MS, question, record, SECOND, serviceRecords } from "./bench.ts";

const TYPE_NAME = "_osc._udp.local";
const pointer = (name: string, ttlS = 4500): ResourceRecord =>
  record(TYPE_NAME, { type: TYPE.ptr, target: `${name}.${TYPE_NAME}` }, ttlS, false);

Deno.test("a type is asked for after 20 to 120 ms and then with doubling gaps up to an hour", () => {
  const bench = new BrowserBench();
  bench.run(24 * 3600 * SECOND);
  const times = bench.taken().map(({ atUs }) => atUs);
  const [first = 0] = times;
  assert(first >= 20 * MS && first <= 120 * MS);
  const gaps = times.slice(1).map((atUs, i) => (atUs - (times[i] ?? 0)) / SECOND);
  const expected = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048];
  for (const [i, gap] of gaps.entries()) {
    const least = expected[i] ?? 3600;
    assert(gap >= least && gap <= least + Math.min(least / 10, 1), `gap ${i} of ${gap} s`);
  }
});

Deno.test("a service is added once its address is known, from one message or from several", () => {
  const bench = new BrowserBench();
  bench.run(SECOND);
  const [ptr, srv, txt, a] = serviceRecords("Desk", { text: { path: "/x" } });
  assert(ptr !== undefined && srv !== undefined && txt !== undefined && a !== undefined);
  bench.hear({ isResponse: true, answers: [ptr], additionals: [a, txt, srv] });
  assertEquals(bench.events(), ["added Desk"]);
  const [service] = bench.browser.services;
  assertEquals(service, {
    name: "Desk._osc._udp.local",
    instance: "Desk",
    type: "_osc._udp",
    host: "desk.local",
    port: 9000,
    addresses: ["10.0.0.5"],
    text: { path: "/x" },
  });
  const other = new BrowserBench();
  other.run(SECOND);
  other.taken();
  other.hear({ isResponse: true, answers: [ptr] });
  other.run(150 * MS);
  const asked = other.taken().flatMap((sent) => sent.message.questions).filter(({ type }) =>
    type !== TYPE.ptr
  ).map(({ name, type }) => `${name} ${type}`);
  assertEquals(asked, ["Desk._osc._udp.local 33", "Desk._osc._udp.local 16"]);
  other.hear({ isResponse: true, answers: [srv] });
  assertEquals(other.events(), []);
  other.run(150 * MS);
  const hosts = other.taken().flatMap((sent) => sent.message.questions).filter(({ type }) =>
    type !== TYPE.ptr
  ).map(({ name, type }) => `${name} ${type}`);
  assertEquals(hosts, ["desk.local 1", "desk.local 28"]);
  other.hear({ isResponse: true, answers: [a] });
  assertEquals(other.events(), ["added Desk"]);
  other.hear({ isResponse: true, answers: [txt] });
  assertEquals(other.events(), ["updated Desk"]);
});

Deno.test("missing parts are asked for four times and then left alone until the service speaks again", () => {
  const bench = new BrowserBench();
  bench.run(20 * SECOND);
  bench.taken();
  bench.hear({ isResponse: true, answers: [pointer("Desk")] });
  bench.run(300 * SECOND);
  const asked = bench.taken().flatMap((sent) => sent.message.questions).filter(({ type }) =>
    type === TYPE.srv
  );
  assertEquals(asked.length, 4);
});

Deno.test("what is known already goes along with a question, and over more messages than one if it must", () => {
  const bench = new BrowserBench();
  bench.run(60 * SECOND);
  bench.taken();
  const names = Array.from({ length: 100 }, (_, i) => `desk number ${i} at the far end of the hall`);
  for (const name of names) bench.hear({ isResponse: true, answers: serviceRecords(name) });
  bench.run(64 * SECOND);
  const sent = bench.taken().filter(({ message }) => message.answers.length > 0);
  const [first] = sent;
  assert(first !== undefined && sent.length > 2);
  assertEquals(first.message.questions.map(({ name }) => name), [TYPE_NAME]);
  assertEquals(sent.map(({ message }) => message.isTruncated), sent.map((_, i) => i < sent.length - 1));
  const known = new Set(
    sent.flatMap(({ message }) => message.answers).map(({ data }) => "target" in data ? data.target : ""),
  );
  assertEquals(known.size, 100);
  for (const { ttlS, isFlush } of sent.flatMap(({ message }) => message.answers)) {
    assert(!isFlush && ttlS <= 4500 && ttlS > 2250);
  }
});

Deno.test("an answer that has lost half of its lifetime is not sent along as known", () => {
  const bench = new BrowserBench();
  bench.hear({ isResponse: true, answers: [pointer("Desk", 10)] });
  bench.run(4 * SECOND);
  const knownAt = bench.taken().filter(({ message }) =>
    message.questions.some(({ name }) => name === TYPE_NAME)
  )
    .map(({ message, atUs }) => [Math.floor(atUs / SECOND), message.answers.length]);
  assertEquals(knownAt, [[0, 1], [1, 1], [3, 1]]);
  bench.run(4 * SECOND);
  assertEquals(
    bench.taken().filter(({ message }) => message.questions.some(({ name }) => name === TYPE_NAME))
      .map(({ message }) => message.answers.length),
    [0],
  );
});

Deno.test("a record is asked for again at 80, 85, 90 and 95 % of its lifetime, up to 2 % later, and then it is gone", () => {
  const bench = new BrowserBench([]);
  bench.browser.browse(0, "_osc._udp");
  bench.run(5 * SECOND);
  bench.hear({ isResponse: true, answers: serviceRecords("Desk") });
  const heardUs = bench.nowUs;
  bench.events();
  bench.taken();
  bench.run(125 * SECOND);
  const shares = bench.taken()
    .filter(({ message }) => message.questions.some(({ type }) => type === TYPE.a))
    .map(({ atUs }) => (atUs - heardUs) / SECOND / 120);
  assertEquals(shares.length, 4);
  for (const [i, share] of [0.80, 0.85, 0.90, 0.95].entries()) {
    const at = shares[i] ?? 0;
    assert(at >= share && at <= share + 0.02, `${shares}`);
  }
  assertEquals(bench.browser.services[0]?.addresses, []);
});

Deno.test("a record that is answered for in time stays for hours", () => {
  const bench = new BrowserBench();
  bench.hear({ isResponse: true, answers: serviceRecords("Desk") });
  assertEquals(bench.events(), ["added Desk"]);
  for (let seconds = 0; seconds < 10_000; seconds++) {
    bench.run(SECOND);
    const asked = bench.taken().flatMap(({ message }) => message.questions);
    const answers = serviceRecords("Desk").filter(({ name, data }) =>
      asked.some((each) => each.name === name && each.type === data.type)
    );
    if (answers.length > 0) bench.hear({ isResponse: true, answers });
  }
  assertEquals(bench.events(), []);
  assertEquals(bench.browser.services[0]?.addresses, ["10.0.0.5"]);
});

Deno.test("a goodbye takes effect a second later, and one that is taken back does not", () => {
  const bench = new BrowserBench();
  bench.hear({ isResponse: true, answers: serviceRecords("Desk") });
  bench.events();
  bench.hear({ isResponse: true, answers: [pointer("Desk", 0)] });
  bench.run(500 * MS);
  bench.hear({ isResponse: true, answers: [pointer("Desk")] });
  bench.run(5 * SECOND);
  assertEquals(bench.events(), []);
  const saidUs = bench.nowUs;
  bench.hear({ isResponse: true, answers: [pointer("Desk", 0)] });
  bench.runTo(saidUs + SECOND - 1);
  assertEquals(bench.events(), []);
  bench.runTo(saidUs + SECOND);
  assertEquals(bench.events(), ["removed Desk"]);
  assertEquals(bench.browser.services, []);
});

Deno.test("a flush replaces what is older than a second, a second later", () => {
  const bench = new BrowserBench();
  bench.hear({ isResponse: true, answers: serviceRecords("Desk") });
  bench.events();
  bench.run(3 * SECOND);
  bench.hear({ isResponse: true, answers: [record("desk.local", { type: TYPE.a, address: "10.0.0.6" })] });
  assertEquals(bench.events(), ["updated Desk"]);
  bench.run(SECOND);
  assertEquals(bench.browser.services[0]?.addresses, ["10.0.0.6"]);
});

Deno.test("addresses that come within a second of each other stand side by side", () => {
  const bench = new BrowserBench();
  bench.hear({ isResponse: true, answers: serviceRecords("Desk") });
  bench.run(500 * MS);
  bench.hear({ isResponse: true, answers: [record("desk.local", { type: TYPE.a, address: "10.0.0.6" })] });
  bench.run(10 * SECOND);
  assertEquals(bench.browser.services[0]?.addresses, ["10.0.0.5", "10.0.0.6"]);
});

Deno.test("two questions of others without an answer in ten seconds end a record; an answer saves it", () => {
  const ask = (bench: BrowserBench) => bench.hear({ questions: [question(TYPE_NAME, TYPE.ptr)] });
  for (const isAnswered of [false, true]) {
    const bench = new BrowserBench();
    bench.run(200 * SECOND);
    bench.hear({ isResponse: true, answers: serviceRecords("Desk") });
    bench.events();
    ask(bench);
    bench.run(2 * SECOND);
    ask(bench);
    if (isAnswered) bench.hear({ isResponse: true, answers: [pointer("Desk")] });
    bench.run(7 * SECOND);
    assertEquals(bench.events(), []);
    bench.run(2 * SECOND);
    assertEquals(bench.events(), isAnswered ? [] : ["removed Desk"]);
  }
});

Deno.test("a host that asks for what it announces itself does not end its own record", () => {
  const bench = new BrowserBench();
  bench.run(200 * SECOND);
  bench.hear({ isResponse: true, answers: serviceRecords("Desk") });
  bench.events();
  for (let i = 0; i < 5; i++) {
    bench.hear({ questions: [question(TYPE_NAME, TYPE.ptr)] }, "eth0", "10.0.0.5");
    bench.run(4 * SECOND);
  }
  assertEquals(bench.events(), []);
});

Deno.test("our own answers go along as known, so that nobody waits for us to answer ourselves", () => {
  const bench = new BrowserBench(["_osc._udp"], 1, [pointer("Ours")]);
  bench.run(200 * MS);
  const [first] = bench.taken();
  assertEquals(first?.message.answers, [pointer("Ours")]);
  // Another who knows us asks the same: that is our question, too.
  bench.run(600 * MS);
  bench.hear({ questions: [question(TYPE_NAME, TYPE.ptr)], answers: [pointer("Ours")] });
  bench.run(900 * MS);
  assertEquals(bench.taken(), []);
});

Deno.test("questions that say they know the answer, or want it by unicast, prove nothing", () => {
  const bench = new BrowserBench();
  bench.run(200 * SECOND);
  bench.hear({ isResponse: true, answers: serviceRecords("Desk") });
  bench.events();
  for (let i = 0; i < 5; i++) {
    bench.hear({ questions: [question(TYPE_NAME, TYPE.ptr)], answers: [pointer("Desk")] });
    bench.hear({ questions: [question(TYPE_NAME, TYPE.ptr, true)] });
    bench.hear({ isTruncated: true, questions: [question(TYPE_NAME, TYPE.ptr)] });
    bench.run(SECOND);
  }
  bench.run(20 * SECOND);
  assertEquals(bench.events(), []);
});

Deno.test("a question that another host asks in time need not be asked by us", () => {
  const bench = new BrowserBench();
  bench.hear({ questions: [question(TYPE_NAME, TYPE.ptr)] });
  bench.run(900 * MS);
  assertEquals(bench.taken(), []);
  assertEquals(bench.counters.suppressedQuestions, 1);
  bench.run(200 * MS);
  assertEquals(bench.taken().length, 1);
  // One that knows what we do not: its answer would not tell us.
  const other = new BrowserBench();
  other.hear({ questions: [question(TYPE_NAME, TYPE.ptr)], answers: [pointer("Desk")] });
  other.run(200 * MS);
  assertEquals(other.taken().length, 1);
});

Deno.test("all types that anybody lists are looked for, up to 64", () => {
  const bench = new BrowserBench([]);
  bench.browser.browseAll(0);
  bench.run(200 * MS);
  assertEquals(bench.taken().flatMap(({ message }) => message.questions).map(({ name }) => name), [
    "_services._dns-sd._udp.local",
  ]);
  const list = Array.from(
    { length: 100 },
    (_, i) =>
      record("_services._dns-sd._udp.local", { type: TYPE.ptr, target: `_t${i}._tcp.local` }, 4500, false),
  );
  bench.hear({ isResponse: true, answers: list });
  bench.hear({
    isResponse: true,
    answers: [
      record("_services._dns-sd._udp.local", { type: TYPE.ptr, target: "nonsense.local" }, 4500, false),
    ],
  });
  bench.run(200 * MS);
  const asked = new Set(bench.taken().flatMap(({ message }) => message.questions).map(({ name }) => name));
  assertEquals(asked.size, 64);
  assertEquals(bench.counters.typesFull, 36);
});

Deno.test("a service on two links is one service, and is gone when it is gone from both", () => {
  const bench = new BrowserBench();
  bench.browser.handleLinks(0, ["eth0", "eth1"]);
  bench.hear({ isResponse: true, answers: serviceRecords("Desk") }, "eth0");
  bench.hear({ isResponse: true, answers: serviceRecords("Desk", { address: "10.0.1.5" }) }, "eth1");
  assertEquals(bench.events(), ["added Desk", "updated Desk"]);
  assertEquals(bench.browser.services[0]?.addresses, ["10.0.0.5", "10.0.1.5"]);
  bench.browser.handleLinks(bench.nowUs, ["eth1"]);
  assertEquals(bench.browser.services[0]?.addresses, ["10.0.1.5"]);
  bench.browser.handleLinks(bench.nowUs, []);
  assertEquals(bench.events().at(-1), "removed Desk");
  assertEquals(bench.browser.cache.size, 0);
});

Deno.test("a link that appears is asked anew", () => {
  const bench = new BrowserBench();
  bench.run(100 * SECOND);
  bench.taken();
  bench.browser.handleLinks(bench.nowUs, ["eth0", "eth1"]);
  bench.run(200 * MS);
  assertEquals(bench.taken().map(({ link }) => link), ["eth1"]);
});

Deno.test("records that belong to nothing we look for are not kept", () => {
  const bench = new BrowserBench();
  bench.hear({ isResponse: true, answers: serviceRecords("Printer", { type: "_ipp._tcp" }) });
  bench.hear({
    isResponse: true,
    answers: [record(TYPE_NAME, { type: TYPE.ptr, target: "x._ipp._tcp.local" }, 4500, false)],
  });
  assertEquals(bench.browser.cache.size, 0);
});

Deno.test("the cache holds 4,096 records and counts what does not fit", () => {
  const bench = new BrowserBench();
  for (let i = 0; i < 3_000; i++) {
    bench.hear({
      isResponse: true,
      answers: serviceRecords(`Desk ${i}`, { host: `d${i}.local` }),
    });
    bench.events();
  }
  assertEquals(bench.browser.cache.size, MAX_CACHED);
  assertEquals(bench.counters.cacheFull > 0, true);
  // All of it runs out, and nothing is left behind.
  bench.run(5_000 * SECOND);
  assertEquals(bench.browser.cache.size, 0);
  assertEquals(bench.browser.services, []);
});

Deno.test("whatever comes leaves the browser standing, within its bounds, and in the end empty", () => {
  const names = fc.constantFrom(
    "Desk._osc._udp.local",
    TYPE_NAME,
    "desk.local",
    "_services._dns-sd._udp.local",
    "",
  );
  const data = fc.constantFrom<ResourceRecord["data"]>(
    { type: TYPE.ptr, target: "Desk._osc._udp.local" },
    { type: TYPE.ptr, target: "Rack._osc._udp.local" },
    { type: TYPE.srv, priority: 0, weight: 0, port: 1, target: "desk.local" },
    { type: TYPE.srv, priority: 0, weight: 0, port: 2, target: "Desk._osc._udp.local" },
    { type: TYPE.txt, bytes: encodeText({ a: "b" }) },
    { type: TYPE.a, address: "10.0.0.1" },
    { type: TYPE.aaaa, address: "fe80::1" },
    { type: 99, opaque: new Uint8Array(3) },
  );
  const records = fc.array(
    fc.tuple(names, data, fc.constantFrom(0, 1, 120, 4500, 0x7fff_ffff), fc.boolean())
      .map(([name, what, ttlS, isFlush]) => record(name, what, ttlS, isFlush)),
    { maxLength: 6 },
  );
  const event = fc.record({
    waitMs: fc.nat(5000),
    isResponse: fc.boolean(),
    isTruncated: fc.boolean(),
    types: fc.array(fc.tuple(names, fc.constantFrom(1, 12, 16, 28, 33, 255)), { maxLength: 3 }),
    answers: records,
    authorities: records,
    additionals: records,
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 30 }), (events) => {
      const bench = new BrowserBench();
      bench.browser.browseAll(0);
      const shown = new Set<string>();
      const follow = (): void => {
        for (const text of bench.events()) {
          const [op = "", name = ""] = text.split(" ");
          assertEquals(shown.has(name), op !== "added", text);
          if (op === "added") shown.add(name);
          if (op === "removed") shown.delete(name);
        }
      };
      for (const { waitMs, types, ...rest } of events) {
        bench.run(waitMs * MS);
        bench.hear(message({ ...rest, questions: types.map(([name, type]) => question(name, type)) }));
        follow();
      }
      bench.run(5 * 3600 * SECOND);
      follow();
      assertEquals([...shown], []);
      assertEquals(bench.browser.cache.size, 0);
    }),
    { numRuns: 200 },
  );
});
