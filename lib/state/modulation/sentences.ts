// An explanation in people's words: `0.42: 0.30 of shared state, + 0.12 of lfo-1 (add)`.
// Decides the words and how many digits a number has in them; exact numbers stand beside (explanation.ts).

import type { ExplainedSource, ModulationExplanation } from "./explanation.ts";

/** Why a place has its value, in one line. */
export function tellModulation(explanation: Omit<ModulationExplanation, "text">): string {
  const { base, sources, effective, isLimited, range } = explanation;
  const number = (value: number) => short(value, explanation.type === "i32" || explanation.type === "bool");
  const shared = `${number(base.value)} of shared state`;
  const top = sources.findLastIndex(({ mode, fate, strength }) =>
    mode === "replace" && fate !== "below-floor" && strength === 1
  );
  const replacing = sources[top];
  const parts = [replacing ? `${tellSource(replacing, number)} instead of ${shared}` : shared];
  sources.forEach((source, at) => {
    if (at > top && source.strength > 0) parts.push(tellSource(source, number));
  });
  if (isLimited) parts.push(`kept to ${tellRange(range.min, range.max, number)}`);
  const idle = sources.flatMap((source) => tellIdle(source, base.floor, replacing?.name ?? ""));
  return [`${withUnit(number(effective), explanation.unit)}: ${parts.join(", ")}`, ...idle].join("; ");
}

function tellSource(source: ExplainedSource, number: (value: number) => string): string {
  const { name, mode, value, fate, strength } = source;
  const how = fate === "applies" || fate === "outranked"
    ? mode
    : `${mode}, ${fate}, ${Math.round(strength * 100)} %`;
  if (mode === "replace") return `${number(value)} of ${name} (${how})`;
  if (mode === "multiply") return `× ${short(value, false)} of ${name} (${how})`;
  return `${value < 0 ? "-" : "+"} ${number(Math.abs(value))} of ${name} (${how})`;
}

function tellIdle({ name, fate, priority }: ExplainedSource, floor: number, replacing: string): string[] {
  if (fate === "below-floor") {
    return [
      `${name} has no effect: its priority ${priority} is below ${floor} of who holds it in shared state`,
    ];
  }
  return fate === "outranked" ? [`${name} has no effect: ${replacing} replaces what it says`] : [];
}

function tellRange(min: number | null, max: number | null, number: (value: number) => string): string {
  if (min !== null && max !== null) return `the range ${number(min)} to ${number(max)}`;
  return min !== null ? `at least ${number(min)}` : max !== null ? `at most ${number(max)}` : "its range";
}

/** Two digits behind the point, one from 10 on, more where two would show nothing. */
function short(value: number, isWhole: boolean): string {
  if (isWhole && Number.isInteger(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 1e9) return value.toPrecision(4);
  const digits = size >= 10
    ? 1
    : size >= 0.1 || size === 0
    ? 2
    : Math.min(6, 1 - Math.floor(Math.log10(size)));
  return value.toFixed(digits);
}

function withUnit(text: string, unit: string | null): string {
  return unit === null ? text : unit === "°" || unit === "%" ? `${text}${unit}` : `${text} ${unit}`;
}
