// The file that holds a machine's mesh keys: short text, so that a person can see what it is and a slip is found.
// Decides the format and who may be able to read the file; refuses one that others can read rather than repair it,
// since the key in it must be taken for known. Never decides where the file is (cli).

import { createHash } from "node:crypto";
import { fromHex, HanaError, isAccessLevel, toHanaError, toHex } from "../base/mod.ts";
import type { Files } from "../platform/mod.ts";
import { ACCESS_SECRET_BYTES, AccessKey, AccessKeyRing, isHolderName, MAX_EXPIRES_S } from "./access_key.ts";
import { KEY_ID_BYTES, type KeyRing, MESH_KEY_BYTES, MeshKey, MeshKeyRing } from "./mesh_key.ts";
import { MAX_REVOKED, type Revocation } from "./revocation.ts";

/** What the file may be, at most: half as much again as one with long names and all the revoked ones that it can hold. */
const MAX_FILE_BYTES = 4096;
const MODE = 0o600;
/** Version 1 is mesh keys alone. A file is of version 2 only where it must be, so that an older hana reads the others. */
const HEAD = "hana mesh key, version ";
const HEAD_PATTERN = /^hana mesh key, version (\d{1,6})$/;
const NOTE = "# Secret: whoever holds this file is in the mesh. hana mesh rotate makes a new key.";
const ACCESS_NOTE =
  "# Secret: whoever holds this file is this holder to the mesh. hana mesh leave --yes forgets it.";
const KEY_PATTERN = /^([0-9a-f]+)(?: created (\d{1,15}))?(?: name (".*"))?$/;
const ACCESS_PATTERN =
  /^([0-9a-f]{16}) ([0-9a-f]{32}) ([0-9a-f]{32}) ([a-z]+) (\S+)(?: expires (\d{1,10}))?(?: name (".*"))?$/;
const REVOKED_PATTERN = /^(\S+) under ([0-9a-f]{16})$/;
const CHECK_CHARACTERS = 16;

/** The file's text for a ring. */
export function formatKeyFile(ring: KeyRing): string {
  const version = ring.kind === "access" || ring.revoked.length > 0 ? 2 : 1;
  const lines = [`${HEAD}${version}`];
  if (ring.kind === "access") lines.push(ACCESS_NOTE, `access: ${formatAccess(ring.primary)}`);
  else {
    lines.push(NOTE, `primary: ${formatKey(ring.primary)}`);
    if (ring.previous !== null) lines.push(`previous: ${formatKey(ring.previous)}`);
    for (const { name, keyIdText } of ring.revoked) lines.push(`revoked: ${name} under ${keyIdText}`);
  }
  const body = lines.join("\n") + "\n";
  return `${body}check: ${checkOf(body)}\n`;
}

/** Reads the file's text. Throws `config`, naming `path` and what is wrong, never the key. */
export function parseKeyFile(text: string, path: string): KeyRing {
  const body = text.replaceAll("\r\n", "\n"); // copied by way of Windows
  const version = HEAD_PATTERN.exec(body.slice(0, Math.max(0, body.indexOf("\n"))));
  if (version === null) throw badFile(path, "is no mesh key file");
  if (version[1] !== "1" && version[1] !== "2") {
    throw badFile(path, `is of version ${version[1]}, which this hana does not know`);
  }

  const checkAt = body.lastIndexOf("check: ");
  const check = checkAt < 0 ? "" : body.slice(checkAt + "check: ".length);
  if (check.length !== CHECK_CHARACTERS + 1 || !check.endsWith("\n")) {
    throw badFile(path, "was cut short or has lost its check line");
  }
  if (check.slice(0, CHECK_CHARACTERS) !== checkOf(body.slice(0, checkAt))) {
    throw badFile(path, "was altered: its check line does not fit");
  }

  // From here on the text is what some hana wrote, unless somebody computed the check line for another one.
  return parseLines(body.slice(0, checkAt).split("\n").slice(1), version[1] === "2", path);
}

function parseLines(lines: readonly string[], isVersion2: boolean, path: string): KeyRing {
  let primary: MeshKey | null = null;
  let previous: MeshKey | null = null;
  let access: AccessKey | null = null;
  const revoked: Revocation[] = [];
  for (const line of lines) {
    if (line === "" || line.startsWith("#")) continue;
    const mayHoldMore = isVersion2 && access === null;
    if (primary === null && access === null && line.startsWith("primary: ")) {
      primary = parseKey(line.slice(9), path);
    } else if (previous === null && access === null && line.startsWith("previous: ")) {
      previous = parseKey(line.slice(10), path);
    } else if (mayHoldMore && primary === null && previous === null && line.startsWith("access: ")) {
      access = parseAccess(line.slice(8), path);
    } else if (mayHoldMore && revoked.length < MAX_REVOKED && line.startsWith("revoked: ")) {
      revoked.push(parseRevocation(line.slice(9), path));
    } else throw badFile(path, "has a line that this hana does not know");
  }
  if (access !== null) return new AccessKeyRing(access);
  if (primary === null) throw badFile(path, "holds no primary key");
  return new MeshKeyRing(primary, previous, "keyed", revoked);
}

/**
 * The keys in the file at `path`; null when there is none. `userId` is the user that hana runs as
 * (`Host.userId`). Throws `refused` when somebody else owns the file or can read it, `config` when its content is
 * not as it was written, `storage` when the system refuses.
 */
export function loadKeyRing(files: Files, path: string, userId: number | null): KeyRing | null {
  const stat = files.stat(path);
  if (stat === null) return null;
  if (stat.kind !== "file") {
    throw new HanaError("refused", {
      what: `mesh key file ${path}`,
      why: `is no plain file but a ${stat.kind === "other" ? "link or device" : stat.kind}`,
    });
  }
  if (stat.mode !== null && (stat.mode & 0o077) !== 0) {
    throw new HanaError("refused", {
      what: `mesh key file ${path}`,
      why: `other users can reach it (mode ${(stat.mode & 0o777).toString(8).padStart(4, "0")})`,
      hint: `chmod 600 ${path}`,
    });
  }
  if (stat.userId !== null && userId !== null && stat.userId !== userId) {
    throw new HanaError("refused", {
      what: `mesh key file ${path}`,
      why: `belongs to user ${stat.userId}, but hana runs as user ${userId}`,
      hint: `chown ${userId} ${path}`,
    });
  }
  if (stat.size > MAX_FILE_BYTES) throw badFile(path, `has ${stat.size} bytes, far more than a key file`);
  const bytes = files.read(path);
  if (bytes === null) return null; // removed since
  try {
    return parseKeyFile(new TextDecoder("utf-8", { fatal: true }).decode(bytes), path);
  } catch (thrown) {
    throw toHanaError(thrown, "config", `mesh key file ${path}`);
  }
}

/** Writes the ring to `path` for this user's eyes alone. Throws `storage`; `refused` for the open mesh. */
export function saveKeyRing(files: Files, path: string, ring: KeyRing): void {
  if (ring.trust === "open") {
    throw new HanaError("refused", {
      what: `mesh key file ${path}`,
      why: "the open mesh has no key to keep",
    });
  }
  files.write(path, new TextEncoder().encode(formatKeyFile(ring)), MODE);
}

function formatKey(key: MeshKey): string {
  const created = key.createdWallMs === null ? "" : ` created ${key.createdWallMs}`;
  const name = key.name === null ? "" : ` name ${JSON.stringify(key.name)}`;
  return `${toHex(key.exportSecret())}${created}${name}`;
}

function parseKey(text: string, path: string): MeshKey {
  const parts = KEY_PATTERN.exec(text);
  const secret = parts?.[1];
  if (secret === undefined) throw badFile(path, "has a key line that cannot be read");
  if (secret.length !== 2 * MESH_KEY_BYTES) {
    throw badFile(path, `holds a key of ${secret.length / 2} bytes instead of ${MESH_KEY_BYTES}`);
  }
  const created = parts?.[2] === undefined ? null : Number(parts[2]);
  return new MeshKey(fromHex(secret), parts?.[3] === undefined ? null : parseName(parts[3], path), created);
}

function formatAccess(key: AccessKey): string {
  const { secret, querySecret } = key.exportSecrets();
  const { name, level, expiresS } = key.grant;
  const expires = expiresS === null ? "" : ` expires ${expiresS}`;
  const mesh = key.name === null ? "" : ` name ${JSON.stringify(key.name)}`;
  return `${key.idText} ${toHex(secret)} ${toHex(querySecret)} ${level} ${name}${expires}${mesh}`;
}

function parseAccess(text: string, path: string): AccessKey {
  const [, id = "", secret = "", query = "", level, name = "", expires, mesh] = ACCESS_PATTERN.exec(text) ??
    [];
  const isWhole = id.length === 2 * KEY_ID_BYTES && secret.length === 2 * ACCESS_SECRET_BYTES;
  const expiresS = expires === undefined ? null : Number(expires);
  const isPossible = expiresS === null || (expiresS > 0 && expiresS <= MAX_EXPIRES_S);
  if (!isWhole || !isPossible || !isAccessLevel(level) || !isHolderName(name)) {
    throw badFile(path, "has an access key that cannot be read");
  }
  const grant = { name, level, expiresS };
  const meshName = mesh === undefined ? null : parseName(mesh, path);
  return new AccessKey(fromHex(id), grant, fromHex(secret), fromHex(query), meshName);
}

function parseRevocation(text: string, path: string): Revocation {
  const [, name = "", keyIdText = ""] = REVOKED_PATTERN.exec(text) ?? [];
  if (!isHolderName(name)) throw badFile(path, "has a revoked name that cannot be read");
  return { name, keyIdText };
}

function parseName(json: string, path: string): string {
  try {
    return String(JSON.parse(json));
  } catch {
    throw badFile(path, "holds a mesh name that cannot be read");
  }
}

function checkOf(body: string): string {
  return toHex(new Uint8Array(createHash("sha256").update(body).digest())).slice(0, CHECK_CHARACTERS);
}

function badFile(path: string, why: string): HanaError {
  return new HanaError("config", {
    what: `mesh key file ${path}`,
    why,
    hint:
      `rm ${path} && hana mesh join - (with the code of hana mesh show --reveal, run elsewhere in the mesh)`,
  });
}
