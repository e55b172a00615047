// Asks the Deno that runs this where it keeps things. Never guesses: the places differ between systems.

interface Places {
  readonly denoDir: string;
  readonly npmCache: string;
}

let asked: Promise<Places> | undefined;

function places(): Promise<Places> {
  asked ??= new Deno.Command(Deno.execPath(), { args: ["info", "--json"], stderr: "null" }).output().then(
    ({ stdout }) => JSON.parse(new TextDecoder().decode(stdout)) as Places,
  );
  return asked;
}

/** Where npm packages are kept. */
export async function packageCache(): Promise<string> {
  return (await places()).npmCache;
}

/** Where everything that Deno downloads is kept. */
export async function denoDirectory(): Promise<string> {
  return (await places()).denoDir;
}
