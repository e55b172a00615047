// Why a message was not sent, as its caller reads it.

import { HanaError } from "../base/mod.ts";
import type { SendStatus } from "../lanes/mod.ts";
import type { MessageDefinition } from "./message.ts";

/** The caller took it back. */
export function cancelled(definition: MessageDefinition): HanaError {
  return new HanaError("cancelled", { what: `${definition.name} was cancelled` });
}

/** The carrier did not take it. */
export function notSent(definition: MessageDefinition, status: SendStatus): HanaError {
  if (status === "too-large") {
    return new HanaError("frame-too-large", {
      what: `${definition.name} was not sent`,
      why: "it is over the frame limit",
    });
  }
  if (status === "full" || status === "no-credit") {
    return new HanaError("overloaded", {
      what: `${definition.name} was not sent`,
      why: `lane ${definition.lane} is full${status === "full" ? "" : ": the peer does not read"}`,
    });
  }
  return new HanaError("closed", { what: `${definition.name} was not sent`, why: "the session is over" });
}
