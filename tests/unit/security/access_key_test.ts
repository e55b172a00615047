// Keys for persons: what they can derive, how they travel as codes and files, and how they end.

import { assert, assertEquals, assertMatch, assertNotEquals, assertThrows } from "@std/assert";
import { sha256 } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import { ACCESS_LEVELS, type AccessLevel, HanaError, hasAccess, toHex } from "../../../lib/base/mod.ts";
import {
  type AccessGrant,
  AccessKey,
  AccessKeyRing,
  formatAccessCode,
  formatJoinCode,
  formatKeyFile,
  isAccessCode,
  isHolderName,
  type KeyPurpose,
  loadKeyRing,
  MAX_EXPIRES_S,
  MAX_REVOKED,
  MeshKey,
  MeshKeyRing,
  parseAccessCode,
  parseJoinCode,
  parseKeyFile,
  revoke,
  rotate,
  saveKeyRing,
} from "../../../lib/security/mod.ts";
import { MemoryFiles, testKey, testRing } from "./support.ts";

const ANNA: AccessGrant = { name: "anna", level: "crew", expiresS: null };
const PATH = "/state/mesh.key";

function errorOf(run: () => unknown): HanaError {
  return assertThrows(run, HanaError, "");
}

const grants = fc.record({
  name: fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }).filter(isHolderName),
  level: fc.constantFrom<AccessLevel>(...ACCESS_LEVELS),
  expiresS: fc.option(fc.integer({ min: 1, max: MAX_EXPIRES_S }), { nil: null }),
});

Deno.test("levels have one order: who may do more may do all that is less", () => {
  for (const [i, held] of ACCESS_LEVELS.entries()) {
    for (const [j, needed] of ACCESS_LEVELS.entries()) assertEquals(hasAccess(held, needed), i >= j);
  }
});

Deno.test("any other name, level, end or mesh key gives another key, and the same gives the same", () => {
  const psk = (key: MeshKey, grant: AccessGrant) => toHex(key.accessKey(grant).derive("session psk"));
  const own = psk(testKey(1), ANNA);
  assertEquals(psk(testKey(1), { ...ANNA }), own);
  const others = [
    psk(testKey(2), ANNA),
    psk(testKey(1), { ...ANNA, name: "anne" }),
    psk(testKey(1), { ...ANNA, level: "viewer" }),
    psk(testKey(1), { ...ANNA, level: "operator" }),
    psk(testKey(1), { ...ANNA, expiresS: 1 }),
    toHex(testKey(1).derive("session psk")),
  ];
  assertEquals(new Set([own, ...others]).size, others.length + 1);
});

Deno.test("an access key has no purpose but its session and its questions, and those are not the mesh key's", () => {
  const mesh = testKey(1);
  const key = mesh.accessKey(ANNA);
  const refused: KeyPurpose[] = ["datagram mac", "lease", "page cookie", "udp psk", "udp mac", "udp cookie"];
  for (const purpose of refused) assertEquals(errorOf(() => key.derive(purpose)).code, "refused", purpose);
  assertEquals(key.derive("datagram query"), mesh.derive("datagram query"));
  const all: KeyPurpose[] = [...refused, "session psk"];
  const held = [toHex(key.derive("session psk")), toHex(key.derive("datagram query"))];
  for (const purpose of all) assert(!held.includes(toHex(mesh.derive(purpose))), purpose);
});

Deno.test("names of holders are one word that fits a log, in one form", () => {
  for (const good of ["anna", "Anna-2", "ünal", "foh.ipad", "花"]) assert(isHolderName(good), good);
  const bad = ["", " ", "a b", "a/b", "-a", "a\n", "x".repeat(33), "e\u0301va", "花".repeat(11)];
  for (const name of bad) {
    assert(!isHolderName(name), name);
    assertEquals(errorOf(() => testKey(1).accessKey({ ...ANNA, name })).code, "usage");
  }
});

Deno.test("an access code carries the whole key, whatever people do to its dashes, case and blanks", () => {
  fc.assert(fc.property(grants, fc.integer({ min: 1, max: 9 }), (grant, number) => {
    const key = testKey(number).accessKey(grant);
    const code = formatAccessCode(key);
    assertMatch(code, /^hana-access1(-[0-9A-HJKMNP-TV-Z]{1,5})+$/);
    for (
      const text of [code, code.toLowerCase(), ` ${code.replaceAll("-", " ")}\n`, code.replaceAll("-", "")]
    ) {
      const read = parseAccessCode(text, "tour");
      assertEquals([read.grant, read.idText, read.name], [grant, key.idText, "tour"]);
      assertEquals(read.exportSecrets(), key.exportSecrets());
    }
  }));
});

Deno.test("one wrong character anywhere in an access code is found, and no error repeats the code", () => {
  const code = formatAccessCode(testKey(1).accessKey(ANNA));
  const secret = code.slice(18, 40);
  for (let at = 0; at < code.length; at++) {
    if (code.charAt(at) === "-") continue;
    for (const typo of ["7", "Z", "*", "U", ""]) {
      if (typo === code.charAt(at)) continue;
      const error = errorOf(() => parseAccessCode(code.slice(0, at) + typo + code.slice(at + 1)));
      assertEquals(error.code, "usage", `${at} ${typo}`);
      assert(!error.message.includes(secret));
    }
  }
});

Deno.test("what is no access code never is taken for one, and nothing but a usage error comes of it", () => {
  const code = formatAccessCode(testKey(1).accessKey(ANNA));
  const noise = fc.oneof(
    fc.string({ maxLength: 200 }),
    fc.string({ unit: fc.constantFrom(..."0123456789ABCDEFGHJKMNPQRSTVWXYZ-"), maxLength: 200 })
      .map((text) => `hana-access1-${text}`),
    fc.tuple(fc.nat(code.length), fc.nat(code.length)).map(([a, b]) => code.slice(0, a) + code.slice(b)),
  );
  fc.assert(
    fc.property(noise, (text) => {
      try {
        assertEquals(formatAccessCode(parseAccessCode(text)), code);
      } catch (thrown) {
        assert(thrown instanceof HanaError, String(thrown));
        assertEquals(thrown.code, "usage");
      }
    }),
    { numRuns: 2_000 },
  );
  assertMatch(errorOf(() => parseAccessCode("hana-access2-0000")).why ?? "", /version/);
  assertMatch(errorOf(() => parseAccessCode("x".repeat(5_000))).why ?? "", /too long/);
});

Deno.test("each kind of code says what it is where the other kind is wanted", () => {
  const [join, access] = [formatJoinCode(testKey(1)), formatAccessCode(testKey(1).accessKey(ANNA))];
  assertEquals([isAccessCode(join), isAccessCode(access), isAccessCode(access.toLowerCase())], [
    false,
    true,
    true,
  ]);
  assertMatch(errorOf(() => parseJoinCode(access)).why ?? "", /access code/);
  assertMatch(errorOf(() => parseAccessCode(join)).why ?? "", /does not begin with "hana-access1-"/);
});

Deno.test("a key file holds an access key as it holds mesh keys, and old files are what they were", () => {
  fc.assert(fc.property(grants, (grant) => {
    const files = new MemoryFiles();
    const ring = new AccessKeyRing(new MeshKey(new Uint8Array(32).fill(4), 'Tour "26"').accessKey(grant));
    saveKeyRing(files, PATH, ring);
    assertEquals(files.stat(PATH)?.mode, 0o600);
    const loaded = loadKeyRing(files, PATH, 1000);
    assert(loaded?.kind === "access");
    assertEquals([loaded.grant, loaded.primary.idText, loaded.primary.name], [
      grant,
      ring.primary.idText,
      'Tour "26"',
    ]);
    assertEquals(loaded.primary.exportSecrets(), ring.primary.exportSecrets());
  }));
  assertMatch(formatKeyFile(testRing(1, 2)), /^hana mesh key, version 1\n/);
});

Deno.test("a key file with an access key that cannot be is refused, and so is one with a mesh key beside it", () => {
  const good = formatKeyFile(new AccessKeyRing(testKey(1).accessKey(ANNA)));
  assertMatch(good, /^hana mesh key, version 2\n/);
  const mesh = formatKeyFile(
    new MeshKeyRing(testKey(1), null, "keyed", [{ name: "anna", keyIdText: testKey(1).idText }]),
  );
  const line = (text: string, start: string) => text.split("\n").find((each) => each.startsWith(start)) ?? "";
  const access = line(good, "access: ");
  const broken = [
    good.replace(" crew ", " chief "),
    good.replace(" anna", " an/na"),
    good.replace(access, `${access} expires 99999999999`),
    good.replace(access, `${access} expires 4294967296`),
    good.replace(access, access.slice(0, 40)),
    good.replace(access, `${access}\n${access}`),
    good.replace(access, `${line(mesh, "primary: ")}\n${access}`),
    good.replace(access, `${access}\n${line(mesh, "revoked: ")}`),
    mesh.replace("revoked: anna", "revoked: an na"),
    mesh.replace("version 2", "version 1"),
    mesh.replace(line(mesh, "primary: "), ""),
  ];
  for (const text of broken) {
    assertEquals(errorOf(() => parseKeyFile(withCheck(text), PATH)).code, "config", text);
  }
  parseKeyFile(withCheck(good), PATH);
  parseKeyFile(withCheck(mesh), PATH);
});

/** The text with a check line that fits it. */
function withCheck(text: string): string {
  const body = text.slice(0, text.lastIndexOf("check: "));
  return `${body}check: ${toHex(sha256(new TextEncoder().encode(body))).slice(0, 16)}\n`;
}

Deno.test("a revoked name is remembered until no mesh key is left that could have given it a key", () => {
  const ring = testRing(1);
  const revoked = revoke(ring.revoked, "anna", ring.primary.idText);
  assertEquals(revoke(revoked, "anna", ring.primary.idText), revoked);
  const held = new MeshKeyRing(ring.primary, null, "keyed", revoked);
  const judged = held.judge(ANNA, 0);
  assertEquals([judged.grant, judged.refusal?.code], [ANNA, "refused"]);
  assertMatch(judged.refusal?.why ?? "", /revoked/);
  assertEquals(held.judge({ ...ANNA, name: "bert" }, 0).refusal, null);
  const once = rotate(held, testKey(2));
  assertEquals(once.revoked, revoked);
  assertEquals(rotate(once, testKey(3)).revoked, []);

  const files = new MemoryFiles();
  saveKeyRing(files, PATH, once);
  const loaded = loadKeyRing(files, PATH, 1000);
  assert(loaded?.kind === "mesh");
  assertEquals(loaded.revoked, revoked);
});

Deno.test("the list of revoked names is bounded, and its file is read back at the bound", () => {
  const key = new MeshKey(new Uint8Array(32).fill(9), "x".repeat(64), 1_763_619_420_000);
  let revoked = testRing(1).revoked;
  for (let i = 0; i < MAX_REVOKED; i++) {
    revoked = revoke(revoked, `${"n".repeat(30)}${String(i).padStart(2, "0")}`, key.idText);
  }
  assertEquals(errorOf(() => revoke(revoked, "anna", key.idText)).code, "overloaded");
  assertEquals(revoke(revoked, revoked[0]?.name ?? "", "0011223344556677").length, MAX_REVOKED);
  assertEquals(errorOf(() => revoke([], "an na", key.idText)).code, "usage");
  const files = new MemoryFiles();
  saveKeyRing(files, PATH, new MeshKeyRing(key, testKey(2, "y".repeat(64)), "keyed", revoked));
  const loaded = loadKeyRing(files, PATH, 1000);
  assert(loaded?.kind === "mesh");
  assertEquals(loaded.revoked, revoked);
});

Deno.test("a grant with an end is taken until that second by the clock of the node", () => {
  const ring = testRing(1);
  const grant = { ...ANNA, expiresS: 1_000 };
  assertEquals(ring.judge(grant, 999_999).refusal, null);
  assertMatch(ring.judge(grant, 1_000_000).refusal?.why ?? "", /expired/);
  assertNotEquals(ring.judge({ ...grant, expiresS: null }, 9e15).refusal?.code, "refused");
});

Deno.test("an access key of wrong lengths cannot be made", () => {
  const [id, short] = [testKey(1).id, new Uint8Array(15)];
  assertEquals(errorOf(() => new AccessKey(id, ANNA, short, new Uint8Array(16))).code, "config");
  assertEquals(errorOf(() => new AccessKey(id, ANNA, new Uint8Array(16), short)).code, "config");
});
