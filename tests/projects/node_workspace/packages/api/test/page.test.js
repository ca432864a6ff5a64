import assert from "node:assert/strict";
import { test } from "node:test";

import { page, tag } from "../src/page.js";

test("a price is shown in its currency", () => {
  assert.match(page([{ name: "Tea", cents: 420, reduced: false }]), /4\.20 EUR/);
});

test("the same text has the same tag", () => {
  assert.equal(tag("a"), tag("a"));
});
