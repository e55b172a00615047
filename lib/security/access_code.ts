// An access key as text that a person carries to a laptop: `hana-access1-` and groups of five, like a join code and never
// to be taken for one. Base 32 of: mesh key id 8 B · secret 16 B · query secret 16 B · level u8 · end u32 (seconds since
// 1970, 0 for never) · name · 5 check bytes. Whoever has read the code is its holder.

import { createHash } from "node:crypto";
import { ACCESS_LEVELS, concatBytes, HanaError } from "../base/mod.ts";
import { equalInConstantTime } from "./aead.ts";
import { ACCESS_SECRET_BYTES, AccessKey, isHolderName, MAX_HOLDER_BYTES } from "./access_key.ts";
import { decodeBase32, encodeBase32 } from "./base32.ts";
import { KEY_ID_BYTES } from "./mesh_key.ts";

const PREFIX = "hana-access1";
const BARE_PREFIX = "hanaaccess";
const VERSION = "1";
const CHECK_BYTES = 5;
const SECRET_AT = KEY_ID_BYTES;
const QUERY_AT = SECRET_AT + ACCESS_SECRET_BYTES;
const LEVEL_AT = QUERY_AT + ACCESS_SECRET_BYTES;
const EXPIRES_AT = LEVEL_AT + 1;
const NAME_AT = EXPIRES_AT + 4;
/** Far longer than a code with a space after every character. */
const MAX_TEXT = 1024;

function checkBytes(body: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update("hana access code 1").update(body).digest())
    .slice(0, CHECK_BYTES);
}

/** The code without what people put between its characters. */
function bareText(text: string): string {
  return text.replace(/[\s\u2010-\u2015_-]/g, "");
}

/** Whether a text is meant to be an access code, of whatever version and with whatever slips behind its beginning. */
export function isAccessCode(text: string): boolean {
  return bareText(text.slice(0, MAX_TEXT)).slice(0, BARE_PREFIX.length).toLowerCase() === BARE_PREFIX;
}

/** The code of a key: all of it but what this machine calls the mesh. */
export function formatAccessCode(key: AccessKey): string {
  const { secret, querySecret } = key.exportSecrets();
  const { name, level, expiresS } = key.grant;
  const fixed = new Uint8Array(NAME_AT);
  fixed.set(key.id);
  fixed.set(secret, SECRET_AT);
  fixed.set(querySecret, QUERY_AT);
  fixed[LEVEL_AT] = ACCESS_LEVELS.indexOf(level);
  new DataView(fixed.buffer).setUint32(EXPIRES_AT, expiresS ?? 0);
  const body = concatBytes(fixed, new TextEncoder().encode(name));
  const text = encodeBase32(concatBytes(body, checkBytes(body)));
  return `${PREFIX}-${text.replace(/(.{5})(?=.)/g, "$1-")}`;
}

/**
 * Reads a code; `meshName` is what this machine calls the mesh. Throws `usage` with what is wrong with the code, and
 * never with the code itself, since errors end up in logs.
 */
export function parseAccessCode(text: string, meshName: string | null = null): AccessKey {
  if (text.length > MAX_TEXT) throw badCode("is far too long");
  if (!isAccessCode(text)) throw badCode(`does not begin with "${PREFIX}-"`);
  const body = bareText(text).slice(BARE_PREFIX.length);
  if (body.charAt(0) !== VERSION) throw badCode("is of a version that this hana does not know");
  const characters = body.slice(1);
  if (!/^[0-9A-TV-Z]*$/i.test(characters)) throw badCode("has a character that cannot be in it");
  const bytes = decodeBase32(characters) ?? new Uint8Array(0);
  const nameBytes = bytes.length - NAME_AT - CHECK_BYTES;
  if (nameBytes < 1 || nameBytes > MAX_HOLDER_BYTES || encodeBase32(bytes).length !== characters.length) {
    throw badCode("was mistyped, or a part of it is missing");
  }
  const checked = bytes.subarray(0, bytes.length - CHECK_BYTES);
  if (!equalInConstantTime(bytes.subarray(checked.length), checkBytes(checked))) {
    throw badCode("was mistyped: its check characters do not fit");
  }
  const level = ACCESS_LEVELS[checked[LEVEL_AT] ?? ACCESS_LEVELS.length];
  const name = new TextDecoder().decode(checked.subarray(NAME_AT));
  if (level === undefined || !isHolderName(name)) throw badCode("names a role or a holder that cannot be");
  const view = new DataView(checked.buffer, checked.byteOffset, checked.length);
  const expiresS = view.getUint32(EXPIRES_AT);
  return new AccessKey(
    checked.subarray(0, KEY_ID_BYTES),
    { name, level, expiresS: expiresS === 0 ? null : expiresS },
    checked.subarray(SECRET_AT, QUERY_AT),
    checked.subarray(QUERY_AT, LEVEL_AT),
    meshName,
  );
}

function badCode(why: string): HanaError {
  return new HanaError("usage", {
    what: "access code",
    why,
    hint: "hana mesh grant NAME --role crew -q (on a machine with the mesh key)",
  });
}
