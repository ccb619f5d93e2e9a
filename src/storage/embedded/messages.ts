/** What the embedded database's thread and its driver say to each other. */

export interface WorkerOptions {
  readonly dataDir: string
}

export type Request =
  | { readonly id: number; readonly kind: 'query'; readonly sql: string; readonly values: (string | null)[] }
  | { readonly id: number; readonly kind: 'close' }

export interface QueryAnswer {
  readonly rows: unknown[]
  readonly affectedRows: number | undefined
}

/** A PostgreSQL error as plain data; `code` is its SQLSTATE. */
export interface ErrorFacts {
  readonly message: string
  readonly code: string | undefined
  readonly detail: string | undefined
  readonly constraint: string | undefined
  readonly table: string | undefined
}

export type Response =
  | { readonly id: number; readonly answer: QueryAnswer }
  | { readonly id: number; readonly error: ErrorFacts }
