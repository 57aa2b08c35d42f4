/**
 * The way back to a conversation. Teams says in each message where its conversation is reached, and a person's chat
 * has an id that only they can tell us: both must outlive a restart, or nobody could be asked for an approval.
 */
import type { Sql } from '../../src/store/database.ts';

export type Reference = {
  tenant: string;
  /** The conversation without its thread. */
  conversation: string;
  serviceUrl: string;
  /** Entra object id of who can be written to in this personal chat; null for group chats and channels, and once they took the app away. */
  person: string | null;
};

/** A small durable store. Setting the same again changes nothing. */
export interface References {
  get(tenant: string, conversation: string): Promise<Reference | null>;
  personal(tenant: string, person: string): Promise<Reference | null>;
  set(reference: Reference): Promise<void>;
}

const COLUMNS = `tenant, conversation, service_url as "serviceUrl", person`;

/** In the table `teams_references`. */
export function storedReferences(sql: Sql): References {
  return {
    get: (tenant, conversation) =>
      sql.maybe<Reference>(
        `select ${COLUMNS} from teams_references where tenant = $1 and conversation = $2`,
        [tenant, conversation],
      ),
    personal: (tenant, person) =>
      sql.maybe<Reference>(
        `select ${COLUMNS} from teams_references where tenant = $1 and person = $2
         order by updated_at desc limit 1`,
        [tenant, person],
      ),
    async set({ tenant, conversation, serviceUrl, person }) {
      await sql.query(
        `insert into teams_references (tenant, conversation, service_url, person) values ($1, $2, $3, $4)
         on conflict (tenant, conversation) do update
           set service_url = excluded.service_url, person = excluded.person, updated_at = clock_timestamp()`,
        [tenant, conversation, serviceUrl, person],
      );
    },
  };
}

/** References remembered by this process, before the oldest is asked for again. */
const REMEMBERED_MAX = 10_000;

/** Saves the store from being written at every message: only what is new goes there. */
export function remembering(references: References): References {
  const known = new Map<string, Reference>();
  const nameOf = (tenant: string, conversation: string) => JSON.stringify([tenant, conversation]);
  const keep = (reference: Reference): Reference => {
    known.set(nameOf(reference.tenant, reference.conversation), reference);
    const oldest = known.keys().next();
    if (known.size > REMEMBERED_MAX && !oldest.done) known.delete(oldest.value);
    return reference;
  };
  return {
    async get(tenant, conversation) {
      const found = known.get(nameOf(tenant, conversation)) ?? (await references.get(tenant, conversation));
      return found && keep(found);
    },
    personal: (tenant, person) => references.personal(tenant, person),
    async set(reference) {
      const before = known.get(nameOf(reference.tenant, reference.conversation));
      if (before?.serviceUrl === reference.serviceUrl && before.person === reference.person) return;
      await references.set(reference);
      keep(reference);
    },
  };
}
