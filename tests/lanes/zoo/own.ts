// Bugs that these lanes could have: one wrong line in each part, of the kind that reviews miss.
// Decides the places. Whatever survives here is a hole in the tests.

import type { Mutation } from "./mutation.ts";

const recovery = "lib/lanes/recovery";
const receiving = "lib/lanes/receiving";
const sending = "lib/lanes/sending";
const connection = "lib/lanes/connection";

export const OWN: readonly Mutation[] = [
  {
    id: "black-hole-probes",
    elsewhere: "probes are as large as what vanishes: a path that shrank is never left",
    file: `${connection}/packet_builder.ts`,
    find: "const datagramBytes = mustPass ? BASE_DATAGRAM_BYTES : path.mtu.sizeBytes;",
    replace: "const datagramBytes = path.mtu.sizeBytes;",
  },
  {
    id: "keyed-pieces-expire",
    elsewhere: "the acknowledged pieces of a key's newest value are dropped: it never comes",
    file: `${receiving}/unreliable_partials.ts`,
    find: "return partial.key < 0 || this.#expiryUs > KEYED_EXPIRY_US ? this.#expiryUs : KEYED_EXPIRY_US;",
    replace: "return this.#expiryUs;",
  },
  {
    id: "steady-path-delays",
    elsewhere: "an acknowledgement's delay counts as the path's, where that never varies",
    file: `${recovery}/rtt.ts`,
    find:
      "const adjusted = without >= this.minUs ? without : without + slack >= this.minUs ? this.minUs : sample;",
    replace: "const adjusted = without >= this.minUs ? without : sample;",
  },
  {
    id: "part-uncounted",
    elsewhere: "a message whose rest is dropped vanishes from the books",
    file: `${sending}/unreliable_sender.ts`,
    find: "        if (!this.#partIsRepair) stats.sentMessages++; // as far as it ever will be\n",
    replace: "",
  },
  {
    id: "newest-not-repaired",
    elsewhere: "the newest value of a key is lost and its producer has stopped",
    file: `${sending}/conflation.ts`,
    find: "    if (this.isLost[row] === 1) return;\n    this.isLost[row] = 1;",
    replace: "    if (this.isLost[row] !== 2) return;\n    this.isLost[row] = 1;",
  },
  {
    id: "superseded-repaired",
    elsewhere: "an old value of a key goes again although a newer one went",
    file: `${sending}/unreliable_sender.ts`,
    find: "    watched.row[record] = NO_ROW;\n  }",
    replace: "  }",
  },
  {
    id: "sequenced-per-lane",
    elsewhere: "the value of one key makes those of others old",
    file: `${receiving}/unreliable_receiver.ts`,
    find: "    if (key < 0) this.#newest = number;\n    else {",
    replace: "    this.#newest = number;\n    if (key >= 0) {",
  },
  {
    id: "keys-per-lane",
    elsewhere: "every key is one: values of others count as older",
    file: `${receiving}/newest.ts`,
    find: "      if (entry === NONE || this.#keys[entry] === key) return entry;",
    replace: "      return entry;",
  },
  {
    id: "skip-forgotten",
    elsewhere: "a lost SKIP is not sent again: an ordered lane waits for ever",
    file: `${sending}/reliable_sender.ts`,
    find:
      "} else if (number === this.#skipSent && number > this.#skipAcked) this.#skipSent = this.#skipAcked;",
    replace: "}",
  },
  {
    id: "skip-too-early",
    elsewhere: "SKIP gives up messages that are still on their way",
    file: `${sending}/reliable_sender.ts`,
    find: "      if ((state & SlotState.done) === 0) break;",
    replace: "      if ((state & SlotState.done) === 0 && (state & SlotState.mortal) === 0) break;",
  },
  {
    id: "credit-lost",
    elsewhere: "a lost CREDIT is not sent again: the sender waits for ever",
    file: `${connection}/connection.ts`,
    find:
      "    if (kind === Control.credit && !acked) this.#lanes.receiver(detail)?.onCreditLost();\n    else if",
    replace: "    if",
  },
  {
    id: "open-once",
    elsewhere: "OPEN is told once: when its packet is lost the lane is unknown",
    file: `${connection}/packet_builder.ts`,
    find: "        sent.addControl(Control.open, 0, id);",
    replace: "        sent.addControl(Control.open, 0, id);\n        lanes.onTold(id);",
  },
  {
    id: "repair-as-new",
    elsewhere: "lost messages go behind new ones",
    file: `${sending}/reliable_sender.ts`,
    find:
      "    if (this.#repairs.count === 0 || this.#repair(writer, refs, from, limit)) {\n      this.#sendNew(writer, refs, from, limit);\n    }",
    replace:
      "    this.#sendNew(writer, refs, from, limit);\n    if (this.#current === this.#next && this.#repairs.count > 0) this.#repair(writer, refs, from, limit);",
  },
  {
    id: "acked-then-lost",
    elsewhere: "what was acknowledged is sent again",
    file: `${sending}/pieces.ts`,
    find: "      if (acked.end(i) <= at) continue;\n      lost.add(at, Math.min(end, acked.start(i)));",
    replace: "      if (acked.end(i) <= at) continue;\n      lost.add(at, end);",
  },
  {
    id: "reported-when-sent",
    elsewhere: "a message of which a piece arrived is reported as delivered",
    file: `${sending}/reliable_sender.ts`,
    find: "      if (pieces.isWhole) {",
    replace: "      if (pieces.acked.count > 0) {",
  },
  {
    id: "window-of-bits",
    elsewhere: "late duplicates of messages in the window are taken again",
    file: `${receiving}/reliable_receiver.ts`,
    find:
      "    if (number >= window.base && (number >= this.messageLimit || !window.has(number))) return false;",
    replace: "    if (number >= window.base) return false;",
  },
  {
    id: "ring-order",
    elsewhere: "an ordered lane hands on what came, not what has its turn",
    file: `${receiving}/reliable_receiver.ts`,
    find: "    const isNext = !this.#isOrdered || number === this.#window.base;",
    replace: "    const isNext = !this.#isOrdered || number <= this.#window.base + 1;",
  },
  {
    id: "ack-of-ack-eager",
    elsewhere: "ranges are forgotten that the peer was never told of",
    file: `${connection}/connection.ts`,
    find: "this.#received.forgetBelow(this.#sent.confirmedAck + 1);",
    replace: "this.#received.forgetBelow(this.#received.largest);",
  },
  {
    id: "optimistic-acks",
    elsewhere: "acknowledgements of what was never sent are believed",
    file: `${recovery}/loss_detector.ts`,
    find: "    if (end > newest) return AckRefusal.neverSent;",
    replace: "    if (end > newest) return 0;",
  },
  {
    id: "pto-never-doubles",
    elsewhere: "a dead path is asked as often as a live one",
    file: `${recovery}/loss_detector.ts`,
    find: "    due.ptoCount++;",
    replace: "",
  },
  {
    id: "pto-by-unreliable",
    elsewhere: "only reliable packets are asked for: the loss of a last value is never noticed",
    file: `${recovery}/loss_detector.ts`,
    find: "    if (route === null || route.outstanding === 0) return Infinity;",
    replace: "    if (route === null || route.prompt === 0) return Infinity;",
  },
  {
    id: "learning-without-end",
    elsewhere: "the window for overtaking only grows: losses are found later and later",
    file: `${recovery}/loss_detector.ts`,
    find: "    if (path.learnedUs > 2 * rttUs) path.learnedUs = 2 * rttUs;",
    replace: "    path.learnedUs += rttUs;",
  },
  {
    id: "order-never-learned",
    elsewhere: "packets that were overtaken count as lost for ever",
    file: `${recovery}/loss_detector.ts`,
    find: "      if (latenessUs > path.learnedUs) path.learnedUs = latenessUs;",
    replace: "",
  },
  {
    id: "tiers-ignored",
    elsewhere: "an asset goes before a cue",
    file: "lib/lanes/schedule/scheduler.ts",
    find:
      "    for (let tier = 0; tier < this.#depth; tier++) {\n      const lane = this.#choose(tier, nowUs);",
    replace:
      "    for (let tier = this.#depth - 1; tier >= 0; tier--) {\n      const lane = this.#choose(tier, nowUs);",
  },
  {
    id: "weights-ignored",
    elsewhere: "lanes share alike whatever their weights",
    file: "lib/lanes/schedule/scheduler.ts",
    find: "+ rounds * lane.weight * this.#quantumBytes;",
    replace: "+ rounds * this.#quantumBytes;",
  },
  {
    id: "floors-gone",
    elsewhere: "a lower tier starves",
    file: "lib/lanes/schedule/scheduler.ts",
    find: "    const earned = bytes * FLOOR_SHARE;",
    replace: "    const earned = 0;",
  },
  {
    id: "keepalive-by-chance",
    elsewhere: "an idle end sends nothing, and its peer takes it for dead",
    file: `${connection}/connection.ts`,
    find: "    if (this.#keepaliveAtUs <= nowUs) {",
    replace: "    if (this.#keepaliveAtUs <= nowUs && this.#packetsReceived < 0) {",
  },
  {
    id: "own-stall-is-silence",
    elsewhere: "an end that was stalled takes its own silence for the peer's",
    file: `${connection}/connection.ts`,
    find: "if (lateUs > STALLED_US && this.#silenceUs > 0) this.#silentAtUs = nowUs + this.#silenceUs;",
    replace: "",
  },
  {
    id: "nobody-closes",
    elsewhere: "CLOSE is said once, and lost",
    file: `${connection}/options.ts`,
    find: "export const CLOSE_REPEATS = 3;",
    replace: "export const CLOSE_REPEATS = 1;",
  },
  {
    id: "moved-unproved",
    elsewhere: "a new address is believed before it answered",
    file: `${connection}/path.ts`,
    find: "    if (high !== this.challengeHigh || low !== this.challengeLow) return false;",
    replace: "",
  },
  {
    id: "duplicates-taken",
    elsewhere: "a packet that came is taken again",
    file: `${connection}/connection.ts`,
    find: "    return !this.#received.has(number);",
    replace: "    return number >= 0;",
  },
  {
    id: "partials-unbounded",
    elsewhere: "unfinished messages take any memory",
    file: `${receiving}/unreliable_partials.ts`,
    find: "    if (this.count === MAX_PARTIALS) this.dropOldestPartial();",
    replace: "",
  },
  {
    id: "credit-unchecked",
    elsewhere: "a peer may send beyond its credit",
    file: `${receiving}/reliable_receiver.ts`,
    find:
      "    return this.queuedBytes + this.#partialBytes + total > this.#credit.windowBytes ? CloseCode.limit : 0;",
    replace: "    return 0;",
  },
  {
    id: "writable-never",
    elsewhere: "nobody is told that a full lane has room again",
    file: `${sending}/admission.ts`,
    find: "    this.#isAwaited = false;\n    return true;",
    replace: "    return false;",
  },
];
