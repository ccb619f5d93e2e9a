/** Arguments of a Redis client, as they stand in `cache_params`, `coordination_redis`, `cache_kwargs` and `REDIS_…`. */
import type * as z from 'zod'
import { anything, decimal, inForce, integer, mapWith, secretText, text, toggle } from '../setting.ts'

const seconds = 'a number of seconds'

const CERTIFICATE_WORDS: readonly string[] = [
  'none',
  'optional',
  'required',
  'cert_none',
  'cert_optional',
  'cert_required',
]

export const redisArguments = {
  url: inForce(
    secretText().optional(),
    'Redis URL, `redis://user:password@host:6379/0`, or `rediss://` for TLS; instead of host, port, user, password and db.',
  ),
  host: inForce(text().optional(), 'Redis host.'),
  port: inForce(integer('a port number', 1, 65_535).optional(), 'Redis port; 6379 when nothing says.'),
  username: inForce(text().optional(), 'Redis user.'),
  password: inForce(secretText().optional(), 'Redis password.'),
  db: inForce(integer().optional(), 'Redis database number.'),
  redis_startup_nodes: inForce(
    anything().optional(),
    'Nodes of a Redis cluster: a list of maps with `host` and `port`.',
  ),
  sentinel_nodes: inForce(
    anything().optional(),
    'Redis sentinels: a list of lists of host and port, with `service_name`.',
  ),
  service_name: inForce(text().optional(), 'Name by which the sentinels know the primary.'),
  sentinel_username: inForce(text().optional(), 'User at the sentinels.'),
  sentinel_password: inForce(secretText().optional(), 'Password at the sentinels.'),
  ssl: inForce(toggle().optional(), 'Connect by TLS.'),
  ssl_cert_reqs: inForce(
    text('none, optional or required', (value) => CERTIFICATE_WORDS.includes(value.toLowerCase())).optional(),
    '`none` accepts any certificate; anything else, and nothing, verifies it.',
  ),
  ssl_check_hostname: inForce(
    toggle().optional(),
    'Whether the certificate must be for the host; true when nothing says.',
  ),
  ssl_ca_certs: inForce(text().optional(), 'PEM file with the authorities to trust.'),
  ssl_certfile: inForce(text().optional(), 'PEM file with the certificate of this client.'),
  ssl_keyfile: inForce(text().optional(), 'PEM file with its key.'),
  socket_timeout: inForce(
    decimal(seconds).optional(),
    'Seconds that one command may take; 0.1 when nothing says.',
  ),
}

export const redisArgumentsSchema = mapWith(redisArguments)

export type RedisArguments = z.output<typeof redisArgumentsSchema>
