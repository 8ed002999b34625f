// What the program does outside of the language server: the doctor and the local engine's set-up.

import { execFile } from "node:child_process";
import * as vscode from "vscode";

import { type Finding, findingsIn, report, summary } from "./doctor";

/** The doctor asks servers that may be slow to refuse. */
const DOCTOR_LIMIT_MS = 120_000;

/** Where commands of the program work: the first folder of the window. */
function folder(): string | undefined {
  return vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
}

/** Looks at the whole set-up and shows what was found, problems first. */
export async function showDoctor(
  program: string,
  channel: vscode.OutputChannel,
): Promise<readonly Finding[] | undefined> {
  const progress = { location: vscode.ProgressLocation.Notification, cancellable: true };
  const output = await vscode.window.withProgress(
    { ...progress, title: "Arawn: checking the setup" },
    (_, token) => outputOf(program, ["doctor", "--json"], token),
  );
  if (output === undefined) {
    return undefined;
  }
  const findings = findingsIn(output.stdout);
  channel.clear();
  channel.appendLine(`${program} doctor\n`);
  channel.appendLine(findings === undefined ? output.stderr.trim() : report(findings));
  channel.show(true);
  const told = findings === undefined ? "the doctor did not end well" : summary(findings);
  vscode.window.setStatusBarMessage(`Arawn: ${told}`, 10_000);
  return findings;
}

/** Standard output and error of a command; undefined when the user stopped it. */
function outputOf(
  program: string,
  args: readonly string[],
  token: vscode.CancellationToken,
): Promise<{ stdout: string; stderr: string } | undefined> {
  return new Promise((resolve) => {
    const options = { cwd: folder(), timeout: DOCTOR_LIMIT_MS, maxBuffer: 4 << 20 };
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      const said = stderr === "" && stdout === "" ? (error?.message ?? "") : stderr;
      resolve(token.isCancellationRequested ? undefined : { stdout, stderr: said });
    });
    token.onCancellationRequested(() => child.kill());
  });
}

/** Sets the local engine up in a terminal, where it tells what it will download, and asks. */
export async function setUpLocalEngine(program: string): Promise<void> {
  const args = ["local", "setup"];
  const task = new vscode.Task(
    { type: "arawn", args },
    vscode.TaskScope.Workspace,
    "local setup",
    "arawn",
    new vscode.ProcessExecution(program, args),
  );
  task.presentationOptions = { focus: true, reveal: vscode.TaskRevealKind.Always };
  await vscode.tasks.executeTask(task);
}
