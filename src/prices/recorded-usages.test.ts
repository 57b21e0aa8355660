/**
 * Calls and what their providers publish for them. The arithmetic of each line is written
 * from the provider's price page (rates in USD for a million tokens, `3s × 10` three
 * searches at 10 USD for a thousand), the last number is its result in nano-dollars:
 * neither comes from the code under test.
 */
import assert from "node:assert/strict";
import { test } from "node:test";

import type { PricedCall, Tokens } from "./call.ts";
import { createPriceList } from "./price.ts";

/** When a call was made whose line names no time. */
const now = "2026-10-01T12:00:00Z";

/** What it shows | provider | model | service tier, region | time | tokens in/out | arithmetic | nano-dollars. */
const table = `
2026-01: as the specification        |            | claude-3-5-sonnet-20241022                      |             | 2026-01-15T12:00:00Z     | 1234/567                                       | 1234 × 3 + 567 × 15                                           |     12,207,000
2026-01: as the specification        |            | claude-3-haiku-20240307                         |             | 2026-01-15T12:00:00Z     | 10007/3001                                     | 10007 × 0.25 + 3001 × 1.25                                    |      6,253,000
2026-01: as the specification        |            | gpt-4o                                          |             | 2026-01-15T12:00:00Z     | 999/333                                        | 999 × 2.5 + 333 × 10                                          |      5,827,500
2026-01: as the specification        |            | gpt-4o-mini                                     |             | 2026-01-15T12:00:00Z     | 12345/6789                                     | 12345 × 0.15 + 6789 × 0.6                                     |      5,925,150
cached                               | openai     | gpt-4o-2024-08-06                               |             |                          | 5000/300 read 4096                             | 904 × 2.5 + 4096 × 1.25 + 300 × 10                            |     10,380,000
cached                               | openai     | gpt-4o-mini-2024-07-18                          |             |                          | 2006/300 read 1920                             | 86 × 0.15 + 1920 × 0.075 + 300 × 0.6                          |        336,900
cached                               | openai     | gpt-4.1-2025-04-14                              |             |                          | 10000/500 read 8192                            | 1808 × 2 + 8192 × 0.5 + 500 × 8                               |     11,712,000
cached                               | openai     | gpt-4.1-mini                                    |             |                          | 1500/20 read 1024                              | 476 × 0.4 + 1024 × 0.1 + 20 × 1.6                             |        324,800
cached                               | openai     | gpt-4.1-nano                                    |             |                          | 1111/7 read 1024                               | 87 × 0.1 + 1024 × 0.025 + 7 × 0.4                             |         37,100
reasoning is output                  | openai     | gpt-5-2025-08-07                                |             |                          | 1200/2048 reasoning 1856                       | 1200 × 1.25 + 2048 × 10                                       |     21,980,000
cached and reasoning                 | openai     | gpt-5                                           |             |                          | 3000/900 read 2816 reasoning 640               | 184 × 1.25 + 2816 × 0.125 + 900 × 10                          |      9,582,000
priority                             | openai     | gpt-5                                           | priority    |                          | 3000/900 read 2816                             | 184 × 2.5 + 2816 × 0.25 + 900 × 20                            |     19,164,000
priority                             | openai     | gpt-5-mini                                      | priority    |                          | 2000/100 read 1024                             | 976 × 0.45 + 1024 × 0.045 + 100 × 3.6                         |        845,280
priority                             | openai     | gpt-4o                                          | priority    |                          | 2000/100 read 1024                             | 976 × 4.25 + 1024 × 2.125 + 100 × 17                          |      8,024,000
priority                             | openai     | gpt-4o-mini                                     | priority    |                          | 2000/100 read 1024                             | 976 × 0.25 + 1024 × 0.125 + 100 × 1                           |        472,000
priority                             | openai     | gpt-4o-2024-05-13                               | priority    |                          | 777/55                                         | 777 × 8.75 + 55 × 26.25                                       |      8,242,500
priority                             | openai     | gpt-4.1                                         | priority    |                          | 2000/100 read 1024                             | 976 × 3.5 + 1024 × 0.875 + 100 × 14                           |      5,712,000
priority                             | openai     | gpt-4.1-nano                                    | priority    |                          | 2000/100 read 1024                             | 976 × 0.2 + 1024 × 0.05 + 100 × 0.8                           |        326,400
priority                             | openai     | o3                                              | priority    |                          | 2000/100 read 1024                             | 976 × 3.5 + 1024 × 0.875 + 100 × 14                           |      5,712,000
priority                             | openai     | o4-mini                                         | priority    |                          | 2000/100 read 1024                             | 976 × 2 + 1024 × 0.5 + 100 × 8                                |      3,264,000
priority                             | openai     | gpt-5.5                                         | priority    |                          | 2000/100 read 1024                             | 976 × 12.5 + 1024 × 1.25 + 100 × 75                           |     20,980,000
flex                                 | openai     | gpt-5                                           | flex        |                          | 2000/100 read 1024                             | 976 × 0.625 + 1024 × 0.0625 + 100 × 5                         |      1,174,000
flex                                 | openai     | gpt-5-nano                                      | flex        |                          | 2000/100 read 1024                             | 976 × 0.025 + 1024 × 0.0025 + 100 × 0.2                       |         46,960
priority                             | openai     | gpt-4.1-mini                                    | priority    |                          | 2000/100 read 1024                             | 976 × 0.7 + 1024 × 0.175 + 100 × 2.8                          |      1,142,400
fast mode                            | openai     | gpt-6-astra                                     | fast        |                          | 2000/100                                       | 2000 × 20 + 100 × 100                                         |     50,000,000
flex: 2.5 nano-dollars are 3         | openai     | gpt-5-nano                                      | flex        |                          | 1/0 read 1                                     | 1 × 0.0025                                                    |              3
flex                                 | openai     | o3                                              | flex        |                          | 2000/100 read 1024                             | 976 × 1 + 1024 × 0.25 + 100 × 4                               |      1,632,000
batch                                | openai     | gpt-5                                           | batch       |                          | 20001/101                                      | 20001 × 0.625 + 101 × 5                                       |     13,005,625
batch                                | openai     | o4-mini                                         | batch       |                          | 20001/101                                      | 20001 × 0.55 + 101 × 2.2                                      |     11,222,750
before its price was cut             | openai     | o3                                              |             | 2025-06-09T23:59:59Z     | 1000/100                                       | 1000 × 10 + 100 × 40                                          |     14,000,000
since its price was cut              | openai     | o3                                              |             | 2025-06-10T00:00:00Z     | 1000/100                                       | 1000 × 2 + 100 × 8                                            |      2,800,000
below 272k                           | openai     | gpt-5.4                                         |             |                          | 271999/10                                      | 271999 × 2.5 + 10 × 15                                        |    680,147,500
exactly 272k                         | openai     | gpt-5.4                                         |             |                          | 272000/10                                      | 272000 × 2.5 + 10 × 15                                        |    680,150,000
above 272k                           | openai     | gpt-5.4                                         |             |                          | 272001/10                                      | 272001 × 5 + 10 × 22.5                                        |  1,360,230,000
above 272k, cached                   | openai     | gpt-5.4                                         |             |                          | 300000/1000 read 299008                        | 992 × 5 + 299008 × 0.5 + 1000 × 22.5                          |    176,964,000
above 272k, batch                    | openai     | gpt-5.4                                         | batch       |                          | 300000/1000                                    | 300000 × 2.5 + 1000 × 11.25                                   |    761,250,000
exactly 272k                         | openai     | gpt-6-sol                                       |             |                          | 272000/10                                      | 272000 × 2 + 10 × 10                                          |    544,100,000
above 272k                           | openai     | gpt-6-sol                                       |             |                          | 272001/10                                      | 272001 × 4 + 10 × 15                                          |  1,088,154,000
cache write                          | openai     | gpt-5.6-sol                                     |             | 2026-08-20T23:59:59Z     | 9000/100 read 4096 write5m 2048                | 2856 × 5 + 4096 × 0.5 + 2048 × 6.25 + 100 × 30                |     32,128,000
cache write, price cut               | openai     | gpt-5.6-sol                                     |             | 2026-08-21T00:00:00Z     | 9000/100 read 4096 write5m 2048                | 2856 × 4 + 4096 × 0.4 + 2048 × 5 + 100 × 20                   |     25,302,400
fast mode                            | openai     | gpt-5.6                                         | fast        |                          | 9000/100 read 4096                             | 4904 × 8 + 4096 × 0.8 + 100 × 40                              |     46,508,800
fast mode above 272k                 | openai     | gpt-5.6-sol                                     | fast        |                          | 400000/100 read 300000                         | 100000 × 16 + 300000 × 1.6 + 100 × 60                         |  2,086,000,000
batch with cache write               | openai     | gpt-5.6-terra                                   | batch       |                          | 5000/100 write5m 4000                          | 1000 × 1 + 4000 × 1.25 + 100 × 6                              |      6,600,000
in Europe                            | openai     | gpt-5.6-luna                                    | in eu       |                          | 5000/100                                       | 5000 × 0.22 + 100 × 1.32                                      |      1,232,000
web searches                         | openai     | gpt-4o                                          |             |                          | 5000/100 searches 3                            | 5000 × 2.5 + 100 × 10 + 3s × 10                               |     43,500,000
batch does not make searches cheaper | openai     | gpt-4.1                                         | batch       |                          | 5000/100 searches 3                            | 5000 × 1 + 100 × 4 + 3s × 10                                  |     35,400,000
search model                         | openai     | gpt-4o-search-preview                           |             |                          | 50/400 searches 1                              | 50 × 2.5 + 400 × 10 + 1s × 35                                 |     39,125,000
search model                         | openai     | gpt-4o-mini-search-preview                      |             |                          | 50/400 searches 1                              | 50 × 0.15 + 400 × 0.6 + 1s × 27.5                             |     27,747,500
audio                                | openai     | gpt-4o-audio-preview                            |             |                          | 1000/500 audioIn 800 audioOut 400              | 200 × 2.5 + 800 × 40 + 100 × 10 + 400 × 80                    |     65,500,000
audio                                | openai     | gpt-4o-mini-audio-preview                       |             |                          | 1000/500 audioIn 800 audioOut 400              | 200 × 0.15 + 800 × 10 + 100 × 0.6 + 400 × 20                  |     16,090,000
audio, text cached                   | openai     | gpt-realtime                                    |             |                          | 900/200 read 256 audioIn 300 audioOut 150      | 344 × 4 + 256 × 0.4 + 300 × 32 + 50 × 16 + 150 × 64           |     21,478,400
audio, partly cached                 | openai     | gpt-realtime                                    |             |                          | 900/0 read 256 audioIn 900                     | 256 × 0.4 + 644 × 32                                          |     20,710,400
transcription                        | openai     | gpt-4o-transcribe                               |             |                          | 1500/120 audioIn 1500                          | 1500 × 6 + 120 × 10                                           |     10,200,000
embedding                            | openai     | text-embedding-3-small                          |             |                          | 8191/0                                         | 8191 × 0.02                                                   |        163,820
embedding                            | openai     | text-embedding-3-large                          |             |                          | 3/0                                            | 3 × 0.13                                                      |            390
cache read                           | anthropic  | claude-sonnet-4-5-20250929                      |             |                          | 12000/700 read 11000                           | 1000 × 3 + 11000 × 0.3 + 700 × 15                             |     16,800,000
5m write                             | anthropic  | claude-sonnet-4-5-20250929                      |             |                          | 12000/700 write5m 2000                         | 10000 × 3 + 2000 × 3.75 + 700 × 15                            |     48,000,000
1h write                             | anthropic  | claude-sonnet-4-5-20250929                      |             |                          | 12000/700 write1h 2000                         | 10000 × 3 + 2000 × 6 + 700 × 15                               |     52,500,000
read, 5m and 1h write                | anthropic  | claude-sonnet-4-5                               |             |                          | 20003/411 read 15000 write5m 3001 write1h 2000 | 2 × 3 + 15000 × 0.3 + 3001 × 3.75 + 2000 × 6 + 411 × 15       |     33,924,750
5m and 1h write                      | anthropic  | claude-haiku-4-5-20251001                       |             |                          | 9000/50 write5m 4000 write1h 4000              | 1000 × 1 + 4000 × 1.25 + 4000 × 2 + 50 × 5                    |     14,250,000
5m and 1h write                      | anthropic  | claude-3-haiku-20240307                         |             |                          | 9000/50 read 500 write5m 4000 write1h 4000     | 500 × 0.25 + 500 × 0.03 + 4000 × 0.3 + 4000 × 0.5 + 50 × 1.25 |      3,402,500
exactly 200k                         | anthropic  | claude-sonnet-4-5                               |             |                          | 200000/10                                      | 200000 × 3 + 10 × 15                                          |    600,150,000
above 200k                           | anthropic  | claude-sonnet-4-5                               |             |                          | 200001/10                                      | 200001 × 6 + 10 × 22.5                                        |  1,200,231,000
above 200k by what was cached        | anthropic  | claude-sonnet-4-5                               |             |                          | 200001/10 read 200000                          | 1 × 6 + 200000 × 0.6 + 10 × 22.5                              |    120,231,000
above 200k, writes                   | anthropic  | claude-sonnet-4-5                               |             |                          | 260000/10 write5m 100000 write1h 100000        | 60000 × 6 + 100000 × 7.5 + 100000 × 12 + 10 × 22.5            |  2,310,225,000
exactly 200k                         | anthropic  | claude-sonnet-4-20250514                        |             |                          | 200000/10                                      | 200000 × 3 + 10 × 15                                          |    600,150,000
above 200k                           | anthropic  | claude-sonnet-4-20250514                        |             |                          | 250000/10 read 50000                           | 200000 × 6 + 50000 × 0.6 + 10 × 22.5                          |  1,230,225,000
above 200k, long context dearer      | anthropic  | claude-opus-4-6                                 |             | 2026-03-12T23:59:59Z     | 250000/10                                      | 250000 × 10 + 10 × 37.5                                       |  2,500,375,000
above 200k, one price                | anthropic  | claude-opus-4-6                                 |             | 2026-03-13T00:00:00Z     | 250000/10                                      | 250000 × 5 + 10 × 25                                          |  1,250,250,000
fast mode                            | anthropic  | claude-opus-4-6                                 | fast        |                          | 1000/100 read 400                              | 600 × 30 + 400 × 3 + 100 × 150                                |     34,200,000
fast mode above 200k                 | anthropic  | claude-opus-4-6                                 | fast        | 2026-02-20T00:00:00Z     | 250000/10                                      | 250000 × 60 + 10 × 225                                        | 15,002,250,000
fast mode                            | anthropic  | claude-opus-5                                   | fast        |                          | 1000/100 write5m 400                           | 600 × 10 + 400 × 12.5 + 100 × 50                              |     16,000,000
fast mode in the US                  | anthropic  | claude-opus-5                                   | fast in us  |                          | 1000/100 read 400                              | 600 × 11 + 400 × 1.1 + 100 × 55                               |     12,540,000
in the US                            | anthropic  | claude-opus-4-8                                 | in us       |                          | 1000/100 write5m 400                           | 600 × 5.5 + 400 × 6.875 + 100 × 27.5                          |      8,800,000
anywhere                             | anthropic  | claude-opus-4-8                                 | in global   |                          | 1000/100 write5m 400                           | 600 × 5 + 400 × 6.25 + 100 × 25                               |      8,000,000
batch                                | anthropic  | claude-sonnet-4-5                               | batch       |                          | 1001/101                                       | 1001 × 1.5 + 101 × 7.5                                        |      2,259,000
batch with cache                     | anthropic  | claude-haiku-4-5                                | batch       |                          | 9000/50 read 4000 write5m 4000 write1h 1000    | 4000 × 0.05 + 4000 × 0.625 + 1000 × 1 + 50 × 2.5              |      3,825,000
batch does not make searches cheaper | anthropic  | claude-sonnet-4-5                               | batch       |                          | 1000/100 searches 2                            | 1000 × 1.5 + 100 × 7.5 + 2s × 10                              |     22,250,000
web searches                         | anthropic  | claude-sonnet-4-5                               |             |                          | 6000/900 searches 4                            | 6000 × 3 + 900 × 15 + 4s × 10                                 |     71,500,000
priority is paid by contract         | anthropic  | claude-sonnet-4-5                               | priority    |                          | 1000/100                                       | 1000 × 3 + 100 × 15                                           |      4,500,000
cache read                           | anthropic  | claude-fable-5-1                                |             |                          | 100000/100 read 99000                          | 1000 × 10 + 99000 × 0.25 + 100 × 50                           |     39,750,000
1h write                             | anthropic  | claude-opus-5-5                                 |             |                          | 5000/100 read 1000 write1h 3000                | 1000 × 4 + 1000 × 0.2 + 3000 × 8 + 100 × 20                   |     30,200,000
without a provider                   |            | claude-sonnet-5                                 |             |                          | 5000/100                                       | 5000 × 2 + 100 × 10                                           |     11,000,000
1h write on Vertex                   | google     | claude-sonnet-4-6                               |             |                          | 5000/100 write1h 3000                          | 2000 × 3 + 3000 × 6 + 100 × 15                                |     25,500,000
a region of Vertex                   | google     | claude-sonnet-4-6                               | in us-east5 |                          | 5000/100                                       | 5000 × 3.3 + 100 × 16.5                                       |     18,150,000
1h write in a region of Bedrock      | aws        | us.anthropic.claude-haiku-4-5-20251001-v1:0     |             |                          | 5000/100 write1h 3000                          | 2000 × 1.1 + 3000 × 2.2 + 100 × 5.5                           |      9,350,000
anywhere on Bedrock                  | aws        | global.anthropic.claude-haiku-4-5-20251001-v1:0 |             |                          | 5000/100 write1h 3000                          | 2000 × 1 + 3000 × 2 + 100 × 5                                 |      8,500,000
thoughts are output                  | google     | gemini-2.5-pro                                  |             |                          | 1000/1500 reasoning 1200                       | 1000 × 1.25 + 1500 × 10                                       |     16,250,000
exactly 200k                         | google     | gemini-2.5-pro                                  |             |                          | 200000/10                                      | 200000 × 1.25 + 10 × 10                                       |    250,100,000
above 200k, cached                   | google     | gemini-2.5-pro                                  |             |                          | 200001/10 read 150000                          | 50001 × 2.5 + 150000 × 0.25 + 10 × 15                         |    162,652,500
above 200k                           | google     | gemini-3-pro-preview                            |             |                          | 250000/10 reasoning 5                          | 250000 × 4 + 10 × 18                                          |  1,000,180,000
audio                                | google     | gemini-2.5-flash                                |             |                          | 5000/100 audioIn 4000                          | 1000 × 0.3 + 4000 × 1 + 100 × 2.5                             |      4,550,000
audio, partly cached                 | google     | gemini-2.5-flash-lite                           |             |                          | 1000/100 read 600 audioIn 1000                 | 600 × 0.03 + 400 × 0.3 + 100 × 0.4                            |        178,000
batch                                | google     | gemini-2.5-flash                                | batch       |                          | 5001/101                                       | 5001 × 0.15 + 101 × 1.25                                      |        876,400
flex                                 | google     | gemini-2.5-pro                                  | flex        |                          | 5001/101                                       | 5001 × 0.625 + 101 × 5                                        |      3,630,625
priority                             | google     | gemini-2.5-pro                                  | priority    |                          | 5001/101 read 1001                             | 4000 × 2.25 + 1001 × 0.225 + 101 × 18                         |     11,043,225
grounding                            | google     | gemini-3-flash-preview                          |             |                          | 500/100 searches 2                             | 500 × 0.5 + 100 × 3 + 2s × 14                                 |     28,550,000
grounding                            | google     | gemini-2.5-flash                                |             |                          | 500/100 searches 1                             | 500 × 0.3 + 100 × 2.5 + 1s × 35                               |     35,400,000
until the end of 2026                | google     | gemini-3.6-flash                                |             | 2026-12-31T23:59:59Z     | 1000/100                                       | 1000 × 0.75 + 100 × 3.75                                      |      1,125,000
from 2027                            | google     | gemini-3.6-flash                                |             | 2027-01-01T00:00:00Z     | 1000/100                                       | 1000 × 1.5 + 100 × 7.5                                        |      2,250,000
an image                             | google     | gemini-2.5-flash-image                          |             |                          | 20/1290                                        | 20 × 0.3 + 1290 × 30                                          |     38,706,000
embedding                            | google     | gemini-embedding-001                            |             |                          | 2048/0                                         | 2048 × 0.15                                                   |        307,200
before there was a peak              | deepseek   | deepseek-v4-pro                                 |             | 2026-07-01T02:00:00Z     | 1000/100 read 400                              | 600 × 0.435 + 400 × 0.003625 + 100 × 0.87                     |        349,450
Tuesday, peak                        | deepseek   | deepseek-v4-pro                                 |             | 2026-09-08T02:00:00Z     | 1000/100 read 400                              | 600 × 1.32 + 400 × 0.044 + 100 × 3.96                         |      1,205,600
Tuesday, last moment before the peak | deepseek   | deepseek-v4-pro                                 |             | 2026-09-08T00:59:59.999Z | 1000/100                                       | 1000 × 0.66 + 100 × 1.98                                      |        858,000
Tuesday, first moment after the peak | deepseek   | deepseek-v4-pro                                 |             | 2026-09-08T04:00:00Z     | 1000/100                                       | 1000 × 0.66 + 100 × 1.98                                      |        858,000
Saturday has no peak                 | deepseek   | deepseek-v4-pro                                 |             | 2026-09-12T02:00:00Z     | 1000/100                                       | 1000 × 0.66 + 100 × 1.98                                      |        858,000
the evening before the change        | deepseek   | deepseek-v4-flash                               |             | 2026-08-16T15:59:59Z     | 1000/100                                       | 1000 × 0.14 + 100 × 0.28                                      |        168,000
the evening of the change            | deepseek   | deepseek-v4-flash                               |             | 2026-08-16T16:00:00Z     | 1000/100                                       | 1000 × 0.22 + 100 × 0.66                                      |        286,000
Thursday, off-peak                   | deepseek   | deepseek-flash                                  |             |                          | 1000/100 read 400                              | 600 × 0.15 + 400 × 0.003 + 100 × 0.6                          |        151,200
Thursday, peak                       | deepseek   | deepseek-v4-flash                               |             | 2026-10-01T09:59:59Z     | 1000/100                                       | 1000 × 0.3 + 100 × 1.2                                        |        420,000
V3.2 at any hour                     | deepseek   | deepseek-chat                                   |             | 2026-01-15T02:00:00Z     | 1000/100 read 400                              | 600 × 0.28 + 400 × 0.028 + 100 × 0.42                         |        221,200
each request costs                   | perplexity | sonar                                           |             |                          | 100/200                                        | 100 × 1 + 200 × 1 + 1s × 12                                   |     12,300,000
not stated                           | openrouter | openai/gpt-4o-mini                              |             |                          | 1000/100                                       | 1000 × 0.15 + 100 × 0.6                                       |        210,000
`;

type Recorded = { what: string; call: PricedCall; tokens: Tokens; arithmetic: string; nanousd: bigint };

const recorded = table.trim().split("\n").map(readLine);

// One list for all, as in the ledger: what it remembers of one call must not price another.
const list = createPriceList();

for (const { what, call, tokens, arithmetic, nanousd } of recorded) {
  test(`${what}: ${call.model} ${JSON.stringify(tokens)} at ${call.at.toISOString()}`, () => {
    const price = list.price(call);

    assert.deepEqual([price.source, price.costNanousd], ["catalog", nanousd], `${arithmetic} ${price.notes.join()}`);
  });
}

test("the arithmetic of each recorded call comes to its nano-dollars and to its tokens", () => {
  for (const { what, tokens, arithmetic, nanousd } of recorded) {
    const terms = arithmetic.split(" + ").map((term) => term.split(" × "));
    // In 1e-15 USD: a price of up to nine decimals for a million tokens; a thousand times that for a search.
    const femto = terms.map(([count = "", usd = ""]) => {
      const [whole = "", fraction = ""] = usd.split(".");
      const rate = BigInt(whole + fraction.padEnd(9, "0"));
      return BigInt(count.replace("s", "")) * rate * (count.endsWith("s") ? 1000n : 1n);
    });
    const counted = terms.reduce((all, [count = ""]) => all + (count.endsWith("s") ? 0 : Number(count)), 0);

    const sum = femto.reduce((all, one) => all + one, 0n);

    assert.equal((sum + 500_000n) / 1_000_000n, nanousd, `${what}: ${arithmetic}`);
    assert.equal(counted, tokens.inputTokens + tokens.outputTokens, `${what}: ${arithmetic}`);
  }
});

function readLine(line: string): Recorded {
  const cells = line.split("|").map((cell) => cell.trim());
  const [what = "", provider = "", model = "", place = "", at = "", counts = "", arithmetic = "", nanousd = ""] = cells;
  const [serviceTier, region] = place.startsWith("in ") ? ["", place.slice(3)] : place.split(" in ");
  const tokens = readCounts(counts);
  const call: PricedCall = {
    ...tokens,
    model,
    at: new Date(at === "" ? now : at),
    provider: provider === "" ? undefined : provider,
    serviceTier: serviceTier === "" ? undefined : serviceTier,
    region,
  };
  return { what, call, tokens, arithmetic, nanousd: BigInt(nanousd.replaceAll(",", "")) };
}

/** `1000/100 read 400` is 1,000 tokens in, 400 of them from the cache, and 100 out. */
function readCounts(text: string): Tokens {
  const [both = "", ...parts] = text.split(" ");
  const [inputTokens = 0, outputTokens = 0] = both.split("/").map(Number);
  const part = (name: string): number | undefined => {
    const index = parts.indexOf(name);
    return index < 0 ? undefined : Number(parts[index + 1]);
  };
  return {
    inputTokens,
    outputTokens,
    cacheReadTokens: part("read"),
    cacheWrite5mTokens: part("write5m"),
    cacheWrite1hTokens: part("write1h"),
    reasoningTokens: part("reasoning"),
    audioInputTokens: part("audioIn"),
    audioOutputTokens: part("audioOut"),
    webSearches: part("searches"),
  };
}
