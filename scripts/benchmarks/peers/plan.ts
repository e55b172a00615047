// The order of runs: each repetition takes the peers in turn and starts with another one, so that a machine that is
// slow for a minute is slow for all. Decides the order alone.

import { isNamed, type Peer } from "./peers.ts";
import type { Workload, WorkloadKind } from "./workloads.ts";

/** One run of one workload on one peer. */
export interface Run {
  readonly peer: Peer;
  readonly workload: Workload;
  readonly repetition: number;
}

/** What was asked for. */
export interface Choice {
  /** Peers by name or family; all when null. */
  readonly only: readonly string[] | null;
  /** Workloads by name or kind; all when null. */
  readonly workloads: readonly string[] | null;
  readonly repetitions: number;
}

/** The runs in their order: by workload, then by repetition, the peers in turn. */
export function planRuns(peers: readonly Peer[], all: readonly Workload[], choice: Choice): Run[] {
  const { only, workloads, repetitions } = choice;
  const runs: Run[] = [];
  for (const workload of all) {
    if (workloads !== null && !workloads.includes(workload.kind) && !workloads.includes(workload.name)) {
      continue;
    }
    const able = peers.filter((peer) =>
      peer.kinds.includes(workload.kind) && !(peer.isLocal === true && workload.cable !== null) &&
      (only === null || isNamed(peer, only))
    );
    for (let repetition = 0; repetition < repetitions; repetition++) {
      for (const at of able.keys()) {
        const peer = able[(at + repetition) % able.length];
        if (peer !== undefined) runs.push({ peer, workload, repetition });
      }
    }
  }
  return runs;
}

/** Words of `--only` or `--workload` that mean nothing. */
export function unknownWords(
  choice: Choice,
  peers: readonly Peer[],
  all: readonly Workload[],
  kinds: readonly WorkloadKind[],
): string[] {
  const names = [...kinds, ...all.map(({ name }) => name)];
  return [
    ...(choice.only ?? []).filter((word) => !peers.some((peer) => isNamed(peer, [word]))),
    ...(choice.workloads ?? []).filter((word) => !names.includes(word)),
  ];
}
