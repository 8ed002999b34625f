// Runs inside VS Code's own extension host, against the real server and a scripted model.
// tests/editors/vscode/run.sh starts it; `run` is the entry point that VS Code calls.

import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import * as vscode from "vscode";

import type { Finding } from "../../doctor";
import { choicesFor, type Proposal, proposalsIn } from "../../proposals";

const upstream = process.env["ARAWN_UPSTREAM"] ?? "";
const lines: string[] = [];

/** Runs every check, then writes one line for each to the upstream's folder. */
export async function run(): Promise<void> {
  const root = vscode.workspace.workspaceFolders?.[0]?.uri;
  assert.ok(root);
  const document = await vscode.workspace.openTextDocument(vscode.Uri.joinPath(root, "shapes.py"));
  const editor = await vscode.window.showTextDocument(document);
  const before = document.getText();
  let failed = 0;
  const check = async (name: string, test: () => Promise<void>): Promise<void> => {
    try {
      await test();
      lines.push(`ok - ${name}`);
    } catch (error) {
      failed += 1;
      lines.push(`not ok - ${name}`, `  ${String(error)}`, `  text: ${JSON.stringify(document.getText())}`);
    }
  };

  await check("the extension starts", async () => {
    await vscode.extensions.getExtension("arawn.arawn")?.activate();
    assert.ok((await vscode.commands.getCommands()).includes("arawn.run"));
  });

  await check("a code action changes the selected lines and only these, undone in one step", async () => {
    answer("```python\ndef total(numbers):\n    return sum(numbers)\n```\n");
    const selection = new vscode.Range(4, 0, 8, 17);
    const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>(
      "vscode.executeCodeActionProvider",
      document.uri,
      selection,
    );
    const simplify = actions.find((action) => action.command?.arguments?.[0]?.action === "simplify");
    assert.ok(simplify?.command, "simplify is not offered");
    await vscode.commands.executeCommand(
      simplify.command.command,
      ...(simplify.command.arguments ?? []),
    );
    await until(() => document.getText() !== before);
    const after = before.split("\n");
    after.splice(4, 5, "def total(numbers):", "    return sum(numbers)");
    assert.equal(document.getText(), after.join("\n"));
    await vscode.commands.executeCommand("undo");
    await until(() => document.getText() === before);
  });

  await check("a palette command edits the selection", async () => {
    answer("```python\ndef area(w, h):\n    return w * h\n```\n");
    editor.selection = new vscode.Selection(0, 0, 1, 25);
    await vscode.commands.executeCommand("arawn.refactor");
    await until(() => document.getText().startsWith("def area(w, h):\n    return w * h\n\n"));
    await vscode.commands.executeCommand("undo");
    await until(() => document.getText() === before);
  });

  await check("stopping closes the upstream socket and changes nothing", async () => {
    fs.writeFileSync(path.join(upstream, "hold"), "");
    const n = events("first");
    await vscode.commands.executeCommand("arawn.refactor");
    await until(() => events("first") > n);
    await vscode.commands.executeCommand("arawn.cancelJobs");
    await until(() => events("closed") === 1);
    fs.rmSync(path.join(upstream, "hold"));
    assert.equal(document.getText(), before);
  });

  await check("an edit that is to be confirmed waits in the preview, and the proposal applies it", async () => {
    const settings = vscode.workspace.getConfiguration("arawn");
    const everywhere = vscode.ConfigurationTarget.Global;
    await settings.update("edits.preview", "always", everywhere);
    answer("```python\ndef area(w, h):\n    return w * h\n```\n");
    editor.selection = new vscode.Selection(0, 0, 1, 25);
    await vscode.commands.executeCommand("arawn.refactor");
    const proposals = async (): Promise<Proposal[]> =>
      proposalsIn(await vscode.commands.executeCommand("arawn.proposal", { do: "list" }));
    let waiting: Proposal | undefined;
    await until(async () => (waiting = (await proposals())[0]) !== undefined);
    assert.ok(waiting);
    assert.equal(document.getText(), before);
    fs.writeFileSync(path.join(upstream, "look"), "preview");
    await until(() => !fs.existsSync(path.join(upstream, "look")));
    await vscode.commands.executeCommand("refactorPreview.discard");
    assert.equal(document.getText(), before);
    const all = choicesFor(waiting).find((choice) => choice.label === "Apply all");
    await vscode.commands.executeCommand("arawn.proposal", all?.argument);
    await until(() => document.getText().startsWith("def area(w, h):\n    return w * h\n\n"));
    await vscode.commands.executeCommand("undo");
    await until(() => document.getText() === before);
    await settings.update("edits.preview", undefined, everywhere);
  });

  await check("the doctor looks at what the window uses", async () => {
    const findings = await vscode.commands.executeCommand<Finding[]>("arawn.doctor");
    const about = (area: string): Finding[] => findings.filter((finding) => finding.area.includes(area));
    assert.equal(about("scripted")[0]?.level, "ok", JSON.stringify(findings));
  });

  await check("an answer opens as a document", async () => {
    answer("It multiplies width by height.\n");
    await vscode.commands.executeCommand("arawn.explain");
    await until(() =>
      vscode.workspace.textDocuments.some(
        (other) => other !== document && other.getText().includes("It multiplies width by height."),
      ),
    );
  });

  await check("the server restarts, and works again", async () => {
    await vscode.commands.executeCommand("arawn.restartServer");
    answer("```python\ndef area(w, h):\n    return w * h\n```\n");
    const shown = await vscode.window.showTextDocument(document);
    shown.selection = new vscode.Selection(0, 0, 1, 25);
    await vscode.commands.executeCommand("arawn.simplify");
    await until(() => document.getText().startsWith("def area(w, h):"));
  });

  fs.writeFileSync(path.join(upstream, "result"), `${lines.join("\n")}\n# end\n`);
  assert.equal(failed, 0);
}

function answer(text: string): void {
  fs.writeFileSync(path.join(upstream, "answer.txt"), text);
}

/** How many events of a kind the upstream has logged. */
function events(kind: string): number {
  const log = fs.readFileSync(path.join(upstream, "log"), "utf8");
  return log.split("\n").filter((line) => line.includes(`"event": "${kind}"`)).length;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let round = 0; round < 400; round += 1) {
    if (await condition()) {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`waited in vain for ${condition.toString()}`);
}
