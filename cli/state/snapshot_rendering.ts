// Snapshots as rows, as records and as JSON.
// Decides the columns; what is in a snapshot, lib/state/presets does.

import type { LoadReport, PresetInfo, SnapshotEntry } from "../../lib/state/mod.ts";
import { counted, type JsonObject, type RecordRendering, type Rendering, shellWord } from "../output/mod.ts";
import type { Desk } from "./desk.ts";
import { valueText } from "./rendering.ts";

/** A value for scripts. */
export function entryJson({ path, type, value, priority }: SnapshotEntry): JsonObject {
  return { path, type, value: value instanceof Uint8Array ? value.toHex() : value, priority } as JsonObject;
}

/** The stored ones. */
export function presetsRendering(): Rendering<PresetInfo> {
  const json = (preset: PresetInfo): JsonObject => ({ ...preset });
  return {
    what: "state.snapshot.list",
    row: "snapshot",
    id: ({ name }) => name,
    columns: [
      { header: "NAME", cell: ({ name }) => name },
      { header: "VALUES", cell: ({ values }) => values, align: "right" },
      { header: "BELOW", cell: ({ prefix }) => prefix === "" ? null : prefix },
      { header: "BY", cell: ({ by }) => by },
      { header: "REVISION", cell: ({ revision }) => revision, align: "right", spare: 1 },
      { header: "NOTE", cell: ({ note }) => note, shrinks: true },
    ],
    json,
    document: (rows) => ({ snapshots: rows.map(json), summary: { total: rows.length } }),
  };
}

/** One that was stored. */
export function presetRecord(what: string, preset: PresetInfo, done: string): RecordRendering {
  const { name, values, revision, prefix, note } = preset;
  return {
    what,
    fields: [
      { label: "snapshot", value: name },
      { label: "values", value: values },
      { label: "revision", value: revision },
    ],
    sentences: [
      `${name} is ${done} with ${counted(values, "value")}${prefix === "" ? "" : ` below ${prefix}`}` +
      `${revision > 1 ? ` (revision ${revision})` : ""}; go back to it: hana state snapshot load ${
        shellWord(name)
      }`,
    ],
    quiet: [name],
    json: { name, values, revision, prefix, note },
  };
}

/** What was put back. */
export function loadedRecord(name: string, { loaded, skipped }: LoadReport): RecordRendering {
  return {
    what: "state.snapshot.load",
    fields: [
      { label: "snapshot", value: name },
      { label: "loaded", value: loaded.length },
      { label: "skipped", value: skipped.length },
    ],
    sentences: [
      `${name}: ${counted(loaded.length, "value")} put back${
        skipped.length === 0 ? "" : `, ${skipped.length} not`
      }`,
    ],
    quiet: loaded,
    json: { name, loaded: [...loaded], skipped: skipped.map((each) => ({ ...each })) },
  };
}

/** A value that differs. */
export interface DiffRow {
  readonly path: string;
  readonly from: SnapshotEntry | null;
  readonly to: SnapshotEntry | null;
}

/** What differs between two. */
export function diffRendering(desk: Desk, a: string, b: string, same: number): Rendering<DiffRow> {
  const text = (entry: SnapshotEntry | null): string | null => {
    if (entry === null) return null;
    const definition = desk.row(entry.path)?.definition;
    return definition === undefined || definition.type !== entry.type
      ? JSON.stringify(entryJson(entry).value)
      : valueText(definition, entry.value);
  };
  const json = ({ path, from, to }: DiffRow): JsonObject => ({
    path,
    from: from === null ? null : entryJson(from),
    to: to === null ? null : entryJson(to),
  });
  return {
    what: "state.snapshot.diff",
    row: "difference",
    id: ({ path }) => path,
    columns: [
      { header: "PATH", cell: ({ path }) => path },
      { header: a.toUpperCase(), cell: ({ from }) => text(from), shrinks: true },
      { header: b.toUpperCase(), cell: ({ to }) => text(to), shrinks: true },
    ],
    json,
    document: (rows) => ({
      from: a,
      to: b,
      differences: rows.map(json),
      summary: { different: rows.length, same },
    }),
    summary: (rows) => rows.length === 0 ? null : `${counted(rows.length, "value")} differ, ${same} the same`,
  };
}
