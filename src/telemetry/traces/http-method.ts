/** The HTTP method of a call, which follows from its type. */
import type { CallType } from '../../record/call-record.ts'

const OTHER_THAN_POST: { readonly [callType in CallType]?: string } = {
  afile_list: 'GET',
  afile_retrieve: 'GET',
  afile_content: 'GET',
  afile_delete: 'DELETE',
  aretrieve_batch: 'GET',
  alist_batches: 'GET',
}

export function httpMethod(callType: CallType): string {
  return OTHER_THAN_POST[callType] ?? 'POST'
}
