import assert from "node:assert/strict";
import { test } from "node:test";

import { findNearest } from "./nearest.ts";

test("the nearest word is found within a third of its letters", () => {
  const known = ["platform", "environments", "mirror", "agents", "n8n"];

  assert.equal(findNearest("agent", known), "agents");
  assert.equal(findNearest("mirorr", known), "mirror");
  assert.equal(findNearest("Platfrom", known), "platform");
  assert.equal(findNearest("enviroment", known), "environments");
  assert.equal(findNearest("backups", known), undefined);
  assert.equal(findNearest("x".repeat(200), known), undefined);
});
