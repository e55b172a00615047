// What a peer may do, by its level and by what each message needs; and how that reads.

import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { ACCESS_LEVELS, type AccessLevel, HanaError, hasAccess } from "../../../lib/base/mod.ts";
import {
  accessNeeded,
  type CommandRight,
  defineEvent,
  defineRequest,
  type Fence,
  type MessageEffect,
  type PeerAccess,
  whoIs,
} from "../../../lib/session/mod.ts";
import { s } from "../../../lib/wire/mod.ts";
import {
  broken,
  bytes,
  core,
  events,
  identity,
  kinds,
  openListener,
  readFailure,
  START,
  START_US,
  transmits,
} from "./support.ts";
import { Stage } from "./session_support.ts";

const ROLES = { from: ["app", "observer"], to: ["daemon"] } as const;

/** Every combination of effect and wanted access that a message can have, as request and as event. */
const MATRIX = (["read", "command"] as const).flatMap((effect: MessageEffect) =>
  ([undefined, ...ACCESS_LEVELS] as const)
    .filter((access) => effect === "read" || access !== "viewer")
    .map((access) => {
      const name = `test.${effect}-${access ?? "default"}`;
      const shared = {
        lane: "control",
        effect,
        ...ROLES,
        body: s.object({}),
        ...(access === undefined ? {} : { access }),
      } as const;
      return {
        needed: access ?? (effect === "read" ? "viewer" : "crew") as AccessLevel,
        request: defineRequest({ name: `${name}.ask`, ...shared, reply: s.object({}) }),
        event: defineEvent({ name: `${name}.tell`, ...shared }),
      };
    })
);

function holds(access: AccessLevel, holder: string | null = "anna"): () => PeerAccess {
  return () => ({ access, holder, refusal: null });
}

function daemon(access: AccessLevel, holder: string | null = "anna", fence?: Fence) {
  return openListener({
    local: identity(1, { role: "daemon", name: "stage-left" }),
    peer: { role: "app", name: "foh" },
    definitions: [...MATRIX.flatMap(({ request, event }) => [request, event]), START],
    access: holds(access, holder),
    ...(fence === undefined ? {} : { fence }),
  });
}

Deno.test("each level may send what needs it or less, requests and events alike, and no more", () => {
  for (const held of ACCESS_LEVELS) {
    for (const { needed, request, event } of MATRIX) {
      assertEquals([accessNeeded(request), accessNeeded(event)], [needed, needed]);
      const side = daemon(held);
      side.handlePayload(START_US, bytes.name(1, request.name));
      side.handlePayload(START_US, bytes.name(2, event.name));
      side.handlePayload(START_US, bytes.request(1, 1, {}));
      side.handlePayload(START_US, bytes.event(2, {}));
      const allowed = hasAccess(held, needed);
      const what = `${held}, ${request.name}`;
      assertEquals(events(side).map(({ type }) => type), allowed ? ["request", "event"] : [], what);
      assertEquals(side.counters.lowAccess, allowed ? 0 : 2, what);
      assertEquals(side.counters.untrusted, 0);
      const answers = transmits(side);
      assertEquals(answers.length, allowed ? 0 : 1, what);
      assert(side.isOpen, "too little access costs the message, not the session");
      if (answers[0] === undefined) continue;
      const { body } = readFailure(answers[0]);
      assertEquals(body.code, "refused");
      assertEquals(body.what, `stage-left refused ${request.name}`);
      assertEquals(body.why, `it needs access ${needed}, and this was anna (${held}) at foh`);
      assertMatch(String(body.hint), new RegExp(`^hana mesh grant anna --role ${needed}\\b`));
    }
  }
});

Deno.test("the local socket and the mesh key give all, and a stranger in the open mesh is counted as one", () => {
  const own = daemon("operator", null);
  const stranger = daemon("viewer", null);
  for (const side of [own, stranger]) {
    side.handlePayload(START_US, bytes.name(1, START.name));
    side.handlePayload(START_US, bytes.request(1, 1, {}));
  }
  assertEquals([events(own).length, events(stranger).length], [1, 0]);
  assertEquals([stranger.counters.untrusted, stranger.counters.lowAccess], [1, 0]);
  assertStringIncludes(
    String(readFailure(transmits(stranger)[0] ?? new Uint8Array()).body.hint),
    "--insecure",
  );
});

Deno.test("a peer that is not wanted is told why instead of a welcome, and nothing of it runs", () => {
  const refusal = new HanaError("refused", {
    what: "the key of anna (crew) is not taken",
    why: "revoked",
    hint: "ask",
  });
  const side = core({
    side: "listener",
    local: identity(1, { role: "daemon" }),
    access: () => ({ access: "operator", holder: "anna", refusal }),
  });
  side.handleOpen(START_US);
  side.handlePayload(START_US, bytes.hello());
  const waiting = transmits(side);
  assertEquals(waiting.length, 1);
  assertEquals(broken(events(side)), refusal);
  side.handlePayload(START_US, bytes.name(1, START.name));
  side.handlePayload(START_US, bytes.request(1, 1, {}));
  assertEquals([events(side), kinds(side), side.isOpen], [[], [], false]);

  const dialler = core({ side: "dialler", local: identity(2) });
  dialler.handleOpen(START_US);
  transmits(dialler);
  dialler.handlePayload(START_US, waiting[0] ?? new Uint8Array());
  const told = broken(events(dialler));
  assertEquals([told?.code, told?.what, told?.why, told?.hint], [
    "refused",
    refusal.what,
    refusal.why,
    refusal.hint,
  ]);
});

Deno.test("what a peer may do is asked once it greets, not before its handshake is through", () => {
  let asked = 0;
  const side = core({
    side: "listener",
    local: identity(1),
    access: () => {
      asked++;
      return { access: "crew", holder: "anna", refusal: null };
    },
  });
  assertEquals(side.access, { access: "viewer", holder: null, refusal: null });
  side.handleOpen(START_US);
  assertEquals(asked, 0);
  side.handlePayload(START_US, bytes.hello());
  assertEquals([asked, side.access.access, side.access.holder], [1, "crew", "anna"]);
});

Deno.test("an operator's word against the fence is that of an operator alone", () => {
  for (const held of ["crew", "operator"] as const) {
    const rights: CommandRight[] = [];
    const fence: Fence = {
      tokenFor: () => null,
      admit: (_command, right) => {
        rights.push(right);
        return null;
      },
    };
    const side = daemon(held, "anna", fence);
    side.handlePayload(START_US, bytes.name(1, START.name));
    side.handlePayload(START_US, bytes.fenced(0, [], bytes.request(1, 1, {})));
    assertEquals(rights, [{ token: null, isForced: held === "operator" }]);
    assertEquals(events(side).length, 1);
  }
});

Deno.test("a handler sees who asks, and so does the log", async () => {
  const stage = new Stage({ access: holds("crew"), local: { name: "foh" }, remote: { role: "daemon" } });
  const ASK = MATRIX.find(({ request }) => request.name === "test.command-default.ask")?.request;
  const OPERATE = MATRIX.find(({ request }) => request.name === "test.command-operator.ask")?.request;
  assert(ASK !== undefined && OPERATE !== undefined);
  const seen: string[] = [];
  for (const definition of [ASK, OPERATE]) {
    stage.farHandlers.onRequest(definition, (_body, { session }) => {
      seen.push(`${session.access} ${session.holder} ${whoIs(session)}`);
      return {};
    });
  }
  const { near } = await stage.connected();
  assertEquals([near.access, near.holder, whoIs(near)], ["operator", null, "node-2 (operator)"]);
  await stage.settle(near.call(ASK, {}));
  assertEquals(seen, ["crew anna anna (crew) at foh"]);
  const error = await assertRejects(() => stage.settle(near.call(OPERATE, {})), HanaError);
  assertEquals([error.code, seen.length], ["refused", 1]);
});
