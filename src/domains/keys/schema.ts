/** The nouns of the keys: how the root key comes back, and what an operator sees of all of them. */
import { z } from "zod";

/** An age recipient whose owner has proven that he can decrypt. */
export const Recipient = z.object({ recipient: z.string(), sealed: z.string(), provenAt: z.string() });
export type Recipient = z.output<typeof Recipient>;

/** The words of somebody who goes without. */
export const Waiver = z.object({ words: z.string(), recordedAt: z.string(), recordedBy: z.string() });
export type Waiver = z.output<typeof Waiver>;

export type RecoveryStatus =
  | { state: "proven"; recipients: { recipient: string; provenAt: string }[] }
  | { state: "accepted"; waiver: Waiver }
  | { state: "missing" };

export type KeyStatus = {
  /** `the key file /var/lib/leveredge/unseal.key`. */
  source: string;
  /** The label of the unseal key that the source holds; null when it holds none that can be read. */
  unsealKey: string | null;
  opens: boolean;
  /** Why it does not open; null when it does. */
  reason: string | null;
  /** Every unseal key that opens the store. */
  unsealKeys: { label: string; state: "active" | "staged" | "previous"; since: string }[];
  /** The root key's id, which is no secret. */
  root: string | null;
  purposes: { purpose: string; version: number; versions: number }[];
  recovery: RecoveryStatus;
};
