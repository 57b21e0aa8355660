import assert from "node:assert/strict";
import { mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

import { findConfigFile, requireConfigFile } from "./config-file.ts";

/** Makes an empty folder the working directory of the test. */
function enterDirectory(t: TestContext): string {
  delete process.env["LEVEREDGE_CONFIG"];
  const before = process.cwd();
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "leveredge-config-file-")));
  process.chdir(directory);
  t.after(() => {
    process.chdir(before);
    rmSync(directory, { recursive: true });
  });
  return directory;
}

test("the configuration is the flag's, then the variable's, then the one of the working directory", (t) => {
  const directory = enterDirectory(t);
  for (const name of ["leveredge.yaml", "b.yaml", "c.yaml"]) writeFileSync(name, "");

  assert.equal(findConfigFile(undefined), join(directory, "leveredge.yaml"));
  process.env["LEVEREDGE_CONFIG"] = "b.yaml";
  assert.equal(findConfigFile(undefined), join(directory, "b.yaml"));
  assert.equal(findConfigFile("c.yaml"), join(directory, "c.yaml"));
  assert.throws(() => findConfigFile("d.yaml"), {
    code: "not_found",
    message: `no configuration at ${directory}/d.yaml`,
  });
});

test("without any configuration the way to write one is named", (t) => {
  enterDirectory(t);

  assert.throws(() => requireConfigFile(undefined), { code: "not_found", hint: /leveredge init/ });
});

test("a configuration that cannot be seen is not called missing", (t) => {
  const directory = enterDirectory(t);
  // Stands for every failure that root meets too: a link to itself.
  symlinkSync("leveredge.yaml", "leveredge.yaml");

  assert.equal(findConfigFile(undefined), join(directory, "leveredge.yaml"));
  assert.equal(findConfigFile("leveredge.yaml"), join(directory, "leveredge.yaml"));
});
