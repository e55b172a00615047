// A judge with a clock of its own, and the words to speak to it.

import {
  type ChildEffect,
  ChildJudge,
  type ChildJudgeOptions,
} from "../../../../lib/supervision/child/mod.ts";
import { SPEC_DEFAULTS } from "../../../../lib/supervision/model/mod.ts";

export const TOKEN = "0123456789abcdef0123456789abcdef";
export const SECOND = 1_000_000;

const encoder = new TextEncoder();

/** A judge and the time that it sees; starts at a moment that is not zero. */
export class Bench {
  nowUs = 7_000_000_000;
  readonly judge: ChildJudge;
  readonly effects: ChildEffect[] = [];

  constructor(options: Partial<ChildJudgeOptions> = {}) {
    this.judge = new ChildJudge({
      token: TOKEN,
      run: 3,
      heartbeatUs: SPEC_DEFAULTS.heartbeatUs,
      hang: SPEC_DEFAULTS.hang,
      lastExit: "SIGSEGV",
      name: "aurora",
      ...options,
    });
  }

  note(effects: readonly ChildEffect[]): readonly ChildEffect[] {
    this.effects.push(...effects);
    return effects;
  }

  /** Connects and sends messages, each as a line. */
  connect(id: number, ...messages: unknown[]): readonly ChildEffect[] {
    return [...this.note(this.judge.handleConnect(this.nowUs, id)), ...this.say(id, ...messages)];
  }

  say(id: number, ...messages: unknown[]): readonly ChildEffect[] {
    return messages.flatMap((message) =>
      this.note(
        this.judge.handleBytes(
          this.nowUs,
          id,
          encoder.encode((typeof message === "string" ? message : JSON.stringify(message)) + "\n"),
        ),
      )
    );
  }

  notify(text: string): readonly ChildEffect[] {
    return this.note(this.judge.handleNotify(this.nowUs, encoder.encode(text)));
  }

  /** Lets time pass as a shim does that looks at the clock when it is due; `eachUs` runs beside it. */
  pass(us: number, each?: (nowUs: number) => void): readonly ChildEffect[] {
    const endUs = this.nowUs + us;
    const seen: ChildEffect[] = [];
    while (this.nowUs < endUs) {
      const dueUs = this.judge.deadline()?.atUs ?? endUs;
      this.nowUs = Math.min(endUs, Math.max(dueUs, this.nowUs));
      each?.(this.nowUs);
      seen.push(...this.tick());
    }
    return seen;
  }

  tick(): readonly ChildEffect[] {
    return this.note(this.judge.handleTick(this.nowUs));
  }

  /** What the state table was told, in order. */
  get told(): string[] {
    return machineEvents(this.effects);
  }
}

/** What the state table is told by these effects. */
export function machineEvents(effects: readonly ChildEffect[]): string[] {
  return effects.flatMap((effect) => effect.do === "machine" ? [effect.event] : []);
}

/** The names of the broken rules among these effects. */
export function rules(effects: readonly ChildEffect[]): string[] {
  return effects.flatMap((effect) => effect.do === "broken" ? [effect.rule] : []);
}

/** The messages that are sent by these effects. */
export function sent(effects: readonly ChildEffect[]): Record<string, unknown>[] {
  return effects.flatMap((effect) =>
    effect.do === "send" ? [JSON.parse(effect.line) as Record<string, unknown>] : []
  );
}

/** The connections that are closed by these effects. */
export function closed(effects: readonly ChildEffect[]): number[] {
  return effects.flatMap((effect) => effect.do === "close" ? [effect.connection] : []);
}

/** A hello. */
export function hello(fields: Record<string, unknown> = {}): Record<string, unknown> {
  return { t: "hello", v: 1, token: TOKEN, name: "viz", caps: ["hb", "stop", "frame"], ...fields };
}
