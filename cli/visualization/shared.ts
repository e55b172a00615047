// The declared parameters of the reference visualization: what everybody in the mesh says that they are.
// Decides when changes are looked for where nothing is drawn: with every batch. Never decides whose value wins.

import { HanaError } from "../../lib/base/mod.ts";
import { type Node, parametersPrefix } from "../../lib/node/mod.ts";
import { defineParameters, type ParameterSpec, VisualizationState } from "../../lib/state/client/mod.ts";
import { formatValue, isRefusal, type ParameterDefinition, type StateValue } from "../../lib/state/mod.ts";
import type { Parameter } from "./parameters.ts";

type Specs = Readonly<Record<string, ParameterSpec>>;

/** Parameters that the mesh shares. */
export class SharedParameters {
  readonly #state: VisualizationState<Specs>;
  readonly #definitions: ReadonlyMap<string, ParameterDefinition>;
  readonly #prefix: string;
  readonly #nowUs: () => number;
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
    this.#stop = draws ? () => {} : port.onBatch(() => {
      this.frame(port.nowUs());
      for (const name of this.#definitions.keys()) {
        if (this.#state.hasChanged(name)) onChange(this.#parameterOf(name));
      }
    });
  }

  /** Begins a frame. */
  frame(nowUs: number): void {
    this.#state.begin(nowUs);
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

  #parameterOf(name: string): Parameter {
    const value = this.#state.values[name] as StateValue;
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
