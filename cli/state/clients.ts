// Clients of the shared state by the names that people know them by.
// Decides which one a word means.

import { HanaError, nearest } from "../../lib/base/mod.ts";
import type { Desk, Holder } from "./desk.ts";

/** The client that a name or number means. Throws `not-found` with who is there, `usage` when several fit. */
export function findClient(desk: Desk, word: string): Holder {
  const all = desk.client.presence().filter(({ client }) => client !== 0).map(({ client, name }): Holder => ({
    client,
    name,
  }));
  const named = all.filter(({ name }) => name === word);
  const fitting = named.length > 0 ? named : all.filter(({ client }) => String(client) === word);
  const [first, second] = fitting;
  if (first === undefined) {
    const meant = nearest(word, all.map(({ name }) => name));
    const others = all.filter(({ client }) => client !== desk.client.number).map(({ name }) => name);
    throw new HanaError("not-found", {
      what: `no client ${word} is there`,
      why: meant !== null
        ? `did you mean ${meant}?`
        : others.length === 0
        ? "nobody else is there"
        : `there are ${others.slice(0, 6).join(", ")}${
          others.length > 6 ? ` and ${others.length - 6} more` : ""
        }`,
      hint: "hana state sessions",
    });
  }
  if (second !== undefined) {
    throw new HanaError("usage", {
      what: `${word} means ${fitting.length} clients`,
      why: fitting.map(({ name, client }) => `${name} is number ${client}`).slice(0, 4).join(", "),
      hint: `name one by its number, such as ${first.client}`,
    });
  }
  return first;
}
