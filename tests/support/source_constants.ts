// Constants as they stand in the source, also those that no file exports, so that documents can be held against them.
// Decides how an expression of numbers, lists and other constants is read; throws on anything else, since a document
// must not name what cannot be checked.

/** Reads constants of the files of one folder. */
export class SourceConstants {
  readonly #texts = new Map<string, string>();

  constructor(readonly folder: URL) {}

  /** The numbers of a constant of `file`: one, or those of a list, nested lists flattened. */
  valueOf(file: string, name: string): number[] {
    const source = this.#textOf(file);
    const declared = new RegExp(`^(?:export )?const ${name}(?:: [^=]+)? = ([^;]*);`, "m").exec(source)?.[1];
    if (declared === undefined) return this.#imported(file, source, name);
    const tokens = declared.replace(/\/\/.*$/gm, "").match(
      /[A-Za-z_]\w*|0x[0-9a-f_]+|[\d_.]+(?:e-?\d+)?|\*\*|\S/g,
    );
    const reader = new Expression(tokens ?? [], (other) => {
      const [value, ...rest] = this.valueOf(file, other);
      if (value === undefined || rest.length > 0) throw new Error(`${other} in ${file} is no number`);
      return value;
    });
    return reader.read(`${name} in ${file}`);
  }

  #imported(file: string, source: string, name: string): number[] {
    const from = new RegExp(`^import \\{[^}]*\\b${name}\\b[^}]*\\} from "(\\./[^"]+)";`, "m").exec(source)
      ?.[1];
    if (from === undefined) throw new Error(`${file} has no constant ${name}`);
    return this.valueOf(from.slice("./".length), name);
  }

  #textOf(file: string): string {
    let text = this.#texts.get(file);
    if (text === undefined) this.#texts.set(file, text = Deno.readTextFileSync(new URL(file, this.folder)));
    return text;
  }
}

/** Numbers, + − * / **, brackets and lists; powers bind to the number beside them. */
class Expression {
  #at = 0;

  constructor(readonly tokens: readonly string[], readonly lookUp: (name: string) => number) {}

  read(what: string): number[] {
    const values = this.#items();
    if (this.#at < this.tokens.length) throw new Error(`${what}: cannot read ${this.tokens.join(" ")}`);
    return values;
  }

  #take(token: string): boolean {
    if (this.tokens[this.#at] !== token) return false;
    this.#at++;
    return true;
  }

  #items(): number[] {
    if (!this.#take("[")) return [this.#sum()];
    const values: number[] = [];
    while (!this.#take("]")) {
      values.push(...this.#items());
      this.#take(",");
    }
    return values;
  }

  #sum(): number {
    let value = this.#product();
    for (;;) {
      if (this.#take("+")) value += this.#product();
      else if (this.#take("-")) value -= this.#product();
      else return value;
    }
  }

  #product(): number {
    let value = this.#power();
    for (;;) {
      if (this.#take("*")) value *= this.#power();
      else if (this.#take("/")) value /= this.#power();
      else return value;
    }
  }

  #power(): number {
    const base = this.#one();
    return this.#take("**") ? base ** this.#power() : base;
  }

  #one(): number {
    if (this.#take("(")) {
      const value = this.#sum();
      if (!this.#take(")")) throw new Error("a bracket is not closed");
      return value;
    }
    const token = this.tokens[this.#at++] ?? "";
    if (/^[A-Za-z_]/.test(token)) return this.lookUp(token);
    const value = Number(token.replaceAll("_", ""));
    if (token === "" || Number.isNaN(value)) throw new Error(`${token} is no number`);
    return value;
  }
}

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  "%": 0.01,
  "µs": 1,
  ms: 1e3,
  s: 1e6,
  min: 60e6,
  h: 3_600e6,
  d: 86_400e6,
};

/** Numbers as people write them, `250 ms, 1 s`; times in µs. Throws on anything else. */
export function readQuantities(text: string): number[] {
  return text.split(", ").map((part) => {
    const [, digits, unit = ""] = /^(\d+(?:,\d{3})*(?:\.\d+)?)(?: ([a-zµ%]+))?$/.exec(part.trim()) ?? [];
    const factor = UNITS[unit];
    if (digits === undefined || factor === undefined) throw new Error(`cannot read the quantity ${part}`);
    // Rounded, since tenths of a second are no exact binary numbers.
    return Number((Number(digits.replaceAll(",", "")) * factor).toPrecision(12));
  });
}
