// `hana call NODE MESSAGE key=value…`: lists and calls the messages that a node understands, its own ones included.

import type { Command } from "@commander-js/extra-typings";
import { HanaError, toHex } from "../../lib/base/mod.ts";
import { isLaneName, type LaneName, LANES, type SendStatus } from "../../lib/lanes/mod.ts";
import type { MessageDefinition, Session } from "../../lib/session/mod.ts";
import { coerceArguments, coerceText, describeSchema } from "../../lib/wire/mod.ts";
import { nearest } from "../config/mod.ts";
import { addSettingFlags, type Cli, setExamples } from "../frame/mod.ts";
import { callLane, checkLaneName, laneKindOf } from "../nodes/lane_call.ts";
import { MeshClient } from "../nodes/mesh_client.ts";
import { LOOK_SETTINGS } from "../nodes/options.ts";
import {
  type Json,
  type JsonObject,
  type RecordRendering,
  type Rendering,
  shellWord,
} from "../output/mod.ts";

interface CallOptions {
  readonly list?: true;
  readonly direct?: true;
  readonly unfenced?: true;
  readonly lane?: string;
  readonly kind?: string;
}

const DEFAULT_TIMEOUT_US = 5_000_000;
const LOOK_TIMEOUT_US = 1_000_000;

/** Declares `hana call`. */
export function define(command: Command, cli: Cli): void {
  command.description(
    "sends a message to a node and shows the answer; the node says which messages it understands",
  );
  setExamples(
    command,
    { call: "hana call stage-left --list", why: "what it understands" },
    { call: "hana call stage-left hana.identify text=hello", why: "call one of them" },
    { call: "hana call stage-left wall.hue hue=0.5 --lane state", why: "so that it is not lost" },
    { call: "hana call stage-left --lane hana.echo hello", why: "bytes on a lane of a program's own" },
  );
  command
    .argument("<NODE>", "a name, an id, or an address such as tcp://10.0.0.2:47677")
    .argument("[MESSAGE]", "the message's name")
    .argument("[ARGUMENTS...]", "key=value; lists and objects as JSON")
    .option(
      "--lane <LANE>",
      `${
        Object.keys(LANES).join(", ")
      }: the message takes this lane; any other name: a lane of a program's own, ` +
        "and each word is a message ('-': each line of stdin)",
    )
    .option("--kind <KIND>", "of a program's lane: ro (reliable-ordered, the default), ru, us, uu")
    .option("--list", "list the messages that the node understands")
    .option("--direct", "find the node on the network even if one runs here")
    .option("--unfenced", "by your word: to be obeyed without the token of a leader")
    .action(async (target, message, args, options) =>
      await call(cli, target, message, args, options as CallOptions)
    );
  addSettingFlags(command as unknown as Command, LOOK_SETTINGS);
}

async function call(
  cli: Cli,
  target: string,
  name: string | undefined,
  args: readonly string[],
  options: CallOptions,
): Promise<void> {
  const timeoutUs = cli.settings.timeout ?? DEFAULT_TIMEOUT_US;
  const lane = laneOf(options, name);
  const client = await MeshClient.open(cli, { timeoutUs: LOOK_TIMEOUT_US, direct: options.direct === true });
  try {
    const session = await reach(client, target, timeoutUs);
    if (lane.program !== null) {
      const words = [...(name === undefined ? [] : [name]), ...args];
      await callLane(cli, client.node, session, { ...lane.program, words, timeoutUs });
      return;
    }
    const { messages } = await client.node.describe(session, timeoutUs);
    if (options.list === true || name === undefined) {
      await cli.output.rows(messagesRendering(session.peer.name), messages);
      return;
    }
    const definition = messages.find((message) => message.name === name);
    if (definition === undefined) throw unknownMessage(session, name, messages);
    const body = bodyOf(definition, args, target);
    const right = {
      ...(options.unfenced === true ? { unfenced: true } : {}),
      ...(lane.standard === null ? {} : { lane: lane.standard }),
    };
    if (definition.kind === "event") {
      const status = session.post(definition, body, right);
      if (status !== "sent" && status !== "queued") throw notSent(session, name, status);
      // Closing lets out what waits; only then was it sent.
      const end = await session.close("called");
      if (end.error !== null) throw end.error;
      cli.output.message(`${name} was sent to ${session.peer.name}`);
      return;
    }
    const reply = await session.call(definition, body, { timeoutUs, ...right }).catch((thrown) => {
      throw failureOf(session, name, thrown);
    });
    cli.output.record(replyRecord(session.peer.name, name, reply));
  } finally {
    await client.close();
  }
}

interface WantedLane {
  readonly standard: LaneName | null;
  readonly program: { readonly name: string; readonly kind: ReturnType<typeof laneKindOf> } | null;
}

/** What `--lane` and `--kind` mean. Throws `usage`. */
function laneOf({ lane, kind }: CallOptions, firstWord: string | undefined): WantedLane {
  const isProgramLane = lane !== undefined && !isLaneName(lane);
  if (kind !== undefined && !isProgramLane) {
    throw new HanaError("usage", {
      what: "--kind without a lane of a program's own",
      why: lane === undefined ? "there is no --lane" : `${lane} is ${LANES[lane as LaneName].kind}`,
      hint: "hana call NODE --lane hana.echo --kind us hello",
    });
  }
  if (!isProgramLane) return { standard: lane ?? null, program: null };
  checkLaneName(lane);
  if (firstWord === undefined) {
    throw new HanaError("usage", {
      what: `nothing to send on lane ${lane}`,
      why: "each word is a message, '-' each line of stdin",
      hint: `hana call NODE --lane ${shellWord(lane)} hello`,
    });
  }
  return { standard: null, program: { name: lane, kind: laneKindOf(kind ?? "ro") } };
}

/** The body that the words of the command line stand for. Throws `usage` with what was expected. */
function bodyOf({ name, body }: MessageDefinition, args: readonly string[], target: string): unknown {
  try {
    if ("properties" in body) return coerceArguments(body, args);
    const [only, second] = args;
    if (only === undefined || second !== undefined) {
      throw new HanaError("schema", {
        what: "arguments",
        why: `one is wanted: ${describeSchema(body)}`,
      });
    }
    return coerceText(body, only, "argument");
  } catch (thrown) {
    if (!(thrown instanceof HanaError)) throw thrown;
    throw new HanaError("usage", {
      what: `${name}: ${thrown.what}`,
      ...(thrown.why === undefined ? {} : { why: thrown.why }),
      hint: `hana call ${shellWord(target)} --list`,
      cause: thrown,
    });
  }
}

/** What a peer calls `internal` is a fault of its program, and no bug of the hana that asked. */
function failureOf(session: Session, name: string, thrown: unknown): unknown {
  if (!(thrown instanceof HanaError) || thrown.code !== "internal") return thrown;
  return new HanaError("protocol", {
    what: `${name} failed at ${session.peer.name}`,
    why: thrown.why ?? thrown.what,
    cause: thrown,
  });
}

function notSent(session: Session, name: string, status: SendStatus): HanaError {
  return new HanaError(status === "too-large" ? "frame-too-large" : "closed", {
    what: `${name} was not sent to ${session.peer.name}`,
    why: status === "too-large" ? "it is over the frame limit" : `the session is ${status}`,
  });
}

async function reach(client: MeshClient, target: string, timeoutUs: number): Promise<Session> {
  if (target.includes("://") || target.startsWith("/")) return await client.node.open(target, { timeoutUs });
  return await client.node.open(await client.find(target), { timeoutUs });
}

function unknownMessage(session: Session, name: string, messages: readonly MessageDefinition[]): HanaError {
  const close = nearest(name, messages.map((message) => message.name));
  if (close !== null && close !== undefined) {
    return new HanaError("unknown-message", {
      what: `${session.peer.name} knows no message ${name}`,
      why: `did you mean ${close}?`,
      hint: `hana call ${session.peer.name} ${close}`,
    });
  }
  const own = messages.map((message) => message.name).filter((known) => !known.startsWith("hana."));
  return new HanaError("unknown-message", {
    what: `${session.peer.name} knows no message ${name}`,
    why: own.length === 0 ? "it has none of its own" : `its own are ${own.slice(0, 6).join(", ")}`,
    hint: `hana call ${session.peer.name} --list`,
  });
}

/** What a call does there; a command that only the leader may give says so. */
function effectOf({ access, effect, fenced }: MessageDefinition): string {
  const what = fenced === "required" ? "command of the leader" : effect;
  return access === undefined ? what : `${what} (${access})`;
}

function messagesRendering(node: string): Rendering<MessageDefinition> {
  return {
    what: "call.list",
    row: "message",
    id: (message) => message.name,
    columns: [
      { header: "MESSAGE", cell: (message) => message.name },
      { header: "KIND", cell: (message) => message.kind },
      { header: "LANE", cell: (message) => message.lane },
      { header: "EFFECT", cell: effectOf },
      { header: "FROM", cell: (message) => message.from.length === 4 ? "any" : message.from.join(",") },
      { header: "ARGUMENTS", cell: (message) => describeSchema(message.body), shrinks: true },
    ],
    json: (message) => ({ ...message }) as unknown as JsonObject,
    document: (messages) => ({ node, messages: messages as unknown as Json }),
  };
}

function replyRecord(node: string, message: string, reply: unknown): RecordRendering {
  const value = jsonOf(reply);
  const entries = typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.entries(value)
    : [["reply", value]] as const;
  const fields = entries.map(([label, field]) => ({
    label,
    value: typeof field === "string" ? field : JSON.stringify(field),
  }));
  return {
    what: "call",
    fields: fields.length > 0 ? fields : [{ label: "reply", value: "done" }],
    quiet: fields.map((field) => field.value),
    json: { node, message, reply: value },
  };
}

/** A reply as JSON; bytes become hex. */
function jsonOf(value: unknown): Json {
  if (value instanceof Uint8Array) return toHex(value);
  if (Array.isArray(value)) return value.map(jsonOf);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, jsonOf(entry)]));
  }
  return value as Json;
}
