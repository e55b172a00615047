// Ends a tree of processes on the real machine: does what TreeKill says, and tells it what is found.
// Decides where is looked (what descends from us, what carries the mark); never who is to be ended (tree/).

import type { ProcessFacts, ProcessIdentity, ProcessSignal, SupervisorPlatform } from "../../platform/mod.ts";
import { type TreeEffect, TreeKill, type TreeKillOptions, type TreeMode } from "../tree/mod.ts";
import type { Agenda } from "./agenda.ts";

/** The environment variable that all processes of a program carry. */
export const INSTANCE_VARIABLE = "HANA_INSTANCE";

/** What is to be ended, and with what. */
export interface TreeEndingOptions extends TreeKillOptions {
  readonly platform: Pick<SupervisorPlatform, "clock" | "processTable">;
  readonly agenda: Agenda;
  /** Under which its deadlines stand on the agenda. */
  readonly name: string;
  /** What {@linkcode INSTANCE_VARIABLE} says. */
  readonly mark: string;
  /** Where descendants are looked for. */
  readonly roots: readonly number[];
  /** Processes beside it that live on, with all that descends from them. */
  spared(): readonly ProcessIdentity[];
  /** The polite stop. */
  onAsk(): void;
  signalGroup(signal: ProcessSignal): void;
  /** Proven: nothing of it lives. */
  onEmpty(): void;
  onSurvivors(members: readonly ProcessFacts[]): void;
}

/** The end of one tree. */
export class TreeEnding {
  readonly #options: TreeEndingOptions;
  readonly #kill: TreeKill;

  constructor(options: TreeEndingOptions) {
    this.#options = options;
    this.#kill = new TreeKill(options);
  }

  /** Whether an end is under way. */
  get isBusy(): boolean {
    return this.#kill.phase !== "idle" && this.#kill.phase !== "survivors";
  }

  /** Begins, or goes on harder. */
  begin(mode: TreeMode): void {
    this.#do(this.#kill.begin(this.#nowUs, mode));
  }

  /** The leader has ended. True when others of its tree live: then `onEmpty` follows an end that is under way. */
  handleExit(): boolean {
    if (!this.isBusy) return this.#kill.livesOn(this.#look(!this.#options.adopts), this.#options.spared());
    this.#do(this.#kill.handleExit(this.#nowUs));
    return this.isBusy;
  }

  /** Nothing of it is looked at any more. */
  drop(): void {
    this.#options.agenda.set(this.#options.name, null, () => {});
  }

  get #nowUs(): number {
    return this.#options.platform.clock.nowUs();
  }

  #look(wide: boolean): ProcessFacts[] {
    const { platform, roots, mark } = this.#options;
    const { processTable } = platform;
    processTable.reapOrphans();
    const found = [
      ...roots.flatMap((root) => {
        const facts = root === processTable.self.processId ? null : processTable.inspect(root);
        return facts === null ? [] : [facts];
      }),
      ...processTable.descendants(roots),
    ];
    if (!wide) return found;
    const seen = new Set(found.map(({ processId }) => processId));
    return [
      ...found,
      ...processTable.marked(INSTANCE_VARIABLE, mark).filter(({ processId }) => !seen.has(processId)),
    ];
  }

  #do(effects: readonly TreeEffect[]): void {
    const queue = [...effects];
    for (let effect = queue.shift(); effect !== undefined; effect = queue.shift()) {
      switch (effect.do) {
        case "ask":
          this.#options.onAsk();
          break;
        case "signal-group":
          this.#options.signalGroup(effect.signal);
          break;
        case "signal":
          for (const member of effect.members) {
            this.#options.platform.processTable.signal(member, effect.signal);
          }
          break;
        case "scan":
          this.#kill.spare(this.#options.spared());
          queue.push(...this.#kill.handleScan(this.#nowUs, this.#look(effect.wide)));
          break;
        case "empty":
          this.#plan();
          this.#options.onEmpty();
          return;
        case "survivors":
          this.#plan();
          this.#options.onSurvivors(effect.members);
          return;
      }
    }
    this.#plan();
  }

  #plan(): void {
    const next = this.#kill.deadline();
    this.#options.agenda.set(
      this.#options.name,
      next?.atUs ?? null,
      (nowUs) => this.#do(this.#kill.handleDeadline(nowUs)),
    );
  }
}
