// The parameters of a visualization as it draws: their effective values frame by frame.
// Decides that drawing never stops: before the first host its defaults stand, without one what was last, and after a second
// without one it may write itself. A frame allocates nothing. Never decides what is effective (replica/).

import type { PathId, StateValue } from "../model/mod.ts";
import type { ShownValues } from "../replica/mod.ts";
import { checkValue, equalValues, isRefusal, Refusal, type SchemaBook } from "../schema/mod.ts";
import type { ParameterDefinition } from "../model/mod.ts";
import type { StatePort } from "../service/mod.ts";
import type { NumberName, ParameterSet, ParameterSpecs, ParameterValues } from "./parameters.ts";

/** After so long without a host local writes are taken, in microseconds (research 2.12). */
export const LOCAL_US = 1_000_000;
/** A host that begins knows the parameters of a visualization that is there within this, in microseconds. */
const DECLARED_US = 10_000_000;

/** Reads one parameter: kept by a place in typed arrays, so that a frame makes no objects. */
interface Slot {
  readonly name: string;
  readonly path: string;
  readonly definition: ParameterDefinition;
  /** Numbers and booleans lie in {@linkcode VisualizationState.numbers}. */
  readonly isNumber: boolean;
  /** Vectors are the same array each frame. */
  readonly parts: number[] | null;
  id: PathId;
  object: StateValue;
  isLocal: boolean;
  /** Written here since the frame began; undefined for nothing. */
  written: StateValue | undefined;
}

/** What a visualization is made with. */
export interface VisualizationOptions {
  /** In front of all names: that of its node. */
  readonly prefix: string;
}

/** The parameters of one visualization. */
export class VisualizationState<S extends ParameterSpecs> {
  readonly #port: StatePort;
  readonly #slots: Slot[] = [];
  readonly #places = new Map<string, number>();
  readonly #stop: () => void;
  /** Numbers, and booleans as 0 and 1, by the place that {@linkcode placeOf} says; read only. */
  readonly numbers: Float64Array;
  /** 1 for each that changed with this frame, by place; read only. */
  readonly changes: Uint8Array;
  /**
   * The values of this frame by name. The object is the same each time. A vector is the same array each time, with other
   * numbers in it.
   */
  readonly values: ParameterValues<S>;
  #shown: ShownValues | null = null;
  #book: SchemaBook | null = null;
  #revision = -1;
  #hostUs = -Infinity;
  /** Since when there is a host; Infinity without one. */
  #hostSinceUs = Infinity;
  #startedUs: number | null = null;
  #isSilent = false;
  #local = 0;
  #changed = 0;
  #frames = 0;
  #refused = 0;

  /** Values begin as the defaults of the set. Throws `schema` where a path becomes too long. */
  constructor(port: StatePort, set: ParameterSet<S>, { prefix }: VisualizationOptions) {
    this.#port = port;
    const definitions = set.below(prefix);
    this.numbers = new Float64Array(definitions.length);
    this.changes = new Uint8Array(definitions.length);
    const values = {};
    definitions.forEach((definition, place) => {
      const name = set.names[place] ?? definition.path;
      const start = definition.default;
      const isNumber = typeof start === "number" || typeof start === "boolean";
      const isVector = definition.type === "vec3" || definition.type === "quat";
      const slot: Slot = {
        name,
        path: definition.path,
        definition,
        isNumber,
        parts: isVector && Array.isArray(start) ? [...start as readonly number[]] : null,
        id: 0 as PathId,
        object: isNumber ? null : start,
        isLocal: false,
        written: undefined,
      };
      this.#slots.push(slot);
      this.#places.set(name, place);
      if (isNumber) this.numbers[place] = Number(start);
      Object.defineProperty(values, name, { enumerable: true, get: this.#getterOf(slot, place) });
    });
    this.values = values as ParameterValues<S>;
    this.#stop = port.onEvent((event) => {
      if (event.kind === "silent") this.#isSilent = event.isSilent;
      else if (event.kind === "joined") this.#isSilent = false;
    });
  }

  /** Frames so far. */
  get frames(): number {
    return this.#frames;
  }

  /** How many parameters changed with this frame. */
  get changedCount(): number {
    return this.#changed;
  }

  /** Whether local writes are taken: no host was heard for a second. */
  get isLocal(): boolean {
    return this.#isAlone(this.#port.nowUs());
  }

  /** Local writes that were refused. */
  get refused(): number {
    return this.#refused;
  }

  /** Begins a frame at `nowUs`, in microseconds of the platform's monotonic clock: everything that is read until the next is of it. */
  begin(nowUs: number): void {
    this.#frames++;
    this.#startedUs ??= nowUs;
    const { replica } = this.#port;
    const hasHost = replica.state === "joined" && !this.#isSilent;
    if (hasHost) this.#hostUs = nowUs;
    else this.#hostSinceUs = Infinity;
    if (hasHost && this.#hostSinceUs === Infinity) this.#hostSinceUs = nowUs;
    const { book, values } = replica;
    const isOther = values !== this.#shown || book !== this.#book || book?.revision !== this.#revision;
    if (isOther && book !== null) this.#resolve(book, values);
    if (this.#local > 0 && hasHost && replica.isSynced) this.#endLocal(nowUs);
    this.#changed = 0;
    if (values !== null) values.beginFrame(nowUs);
    for (let place = 0; place < this.#slots.length; place++) {
      const slot = this.#slots[place];
      if (slot === undefined) continue;
      const { written } = slot;
      let hasChanged = false;
      if (written !== undefined) {
        slot.written = undefined;
        hasChanged = this.#put(slot, place, written);
      } else if (values !== null && !slot.isLocal && slot.id !== 0) {
        hasChanged = this.#read(values, slot, place);
      }
      this.changes[place] = hasChanged ? 1 : 0;
      if (hasChanged) this.#changed++;
    }
  }

  /** The place of a parameter in {@linkcode numbers} and {@linkcode changes}; -1 for none. */
  placeOf(name: keyof S & string): number {
    return this.#places.get(name) ?? -1;
  }

  /** The value of a parameter that is a number. */
  number(name: NumberName<S> & string): number {
    return this.numbers[this.#places.get(name) ?? -1] ?? NaN;
  }

  /** Whether the value changed with this frame. */
  hasChanged(name: keyof S & string): boolean {
    return this.changes[this.#places.get(name) ?? -1] === 1;
  }

  /** Whether the value was written here, without a host. */
  isLocalValue(name: keyof S & string): boolean {
    return this.#slots[this.#places.get(name) ?? -1]?.isLocal === true;
  }

  /**
   * Writes a value here, without a host: by a control of this machine, while none can be asked. It shows from the next frame
   * on. When a host is back the value goes to it as a new claim of this visualization, so that nothing jumps on the wall
   * (research 2.12). `has-host`: there is one, or was within a second; write through it.
   */
  setLocal<K extends keyof S & string>(
    name: K,
    value: ParameterValues<S>[K],
  ): "taken" | "has-host" | Refusal {
    const place = this.#places.get(name) ?? -1;
    const slot = this.#slots[place];
    if (slot === undefined) return new Refusal("unknown-path", () => `there is no parameter ${name}`);
    if (!this.#isAlone(this.#port.nowUs())) {
      this.#refused++;
      return "has-host";
    }
    const checked = checkValue(slot.definition, value);
    if (isRefusal(checked)) {
      this.#refused++;
      return checked;
    }
    if (!slot.isLocal) {
      slot.isLocal = true;
      this.#local++;
    }
    slot.written = checked;
    return "taken";
  }

  /** Stops listening to the port. */
  close(): void {
    this.#stop();
  }

  #isAlone(nowUs: number): boolean {
    const sinceUs = Math.max(this.#hostUs, this.#startedUs ?? nowUs);
    return nowUs - sinceUs >= LOCAL_US;
  }

  #resolve(book: SchemaBook, values: ShownValues | null): void {
    this.#shown = values;
    this.#book = book;
    this.#revision = book.revision;
    for (const slot of this.#slots) {
      const id = book.idOf(slot.path);
      const theirs = book.definitionOf(id);
      // Somebody else's parameter of another type under this name is not this one.
      slot.id = theirs !== null && theirs.type === slot.definition.type ? id : 0 as PathId;
    }
  }

  /** The host is back with everything: what this machine showed meanwhile becomes its claim there. */
  #endLocal(nowUs: number): void {
    const { replica } = this.#port;
    const isLate = nowUs - this.#hostSinceUs >= DECLARED_US;
    let hasWritten = false;
    for (const slot of this.#slots) {
      // A host that has just begun asks for the parameters first: what is shown stays until it knows them.
      if (!slot.isLocal || (slot.id === 0 && !isLate)) continue;
      slot.isLocal = false;
      this.#local--;
      hasWritten = true;
      const value = slot.written ?? this.#valueOf(slot);
      slot.written = undefined;
      const answer = slot.id === 0 ? "full" : replica.set(nowUs, slot.id, value);
      // It gives way where the host does not know the path, or does not let this machine write.
      if (answer !== "taken") this.#refused++;
    }
    if (hasWritten) this.#port.pump();
  }

  #valueOf({ name, definition, isNumber, object, parts }: Slot): StateValue {
    const number = this.numbers[this.#places.get(name) ?? -1] ?? 0;
    if (isNumber) return definition.type === "bool" ? number === 1 : number;
    return parts === null ? object : parts.slice();
  }

  /** Takes over what is effective. @returns whether that is another value. */
  #read(values: ShownValues, slot: Slot, place: number): boolean {
    // What has no value yet keeps what stood here.
    if (slot.isNumber) return values.copyNumber(slot.id, this.numbers, place);
    const value = values.valueOf(slot.id);
    return value === null && slot.definition.type !== "json" ? false : this.#put(slot, place, value);
  }

  #put(slot: Slot, place: number, value: StateValue): boolean {
    if (slot.isNumber) {
      const number = Number(value);
      if (number === this.numbers[place]) return false;
      this.numbers[place] = number;
      return true;
    }
    const { parts } = slot;
    if (parts !== null) return Array.isArray(value) && copyParts(value as readonly number[], parts);
    if (slot.object === value) return false;
    if (slot.object !== null && value !== null && equalValues(slot.definition.type, slot.object, value)) {
      // Equal, but another object: kept, so that the next frame need not compare again.
      slot.object = value;
      return false;
    }
    slot.object = value;
    return true;
  }

  #getterOf(slot: Slot, place: number): () => StateValue {
    const { numbers } = this;
    if (slot.definition.type === "bool") return () => numbers[place] === 1;
    if (slot.isNumber) return () => numbers[place] ?? NaN;
    if (slot.parts !== null) return () => slot.parts;
    return () => slot.object;
  }
}

function copyParts(from: readonly number[], to: number[]): boolean {
  let isOther = false;
  for (let at = 0; at < to.length; at++) {
    const part = from[at] ?? 0;
    if (to[at] === part) continue;
    to[at] = part;
    isOther = true;
  }
  return isOther;
}
