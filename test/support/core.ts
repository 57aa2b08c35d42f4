/** Requests, turns and threads on a test's own database, with a real audit log; what several rooms' tests start from. */
import { randomBytes, randomUUID } from 'node:crypto';
import { digestOf } from '../../src/approval/digest.ts';
import { findRequest, insertRequest } from '../../src/approval/requests.ts';
import { createSealing } from '../../src/audit/aes-gcm.ts';
import { deriveKeys, newMasterKey, newSigningKey } from '../../src/audit/keys.ts';
import { createPersonKeys } from '../../src/audit/seal.ts';
import { createAuditLog } from '../../src/audit/writer.ts';
import { newId, PrincipalId, RenderingId, RequestId, ThreadId, TurnId } from '../../src/model/ids.ts';
import type { Obligations, StoredRequest } from '../../src/model/request.ts';
import type { Database } from '../../src/store/database.ts';

export const alice = PrincipalId.parse('alice');
export const bob = PrincipalId.parse('bob');
export const carol = PrincipalId.parse('carol');
export const dave = PrincipalId.parse('dave');
export const erin = PrincipalId.parse('erin');

export const NO_OBLIGATIONS: Obligations = {
  approvals: [],
  stepup: null,
  isolation: null,
  expiresSeconds: 900,
};

/** A log with keys of its own, for one process. */
export function testLog() {
  const keys = deriveKeys(newMasterKey(), newSigningKey());
  const personKeys = createPersonKeys(keys.wrapKey);
  return {
    keys,
    personKeys,
    audit: createAuditLog({ instance: randomUUID(), macKey: keys.macKey, personKeys }),
  };
}

/** For tokens, under a key of its own. */
export const testSealing = () => createSealing(randomBytes(32));

/** One good request; each case changes one thing. The digest is computed unless it is given. */
export function sampleRequest(changes: Partial<StoredRequest> = {}): StoredRequest {
  const draft = {
    id: newId(RequestId),
    turn: newId(TurnId),
    thread: newId(ThreadId),
    action: 'ci.trigger',
    connector: 'runner',
    arguments: { repo: 'web', ref: 'main', job: 'checks' },
    provenance: { repo: 'quoted', ref: 'model', job: 'typed' } as const,
    resource: { type: 'Job', id: 'web/checks', attributes: { environment: 'test' } },
    effect: 'write' as const,
    risk: 'medium' as const,
    preview: {
      summary: 'Run checks.',
      facts: [{ label: 'Commit', value: 'abc' }],
      pinned: { commit: 'abc' },
    },
    requester: alice,
    obligations: { ...NO_OBLIGATIONS, approvals: [{ group: 'oncall', quorum: 1 }] },
    policies: ['ci'],
    reasons: ['Because.'],
    tainted: false,
    codeDigest: 'c0'.repeat(32),
    salt: 'c2FsdA==',
    state: 'pending' as const,
    createdAt: new Date(),
    expiresAt: new Date(Math.floor(Date.now() / 1000) * 1000 + 900_000),
    confirmedAt: null,
    result: null,
    confirmEntry: null,
    rendering: newId(RenderingId),
    fence: 0,
    execution: null,
    level: null,
    handle: null,
    output: '',
    coRequesters: [],
    ...changes,
  };
  return { digest: digestOf(draft), ...draft };
}

/** Stores a request with the thread and turn that it came from. */
export async function storeRequest(
  db: Database,
  changes: Partial<StoredRequest> = {},
): Promise<StoredRequest> {
  const request = sampleRequest(changes);
  await db.transaction(async (tx) => {
    await tx.query(
      `insert into threads (id, platform, tenant, container, thread, direct, owner) values ($1, 'web', 'local', $2, $3, true, $2)`,
      [request.thread, request.requester, request.thread],
    );
    await tx.query(
      `insert into turns (id, delivery_key, thread, account, content, principal) values ($1, $2, $3, '{}', '{}', $4)`,
      [request.turn, randomUUID(), request.thread, request.requester],
    );
    await insertRequest(tx, request);
  });
  return request;
}

export async function readRequest(db: Database, id: RequestId): Promise<StoredRequest> {
  const request = await findRequest(db, id);
  if (!request) throw new Error('There is no such request.');
  return request;
}

export type WrittenEntry = { type: string; principal?: string; data?: Record<string, unknown> };

/** Entries about one request in the order in which this process wrote them. */
export async function entriesOf(db: Database, request: RequestId): Promise<WrittenEntry[]> {
  const rows = await db.query<{ body: string }>(
    'select body from audit_entries where request = $1 order by counter',
    [request],
  );
  return rows.map((row) => JSON.parse(row.body) as WrittenEntry);
}
