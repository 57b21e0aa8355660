/** The platform's `CostTracker`, with the ledger's address in the place of Supabase's. */
import { type Call } from "./call.ts";
import { UsageClient, type UsageClientOptions } from "./usage-client.ts";

/** What the tracker takes of a call; every other field of the ledger may be given too. */
export type LoggedUsage = Call & { context: string };

/**
 * Logs calls that were counted elsewhere. The ledger prices them: a cost that is given is
 * kept beside its own and never used.
 */
export class CostTracker {
  readonly supabase_url: string;
  readonly #usage: UsageClient;

  constructor(supabase_url: string, supabase_key: string, options: Partial<UsageClientOptions> = {}) {
    this.supabase_url = supabase_url;
    this.#usage = new UsageClient({ ...options, url: supabase_url, token: supabase_key });
  }

  /** Resolves at once; the call is on its way, or on disk until the server is there. Never rejects. */
  async logUsage(usage: LoggedUsage): Promise<void> {
    this.#usage.record(usage);
  }

  /** The same under its name in Python. */
  log_usage(usage: LoggedUsage): Promise<void> {
    return this.logUsage(usage);
  }

  /** Sends what is left, and stops. */
  close(): Promise<void> {
    return this.#usage.close();
  }
}
