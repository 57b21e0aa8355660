/** The one list of built-in providers, those that the platform names first. */
import { airtable } from "./airtable.ts";
import { anthropicAdmin } from "./anthropic-admin.ts";
import { anthropic } from "./anthropic.ts";
import { assemblyai } from "./assemblyai.ts";
import { atlassianJira } from "./atlassian-jira.ts";
import { aws } from "./aws.ts";
import { azureOpenai } from "./azure-openai.ts";
import { bitbucket } from "./bitbucket.ts";
import { brevo } from "./brevo.ts";
import { cerebras } from "./cerebras.ts";
import { cloudflare } from "./cloudflare.ts";
import { cohere } from "./cohere.ts";
import { datadog } from "./datadog.ts";
import { deepgram } from "./deepgram.ts";
import { deepseek } from "./deepseek.ts";
import { digitalocean } from "./digitalocean.ts";
import { discordBot } from "./discord-bot.ts";
import { dockerhub } from "./dockerhub.ts";
import { elevenlabs } from "./elevenlabs.ts";
import { falAi } from "./fal-ai.ts";
import { fireworks } from "./fireworks.ts";
import { genericHttpBearer } from "./generic-http-bearer.ts";
import { genericOauth2 } from "./generic-oauth2.ts";
import { genericPostgres } from "./generic-postgres.ts";
import { genericSmtp } from "./generic-smtp.ts";
import { github } from "./github.ts";
import { gitlab } from "./gitlab.ts";
import { gmail } from "./gmail.ts";
import { googleAi } from "./google-ai.ts";
import { googleDrive } from "./google-drive.ts";
import { googleOauth } from "./google-oauth.ts";
import { googleServiceAccount } from "./google-service-account.ts";
import { googleSheets } from "./google-sheets.ts";
import { googleVertex } from "./google-vertex.ts";
import { grafanaServiceAccount } from "./grafana-service-account.ts";
import { groq } from "./groq.ts";
import { hetzner } from "./hetzner.ts";
import { hubspot } from "./hubspot.ts";
import { huggingface } from "./huggingface.ts";
import { langfuse } from "./langfuse.ts";
import { langsmith } from "./langsmith.ts";
import { linear } from "./linear.ts";
import { mailgun } from "./mailgun.ts";
import { midjourney } from "./midjourney.ts";
import { mistral } from "./mistral.ts";
import { moonshot } from "./moonshot.ts";
import { n8n } from "./n8n.ts";
import { netlify } from "./netlify.ts";
import { notion } from "./notion.ts";
import { npm } from "./npm.ts";
import { nvidiaNim } from "./nvidia-nim.ts";
import { ollama } from "./ollama.ts";
import { openaiAdmin } from "./openai-admin.ts";
import { openai } from "./openai.ts";
import { openrouter } from "./openrouter.ts";
import { perplexity } from "./perplexity.ts";
import { pinecone } from "./pinecone.ts";
import { postmark } from "./postmark.ts";
import { qdrant } from "./qdrant.ts";
import { replicate } from "./replicate.ts";
import { resend } from "./resend.ts";
import { runway } from "./runway.ts";
import { sendgrid } from "./sendgrid.ts";
import { sentry } from "./sentry.ts";
import { shopify } from "./shopify.ts";
import { slackBot } from "./slack-bot.ts";
import { stability } from "./stability.ts";
import { stripe } from "./stripe.ts";
import { supabase } from "./supabase.ts";
import { tailscale } from "./tailscale.ts";
import { telegram } from "./telegram.ts";
import { together } from "./together.ts";
import { twilio } from "./twilio.ts";
import { vercel } from "./vercel.ts";
import { voyageai } from "./voyageai.ts";
import { weaviate } from "./weaviate.ts";
import { xai } from "./xai.ts";
import type { Provider } from "./provider.ts";

export const allProviders: readonly Provider[] = [
  openai,
  anthropic,
  googleAi,
  replicate,
  falAi,
  elevenlabs,
  googleOauth,
  googleDrive,
  googleSheets,
  gmail,
  github,
  telegram,
  sendgrid,
  cloudflare,
  supabase,
  stripe,
  midjourney,
  runway,
  anthropicAdmin,
  openaiAdmin,
  mistral,
  cohere,
  groq,
  together,
  openrouter,
  perplexity,
  deepseek,
  xai,
  huggingface,
  fireworks,
  cerebras,
  voyageai,
  nvidiaNim,
  moonshot,
  ollama,
  azureOpenai,
  aws,
  googleServiceAccount,
  googleVertex,
  deepgram,
  assemblyai,
  stability,
  pinecone,
  qdrant,
  weaviate,
  slackBot,
  discordBot,
  twilio,
  mailgun,
  resend,
  postmark,
  brevo,
  notion,
  airtable,
  linear,
  atlassianJira,
  hubspot,
  shopify,
  gitlab,
  bitbucket,
  vercel,
  netlify,
  digitalocean,
  hetzner,
  tailscale,
  sentry,
  datadog,
  grafanaServiceAccount,
  npm,
  dockerhub,
  langfuse,
  langsmith,
  n8n,
  genericHttpBearer,
  genericOauth2,
  genericPostgres,
  genericSmtp,
];
