// Lines of a trace, what is filtered, what a slow reader misses; and the report of an examination on a terminal.

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { reportLines } from "../../../cli/doctor/rendering.ts";
import { LinePump, traceFilter } from "../../../cli/nodes/trace.ts";
import { summaryOf, traceCells, traceJson, traceLine } from "../../../cli/nodes/trace_rendering.ts";
import { Palette } from "../../../cli/output/mod.ts";
import { HanaError, type Incarnation, type NodeId } from "../../../lib/base/mod.ts";
import type { LinkInterface, Message, TraceEntry } from "../../../lib/discovery/mod.ts";
import { type Check, machineChecks, peerChecks } from "../../../lib/node/doctor/mod.ts";
import { ALL, peerSeen, seen } from "../node/doctor/fixture.ts";

const ID = "aabbccdd00112233445566778899aabb" as NodeId;

const LINK: LinkInterface = {
  key: "k",
  name: "eth0",
  family: "ipv4",
  address: "10.0.0.1",
  prefix: 24,
  broadcast: "10.0.0.255",
  loopback: false,
  port: 5000,
};

const ACK: Message = {
  kind: "ack",
  bootNonce: "00".repeat(8),
  echo: "12".repeat(8),
  stateVersion: 3,
  heardBy: 1,
};

function entry(change: Partial<TraceEntry> = {}): TraceEntry {
  return {
    atUs: 1_500_000,
    direction: "in",
    link: LINK,
    path: "unicast",
    peer: { host: "10.0.0.2", port: 47_676 },
    size: 85,
    header: {
      version: 1,
      kind: "ack",
      kindNumber: 7,
      path: "unicast",
      meshTag: "00000000",
      id: ID,
      incarnation: 1 as Incarnation,
      seq: 9,
      sentMs: 20,
      keyTag: 0x7a,
    },
    key: "primary",
    message: ACK,
    refusal: null,
    isSent: false,
    head: "",
    ...change,
  };
}

const context = { startUs: 1_000_000, nameOf: (id: string) => id === ID ? "wall" : null, isWide: false };

Deno.test("a datagram is one line: time, way, node, kind, content, and why it was ignored", () => {
  const lines: [Partial<TraceEntry>, string][] = [
    [{}, "0.5000|in|eth0|unicast|10.0.0.2:47676|wall|ack|85|answers 12121212, heard by multicast, state 3"],
    [
      { refusal: "duplicate" },
      "0.5000|in|eth0|unicast|10.0.0.2:47676|wall|ack|85|ignored: seen already; answers 12121212, heard by multicast, state 3",
    ],
    [
      { message: null, refusal: "foreign" },
      "0.5000|in|eth0|unicast|10.0.0.2:47676|wall|ack|85|ignored: another key; claims node aabbccdd, key 7a, protocol 1",
    ],
    [
      { message: null, header: null, path: null, refusal: "not-hana", head: "4d2d" },
      "0.5000|in|eth0|-|10.0.0.2:47676|-|unknown|85|ignored: not hana; begins 4d2d",
    ],
    [
      { direction: "out", isSent: true, peer: null, path: "multicast" },
      "0.5000|out|eth0|multicast|group|wall|ack|85|answers 12121212, heard by multicast, state 3",
    ],
    [
      { direction: "out", link: null, peer: { host: "fe80::1%eth0", port: 5 } },
      "0.5000|out|all|unicast|[fe80::1%eth0]:5|wall|ack|85|not sent: no interface leads there; answers 12121212, heard by multicast, state 3",
    ],
  ];
  for (const [change, line] of lines) assertEquals(traceCells(entry(change), context).join("|"), line);
  const wide = traceCells(entry(), { ...context, isWide: true }).join("|");
  assertStringIncludes(wide, '"seq":9');
  assertStringIncludes(wide, `"echo":"${"12".repeat(8)}"`);
  const cut = traceLine(traceCells(entry(), context), 60);
  assertEquals(cut.length, 60);
  assert(cut.endsWith("…"));
});

Deno.test("messages of the lease and of cut records read as sentences", () => {
  const bootNonce = "00".repeat(8);
  const memory = "cc".repeat(8);
  const voters = [{ id: "1a".repeat(8), memory }, { id: "2b".repeat(8), memory }];
  const set = { lineage: "ef".repeat(8), term: 4, version: 2, voters };
  const to = "2b".repeat(8);
  const lines: [Message, string][] = [
    [
      { kind: "claim", bootNonce, term: 5, attempt: 2, set, proposal: null },
      "wants to lead in term 5, attempt 2",
    ],
    [
      { kind: "claim", bootNonce, term: 5, attempt: 2, set: null, proposal: voters.map(({ id }) => id) },
      "wants to lead in term 5, attempt 2, founds voters 1a1a1a1a 2b2b2b2b",
    ],
    [{ kind: "grant", bootNonce, term: 5, attempt: 2, memory }, "votes for it in term 5, attempt 2"],
    [
      { kind: "deny", bootNonce, of: "claim", echo: 2, reason: "promised", term: 6, set: null },
      "refuses attempt 2: its promise is another's, knows term 6",
    ],
    [
      { kind: "deny", bootNonce, of: "lease", echo: 9, reason: "set", term: 6, set },
      "refuses round 9: it knows other voters, knows term 6, voters 1a1a1a1a 2b2b2b2b",
    ],
    [
      { kind: "lease", bootNonce, term: 4, round: 0, mode: "lease", validMs: 3497, set },
      "leads in term 4, valid 3.497 s, voters 1a1a1a1a 2b2b2b2b",
    ],
    [
      { kind: "lease", bootNonce, term: 4, round: 7, mode: "forced", validMs: 0, set: null },
      "renews, round 7 in term 4, forced, not to act yet",
    ],
    [{ kind: "lease-ack", bootNonce, term: 4, round: 7, memory }, "acknowledges round 7 of term 4"],
    [{ kind: "transfer", bootNonce, term: 4, to: null }, "leads no more in term 4, in favour of anybody"],
    [{ kind: "transfer", bootNonce, term: 4, to }, "leads no more in term 4, in favour of 2b2b2b2b"],
    [
      { kind: "get", bootNonce, nonce: "12".repeat(8), offset: 1000 },
      "asks for its record from byte 1000, nonce 12121212",
    ],
    [
      {
        kind: "record-part",
        bootNonce,
        echo: "12".repeat(8),
        stateVersion: 3,
        offset: 1000,
        total: 1500,
        bytes: new Uint8Array(500),
      },
      "answers 12121212, bytes 1000 to 1500 of 1500, state 3",
    ],
  ];
  for (const [message, line] of lines) assertEquals(summaryOf(message), line);
});

Deno.test("a datagram for scripts holds all that is known", () => {
  const json = traceJson(entry({ refusal: "stale-nonce" }), context);
  assertEquals(
    [json.atMs, json.node, json.kind, json.refusal, json.why, json.local],
    [500, "wall", "ack", "stale-nonce", "ignored: answers nothing that discovery asked", "10.0.0.1"],
  );
  assertEquals(json.fields, { bootNonce: "00".repeat(8), echo: "12".repeat(8), stateVersion: 3, heardBy: 1 });
  const strange = traceJson(entry({ header: null, message: null, path: null, head: "ff" }), context);
  assertEquals([strange.id, strange.kind, strange.fields, strange.head], [null, null, null, "ff"]);
});

Deno.test("a trace shows the kinds, nodes and interfaces that are asked for", () => {
  const table: [Parameters<typeof traceFilter>[0], string[], Partial<TraceEntry>, boolean][] = [
    [{}, [], {}, true],
    [{ kind: ["ack,bye"] }, [], {}, true],
    [{ kind: ["bye", "ping"] }, [], {}, false],
    [{ kind: ["unknown"] }, [], { header: null, message: null }, true],
    [{ node: ["wall"] }, [], {}, true],
    [{ node: ["aabbcc"] }, [], {}, true],
    [{ node: ["10.0.0.2"] }, [], {}, true],
    [{ node: ["floor"] }, [], {}, false],
    [{}, ["eth0"], {}, true],
    [{}, ["10.0.0.1"], {}, true],
    [{}, ["eth1"], {}, false],
    [{}, ["eth1"], { link: null }, true],
  ];
  for (const [flags, interfaces, change, isShown] of table) {
    const isMeant = traceFilter(flags, interfaces, context.nameOf);
    assertEquals(isMeant(entry(change)), isShown, JSON.stringify([flags, interfaces]));
  }
  assertThrows(() => traceFilter({ kind: ["beat"] }, [], context.nameOf), HanaError, "there is no kind beat");
});

Deno.test("lines that a slow reader has no room for are counted and told where they are missing", async () => {
  const written: string[] = [];
  let go = Promise.withResolvers<void>();
  const pump = new LinePump(async (text) => {
    await go.promise;
    written.push(text);
  }, (dropped) => `missing ${dropped}`);
  // The first goes to the reader at once; 4,096 wait behind it.
  for (let line = 0; line < 5_000; line++) pump.push(`line ${line}`);
  assertEquals(pump.dropped, 5_000 - 4_097);
  go.resolve();
  await pump.drained();
  go = Promise.withResolvers();
  go.resolve();
  pump.push("after");
  await pump.drained();
  const lines = written.join("").trimEnd().split("\n");
  assertEquals(lines.length, 4_097 + 2);
  assertEquals(lines.slice(-2), ["missing 903", "after"]);
});

Deno.test("a reader that is gone ends the pump instead of the program", async () => {
  const pump = new LinePump(() => Promise.reject(new Deno.errors.BrokenPipe()), () => "");
  pump.push("one");
  assert(await pump.broken.promise instanceof Deno.errors.BrokenPipe);
  pump.push("two");
  await pump.drained();
});

function report(checks: readonly Check[]): string {
  return reportLines(checks, new Palette(false), 100).join("\n");
}

Deno.test("a report is grouped by machine, interface and node, and says in one line what works", () => {
  const well = seen({ peers: [peerSeen("b", ALL)] });
  const text = report([...machineChecks(well), ...peerChecks(well)]);
  assertEquals(text.match(/^\S.*$/gm), ["this machine", "interface eth0", "b"]);
  assertStringIncludes(
    text,
    "  ok    ways              unicast, multicast and broadcast both ways (0.4 ms)\n",
  );
  assert(text.split("\n").every((line) => line.length <= 100), text);
});

Deno.test("what fails stands with its reason and what to try, and what is so with everybody is explained once", () => {
  const bad = seen({ peers: [peerSeen("b", "uUmbB"), peerSeen("c", "uUmbB")] });
  const text = report([...machineChecks(bad), ...peerChecks(bad)]);
  assertEquals(text.match(/FAIL/g)?.length, 3);
  assertEquals(text.match(/try: /g)?.length, 1);
  assertEquals(text.match(/why: as with everybody on eth0/g)?.length, 2);
  assertStringIncludes(text, "unicast and broadcast both ways, multicast to it");
});
