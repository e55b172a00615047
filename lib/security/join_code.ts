// A mesh key as text that a person carries from one machine to another: `hana1-` and twelve groups of five.
// Case, spaces and dashes do not matter, what is commonly misread is read right, and any other slip is found by
// 44 check bits. Never weaker than the key itself: whoever has read the code is in the mesh.

import { createHash } from "node:crypto";
import { concatBytes, HanaError } from "../base/mod.ts";
import { equalInConstantTime } from "./aead.ts";
import { isAccessCode } from "./access_code.ts";
import { decodeBase32, encodeBase32 } from "./base32.ts";
import { MESH_KEY_BYTES, MeshKey } from "./mesh_key.ts";

const PREFIX = "hana1";
const CHECK_BYTES = 5;
/** 37 bytes in base 32: 296 bits in 60 characters, the last four bits zero. */
const CODE_CHARACTERS = 60;
/** Far longer than a code with a space after every character; a longer text is no slip of the hand. */
const MAX_TEXT = 512;

function checkBytes(secret: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update("hana join code 1").update(secret).digest())
    .slice(0, CHECK_BYTES);
}

/** The code of a key: its secret alone, without name or age. */
export function formatJoinCode(key: MeshKey): string {
  const secret = key.exportSecret();
  const text = encodeBase32(concatBytes(secret, checkBytes(secret)));
  return `${PREFIX}-${text.replace(/(.{5})(?=.)/g, "$1-")}`;
}

/**
 * Reads a code; `name` is what this machine calls the mesh. Throws `usage` with what is wrong with the code, and
 * never with the code itself, since errors end up in logs.
 */
export function parseJoinCode(text: string, name: string | null = null): MeshKey {
  if (text.length > MAX_TEXT) throw badCode("is far too long");
  const bare = text.replace(/[\s\u2010-\u2015_-]/g, "");
  if (isAccessCode(text)) {
    throw new HanaError("usage", {
      what: "join code",
      why: "is an access code: it lets one person in, and holds no mesh key",
      hint: "hana mesh join - (takes it, on a machine without a key)",
    });
  }
  if (bare.slice(0, 4).toLowerCase() !== "hana") throw badCode(`does not begin with "${PREFIX}-"`);
  if (bare.slice(4, 5) !== "1") throw badCode("is of a version that this hana does not know");
  const body = bare.slice(PREFIX.length);
  if (!/^[0-9A-TV-Z]*$/i.test(body)) throw badCode("has a character that cannot be in it");
  if (body.length !== CODE_CHARACTERS) {
    throw badCode(`has ${body.length} characters after "${PREFIX}-" instead of ${CODE_CHARACTERS}`);
  }
  const bytes = decodeBase32(body) ?? new Uint8Array(MESH_KEY_BYTES); // not zero after the last bit: a slip as well
  const secret = bytes.subarray(0, MESH_KEY_BYTES);
  if (!equalInConstantTime(bytes.subarray(MESH_KEY_BYTES), checkBytes(secret))) {
    throw badCode("was mistyped: its check characters do not fit");
  }
  return new MeshKey(secret, name, null);
}

function badCode(why: string): HanaError {
  return new HanaError("usage", {
    what: "join code",
    why,
    hint: "hana mesh show --reveal -q (on a machine of the mesh)",
  });
}
