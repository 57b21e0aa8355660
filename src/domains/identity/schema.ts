import { z } from "zod";

import type { Actor } from "#http/permission.ts";

export const Role = z.enum(["viewer", "operator", "admin", "agent", "service"], {
  error: "expected viewer, operator, admin, agent or service",
}) satisfies z.ZodType<Actor["role"]>;
export type Role = z.output<typeof Role>;

const scopePart = z.string().regex(/(?:\*|[a-z][a-z-]{0,30})/);

/** As it is written for a token: `backups:verify:dev`, `*:read:*`. */
export const ScopeText = z
  .templateLiteral([scopePart, ":", scopePart, ":", z.enum(["*", "dev", "prod", "shared"])], {
    error: "expected resource:action:environment, each in lower case or *, such as backups:verify:dev",
  })
  .describe("resource:action:environment, any part may be *: backups:verify:dev");

const userNameExpected = "expected a user's name: a lower-case letter, then letters, digits, . _ or -";

export const UserName = z
  .string({ error: userNameExpected })
  .regex(/^[a-z][a-z0-9._-]{0,62}$/, { error: userNameExpected });

export const User = z.object({
  id: z.uuid(),
  name: z.string(),
  role: Role,
  createdAt: z.string(),
  createdBy: z.string(),
  disabledAt: z.string().nullable(),
});
export type User = z.output<typeof User>;

export const NewUser = z.strictObject({ name: UserName, role: Role });
export type NewUser = z.output<typeof NewUser>;

export const UserChange = z
  .strictObject({ role: Role.optional(), disabled: z.boolean().optional() })
  .refine(({ role, disabled }) => role !== undefined || disabled !== undefined, {
    error: "expected role or disabled",
  });
export type UserChange = z.output<typeof UserChange>;

/** An API token as it may be shown. The hash stays in the store. */
export const ApiToken = z.object({
  id: z.string(),
  user: z.string(),
  name: z.string(),
  scopes: z.array(ScopeText),
  createdAt: z.string(),
  createdBy: z.string(),
  expiresAt: z.string(),
  lastUsedAt: z.string().nullable(),
  revokedAt: z.string().nullable(),
});
export type ApiToken = z.output<typeof ApiToken>;

const tokenNameExpected = "expected what it is for, in one line of at most 100 characters";

export const NewToken = z.strictObject({
  user: UserName,
  name: z
    .string({ error: tokenNameExpected })
    .regex(/^(?!\s)[^\p{Cc}]{1,100}(?<!\s)$/u, { error: tokenNameExpected })
    .describe("What it is for: laptop, nightly job"),
  scopes: z.array(ScopeText).min(1).max(50).optional().describe("Without scopes, all that the user's role gives"),
  expires: z
    .string()
    .regex(/^[1-9][0-9]{0,4}(h|d)$/, { error: "expected a time such as 12h or 30d, at most 365d" })
    .default("90d")
    .describe("When it ends: 12h, 30d; at most 365d"),
});
export type NewToken = z.output<typeof NewToken>;

export const Session = z.object({
  id: z.uuid(),
  user: z.string(),
  address: z.string(),
  userAgent: z.string(),
  createdAt: z.string(),
  lastSeenAt: z.string(),
  /** When it ends even if it is used; idle ones end before. */
  expiresAt: z.string(),
});
export type Session = z.output<typeof Session>;
