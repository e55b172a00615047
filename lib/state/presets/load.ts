// Putting the values of a snapshot back: as ordinary writes, with a fade if wanted, or as one change of structure.
// Decides what can still be put back; what cannot is told and never keeps the rest from it. Who stands above a write stays there.

import { type StateClient, StateError } from "../client/mod.ts";
import { equalValues, Fade } from "../merge/mod.ts";
import type { StateValue } from "../model/mod.ts";
import { checkValue, isRefusal } from "../schema/mod.ts";
import type { Snapshot, SnapshotEntry } from "./snapshot.ts";

/** Writes that are awaited together. */
const AT_ONCE = 1_024;
/**
 * The pause between two steps of a fade, in microseconds: longer than that between two patches, so that the hand of somebody else
 * is seen between two steps.
 */
const STEP_US = 40_000;

/** How a snapshot is put back. */
export interface LoadOptions {
  /**
   * `values`: ordinary writes of this client, which then holds the paths. `structure`: one transaction, all or nothing; nobody
   * holds the paths then, and the client must be privileged. `values` where nothing is said.
   */
  readonly as?: "values" | "structure";
  /** Of the writes; 100 where nothing is said. */
  readonly priority?: number;
  /** Write each value with the priority that the snapshot has of it. */
  readonly priorities?: boolean;
  /** Numbers, vectors and rotations go there within this, in microseconds; at once where nothing is said. For `values`. */
  readonly fadeUs?: number;
}

/** Why a value was not put back, or has no effect. */
export type LoadProblem =
  /** The path is there no more. */
  | "gone"
  /** It takes values of another type now. */
  | "type"
  /** It does not take this value any more. */
  | "range"
  /** Its writers add up: there is no one value to put back. */
  | "sum"
  /** Written, but somebody else's value stands above it. */
  | "shadowed"
  /** Somebody else took it while it faded. */
  | "taken"
  /** The host refused it. */
  | "refused";

/** A value that was not put back. */
export interface SkippedValue {
  readonly path: string;
  readonly problem: LoadProblem;
  /** For a person. */
  readonly text: string;
}

/** What became of a snapshot that was put back. */
export interface LoadReport {
  /** Paths that have the value of the snapshot now. */
  readonly loaded: readonly string[];
  readonly skipped: readonly SkippedValue[];
}

/** Puts a snapshot back. Rejects where `structure` is refused whole, and with `closed` when the client is. */
export async function loadSnapshot(
  client: StateClient,
  snapshot: Snapshot,
  options: LoadOptions = {},
): Promise<LoadReport> {
  const skipped: SkippedValue[] = [];
  const fitting = snapshot.entries.filter((entry) => {
    const problem = problemOf(client, entry);
    if (problem !== null) skipped.push(problem);
    return problem === null;
  });
  if (options.as === "structure") {
    await client.transaction((transaction) => {
      for (const { path, value } of fitting) transaction.put(path, value);
    });
    return { loaded: fitting.map(({ path }) => path), skipped };
  }
  const { fadeUs = 0 } = options;
  const taken = fadeUs > 0 ? await fadeAll(client, fitting, options, fadeUs) : new Set<string>();
  const loaded: string[] = [];
  for (const path of taken) {
    skipped.push({ path, problem: "taken", text: `${path} was taken by somebody else while it faded` });
  }
  const left = fitting.filter(({ path }) => !taken.has(path));
  for (let at = 0; at < left.length; at += AT_ONCE) {
    const writes = left.slice(at, at + AT_ONCE).map((entry) => write(client, entry, options));
    for (const result of await Promise.all(writes)) {
      if (typeof result === "string") loaded.push(result);
      else skipped.push(result);
    }
  }
  return { loaded, skipped };
}

function problemOf(client: StateClient, { path, type, value }: SnapshotEntry): SkippedValue | null {
  if (!client.has(path)) return { path, problem: "gone", text: `${path} is there no more` };
  const { definition, hostValue } = client.info(path);
  if (definition.type !== type) {
    return { path, problem: "type", text: `${path} is of type ${definition.type} now, and was ${type}` };
  }
  const checked = checkValue(definition, value);
  if (isRefusal(checked)) return { path, problem: "range", text: checked.why };
  if (definition.merge === "sum" && !equalValues(hostValue, value)) {
    return {
      path,
      problem: "sum",
      text: `${path} is the sum of its writers, and has no one value to put back`,
    };
  }
  return null;
}

function priorityOf({ priority }: SnapshotEntry, options: LoadOptions): number | undefined {
  const own = options.priorities === true ? priority : null;
  return own ?? options.priority;
}

/** The path, or what became of it. */
async function write(
  client: StateClient,
  entry: SnapshotEntry,
  options: LoadOptions,
): Promise<string | SkippedValue> {
  const { path, value } = entry;
  if (client.info(path).definition.merge === "sum") return path;
  const priority = priorityOf(entry, options);
  try {
    const { outcome, text } = await client.set(path, value, priority === undefined ? {} : { priority });
    if (outcome !== "shadowed") return path;
    return { path, problem: "shadowed", text };
  } catch (thrown) {
    if (!(thrown instanceof StateError) || thrown.reason === "closed") throw thrown;
    return { path, problem: "refused", text: thrown.message };
  }
}

interface Moving {
  readonly entry: SnapshotEntry;
  readonly fade: Fade;
}

/** Moves what can be moved to where it shall stand. Resolves with the paths that somebody else took on the way. */
function fadeAll(
  client: StateClient,
  entries: readonly SnapshotEntry[],
  options: LoadOptions,
  fadeUs: number,
): Promise<Set<string>> {
  const { port, timers } = client;
  const taken = new Set<string>();
  const moving: Moving[] = [];
  const startUs = port.nowUs();
  for (const entry of entries) {
    const { definition, value } = client.info(entry.path);
    if (!FADING.includes(entry.type) || equalValues(value, entry.value)) continue;
    const fade = new Fade({ ...definition, fadeUs }, value, 0);
    fade.handleValue(startUs, entry.value, 1);
    moving.push({ entry, fade });
  }
  const { promise, resolve } = Promise.withResolvers<Set<string>>();
  if (moving.length === 0) {
    resolve(taken);
    return promise;
  }
  const stops = watchTaken(client, moving.map(({ entry }) => entry.path), taken);
  const step = (): void => {
    const nowUs = port.nowUs();
    if (nowUs >= startUs + fadeUs) {
      for (const stop of stops) stop();
      return resolve(taken);
    }
    for (const { entry, fade } of moving) {
      if (!taken.has(entry.path)) moveTo(client, entry, fade.fadeAt(nowUs), options);
    }
    timers.schedule(Math.min(nowUs + STEP_US, startUs + fadeUs), step);
  };
  step();
  return promise;
}

function moveTo(client: StateClient, entry: SnapshotEntry, shown: StateValue, options: LoadOptions): void {
  const value = Array.isArray(shown) ? shown.slice() : shown;
  const priority = priorityOf(entry, options);
  client.trySet(entry.path, value, priority === undefined ? {} : { priority });
}

/** Notes the paths that this client held and somebody else took, or that are gone: it gives way there. */
function watchTaken(client: StateClient, paths: readonly string[], taken: Set<string>): (() => void)[] {
  const held = new Set<string>();
  const stops: (() => void)[] = [];
  for (let at = 0; at < paths.length; at += AT_ONCE) {
    stops.push(client.subscribe(paths.slice(at, at + AT_ONCE), (changes) => {
      for (const { path, holder, isGone } of changes) {
        if (holder === client.number) held.add(path);
        else if (!taken.has(path) && (isGone || (holder !== 0 && held.has(path)))) {
          taken.add(path);
          // A step on its way would be newer than what the other one wrote.
          if (!isGone) client.release(path).catch(() => {});
        }
      }
    }));
  }
  return stops;
}

const FADING: readonly string[] = ["f32", "unit", "i32", "vec3", "quat"];
