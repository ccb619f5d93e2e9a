/** Reads a form with a file, which the simulator holds whole. */
import { BadRequestError } from './sim-request.ts'

export interface Form {
  readonly fields: ReadonlyMap<string, string>
  readonly file: FormFile | undefined
}

export interface FormFile {
  readonly filename: string
  readonly content: Buffer
}

/** @throws BadRequestError for what is no form. */
export function parseForm(contentType: string | undefined, body: Buffer): Form {
  const boundary = /boundary="?([^";]+)"?/.exec(contentType ?? '')?.[1]
  if (boundary === undefined) throw new BadRequestError('expected multipart/form-data')
  const delimiter = `\r\n--${boundary}`
  const fields = new Map<string, string>()
  let file: FormFile | undefined
  let start = body.indexOf(`--${boundary}`)
  if (start < 0) throw new BadRequestError('the boundary does not occur')
  start += delimiter.length - 2
  while (body.toString('latin1', start, start + 2) !== '--') {
    const headersEnd = body.indexOf('\r\n\r\n', start)
    const end = body.indexOf(delimiter, headersEnd + 2)
    if (headersEnd < 0 || end < 0) throw new BadRequestError('the form is cut off')
    const headers = body.toString('utf8', start, headersEnd)
    const content = body.subarray(headersEnd + 4, end)
    const filename = /filename="([^"]*)"/.exec(headers)?.[1]
    const name = /[; ]name="([^"]*)"/.exec(headers)?.[1] ?? ''
    if (filename === undefined) fields.set(name, content.toString('utf8'))
    else file = { filename, content }
    start = end + delimiter.length
  }
  return { fields, file }
}
