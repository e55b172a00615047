// The programs of one host as they change: a snapshot and then every change, from the watch stream.
// Decides nothing; whoever waits for a condition is told of each change and never asks again and again.

import { HanaError } from "../../lib/base/mod.ts";
import { PROGRAMS_DELTA, type ProgramSnapshot, WATCH_PROGRAMS } from "../../lib/supervision/mod.ts";
import type { Session } from "../../lib/session/mod.ts";
import { ofHost } from "./errors.ts";
import type { Host, Hosts } from "./hosts.ts";

const ANSWER_US = 5_000_000;

/** What happened to the list of one host. */
export type ProgramOp = "add" | "update" | "remove";
type Listener = (op: ProgramOp, program: ProgramSnapshot) => void;

/** Sorts the changes that arrive by any session to who watches that one. One for each command. */
export class ProgramWatches {
  readonly #hosts: Hosts;
  readonly #bySession = new Map<Session, WatchedHost>();
  readonly #byHost = new Map<Host, Promise<WatchedHost>>();

  constructor(hosts: Hosts) {
    this.#hosts = hosts;
    hosts.client.node.onEvent(PROGRAMS_DELTA, ({ op, program }, { session }) => {
      this.#bySession.get(session)?.handle(op, program as ProgramSnapshot);
    });
  }

  /** The programs of a host from now on. Rejects with why it does not tell. */
  of(host: Host): Promise<WatchedHost> {
    let watched = this.#byHost.get(host);
    if (watched === undefined) {
      watched = this.#open(host);
      this.#byHost.set(host, watched);
      watched.catch(() => this.#byHost.delete(host));
    }
    return watched;
  }

  async #open(host: Host): Promise<WatchedHost> {
    const watched = new WatchedHost(host);
    this.#bySession.set(host.session, watched);
    void host.session.ended.then((end) => {
      this.#bySession.delete(host.session);
      this.#byHost.delete(host);
      this.#hosts.forget(host);
      watched.end(
        end.error ??
          new HanaError("closed", { what: `the connection with ${host.name} ended`, why: end.reason }),
      );
    });
    try {
      const { programs } = await host.session.request(WATCH_PROGRAMS, {}, { timeoutUs: ANSWER_US });
      watched.begin(programs as ProgramSnapshot[]);
      return watched;
    } catch (thrown) {
      throw thrown instanceof HanaError ? ofHost(thrown, host.name) : thrown;
    }
  }
}

/** The programs of one host. */
export class WatchedHost {
  readonly host: Host;
  readonly #programs = new Map<string, ProgramSnapshot>();
  /** Told before the snapshot was: newer than what stands in it. */
  readonly #early = new Set<string>();
  readonly #listeners = new Set<Listener>();
  readonly #endings = new Set<(error: HanaError) => void>();
  #hasBegun = false;
  #end: HanaError | null = null;

  constructor(host: Host) {
    this.host = host;
  }

  /** All of them now. */
  get programs(): ProgramSnapshot[] {
    return [...this.#programs.values()];
  }

  get(name: string): ProgramSnapshot | undefined {
    return this.#programs.get(name);
  }

  /** Calls `listener` for every change from now on; returns how to stop it. */
  onChange(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Calls `listener` once, when the host is lost. */
  onEnd(listener: (error: HanaError) => void): () => void {
    if (this.#end !== null) listener(this.#end);
    else this.#endings.add(listener);
    return () => this.#endings.delete(listener);
  }

  /**
   * What `check` answers as soon as it is not null; null when `timeoutUs` is over first. Rejects when the host is lost.
   */
  until<T>(check: () => T | null, timeoutUs: number, signal?: AbortSignal): Promise<T | null> {
    return new Promise((resolve, reject) => {
      const first = check();
      if (first !== null) return resolve(first);
      const stops: (() => void)[] = [];
      const settle = (act: () => void): void => {
        for (const stop of stops) stop();
        act();
      };
      stops.push(this.onChange(() => {
        const found = check();
        if (found !== null) settle(() => resolve(found));
      }));
      const timer = setTimeout(() => settle(() => resolve(null)), Math.min(2 ** 31 - 1, timeoutUs / 1000));
      stops.push(() => clearTimeout(timer));
      const onAbort = (): void => settle(() => resolve(null));
      signal?.addEventListener("abort", onAbort);
      stops.push(() => signal?.removeEventListener("abort", onAbort));
      stops.push(this.onEnd((error) => settle(() => reject(ofHost(error, this.host.name)))));
    });
  }

  /** The snapshot has come. */
  begin(programs: readonly ProgramSnapshot[]): void {
    this.#hasBegun = true;
    for (const program of programs) {
      if (!this.#early.has(program.name)) this.#programs.set(program.name, program);
    }
    this.#early.clear();
  }

  /** A change has come. */
  handle(op: ProgramOp, program: ProgramSnapshot): void {
    if (!this.#hasBegun) this.#early.add(program.name);
    if (op === "remove") this.#programs.delete(program.name);
    else this.#programs.set(program.name, program);
    for (const listener of [...this.#listeners]) listener(op, program);
  }

  /** The host is lost. */
  end(error: HanaError): void {
    if (this.#end !== null) return;
    this.#end = error;
    for (const listener of [...this.#endings]) listener(error);
    this.#endings.clear();
  }
}
