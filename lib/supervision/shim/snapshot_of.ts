// A program as it stands, put together from its keeper for whoever looks.
// Decides nothing: each field says where it comes from.

import type { ProgramSnapshot } from "../model/mod.ts";
import type { Keeper } from "./keeper.ts";

/** What a snapshot is made from. */
export interface SnapshotSource {
  readonly name: string;
  readonly generation: number;
  readonly keeper: Keeper;
  readonly nowUs: number;
  readonly wallMs: number;
  readonly eventSeq: number;
}

/** Puts it together. Moments of the shim's clock are told by the wall clock as it stands now. */
export function snapshotOf(
  { name, generation, keeper, nowUs, wallMs, eventSeq }: SnapshotSource,
): ProgramSnapshot {
  const { machine, run, sample, lastExit, note } = keeper;
  const wallOf = (atUs: number): number => Math.round(wallMs + (atUs - nowUs) / 1_000);
  const figures = run?.judge.figures ?? null;
  return {
    name,
    generation,
    argv: keeper.spec.argv,
    want: machine.want,
    state: machine.state,
    health: machine.health,
    process: run?.identity ?? null,
    run: machine.run,
    fails: machine.fails,
    sinceWallMs: wallOf(machine.sinceUs),
    startedWallMs: run?.startedWallMs ?? null,
    readyUs: run?.readyUs ?? null,
    nextTryWallMs: machine.nextTryUs === null ? null : wallOf(machine.nextTryUs),
    lastExit,
    status: figures?.status ?? null,
    fps: figures?.fps ?? null,
    frame: figures?.frame ?? null,
    residentBytes: sample?.residentBytes ?? null,
    cpuShare: sample?.cpuShare ?? null,
    processes: sample?.processes ?? (run === null ? 0 : 1),
    note,
    fallback: machine.fallback,
    unstable: machine.unstable,
    eventSeq,
    supervised: true,
  };
}
