// A simulated process's view of its host's disk.
// Decides that a process that has ended changes nothing any more, and that its locks end with it.

import { HanaError } from "../../base/mod.ts";
import type { AppendedFile, FileLock, Files, FileStat } from "../mod.ts";
import type { DiskFile, SimulatedDisk } from "./disk.ts";
import type { Held, ProcessLife } from "./process_life.ts";

const EXECUTABLE = 0o111;

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

class SimulatedAppendedFile implements AppendedFile {
  readonly #file: DiskFile;
  readonly #life: ProcessLife;
  readonly #path: string;
  #isOpen = true;

  constructor(file: DiskFile, life: ProcessLife, path: string) {
    this.#file = file;
    this.#life = life;
    this.#path = path;
  }

  get size(): number {
    return this.#file.size;
  }

  append(bytes: Uint8Array): void {
    this.#check("append to");
    if (this.#life.alive) this.#file.append(bytes);
  }

  sync(): void {
    this.#check("sync");
    if (this.#life.alive) this.#file.sync();
  }

  close(): void {
    this.#isOpen = false;
  }

  #check(doing: string): void {
    if (this.#isOpen) return;
    throw new HanaError("storage", { what: `cannot ${doing} ${this.#path}`, why: "it is closed" });
  }
}

/** What of a host's programs its disk shows; its `ProgramTable` is one. */
export interface ProgramFiles {
  /** Whether a program of this name or path can be started. */
  has(name: string): boolean;
}

/** The disk as one process sees it. A process that has ended changes nothing any more. */
export class SimulatedFiles implements Files {
  readonly #disk: SimulatedDisk;
  readonly #life: ProcessLife;
  readonly #programs: ProgramFiles;

  constructor(disk: SimulatedDisk, life: ProcessLife, programs: ProgramFiles) {
    this.#disk = disk;
    this.#life = life;
    this.#programs = programs;
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

  openAppend(path: string, mode: number): AppendedFile {
    return new SimulatedAppendedFile(this.#disk.open(path, mode, true), this.#life, path);
  }

  readAt(path: string, offset: number, length: number): Uint8Array | null {
    return this.#disk.readAt(path, offset, length);
  }

  rename(from: string, to: string): boolean {
    return this.#life.alive && this.#disk.rename(from, to);
  }

  isExecutable(path: string): boolean {
    if (this.#programs.has(path)) return true;
    const stat = this.#disk.stat(path);
    return stat?.kind === "file" && ((stat.mode ?? 0) & EXECUTABLE) !== 0;
  }

  freeBytes(_path: string): number | null {
    return this.#disk.freeBytes;
  }
}
