// A strict reader for small XML documents, for tests of what we write.
// Throws at the first thing that XML 1.0 does not allow; knows elements, attributes, text and the five entities.

/** An element, in the order of their beginnings. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Its own text, without that of elements in it. */
  text: string;
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

// What section 2.2 leaves out: controls, surrogates alone, and two that are no characters.
const IMPOSSIBLE =
  // deno-lint-ignore no-control-regex
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/** All elements of a well-formed document. Throws for any other. */
export function elementsOf(xml: string): XmlElement[] {
  const impossible = IMPOSSIBLE.exec(xml);
  if (impossible !== null) throw new Error(`impossible character at ${impossible.index}`);
  let at = /^<\?xml version="1\.0" encoding="UTF-8"\?>\s*/.exec(xml)?.[0].length ?? 0;
  const found: XmlElement[] = [];
  const open: XmlElement[] = [];
  while (at < xml.length) {
    const rest = xml.slice(at);
    const text = /^[^<]+/.exec(rest)?.[0];
    if (text !== undefined) {
      if (text.includes("]]>")) throw new Error(`"]]>" in text at ${at}`);
      const parent = open.at(-1);
      if (parent !== undefined) parent.text += decoded(text);
      else if (text.trim() !== "") throw new Error(`text outside of the root at ${at}`);
      at += text.length;
      continue;
    }
    const tag = /^<(\/?)([A-Za-z][\w.-]*)((?:\s+[A-Za-z][\w.-]*="[^"<]*")*)\s*(\/?)>/.exec(rest);
    if (tag === null) throw new Error(`no tag at ${at}: ${rest.slice(0, 80)}`);
    const [whole, closing, name = "", attributes = "", empty] = tag;
    if (closing === "/") {
      if (open.pop()?.name !== name) throw new Error(`</${name}> closes nothing at ${at}`);
    } else {
      if (open.length === 0 && found.length > 0) throw new Error(`a second root at ${at}`);
      const element: XmlElement = { name, attributes: attributesOf(attributes), text: "" };
      found.push(element);
      if (empty !== "/") open.push(element);
    }
    at += whole.length;
  }
  if (open.length > 0) throw new Error(`<${open.at(-1)?.name}> is never closed`);
  return found;
}

function attributesOf(text: string): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const [, name = "", value = ""] of text.matchAll(/([A-Za-z][\w.-]*)="([^"]*)"/g)) {
    if (name in attributes) throw new Error(`${name} twice`);
    attributes[name] = decoded(value);
  }
  return attributes;
}

function decoded(text: string): string {
  return text.replace(/&([^;]*);?/g, (whole, name: string) => {
    const code = /^#(\d+)$/.exec(name)?.[1];
    const char = code === undefined ? ENTITIES[name] : String.fromCodePoint(Number(code));
    if (char === undefined || !whole.endsWith(";")) throw new Error(`no entity: ${whole}`);
    return char;
  });
}
