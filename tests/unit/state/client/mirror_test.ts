// What listeners were told, put together, is what stands: for random writes, structure, breaks and hosts.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { StateChange, StateClient } from "../../../../lib/state/client/mod.ts";
import { fader, Stage } from "./stage.ts";

const PATHS = ["wall/a", "wall/b", "wall/c", "stage/x", "stage/y"];
const action = fc.record({
  what: fc.constantFrom(
    ...["set", "set", "set", "set", "release", "claim", "define", "forget", "cut", "host", "lost", "listen"],
  ),
  who: fc.nat(2),
  path: fc.constantFrom(...PATHS),
  value: fc.integer({ min: 0, max: 100 }),
  priority: fc.constantFrom(80, 100, 120),
  pauseUs: fc.constantFrom(0, 1_000, 20_000, 100_000),
});

/** What one listener knows. */
class Mirror {
  readonly known = new Map<string, readonly [unknown, number, number]>();
  /** What the listener found wrong: it would be swallowed where it is told. */
  failure: unknown = null;

  constructor(readonly client: StateClient, readonly prefix: string) {
    client.subscribe(prefix, (changes) => {
      try {
        this.#hear(changes);
      } catch (thrown) {
        this.failure ??= thrown;
      }
    }, { initial: true });
  }

  #hear(changes: readonly StateChange[]): void {
    const paths = new Set(changes.map(({ path }) => path));
    assertEquals(paths.size, changes.length, "a path is told once a batch");
    for (const { path, value, holder, priority, isGone } of changes) {
      const now = [value, holder, priority] as const;
      if (isGone) assert(this.known.delete(path), `${path} was never there`);
      else {
        assert(JSON.stringify(this.known.get(path)) !== JSON.stringify(now), `${path} was told before`);
        this.known.set(path, now);
      }
    }
  }

  check(): void {
    if (this.failure !== null) throw this.failure;
    const standing = new Map(
      this.client.list(this.prefix).map((
        { path, value, holder, priority },
      ) => [path, [value, holder, priority] as const]),
    );
    assertEquals([...this.known].sort(), [...standing].sort());
  }
}

Deno.test("what a listener was told is what stands, whatever is written, made, taken out, cut off and hosted anew", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 10, maxLength: 60 }), async (actions) => {
      const stage = new Stage([...PATHS.map((path) => fader(path)), fader("wall/slow", { fadeUs: 200_000 })]);
      const clients = ["a", "b", "c"].map((name) => stage.join(name));
      const mirrors = clients.flatMap((
        client,
      ) => [new Mirror(client, "wall"), new Mirror(client, "stage/x")]);
      await stage.until(Promise.all(clients.map((client) => client.ready())));
      const answers: Promise<unknown>[] = [];
      const ask = (promise: Promise<unknown>) => void answers.push(promise.catch(() => {}));
      let isStandby = false;
      for (const { what, who, path, value, priority, pauseUs } of actions) {
        const client = clients[who];
        assert(client !== undefined);
        if (what === "set") {
          ask(client.set(value % 7 === 0 ? "wall/slow" : path, value, { priority }));
        } else if (what === "release") ask(client.release(path));
        else if (what === "claim") ask(client.claim(path, { priority }));
        else if (what === "define" || what === "forget") {
          ask(client.privilege.request());
          await stage.run(50_000);
          ask(
            what === "define"
              ? client.define(fader(path, { default: value, max: 100 + value % 3 * 50 }))
              : client.forget(path),
          );
        } else if (what === "cut") {
          stage.cut(stage.deskOf(client));
          await stage.run(pauseUs);
          stage.connect(stage.deskOf(client));
        } else if (what === "listen") mirrors.push(new Mirror(client, ""));
        else {
          if (!isStandby && what === "host") {
            stage.understudy();
            await stage.run(200_000);
            isStandby = true;
          }
          stage.kill();
          await stage.run(pauseUs);
          if (what === "host") stage.reign("standby");
          else stage.reign("nothing", [...PATHS].reverse().slice(value % 3).map((each) => fader(each)));
          isStandby = false;
        }
        await stage.run(pauseUs);
      }
      await stage.run(20_000_000);
      for (const client of clients) {
        assert(client.isSynced, JSON.stringify(client.missing()));
      }
      for (const mirror of mirrors) mirror.check();
      // No answer is left open.
      await stage.until(Promise.all(answers));
      const [first, ...others] = clients.map((client) =>
        client.list("").filter(({ definition }) => definition.subsystem !== "clients").map((
          { path, value, holder },
        ) => [path, value, holder])
      );
      for (const other of others) assertEquals(other, first);
    }),
    { numRuns: 120 },
  );
});
