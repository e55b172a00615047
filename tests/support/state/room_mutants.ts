// Bugs planted by hand into one room of lib/state, one at a time: whether the checks of that room notice each of them.
// A bug whose place is not found exactly once counts as unnoticed: it tests nothing.

import { assert } from "@std/assert";
import fc from "fast-check";

/** A bug: in `file` stands `to` instead of `from`. */
export interface Mutant {
  readonly what: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** A bug in a file of the room, which is named without its ending. */
export function mutant(what: string, file: string, from: string, to: string): Mutant {
  return { what, file: `${file}.ts`, from, to };
}

const LIB = new URL("../../../lib/", import.meta.url);

/** The room with one bug; null where the place of the bug is not found once. All other rooms stay the ones that they are. */
async function plant<Room>(house: URL, { file, from, to }: Mutant, copy: string): Promise<Room | null> {
  for await (const { name } of Deno.readDir(house)) {
    let source = await Deno.readTextFile(new URL(name, house));
    if (name === file) {
      if (source.split(from).length !== 2) return null;
      source = source.replace(from, () => to);
    }
    source = source.replaceAll('from "../../', `from "${LIB.href}`)
      .replaceAll('from "../', `from "${new URL("state/", LIB).href}`);
    await Deno.writeTextFile(`${copy}/${name}`, source);
  }
  return await import(`file://${copy}/mod.ts`);
}

/**
 * The bugs that nobody notices.
 * @param room a folder of lib/state
 * @param sound a line of one of its files: the room with that in its own place must pass
 * @param check throws where something is wrong with the room
 */
export async function unnoticedIn<Room>(
  room: string,
  mutants: readonly Mutant[],
  sound: Pick<Mutant, "file" | "from">,
  check: (room: Room) => void,
): Promise<string[]> {
  const house = new URL(`state/${room}/`, LIB);
  const isNoticed = (planted: Room): boolean => {
    try {
      check(planted);
      return false;
    } catch {
      return true;
    }
  };
  const withCopy = async <T>(use: (copy: string) => Promise<T>): Promise<T> => {
    const copy = await Deno.makeTempDir({ prefix: `hana-${room}-` });
    try {
      return await use(copy);
    } finally {
      await Deno.remove(copy, { recursive: true });
    }
  };
  // Whether a bug is noticed is all that is asked, each time by the same cases: nobody reads its smallest example.
  fc.configureGlobal({ endOnFailure: true, seed: 5 });
  const unnoticed: string[] = [];
  for (const each of mutants) {
    await withCopy(async (copy) => {
      const planted = await plant<Room>(house, each, copy);
      if (planted === null) unnoticed.push(`${each.what} (no such place in ${each.file})`);
      else if (!isNoticed(planted)) unnoticed.push(each.what);
    });
  }
  await withCopy(async (copy) => {
    const { file, from } = sound;
    const planted = await plant<Room>(house, mutant("nothing", file, from, from), copy);
    assert(planted !== null && !isNoticed(planted), "a copy without a bug is sound");
  });
  fc.resetConfigureGlobal();
  return unnoticed;
}
