// Completion for zsh: the same walk over the words as in bash, told to the completion system by compadd.

import { type CommandModel, formsOf, valuedFlags, valuesText } from "./model.ts";

/** The script that `source <(hana completions zsh)` reads; works as an autoloaded `_hana` too. */
export function zshScript(models: readonly CommandModel[]): string {
  const paths = models.filter((model) => model.path !== "").map((model) => quoted(model.path));
  return `#compdef hana
# hana completion for zsh: source <(hana completions zsh)

_hana_words() {
  case "$1" in
${models.map((model) => describedCase(model.path, model.words.map((w) => [w.name, w.summary]))).join("\n")}
  esac
}

_hana_flags() {
  case "$1" in
${
    models.map((model) => describedCase(model.path, model.flags.map((f) => [f.long, f.description]))).join(
      "\n",
    )
  }
  esac
}

_hana_flag_value() {
  case "$1 $2" in
${flagValueCases(models).join("\n")}
  esac
}

_hana_argument() {
  case "$1 $2" in
${argumentCases(models).join("\n")}
  esac
}

_hana_values() {
  local kind=$1
  shift
  case "$kind" in
    # (@f) splits at newlines and nothing else: node names come from other machines.
    node) compadd -- "\${(@f)$("$words[1]" complete nodes 2>/dev/null)}" ;;
    program) compadd -- "\${(@f)$("$words[1]" complete programs 2>/dev/null)}" ;;
    path|snapshot|group|client) compadd -- "\${(@f)$("$words[1]" complete "\${kind}s" 2>/dev/null)}" ;;
    scenario) compadd -- "\${(@f)$("$words[1]" complete scenarios 2>/dev/null)}"; _files ;;
    file) _files ;;
    directory) _files -/ ;;
    words) compadd -- "$@" ;;
  esac
}

_hana() {
  local at="" word prev values
  local -a reply_words reply_flags
  local -i args=0 skip=0 i
  for (( i = 2; i < CURRENT; i++ )); do
    word=$words[i]
    if (( skip )); then skip=0; continue; fi
    case "$word" in
      --) return 1 ;;
      ${valuedFlags(models).join("|")}) skip=1 ;;
      -*) ;;
      *)
        case "\${at:+$at }$word" in
          ${paths.join("|")}) at="\${at:+$at }$word" ;;
          *) args=$(( args + 1 )) ;;
        esac ;;
    esac
  done
  prev=$words[CURRENT-1]
  if [[ $words[CURRENT] == --*=* ]]; then
    prev=\${words[CURRENT]%%=*}
    compset -P '*='
  fi
  values=$(_hana_flag_value "$at" "$prev")
  if [[ -n $values ]]; then
    _hana_values \${(s: :)values}
  elif [[ $words[CURRENT] == -* ]]; then
    reply_flags=("\${(@f)$(_hana_flags "$at")}")
    _describe -o flag reply_flags
  else
    reply_words=("\${(@f)$(_hana_words "$at")}")
    reply_words=(\${reply_words:#})
    (( $#reply_words )) && _describe command reply_words
    values=$(_hana_argument "$at" "$args")
    [[ -n $values ]] && _hana_values \${(s: :)values}
  fi
  return 0
}

if [[ \${funcstack[1]:-} == _hana ]]; then _hana "$@"; elif (( $+functions[compdef] )); then compdef _hana hana; fi
`;
}

function describedCase(path: string, rows: readonly (readonly [string, string])[]): string {
  const lines = rows.map(([name, text]) => quoted(`${name.replaceAll(":", "\\:")}:${text}`));
  return `    ${quoted(path)}) print -rl -- ${lines.join(" ")} ;;`;
}

function flagValueCases(models: readonly CommandModel[]): string[] {
  return models.flatMap((model) =>
    model.flags.flatMap((flag) => {
      if (flag.values === null) return [];
      const cases = formsOf(flag).map((form) => quoted(`${model.path} ${form}`)).join("|");
      return [`    ${cases}) print -r -- ${quoted(valuesText(flag.values))} ;;`];
    })
  );
}

function argumentCases(models: readonly CommandModel[]): string[] {
  return models.flatMap((model) =>
    model.args.map((values, at) => {
      const repeats = model.variadic && at === model.args.length - 1;
      const pattern = repeats ? `${quoted(`${model.path} `)}*` : quoted(`${model.path} ${at}`);
      return `    ${pattern}) print -r -- ${quoted(valuesText(values))} ;;`;
    })
  );
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
