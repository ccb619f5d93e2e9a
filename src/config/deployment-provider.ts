/** Where a deployment's calls go and with which credentials: its own, those it names, or the environment's. */
import { findProvider, providerNames } from '../providers/provider.ts'
import type { Environment } from './environment.ts'
import type { KeyPath } from './located.ts'
import { nearestName } from './nearest-name.ts'
import type { Credential } from './schema/credential-list.ts'
import type { LitellmParams } from './schema/model-list.ts'
import { Secret } from './secret.ts'
import type { SectionReader } from './section-reader.ts'

/** Parameters with those of the named credential put in where they have none. @param path of `litellm_params`. */
export function applyCredential(
  reader: SectionReader,
  path: KeyPath,
  params: LitellmParams,
  credentials: readonly Credential[],
): LitellmParams {
  const name = params.litellm_credential_name
  if (name === undefined) return params
  const credential = credentials.find((candidate) => candidate.credential_name === name)
  if (credential === undefined) {
    const at = [...path, 'litellm_credential_name']
    const found = reader.quote(at, name)
    reader.report('error', 'bad_reference', at, `no credential has the name ${found}`, {
      expected:
        credentials.map((candidate) => candidate.credential_name).join(', ') || 'an entry of credential_list',
      found,
      hint: 'add it to credential_list',
    })
    return params
  }
  const values = credential.credential_values
  return {
    ...params,
    api_key: params.api_key ?? values.api_key,
    api_base: params.api_base ?? values.api_base,
    api_version: params.api_version ?? values.api_version,
    organization: params.organization ?? values.organization,
    extra_headers: params.extra_headers ?? values.extra_headers,
  }
}

/** @param named `custom_llm_provider`. @returns the provider's name, `*` for a model of any provider. */
export function providerOf(model: string, named: string | undefined): string {
  if (named !== undefined) return named
  const slash = model.indexOf('/')
  if (slash > 0) return model.slice(0, slash)
  if (model === '*') return '*'
  return model.startsWith('claude') ? 'anthropic' : 'openai'
}

/** Reports what will keep the deployment from serving calls. @param path of `litellm_params`. */
export function checkProvider(
  reader: SectionReader,
  path: KeyPath,
  name: string,
  apiBase: string | undefined,
): void {
  if (apiBase !== undefined && !isHttpUrl(apiBase)) {
    const expected = 'a URL that starts with http:// or https://'
    reader.report('error', 'wrong_type', [...path, 'api_base'], `expected ${expected}, found another text`, {
      expected,
      found: 'another text',
    })
  }
  if (name === '*') return
  const provider = findProvider(name)
  if (provider === undefined) {
    const at = [...path, 'model']
    const found = reader.quote(at, name)
    const nearest = nearestName(name, providerNames())
    reader.report(
      'warning',
      'not_in_force',
      at,
      `the provider ${found} is not supported yet; calls to this model are refused`,
      {
        expected: `one of ${providerNames().join(', ')}`,
        found,
        hint:
          nearest === undefined
            ? 'for an OpenAI-compatible server write openai/<model> and api_base'
            : `did you mean "${nearest}"?`,
      },
    )
  } else if (apiBase === undefined && provider.defaultApiBase === undefined) {
    reader.report(
      'warning',
      'missing_key',
      path,
      `the provider "${name}" needs api_base; calls to this model are refused`,
      {
        expected: 'api_base',
        found: 'nothing',
        hint:
          provider.baseVariables.length === 0
            ? undefined
            : `set api_base or ${provider.baseVariables[0] ?? ''}`,
      },
    )
  }
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
}

/** First variable of the list that is set and not empty. */
function firstSet(names: readonly string[], environment: Environment): string | undefined {
  return names.find((name) => environment[name])
}

/** Key and base URL from the provider's variables, where the file gives none, and the variable that gave the key. */
export function fillFromEnvironment(
  providerName: string,
  params: LitellmParams,
  environment: Environment,
): { params: LitellmParams; variable: string | undefined } {
  const provider = findProvider(providerName)
  if (provider === undefined) return { params, variable: undefined }
  const keyVariable = params.api_key === undefined ? firstSet(provider.keyVariables, environment) : undefined
  const baseVariable =
    params.api_base === undefined ? firstSet(provider.baseVariables, environment) : undefined
  const key = keyVariable === undefined ? undefined : environment[keyVariable]
  return {
    params: {
      ...params,
      api_key: key === undefined ? params.api_key : new Secret(key),
      api_base: baseVariable === undefined ? params.api_base : environment[baseVariable],
    },
    variable: keyVariable,
  }
}
