// Each invariant barks at what breaks it, and at nothing that only looks like it.

import { assert, assertEquals } from "@std/assert";
import { type ObserverDefinition, OBSERVERS } from "../../../../lib/simulate/mod.ts";
import { nodes, plan, SECOND, stream } from "../run/plans.ts";
import { FakeRun, idOf } from "./fake_run.ts";

function observer(id: string): ObserverDefinition {
  const found = OBSERVERS.find((each) => each.id === id);
  assert(found !== undefined, `there is no observer ${id}`);
  return found;
}

const MINUTE = 60 * SECOND;

Deno.test("no_false_death: a death on a good way is one", () => {
  const run = new FakeRun(observer("no_false_death"));
  run.see("viz-0", "viz-1", "dead", "suspect");
  assertEquals(run.ids, ["no_false_death"]);
  assertEquals(run.violations[0]?.nodes, ["viz-0", "viz-1"]);
});

Deno.test("no_false_death: not who is gone, frozen, cut off, on a bad way, or only just back", () => {
  const excuses: ((run: FakeRun) => void)[] = [
    (run) => run.oracle.down.add("viz-1"),
    (run) => run.oracle.stalled.add("viz-1"),
    (run) => run.oracle.stalled.add("viz-0"),
    (run) => run.oracle.ways.set("viz-1>viz-0", { quality: "none", sinceUs: 0 }),
    (run) => run.oracle.ways.set("viz-0>viz-1", { quality: "poor", sinceUs: 0 }),
    (run) => run.oracle.ways.set("viz-0>viz-1", { quality: "clean", sinceUs: run.oracle.nowUs - 4 * SECOND }),
    (run) => run.oracle.since.set("viz-1", run.oracle.nowUs - 4 * SECOND),
    (run) => run.oracle.ids.set("viz-1", idOf("another life")),
  ];
  for (const excuse of excuses) {
    const run = new FakeRun(observer("no_false_death"));
    const before = idOf("viz-1");
    excuse(run);
    run.tell({
      kind: "view",
      atUs: run.oracle.nowUs,
      observer: "viz-0",
      subject: "viz-1",
      id: before,
      op: "update",
      state: "dead",
      before: "suspect",
      incarnation: 1,
      listedName: "viz-1",
    });
    assertEquals(run.ids, [], String(excuse));
  }
});

Deno.test("no_ghosts: who is gone may stay listed as long as a death takes, and no longer", () => {
  const run = new FakeRun(observer("no_ghosts"));
  run.oracle.listAll();
  run.stop("viz-1", "crash");
  run.pass(9 * SECOND);
  assertEquals(run.ids, []);
  run.pass(10 * SECOND);
  // Two others list it; each is told once.
  assertEquals(run.ids, ["no_ghosts", "no_ghosts"]);
  run.pass(MINUTE);
  assertEquals(run.ids.length, 2);
});

Deno.test("no_ghosts: who can be heard is none, and who cannot be heard is one though it lives", () => {
  const run = new FakeRun(observer("no_ghosts"));
  run.oracle.listAll();
  run.oracle.ways.set("viz-0>viz-1", { quality: "none", sinceUs: run.oracle.nowUs });
  run.pass(MINUTE);
  assertEquals(run.violations.map(({ nodes }) => nodes), [["viz-1", "viz-0"]]);
});

Deno.test("no_replayed_life: a life that is over does not return, frames under way aside", () => {
  const run = new FakeRun(observer("no_replayed_life"));
  run.start("viz-1", 1);
  run.stop("viz-1", "crash");
  run.pass(SECOND);
  run.see("viz-0", "viz-1", "alive", null, 1);
  assertEquals(run.ids, []);
  run.pass(MINUTE);
  run.see("viz-2", "viz-1", "alive", "dead", 1);
  assertEquals(run.ids, ["no_replayed_life"]);
});

Deno.test("no_replayed_life: neither does one that another has followed", () => {
  const run = new FakeRun(observer("no_replayed_life"));
  run.start("viz-1", 1);
  run.stop("viz-1", "crash");
  run.start("viz-1", 2);
  run.pass(MINUTE);
  run.see("viz-0", "viz-1", "alive", "dead", 2);
  assertEquals(run.ids, []);
  run.see("viz-2", "viz-1", "alive", "dead", 1);
  assertEquals(run.ids, ["no_replayed_life"]);
});

Deno.test("goodbye_is_prompt: a second after it everybody knows, unless something was lost", () => {
  const cases: [(run: FakeRun) => void, number][] = [
    [() => {}, 2],
    [(run) => run.oracle.list("viz-0", "viz-1", "left"), 1],
    [(run) => run.oracle.ways.set("viz-1>viz-0", { quality: "fair", sinceUs: 0 }), 1],
    [(run) => run.oracle.stalled.add("viz-2"), 1],
    [(run) => run.oracle.stalled.add("viz-1"), 0],
  ];
  for (const [change, expected] of cases) {
    const run = new FakeRun(observer("goodbye_is_prompt"));
    run.oracle.listAll();
    run.stop("viz-1", "leave");
    change(run);
    run.pass(2 * SECOND);
    assertEquals(run.ids.length, expected, String(change));
  }
});

Deno.test("goodbye_is_prompt: a crash is no goodbye", () => {
  const run = new FakeRun(observer("goodbye_is_prompt"));
  run.oracle.listAll();
  run.stop("viz-1", "crash");
  run.pass(2 * SECOND);
  assertEquals(run.ids, []);
});

Deno.test("incarnation_monotonic: starts and views go forward", () => {
  const run = new FakeRun(observer("incarnation_monotonic"));
  run.start("viz-1", 5);
  run.see("viz-0", "viz-1", "alive", null, 5);
  run.start("viz-1", 6);
  run.see("viz-0", "viz-1", "alive", "alive", 6);
  assertEquals(run.ids, []);
  run.see("viz-0", "viz-1", "alive", "alive", 5);
  assertEquals(run.ids, ["incarnation_monotonic"]);
  run.start("viz-1", 6);
  assertEquals(run.ids.length, 2);
});

Deno.test("incarnation_monotonic: an observer that starts anew knows nothing, and a copied id may go to and fro", () => {
  const run = new FakeRun(observer("incarnation_monotonic"));
  run.start("viz-1", 5);
  run.see("viz-0", "viz-1", "alive", null, 5);
  run.start("viz-0", 1);
  run.see("viz-0", "viz-1", "alive", null, 4);
  assertEquals(run.ids, []);
  run.oracle.ids.set("viz-2", idOf("viz-1"));
  run.start("viz-2", 3);
  run.see("viz-0", "viz-1", "alive", "alive", 3);
  assertEquals(run.ids, []);
});

Deno.test("converged_after_quiet: at the end of the tail, for those who have had the time", () => {
  const run = new FakeRun(observer("converged_after_quiet"));
  run.oracle.listAll();
  run.oracle.list("viz-0", "viz-1", "dead");
  run.phase("end");
  assertEquals(run.ids, [], "a run without a quiet tail judges no liveness");
  run.phase("quiet");
  run.phase("end");
  assertEquals(run.violations.map(({ kind, nodes }) => [kind, ...nodes]), [["liveness", "viz-0", "viz-1"]]);
  run.oracle.list("viz-2", "viz-0", "suspect");
  run.oracle.since.set("viz-1", run.oracle.nowUs - SECOND);
  run.phase("end");
  assertEquals(run.ids.length, 1, "who has only just started, or is suspected for a moment, is not judged");
  run.pass(5 * SECOND);
  run.phase("end");
  assertEquals(run.violations.at(-1)?.nodes, ["viz-2", "viz-0"]);
});

for (const [id, set] of [["unique_names_after_quiet", "names"], ["unique_ids_after_quiet", "ids"]] as const) {
  Deno.test(`${id}: two with the same are one violation, strangers none`, () => {
    const run = new FakeRun(observer(id));
    const same = run.oracle[set] as Map<string, string>;
    same.set("viz-1", "x").set("viz-2", "x");
    run.phase("quiet");
    run.phase("end");
    assertEquals(run.violations.map(({ nodes }) => nodes), [["viz-1", "viz-2"]]);
    run.oracle.strangers.add("viz-2");
    run.phase("end");
    assertEquals(run.ids.length, 1);
  });
}

Deno.test("strangers_stay_blind: neither lists, nor sessions, nor messages", () => {
  const run = new FakeRun(observer("strangers_stay_blind"));
  const atUs = run.oracle.nowUs;
  run.oracle.strangers.add("viz-2");
  run.see("viz-0", "viz-1", "alive", null);
  run.tell({ kind: "session", atUs, node: "viz-0", peer: "viz-1", what: "open" });
  assertEquals(run.ids, []);
  run.see("viz-2", "viz-1", "alive", null);
  run.tell({ kind: "session", atUs, node: "viz-0", peer: "viz-2", what: "open" });
  const message = { traffic: "s0", number: 1, sentAtUs: 0, session: 1 };
  run.tell({ kind: "received", atUs, from: "viz-2", to: "viz-0", ...message });
  assertEquals(run.ids.length, 3);
});

Deno.test("timers_monotonic: a clock that jumps within a life, either way", () => {
  const run = new FakeRun(observer("timers_monotonic"));
  run.pass(SECOND);
  assertEquals(run.ids, []);
  run.oracle.clocks.set("viz-1", run.oracle.nowUs - 500);
  run.pass(100_000);
  assertEquals(run.violations.map(({ nodes }) => nodes), [["viz-1"]]);
});

Deno.test("timers_monotonic: another life may have another clock", () => {
  const run = new FakeRun(observer("timers_monotonic"));
  run.pass(SECOND);
  run.stop("viz-1", "crash");
  run.start("viz-1", 2);
  run.oracle.clocks.set("viz-1", 1);
  run.pass(100_000);
  assertEquals(run.ids, []);
});

function message(number: number, session = 1) {
  return {
    kind: "received",
    atUs: 0,
    traffic: "s0",
    from: "viz-0",
    to: "viz-1",
    number,
    sentAtUs: 0,
    session,
  } as const;
}

Deno.test("order_kept: ordered lanes neither repeat nor swap, and gaps are no matter", () => {
  const run = new FakeRun(observer("order_kept"), plan({ nodes: nodes(2), traffic: [stream()] }));
  for (const number of [1, 2, 5]) run.tell(message(number));
  assertEquals(run.ids, []);
  run.tell(message(4));
  run.tell(message(5));
  assertEquals(run.violations.map(({ text }) => /twice|after/.exec(text)?.[0]), ["after", "twice"]);
  // Another session is another order.
  run.tell(message(3, 2));
  assertEquals(run.ids.length, 2);
});

Deno.test("order_kept: reliable lanes without order only do not repeat, unreliable ones may lose", () => {
  const events = new FakeRun(observer("order_kept"), plan({ traffic: [stream({ lane: "events" })] }));
  for (const number of [2, 1, 3, 1]) events.tell(message(number));
  assertEquals(events.ids, ["order_kept"]);
  const telemetry = new FakeRun(observer("order_kept"), plan({ traffic: [stream({ lane: "telemetry" })] }));
  for (const number of [2, 1, 1]) telemetry.tell(message(number));
  assertEquals(telemetry.ids, []);
});

class Asking extends FakeRun {
  constructor() {
    super(observer("acknowledged_once"), plan({ traffic: [stream({ kind: "request" })] }));
  }
  #fact(number: number) {
    return { atUs: this.oracle.nowUs, traffic: "s0", from: "viz-0", to: "viz-1", number };
  }
  ask(number: number): void {
    this.tell({ kind: "sent", ...this.#fact(number), status: "sent" });
  }
  do(number: number): void {
    this.tell({ kind: "received", ...this.#fact(number), sentAtUs: 0, session: 1 });
  }
  settle(number: number, status: string): void {
    this.tell({ kind: "answered", ...this.#fact(number), status, sentAtUs: 0 });
  }
}

Deno.test("acknowledged_once: asked, done, answered; or failed, whether done or not", () => {
  const run = new Asking();
  for (const number of [1, 2, 3]) run.ask(number);
  run.do(1);
  run.settle(1, "ok");
  run.settle(2, "timeout");
  run.do(3);
  run.settle(3, "closed");
  run.pass(10 * SECOND);
  assertEquals(run.ids, []);
});

Deno.test("acknowledged_once: done twice, settled twice, answered undone, never settled", () => {
  const run = new Asking();
  for (const number of [1, 2, 3, 4]) run.ask(number);
  run.do(1);
  run.do(1);
  run.settle(1, "ok");
  run.settle(2, "timeout");
  run.settle(2, "closed");
  run.settle(3, "ok");
  run.pass(10 * SECOND);
  const texts = run.violations.map(({ text }) => text);
  assertEquals(texts.length, 4);
  for (const part of ["done 2 times", "as timeout and as closed", "never done", "not settled"]) {
    assert(texts.some((text) => text.includes(part)), `${part} is missing in ${texts.join("; ")}`);
  }
});

Deno.test("acknowledged_once: who crashed or was frozen owes no answer", () => {
  const crashed = new Asking();
  crashed.ask(1);
  crashed.stop("viz-0", "crash");
  crashed.pass(10 * SECOND);
  assertEquals(crashed.ids, []);
  const frozen = new Asking();
  frozen.ask(1);
  frozen.oracle.stalled.add("viz-0");
  frozen.pass(10 * SECOND);
  assertEquals(frozen.ids, []);
});

Deno.test("bounded_traffic: judged in silence alone", () => {
  const run = new FakeRun(observer("bounded_traffic"));
  let bytes = 0;
  const chatter = (us: number, perSecond: number): void => {
    for (let at = 0; at < us; at += SECOND) {
      run.oracle.sent.set("viz-1", bytes += perSecond);
      run.pass(SECOND);
    }
  };
  run.see("viz-0", "viz-1", "alive", null);
  chatter(8 * SECOND, 100_000);
  assertEquals(run.ids, [], "what the change set off may cost");
  chatter(20 * SECOND, 300);
  assertEquals(run.ids, []);
  chatter(10 * SECOND, 5_000);
  assert(run.ids.length > 0);
  assertEquals(run.violations[0]?.nodes, ["viz-1"]);
});

Deno.test("bounded_memory: over the bound, each told once", () => {
  const run = new FakeRun(observer("bounded_memory"));
  run.oracle.held.set("viz-0", [{ name: "sessions", value: 10, bound: 10 }]);
  run.pass(3 * SECOND);
  assertEquals(run.ids, []);
  run.oracle.held.set("viz-0", [{ name: "sessions", value: 11, bound: 10 }]);
  run.pass(5 * SECOND);
  assertEquals(run.ids, ["bounded_memory"]);
});

Deno.test("every observer has an id of its own and says in a sentence what it is about", () => {
  assertEquals(new Set(OBSERVERS.map(({ id }) => id)).size, OBSERVERS.length);
  for (const { id, summary } of OBSERVERS) assert(/^[A-Z].*\.$/s.test(summary), `${id}: ${summary}`);
});
