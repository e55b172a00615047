// Consoles: whoever asks a node to spawn, start, stop or restart a program, by the sessions of the nodes that ship.
// Decides that a demand without an answer is repeated with the same op until there is one, as the command line does.
// A console that is gone asks no more.

import { HanaError } from "../../../base/mod.ts";
import type { Node } from "../../../node/mod.ts";
import {
  type ApplyCall,
  type ProgramSpec,
  RESTART_PROGRAM,
  SPAWN_PROGRAM,
  START_PROGRAM,
  STOP_PROGRAM,
} from "../../../supervision/mod.ts";
import type { AskedAnswer, Fact } from "../../observe.ts";
import type { Station } from "../station.ts";

/** A demand without an answer is repeated after this. */
const RETRY_US = 500_000;
/** How long a console waits for one answer. */
const ANSWER_US = 8_000_000;
/** How often it asks at most. */
const MAX_TRIES = 240;
/** Answers that asking again would not change. */
const DEFINITE: ReadonlySet<string> = new Set([
  "conflict",
  "config",
  "schema",
  "refused",
  "usage",
  "overloaded",
]);

/** What a console wants. */
export type Wish =
  | {
    readonly verb: "spawn";
    readonly program: string;
    readonly spec: ProgramSpec;
    readonly want: "up" | "once";
  }
  | { readonly verb: "start"; readonly program: string }
  | { readonly verb: "stop"; readonly program: string; readonly now: boolean }
  | { readonly verb: "restart"; readonly program: string; readonly now: boolean; readonly run: number | null }
  | { readonly verb: "apply"; readonly program: string; readonly call: Omit<ApplyCall, "op" | "by"> };

/** What consoles need of their run. */
export interface ConsoleSurroundings {
  readonly stations: ReadonlyMap<string, Station>;
  nowUs(): number;
  at(atUs: number, run: () => void): void;
  tell(fact: Fact): void;
}

interface Demand {
  readonly console: Station;
  /** The life of the console in which it was asked. */
  readonly life: number;
  readonly target: Station;
  readonly wish: Wish;
  readonly op: string;
  readonly sentAtUs: number;
  tries: number;
}

/** All consoles of a run. */
export class Consoles {
  readonly #around: ConsoleSurroundings;
  #ops = 0;

  constructor(around: ConsoleSurroundings) {
    this.#around = around;
  }

  /** Lets the console on a node ask another one, or its own. */
  ask(console: Station, target: Station, wish: Wish): void {
    const op = `sim-${String(++this.#ops).padStart(6, "0")}`;
    const demand = {
      console,
      life: console.lives,
      target,
      wish,
      op,
      sentAtUs: this.#around.nowUs(),
      tries: 0,
    };
    this.#tell(demand, "sent", null);
    void this.#try(demand);
  }

  async #try(demand: Demand): Promise<void> {
    const { console, life, target } = demand;
    demand.tries++;
    try {
      const node = console.node;
      if (node === null) throw new HanaError("closed", { what: "the console", why: "is not there" });
      const answer = console === target ? await here(node, demand) : await there(node, demand);
      if (console.lives === life && console.isUp) this.#tell(demand, "ok", answer);
    } catch (thrown) {
      // A life that is over hears no answers; one that has not begun is waited for.
      if (console.lives !== life) return;
      const code = thrown instanceof HanaError ? thrown.code : "internal";
      if (!(thrown instanceof HanaError)) throw thrown;
      if (DEFINITE.has(code) || demand.tries >= MAX_TRIES) return this.#tell(demand, code, null);
      this.#around.at(this.#around.nowUs() + RETRY_US, () => void this.#try(demand));
    }
  }

  #tell(demand: Demand, status: string, answer: AskedAnswer | null): void {
    const { console, target, wish, op, sentAtUs } = demand;
    this.#around.tell({
      kind: "asked",
      atUs: this.#around.nowUs(),
      node: console.name,
      target: target.name,
      program: wish.program,
      verb: wish.verb,
      op,
      run: wish.verb === "restart" ? wish.run : null,
      sentAtUs,
      status,
      answer,
    });
  }
}

/** Who asks, in words that name the demand. */
const byOf = ({ op }: Demand): string => `console ${op}`;

/** Asks over the network. */
async function there(node: Node, demand: Demand): Promise<AskedAnswer> {
  const { wish, op, target } = demand;
  const by = byOf(demand);
  if (target.lastId === null) {
    throw new HanaError("unreachable", { what: target.name, why: "it has not started" });
  }
  const session = await node.connect(target.lastId);
  const options = { timeoutUs: ANSWER_US };
  const name = wish.program;
  switch (wish.verb) {
    case "spawn":
      return await session.request(
        SPAWN_PROGRAM,
        { op, by, name, spec: wish.spec, want: wish.want },
        options,
      );
    case "start":
      return await session.request(START_PROGRAM, { op, by, name }, options);
    case "stop":
      return await session.request(STOP_PROGRAM, { op, by, name, now: wish.now }, options);
    case "restart": {
      const run = wish.run === null ? {} : { run: wish.run };
      return await session.request(RESTART_PROGRAM, { op, by, name, now: wish.now, ...run }, options);
    }
    case "apply":
      throw new HanaError("usage", { what: "a show", why: "is applied by the node itself" });
  }
}

/** Asks the console's own node. */
async function here(node: Node, demand: Demand): Promise<AskedAnswer> {
  const { wish, op } = demand;
  const supervisor = node.programs?.supervisor;
  if (supervisor === undefined) throw new HanaError("usage", { what: node.name, why: "supervises nothing" });
  const by = byOf(demand);
  const name = wish.program;
  switch (wish.verb) {
    case "spawn":
      return await supervisor.spawn({ op, by, name, spec: wish.spec, want: wish.want });
    case "start":
      return await supervisor.start({ op, by, name });
    case "stop":
      return await supervisor.stop({ op, by, name, now: wish.now });
    case "restart": {
      const run = wish.run === null ? {} : { run: wish.run };
      return await supervisor.restart({ op, by, name, now: wish.now, ...run });
    }
    case "apply": {
      const { added, changed, generation, replayed } = await supervisor.applyShow({ op, by, ...wish.call });
      return { generation, changed: added.length + changed.length > 0, replayed, durable: true };
    }
  }
}
