// Starts, restarts and ends the language server: one for the window.

import * as fs from "node:fs";
import * as os from "node:os";
import * as vscode from "vscode";
import { type LanguageClientOptions, LanguageClient, Trace } from "vscode-languageclient/node";

import { ACTIONS, handedOver, type RunArgument, SERVER_COMMANDS, serverSettings } from "./actions";
import { deliverCommitMessage } from "./commit";
import { findProgram } from "./program";

/** The language server of this window. */
export class Server implements vscode.Disposable {
  private client: LanguageClient | undefined;
  private queue: Promise<void> = Promise.resolve();

  constructor(private readonly log: vscode.LogOutputChannel) {}

  /** The running client, or undefined after the user was told why there is none. */
  async running(): Promise<LanguageClient | undefined> {
    await this.queue;
    if (this.client === undefined) {
      await this.start();
    }
    return this.client?.isRunning() ? this.client : undefined;
  }

  /** The path of the program, or undefined after the user was told where it was looked for. */
  program(): string | undefined {
    const configured = vscode.workspace.getConfiguration("arawn").get<string>("server.path", "");
    const found = findProgram(configured, {
      platform: process.platform,
      home: os.homedir(),
      env: process.env,
      isFile: (candidate) => fs.statSync(candidate, { throwIfNoEntry: false })?.isFile() ?? false,
    });
    if ("problem" in found) {
      this.complain(`Arawn cannot start: ${found.problem}.`);
      return undefined;
    }
    return found.path;
  }

  /** Starts the server if the program is there; says what to do if it is not. */
  start(): Promise<void> {
    return this.inTurn(async () => {
      if (this.client === undefined) {
        await this.launch();
      }
    });
  }

  /** Ends the server and starts it again. */
  restart(): Promise<void> {
    return this.inTurn(async () => {
      await this.end();
      await this.launch();
    });
  }

  /** Ends the server. */
  stop(): Promise<void> {
    return this.inTurn(() => this.end());
  }

  dispose(): void {
    void this.stop();
  }

  // Two clients at once would register the server's commands twice, which VS Code refuses.
  private inTurn(step: () => Promise<void>): Promise<void> {
    this.queue = this.queue.then(step, step);
    return this.queue;
  }

  private async launch(): Promise<void> {
    const program = this.program();
    if (program === undefined) {
      return;
    }
    this.log.info(`starting ${program}`);
    const client = new LanguageClient(
      "arawn",
      "Arawn",
      { command: program, args: ["lsp"] },
      this.options(),
    );
    try {
      await client.start();
      await client.setTrace(traceSetting());
      this.client = client;
    } catch (error) {
      this.log.error(String(error));
      this.complain(`Arawn cannot start: ${program} did not answer as a language server.`);
      await client.dispose().catch(() => undefined);
    }
  }

  private async end(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    await client?.dispose();
  }

  private options(): LanguageClientOptions {
    return {
      documentSelector: [
        { scheme: "file" },
        { scheme: "untitled" },
        { scheme: "vscode-notebook-cell" },
      ],
      initializationOptions: serverSettings(vscode.workspace.getConfiguration("arawn")),
      outputChannel: this.log,
      synchronize: { configurationSection: "arawn" },
      middleware: {
        executeCommand: async (command, args, next) => {
          const argument = args[0] as RunArgument;
          if (command !== SERVER_COMMANDS.run) {
            return next(command, args);
          }
          if (!(await withInput(argument))) {
            return undefined;
          }
          const ours = handedOver(argument);
          const result: unknown = await next(command, ours === undefined ? args : [ours]);
          if (ours !== undefined) {
            await deliverCommitMessage(result, vscode.Uri.parse(argument.textDocument.uri));
          }
          return result;
        },
        workspace: {
          configuration: async (params, token, next) => {
            const sections = await next(params, token);
            return Array.isArray(sections)
              ? sections.map((section, index) =>
                  params.items[index]?.section === "arawn" ? serverSettings(section) : section,
                )
              : sections;
          },
          didChangeConfiguration: async () => {
            const settings = serverSettings(vscode.workspace.getConfiguration("arawn"));
            await this.client?.sendNotification("workspace/didChangeConfiguration", {
              settings: { arawn: settings },
            });
          },
        },
      },
    };
  }

  private complain(message: string): void {
    const settings = "Open Settings";
    const log = "Show Log";
    void vscode.window.showErrorMessage(message, settings, log).then((choice) => {
      if (choice === settings) {
        void vscode.commands.executeCommand("workbench.action.openSettings", "arawn.server.path");
      } else if (choice === log) {
        this.log.show();
      }
    });
  }
}

/** Asks for the instruction of an action that needs one; false when the user thought better of it. */
export async function withInput(argument: RunArgument): Promise<boolean> {
  const action = ACTIONS.find((candidate) => candidate.id === argument?.action);
  if (action?.question === undefined || argument.input !== undefined) {
    return true;
  }
  const input = await vscode.window.showInputBox({
    title: `Arawn: ${action.id}`,
    prompt: action.question,
    ignoreFocusOut: true,
  });
  if (input === undefined || (input.trim() === "" && action.mayBeEmpty !== true)) {
    return false;
  }
  if (input.trim() !== "") {
    argument.input = input;
  }
  return true;
}

function traceSetting(): Trace {
  return Trace.fromString(
    vscode.workspace.getConfiguration("arawn").get<string>("trace.server", "off"),
  );
}
