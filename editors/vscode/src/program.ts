// Finds the `arawn` program. Nothing here needs VS Code.

import * as path from "node:path";

/** The machine the program is looked for on. */
export interface Machine {
  readonly platform: NodeJS.Platform;
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  isFile(candidate: string): boolean;
}

/** Where the program is, or where it was looked for. */
export type Found = { readonly path: string } | { readonly problem: string };

/** The path of the program: the one that is set, else the first on the `PATH`. */
export function findProgram(configured: string, machine: Machine): Found {
  const wanted = configured.trim();
  if (wanted !== "") {
    const full = wanted.replace(/^~(?=$|[/\\])/, () => machine.home);
    // A relative path would be looked for in the workspace, which may be anybody's.
    if (!paths(machine).isAbsolute(full)) {
      return { problem: `arawn.server.path must be an absolute path, but is "${wanted}"` };
    }
    return machine.isFile(full)
      ? { path: full }
      : { problem: `arawn.server.path names "${full}", which is not a file` };
  }
  const name = machine.platform === "win32" ? "arawn.exe" : "arawn";
  const folders = (machine.env["PATH"] ?? machine.env["Path"] ?? "")
    .split(machine.platform === "win32" ? ";" : ":")
    .filter((folder) => paths(machine).isAbsolute(folder));
  // Cargo's folder is often on the shell's PATH only, not on that of a desktop session.
  folders.push(paths(machine).join(machine.home, ".cargo", "bin"));
  const found = folders
    .map((folder) => paths(machine).join(folder, name))
    .find((candidate) => machine.isFile(candidate));
  return found === undefined
    ? { problem: "the program `arawn` was not found on the PATH" }
    : { path: found };
}

function paths(machine: Machine): path.PlatformPath {
  return machine.platform === "win32" ? path.win32 : path.posix;
}
