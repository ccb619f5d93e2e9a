/** What can be wrong with a config file: one issue a place, and the error that carries all of them at once. */

export type ConfigIssueKind =
  | 'file'
  | 'syntax'
  | 'duplicate_key'
  | 'unset_variable'
  | 'wrong_type'
  | 'missing_key'
  | 'bad_reference'
  | 'unknown_key'
  | 'not_in_force'
  | 'environment'

export interface ConfigIssue {
  readonly severity: 'error' | 'warning'
  readonly kind: ConfigIssueKind
  /** Path of the file as it was opened, or `environment` for a value that comes from a variable alone. */
  readonly file: string
  /** Counted from 1; 0 when the issue has no place in a file. */
  readonly line: number
  readonly column: number
  /** Key path, e.g. `model_list[2].litellm_params.timeout`; empty for the file as a whole. */
  readonly key: string
  /** A sentence without its full stop. It holds no value of a secret. */
  readonly message: string
  readonly expected?: string
  readonly found?: string
  /** What to do about it. */
  readonly hint?: string
}

/** One line: `file:line:column: error: key: message (hint)`. */
export function formatIssue(issue: ConfigIssue): string {
  const place = issue.line === 0 ? issue.file : `${issue.file}:${issue.line}:${issue.column}`
  const key = issue.key === '' ? '' : ` ${issue.key}:`
  const hint = issue.hint === undefined ? '' : ` (${issue.hint})`
  return `${place}: ${issue.severity}:${key} ${issue.message}${hint}`
}

/** A config that cannot be used. Carries every issue that was found, warnings too. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly issues: readonly ConfigIssue[]
  /** The files that were read, so that a watcher can wait for their correction. */
  readonly files: readonly string[]

  /** Of the content that was refused. */
  readonly fingerprint: string

  constructor(issues: readonly ConfigIssue[], files: readonly string[], fingerprint: string) {
    const errors = issues.filter((issue) => issue.severity === 'error')
    super(
      `the config has ${errors.length} error${errors.length === 1 ? '' : 's'}\n${errors.map(formatIssue).join('\n')}`,
    )
    this.issues = issues
    this.files = files
    this.fingerprint = fingerprint
  }
}

/** In the order of the files, and of the lines in each. */
export function sortIssues(issues: readonly ConfigIssue[], files: readonly string[]): ConfigIssue[] {
  return issues.toSorted(
    (left, right) =>
      files.indexOf(left.file) - files.indexOf(right.file) ||
      left.line - right.line ||
      left.column - right.column,
  )
}
