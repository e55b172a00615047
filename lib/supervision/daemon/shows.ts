// The show of a node: which generation of it is in force, and the few before it.
// Decides what applying one changes, and that an older one never comes in by itself; the supervisor does the rest.

import { HanaError } from "../../base/mod.ts";
import type { RowChange } from "../../platform/mod.ts";
import { diffSpecs } from "../spec/mod.ts";
import type { ApplyCall, ApplyResult, ShowRecord } from "./calls.ts";
import { type ProgramRow, readShow } from "./rows.ts";
import type { Store } from "./store.ts";

const KEY_DIGITS = 14;

/** What applying a show writes. */
export interface ShowPlan {
  /** Programs that change, as they are to be. */
  readonly rows: readonly ProgramRow[];
  /** The show itself. */
  readonly changes: readonly RowChange[];
  readonly result: Pick<ApplyResult, "generation" | "added" | "changed" | "removed" | "unchanged">;
}

/** Generations of a show. */
export class Shows {
  readonly #store: Store;
  readonly #max: number;

  constructor(store: Store, max: number) {
    this.#store = store;
    this.#max = max;
  }

  /** Those that are kept, newest first. */
  all(): ShowRecord[] {
    return this.#store.read("show", (_key, text) => readShow(text), { reverse: true, limit: this.#max });
  }

  /** Throws `conflict` where another generation is in force than the asker saw. */
  expect(base: number | undefined): void {
    const [newest] = this.all();
    const generation = newest?.generation ?? 0;
    if (base === undefined || base === generation) return;
    throw new HanaError("conflict", {
      what: `the show was changed meanwhile: generation ${generation} is in force, not ${base}`,
      why: newest === undefined ? "its shows are gone" : `${newest.by || "somebody"} applied it`,
      hint: "hana apply --status",
    });
  }

  /** What applying changes. Throws `conflict`. */
  plan(call: ApplyCall, present: readonly ProgramRow[], atWallMs: number): ShowPlan {
    const { show, by } = call;
    const [newest] = this.all();
    this.expect(call.base);
    if (newest !== undefined && show.generation <= newest.generation) {
      throw new HanaError("conflict", {
        what: `generation ${show.generation} of the show`,
        why: `generation ${newest.generation} is in force`,
      });
    }
    const known = new Map(present.map((row) => [row.name, row]));
    const rows: ProgramRow[] = [];
    const names = {
      added: [] as string[],
      changed: [] as string[],
      removed: [] as string[],
      unchanged: [] as string[],
    };
    for (const { name, spec, want } of call.programs) {
      const before = known.get(name);
      known.delete(name);
      if (before?.from === "spawn" && !before.removing) {
        throw new HanaError("conflict", {
          what: `program ${name}`,
          why: `${before.by} spawned one of this name`,
          hint: `hana rm ${name} --stop`,
        });
      }
      const isSame = before !== undefined && !before.removing && before.want === want &&
        diffSpecs(before.spec, spec).length === 0;
      if (isSame) {
        names.unchanged.push(name);
        continue;
      }
      names[before === undefined ? "added" : "changed"].push(name);
      const mode = want === "once" ? "once" : "up";
      const generation = (before?.generation ?? 0) + 1;
      rows.push({ name, spec, want, mode, generation, by, atWallMs, from: "manifest", removing: false });
    }
    for (const row of known.values()) {
      if (row.from !== "manifest" || row.removing) continue;
      names.removed.push(row.name);
      rows.push({ ...row, want: "down", removing: true, generation: row.generation + 1, by, atWallMs });
    }
    const { generation, sha256, text, name = "", of = null } = show;
    const record: ShowRecord = { generation, name, of, sha256, text, by, atWallMs };
    const key = String(show.generation).padStart(KEY_DIGITS, "0");
    const changes: RowChange[] = [{ table: "show", key, value: JSON.stringify(record) }];
    const old = this.#store.list("show", { reverse: true }).slice(this.#max - 1);
    for (const { key: oldKey } of old) changes.push({ table: "show", key: oldKey, value: null });
    return { rows, changes, result: { generation: show.generation, ...names } };
  }
}
