import { createHash } from 'node:crypto';
import { canonicalize } from 'json-canonicalize';
import type { ActionRequest } from '../model/request.ts';

/** What a countersignature covers. Version 1 of the stored shape; a change is a new version, never an edit. */
export type DigestPreimage = Pick<
  ActionRequest,
  | 'id'
  | 'salt'
  | 'action'
  | 'connector'
  | 'arguments'
  | 'provenance'
  | 'resource'
  | 'preview'
  | 'requester'
  | 'obligations'
  | 'codeDigest'
> & { v: 1; expiresAt: string };

export type Digestible = Omit<DigestPreimage, 'v' | 'expiresAt'> & { expiresAt: Date };

/** The parts of a request that its digest binds, as JSON. */
export function preimageOf(request: Digestible): DigestPreimage {
  return {
    v: 1,
    id: request.id,
    salt: request.salt,
    action: request.action,
    connector: request.connector,
    arguments: request.arguments,
    provenance: request.provenance,
    resource: request.resource,
    preview: request.preview,
    requester: request.requester,
    obligations: request.obligations,
    expiresAt: request.expiresAt.toISOString(),
    codeDigest: request.codeDigest,
  };
}

/** SHA-256 (lower-case hex) over the RFC 8785 form of the preimage. */
export function digestOf(request: Digestible): string {
  return createHash('sha256')
    .update(canonicalize(preimageOf(request)), 'utf8')
    .digest('hex');
}
