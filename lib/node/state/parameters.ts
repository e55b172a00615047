// The parameters that visualizations declare, as paths of the shared state.
// Decides when the host asks a visualization for them: when its capability names a set that is not known yet.
// Never takes them away: a visualization that is gone finds its values when it is back.

import { HanaError, type NodeId } from "../../base/mod.ts";
import { isRefusal, type ParameterDefinition, readDefinitions, STATE_PARAMETERS } from "../../state/mod.ts";
import { hash32 } from "../../discovery/mod.ts";
import { isThere } from "./election.ts";
import type { Hosting } from "./hosting.ts";
import { PARAMETERS_CAPABILITY, type StateNode } from "./surroundings.ts";

const ASK_US = 3_000_000;

/** Names a set of definitions; another set has another name. */
export function parametersHash(parameters: readonly ParameterDefinition[]): string {
  return hash32(parameters.map((each) => JSON.stringify(each)).join("\n")).toString(16).padStart(8, "0");
}

/** The path below which a node's parameters stand. */
export function parametersPrefix(nodeName: string): string {
  return nodeName.toLowerCase().replaceAll(/[^a-z0-9._-]/g, "-").replace(/^[^a-z0-9]+/, "") || "node";
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
  /** Which set of which node the present host has, or is being asked for. */
  readonly #known = new Map<NodeId, string>();
  #epoch = 0;

  constructor(node: StateNode, hosting: Hosting) {
    this.#node = node;
    this.#hosting = hosting;
  }

  /** Nodes have come or changed, or this node hosts from now on. */
  refresh(): void {
    const { id, settings } = this.#node;
    const term = this.#hosting.service?.host.epoch.term ?? 0;
    if (term !== this.#epoch) {
      this.#known.clear();
      this.#epoch = term;
    }
    const { parameters = [] } = settings;
    if (parameters.length > 0) this.#want(id, parametersHash(parameters), () => Promise.resolve(parameters));
    for (const entry of this.#node.discovery()?.registry.snapshot() ?? []) {
      const { record } = entry;
      const hash = record.capabilities[PARAMETERS_CAPABILITY];
      if (typeof hash !== "string" || !isThere(entry)) continue;
      this.#want(record.id, hash, () => this.#ask(record));
    }
  }

  #want(id: NodeId, hash: string, read: () => Promise<readonly ParameterDefinition[]>): void {
    if (this.#known.get(id) === hash || !this.#hosting.isTurn) return;
    this.#known.set(id, hash);
    this.#bring(id, read).catch((thrown) => {
      if (!(thrown instanceof HanaError)) throw thrown;
      this.counters.failed++;
      // Another event of the mesh is another attempt.
      if (this.#known.get(id) === hash) this.#known.delete(id);
    });
  }

  async #bring(id: NodeId, read: () => Promise<readonly ParameterDefinition[]>): Promise<void> {
    const service = await this.#hosting.ensure();
    const definitions = await read();
    if (service.isOver) throw new HanaError("closed", { what: "this node hosts no more" });
    const { id: self } = this.#node;
    const name = id === self
      ? this.#node.name()
      : this.#node.discovery()?.registry.get(id)?.record.name ?? null;
    if (name === null) throw new HanaError("not-found", { what: `node ${id.slice(0, 8)}` });
    const prefix = parametersPrefix(name);
    for (const definition of definitions) {
      const path = `${prefix}/${definition.path}`;
      const result = service.host.define(service.nowUs(), { ...definition, path });
      if (isRefusal(result)) this.counters.refused++;
      else this.counters.defined++;
    }
    service.pumpSoon();
  }

  async #ask(record: Parameters<StateNode["open"]>[0]): Promise<readonly ParameterDefinition[]> {
    this.counters.asked++;
    const session = await this.#node.open(record, { timeoutUs: ASK_US });
    try {
      const { parameters } = await session.request(STATE_PARAMETERS, {}, { timeoutUs: ASK_US });
      return readDefinitions(parameters);
    } finally {
      void session.close("shared state");
    }
  }
}
