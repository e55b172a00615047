// What is written about runs: lines, tables, JUnit, Markdown, one HTML page. Pure functions of results and facts.
// Decides the form of every report; never plays a scenario, never touches a file.

export { factLine, factText, plainText } from "./fact_line.ts";
export { causalExcerpt, EXCERPT_LINES, ExcerptKeeper } from "./excerpt.ts";
export {
  boundText,
  type BoundUse,
  boundUses,
  countText,
  limitText,
  momentText,
  spanText,
  valueText,
  worstBound,
} from "./figures.ts";
export { html } from "./html.ts";
export { type TimelineModel, timelineModel, type TimelineRun } from "./html_model.ts";
export { junit } from "./junit.ts";
export { markdown } from "./markdown.ts";
export {
  identityOf,
  isAsWanted,
  type RunFailure,
  type RunReport,
  type ScenarioReport,
  violatedIds,
} from "./report.ts";
