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
}
