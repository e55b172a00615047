// The disk of a simulated host.
// Decides that what `write` returned for survives even a loss of power (that is its contract: it is synced), that what was
// only appended survives a crash of its process but not the machine's, that a full disk refuses, and that the file of a
// Unix socket stays when its owner is killed. Knows no owners; modes are kept, not enforced.

import { HanaError } from "../../base/mod.ts";
import type { FileStat, RandomStream } from "../mod.ts";

interface Entry {
  readonly kind: "file" | "directory" | "socket";
  readonly mode: number;
  bytes: Uint8Array;
  /** How much of it is on the disk for good. What was made or removed is so at once. */
  synced: number;
  /** A loss of power may leave any first part of what was not synced; else it takes all of that. */
  tears?: boolean;
  /** Who listens behind a socket; null once nobody does. */
  listener: object | null;
  /** It was removed or replaced; who has it open still writes to it. */
  isGone?: boolean;
}

/** A file that is open for growing; it stays the same file when its name changes. */
export interface DiskFile {
  readonly size: number;
  append(bytes: Uint8Array): void;
  sync(): void;
}

const NOTHING = new Uint8Array(0);
const MIN_GROWN_BYTES = 256;
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

/** `bytes` and then `more`, in place where the buffer behind `bytes` has room: files that grow are not copied each time. */
function grown(bytes: Uint8Array, more: Uint8Array): Uint8Array {
  const length = bytes.length + more.length;
  const isRoomy = bytes.byteOffset === 0 && bytes.buffer.byteLength >= length;
  const buffer = isRoomy ? bytes.buffer : new ArrayBuffer(Math.max(MIN_GROWN_BYTES, 2 * length));
  const both = new Uint8Array(buffer, 0, length);
  if (!isRoomy) both.set(bytes);
  both.set(more, bytes.length);
  return both;
}

/** What the disk may be asked to refuse. */
export type DiskOperation = "read" | "write" | "remove" | "make" | "list" | "lock";

/** Files of one host; they outlive its processes. */
export class SimulatedDisk {
  readonly #entries = new Map<string, Entry>();
  readonly #locks = new Map<string, object>();
  /** Set to make operations fail: returns the reason, or null to let them pass. A full disk, a read-only one. */
  refuse: ((operation: DiskOperation, path: string) => string | null) | null = null;
  /** Bytes that fit on it: what would go beyond is refused. No limit unless set; may be set while the world runs. */
  limitBytes: number | null = null;
  /** The numeric owner of everything. */
  readonly userId: number;
  readonly #random: RandomStream | null;
  #usedBytes = 0;

  /** `random` decides where a loss of power tears what was being written; without it everything unsynced goes. */
  constructor(userId: number, random: RandomStream | null = null) {
    this.userId = userId;
    this.#random = random;
    this.makeDirectory("/tmp", 0o777);
  }

  /** Bytes in its files. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Bytes that fit on it yet; null without a limit. */
  get freeBytes(): number | null {
    return this.limitBytes === null ? null : Math.max(0, this.limitBytes - this.#usedBytes);
  }

  /** The content; null when there is no file. */
  read(path: string): Uint8Array | null {
    this.#check("read", path);
    const entry = this.#entries.get(normalise(path));
    if (entry === undefined) return null;
    if (entry.kind !== "file") throw this.#error("read", path, `is a ${entry.kind}`);
    return entry.bytes.slice();
  }

  /** Up to `length` bytes from `offset` on; null when there is no file. */
  readAt(path: string, offset: number, length: number): Uint8Array | null {
    this.#check("read", path);
    const entry = this.#entries.get(normalise(path));
    if (entry === undefined) return null;
    if (entry.kind !== "file") throw this.#error("read", path, `is a ${entry.kind}`);
    return entry.bytes.slice(offset, offset + length);
  }

  /** Puts a file there. */
  write(path: string, bytes: Uint8Array, mode: number): void {
    this.#check("write", path);
    const at = normalise(path);
    if (this.#entries.get(at)?.kind === "directory") throw this.#error("write", path, "is a directory");
    this.#needParent("write", at);
    // The old one goes only when the new one is complete, so both need their room.
    this.#needRoom("write", path, bytes.length);
    this.#forget(at);
    this.#usedBytes += bytes.length;
    this.#entries.set(at, { kind: "file", mode, bytes: bytes.slice(), synced: bytes.length, listener: null });
  }

  /**
   * Adds to a file, made when missing; it is safe from a loss of power only after {@linkcode sync}. One that `tears` may
   * keep a first part of what was not synced.
   */
  append(path: string, bytes: Uint8Array, mode: number, tears = false): void {
    this.open(path, mode, tears).append(bytes);
  }

  /** Opens a file for growing, made when missing. */
  open(path: string, mode: number, tears: boolean): DiskFile {
    this.#check("write", path);
    const at = normalise(path);
    let entry = this.#entries.get(at);
    if (entry === undefined) {
      this.#needParent("append to", at);
      this.#entries.set(at, entry = { kind: "file", mode, bytes: NOTHING, synced: 0, listener: null });
    }
    if (entry.kind !== "file") throw this.#error("append to", path, `is a ${entry.kind}`);
    const file = entry;
    file.tears = tears;
    return {
      get size(): number {
        return file.bytes.length;
      },
      append: (bytes) => {
        this.#check("write", path);
        this.#needRoom("append to", path, bytes.length);
        file.bytes = grown(file.bytes, bytes);
        if (file.isGone !== true) this.#usedBytes += bytes.length;
      },
      sync: () => {
        this.#check("write", path);
        file.synced = file.bytes.length;
      },
    };
  }

  /** Brings a file to the disk for good; nothing where there is none. */
  sync(path: string): void {
    const entry = this.#entries.get(normalise(path));
    if (entry !== undefined) entry.synced = entry.bytes.length;
  }

  /** The machine lost power: what was not synced is gone. */
  losePower(): void {
    for (const entry of this.#entries.values()) {
      const unsynced = entry.bytes.length - entry.synced;
      if (unsynced <= 0) continue;
      const kept = entry.tears === true ? Math.floor((this.#random?.float() ?? 0) * (unsynced + 1)) : 0;
      this.#usedBytes -= unsynced - kept;
      entry.synced += kept;
      entry.bytes = entry.bytes.slice(0, entry.synced);
    }
  }

  /** Turns one bit over in the middle of a file, as a dying disk does. Throws `not-found` without one. */
  corrupt(path: string): void {
    const entry = this.#entries.get(normalise(path));
    if (entry === undefined || entry.kind !== "file" || entry.bytes.length === 0) {
      throw new HanaError("not-found", {
        what: `cannot damage ${path}`,
        why: "there is no such file, or it is empty",
      });
    }
    const bytes = entry.bytes.slice();
    const middle = bytes.length >> 1;
    bytes[middle] = (bytes[middle] ?? 0) ^ 1;
    entry.bytes = bytes;
  }

  /** Gives a file another name, in place of the file that has it. False when there is none. */
  rename(from: string, to: string): boolean {
    this.#check("write", to);
    const [source, target] = [normalise(from), normalise(to)];
    const entry = this.#entries.get(source);
    if (entry === undefined) return false;
    if (entry.kind === "directory") throw this.#error("rename", from, "is a directory");
    const old = this.#entries.get(target);
    if (old?.kind === "directory") throw this.#error("rename", from, `${to} is a directory`);
    const parent = this.stat(parentOf(target))?.kind;
    if (parent !== "directory") throw this.#error("rename", from, `${parentOf(target)} is no directory`);
    if (source === target) return true;
    this.#forget(target);
    this.#entries.delete(source);
    this.#entries.set(target, entry);
    return true;
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
    this.#forget(at);
    return true;
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

  #forget(at: string): void {
    const entry = this.#entries.get(at);
    if (entry === undefined) return;
    entry.isGone = true;
    this.#usedBytes -= entry.bytes.length;
    this.#entries.delete(at);
  }

  #needRoom(doing: string, path: string, bytes: number): void {
    if (this.limitBytes === null || this.#usedBytes + bytes <= this.limitBytes) return;
    throw this.#error(doing, path, "No space left on device");
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
