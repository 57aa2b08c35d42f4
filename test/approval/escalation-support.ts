/** A pending request as a row, for tests that need no more of it than that it is there. */
import type { RequestId } from '../../src/model/ids.ts';
import type { Sql } from '../../src/store/database.ts';

const DIGEST = '0'.repeat(64);

/** Written by the schema's owner; answers the request's id. */
export async function insertPending(owner: Sql): Promise<RequestId> {
  const { id } = await owner.one<{ id: RequestId }>(
    `with thread as (
       insert into threads (id, platform, tenant, container, thread, direct)
       values (gen_random_uuid(), 'web', 'local', 'alice', gen_random_uuid()::text, true) returning id),
     turn as (
       insert into turns (id, delivery_key, thread, account, content)
       select gen_random_uuid(), gen_random_uuid()::text, id, '{}', '{}' from thread returning id, thread)
     insert into requests (id, turn, thread, action, connector, requester, arguments, provenance, resource, effect, risk,
       obligations, policies, reasons, tainted, code_digest, salt, digest, rendering, state, expires_at)
     select gen_random_uuid(), id, thread, 'ci.trigger', 'runner', 'alice', '{}', '{}', '{}', 'write', 'medium',
       '{}', '[]', '[]', false, '', '', $1, gen_random_uuid(), 'pending', clock_timestamp() + interval '1 hour'
     from turn returning id`,
    [DIGEST],
  );
  return id;
}
