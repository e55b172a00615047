// Bugs that users of other transports met (research 2 and 5.7), as they would look here.
// Decides the places; tests/lanes/zoo_test.ts has a story for each.

import type { Mutation } from "./mutation.ts";

const recovery = "lib/lanes/recovery";
const receiving = "lib/lanes/receiving";
const sending = "lib/lanes/sending";
const connection = "lib/lanes/connection";

export const ELSEWHERE: readonly Mutation[] = [
  {
    id: "aeronet-15-ack-window",
    elsewhere: "acknowledgements tell of the newest packets alone, so that all others are sent again",
    file: "lib/lanes/wire/packet_writer.ts",
    find: "    const ranges = received.rangeCount;",
    replace: "    const ranges = Math.min(received.rangeCount, 1);",
  },
  {
    id: "aeronet-15-short-window",
    elsewhere: "acknowledgements reach 32 packets back",
    file: `${recovery}/received_packets.ts`,
    find: "    if (n > this.largest) {\n      this.outOfOrder",
    replace: "    if (n > this.largest) {\n      this.forgetBelow(n - 32);\n      this.outOfOrder",
  },
  {
    id: "aeronet-zombie-partial",
    elsewhere: "a late piece of a message that is whole begins it again",
    file: `${receiving}/unreliable_receiver.ts`,
    find: "      if (this.#finished.includes(number)) {",
    replace: "      if (number < 0) {",
  },
  {
    id: "aeronet-partial-never-expires",
    elsewhere: "unfinished messages stay for ever, until memory is full",
    file: `${receiving}/unreliable_partials.ts`,
    find:
      "if (partial !== undefined && nowUs >= partial.touchedUs + this.#expiryOf(partial)) this.#drop(partial);",
    replace: "if (partial !== undefined && nowUs < 0) this.#drop(partial);",
  },
  {
    id: "aeronet-mixed-payload",
    elsewhere: "pieces of a message join those of the one 65536 before it",
    file: `${receiving}/unreliable_partials.ts`,
    find: "for (const partial of this.#partials) if (partial.number === number) return partial;",
    replace:
      "for (const partial of this.#partials) if ((partial.number - number) % 65_536 === 0) return partial;",
  },
  {
    id: "aeronet-sentinel-zero",
    elsewhere: "a legal number means none: packet 0",
    file: `${recovery}/received_packets.ts`,
    find: "    if (!this.#window.canAccept(n)) {\n      if (n >= 0",
    replace: "    if (n === 0 || !this.#window.canAccept(n)) {\n      if (n >= 0",
  },
  {
    id: "aeronet-sentinel-65535",
    elsewhere: "a legal number means none: 65535",
    file: `${recovery}/sent_packets.ts`,
    find: "    const state = this.#states[slot] as number;\n    const bytes = this.#sizes[slot] as number;",
    replace:
      "    if (number === 65_535) return;\n    const state = this.#states[slot] as number;\n    const bytes = this.#sizes[slot] as number;",
  },
  {
    id: "aeronet-sentinel-last",
    elsewhere: "a legal number means none: 2^32 − 1",
    file: `${receiving}/reliable_receiver.ts`,
    find: "    const number = expand32(number32, window.base);\n    if (\n      number === window.base",
    replace:
      "    const number = expand32(number32, window.base);\n    if (number32 === 0xffff_ffff) return 0;\n    if (\n      number === window.base",
  },
  {
    id: "aeronet-sequenced-silence",
    elsewhere: "after 32767 lost messages of a sequenced lane every newer one counts as old",
    file: `${receiving}/unreliable_receiver.ts`,
    find: "    if (number > newest) return true;",
    replace: "    if (newest < 0 || ((number - newest) & 0xffff) - 1 < 0x7fff) return true;",
  },
  {
    id: "renet-20-idle-acks",
    elsewhere: "acknowledgements are acknowledged: idle ends never fall silent",
    file: `${recovery}/ack_policy.ts`,
    find: "    if (eliciting === Eliciting.none) return;",
    replace: "",
  },
  {
    id: "renet-late-slice",
    elsewhere: "a piece of an unordered message that was handed on begins it again",
    file: `${receiving}/reliable_receiver.ts`,
    find:
      "    if (length < 1 || offset < 0 || offset + length > total || length >= total) return CloseCode.malformed;\n    if (this.#isKnown(number)) return 0;",
    replace:
      "    if (length < 1 || offset < 0 || offset + length > total || length >= total) return CloseCode.malformed;\n    if (number < this.#window.base) return 0;",
  },
  {
    id: "yojimbo-185-oversize",
    elsewhere: "a message that is too large is taken and clogs its lane for ever",
    file: `${sending}/reliable_sender.ts`,
    find: "    if (length > admission.longest) return admission.refuseTooLarge();",
    replace: "",
  },
  {
    id: "yojimbo-69-rare-lane",
    elsewhere: "a lane that is used rarely stops when numbers of packets have gone far",
    file: "lib/lanes/wire/numbers.ts",
    find: "  const number = expected + ((truncated - (expected >>> 0)) | 0);",
    replace: "  const number = expected + (((truncated - (expected >>> 0)) << 16) >> 16);",
  },
  {
    id: "yojimbo-82-resend-before-ack",
    elsewhere: "messages are sent again after a fixed time, before their acknowledgement can come",
    file: `${recovery}/loss_detector.ts`,
    find:
      "    return found === null || !found.isTimed ? Infinity : expectedUs(found.rtt) + reorderUs(found);",
    replace: "    return found === null || !found.isTimed ? Infinity : 2_000;",
  },
  {
    id: "gns-317-order-after-refusal",
    elsewhere: "after a refused message the numbers of a lane have a hole, or later ones overtake",
    file: `${sending}/reliable_sender.ts`,
    find: "    if (!admission.canTake(length) && !this.#makeRoom(nowUs, length)) return this.#refuse();",
    replace:
      "    if (!admission.canTake(length) && !this.#makeRoom(nowUs, length)) {\n      this.#next++;\n      return this.#refuse();\n    }",
  },
  {
    id: "gns-317-batch",
    elsewhere: "a full queue takes what is small: order is lost after a refusal",
    file: `${sending}/admission.ts`,
    find:
      "    return stats.queuedMessages < this.maxMessages && stats.queuedBytes + length <= this.maxBytes;",
    replace:
      "    return stats.queuedMessages < this.maxMessages || stats.queuedBytes + length <= this.maxBytes;",
  },
  {
    id: "gns-280-stalled-reader",
    elsewhere: "a reader that stops is answered by closing the connection, as an internal error",
    file: `${receiving}/reliable_receiver.ts`,
    find: "    if (isNext && !this.isPaused && this.#waiting.length === 0",
    replace:
      "    if (this.isPaused) return CloseCode.limit;\n    if (isNext && !this.isPaused && this.#waiting.length === 0",
  },
  {
    id: "gns-280-credit-while-resting",
    elsewhere: "credit grows though nobody reads: memory grows with it",
    file: `${receiving}/reliable_receiver.ts`,
    find: "    this.#credit.base = Math.min(this.#window.base, this.#settled);",
    replace: "    this.#credit.base = this.#window.base + this.#ring.count;",
  },
  {
    id: "gns-414-burst",
    elsewhere: "a burst of a thousand reliable messages is taken for an attack",
    file: `${receiving}/credit_window.ts`,
    find: "    return this.base + this.windowMessages;",
    replace: "    return this.base + Math.min(this.windowMessages, 900);",
  },
  {
    id: "enet-localhost-throttle",
    elsewhere: "a law that compares with a tiny round trip brakes on the scheduler's own delay",
    file: "lib/lanes/congestion/delay_brake.ts",
    find: "      MIN_TARGET_US,\n      this.#quantumUs / 2,",
    replace: "      10,",
  },
  {
    id: "enet-224-linear-ack",
    elsewhere: "the cost of an acknowledgement grows with what waits to be sent",
    file: `${sending}/reliable_sender.ts`,
    find: "  #finish(number: number, state: number): void {\n    const slots = this.#slots;",
    replace:
      "  #finish(number: number, state: number): void {\n    const slots = this.#slots;\n    let dead = 0;\n    for (let n = this.#base; n < this.#next; n++) dead += slots.length[n & slots.mask] as number;\n    if (dead < 0) return;",
  },
  {
    id: "kcp-93-unbounded-queue",
    elsewhere: "the queue of a slow link grows without a bound",
    file: `${sending}/reliable_sender.ts`,
    find: "    if (!admission.canTake(length) && !this.#makeRoom(nowUs, length)) return this.#refuse();",
    replace: "",
  },
  {
    id: "kcp-paced-as-sent",
    elsewhere: "what does not fit this time is marked as sent",
    file: `${sending}/reliable_sender.ts`,
    find: "        if (fit === Fit.wait) return;\n        if (fit === Fit.whole) {",
    replace:
      "        if (fit === Fit.wait) {\n          this.#credit.use(length);\n          stats.queuedMessages--;\n          stats.queuedBytes -= length;\n          stats.sentMessages++;\n          this.#moveOn();\n          return;\n        }\n        if (fit === Fit.whole) {",
  },
  {
    id: "quinn-2286-burst",
    elsewhere: "a burst of ten packets at least overruns a link of 400 kbit/s",
    file: "lib/lanes/congestion/pacer.ts",
    find: "Math.min(this.#maxBurstBytes, Math.max(2 * this.#packetBytes, quanta));",
    replace: "Math.min(this.#maxBurstBytes, Math.max(12 * this.#packetBytes, quanta));",
  },
  {
    id: "quinn-1359-stale",
    elsewhere: "unreliable messages wait for the link and go out when nobody wants them any more",
    file: `${sending}/unreliable_sender.ts`,
    find: "    const expiryUs = nowUs + ttlUs;",
    replace: "    const expiryUs = nowUs + 10 * ttlUs;",
  },
  {
    id: "str0m-831-recursion",
    elsewhere: "output recurses once a message: a long queue overflows the stack",
    file: `${receiving}/reliable_receiver.ts`,
    find:
      "      this.#handOn(message.bytes, message.start, message.length, number);\n    }\n  }\n\n  #drainWaiting",
    replace:
      "      this.#handOn(message.bytes, message.start, message.length, number);\n      return [number].map(() => this.#drainRing())[0];\n    }\n  }\n\n  #drainWaiting",
  },
  {
    id: "str0m-649-stale-deadline",
    elsewhere: "a deadline is kept though a later call moved it nearer",
    file: `${sending}/unreliable_sender.ts`,
    find:
      "      if (expiryUs < this.#expiryUs) this.#expiryUs = expiryUs;\n      this.#shrinkAtUs = Infinity;",
    replace:
      "      if (this.#expiryUs === Infinity) this.#expiryUs = expiryUs + 1_000_000;\n      this.#shrinkAtUs = Infinity;",
  },
  {
    id: "str0m-832-past-clock",
    elsewhere: "timers start from a clock that was guessed, not told",
    file: `${connection}/connection.ts`,
    find: "    this.#silentAtUs = this.#silenceUs > 0 ? nowUs + this.#silenceUs : Infinity;\n  }",
    replace: "    this.#silentAtUs = this.#silenceUs > 0 ? this.#silenceUs : Infinity;\n  }",
  },
  {
    id: "lightyear-1684-timeout-first",
    elsewhere: "acknowledgements of an instant come after its timeouts: acknowledged packets count as lost",
    file: `${recovery}/loss_detector.ts`,
    find: "    this.acks++;\n    for (let i = 0; i < paths.length; i++) {",
    replace:
      "    this.acks++;\n    this.detectLost(nowUs, visitor);\n    for (let i = 0; i < paths.length; i++) {",
  },
  {
    id: "lightyear-1316-message-acks",
    elsewhere: "which packet carried which message is kept wrong: messages are reported that never came",
    file: `${recovery}/ref_log.ts`,
    find: "        (this.#numbers[last] as number) + (this.#firsts[last] as number) === number\n      ) {",
    replace: "        (this.#numbers[last] as number) + (this.#firsts[last] as number) <= number\n      ) {",
  },
];
