// Reads /proc, synchronously and with as little as can be: a scan opens hundreds of files.
// Decides how files and directories of /proc are read; never what they mean. Through the system calls themselves where
// they can be reached (a third of the runtime's price for a directory, half for a file), else through the runtime.

import type { LinuxSyscalls } from "../syscalls.ts";

const PATH_BYTES = 128;
/** As much of a file as is looked at in one piece. */
const CHUNK_BYTES = 64 * 1024;
/** A piece of this length may not have been the last one; no page is smaller than eight times as much. */
const LONG_BYTES = 512;
/** `linux_dirent64`: where the length of an entry stands, and its name. */
const ENTRY_LENGTH = 16;
const ENTRY_NAME = 19;

const ZERO = "0".charCodeAt(0);
const EMPTY: Uint8Array = new Uint8Array(0);

/** Reads files of /proc. What it hands over is valid until the next call. */
export class ProcReader {
  readonly #open: () => LinuxSyscalls | null;
  readonly #path = new Uint8Array(PATH_BYTES);
  readonly #chunk = new Uint8Array(CHUNK_BYTES);
  readonly #encoder = new TextEncoder();

  /** `open` gives the system calls, null where they cannot be reached; asked for when something is read. */
  constructor(open: () => LinuxSyscalls | null) {
    this.#open = open;
  }

  /** A file's first 64 KiB; null when it cannot be read, which mostly means that its process has ended. */
  read(path: string): Uint8Array | null {
    const calls = this.#open();
    if (calls === null) return this.#readByRuntime(path);
    const file = calls.openFile(this.#pathOf(path));
    if (file < 0) return null;
    let length = calls.read(file, this.#chunk);
    // The kernel hands over what is longer than a page in several pieces; most files are far shorter.
    for (let more = length; more >= LONG_BYTES && length < CHUNK_BYTES; length += more) {
      more = Math.max(calls.read(file, this.#chunk.subarray(length)), 0);
    }
    calls.close(file);
    return length < 0 ? null : this.#chunk.subarray(0, length);
  }

  /** Whether a list of texts that end with a zero byte holds `entry`, looking at no more than `maxBytes`. */
  holds(path: string, entry: Uint8Array, maxBytes: number): boolean {
    const calls = this.#open();
    if (calls === null) {
      const bytes = this.#readByRuntime(path);
      return bytes !== null && holdsEntry(bytes.subarray(0, maxBytes), entry, true);
    }
    const file = calls.openFile(this.#pathOf(path));
    if (file < 0) return false;
    const found = this.#search(calls, file, entry, maxBytes);
    calls.close(file);
    return found;
  }

  /** Names in a directory that are numbers, as those of processes and threads are; null when it cannot be read. */
  numbers(path: string): number[] | null {
    const calls = this.#open();
    if (calls === null) return this.#numbersByRuntime(path);
    const directory = calls.openDirectory(this.#pathOf(path));
    if (directory < 0) return null;
    const found: number[] = [];
    let length = calls.readDirectory(directory, this.#chunk);
    while (length > 0) {
      numbersOf(this.#chunk, length, found);
      length = calls.readDirectory(directory, this.#chunk);
    }
    calls.close(directory);
    return length < 0 ? null : found;
  }

  // What a chunk cuts off at its end is kept at the start of the next one.
  #search(calls: LinuxSyscalls, file: number, entry: Uint8Array, maxBytes: number): boolean {
    let [kept, total, atStart] = [0, 0, true];
    while (total < maxBytes) {
      const length = calls.read(file, this.#chunk.subarray(kept));
      if (length <= 0) return false;
      const filled = kept + length;
      if (holdsEntry(this.#chunk.subarray(0, filled), entry, atStart)) return true;
      total += length;
      kept = Math.min(filled, entry.length + 1);
      this.#chunk.copyWithin(0, filled - kept, filled);
      atStart &&= kept === filled;
    }
    return false;
  }

  #pathOf(path: string): Uint8Array<ArrayBuffer> {
    const { written } = this.#encoder.encodeInto(path, this.#path);
    this.#path[written] = 0;
    return this.#path;
  }

  #readByRuntime(path: string): Uint8Array | null {
    try {
      return Deno.readFileSync(path);
    } catch {
      return null;
    }
  }

  #numbersByRuntime(path: string): number[] | null {
    try {
      const found: number[] = [];
      for (const { name } of Deno.readDirSync(path)) {
        if (/^[0-9]+$/.test(name)) found.push(Number(name));
      }
      return found;
    } catch {
      return null;
    }
  }
}

/** The numbers among the entries of a directory. */
function numbersOf(entries: Uint8Array, length: number, found: number[]): void {
  for (let at = 0; at < length;) {
    let value = 0;
    let name = at + ENTRY_NAME;
    for (let digit = entries[name]; digit !== undefined && digit !== 0; digit = entries[++name]) {
      value = digit >= ZERO && digit <= ZERO + 9 ? value * 10 + (digit - ZERO) : NaN;
    }
    if (!Number.isNaN(value)) found.push(value);
    const step = (entries[at + ENTRY_LENGTH] ?? 0) | ((entries[at + ENTRY_LENGTH + 1] ?? 0) << 8);
    if (step === 0) return;
    at += step;
  }
}

/** Whether `entry`, which ends with a zero byte, stands in `bytes` right after another one's end. */
function holdsEntry(bytes: Uint8Array, entry: Uint8Array, atStart: boolean): boolean {
  const first = entry[0] ?? 0;
  for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (at + entry.length > bytes.length) return false;
    if (at === 0 ? !atStart : bytes[at - 1] !== 0) continue;
    let same = 1;
    while (same < entry.length && bytes[at + same] === entry[same]) same++;
    if (same === entry.length) return true;
  }
  return false;
}

/** The numbers in a text that spaces part. */
export function numbersIn(text: Uint8Array | null): number[] {
  const found: number[] = [];
  let value = -1;
  for (const byte of text ?? EMPTY) {
    if (byte >= ZERO && byte <= ZERO + 9) value = Math.max(value, 0) * 10 + (byte - ZERO);
    else if (value >= 0) {
      found.push(value);
      value = -1;
    }
  }
  if (value >= 0) found.push(value);
  return found;
}
