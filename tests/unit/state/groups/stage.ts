// A wall in virtual time: hosts with desks, nodes with displays, clocks that disagree, connections that delay, lose and break.
// Every input and output of the machines goes through the messages' schemas, as on the wire. Checks at each change of a
// picture that it was committed, and that it came at the moment that was named.

import { assert, assertEquals } from "@std/assert";
import type { NodeId } from "../../../../lib/base/mod.ts";
import type { MessageDefinition } from "../../../../lib/session/mod.ts";
import {
  type DisplayGroup,
  editionOf,
  emptyGroup,
  GROUP_ABORT,
  GROUP_COMMIT,
  GROUP_PREPARE,
  GROUP_SHOWN,
  GroupDesk,
  type GroupEvent,
  GroupMember,
  type GroupStatus,
  type Picture,
  SharedClock,
} from "../../../../lib/state/groups/mod.ts";
import { compileSchema } from "../../../../lib/wire/mod.ts";

/** Numbers that look like chance, the same for the same seed. */
export function chance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** The id of a machine by its number. */
export function nodeOf(number: number): NodeId {
  return number.toString(16).padStart(32, "0") as NodeId;
}

/** A clock that began elsewhere and runs at another speed. */
export class SkewedClock {
  #offsetUs: number;
  readonly #rate: number;

  constructor(offsetUs: number, ppm: number) {
    this.#offsetUs = offsetUs;
    this.#rate = 1 + ppm / 1_000_000;
  }

  /** What it says at a true time. */
  at(trueUs: number): number {
    return Math.floor(this.#offsetUs + trueUs * this.#rate);
  }

  /** The first true time at which it says so much. */
  whenIs(ownUs: number): number {
    let trueUs = Math.floor((ownUs - this.#offsetUs) / this.#rate) - 1;
    while (this.at(trueUs) < ownUs) trueUs++;
    return trueUs;
  }

  /** It leaps, as after a suspension. */
  jump(us: number): void {
    this.#offsetUs += us;
  }
}

/** How the connections are. */
export interface Weather {
  readonly delayUs: number;
  /** One way is slower by up to so much … */
  readonly jitterUs: number;
  /** … and always by this from node to host. */
  readonly asymmetryUs: number;
  /** Share of answers, commits and reports that never arrive. */
  readonly loss: number;
}

export const CALM: Weather = { delayUs: 300, jitterUs: 100, asymmetryUs: 0, loss: 0 };

/** A host: the leader of a term. */
export class Chair {
  readonly id: NodeId;
  readonly clock: SkewedClock;
  readonly desk: GroupDesk;
  readonly term: number;
  readonly statuses = new Map<string, GroupStatus>();
  readonly events: GroupEvent[] = [];
  readonly reachable = new Set<NodeId>();
  isGone = false;

  constructor(stage: Stage, id: NodeId, term: number, clock: SkewedClock) {
    this.id = id;
    this.term = term;
    this.clock = clock;
    this.desk = new GroupDesk(clock.at(stage.trueUs), { term, hostId: id });
  }
}

/** When a change is due. */
interface Moment {
  readonly atUs: number;
  /** How far the node's clock may be from the host's, by its own word. */
  readonly uncertaintyUs: number;
  readonly leadUs: number;
  readonly clock: SkewedClock;
}

/** A node with displays. */
export class Wall {
  readonly id: NodeId;
  readonly clock: SkewedClock;
  readonly shared = new SharedClock();
  member: GroupMember;
  readonly displays: string[];
  /** How long it takes to get ready, in microseconds of true time. */
  prepareUs = 5_000;
  /** Why it cannot get ready; null where it can. */
  refuses: string | null = null;
  isUp = true;
  /** Counts its lives and connections: what was said in an earlier one is lost. */
  era = 1;
  /** What its program draws, by group and display. */
  readonly drawn = new Map<string, string>();
  readonly applied: { group: string; digest: string; version: number; hostUs: number; at: number }[] = [];
  /** Moments that hosts named, and those of them that are to come, by group and digest. */
  readonly named = new Map<string, Moment>();
  readonly due = new Map<string, Moment>();

  constructor(id: NodeId, displays: string[], clock: SkewedClock) {
    this.id = id;
    this.displays = displays;
    this.clock = clock;
    this.member = new GroupMember(this.shared);
  }
}

interface Happening {
  readonly atUs: number;
  readonly order: number;
  readonly run: () => void;
}

const validators = new Map(
  [GROUP_PREPARE, GROUP_COMMIT, GROUP_ABORT, GROUP_SHOWN].map((each: MessageDefinition) => [
    each.name,
    compileSchema(each.body),
  ]),
);
const replyValidator = compileSchema(GROUP_PREPARE.reply);

/** The whole of it. */
export class Stage {
  trueUs = 1_000_000;
  weather: Weather = CALM;
  readonly random: () => number;
  readonly walls: Wall[] = [];
  readonly groups = new Map<string, DisplayGroup>();
  chair: Chair;
  /** Editions that a host committed, by digest. */
  readonly committed = new Set<string>();
  /** Nodes that said they are ready, with group and digest. */
  readonly #ready = new Set<string>();
  readonly violations: string[] = [];
  /** Worst distance from the moment that was named, and the uncertainty that was stated with it. */
  worstUs = 0;
  timed = 0;
  #happenings: Happening[] = [];
  #order = 0;
  readonly #lastArrival = new Map<string, number>();
  readonly #wakes = new Map<unknown, number>();

  constructor(seed = 1) {
    this.random = chance(seed);
    this.chair = new Chair(this, nodeOf(1), 1, new SkewedClock(5_000_000, 0));
  }

  /** A node with displays joins. */
  addWall(number: number, displays: string[], clock = new SkewedClock(0, 0)): Wall {
    const wall = new Wall(nodeOf(number), displays, clock);
    this.walls.push(wall);
    this.#start(wall);
    return wall;
  }

  wallOf(node: NodeId): Wall | undefined {
    return this.walls.find(({ id }) => id === node);
  }

  /** Puts a group into the state, at its next version unless it says one. */
  write(id: string, fields: Partial<DisplayGroup> = {}): DisplayGroup {
    const before = this.groups.get(id);
    const version = fields.version ?? (before?.version ?? 0) + 1;
    const group: DisplayGroup = { ...(before ?? emptyGroup(id)), ...fields, version };
    this.groups.set(id, group);
    this.chair.desk.handleGroup(this.hostUs, id, { ...group });
    this.#pumpChair(this.chair);
    return group;
  }

  remove(id: string): void {
    this.groups.delete(id);
    this.chair.desk.handleGroup(this.hostUs, id, null);
    this.#pumpChair(this.chair);
  }

  /** All displays of the walls as members. */
  members(walls: readonly Wall[] = this.walls): DisplayGroup["members"] {
    return walls.flatMap(({ id, displays }) =>
      displays.map((display) => ({ display, node: id, windows: [] }))
    );
  }

  get hostUs(): number {
    return this.chair.clock.at(this.trueUs);
  }

  /** A connection breaks: nothing that is on its way arrives. */
  cut(wall: Wall): void {
    if (!wall.isUp) return;
    wall.isUp = false;
    wall.era++;
    this.chair.reachable.delete(wall.id);
    wall.shared.rest();
    this.chair.desk.handleNode(this.hostUs, wall.id, false);
    this.#pumpChair(this.chair);
  }

  /** … and is there again. */
  heal(wall: Wall): void {
    if (wall.isUp) return;
    wall.isUp = true;
    wall.era++;
    this.#connect(wall);
  }

  /** The node's process ends and begins again: it shows nothing and knows nothing. */
  restart(wall: Wall): void {
    this.cut(wall);
    wall.member = new GroupMember(wall.shared);
    wall.drawn.clear();
    wall.due.clear();
    wall.named.clear();
    this.heal(wall);
    for (const display of wall.displays) wall.member.handleDisplay(this.ownUs(wall), display, null);
    this.#pumpWall(wall);
  }

  /** Another node hosts from now on, with the groups that it has a copy of. */
  changeHost(number: number, clock = new SkewedClock(this.random() * 1e9, 0)): void {
    this.chair.isGone = true;
    const chair = new Chair(this, nodeOf(number), this.chair.term + 1, clock);
    this.chair = chair;
    for (const wall of this.walls) wall.era++;
    for (const [id, group] of this.groups) chair.desk.handleGroup(this.hostUs, id, { ...group });
    this.#pumpChair(chair);
    for (const wall of this.walls) {
      // Each hears of the new host at a time of its own.
      if (wall.isUp) this.after(this.random() * 100_000, () => this.chair === chair && this.#connect(wall));
    }
  }

  ownUs(wall: Wall): number {
    return wall.clock.at(this.trueUs);
  }

  /** Says something to a node's member, and does what follows. */
  tell(wall: Wall, say: (member: GroupMember, nowUs: number) => void): void {
    say(wall.member, this.ownUs(wall));
    this.#pumpWall(wall);
  }

  after(us: number, run: () => void): void {
    const atUs = this.trueUs + Math.max(0, Math.round(us));
    this.#happenings.push({ atUs, order: ++this.#order, run });
    this.#happenings.sort((a, b) => a.atUs - b.atUs || a.order - b.order);
  }

  /** Lets time go on. */
  run(us: number): void {
    let [lastUs, same] = [0, 0];
    const untilUs = this.trueUs + Math.round(us);
    for (
      let next = this.#happenings[0];
      next !== undefined && next.atUs <= untilUs;
      next = this.#happenings[0]
    ) {
      this.#happenings.shift();
      this.trueUs = Math.max(this.trueUs, next.atUs);
      assert(++same < 10_000 || next.atUs > lastUs, `time stands still at ${this.trueUs}`);
      if (next.atUs > lastUs) [lastUs, same] = [next.atUs, 0];
      next.run();
    }
    this.trueUs = untilUs;
  }

  /** The digest that a display draws of a group, or undefined. */
  drawn(group: string, display: string): string | undefined {
    return this.walls.find(({ displays }) => displays.includes(display))?.drawn.get(`${group} ${display}`);
  }

  status(group: string): GroupStatus {
    const status = this.chair.statuses.get(group);
    assert(status !== undefined, `no status of ${group}`);
    return status;
  }

  /** All members show what stands in the state. */
  assertShown(id: string): void {
    const group = this.groups.get(id);
    assert(group !== undefined);
    for (const { display } of group.members) {
      assertEquals(this.drawn(id, display), editionOf(group).digest, `${display} of ${id}`);
    }
    const status = this.status(id);
    assertEquals(status.phase, "shown", JSON.stringify(status));
    assertEquals([status.version, status.wanted], [group.version, group.version]);
    for (const [display, { state, late, version }] of Object.entries(status.displays)) {
      assertEquals([display, state, late, version], [display, "shown", false, group.version]);
    }
  }

  assertNoViolations(): void {
    assertEquals(this.violations, []);
  }

  #start(wall: Wall): void {
    for (const display of wall.displays) wall.member.handleDisplay(this.ownUs(wall), display, null);
    this.#connect(wall);
  }

  #connect(wall: Wall): void {
    const { chair } = this;
    const isNew = !chair.reachable.has(wall.id);
    chair.reachable.add(wall.id);
    const hasHost = wall.member.counters.prepares > 0;
    if (isNew || !hasHost) {
      // Another host has another clock.
      if (this.#hostOf.get(wall) === chair) wall.shared.resume(this.ownUs(wall));
      else wall.shared.follow(this.ownUs(wall));
    }
    this.#hostOf.set(wall, chair);
    wall.member.handleHost(this.ownUs(wall), { term: chair.term, hostId: chair.id });
    chair.desk.handleNode(this.hostUs, wall.id, true);
    this.#pumpChair(chair);
    this.#pumpWall(wall);
  }

  readonly #hostOf = new Map<Wall, Chair>();

  /** A message on its way: in order, within one life of a connection. */
  #send(wall: Wall, toHost: boolean, isLosable: boolean, arrive: () => void): void {
    if (isLosable && this.random() < this.weather.loss) return;
    const { delayUs, jitterUs, asymmetryUs } = this.weather;
    const key = `${wall.id} ${toHost}`;
    const delay = delayUs + this.random() * jitterUs + (toHost ? asymmetryUs : 0);
    const atUs = Math.max(this.trueUs + delay, this.#lastArrival.get(key) ?? 0);
    this.#lastArrival.set(key, atUs);
    const { era } = wall;
    this.after(atUs - this.trueUs, () => {
      if (wall.era === era && wall.isUp) arrive();
    });
  }

  #pumpChair(chair: Chair): void {
    if (chair.isGone) return;
    const { desk } = chair;
    for (let message = desk.poll(); message !== null; message = desk.poll()) {
      const said = message;
      const definition = { prepare: GROUP_PREPARE, commit: GROUP_COMMIT, abort: GROUP_ABORT }[said.kind];
      assertEquals(validators.get(definition.name)?.validate(said.body) ?? null, null);
      if (said.kind === "commit") this.#noteCommit(chair, said.body.group, said.body.digest);
      const wall = this.wallOf(said.node);
      if (wall === undefined || !wall.isUp || !chair.reachable.has(said.node)) {
        if (said.kind === "prepare") {
          this.after(0, () => {
            if (chair.isGone) return;
            desk.handleUnanswered(this.hostUs, said.node, said.body.group, said.body.order, "unreachable");
            this.#pumpChair(chair);
          });
        }
        continue;
      }
      this.#send(wall, false, said.kind !== "prepare", () => {
        const nowUs = this.ownUs(wall);
        if (said.kind === "prepare") {
          const ticket = wall.member.handlePrepare(nowUs, chair.id, structuredClone(said.body));
          this.#tickets.set(`${wall.id} ${wall.era} ${ticket}`, {
            chair,
            group: said.body.group,
            order: said.body.order,
            digest: said.body.digest,
          });
        } else if (said.kind === "commit") {
          const { group, digest, atUs } = said.body;
          const uncertaintyUs = wall.shared.uncertaintyUs(nowUs);
          const leadUs = atUs - chair.clock.at(this.trueUs);
          if (atUs > 0 && uncertaintyUs !== null && leadUs > uncertaintyUs) {
            wall.named.set(`${group} ${digest}`, { atUs, uncertaintyUs, leadUs, clock: chair.clock });
          } else wall.named.delete(`${group} ${digest}`);
          wall.member.handleCommit(nowUs, chair.id, said.body);
        } else wall.member.handleAbort(nowUs, chair.id, said.body);
        this.#pumpWall(wall);
      });
    }
    for (let change = desk.pollStatus(); change !== null; change = desk.pollStatus()) {
      if (change.status === null) chair.statuses.delete(change.group);
      else chair.statuses.set(change.group, change.status);
    }
    for (let event = desk.pollEvent(); event !== null; event = desk.pollEvent()) chair.events.push(event);
    const deadline = desk.deadline();
    this.#wake(chair, deadline === null ? null : chair.clock.whenIs(deadline.atUs), () => {
      if (chair.isGone) return;
      desk.handleDeadline(chair.clock.at(this.trueUs));
      this.#pumpChair(chair);
    });
  }

  readonly #tickets = new Map<string, { chair: Chair; group: string; order: number; digest: string }>();

  #pumpWall(wall: Wall): void {
    const nowUs = this.ownUs(wall);
    for (let output = wall.member.poll(); output !== null; output = wall.member.poll()) {
      const done = output;
      switch (done.kind) {
        case "answer": {
          assertEquals(replyValidator.validate(done.reply), null);
          const asked = this.#tickets.get(`${wall.id} ${wall.era} ${done.ticket}`);
          if (asked === undefined) break;
          this.#send(wall, true, true, () => {
            if (asked.chair.isGone) return;
            const { group, order } = asked;
            if (done.reply.ready) this.#ready.add(`${group} ${asked.digest} ${wall.id}`);
            asked.chair.desk.handleAnswer(this.hostUs, wall.id, group, order, done.reply);
            this.#pumpChair(asked.chair);
          });
          break;
        }
        case "prepare": {
          const { member } = wall;
          this.after(wall.prepareUs, () => {
            if (wall.member !== member) return;
            member.handlePrepared(this.ownUs(wall), done.group, done.picture.edition, wall.refuses);
            this.#pumpWall(wall);
          });
          break;
        }
        case "apply":
          this.#draw(wall, done.group, done.picture);
          break;
        case "shown": {
          assertEquals(validators.get(GROUP_SHOWN.name)?.validate(done.body), null);
          const { chair } = this;
          if (done.to !== chair.id || !wall.isUp) break;
          this.#send(wall, true, true, () => {
            if (chair.isGone) return;
            chair.desk.handleShown(this.hostUs, wall.id, done.body);
            this.#pumpChair(chair);
          });
          break;
        }
        case "commit": {
          // Where it does not come, the commit was refused or nothing new.
          const key = `${done.group} ${done.picture.edition.digest}`;
          const named = wall.named.get(key);
          // It takes the place of what was to come.
          for (const other of wall.due.keys()) if (other.startsWith(`${done.group} `)) wall.due.delete(other);
          if (named !== undefined) wall.due.set(key, named);
          break;
        }
        case "drop":
          break;
      }
    }
    for (let question = wall.shared.poll(nowUs); question !== null; question = wall.shared.poll(nowUs)) {
      const asked = question;
      const { chair } = this;
      this.#send(wall, false, true, () => {
        // The host takes some time over it.
        const receivedUs = chair.clock.at(this.trueUs);
        this.after(this.random() * 200, () => {
          const sentUs = chair.clock.at(this.trueUs);
          this.#send(wall, true, true, () => {
            if (this.chair !== chair) return;
            wall.shared.handleAnswer(this.ownUs(wall), asked, receivedUs, sentUs);
            this.#pumpWall(wall);
          });
        });
      });
    }
    const times = [wall.member.deadline()?.atUs, wall.shared.deadline()?.atUs].filter((at) =>
      at !== undefined
    );
    this.#wake(wall, times.length === 0 ? null : wall.clock.whenIs(Math.min(...times)), () => {
      wall.member.handleDeadline(this.ownUs(wall));
      this.#pumpWall(wall);
    });
  }

  #noteCommit(chair: Chair, id: string, digest: string): void {
    const key = `${id} ${digest}`;
    const group = this.groups.get(id);
    const isFirst = !this.committed.has(key);
    this.committed.add(key);
    if (!isFirst || group === undefined || !group.strict || editionOf(group).digest !== digest) return;
    for (const { node, display } of group.members) {
      if (this.#ready.has(`${key} ${node}`)) continue;
      this.violations.push(
        `${chair.id} commits ${id} version ${group.version}, though ${display} is not ready`,
      );
    }
  }

  #draw(wall: Wall, group: string, { edition, displays }: Picture): void {
    const key = `${group} ${edition.digest}`;
    if (!this.committed.has(key)) {
      this.violations.push(`${wall.id} shows ${group} version ${edition.version}, which was never committed`);
    }
    for (const drawn of wall.drawn.keys()) if (drawn.startsWith(`${group} `)) wall.drawn.delete(drawn);
    for (const display of displays) wall.drawn.set(`${group} ${display}`, edition.digest);
    const hostUs = this.hostUs;
    wall.applied.push({ group, ...edition, hostUs, at: this.trueUs });
    const due = wall.due.get(key);
    wall.due.delete(key);
    if (due === undefined) return;
    this.timed++;
    // The moment is one of the host that named it, even where another has followed.
    const awayUs = Math.abs(due.clock.at(this.trueUs) - due.atUs);
    this.worstUs = Math.max(this.worstUs, awayUs);
    // The clocks go on to drift between the commit and its moment; a timer is at a whole microsecond.
    const allowedUs = due.uncertaintyUs + due.leadUs * 100e-6 + 3;
    if (awayUs > allowedUs) {
      this.violations.push(
        `${wall.id} shows ${group} version ${edition.version} ${awayUs} µs off, though it said ${due.uncertaintyUs}`,
      );
    }
  }

  #wake(whose: unknown, atUs: number | null, run: () => void): void {
    const turn = (this.#wakes.get(whose) ?? 0) + 1;
    this.#wakes.set(whose, turn);
    if (atUs === null) return;
    this.after(Math.max(atUs - this.trueUs, 0), () => {
      if (this.#wakes.get(whose) === turn) run();
    });
  }
}
