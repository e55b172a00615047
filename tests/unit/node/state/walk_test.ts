// Nodes that crash, freeze, lose their cables and come back at random while everybody writes: in the end all copies are equal,
// and nothing is lost that was acknowledged as kept by two machines. One seed a run; a failure names it.

import { assert, assertEquals } from "@std/assert";
import type { NodeOptions } from "../../../../lib/node/mod.ts";
import type { RandomStream } from "../../../../lib/platform/mod.ts";
import type { PathId, ReplicaService } from "../../../../lib/state/mod.ts";
import { contentOf, type Machine, Show } from "./show.ts";

const NAMES = ["ada", "ben", "cyd", "dan"] as const;
const STEPS = 40;

interface Player {
  machine: Machine;
  client: ReplicaService;
  /** Where it writes, it alone, ever greater values. */
  readonly path: string;
  /** What it wrote last, and the last of it that two machines have. */
  written: number;
  kept: number;
  /** Up to which value, under which term, the host alone had all of it at the last look. */
  alone: { readonly term: number; readonly upTo: number } | null;
  isFrozen: boolean;
  isUnplugged: boolean;
}

class Walk {
  readonly show: Show;
  readonly players: Player[] = [];
  readonly #draw: RandomStream;

  /** @param isWild several at a time, and halves of the mesh: then equal copies alone are asked for. */
  constructor(readonly seed: number, readonly isWild = false) {
    this.show = new Show(seed);
    this.#draw = this.show.world.random("walk");
  }

  /** The first one leads; in every second walk it also hosts wherever it is there. */
  #optionsOf(name: string): Partial<NodeOptions> {
    const rank = NAMES.indexOf(name as typeof NAMES[number]);
    return { priority: 200 - 10 * rank, state: { host: rank === 0 && this.seed % 2 === 1 } };
  }

  #below(count: number): number {
    return this.#draw.u32() % count;
  }

  async begin(): Promise<void> {
    const { show } = this;
    const machines: Machine[] = [];
    for (const name of NAMES) machines.push(await show.machine(name, this.#optionsOf(name)));
    const [first] = machines;
    assert(first !== undefined);
    await show.until(
      () => machines.every(({ node }) => node.discovery?.leaderId === first.node.id),
      "the first one leads",
    );
    for (const machine of machines) {
      this.players.push({
        machine,
        client: await show.client(machine),
        path: `of-${machine.name}`,
        written: 0,
        kept: 0,
        alone: null,
        isFrozen: false,
        isUnplugged: false,
      });
    }
    // An acknowledgement counts as what it was when it came.
    for (const player of this.players) this.#listen(player);
    for (const { path } of this.players) show.define(first, { path, type: "i32", default: 0 });
    for (const { client } of this.players) {
      for (const { path } of this.players) await show.knows(client, path);
    }
    await show.until(() => first.node.state.hosted?.host.isSingle === false, "there is a copy");
    // From here on there is something that two machines have.
    for (const player of this.players) {
      this.#write(player);
      const { replica } = player.client;
      await show.until(() => replica.pendingWrites === 0 && !replica.isSingle, "its first value is kept");
      this.#look(player);
    }
  }

  async step(): Promise<void> {
    const player = this.players[this.#below(this.players.length)];
    assert(player !== undefined);
    const hindered = this.players.filter(({ isFrozen, isUnplugged }) => isFrozen || isUnplugged).length;
    const what = this.#below(12);
    const canHinder = hindered < (this.isWild ? 3 : 1);
    if (this.isWild && what === 11) this.#halve();
    else if (player.isFrozen) {
      if (what < 5) this.#thaw(player);
    } else if (player.isUnplugged && what < 4) this.#plug(player);
    else if (what === 0 && canHinder) this.#freeze(player);
    else if (what === 1 && canHinder) this.#unplug(player);
    else if (what === 2 && canHinder) await this.#restart(player);
    else this.#write(player);
    await this.show.world.runFor(this.#below(3_000_000));
    for (const each of this.players) this.#look(each);
  }

  /** Two sides of two machines each, or none any more. */
  #halve(): void {
    const segment = this.show.world.segment("lan");
    segment.healAll();
    for (const player of this.players) if (player.isUnplugged) this.show.unplug(player.machine);
    if (this.#below(2) === 0) return;
    const [ada = "", ...others] = NAMES;
    const partner = others[this.#below(others.length)] ?? "";
    for (const here of [ada, partner]) {
      for (const there of others.filter((name) => name !== partner)) {
        segment.cut(here, there);
        segment.cut(there, here);
      }
    }
  }

  /** Everything is mended. */
  async end(): Promise<void> {
    const { show } = this;
    for (const player of this.players) {
      if (player.isFrozen) this.#thaw(player);
      if (player.isUnplugged) this.#plug(player);
    }
    show.world.segment("lan").healAll();
    const epochs = () => new Set(this.players.map(({ client }) => JSON.stringify(client.replica.epoch)));
    const areOne = () => epochs().size === 1 && this.players.every(({ client }) => client.replica.isSynced);
    await show.until(areOne, () => `seed ${this.seed}: all follow one host: ${this.#standing()}`);
    // What the last host took over is with everybody, and stays.
    await show.world.runFor(10_000_000);
    await show.until(areOne, () => `seed ${this.seed}: all follow one host still: ${this.#standing()}`);
    const [first, ...others] = this.players.map(({ client }) => contentOf(client));
    for (const other of others) assertEquals(other, first, `seed ${this.seed}`);
    assertEquals(show.crashes, [], `seed ${this.seed}`);
    if (this.isWild) return;
    for (const { client, path, kept, written } of this.players) {
      const value = client.replica.hostValueOf(show.idOf(client, path)) as number;
      assert(value >= kept && value <= written, `seed ${this.seed}: ${path} is ${value}; ${kept} were kept`);
    }
    const kept = this.players.reduce((sum, each) => sum + each.kept, 0);
    assert(kept > 8, `seed ${this.seed}: only ${kept} values were kept by two machines`);
  }

  #standing(): string {
    return this.players.map(({ machine, client }) =>
      `${machine.name} ${
        JSON.stringify([client.replica.state, client.replica.epoch?.term, client.replica.missing()])
      }`
    ).join("; ");
  }

  #write(player: Player): void {
    const { client, path } = player;
    const id = (client.replica.book?.idOf(path) ?? 0) as PathId;
    if (client.replica.set(client.nowUs(), id, player.written + 1) !== "taken") return;
    player.written++;
    client.pump();
  }

  /**
   * An acknowledgement means that its value is kept, unless it says that the host alone has it: then it is once that host has
   * a copy. Where another reign follows before that, it may be lost.
   */
  #look(player: Player): void {
    const { replica } = player.client;
    if (player.isFrozen || replica.pendingWrites > 0 || replica.state !== "joined") return;
    const term = replica.epoch?.term ?? 0;
    const { alone, written } = player;
    const isOld = alone !== null && alone.term !== term && written <= alone.upTo;
    if (isOld) return;
    if (replica.isSingle) player.alone = { term, upTo: written };
    else {
      player.alone = null;
      player.kept = Math.max(player.kept, written);
    }
  }

  #listen(player: Player): void {
    player.client.onEvent((event) => {
      // What was written long ago, while away, is told to be dropped: it was never acknowledged.
      if (event.kind === "dropped") player.alone = { term: -1, upTo: player.written };
    });
    player.client.onBatch(() => this.#look(player));
  }

  #freeze(player: Player): void {
    player.machine.host.freeze();
    player.isFrozen = true;
  }

  #thaw(player: Player): void {
    player.machine.host.thaw();
    player.isFrozen = false;
  }

  #unplug(player: Player): void {
    this.show.unplug(player.machine);
    player.isUnplugged = true;
  }

  #plug(player: Player): void {
    this.show.plug(player.machine);
    player.isUnplugged = false;
  }

  async #restart(player: Player): Promise<void> {
    const { host, name } = player.machine;
    host.crash();
    await this.show.world.runFor(this.#below(8_000_000));
    host.restart();
    player.machine = await this.show.boot(name, host, this.#optionsOf(name));
    player.client = player.machine.node.state.client();
    this.#listen(player);
    if (this.isWild) return;
    // A new process: what it had not sent is gone, and it goes on from what stands.
    await this.show.synced(player.client);
    const stands = player.client.replica.hostValueOf(this.show.idOf(player.client, player.path)) as number;
    assert(stands >= player.kept, `seed ${this.seed}: ${player.path} is ${stands}; ${player.kept} were kept`);
    player.written = Math.max(player.written, stands);
  }
}

for (const seed of seeds()) {
  Deno.test(`after ${STEPS} steps of crashes, freezes and cables all copies are equal, and what two had is there (seed ${seed})`, async () => {
    const walk = new Walk(seed);
    await walk.begin();
    for (let step = 0; step < STEPS; step++) await walk.step();
    await walk.end();
  });
}

for (const seed of seeds()) {
  Deno.test(`after ${STEPS} steps with several faults at a time and halves of the mesh all copies are equal (seed ${seed})`, async () => {
    const walk = new Walk(seed, true);
    await walk.begin();
    for (let step = 0; step < STEPS; step++) await walk.step();
    await walk.end();
  });
}

/** STATE_WALKS runs as many. */
function seeds(): number[] {
  return Array.from({ length: Number(Deno.env.get("STATE_WALKS") ?? 3) }, (_, index) => 7_000 + index);
}
