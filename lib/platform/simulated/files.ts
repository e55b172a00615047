// The disk of a simulated host, and a process's view of it.
// Decides that what `write` returned for survives even a loss of power (that is its contract: it is synced), that what was
// only appended survives a crash of its process but not the machine's, that locks end with their process, and that the
// file of a Unix socket stays when its owner is killed. Knows no owners; modes are kept, not enforced.

import { HanaError } from "../../base/mod.ts";
import type { FileLock, Files, FileStat } from "../mod.ts";
import type { Held, ProcessLife } from "./process_life.ts";

interface Entry {
  readonly kind: "file" | "directory" | "socket";
  readonly mode: number;
  bytes: Uint8Array;
  /** How much of it is on the disk for good. What was made or removed is so at once. */
  synced: number;
  /** Who listens behind a socket; null once nobody does. */
  listener: object | null;
}

const NOTHING = new Uint8Array(0);
const DIRECTORY_MODE = 0o755;
const LOCK_FILE_MODE = 0o600;

function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash <= 0 ? "/" : path.slice(0, slash);
}

function normalise(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  return "/" + parts.join("/");
}

/** What the disk may be asked to refuse. */
export type DiskOperation = "read" | "write" | "remove" | "make" | "list" | "lock";

/** Files of one host; they outlive its processes. */
export class SimulatedDisk {
  readonly #entries = new Map<string, Entry>();
  readonly #locks = new Map<string, object>();
  /** Set to make operations fail: returns the reason, or null to let them pass. A full disk, a read-only one. */
  refuse: ((operation: DiskOperation, path: string) => string | null) | null = null;
  /** The numeric owner of everything. */
  readonly userId: number;

  constructor(userId: number) {
    this.userId = userId;
    this.makeDirectory("/tmp", 0o777);
  }

  /** The content; null when there is no file. */
  read(path: string): Uint8Array | null {
    this.#check("read", path);
    const entry = this.#entries.get(normalise(path));
    if (entry === undefined) return null;
    if (entry.kind !== "file") throw this.#error("read", path, `is a ${entry.kind}`);
    return entry.bytes.slice();
  }

  /** Puts a file there. */
  write(path: string, bytes: Uint8Array, mode: number): void {
    this.#check("write", path);
    const at = normalise(path);
    if (this.#entries.get(at)?.kind === "directory") throw this.#error("write", path, "is a directory");
    this.#needParent("write", at);
    this.#entries.set(at, { kind: "file", mode, bytes: bytes.slice(), synced: bytes.length, listener: null });
  }

  /** Adds to a file, made when missing; it is safe from a loss of power only after {@linkcode sync}. */
  append(path: string, bytes: Uint8Array, mode: number): void {
    this.#check("write", path);
    const at = normalise(path);
    let entry = this.#entries.get(at);
    if (entry === undefined) {
      this.#needParent("write", at);
      this.#entries.set(at, entry = { kind: "file", mode, bytes: NOTHING, synced: 0, listener: null });
    }
    if (entry.kind !== "file") throw this.#error("write", path, `is a ${entry.kind}`);
    const longer = new Uint8Array(entry.bytes.length + bytes.length);
    longer.set(entry.bytes);
    longer.set(bytes, entry.bytes.length);
    entry.bytes = longer;
  }

  /** Brings a file to the disk for good; nothing where there is none. */
  sync(path: string): void {
    const entry = this.#entries.get(normalise(path));
    if (entry !== undefined) entry.synced = entry.bytes.length;
  }

  /** The machine lost power: what was not synced is gone. */
  losePower(): void {
    for (const entry of this.#entries.values()) {
      if (entry.synced < entry.bytes.length) entry.bytes = entry.bytes.slice(0, entry.synced);
    }
  }

  /** Takes a file or an empty directory away. */
  remove(path: string): boolean {
    this.#check("remove", path);
    const at = normalise(path);
    const entry = this.#entries.get(at);
    if (entry === undefined) return false;
    if (entry.kind === "directory" && this.list(path).length > 0) {
      throw this.#error("remove", path, "is not empty");
    }
    return this.#entries.delete(at);
  }

  /** Makes a directory and its parents. */
  makeDirectory(path: string, mode: number): void {
    this.#check("make", path);
    const at = normalise(path);
    if (at === "/") return;
    const entry = this.#entries.get(at);
    if (entry !== undefined) {
      if (entry.kind !== "directory") throw this.#error("make directory", path, `is a ${entry.kind}`);
      return;
    }
    this.makeDirectory(parentOf(at), mode);
    this.#entries.set(at, { kind: "directory", mode, bytes: NOTHING, synced: 0, listener: null });
  }

  /** What is known of a path. */
  stat(path: string): FileStat | null {
    const at = normalise(path);
    if (at === "/") return { kind: "directory", size: 0, mode: DIRECTORY_MODE, userId: this.userId };
    const entry = this.#entries.get(at);
    if (entry === undefined) return null;
    return { kind: entry.kind, size: entry.bytes.length, mode: entry.mode, userId: this.userId };
  }

  /** Names in a directory. */
  list(path: string): string[] {
    this.#check("list", path);
    const at = normalise(path);
    const kind = at === "/" ? "directory" : this.#entries.get(at)?.kind;
    if (kind === undefined) return [];
    if (kind !== "directory") throw this.#error("list", path, `is a ${kind}`);
    const names: string[] = [];
    for (const other of this.#entries.keys()) {
      if (parentOf(other) === at) names.push(other.slice(other.lastIndexOf("/") + 1));
    }
    return names.sort();
  }

  /** Takes a lock for `owner`; false when somebody else has it. */
  lock(path: string, owner: object): boolean {
    this.#check("lock", path);
    const at = normalise(path);
    if (this.#locks.has(at)) return false;
    if (!this.#entries.has(at)) this.write(path, NOTHING, LOCK_FILE_MODE);
    this.#locks.set(at, owner);
    return true;
  }

  /** Gives a lock up. */
  unlock(path: string, owner: object): void {
    const at = normalise(path);
    if (this.#locks.get(at) === owner) this.#locks.delete(at);
  }

  /** Makes the file of a Unix socket. False when something is there. Throws `not-found` without its directory. */
  bindSocket(path: string, listener: object, mode: number): boolean {
    const at = normalise(path);
    if (this.#entries.has(at)) return false;
    const reason = this.refuse?.("make", path) ?? null;
    if (reason !== null) {
      throw new HanaError("refused", { what: `cannot listen on unix://${path}`, why: reason });
    }
    if (this.stat(parentOf(at))?.kind !== "directory") {
      throw new HanaError("not-found", {
        what: `cannot listen on unix://${path}`,
        why: "its directory is missing",
      });
    }
    this.#entries.set(at, { kind: "socket", mode, bytes: NOTHING, synced: 0, listener });
    return true;
  }

  /** Who listens behind a path: undefined when nothing is there, null when nobody does. */
  listenerAt(path: string): object | null | undefined {
    return this.#entries.get(normalise(path))?.listener;
  }

  /** Nobody listens behind the socket any more; the file stays unless `remove`. */
  unbindSocket(path: string, listener: object, remove: boolean): void {
    const at = normalise(path);
    const entry = this.#entries.get(at);
    if (entry === undefined || entry.listener !== listener) return;
    entry.listener = null;
    if (remove) this.#entries.delete(at);
  }

  #check(operation: DiskOperation, path: string): void {
    const reason = this.refuse?.(operation, path) ?? null;
    if (reason !== null) throw this.#error(operation, path, reason);
  }

  #needParent(doing: string, at: string): void {
    const parent = this.stat(parentOf(at));
    if (parent === null) throw this.#error(doing, at, "its directory is missing");
    if (parent.kind !== "directory") throw this.#error(doing, at, "its parent is no directory");
  }

  #error(doing: string, path: string, why: string): HanaError {
    return new HanaError("storage", { what: `cannot ${doing} ${path}`, why });
  }
}

class SimulatedLock implements FileLock, Held {
  readonly #disk: SimulatedDisk;
  readonly #path: string;
  readonly #life: ProcessLife;

  constructor(disk: SimulatedDisk, path: string, life: ProcessLife) {
    this.#disk = disk;
    this.#path = path;
    this.#life = life;
  }

  release(): void {
    this.#life.drop(this);
    this.#disk.unlock(this.#path, this);
  }

  onProcessEnded(): void {
    this.#disk.unlock(this.#path, this);
  }
}

/** The disk as one process sees it. A process that has ended changes nothing any more. */
export class SimulatedFiles implements Files {
  readonly #disk: SimulatedDisk;
  readonly #life: ProcessLife;

  constructor(disk: SimulatedDisk, life: ProcessLife) {
    this.#disk = disk;
    this.#life = life;
  }

  read(path: string): Uint8Array | null {
    return this.#disk.read(path);
  }

  write(path: string, bytes: Uint8Array, mode: number): void {
    if (this.#life.alive) this.#disk.write(path, bytes, mode);
  }

  remove(path: string): boolean {
    return this.#life.alive && this.#disk.remove(path);
  }

  makeDirectory(path: string, mode: number): void {
    if (this.#life.alive) this.#disk.makeDirectory(path, mode);
  }

  stat(path: string): FileStat | null {
    return this.#disk.stat(path);
  }

  list(path: string): string[] {
    return this.#disk.list(path);
  }

  lock(path: string): FileLock | null {
    const lock = new SimulatedLock(this.#disk, path, this.#life);
    if (!this.#life.alive || !this.#disk.lock(path, lock)) return null;
    this.#life.hold(lock);
    return lock;
  }
}
