// Bugs that shared state could have, each as a change of one place (research 2.13 and the table): the rules of the
// simulator must notice every one of them in runs on the cores, or the tests of the room do. `scripts/mutants --of state`.

import type { Mutation } from "../../lanes/zoo/mod.ts";

const host = "lib/state/host";
const holding = "lib/state/holding";
const replica = "lib/state/replica";

/** All of them. */
export const STATE_ZOO: readonly Mutation[] = [
  {
    id: "no-dedupe",
    elsewhere: "a write that comes again after a reconnection takes effect again",
    file: `${host}/write_desk.ts`,
    find: "if (message.sequence <= subscriber.sequence) {",
    replace: "if (message.sequence < 0) {",
  },
  {
    id: "no-order",
    elsewhere: "a write that came too early takes effect before the one that it follows",
    file: `${host}/write_desk.ts`,
    find: "if (message.sequence > subscriber.sequence + 1) {",
    replace: "if (message.sequence < 0) {",
  },
  {
    id: "no-priority",
    elsewhere: "the newest write wins, whatever its priority",
    file: "lib/state/merge/winner.ts",
    find: "if (best === null || claim.priority > best.priority) {\n      lower += equals;",
    replace: "if (best === null) {\n      lower += equals;",
  },
  {
    id: "no-winner-re-evaluation",
    elsewhere: "a claim is given up and its value stays the winner",
    file: "lib/state/merge/claim_table.ts",
    find: "    claims.release(claim, cause);\n    this.#note(claims);",
    replace: "    claims.release(claim, cause);",
  },
  {
    id: "no-epoch-at-host",
    elsewhere: "a host takes writes that were meant for another reign (45 % of runs of the prototype broke)",
    file: `${host}/host.ts`,
    find: 'if (message.kind !== "welcome" && message.term !== this.epoch.term) {',
    replace: 'if (message.kind !== "welcome" && message.term < 0) {',
  },
  {
    id: "no-epoch-at-client",
    elsewhere: "a client follows a host of an older term",
    file: `${replica}/epoch_fence.ts`,
    find: "if (known === null || epoch.term > known.term || compareEpochs(epoch, known) === 0) return null;",
    replace: "if (known !== null || epoch.term > 0 || compareEpochs(epoch, epoch) === 0) return null;",
  },
  {
    id: "ack-before-standby",
    elsewhere: "a write is acknowledged as copied before a standby has it (31 %)",
    file: `${host}/standby_desk.ts`,
    find: "return this.#isSingle ? Infinity : subscriber.confirmed;",
    replace: "return Infinity;",
  },
  {
    id: "no-digest",
    elsewhere: "nobody compares digests: broken copies stay broken (25 %)",
    file: `${replica}/subsystem_sync.ts`,
    find: "if (this.copy.isEqual(theirs)) {",
    replace: "if (this.copy.isEqual(theirs) || this.copy !== null) {",
  },
  {
    id: "no-gap-check",
    elsewhere: "a patch is applied although the one before it is missing",
    file: `${replica}/subsystem_sync.ts`,
    find: "if (version > this.#have && base > this.#have) {",
    replace: "if (version > this.#have && base < 0) {",
  },
  {
    id: "no-look-behind",
    elsewhere:
      "a client that is behind what was announced never asks (8.4 %: the end of a movement is lost for ever)",
    file: `${replica}/subsystem_sync.ts`,
    find: 'if (this.#have < this.#announced) this.#want(nowUs, "behind");',
    replace: "",
  },
  {
    id: "token-again-and-again",
    elsewhere: "a token that was used stays good",
    file: `${holding}/reconnect_tokens.ts`,
    find: "return hash === tokens.current || nowUs < tokens.usedUntilUs ? client : null;",
    replace: "return client;",
  },
  {
    id: "token-of-anybody",
    elsewhere: "a token is good at another machine",
    file: `${holding}/client_table.ts`,
    find: "if (keyOf(known.peer) === keyOf(peer)) return this.#resume(nowUs, greeting, token, known);",
    replace: "if (known !== null) return this.#resume(nowUs, greeting, token, known);",
  },
  {
    id: "ownership-generation",
    elsewhere: "a write under the generation of an earlier grant goes through",
    file: `${holding}/ownership.ts`,
    find: "if (!this.#options.fence.covers(client, generation, hold.generation)) {",
    replace: "if (generation !== null && generation < 0) {",
  },
  {
    id: "ownership-owner",
    elsewhere: "somebody writes to an object of somebody else",
    file: `${holding}/ownership.ts`,
    find: "    if (hold.owner !== client) {\n      this.counters.fencedOwner++;",
    replace: "    if (hold.owner < 0) {\n      this.counters.fencedOwner++;",
  },
  {
    id: "privilege-forgotten",
    elsewhere: "the next host does not know who is privileged, and gives the privilege to another",
    file: `${holding}/holding.ts`,
    find:
      "    this.privilege.handleReign(copy.privileged, copy.privilegeGeneration, nowUs + PRIVILEGE_GRACE_US);\n",
    replace: "",
  },
  {
    id: "structure-for-all",
    elsewhere: "anybody changes structure",
    file: `${holding}/holding.ts`,
    find: "    return this.privilege.check(client, generation);",
    replace: "    return null;",
  },
  {
    id: "jump-on-loss",
    elsewhere: "the value of a lost writer falls back although the path holds it",
    file: "lib/state/merge/winner.ts",
    find: 'return onLoss === "hold" || doubted > 0 || (onLoss === "fallback" && live === 0);',
    replace: "return doubted > 0;",
  },
  {
    id: "waiting-lost-with-client",
    elsewhere: "a write that was acknowledged while it waited for its rate dies with its client's connection",
    file: `${holding}/holding.ts`,
    find: "this.gate.handleSuspended(event.client);",
    replace: "this.gate.forget(event.client);",
  },
];
