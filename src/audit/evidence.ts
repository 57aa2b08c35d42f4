/** One request's proof bundle: made here, checked by `evidence-verify.ts` with no server. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '../errors.ts';
import { Json } from '../model/request.ts';
import type { Sql } from '../store/database.ts';
import { canonicalBytes } from './canonical.ts';
import { type Envelope, signEnvelope } from './dsse.ts';
import { Line } from './entry.ts';
import { readRequest } from './export.ts';
import { newestCheckpoint } from './head.ts';
import type { Signer } from './note.ts';
import { buildTree } from './tree.ts';

export const EVIDENCE_TYPE = 'application/vnd.countersign.evidence+json';
/** Leaf hashes a query: 32 bytes each. */
const PAGE_SIZE = 20_000;

/** Version 1. */
export const Evidence = z.strictObject({
  v: z.literal(1),
  request: z.string(),
  /** SHA-256 (hex) of the RFC 8785 form of `preimage`. */
  digest: z.string(),
  /** What was countersigned, word for word. */
  preimage: z.record(z.string(), Json),
  /** The key that signed, in the C2SP form; believe it only if you know it from elsewhere. */
  key: z.string(),
  /** The signed note's exact text. */
  checkpoint: z.string(),
  /** Every entry of the request, with its path to the checkpoint's root, base64, from the leaf upwards. */
  entries: z.array(z.strictObject({ ...Line.shape, proof: z.array(z.string()) })),
});
export type Evidence = z.infer<typeof Evidence>;

/** SHA-256 (hex) of the canonical form: the digest that buttons, entries and passkeys bind to. */
export function digestOfPreimage(preimage: Json): string {
  return createHash('sha256').update(canonicalBytes(preimage)).digest('hex');
}

async function readLeaves(sql: Sql, size: number): Promise<Buffer[]> {
  const leaves: Buffer[] = [];
  while (leaves.length < size) {
    const rows = await sql.query<{ leaf_hash: Buffer }>(
      'SELECT leaf_hash FROM audit_leaves WHERE index >= $1 AND index < $2 ORDER BY index',
      [leaves.length, Math.min(size, leaves.length + PAGE_SIZE)],
    );
    if (rows.length === 0)
      throw new AppError('audit_broken', 'The audit log lacks entries that it has signed.');
    for (const row of rows) leaves.push(row.leaf_hash);
  }
  return leaves;
}

/**
 * The bundle of one request, signed. `preimage` is the JSON that the request's digest is taken over. Throws
 * `AppError('not_found')` when the log has nothing of this request. Memory: 64 bytes for each entry of the log.
 */
export async function buildEvidence(input: {
  sql: Sql;
  signer: Signer;
  request: string;
  preimage: Record<string, Json>;
}): Promise<Envelope> {
  const { sql, signer, request, preimage } = input;
  const checkpoint = await newestCheckpoint(sql);
  const size = checkpoint?.size ?? 0;
  const placed = (await readRequest(sql, request)).filter(({ index }) => index < size);
  if (checkpoint === null || placed.length === 0) {
    throw new AppError('not_found', 'The audit log has no entry of this request.');
  }
  const tree = buildTree(await readLeaves(sql, size));
  const evidence: Evidence = {
    v: 1,
    request,
    digest: digestOfPreimage(preimage),
    preimage,
    key: signer.vkey,
    checkpoint: checkpoint.note,
    entries: placed.map((line) => ({
      ...line,
      proof: tree.inclusionProof(line.index).map((hash) => hash.toString('base64')),
    })),
  };
  return signEnvelope(EVIDENCE_TYPE, canonicalBytes(evidence), signer);
}
