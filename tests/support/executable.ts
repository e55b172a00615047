// Reads what `deno compile` put into an ELF executable: the runtime, and behind it the program's files.
// Decides nothing. Never runs the executable, so that those of other machines can be inspected as well.

import { elfEnd, type Target, targetOfExecutable } from "../../scripts/build/targets.ts";

/** An executable, taken apart. */
export interface Executable {
  /** The machine it is for, by its head. */
  readonly target: Target | null;
  /** Bytes of the runtime: the ELF file itself. */
  readonly runtimeBytes: number;
  /** Bytes that were appended to it. */
  readonly appendedBytes: number;
  /** The files of the program: name to text. */
  readonly files: ReadonlyMap<string, string>;
}

/** An entry in the list of files: Deno writes it as JSON with a length of 8 bytes before it. */
interface Entry {
  readonly File?: { readonly n: string; readonly o: readonly [at: number, length: number] };
  readonly Dir?: { readonly n: string; readonly e: readonly Entry[] };
}

/** Takes an ELF executable apart. Throws when no list of files is found. */
export async function openExecutable(path: string): Promise<Executable> {
  const bytes = await Deno.readFile(path);
  const runtimeBytes = elfEnd(bytes.subarray(0, 4096));
  const appended = bytes.subarray(runtimeBytes);
  const files = new Map<string, string>();
  const { entries, contentAt } = findList(appended);
  const read = (list: readonly Entry[], folder: string) => {
    for (const { File, Dir } of list) {
      if (Dir !== undefined) read(Dir.e, `${folder}${Dir.n}/`);
      if (File === undefined) continue;
      const at = contentAt + File.o[0];
      files.set(folder + File.n, new TextDecoder().decode(appended.subarray(at, at + File.o[1])));
    }
  };
  read(entries, "");
  return {
    target: targetOfExecutable(bytes.subarray(0, 4096)),
    runtimeBytes,
    appendedBytes: appended.length,
    files,
  };
}

/** The list of files, and where the contents begin: behind it and the 8 bytes of their length. */
function findList(appended: Uint8Array): { entries: readonly Entry[]; contentAt: number } {
  const view = new DataView(appended.buffer, appended.byteOffset, appended.byteLength);
  const mark = new TextEncoder().encode("[{");
  for (let at = appended.indexOf(mark[0] ?? 0); at >= 0; at = appended.indexOf(mark[0] ?? 0, at + 1)) {
    if (at < 8 || appended[at + 1] !== mark[1]) continue;
    const length = Number(view.getBigUint64(at - 8, true));
    if (length > appended.length - at) continue;
    try {
      const entries = JSON.parse(
        new TextDecoder().decode(appended.subarray(at, at + length)),
      ) as readonly Entry[];
      return { entries, contentAt: at + length + 8 };
    } catch {
      continue; // brackets that begin something else
    }
  }
  throw new Error("the executable holds no list of files");
}

/** Where each bundled module came from (`lib/base/errors.ts`, `npm/commander/15.1.0/index.js`), as the bundler notes. */
export function modulesIn(code: string): string[] {
  const notes = code.matchAll(/^\/\/ ((?:[@\w.-]+\/)+[\w.-]+\.(?:[cm]?[jt]s|json))$/gm);
  return Array.from(notes, (note) => note[1] ?? "");
}
