/** The face of `@leveredge/usage`: every call of a language model in LeverEdge's ledger. */
export { type UsageMiddleware, usageMiddleware } from "./ai-middleware.ts";
export { type Attribution, type Call, type Problem, type Recorder, type Tokens } from "./call.ts";
export { CostTracker, type LoggedUsage } from "./cost-tracker.ts";
export { type Answer, type Api, createUsageReader, readUsage, type UsageReader } from "./read-usage.ts";
export { type Fetch, track, trackFetch, type TrackOptions } from "./track.ts";
export { UsageClient, type UsageClientOptions } from "./usage-client.ts";
