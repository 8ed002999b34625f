//! Outlines and scopes of every language we carry a grammar for.

use ropey::Rope;

use super::*;
use crate::text::{CharIdx, CharRange};

fn parsed(text: &str, language: &str) -> Parsed {
    Parsed::of(&Rope::from_str(text), language).unwrap()
}

/// Checks the outline as `depth name: signature` lines, and the imports.
fn check_outline(language: &str, text: &str, want: &[&str], imports: &[&str]) {
    let found = outline(&parsed(text, language));
    let got: Vec<String> = found
        .symbols
        .iter()
        .map(|it| format!("{}{}: {}", "  ".repeat(it.depth), it.name, it.signature))
        .collect();
    assert_eq!(got, want, "{language}");
    let got: Vec<&str> = found.imports.iter().map(|it| it.line.as_str()).collect();
    assert_eq!(got, imports, "{language}");
}

#[test]
fn rust_is_outlined() {
    check_outline(
        "rust",
        "use std::{\n    fmt,\n    io,\n};\n\nconst MAX: usize = 3;\n\n/// A.\n#[derive(Debug)]\npub struct A<T> {\n    x: T,\n}\n\nimpl<T: Copy> fmt::Debug for A<T> {\n    pub(crate) fn f(\n        &self,\n        y: u8,\n    ) -> u8 {\n        fn local() {}\n        y\n    }\n}\nmod m {\n    trait T { fn g(&self); }\n}\ntype B = A<u8>;\nmacro_rules! mac { () => {}; }\n",
        &[
            "MAX: const MAX: usize",
            "A: pub struct A<T>",
            "fmt::Debug for A<T>: impl<T: Copy> fmt::Debug for A<T>",
            "  f: pub(crate) fn f( &self, y: u8, ) -> u8",
            "m: mod m",
            "  T: trait T",
            "    g: fn g(&self)",
            "B: type B = A<u8>",
            "mac: macro_rules! mac",
        ],
        &["use std::{ fmt, io, };"],
    );
}

#[test]
fn python_is_outlined() {
    check_outline(
        "python",
        "from __future__ import annotations\nimport os, sys\nfrom a import (\n    b,\n    c,\n)\n\n@dataclass\nclass A(B):\n    x: int = 1\n\n    @property\n    def f(self, a: int = 1) -> int:\n        def inner(): pass\n        return a\n\nasync def g(*args):\n    pass\nif True:\n    import late\n",
        &["A: class A(B)", "  f: def f(self, a: int = 1) -> int", "g: async def g(*args)"],
        &[
            "from __future__ import annotations",
            "import os, sys",
            "from a import ( b, c, )",
            "import late",
        ],
    );
}

#[test]
fn scripts_are_outlined() {
    check_outline(
        "javascript",
        "import a from './a.js';\nexport default class X extends Y {\n  #p = () => 1;\n  static async m(a) { return a; }\n}\nexport const f = async (x) => { const inner = () => 1; };\nexport const LIMIT = 3;\nconst hidden = 4;\nfunction* g() {}\nmodule.exports.h = function (a) {};\ndescribe('x', () => { function helper() {} });\n",
        &[
            "X: export default class X extends Y",
            "  #p: #p = ()",
            "  m: static async m(a)",
            "f: export const f = async (x)",
            "LIMIT: export const LIMIT",
            "g: function* g()",
            "module.exports.h: module.exports.h = function (a)",
            "helper: function helper()",
        ],
        &["import a from './a.js';"],
    );
    check_outline(
        "typescript",
        "import type { A } from 'a';\nexport interface I<T> { m(x: T): void; y: number }\nexport type U = 'a' | 'b';\nenum E { A }\nabstract class C implements I<string> {\n  constructor(private x: number) {}\n  abstract m(x: string): void;\n}\nnamespace N { export function f(): void {} }\n",
        &[
            "I: export interface I<T>",
            "  m: m(x: T): void",
            "U: export type U",
            "E: enum E",
            "C: abstract class C implements I<string>",
            "  constructor: constructor(private x: number)",
            "  m: abstract m(x: string): void",
            "N: namespace N",
            "  f: export function f(): void",
        ],
        &["import type { A } from 'a';"],
    );
    check_outline(
        "typescriptreact",
        "export function App(p: P) { return <div>{p.x}</div>; }\n",
        &["App: export function App(p: P)"],
        &[],
    );
}

#[test]
fn go_is_outlined() {
    check_outline(
        "go",
        "package p\n\nimport (\n\t\"fmt\"\n\t\"os\"\n)\n\ntype S struct {\n\tx int\n}\ntype (\n\tA int\n\tI interface { M() }\n)\n\nfunc (s *S) Do(x int) error {\n\treturn nil\n}\nfunc F[T any](x T) T { return x }\n",
        &[
            "S: type S struct",
            "A: A int",
            "I: I interface",
            "Do: func (s *S) Do(x int) error",
            "F: func F[T any](x T) T",
        ],
        &["package p", "import ( \"fmt\" \"os\" )"],
    );
}

#[test]
fn c_and_cpp_are_outlined() {
    check_outline(
        "c",
        "#ifndef A_H\n#define A_H\n#include <stdio.h>\n#define SQ(x) ((x) * (x))\ntypedef struct point { int x; } point_t;\nenum color { RED };\nint global = 1;\nstatic char *name_of(const struct point *p, int n);\nint main(int argc, char **argv) {\n  struct point p;\n  return 0;\n}\n#endif\n",
        &[
            "SQ: #define SQ(x)",
            "point_t: typedef struct point { int x; } point_t",
            "  point: struct point",
            "color: enum color",
            "name_of: static char *name_of(const struct point *p, int n)",
            "main: int main(int argc, char **argv)",
        ],
        &["#include <stdio.h>"],
    );
    check_outline(
        "cpp",
        "#include <vector>\nusing namespace std;\nnamespace n {\ntemplate <typename T>\nclass A : public B {\n public:\n  A();\n  virtual int f(int x) const { return x; }\n  int y;\n};\nint A<int>::g(T& x) { return 1; }\n}\n",
        &[
            "n: namespace n",
            "  A: template <typename T> class A : public B",
            "    A: A()",
            "    f: virtual int f(int x) const",
            "  A<int>::g: int A<int>::g(T& x)",
        ],
        &["#include <vector>", "using namespace std;"],
    );
}

#[test]
fn java_and_csharp_are_outlined() {
    check_outline(
        "java",
        "package a.b;\nimport java.util.List;\n\npublic final class A<T> extends B implements C {\n    private int x;\n    public A(int x) { this.x = x; }\n    @Override\n    public List<T> f(int y) throws E { return null; }\n    enum E { X }\n    record R(int a) {}\n}\ninterface I { void m(); }\n",
        &[
            "A: public final class A<T> extends B implements C",
            "  A: public A(int x)",
            "  f: @Override public List<T> f(int y) throws E",
            "  E: enum E",
            "  R: record R(int a)",
            "I: interface I",
            "  m: void m()",
        ],
        &["package a.b;", "import java.util.List;"],
    );
    check_outline(
        "csharp",
        "using System;\nnamespace N;\npublic class A : B\n{\n    public int P { get; set; }\n    public A(int x) { }\n    public static async Task<int> F(int y) => await G(y);\n}\npublic record R(int X);\n",
        &[
            "N: namespace N",
            "A: public class A : B",
            "  P: public int P",
            "  A: public A(int x)",
            "  F: public static async Task<int> F(int y)",
            "R: public record R(int X)",
        ],
        &["using System;"],
    );
}

#[test]
fn ruby_php_bash_and_lua_are_outlined() {
    check_outline(
        "ruby",
        "require 'json'\nrequire_relative 'a'\n\nmodule M\n  class A < B\n    attr_reader :x\n    def initialize(x)\n      @x = x\n    end\n    def self.make = new(1)\n  end\nend\n",
        &[
            "M: module M",
            "  A: class A < B",
            "    initialize: def initialize(x)",
            "    make: def self.make",
        ],
        &["require 'json'", "require_relative 'a'"],
    );
    check_outline(
        "php",
        "<?php\nnamespace A\\B;\nuse C\\D;\nabstract class E extends F implements G\n{\n    private int $x = 1;\n    public static function f(int $a): ?string\n    {\n        return null;\n    }\n}\nfunction g() {}\ntrait T {}\nenum S: string { case A = 'a'; }\n",
        &[
            "A\\B: namespace A\\B",
            "E: abstract class E extends F implements G",
            "  f: public static function f(int $a): ?string",
            "g: function g()",
            "T: trait T",
            "S: enum S: string",
        ],
        &["use C\\D;"],
    );
    check_outline(
        "shellscript",
        "#!/bin/bash\nsource ./lib.sh\nf() {\n  echo 1\n}\nfunction g {\n  f\n}\n",
        &["f: f()", "g: function g"],
        &["source ./lib.sh"],
    );
    check_outline(
        "lua",
        "local json = require(\"json\")\nlocal M = {}\nfunction M.f(a, b)\n  return a\nend\nlocal function g() end\nM.h = function(x) return x end\nreturn M\n",
        &["M.f: function M.f(a, b)", "g: local function g()", "M.h: M.h = function(x)"],
        &["local json = require(\"json\")"],
    );
}

#[test]
fn data_is_outlined_two_levels_deep() {
    check_outline(
        "json",
        "{\"name\": \"a\", \"scripts\": {\"build\": {\"deep\": {\"deeper\": 1}}, \"test\": \"y\"}}",
        &["name: \"name\"", "scripts: \"scripts\"", "  build: \"build\"", "  test: \"test\""],
        &[],
    );
    check_outline(
        "toml",
        "top = 1\n\n[package]\nname = \"a\"\n\n[[bin]]\nname = \"b\"\n\n[a.\"b c\"]\nx = 1\n",
        &["top: top", "package: [package]", "bin: [[bin]]", "a.\"b c: [a.\"b c\"]"],
        &[],
    );
    check_outline(
        "yaml",
        "name: CI\non:\n  push:\n    branches: [main]\njobs:\n  test:\n    runs-on: x\n",
        &["name: name", "on: on", "  push: push", "jobs: jobs", "  test: test"],
        &[],
    );
}

#[test]
fn pages_and_texts_are_outlined() {
    check_outline(
        "html",
        "<html><head><title>T</title></head><body>\n<div class=\"a\"><form id='login' method=post><input></form></div>\n<main><h1>Hi</h1></main><script src=\"a.js\"></script></body></html>\n",
        &[
            "title: <title>",
            "form#login: <form id='login' method=post>",
            "main: <main>",
            "  h1: <h1>",
            "script: <script src=\"a.js\">",
        ],
        &[],
    );
    check_outline(
        "css",
        "@import 'a.css';\n.a > b,\n#c { color: red; }\n@media (min-width: 1px) { .d { x: y } }\n@keyframes spin { from { x: y } }\n",
        &[
            ".a > b, #c: .a > b, #c",
            "@media (min-width: 1px): @media (min-width: 1px)",
            "  .d: .d",
            "spin: @keyframes spin",
        ],
        &["@import 'a.css';"],
    );
    check_outline(
        "markdown",
        "intro\n\n# A\ntext\n\n## B *b*\n\n```\n# no heading\n```\n\nSecond\n======\n\n#hash\n",
        &["A: # A", "  B *b*: ## B *b*", "    Second: # Second"],
        &[],
    );
}

#[test]
fn what_is_broken_is_outlined_as_far_as_it_goes() {
    let found = outline(&parsed("fn a() {}\nfn b( {\nfn c() {}\nstruct D;\n", "rust"));
    let names: Vec<&str> = found.symbols.iter().map(|it| it.name.as_str()).collect();
    assert!(names.contains(&"a") && names.contains(&"D"), "{names:?}");
}

#[test]
fn a_deep_text_is_no_danger() {
    let deep = format!("{}1{}", "[".repeat(50_000), "]".repeat(50_000));
    if let Some(parsed) = Parsed::of(&Rope::from_str(&deep), "json") {
        assert_eq!(outline(&parsed), Outline::default());
        assert_eq!(symbol_at(&parsed, CharIdx(50_000)), None);
    }
}

/// `$0` marks the cursor, `«»` the declaration that is found.
fn check_symbol(language: &str, marked: &str, name: Option<&str>) {
    let plain: String = marked.replace(['«', '»'], "");
    let cursor = plain.split("$0").next().unwrap().chars().count();
    let text = plain.replace("$0", "");
    let found = symbol_at(&parsed(&text, language), CharIdx(cursor));
    assert_eq!(found.as_ref().map(|it| it.name.as_str()), name, "{marked}");
    let Some(found) = found else { return };
    let unmarked = marked.replace("$0", "");
    let start = unmarked.split('«').next().unwrap().chars().count();
    let end = unmarked.split('»').next().unwrap().chars().count() - 1;
    assert_eq!(found.range, CharRange::new(CharIdx(start), CharIdx(end)), "{marked}");
}

#[test]
fn the_symbol_under_a_cursor_is_whole() {
    check_symbol(
        "rust",
        "struct S;\n\n«/// Says.\n#[inline]\npub fn f() {\n    let x$0 = 1;\n}»\n",
        Some("f"),
    );
    check_symbol("rust", "«/// S$0ays.\n#[inline]\npub fn f() {\n}»\n", Some("f"));
    check_symbol("rust", "// Licence.\n\n«#[in$0line]\npub fn f() {}»\n", Some("f"));
    check_symbol("rust", "«impl A {\n    fn g() {}\n$0\n    fn f() {}\n}»\n", Some("A"));
    check_symbol("rust", "impl A {\n$0    «fn g() {\n        1\n    }»\n}\n", Some("g"));
    check_symbol("rust", "fn a() {}\n$0\nfn b() {}\n", None);
    check_symbol("rust", "let x = 1; // one\n«fn f() {}$0»\n", Some("f"));
    check_symbol("rust", "use a::b$0;\n", None);
    check_symbol("rust", "$0", None);
    check_symbol(
        "python",
        "x = 1\n«# Why.\n@cache\ndef f(a):\n    return a$0»\n\ny = 2\n",
        Some("f"),
    );
    check_symbol("python", "«@cac$0he\ndef f(a):\n    return a»\n", Some("f"));
    check_symbol("python", "class A:\n    «def f(self):\n        pass$0»\n", Some("f"));
    check_symbol(
        "typescript",
        "«ex$0port const f = (x: number) => {\n  return x;\n};»\n",
        Some("f"),
    );
    check_symbol("typescript", "«/** Doc. */\nexport class A {\n  x = 1;$0\n}»\n", Some("A"));
    check_symbol("go", "«// F does.\nfunc F() {\n\tx$0()\n}»\n", Some("F"));
    check_symbol("cpp", "«template <class T>\nint f(T x$0) { return 1; }»\n", Some("f"));
    check_symbol("markdown", "# A\n«## B\n\ntext$0\n»# C\n", Some("B"));
}

#[test]
fn what_stands_around_a_range_is_told_from_outside_in() {
    let text = "mod m {\n    impl A {\n        fn f() {\n            x();\n        }\n    }\n}\n";
    let parsed = parsed(text, "rust");
    let at = |piece: &str| {
        let start = text.find(piece).unwrap();
        enclosing(&parsed, CharRange::new(CharIdx(start), CharIdx(start + piece.len())))
            .into_iter()
            .map(|it| it.signature)
            .collect::<Vec<_>>()
    };
    assert_eq!(at("x();\n"), ["mod m", "impl A", "fn f()"]);
    assert_eq!(at("        fn f() {\n            x();\n        }\n"), ["mod m", "impl A"]);
    assert_eq!(at(text), Vec::<String>::new());
}

#[test]
fn crlf_and_astral_text_do_not_shift_ranges() {
    check_symbol("rust", "// 𐐀\r\n\r\n«fn f() {\r\n    \"𐐀𐐀\";$0\r\n}»\r\n", Some("f"));
}
