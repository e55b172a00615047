// How a mesh is shown: name, fingerprint, keys, file. The join code only when the caller says so.

import type { MeshKeyRing } from "../../lib/security/mod.ts";
import { formatJoinCode } from "../../lib/security/mod.ts";
import type { Field, RecordRendering } from "../output/mod.ts";

/** What of a mesh is shown. */
export interface MeshRecordOptions {
  /** With the join code, which is the key itself. */
  readonly reveal?: boolean;
}

/** The record of a ring whose file is `path`. The open mesh has neither name nor keys to show. */
export function meshRecord(
  ring: MeshKeyRing,
  path: string,
  options: MeshRecordOptions = {},
): RecordRendering {
  if (ring.trust === "open") {
    return {
      what: "mesh",
      fields: [
        { label: "trust", value: { text: "open", tone: "warn" } },
        { label: "file", value: `${path} (missing)`, plain: path },
      ],
      quiet: ["open"],
      json: { trust: "open", name: null, fingerprint: null, file: path, keys: [] },
    };
  }
  const { primary, previous } = ring;
  const joinCode = options.reveal === true ? formatJoinCode(primary) : null;
  const fields: Field[] = [
    { label: "mesh", value: primary.name },
    { label: "fingerprint", value: { text: primary.fingerprint, tone: "strong" } },
    { label: "trust", value: { text: "keyed", tone: "good" } },
    { label: "key", value: primary.idText },
  ];
  if (previous !== null) {
    fields.push({ label: "previous", value: `${previous.idText} (still accepted)`, plain: previous.idText });
  }
  fields.push({
    label: "created",
    value: primary.createdWallMs === null ? null : timeText(primary.createdWallMs),
  });
  fields.push({ label: "file", value: path });
  if (joinCode !== null) fields.push({ label: "join code", value: joinCode });
  return {
    what: "mesh",
    fields,
    quiet: [joinCode ?? primary.fingerprint],
    json: {
      trust: "keyed",
      name: primary.name,
      fingerprint: primary.fingerprint,
      file: path,
      keys: ring.keys.map((key, at) => ({
        slot: at === 0 ? "primary" : "previous",
        id: key.idText,
        fingerprint: key.fingerprint,
        created: key.createdWallMs === null ? null : timeText(key.createdWallMs),
      })),
      ...(joinCode === null ? {} : { joinCode }),
    },
  };
}

function timeText(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
