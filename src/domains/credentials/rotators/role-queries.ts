/** SQL on the server whose role gets another password. */
import pg from "pg";

/** As a verifier, so that neither the statement nor a log of it has the password. */
export async function setPassword(client: pg.Client, role: string, verifier: string): Promise<void> {
  await client.query(`alter role ${pg.escapeIdentifier(role)} password ${pg.escapeLiteral(verifier)}`);
}
