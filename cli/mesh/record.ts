// How a mesh is shown: name, fingerprint, keys, file. The join code only when the caller says so.

import type { AccessKeyRing, KeyRing } from "../../lib/security/mod.ts";
import { formatJoinCode } from "../../lib/security/mod.ts";
import type { Field, RecordRendering } from "../output/mod.ts";

/** What of a mesh is shown. */
export interface MeshRecordOptions {
  /** With the join code, which is the key itself. */
  readonly reveal?: boolean;
}

/** The record of a ring whose file is `path`. The open mesh has neither name nor keys to show. */
export function meshRecord(
  ring: KeyRing,
  path: string,
  options: MeshRecordOptions = {},
): RecordRendering {
  if (ring.kind === "access") return accessRecord(ring, path);
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
  const revoked = ring.revoked.map(({ name }) => name);
  if (revoked.length > 0) {
    fields.push({ label: "revoked", value: revoked.join(", "), plain: revoked.join(",") });
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
      ...(revoked.length === 0 ? {} : { revoked }),
      ...(joinCode === null ? {} : { joinCode }),
    },
  };
}

/** What a machine holds that only its user may be let in by. */
function accessRecord(ring: AccessKeyRing, path: string): RecordRendering {
  const { idText, name: mesh } = ring.primary;
  const { name, level, expiresS } = ring.grant;
  const expires = expiresS === null ? null : timeText(expiresS * 1000);
  return {
    what: "mesh",
    fields: [
      { label: "mesh", value: mesh },
      { label: "holder", value: { text: name, tone: "strong" } },
      { label: "role", value: level },
      { label: "trust", value: { text: "access", tone: "good" } },
      { label: "key", value: idText },
      { label: "expires", value: expires ?? "never", plain: expires ?? "" },
      { label: "file", value: path },
    ],
    quiet: [`${name} ${level}`],
    json: { trust: "access", name: mesh, holder: name, role: level, key: idText, expires, file: path },
  };
}

/** What a mesh is called: its name here, or what tells its key from others. */
export function meshName(ring: KeyRing): string {
  const { primary } = ring;
  return primary.name ?? (ring.kind === "mesh" ? ring.primary.fingerprint : primary.idText);
}

/** A moment, for people and for machines. */
export function timeText(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
