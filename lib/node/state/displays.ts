// The displays of one node: it prepares and shows what the host's desk of groups decides, at the host's time.
// Decides how the member's words travel and when the host is asked for the time; lib/state/groups decides the rest.

import { HanaError, type NodeId } from "../../base/mod.ts";
import type { Platform } from "../../platform/mod.ts";
import {
  type AbortBody,
  Alarm,
  CLOCK_ASK,
  type CommitBody,
  type Display,
  type Edition,
  GroupMember,
  type Picture,
  type PrepareBody,
  type PrepareReply,
  type ReplicaService,
  SharedClock,
  type ShownBody,
  type StateEpoch,
} from "../../state/mod.ts";

/** What draws. */
export interface DisplayProgram {
  /**
   * Get ready to show this. Resolves when it is, at once or later; rejects with why it cannot be. A wall changes when all
   * are ready, 500 ms at most are waited.
   */
  prepare?(group: string, picture: Picture): Promise<void> | void;
  /** Show it now; `dueUs` is when that was due, in microseconds of the platform's clock. Throws where it cannot. */
  show(group: string, picture: Picture, dueUs: number): void;
  /** What was prepared will not be shown. */
  drop?(group: string, edition: Edition): void;
}

/** What displays need of their node. */
export interface DisplaySurroundings {
  readonly platform: Pick<Platform, "clock" | "timers">;
  /** The client of the state by which the host is reached. */
  client(): ReplicaService;
  /** Tells the host what is shown. */
  tell(to: NodeId, body: ShownBody): void;
}

/** The displays of a node. */
export class NodeDisplays {
  readonly #around: DisplaySurroundings;
  readonly #program: DisplayProgram;
  readonly #clock = new SharedClock();
  readonly #member = new GroupMember(this.#clock);
  readonly #answers = new Map<number, (reply: PrepareReply) => void>();
  readonly #stops: (() => void)[] = [];
  #epoch: StateEpoch | null = null;
  readonly #alarm: Alarm;
  #isPumping = false;
  #isClosed = false;
  /** What the program threw. */
  failures = 0;

  /** @param displays by their ids, unique in the mesh */
  constructor(
    around: DisplaySurroundings,
    readonly displays: ReadonlyMap<string, Display>,
    program: DisplayProgram,
  ) {
    this.#around = around;
    this.#alarm = new Alarm(around.platform.timers, () => {
      this.#member.handleDeadline(this.#nowUs());
      this.pump();
    });
    this.#program = program;
    for (const id of displays.keys()) {
      if (this.#member.handleDisplay(this.#nowUs(), id, null)) continue;
      throw new HanaError("overloaded", { what: `${displays.size} displays`, why: "a node has fewer" });
    }
    const client = around.client();
    this.#stops.push(client.onBatch(() => this.#follow(client)));
    this.#follow(client);
  }

  /** The time that all displays share. */
  get clock(): SharedClock {
    return this.#clock;
  }

  /** A display is off, and why; null: it is on again. Throws `not-found` for one that this node does not have. */
  setAvailable(display: string, why: string | null): void {
    if (!this.displays.has(display)) throw new HanaError("not-found", { what: `display ${display}` });
    this.#member.handleDisplay(this.#nowUs(), display, why);
    this.pump();
  }

  /** What a display shows of a group; null for nothing. */
  shownOn(group: string, display: string): Edition | null {
    return this.#member.shownOn(group, display);
  }

  /** A prepare message of a host. */
  prepare(from: NodeId, body: PrepareBody): Promise<PrepareReply> {
    const ticket = this.#member.handlePrepare(this.#nowUs(), from, body);
    const answered = new Promise<PrepareReply>((resolve) => this.#answers.set(ticket, resolve));
    this.pump();
    return answered;
  }

  /** A commit message of a host. */
  commit(from: NodeId, body: CommitBody): void {
    this.#member.handleCommit(this.#nowUs(), from, body);
    this.pump();
  }

  /** An abort message of a host. */
  abort(from: NodeId, body: AbortBody): void {
    this.#member.handleAbort(this.#nowUs(), from, body);
    this.pump();
  }

  /** Does what is due. */
  pump(): void {
    if (this.#isPumping || this.#isClosed) return;
    this.#isPumping = true;
    try {
      for (let output = this.#member.poll(); output !== null; output = this.#member.poll()) {
        switch (output.kind) {
          case "answer":
            this.#answers.get(output.ticket)?.(output.reply);
            this.#answers.delete(output.ticket);
            break;
          case "prepare":
            this.#prepare(output.group, output.picture);
            break;
          case "apply":
            this.#show(output.group, output.picture, output.dueUs);
            break;
          case "drop":
            this.#try(() => this.#program.drop?.(output.group, output.edition));
            break;
          case "shown":
            this.#around.tell(output.to, output.body);
            break;
          case "commit":
            break;
        }
      }
      this.#ask();
    } finally {
      this.#isPumping = false;
    }
    this.#arm();
  }

  /** Ends. */
  close(): void {
    this.#isClosed = true;
    this.#alarm.set(Infinity);
    for (const stop of this.#stops) stop();
  }

  #nowUs(): number {
    return this.#around.platform.clock.nowUs();
  }

  /** Whose word counts, and whose clock. */
  #follow(client: ReplicaService): void {
    const { replica } = client;
    const epoch = replica.state === "joined" ? replica.epoch : null;
    const before = this.#epoch;
    if (before?.term === epoch?.term && before?.hostId === epoch?.hostId) return;
    this.#epoch = epoch;
    const nowUs = this.#nowUs();
    if (epoch === null) this.#clock.rest();
    else if (client.isHere) this.#clock.lead();
    else this.#clock.follow(nowUs);
    this.#member.handleHost(nowUs, epoch);
    this.pump();
  }

  #prepare(group: string, picture: Picture): void {
    const { edition } = picture;
    const done = (why: string | null): void => {
      this.#member.handlePrepared(this.#nowUs(), group, edition, why);
      this.pump();
    };
    let ready: Promise<void> | void;
    try {
      ready = this.#program.prepare?.(group, picture);
    } catch (thrown) {
      this.failures++;
      return void this.#member.handlePrepared(this.#nowUs(), group, edition, textOf(thrown));
    }
    if (ready === undefined) this.#member.handlePrepared(this.#nowUs(), group, edition, null);
    else ready.then(() => done(null), (thrown) => (this.failures++, done(textOf(thrown))));
  }

  #show(group: string, picture: Picture, dueUs: number): void {
    try {
      this.#program.show(group, picture, dueUs);
    } catch (thrown) {
      this.failures++;
      for (const display of picture.displays) {
        this.#member.handleFailed(this.#nowUs(), group, display, textOf(thrown));
      }
    }
  }

  #try(run: () => void): void {
    try {
      run();
    } catch {
      this.failures++;
    }
  }

  #ask(): void {
    const question = this.#clock.poll(this.#nowUs());
    if (question === null) return;
    this.#around.client().ask(CLOCK_ASK, {}).then(({ host, receivedUs, sentUs }) => {
      if (!host) return this.#clock.handleUnanswered(this.#nowUs(), question);
      this.#clock.handleAnswer(this.#nowUs(), question, receivedUs, sentUs);
    }, () => this.#clock.handleUnanswered(this.#nowUs(), question)).then(() => this.pump());
  }

  #arm(): void {
    const atUs = Math.min(
      this.#member.deadline()?.atUs ?? Infinity,
      this.#clock.deadline()?.atUs ?? Infinity,
    );
    this.#alarm.set(atUs);
  }
}

function textOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
