/** Checks a proof bundle with no server. Everything in it is untrusted until the key has signed for it. Pure. */
import { AppError } from '../errors.ts';
import { parseStrict } from './canonical.ts';
import { Envelope, openEnvelope } from './dsse.ts';
import type { Entry } from './entry.ts';
import { hashEntry } from './entry.ts';
import { digestOfPreimage, EVIDENCE_TYPE, Evidence } from './evidence.ts';
import { checkRules, type Finding } from './evidence-rules.ts';
import { verifyInclusion } from './merkle.ts';
import { decodeBase64, openCheckpoint, parseVerifier, type Verifier } from './note.ts';

export type EvidenceVerification = {
  ok: boolean;
  request: string | null;
  digest: string | null;
  entries: number;
  /** Size of the tree that the entries are proven to stand in. */
  size: number | null;
  /** The name and hash of the key; `given` by the caller, or only `bundled`: then it proves nothing about who signed. */
  key: { id: string; trust: 'given' | 'bundled' } | null;
  findings: Finding[];
};

const bad = (code: string, message: string): EvidenceVerification => ({
  ok: false,
  request: null,
  digest: null,
  entries: 0,
  size: null,
  key: null,
  findings: [{ code, message }],
});

function parse(text: string): { envelope: Envelope; evidence: Evidence } | null {
  try {
    const envelope = Envelope.parse(parseStrict(text));
    const payload = decodeBase64(envelope.payload)?.toString('utf8') ?? '';
    return { envelope, evidence: Evidence.parse(parseStrict(payload)) };
  } catch (error) {
    if (error instanceof AppError || (error instanceof Error && error.name === 'ZodError')) return null;
    throw error;
  }
}

function bundledKey(evidence: Evidence): Verifier | null {
  try {
    return parseVerifier(evidence.key);
  } catch (error) {
    if (error instanceof AppError) return null;
    throw error;
  }
}

function checkEntry(
  line: Evidence['entries'][number],
  evidence: Evidence,
  tree: { size: number; root: Buffer },
): Finding[] {
  const { index, entry, leafHash: stated, proof } = line;
  const leaf = hashEntry(entry);
  if (leaf.toString('hex') !== stated || entry.index !== index) {
    return [{ code: 'entry_changed', message: `Entry ${index} is not what its hash says.` }];
  }
  const path = proof.map(decodeBase64);
  const whole = path.every((hash) => hash !== null);
  if (!whole || !verifyInclusion({ index, size: tree.size, leaf, proof: path, root: tree.root })) {
    return [{ code: 'not_included', message: `Entry ${index} is not proven to stand in the log.` }];
  }
  return entry.request === evidence.request
    ? []
    : [{ code: 'other_request', message: `Entry ${index} is about another request.` }];
}

function checkOrder(entries: readonly Entry[]): Finding[] {
  const rising = entries.every((entry, n) => n === 0 || entry.index > (entries[n - 1]?.index ?? 0));
  return rising ? [] : [{ code: 'out_of_order', message: 'The entries are not in the order of the log.' }];
}

/**
 * `text` is the bundle's file. Without `key` the bundle's own key is used, which shows that it is whole, not whose it is.
 * A bundle cannot prove that no entry of the request was left out: compare with an export for that.
 */
export function verifyEvidence(text: string, options: { key?: Verifier } = {}): EvidenceVerification {
  const parsed = parse(text);
  if (parsed === null) return bad('unreadable', 'This file is not a proof bundle.');
  const { envelope, evidence } = parsed;
  const key = options.key ?? bundledKey(evidence);
  if (key === null) return bad('key_unreadable', 'The bundle’s key cannot be read.');
  if (openEnvelope(envelope, EVIDENCE_TYPE, key) === null) {
    return bad('bad_signature', 'The bundle was not signed with this key, or was changed since.');
  }
  const opened = openCheckpoint(evidence.checkpoint, [key]);
  if (opened.kind !== 'good')
    return bad('checkpoint_signature', 'The checkpoint was not signed with this key.');
  const { checkpoint } = opened;
  const entries = evidence.entries.map((line) => line.entry);
  const findings = [
    ...evidence.entries.flatMap((line) => checkEntry(line, evidence, checkpoint)),
    ...checkOrder(entries),
  ];
  const digest = digestOfPreimage(evidence.preimage);
  if (digest !== evidence.digest) {
    findings.push({
      code: 'digest_mismatch',
      message: 'The countersigned text does not have the digest it claims.',
    });
  }
  if (evidence.preimage.id !== evidence.request) {
    findings.push({ code: 'other_request', message: 'The countersigned text is of another request.' });
  }
  findings.push(...checkRules({ digest, preimage: evidence.preimage, entries }));
  return {
    ok: findings.length === 0,
    request: evidence.request,
    digest,
    entries: entries.length,
    size: checkpoint.size,
    key: { id: `${key.name}+${key.keyHash}`, trust: options.key === undefined ? 'bundled' : 'given' },
    findings,
  };
}
