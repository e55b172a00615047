// The key file of this machine, as `hana mesh` changes it: one command at a time.
// Decides where it stands and who may change it; never what a key is (lib/security).

import { HanaError } from "../../lib/base/mod.ts";
import type { Platform } from "../../lib/platform/mod.ts";
import { type KeyRing, loadKeyRing, type MeshKeyRing, saveKeyRing } from "../../lib/security/mod.ts";
import type { Cli } from "../frame/mod.ts";

/** The key file that the settings name. */
export class KeyStore {
  readonly path: string;
  readonly #platform: Platform;

  private constructor(path: string, platform: Platform) {
    this.path = path;
    this.#platform = platform;
  }

  /** Opens the store; nothing is read yet. */
  static async open(cli: Cli): Promise<KeyStore> {
    return new KeyStore(cli.settings.keyFile, await cli.platform());
  }

  /** The ring, null without a key. Throws like `loadKeyRing`. */
  load(): KeyRing | null {
    return loadKeyRing(this.#platform.files, this.path, this.#platform.host.userId);
  }

  /** The ring of mesh keys, null without a key. Throws like {@linkcode load}; `refused` where only an access key is. */
  loadMesh(what: string): MeshKeyRing | null {
    const ring = this.load();
    if (ring === null || ring.kind === "mesh") return ring;
    const { name, level } = ring.grant;
    throw new HanaError("refused", {
      what,
      why: `this machine holds an access key (${name}, ${level}) and no mesh key`,
      hint:
        "hana mesh leave --yes, then hana mesh join - (with the join code: hana mesh show --reveal, on another machine)",
    });
  }

  /** Writes the ring. Throws `storage`. */
  save(ring: KeyRing): void {
    saveKeyRing(this.#platform.files, this.path, ring);
  }

  /** Removes the file; false when there was none. */
  remove(): boolean {
    return this.#platform.files.remove(this.path);
  }

  /**
   * Runs `change` while no other `hana mesh` changes the same file: two keys created at once would part the mesh.
   * Throws `conflict` when another one is at it.
   */
  exclusively<T>(change: () => T): T {
    const { files } = this.#platform;
    files.makeDirectory(directoryOf(this.path), 0o700);
    const lockPath = `${this.path}.lock`;
    const lock = files.lock(lockPath);
    if (lock === null) {
      throw new HanaError("conflict", {
        what: `${this.path} is being changed`,
        why: `another hana mesh holds ${lockPath}`,
        hint: "the same command again in a moment",
      });
    }
    try {
      return change();
    } finally {
      lock.release();
    }
  }
}

function directoryOf(path: string): string {
  const at = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\"));
  return at < 0 ? "." : path.slice(0, Math.max(1, at));
}
