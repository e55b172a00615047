// What every system is given to do: one document and the same edits of it, value by value.
// Decides names, types, values and which of them change together; never how a system keeps or tells them.

/** Objects of the document. */
export const OBJECTS = 100;
/** What an object has. The first five are floats of four bytes. */
export const FIELDS = ["x", "y", "z", "r", "op", "on", "name"] as const;
/** The fields that are floats. */
export const FLOATS = 5;
/** Pictures a second. */
export const HZ = 30;
/** The pause between two of them, in whole microseconds: a little more than a thirtieth of a second. */
export const FRAME_US = 33_334;

/** A float of an object; `value` has four bytes. */
export interface Edit {
  readonly object: number;
  /** Its place in {@linkcode FIELDS}, below {@linkcode FLOATS}. */
  readonly field: number;
  value: number;
}

/** Edits that belong together: one patch. */
export interface Load {
  readonly name: string;
  readonly edits: readonly Edit[];
}

/** The edits of a patch, by name. */
export const LOADS: readonly Load[] = [
  { name: "1 fader", edits: [edit(16, 4)] },
  // The opacity of sixteen objects next to one another, as the faders of a desk are.
  { name: "16 faders", edits: Array.from({ length: 16 }, (_, at) => edit(20 + at, 4)) },
  { name: "300 floats", edits: Array.from({ length: 300 }, (_, at) => edit(Math.floor(at / 3), at % 3)) },
];

/** The load of a name. */
export function loadOf(name: string): Load {
  const found = LOADS.find((load) => load.name === name);
  if (found === undefined) throw new Error(`there is no load ${name}`);
  return found;
}

/** Gives the edits of a load the values of one frame: between 0 and 1, another one in each frame. */
export function moveOn({ edits }: Load, frame: number): void {
  for (let at = 0; at < edits.length; at++) {
    const one = edits[at];
    if (one !== undefined) one.value = Math.fround(0.5 + 0.5 * Math.sin(frame * 0.11 + at * 0.37));
  }
}

/** What a field of an object has in the beginning. */
export function firstValue(object: number, field: number): number | boolean | string {
  if (field < FLOATS) return Math.fround(Math.sin(object * 7 + field));
  return field === FLOATS ? object % 2 === 0 : `thing ${object}`;
}

function edit(object: number, field: number): Edit {
  return { object, field, value: 0 };
}
