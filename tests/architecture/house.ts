// The architecture as tables: which rooms there are, which stands on which, and who may touch the world.
// Change it here when the house changes; every check reads these tables and nothing else.

/**
 * The rooms of the house, bottom to top. A room may import rooms on lower floors only, and those through their
 * `mod.ts`. Rooms on the same floor do not know each other.
 */
export const FLOORS: readonly (readonly string[])[] = [
  ["lib/base"],
  ["lib/platform"],
  ["lib/wire"],
  ["lib/security"],
  ["lib/lanes"],
  ["lib/transport"], // carries lanes
  ["lib/session"],
  ["lib/discovery", "lib/state", "lib/supervision"],
  ["lib/node"],
  ["lib/simulate"], // builds the node that ships
  ["lib/mod.ts"], // the public face
  ["cli"],
  ["scripts", "tests"],
];

/** Rooms that stand beside the floors: what they are made of, and who alone may import them. */
export const SIDE_ROOMS: readonly {
  readonly room: string;
  readonly imports: readonly string[];
  readonly usedBy: readonly string[];
}[] = [
  // The real machine.
  { room: "lib/platform/deno", imports: ["lib/base", "lib/platform"], usedBy: ["cli", "scripts", "tests"] },
  // The virtual one.
  {
    room: "lib/platform/simulated",
    imports: ["lib/base", "lib/platform"],
    usedBy: ["lib/simulate", "scripts", "tests"],
  },
];

/** Files inside a room that single files elsewhere may import past the room's face, and why. */
export const SIDE_DOORS: readonly {
  readonly door: string;
  readonly usedBy: readonly string[];
  readonly why: string;
}[] = [
  {
    door: "lib/platform/deno/shim/mod.ts",
    usedBy: ["cli/commands/shim.ts"],
    why: "there is one such process a program: it must not load the network, the hardware and their packages",
  },
  {
    door: "lib/supervision/shim/mod.ts",
    usedBy: ["cli/commands/shim.ts"],
    why: "there is one such process a program: it must not load the daemon's side, its verbs and messages",
  },
];

/**
 * Who may name what touches the world: clocks, timers, chance, sockets, files, processes. Examples are programs of their
 * own, which anybody may have written.
 */
export const WORLDLY_ROOMS: readonly string[] = [
  "lib/platform/deno",
  "cli",
  "scripts",
  "tests",
  "docs/examples",
];

/** Globals that touch the world. */
export const WORLDLY_GLOBALS: ReadonlySet<string> = new Set([
  ...["Deno", "process", "globalThis", "navigator", "require"],
  ...["Date", "performance", "Temporal", "setTimeout", "setInterval", "setImmediate", "queueMicrotask"],
  ...["clearTimeout", "clearInterval", "requestAnimationFrame"],
  ...["fetch", "WebSocket", "EventSource", "XMLHttpRequest", "Worker", "BroadcastChannel", "localStorage"],
  ...["sessionStorage", "console"],
]);

/** Those of them that are words of ours as well: where a file declares one itself, that is what it means. */
export const COMMON_WORDS: ReadonlySet<string> = new Set(["process", "navigator", "require", "console"]);

/** Single files that may name one of them all the same, and why. */
export const WORLDLY_EXCEPTIONS: readonly {
  readonly path: string;
  readonly name: string;
  readonly why: string;
}[] = [
  {
    path: "lib/platform/simulated/drain.ts",
    name: "setImmediate",
    why: "runs when all promise callbacks have: a simulated world must wait for those between two events",
  },
  {
    path: "lib/platform/simulated/drain.ts",
    name: "Deno",
    why: "the runtime's own way to run promise callbacks at once: 50 times cheaper than waiting for them",
  },
];

/** Members of otherwise harmless globals that touch the world. */
export const WORLDLY_MEMBERS: Readonly<Record<string, readonly string[]>> = {
  Math: ["random"],
  crypto: ["getRandomValues", "randomUUID", "randomBytes", "randomInt", "randomFillSync", "subtle"],
  AbortSignal: ["timeout"],
  Atomics: ["wait", "waitAsync"],
};

/** Modules of the runtime that compute and touch nothing, with the room that may name them. */
export const PURE_MODULES: Readonly<Record<string, readonly string[]>> = { "node:crypto": ["lib/security"] };

/** What may not be taken from a pure module: it draws random values or finishes out of order. */
export const IMPURE_IMPORTS: ReadonlySet<string> = new Set([
  ...[
    "randomBytes",
    "randomFill",
    "randomFillSync",
    "randomInt",
    "randomUUID",
    "getRandomValues",
    "webcrypto",
  ],
  ...["subtle", "generateKey", "generateKeyPair", "generateKeyPairSync", "generateKeySync", "default"],
]);

/** Packages for tests alone: none of them may be reached from the executable or the library. */
export const TEST_PACKAGES: readonly string[] = ["fast-check", "@std/assert", "@std/msgpack"];

/** Where untyped packages get their types, and may be `any` on the way. */
export const WRAPPER = /(^|\/)deps\/|_adapter\.ts$/;

/** Lines that a file may have. */
export const MAX_LINES = 600;
