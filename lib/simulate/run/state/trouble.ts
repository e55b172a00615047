// Faults drawn from the seed, one after the other: who, what, how long.
// Decides the draws; each fault is an action like those of a timeline, and is told and undone as they are.

import type { RandomStream } from "../../../platform/mod.ts";
import type { Action, TimedAction } from "../../scenario.ts";
import type { StateAction, TroubleKind } from "../../state_plan.ts";

/** What trouble needs. */
export interface TroubleOptions {
  /** Of the action that it is. */
  readonly id: string;
  readonly action: Extract<StateAction, { verb: "trouble" }>;
  /** Whom it may hit. */
  readonly chosen: readonly string[];
  readonly apps: readonly { readonly node: string; readonly app: string }[];
  readonly endUs: number;
  readonly random: RandomStream;
  /** Who hosts now. */
  hosts(): readonly string[];
  nowUs(): number;
  at(atUs: number, run: () => void): void;
  begin(timed: TimedAction): void;
}

/** No fault is shorter than this. */
const SHORTEST_US = 200_000;

/** Trouble. */
export class Trouble {
  readonly #options: TroubleOptions;
  #count = 0;
  #isOver = false;

  constructor(options: TroubleOptions) {
    this.#options = options;
  }

  /** Begins to draw. */
  begin(): void {
    this.#later();
  }

  /** Draws no more. */
  end(): void {
    this.#isOver = true;
  }

  #later(): void {
    const { random, action, at, nowUs } = this.#options;
    // Pauses from next to nothing to twice the mean.
    at(nowUs() + 1 + Math.floor(2 * random.float() * action.everyUs), () => {
      if (this.#isOver) return;
      this.#strike();
      this.#later();
    });
  }

  #strike(): void {
    const { random, action, endUs, id, begin, nowUs } = this.#options;
    const leftUs = endUs - nowUs();
    const forUs = Math.floor(SHORTEST_US + random.float() * Math.max(0, action.longestUs - SHORTEST_US));
    const kind = action.kinds[Math.floor(random.float() * action.kinds.length)];
    if (kind === undefined || leftUs < 2 * SHORTEST_US) return;
    const drawn = this.#actionOf(kind);
    if (drawn === null) return;
    const isInstant = drawn.verb === "damage" || drawn.verb === "cut-app";
    begin({
      id: `${id}.${this.#count++}`,
      atUs: nowUs(),
      ...(isInstant ? {} : { forUs: Math.min(forUs, leftUs - SHORTEST_US) }),
      action: drawn,
    });
  }

  #actionOf(kind: TroubleKind): Action | null {
    const { chosen, random } = this.#options;
    const node = this.#pick(chosen);
    if (node === null) return null;
    switch (kind) {
      case "crash-host":
        return { verb: "crash", nodes: this.#host() ?? node };
      case "freeze-host":
        return { verb: "freeze", nodes: this.#host() ?? node };
      case "crash":
      case "isolate":
      case "restart":
        return { verb: kind, nodes: node };
      case "partition": {
        const group = chosen.filter(() => random.float() < 0.5);
        return group.length === 0 || group.length === chosen.length
          ? { verb: "isolate", nodes: node }
          : { verb: "partition", groups: [group.join(",")] };
      }
      case "loss":
        return {
          verb: "link",
          from: "@all",
          to: "@all",
          link: {
            delay: { kind: "exponential", minUs: 500, meanUs: 2_000 + Math.floor(random.float() * 20_000) },
            loss: random.float() * 0.2,
            duplicate: random.float() * 0.1,
            reorder: { share: random.float() * 0.2, extraUs: 5_000 },
          },
        };
    }
    const app = this.#pick(this.#options.apps.filter((each) => chosen.includes(each.node)));
    if (app === null) return null;
    const whose = { nodes: app.node, app: app.app };
    switch (kind) {
      case "cut-app":
        return { verb: "cut-app", ...whose };
      case "kill-app":
        return { verb: "kill-app", ...whose, token: random.float() < 0.7 ? "kept" : "lost" };
      case "damage":
        return { verb: "damage", ...whose, entries: 1 + Math.floor(random.float() * 3) };
      case "spoil":
        return {
          verb: "spoil",
          ...whose,
          loss: random.float() * 0.2,
          duplicate: random.float() * 0.2,
          reorder: random.float() * 0.2,
        };
    }
  }

  /** One of those that host, as far as it may be hit. */
  #host(): string | null {
    const { hosts, chosen } = this.#options;
    return this.#pick(hosts().filter((name) => chosen.includes(name)));
  }

  #pick<T>(from: readonly T[]): T | null {
    return from[Math.floor(this.#options.random.float() * from.length)] ?? null;
  }
}
