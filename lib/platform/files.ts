// Durable files: small, whole, synchronous. A write is either there after a power loss or was never there.

/** What is known of a path. */
export interface FileStat {
  readonly kind: "file" | "directory" | "socket" | "other";
  readonly size: number;
  /** Permission bits (`0o600`), null where the system has none. */
  readonly mode: number | null;
  /** The owner's numeric id, null where the system has none. */
  readonly userId: number | null;
}

/** An exclusive lock on a file. */
export interface FileLock {
  /** Gives it up. The system does so too when the process ends, however it ends. */
  release(): void;
}

/** A file that only grows. Every method throws `storage` when the system refuses. */
export interface AppendedFile {
  /** Bytes in it. */
  readonly size: number;
  /** Adds `bytes`, which may be used again after the call. What was appended survives a crash of the process. */
  append(bytes: Uint8Array): void;
  /** Makes what was appended survive a loss of power. */
  sync(): void;
  close(): void;
}

/** Reads and writes files. Every method throws `storage` when the system refuses. */
export interface Files {
  /** The whole content; null when there is no such file. */
  read(path: string): Uint8Array | null;
  /** Replaces the whole content: new file, synced, renamed over the old one, directory synced. */
  write(path: string, bytes: Uint8Array, mode: number): void;
  /** Removes a file; false when there was none. */
  remove(path: string): boolean;
  /** Makes a directory and its parents with these permission bits; one that is there stays as it is. */
  makeDirectory(path: string, mode: number): void;
  /** What is known of a path (links are not followed); null when nothing is there. */
  stat(path: string): FileStat | null;
  /** The names in a directory, sorted; empty when there is none. */
  list(path: string): string[];
  /** Takes an exclusive lock on a file, made when missing; null when somebody else holds it. */
  lock(path: string): FileLock | null;
  /** Opens a file for growing, made when missing. */
  openAppend(path: string, mode: number): AppendedFile;
  /** Up to `length` bytes from `offset` on; empty behind the end, null when there is no such file. */
  readAt(path: string, offset: number, length: number): Uint8Array | null;
  /** Gives a file another name, in place of the file that has it. False when there is none. */
  rename(from: string, to: string): boolean;
  /** Whether the file can be started as a program by this user; a name without a directory is looked for as by `spawn`. */
  isExecutable(path: string): boolean;
  /** Bytes that this user may still write on the disk of `path`; null where the system does not tell. */
  freeBytes(path: string): number | null;
}
