// The looks of a run's page. Colours carry a meaning each, and every meaning has a word or a pattern beside it.
// Light and dark by what the system prefers. Nothing is fetched.

/** The page's style sheet. */
export const STYLE = String.raw`
:root {
  --bg: #f7f7f5; --panel: #ffffff; --ink: #1d2129; --soft: #5d6675; --line: #dcdfe4; --grid: #ebedf0;
  --daemon: #2f8f83; --app: #3b6fd4; --visualization: #8a5cc7; --down: #aab0ba;
  --alive: #8ec9a0; --suspect: #e0a128; --dead: #cf4a52; --left: #9aa3b0; --unlisted: #d9dde3;
  --fault: #e8772e; --warm: #eceff3; --quiet: #e6f2ea; --cursor: #1d2129;
  --good-bg: #dff0e4; --good-ink: #1f6b38; --bad-bg: #f9dcdd; --bad-ink: #9c1f28; --warn-bg: #fbecc9; --warn-ink: #7c5500;
  color-scheme: light;
}
@media (prefers-color-scheme: dark) {
  :root {
    --bg: #14171c; --panel: #1c2027; --ink: #e6e9ee; --soft: #98a2b3; --line: #353b45; --grid: #262b33;
    --daemon: #3fae9f; --app: #5d8df0; --visualization: #a57ce0; --down: #4a515d;
    --alive: #37704a; --suspect: #d99a22; --dead: #d9545c; --left: #6d7684; --unlisted: #363d48;
    --fault: #f08a45; --warm: #20252d; --quiet: #1a2820; --cursor: #ffffff;
    --good-bg: #1c3a27; --good-ink: #8ad6a1; --bad-bg: #4a1f23; --bad-ink: #ff9aa1; --warn-bg: #43340f; --warn-ink: #f2c766;
    color-scheme: dark;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--ink); font: 14px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif; }
main { max-width: 1680px; margin: 0 auto; padding: 18px 22px 40px; }
h1 { font-size: 22px; margin: 0; font-weight: 650; overflow-wrap: anywhere; }
h2 { font-size: 13px; margin: 0 0 8px; font-weight: 650; letter-spacing: .02em; }
.mono, code, .log, td.num { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; font-size: 12.5px; }
.soft { color: var(--soft); }
header { display: flex; gap: 14px; align-items: center; flex-wrap: wrap; }
.verdict { font-weight: 700; padding: 4px 14px; border-radius: 999px; letter-spacing: .05em; text-transform: uppercase; font-size: 14px; }
.verdict.pass { background: var(--good-bg); color: var(--good-ink); }
.verdict.fail { background: var(--bad-bg); color: var(--bad-ink); }
.verdict.inconclusive, .verdict.invalid { background: var(--warn-bg); color: var(--warn-ink); }
.summary { margin: 6px 0 0; max-width: 110ch; color: var(--soft); }
.story { margin: 12px 0 0; border-left: 4px solid var(--dead); background: var(--panel); padding: 9px 14px; border-radius: 0 8px 8px 0; cursor: pointer; }
.story + .story { margin-top: 6px; }
.story.warn { border-color: var(--suspect); cursor: default; }
.story b { font-weight: 650; }
.figures { display: flex; gap: 6px 20px; flex-wrap: wrap; margin: 12px 0 0; font-size: 13px; }
.repro { display: flex; gap: 8px; align-items: center; margin: 10px 0 0; }
.repro code { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: 4px 9px; overflow-x: auto; white-space: nowrap; max-width: 100%; }
button { font: inherit; font-size: 13px; color: var(--ink); background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: 3px 11px; cursor: pointer; white-space: nowrap; }
button:hover { border-color: var(--soft); }
button[aria-pressed="false"] { opacity: .45; text-decoration: line-through; }
:focus-visible { outline: 2px solid var(--app); outline-offset: 1px; }
.card { background: var(--panel); border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px; margin-top: 14px; }
.bar { display: flex; flex-wrap: wrap; gap: 6px 14px; align-items: center; margin-bottom: 6px; }
.bar .grow { flex: 1; }
.legend { display: flex; flex-wrap: wrap; gap: 3px 14px; font-size: 12.5px; color: var(--soft); align-items: center; }
.legend b { color: var(--ink); font-weight: 600; }
.legend i { display: inline-block; width: 20px; height: 11px; border-radius: 2px; margin-right: 5px; vertical-align: -1px; }
.legend svg { vertical-align: -2px; margin-right: 5px; }
#chart { width: 100%; display: block; user-select: none; touch-action: pan-y; }
#chart text { fill: var(--ink); font-size: 12px; }
#chart text.soft { fill: var(--soft); }
#chart .label { font-weight: 550; cursor: pointer; }
#chart .row { cursor: pointer; }
.scrub { display: flex; gap: 12px; align-items: center; margin-top: 8px; }
.scrub input { flex: 1; accent-color: var(--app); }
.scrub output { min-width: 9ch; text-align: right; font-weight: 600; font-variant-numeric: tabular-nums; }
.columns { display: grid; grid-template-columns: minmax(300px, 5fr) minmax(320px, 7fr); gap: 0 14px; align-items: start; }
.columns > .card { min-width: 0; }
@media (max-width: 900px) { .columns { grid-template-columns: 1fr; } }
table { border-collapse: collapse; width: 100%; font-size: 13px; }
th { text-align: left; color: var(--soft); font-weight: 550; font-size: 12px; }
th, td { padding: 3px 10px 3px 0; border-bottom: 1px solid var(--grid); vertical-align: baseline; }
th.num, td.num { text-align: right; white-space: nowrap; }
td.met::before { content: "✓ "; color: var(--alive); }
td.missed { color: var(--bad-ink); font-weight: 650; }
td.missed::before { content: "✕ "; }
.scroll { overflow: auto; max-height: 420px; }
.log { white-space: pre; margin: 0; line-height: 1.6; }
.log div { padding: 0 6px; border-radius: 4px; }
.log .now { background: var(--grid); }
.log .violation { color: var(--bad-ink); font-weight: 650; }
.log .fault { color: var(--fault); }
.dot { display: inline-block; width: 10px; height: 10px; border-radius: 50%; margin-right: 6px; }
.matrix td, .matrix th { padding: 0; border: 0; width: 13px; height: 13px; }
.matrix td { border: 1px solid var(--panel); }
.chips { display: flex; flex-wrap: wrap; gap: 4px 6px; }
.chips button { padding: 0 8px; font-size: 12px; border-radius: 999px; }
.chips i { display: inline-block; width: 9px; height: 9px; border-radius: 50%; margin-right: 5px; }
footer { margin-top: 16px; color: var(--soft); font-size: 12.5px; }
@media print { .scrub, .bar button, .repro button { display: none; } }
`;
