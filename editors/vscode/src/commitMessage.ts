// Where a commit message goes: into the box of the repository it is for. Nothing here needs VS Code.

/** A repository of VS Code's own git extension, as far as it matters here. */
export interface Repository {
  readonly rootUri: { readonly fsPath: string };
  readonly inputBox: { value: string };
}

/** What happened to a message. */
export type Placed = "in the box" | "kept the user's" | "no box";

/** The repository that a file is in, the innermost of nested ones; without a file, the only one there is. */
export function repositoryOf<R extends Repository>(
  repositories: readonly R[],
  file: string | undefined,
): R | undefined {
  if (file === undefined) {
    return repositories.length === 1 ? repositories[0] : undefined;
  }
  const holds = ({ rootUri: { fsPath } }: R): boolean =>
    file.startsWith(fsPath) && /^[/\\]/.test(file.slice(fsPath.replace(/[/\\]$/, "").length));
  return repositories
    .filter(holds)
    .sort((one, other) => other.rootUri.fsPath.length - one.rootUri.fsPath.length)[0];
}

/** Puts a message into the box; what the user has written there is replaced only if they agree. */
export async function place(
  message: string,
  repository: Repository | undefined,
  mayReplace: () => Promise<boolean>,
): Promise<Placed> {
  if (repository === undefined) {
    return "no box";
  }
  const text = message.trimEnd();
  const present = repository.inputBox.value.trim();
  if (present !== "" && present !== text && !(await mayReplace())) {
    return "kept the user's";
  }
  repository.inputBox.value = text;
  return "in the box";
}

/** What a job came to, as `arawn.run` answers a caller who waits. */
export interface JobResult {
  readonly status: string;
  readonly message: string;
  readonly text?: string;
}

/** The message that the extension is to place; undefined where the server has brought it to the user itself. */
export function messageIn(result: unknown): string | undefined {
  const { status, text } = (result ?? {}) as Partial<JobResult>;
  return status === "returned" && typeof text === "string" ? text : undefined;
}

/** What went wrong, where something did. */
export function failureIn(result: unknown): string | undefined {
  const { status, message } = (result ?? {}) as Partial<JobResult>;
  return status === "failed" ? message : undefined;
}
