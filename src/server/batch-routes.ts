/** The routes of files and batches: method, paths, call type and what serves them, as data. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { BatchServices } from '../batches/batch-services.ts'
import { cancelBatch, createBatch, listOwnBatches, retrieveBatch } from '../batches/batches.ts'
import { createFile } from '../batches/create-file.ts'
import { fileContent, listOwnFiles, removeFile, retrieveFile } from '../batches/files.ts'
import { serveManaged, type ManagedAnswer, type ManagedCall } from '../batches/managed-call.ts'
import { arrive, type Endpoint } from '../calls/arrival.ts'
import { NodeExchange } from '../calls/node-exchange.ts'
import { DIALECTS } from '../dialects/index.ts'
import type { FileCallType } from '../record/call-record.ts'

interface BatchRoute {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Below `/v1`, below nothing, and below a provider's name. */
  readonly path: string
  readonly callType: FileCallType
  /** Whether the call changes something, and so is in the call log. */
  readonly changes: boolean
  readonly serve: (call: ManagedCall, parameters: Readonly<Record<string, string>>) => Promise<ManagedAnswer>
}

const ROUTES: readonly BatchRoute[] = [
  {
    method: 'POST',
    path: '/files',
    callType: 'acreate_file',
    changes: true,
    serve: (call, { provider }) => createFile(call, provider),
  },
  {
    method: 'GET',
    path: '/files',
    callType: 'afile_list',
    changes: false,
    serve: (call, { provider }) => listOwnFiles(call, provider),
  },
  {
    method: 'GET',
    path: '/files/:file_id',
    callType: 'afile_retrieve',
    changes: false,
    serve: (call, { file_id = '' }) => retrieveFile(call, file_id),
  },
  {
    method: 'GET',
    path: '/files/:file_id/content',
    callType: 'afile_content',
    changes: false,
    serve: (call, { file_id = '' }) => fileContent(call, file_id),
  },
  {
    method: 'DELETE',
    path: '/files/:file_id',
    callType: 'afile_delete',
    changes: true,
    serve: (call, { file_id = '' }) => removeFile(call, file_id),
  },
  { method: 'POST', path: '/batches', callType: 'acreate_batch', changes: true, serve: createBatch },
  {
    method: 'GET',
    path: '/batches',
    callType: 'alist_batches',
    changes: false,
    serve: (call, { provider }) => listOwnBatches(call, provider),
  },
  {
    method: 'GET',
    path: '/batches/:batch_id',
    callType: 'aretrieve_batch',
    changes: false,
    serve: (call, { batch_id = '' }) => retrieveBatch(call, batch_id),
  },
  {
    method: 'POST',
    path: '/batches/:batch_id/cancel',
    callType: 'acancel_batch',
    changes: true,
    serve: (call, { batch_id = '' }) => cancelBatch(call, batch_id),
  },
]

const PREFIXES = ['/v1', '', '/:provider/v1'] as const

/** Registers the routes. Bodies are left on the socket: a file is never held whole. */
export function registerBatchRoutes(
  app: FastifyInstance,
  services: BatchServices,
  addressOf: (request: FastifyRequest) => string | undefined,
): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  for (const route of ROUTES) {
    for (const prefix of PREFIXES) register(app, services, route, prefix + route.path, addressOf)
  }
}

function register(
  app: FastifyInstance,
  services: BatchServices,
  { method, callType, changes, serve }: BatchRoute,
  path: string,
  addressOf: (request: FastifyRequest) => string | undefined,
): void {
  const endpoint: Endpoint = { dialect: DIALECTS['openai-chat'], callType, route: path }
  app.route({
    method,
    url: path,
    handler: (request: FastifyRequest, reply: FastifyReply) => {
      reply.hijack()
      const arrival = arrive(
        endpoint,
        new NodeExchange(request.raw, reply.raw),
        addressOf(request),
        undefined,
        services.gateway.tracing,
      )
      // Fastify gives the parameters of a path as texts.
      const parameters = request.params as Readonly<Record<string, string>>
      void serveManaged(services, arrival, method, changes, (call) => serve(call, parameters))
    },
  })
}
