// Completion for PowerShell: a native argument completer that walks the words before the cursor.

import { type CommandModel, formsOf, valuedFlags, valuesText } from "./model.ts";

/** The script that `hana completions pwsh | Out-String | Invoke-Expression` reads. */
export function pwshScript(models: readonly CommandModel[]): string {
  return `# hana completion for PowerShell: hana completions pwsh | Out-String | Invoke-Expression

$script:HanaValued = @(${valuedFlags(models).map(quoted).join(", ")})
$script:HanaWords = @{
${models.map((model) => tableRow(model.path, model.words.map((w) => [w.name, w.summary]))).join("\n")}
}
$script:HanaFlags = @{
${models.map((model) => tableRow(model.path, model.flags.map((f) => [f.long, f.description]))).join("\n")}
}
$script:HanaFlagValues = @{
${flagValueRows(models).join("\n")}
}
$script:HanaArguments = @{
${models.filter((model) => model.args.length > 0).map(argumentRow).join("\n")}
}

Register-ArgumentCompleter -Native -CommandName hana -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $typed = @($commandAst.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursorPosition } |
        ForEach-Object { $_.Extent.Text })
    $path = ''
    $count = 0
    $skip = $false
    for ($i = 1; $i -lt $typed.Count; $i++) {
        $word = $typed[$i]
        if ($skip) { $skip = $false; continue }
        if ($word -ceq '--') { return }
        if ($script:HanaValued -ccontains $word) { $skip = $true; continue }
        if ($word.StartsWith('-')) { continue }
        $next = ($path + ' ' + $word).Trim()
        if ($script:HanaWords.ContainsKey($next)) { $path = $next } else { $count++ }
    }
    $previous = if ($typed.Count -gt 1) { $typed[-1] } else { '' }
    $kind = ''
    $offers = @()
    if ($skip) {
        $kind = $script:HanaFlagValues[($path + ' ' + $previous)]
    } elseif ($wordToComplete.StartsWith('-')) {
        $offers = @($script:HanaFlags[$path])
    } else {
        $offers = @($script:HanaWords[$path])
        $kinds = @($script:HanaArguments[$path] | Where-Object { $_ })
        if ($kinds.Count -gt 0) {
            $last = $kinds[-1]
            if ($count -lt $kinds.Count) { $kind = $kinds[$count] }
            elseif ($last.StartsWith('...')) { $kind = $last }
            $kind = "$kind" -replace '^\\.\\.\\.', ''
        }
    }
    if ("$kind" -eq 'node') {
        $names = & $typed[0] complete nodes 2>$null
        $offers += @($names | Where-Object { $_ } | ForEach-Object { , @($_, 'node') })
    } elseif (@('program', 'scenario', 'path', 'snapshot', 'group', 'client') -contains "$kind") {
        $names = & $typed[0] complete "\${kind}s" 2>$null
        $offers += @($names | Where-Object { $_ } | ForEach-Object { , @($_, $kind) })
    } elseif ("$kind".StartsWith('words ')) {
        $offers += @($kind.Substring(6).Split(' ') | ForEach-Object { , @($_, $_) })
    } elseif ("$kind" -eq 'file' -or "$kind" -eq 'directory') {
        # Nothing from here lets PowerShell complete paths by itself.
        return
    }
    foreach ($offer in $offers) {
        if (-not $offer -or -not $offer[0].StartsWith($wordToComplete)) { continue }
        [System.Management.Automation.CompletionResult]::new($offer[0], $offer[0], 'ParameterValue', $offer[1])
    }
}
`;
}

function tableRow(path: string, rows: readonly (readonly [string, string])[]): string {
  const pairs = rows.map(([name, text]) => `@(${quoted(name)}, ${quoted(text === "" ? name : text)})`);
  // The comma keeps a single pair from being taken apart.
  return `    ${quoted(path)} = @(${pairs.length === 1 ? "," : ""}${pairs.join(", ")})`;
}

function flagValueRows(models: readonly CommandModel[]): string[] {
  return models.flatMap((model) =>
    model.flags.flatMap((flag) => {
      const { values } = flag;
      if (values === null) return [];
      return formsOf(flag).map((form) =>
        `    ${quoted(`${model.path} ${form}`)} = ${quoted(valuesText(values))}`
      );
    })
  );
}

function argumentRow(model: CommandModel): string {
  const kinds = model.args.map((values, at) => {
    const repeats = model.variadic && at === model.args.length - 1;
    return quoted((repeats ? "..." : "") + valuesText(values));
  });
  return `    ${quoted(model.path)} = @(${kinds.join(", ")})`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
