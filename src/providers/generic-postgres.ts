import { provider } from "./provider.ts";

export const genericPostgres = provider({
  name: "generic_postgres",
  title: "PostgreSQL",
  category: "generic",
  type: "connection_url",
  fields: {
    connection_url: { type: "secret", required: true, shape: "^postgres(?:ql)?://" },
  },
  // The address is part of the secret.
  base_url: null,
  docs_url: "https://www.postgresql.org/docs/current/errcodes-appendix.html",
  check: {
    kind: "postgres",
    connection_url: "connection_url",
    rules: [
      { status: ["ok"], verdict: "valid" },
      // PostgreSQL says the same of a role that is not there or whose password has expired.
      { status: ["28P01"], verdict: "invalid", note: "wrong password, no such role, or past the role's VALID UNTIL" },
      // The role may not connect, or there is no such database: both come after the password.
      { status: ["42501"], verdict: "insufficient_scope" },
      { status: ["3D000"], verdict: "valid", note: "the password is right; there is no such database" },
      // No rule for 28000: pg_hba.conf turns a client away before it looks at the password.
    ],
    expires_at: { from: { path: "valid_until" }, format: "date" },
    identity: { from: { path: "user" } },
  },
  rotation: {
    mode: "in_place",
    how: "ALTER ROLE with a new password; without a gap: two roles with the same rights, in turn",
  },
});
