// Alarms, repeats folded into one, and an all-clear for each of them.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { ALARMS, type AlarmTopic, Alerts, MAX_OPEN_ALARMS } from "../../../../lib/supervision/crew/mod.ts";
import { CLASSES, CONTEXT, event, exit, KINDS, NOW } from "./support.ts";

const crash = (atMs: number) => event("exited", { exit: exit() }, { atWallMs: NOW + atMs });

Deno.test("a crash is an alarm, the same again a repeat of which the 2nd, 4th and 8th are shown, and being ready for a while clears it", () => {
  const alerts = new Alerts();
  const told = [0, 1, 2, 3, 4, 5, 6, 7].map((n) => alerts.handle(crash(n * 1_000), CONTEXT)).flat();
  assertEquals(told.map(({ kind }) => kind), ["alarm", ...Array(7).fill("repeat")]);
  assertEquals(told.filter(({ isShown }) => isShown).map(({ count }) => count), [1, 2, 4, 8]);
  assertEquals(told.at(-1)?.text.happened, "aurora on stage-left crashed 8 times in 7 s, last at 20:14:14.");
  // Eight times is often: that it is ready is believed when it has been so for a while.
  assertEquals(alerts.handle(event("ready", {}, { atWallMs: NOW + 12_000 }), CONTEXT), []);
  assertEquals(alerts.handleTime(NOW + 41_999), []);
  const [clear, ...rest] = alerts.handleTime(NOW + 42_000);
  assertEquals(rest, []);
  assertEquals([clear?.kind, clear?.text.happened, clear?.text.done], [
    "clear",
    "aurora on stage-left runs again at 20:14:19.",
    "All clear after 12 s. It had happened 8 times.",
  ]);
  assertEquals(alerts.openCount, 0);
});

Deno.test("a program that ended badly for good is no all-clear, and stays an alarm until somebody acts", () => {
  const alerts = new Alerts();
  alerts.handle(crash(0), CONTEXT);
  const [told] = alerts.handle(event("done"), CONTEXT);
  assertEquals([told?.kind, told?.text.code, told?.isShown], ["repeat", "P128", true]);
  assertEquals(alerts.openCount, 1);
  assertEquals(alerts.handle(event("stopped"), CONTEXT).map(({ kind }) => kind), ["clear"]);
});

Deno.test("tries in between are not told, and that it is parked counts as no further failure", () => {
  const alerts = new Alerts();
  alerts.handle(crash(0), CONTEXT);
  assertEquals(alerts.handle(event("started"), CONTEXT), []);
  const [parked] = alerts.handle(event("parked", { why: "config" }), CONTEXT);
  assertEquals([parked?.count, parked?.isShown], [1, true]);
  assertEquals(
    parked?.text.happened,
    "aurora on stage-left is not tried any more at 20:14:07: it could not start.",
  );
});

Deno.test("a program that gets ready between its crashes is one trouble, not many", () => {
  const alerts = new Alerts();
  const ready = (atMs: number) => event("ready", {}, { atWallMs: NOW + atMs });
  const told = [0, 1, 2, 3, 4, 5, 6, 7].flatMap((n) => [
    ...alerts.handle(crash(n * 2_000), CONTEXT),
    ...alerts.handle(ready(n * 2_000 + 1_000), CONTEXT),
  ]).filter(({ isShown }) => isShown);
  assertEquals(told.map(({ kind, count }) => `${kind} ${count}`), [
    "alarm 1",
    "clear 1",
    "alarm 2",
    "clear 2",
    "alarm 3",
    "repeat 4",
    "repeat 8",
  ]);
  assertEquals(alerts.handleTime(NOW + 46_000).map(({ kind, count }) => `${kind} ${count}`), ["clear 8"]);
  // Long after that the next crash is a new trouble.
  assertEquals(alerts.handle(crash(200_000), CONTEXT).map(({ count }) => count), [1]);
});

Deno.test("whoever stops a program that failed often has the all-clear at once", () => {
  const alerts = new Alerts();
  for (const n of [0, 1, 2, 3]) alerts.handle(crash(n * 1_000), CONTEXT);
  const [clear] = alerts.handle(event("stopped", {}, { atWallMs: NOW + 5_000 }), CONTEXT);
  assertEquals([clear?.kind, clear?.count], ["clear", 4]);
  assertEquals(alerts.handleTime(NOW + 100_000), []);
});

Deno.test("an ending that was asked for is no alarm", () => {
  const alerts = new Alerts();
  for (const fine of ["success", "stopped", "stay-down"] as const) {
    assertEquals(alerts.handle(event("exited", { exit: exit({ class: fine }) }), CONTEXT), []);
  }
  assertEquals(alerts.openCount, 0);
});

for (const topic of Object.keys(ALARMS) as AlarmTopic[]) {
  const { raisedBy, clearedBy } = ALARMS[topic];
  Deno.test(`the alarm "${topic}" has an all-clear for each way in which it is over`, () => {
    assert(clearedBy.length > 0);
    for (const cause of raisedBy) {
      for (const cure of clearedBy) {
        const alerts = new Alerts();
        const [alarm] = alerts.handle(event(cause), CONTEXT);
        assertEquals(alarm?.kind, "alarm");
        const kinds = alerts.handle(event(cure), CONTEXT).map(({ kind }) => kind);
        assertEquals(kinds.filter((kind) => kind === "clear"), ["clear"], `${cause} then ${cure}`);
      }
    }
  });
}

Deno.test("silence that ends in an ending is told once: the ending stands for both", () => {
  const alerts = new Alerts();
  alerts.handle(event("hung"), CONTEXT);
  const told = alerts.handle(event("exited", { exit: exit({ class: "hang" }) }), CONTEXT);
  assertEquals(told.map(({ kind, text }) => [kind, text.code]), [["alarm", "P104"]]);
  assertEquals(alerts.openCount, 1);
});

Deno.test("programs and machines of the same name do not clear each other's alarms", () => {
  const alerts = new Alerts();
  alerts.handle(crash(0), CONTEXT);
  alerts.handle(crash(0), { ...CONTEXT, node: "stage-right" });
  assertEquals(alerts.openCount, 2);
  assertEquals(alerts.handle(event("ready", {}, { program: "slate" }), CONTEXT), []);
  assertEquals(alerts.handle(event("ready"), CONTEXT).length, 1);
  assertEquals(alerts.openCount, 1);
});

Deno.test("open alarms are bounded, and what is forgotten is counted", () => {
  const alerts = new Alerts();
  for (let n = 0; n < MAX_OPEN_ALARMS + 5; n++) {
    alerts.handle(event("hung", {}, { program: `p${n}` }), CONTEXT);
  }
  assertEquals([alerts.openCount, alerts.forgotten], [MAX_OPEN_ALARMS, 5]);
});

Deno.test("whatever happens in whatever order, alarms and all-clears of a program pair up, and its end leaves none but the disk's", () => {
  const one = fc.tuple(fc.constantFrom(...KINDS), fc.constantFrom(...CLASSES));
  fc.assert(fc.property(fc.array(one, { maxLength: 60 }), (happened) => {
    const alerts = new Alerts();
    let alarms = 0;
    let clears = 0;
    let hadDisk = false;
    for (const [kind, ending] of happened) {
      if (kind === "disk-full") hadDisk = true;
      if (kind === "disk-freed") hadDisk = false;
      for (const alert of alerts.handle(event(kind, { exit: exit({ class: ending }) }), CONTEXT)) {
        if (alert.kind === "alarm") alarms++;
        if (alert.kind === "clear") clears++;
        assert(alert.count >= 1);
      }
      assert(clears <= alarms);
      assert(alerts.openCount <= alarms - clears);
    }
    alerts.handle(event("stopped"), CONTEXT);
    assertEquals(alerts.openCount, hadDisk ? 1 : 0);
  }));
});
