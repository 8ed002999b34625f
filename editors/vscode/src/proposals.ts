// What can be done with edits that wait for the user. Nothing here needs VS Code.

import type { Range } from "./actions";

/** A part of a proposal that can be applied alone. */
export interface Hunk {
  /** Counted from 1. */
  readonly hunk: number;
  readonly state: "pending" | "applied" | "stale";
  readonly range: Range;
  readonly newText: string;
}

/** An edit that waits, as the server lists it. */
export interface Proposal {
  readonly proposalId: string;
  readonly title: string;
  readonly reason: string;
  readonly uri: string;
  readonly hunks: readonly Hunk[];
}

/** The one argument of `arawn.proposal`. */
export interface ProposalArgument {
  readonly proposalId?: string;
  readonly do: "list" | "show" | "apply" | "discard";
  readonly hunks?: readonly number[];
}

/** One thing to do with a proposal. */
export interface Choice {
  readonly label: string;
  readonly description?: string;
  readonly argument: ProposalArgument;
}

/** The server's list, newest first; what is not a proposal is left out. */
export function proposalsIn(answer: unknown): Proposal[] {
  const isProposal = (value: unknown): value is Proposal =>
    typeof value === "object" && value !== null && "proposalId" in value && "hunks" in value;
  return Array.isArray(answer) ? answer.filter(isProposal).reverse() : [];
}

/** How much of a proposal can still be applied, in words. */
export function stateOf(proposal: Proposal): string {
  const n = pending(proposal).length;
  const total = proposal.hunks.length;
  if (n === total) {
    return total === 1 ? "1 hunk" : `${total} hunks`;
  }
  return n === 0 ? "nothing left to apply" : `${n} of ${total} hunks`;
}

/** What the user can do with it: only what the server would not refuse. */
export function choicesFor(proposal: Proposal): Choice[] {
  const { proposalId } = proposal;
  const open = pending(proposal);
  const choices: Choice[] = [];
  if (open.length > 0) {
    choices.push({ label: "Apply all", argument: { proposalId, do: "apply" } });
  }
  if (open.length > 1) {
    choices.push(
      ...open.map((hunk) => ({
        label: `Apply hunk ${hunk.hunk}`,
        description: whereabouts(hunk),
        argument: { proposalId, do: "apply", hunks: [hunk.hunk] } as const,
      })),
    );
  }
  choices.push(
    { label: "Show the changes", argument: { proposalId, do: "show" } },
    { label: "Discard", argument: { proposalId, do: "discard" } },
  );
  return choices;
}

function pending(proposal: Proposal): Hunk[] {
  return proposal.hunks.filter((hunk) => hunk.state === "pending");
}

function whereabouts(hunk: Hunk): string {
  const text = hunk.newText.split("\n").map((line) => line.trim()).find((line) => line !== "");
  return `line ${hunk.range.start.line + 1}: ${text ?? "removed"}`;
}
