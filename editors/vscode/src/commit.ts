// Brings a commit message to the user: into the Source Control view, or as a document.

import * as vscode from "vscode";

import { failureIn, messageIn, place, type Repository, repositoryOf } from "./commitMessage";

/** What the git extension exports; its API is versioned by the argument of `getAPI`. */
interface Git {
  getAPI(version: 1): { readonly repositories: readonly Repository[] };
}

/** Puts the message of a result into the box of the document's repository, or tells why there is none. */
export async function deliverCommitMessage(result: unknown, document: vscode.Uri): Promise<void> {
  const failure = failureIn(result);
  if (failure !== undefined) {
    void vscode.window.showErrorMessage(`Arawn: ${failure}`);
  }
  const message = messageIn(result);
  if (message === undefined) {
    return;
  }
  const file = document.scheme === "file" ? document.fsPath : undefined;
  const placed = await place(message, repositoryOf(await repositories(), file), mayReplace);
  if (placed === "in the box") {
    await vscode.commands.executeCommand("workbench.view.scm");
  } else {
    const shown = await vscode.workspace.openTextDocument({ language: "git-commit", content: message });
    await vscode.window.showTextDocument(shown, { preview: true });
  }
}

/** The repositories that are open; none where the git extension is switched off. */
async function repositories(): Promise<readonly Repository[]> {
  try {
    const git = await vscode.extensions.getExtension<Git>("vscode.git")?.activate();
    return git?.getAPI(1).repositories ?? [];
  } catch {
    // Its API throws where `git.enabled` is off.
    return [];
  }
}

async function mayReplace(): Promise<boolean> {
  const replace = "Replace";
  const choice = await vscode.window.showInformationMessage(
    "Arawn: there is a message in the Source Control view already.",
    replace,
    "Show as Document",
  );
  return choice === replace;
}
