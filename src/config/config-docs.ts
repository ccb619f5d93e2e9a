/** Writes `docs/configuration.md` from the schemas, so that the page cannot tell of keys that do not exist. */
import * as z from 'zod'
import { ENVIRONMENT_FALLBACKS } from './environment-fallbacks.ts'
import { credentialSchema, credentialValuesSchema } from './schema/credential-list.ts'
import { GENERAL_SETTINGS_NOT_IN_FORCE, generalSettingsSchema } from './schema/general-settings.ts'
import { LITELLM_SETTINGS_NOT_IN_FORCE, litellmSettingsSchema } from './schema/litellm-settings.ts'
import {
  LITELLM_PARAMS_NOT_IN_FORCE,
  litellmParamsSchema,
  MODEL_INFO_NOT_IN_FORCE,
  modelInfoSchema,
} from './schema/model-list.ts'
import { ROUTER_SETTINGS_NOT_IN_FORCE, routerSettingsSchema } from './schema/router-settings.ts'
import { SECTIONS, SECTIONS_NOT_IN_FORCE } from './schema/top-level.ts'
import { settingFacts, shapeOf, typeNames } from './setting.ts'

interface KeyFacts {
  readonly typeName: string
  readonly defaultText: string
  readonly shape: Readonly<Record<string, z.ZodType>>
}

/** Looks through `optional` and `default` at the schema that says what the value is. */
function factsOf(schema: z.ZodType, defaultText = ''): KeyFacts {
  if (schema instanceof z.ZodOptional) return factsOf(inner(schema.def.innerType), defaultText)
  if (schema instanceof z.ZodDefault) {
    return factsOf(inner(schema.def.innerType), `\`${JSON.stringify(schema.def.defaultValue)}\``)
  }
  if (schema instanceof z.ZodUnion) return { typeName: unionNames(schema), defaultText, shape: {} }
  return { typeName: typeNames.get(schema)?.typeName ?? '', defaultText, shape: shapeOf(schema) }
}

function unionNames(schema: z.ZodUnion): string {
  return schema.def.options.map((option) => factsOf(inner(option)).typeName).join(', or ')
}

function inner(schema: z.core.$ZodType): z.ZodType {
  if (schema instanceof z.ZodType) return schema
  throw new TypeError('a schema of another kind of Zod')
}

function rowsOf(shape: Readonly<Record<string, z.ZodType>>, prefix = ''): string[] {
  return Object.entries(shape).flatMap(([name, schema]) => {
    const { typeName, defaultText, shape: members } = factsOf(schema)
    const setting = settingFacts.get(schema)
    const row = `| \`${prefix}${name}\` | ${typeName} | ${defaultText} | ${setting?.status ?? ''} | ${setting?.description ?? ''} |`
    return [row, ...rowsOf(members, `${prefix}${name}.`)]
  })
}

function table(shape: Readonly<Record<string, z.ZodType>>): string {
  return ['| key | type | default | state | meaning |', '|---|---|---|---|---|', ...rowsOf(shape)].join('\n')
}

function notInForce(names: readonly string[]): string {
  return `Also accepted, not in force: ${names.map((name) => `\`${name}\``).join(', ')}.`
}

/** The whole page, in Markdown. */
export function renderConfigDocs(): string {
  const fallbacks = ENVIRONMENT_FALLBACKS.map(
    ({ section, key, variable }) => `| \`${variable}\` | \`${section}.${key}\` |`,
  )
  const sections = Object.entries(SECTIONS).map(
    ([name, schema]) => `- \`${name}\`: ${settingFacts.get(schema)?.description ?? ''}`,
  )
  return `# Configuration

<!-- Written from the schemas in src/config/schema by src/config/config-docs.test.ts (vitest -u). Do not edit. -->

Sluice reads the config file of the LiteLLM proxy: \`sluice --config FILE\`, or \`CONFIG_FILE_PATH\`. \`sluice check --config
FILE\` reads it as a start would and tells every fault with file, line and column; it ends with 1 when a start would fail.

- A value of a wrong type is an error. All errors of a file are told at once.
- An unknown key is a warning that names it, and the nearest known one.
- A key that is **accepted** is read and does nothing yet; a warning names it. A key that is **in force** works.
- All times are seconds, all amounts USD, unless the table says otherwise.
- \`os.environ/NAME\` may stand wherever a text, number or switch may stand; a variable that is not set is an error. Quoted
  numbers and switches (\`"30"\`, \`"true"\`, \`yes\`, \`off\`) are read as what they say. An empty value counts as absent.
- \`include\` names further files, relative to the including one. Top-level lists are joined; of a section's key that stands
  in several files the value of the file that is included last counts.
- The file and what it includes are watched. A valid change is taken up at once, with calls under way untouched; an
  invalid one is refused with its reasons, and the last good configuration stays in force.

## Sections

${sections.join('\n')}

${notInForce(SECTIONS_NOT_IN_FORCE)}

## \`model_list\`

Each entry has \`model_name\` (what clients call; \`*\` stands for any text), \`litellm_params\` and \`model_info\`. Entries of the
same name share its calls.

### \`litellm_params\`

${table(shapeOf(litellmParamsSchema))}

Every further key is a parameter of the provider (\`temperature\`, \`max_tokens\` …), set in calls that do not have it, except
price keys (\`input_cost_per_token\` and the other names of LiteLLM's cost map), which override the price book.

${notInForce(LITELLM_PARAMS_NOT_IN_FORCE)}

### \`model_info\`

${table(shapeOf(modelInfoSchema))}

Price keys may stand here too. Every further key is shown by \`/model/info\`.

${notInForce(MODEL_INFO_NOT_IN_FORCE)}

## \`credential_list\`

${table(shapeOf(credentialSchema))}

### \`credential_values\`

${table(shapeOf(credentialValuesSchema))}

## \`general_settings\`

${table(shapeOf(generalSettingsSchema))}

${notInForce(GENERAL_SETTINGS_NOT_IN_FORCE)}

## \`litellm_settings\`

${table(shapeOf(litellmSettingsSchema))}

${notInForce(LITELLM_SETTINGS_NOT_IN_FORCE)}

## \`router_settings\`

${table(shapeOf(routerSettingsSchema))}

${notInForce(ROUTER_SETTINGS_NOT_IN_FORCE)}

## \`environment_variables\`

A map of names and texts, put into the process environment before references are resolved. It wins over what was there.
A value is masked wherever it would be shown, unless its name ends in \`_BASE\`, \`_BASE_URL\`, \`_HOST\`, \`_PORT\`, \`_REGION\`,
\`_REGION_NAME\`, \`_ENDPOINT\` or \`_API_VERSION\`, and it has no credentials or parameters in it.

## Environment

Where the file does not give a key, these variables do:

| variable | key |
|---|---|
${fallbacks.join('\n')}
| \`DATABASE_URL\` | \`general_settings.database_url\` |
| \`DATABASE_HOST\`, \`DATABASE_PORT\`, \`DATABASE_USERNAME\` (or \`DATABASE_USER\`), \`DATABASE_PASSWORD\`, \`DATABASE_NAME\`, \`DATABASE_SCHEMA\` | \`general_settings.database_url\`, put together and URL-encoded |
| \`IAM_TOKEN_DB_AUTH\` | no key: \`true\` logs in to PostgreSQL with tokens of the AWS role of this process (RDS), in the region of \`AWS_REGION\` |
| \`REDIS_URL\`, \`REDIS_HOST\`, \`REDIS_CLUSTER_NODES\`, \`REDIS_SENTINEL_NODES\`, and \`REDIS_\` with every other argument of \`cache_params\` in capitals | the Redis in use, see [redis.md](redis.md) |
| \`OPENAI_API_KEY\`, \`ANTHROPIC_API_KEY\` and the like | \`litellm_params.api_key\` of that provider's deployments |
| \`OPENAI_API_BASE\`, \`ANTHROPIC_API_BASE\` and the like | \`litellm_params.api_base\` of that provider's deployments |
`
}
