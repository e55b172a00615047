// The declared parameters of the reference visualization: what everybody in the mesh says that they are.
// Decides when changes are looked for where nothing is drawn: with every batch. Never decides whose value wins.

import { HanaError } from "../../lib/base/mod.ts";
import { type Node, parametersPrefix } from "../../lib/node/mod.ts";
import {
  defineParameters,
  formatValue,
  isRefusal,
  type ModulatedValues,
  type ModulationLayout,
  type ModulationSlot,
  NO_PATH,
  type ParameterDefinition,
  type ParameterSpec,
  type StateValue,
  VisualizationState,
} from "../../lib/state/mod.ts";
import type { Parameter } from "./parameters.ts";

type Specs = Readonly<Record<string, ParameterSpec>>;

/** Parameters that the mesh shares. */
export class SharedParameters {
  readonly #state: VisualizationState<Specs>;
  readonly #definitions: ReadonlyMap<string, ParameterDefinition>;
  readonly #prefix: string;
  readonly #nowUs: () => number;
  /** The same values with what sources elsewhere do to them. */
  readonly #modulated: ModulatedValues;
  readonly #places: ReadonlyMap<string, ModulationSlot>;
  readonly #onChange: (parameter: Parameter) => void;
  readonly #stop: () => void;

  /** @param onChange told of each value that changed, where `draws` is false; else frames are begun by {@linkcode frame}. */
  constructor(
    node: Node,
    definitions: readonly ParameterDefinition[],
    draws: boolean,
    onChange: (parameter: Parameter) => void,
  ) {
    const port = node.state.client({ name: node.name });
    this.#prefix = parametersPrefix(node.name);
    this.#definitions = new Map(definitions.map((each) => [each.path, each]));
    this.#nowUs = () => port.nowUs();
    const specs: Record<string, ParameterSpec> = {};
    for (const { path, min, max, unit, description, ...rest } of definitions) {
      specs[path] = {
        ...rest,
        ...(min === null ? {} : { min }),
        ...(max === null ? {} : { max }),
        ...(unit === null ? {} : { unit }),
        ...(description === null ? {} : { description }),
      };
    }
    this.#state = new VisualizationState(port, defineParameters(specs), { prefix: this.#prefix });
    const places = new Map<string, ModulationSlot>();
    const idOf = (path: string) => port.replica.book?.idOf(`${this.#prefix}/${path}`) ?? NO_PATH;
    this.#modulated = node.state.modulation.attach(definitions, (layout) => {
      for (const { path } of definitions) {
        const slot = layout.slotOf(path);
        if (slot !== -1) places.set(path, slot);
      }
      return {
        baseOf: (slot) => this.#baseOf(layout, slot),
        floorOf: (slot) => port.replica.priorityOf(idOf(layout.definitionOf(slot)?.path ?? "")),
      };
    });
    this.#places = places;
    this.#onChange = draws ? () => {} : onChange;
    this.#stop = draws ? () => {} : port.onBatch(() => this.frame(port.nowUs()));
    // How long it has been without a host counts from now.
    this.frame(port.nowUs());
  }

  /** Begins a frame, and tells what changed with it. */
  frame(nowUs: number): void {
    this.#state.begin(nowUs);
    this.#modulated.beginFrame(nowUs);
    if (this.#state.changedCount === 0) return;
    for (const name of this.#definitions.keys()) {
      if (this.#state.hasChanged(name)) this.#onChange(this.#parameterOf(name));
    }
  }

  has(name: string): boolean {
    return this.#definitions.has(name);
  }

  /** All of them, as they are in this frame. */
  get all(): Parameter[] {
    return [...this.#definitions.keys()].map((name) => this.#parameterOf(name));
  }

  /** Writes one here, while no host can be asked. Throws `refused` where one can, `schema` for a value that it does not take. */
  setLocal(name: string, value: unknown): Parameter {
    // Where nothing is drawn the last frame may be long ago: whether there is a host is to be known now.
    this.frame(this.#nowUs());
    const answer = this.#state.setLocal(name, value as never);
    if (isRefusal(answer)) {
      throw new HanaError("schema", { what: `value of ${name}`, why: answer.why });
    }
    if (answer === "has-host") {
      const path = `${this.#prefix}/${name}`;
      throw new HanaError("refused", {
        what: `${name} is shared: ${path} has a host`,
        why: "what is written here alone would be overwritten",
        hint: `hana state set ${path}=VALUE`,
      });
    }
    this.frame(this.#nowUs());
    return this.#parameterOf(name);
  }

  close(): void {
    this.#stop();
    this.#state.close();
  }

  #baseOf(layout: ModulationLayout, slot: ModulationSlot): number {
    const value = this.#state.values[layout.definitionOf(slot)?.path ?? ""] as StateValue;
    return Number(Array.isArray(value) ? value[layout.partOf(slot)] : value);
  }

  /** What is drawn: shared state, and what modulates it. */
  #drawn(name: string): StateValue {
    const value = this.#state.values[name] as StateValue;
    const slot = this.#places.get(name);
    if (slot === undefined || !this.#modulated.isModulated(slot)) return value;
    if (typeof value === "boolean") return this.#modulated.valueOf(slot) !== 0;
    return typeof value === "number" ? this.#modulated.valueOf(slot) : value;
  }

  #parameterOf(name: string): Parameter {
    const value = this.#drawn(name);
    const definition = this.#definitions.get(name);
    const local = this.#state.isLocalValue(name) ? { local: true } : {};
    if (typeof value === "boolean") return { name, kind: "switch", value, ...local };
    if (definition === undefined) return { name, kind: "text", value: String(value), ...local };
    const text = formatValue(definition, value);
    if (typeof value !== "number") {
      const isColour = /^#([0-9a-f]{6}|[0-9a-f]{8})$/i.test(text);
      return { name, kind: isColour ? "colour" : "text", value: text, text, ...local };
    }
    const { type, min, max } = definition;
    const [low, high] = type === "unit" ? [min ?? 0, max ?? 1] : [min, max];
    const share = low === null || high === null || high <= low ? null : (value - low) / (high - low);
    return { name, kind: "number", value, text, ...(share === null ? {} : { share }), ...local };
  }
}
