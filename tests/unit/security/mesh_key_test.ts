// Mesh keys, rings, key files and join codes: what is accepted, what is refused and with which words.

import { assert, assertEquals, assertMatch, assertNotEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { HanaError, toHex } from "../../../lib/base/mod.ts";
import { decodeBase32, encodeBase32 } from "../../../lib/security/base32.ts";
import {
  createMeshKey,
  formatJoinCode,
  formatKeyFile,
  loadKeyRing,
  MeshKey,
  MeshKeyRing,
  openMeshKeyRing,
  parseJoinCode,
  parseKeyFile,
  rotate,
  saveKeyRing,
} from "../../../lib/security/mod.ts";
import { MemoryFiles, seededRandom, testKey, testRing } from "./support.ts";

const PATH = "/state/hana/mesh.key";
const secrets = fc.uint8Array({ minLength: 32, maxLength: 32 });

function errorOf(run: () => unknown): HanaError {
  return assertThrows(run, HanaError);
}

Deno.test("a key has an id, a fingerprint and one key for each purpose, all of them different", () => {
  const key = testKey(1);
  assertEquals(key.id.length, 8);
  assertMatch(key.fingerprint, /^[0-9A-Z]{4}(-[0-9A-Z]{4}){3}$/);
  const purposes = ["session psk", "datagram mac", "lease", "page cookie"] as const;
  const derived = purposes.map((purpose) => toHex(key.derive(purpose)));
  assertEquals(new Set([...derived, toHex(key.exportSecret())]).size, 5);
  assert(derived.every((hex) => !hex.startsWith(key.idText)));
  assert(key.derive("lease") === key.derive("lease"));
  assertNotEquals(testKey(2).idText, key.idText);
  assertNotEquals(testKey(2).fingerprint, key.fingerprint);
});

Deno.test("derived keys are HKDF-SHA-256, by an independent implementation", () => {
  fc.assert(
    fc.property(secrets, (secret) => {
      const text = new TextEncoder();
      const expected = (info: string, bytes: number) =>
        hkdf(sha256, secret, text.encode("hana mesh key 1"), text.encode(info), bytes);
      const key = new MeshKey(secret);
      assertEquals(key.derive("session psk"), expected("hana session psk", 32));
      assertEquals(key.id, expected("hana key id", 8));
    }),
    { numRuns: 20 },
  );
});

Deno.test("a key never shows its secret in JSON, text or inspection", () => {
  const key = testKey(3, "Tour");
  const hex = toHex(key.exportSecret());
  const decimal = key.exportSecret().slice(0, 4).join(",");
  for (
    const text of [JSON.stringify(key), String(key), Deno.inspect(new MeshKeyRing(key, null), { depth: 9 })]
  ) {
    assert(!text.includes(hex) && !text.replace(/\s/g, "").includes(decimal), text);
  }
});

Deno.test("creating draws 32 bytes; another length or an unusable name is refused", () => {
  assertEquals(createMeshKey(seededRandom(5), "Tour 2026", 7).createdWallMs, 7);
  assertEquals(errorOf(() => new MeshKey(new Uint8Array(31))).code, "config");
  for (const name of ["", " Tour", "Tour\n", "a\u0000b", "a\u202eb", "x".repeat(65), "ü".repeat(33)]) {
    assertEquals(errorOf(() => new MeshKey(new Uint8Array(32), name)).code, "config", JSON.stringify(name));
  }
  assertEquals(new MeshKey(new Uint8Array(32), "Zürich 花").name, "Zürich 花");
});

Deno.test("a ring finds both its keys and rotates the older one out", () => {
  const [a, b, c] = [testKey(1), testKey(2), testKey(3)];
  const first = new MeshKeyRing(a, null);
  const second = rotate(first, b);
  const third = rotate(second, c);
  assertEquals([second.primary, second.previous], [b, a]);
  assertEquals([third.primary, third.previous], [c, b]);
  assertEquals([second.find(a.id), second.find(b.id), second.find(c.id)], [a, b, null]);
  assertEquals(third.find(a.id), null);
  assertEquals(errorOf(() => rotate(second, a)).code, "conflict");
  assertEquals(errorOf(() => rotate(openMeshKeyRing(), a)).code, "refused");
});

Deno.test("the open mesh is the same for everybody, and no key at all", () => {
  assertEquals(openMeshKeyRing().primary.idText, openMeshKeyRing().primary.idText);
  assertEquals([openMeshKeyRing().trust, testRing(1).trust], ["open", "keyed"]);
  assertEquals(errorOf(() => saveKeyRing(new MemoryFiles(), PATH, openMeshKeyRing())).code, "refused");
});

Deno.test("a saved ring comes back whole, in a file of mode 0600", () => {
  for (const ring of [new MeshKeyRing(testKey(1, 'Zürich "花"'), null), testRing(1, 2)]) {
    const files = new MemoryFiles();
    saveKeyRing(files, PATH, ring);
    assertEquals(files.stat(PATH)?.mode, 0o600);
    const loaded = loadKeyRing(files, PATH, 1000);
    assert(loaded !== null);
    assert(loaded.kind === "mesh");
    assertEquals(loaded.primary.exportSecret(), ring.primary.exportSecret());
    assertEquals(loaded.primary.name, ring.primary.name);
    assertEquals(loaded.primary.createdWallMs, ring.primary.createdWallMs);
    assertEquals(loaded.previous?.idText, ring.previous?.idText);
    assertEquals(loaded.trust, "keyed");
  }
  assertEquals(loadKeyRing(new MemoryFiles(), PATH, 1000), null);
});

interface FileCase {
  readonly what: string;
  readonly mode?: number | null;
  readonly owner?: number | null;
  readonly kind?: "file" | "directory" | "socket" | "other";
  readonly change?: (text: string) => string;
  readonly refused?: "refused" | "config";
  readonly says?: RegExp;
  readonly hint?: string;
}

const withCheck = (body: string): string => {
  const check = toHex(sha256(new TextEncoder().encode(body))).slice(0, 16);
  return `${body}check: ${check}\n`;
};
const head = "hana mesh key, version 1\n";
const goodKey = "ab".repeat(32);

const FILE_CASES: readonly FileCase[] = [
  { what: "0600", mode: 0o600 },
  { what: "0400", mode: 0o400 },
  { what: "a system without modes and owners", mode: null, owner: null },
  { what: "Windows line ends", change: (text) => text.replaceAll("\n", "\r\n") },
  { what: "0644", mode: 0o644, refused: "refused", says: /0644/, hint: `chmod 600 ${PATH}` },
  { what: "0640", mode: 0o640, refused: "refused", says: /0640/, hint: `chmod 600 ${PATH}` },
  { what: "0604", mode: 0o604, refused: "refused", hint: `chmod 600 ${PATH}` },
  { what: "0620", mode: 0o620, refused: "refused", hint: `chmod 600 ${PATH}` },
  { what: "another owner", owner: 0, refused: "refused", says: /user 0/, hint: `chown 1000 ${PATH}` },
  { what: "a link", kind: "other", refused: "refused", says: /link/ },
  { what: "a directory", kind: "directory", refused: "refused", says: /directory/ },
  { what: "an empty file", change: () => "", refused: "config", says: /no mesh key file/ },
  { what: "another file", change: () => "ssh-ed25519 AAAA\n", refused: "config", says: /no mesh key file/ },
  {
    what: "a later version",
    change: (t) => t.replace("version 1", "version 3"),
    refused: "config",
    says: /version 3/,
  },
  {
    what: "no check line",
    change: (t) => t.slice(0, t.indexOf("check:")),
    refused: "config",
    says: /cut short/,
  },
  { what: "a cut check line", change: (t) => t.slice(0, -3), refused: "config", says: /cut short/ },
  { what: "far too long", change: (t) => t + "#".repeat(5000), refused: "config", says: /bytes/ },
  { what: "a lost line", change: (t) => t.replace(/#.*\n/, ""), refused: "config", says: /altered/ },
  { what: "no UTF-8", change: () => "\ud800", refused: "config" },
  {
    what: "a short key",
    change: () => withCheck(`${head}primary: ${goodKey.slice(2)}\n`),
    refused: "config",
    says: /31 bytes/,
  },
  {
    what: "no primary key",
    change: () => withCheck(`${head}previous: ${goodKey}\n`),
    refused: "config",
    says: /primary/,
  },
  {
    what: "two primary keys",
    change: () => withCheck(`${head}primary: ${goodKey}\nprimary: ${goodKey}\n`),
    refused: "config",
    says: /line/,
  },
  {
    what: "an unknown line",
    change: () => withCheck(`${head}secondary: ${goodKey}\n`),
    refused: "config",
    says: /line/,
  },
  {
    what: "a name that is no text",
    change: () => withCheck(`${head}primary: ${goodKey} name "\\x"\n`),
    refused: "config",
    says: /name/,
  },
  { what: "a minimal file", change: () => withCheck(`${head}primary: ${goodKey}\n`) },
];

for (const test of FILE_CASES) {
  Deno.test(`key file, ${test.what}: ${test.refused ?? "accepted"}`, () => {
    const files = new MemoryFiles();
    saveKeyRing(files, PATH, testRing(1, 2));
    const file = files.entries.get(PATH);
    assert(file !== undefined);
    if (test.mode !== undefined) file.mode = test.mode;
    if (test.owner !== undefined) file.userId = test.owner;
    if (test.kind !== undefined) file.kind = test.kind;
    if (test.change !== undefined) {
      file.bytes = new TextEncoder().encode(test.change(new TextDecoder().decode(file.bytes)));
    }
    if (test.refused === undefined) {
      assert(loadKeyRing(files, PATH, test.owner === null ? null : 1000) !== null);
      return;
    }
    const error = errorOf(() => loadKeyRing(files, PATH, 1000));
    assertEquals(error.code, test.refused);
    assert(error.what.includes(PATH));
    if (test.says !== undefined) assertMatch(error.why ?? "", test.says);
    if (test.hint !== undefined) assertEquals(error.hint, test.hint);
  });
}

Deno.test("a typo in any one character of a key file is found", () => {
  const text = formatKeyFile(new MeshKeyRing(testKey(1, "Tour"), testKey(2)));
  for (let at = 0; at < text.length; at++) {
    for (const typo of ["0", "f", " ", "\n", ""]) {
      if (text[at] === typo) continue;
      const altered = text.slice(0, at) + typo + text.slice(at + 1);
      assertEquals(
        errorOf(() => parseKeyFile(altered, PATH)).code,
        "config",
        `${at} ${JSON.stringify(typo)}`,
      );
    }
  }
});

Deno.test("no error about a key file repeats the key", () => {
  const text = formatKeyFile(testRing(1));
  const secret = toHex(testKey(1).exportSecret());
  for (const altered of [text.replace("check", "chekc"), withCheck(`${head}primary: ${secret}00\n`)]) {
    const error = errorOf(() => parseKeyFile(altered, PATH));
    assert(!`${error.message} ${error.hint}`.includes(secret.slice(0, 16)));
  }
});

Deno.test("base 32 gives any bytes back and reads what people misread", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
    const text = encodeBase32(bytes);
    assertEquals(decodeBase32(text), bytes);
    assertEquals(decodeBase32(text.toLowerCase()), bytes);
    assertEquals(decodeBase32(text.replaceAll("0", "o").replaceAll("1", "l")), bytes);
  }));
  for (const bad of ["U", "0U", "é0", "00000000A", "01"]) assertEquals(decodeBase32(bad), null, bad);
});

Deno.test("a join code comes back as the same key, however it is written", () => {
  fc.assert(fc.property(secrets, (secret) => {
    const code = formatJoinCode(new MeshKey(secret, "Tour", 1));
    assertMatch(code, /^hana1(-[0-9A-HJKMNP-TV-Z]{5}){12}$/);
    const bare = code.replaceAll("-", "");
    for (
      const written of [
        code,
        bare,
        bare.toUpperCase(),
        code.toLowerCase(),
        ` ${code.replaceAll("-", " \n")}\t`,
        code.replaceAll("-", "–"),
        `hana1-${code.slice(6).replaceAll("0", "O").replaceAll("1", "I")}`,
      ]
    ) {
      const key = parseJoinCode(written, "Here");
      assertEquals(key.exportSecret(), secret);
      assertEquals([key.name, key.createdWallMs], ["Here", null]);
    }
  }));
});

Deno.test("any one wrong, lost, doubled or swapped character in a join code is found", () => {
  const code = formatJoinCode(testKey(1));
  const body = code.slice(6).replaceAll("-", "");
  for (let at = 0; at < body.length; at++) {
    for (const character of "0123456789ABCDEFGHJKMNPQRSTVWXYZ?") {
      if (character === body[at]) continue;
      const typo = `hana1-${body.slice(0, at)}${character}${body.slice(at + 1)}`;
      assertEquals(errorOf(() => parseJoinCode(typo)).code, "usage");
    }
    const lost = body.slice(0, at) + body.slice(at + 1);
    const doubled = body.slice(0, at + 1) + body.slice(at);
    for (const typo of [lost, doubled]) {
      assertMatch(errorOf(() => parseJoinCode(`hana1-${typo}`)).why ?? "", /instead of 60/);
    }
    if (body[at] !== body[at + 1] && at + 1 < body.length) {
      const swapped = `${body.slice(0, at)}${body[at + 1]}${body[at]}${body.slice(at + 2)}`;
      assertMatch(errorOf(() => parseJoinCode(`hana1-${swapped}`)).why ?? "", /mistyped/);
    }
  }
});

Deno.test("what is no join code is told apart, and never repeated in the error", () => {
  const code = formatJoinCode(testKey(1));
  const cases: readonly (readonly [string, RegExp])[] = [
    ["", /begin/],
    ["hello", /begin/],
    ["hana2" + code.slice(5), /version/],
    ["hana", /version/],
    [code.slice(0, -1), /59 characters/],
    ["x".repeat(100_000), /too long/],
  ];
  for (const [text, says] of cases) {
    const error = errorOf(() => parseJoinCode(text));
    assertEquals(error.code, "usage");
    assertMatch(error.why ?? "", says);
    assert(!`${error.message} ${error.hint}`.includes(code.slice(8, 20)));
  }
});
