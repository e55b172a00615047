// Random walks of a host with its clients: after every step, who holds what must follow from what everybody was told, and
// from the plain times of losses. The heart of it: at most one owner and one privileged client, and no write with an old
// generation succeeds (research 2.13, I8). A function of the module under test, so that mutants of it can walk as well.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type AccessLevel, hasAccess } from "../../../../lib/base/mod.ts";
import type { ObjectStanding } from "../../../../lib/state/messages/mod.ts";
import type { ClientNumber, PathId } from "../../../../lib/state/model/mod.ts";
import { client, link, own, path, PATHS, priv, type Room, seconds, Stage } from "./support.ts";

const LEVELS: readonly AccessLevel[] = ["operator", "operator", "operator", "crew", "viewer"];
const OWN_WORDS = [
  "request",
  "request",
  "request",
  "steal",
  "release",
  "transfer",
  "consent",
  "refuse",
  "ask",
] as const;
const PRIVILEGE_WORDS = [
  "request",
  "request",
  "release",
  "offer",
  "accept",
  "decline",
  "seize",
  "consent",
] as const;

type Step =
  | { readonly kind: "join" | "resume" | "close" | "leave" | "talk"; readonly who: number }
  | { readonly kind: "replay"; readonly who: number; readonly whose: number; readonly back: number }
  | {
    readonly kind: "own";
    readonly who: number;
    readonly word: typeof OWN_WORDS[number];
    readonly ids: readonly number[];
    readonly other: number;
    readonly isOld: boolean;
  }
  | {
    readonly kind: "priv";
    readonly who: number;
    readonly word: typeof PRIVILEGE_WORDS[number];
    readonly other: number;
    readonly isOld: boolean;
  }
  | { readonly kind: "write"; readonly who: number; readonly id: number; readonly back: number }
  | { readonly kind: "pass"; readonly us: number; readonly chatty: readonly number[] };

const who = fc.integer({ min: 0, max: LEVELS.length - 1 });
const id = fc.integer({ min: 1, max: PATHS.length });
const isOld = fc.integer({ min: 0, max: 7 }).map((number) => number === 0);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom("join" as const, "resume", "resume", "close", "leave", "talk"),
      who,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("replay" as const),
      who,
      whose: who,
      back: fc.integer({ min: 0, max: 2 }),
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant("own" as const),
      who,
      word: fc.constantFrom(...OWN_WORDS),
      ids: fc.uniqueArray(id, { minLength: 1, maxLength: 3 }).map((ids) => ids.sort((a, b) => a - b)),
      other: who,
      isOld,
    }),
  },
  {
    weight: 7,
    arbitrary: fc.record({
      kind: fc.constant("priv" as const),
      who,
      word: fc.constantFrom(...PRIVILEGE_WORDS),
      other: who,
      isOld,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("write" as const),
      who,
      id,
      back: fc.integer({ min: 0, max: 3 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("pass" as const),
      us: fc.constantFrom(
        10_000,
        400_000,
        1_200_000,
        3_000_000,
        5_100_000,
        8_000_000,
        20_000_000,
        61_000_000,
      ),
      chatty: fc.uniqueArray(who, { maxLength: 5 }),
    }),
  },
);

/** A node of the walk, as it knows itself. */
interface Node {
  number: ClientNumber;
  link: number;
  /** All that it was ever given, the newest first, with whom they stand for. */
  readonly tokens: { token: Uint8Array; number: ClientNumber; usedUs: number | null; isVoid: boolean }[];
  /** All generations under which it was ever granted something. */
  readonly generations: number[];
  privilegeGeneration: number;
  believesPrivileged: boolean;
}

class Walk {
  readonly stage: Stage;
  readonly nodes: Node[] = LEVELS.map(() => ({
    number: client(0),
    link: 0,
    tokens: [],
    generations: [],
    privilegeGeneration: 0,
    believesPrivileged: false,
  }));
  /** What everybody was told of objects. */
  readonly view = new Map<PathId, ObjectStanding>();
  readonly gone = new Set<ClientNumber>();
  /** When clients were lost, and when their grace began; absent while they are there. */
  readonly lost = new Map<ClientNumber, { atUs: number; graceUs: number | null }>();
  readonly waiting = new Map<string, number>();
  lastGeneration = 0;
  lastNumber = 0;
  requests = 0;

  constructor(room: Room) {
    this.stage = new Stage(room);
  }

  take(step: Step): void {
    const { stage, nodes } = this;
    const node = "who" in step ? nodes[step.who] : undefined;
    switch (step.kind) {
      case "join":
      case "resume":
        if (node) this.greet(step.who, step.kind === "join" ? null : node.tokens[0]?.token ?? null);
        break;
      case "replay":
        this.greet(step.who, nodes[step.whose]?.tokens[step.back]?.token ?? null);
        break;
      case "close":
        if (node) stage.close(node.link);
        break;
      case "leave":
        if (node && this.isThere(node)) stage.leave(node.number);
        break;
      case "talk":
        if (node) stage.host.clients.handleMessage(stage.nowUs, link(node.link));
        stage.drain();
        break;
      case "own": {
        if (!node) break;
        const known = this.view.get(path(step.ids[0] ?? 0))?.generation ?? 0;
        const other = nodes[step.other]?.number ?? 0;
        const generation = step.isOld ? known - 1 : known;
        const request = ++this.requests;
        stage.own(node.number, own(step.word, step.ids.map(path), { generation, other, request }));
        break;
      }
      case "priv": {
        if (!node) break;
        const generation = step.isOld ? node.privilegeGeneration - 1 : stage.privilege.generation;
        const other = nodes[step.other]?.number ?? 0;
        stage.priv(node.number, priv(step.word, { generation, other, request: ++this.requests }));
        break;
      }
      case "write":
        if (node) this.write(node, path(step.id), step.back);
        break;
      case "pass":
        this.pass(step.us, step.chatty);
    }
    this.learn();
    this.check();
  }

  isThere(node: Node): boolean {
    return node.number !== 0 && !this.gone.has(node.number) && !this.lost.has(node.number);
  }

  /** Time passes in pieces, so that what happens is learned when it happens. */
  pass(us: number, chatty: readonly number[]): void {
    const endUs = this.stage.nowUs + us;
    while (this.stage.nowUs < endUs) {
      const nextUs = Math.min(endUs, this.stage.nowUs + seconds(1));
      const dueUs = this.stage.host.pollTimeout()?.atUs ?? Infinity;
      this.stage.pass(Math.max(1, Math.min(nextUs, dueUs) - this.stage.nowUs));
      for (const each of chatty) {
        this.stage.host.clients.handleMessage(this.stage.nowUs, link(this.nodes[each]?.link ?? 0));
      }
      this.stage.drain();
      this.learn();
      this.check();
    }
  }

  greet(at: number, token: Uint8Array | null): void {
    const { stage, nodes } = this;
    const node = nodes[at];
    if (node === undefined) return;
    const nowUs = stage.nowUs;
    const holder = nodes.find(({ tokens }) => tokens.some((each) => each.token === token));
    const known = holder?.tokens.find((each) => each.token === token);
    const isGood = known !== undefined && !known.isVoid && !this.gone.has(known.number) &&
      (known.usedUs === null || nowUs - known.usedUs < seconds(5));
    const { link, answer } = stage.greet(at + 1, LEVELS[at], token);
    if (isGood && holder !== node) {
      assert(!answer.isWelcome && answer.code === "token", "a token of another node");
      return;
    }
    assert(answer.isWelcome, "a node is welcome");
    assertEquals(answer.resumed, isGood, "a token is good once and 5 s more");
    if (isGood) {
      assertEquals(answer.client, known.number);
      for (const each of node.tokens) {
        if (each.number === known.number && each !== known) each.isVoid = true;
      }
      known.usedUs ??= nowUs;
    } else {
      assert(answer.client > this.lastNumber, "numbers are not used again");
      this.lastNumber = answer.client;
      node.generations.length = 0;
      node.believesPrivileged = false;
    }
    node.number = answer.client;
    node.link = link;
    node.tokens.unshift({ token: answer.token, number: answer.client, usedUs: null, isVoid: false });
  }

  write(node: Node, id: PathId, back: number): void {
    const { stage } = this;
    const generation = back === 3 ? null : node.generations.at(-1 - back) ?? null;
    const text = PATHS[id - 1] ?? "";
    const above = [...this.view.values()].find((standing) =>
      standing.owner !== 0 && (text === pathOf(standing.id) || text.startsWith(`${pathOf(standing.id)}/`))
    );
    const expected = !this.isThere(node)
      ? "suspended"
      : above === undefined
      ? generation === null ? null : "generation"
      : above.owner !== node.number
      ? "owner"
      : generation !== null && generation >= above.generation
      ? null
      : "generation";
    assertEquals(stage.write(node.number, id, generation), expected, "a write follows what everybody knows");
    const { holder, state, generation: current } = stage.privilege;
    const mayChange = !this.isThere(node)
      ? "suspended"
      : holder !== node.number || state === "grace"
      ? "privilege"
      : generation !== null && generation >= current
      ? null
      : "generation";
    assertEquals(stage.host.checkStructure(node.number, generation), mayChange);
  }

  /** Takes in what was said and what happened. */
  learn(): void {
    const { stage } = this;
    for (const event of stage.events.splice(0)) {
      if (event.kind === "suspended") this.lost.set(event.client, { atUs: stage.nowUs, graceUs: null });
      else if (event.kind === "grace") {
        const lost = this.lost.get(event.client);
        assert(lost !== undefined, "who has a grace is lost");
        lost.graceUs = stage.nowUs;
      } else if (event.kind === "spared") {
        const lost = this.lost.get(event.client);
        assert(lost !== undefined);
        lost.graceUs = null;
      } else if (event.kind === "resumed") this.lost.delete(event.client);
      else if (event.kind === "gone") {
        const lost = this.lost.get(event.client);
        if (event.why === "expired") {
          assert(lost !== undefined && lost.graceUs !== null, "only the lost expire");
          assertEquals(stage.nowUs - lost.graceUs, seconds(60), "at their time");
        }
        this.lost.delete(event.client);
        this.gone.add(event.client);
      }
    }
    for (const { to, message } of stage.said.splice(0)) {
      const nodeOf = (number: number) => this.nodes.find((node) => node.number === number && number !== 0);
      if (message.kind === "priv") {
        const node = nodeOf(to ?? 0);
        if (message.action === "granted" && node) {
          node.believesPrivileged = true;
          node.privilegeGeneration = message.generation;
          if (!node.generations.includes(message.generation)) node.generations.push(message.generation);
          this.lastGeneration = Math.max(this.lastGeneration, message.generation);
        }
        if (message.action === "revoked" && node) node.believesPrivileged = false;
        continue;
      }
      if (message.action === "changed") {
        assertEquals(to, null);
        for (const standing of message.objects) {
          const before = this.view.get(standing.id);
          if (standing.owner !== 0 && standing.generation !== before?.generation) {
            assert(!this.view.get(standing.id) || standing.generation > (before?.generation ?? 0));
            assert(
              standing.generation > this.lastGeneration - message.objects.length,
              "a grant has a number above all earlier ones",
            );
            this.lastGeneration = Math.max(this.lastGeneration, standing.generation);
            nodeOf(standing.owner)?.generations.push(standing.generation);
          } else if (standing.owner !== 0) {
            assertEquals(standing.owner, before?.owner, "one owner a generation");
          }
          this.view.set(standing.id, standing);
        }
      } else if (message.action === "answer") {
        for (const { id, state, owner } of message.objects) {
          const key = `${to} ${message.request} ${id}`;
          if (message.other === to) {
            assert(state === "asked" && owner !== to);
            // A newer request of the same client takes the place of the older, and not its time.
            const older = [...this.waiting].find(([each]) =>
              each.startsWith(`${to} `) && each.endsWith(` ${id}`)
            );
            if (older !== undefined) this.waiting.delete(older[0]);
            this.waiting.set(key, older?.[1] ?? stage.nowUs);
          } else this.waiting.delete(key);
        }
      }
    }
  }

  check(): void {
    const { stage } = this;
    const { host } = stage;
    const rows = host.ownership.rows();
    const seen = [...this.view.values()].filter(({ owner }) => owner !== 0);
    assertEquals(
      rows.map(({ id, owner, generation }) => `${id} ${owner} ${generation}`).sort(),
      seen.map(({ id, owner, generation }) => `${id} ${owner} ${generation}`).sort(),
      "everybody knows who owns what",
    );
    assertEquals(new Set(rows.map(({ generation }) => generation)).size, rows.length);
    for (const { id, owner } of rows) {
      for (const other of rows) {
        assert(id === other.id || !pathOf(other.id).startsWith(`${pathOf(id)}/`), "no object inside another");
      }
      const { state, leftUs } = stage.standing(id);
      assertEquals(state, this.view.get(id)?.state, "everybody knows how it stands");
      this.checkHolder(owner, state === "grace", "crew");
      if (state === "grace") {
        assertEquals(leftUs, seconds(60) - (stage.nowUs - (this.lost.get(owner)?.graceUs ?? 0)));
      }
      assert(state === "owned" ? leftUs === 0 : leftUs > 0 || stage.nowUs >= (host.pollTimeout()?.atUs ?? 0));
    }
    const { state, holder, other } = stage.privilege;
    assertEquals(state === "none", holder === 0);
    assertEquals(state === "asked" || state === "offered", other !== 0);
    if (holder !== 0) this.checkHolder(holder, state === "grace", "operator");
    assert(other === 0 || (!this.gone.has(other) && other !== holder));
    const believers = this.nodes.filter((node) => node.believesPrivileged && this.isThere(node));
    assert(believers.every(({ number }) => number === holder), "nobody else believes to be privileged");
    assertEquals(believers.length, holder !== 0 && !this.lost.has(holder) ? 1 : 0);
    for (const { number, state: known } of host.clients.all()) {
      assertEquals(known === "suspended", this.lost.has(number));
      assert(!this.gone.has(number));
    }
    assertEquals(
      host.clients.present,
      [...host.clients.all()].filter(({ state }) => state !== "suspended").length,
    );
    for (const [key, sinceUs] of this.waiting) {
      const asker = client(Number(key.split(" ")[0]));
      if (this.gone.has(asker) || this.lost.has(asker)) this.waiting.delete(key);
      else assert(stage.nowUs - sinceUs <= seconds(5), "who waits is answered in 5 s");
    }
  }

  /** Whoever holds something is there and may, or is lost and waited for. */
  checkHolder(holder: ClientNumber, isGrace: boolean, needed: AccessLevel): void {
    assert(!this.gone.has(holder), "who is gone holds nothing");
    const lost = this.lost.get(holder);
    assertEquals(isGrace, lost !== undefined && lost.graceUs !== null, "a grace is for the lost");
    const level = this.stage.host.clients.get(holder)?.level;
    assert(level !== undefined && hasAccess(level, needed));
  }
}

function pathOf(id: PathId): string {
  return PATHS[id - 1] ?? "";
}

/** Walks at random. Throws where something is not as it must be. */
export function walk(
  room: Room,
  { runs, seed = 5 }: { readonly runs: number; readonly seed?: number },
): void {
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 80, size: "max" }), (steps) => {
      const walk = new Walk(room);
      for (let node = 0; node < LEVELS.length; node++) walk.take({ kind: "join", who: node });
      for (const each of steps) walk.take(each);
    }),
    { seed, numRuns: runs },
  );
}
