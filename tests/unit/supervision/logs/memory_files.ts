// A disk in memory that can be told to be full, to be gone, or to end its process after any byte of an append.

import { HanaError } from "../../../../lib/base/mod.ts";
import type { AppendedFile, FileLock, Files, FileStat } from "../../../../lib/platform/mod.ts";

interface Entry {
  bytes: Uint8Array;
  length: number;
}

/** Files of one machine. */
export class MemoryFiles implements Files {
  readonly entries = new Map<string, Entry>();
  readonly directories = new Set<string>(["/"]);
  /** What every write is refused with; null where none is. */
  refusal: string | null = null;
  /** Bytes that may yet be appended before the process ends within the append; null without end. */
  lifeBytes: number | null = null;
  free: number | null = null;
  /** How often something was appended, synced, and written whole. */
  appends = 0;
  syncs = 0;
  writes = 0;

  /** A new process on the same disk. */
  revive(): void {
    this.lifeBytes = null;
  }

  text(path: string): string {
    return new TextDecoder().decode(this.read(path) ?? new Uint8Array(0));
  }

  put(path: string, content: string | Uint8Array): void {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    this.makeDirectory(path.slice(0, path.lastIndexOf("/")), 0o700);
    this.entries.set(path, { bytes: bytes.slice(), length: bytes.length });
  }

  /** Removes a directory and everything in it. */
  removeTree(path: string): void {
    for (const name of [...this.entries.keys()]) if (name.startsWith(`${path}/`)) this.entries.delete(name);
    this.directories.delete(path);
  }

  read(path: string): Uint8Array | null {
    const entry = this.entries.get(path);
    return entry === undefined ? null : entry.bytes.slice(0, entry.length);
  }

  write(path: string, bytes: Uint8Array, _mode: number): void {
    this.#check("write", path);
    this.#needDirectory(path);
    // Atomic: a process that ends meanwhile has changed nothing.
    if (this.lifeBytes !== null && this.lifeBytes < bytes.length) {
      this.lifeBytes = 0;
      throw this.#error("write", path, "the process ended");
    }
    if (this.lifeBytes !== null) this.lifeBytes -= bytes.length;
    this.writes++;
    this.entries.set(path, { bytes: bytes.slice(), length: bytes.length });
  }

  remove(path: string): boolean {
    this.#check("remove", path);
    return this.entries.delete(path);
  }

  makeDirectory(path: string, _mode: number): void {
    if (this.directories.has(path)) return;
    this.#check("make", path);
    for (let at = path; at !== ""; at = at.slice(0, at.lastIndexOf("/"))) this.directories.add(at);
  }

  stat(path: string): FileStat | null {
    const entry = this.entries.get(path);
    if (entry !== undefined) return { kind: "file", size: entry.length, mode: 0o600, userId: 0 };
    return this.directories.has(path) ? { kind: "directory", size: 0, mode: 0o700, userId: 0 } : null;
  }

  list(path: string): string[] {
    return [...this.entries.keys(), ...this.directories]
      .filter((name) => name.startsWith(`${path}/`) && !name.slice(path.length + 1).includes("/"))
      .map((name) => name.slice(path.length + 1)).sort();
  }

  lock(_path: string): FileLock | null {
    return { release() {} };
  }

  openAppend(path: string, _mode: number): AppendedFile {
    this.#check("open", path);
    this.#needDirectory(path);
    let entry = this.entries.get(path);
    if (entry === undefined) this.entries.set(path, entry = { bytes: new Uint8Array(64), length: 0 });
    const file = entry;
    return {
      get size() {
        return file.length;
      },
      // As a system does: what was removed meanwhile takes bytes that nobody will ever find.
      append: (bytes) => {
        this.#check("append to", path);
        const dies = this.lifeBytes !== null && this.lifeBytes < bytes.length;
        const taken = dies ? bytes.subarray(0, this.lifeBytes ?? 0) : bytes;
        if (this.lifeBytes !== null) this.lifeBytes -= taken.length;
        this.#grow(file, taken);
        this.appends++;
        if (dies) throw this.#error("append to", path, "the process ended");
      },
      sync: () => {
        this.#check("sync", path);
        this.syncs++;
      },
      close() {},
    };
  }

  readAt(path: string, offset: number, length: number): Uint8Array | null {
    const entry = this.entries.get(path);
    return entry === undefined ? null : entry.bytes.slice(offset, Math.min(entry.length, offset + length));
  }

  rename(from: string, to: string): boolean {
    this.#check("rename", to);
    const entry = this.entries.get(from);
    if (entry === undefined) return false;
    this.entries.delete(from);
    this.entries.set(to, entry);
    return true;
  }

  isExecutable(): boolean {
    return false;
  }

  freeBytes(): number | null {
    return this.free;
  }

  #grow(entry: Entry, more: Uint8Array): void {
    if (entry.length + more.length > entry.bytes.length) {
      const bigger = new Uint8Array(2 * (entry.length + more.length));
      bigger.set(entry.bytes.subarray(0, entry.length));
      entry.bytes = bigger;
    }
    entry.bytes.set(more, entry.length);
    entry.length += more.length;
  }

  #check(doing: string, path: string): void {
    if (this.refusal !== null) throw this.#error(doing, path, this.refusal);
    if (this.lifeBytes === 0) throw this.#error(doing, path, "the process ended");
  }

  #needDirectory(path: string): void {
    if (this.directories.has(path.slice(0, path.lastIndexOf("/")))) return;
    throw this.#error("open", path, "its directory is missing");
  }

  #error(doing: string, path: string, why: string): HanaError {
    return new HanaError("storage", { what: `cannot ${doing} ${path}`, why });
  }
}
