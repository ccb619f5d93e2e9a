/** The files that the simulated provider keeps, in the order in which they came. */
import type { JsonObject } from './sim-request.ts'

export interface SimFile {
  readonly id: string
  readonly filename: string
  readonly purpose: string
  readonly createdS: number
  readonly content: Buffer
}

export class FileStore {
  readonly #files = new Map<string, SimFile>()
  #added = 0

  add(idPrefix: string, file: Omit<SimFile, 'id'>): SimFile {
    this.#added += 1
    const stored = { ...file, id: `file-sim${idPrefix}${this.#added}` }
    this.#files.set(stored.id, stored)
    return stored
  }

  find(id: string): SimFile | undefined {
    return this.#files.get(id)
  }

  delete(id: string): boolean {
    return this.#files.delete(id)
  }

  all(): readonly SimFile[] {
    return [...this.#files.values()]
  }
}

export function fileObject(file: SimFile): JsonObject {
  return {
    id: file.id,
    object: 'file',
    bytes: file.content.length,
    created_at: file.createdS,
    expires_at: null,
    filename: file.filename,
    purpose: file.purpose,
    status: 'processed',
    status_details: null,
  }
}
