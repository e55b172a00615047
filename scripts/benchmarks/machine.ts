// The machine that figures were measured on, as `hana bench` describes it.

export { describeMachine } from "../../cli/bench/machine.ts";
