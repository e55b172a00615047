// Which demands were answered already, so that asking twice does nothing twice (research, section 1.11).
// Decides by the name that a console gave its demand; the same name for another demand is refused. Bounded in number and
// age; who asks again after a day asks anew.

import { HanaError } from "../../base/mod.ts";
import type { Clock, RowChange } from "../../platform/mod.ts";
import { asObject, readObject } from "./rows.ts";
import type { Store } from "./store.ts";

/** What ops may be named: letters, digits and `-`, as ULIDs and UUIDs are. */
const OP_PATTERN = /^[A-Za-z0-9-]{8,64}$/;
/** Demands under way at once; one more is refused. */
const MAX_UNDER_WAY = 1_024;

interface Answered {
  readonly digest: string;
  readonly answer: Readonly<Record<string, unknown>>;
  /** On the monotonic clock; before this process's life for one that was read. */
  readonly atUs: number;
}

interface UnderWay {
  readonly digest: string;
  readonly answer: Promise<unknown>;
}

/** Answers by the names of demands. */
export class OpLog {
  /** Answers that were given again. */
  replayed = 0;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #max: number;
  readonly #ageUs: number;
  readonly #answered = new Map<string, Answered>();
  readonly #underWay = new Map<string, UnderWay>();
  /** The run that a restart meant when it was asked for first, for one that is asked for again without an answer. */
  readonly #runs = new Map<string, number>();

  constructor(store: Store, clock: Clock, max: number, ageUs: number) {
    this.#store = store;
    this.#clock = clock;
    this.#max = max;
    this.#ageUs = ageUs;
    this.#read();
  }

  get size(): number {
    return this.#answered.size;
  }

  /**
   * Does `work` unless this op was answered, or is being: then that answer is given again. `work` may commit
   * {@linkcode rowFor} with what it changes; otherwise it is written here.
   */
  async once<T extends object>(
    op: string,
    digest: string,
    work: () => Promise<T>,
  ): Promise<T & { readonly replayed: boolean }> {
    if (!OP_PATTERN.test(op)) {
      throw new HanaError("schema", { what: "op", why: "is not 8 to 64 letters, digits and '-'" });
    }
    const answered = this.#answered.get(op);
    if (answered !== undefined && this.#clock.nowUs() - answered.atUs < this.#ageUs) {
      checkSame(op, answered.digest, digest);
      this.replayed++;
      return { ...answered.answer as T, replayed: true };
    }
    const underWay = this.#underWay.get(op);
    if (underWay !== undefined) {
      checkSame(op, underWay.digest, digest);
      this.replayed++;
      return { ...await underWay.answer as T, replayed: true };
    }
    if (this.#underWay.size >= MAX_UNDER_WAY) {
      throw new HanaError("overloaded", { what: "the demand", why: `${MAX_UNDER_WAY} others are under way` });
    }
    const answer = work();
    this.#underWay.set(op, { digest, answer });
    try {
      const result = await answer;
      if (!this.#answered.has(op)) this.#store.commit(this.rowsFor(op, digest, result), "relaxed");
      this.#runs.delete(op);
      return { ...result, replayed: false };
    } finally {
      this.#underWay.delete(op);
    }
  }

  /**
   * The run that this op means: `run` when it is asked for first, and the same however often it is asked for again. It is
   * on the disk before anybody acts on it: a daemon that dies before it can answer is asked again in its next life.
   */
  runOf(op: string, run: number): number {
    const known = this.#runs.get(op);
    if (known !== undefined) return known;
    const changes: RowChange[] = [];
    if (this.#runs.size >= this.#max) {
      for (const oldest of this.#runs.keys()) {
        this.#runs.delete(oldest);
        if (!this.#answered.has(oldest)) changes.push({ table: "op", key: oldest, value: null });
        break;
      }
    }
    this.#runs.set(op, run);
    const value = JSON.stringify({ run, atWallMs: Math.floor(this.#clock.wallMs()) });
    this.#store.commit([...changes, { table: "op", key: op, value }], "synced");
    return run;
  }

  /** Remembers an answer, and gives the rows that are to be committed for it. */
  rowsFor(op: string, digest: string, result: object): RowChange[] {
    const answer = result as Readonly<Record<string, unknown>>;
    this.#answered.delete(op);
    this.#answered.set(op, { digest, answer, atUs: this.#clock.nowUs() });
    const value = JSON.stringify({ digest, answer, atWallMs: Math.floor(this.#clock.wallMs()) });
    return [{ table: "op", key: op, value }, ...this.#trim()];
  }

  #trim(): RowChange[] {
    const removed: RowChange[] = [];
    const oldestUs = this.#clock.nowUs() - this.#ageUs;
    for (const [op, { atUs }] of this.#answered) {
      if (this.#answered.size <= this.#max && atUs > oldestUs) break;
      this.#answered.delete(op);
      removed.push({ table: "op", key: op, value: null });
    }
    return removed;
  }

  /** Takes over what earlier daemons answered; how old that is only the wall clock knows, and it may be wrong. */
  #read(): void {
    const wallMs = this.#clock.wallMs();
    const nowUs = this.#clock.nowUs();
    const rows = this.#store.read("op", (op, text) => {
      const raw = readObject(text);
      const answer = asObject(raw?.answer);
      if (typeof raw?.atWallMs !== "number") return null;
      const atUs = nowUs - Math.max(0, Math.round((wallMs - raw.atWallMs) * 1000));
      if (typeof raw.run === "number" && answer === null) return { op, run: raw.run, atUs };
      if (answer === null || typeof raw.digest !== "string") return null;
      return { op, digest: raw.digest, answer, atUs };
    });
    rows.sort((a, b) => a.atUs - b.atUs);
    const old: RowChange[] = [];
    for (const row of rows) {
      if (row.run === undefined) this.#answered.set(row.op, row);
      else if (nowUs - row.atUs < this.#ageUs && this.#runs.size < this.#max) this.#runs.set(row.op, row.run);
      else old.push({ table: "op", key: row.op, value: null });
    }
    old.push(...this.#trim());
    if (old.length > 0) this.#store.commit(old, "relaxed");
  }
}

function checkSame(op: string, known: string, digest: string): void {
  if (known === digest) return;
  throw new HanaError("conflict", {
    what: `op ${op}`,
    why: "was used for another demand before",
    hint: "give every demand an op of its own",
  });
}
