// Durable files on the real disk.
// Decides the order of system calls that makes a write atomic and durable: a temporary file in the same directory,
// synced, renamed, directory synced (LWN 457667 "Ensuring data reaches disk"); and that an append is whole or undone.
// Never caches.

import process from "node:process";
import { HanaError, toHex } from "../../base/mod.ts";
import type { AppendedFile, FileLock, Files, FileStat, RandomSource } from "../mod.ts";

const WINDOWS = Deno.build.os === "windows";
const TEMPORARY_SUFFIX_BYTES = 6;
/** A lock file holds nothing, but its name should not invite others to open it. */
const LOCK_FILE_MODE = 0o600;

/** `path`, or the directory above it that is there: what a person can look at. */
function nearestExisting(path: string): string {
  let at = path;
  while (at !== directoryOf(at)) {
    try {
      Deno.lstatSync(at);
      return at;
    } catch {
      at = directoryOf(at);
    }
  }
  return at;
}

function storageError(thrown: unknown, doing: string, path: string): HanaError {
  if (thrown instanceof HanaError) return thrown;
  let hint: string | undefined;
  const code = (thrown as { code?: unknown } | null)?.code;
  if (thrown instanceof Deno.errors.PermissionDenied) {
    hint = "check who owns it: ls -ld " + nearestExisting(path);
  } else if (thrown instanceof Deno.errors.NotADirectory) {
    hint = "a file is in the way: ls -ld " + nearestExisting(path);
  } else if (thrown instanceof Deno.errors.NotFound) hint = "ls -ld " + nearestExisting(path);
  else if (code === "ENOSPC" || code === "EROFS" || code === "EDQUOT") {
    hint = "df -h " + nearestExisting(path);
  }
  return new HanaError("storage", {
    what: `cannot ${doing} ${path}`,
    why: thrown instanceof Error ? thrown.message : String(thrown),
    hint,
    cause: thrown,
  });
}

function directoryOf(path: string): string {
  const slash = Math.max(path.lastIndexOf("/"), WINDOWS ? path.lastIndexOf("\\") : -1);
  if (slash < 0) return ".";
  return slash === 0 ? path.slice(0, 1) : path.slice(0, slash);
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  let at = 0;
  while (at < bytes.length) at += file.writeSync(bytes.subarray(at));
}

/** Makes a rename survive a power loss. Windows has no such call and journals renames itself. */
function syncDirectory(path: string): void {
  if (WINDOWS) return;
  const directory = Deno.openSync(path, { read: true });
  try {
    directory.syncSync();
  } finally {
    directory.close();
  }
}

class DenoFileLock implements FileLock {
  #file: Deno.FsFile | null;

  constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  release(): void {
    const file = this.#file;
    if (file === null) return;
    this.#file = null;
    // Closing alone does not give it up while a copy of the descriptor lives, and every process that is being forked has
    // one until its exec (flock(2)). The file stays: removing it would race with the next owner.
    try {
      file.unlockSync();
    } finally {
      file.close();
    }
  }
}

function openForAppend(path: string, mode: number): { file: Deno.FsFile; isNew: boolean } {
  try {
    return { file: Deno.openSync(path, { append: true, createNew: true, mode }), isNew: true };
  } catch (thrown) {
    if (!(thrown instanceof Deno.errors.AlreadyExists)) throw thrown;
    return { file: Deno.openSync(path, { append: true, create: true, mode }), isNew: false };
  }
}

class DenoAppendedFile implements AppendedFile {
  readonly #path: string;
  #file: Deno.FsFile | null;
  #size: number;
  /** A file that was made now is there after a loss of power only when its directory is synced too. */
  #isNew: boolean;

  constructor(path: string, file: Deno.FsFile, size: number, isNew: boolean) {
    this.#path = path;
    this.#file = file;
    this.#size = size;
    this.#isNew = isNew;
  }

  get size(): number {
    return this.#size;
  }

  append(bytes: Uint8Array): void {
    const file = this.#open("append to");
    try {
      writeAll(file, bytes);
      this.#size += bytes.length;
    } catch (thrown) {
      this.#cutBack(file);
      throw storageError(thrown, "append to", this.#path);
    }
  }

  sync(): void {
    const file = this.#open("sync");
    try {
      file.syncDataSync();
      if (this.#isNew) syncDirectory(directoryOf(this.#path));
      this.#isNew = false;
    } catch (thrown) {
      throw storageError(thrown, "sync", this.#path);
    }
  }

  close(): void {
    this.#file?.close();
    this.#file = null;
  }

  /** A full disk takes the first part of what it was given; half of a record is worse than none. */
  #cutBack(file: Deno.FsFile): void {
    try {
      file.truncateSync(this.#size);
    } catch {
      this.#size = file.statSync().size;
    }
  }

  #open(doing: string): Deno.FsFile {
    if (this.#file !== null) return this.#file;
    throw new HanaError("storage", { what: `cannot ${doing} ${this.#path}`, why: "it is closed" });
  }
}

/** Where a program of this name is, as the system would find it; null where it would not. */
function programPaths(name: string): readonly string[] {
  if (name.includes("/") || (WINDOWS && name.includes("\\"))) return [name];
  const directories = (Deno.env.get("PATH") ?? "").split(WINDOWS ? ";" : ":");
  return directories.filter((each) => each !== "").map((each) => `${each}/${name}`);
}

/** What Windows can start; other files it opens with some program. */
const WINDOWS_PROGRAM = /\.(exe|com|bat|cmd)$/i;
const WINDOWS_ENDINGS = ["", ".exe", ".com", ".bat", ".cmd"];

function canStart(path: string): boolean {
  if (WINDOWS) {
    return WINDOWS_ENDINGS.some((ending) => WINDOWS_PROGRAM.test(path + ending) && isFile(path + ending));
  }
  if (!isFile(path)) return false;
  const { accessSync, constants } = process.getBuiltinModule("node:fs");
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** Reads and writes the disk, synchronously. */
export class DenoFiles implements Files {
  readonly #random: RandomSource;

  /** `random` names temporary files. */
  constructor(random: RandomSource) {
    this.#random = random;
  }

  read(path: string): Uint8Array | null {
    try {
      return Deno.readFileSync(path);
    } catch (thrown) {
      if (thrown instanceof Deno.errors.NotFound) return null;
      throw storageError(thrown, "read", path);
    }
  }

  write(path: string, bytes: Uint8Array, mode: number): void {
    const suffix = toHex(this.#random.stream("files/temporary").fill(new Uint8Array(TEMPORARY_SUFFIX_BYTES)));
    const temporary = `${path}.${suffix}.tmp`;
    let made = false;
    try {
      const file = Deno.openSync(temporary, { createNew: true, write: true, mode });
      made = true;
      try {
        writeAll(file, bytes);
        file.syncSync();
      } finally {
        file.close();
      }
      Deno.renameSync(temporary, path);
      made = false;
      syncDirectory(directoryOf(path));
    } catch (thrown) {
      if (made) this.#discard(temporary);
      throw storageError(thrown, "write", path);
    }
  }

  remove(path: string): boolean {
    try {
      Deno.removeSync(path);
      return true;
    } catch (thrown) {
      if (thrown instanceof Deno.errors.NotFound) return false;
      throw storageError(thrown, "remove", path);
    }
  }

  makeDirectory(path: string, mode: number): void {
    try {
      Deno.mkdirSync(path, { recursive: true, mode });
    } catch (thrown) {
      throw storageError(thrown, "make directory", path);
    }
  }

  stat(path: string): FileStat | null {
    let info: Deno.FileInfo;
    try {
      info = Deno.lstatSync(path);
    } catch (thrown) {
      if (thrown instanceof Deno.errors.NotFound) return null;
      throw storageError(thrown, "look at", path);
    }
    return {
      kind: info.isFile ? "file" : info.isDirectory ? "directory" : info.isSocket ? "socket" : "other",
      size: info.size,
      mode: WINDOWS || info.mode === null ? null : info.mode & 0o777,
      userId: info.uid,
    };
  }

  list(path: string): string[] {
    try {
      return Array.from(Deno.readDirSync(path), (entry) => entry.name).sort();
    } catch (thrown) {
      if (thrown instanceof Deno.errors.NotFound) return [];
      throw storageError(thrown, "list", path);
    }
  }

  lock(path: string): FileLock | null {
    let file: Deno.FsFile | null = null;
    try {
      file = Deno.openSync(path, { create: true, write: true, mode: LOCK_FILE_MODE });
      if (file.tryLockSync(true)) return new DenoFileLock(file);
      file.close();
      return null;
    } catch (thrown) {
      file?.close();
      throw storageError(thrown, "lock", path);
    }
  }

  openAppend(path: string, mode: number): AppendedFile {
    try {
      const { file, isNew } = openForAppend(path, mode);
      return new DenoAppendedFile(path, file, file.statSync().size, isNew);
    } catch (thrown) {
      throw storageError(thrown, "append to", path);
    }
  }

  readAt(path: string, offset: number, length: number): Uint8Array | null {
    let file: Deno.FsFile | null = null;
    try {
      file = Deno.openSync(path, { read: true });
      const left = Math.max(0, file.statSync().size - offset);
      const bytes = new Uint8Array(Math.min(length, left));
      file.seekSync(offset, Deno.SeekMode.Start);
      let at = 0;
      while (at < bytes.length) {
        const read = file.readSync(bytes.subarray(at));
        if (read === null || read === 0) break;
        at += read;
      }
      return bytes.subarray(0, at);
    } catch (thrown) {
      if (thrown instanceof Deno.errors.NotFound) return null;
      throw storageError(thrown, "read", path);
    } finally {
      file?.close();
    }
  }

  // Without a sync of the directory: after a loss of power either name holds, and both have the whole file.
  rename(from: string, to: string): boolean {
    try {
      Deno.renameSync(from, to);
      return true;
    } catch (thrown) {
      if (thrown instanceof Deno.errors.NotFound && this.stat(from) === null) return false;
      throw storageError(thrown, "rename", from);
    }
  }

  isExecutable(path: string): boolean {
    return programPaths(path).some(canStart);
  }

  freeBytes(path: string): number | null {
    try {
      const { bavail, bsize } = process.getBuiltinModule("node:fs").statfsSync(nearestExisting(path));
      return bavail * bsize;
    } catch {
      return null;
    }
  }

  #discard(temporary: string): void {
    try {
      Deno.removeSync(temporary);
    } catch {
      // The write's own error is the one to report.
    }
  }
}
