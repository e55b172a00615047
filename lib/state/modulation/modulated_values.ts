// The values that a visualization draws: those of the shared state, and what sources of modulation do to them.
// Decides the effective value of each place in each frame. Reads the state and never writes it: whoever owned a value before
// owns it after. A frame that draws allocates nothing, and neither does a frame that comes.

import { Effects, NONE } from "./effects.ts";
import { type ExplainedSource, type ModulationExplanation, type ModulationFate } from "./explanation.ts";
import { ModulationFrameReader, type ModulationProblem } from "./frame.ts";
import type { ModulationLayout, ModulationSlot } from "./layout.ts";
import { MODULATION_LEASE_US, MODULATION_MODES } from "./limits.ts";
import { tellModulation } from "./sentences.ts";
import { type SourceRow, SourceRows } from "./source_rows.ts";

/** What modulation stands on. */
export interface BaseValues {
  /** The value of a place as the shared state has it; NaN where it has none: the default stands then. */
  baseOf(slot: ModulationSlot): number;
  /**
   * The priority of whoever holds the parameter in the shared state; 0 where nobody does. A source below it has no effect:
   * what the safety desk holds with 190 is not modulated with 100.
   */
  floorOf(slot: ModulationSlot): number;
}

/** What was counted. */
export interface ModulationCounters {
  /** Frames that were taken. */
  frames: number;
  /** Frames that came twice, or after a newer one. */
  late: number;
  /** Packets that were no frame. */
  malformed: number;
  /** Frames that count places by another layout. */
  otherLayout: number;
  /** Values that were NaN or infinite; out of range; of no place. */
  notFinite: number;
  outOfRange: number;
  unknownPlace: number;
  /** Sources and effects beyond the bounds. */
  refused: number;
  /** Effects that ended because their source was silent. */
  expired: number;
  /** Effects that ended because their source did not want them any more. */
  released: number;
}

/** The effective values of one visualization. */
export class ModulatedValues {
  readonly counters: ModulationCounters = {
    ...{ frames: 0, late: 0, malformed: 0, otherLayout: 0, notFinite: 0, outOfRange: 0, unknownPlace: 0 },
    ...{ refused: 0, expired: 0, released: 0 },
  };
  readonly #layout: ModulationLayout;
  readonly #base: BaseValues;
  readonly #effects: Effects;
  readonly #rows = new SourceRows();
  readonly #reader = new ModulationFrameReader();
  readonly #effective: Float64Array;
  /** Places with effects, in no order, and where each is in that list; -1 for not. */
  readonly #active: Int32Array;
  readonly #activeAt: Int32Array;
  #activeCount = 0;
  #frame = 0;

  constructor(layout: ModulationLayout, base: BaseValues) {
    this.#layout = layout;
    this.#base = base;
    this.#effects = new Effects(layout.count);
    this.#effective = new Float64Array(layout.count);
    this.#active = new Int32Array(layout.count);
    this.#activeAt = new Int32Array(layout.count).fill(-1);
  }

  /** How many places are modulated. */
  get modulated(): number {
    return this.#activeCount;
  }

  // --- what comes --------------------------------------------------------------------------------------------------

  /**
   * A node is there, or back after its session was lost. Its sources go on where they were: what they did lasts for 2.5 s
   * without them.
   * @param peer its id; `name` is for people.
   */
  notePeer(peer: string, name: string): void {
    this.#rows.notePeer(peer, name);
  }

  /** A frame from a node. Says what is wrong with it; null where it was taken, was late, or counts by another layout. */
  handleFrame(nowUs: number, peer: string, bytes: Uint8Array): ModulationProblem | null {
    const reader = this.#reader;
    const problem = reader.open(bytes);
    if (problem !== null) {
      this.counters.malformed++;
      return problem;
    }
    if (reader.mark !== this.#layout.mark) {
      this.counters.otherLayout++;
      return null;
    }
    const row = this.#rows.obtain(nowUs, peer, reader.source);
    if (row === null) {
      this.counters.refused++;
      return null;
    }
    if (!this.#rows.take(nowUs, row, reader.number)) {
      this.counters.late++;
      return null;
    }
    if (reader.name !== null && reader.name !== row.name) row.name = reader.name;
    this.counters.frames++;
    this.#frame++;
    while (reader.next()) this.#handleEntry(nowUs, row);
    // Every frame has all that the source does: what is not in it is not wanted any more.
    const effects = this.#effects;
    for (let effect = row.head; effect !== NONE; effect = effects.nextOfSource(effect)) {
      if (effects.frames[effect] !== this.#frame && !effects.isGoing(nowUs, effect)) {
        effects.release(nowUs, effect);
        this.counters.released++;
      }
    }
    return null;
  }

  // --- what is drawn -----------------------------------------------------------------------------------------------

  /** Begins a frame: works out what {@linkcode valueOf} says until the next. */
  beginFrame(nowUs: number): void {
    for (let at = this.#activeCount - 1; at >= 0; at--) {
      const slot = this.#active[at] as ModulationSlot;
      this.#combine(nowUs, slot);
      if (this.#effects.headOf(slot) === NONE) this.#deactivate(slot);
    }
  }

  /** The effective value of a place: a number; 0 or 1 for a switch. NaN where there is no such place. */
  valueOf(slot: ModulationSlot): number {
    const at = this.#activeAt[slot];
    return at === undefined ? NaN : at >= 0 ? this.#effective[slot] as number : this.#baseOf(slot);
  }

  /** Writes the effective values of all places into `into`, in their order, as many as it has room for. */
  read(into: Float32Array | Float64Array): void {
    const count = Math.min(into.length, this.#layout.count);
    for (let slot = 0; slot < count; slot++) {
      if ((this.#activeAt[slot] as number) >= 0) into[slot] = this.#effective[slot] as number;
      else into[slot] = this.#baseOf(slot as ModulationSlot);
    }
  }

  /** Whether a source does anything to a place, or could if it were not held down. */
  isModulated(slot: ModulationSlot): boolean {
    return (this.#activeAt[slot] ?? -1) >= 0;
  }

  // --- why ---------------------------------------------------------------------------------------------------------

  /** Why a parameter has its value at `nowUs`, of a vector its part 0, 1 or 2. Null where there is no such place. */
  explain(path: string, nowUs: number, part = 0): ModulationExplanation | null {
    const slot = this.#layout.slotOf(path, part);
    const definition = slot === -1 ? null : this.#layout.definitionOf(slot);
    if (slot === -1 || definition === null) return null;
    const effects = this.#effects;
    const floor = this.#base.floorOf(slot);
    const sources: ExplainedSource[] = [];
    let value = this.#baseOf(slot);
    let covered = -1;
    for (let e = effects.headOf(slot); e !== NONE; e = effects.nextOf(e)) {
      const row = this.#rows.at(effects.sources[e] as number);
      if (row === null || effects.isGone(nowUs, e)) continue;
      const priority = effects.priorities[e] as number;
      const strength = priority < floor ? 0 : effects.strengthOf(nowUs, e);
      const mode = MODULATION_MODES[effects.modes[e] as number] ?? "add";
      value = applied(effects.modes[e] as number, value, effects.values[e] as number, strength);
      if (mode === "replace" && strength === 1) covered = sources.length;
      const fate: ModulationFate = priority < floor
        ? "below-floor"
        : effects.isGoing(nowUs, e)
        ? "fading"
        : strength < 1
        ? "rising"
        : "applies";
      sources.push({
        ...{ name: this.#rows.nameOf(row), node: this.#rows.nodeOf(row), mode, priority, strength, fate },
        value: effects.values[e] as number,
        ageMs: Math.max(0, Math.floor((nowUs - (effects.heardUs[e] as number)) / 1_000)),
        refused: row.refused,
      });
    }
    // Whatever replaces at full strength hides all that replaces below it.
    const told = sources.map((source, at) =>
      at < covered && source.fate !== "below-floor" ? { ...source, fate: "outranked" as const } : source
    );
    const effective = sources.length === 0 ? value : this.#layout.clamp(slot, value);
    const explanation = {
      ...{ path, part, name: this.#layout.nameOf(slot), unit: definition.unit, type: definition.type },
      base: { value: this.#baseOf(slot), floor },
      sources: told,
      effective,
      isLimited:
        Math.abs(effective - value) > (definition.type === "i32" || definition.type === "bool" ? 0.5 : 1e-9),
      range: { min: definition.min, max: definition.max },
    };
    return { ...explanation, text: tellModulation(explanation) };
  }

  // --- inside ------------------------------------------------------------------------------------------------------

  #handleEntry(nowUs: number, row: SourceRow): void {
    const { slot, mode, priority, value } = this.#reader;
    const effects = this.#effects;
    if (slot >= this.#layout.count) {
      this.counters.unknownPlace++;
      row.refused++;
      return;
    }
    let effect = effects.find(slot, row.row);
    if (!this.#isAcceptable(slot, mode, value)) {
      row.refused++;
      // The last good value stands for its lease.
      if (effect !== NONE) effects.frames[effect] = this.#frame;
      return;
    }
    if (effect !== NONE) effects.renew(nowUs, effect, mode, priority, value);
    else {
      effect = effects.begin(nowUs, slot, row.row, mode, priority, value, row.head);
      if (effect === NONE) {
        this.counters.refused++;
        row.refused++;
        return;
      }
      row.head = effect;
      this.#activate(slot);
    }
    effects.frames[effect] = this.#frame;
  }

  #isAcceptable(slot: number, mode: number, value: number): boolean {
    if (!Number.isFinite(value)) {
      this.counters.notFinite++;
      return false;
    }
    if (this.#layout.isInRange(slot, mode, value)) return true;
    this.counters.outOfRange++;
    return false;
  }

  #baseOf(slot: ModulationSlot): number {
    const base = this.#base.baseOf(slot);
    return Number.isNaN(base) ? this.#layout.defaultOf(slot) : base;
  }

  /**
   * Works a place out, in the array where it stands: a number that a function takes or returns, or that a variable holds on
   * several ways, may be an object of its own.
   */
  #combine(nowUs: number, slot: ModulationSlot): void {
    const effects = this.#effects;
    const { modes, values, priorities } = effects;
    const drawn = this.#effective;
    const floor = this.#base.floorOf(slot);
    drawn[slot] = this.#base.baseOf(slot);
    if (Number.isNaN(drawn[slot])) drawn[slot] = this.#layout.defaultOf(slot);
    let effect = effects.headOf(slot);
    while (effect !== NONE) {
      const next = effects.nextOf(effect);
      if (effects.isGone(nowUs, effect)) this.#remove(nowUs, effect);
      else if ((priorities[effect] as number) < floor) effects.hold(nowUs, effect);
      else if (effects.isFull(nowUs, effect)) {
        const mode = modes[effect] as number;
        if (mode === 0) drawn[slot] = values[effect] as number;
        else if (mode === 1) drawn[slot] = (drawn[slot] as number) * (values[effect] as number);
        else drawn[slot] = (drawn[slot] as number) + (values[effect] as number);
      } else {
        const strength = effects.strengthOf(nowUs, effect);
        drawn[slot] = applied(
          modes[effect] as number,
          drawn[slot] as number,
          values[effect] as number,
          strength,
        );
      }
      effect = next;
    }
    // Where nobody does anything any more, what stands is the state's own, exactly.
    if (effects.headOf(slot) !== NONE) this.#layout.clampAt(slot, drawn);
  }

  #remove(nowUs: number, effect: number): void {
    const effects = this.#effects;
    const row = this.#rows.at(effects.sources[effect] as number);
    if (nowUs - (effects.heardUs[effect] as number) > MODULATION_LEASE_US) this.counters.expired++;
    if (row !== null) row.head = effects.withoutOfSource(row.head, effect);
    effects.remove(effect);
  }

  #activate(slot: number): void {
    if ((this.#activeAt[slot] as number) >= 0) return;
    this.#activeAt[slot] = this.#activeCount;
    this.#active[this.#activeCount++] = slot;
    // Until the next frame begins, what was drawn stands.
    this.#effective[slot] = this.#baseOf(slot as ModulationSlot);
  }

  #deactivate(slot: number): void {
    const at = this.#activeAt[slot] as number;
    const last = this.#active[--this.#activeCount] as number;
    this.#active[at] = last;
    this.#activeAt[last] = at;
    this.#activeAt[slot] = -1;
  }
}

/** What becomes of a value under one effect of some strength: modes by their numbers on the wire. */
function applied(mode: number, value: number, by: number, strength: number): number {
  if (mode === 0) return strength === 1 ? by : value + (by - value) * strength;
  if (mode === 1) return value * (1 + (by - 1) * strength);
  return value + by * strength;
}
