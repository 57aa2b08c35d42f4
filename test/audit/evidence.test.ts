import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { canonicalBytes } from '../../src/audit/canonical.ts';
import { evidenceCommand, evidenceVerify } from '../../src/audit/commands.ts';
import { preAuthentication, signEnvelope } from '../../src/audit/dsse.ts';
import { buildEvidence, digestOfPreimage, EVIDENCE_TYPE, type Evidence } from '../../src/audit/evidence.ts';
import { verifyEvidence } from '../../src/audit/evidence-verify.ts';
import type { EntryInput } from '../../src/audit/log.ts';
import { newId, RequestId } from '../../src/model/ids.ts';
import type { ApprovalNeed, Json } from '../../src/model/request.ts';
import { useDatabase as ownDatabase } from '../support/database.ts';
import { alice, bob, carol, fill, makeKeys, makeLog, makeSequencer } from './support.ts';

const database = ownDatabase();
const keys = makeKeys();
const CODE = 'c0de'.repeat(16);

type Story = { request: RequestId; preimage: Record<string, Json>; digest: string };

function makeStory(approvals: ApprovalNeed[], isolation: string | null = null): Story {
  const request = newId(RequestId);
  const preimage: Record<string, Json> = {
    v: 1,
    id: request,
    salt: 'c2FsdA',
    action: 'ci.trigger',
    connector: 'runner',
    arguments: { repo: 'web', ref: 'main' },
    provenance: { repo: 'quoted', ref: 'quoted' },
    resource: { type: 'Job', id: 'checks', attributes: {} },
    preview: { summary: 'Run checks of web.', facts: [], pinned: { commit: 'a'.repeat(40) } },
    requester: 'alice',
    obligations: { approvals, stepup: null, isolation, expiresSeconds: 900 },
    expiresAt: '2999-01-01T00:00:00.000Z',
    codeDigest: CODE,
  };
  return { request, preimage, digest: digestOfPreimage(preimage) };
}

const onCall: ApprovalNeed[] = [{ group: 'oncall', quorum: 1 }];
const proposed = ({ digest }: Story): EntryInput => ({
  type: 'proposal.made',
  principal: alice,
  data: { digest, action: 'ci.trigger', typed: false },
});
const confirmed = ({ digest }: Story): EntryInput => ({
  type: 'request.confirmed',
  principal: alice,
  data: { digest },
});
const approved = ({ digest }: Story, by = bob, groups = ['oncall']): EntryInput => ({
  type: 'approval.given',
  principal: by,
  data: { digest, groups },
});
/** `by` changed it from what had this digest to the story's. */
const edited = ({ digest }: Story, before: string, by = bob): EntryInput => ({
  type: 'request.edited',
  principal: by,
  data: { digest, before },
});
const started = ({ digest, preimage }: Story, approvals: string[] = ['bob'], code = CODE): EntryInput => ({
  type: 'execution.started',
  principal: alice,
  data: {
    digest,
    level: 'kernel',
    code,
    approvals,
    obligations: { approvals: (preimage.obligations as { approvals: Json }).approvals },
  },
});
const finished = ({ digest }: Story): EntryInput => ({
  type: 'execution.finished',
  data: { digest, state: 'succeeded', code: 'ok' },
});

/** Writes the entries one batch each, so that their order is the order given, and bundles them. */
async function bundle(story: Story, entries: EntryInput[]): Promise<string> {
  const { write } = makeLog(database.db, keys);
  for (const entry of entries) {
    await write({ ...entry, request: story.request });
    await makeSequencer(database.db, keys).sequencer.runOnce();
  }
  const { request, preimage } = story;
  return JSON.stringify(await buildEvidence({ sql: database.db, signer: keys.signer, request, preimage }));
}
const whole = (story: Story) => [
  proposed(story),
  confirmed(story),
  approved(story),
  started(story),
  finished(story),
];
const codes = (text: string) =>
  verifyEvidence(text, { key: keys.signer }).findings.map((finding) => finding.code);

describe('the evidence of a request', () => {
  test('proves it with no server, among other entries of the log', async () => {
    await fill(database.db, keys, 7);
    const story = makeStory(onCall);
    const text = await bundle(story, whole(story));
    const found = verifyEvidence(text, { key: keys.signer });
    expect(found).toMatchObject({
      ok: true,
      request: story.request,
      digest: story.digest,
      entries: 5,
      findings: [],
    });
    expect(found.key?.trust).toBe('given');
    expect(verifyEvidence(text)).toMatchObject({ ok: true, key: { trust: 'bundled' } });
  });

  test('is not accepted under another key, nor when any character of it is changed', async () => {
    const story = makeStory(onCall);
    const text = await bundle(story, whole(story));
    expect(verifyEvidence(text, { key: makeKeys().signer }).findings).toMatchObject([
      { code: 'bad_signature' },
    ]);
    const envelope = JSON.parse(text);
    const payload = Buffer.from(envelope.payload, 'base64').toString('utf8');
    const bent = Buffer.from(payload.replace('"main"', '"evil"')).toString('base64');
    expect(codes(JSON.stringify({ ...envelope, payload: bent }))).toEqual(['bad_signature']);
    expect(codes(JSON.stringify({ ...envelope, payloadType: 'text/plain' }))).toEqual(['bad_signature']);
    expect(codes('{}')).toEqual(['unreadable']);
  });

  /** Even whoever holds the signing key cannot bundle what the checkpoint does not cover. */
  async function rebundle(change: (evidence: Evidence) => Evidence): Promise<string[]> {
    const story = makeStory(onCall);
    const envelope = JSON.parse(await bundle(story, whole(story)));
    const evidence: Evidence = JSON.parse(Buffer.from(envelope.payload, 'base64').toString('utf8'));
    return codes(JSON.stringify(signEnvelope(EVIDENCE_TYPE, canonicalBytes(change(evidence)), keys.signer)));
  }
  const withFirst = (
    evidence: Evidence,
    change: (line: Evidence['entries'][number]) => Evidence['entries'][number],
  ) => ({
    ...evidence,
    entries: evidence.entries.map((line, n) => (n === 0 ? change(line) : line)),
  });

  test.each<[string, string, (evidence: Evidence) => Evidence]>([
    [
      'an entry is changed',
      'entry_changed',
      (e) =>
        withFirst(e, (line) => ({ ...line, entry: { ...line.entry, time: '2020-01-01T00:00:00.000Z' } })),
    ],
    [
      'a path is cut',
      'not_included',
      (e) => withFirst(e, (line) => ({ ...line, proof: line.proof.slice(1) })),
    ],
    [
      'what was countersigned is changed',
      'digest_mismatch',
      (e) => ({ ...e, preimage: { ...e.preimage, action: 'deploy' } }),
    ],
    ['the entries are reordered', 'out_of_order', (e) => ({ ...e, entries: e.entries.toReversed() })],
    ['the confirmation is left out', 'not_confirmed', (e) => ({ ...e, entries: e.entries.toSpliced(1, 1) })],
    ['the approval is left out', 'approval_missing', (e) => ({ ...e, entries: e.entries.toSpliced(2, 1) })],
    ['the start is left out', 'never_started', (e) => ({ ...e, entries: e.entries.toSpliced(3, 1) })],
    [
      'the checkpoint is another’s',
      'checkpoint_signature',
      (e) => ({ ...e, checkpoint: e.checkpoint.replaceAll(keys.signer.name, 'other') }),
    ],
    ['it names another request', 'other_request', (e) => ({ ...e, request: crypto.randomUUID() })],
  ])('is refused when %s', async (_name, code, change) => {
    expect(await rebundle(change)).toContain(code);
  });

  test.each<[string, string, ApprovalNeed[], (story: Story) => EntryInput[]]>([
    [
      'it started before it was confirmed',
      'not_confirmed',
      [],
      (s) => [proposed(s), started(s, []), confirmed(s)],
    ],
    [
      'somebody else confirmed',
      'not_confirmed',
      [],
      (s) => [proposed(s), { ...confirmed(s), principal: bob }, started(s, [])],
    ],
    [
      'the approval came later',
      'approval_missing',
      onCall,
      (s) => [proposed(s), confirmed(s), started(s), approved(s)],
    ],
    [
      'the approval was for another digest',
      'approval_missing',
      onCall,
      (s) => [confirmed(s), approved({ ...s, digest: CODE }), started(s)],
    ],
    [
      'the requester approved',
      'self_approval',
      onCall,
      (s) => [confirmed(s), approved(s, alice), started(s, ['alice'])],
    ],
    [
      'one approver is counted twice',
      'approver_twice',
      [{ group: 'oncall', quorum: 2 }],
      (s) => [confirmed(s), approved(s), started(s, ['bob', 'bob'])],
    ],
    [
      'the quorum is missing',
      'quorum_missing',
      [{ group: 'oncall', quorum: 2 }],
      (s) => [confirmed(s), approved(s), started(s)],
    ],
    [
      'the approver is of another group',
      'quorum_missing',
      onCall,
      (s) => [confirmed(s), approved(s, bob, ['friends']), started(s)],
    ],
    [
      'one person fills two groups',
      'quorum_missing',
      [
        { group: 'oncall', quorum: 1 },
        { group: 'security', quorum: 1 },
      ],
      (s) => [confirmed(s), approved(s, bob, ['oncall', 'security']), started(s)],
    ],
    [
      'it ran after a denial',
      'already_ended',
      onCall,
      (s) => [confirmed(s), approved(s), { type: 'approval.denied', principal: carol }, started(s)],
    ],
    [
      'an edit voided its approval',
      'approval_missing',
      onCall,
      (s) => [approved(s), { type: 'request.edited' }, confirmed(s), started(s)],
    ],
    [
      'somebody who changed it approved it',
      'self_approval',
      onCall,
      (s) => [edited(s, CODE), confirmed(s), approved(s), started(s)],
    ],
    [
      'a change begins elsewhere',
      'edit_broken',
      onCall,
      (s) => [
        proposed({ ...s, digest: CODE }),
        edited(s, 'f'.repeat(64), carol),
        confirmed(s),
        approved(s),
        started(s),
      ],
    ],
    [
      'it ran as it was before a change',
      'edited_since',
      onCall,
      (s) => [proposed(s), edited({ ...s, digest: CODE }, s.digest), confirmed(s), approved(s), started(s)],
    ],
    [
      'it was proposed as another action and changed',
      'other_action',
      [],
      (s) => [
        { type: 'proposal.made', principal: alice, data: { digest: CODE, action: 'ticket.create' } },
        edited(s, CODE, alice),
        confirmed(s),
        started(s, []),
      ],
    ],
    [
      'its typed proposal was changed and nobody confirmed that',
      'not_confirmed',
      [],
      (s) => [
        {
          type: 'proposal.made',
          principal: alice,
          data: { digest: CODE, action: 'ci.trigger', typed: true },
        },
        edited(s, CODE, alice),
        started(s, []),
      ],
    ],
    [
      'other code ran',
      'other_code',
      onCall,
      (s) => [confirmed(s), approved(s), started(s, ['bob'], 'f'.repeat(64))],
    ],
    ['no entry is about it', 'digest_unknown', [], () => [{ type: 'reply.sent' }]],
  ])('is refused when %s', async (_name, code, needs, tell) => {
    const story = makeStory(needs);
    expect(codes(await bundle(story, tell(story)))).toContain(code);
  });

  test.each([
    ['kernel', []],
    ['kernel-lite', ['isolation_too_low']],
    ['somewhere', ['start_unreadable']],
  ])('where policy asks for kernel, what ran at %s is judged by that', async (level, found) => {
    const story = makeStory(onCall, 'kernel');
    const start = started(story);
    const at = { ...start, data: { ...start.data, level } };
    const told = [proposed(story), confirmed(story), approved(story), at, finished(story)];
    expect(codes(await bundle(story, told))).toEqual(found);
  });

  test('accepts what was changed, confirmed anew and approved by somebody who did not change it', async () => {
    const story = makeStory(onCall);
    const first = { ...story, digest: CODE };
    const entries = [
      proposed(first),
      confirmed(first),
      approved(first, carol),
      edited(story, CODE),
      confirmed(story),
      approved(story, carol),
      started(story, ['carol']),
      finished(story),
    ];
    expect(codes(await bundle(story, entries))).toEqual([]);
  });

  test('accepts two people for two groups, whichever of them could fill both', async () => {
    const needs = [
      { group: 'oncall', quorum: 1 },
      { group: 'security', quorum: 1 },
    ];
    const story = makeStory(needs);
    const both = approved(story, bob, ['oncall', 'security']);
    const text = await bundle(story, [
      confirmed(story),
      both,
      approved(story, carol, ['oncall']),
      started(story, ['bob', 'carol']),
    ]);
    expect(codes(text)).toEqual([]);
  });

  test('that ran after its time is refused', async () => {
    const story = makeStory([]);
    story.preimage.expiresAt = '2020-01-01T00:00:00.000Z';
    story.digest = digestOfPreimage(story.preimage);
    expect(codes(await bundle(story, [confirmed(story), started(story, [])]))).toEqual(['expired']);
  });

  test('goes to a file and is verified from it on the command line', async () => {
    const story = makeStory(onCall);
    await bundle(story, whole(story));
    const folder = await mkdtemp(join(tmpdir(), 'countersign-evidence-'));
    const file = join(folder, 'proof.json');
    try {
      const preimageOf = async (request: string) => (request === story.request ? story.preimage : null);
      let text = '';
      const write = (chunk: string) => {
        text += chunk;
      };
      const output = { write, say: () => undefined };
      const deps = { ...output, db: database.db, keys, preimageOf };
      expect(await evidenceCommand(deps, { request: story.request })).toEqual({ exit: 0 });
      await writeFile(file, text);
      text = '';
      expect(await evidenceVerify(output, { file, key: keys.signer.vkey })).toEqual({ exit: 0 });
      expect(text).toContain(`verified: request ${story.request}`);
      text = '';
      expect(await evidenceVerify(output, { file, key: makeKeys().signer.vkey, json: true })).toEqual({
        exit: 1,
      });
      expect(JSON.parse(text)).toMatchObject({ ok: false, findings: [{ code: 'bad_signature' }] });
      await expect(evidenceCommand(deps, { request: 'unknown' })).rejects.toMatchObject({
        code: 'not_found',
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('of a request that the log does not know is not made', async () => {
    const { preimage } = makeStory([]);
    const unknown = { sql: database.db, signer: keys.signer, request: crypto.randomUUID(), preimage };
    await expect(buildEvidence(unknown)).rejects.toMatchObject({ code: 'not_found' });
  });

  test('is signed over the encoding that the DSSE specification gives', () => {
    const encoded = preAuthentication('http://example.com/HelloWorld', Buffer.from('hello world'));
    expect(encoded.toString('utf8')).toBe('DSSEv1 29 http://example.com/HelloWorld 11 hello world');
  });
});
