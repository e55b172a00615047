// Pick-up of physical faders: no effect until the fader meets the value that stands.
// Decides whether it met it, from its last two positions alone. Never stores positions (claims do).

import type { ParameterDefinition } from "../model/mod.ts";

/** How near counts as met, of the range: a step of a 7-bit fader. */
const NEAR = 1 / 127;

/**
 * Whether a fader has met the value `target`: it is near, was near, or passed it with its last movement.
 * @param from the position before; null where none is known.
 * @param to the position now.
 */
export function hasMet(
  definition: ParameterDefinition,
  from: number | null,
  to: number,
  target: number,
): boolean {
  const { min, max, type } = definition;
  const range = type === "unit" ? 1 : min !== null && max !== null ? max - min : 0;
  if (Math.abs(to - target) <= range * NEAR) return true;
  if (from === null) return false;
  return Math.abs(from - target) <= range * NEAR || (from < target) !== (to < target);
}
