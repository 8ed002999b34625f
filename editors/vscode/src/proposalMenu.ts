// The menu of the edits that wait for the user.

import * as vscode from "vscode";

import { choicesFor, type Proposal, type ProposalArgument, proposalsIn, stateOf } from "./proposals";

/** Calls `arawn.proposal`; undefined after the user was told what went wrong. */
type Execute = (argument: ProposalArgument) => Promise<unknown>;

/** Lets the user choose a proposal, shows its place, and lets them choose what to do with it. */
export async function chooseProposal(execute: Execute): Promise<void> {
  const answer = await execute({ do: "list" });
  if (answer === undefined) {
    return;
  }
  const proposals = proposalsIn(answer);
  if (proposals.length === 0) {
    void vscode.window.showInformationMessage("Arawn: no edit is waiting for you.");
    return;
  }
  const proposal = await pick(proposals);
  if (proposal === undefined) {
    return;
  }
  await reveal(proposal);
  const choice = await vscode.window.showQuickPick(choicesFor(proposal), {
    title: `Arawn: ${proposal.title}`,
    placeHolder: proposal.reason,
  });
  if (choice !== undefined) {
    await execute(choice.argument);
  }
}

async function pick(proposals: readonly Proposal[]): Promise<Proposal | undefined> {
  const items = proposals.map((proposal) => ({
    label: proposal.title,
    description: `${vscode.workspace.asRelativePath(vscode.Uri.parse(proposal.uri))}, ${stateOf(proposal)}`,
    detail: proposal.reason,
    proposal,
  }));
  const [only] = items;
  const chosen =
    items.length === 1
      ? only
      : await vscode.window.showQuickPick(items, { title: "Arawn: edits that wait for you" });
  return chosen?.proposal;
}

/** Goes to the first hunk: who decides about an edit must see the lines it is for. */
async function reveal(proposal: Proposal): Promise<void> {
  const { start } = proposal.hunks[0]?.range ?? { start: { line: 0, character: 0 } };
  const at = new vscode.Position(start.line, start.character);
  try {
    const document = await vscode.workspace.openTextDocument(vscode.Uri.parse(proposal.uri));
    await vscode.window.showTextDocument(document, { selection: new vscode.Range(at, at) });
  } catch {
    // The document may be gone; the proposal can still be shown or discarded.
  }
}
