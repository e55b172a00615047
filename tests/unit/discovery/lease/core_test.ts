// The lease in a little world: who leads when, and who never does.

import { assert, assertEquals } from "@std/assert";
import type { LeaseMessage } from "../../../../lib/discovery/lease/mod.ts";
import { compareTokens, FencingGate, LEASE_US } from "../../../../lib/discovery/lease/mod.ts";
import { MemoryFiles } from "../../security/support.ts";
import { forgetful, LeaseWorld, MemoryStore, MS, rolesOf, SECOND, type WorldNode } from "./world.ts";

/** Runs until somebody may act. */
function elect(world: LeaseWorld, withinUs: number): WorldNode {
  world.run(world.nowUs + withinUs, () => world.leaders().length > 0);
  return world.leader();
}

function nodeAt(world: LeaseWorld, index: number): WorldNode {
  const node = world.nodes[index];
  assert(node !== undefined);
  return node;
}

function modesOf(world: LeaseWorld): (string | undefined)[] {
  return world.nodes.map(({ core }) => core?.leader()?.mode);
}

function kindsOf(node: WorldNode): string[] {
  return node.events.map(({ kind }) => kind);
}

Deno.test("five apps that start at once have one leader within six seconds, and all of them know it", () => {
  for (let seed = 0; seed < 20; seed++) {
    const world = new LeaseWorld({ seed, roles: rolesOf(5, 0), loss: 0.05 });
    const leader = elect(world, 7 * SECOND);
    world.run(world.nowUs + 3 * SECOND);
    assertEquals(world.leader(), leader);
    assertEquals(new Set(world.nodes.map(({ core }) => core?.leader()?.token.leaderId)).size, 1);
    assertEquals(leader.core?.leader()?.mode, "lease");
    assertEquals(leader.core?.voterSet?.voters.length, 5);
    assertEquals(world.violations, []);
  }
});

Deno.test("visualizations and daemons vote, apps alone lead", () => {
  const world = new LeaseWorld({
    seed: 1,
    roles: ["visualization", "daemon", "app", "visualization", "daemon"],
  });
  assertEquals(elect(world, 7 * SECOND).index, 2);
  assertEquals(world.leader().core?.voterSet?.voters.length, 5);
});

Deno.test("a mesh without apps has no leader and asks for none", () => {
  const world = new LeaseWorld({ seed: 1, roles: rolesOf(0, 4) });
  world.run(30 * SECOND);
  assertEquals([world.leaders().length, world.sent], [0, 0]);
});

Deno.test("a hundred nodes have seven voters", () => {
  const world = new LeaseWorld({ seed: 3, roles: rolesOf(2, 98) });
  elect(world, 7 * SECOND);
  assertEquals(world.leader().core?.voterSet?.voters.length, 7);
});

Deno.test("an app alone leads unfenced, and its token grows with every start", () => {
  const world = new LeaseWorld({ seed: 1, roles: rolesOf(1, 1) });
  const first = elect(world, 7 * SECOND);
  assertEquals(first.core?.leader()?.mode, "solo");
  const before = first.core?.token ?? null;
  world.crash(first);
  world.run(world.nowUs + SECOND);
  world.start(first);
  elect(world, 12 * SECOND);
  const after = first.core?.token ?? null;
  assert(before !== null && after !== null);
  assertGreater(after.term, before.term);
});

Deno.test("two apps have one leader; cut apart both lead unfenced; together again the higher token stays", () => {
  const world = new LeaseWorld({ seed: 5, roles: rolesOf(2, 0) });
  const first = elect(world, 7 * SECOND);
  const second = nodeAt(world, 1 - first.index);
  world.run(world.nowUs + 5 * SECOND);
  assertEquals(second.core?.leader()?.isSelf, false);
  second.island = 1;
  world.run(world.nowUs + 20 * SECOND);
  assertEquals(modesOf(world), ["solo", "solo"]);
  assertEquals(world.leaders().length, 2);
  const [a, b] = [first.core?.token, second.core?.token];
  assert(a && b);
  const winner = compareTokens(a, b) > 0 ? first : second;
  world.heal();
  world.run(world.nowUs + 1_100 * MS);
  assertEquals(world.leader(), winner);
  for (const node of world.nodes) {
    const event = node.events.find(({ kind }) => kind === "diverged");
    assert(event?.kind === "diverged");
    assertEquals(event.loser, winner === first ? b : a);
  }
});

Deno.test("a crashed leader is followed within six seconds, and the old token is the lower one", () => {
  const world = new LeaseWorld({ seed: 9, roles: rolesOf(3, 2), loss: 0.05 });
  const first = elect(world, 7 * SECOND);
  const before = first.core?.token;
  world.run(20 * SECOND);
  world.crash(first);
  const atUs = world.nowUs;
  elect(world, 10 * SECOND);
  assertLess(world.nowUs - atUs, 6 * SECOND);
  const after = world.leader().core?.token;
  assert(before && after && compareTokens(after, before) > 0);
});

Deno.test("a leader in the minority stops before the majority has another; it follows when the cut heals", () => {
  for (let seed = 0; seed < 20; seed++) {
    const world = new LeaseWorld({ seed, roles: rolesOf(4, 1), drift: 0.05 });
    const first = elect(world, 12 * SECOND);
    world.run(15 * SECOND);
    first.island = 1;
    nodeAt(world, (first.index + 1) % 5).island = 1;
    world.run(world.nowUs + 20 * SECOND);
    const second = world.leader();
    assertEquals(second.island, 0);
    assertEquals(first.core?.canAct(world.localUs(first)), false);
    assert(kindsOf(first).includes("no-quorum"));
    world.heal();
    world.run(world.nowUs + 3 * SECOND);
    assertEquals(world.leader(), second);
    assertEquals(first.core?.leader()?.token.leaderId, second.id);
    assertEquals(world.violations, []);
  }
});

Deno.test("of an even split neither half has a leader, and both say so", () => {
  const world = new LeaseWorld({ seed: 2, roles: rolesOf(4, 0) });
  elect(world, 7 * SECOND);
  world.run(15 * SECOND);
  // Three of the four vote; parted two and two, one of the halves has two of them.
  assertEquals(world.leader().core?.voterSet?.voters.length, 3);
  for (const node of world.nodes) node.island = node.index;
  world.run(world.nowUs + 30 * SECOND);
  assertEquals(world.leaders().length, 0);
  for (const node of world.nodes) assert(kindsOf(node).includes("no-quorum"));
});

Deno.test("a leader paused past its lease does not act when it resumes, not even before it is told of the pause", () => {
  const world = new LeaseWorld({ seed: 4, roles: rolesOf(3, 0) });
  const first = elect(world, 7 * SECOND);
  world.run(15 * SECOND);
  const { core } = first;
  world.pause(first, 10 * SECOND);
  world.run(world.nowUs + 9_900 * MS);
  assertEquals(core?.canAct(world.localUs(first)), false);
  assert(core?.token !== null, "it still believes that it leads");
  assertEquals(world.leader() === first, false);
  world.run(world.nowUs + 3 * SECOND);
  assertEquals(core?.token, null);
  assertEquals(core?.leader()?.isSelf, false);
  assertEquals(world.violations, []);
});

Deno.test("a leader that acts on after its pause without asking is refused by executors that have heard of the next", () => {
  const world = new LeaseWorld({ seed: 4, roles: rolesOf(3, 0) });
  const first = elect(world, 7 * SECOND);
  const gate = new FencingGate(new MemoryFiles(), "/fencing.json");
  const old = first.core?.token;
  assert(old);
  assertEquals(gate.admit("wall", old).kind, "accepted");
  world.pause(first, 10 * SECOND);
  world.run(world.nowUs + 9 * SECOND);
  const next = world.leader().core?.token;
  assert(next && world.leader() !== first);
  assertEquals(gate.admit("wall", next).kind, "accepted");
  assertEquals(gate.admit("wall", old), { kind: "stale", newer: next });
});

Deno.test("a stall or a lost network ends leading at once, and the same node may be elected again", () => {
  for (const what of ["stall", "resume", "isolated"] as const) {
    const world = new LeaseWorld({ seed: 4, roles: rolesOf(3, 0) });
    const first = elect(world, 7 * SECOND);
    world.act(first, (core, nowUs) => {
      if (what === "stall") core.noteStall(nowUs, 2 * SECOND);
      else if (what === "resume") core.noteResume(nowUs);
      else core.noteIsolated(nowUs);
      assertEquals([core.canAct(nowUs), core.token], [false, null]);
    });
    elect(world, 7 * SECOND);
    assertEquals(world.violations, []);
  }
});

Deno.test("a planned hand-over takes at most 300 ms, also with a lost message in twenty", () => {
  const times: number[] = [];
  for (let seed = 0; seed < 200; seed++) {
    const world = new LeaseWorld({
      seed,
      roles: rolesOf(3, 2),
      loss: seed % 2 === 0 ? 0 : 0.05,
      delayUs: [MS, 8 * MS],
    });
    const first = elect(world, 9 * SECOND);
    world.run(15 * SECOND);
    const to = world.nodes.find((node) => node !== first && node.role === "app");
    assert(to !== undefined);
    const atUs = world.nowUs;
    world.act(first, (core, nowUs) => {
      assertEquals(core.handOver(nowUs, to.id), true);
      assertEquals(core.canAct(nowUs), false);
    });
    world.run(world.nowUs + 3 * SECOND, () => world.leaders().length > 0);
    assertEquals(world.leader(), to);
    times.push(world.nowUs - atUs);
    assertEquals(world.violations, []);
  }
  times.sort((a, b) => a - b);
  assertLess(times[Math.floor(0.99 * times.length)] ?? Infinity, 300 * MS);
  assertLess(times[times.length >> 1] ?? Infinity, 60 * MS);
});

Deno.test("a node that drops the app role hands over, and one that takes it may be elected", () => {
  const world = new LeaseWorld({ seed: 6, roles: rolesOf(2, 3) });
  const first = elect(world, 7 * SECOND);
  world.run(15 * SECOND);
  first.role = "visualization";
  world.act(first, (core, nowUs) => core.setCandidate(nowUs, false, 0));
  const second = elect(world, SECOND);
  assertEquals([second === first, second.role], [false, "app"]);
  const third = nodeAt(world, 4);
  third.role = "app";
  world.act(third, (core, nowUs) => core.setCandidate(nowUs, true, 0));
  second.role = "visualization";
  world.run(world.nowUs + 2 * SECOND);
  world.act(second, (core, nowUs) => core.setCandidate(nowUs, false, 0));
  assertEquals(elect(world, SECOND), third);
});

Deno.test("the candidate of the highest priority claims first, and does not drive out who leads already", () => {
  for (let seed = 0; seed < 10; seed++) {
    const world = new LeaseWorld({ seed, roles: rolesOf(4, 1) });
    nodeAt(world, 2).priority = 5;
    const first = elect(world, 7 * SECOND);
    assertEquals(first.index, 2);
    const second = nodeAt(world, 1);
    second.priority = 9;
    world.act(second, (core, nowUs) => core.setCandidate(nowUs, true, 9));
    world.run(30 * SECOND);
    assertEquals(world.leader(), first);
    world.crash(first);
    assertEquals(elect(world, 8 * SECOND), second);
  }
});

Deno.test("forced solo on one side acts at once; after the cut the higher token stays and the loser is named", () => {
  const world = new LeaseWorld({ seed: 8, roles: rolesOf(4, 1) });
  const first = elect(world, 7 * SECOND);
  world.run(15 * SECOND);
  const cut = world.nodes.filter((node) => node !== first).slice(0, 2);
  for (const node of cut) node.island = 1;
  world.run(world.nowUs + 10 * SECOND);
  const forced = cut.find(({ role }) => role === "app");
  assert(forced !== undefined);
  world.act(forced, (core, nowUs) => {
    assertEquals(core.forceSolo(nowUs), true);
    assertEquals([core.canAct(nowUs), core.leader()?.mode], [true, "forced"]);
  });
  world.run(world.nowUs + 5 * SECOND);
  assertEquals(world.leaders().length, 2);
  const lost = first.core?.token;
  assert(lost);
  assertGreater(forced.core?.token?.term ?? 0, lost.term + 2 ** 16 - 1);
  world.heal();
  world.run(world.nowUs + 1_100 * MS);
  assertEquals(world.leader(), forced);
  const event = first.events.find(({ kind }) => kind === "diverged");
  assert(event?.kind === "diverged");
  assertEquals(event.loser, lost);
  world.act(forced, (core, nowUs) => assertEquals(core.endSolo(nowUs), true));
  world.run(world.nowUs + 70 * SECOND);
  assertEquals([world.leader().core?.leader()?.mode, world.leader().core?.voterSet?.voters.length], [
    "lease",
    5,
  ]);
  world.crash(forced);
  elect(world, 8 * SECOND);
  assertEquals(world.violations, []);
});

Deno.test("forced solo on both sides ends with one leader, and both name the same loser", () => {
  for (let seed = 0; seed < 20; seed++) {
    const world = new LeaseWorld({ seed, roles: rolesOf(4, 0) });
    elect(world, 7 * SECOND);
    world.run(15 * SECOND);
    world.nodes.forEach((node, i) => node.island = i % 2);
    world.run(world.nowUs + 10 * SECOND);
    const [a, b] = [nodeAt(world, 0), nodeAt(world, 1)];
    for (const node of [a, b]) world.act(node, (core, nowUs) => assert(core.forceSolo(nowUs)));
    world.run(world.nowUs + 5 * SECOND);
    assertEquals(world.leaders().length, 2);
    world.heal();
    world.run(world.nowUs + 1_100 * MS);
    const winner = world.leader();
    // The leader before it may have given way to one of them already.
    const losers = [a, b].map(({ events }) => events.findLast(({ kind }) => kind === "diverged"));
    const [one, two] = losers;
    assert(one?.kind === "diverged" && two?.kind === "diverged");
    assertEquals(one.loser, two.loser);
    assertEquals(one.winner.leaderId, winner.id);
  }
});

Deno.test("two halves that each began their own lineage become one within a beat or two", () => {
  const world = new LeaseWorld({ seed: 3, roles: rolesOf(6, 0) });
  world.nodes.forEach((node, i) => node.island = i % 2);
  world.run(10 * SECOND);
  assertEquals(world.leaders().length, 2);
  assertEquals(new Set(world.leaders().map(({ core }) => core?.lineage)).size, 2);
  world.heal();
  world.run(world.nowUs + 2_200 * MS);
  const leader = world.leader();
  world.run(world.nowUs + 80 * SECOND);
  assertEquals(world.leader(), leader);
  assertEquals(leader.core?.voterSet?.voters.length, 5);
  assertEquals(world.violations, []);
});

Deno.test("who knows of a lineage refuses a new one, and who founds learns of it", () => {
  const world = new LeaseWorld({ seed: 3, roles: rolesOf(7, 0) });
  for (const node of world.nodes.slice(3)) node.island = 1;
  for (const node of world.nodes.slice(3)) world.crash(node);
  world.run(1); // nobody of the second half has started yet
  for (const node of world.nodes.slice(3)) world.at(0, () => world.crash(node));
  world.run(10 * SECOND, () => {
    for (const node of world.nodes.slice(3)) world.crash(node);
    return false;
  });
  const lineage = world.leader().core?.lineage;
  // The leader goes; one voter with a memory is left among newcomers.
  for (const node of world.nodes.slice(0, 2)) world.crash(node);
  for (const node of world.nodes.slice(3)) {
    node.island = 0;
    world.start(node);
  }
  world.run(world.nowUs + 30 * SECOND);
  assertEquals(world.leaders().length, 0);
  const newcomers = world.nodes.slice(3);
  assert(newcomers.some(({ core }) => core?.lineage === lineage), "a newcomer has learned of the lineage");
  for (const node of world.nodes.slice(0, 2)) world.start(node);
  elect(world, 8 * SECOND);
  assertEquals(world.leader().core?.lineage, lineage);
});

Deno.test("a voter that lost its memory does not vote until it is taken in again", () => {
  const world = new LeaseWorld({
    seed: 12,
    roles: rolesOf(2, 1),
    store: (i) => i === 2 ? forgetful() : new MemoryStore(),
  });
  elect(world, 8 * SECOND);
  world.run(20 * SECOND);
  const voter = nodeAt(world, 2);
  const memoryOf = () =>
    world.leader().core?.voterSet?.voters.find(({ id }) => voter.id.startsWith(id))?.memory;
  const before = memoryOf();
  world.crash(voter);
  world.run(world.nowUs + SECOND);
  world.start(voter);
  world.run(world.nowUs + 3 * SECOND);
  assertEquals(memoryOf(), before, "not within a lease after its start");
  world.run(world.nowUs + 5 * SECOND);
  assert(memoryOf() !== before, "exchanged for its new self");
  assertEquals(world.violations, []);
});

Deno.test("voters that are gone are replaced one by one, so that a mesh outlives the loss of most of its first voters", () => {
  const world = new LeaseWorld({ seed: 7, roles: rolesOf(3, 4) });
  elect(world, 8 * SECOND);
  world.run(70 * SECOND);
  assertEquals(world.leader().core?.voterSet?.voters.length, 7);
  let alive = 7;
  for (const node of world.nodes.filter(({ role }) => role === "visualization")) {
    world.crash(node);
    alive--;
    world.run(world.nowUs + 45 * SECOND);
    const size = world.leader().core?.voterSet?.voters.length ?? 0;
    assertEquals(size, Math.max(3, alive % 2 === 0 ? alive - 1 : alive));
  }
  assertEquals(world.violations, []);
});

Deno.test("a leader crashes while the set of voters changes, and the change is finished or forgotten", () => {
  for (let seed = 0; seed < 60; seed++) {
    const world = new LeaseWorld({ seed, roles: rolesOf(4, 3), loss: 0.1, doubled: 0.1 });
    elect(world, 9 * SECOND);
    world.run(62 * SECOND);
    world.crash(nodeAt(world, 5));
    world.crash(nodeAt(world, 6));
    // Voters are exchanged from 30 s on, one a second: somewhere in there the leader goes too.
    world.run(world.nowUs + 34 * SECOND + world.random.u32() % (3 * SECOND));
    const [leader] = world.leaders();
    if (leader !== undefined) world.crash(leader);
    elect(world, 12 * SECOND);
    assertEquals(world.violations, []);
  }
});

Deno.test("an observer never counts", () => {
  const world = new LeaseWorld({ seed: 1, roles: ["app", "visualization", "observer"] });
  elect(world, 8 * SECOND);
  assertEquals(world.leader().core?.leader()?.mode, "solo");
});

Deno.test("steady state costs a voter one renewal and one announcement a second", () => {
  const world = new LeaseWorld({ seed: 1, roles: rolesOf(3, 2) });
  elect(world, 8 * SECOND);
  world.run(30 * SECOND);
  const before = world.sent;
  world.run(130 * SECOND);
  // Four voters: renewal, acknowledgement and announcement each.
  assertEquals(Math.round((world.sent - before) / 100), 12);
});

Deno.test("an insider's random messages, well-formed or taken from others, never make two leaders", () => {
  for (let seed = 0; seed < 40; seed++) {
    const heard: LeaseMessage[] = [];
    const world = new LeaseWorld({
      seed,
      roles: rolesOf(3, 3),
      loss: 0.05,
      drift: 0.05,
      meddle: (_from, _to, message) => {
        if (heard.length < 2_000) heard.push(message);
        return message;
      },
    });
    const insider = nodeAt(world, 5);
    const u32 = () => world.random.u32();
    world.run(8 * SECOND);
    const babble = () => {
      const message = heard[u32() % Math.max(1, heard.length)];
      const to = nodeAt(world, u32() % 5);
      if (message !== undefined && to.core !== null) world.inject(insider, to, scramble(message, u32));
      if (world.nowUs < 90 * SECOND) world.at(world.nowUs + 20 * MS, babble);
    };
    world.at(world.nowUs, babble);
    for (let i = 1; i < 5; i++) {
      world.at(i * 18 * SECOND, () => {
        const [leader] = world.leaders();
        if (leader === undefined) return;
        world.crash(leader);
        world.at(world.nowUs + 3 * SECOND, () => world.start(leader));
      });
    }
    world.run(90 * SECOND);
    assertEquals(world.violations, []);
    world.run(world.nowUs + 20 * SECOND);
    world.leader();
  }
});

/** Changes some of a message's numbers. */
function scramble(message: LeaseMessage, u32: () => number): LeaseMessage {
  const twist = (value: number) => u32() % 3 === 0 ? Math.max(0, value + (u32() % 5) - 2) : value;
  switch (message.kind) {
    case "claim":
    case "grant":
      return { ...message, term: twist(message.term), attempt: twist(message.attempt) };
    case "deny":
      return { ...message, term: twist(message.term), echo: twist(message.echo) };
    case "lease":
      return message;
    case "lease-ack":
      return { ...message, term: twist(message.term), round: twist(message.round) };
    case "transfer":
      return { ...message, term: twist(message.term) };
  }
}

Deno.test("the promise outlasts the leadership on the slowest and the fastest clock", () => {
  assertEquals(LEASE_US, 5 * SECOND);
  for (let seed = 0; seed < 30; seed++) {
    const world = new LeaseWorld({ seed, roles: rolesOf(3, 0), drift: 0.05 });
    const first = elect(world, 9 * SECOND);
    for (let i = 0; i < 5; i++) {
      const [leader] = world.leaders();
      if (leader !== undefined) leader.island = 1;
      world.run(world.nowUs + 12 * SECOND);
      world.heal();
      world.run(world.nowUs + 3 * SECOND);
    }
    assert(first.core !== null);
    assertEquals(world.violations, []);
  }
});

function assertLess(value: number, bound: number): void {
  assert(value < bound, `${value} is not below ${bound}`);
}

function assertGreater(value: number, bound: number): void {
  assert(value > bound, `${value} is not above ${bound}`);
}
