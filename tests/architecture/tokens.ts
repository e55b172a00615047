// Cuts TypeScript into tokens: enough to know a name from a comment, a string or an expression.
// Decides nothing about meaning. Never fails: what it cannot read ends at the end of its line.

/** A piece of source. */
export interface Token {
  readonly kind: "name" | "text" | "number" | "mark";
  /** A name or mark as written; a text without its quotes. */
  readonly text: string;
  /** Line in the file, from 1. */
  readonly line: number;
}

const NAME_START = /[\p{ID_Start}$_#@]/u;
const NAME_PART = /[\p{ID_Continue}$\u200c\u200d]/u;

/** Names after which a slash begins an expression, not a division. */
const BEFORE_EXPRESSION = new Set([
  "return",
  "typeof",
  "case",
  "in",
  "of",
  "do",
  "else",
  "void",
  "throw",
  "await",
  "yield",
]);

/** The tokens of `source` without comments and blanks. Templates come as their texts and the tokens between them. */
export function tokensOf(source: string): Token[] {
  const tokens: Token[] = [];
  // Depth of braces in each open template: at depth 0 a closing brace goes on with the template's text.
  const templates: number[] = [];
  let at = 0;
  let line = 1;

  const push = (kind: Token["kind"], text: string) => tokens.push({ kind, text, line });
  const skip = (end: number) => {
    for (; at < end; at++) if (source.charAt(at) === "\n") line++;
  };
  const endOf = (closing: string) => {
    let end = at + 1;
    while (end < source.length && source.charAt(end) !== closing && source.charAt(end) !== "\n") {
      end += source.charAt(end) === "\\" ? 2 : 1;
    }
    return end;
  };
  /** Reads a template's text from `at` to its end or its next expression. */
  const templateText = () => {
    let end = at;
    while (end < source.length && source.charAt(end) !== "`" && !source.startsWith("${", end)) {
      end += source.charAt(end) === "\\" ? 2 : 1;
    }
    push("text", source.slice(at, end));
    skip(end);
    if (source.charAt(at) === "`") at += 1;
    else if (at < source.length) {
      at += 2;
      templates.push(0);
    }
  };

  while (at < source.length) {
    const char = source.charAt(at);
    if (/\s/.test(char)) {
      skip(at + 1);
    } else if (source.startsWith("//", at) || (at === 0 && source.startsWith("#!"))) {
      const end = source.indexOf("\n", at);
      at = end < 0 ? source.length : end;
    } else if (source.startsWith("/*", at)) {
      const end = source.indexOf("*/", at + 2);
      skip(end < 0 ? source.length : end + 2);
    } else if (char === '"' || char === "'") {
      const end = endOf(char);
      push("text", source.slice(at + 1, end));
      at = end + 1;
    } else if (char === "`") {
      at += 1;
      templateText();
    } else if (char === "}" && templates.at(-1) === 0) {
      templates.pop();
      at += 1;
      templateText();
    } else if (char === "/" && beginsExpression(tokens.at(-1))) {
      at = endOfExpression(source, at);
    } else if (NAME_START.test(char)) {
      let end = at + 1;
      while (end < source.length && NAME_PART.test(source.charAt(end))) end++;
      push("name", source.slice(at, end));
      at = end;
    } else if (/[0-9]/.test(char)) {
      let end = at + 1;
      while (/[0-9a-zA-Z_.]/.test(source.charAt(end))) end++;
      push("number", source.slice(at, end));
      at = end;
    } else {
      const open = templates.length - 1;
      if (open >= 0) templates[open] = (templates[open] ?? 0) + (char === "{" ? 1 : char === "}" ? -1 : 0);
      const mark = ["...", "?.", "=>"].find((long) => source.startsWith(long, at)) ?? char;
      push("mark", mark);
      at += mark.length;
    }
  }
  return tokens;
}

function beginsExpression(before: Token | undefined): boolean {
  if (before === undefined) return true;
  if (before.kind === "mark") return !/^[)\]}]$/.test(before.text);
  return before.kind === "name" && BEFORE_EXPRESSION.has(before.text);
}

/** Behind the flags of the regular expression at `at`. A slash in brackets does not end it. */
function endOfExpression(source: string, at: number): number {
  let end = at + 1;
  let inBrackets = false;
  for (; end < source.length && source.charAt(end) !== "\n"; end++) {
    const char = source.charAt(end);
    if (char === "\\") end++;
    else if (char === "[") inBrackets = true;
    else if (char === "]") inBrackets = false;
    else if (char === "/" && !inBrackets) break;
  }
  end++;
  while (/[a-z]/.test(source.charAt(end))) end++;
  return end;
}
