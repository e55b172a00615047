// Units that people write behind numbers, and how one becomes another of its kind: 500 ms is 0.5 s, half a turn is 180°.
// Decides the spellings (of micro there are two: the sign and the Greek letter); a unit that is not listed is only ever itself.

/** Units of one kind by their spellings, each with how many of the first one make it up. */
const FAMILIES: readonly ReadonlyMap<string, number>[] = [
  new Map([["s", 1], ["ms", 1e-3], ["us", 1e-6], ["µs", 1e-6], ["\u03bcs", 1e-6], ["min", 60], ["h", 3_600]]),
  new Map([["Hz", 1], ["mHz", 1e-3], ["kHz", 1e3], ["MHz", 1e6], ["bpm", 1 / 60]]),
  new Map([["°", 1], ["deg", 1], ["rad", 180 / Math.PI], ["turn", 360]]),
  new Map([["m", 1], ["mm", 1e-3], ["cm", 1e-2], ["km", 1e3]]),
];

/** How many `to` make up one `from`; null where they are not of one kind. */
export function unitFactor(from: string, to: string): number | null {
  if (from === to) return 1;
  for (const family of FAMILIES) {
    const [upper, lower] = [family.get(from), family.get(to)];
    if (upper !== undefined && lower !== undefined) return upper / lower;
  }
  return null;
}

/** The units that may stand behind a number whose own is `unit`. */
export function unitsLike(unit: string): readonly string[] {
  const family = FAMILIES.find((each) => each.has(unit));
  return family === undefined ? [unit] : [...family.keys()];
}
