// What truly lives of the programs of a run: the processes of its machines, seen from outside.
// Decides whose a process is by the path that it was started from; tells facts, judges nothing and signals nobody.

import type { ProcessRecord, ProcessWatcher, SimulatedHost } from "../../../platform/simulated/mod.ts";
import type { Fact } from "../../observe.ts";

/** Where the executables of a node stand: each node has its own, so that every process tells whose it is. */
const ROOT = "/opt";
/** A program of the machine that has nothing to do with hana. */
export const BYSTANDER = `${ROOT}/bystander`;

/** The paths of a program's executables. */
export function pathsOf(node: string, program: string): { run: string; slate: string; fork: string } {
  const base = `${ROOT}/${node}/programs/${program}`;
  return { run: `${base}/run`, slate: `${base}/slate`, fork: `${base}/fork` };
}

/** The path of hana itself at a node. */
export function hanaPathOf(node: string): string {
  return `${ROOT}/${node}/hana`;
}

/** What a process is to its program. */
export type ProcessPart = "leader" | "slate" | "child" | "shim";

/** A process of a program. */
export interface Member {
  readonly node: string;
  /** Empty for a shim without a task. */
  readonly program: string;
  readonly part: ProcessPart;
  readonly run: number | null;
  readonly record: ProcessRecord;
  /** Whether a shim stands by its program. */
  readonly isHolding: boolean;
}

const PARTS: Readonly<Record<string, ProcessPart>> = { run: "leader", slate: "slate", fork: "child" };

/** All processes of programs. */
export class ProgramTruth {
  readonly #members = new Map<ProcessRecord, Member>();
  readonly #nowUs: () => number;
  readonly #tell: (fact: Fact) => void;

  constructor(nowUs: () => number, tell: (fact: Fact) => void) {
    this.#nowUs = nowUs;
    this.#tell = tell;
  }

  /** Looks at a machine from now on; `daemons` names the node whose process has this number there. */
  watch(host: SimulatedHost, daemonOf: (record: ProcessRecord) => string | null): void {
    const watcher: ProcessWatcher = {
      onStarted: (record) => this.#onStarted(record),
      onEnded: (record, how) =>
        this.#onEnded(record, how === "power-lost" ? how : how.signal ?? String(how.code)),
      onSignal: (record, signal, from) => {
        if (from !== null && from !== record) this.#onSignal(record, signal, from, daemonOf);
      },
    };
    host.processTable.watcher = watcher;
  }

  /** The living processes of a program, those of one part where that is said. */
  of(node: string, program: string, part?: ProcessPart): Member[] {
    const found: Member[] = [];
    for (const member of this.#members.values()) {
      if (member.node !== node || member.program !== program) continue;
      if (part === undefined || member.part === part) found.push(member);
    }
    return found;
  }

  /** A shim has its task, or stands by its program. */
  noteShim(host: SimulatedHost, processId: number, program: string, isHolding: boolean): void {
    const record = host.processTable.find(processId);
    const member = record === null ? undefined : this.#members.get(record);
    if (record === null || member === undefined) return;
    this.#members.set(record, { ...member, program, isHolding });
    if (isHolding) this.#tellOf({ ...member, program }, "holds", null);
  }

  #onStarted(record: ProcessRecord): void {
    const whose = whoseIs(record);
    if (whose === null) return;
    const run = Number(record.env["HANA_RUN"]);
    const member: Member = {
      ...whose,
      run: whose.part === "shim" || !Number.isSafeInteger(run) ? null : run,
      record,
      isHolding: false,
    };
    this.#members.set(record, member);
    this.#tellOf(member, "started", null);
  }

  #onEnded(record: ProcessRecord, how: string): void {
    const member = this.#members.get(record);
    if (member === undefined) return;
    this.#members.delete(record);
    this.#tellOf(member, "ended", how);
  }

  #onSignal(
    record: ProcessRecord,
    signal: string,
    from: ProcessRecord,
    daemonOf: (record: ProcessRecord) => string | null,
  ): void {
    const sender = this.#members.get(from);
    const node = sender?.node ?? daemonOf(from);
    if (node === null) return;
    const target = this.#members.get(record);
    this.#tell({
      kind: "signalled",
      atUs: this.#nowUs(),
      node,
      program: sender?.program ?? null,
      signal,
      processId: record.processId,
      target: target === undefined ? null : { node: target.node, program: target.program, part: target.part },
    });
  }

  #tellOf(
    { node, program, part, run, record }: Member,
    what: "started" | "holds" | "ended",
    how: string | null,
  ): void {
    const { processId } = record;
    this.#tell({ kind: "process", atUs: this.#nowUs(), node, program, what, part, processId, run, how });
  }
}

function whoseIs({ program: path }: ProcessRecord): Pick<Member, "node" | "program" | "part"> | null {
  const [, root, node = "", what = "", program = "", file = ""] = path.split("/");
  if (`/${root}` !== ROOT || what === "") return null;
  if (what === "hana") return { node, program: "", part: "shim" };
  const part = PARTS[file];
  return part === undefined ? null : { node, program, part };
}
