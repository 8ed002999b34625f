// The extension's entry: commands of the palette, the output channel, the server's life.

import * as vscode from "vscode";
import { ExecuteCommandRequest, type LanguageClient } from "vscode-languageclient/node";

import {
  ACTIONS,
  handedOver,
  rangeFor,
  type RunArgument,
  SERVER_COMMANDS,
  touchesLines,
} from "./actions";
import { deliverCommitMessage } from "./commit";
import { chooseProposal } from "./proposalMenu";
import { Server, withInput } from "./server";
import { DoctorPage, setUpLocalEngine } from "./setup";

let server: Server | undefined;

/** Called by VS Code once, after it has started. */
export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const log = vscode.window.createOutputChannel("Arawn", { log: true });
  const doctor = new DoctorPage();
  const started = new Server(log);
  server = started;
  const command = (id: string, run: () => unknown): vscode.Disposable =>
    vscode.commands.registerCommand(id, run);
  context.subscriptions.push(
    log,
    doctor,
    started,
    ...ACTIONS.map((action) => command(`arawn.${action.id}`, () => runAction(started, action.id))),
    command("arawn.cancelJobs", () => execute(started, SERVER_COMMANDS.cancel)),
    command("arawn.showProposals", () =>
      chooseProposal((argument) => execute(started, SERVER_COMMANDS.proposal, argument)),
    ),
    command("arawn.chooseBackend", () => execute(started, SERVER_COMMANDS.backend)),
    command("arawn.showStatus", () => execute(started, SERVER_COMMANDS.status)),
    command("arawn.showLastRequest", () => execute(started, SERVER_COMMANDS.lastRequest)),
    command("arawn.doctor", () => withProgram(started, (program) => doctor.examine(program))),
    command("arawn.setUpLocalEngine", () => withProgram(started, setUpLocalEngine)),
    command("arawn.restartServer", () => started.restart()),
    command("arawn.showLog", () => log.show()),
    vscode.workspace.onDidChangeConfiguration((event) =>
      event.affectsConfiguration("arawn.server") ? started.restart() : undefined,
    ),
  );
  await started.start();
}

/** Called by VS Code when the window closes. */
export async function deactivate(): Promise<void> {
  await server?.stop();
}

async function runAction(server: Server, action: string): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  const document = editor?.document ?? (action === "commit" ? anyFile() : undefined);
  if (document === undefined) {
    void vscode.window.showInformationMessage("Arawn: open a file and select some code first.");
    return;
  }
  const client = await server.running();
  if (client === undefined) {
    return;
  }
  const selection = editor?.selection ?? new vscode.Range(0, 0, 0, 0);
  const range = rangeFor(action, selection, (line) => document.lineAt(line).text.length);
  const converter = client.code2ProtocolConverter;
  const argument: RunArgument = {
    action,
    textDocument: converter.asVersionedTextDocumentIdentifier(document),
    range,
  };
  if (action === "fix") {
    const near = vscode.languages
      .getDiagnostics(document.uri)
      .filter((diagnostic) => touchesLines(diagnostic.range, range));
    argument.diagnostics = await converter.asDiagnostics(near);
  }
  if (!(await withInput(argument))) {
    return;
  }
  const ours = handedOver(argument);
  const result = await send(client, SERVER_COMMANDS.run, ours ?? argument);
  if (ours !== undefined) {
    await deliverCommitMessage(result, document.uri);
  }
}

/** A document that tells which repository a commit message is for, where the user looks at none. */
function anyFile(): vscode.TextDocument | undefined {
  return vscode.workspace.textDocuments.find((document) => document.uri.scheme === "file");
}

async function execute(server: Server, command: string, argument: object = {}): Promise<unknown> {
  const client = await server.running();
  return client === undefined ? undefined : send(client, command, argument);
}

function withProgram(server: Server, use: (program: string) => Promise<unknown>): unknown {
  const program = server.program();
  return program === undefined ? undefined : use(program);
}

// One message for an error, whatever it was; the details are in the log.
async function send(client: LanguageClient, command: string, argument: object): Promise<unknown> {
  try {
    const params = { command, arguments: [argument] };
    return await client.sendRequest(ExecuteCommandRequest.type, params);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // The server puts its name in front of some of what it says.
    void vscode.window.showErrorMessage(/^arawn/i.test(message) ? message : `Arawn: ${message}`);
    return undefined;
  }
}
