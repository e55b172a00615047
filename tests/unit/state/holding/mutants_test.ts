// Bugs planted by hand, one in each rule: the rules or the walks must notice every one of them.
// A bug whose place is not found exactly once counts as unnoticed: it tests nothing.

import { assert, assertEquals } from "@std/assert";
import { type Mutant, mutant, unnoticedIn } from "../../../support/state/room_mutants.ts";
import { CLIENT_RULES } from "./client_rules.ts";
import { GATE_RULES } from "./gate_rules.ts";
import { OWNERSHIP_RULES } from "./ownership_rules.ts";
import { PRIVILEGE_RULES } from "./privilege_rules.ts";
import type { Room } from "./support.ts";
import { walk } from "./walk.ts";

const MUTANTS: readonly Mutant[] = [
  mutant("generations stand still", "fence", "    this.#last++;\n", ""),
  mutant("old generations are good", "fence", "generation >= held", "generation >= 0"),
  mutant("future generations are good", "fence", "&& generation <= this.newestOf(client)", ""),
  mutant("no generation is good", "fence", "generation !== null &&", "generation === null ||"),
  mutant("the next reign starts over", "fence", "this.#last = Math.max(this.#last, last);", ""),
  mutant("wishes have no rate", "holding", "const isIn = expectedUs", "const isIn = true || expectedUs"),
  mutant("wishes are forgotten", "holding", "expectedUs + WISH_US", "nowUs + WISH_US"),
  mutant("a new ask is not timed", "ownership", "this.#nextUs = Math.min(this.#nextUs, untilUs);", ""),
  mutant("the text is enough to lie below", "hold_index", "`${path}/`", "path"),
  mutant(
    "only the object itself is covered",
    "hold_index",
    'end = path.lastIndexOf("/", end - 1)) {\n      const hold',
    "end = 0) {\n      const hold",
  ),
  mutant("what is owned is not counted", "hold_index", "this.#count(hold.path, 1);", ""),
  mutant("the old owner still owns", "hold_index", "own?.delete(hold);", ""),
  mutant(
    "anybody writes to what is owned",
    "ownership",
    "if (hold.owner !== client) {",
    "if (false as boolean) {",
  ),
  mutant(
    "a generation is good for nothing",
    "ownership",
    "if (generation === null) return null;",
    "return null;",
  ),
  mutant("writes are no work", "ownership", "    hold.usedUs = nowUs;\n    return null;", "    return null;"),
  mutant(
    "the owner is remembered too long",
    "ownership",
    "    this.#remembered.clear();\n    this.#changed.add(hold.id);",
    "    this.#changed.add(hold.id);",
  ),
  mutant(
    "nobody is remembered too long",
    "ownership",
    "    this.#remembered.clear();\n    this.#changed.add(id);",
    "    this.#changed.add(id);",
  ),
  mutant(
    "who waits for the lost waits on",
    "ownership",
    "if (hold.ask !== null) this.#grantAsked(nowUs, hold);\n    }\n    this.#cancel",
    "}\n    this.#cancel",
  ),
  mutant("the lost wait on", "ownership", "    }\n    this.#cancelAsksOf(client);", "    }\n"),
  mutant("the gone wait on", "ownership", "    this.#cancelAsksOf(client);\n    for", "    for"),
  mutant("the grace of who is back runs on", "ownership", "      hold.graceUntilUs = 0;\n", ""),
  mutant(
    "who comes back with less keeps it",
    "ownership",
    "const mayNot = this",
    "const mayNot = false && this",
  ),
  mutant(
    "who is gone keeps it",
    "ownership",
    "for (const hold of [...this.#holds.of(client)]) this.#letGo(nowUs, hold);",
    "",
  ),
  mutant("the idle keep it", "ownership", "nowUs - hold.usedUs > IDLE_US", "false as boolean"),
  mutant("those at work lose it", "ownership", "nowUs - hold.usedUs > IDLE_US", "true as boolean"),
  mutant(
    "graces have no end",
    "ownership",
    "        this.counters.expired++;\n        this.#drop(hold);",
    "        this.#timed.delete(hold);",
  ),
  mutant(
    "viewers own",
    "ownership",
    'if (!this.#may(client, this.#policy.own)) return "this client may not own objects";',
    "",
  ),
  mutant(
    "viewers are given",
    "ownership",
    'if (!this.#may(other, this.#policy.own)) return "nobody is there under that number who may own it";',
    "",
  ),
  mutant(
    "all steal",
    "ownership",
    'if (!this.#may(client, this.#policy.steal)) return "this client may not take owned objects";',
    "",
  ),
  mutant(
    "a part is taken from the whole",
    "ownership",
    "if (hold.path !== path) return `${hold.path} above it is owned`;",
    "",
  ),
  mutant(
    "the whole is taken from a part",
    "ownership",
    "if (theirs !== undefined) return `${theirs.path} below it is owned`;",
    "",
  ),
  mutant(
    "a grace is asked",
    "ownership",
    "if (hold.graceUntilUs !== 0) return this.#takeFrom(nowUs, client, hold);",
    "",
  ),
  mutant(
    "the second who asks is first",
    "ownership",
    'if (hold.ask.by !== client) return "somebody else waits for it";',
    "if (hold.ask.by !== client) hold.ask = { ...hold.ask, by: client };",
  ),
  mutant("a request is forgotten", "ownership", "hold.ask = { ...hold.ask, request: wish.request };", ""),
  mutant(
    "others dispose",
    "ownership",
    "if (!isOwn || hold.path !== path)",
    "if (hold === null || hold.path !== path)",
  ),
  mutant("a part is given up", "ownership", "if (!isOwn || hold.path !== path)", "if (!isOwn)"),
  mutant(
    "the old dispose",
    "ownership",
    'if (generation !== hold.generation) return "it is owned under a newer generation";',
    "",
  ),
  mutant(
    "what is released goes to nobody",
    "ownership",
    "if (hold.ask !== null) this.#grantAsked(nowUs, hold);\n    if (this.#holds.covering",
    'if (hold.ask !== null) this.#denyAsk(hold, "no");\n    if (this.#holds.covering',
  ),
  mutant(
    "who is robbed of waiting hears nothing",
    "ownership",
    "this.#answers.push({ to: ask.by, request: ask.request, id: hold.id, text: answer });",
    "",
  ),
  mutant(
    "a refusal is not told",
    "ownership",
    "    this.#answers.push({ to: ask.by, request: ask.request, id: hold.id, text });\n",
    "",
  ),
  mutant(
    "one client owns all",
    "ownership",
    "this.#holds.of(client).size - below.length >= MAX_HOLDS_PER_CLIENT || ",
    "",
  ),
  mutant("messages are too long", "ownership", "at += MAX_OBJECTS", "at += standings.length"),
  mutant(
    "a lost holder is privileged",
    "privilege",
    ' || this.#state === "grace") {\n      this.counters.fenced',
    ") {\n      this.counters.fenced",
  ),
  mutant("all are privileged", "privilege", "this.#holder !== client || client", "client"),
  mutant(
    "anybody accepts",
    "privilege",
    'this.#state !== "offered" || this.#other !== client',
    'this.#state !== "offered"',
  ),
  mutant(
    "anybody speaks for the holder",
    "privilege",
    'if (client !== this.#holder || this.#state === "grace" || wish.generation',
    'if (this.#state === "grace" || wish.generation',
  ),
  mutant("an old holder speaks", "privilege", " || wish.generation !== this.#generation", ""),
  mutant(
    "crew is privileged",
    "privilege",
    "return level !== null && hasAccess(level, this.#policy.hold);",
    "return level !== null;",
  ),
  mutant(
    "the lost are privileged",
    "privilege",
    "return level !== null && hasAccess(level, this.#policy.hold);",
    "return level === null || hasAccess(level, this.#policy.hold);",
  ),
  mutant(
    "silence is a yes",
    "privilege",
    'this.#endQuestion(nowUs, isAsked ? this.#other : this.#holder, "there was no answer");',
    'this.#grant(nowUs, this.#other, this.#request, "");',
  ),
  mutant(
    "a request takes it",
    "privilege",
    'this.#ask(nowUs, "asked", client, request);',
    'this.#grant(nowUs, client, request, "");',
  ),
  mutant(
    "a request takes a grace",
    "privilege",
    'return this.#deny(nowUs, client, request, "it waits for its lost holder; it can be seized");',
    'return this.#grant(nowUs, client, request, "");',
  ),
  mutant("all seize", "privilege", "if (isHeld && (seizeHeld", "if (false && (seizeHeld"),
  mutant("nobody seizes", "privilege", ' && this.#state !== "grace";\n    const', ";\n    const"),
  mutant(
    "the old holder hears nothing",
    "privilege",
    'if (from !== NO_CLIENT && from !== to) this.#tell(nowUs, from, "revoked", 0, why);',
    "",
  ),
  mutant(
    "the privilege has no end",
    "privilege",
    'this.#clear(nowUs, "the holder did not come back");',
    "this.#untilUs = Infinity;",
  ),
  mutant(
    "a holder that is gone keeps it",
    "privilege",
    "if (this.#holder === holder) this.#clear(nowUs, why);",
    "",
  ),
  mutant(
    "who asks is passed over",
    "privilege",
    'if (this.#state === "asked") this.#grant(nowUs, this.#other, this.#request, why);',
    "",
  ),
  mutant(
    "an offer to the lost stands",
    "privilege",
    'if (client === this.#other) this.#endQuestion(nowUs, this.#holder, "the other client was lost");',
    "",
  ),
  mutant(
    "an offer to the gone stands",
    "privilege",
    'if (client === this.#other) this.#endQuestion(nowUs, this.#holder, "the other client is gone");',
    "",
  ),
  mutant(
    "a holder with less keeps it",
    "privilege",
    "if (level !== null && !this.#mayHold(client))",
    "if (false as boolean)",
  ),
  mutant(
    "a holder that is back has nothing",
    "privilege",
    '    this.#state = "held";\n    this.#untilUs = Infinity;\n    this.#tell(nowUs, null, "changed", 0, "the holder is back");',
    "",
  ),
  mutant(
    "who asked before is not told",
    "privilege",
    'if (state === "asked") this.#deny(nowUs, asker, this.#request, why);',
    "",
  ),
  mutant("tokens work for ever", "reconnect_tokens", "nowUs < tokens.usedUntilUs", "true"),
  mutant("tokens work once alone", "reconnect_tokens", "nowUs < tokens.usedUntilUs", "false"),
  mutant("using a token renews it", "reconnect_tokens", "tokens?.used === hash ? tokens.usedUntilUs :", ""),
  mutant(
    "the lost welcome's token works",
    "reconnect_tokens",
    "    this.#byHash.delete(tokens.current);\n",
    "",
  ),
  mutant("tokens of others work", "client_table", "keyOf(known.peer) === keyOf(peer)", "true"),
  mutant(
    "tokens outlive their client",
    "client_table",
    "if (known !== undefined && known.expiresUs <= nowUs)",
    "if (false as boolean)",
  ),
  mutant("one greets twice", "client_table", "if (this.#byLink.has(link)) {", "if (false as boolean) {"),
  mutant(
    "a node is two clients",
    "client_table",
    'if (before !== undefined) this.#end(before, "replaced");',
    "",
  ),
  mutant("there is always room", "client_table", "size >= this.#maxClients || this", "this"),
  mutant("no room for who is there", "client_table", "(before === undefined ? 0 : 1)", "0"),
  mutant(
    "a word does not revive",
    "client_table",
    '      client.state = "joined";\n      this',
    "      this",
  ),
  mutant("words are not heard", "client_table", "    client.lastHeardUs = nowUs;\n    if", "    if"),
  mutant(
    "the silent stay",
    "client_table",
    'if (silentUs >= SILENCE_US) this.#suspend(nowUs, client, "silent");\n      else ',
    "",
  ),
  mutant(
    "the silent are not suspected",
    "client_table",
    "silentUs >= SUSPECT_US &&",
    "silentUs >= 2 * SUSPECT_US &&",
  ),
  mutant(
    "the lost never expire",
    "client_table",
    'if (client.expiresUs <= nowUs) this.#end(client, "expired");',
    "",
  ),
  mutant(
    "the suspended are heard",
    "client_table",
    '    if (link !== null) {\n      this.#byLink.delete(link);\n      if (why === "silent")',
    '    if (link !== null) {\n      if (why === "silent")',
  ),
  mutant("the old connection counts", "client_table", "      this.#byLink.delete(client.link);\n", ""),
  mutant(
    "what is to be done is done twice",
    "client_table",
    'client.operations = client.operations.filter(({ at }) => at !== "loss");',
    "",
  ),
  mutant(
    "all is done at the loss",
    "client_table",
    'client.operations.filter(({ at }) => at === "loss")',
    "client.operations",
  ),
  mutant("a host never doubts itself", "mass_loss", "if (this.#untilUs !== 0 ||", "if (true ||"),
  mutant("a host doubts itself at once", "mass_loss", " || recent.length < left", ""),
  mutant("losses count for ever", "mass_loss", "nowUs - recent[0].atUs > MASS_LOSS_US", "false"),
  mutant("one of two is a crowd", "mass_loss", "recent.length < 2 || ", ""),
  mutant("doubt has no end", "client_table", "      this.#losses.end();\n", ""),
  mutant("doubt spares nobody", "client_table", "for (const lost of crowd) this.#spare(lost);", ""),
  mutant("doubt stops no grace", "client_table", "else if (!this.suspectsItself) this", "else this"),
  mutant(
    "after the doubt nobody's grace begins",
    "client_table",
    "client.expiresUs === Infinity) this.#startGrace(nowUs, client);",
    "false as boolean) this.#startGrace(nowUs, client);",
  ),
  mutant(
    "what was written is forgotten",
    "client_table",
    "client !== undefined) client.sequence = sequence",
    "client === undefined) return",
  ),
  mutant(
    "numbers are used again",
    "client_table",
    "++this.#lastNumber as ClientNumber",
    "(this.#lastNumber = this.#clients.size + 1) as ClientNumber",
  ),
  mutant("the oldest is kept", "write_gate", "      entry.waiting = write;\n      return", "      return"),
  mutant(
    "paths have no rate",
    "write_gate",
    "gate.isOpen && nowUs >= entry.expectedUs - PATH_SLACK_US",
    "gate.isOpen",
  ),
  mutant("clients have no rate", "write_gate", "gate.isOpen && nowUs >= entry", "nowUs >= entry"),
  mutant("there is no slack", "write_gate", "const PATH_SLACK_US = PATH_US", "const PATH_SLACK_US = 0"),
  mutant(
    "what waits costs nothing",
    "write_gate",
    "        entry.expectedUs = Math.max(nowUs, entry.expectedUs) + PATH_US;\n        gate.waiting--;",
    "        gate.waiting--;",
  ),
  mutant(
    "what is released is written",
    "write_gate",
    "    entry.isWaiting = false;\n    entry.waiting = null;\n    gate.waiting--;\n    gate.merged++;",
    "    gate.merged++;",
  ),
  mutant(
    "merging is told at once",
    "write_gate",
    "merged === 0 || nowUs - gate.toldUs < NOTICE_US",
    "merged === 0",
  ),
  mutant("merging is told again", "write_gate", "      gate.merged = 0;\n", ""),
  mutant("idle paths stay", "write_gate", "gate.paths.delete(path)", "gate.paths.size"),
  mutant("there is no bound", "write_gate", "gate.paths.size >= this.#maxPaths && ", "false && "),
  mutant(
    "who is suspended writes",
    "holding",
    'if (this.clients.levelOf(client) === null) return "suspended";\n    return this.ownership',
    "return this.ownership",
  ),
  mutant(
    "who is suspended changes structure",
    "holding",
    'if (this.clients.levelOf(client) === null) return "suspended";\n    return this.privilege',
    "return this.privilege",
  ),
  mutant(
    "who is suspended asks",
    "holding",
    "OWN_WISHES.find((word) => word === message.action);\n    if (action === undefined || this.clients.levelOf(client) === null)",
    "OWN_WISHES.find((word) => word === message.action);\n    if (action === undefined)",
  ),
  mutant(
    "a host's words are a client's",
    "holding",
    "nowUs + PRIVILEGE_GRACE_US);\n        break;",
    "event.untilUs);\n        break;",
  ),
];

const RULES = [...CLIENT_RULES, ...OWNERSHIP_RULES, ...PRIVILEGE_RULES, ...GATE_RULES];

Deno.test("every bug planted in the rules of clients, objects, privilege and rates is noticed", async () => {
  const sound = { file: "fence", from: "export class Fence {" };
  const unnoticed = await unnoticedIn<Room>("holding", MUTANTS, sound, (room) => {
    for (const { check } of RULES) check(room);
    walk(room, { runs: 400, seed: 7 });
  });
  assertEquals(unnoticed, []);
  assert(MUTANTS.length >= 90);
});
