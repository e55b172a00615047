import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import fc from "fast-check";
import { HanaError, isNodeName } from "../../../lib/base/mod.ts";
import { claimIdentity } from "../../../lib/node/mod.ts";
import { SimulatedWorld } from "../../../lib/platform/simulated/mod.ts";
import {
  type Environment,
  type FlagTexts,
  nearest,
  resolveSettings,
  suspiciousVariables,
} from "../../../cli/config/mod.ts";
import { editDistance } from "../../../cli/config/nearest.ts";

interface Surroundings {
  readonly variables?: Readonly<Record<string, string | undefined>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly isWindows?: boolean;
  readonly hostname?: string;
}

const USER_FILE = "/h/.config/hana/config.yaml";

function environment(surroundings: Surroundings): Environment {
  const { variables = {}, files = {}, isWindows = false, hostname = "left wall #1" } = surroundings;
  const all: Readonly<Record<string, string | undefined>> = { HOME: "/h", ...variables };
  return {
    get: (name) => all[name],
    names: () => Object.keys(all),
    userId: () => isWindows ? null : 1000,
    accountHome: () => "/account",
    hostname: () => hostname,
    isWindows,
    readFile: (path) => files[path] ?? null,
  };
}

async function resolve(surroundings: Surroundings, flags: FlagTexts = {}, config?: string) {
  const { settings, rows, files } = await resolveSettings(environment(surroundings), flags, config);
  const origins = Object.fromEntries(rows.map((row) => [row.key, `${row.origin.kind} ${row.origin.where}`]));
  return { settings, origins, files };
}

function refused(surroundings: Surroundings, flags: FlagTexts = {}, config?: string): Promise<HanaError> {
  return assertRejects(() => resolve(surroundings, flags, config), HanaError);
}

Deno.test("flag beats variable beats --config beats the user's file beats built in", async () => {
  const files = { [USER_FILE]: "port: 1\nwire: json\n", "/show.yaml": "# tonight\nport: 2\n" };
  const variables = { HANA_PORT: "3" };
  const steps: [Surroundings, FlagTexts, string | undefined, number, string][] = [
    [{}, {}, undefined, 0, "default built in"],
    [{ files }, {}, undefined, 1, `file ${USER_FILE}:1`],
    [{ files }, {}, "/show.yaml", 2, "file /show.yaml:2"],
    [{ files, variables }, {}, "/show.yaml", 3, "environment HANA_PORT"],
    [{ files, variables }, { port: "4" }, "/show.yaml", 4, "flag --port"],
  ];
  for (const [surroundings, flags, config, port, origin] of steps) {
    const { settings, origins } = await resolve(surroundings, flags, config);
    assertEquals([settings.port, origins.port], [port, origin]);
  }
  const both = await resolve({ files }, {}, "/show.yaml");
  assertEquals([both.settings.wire, both.files], ["json", ["/show.yaml", USER_FILE]]);
});

Deno.test("capabilities and resources are trees, from flags, variable and file alike, with typed values", async () => {
  const file = [
    "capabilities:",
    "  fog: true",
    "  codecs: [h264, hap]",
    "resources:",
    "  gpu: {0: {vramMb: 8000}}",
    "  note: '12'",
  ].join("\n");
  const fromFile = await resolve({ files: { [USER_FILE]: file } });
  assertEquals(fromFile.settings.capabilities, { fog: true, codecs: ["h264", "hap"] });
  assertEquals(fromFile.settings.resources, { gpu: { 0: { vramMb: 8000 } }, note: "12" });
  assertEquals(fromFile.origins.resources, `file ${USER_FILE}:4`);

  const variables = {
    HANA_RESOURCES: "gpu.0.vramMb=4000, cpu.cores=8",
    HANA_CAPABILITIES: "fog,laser=false",
  };
  const fromVariable = await resolve({ files: { [USER_FILE]: file }, variables });
  assertEquals(fromVariable.settings.resources, { gpu: { 0: { vramMb: 4000 } }, cpu: { cores: 8 } });
  assertEquals(fromVariable.settings.capabilities, { fog: true, laser: false });

  const fromFlags = await resolve({ files: { [USER_FILE]: file }, variables }, {
    capabilities: ["gpu", "gpu.vramMb=8e3", "name=a=b, c", 'serial="007"', "ip=10.0.0.1", "empty="],
    resources: ["memory.totalMb=-1.5"],
  });
  assertEquals(fromFlags.settings.capabilities, {
    gpu: { vramMb: 8000 },
    name: "a=b, c",
    serial: "007",
    ip: "10.0.0.1",
    empty: "",
  });
  assertEquals(fromFlags.settings.resources, { memory: { totalMb: -1.5 } });
  assertEquals(fromFlags.origins.capabilities, "flag --capability");
  const { rows } = await resolveSettings(environment({ files: { [USER_FILE]: file } }), {}, undefined);
  const shown = Object.fromEntries(rows.map(({ key, text, json }) => [key, [text, json]]));
  assertEquals(shown.capabilities, ['fog=true, codecs=["h264","hap"]', {
    fog: true,
    codecs: ["h264", "hap"],
  }]);
  assertEquals(shown.resources?.[0], "gpu.0.vramMb=8000, note=12");
});

Deno.test("a tree that cannot be is refused with its place, and no name reaches what objects are made of", async () => {
  const flags: [FlagTexts, string][] = [
    [{ resources: ["gpu"] }, "expected PATH=VALUE"],
    [{ resources: ["=5"] }, "expected PATH=VALUE"],
    [{ capabilities: ["a..b=1"] }, "expected KEY or KEY=VALUE"],
    [{ capabilities: ["__proto__.x=1"] }, "expected KEY or KEY=VALUE"],
    [{ capabilities: ["a.b.c.d.e.f.g=1"] }, "nested more than 6 deep"],
    [{ capabilities: Array.from({ length: 65 }, (_, at) => `k${at}`) }, "more than 64 entries"],
    [{ capabilities: ["a=\u001b[31m"] }, "control character at a"],
    [{ capabilities: [`a=${"x".repeat(300)}`] }, "more than 256 characters at a"],
  ];
  for (const [given, part] of flags) {
    const error = await refused({}, given);
    assertEquals([error.code, error.message.includes(part)], ["usage", true], error.message);
  }
  const files: [string, string][] = [
    ["resources: 7", "is no mapping"],
    ["resources: [a, b]", "is no mapping"],
    ["resources: {gpu: {vramMb: null}}", "nothing at gpu.vramMb"],
    ["resources: {'a b': 1}", 'the key "a b"'],
    ["capabilities: {a: .inf}", "at a"],
  ];
  for (const [text, part] of files) {
    const error = await refused({ files: { [USER_FILE]: text } });
    assertEquals([error.code, error.message.includes(part)], ["config", true], error.message);
  }
  const { settings } = await resolve({}, { capabilities: ["constructor.prototype=1", "toString"] });
  assertEquals(
    settings.capabilities,
    { constructor: { prototype: 1 }, toString: true } as unknown as typeof settings.capabilities,
  );
  assertEquals(({} as Record<string, unknown>).prototype, undefined);
});

Deno.test("HANA_CONFIG stands in for --config, and the flag beats it", async () => {
  const files = { "/a.yaml": "port: 1", "/b.yaml": "port: 2" };
  const variables = { HANA_CONFIG: "/a.yaml" };
  assertEquals((await resolve({ files, variables })).settings.port, 1);
  assertEquals((await resolve({ files, variables }, {}, "/b.yaml")).settings.port, 2);
});

Deno.test("an empty variable and an empty key count as unset", async () => {
  const { origins } = await resolve({ variables: { HANA_PORT: "" }, files: { [USER_FILE]: "name:\n" } });
  assertEquals([origins.port, origins.name], ["default built in", "default host name"]);
});

Deno.test("every kind of value reads alike from flag, variable and file", async () => {
  const fromFile = await resolve({
    files: {
      [USER_FILE]: [
        "name: left",
        "role: visualization",
        "tags: {stage: left, row: 2}",
        "interface: [eth0, eth1]",
        "peers: 10.0.0.2",
        "max-frame: 1MiB",
        "timeout: 1m30s",
        "insecure: true",
        "state-dir: ~/hana",
      ].join("\n"),
    },
  });
  const fromVariables = await resolve({
    variables: {
      HANA_NAME: "left",
      HANA_ROLE: "visualization",
      HANA_TAGS: "stage=left, row=2",
      HANA_INTERFACE: "eth0,eth1",
      HANA_PEERS: "10.0.0.2",
      HANA_MAX_FRAME: "1048576",
      HANA_TIMEOUT: "90s",
      HANA_INSECURE: "yes",
      HANA_STATE_DIR: "/h/hana",
    },
  });
  const fromFlags = await resolve({}, {
    name: "left",
    role: "visualization",
    tags: ["stage=left", "row=2"],
    interface: ["eth0", "eth1"],
    peers: ["10.0.0.2"],
    maxFrame: "1024KiB",
    timeout: "90000ms",
    insecure: true,
    stateDir: "/h/hana",
  });
  assertEquals(fromVariables.settings, fromFile.settings);
  assertEquals(fromFlags.settings, fromFile.settings);
  assertEquals(fromFile.settings.timeout, 90_000_000);
  assertEquals(fromFile.settings.keyFile, "/h/hana/mesh.key");
});

Deno.test("directories follow XDG, ignore a relative one, and are never shared between users", async () => {
  const plain = await resolve({});
  assertEquals(plain.settings.stateDir, "/h/.local/state/hana");
  assertMatch(plain.settings.runDir, /^\/tmp\/.*-1000$/);
  const xdg = await resolve({ variables: { XDG_STATE_HOME: "/s", XDG_RUNTIME_DIR: "/run/user/1000" } });
  assertEquals([xdg.settings.stateDir, xdg.settings.runDir], ["/s/hana", "/run/user/1000/hana"]);
  assertEquals(xdg.origins["run-dir"], "default $XDG_RUNTIME_DIR");
  assertEquals(
    (await resolve({ variables: { XDG_STATE_HOME: "s" } })).settings.stateDir,
    plain.settings.stateDir,
  );
  const windows = await resolve({
    isWindows: true,
    variables: { LOCALAPPDATA: "C:\\Users\\crew\\AppData\\Local" },
  });
  assertEquals(windows.settings.stateDir, "C:\\Users\\crew\\AppData\\Local\\hana");
});

Deno.test("a service without HOME finds what its user's shell finds", async () => {
  for (const variables of [{ HOME: "" }, { HOME: undefined }]) {
    const { settings } = await resolve({
      variables,
      files: { "/account/.config/hana/config.yaml": "port: 9" },
    });
    assertEquals([settings.stateDir, settings.port], ["/account/.local/state/hana", 9]);
  }
});

Deno.test("the name that is shown is the one that a node takes: of the host, without its domain", async () => {
  assertEquals((await resolve({})).settings.name, "left-wall--1");
  for (const hostname of ["left.stage.lan", "Büro", "x".repeat(200), "...", ""]) {
    const { name } = (await resolve({ hostname })).settings;
    assert(isNodeName(name), name);
    const { platform } = new SimulatedWorld({ seed: 1 }).createHost({ name: "a" });
    const named = { ...platform, host: { ...platform.host, hostname } };
    assertEquals(claimIdentity(named, { stateDirectory: "/state" }).name, name);
  }
});

Deno.test("a name is measured in bytes, as an announcement does", async () => {
  assertEquals((await resolve({}, { name: "ü".repeat(24) })).settings.name.length, 24);
  assertEquals((await refused({}, { name: "ü".repeat(25) })).code, "usage");
});

Deno.test("what does not fit is refused with its place and what was expected", async () => {
  const cases: [string, RegExp][] = [
    ["port: 99999", /config\.yaml:1: port is 99999, expected a port \(0 to 65535\)/],
    ["port: '5'", /port is the string "5", expected a port/],
    ["port: 1.5", /port is 1\.5/],
    ["\nname: two words", /config\.yaml:2: name is "two words"/],
    ["name: [a]", /name is a list/],
    ["name: 7", /name is the number 7/],
    ["role: observer", /role is "observer", expected one of daemon, app, visualization/],
    ["tags: [a=b]", /tags is a list, expected a mapping/],
    ["tags: {a: {b: c}}", /tags has a mapping at a/],
    ["timeout: 5", /timeout is 5 without a unit/],
    ["insecure: 1", /insecure is the number 1, expected true or false/],
    ["discovery-group: 10.0.0.1", /discovery-group is "10\.0\.0\.1", expected an IPv4 multicast group/],
    ["max-frame: 12", /max-frame is 12 bytes/],
    ["peers: [1]", /peers is the number 1/],
    ["prot: 1", /config\.yaml:1: "prot" is no setting/],
    ["__proto__: {port: 1}", /"__proto__" is no setting/],
    ["toString: 1", /"toString" is no setting/],
    ["a: 1\na: 2", /config\.yaml:2 is not well-formed/],
    ["just words", /holds no settings/],
    ["name: &a [*a]", /name is a list/],
  ];
  for (const [text, expected] of cases) {
    const error = await refused({ files: { [USER_FILE]: text } });
    assertEquals(error.code, "config", text);
    assertMatch(error.message, expected, text);
    assert(error.hint !== undefined, text);
  }
});

Deno.test("a bad flag is wrong usage, a bad variable wrong configuration", async () => {
  assertEquals((await refused({}, { port: "x" })).code, "usage");
  assertEquals((await refused({ variables: { HANA_PORT: "x" } })).code, "config");
});

Deno.test("JSON is read as well, and an error in it has its line", async () => {
  const path = "/show.json";
  assertEquals(
    (await resolve({ files: { [path]: '{\n\t"port": 5,\n\t"tags": {"a": "b"}\n}' } }, {}, path)).settings
      .port,
    5,
  );
  assertMatch(
    (await refused({ files: { [path]: '{\n"port": }}' } }, {}, path)).message,
    /show\.json:2 is not/,
  );
});

Deno.test("no file content at all makes anything but settings or a HanaError", async () => {
  await fc.assert(fc.asyncProperty(fc.string({ unit: "binary", maxLength: 60 }), async (text) => {
    try {
      await resolve({ files: { [USER_FILE]: text } });
    } catch (thrown) {
      if (!(thrown instanceof HanaError) || thrown.code !== "config") throw thrown;
    }
  }));
});

Deno.test("a variable that is nearly a setting is pointed out", () => {
  const found = suspiciousVariables(
    environment({ variables: { HANA_PROT: "1", HANA_PORT: "1", HANA_QUANTUM: "1" } }),
  );
  assertEquals(found, [{ variable: "HANA_PROT", meant: "HANA_PORT" }]);
});

Deno.test("the nearest name forgives one slip and does not guess wildly", () => {
  const names = ["discover", "ping", "mesh", "config", "version"];
  const slips = {
    discvoer: "discover",
    dicover: "discover",
    pign: "ping",
    msh: "mesh",
    VERSION: "version",
    conifg: "config",
  };
  for (const [slip, meant] of Object.entries(slips)) assertEquals(nearest(slip, names), meant);
  for (const strange of ["quantum", "zz", ""]) assertEquals(nearest(strange, names), null);
});

Deno.test("the distance of words is symmetric, zero for equals alone, and one for one slip", () => {
  const word = fc.string({ maxLength: 12 });
  fc.assert(fc.property(word, word, (a, b) => {
    assertEquals(editDistance(a, b), editDistance(b, a));
    assertEquals(editDistance(a, b) === 0, a === b);
  }));
  fc.assert(fc.property(word, fc.nat(12), fc.constantFrom("x", "y"), (a, at, c) => {
    const cut = Math.min(at, a.length);
    assertEquals(editDistance(a, a.slice(0, cut) + c + a.slice(cut)), 1);
  }));
});
