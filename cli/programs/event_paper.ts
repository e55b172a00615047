// Events as they are written: alarms and all-clears in words on a terminal, every event whole for scripts.
// Decides which events a person sees and how; what they mean, lib/supervision/crew knows.

import type {
  Alert,
  Alerts,
  CrewContext,
  CrewText,
  ProgramEventEntry,
  sentencesOf,
  tell,
} from "../../lib/supervision/mod.ts";
import type { Cli } from "../frame/mod.ts";
import { counted, type JsonObject, jsonText, printable, type Tone } from "../output/mod.ts";
import { isoTime, wallClock } from "./clock.ts";
import type { Host } from "./hosts.ts";

/** An event and where it happened. */
export interface ListedEvent {
  readonly host: Host;
  readonly entry: ProgramEventEntry;
}

/** How events are shown. */
export interface EventLook {
  /** Every event, also where a person reads. */
  readonly everything: boolean;
  readonly alerts: Alerts;
  readonly tell: typeof tell;
  readonly sentencesOf: typeof sentencesOf;
}

const MARKS: Readonly<Record<string, { readonly mark: string; readonly tone: Tone }>> = {
  alarm: { mark: "ALARM", tone: "bad" },
  warning: { mark: "watch", tone: "warn" },
  info: { mark: "note ", tone: "none" },
  ok: { mark: "ok   ", tone: "good" },
};

/** Where events are written, in the mode of the call. */
export class EventPaper {
  readonly #cli: Cli;
  readonly #look: EventLook;
  readonly #events: JsonObject[] = [];

  constructor(cli: Cli, look: EventLook) {
    this.#cli = cli;
    this.#look = look;
  }

  add(listed: ListedEvent): void {
    const { output } = this.#cli;
    const { host, entry } = listed;
    const context: CrewContext = {
      node: host.name,
      nowWallMs: Date.now() + host.aheadMs,
      clock: (wallMs) => wallClock()(wallMs - host.aheadMs),
    };
    if (output.mode === "json") this.#events.push(this.#json(listed, context));
    else if (output.mode === "ndjson") output.event("events.event", this.#json(listed, context));
    else if (output.mode === "plain") output.raw(plainLine(listed));
    else if (output.mode === "quiet") {
      output.raw(`${printable(entry.event.program)}@${printable(host.name)}\n`);
    } else this.#words(listed);
  }

  /** Events that the node could not tell in time. */
  missed(host: Host, missed: number): void {
    if (this.#cli.output.mode === "ndjson") {
      this.#cli.output.event("events.missed", { node: host.name, missed });
    } else this.#cli.output.warn(`${counted(missed, "event")} of ${host.name} missed`);
  }

  nothing(): void {
    this.#cli.output.message("nothing happened");
  }

  end(): void {
    if (this.#cli.output.mode !== "json") return;
    const events = this.#events;
    this.#cli.output.record({
      what: "events",
      fields: [],
      quiet: [],
      json: { events, summary: { total: events.length } },
    });
  }

  /** Time has passed: all-clears that waited for proof. */
  tick(): void {
    if (this.#cli.output.mode === "table") this.#alerts(this.#look.alerts.handleTime(Date.now()));
  }

  #words({ host, entry }: ListedEvent): void {
    // By one clock: alarms of several machines stand in one list.
    const event = { ...entry.event, atWallMs: entry.event.atWallMs - host.aheadMs };
    const context: CrewContext = { node: host.name, nowWallMs: Date.now(), clock: wallClock() };
    if (this.#look.everything) this.#line(this.#look.tell(event, context), 1);
    else this.#alerts(this.#look.alerts.handle(event, context));
  }

  #alerts(alerts: readonly Alert[]): void {
    for (const { kind, text, count, isShown } of alerts) {
      if (isShown) this.#line(text, kind === "clear" ? 1 : count);
    }
  }

  #line(text: CrewText, count: number): void {
    const { output } = this.#cli;
    const { mark, tone } = MARKS[text.severity] ?? { mark: "note ", tone: "none" as const };
    // P102 says how often by itself.
    const happened = count > 1 && text.code !== "P102"
      ? text.happened.replace(/\.$/, ` (×${count}).`)
      : text.happened;
    const todo = text.command === null ? "" : ` ${text.todo}`;
    output.raw(
      `${output.palette.paint(tone, mark)} ${output.palette.paint("dim", text.code)} ${printable(happened)} ${
        printable(text.done)
      }${printable(todo)}\n`,
    );
  }

  #json({ host, entry }: ListedEvent, context: CrewContext): JsonObject {
    const text = this.#look.tell(entry.event, context);
    return {
      node: host.name,
      id: entry.id,
      origin: entry.origin,
      ...entry.event,
      time: isoTime(entry.event.atWallMs),
      code: text.code,
      severity: text.severity,
      sentences: [...this.#look.sentencesOf(text)],
      command: text.command,
    } as unknown as JsonObject;
  }
}

function plainLine({ host, entry: { id, event } }: ListedEvent): string {
  const { program, run, kind, by, detail, atWallMs } = event;
  return [
    isoTime(atWallMs),
    program,
    host.name,
    String(run),
    kind,
    by ?? "-",
    String(id),
    jsonText(detail as JsonObject),
  ].map(printable).join("\t") + "\n";
}
