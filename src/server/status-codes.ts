/**
 * The words of HTTP's status codes. An import of `node:http` would read all that it offers, and with that load all of
 * the undici inside Node: 14 MB, and a tenth of a start.
 */
export const { STATUS_CODES } = process.getBuiltinModule('node:http')
