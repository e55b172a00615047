// What bench_child.c wrote down. Decides nothing.

/** Its notes. */
export interface ChildNotes {
  /** The wall clock at its start, for each of its starts, in microseconds. */
  readonly startsUs: readonly number[];
  readonly beats: readonly { readonly lateUs: number; readonly writeUs: number; readonly atUs: number }[];
  /** The wall clock of the last beat before it hung; null before that. */
  readonly silentUs: number | null;
  readonly flood: { readonly bytes: number; readonly us: number } | null;
}

/** Reads them; empty before there are any. */
export function readNotes(path: string): ChildNotes {
  let text = "";
  try {
    text = Deno.readTextFileSync(path);
  } catch (thrown) {
    if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
  }
  const startsUs: number[] = [];
  const beats: { lateUs: number; writeUs: number; atUs: number }[] = [];
  let silentUs: number | null = null;
  let flood: ChildNotes["flood"] = null;
  for (const line of text.split("\n")) {
    const [what, a, b, c] = line.split(" ");
    if (what === "start") startsUs.push(Number(a));
    else if (what === "beat") beats.push({ lateUs: Number(a), writeUs: Number(b), atUs: Number(c) });
    else if (what === "silent") silentUs ??= Number(a);
    else if (what === "flood") flood = { bytes: Number(a), us: Number(b) };
  }
  return { startsUs, beats, silentUs, flood };
}
