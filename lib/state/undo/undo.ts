// Undo and redo of what one client did.
// Decides whether a step is still this client's to take back: its value must stand as it was left. Else it is skipped, and says
// who changed it. Paths are names: a reconnection or another host changes nothing. Never undoes what others did.

import {
  type OwnWriteObserver,
  type ParameterInfo,
  type StateClient,
  StateError,
  type TransactionBuilder,
  type TransactionStep,
} from "../client/mod.ts";
import { equalValues } from "../merge/mod.ts";
import type { PathId, StateEpoch, StateValue } from "../model/mod.ts";
import {
  GROUP_US,
  type GroupStep,
  MAX_STEPS,
  type SetStep,
  type Step,
  type StructureStep,
  UndoHistory,
} from "./history.ts";

/** How an undo begins. */
export interface StateUndoOptions {
  /** Steps that are kept; 100 where nothing is said. */
  readonly steps?: number;
  /** Writes to one path within this are one step, in microseconds; 300 ms where nothing is said. */
  readonly groupUs?: number;
}

/** What became of an undo or a redo. */
export type UndoResult =
  | {
    readonly outcome: "done";
    readonly paths: readonly string[];
    /** Of a group: what somebody else wrote since, and what the host refused. */
    readonly skipped: readonly SkippedStep[];
  }
  /** There is no step. */
  | { readonly outcome: "nothing" }
  /** Somebody else was there since: nothing was changed, and the step is gone. */
  | SkippedStep;

/** A step that was left alone. */
export interface SkippedStep {
  readonly outcome: "skipped";
  readonly path: string;
  /** Who; 0 where that is not known. */
  readonly by: number;
  readonly byName: string | null;
  readonly text: string;
}

/** Undo for one client. */
export class StateUndo implements OwnWriteObserver {
  readonly #client: StateClient;
  readonly #history: UndoHistory;
  readonly #stops: (() => void)[];
  /** What this client gave to each sum. */
  readonly #parts = new Map<string, StateValue>();
  /** Transactions of this undo itself. */
  readonly #own = new Set<readonly TransactionStep[]>();
  /** The numbers that this client has had where they still mean it. */
  readonly #numbers = new Set<number>();
  #epoch: StateEpoch | null = null;
  #isApplying = false;
  #last: Promise<unknown> = Promise.resolve();

  /** Everything that `client` writes from now on can be taken back. */
  constructor(client: StateClient, { steps = MAX_STEPS, groupUs = GROUP_US }: StateUndoOptions = {}) {
    this.#client = client;
    this.#history = new UndoHistory(steps, groupUs);
    this.#epoch = client.port.replica.epoch;
    if (client.number !== 0) this.#numbers.add(client.number);
    this.#stops = [
      client.observe(this),
      client.onEvent((event) => {
        if (event.kind === "joined") this.#noteJoined(event.epoch, event.client, event.resumed);
      }),
    ];
  }

  /** Steps that can be taken back. */
  get undoable(): number {
    return this.#history.undoable;
  }

  /** Steps that can be done again. */
  get redoable(): number {
    return this.#history.redoable;
  }

  /**
   * Takes the newest step back: writes what stood there before. Rejects where the host refuses that; the step stays then.
   * Several calls follow each other.
   */
  undo(): Promise<UndoResult> {
    return this.#inTurn(() => this.#run("undo"));
  }

  /** Does again what was taken back last. Answers as {@linkcode undo}. */
  redo(): Promise<UndoResult> {
    return this.#inTurn(() => this.#run("redo"));
  }

  /**
   * Everything that the client writes while `work` runs is one step: a preset that is loaded, several controls of one button.
   * Within another group it belongs to that one.
   */
  async group<T>(work: () => T | Promise<T>): Promise<T> {
    const isFirst = this.#history.beginGroup();
    try {
      return await work();
    } finally {
      if (isFirst) this.#history.endGroup();
    }
  }

  /** Forgets all steps. */
  clear(): void {
    this.#history.clear();
  }

  /** Stops noting what the client does, and forgets it. */
  close(): void {
    for (const stop of this.#stops) stop();
    this.#history.clear();
  }

  /** A value was written: told by the client. */
  noteSet(
    id: PathId,
    path: string,
    before: StateValue,
    after: StateValue,
    priority: number | undefined,
  ): void {
    const { port } = this.#client;
    const isSum = port.replica.book?.definitionOf(id)?.merge === "sum";
    const former = isSum ? this.#parts.get(path) ?? null : before;
    if (isSum) this.#parts.set(path, after);
    if (!this.#isApplying) this.#history.noteSet(port.nowUs(), path, former, after, priority);
  }

  /** A transaction has happened: told by the client. */
  noteTransaction(steps: readonly TransactionStep[]): void {
    if (!this.#own.delete(steps)) this.#history.noteTransaction(steps);
  }

  #noteJoined(epoch: StateEpoch, client: number, resumed: boolean): void {
    const isOther = this.#epoch !== null &&
      (this.#epoch.term !== epoch.term || this.#epoch.hostId !== epoch.hostId);
    // A host that does not know this client may have given its number to another one.
    if (isOther && !resumed) this.#numbers.clear();
    this.#epoch = epoch;
    this.#numbers.add(client);
  }

  #inTurn(work: () => Promise<UndoResult>): Promise<UndoResult> {
    const turn = this.#last.then(work, work);
    this.#last = turn;
    return turn;
  }

  async #run(way: "undo" | "redo"): Promise<UndoResult> {
    const history = this.#history;
    const step = way === "undo" ? history.takeDone() : history.takeUndone();
    if (step === null) return { outcome: "nothing" };
    const putBack = () => way === "undo" ? history.putDone(step) : history.putUndone(step);
    try {
      if (step.kind === "group") return await this.#writeGroup(step, way);
      const result = step.kind === "set"
        ? await this.#writeSet(step, way)
        : await this.#writeStructure(step, way);
      if (result.outcome === "done") this.#putOther(step, way);
      return result;
    } catch (thrown) {
      if (thrown instanceof StateError && thrown.reason === "timeout" && step.kind === "set") {
        // It is written here and on its way.
        this.#putOther(step, way);
        return { outcome: "done", paths: [step.path], skipped: [] };
      }
      putBack();
      throw thrown;
    }
  }

  #putOther(step: Step, way: "undo" | "redo"): void {
    if (way === "undo") this.#history.putUndone(step);
    else this.#history.putDone(step);
  }

  async #writeSet(step: SetStep, way: "undo" | "redo"): Promise<UndoResult> {
    const { path, priority } = step;
    const [standing, next] = way === "undo" ? [step.after, step.before] : [step.before, step.after];
    const skipped = this.#changedBy(path, standing);
    if (skipped !== null) return skipped;
    const client = this.#client;
    this.#isApplying = true;
    let written: Promise<unknown>;
    try {
      const options = priority === undefined ? {} : { priority };
      written = next === null ? client.release(path) : client.set(path, next, options);
      if (next === null) this.#parts.delete(path);
    } finally {
      this.#isApplying = false;
    }
    await written;
    return { outcome: "done", paths: [path], skipped: [] };
  }

  /** Each for itself: what somebody else wrote since keeps its value. What was done can be done the other way. */
  async #writeGroup({ steps }: GroupStep, way: "undo" | "redo"): Promise<UndoResult> {
    const done: SetStep[] = [];
    const skipped: SkippedStep[] = [];
    const results = await Promise.all(
      (way === "undo" ? steps.toReversed() : steps).map(async (step) => ({
        step,
        result: await this.#writeSet(step, way).catch((thrown: unknown) => refusal(step, thrown)),
      })),
    );
    for (const { step, result } of results) {
      if (result.outcome === "skipped") skipped.push(result);
      else done.push(step);
    }
    const [first] = skipped;
    if (done.length === 0 && first !== undefined) return first;
    this.#putOther({ kind: "group", steps: way === "undo" ? done.reverse() : done }, way);
    return { outcome: "done", paths: done.map(({ path }) => path), skipped };
  }

  async #writeStructure({ steps }: StructureStep, way: "undo" | "redo"): Promise<UndoResult> {
    for (const step of steps) {
      const skipped = this.#structureChangedBy(step, way);
      if (skipped !== null) return skipped;
    }
    const later: { readonly path: string; readonly value: StateValue }[] = [];
    await this.#transact((transaction) => {
      for (const step of way === "undo" ? [...steps].reverse() : steps) {
        if (way === "redo") doStep(transaction, step);
        else undoStep(transaction, step, later);
      }
    });
    // A path has to be there before a value can be put; with the acknowledgement it is.
    if (later.length > 0) {
      await this.#transact((transaction) => {
        for (const { path, value } of later) transaction.put(path, value);
      });
    }
    return { outcome: "done", paths: steps.map(pathOf), skipped: [] };
  }

  async #transact(build: (transaction: TransactionBuilder) => void): Promise<void> {
    let made: readonly TransactionStep[] | null = null;
    try {
      await this.#client.transaction((transaction) => {
        build(transaction);
        made = transaction.steps;
        this.#own.add(made);
      });
    } finally {
      if (made !== null) this.#own.delete(made);
    }
  }

  /** Who stands in the way of a step at a path where `standing` was left; null for nobody. */
  #changedBy(path: string, standing: StateValue): SkippedStep | null {
    const client = this.#client;
    if (!client.has(path)) return gone(path);
    const info = client.info(path);
    // A part of a sum is nobody else's to change.
    if (info.definition.merge === "sum") return null;
    const present = info.isPending ? info.value : info.hostValue;
    const isOurs = info.isPending || info.holder === 0 || this.#numbers.has(info.holder);
    return isOurs && equalValues(present, standing) ? null : this.#skip(info);
  }

  #structureChangedBy(step: TransactionStep, way: "undo" | "redo"): SkippedStep | null {
    const client = this.#client;
    const path = pathOf(step);
    const shouldBe = way === "undo" ? step.kind !== "forget" : step.kind !== "define" || step.former !== null;
    if (client.has(path) !== shouldBe) return gone(path, client.has(path));
    if (!shouldBe) return null;
    if (step.kind === "put") return this.#changedBy(path, way === "undo" ? step.value : step.former);
    if (step.kind === "forget") return this.#changedBy(path, step.former);
    // Somebody uses what was made.
    return step.former === null ? this.#changedBy(path, step.definition.default) : null;
  }

  #skip({ path, holder, holderName }: ParameterInfo): SkippedStep {
    const by = this.#numbers.has(holder) ? 0 : holder;
    const who = by === 0 ? "somebody" : `${holderName ?? "somebody"} (client ${by})`;
    return {
      outcome: "skipped",
      path,
      by,
      byName: by === 0 ? null : holderName,
      text: `${path} was changed by ${who} since`,
    };
  }
}

/** What the host said no to; a write that is only not acknowledged yet is done. */
function refusal({ path }: SetStep, thrown: unknown): UndoResult {
  if (thrown instanceof StateError && thrown.reason === "timeout") {
    return { outcome: "done", paths: [path], skipped: [] };
  }
  if (!(thrown instanceof StateError) || thrown.reason === "closed") throw thrown;
  return { outcome: "skipped", path, by: thrown.holder, byName: null, text: thrown.message };
}

function doStep(transaction: TransactionBuilder, step: TransactionStep): void {
  if (step.kind === "define") transaction.define(step.definition);
  else if (step.kind === "put") transaction.put(step.path, step.value);
  else transaction.forget(step.definition.path);
}

function undoStep(
  transaction: TransactionBuilder,
  step: TransactionStep,
  later: { readonly path: string; readonly value: StateValue }[],
): void {
  if (step.kind === "put") transaction.put(step.path, step.former);
  else if (step.kind === "forget") {
    const { definition, former } = step;
    transaction.define(definition);
    if (!equalValues(former, definition.default)) later.push({ path: definition.path, value: former });
  } else if (step.former === null) transaction.forget(step.definition.path);
  else transaction.define(step.former);
}

function pathOf(step: TransactionStep): string {
  return step.kind === "put" ? step.path : step.definition.path;
}

function gone(path: string, isThere = false): SkippedStep {
  const text = isThere ? `${path} was made anew since` : `${path} is there no more`;
  return { outcome: "skipped", path, by: 0, byName: null, text };
}
