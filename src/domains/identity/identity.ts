/**
 * Identity: who may use this server, and how a request shows who sends it.
 *
 * Users have one role; the role gives scopes (`roles.ts`). Programs show an API
 * token, people open a session with a one-time link from the host. A token's
 * scopes are a part of its user's role, looked up with every request: it is
 * revoked, expires or shrinks with the role at once. Nobody gives what he does
 * not hold, and the last admin stays.
 *
 * The store keeps hashes under a key that lies outside the database. A token is
 * shown once, by whoever made it, and occurs in no event, error or log.
 *
 * What this does not do: passwords, groups, sign-in with other services.
 */
export { authenticate } from "./authentication.ts";
export { createProofLookup } from "./proof-lookup.ts";
export { sessionCookie } from "./sign-in.ts";
export { createToken, ensureFirstAdmin, revokeToken } from "./tokens.ts";
export { createUser } from "./users.ts";
