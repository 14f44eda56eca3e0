// `npm run modules`: which modules of a Rust crate use which, and in which circles.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";

import { root as repository } from "../scripts/layout.mjs";
import { inspect } from "../scripts/modules.mjs";
import { readCrate } from "../scripts/rust-modules.mjs";

const folder = mkdtempSync(path.join(tmpdir(), "edge-metadata-modules-"));
after(() => rmSync(folder, { recursive: true }));

/** A crate of these files, by their paths below `src/`. */
function crate(files: Record<string, string>): string {
  const src = mkdtempSync(path.join(folder, "crate-"));
  for (const [name, source] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(src, name)), { recursive: true });
    writeFileSync(path.join(src, name), source);
  }
  return path.join(src, "lib.rs");
}

/** What each module uses, as `from > to`. */
function uses(files: Record<string, string>): string[] {
  const edges = readCrate(crate(files)).edges.map(({ from, to }) => `${from.path} > ${to.path}`);
  return [...new Set(edges)].sort();
}

async function circles(files: Record<string, string>): Promise<string[]> {
  const { cycles } = await inspect(crate(files), { brief: true });
  return cycles.map((cycle) => cycle.replaceAll(/ {2,}/g, " "));
}

const A_AND_B = { "lib.rs": "mod a; mod b;", "b.rs": "pub struct B; pub struct C; pub fn f() {} pub trait T {}" };

for (const [way, source] of Object.entries({
  "a path from the root": "use crate::b::B;",
  "a path from the parent": "use super::b::B;",
  "a path from itself": "use self::super::b::B;",
  "a group": "use std::rc::Rc; use crate::{b::{B, C}};",
  "a group with self": "use crate::b::{self, B};",
  "a nested path in a function's body": "fn g() { crate::b::f() }",
  "a use within a function": "fn g() { use crate::b::B; }",
  "a module that is imported, and a path through it": "use crate::b; fn g() { b::f() }",
  "a module under another name": "use crate::b as other; fn g() { other::f() }",
  "a trait without a name": "use crate::b::T as _;",
  "all names": "use crate::b::*;",
  "a type": "struct A(Option<super::b::B>);",
  "an implementation": "impl crate::b::T for u8 {}",
  "a pattern": "fn g(x: u8) { match x { crate::b::C => {} _ => {} } }",
  "the arguments of a macro": 'fn g() { println!("{}", super::b::f()); }',
  "the body of a macro": "macro_rules! m { () => { $crate::b::f() }; }",
  "the text of an attribute": '#[serde(with = "crate::b")] struct A; #[serde(with = "crate::b::B")] struct D;',
  "a re-export that is used": "pub use crate::b::B; struct A(B);",
  "a module of tests": "#[cfg(test)] mod tests { use crate::b::B; }",
})) {
  test(`${way} is a use`, () => assert.deepEqual(uses({ ...A_AND_B, "a.rs": source }), ["crate::a > crate::b"]));
}

for (const [what, source] of Object.entries({
  "a comment": "// crate::b::B\n/* use crate::b::B; */\n/// [`crate::b::B`]\nfn g() {}",
  "a text": 'fn g() -> &\'static str { "crate::b::B" }',
  "a visibility": "pub(in crate::b) struct A; pub(super) fn g() {}",
  "a module that is imported, and nothing of it": "use crate::b;",
  "a field or method of the same name": "fn g(x: X) { x.b(); x.b; }",
  "another crate": "use serde::b::B; use ::b::B; fn g() { std::b::f() }",
  "a re-export that is not used": "pub use crate::b::B;",
  "an inline module's own parent": "struct A; mod tests { use super::*; use super::A; }",
})) {
  test(`${what} is no use`, () => assert.deepEqual(uses({ ...A_AND_B, "a.rs": source }), []));
}

test("a name that the parent re-exports is a use of the module that defines it", async () => {
  const facade = {
    "lib.rs": "mod shop;",
    "shop/mod.rs": "mod order; mod price; pub use order::Order; pub use self::price::*;",
    "shop/order.rs": "use super::Price; pub struct Order(Price);",
    "shop/price.rs": "pub struct Price;",
  };
  assert.deepEqual(uses(facade), ["crate::shop::order > crate::shop::price"]);
  assert.deepEqual(await circles(facade), []);
});

test("a circle between a parent that re-exports and two of its children is one", async () => {
  const found = await circles({
    "lib.rs": "mod shop;",
    "shop/mod.rs": "mod order; mod price; pub use order::Order; pub use self::price::*;",
    "shop/order.rs": "use super::Price; pub struct Order(Price);",
    "shop/price.rs": "pub struct Price; impl From<super::Order> for Price {}",
  });
  assert.equal(found.length, 1);
  assert.match(found[0] ?? "", /shop::order uses crate::shop::price shop\/order.rs:1: super::Price/);
  assert.match(found[0] ?? "", /shop::price uses crate::shop::order shop\/price.rs:1: super::Order/);
});

test("a child that uses what its parent defines, and is used by it, is a circle", async () => {
  const found = await circles({
    "lib.rs": "mod shop;",
    "shop.rs": "mod order;\nuse self::order::Order;\npub struct Price;\nfn f(_: Order) {}",
    "shop/order.rs": "pub struct Order(super::Price);",
  });
  assert.equal(found.length, 1);
  assert.match(found[0] ?? "", /crate::shop uses crate::shop::order shop.rs:2: self::order::Order/);
});

test("a child that uses what its parent defines, and is not used by it, is none", async () => {
  const tests = { "lib.rs": "mod shop;", "shop.rs": "pub fn f() {} #[cfg(test)] mod tests;", "shop/tests.rs": "use super::*;" };
  assert.deepEqual(uses(tests), ["crate::shop::tests > crate::shop"]);
  assert.deepEqual(await circles(tests), []);
});

test("modules whose files use each other in no circle can be in one themselves", async () => {
  const found = await circles({
    "lib.rs": "mod a; mod b;",
    "a/mod.rs": "pub mod one; pub mod two;",
    "a/one.rs": "use crate::b::one::B;",
    "a/two.rs": "pub struct A;",
    "b/mod.rs": "pub mod one; pub mod two;",
    "b/one.rs": "pub struct B;",
    "b/two.rs": "use crate::a::two::A;",
  });
  assert.equal(found.length, 1);
});

test("a circle of three, tests included, is told once with its files and lines", async () => {
  const found = await circles({
    "lib.rs": "mod a; mod b; mod c;",
    "a.rs": "use crate::b::B;\npub struct A;",
    "b.rs": "pub struct B;\nuse super::c::C;",
    "c.rs": "pub struct C;\n#[cfg(test)]\nmod tests {\n    use crate::a::A;\n}",
  });
  assert.deepEqual(
    found.map((cycle) => cycle.split("\n").length),
    [3],
  );
  assert.match(found[0] ?? "", /crate::c uses crate::a c.rs:4: crate::a::A/);
});

test("re-exports in a circle lead nowhere, and that is found out", () => {
  const files = {
    "lib.rs": "mod a; mod b;",
    "a.rs": "pub use crate::b::*; pub use crate::b::X;",
    "b.rs": "pub use crate::a::*; fn f(_: X) {}",
  };
  assert.deepEqual(
    uses(files).filter((use) => use.includes("std")),
    [],
  );
});

test("a module without a file is a failure that names it", () => {
  assert.throws(() => readCrate(crate({ "lib.rs": "mod gone;" })), /there is no file for `mod gone;`/);
});

test("the command fails on a circle, and passes without one", async () => {
  const run = (file: string) => promisify(execFile)(process.execPath, ["scripts/modules.mjs", file], { cwd: repository });
  const { stdout } = await run(crate({ ...A_AND_B, "a.rs": "use crate::b::B;" }));
  assert.match(stdout, /a → b\n\n {2}a\.rs → b\.rs/);
  await assert.rejects(
    run(crate({ "lib.rs": "mod a; mod b;", "a.rs": "use crate::b::B;", "b.rs": "use crate::a::A; pub struct B;" })),
    {
      code: 1,
      stderr: /use each other in a circle:\n +crate::b uses crate::a/,
    },
  );
});
