// Groups of displays as rows and as JSON.
// Decides the columns and what a closing sentence counts; what a display shows, lib/state/groups says.

import type { DisplayGroup, DisplayStanding, GroupStatus } from "../../lib/state/mod.ts";
import { counted, type JsonObject, type Rendering } from "../output/mod.ts";

/** A group as the state has it. */
export interface GroupRow {
  readonly id: string;
  readonly group: DisplayGroup;
  /** Null where the host has not said anything yet. */
  readonly status: GroupStatus | null;
}

/** A display of a group. */
export interface DisplayRow {
  readonly group: string;
  readonly display: string;
  readonly wanted: number;
  readonly standing: DisplayStanding | null;
}

/** Groups in a list. */
export function groupsRendering(): Rendering<GroupRow> {
  return {
    what: "state.groups",
    row: "group",
    id: ({ id }) => id,
    columns: [
      { header: "GROUP", cell: ({ id }) => id },
      { header: "NAME", cell: ({ group }) => group.name, spare: 1 },
      { header: "DISPLAYS", cell: ({ group }) => group.members.length, align: "right" },
      { header: "LAYOUT", cell: ({ group }) => `${group.layout}, ${group.mode}`, spare: 2 },
      { header: "SYNC", cell: ({ group }) => group.strict ? `${group.sync}, strict` : group.sync, spare: 3 },
      { header: "VERSION", cell: ({ group }) => group.version, align: "right" },
      { header: "SEEN", cell: ({ status }) => status === null ? null : status.version, align: "right" },
      {
        header: "PHASE",
        cell: ({ status }) =>
          status === null ? null : { text: status.phase, tone: status.phase === "shown" ? "good" : "warn" },
        plain: ({ status }) => status?.phase ?? null,
      },
      {
        header: "LATE",
        cell: ({ status }) => {
          const late = lateOf(status);
          return late.length === 0 ? null : { text: late.join(", "), tone: "warn" };
        },
        plain: ({ status }) => lateOf(status).join(",") || null,
        shrinks: true,
      },
    ],
    json: groupJson,
    document: (rows) => ({ groups: rows.map(groupJson), summary: { total: rows.length } }),
  };
}

function lateOf(status: GroupStatus | null): string[] {
  return Object.entries(status?.displays ?? {}).filter(([, { late }]) => late).map(([display]) => display);
}

function groupJson({ id, group, status }: GroupRow): JsonObject {
  return { id, ...group, status } as unknown as JsonObject;
}

/** Their displays. */
export function displaysRendering(groups: readonly GroupRow[]): Rendering<DisplayRow> {
  const json = ({ group, display, wanted, standing }: DisplayRow): JsonObject => ({
    group,
    display,
    wanted,
    version: standing?.version ?? 0,
    state: standing?.state ?? null,
    late: standing?.late ?? false,
    why: standing?.why ?? null,
  });
  return {
    what: "state.groups.status",
    row: "display",
    id: ({ display }) => display,
    key: ({ group, display }) => `${group} ${display}`,
    columns: [
      { header: "GROUP", cell: ({ group }) => group },
      { header: "DISPLAY", cell: ({ display }) => display },
      {
        header: "SHOWS",
        cell: ({ standing, wanted }) =>
          standing === null || standing.version === 0
            ? null
            : standing.version === wanted
            ? `version ${wanted}`
            : `version ${standing.version} of ${wanted}`,
        plain: ({ standing }) => standing?.version ?? 0,
      },
      {
        header: "STATE",
        cell: ({ standing }) =>
          standing === null ? null : {
            text: standing.late ? `${standing.state}, late` : standing.state,
            tone: standing.state === "shown" ? "good" : "warn",
          },
        plain: ({ standing }) => standing?.state ?? null,
      },
      { header: "WHY", cell: ({ standing }) => standing?.why ?? null, shrinks: true },
    ],
    json,
    document: (rows) => ({
      groups: groups.map(({ id, group, status }) => ({
        id,
        wanted: group.version,
        version: status?.version ?? 0,
        phase: status?.phase ?? null,
        why: status?.why ?? null,
      })),
      displays: rows.map(json),
      summary: {
        total: rows.length,
        shown:
          rows.filter(({ standing, wanted }) => standing?.state === "shown" && standing.version === wanted)
            .length,
      },
    }),
    summary: (rows) => {
      if (rows.length === 0) return null;
      const shown = rows.filter(({ standing, wanted }) =>
        standing?.state === "shown" && standing.version === wanted
      );
      return `${shown.length} of ${counted(rows.length, "display")} ${
        shown.length === 1 ? "shows" : "show"
      } what they should`;
    },
  };
}
