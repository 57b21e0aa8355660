/** The providers whose keys rotate by their own API. */
import { AppError } from "#errors.ts";

import { cloudflare } from "./cloudflare.ts";
import { gitlab } from "./gitlab.ts";
import { openrouter } from "./openrouter.ts";
import { postgres } from "./postgres.ts";
import type { Rotator } from "./rotator.ts";

const rotators: Readonly<Record<string, Rotator>> = { cloudflare, gitlab, openrouter, generic_postgres: postgres };

/**
 * The rotator of a provider; `invalid_input` says how to do it by hand. A definition that
 * takes the place of the program's own may lead elsewhere than its rotator does.
 */
export function requireRotator({ name, source }: { name: string; source: string }): Rotator {
  const rotator = Object.hasOwn(rotators, name) && source === "built-in" ? rotators[name] : undefined;
  if (rotator !== undefined) return rotator;
  throw new AppError("invalid_input", `keys of ${name} cannot be rotated by its API here`, {
    hint: `Make a new key by hand, then: leveredge credentials rotate NAME. By API: ${Object.keys(rotators).join(", ")}.`,
  });
}
