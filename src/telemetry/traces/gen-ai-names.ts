/**
 * What OpenTelemetry's conventions for generative AI call things:
 * https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
 */

const OPERATIONS: Readonly<Record<string, string>> = {
  acompletion: 'chat',
  aresponses: 'chat',
  anthropic_messages: 'chat',
  atext_completion: 'text_completion',
  aembedding: 'embeddings',
}

/** `gen_ai.operation.name` of a call type; one that the conventions do not know keeps its own name. */
export function operationName(callType: string): string {
  return OPERATIONS[callType] ?? callType
}

const PROVIDERS: Readonly<Record<string, string>> = {
  azure: 'azure.ai.openai',
  azure_ai: 'azure.ai.inference',
  bedrock: 'aws.bedrock',
  gemini: 'gcp.gemini',
  mistral: 'mistral_ai',
  moonshot: 'moonshot_ai',
  vertex_ai: 'gcp.vertex_ai',
  watsonx: 'ibm.watsonx.ai',
  xai: 'x_ai',
}

/** `gen_ai.provider.name` of a provider prefix; `openai`, `anthropic` and most others are the same. */
export function providerName(provider: string): string {
  return PROVIDERS[provider] ?? provider
}
