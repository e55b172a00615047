// What a node brings into the shared state by itself: its parameters and its displays.
// Decides how they are named in its record, so that a host asks when they are others. Never defines anything itself.

import { HanaError } from "../../base/mod.ts";
import { hash32 } from "../../discovery/mod.ts";
import { type Display, displayDefinition, type ParameterDefinition } from "../../state/mod.ts";
import { HOSTS_STATE_CAPABILITY, PARAMETERS_CAPABILITY, type StateSettings } from "./surroundings.ts";

/** Parameters of one node. */
const MAX_PARAMETERS = 1_024;

/** The declarations of one node. */
export class Declarations {
  readonly #isHost: boolean;
  #parameters: readonly ParameterDefinition[];
  #displays: ReadonlyMap<string, Display> = new Map();

  constructor(settings: StateSettings) {
    this.#isHost = settings.host === true;
    this.#parameters = settings.parameters ?? [];
    this.#check();
  }

  /** Paths below the node's name. */
  get parameters(): readonly ParameterDefinition[] {
    return this.#parameters;
  }

  /** Its displays as paths of the state. */
  get displayDefinitions(): ParameterDefinition[] {
    return Array.from(this.#displays, ([id, display]) => displayDefinition(id, display));
  }

  /** Its displays as a host is told of them. */
  get displays(): { id: string; display: Display }[] {
    return Array.from(this.#displays, ([id, display]) => ({ id, display }));
  }

  /** Names all of it; the same declarations have the same hash. Null where there is nothing. */
  get hash(): string | null {
    const all = [...this.#parameters, ...this.displayDefinitions];
    if (all.length === 0) return null;
    return hash32(all.map((each) => JSON.stringify(each)).join("\n")).toString(16).padStart(8, "0");
  }

  /** What the node's record says of it. */
  get capabilities(): Readonly<Record<string, unknown>> {
    const { hash } = this;
    return {
      ...(this.#isHost ? { [HOSTS_STATE_CAPABILITY]: true } : {}),
      ...(hash === null ? {} : { [PARAMETERS_CAPABILITY]: hash }),
    };
  }

  /** Other parameters from now on. Throws `overloaded`. */
  setParameters(parameters: readonly ParameterDefinition[]): void {
    this.#parameters = parameters;
    this.#check();
  }

  /** Other displays from now on, by their ids. Throws `schema` for one that cannot stand in the state. */
  setDisplays(displays: ReadonlyMap<string, Display>): void {
    this.#displays = displays;
    void this.displayDefinitions;
  }

  #check(): void {
    if (this.#parameters.length <= MAX_PARAMETERS) return;
    throw new HanaError("overloaded", {
      what: `${this.#parameters.length} parameters`,
      why: `a node declares ${MAX_PARAMETERS} at most`,
    });
  }
}
