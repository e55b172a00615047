// What is derived from all peers together is kept between changes: it must be what a fresh count gives.

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Incarnation, NodeId } from "../../../lib/base/mod.ts";
import type { EntryState } from "../../../lib/discovery/mod.ts";
import { Life } from "../../../lib/discovery/lives.ts";
import { Peer } from "../../../lib/discovery/peer.ts";
import { Registry } from "../../../lib/discovery/registry.ts";

const STATES: readonly EntryState[] = ["alive", "suspect", "dead", "left"];

function peerOf(number: number): Peer {
  const id = number.toString(16).padStart(32, "0") as NodeId;
  const incarnation = 1 as Incarnation;
  const empty = { capabilities: {}, resources: {}, tags: {}, endpoints: [] };
  const record = {
    id,
    incarnation,
    stateVersion: 1,
    name: `n${number}`,
    role: "app",
    version: "1",
    ...empty,
  } as const;
  return new Peer(record, new Life(id, incarnation, "00"), 0, 1_000_000, null, { host: "10.0.0.1", port: 1 });
}

type Step =
  | { readonly kind: "insert"; readonly number: number }
  | { readonly kind: "remove"; readonly number: number }
  | { readonly kind: "state"; readonly number: number; readonly state: EntryState }
  | { readonly kind: "count"; readonly number: number; readonly count: number };

const number = fc.nat(8);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant("insert" as const), number }),
  fc.record({ kind: fc.constant("remove" as const), number }),
  fc.record({ kind: fc.constant("state" as const), number, state: fc.constantFrom(...STATES) }),
  fc.record({ kind: fc.constant("count" as const), number, count: fc.nat(20) }),
);

Deno.test("who is present and what the middle one counts is right after any change, also of peers that were replaced", () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const registry = new Registry("keyed", 6);
    for (const each of steps) {
      const id = each.number.toString(16).padStart(32, "0") as NodeId;
      const peer = registry.peer(id);
      if (each.kind === "insert") registry.insert(0, peerOf(each.number));
      else if (peer === undefined) continue;
      else if (each.kind === "remove") registry.remove(0, peer);
      else if (each.kind === "state") peer.state = each.state;
      else peer.peerCount = each.count;
      const counts = [...registry.peers()].filter(({ isPresent }) => isPresent).map(({ peerCount }) =>
        peerCount
      );
      counts.sort((a, b) => a - b);
      assertEquals(
        [registry.presentCount, registry.medianPeerCount],
        [counts.length, counts[counts.length >> 1] ?? 1],
      );
    }
  }));
});

Deno.test("whatever may be due earlier is said once: a new peer, another state, another beat", () => {
  const registry = new Registry("keyed", 6);
  const peer = peerOf(1);
  const take = () => {
    const isStale = registry.isDueStale;
    registry.noteLooked();
    return isStale;
  };
  const asks = () => [take(), take()];
  asks();
  registry.insert(0, peer);
  assertEquals(asks(), [true, false]);
  peer.beatUs = 1_000_000;
  peer.state = "alive";
  assertEquals(asks(), [false, false]);
  peer.beatUs = 500_000;
  assertEquals(asks(), [true, false]);
  peer.state = "suspect";
  assertEquals(asks(), [true, false]);
});
