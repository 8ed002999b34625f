import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import { test } from "node:test";

import { ACTIONS, rangeFor, SERVER_COMMANDS, serverSettings, touchesLines } from "../actions";
import { findProgram, type Machine } from "../program";

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
    privacy: { cloud: null },
  };
  assert.deepEqual(serverSettings(section), { llm: { backend: "groq" } });
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
