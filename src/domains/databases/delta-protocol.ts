/** What is asked of the process that compares two schemas, and what it answers: JSON over its stdin and stdout. */
import { z } from "zod";

const RelationName = z.strictObject({ schema: z.string(), name: z.string() });
export type RelationName = z.output<typeof RelationName>;

const Database = z.strictObject({ label: z.string(), url: z.string() });

export const DeltaRequest = z.strictObject({
  desired: Database,
  actual: Database,
  devOnly: z.enum(["keep", "drop"]),
  excludedSchemas: z.array(z.string()),
  excludedTables: z.array(RelationName),
  statementTimeoutMs: z.int(),
});
export type DeltaRequest = z.output<typeof DeltaRequest>;

const DeltaObject = z.strictObject({ kind: z.string(), object: z.string() });
export type DeltaObject = z.output<typeof DeltaObject>;

export const DeltaAction = z.strictObject({
  sql: z.string(),
  verb: z.enum(["create", "alter", "drop"]),
  subject: DeltaObject,
  destroys: z.array(DeltaObject),
  /** Tables of dev that the statement touches. */
  relations: z.array(RelationName),
  /** `own-commit`: what it adds can be used only after a commit. `outside`: refuses a transaction block. */
  transaction: z.enum(["inside", "own-commit", "outside"]),
  lock: z.enum(["none", "share", "shareRowExclusive", "shareUpdateExclusive", "accessExclusive"]),
  losesData: z.boolean(),
  mayRewrite: z.boolean(),
  /** The change of a column's type that the statement makes. */
  retype: z.strictObject({ from: z.string(), to: z.string() }).nullable(),
  /** Hosts and kinds of keys in the statement that the object on dev does not hold already. */
  endpoints: z.array(z.string()),
});
export type DeltaAction = z.output<typeof DeltaAction>;

const Planned = z.strictObject({
  state: z.literal("planned"),
  actions: z.array(DeltaAction),
  desiredFingerprint: z.string(),
  actualFingerprint: z.string(),
  /** Whole objects that only dev has and that the plan leaves alone. */
  kept: z.array(DeltaObject),
  /** Kept objects that lean on something the plan takes away: [object, what it needs]. */
  conflicts: z.array(z.strictObject({ kept: DeltaObject, needs: DeltaObject })),
  /** Foreign servers, user mappings and subscriptions that prod has and dev lacks: bound to their environment, never copied. */
  environmentBound: z.array(DeltaObject),
  /** What prod has that leans on one of those. */
  unreachable: z.array(z.strictObject({ object: DeltaObject, needs: DeltaObject })),
  missingRoles: z.array(z.string()),
  /** User objects of kinds the comparison does not know. */
  unmodelled: z.array(z.string()),
  /** Schemas that the platform of a Supabase project keeps itself; their own objects are left out. */
  platformSchemas: z.array(z.string()),
});

/** `refused`: the change is of a kind that cannot be planned; the message names the object. */
export const DeltaAnswer = z.discriminatedUnion("state", [
  Planned,
  z.strictObject({ state: z.literal("refused"), message: z.string() }),
  z.strictObject({ state: z.literal("failed"), message: z.string() }),
]);
export type DeltaAnswer = z.output<typeof DeltaAnswer>;
export type DeltaPlan = z.output<typeof Planned>;
