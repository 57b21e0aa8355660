/** argv → command → exit code. Everything else is imported once the right Node runs it from its cache. */
import { enableCompileCache } from "node:module";
import { fileURLToPath } from "node:url";

const wantedMajor = "24";

if (process.versions.node.split(".")[0] !== wantedMajor) {
  process.stderr.write(
    `error: LeverEdge runs on Node ${wantedMajor}, this is ${process.versions.node}\n` +
      `hint: Start it with bin/leveredge, which finds the Node that \`npm ci\` installed.\n`,
  );
  process.exit(7);
}

// Beside the code it was made from: whoever may write there may change the code as well.
enableCompileCache(fileURLToPath(new URL("../node_modules/.cache/leveredge", import.meta.url)));

const { main } = await import("./main.ts");
process.exit(await main(process.argv.slice(2)));
