// What the palette offers, and how an action becomes a request. Nothing here needs VS Code.

/** An action of the palette. */
export interface PaletteAction {
  /** The id the server knows it by; the palette command is `arawn.<id>`. */
  readonly id: string;
  /** The question for an instruction, where the action needs one. */
  readonly question?: string;
  /** Whether an empty answer to the question means something. */
  readonly mayBeEmpty?: boolean;
}

/** The built-in actions, in menu order. */
export const ACTIONS: readonly PaletteAction[] = [
  { id: "explain" },
  { id: "fix" },
  { id: "refactor" },
  { id: "simplify" },
  { id: "document" },
  { id: "test" },
  { id: "review" },
  { id: "translate", question: "Into which language?" },
  {
    id: "edit",
    question: "What to change? (Leave it empty to follow the `ai:` comment above the selection.)",
    mayBeEmpty: true,
  },
  { id: "complete" },
  { id: "ask", question: "What do you want to know?" },
  { id: "commit" },
];

/**
 * The server's own command ids. The language client registers each of them as a command of VS Code,
 * so no command of the extension may have one of these names.
 */
export const SERVER_COMMANDS = {
  run: "arawn.run",
  chat: "arawn.chat",
  cancel: "arawn.cancel",
  proposal: "arawn.proposal",
  backend: "arawn.backend",
  status: "arawn.status",
  lastRequest: "arawn.lastRequest",
} as const;

/** A position as LSP and VS Code count it: zero-based, in UTF-16 units. */
export interface Position {
  readonly line: number;
  readonly character: number;
}

/** A range between two positions. */
export interface Range {
  readonly start: Position;
  readonly end: Position;
}

/** The one argument of `arawn.run`. */
export interface RunArgument {
  action: string;
  textDocument: { uri: string; version: number };
  range: Range;
  diagnostics?: unknown[];
  input?: string;
  wait?: boolean;
  show?: boolean;
}

/** The argument that has the server hand a commit message over, to be placed by us; undefined where it is for no
 * such message, or for somebody who waits already and places it. The argument itself may be used again. */
export function handedOver(argument: RunArgument | undefined): RunArgument | undefined {
  if (argument?.action !== "commit" || argument.wait === true) {
    return undefined;
  }
  return { ...argument, wait: true, show: false };
}

/** What an action works on where nothing is selected: the cursor for `complete`, else its line. */
export function rangeFor(
  action: string,
  selection: Range,
  lineLength: (line: number) => number,
): Range {
  const { start, end } = selection;
  const isEmpty = start.line === end.line && start.character === end.character;
  if (!isEmpty || action === "complete") {
    return { start, end };
  }
  return {
    start: { line: start.line, character: 0 },
    end: { line: start.line, character: lineLength(start.line) },
  };
}

/** Whether two ranges share a line. */
export function touchesLines(one: Range, other: Range): boolean {
  return one.start.line <= other.end.line && other.start.line <= one.end.line;
}

/** The extension's settings that are none of the server's business. */
const CLIENT_SETTINGS = new Set(["server", "trace"]);

/**
 * The settings the server is to see: without the extension's own, and without those the user left
 * alone, which would otherwise override the user's configuration file with nothing.
 */
export function serverSettings(section: unknown): Record<string, unknown> {
  if (typeof section !== "object" || section === null) {
    return {};
  }
  const kept = Object.entries(section)
    .filter(([key]) => !CLIENT_SETTINGS.has(key))
    .map(([key, value]) => [key, withoutUnset(value)] as const)
    .filter(([, value]) => value !== undefined);
  return Object.fromEntries(kept);
}

function withoutUnset(value: unknown): unknown {
  if (value === null || value === undefined || value === "") {
    return undefined;
  }
  if (typeof value !== "object" || Array.isArray(value)) {
    return value;
  }
  const kept = Object.entries(value)
    .map(([key, inner]) => [key, withoutUnset(inner)] as const)
    .filter(([, inner]) => inner !== undefined);
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}
