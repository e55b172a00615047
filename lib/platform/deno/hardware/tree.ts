// A directory tree that is read and never written: `/proc` and `/sys`, or a test's copy of them.
// Decides that whatever cannot be read is not there. Everything read is held by the kernel's memory, so that reading is
// synchronous; how much is read of one file is bounded.

/** Files under one root. Paths are relative to it. */
export interface Tree {
  /** The beginning of a file, as text; null when it cannot be read. */
  text(path: string): string | null;
  /** The beginning of a file; null when it cannot be read or is empty. */
  bytes(path: string): Uint8Array | null;
  /** The names in a directory; empty when it cannot be read. */
  list(path: string): string[];
}

/** `/proc/cpuinfo` has about 1.5 kB a processor: enough for 340 of them. */
const MAX_FILE_BYTES = 512 * 1024;
const MAX_ENTRIES = 1024;

/** The tree under `root`, which ends without a slash. */
export function treeAt(root: string): Tree {
  const decoder = new TextDecoder();
  const bytes = (path: string): Uint8Array | null => {
    let file: Deno.FsFile;
    try {
      file = Deno.openSync(`${root}/${path}`, { read: true });
    } catch {
      return null;
    }
    try {
      return readAll(file);
    } catch {
      // Such a file may be there and refuse: a card that has gone, a driver without an answer.
      return null;
    } finally {
      file.close();
    }
  };
  return {
    bytes,
    text(path) {
      const found = bytes(path);
      return found === null ? null : decoder.decode(found);
    },
    list(path) {
      try {
        return Array.from(Deno.readDirSync(`${root}/${path}`), (entry) => entry.name).slice(0, MAX_ENTRIES);
      } catch {
        return [];
      }
    },
  };
}

// Files there have no size that could be asked for: they are read until nothing comes.
function readAll(file: Deno.FsFile): Uint8Array | null {
  let all = new Uint8Array(4096);
  let length = 0;
  while (length < MAX_FILE_BYTES) {
    const read = file.readSync(all.subarray(length));
    if (read === null || read === 0) break;
    length += read;
    if (length === all.length) {
      const larger = new Uint8Array(all.length * 2);
      larger.set(all);
      all = larger;
    }
  }
  return length === 0 ? null : all.subarray(0, length);
}
