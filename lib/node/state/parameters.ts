// The parameters that visualizations declare, as paths of the shared state.
// Decides when the host asks a visualization for them: when its capability names a set that is not known yet.
// Never takes them away: a visualization that is gone finds its values when it is back.

import { HanaError, type NodeId } from "../../base/mod.ts";
import {
  displayDefinition,
  isRefusal,
  type ParameterDefinition,
  readDefinitions,
  readDisplay,
  STATE_PARAMETERS,
} from "../../state/mod.ts";
import type { Declarations } from "./declarations.ts";
import { isThere } from "./election.ts";
import type { Hosting } from "./hosting.ts";
import { PARAMETERS_CAPABILITY, type StateNode } from "./surroundings.ts";

const ASK_US = 3_000_000;

/** The path below which a node's parameters stand. */
export function parametersPrefix(nodeName: string): string {
  return nodeName.toLowerCase().replaceAll(/[^a-z0-9._-]/g, "-").replace(/^[^a-z0-9]+/, "") || "node";
}

/** What a node declares. */
interface Declared {
  readonly parameters: readonly ParameterDefinition[];
  readonly displayDefinitions: readonly ParameterDefinition[];
}

/** Counters of one desk. */
export interface ParameterCounters {
  asked: number;
  /** Paths that came into the state. */
  defined: number;
  /** Declarations that could not be asked for or read, and definitions that the host refused. */
  failed: number;
  refused: number;
}

/** Brings declared parameters into the state of the host that this node is. */
export class ParameterDesk {
  readonly counters: ParameterCounters = { asked: 0, defined: 0, failed: 0, refused: 0 };
  readonly #node: StateNode;
  readonly #hosting: Hosting;
  readonly #own: Declarations;
  /** Which set of which node the present host has, or is being asked for. */
  readonly #known = new Map<NodeId, string>();
  /** Of the last reign of this node; 0 before the first. */
  #term = 0;

  constructor(node: StateNode, hosting: Hosting, own: Declarations) {
    this.#node = node;
    this.#own = own;
    this.#hosting = hosting;
  }

  /** Nodes have come or changed, or this node hosts from now on. */
  refresh(): void {
    const { id } = this.#node;
    const term = this.#hosting.service?.host.epoch.term ?? this.#term;
    // Those that were asked for before the first reign began are on their way into it.
    if (term !== this.#term && this.#term !== 0) this.#known.clear();
    this.#term = term;
    const { hash } = this.#own;
    if (hash !== null) this.#want(id, hash, () => Promise.resolve(this.#own));
    for (const entry of this.#node.discovery()?.registry.snapshot() ?? []) {
      const { record } = entry;
      const told = record.capabilities[PARAMETERS_CAPABILITY];
      if (typeof told !== "string" || !isThere(entry)) continue;
      this.#want(record.id, told, () => this.#ask(record));
    }
  }

  #want(id: NodeId, hash: string, read: () => Promise<Declared>): void {
    if (this.#known.get(id) === hash || !this.#hosting.isTurn) return;
    this.#known.set(id, hash);
    this.#bring(id, read).catch((thrown) => {
      if (!(thrown instanceof HanaError)) throw thrown;
      this.counters.failed++;
      // Another event of the mesh is another attempt.
      if (this.#known.get(id) === hash) this.#known.delete(id);
    });
  }

  async #bring(id: NodeId, read: () => Promise<Declared>): Promise<void> {
    const service = await this.#hosting.ensure();
    const { parameters, displayDefinitions } = await read();
    if (service.isOver) throw new HanaError("closed", { what: "this node hosts no more" });
    const { id: self } = this.#node;
    const name = id === self
      ? this.#node.name()
      : this.#node.discovery()?.registry.get(id)?.record.name ?? null;
    if (name === null) throw new HanaError("not-found", { what: `node ${id.slice(0, 8)}` });
    const prefix = parametersPrefix(name);
    const all = [
      ...parameters.map((each) => ({ ...each, path: `${prefix}/${each.path}` })),
      ...displayDefinitions,
    ];
    for (const definition of all) {
      const result = service.host.define(service.nowUs(), definition);
      if (isRefusal(result)) this.counters.refused++;
      else this.counters.defined++;
    }
    service.pumpSoon();
  }

  async #ask(record: Parameters<StateNode["open"]>[0]): Promise<Declared> {
    this.counters.asked++;
    const session = await this.#node.open(record, { timeoutUs: ASK_US });
    try {
      const { parameters, displays } = await session.request(STATE_PARAMETERS, {}, { timeoutUs: ASK_US });
      return {
        parameters: readDefinitions(parameters),
        displayDefinitions: displays.map(({ id, display }) =>
          displayDefinition(id, readDisplay(id, display))
        ),
      };
    } finally {
      void session.close("shared state");
    }
  }
}
