// A judge of the JSON Schema words that our schema uses, written from the specification (2020-12) and not from ours.

type Schema = Record<string, unknown>;

/** Whether `value` fits `schema`. Throws for a word that it does not know, so that none is passed over in silence. */
export function fits(value: unknown, schema: Schema | boolean, root: Schema): boolean {
  if (typeof schema === "boolean") return schema;
  return Object.entries(schema).every(([word, rule]) => {
    const check = WORDS[word];
    if (check === undefined) throw new Error(`the judge does not know ${word}`);
    return check(rule, value, schema, root);
  });
}

type Word = (rule: unknown, value: unknown, schema: Schema, root: Schema) => boolean;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const typeIs = (value: unknown, type: string): boolean => {
  switch (type) {
    case "array":
      return Array.isArray(value);
    case "object":
      return isObject(value);
    case "null":
      return value === null;
    case "integer":
      return Number.isInteger(value);
    case "string":
      return typeof value === "string";
    case "number":
      return typeof value === "number";
    case "boolean":
      return typeof value === "boolean";
    default:
      throw new Error(`the judge does not know the type ${type}`);
  }
};

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
const all = (rule: unknown): Schema[] => rule as Schema[];
const always: Word = () => true;

const WORDS: Record<string, Word> = {
  $schema: always,
  $id: always,
  $defs: always,
  title: always,
  description: always,
  else: always,
  then: always,
  $ref: (rule, value, _schema, root) => {
    const name = /^#\/\$defs\/(.+)$/.exec(String(rule))?.[1] ?? "";
    const target = (root.$defs as Record<string, Schema>)[name];
    if (target === undefined) throw new Error(`there is no ${rule}`);
    return fits(value, target, root);
  },
  type: (rule, value) => (Array.isArray(rule) ? rule : [rule]).some((type) => typeIs(value, String(type))),
  const: (rule, value) => same(rule, value),
  enum: (rule, value) => (rule as unknown[]).some((each) => same(each, value)),
  pattern: (rule, value) => typeof value !== "string" || new RegExp(String(rule), "u").test(value),
  minimum: (rule, value) => typeof value !== "number" || value >= Number(rule),
  maximum: (rule, value) => typeof value !== "number" || value <= Number(rule),
  minItems: (rule, value) => !Array.isArray(value) || value.length >= Number(rule),
  maxItems: (rule, value) => !Array.isArray(value) || value.length <= Number(rule),
  items: (rule, value, _schema, root) =>
    !Array.isArray(value) || value.every((each) => fits(each, rule as Schema, root)),
  required: (rule, value) => !isObject(value) || (rule as string[]).every((key) => value[key] !== undefined),
  propertyNames: (rule, value, _schema, root) =>
    !isObject(value) || Object.keys(value).every((key) => fits(key, rule as Schema, root)),
  properties: (rule, value, _schema, root) =>
    !isObject(value) ||
    Object.entries(rule as Record<string, Schema>).every(([key, schema]) =>
      value[key] === undefined || fits(value[key], schema, root)
    ),
  additionalProperties: (rule, value, schema, root) => {
    if (!isObject(value)) return true;
    const known = Object.keys((schema.properties ?? {}) as Schema);
    return Object.entries(value).every(([key, each]) =>
      known.includes(key) || each === undefined || fits(each, rule as Schema, root)
    );
  },
  anyOf: (rule, value, _schema, root) => all(rule).some((schema) => fits(value, schema, root)),
  allOf: (rule, value, _schema, root) => all(rule).every((schema) => fits(value, schema, root)),
  oneOf: (rule, value, _schema, root) => all(rule).filter((schema) => fits(value, schema, root)).length === 1,
  not: (rule, value, _schema, root) => !fits(value, rule as Schema, root),
  if: (rule, value, schema, root) =>
    fits(value, rule as Schema, root)
      ? schema.then === undefined || fits(value, schema.then as Schema, root)
      : schema.else === undefined || fits(value, schema.else as Schema, root),
};
