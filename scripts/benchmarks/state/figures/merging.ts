// What it takes a host to merge what a client set and to encode what follows, message by message.
// Decides what counts: from the decoded set to the bytes for the reader, or from bytes to bytes. Clients are not counted.

import { ClaimTable } from "../../../../lib/state/merge/mod.ts";
import { MessageEncoder, type PatchMessage, type StateMessage } from "../../../../lib/state/messages/mod.ts";
import type { ClientNumber, ClientSequence, PathId } from "../../../../lib/state/model/mod.ts";
import { readDefinition } from "../../../../lib/state/schema/mod.ts";
import { rounded } from "../../statistics.ts";
import type { Row } from "../../supervision/row.ts";
import { FRAME_US, loadOf, LOADS, moveOn } from "../edits.ts";
import type { OwnTask } from "../task.ts";
import { type Client, HanaBench, HanaSystem } from "../systems/hana.ts";
import { clock } from "./clocked.ts";

/** What was asked for, in microseconds. */
const LIMITS: Readonly<Record<string, number>> = { "16 faders": 10 };
const BYTE_LIMITS: Readonly<Record<string, number>> = {
  "1 fader": 16,
  "16 faders": 120,
  "300 floats": 1_600,
};

/** Merging and encoding, in all its parts. */
export function measureMerging(task: OwnTask): Row[] {
  const rows: Row[] = [];
  for (const { name } of LOADS) rows.push(...mergeAndEncode(name, task));
  for (const { name } of LOADS) rows.push(...codec(name, task));
  rows.push(claimsAlone(task), setsFromBytes(task));
  return rows;
}

function mergeAndEncode(name: string, { warmUpMs, measureMs }: OwnTask): Row[] {
  const system = new HanaSystem();
  const load = loadOf(name);
  const { bench } = system;
  const [writer, reader] = bench.clients as [Client, Client];
  let [bytes, most] = [0, 0];
  const times = clock(warmUpMs, measureMs, (round) => {
    moveOn(load, round);
    const [sent = new Uint8Array(0)] = system.write(load.edits);
    const set = bench.decoder.decode(sent) as StateMessage;
    const startMs = performance.now();
    bench.host.handleMessage(bench.nowUs, writer.link, set);
    for (let next = bench.host.poll(); next !== null; next = bench.host.poll()) {
      if (next.to === reader.link) bytes = next.bytes.length;
      (next.to === reader.link ? reader : writer).inbox.push(next.bytes.slice());
    }
    const ms = performance.now() - startMs;
    most = Math.max(most, bytes);
    while (bench.host.pollEvent() !== null);
    bench.empty(reader);
    system.settle();
    return ms;
  });
  const limit = LIMITS[name];
  return [{
    what: `${name}: decoded set to patches for two clients (host)`,
    unit: "µs",
    figures: rounded({ ...times }),
    limit: limit === undefined ? {} : { p50: limit },
  }, {
    what: `${name}: bytes of the patch, largest with a digest`,
    unit: "B",
    figures: { last: bytes, most },
    limit: { last: BYTE_LIMITS[name] ?? Infinity },
  }];
}

function codec(name: string, { warmUpMs, measureMs }: OwnTask): Row[] {
  const load = loadOf(name);
  const encoder = new MessageEncoder();
  const { decoder } = new HanaBench();
  const patch: PatchMessage = {
    kind: "patch",
    term: 3,
    subsystem: 4,
    base: 108_000,
    version: 108_000 + load.edits.length,
    ack: null,
    nonce: null,
    digest: null,
    entries: load.edits.map(({ object, field }, at) => ({
      id: 1 + object * 7 + field,
      type: "f32",
      value: Math.fround(Math.sin(at)),
      winner: null,
    })),
  } as unknown as PatchMessage;
  const bytes = encoder.encode(patch)?.slice() ?? new Uint8Array(0);
  const repeat = 200;
  const each = (act: () => void) =>
    clock(warmUpMs / 2, measureMs / 2, () => {
      const startMs = performance.now();
      for (let at = 0; at < repeat; at++) act();
      return (performance.now() - startMs) / repeat;
    });
  const encoded = each(() => void encoder.encode(patch));
  const decoded = each(() => void decoder.decode(bytes));
  return [
    {
      what: `${name}: codec alone, encode / decode a patch`,
      unit: "µs",
      figures: rounded({ encode: encoded.p50, decode: decoded.p50 }),
      limit: {},
    },
  ];
}

/** The rule alone: claims in, winner out, no bytes. */
function claimsAlone({ warmUpMs, measureMs }: OwnTask): Row {
  const table = new ClaimTable({ term: 1 });
  const paths = 1_000;
  for (let id = 1; id <= paths; id++) {
    table.handleDefinition(id as PathId, readDefinition({ path: `p/${id}`, type: "f32", default: 0 }));
  }
  for (let client = 1; client <= 3; client++) table.handleJoin(client as ClientNumber);
  const { mean } = clock(warmUpMs, measureMs, (round) => {
    const startMs = performance.now();
    for (let id = 1; id <= paths; id++) {
      const client = (1 + (round + id) % 3) as ClientNumber;
      table.handleSet(round, id as PathId, client, Math.fround(round / 7), 100);
    }
    while (table.pollChange() !== null);
    return (performance.now() - startMs) / paths;
  });
  return {
    what: "sets merged on one core, three claimants a path (claims alone)",
    unit: "/s",
    figures: { perS: Math.round(1e6 / mean) },
    limit: {},
    atLeast: { perS: 200_000 },
  };
}

/** From bytes to bytes: a hundred clients set sixteen faders each; every patch goes to one reader. */
function setsFromBytes({ warmUpMs, measureMs }: OwnTask): Row {
  const [writers, faders] = [100, 16];
  const bench = new HanaBench();
  const ids: PathId[] = [];
  for (let at = 0; at < writers * faders; at++) {
    ids.push(
      bench.define({ path: `desks/${Math.floor(at / faders)}/${at % faders}`, type: "f32", default: 0 }),
    );
  }
  const reader = bench.join();
  const clients = Array.from({ length: writers }, () => {
    const client = bench.connect();
    // They only write: what they hear is not what is measured here.
    bench.hear(client, [bench.encode({
      kind: "hello",
      protocol: 1,
      name: `writer-${client.link}`,
      token: null,
      epoch: null,
      have: [],
      interests: [],
      capabilities: [],
    })]);
    bench.speak();
    client.inbox = [];
    return client;
  });
  const { mean } = clock(warmUpMs, measureMs, (round) => {
    bench.nowUs += FRAME_US;
    const sets = clients.map((_, writer) =>
      bench.encode({
        kind: "set",
        term: 3,
        sequence: (round + 1) as ClientSequence,
        priority: 100,
        take: false,
        momentary: false,
        generation: null,
        entries: Array.from({ length: faders }, (_, fader) => ({
          id: ids[writer * faders + fader] as PathId,
          type: "f32" as const,
          value: Math.fround(0.5 + 0.5 * Math.sin(round / 9 + fader)),
          winner: null,
        })),
      })
    );
    const startMs = performance.now();
    clients.forEach((client, at) => bench.hear(client, [sets[at] as Uint8Array]));
    bench.speak();
    const ms = performance.now() - startMs;
    for (const client of clients) client.inbox = [];
    bench.empty(reader);
    bench.nowUs += 10_000;
    reader.replica.handleDeadline(bench.nowUs);
    bench.hear(reader, bench.said(reader));
    bench.host.handleDeadline(bench.nowUs);
    bench.speak();
    bench.nowUs -= 10_000;
    return ms / (writers * faders);
  });
  return {
    what: "sets merged on one core, from bytes to bytes of patches (host, 100 writers)",
    unit: "/s",
    figures: { perS: Math.round(1e6 / mean) },
    limit: {},
    atLeast: { perS: 200_000 },
  };
}
