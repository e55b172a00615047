// Sessions that follow the lines of a program or what happens on the node.
// Decides who may follow how much, and that one who does not keep up misses some, counted in the next that it gets.

import { HanaError } from "../../base/mod.ts";
import type { MessageDefinition, Session } from "../../session/mod.ts";
import type { EventQuery, ProgramEventEntry, Supervisor } from "../daemon/mod.ts";
import { PROGRAM_EVENT, PROGRAM_LOG } from "../messages.ts";
import type { LogQuery, LogRecord } from "../model/mod.ts";
import { MAX_EARLY_RECORDS, MAX_FOLLOWS, MAX_FOLLOWS_PER_SESSION } from "./limits.ts";

/** Followings of all sessions. */
export class Followings {
  /** Lines and events for which there was no room. */
  missed = 0;
  readonly #supervisor: Supervisor;
  readonly #sessions = new Map<Session, Map<number, () => void>>();
  #total = 0;

  constructor(supervisor: Supervisor) {
    this.#supervisor = supervisor;
  }

  /** How many there are. */
  get size(): number {
    return this.#total;
  }

  /** The newest lines, and from then on those that come. Rejects with `not-found`, `overloaded`, `conflict`. */
  async followLogs(
    session: Session,
    name: string,
    query: LogQuery,
    wanted: number | undefined,
  ): Promise<{ follow: number; records: readonly LogRecord[] }> {
    const follow = this.#number(session, wanted);
    let early: LogRecord[] | null = [];
    let missed = 0;
    let lastSeq = 0;
    const post = (records: readonly LogRecord[]): void => {
      const isWanted = (record: LogRecord): boolean =>
        record.seq > lastSeq && (query.stream === undefined || record.stream === query.stream);
      const news = records.filter(isWanted);
      if (news.length === 0 && missed === 0) return;
      const status = session.isOpen
        ? session.post(PROGRAM_LOG as MessageDefinition, { follow, name, records: news, missed })
        : "closed";
      if (status === "full") {
        missed += news.length;
        this.missed += news.length;
      } else missed = 0;
    };
    const stop = this.#supervisor.followLogs(name, (records, missedHere) => {
      missed += missedHere;
      if (early === null) return post(records);
      early.push(...records);
      const tooMany = early.length - MAX_EARLY_RECORDS;
      if (tooMany <= 0) return;
      early.splice(0, tooMany);
      missed += tooMany;
    });
    this.#keep(session, follow, stop);
    try {
      const records = await this.#supervisor.logs(name, query);
      lastSeq = records.at(-1)?.seq ?? 0;
      const waiting = early;
      early = null;
      if (waiting.length > 0) post(waiting);
      return { follow, records };
    } catch (thrown) {
      this.stop(session, follow);
      throw thrown;
    }
  }

  /** Events behind an id, and from then on those that happen. Throws `overloaded`, `conflict`. */
  followEvents(
    session: Session,
    { after, program, limit }: EventQuery,
    wanted: number | undefined,
  ): { follow: number; events: readonly ProgramEventEntry[]; last: number; oldest: number } {
    const follow = this.#number(session, wanted);
    let missed = 0;
    const stop = this.#supervisor.onEvent((entry) => {
      if (program !== undefined && entry.event.program !== program) return;
      const status = session.isOpen
        ? session.post(PROGRAM_EVENT as MessageDefinition, { follow, entry, missed })
        : "closed";
      if (status === "full") {
        missed++;
        this.missed++;
      } else missed = 0;
    });
    this.#keep(session, follow, stop);
    const query = {
      ...(after === undefined ? {} : { after }),
      ...(program === undefined ? {} : { program }),
    };
    const { events, last, oldest } = limit === 0
      ? { events: [], last: this.#supervisor.eventId, oldest: this.#supervisor.events({ limit: 1 }).oldest }
      : this.#supervisor.events({ ...query, ...(limit === undefined ? {} : { limit }) });
    return { follow, events, last, oldest };
  }

  /** Ends one following; harmless when there is none of this number. */
  stop(session: Session, follow: number): void {
    const follows = this.#sessions.get(session);
    const stop = follows?.get(follow);
    if (follows === undefined || stop === undefined) return;
    follows.delete(follow);
    this.#total--;
    stop();
  }

  /** A number that the session does not use yet. */
  #number(session: Session, wanted: number | undefined): number {
    const follows = this.#sessions.get(session);
    if (this.#total >= MAX_FOLLOWS || (follows?.size ?? 0) >= MAX_FOLLOWS_PER_SESSION) {
      throw new HanaError("overloaded", {
        what: "nothing more can be followed",
        why: `one session follows ${MAX_FOLLOWS_PER_SESSION} at once, all together ${MAX_FOLLOWS}`,
      });
    }
    if (wanted === undefined) {
      let free = 1;
      while (follows?.has(free) === true) free++;
      return free;
    }
    if (follows?.has(wanted) === true) {
      throw new HanaError("conflict", {
        what: `following ${wanted}`,
        why: "this session uses the number already",
      });
    }
    return wanted;
  }

  #keep(session: Session, follow: number, stop: () => void): void {
    let follows = this.#sessions.get(session);
    if (follows === undefined) {
      this.#sessions.set(session, follows = new Map());
      void session.ended.then(() => this.#drop(session));
    }
    follows.set(follow, stop);
    this.#total++;
  }

  #drop(session: Session): void {
    for (const follow of [...this.#sessions.get(session)?.keys() ?? []]) this.stop(session, follow);
    this.#sessions.delete(session);
  }
}
