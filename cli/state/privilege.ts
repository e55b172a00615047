// `hana state privilege`: who may change structure, and how that is asked for, given and taken.
// Decides how long a command keeps it: as long as it stays, or under a name, for 15 s between commands.

import type { Command } from "@commander-js/extra-typings";
import { HanaError } from "../../lib/base/mod.ts";
import type { PrivilegeResult, PrivilegeStanding } from "../../lib/state/mod.ts";
import { offerNames } from "../completions/model.ts";
import { type Cli, setExamples } from "../frame/mod.ts";
import { EXIT, type RecordRendering, shellWord } from "../output/mod.ts";
import { findClient } from "./clients.ts";
import type { Desk } from "./desk.ts";
import { addStateSettings, AS_FLAG, AS_TEXT, GIVE_TEXT, holdOf } from "./flags.ts";
import { holdOn } from "./held.ts";
import { orAborted } from "./own.ts";
import { openDesk } from "./opening.ts";
import { Stay } from "./staying.ts";

/** The host tells everybody that nobody asks any more within this, in microseconds. */
const DENY_US = 2_000_000;

interface PrivilegeOptions {
  readonly as?: string;
  readonly hold?: string;
  readonly give?: true;
}

type Word = "request" | "release" | "offer" | "accept" | "seize" | "consent" | "deny";

const WORDS: readonly { readonly word: Word; readonly summary: string; readonly long: string }[] = [
  {
    word: "request",
    summary: "ask for it",
    long: "asks for the privilege; a holder who is there has 5 s to agree, silence is a no",
  },
  {
    word: "seize",
    summary: "take it from a holder who was lost",
    long: "takes the privilege at once where its holder was lost, or where the host lets operators take it",
  },
  {
    word: "accept",
    summary: "take it where it is offered",
    long: "takes the privilege that its holder offers to this client; waits until it is offered",
  },
  {
    word: "release",
    summary: "give it up",
    long: "gives up the privilege that this name holds; who asked for it gets it",
  },
  {
    word: "consent",
    summary: "give it to who asks",
    long: "gives the privilege of this name to the client that asks for it; waits until one does",
  },
  {
    word: "deny",
    summary: "keep it, or turn an offer down",
    long:
      "keeps the privilege of this name when somebody asks for it, or turns an offer down; waits until that happens",
  },
];

/** Whoever holds something afterwards keeps it by staying, or by a name. */
const TAKING: readonly Word[] = ["request", "seize", "accept"];
/** Answers, which need a question. */
const ANSWERS: readonly Word[] = ["accept", "consent", "deny"];

/** Declares `hana state privilege`. */
export function definePrivilege(command: Command, cli: Cli): void {
  command.summary("who may change structure").description(
    "shows who is privileged: one client alone may define paths, change display groups and load whole snapshots; exit code 1 when nobody is",
  );
  setExamples(
    command,
    { call: "hana state privilege", why: "who it is, and who asks for it" },
    { call: "hana state privilege request --as foh", why: "become it" },
    { call: "hana state privilege offer backup --as foh", why: "hand it over" },
  );
  command.action(async () => await show(cli));
  addStateSettings(command);
  for (const { word, summary, long } of WORDS) {
    const child = command.command(word).summary(summary).description(long);
    setExamples(
      child,
      { call: `hana state privilege ${word} --as foh`, why: summary },
      TAKING.includes(word)
        ? { call: `hana state privilege ${word} --hold 10m`, why: "and keep it for ten minutes" }
        : { call: "hana state privilege", why: "look first" },
    );
    if (TAKING.includes(word)) {
      child.option("--hold <DURATION>", "keep it for so long; until Ctrl-C unless given")
        .option("--give", GIVE_TEXT);
    }
    child.option(AS_FLAG, AS_TEXT)
      .action(async (options) => await say(cli, word, null, options as PrivilegeOptions));
    addStateSettings(child as unknown as Command);
  }
  const offer = command.command("offer").summary("hand it over").description(
    "offers the privilege that this name holds to another client, who has 5 s to accept it",
  );
  setExamples(
    offer,
    { call: "hana state privilege offer backup --as foh", why: "to the client called backup" },
    { call: "hana state privilege offer 7 --as foh", why: "by its number (hana state sessions)" },
  );
  const typed = offer.argument("<CLIENT>", "a client, by its name or number");
  const [to] = typed.registeredArguments;
  if (to !== undefined) offerNames(to, "client");
  typed.option(AS_FLAG, AS_TEXT)
    .action(async (client, options) => await say(cli, "offer", client, options as PrivilegeOptions));
  addStateSettings(offer as unknown as Command);
}

async function show(cli: Cli): Promise<void> {
  const open = await openDesk(cli);
  try {
    const { standing } = open.desk.client.privilege;
    cli.output.record(privilegeRecord(open.desk, standing));
    if (standing.state === "none") {
      if (cli.output.mode !== "table") cli.output.message("nobody is privileged");
      cli.output.message("try: hana state privilege request --as NAME");
      cli.exitWith(EXIT.negative);
    }
  } finally {
    await open.close();
  }
}

async function say(cli: Cli, word: Word, to: string | null, options: PrivilegeOptions): Promise<void> {
  const isTaking = TAKING.includes(word);
  if (options.as === undefined && !isTaking) {
    throw new HanaError("usage", {
      what: `hana state privilege ${word} without --as`,
      why: "a command that has just begun is not privileged, and nobody asks it anything",
      hint: `hana state privilege ${word}${to === null ? "" : ` ${shellWord(to)}`} --as NAME`,
    });
  }
  const holdUs = holdOf(options.hold);
  const open = await openDesk(cli, { as: options.as });
  try {
    const { desk } = open;
    const { privilege } = desk.client;
    const before = privilege.standing;
    const stay = new Stay(cli);
    if (word === "request" && before.state === "held" && !before.isOwn) {
      cli.output.message(`asking ${desk.nameOf(before.holder)}; it has 5 s to answer`);
    }
    const other = to === null ? 0 : findClient(desk, to).client;
    if (ANSWERS.includes(word) && !await isAsked(cli, desk, word, stay)) return;
    if (word === "offer") {
      cli.output.message(
        `${desk.nameOf(other)} has 5 s: hana state privilege accept --as ${desk.nameOf(other)}`,
      );
    }
    const result = await orAborted(ask(desk, word, other), stay.signal);
    if (result === null) return;
    if (!result.granted) throw refusedPrivilege(word, result, before);
    cli.output.record(privilegeRecord(desk, privilege.standing));
    if (!isTaking) return;
    if (open.place !== null && holdUs === null) {
      cli.output.message(
        `${options.as} keeps it for 15 s after each command; to stay privileged: --hold 10m`,
      );
      return;
    }
    await holdOn(cli, open, stay, holdUs, options.give === true);
    if (open.place !== null && privilege.standing.isOwn) await privilege.release();
  } finally {
    await open.close();
  }
}

/** Waits for the question that a word answers. False where it does not come, which the exit code says. */
async function isAsked(cli: Cli, { client }: Desk, word: Word, stay: Stay): Promise<boolean> {
  const { privilege } = client;
  const hasQuestion = (): boolean => {
    const { state, other, isOwn } = privilege.standing;
    const isOffered = state === "offered" && other === client.number;
    const isWanted = state === "asked" && isOwn;
    return word === "accept" ? isOffered : word === "consent" ? isWanted : isOffered || isWanted;
  };
  if (hasQuestion()) return true;
  if (word === "consent" && !privilege.standing.isOwn) {
    throw new HanaError("refused", {
      what: "the privilege was not handed over",
      why: `this client does not have it${
        privilege.standing.holder === 0 ? "" : `: ${privilege.whoHolds()}`
      }`,
      hint: "hana state privilege",
    });
  }
  cli.output.message(word === "accept" ? "waiting until it is offered" : "waiting until somebody asks");
  const came = Promise.withResolvers<true>();
  const stop = privilege.onChange(() => {
    if (hasQuestion()) came.resolve(true);
  });
  const { timeout } = cli.settings;
  const timer = timeout === null ? undefined : setTimeout(() => {
    cli.output.message("nothing came in time");
    cli.exitWith(EXIT.timeout);
    stay.done();
  }, timeout / 1_000);
  try {
    return await orAborted(came.promise, stay.signal) === true;
  } finally {
    stop();
    clearTimeout(timer);
  }
}

function ask(desk: Desk, word: Word, other: number): Promise<PrivilegeResult> {
  const { privilege } = desk.client;
  switch (word) {
    case "request":
      return privilege.request();
    case "seize":
      return privilege.seize();
    case "accept":
      return privilege.accept();
    case "release":
      return privilege.release();
    case "consent":
      return privilege.consent();
    case "offer":
      return privilege.offer(other);
    case "deny":
      return deny(desk);
  }
}

/** Nobody answers a no: it is done when nobody waits any more. */
async function deny({ client: { privilege, timers, port, number } }: Desk): Promise<PrivilegeResult> {
  const before = privilege.standing;
  const isMine = before.state === "asked"
    ? before.isOwn
    : before.state === "offered" && before.other === number;
  const answer = (granted: boolean, text: string): PrivilegeResult => {
    const { holder, holderName, generation } = privilege.standing;
    return { granted, holder, holderName, generation, text };
  };
  if (!isMine) return answer(false, "nobody asks this client for it, or offers it");
  const done = Promise.withResolvers<PrivilegeResult>();
  const stop = privilege.onChange(() => done.resolve(answer(true, "")));
  const timer = timers.schedule(
    port.nowUs() + DENY_US,
    () => done.resolve(answer(false, "the host did not answer")),
  );
  privilege.decline();
  try {
    return await done.promise;
  } finally {
    stop();
    timer.cancel();
  }
}

function refusedPrivilege(
  word: Word,
  { text, holder, holderName }: PrivilegeResult,
  before: PrivilegeStanding,
): HanaError {
  const who = holder === 0 ? "" : ` (${holderName ?? `client ${holder}`} has it)`;
  return new HanaError("refused", {
    what: `the privilege was not ${DONE[word]}`,
    why: `${text === "" ? "there was no answer" : text}${who}`,
    hint: text.includes("may not hold it")
      ? "hana mesh show    (operators alone may be privileged)"
      : before.state === "grace" && word === "request"
      ? "hana state privilege seize"
      : "hana state privilege",
  });
}

const DONE: Readonly<Record<Word, string>> = {
  request: "granted",
  seize: "granted",
  accept: "taken",
  release: "given up",
  offer: "handed over",
  consent: "handed over",
  deny: "denied",
};

/** Who is privileged, in a sentence. */
export function privilegeSentence(desk: Desk, { state, holder, other }: PrivilegeStanding): string {
  const who = desk.nameOf(holder);
  switch (state) {
    case "none":
      return "nobody is privileged";
    case "held":
      return `${who} is privileged`;
    case "asked":
      return `${who} is privileged, and ${desk.nameOf(other)} asks for it`;
    case "offered":
      return `${who} is privileged, and offers it to ${desk.nameOf(other)}`;
    case "grace":
      return `${who} is privileged and was lost; it waits for it for 15 s, and can be seized`;
  }
}

function privilegeRecord(desk: Desk, standing: PrivilegeStanding): RecordRendering {
  const { state, holder, other, generation, text } = standing;
  const who = holder === 0 ? null : { client: holder, name: desk.nameOf(holder) };
  const next = other === 0 ? null : { client: other, name: desk.nameOf(other) };
  return {
    what: "state.privilege",
    fields: [
      { label: "privileged", value: who?.name ?? "nobody" },
      { label: "state", value: state },
      ...(next === null
        ? []
        : [{ label: state === "offered" ? "offered to" : "asked by", value: next.name }]),
      ...(text === "" ? [] : [{ label: "why", value: text }]),
    ],
    sentences: [privilegeSentence(desk, standing) + (text === "" ? "" : `: ${text}`)],
    quiet: who === null ? [] : [who.name],
    json: { holder: who, state, other: next, generation, why: text === "" ? null : text },
  };
}
