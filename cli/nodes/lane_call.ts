// `hana call NODE --lane NAME`: messages of a shell on a lane of a program's own.
// Decides when enough was waited for: until it is known what became of every message, and a moment more for answers.
// Whether a program takes lanes of this name is not told by the other side, so it is not told here.

import { HanaError, toHex } from "../../lib/base/mod.ts";
import {
  isReliable,
  LANE_KINDS,
  type LaneKind,
  MAX_LANE_NAME_BYTES,
  type PayloadFate,
  refusalName,
  SendRefusal,
} from "../../lib/lanes/mod.ts";
import type { Node } from "../../lib/node/mod.ts";
import type { OutgoingLane, Session } from "../../lib/session/mod.ts";
import type { Cli } from "../frame/mod.ts";
import { EXIT } from "../output/mod.ts";

/** What to send on which lane. */
export interface LaneCall {
  readonly name: string;
  readonly kind: LaneKind;
  /** A message each; `-` for each line of stdin. */
  readonly words: readonly string[];
  readonly timeoutUs: number;
}

/** Answers may come this long after the last message arrived. */
const ANSWERS_MS = 200;
/** Answers that are kept to be shown. */
const MAX_ANSWERS = 10_000;

const SHORT_KINDS: Readonly<Record<string, LaneKind>> = {
  uu: "unreliable-unordered",
  us: "unreliable-sequenced",
  ru: "reliable-unordered",
  ro: "reliable-ordered",
};

/** The kind of lane that a word stands for. Throws `usage`. */
export function laneKindOf(word: string): LaneKind {
  const kind = SHORT_KINDS[word] ?? LANE_KINDS.find((each) => each === word);
  if (kind !== undefined) return kind;
  throw new HanaError("usage", {
    what: `there is no kind of lane ${word}`,
    why: `the kinds are ${LANE_KINDS.join(", ")}, or ${Object.keys(SHORT_KINDS).join(", ")}`,
    hint: "--kind ro",
  });
}

/** Throws `usage` for what cannot be a lane's name. */
export function checkLaneName(name: string): void {
  const bytes = new TextEncoder().encode(name).length;
  if (bytes >= 1 && bytes <= MAX_LANE_NAME_BYTES && name.isWellFormed()) return;
  throw new HanaError("usage", {
    what: `${JSON.stringify(name)} is no name of a lane`,
    why: `a name has 1 to ${MAX_LANE_NAME_BYTES} bytes`,
    hint: "--lane my-show.levels",
  });
}

/** Sends the messages and shows what became of them. */
export async function callLane(cli: Cli, node: Node, session: Session, call: LaneCall): Promise<void> {
  const answers: string[] = [];
  const news = new News();
  node.onLane(call.name, () => ({
    onMessage: (bytes) => {
      if (answers.length < MAX_ANSWERS) answers.push(textOf(bytes));
      news.tell();
    },
  }), { untrusted: true });
  const lane = session.openLane({ name: call.name, kind: call.kind });
  const fates: Record<PayloadFate, number> = { delivered: 0, lost: 0, expired: 0 };
  lane.onFate = (_number, fate) => {
    fates[fate]++;
    news.tell();
  };
  let sent = 0;
  const deadlineMs = performance.now() + call.timeoutUs / 1000;
  for await (const word of messagesOf(call.words)) {
    await sendOne(lane, new TextEncoder().encode(word));
    sent++;
  }
  const known = (): number => fates.delivered + fates.lost + fates.expired;
  await news.until(() => known() >= sent || !session.isOpen, deadlineMs);
  await news.until(() => answers.length >= sent, Math.min(deadlineMs, performance.now() + ANSWERS_MS));
  const { delivered, lost, expired } = fates;
  const { name: peer } = session.peer;
  cli.output.record({
    what: "call.lane",
    fields: [
      { label: "lane", value: `${call.name} (${call.kind})` },
      { label: "path", value: session.path.remote },
      { label: "arrived", value: `${delivered} of ${sent} at ${peer}`, plain: delivered },
      ...(lost > 0 ? [{ label: "lost", value: lost }] : []),
      ...(expired > 0 ? [{ label: "replaced", value: expired }] : []),
      ...answers.map((value) => ({ label: "answer", value })),
    ],
    quiet: answers,
    json: {
      node: peer,
      lane: call.name,
      kind: call.kind,
      path: session.path.remote,
      sent,
      arrived: delivered,
      lost,
      replaced: expired,
      answers,
    },
  });
  if (delivered < sent) cli.exitWith(isReliable(call.kind) || delivered === 0 ? EXIT.negative : EXIT.partial);
}

/** Sends one message, once there is room. */
async function sendOne(lane: OutgoingLane, bytes: Uint8Array): Promise<void> {
  for (;;) {
    const result = lane.send(bytes, { report: true });
    if (result >= 0) return;
    if (result === SendRefusal.full || result === SendRefusal.noCredit) await lane.writable();
    else {
      throw new HanaError(result === SendRefusal.tooLarge ? "frame-too-large" : "closed", {
        what: `a message of ${bytes.length} bytes was not taken by lane ${lane.lane.name}`,
        why: result === SendRefusal.tooLarge
          ? `it takes ${lane.lane.maxMessageBytes} bytes`
          : refusalName(result),
      });
    }
  }
}

async function* messagesOf(words: readonly string[]): AsyncGenerator<string> {
  for (const word of words) {
    if (word !== "-") yield word;
    else yield* linesOf(Deno.stdin.readable);
  }
}

async function* linesOf(bytes: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of bytes) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}

/** Text where it is some, else hex. */
function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return toHex(bytes);
  }
}

/** Somebody waits until something is so. */
class News {
  #wake: (() => void) | null = null;

  tell(): void {
    this.#wake?.();
  }

  async until(isSo: () => boolean, deadlineMs: number): Promise<void> {
    while (!isSo() && performance.now() < deadlineMs) {
      const told = Promise.withResolvers<void>();
      this.#wake = told.resolve;
      const timer = setTimeout(told.resolve, deadlineMs - performance.now());
      await told.promise;
      clearTimeout(timer);
    }
  }
}
