// Completion for fish: one rule a word or flag, guarded by where in the command tree the cursor stands.

import { type CommandModel, valuedFlags, type Values } from "./model.ts";

/** The script that `hana completions fish | source` reads. */
export function fishScript(models: readonly CommandModel[]): string {
  const paths = models.filter((model) => model.path !== "").map((model) => quoted(model.path));
  const rules = models.flatMap((
    model,
  ) => [...wordRules(model), ...flagRules(model), ...argumentRules(model)]);
  return `# hana completion for fish: hana completions fish | source

# Prints the command path before the cursor, then how many arguments follow it.
function __hana_where
    set -l path
    set -l args 0
    set -l skip 0
    set -l typed (commandline -opc)
    for word in $typed[2..-1]
        if test $skip -eq 1
            set skip 0
            continue
        end
        switch $word
            case ${valuedFlags(models).map(quoted).join(" ")}
                set skip 1
            case '-*'
            case '*'
                if contains -- "$path $word" ${paths.map((path) => `' '${path}`).join(" ")}
                    set path "$path $word"
                else
                    set args (math $args + 1)
                end
        end
    end
    echo $path
    echo $args
end

function __hana_at --argument-names wanted
    set -l where (__hana_where)
    test "$where[1]" = "$wanted"
end

function __hana_argument --argument-names wanted from to
    set -l where (__hana_where)
    test "$where[1]" = "$wanted"; and test $where[2] -ge $from; and test $where[2] -le $to
end

# One a line and never expanded: node names come from other machines.
function __hana_nodes
    set -l typed (commandline -opc)
    command $typed[1] complete nodes 2>/dev/null
end

function __hana_programs
    set -l typed (commandline -opc)
    command $typed[1] complete programs 2>/dev/null
end

function __hana_scenarios
    set -l typed (commandline -opc)
    command $typed[1] complete scenarios 2>/dev/null
end

function __hana_state --argument-names kind
    set -l typed (commandline -opc)
    command $typed[1] complete $kind 2>/dev/null
end

complete -c hana -f
${rules.join("\n")}
`;
}

function at(model: CommandModel): string {
  return quoted(`__hana_at "${model.path === "" ? "" : ` ${model.path}`}"`);
}

function wordRules(model: CommandModel): string[] {
  return model.words.map((word) =>
    `complete -c hana -n ${at(model)} -a ${quoted(word.name)} -d ${quoted(word.summary)}`
  );
}

function flagRules(model: CommandModel): string[] {
  return model.flags.map((flag) => {
    const short = flag.short === null ? "" : ` -s ${flag.short.slice(1)}`;
    const values = flag.values === null ? "" : ` ${valuesOption(flag.values, true)}`;
    return `complete -c hana -n ${at(model)} -l ${flag.long.slice(2)}${short} -d ${
      quoted(flag.description)
    }${values}`;
  });
}

function argumentRules(model: CommandModel): string[] {
  return model.args.flatMap((values, index) => {
    const option = valuesOption(values, false);
    if (option === "") return [];
    const last = model.variadic && index === model.args.length - 1 ? 9999 : index;
    const path = model.path === "" ? "" : ` ${model.path}`;
    return [`complete -c hana -n ${quoted(`__hana_argument "${path}" ${index} ${last}`)} ${option}`];
  });
}

function valuesOption(values: Values, ofFlag: boolean): string {
  const requires = ofFlag ? "-r " : "";
  switch (values.kind) {
    case "words":
      return `${requires}-f -a ${quoted(values.words.join(" "))}`;
    case "node":
      return `${requires}-f -a '(__hana_nodes)'`;
    case "program":
      return `${requires}-f -a '(__hana_programs)'`;
    case "path":
    case "snapshot":
    case "group":
    case "client":
      return `${requires}-f -a '(__hana_state ${values.kind}s)'`;
    case "scenario":
      return `${requires}-F -a '(__hana_scenarios)'`;
    case "file":
      return `${requires}-F`;
    case "directory":
      return `${requires}-f -a '(__fish_complete_directories)'`;
    case "free":
      return ofFlag ? "-x" : "";
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
