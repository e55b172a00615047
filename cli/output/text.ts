// Text that is safe to print, and how wide it is.
// Decides what becomes of characters that could steer a terminal: names, tags and error texts come from other
// machines, so that everything from there passes through `printable` first. Never breaks lines for looks.

// C0, DEL, C1, line separators, and the bidirectional controls that can make a name read as another.
// deno-lint-ignore no-control-regex
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g;

const NAMED: Readonly<Record<string, string>> = { "\t": "\\t", "\n": "\\n", "\r": "\\r" };

/** `text` on one line, with every character that could steer a terminal written as an escape. */
export function printable(text: string): string {
  return text.replace(UNSAFE, (c) => NAMED[c] ?? `\\u{${c.charCodeAt(0).toString(16)}}`);
}

/** `text` as one word of a shell command, quoted when it has to be. */
export function shellWord(text: string): string {
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(text)) return text;
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** `1 node`, `2 nodes`. */
export function counted(n: number, one: string, many: string = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}
