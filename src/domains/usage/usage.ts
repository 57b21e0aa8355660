/** The ledger of calls to language models: what other domains tell it, and what they are answered. */
export { createLedger, type Ledger, type Origin } from "./ledger.ts";
export { Call, type Receipt, UsageEnvironment } from "./schema.ts";
export { listMeasures } from "./measures.ts";

/** What other domains read the ledger with. */
export { findOwnRows, rowKey } from "./own-rows-queries.ts";
export { readState } from "./queries.ts";
export { allowLongStatements, readOneMoment } from "./rollup-queries.ts";
export { isAfter, type Place, readInOrder } from "./row-order-queries.ts";
