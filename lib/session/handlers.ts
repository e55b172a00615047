// What a node does when a message comes: the messages it knows and the functions that answer them.
// Decides nothing about who may send (message.ts) and never sees a message that was refused.

import { HanaError } from "../base/mod.ts";
import {
  type BodyOf,
  CompiledMessage,
  type EventDefinition,
  MAX_MESSAGES,
  type MessageDefinition,
  MessageTable,
  type ReplyOf,
  type RequestDefinition,
} from "./message.ts";
import type { HandlerContext, SessionHandlers } from "./session.ts";

/** Answers a request with its reply, at once or by a promise. Throw a {@linkcode HanaError} to refuse. */
export type RequestHandler<D extends RequestDefinition> = (
  body: BodyOf<D>,
  context: HandlerContext,
) => ReplyOf<D> | Promise<ReplyOf<D>>;

/** Takes a one-way message. */
export type EventHandler<D extends EventDefinition> = (
  body: BodyOf<D>,
  context: HandlerContext,
) => void | Promise<void>;

type AnyHandler = (body: unknown, context: HandlerContext) => unknown;

/** The messages and handlers of a node, shared by all its sessions. */
export class HandlerTable implements SessionHandlers {
  readonly messages = new MessageTable();
  readonly #handlers = new Map<string, AnyHandler>();
  /** Definitions that were learned from peers, compiled once each; the oldest is forgotten at the bound. */
  readonly #learned = new Map<MessageDefinition, CompiledMessage>();

  /** Defines a request and answers it. Throws `conflict` when the name is taken. */
  onRequest<D extends RequestDefinition>(definition: D, handler: RequestHandler<D>): void {
    this.#add(definition, handler as AnyHandler);
  }

  /** Defines a one-way message and takes it. Throws `conflict` when the name is taken. */
  onEvent<D extends EventDefinition>(definition: D, handler: EventHandler<D>): void {
    this.#add(definition, handler as AnyHandler);
  }

  find(name: string): AnyHandler | undefined {
    return this.#handlers.get(name);
  }

  /** The compiled form of a definition that is about to be sent. */
  compile(definition: MessageDefinition): CompiledMessage {
    const own = this.messages.find(definition.name);
    if (own !== undefined && own.definition === definition) return own;
    let compiled = this.#learned.get(definition);
    if (compiled === undefined) {
      compiled = new CompiledMessage(definition);
      if (this.#learned.size >= MAX_MESSAGES) {
        for (const oldest of this.#learned.keys()) {
          this.#learned.delete(oldest);
          break;
        }
      }
      this.#learned.set(definition, compiled);
    }
    return compiled;
  }

  #add(definition: MessageDefinition, handler: AnyHandler): void {
    if (this.#handlers.has(definition.name)) {
      throw new HanaError("conflict", { what: `message ${definition.name} is handled already` });
    }
    this.messages.define(definition);
    this.#handlers.set(definition.name, handler);
  }
}
