// What a message is: a name, a schema, a lane, and which role may send it to which.
// Decides the table that the compiler checks for library users and that every received message is checked against.
// Never encodes anything and never runs a handler.

import { type AccessLevel, HanaError, isAccessLevel, type Role, ROLES } from "../base/mod.ts";
import { isLaneName, type LaneName } from "../lanes/mod.ts";
import { compileSchema, type Infer, parseSchema, type Schema, type Validator } from "../wire/mod.ts";

/** Whether a message only reads, or changes something on the receiver; strangers to the mesh key may only read. */
export type MessageEffect = "read" | "command";

/**
 * Whether a command must carry the token of a leadership. `optional`: a token that comes must not be an old one, and once
 * a resource has seen one, other apps are refused. `required`: only with one. `never`: it is no matter of who leads.
 */
export type Fencing = "required" | "optional" | "never";

/** The parts that requests and events share. */
interface MessageBase {
  /** Dotted lower-case name; `hana.` stands before hana's own. */
  readonly name: string;
  readonly description?: string;
  readonly lane: LaneName;
  readonly effect: MessageEffect;
  /**
   * The least access that a sender needs: `viewer` for what only reads and `crew` for a command when not given. A crew runs
   * the show, which is what the commands of programs are for; what changes the set-up of a machine says `operator`.
   * A command never needs less than `crew`.
   */
  readonly access?: AccessLevel;
  /** For a command: whether it must carry a token; `optional` when not given. */
  readonly fenced?: Fencing;
  /** For a command: what of the receiver it changes, which newest leadership counts for; the whole node when not given. */
  readonly resource?: string;
  /** Roles that may send it. */
  readonly from: readonly Role[];
  /** Roles that may receive it. */
  readonly to: readonly Role[];
  readonly body: Schema;
}

/** A message that is answered. */
export interface RequestDefinition extends MessageBase {
  readonly kind: "request";
  readonly reply: Schema;
}

/** A message that is not. */
export interface EventDefinition extends MessageBase {
  readonly kind: "event";
}

/** Any message. It is plain data, so that it travels in a node's description. */
export type MessageDefinition = RequestDefinition | EventDefinition;

/** Every role. */
export const ANY_ROLE = ["app", "visualization", "daemon", "observer"] as const satisfies readonly Role[];

/**
 * `D` when a session from a node of role `From` to one of role `To` may carry it, else `never`, which the compiler
 * refuses at the call. Where a role is not known (`Role`), every role must be allowed.
 */
export type Sendable<D extends MessageDefinition, From extends Role, To extends Role> = [From] extends
  [D["from"][number]] ? [To] extends [D["to"][number]] ? D : never
  : never;

/** The value that a message carries. */
export type BodyOf<D extends MessageDefinition> = Infer<D["body"]>;

/** The value that answers a request. */
export type ReplyOf<D extends RequestDefinition> = Infer<D["reply"]>;

/**
 * Declares a request, keeping its exact types. Throws `schema` when the definition itself is wrong.
 * @example
 * const identify = defineRequest({ name: "wall.identify", lane: "control", effect: "command",
 *   from: ["app"], to: ["visualization"], body: s.object({ text: s.string() }), reply: s.object({}) });
 */
export function defineRequest<const D extends Omit<RequestDefinition, "kind">>(
  definition: D,
): D & { readonly kind: "request" } {
  const complete = { ...definition, kind: "request" } as const;
  checkDefinition(complete);
  parseSchema(complete.reply);
  return complete;
}

/** Declares a one-way message, keeping its exact types. Throws `schema` when the definition itself is wrong. */
export function defineEvent<const D extends Omit<EventDefinition, "kind">>(
  definition: D,
): D & { readonly kind: "event" } {
  const complete = { ...definition, kind: "event" } as const;
  checkDefinition(complete);
  return complete;
}

const FENCINGS: readonly Fencing[] = ["required", "optional", "never"];
const RESOURCE_NAME = /^[a-z][a-z0-9_-]*([.:/][a-z0-9][a-z0-9_-]*)*$/;
const MESSAGE_NAME = /^[a-z][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*){1,5}$/;
const MAX_NAME_LENGTH = 64;

/** Reads a definition that came from the network. Throws `schema`; nothing in it can do harm (lib/wire schema). */
export function parseDefinition(value: unknown): MessageDefinition {
  if (typeof value !== "object" || value === null) throw badDefinition("?", "it is no object");
  const raw = value as Record<string, unknown>;
  const name = typeof raw.name === "string" ? raw.name : "?";
  const base = {
    name,
    lane: raw.lane as LaneName,
    effect: raw.effect as MessageEffect,
    from: raw.from as readonly Role[],
    to: raw.to as readonly Role[],
    body: parseSchema(raw.body),
    ...(typeof raw.description === "string" ? { description: raw.description.slice(0, 256) } : {}),
    ...(raw.access === undefined ? {} : { access: raw.access as AccessLevel }),
    ...(raw.fenced === undefined ? {} : { fenced: raw.fenced as Fencing }),
    ...(raw.resource === undefined ? {} : { resource: raw.resource as string }),
  };
  const definition: MessageDefinition = raw.kind === "request"
    ? { ...base, kind: "request", reply: parseSchema(raw.reply) }
    : { ...base, kind: "event" };
  if (raw.kind !== definition.kind) throw badDefinition(name, "its kind is neither request nor event");
  checkDefinition(definition);
  return definition;
}

function checkDefinition(definition: MessageDefinition): void {
  parseSchema(definition.body);
  const { name } = definition;
  if (!MESSAGE_NAME.test(name) || name.length > MAX_NAME_LENGTH) {
    throw badDefinition(
      name,
      "a name is two to six dotted lower-case words, 64 characters at most, like wall.identify",
    );
  }
  if (typeof definition.lane !== "string" || !isLaneName(definition.lane)) {
    throw badDefinition(name, "there is no such lane");
  }
  if (definition.effect !== "read" && definition.effect !== "command") {
    throw badDefinition(name, "its effect is neither read nor command");
  }
  checkAccess(definition);
  checkFencing(definition);
  for (const roles of [definition.from, definition.to]) {
    if (!Array.isArray(roles) || roles.length === 0 || !roles.every((role) => ROLES.includes(role))) {
      throw badDefinition(name, "from and to each list at least one role");
    }
  }
}

function checkAccess({ name, effect, access }: MessageDefinition): void {
  if (access === undefined) return;
  if (!isAccessLevel(access)) throw badDefinition(name, "its access is none of viewer, crew, operator");
  if (effect === "command" && access === "viewer") {
    throw badDefinition(name, "a command needs access crew at least: viewers only look");
  }
}

function checkFencing({ name, effect, fenced, resource }: MessageDefinition): void {
  if (fenced === undefined && resource === undefined) return;
  if (effect !== "command") throw badDefinition(name, "only a command has a fence");
  if (fenced !== undefined && !FENCINGS.includes(fenced)) {
    throw badDefinition(name, `its fence is none of ${FENCINGS.join(", ")}`);
  }
  if (resource === undefined) return;
  if (typeof resource !== "string" || resource.length > MAX_NAME_LENGTH || !RESOURCE_NAME.test(resource)) {
    throw badDefinition(name, "its resource is no lower-case name of 64 characters at most");
  }
}

function badDefinition(name: string, why: string): HanaError {
  const shown = JSON.stringify(name.slice(0, MAX_NAME_LENGTH));
  return new HanaError("schema", { what: `message ${shown} cannot be defined`, why });
}

/** The least access that the sender of a message needs. */
export function accessNeeded({ access, effect }: Pick<MessageDefinition, "access" | "effect">): AccessLevel {
  return access ?? (effect === "command" ? "crew" : "viewer");
}

/** Validators by their schemas: nodes of one process, a hundred in a simulation, define the same messages. */
const validators = new WeakMap<Schema, Validator>();

function validatorOf(schema: Schema): Validator {
  let validator = validators.get(schema);
  if (validator === undefined) validators.set(schema, validator = compileSchema(schema));
  return validator;
}

/** A definition with its schemas compiled, as a session uses it. */
export class CompiledMessage {
  readonly body: Validator;
  readonly reply: Validator | null;
  /** The least access that its sender needs. */
  readonly access: AccessLevel;
  /** Told who was refused it for want of access, and why; for logs. */
  onRefused: ((who: string, why: HanaError) => void) | null = null;
  readonly #fromRoles: ReadonlySet<Role>;
  readonly #toRoles: ReadonlySet<Role>;

  constructor(readonly definition: MessageDefinition) {
    this.body = validatorOf(definition.body);
    this.reply = definition.kind === "request" ? validatorOf(definition.reply) : null;
    this.access = accessNeeded(definition);
    this.#fromRoles = new Set(definition.from);
    this.#toRoles = new Set(definition.to);
  }

  /** Whether a node of role `from` may send it to one of role `to`. */
  isAllowed(from: Role, to: Role): boolean {
    return this.#fromRoles.has(from) && this.#toRoles.has(to);
  }
}

/** At most this many definitions in one table. */
export const MAX_MESSAGES = 1024;

/** The messages that a node knows, by name. */
export class MessageTable {
  readonly #messages = new Map<string, CompiledMessage>();

  /** Adds a definition. Throws `conflict` when another one has its name, `overloaded` at {@linkcode MAX_MESSAGES}. */
  define(definition: MessageDefinition): CompiledMessage {
    const known = this.#messages.get(definition.name);
    if (known !== undefined) {
      if (known.definition === definition) return known;
      throw new HanaError("conflict", { what: `message ${definition.name} is defined already` });
    }
    if (this.#messages.size >= MAX_MESSAGES) {
      throw new HanaError("overloaded", {
        what: `message ${definition.name} cannot be defined`,
        why: `${MAX_MESSAGES} are`,
      });
    }
    const compiled = new CompiledMessage(definition);
    this.#messages.set(definition.name, compiled);
    return compiled;
  }

  find(name: string): CompiledMessage | undefined {
    return this.#messages.get(name);
  }

  /** All definitions, in the order in which they were made. */
  definitions(): MessageDefinition[] {
    return [...this.#messages.values()].map((message) => message.definition);
  }
}
