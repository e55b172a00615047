import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { EventQueue, type QueuedEvent } from "../../../lib/platform/event_queue.ts";

function drain(queue: EventQueue): void {
  for (let run = queue.pop(); run !== null; run = queue.pop()) run();
}

Deno.test("events come out by time, equal times in the order of pushing, cancelled ones never", () => {
  const action = fc.oneof(
    fc.record({ kind: fc.constant("push" as const), atUs: fc.integer({ min: 0, max: 20 }) }),
    fc.record({ kind: fc.constant("cancel" as const), which: fc.nat() }),
    fc.record({ kind: fc.constant("pop" as const) }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 400 }), (actions) => {
      const queue = new EventQueue();
      const tickets: QueuedEvent[] = [];
      const came: number[] = [];
      // The model: a sorted list.
      let model: Array<{ atUs: number; id: number }> = [];
      const expected: number[] = [];
      const popBoth = (): void => {
        model.sort((a, b) => a.atUs - b.atUs || a.id - b.id);
        const next = model.shift();
        assertEquals(queue.nextAtUs(), next?.atUs ?? Infinity);
        if (next !== undefined) expected.push(next.id);
        queue.pop()?.();
      };
      for (const each of actions) {
        if (each.kind === "push") {
          const id = tickets.length;
          tickets.push(queue.push(each.atUs, () => came.push(id)));
          model.push({ atUs: each.atUs, id });
        } else if (each.kind === "pop") popBoth();
        else if (tickets.length > 0) {
          const id = each.which % tickets.length;
          const ticket = tickets[id];
          const waits = model.some((entry) => entry.id === id);
          if (ticket !== undefined) assertEquals(queue.cancel(ticket), waits);
          model = model.filter((entry) => entry.id !== id);
        }
        assertEquals(queue.size, model.length);
      }
      while (model.length > 0) popBoth();
      assertEquals(queue.pop(), null);
      assertEquals(came, expected);
    }),
    { numRuns: 300 },
  );
});

Deno.test("a queue that is filled and cancelled for ever stays small and in order", () => {
  const queue = new EventQueue();
  const came: number[] = [];
  queue.push(5, () => came.push(5));
  for (let i = 0; i < 100_000; i++) queue.cancel(queue.push(1_000_000 - i, () => came.push(i)));
  queue.push(2, () => came.push(2));
  assertEquals(queue.size, 2);
  drain(queue);
  assertEquals(came, [2, 5]);
});

Deno.test("a callback may push and cancel while it runs", () => {
  const queue = new EventQueue();
  const came: string[] = [];
  const victim = queue.push(2, () => came.push("victim"));
  queue.push(1, () => {
    came.push("first");
    queue.cancel(victim);
    queue.push(0, () => came.push("pushed into the past"));
  });
  drain(queue);
  assertEquals(came, ["first", "pushed into the past"]);
  assert(!queue.cancel(victim));
});
