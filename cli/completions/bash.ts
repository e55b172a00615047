// Completion for bash, also the old one of macOS (3.2), with nothing but builtins.

import { type CommandModel, formsOf, valuedFlags, valuesText } from "./model.ts";

/** The script that `source <(hana completions bash)` reads. */
export function bashScript(models: readonly CommandModel[]): string {
  const paths = models.filter((model) => model.path !== "").map((model) => quoted(model.path));
  const words = models.map((model) => `    ${quoted(model.path)}) echo ${quoted(wordsOf(model))} ;;`);
  const flags = models.map((model) => `    ${quoted(model.path)}) echo ${quoted(flagsOf(model))} ;;`);
  return `# hana completion for bash: source <(hana completions bash)

_hana_words() {
  case "$1" in
${words.join("\n")}
  esac
}

_hana_flags() {
  case "$1" in
${flags.join("\n")}
  esac
}

# What completes the value of a flag.
_hana_flag_value() {
  case "$1 $2" in
${flagValueCases(models).join("\n")}
  esac
}

# What completes an argument, counted from 0.
_hana_argument() {
  case "$1 $2" in
${argumentCases(models).join("\n")}
  esac
}

# Candidates one a line, never expanded by the shell: node names come from other machines.
_hana_offer() {
  local candidate
  while IFS= read -r candidate; do
    [[ -n $candidate && $candidate == "$cur"* ]] && COMPREPLY+=("$(printf '%q' "$candidate")")
  done
}

_hana_values() {
  local kind=$1
  shift
  case "$kind" in
    node) _hana_offer < <("\${COMP_WORDS[0]}" complete nodes 2>/dev/null) ;;
    program) _hana_offer_programs < <("\${COMP_WORDS[0]}" complete programs 2>/dev/null) ;;
    path|snapshot|group|client) _hana_offer < <("\${COMP_WORDS[0]}" complete "\${kind}s" 2>/dev/null) ;;
    scenario)
      _hana_offer < <("\${COMP_WORDS[0]}" complete scenarios 2>/dev/null)
      compopt -o filenames 2>/dev/null; _hana_offer_raw < <(compgen -f -- "$cur") ;;
    file) compopt -o filenames 2>/dev/null; _hana_offer_raw < <(compgen -f -- "$cur") ;;
    directory) compopt -o filenames 2>/dev/null; _hana_offer_raw < <(compgen -d -- "$cur") ;;
    words) (( $# )) && _hana_offer < <(printf '%s\\n' "$@") ;;
  esac
}

# NAME@NODE arrives as three words: only what stands behind the last of them is offered.
_hana_offer_programs() {
  local candidate ahead="" whole=$cur
  if [[ $cur == "@" ]]; then ahead=$prev; whole=$prev@
  elif [[ $prev == "@" ]]; then ahead="\${COMP_WORDS[COMP_CWORD-2]}@"; whole=$ahead$cur; fi
  while IFS= read -r candidate; do
    [[ -n $candidate && $candidate == "$whole"* ]] || continue
    COMPREPLY+=("$(printf '%q' "\${candidate#"$ahead"}")")
  done
}

# File names are quoted by readline itself.
_hana_offer_raw() {
  local candidate
  while IFS= read -r candidate; do COMPREPLY+=("$candidate"); done
}

_hana() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} path="" args=0 skip=0 i word
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    # --flag=value arrives as three words.
    if [[ $word == "=" ]]; then skip=1; continue; fi
    if [[ $word == "@" ]]; then args=$((args - 1)); continue; fi
    if (( skip )); then skip=0; continue; fi
    case "$word" in
      --) return ;;
      ${valuedFlags(models).join("|")}) skip=1 ;;
      -*) ;;
      *)
        case "\${path:+$path }$word" in
          ${paths.join("|")}) path="\${path:+$path }$word" ;;
          *) args=$((args + 1)) ;;
        esac ;;
    esac
  done
  if [[ $cur == "=" ]]; then cur=""; word=$prev
  elif [[ $prev == "=" ]]; then word=\${COMP_WORDS[COMP_CWORD-2]}
  else word=$prev; fi
  [[ $cur == "@" ]] && args=$((args - 1))
  # PATH=VALUE: a value is nobody's to guess.
  [[ \${COMP_WORDS[COMP_CWORD]} == "=" || $prev == "=" ]] && [[ $word != -* ]] && return 0
  local values
  values=$(_hana_flag_value "$path" "$word")
  if [[ -n $values ]]; then
    _hana_values $values
  elif [[ $cur == -* ]]; then
    _hana_offer < <(printf '%s\\n' $(_hana_flags "$path"))
  else
    _hana_offer < <(printf '%s\\n' $(_hana_words "$path"))
    values=$(_hana_argument "$path" "$args")
    [[ -n $values ]] && _hana_values $values
  fi
  return 0
}

complete -F _hana hana
`;
}

function wordsOf(model: CommandModel): string {
  return model.words.map((word) => word.name).join(" ");
}

function flagsOf(model: CommandModel): string {
  return model.flags.map((flag) => flag.long).join(" ");
}

function flagValueCases(models: readonly CommandModel[]): string[] {
  return models.flatMap((model) =>
    model.flags.flatMap((flag) => {
      if (flag.values === null) return [];
      const cases = formsOf(flag).map((form) => quoted(`${model.path} ${form}`)).join("|");
      return [`    ${cases}) echo ${quoted(valuesText(flag.values))} ;;`];
    })
  );
}

function argumentCases(models: readonly CommandModel[]): string[] {
  return models.flatMap((model) =>
    model.args.map((values, at) => {
      const repeats = model.variadic && at === model.args.length - 1;
      const pattern = repeats ? `${quoted(`${model.path} `)}*` : quoted(`${model.path} ${at}`);
      return `    ${pattern}) echo ${quoted(valuesText(values))} ;;`;
    })
  );
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
