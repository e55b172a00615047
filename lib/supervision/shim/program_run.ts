// One run of a program: its process, its pipes, what it says, how it fares, how it ends.
// Decides what is read from the program and what it is told; never whether it is started, ended or tried again (keeper.ts).
// The end of the process and the end of its output are two things: nobody waits for pipes (process-compose #258).

import { HanaError } from "../../base/mod.ts";
import type {
  ChildProcess,
  ExitStatus,
  ProcessIdentity,
  ProcessOutput,
  SupervisorPlatform,
} from "../../platform/mod.ts";
import { type ChildEffect, ChildJudge, environmentOf } from "../child/mod.ts";
import type { ProgramSpec, ShimAssignment } from "../model/mod.ts";
import { expandEnvironment } from "../spec/mod.ts";
import type { Agenda } from "./agenda.ts";
import type { ChildChannel } from "./child_channel.ts";
import { ReadinessWatch } from "./readiness.ts";
import { Sampler } from "./sampler.ts";

/** What a run needs of its keeper. */
export interface RunSurroundings {
  readonly platform: SupervisorPlatform;
  readonly assignment: ShimAssignment;
  readonly agenda: Agenda;
  readonly channel: ChildChannel;
  /** How the run before ended, in a word; null for the first. */
  readonly lastExit: string | null;
  onOutput(output: ProcessOutput, bytes: Uint8Array): void;
  /** Nothing more comes from its pipes. */
  onDrained(): void;
  /** Waits for a text in the output, or no more. */
  watchText(text: string | null): void;
  /** Everything that the judge has to say but lines and connections, which are dealt with here. */
  onEffect(run: ProgramRun, effect: ChildEffect): void;
  onReady(run: ProgramRun, told: boolean): void;
  onExit(run: ProgramRun, status: ExitStatus): void;
}

/** A process of the program. */
export class ProgramRun {
  readonly number: number;
  readonly spec: ProgramSpec;
  readonly judge: ChildJudge;
  readonly sampler = new Sampler();
  readonly startedUs: number;
  readonly startedWallMs: number;
  readonly child: ChildProcess;
  readonly identity: ProcessIdentity;
  /** From spawn to ready; null before it is. */
  readyUs: number | null = null;
  /** How it ended; null while it runs. */
  exit: ExitStatus | null = null;
  readonly #around: RunSurroundings;
  readonly #readiness: ReadinessWatch;

  /** Starts the process. Throws as `Processes.spawn` does. */
  constructor(number: number, spec: ProgramSpec, around: RunSurroundings) {
    const { platform, assignment } = around;
    const { clock, processes, processTable } = platform;
    this.#around = around;
    this.number = number;
    this.spec = spec;
    this.judge = new ChildJudge({
      token: assignment.token,
      run: number,
      heartbeatUs: spec.heartbeatUs,
      hang: spec.hang,
      lastExit: around.lastExit,
      name: assignment.name,
    });
    this.#readiness = new ReadinessWatch(spec.ready, {
      clock,
      streams: platform.streams,
      agenda: around.agenda,
      watchText: (text) => around.watchText(text),
      speaks: () => this.judge.speaks,
      onReady: (told) => this.#onSeenReady(told),
    });
    this.startedUs = clock.nowUs();
    this.startedWallMs = clock.wallMs();
    this.child = processes.spawn({
      argv: spec.argv,
      env: environment(number, spec, assignment),
      ...(spec.cwd === null ? {} : { cwd: spec.cwd }),
      output: "bytes",
      niceness: spec.niceness,
    }, {
      onBytes: (output, bytes) => around.onOutput(output, bytes),
      onExit: (status) => this.#onExit(status),
      onClosed: () => around.onDrained(),
    });
    const { processId } = this.child;
    // One that has ended already is known by its number alone; nobody will signal it.
    const startedAt = processTable.inspect(processId)?.startedAt ?? processTable.self.startedAt;
    this.identity = { processId, startedAt };
    this.#readiness.start(this.startedUs);
  }

  // The child socket ------------------------------------------------------------------------------------------

  handleConnect(id: number): void {
    this.#apply(this.judge.handleConnect(this.#nowUs, id));
  }
  handleBytes(id: number, bytes: Uint8Array): void {
    this.#apply(this.judge.handleBytes(this.#nowUs, id, bytes));
  }
  handleClosed(id: number): void {
    this.#apply(this.judge.handleClosed(this.#nowUs, id));
  }
  handleNotify(bytes: Uint8Array): void {
    this.#apply(this.judge.handleNotify(this.#nowUs, bytes));
  }

  // What the keeper does with it ------------------------------------------------------------------------------

  /** Asks it to end: by its protocol, and by SIGTERM to the leader alone; SIGCONT so that a stopped one hears it. */
  askStop(reason: string): void {
    this.#apply(this.judge.stop(this.#nowUs, this.spec.graceUs, reason));
    this.child.kill("SIGTERM");
    this.child.kill("SIGCONT");
  }

  /** The text that was waited for has been written. */
  handleTextSeen(): void {
    this.#readiness.handleSeen();
  }

  /** It counts as ready from now on. */
  noteReady(nowUs: number): void {
    this.readyUs ??= nowUs - this.startedUs;
    this.#readiness.end();
  }

  /** The run is over: closes what is open, so that the next one starts with nothing of it. */
  end(): void {
    this.#readiness.end();
    this.#apply(this.judge.end());
    this.#around.agenda.set("judge", null, () => {});
  }

  get #nowUs(): number {
    return this.#around.platform.clock.nowUs();
  }

  #onSeenReady(told: boolean): void {
    this.judge.noteReady(this.#nowUs);
    this.#around.onReady(this, told);
    this.#plan();
  }

  #onExit(status: ExitStatus): void {
    this.exit = status;
    this.#around.onExit(this, status);
  }

  #apply(effects: readonly ChildEffect[]): void {
    for (const effect of effects) {
      if (effect.do === "send") this.#around.channel.send(effect.connection, effect.line);
      else if (effect.do === "close") this.#around.channel.end(effect.connection);
      else this.#around.onEffect(this, effect);
    }
    this.#plan();
  }

  #plan(): void {
    const next = this.exit === null ? this.judge.deadline() : null;
    this.#around.agenda.set(
      "judge",
      next?.atUs ?? null,
      (nowUs) => this.#apply(this.judge.handleTick(nowUs)),
    );
  }
}

function environment(run: number, spec: ProgramSpec, assignment: ShimAssignment): Record<string, string> {
  const { childSocket, notifySocket, token, name, node } = assignment;
  const told = environmentOf({
    socket: childSocket,
    notifySocket,
    token,
    name,
    node,
    run,
    heartbeatUs: spec.heartbeatUs,
    display: spec.display,
    gpu: spec.gpu,
  });
  return expandEnvironment(spec, told);
}

/** Whether another try could help against what kept a program from starting. */
export function spawnFailureOf(
  thrown: unknown,
): { readonly class: "config" | "resources"; readonly why: string } {
  if (!(thrown instanceof HanaError)) throw thrown;
  return { class: thrown.code === "overloaded" ? "resources" : "config", why: thrown.message };
}
