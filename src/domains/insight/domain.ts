/** What the calls of language models cost, how it goes on, and what stands out: it reads the ledger and changes nothing. */
import type { Domain } from "#domain.ts";

import { insightCommands } from "./commands.ts";

export const insight: Domain = { name: "insight", commands: insightCommands };
