/**
 * Takes secrets out of text before it is shown: the exact values that this process was given (registered where they
 * are read), and, as a second net, whatever has the shape of a credential.
 */

export const REDACTED = '[redacted]'

export interface Redactor {
  /** The text with each secret in it replaced by `[redacted]`. Applying it twice changes nothing more. */
  redact(text: string): string
  /** Registers further secret values, e.g. the keys of a reloaded config. */
  register(secrets: Iterable<string>): void
  /** Grows with each registration: text that was redacted before may hold a secret that is known now. */
  readonly generation: number
}

/** Shorter values would tear ordinary words apart; the shapes below still cover them where they stand in a URL. */
const SHORTEST_SECRET = 6

/** Cheap test: without one of these words in it, no shape can match. */
const SUSPECT =
  /sk-|bearer|basic|key|auth|token|secret|passw|pwd|cookie|signature|:\/\/|A[KS]IA|AIza|ya29|eyJ|-----BEGIN/i

interface Shape {
  readonly pattern: RegExp
  readonly replacement: string
}

/**
 * What credentials look like. Each pattern starts with a literal, and its loops go over one class of characters and
 * are bounded or cannot be entered again within the same run: the time to match grows linearly with the text. No class
 * takes a quote or the backslash of an escaped quote: a line of JSON stays JSON when it is redacted.
 */
const SHAPES: readonly Shape[] = [
  {
    pattern:
      /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?:[^"\\]|\\[rn])*?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|(?=")|(?=\\(?![rn]))|$)/g,
    replacement: REDACTED,
  },
  // The password of a URL reaches to the last @ before the path.
  {
    pattern: /:\/\/([^\s:/@"'\\]{0,128}):(?!\[redacted\]@)[^\s/?#"'<>\\]{1,512}@/g,
    replacement: `://$1:${REDACTED}@`,
  },
  { pattern: /\b(bearer|basic)( {1,4})[\w.~+/=-]{6,}/gi, replacement: `$1$2${REDACTED}` },
  {
    pattern:
      /\b((?:set-)?cookie)((?:\\?["'])?\s{0,4}[:=]\s{0,4}(?:\\?["'])?)(?!\[redacted\])[^\r\n"\\]{4,}/gi,
    replacement: `$1$2${REDACTED}`,
  },
  // Headers, as `name: value`, as members of JSON, and as a list of names and values in turn.
  {
    pattern:
      /\b((?:x-|x-goog-|x-litellm-|ocp-apim-subscription-|api-)(?:api-key|key)|(?:proxy-)?authorization)((?:\\?["'])?\s{0,4}[:=]\s{0,4}(?:\\?["'])?|\\?["'],\s?\\?["'])(?!\[redacted\]|bearer |basic )[^\s"',;&\\]{4,}(?: [\w.~+/=-]{8,})?/gi,
    replacement: `$1$2${REDACTED}`,
  },
  // Parameters of a URL, and settings of a connection string.
  {
    pattern:
      /\b((?:api[_-]?|access[_-]?|master[_-]?|private[_-]?)?key|(?:access_|refresh_|id_)?token|(?:client_|api_)?secret|(?:aws_)?secret_access_key|password|passwd|pwd|sig|signature|x-amz-(?:signature|credential|security-token))=(?!\[redacted\])[^&\s"'#;,\\]+/gi,
    replacement: `$1=${REDACTED}`,
  },
  // Members of JSON.
  {
    pattern:
      /(\\?["'](?:\w{0,64}(?:api_?key|password|passwd|secret|private_key|access_key|auth_token|access_token|refresh_token|session_token)|token|master_key)\\?["']\s{0,4}:\s{0,4}\\?["'])(?!\[redacted\])[^"'\\]+/gi,
    replacement: `$1${REDACTED}`,
  },
  { pattern: /\bsk-[\w-]{8,}/g, replacement: REDACTED },
  { pattern: /\bA[KS]IA[A-Z0-9]{16}\b/g, replacement: REDACTED },
  { pattern: /\bAIza[\w-]{30,}/g, replacement: REDACTED },
  { pattern: /\bya29\.[\w.-]{8,}/g, replacement: REDACTED },
  // The look behind makes a run of characters be tried once only.
  { pattern: /(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]+)?/g, replacement: REDACTED },
]

/**
 * Makes a redactor.
 * @param knownSecrets exact values that must never be shown: master key, provider keys, database password. They are
 * also found percent-encoded and JSON-escaped. Values under six characters are left to the shapes.
 */
export function createRedactor(knownSecrets: Iterable<string> = []): Redactor {
  const known = new Set<string>()
  let exact: RegExp | undefined
  let shortest = Infinity
  let generation = 0

  const register = (secrets: Iterable<string>): void => {
    generation += 1
    for (const secret of secrets) for (const form of writtenForms(secret)) known.add(form)
    if (known.size === 0) return
    const longestFirst = [...known].sort((a, b) => b.length - a.length)
    shortest = longestFirst.at(-1)?.length ?? Infinity
    exact = new RegExp(longestFirst.map(escapePattern).join('|'), 'g')
  }

  const redact = (text: string): string => {
    const withoutKnown = exact === undefined || text.length < shortest ? text : text.replace(exact, REDACTED)
    return SUSPECT.test(withoutKnown) ? withoutShapes(withoutKnown) : withoutKnown
  }

  register(knownSecrets)
  return {
    redact,
    register,
    get generation() {
      return generation
    },
  }
}

function withoutShapes(text: string): string {
  let result = text
  for (const { pattern, replacement } of SHAPES) result = result.replace(pattern, replacement)
  return result
}

function writtenForms(secret: string): string[] {
  const value = secret.trim()
  if (value.length < SHORTEST_SECRET) return []
  return [value, encodeURIComponent(value.toWellFormed()), JSON.stringify(value).slice(1, -1)]
}

function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
}
