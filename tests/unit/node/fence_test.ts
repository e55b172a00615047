// Leading with real nodes on simulated machines: whose commands are obeyed, which come too late, and roles that change.

import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { HanaError, type Incarnation, type NodeId, parseToken } from "../../../lib/base/mod.ts";
import { HANA_TCP } from "../../../lib/discovery/mod.ts";
import { NodeFence } from "../../../lib/node/fence.ts";
import { type Node, NodeLeadership } from "../../../lib/node/mod.ts";
import type { SimulatedHost } from "../../../lib/platform/simulated/mod.ts";
import {
  defineEvent,
  defineRequest,
  type RequestOptions,
  type Session,
  SessionKeeper,
} from "../../../lib/session/mod.ts";
import { s } from "../../../lib/wire/mod.ts";
import { MemoryFiles } from "../security/support.ts";
import { Park } from "./support.ts";

const SECOND = 1_000_000;

const BASE = {
  lane: "control",
  effect: "command",
  from: ["app", "daemon", "observer"],
  to: ["daemon", "app"],
  body: s.object({}),
} as const;
const CUE = defineRequest({ ...BASE, name: "wall.cue", reply: s.object({}) });
const STRICT = defineRequest({ ...BASE, name: "wall.strict", fenced: "required", reply: s.object({}) });
const FLASH = defineEvent({ ...BASE, name: "wall.flash", from: ["app"] });

/** Two apps and a daemon that obeys. The first app has the higher priority. */
class Crew {
  readonly park: Park;
  readonly hosts: SimulatedHost[];
  obeyed = 0;
  nodes: Node[] = [];

  private constructor(seed: number) {
    this.park = new Park(seed);
    this.hosts = ["left", "right", "wall"].map((name) => this.park.host(name));
  }

  get left(): Node {
    return this.nodes[0] as Node;
  }
  get right(): Node {
    return this.nodes[1] as Node;
  }
  get wall(): Node {
    return this.nodes[2] as Node;
  }

  static async begin(seed = 21): Promise<Crew> {
    const crew = new Crew(seed);
    for (const [index, { name, platform }] of crew.hosts.entries()) {
      crew.nodes.push(
        await crew.park.start(platform, {
          name,
          role: index === 2 ? "daemon" : "app",
          insecure: true,
          discovery: { dnsSd: false },
          ...(index === 0 ? { priority: 9 } : {}),
        }),
      );
    }
    crew.obey(crew.wall);
    await crew.park.until(() => crew.left.leadership.token !== null, "left leads");
    await crew.park.until(
      () => crew.nodes.every(({ discovery }) => discovery?.leaderId === crew.left.id),
      "all know it",
    );
    return crew;
  }

  obey(node: Node): void {
    for (const definition of [CUE, STRICT]) {
      node.onRequest(definition, () => {
        this.obeyed++;
        return {};
      });
    }
    node.onEvent(FLASH, () => {
      this.obeyed++;
    });
  }

  open(from: Node, to = "wall"): Promise<Session> {
    return this.park.settle(from.open(to));
  }

  /** The code, or `done`. */
  async outcome(session: Session, definition: typeof CUE | typeof STRICT, options: RequestOptions = {}) {
    const asked = session.call(definition, {}, options);
    return await this.park.settle(asked.then(() => "done", (error: HanaError) => error.code));
  }

  async end(): Promise<void> {
    await this.park.settle(Promise.all(this.nodes.map((node) => node.stop())));
    assertEquals(this.park.crashes, []);
  }
}

function oldToken(node: Node) {
  const token = parseToken(node.leadership.token);
  assert(token !== null);
  return token;
}

Deno.test("a leader that was paused past its lease sends nothing more, and its old token is refused everywhere", async () => {
  const crew = await Crew.begin();
  const [left] = crew.hosts;
  assert(left !== undefined);
  const before = await crew.open(crew.left);
  assertEquals(await crew.outcome(before, STRICT), "done");
  const token = oldToken(crew.left);
  left.freeze();
  await crew.park.until(() => crew.right.leadership.token !== null, "right leads");
  const session = await crew.open(crew.right);
  assertEquals(await crew.outcome(session, STRICT), "done");
  // In the very moment in which it wakes nothing has been told to it yet.
  let first: unknown = "nothing";
  left.platform.timers.schedule(crew.park.world.nowUs, () => {
    try {
      first = before.post(FLASH, {});
    } catch (thrown) {
      first = thrown;
    }
  });
  left.thaw();
  await crew.park.until(() => first !== "nothing", "it wakes");
  assert(first instanceof HanaError && ["refused", "closed"].includes(first.code), String(first));
  await crew.park.world.runFor(3 * SECOND);
  const again = await crew.open(crew.left);
  const own = await assertRejects(() => again.call(CUE, {}), HanaError);
  assertEquals([own.code, own.what], ["refused", "wall.cue was not sent"]);
  assertStringIncludes(own.why ?? "", "right leads since term");
  const theirs = await crew.park.settle(
    assertRejects(() => again.call(CUE, {}, { token }), HanaError),
  );
  assertEquals([theirs.code, theirs.hint], ["refused", "hana leader"]);
  assertMatch(theirs.message, /^wall\.cue of left was refused, .* term \d+: right leads since term \d+$/);
  assertEquals([crew.obeyed, crew.left.leadership.commands.counters.notSent >= 1], [2, true]);
  await crew.end();
});

Deno.test("an executor that starts anew still refuses what it refused before, although it hears of no leader", async () => {
  const crew = await Crew.begin();
  const token = oldToken(crew.left);
  const session = await crew.open(crew.left);
  assertEquals(await crew.outcome(session, CUE), "done");
  assert(crew.left.discovery?.handOver(crew.right.id));
  await crew.park.until(() => crew.right.leadership.token !== null, "right leads");
  const next = await crew.open(crew.right);
  assertEquals(await crew.outcome(next, CUE), "done");
  await crew.park.settle(crew.wall.stop());
  const [, , host] = crew.hosts;
  assert(host !== undefined);
  const reborn = await crew.park.start(host.restartProcess(), { name: "wall", insecure: true });
  crew.nodes[2] = reborn;
  crew.obey(reborn);
  const late = await crew.park.settle(crew.left.open("tcp://10.0.0.3:700"));
  assertEquals(await crew.outcome(late, CUE, { token }), "refused");
  const newer = await crew.park.settle(crew.right.open("tcp://10.0.0.3:700"));
  assertEquals(await crew.outcome(newer, CUE), "done");
  assertEquals(crew.obeyed, 3);
  await crew.end();
});

Deno.test("a leader that hands over is refused at home, and events that it had given are refused there", async () => {
  const crew = await Crew.begin();
  const session = await crew.open(crew.left);
  const token = oldToken(crew.left);
  assertEquals(session.post(FLASH, {}), "sent");
  await crew.park.until(() => crew.obeyed === 1, "it flashes");
  assert(crew.left.discovery?.handOver());
  await crew.park.until(
    () => crew.wall.discovery?.leaderId === crew.right.id,
    "the wall knows the new leader",
  );
  session.post(FLASH, {}, { token });
  await crew.park.until(() => crew.wall.leadership.commands.counters.stale === 1, "the wall refuses it");
  assertEquals(crew.obeyed, 1);
  assertEquals(await crew.outcome(session, CUE, { unfenced: true }), "done");
  await crew.end();
});

Deno.test("without a token: crews always, other apps until a leader has commanded, nobody where one is required", async () => {
  const crew = await Crew.begin();
  const [backup, tool] = [await crew.open(crew.right), await observe(crew)];
  assertEquals(await crew.outcome(backup, CUE), "done");
  assertEquals(await crew.outcome(backup, STRICT), "refused");
  assertEquals(await crew.outcome(tool.session, CUE), "done");
  assertEquals(await crew.outcome(tool.session, STRICT), "refused");
  assertEquals(await crew.outcome(tool.session, STRICT, { unfenced: true }), "done");
  const leader = await crew.open(crew.left);
  assertEquals(await crew.outcome(leader, STRICT), "done");
  assertEquals(await crew.outcome(backup, CUE), "refused");
  assertEquals(await crew.outcome(tool.session, CUE), "done");
  assertEquals(await crew.outcome(backup, CUE, { token: oldToken(crew.left) }), "done");
  const { accepted, forced, withoutToken } = crew.wall.leadership.commands.counters;
  assertEquals({ accepted, forced, withoutToken }, { accepted: 2, forced: 1, withoutToken: 3 });
  await crew.park.settle(tool.node.stop());
  await crew.end();
});

async function observe(crew: Crew): Promise<{ readonly node: Node; readonly session: Session }> {
  const node = await crew.park.start(crew.park.host("desk").platform, {
    role: "observer",
    tcpPort: null,
    runDirectory: null,
  });
  return { node, session: await crew.park.settle(node.open("tcp://10.0.0.3:700")) };
}

const COUNTED = defineRequest({
  ...BASE,
  name: "wall.counted",
  fenced: "required",
  body: s.object({ term: s.integer() }),
  reply: s.object({}),
});

Deno.test("through pauses, cuts and hand-overs the wall never obeys an older leadership after a newer one", async () => {
  const totals = { obeyed: 0, leaderships: 0, stale: 0, notSent: 0 };
  for (let seed = 1; seed <= 4; seed++) {
    const crew = await Crew.begin(seed);
    const terms: number[] = [];
    crew.wall.onRequest(COUNTED, ({ term }) => {
      terms.push(term);
      return {};
    });
    const { world } = crew.park;
    const random = crew.hosts[2]?.platform.random.stream("faults");
    const below = (limit: number): number => Math.floor((random?.float() ?? 0) * limit);
    // Each app goes on commanding: as it is, and now and then with the last token that it had.
    const keepers = [crew.left, crew.right].map((app, index) => commandForEver(crew, app, index));
    for (let fault = 0; fault < 8; fault++) {
      await world.runFor(3 * SECOND + below(3 * SECOND));
      const leader = [crew.left, crew.right].findIndex((app) => app.leadership.token !== null);
      const host = crew.hosts[leader < 0 ? 0 : leader];
      assert(host !== undefined);
      const kind = below(3);
      const lastsUs = 2 * SECOND + below(8 * SECOND);
      if (kind === 0) host.freeze();
      else if (kind === 1) host.setInterfaceUp("eth0", false);
      else (leader === 1 ? crew.right : crew.left).discovery?.handOver();
      await world.runFor(lastsUs);
      if (kind === 0) host.thaw();
      else if (kind === 1) host.setInterfaceUp("eth0", true);
    }
    await world.runFor(15 * SECOND);
    assertEquals(terms, terms.toSorted((a, b) => a - b), `seed ${seed}`);
    for (const { counters } of [crew.left, crew.right].map(({ leadership }) => leadership.commands)) {
      totals.notSent += counters.notSent;
    }
    totals.obeyed += terms.length;
    totals.leaderships += new Set(terms).size;
    totals.stale += crew.wall.leadership.commands.counters.stale;
    for (const stop of keepers) stop();
    await crew.end();
  }
  // The runs were worth something: leaders changed, late commands came, and they were stopped at both ends.
  assert(totals.leaderships >= 12 && totals.obeyed > 500, JSON.stringify(totals));
  assert(totals.stale > 20 && totals.notSent > 20, JSON.stringify(totals));
});

/** Sends a command each 100 ms while the app has ever led, every fifth with the token that it had last. */
function commandForEver(crew: Crew, app: Node, index: number): () => void {
  const platform = crew.hosts[index]?.platform;
  assert(platform !== undefined);
  const { timers, clock } = platform;
  const keeper = new SessionKeeper({
    platform,
    connect: (signal) => app.open("wall", { signal, timeoutUs: SECOND }),
  });
  let [isOver, count] = [false, 0];
  let last = app.leadership.commands.token;
  const next = (): void => {
    if (isOver) return;
    timers.schedule(clock.nowUs() + SECOND / 10, next);
    const { token } = app.leadership.commands;
    if (token !== null) last = token;
    if (last === null || keeper.session === null) return;
    const right = ++count % 5 === 0 ? { token: last } : {};
    keeper.request(COUNTED, { term: last.term }, { timeoutUs: SECOND, ...right }).catch(() => {});
  };
  next();
  return () => {
    isOver = true;
    void keeper.stop();
  };
}

Deno.test("of two nodes the app can be replaced: a lone leader is obeyed although its terms begin anew", async () => {
  const park = new Park();
  const [wallHost, old, spare] = ["wall", "old", "spare"].map((name) => park.host(name));
  assert(wallHost !== undefined && old !== undefined && spare !== undefined);
  const options = { insecure: true, discovery: { dnsSd: false } } as const;
  const wall = await park.start(wallHost.platform, { name: "wall", ...options });
  wall.onRequest(STRICT, () => ({}));
  const cue = async (app: Node): Promise<void> => {
    await park.until(() => app.leadership.token !== null && wall.discovery?.leaderId === app.id, "it leads");
    const session = await park.settle(app.open("wall"));
    await park.settle(session.call(STRICT, {}));
  };
  // Its last life leads under a higher term than the first of the machine that follows.
  let app = await park.start(old.platform, { name: "old", role: "app", ...options });
  for (const _life of [1, 2, 3]) {
    await cue(app);
    await park.settle(app.stop());
    app = await park.start(old.restartProcess(), { name: "old", role: "app", ...options });
  }
  await cue(app);
  const before = oldToken(app);
  wall.leadership.fence("node", before);
  await park.settle(app.stop());
  await park.world.runFor(2 * SECOND);
  const next = await park.start(spare.platform, { name: "spare", role: "app", ...options });
  await cue(next);
  assert(oldToken(next).term < before.term);
  await park.settle(Promise.all([next.stop(), wall.stop()]));
  assertEquals(park.crashes, []);
});

Deno.test("a leader whose terms began anew is told how to lift them", () => {
  const token = { term: 2, leaderId: "0a".repeat(16) as NodeId, leaderIncarnation: 1 as Incarnation };
  const leader = { token, mode: "lease" as const, validUntilUs: 9, isSelf: false };
  const files = new MemoryFiles();
  const fence = (mode: "lease" | "solo") =>
    new NodeFence(
      {
        discovery: { lease: { leader: { ...leader, mode } } } as unknown as NodeFence["source"]["discovery"],
        role: "daemon",
        nameOf: () => "spare",
      },
      files,
      "/s",
    );
  assertEquals(fence("lease").check("node", { ...token, term: 9 }, "x"), null);
  const refusal = fence("lease").check("node", token, "wall.cue of spare");
  assertEquals([refusal?.code, refusal?.why, refusal?.hint], [
    "refused",
    "spare leads, but this node has obeyed term 9",
    "hana leader solo    (on spare: its terms began anew)",
  ]);
  assertEquals(fence("solo").check("node", token, "wall.cue of spare"), null);
  assertEquals(fence("solo").check("node", { ...token, term: 1 }, "late")?.code, "refused");
});

Deno.test("a token that cannot be remembered costs its command, not the node", () => {
  const files = {
    read: () => null,
    write: () => {
      throw new HanaError("storage", { what: "full" });
    },
  };
  const source = {
    discovery: null,
    role: "daemon" as const,
    nowUs: () => 0,
    nodes: () => [],
    nameOf: () => null,
    idOf: () => {
      throw new HanaError("not-found", { what: "nobody" });
    },
    setRole: () => "daemon",
  };
  const { commands } = new NodeLeadership(
    source,
    files as unknown as Node["leadership"]["commands"]["files"],
    "/s",
  );
  const token = parseToken(`4-${"0b".repeat(16)}-1`);
  assert(token !== null);
  assertEquals([commands.check("wall", token, "x")?.code, commands.counters.unkept], ["storage", 1]);
});

Deno.test("an app of a higher priority leads first, and everybody sees the priorities", async () => {
  const crew = await Crew.begin();
  const view = crew.wall.leadership.view();
  assertEquals([view.leader?.name, view.leader?.priority], ["left", 9]);
  assertEquals(view.candidates.map(({ name, priority }) => [name, priority]), [["left", 9], ["right", 0]]);
  assertEquals(crew.wall.nodes().map(({ name, priority }) => [name, priority]).sort(), [
    ["left", 9],
    ["right", 0],
    ["wall", 0],
  ]);
  await crew.end();
});

Deno.test("a role that changes is seen by open sessions on both sides, by tools, and by DNS-SD", async () => {
  const park = new Park();
  const [here, there] = [park.host("here"), park.host("there")];
  const options = { insecure: true, discovery: {} } as const;
  const a = await park.start(here.platform, { name: "a", ...options });
  const b = await park.start(there.platform, { name: "b", ...options });
  const accepted: Session[] = [];
  b.sessions.onAccepted((session) => accepted.push(session));
  b.onEvent(FLASH, () => {});
  const roleSeen = () =>
    b.dnsSd?.services.find(({ instance, type }) => instance === "a" && type !== HANA_TCP)?.text.r;
  await park.until(() => roleSeen() === "daemon", "DNS-SD says daemon");
  const session = await park.settle(a.open("b"));
  assertEquals(accepted.map(({ peer }) => peer.role), ["daemon"]);
  a.setRole("app");
  assertEquals(session.post(FLASH, {}), "sent");
  await park.until(() => accepted[0]?.peer.role === "app", "b is told");
  await park.until(() => roleSeen() === "app", "DNS-SD says app");
  const note = here.platform.files.read(`/run/hana/${a.id.slice(0, 12)}.json`);
  assertStringIncludes(new TextDecoder().decode(note ?? new Uint8Array()), '"role":"app"');
  assertEquals(b.nodes().find(({ name }) => name === "a")?.role, "app");
  // The other side may change as well, and both go on.
  b.setRole("app");
  await park.until(() => session.peer.role === "app", "a is told");
  assert(session.isOpen && accepted[0]?.isOpen);
  assertEquals(accepted[0]?.statistics().counters.wrongRole, 0);
  for (const role of ["observer", "visualization"] as const) {
    a.setRole("daemon");
    await assertRejects(() => Promise.resolve().then(() => a.setRole(role)), HanaError, "cannot become");
  }
  await park.settle(Promise.all([a.stop(), b.stop()]));
  assertEquals(park.crashes, []);
});
