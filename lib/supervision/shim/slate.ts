// The safe look: a second program that shows something while the main one is being mended.
// Decides that it runs while it is wanted, is started again a second after it ended, and leaves nothing behind.

import type { ChildProcess, ProcessIdentity, SupervisorPlatform } from "../../platform/mod.ts";
import { HanaError } from "../../base/mod.ts";
import type { ProgramSpec } from "../model/mod.ts";
import type { Agenda } from "./agenda.ts";
import { INSTANCE_VARIABLE, TreeEnding } from "./tree_ending.ts";

const AGAIN_US = 1_000_000;

/** What the safe look needs of its shim. */
export interface SlateSurroundings {
  readonly platform: SupervisorPlatform;
  readonly agenda: Agenda;
  /** The mark of the program; the safe look has one of its own beside it. */
  readonly token: string;
  /** It could not be started, or wrote something that people should see. */
  say(text: string): void;
  /** Nothing of it lives any more, since it was not wanted any more. */
  onGone(): void;
}

/** Runs the safe look of a program. */
export class Slate {
  readonly #around: SlateSurroundings;
  #spec: ProgramSpec | null = null;
  #child: ChildProcess | null = null;
  #identity: ProcessIdentity | null = null;
  #ending: TreeEnding | null = null;

  constructor(around: SlateSurroundings) {
    this.#around = around;
  }

  /** Whether it runs, or is still ending. */
  get lives(): boolean {
    return this.#child !== null || this.#ending !== null;
  }

  /** Its processes' root, for whoever ends the main program: this one is left alone. */
  get processes(): readonly ProcessIdentity[] {
    return this.#identity === null ? [] : [this.#identity];
  }

  /** Shows it. */
  start(spec: ProgramSpec): void {
    this.#spec = spec;
    if (!this.lives) this.#spawn();
  }

  /** Ends it. */
  stop(): void {
    this.#spec = null;
    this.#around.agenda.set("slate-again", null, () => {});
    if (this.#ending !== null) this.#ending.begin("stop");
    else this.#around.onGone();
  }

  #spawn(): void {
    const { platform, token, agenda } = this.#around;
    const { processTable, processes } = platform;
    const spec = this.#spec;
    if (spec === null || spec.fallback === null) return;
    const mark = `${token}.slate`;
    let child: ChildProcess;
    try {
      child = processes.spawn({
        argv: spec.fallback.argv,
        env: {
          ...spec.env,
          [INSTANCE_VARIABLE]: mark,
          ...(spec.display === null ? {} : { HANA_DISPLAY: spec.display }),
        },
        ...(spec.cwd === null ? {} : { cwd: spec.cwd }),
        output: "none",
      }, { onExit: () => this.#onExit() });
    } catch (thrown) {
      if (!(thrown instanceof HanaError)) throw thrown;
      this.#around.say(`the safe look cannot be started: ${thrown.message}`);
      agenda.set("slate-again", platform.clock.nowUs() + AGAIN_US, () => this.#spawn());
      return;
    }
    const identity = processTable.inspect(child.processId);
    this.#child = child;
    this.#identity = identity;
    this.#ending = new TreeEnding({
      platform,
      agenda,
      name: "slate-tree",
      mark,
      roots: [child.processId],
      leader: identity,
      notBefore: identity?.startedAt ?? processTable.self.startedAt,
      self: processTable.self,
      graceUs: 1_000_000,
      keepChildren: [],
      // What it leaves behind becomes ours, and is told from the main program's by its mark alone.
      adopts: false,
      spared: () => [],
      onAsk: () => {
        child.kill("SIGTERM");
        child.kill("SIGCONT");
      },
      signalGroup: (signal) => child.killGroup(signal),
      onEmpty: () => this.#onEmpty(),
      onSurvivors: () => {
        this.#around.say("processes of the safe look cannot be ended");
        this.#onEmpty();
      },
    });
  }

  #onExit(): void {
    this.#child = null;
    if (this.#ending?.isBusy === true) this.#ending.handleExit();
    else this.#ending?.begin("sweep");
  }

  #onEmpty(): void {
    this.#ending?.drop();
    this.#ending = null;
    this.#identity = null;
    this.#child = null;
    if (this.#spec === null) this.#around.onGone();
    else {
      const { agenda, platform } = this.#around;
      agenda.set("slate-again", platform.clock.nowUs() + AGAIN_US, () => this.#spawn());
    }
  }
}
