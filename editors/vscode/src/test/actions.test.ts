import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import { test } from "node:test";

import {
  ACTIONS,
  handedOver,
  rangeFor,
  type RunArgument,
  SERVER_COMMANDS,
  serverSettings,
  touchesLines,
} from "../actions";
import { failureIn, messageIn, place, repositoryOf } from "../commitMessage";
import { findingsIn, report, summary } from "../doctor";
import { findProgram, type Machine } from "../program";
import { choicesFor, type Hunk, proposalsIn, stateOf } from "../proposals";

const manifest = JSON.parse(fs.readFileSync("package.json", "utf8"));

function range(line: number, character: number, endLine: number, endCharacter: number) {
  return { start: { line, character }, end: { line: endLine, character: endCharacter } };
}

function machine(files: string[], changes: Partial<Machine> = {}): Machine {
  return {
    platform: "linux",
    home: "/home/u",
    env: { PATH: "bin:/usr/local/bin:/usr/bin" },
    isFile: (candidate) => files.includes(candidate),
    ...changes,
  };
}

test("every action has its palette command", () => {
  const commands = manifest.contributes.commands.map((entry: { command: string }) => entry.command);
  for (const action of ACTIONS) {
    assert.ok(commands.includes(`arawn.${action.id}`), action.id);
  }
});

test("no palette command has the id of a server command", () => {
  const taken: string[] = Object.values(SERVER_COMMANDS);
  for (const { command } of manifest.contributes.commands) {
    assert.ok(!taken.includes(command), command);
  }
});

test("every palette command is registered", () => {
  const source = fs.readFileSync("src/extension.ts", "utf8");
  const actions = ACTIONS.map((action) => `arawn.${action.id}`);
  for (const { command } of manifest.contributes.commands) {
    assert.ok(actions.includes(command) || source.includes(`command("${command}"`), command);
  }
});

test("an untrusted workspace cannot choose the program", () => {
  const { restrictedConfigurations } = manifest.capabilities.untrustedWorkspaces;
  assert.ok(restrictedConfigurations.includes("arawn.server.path"));
  assert.equal(
    manifest.contributes.configuration.properties["arawn.server.path"].scope,
    "machine-overridable",
  );
});

test("a selection is sent as it is", () => {
  assert.deepEqual(rangeFor("fix", range(1, 2, 3, 4), () => 9), range(1, 2, 3, 4));
});

test("without a selection an action means the line, and complete the cursor", () => {
  assert.deepEqual(rangeFor("fix", range(1, 2, 1, 2), () => 9), range(1, 0, 1, 9));
  assert.deepEqual(rangeFor("complete", range(1, 2, 1, 2), () => 9), range(1, 2, 1, 2));
});

test("ranges that share a line touch", () => {
  assert.ok(touchesLines(range(1, 0, 2, 0), range(2, 5, 2, 9)));
  assert.ok(!touchesLines(range(1, 0, 2, 0), range(3, 0, 3, 9)));
});

test("the server sees only settings that are its own and set", () => {
  const section = {
    server: { path: "/x" },
    trace: { server: "off" },
    llm: { backend: "groq", model: null },
    privacy: { cloud: null, ignore: ["*.sql"] },
    edits: { preview: "always", reask: false },
    tasks: { fix: { backend: null, model: null }, edit: { backend: null, model: "qwen" } },
  };
  assert.deepEqual(serverSettings(section), {
    llm: { backend: "groq" },
    privacy: { ignore: ["*.sql"] },
    edits: { preview: "always", reask: false },
    tasks: { edit: { model: "qwen" } },
  });
  assert.deepEqual(serverSettings(null), {});
});

test("the program that is set is used, with ~ for the home folder", () => {
  assert.deepEqual(findProgram("~/bin/arawn", machine(["/home/u/bin/arawn"])), {
    path: "/home/u/bin/arawn",
  });
});

test("a relative program is refused: the workspace may be anybody's", () => {
  const found = findProgram("./arawn", machine(["./arawn"]));
  assert.match("problem" in found ? found.problem : "", /absolute/);
});

test("a program that is set but not there is said so, and no other one is taken", () => {
  const found = findProgram("/x/arawn", machine(["/usr/bin/arawn"]));
  assert.match("problem" in found ? found.problem : "", /not a file/);
});

test("else the first on the PATH is used, never one of a relative folder", () => {
  assert.deepEqual(findProgram("", machine(["bin/arawn", "/usr/bin/arawn"])), {
    path: "/usr/bin/arawn",
  });
});

test("cargo's folder is looked at last", () => {
  assert.deepEqual(findProgram("", machine(["/home/u/.cargo/bin/arawn"])), {
    path: "/home/u/.cargo/bin/arawn",
  });
  assert.ok("problem" in findProgram("", machine([])));
});

test("on Windows the program ends in .exe", () => {
  const windows = machine(["C:\\tools\\arawn.exe"], {
    platform: "win32",
    home: "C:\\Users\\u",
    env: { Path: "C:\\Windows;C:\\tools" },
  });
  assert.deepEqual(findProgram("", windows), { path: "C:\\tools\\arawn.exe" });
});

function proposal(...states: Hunk["state"][]) {
  const hunks = states.map((state, index) => ({
    hunk: index + 1,
    state,
    range: range(index * 10, 0, index * 10 + 1, 0),
    newText: `\n  line ${index}\n`,
  }));
  return { proposalId: "proposal-1", title: "Refactor", reason: "r", uri: "file:///a", hunks };
}

test("a proposal offers all of it, each hunk that can be applied, showing and discarding", () => {
  const choices = choicesFor(proposal("pending", "applied", "pending"));
  assert.deepEqual(
    choices.map(({ label, description }) => [label, description]),
    [
      ["Apply all", undefined],
      ["Apply hunk 1", "line 1: line 0"],
      ["Apply hunk 3", "line 21: line 2"],
      ["Show the changes", undefined],
      ["Discard", undefined],
    ],
  );
  assert.deepEqual(choices[2]?.argument, { proposalId: "proposal-1", do: "apply", hunks: [3] });
});

test("of a proposal with one hunk left nobody is asked which, and of a stale one nothing is applied", () => {
  const labels = (...states: Hunk["state"][]) => choicesFor(proposal(...states)).map(({ label }) => label);
  assert.deepEqual(labels("pending"), ["Apply all", "Show the changes", "Discard"]);
  assert.deepEqual(labels("stale"), ["Show the changes", "Discard"]);
});

test("what is left of a proposal is told in words", () => {
  assert.equal(stateOf(proposal("pending")), "1 hunk");
  assert.equal(stateOf(proposal("pending", "stale")), "1 of 2 hunks");
  assert.equal(stateOf(proposal("applied")), "nothing left to apply");
});

test("the newest proposal comes first, and an answer of another kind is none", () => {
  const [one, two] = [proposal("pending"), { ...proposal("pending"), proposalId: "proposal-2" }];
  assert.deepEqual(proposalsIn([one, null, two]), [two, one]);
  assert.deepEqual(proposalsIn(null), []);
});

test("the doctor's report begins with what is wrong, each with its next step", () => {
  const findings = findingsIn(
    JSON.stringify([
      { area: "config", level: "ok", message: "fine", hint: null },
      { area: "editors", level: "warning", message: "old", hint: "update" },
      { area: "ollama", level: "problem", message: "down", hint: "ollama serve" },
    ]),
  );
  assert.ok(findings);
  assert.equal(
    report(findings),
    "problem  ollama: down\n         -> ollama serve\nwarning  editors: old\n         -> update\nok       config: fine",
  );
  assert.equal(summary(findings), "1 problem, 1 warning");
  assert.equal(summary(findings.slice(0, 2)), "works, with 1 warning");
  assert.equal(summary(findings.slice(0, 1)), "everything works");
  assert.equal(findingsIn("arawn: broken"), undefined);
});

test("every palette command that needs an editor is hidden without one", () => {
  const hidden = manifest.contributes.menus.commandPalette.map(
    (entry: { command: string }) => entry.command,
  );
  assert.deepEqual(hidden, ACTIONS.map((action) => `arawn.${action.id}`));
});

function repository(fsPath: string, value = "") {
  return { rootUri: { fsPath }, inputBox: { value } };
}

const never = (): Promise<boolean> => Promise.reject(new Error("asked"));

test("a commit message is for the innermost repository that holds the file", () => {
  const [outer, inner, beside] = ["/w", "/w/lib", "/w/library"].map((path) => repository(path));
  const all = [outer, inner, beside].filter((one) => one !== undefined);
  assert.equal(repositoryOf(all, "/w/lib/a.rs"), inner);
  assert.equal(repositoryOf(all, "/w/library/a.rs"), beside);
  assert.equal(repositoryOf(all, "/w/a.rs"), outer);
  assert.equal(repositoryOf(all, "/elsewhere/a.rs"), undefined);
  assert.equal(repositoryOf(all, undefined), undefined);
  const windows = repository("C:\\w");
  assert.equal(repositoryOf([windows], "C:\\w\\a.rs"), windows);
  assert.equal(repositoryOf([windows], undefined), windows);
});

test("a commit message goes into the box, and replaces the user's only if they agree", async () => {
  const empty = repository("/w", " \n");
  assert.equal(await place("Add a file\n", empty, never), "in the box");
  assert.equal(empty.inputBox.value, "Add a file");
  assert.equal(await place("Add a file\n", empty, never), "in the box");
  const written = repository("/w", "Mine");
  assert.equal(await place("Add a file\n", written, () => Promise.resolve(false)), "kept the user's");
  assert.equal(written.inputBox.value, "Mine");
  assert.equal(await place("Add a file\n", written, () => Promise.resolve(true)), "in the box");
  assert.equal(written.inputBox.value, "Add a file");
  assert.equal(await place("Add a file\n", undefined, never), "no box");
});

test("the server hands over what the extension places, and nothing else", () => {
  const argument = (action: string, wait?: boolean): RunArgument => ({
    action,
    textDocument: { uri: "file:///w/a.rs", version: 1 },
    range: range(0, 0, 0, 0),
    ...(wait === undefined ? {} : { wait }),
  });
  const commit = argument("commit");
  for (const _time of ["first", "again"]) {
    const ours = handedOver(commit);
    assert.deepEqual([ours?.wait, ours?.show], [true, false]);
  }
  assert.equal(handedOver(argument("explain")) ?? handedOver(argument("commit", true)), undefined);
  assert.equal(messageIn({ status: "returned", text: "Add a file\n" }), "Add a file\n");
  assert.equal(messageIn({ status: "applied", text: "Add a file\n" }), undefined);
  assert.equal(messageIn(undefined), undefined);
  assert.equal(failureIn({ status: "failed", message: "Commit failed: no" }), "Commit failed: no");
  assert.equal(failureIn({ status: "returned", message: "Commit: answered" }), undefined);
});
