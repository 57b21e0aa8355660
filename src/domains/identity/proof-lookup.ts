import type { App } from "#app.ts";

import { listTokenProofs, type TokenProof } from "./queries.ts";

/** What a token with this public part is checked against; undefined when there is none. */
export type FindProof = (tokenId: string) => Promise<TokenProof | undefined>;

/**
 * Tokens that are asked for in the same turn of the event loop are read by one
 * query. It is sent after every one of them was asked for and nothing is kept, so
 * that what was revoked before a request is refused to it.
 */
export function createProofLookup({ db }: Pick<App, "db">): FindProof {
  let gathering: { ids: Set<string>; proofs: Promise<Map<string, TokenProof>> } | undefined;

  const gather = () => {
    const ids = new Set<string>();
    const turn = new Promise<void>((resolve) => void setImmediate(resolve));
    const proofs = turn.then(async () => {
      gathering = undefined;
      const found = await listTokenProofs(db, [...ids]);
      return new Map(found.map((proof) => [proof.id, proof]));
    });
    return { ids, proofs };
  };

  return async (tokenId) => {
    gathering ??= gather();
    gathering.ids.add(tokenId);
    return (await gathering.proofs).get(tokenId);
  };
}
