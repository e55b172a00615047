// Sessions that watch the list of programs.
// Decides that a slow watcher finds several changes of one program as one, never a hole in the list.

import { HanaError } from "../../base/mod.ts";
import type { Platform } from "../../platform/mod.ts";
import type { MessageDefinition, Session } from "../../session/mod.ts";
import type { Supervisor } from "../daemon/mod.ts";
import { PROGRAMS_DELTA } from "../messages.ts";
import type { ProgramSnapshot } from "../model/mod.ts";
import { MAX_WATCHERS, RETRY_US } from "./limits.ts";

type Op = "add" | "update" | "remove";

/** Watchers of the list. */
export class Watchers {
  /** Changes that were told together with a later one. */
  coalesced = 0;
  readonly #watching = new Map<Session, () => void>();

  constructor(readonly supervisor: Supervisor, readonly platform: Platform) {}

  /** Tells a session of every change from now on; nothing new for one that is told already. Throws `overloaded`. */
  add(session: Session): void {
    if (this.#watching.has(session)) return;
    if (this.#watching.size >= MAX_WATCHERS) {
      throw new HanaError("overloaded", {
        what: "the list of programs cannot be watched",
        why: `${MAX_WATCHERS} watch it already`,
      });
    }
    const stop = this.#watch(session);
    this.#watching.set(session, stop);
    void session.ended.then(() => {
      stop();
      this.#watching.delete(session);
    });
  }

  #watch(session: Session): () => void {
    const { clock, timers } = this.platform;
    const waiting = new Map<string, { readonly op: Op; readonly program: ProgramSnapshot }>();
    let isWaiting = false;
    const tell = (): void => {
      isWaiting = false;
      for (const [name, delta] of waiting) {
        if (!session.isOpen) return waiting.clear();
        if (session.post(PROGRAMS_DELTA as MessageDefinition, delta) === "full") {
          isWaiting = true;
          timers.schedule(clock.nowUs() + RETRY_US, tell);
          return;
        }
        waiting.delete(name);
      }
    };
    return this.supervisor.watch((op, program) => {
      const before = waiting.get(program.name);
      if (before !== undefined) this.coalesced++;
      // Who has not heard of a program hears of it as a new one.
      waiting.set(program.name, { op: op === "update" && before?.op === "add" ? "add" : op, program });
      if (isWaiting) return;
      isWaiting = true;
      timers.defer(tell);
    });
  }
}
