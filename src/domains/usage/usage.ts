/** The ledger of calls to language models: what other domains tell it, and what they are answered. */
export { createLedger, type Ledger, type Origin } from "./ledger.ts";
export { Call, type Receipt, UsageEnvironment } from "./schema.ts";
