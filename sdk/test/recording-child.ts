/** A program that records calls until it is ended: `recording-child.ts URL DIRECTORY FIRST COUNT`. */
import { UsageClient } from "../src/usage.ts";
import { ledgerToken } from "./http-server.ts";

const [url = "", spoolDirectory = "", first = "0", count = "0"] = process.argv.slice(2);
const client = new UsageClient({ url, token: ledgerToken, spoolDirectory, gatherMs: 20, onProblem: () => undefined });
for (let index = Number(first); index < Number(first) + Number(count); index += 1) {
  client.record({
    agent_name: "CHILD",
    model: "m",
    input_tokens: index,
    output_tokens: 1,
    idempotency_key: `key-${index}`,
  });
}
process.send?.("recorded");
// Lives until it is told to end by itself.
process.on("message", () => process.disconnect());
