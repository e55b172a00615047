// Keeps the sockets of a shim where others look for them: a run directory is taken away when its user logs out, or by
// whoever tidies up (runit #25), and a shim that nobody can reach would stand by its program unseen for ever.
// Decides when to listen anew; never ends a connection that is there. Does nothing where sockets are no files.

import { HanaError } from "../../base/mod.ts";
import type { SupervisorPlatform } from "../../platform/mod.ts";
import type { Agenda } from "./agenda.ts";

/** How often it looks: a daemon that cannot reach a shim asks again once a second. */
const LOOK_US = 2_000_000;
const PRIVATE_MODE = 0o700;

/** What is watched. */
export interface SocketWatchOptions {
  readonly platform: Pick<SupervisorPlatform, "clock" | "files">;
  readonly agenda: Agenda;
  readonly paths: readonly string[];
  /** Listens on all of them anew. Rejects as `Streams.listen` does. */
  listen(): Promise<void>;
}

/** Watches over sockets. */
export class SocketWatch {
  /** How often it listened anew, and how often that failed. */
  readonly counters = { renewed: 0, failed: 0 };
  readonly #options: SocketWatchOptions;
  #paths: readonly string[] = [];

  constructor(options: SocketWatchOptions) {
    this.#options = options;
  }

  /** Begins; call it when the sockets have just been made. */
  start(): void {
    this.#paths = this.#options.paths.filter((path) => this.#exists(path));
    this.#plan();
  }

  #plan(): void {
    if (this.#paths.length === 0) return;
    const { agenda, platform } = this.#options;
    agenda.set("sockets", platform.clock.nowUs() + LOOK_US, () => void this.#look());
  }

  async #look(): Promise<void> {
    if (!this.#paths.every((path) => this.#exists(path))) {
      try {
        for (const path of this.#paths) {
          this.#options.platform.files.makeDirectory(path.slice(0, path.lastIndexOf("/")), PRIVATE_MODE);
        }
        await this.#options.listen();
        this.counters.renewed++;
      } catch (thrown) {
        // Whatever keeps us from it may be over at the next look.
        if (!(thrown instanceof HanaError)) throw thrown;
        this.counters.failed++;
      }
    }
    this.#plan();
  }

  #exists(path: string): boolean {
    try {
      return this.#options.platform.files.stat(path) !== null;
    } catch {
      return false;
    }
  }
}
