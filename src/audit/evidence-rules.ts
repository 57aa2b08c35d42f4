/** The rules that a stranger checks in a proof bundle: nothing ran without the confirmation and approvals that it needed. Pure. */
import { z } from 'zod';
import { needsAreMet } from '../model/quorum.ts';
import { ApprovalNeed, IsolationLevel, type Json } from '../model/request.ts';
import { canonical } from './canonical.ts';
import type { Entry } from './entry.ts';

export type Finding = { code: string; message: string };

/** Clocks of the writer and of the database may differ by this much. */
const SKEW_MS = 60_000;

const Started = z.looseObject({
  digest: z.string(),
  level: IsolationLevel,
  code: z.string(),
  approvals: z.array(z.string()),
  obligations: z.looseObject({ approvals: z.array(ApprovalNeed) }),
});
const Given = z.looseObject({ digest: z.string(), groups: z.array(z.string()) });
const Preimage = z.looseObject({
  requester: z.string(),
  action: z.string(),
  codeDigest: z.string(),
  expiresAt: z.string(),
  provenance: z.record(z.string(), z.string()),
  obligations: z.looseObject({
    approvals: z.array(ApprovalNeed),
    isolation: IsolationLevel.nullable().optional(),
  }),
});
export type Facts = { digest: string; preimage: Record<string, Json>; entries: readonly Entry[] };

/** After these nothing may start; an edit has a digest of its own, and ends what was agreed to before. */
const ENDS = new Set(['request.cancelled', 'request.expired', 'approval.denied']);

/** Typed commands and submitted forms are their own confirmation; reading needs none. The request's entries say which it is. */
function needsNoConfirmation(before: readonly Entry[], digest: string): boolean {
  return before.some(
    ({ type, data }) =>
      type === 'proposal.made' && data?.digest === digest && (data.typed === true || data.effect === 'read'),
  );
}

function checkApprovals(
  before: readonly Entry[],
  started: z.infer<typeof Started>,
  preimage: z.infer<typeof Preimage>,
  digest: string,
  editors: ReadonlySet<string>,
): Finding[] {
  const findings: Finding[] = [];
  const counted = new Map<string, readonly string[]>();
  for (const approver of started.approvals) {
    if (approver === preimage.requester || editors.has(approver)) {
      findings.push({ code: 'self_approval', message: `${approver} approved their own request.` });
      continue;
    }
    if (counted.has(approver)) {
      findings.push({ code: 'approver_twice', message: `${approver} is counted twice.` });
      continue;
    }
    const given = before.flatMap((entry) => {
      if (entry.type !== 'approval.given' || entry.principal !== approver) return [];
      const data = Given.safeParse(entry.data);
      return data.success && data.data.digest === digest ? [data.data.groups] : [];
    });
    const groups = given.at(-1);
    if (groups === undefined) {
      findings.push({
        code: 'approval_missing',
        message: `No earlier entry shows that ${approver} approved exactly this.`,
      });
    } else {
      counted.set(approver, groups);
    }
  }
  const asked = [preimage.obligations.approvals, started.obligations.approvals];
  const people = [...counted].map(([id, groups]) => ({ id, groups }));
  if (!asked.every((needs) => needsAreMet(needs, people))) {
    findings.push({
      code: 'quorum_missing',
      message: 'Fewer different people approved than the rules asked for.',
    });
  }
  return findings;
}

function checkStart(start: Entry, facts: Facts, preimage: z.infer<typeof Preimage>): Finding[] {
  const { digest, entries } = facts;
  const started = Started.safeParse(start.data);
  if (!started.success)
    return [{ code: 'start_unreadable', message: 'An execution does not say what it relied on.' }];
  const findings: Finding[] = [];
  const before = entries.filter((entry) => entry.index < start.index);
  const lastEdit = before.findLastIndex((entry) => entry.type === 'request.edited');
  const current = before.slice(lastEdit + 1);
  const ended = current.find((entry) => ENDS.has(entry.type));
  if (ended !== undefined) {
    findings.push({ code: 'already_ended', message: `It ran after an entry ${ended.type}.` });
  }
  const confirmed = current.some(
    ({ type, principal, data }) =>
      type === 'request.confirmed' && principal === preimage.requester && data?.digest === digest,
  );
  if (!confirmed && !needsNoConfirmation(before, digest)) {
    findings.push({
      code: 'not_confirmed',
      message: 'It ran without an earlier confirmation by its requester.',
    });
  }
  if (started.data.code !== preimage.codeDigest) {
    findings.push({
      code: 'other_code',
      message: 'The code that ran is not the code that was countersigned.',
    });
  }
  const least = preimage.obligations.isolation ?? 'none';
  // Strongest first.
  const { options } = IsolationLevel;
  if (options.indexOf(started.data.level) > options.indexOf(least)) {
    findings.push({
      code: 'isolation_too_low',
      message: `It ran at level ${started.data.level}; policy asked for ${least} at least.`,
    });
  }
  const expiresAt = Date.parse(preimage.expiresAt);
  if (Number.isNaN(expiresAt) || Date.parse(start.time) > expiresAt + SKEW_MS) {
    findings.push({ code: 'expired', message: 'It ran after it had expired.' });
  }
  // Whoever changed it asked for it too, however long ago.
  const editors = new Set(
    before.flatMap(({ type, principal }) =>
      type === 'request.edited' && principal !== undefined ? [principal] : [],
    ),
  );
  return [
    ...findings,
    ...checkEdits(before, digest),
    ...checkApprovals(current, started.data, preimage, digest, editors),
  ];
}

/** From the proposal on, every change begins with what stood there, and the last one leads to what ran. */
function checkEdits(before: readonly Entry[], digest: string): Finding[] {
  const steps = before.filter(({ type }) => type === 'proposal.made' || type === 'request.edited');
  if (!steps.some(({ type }) => type === 'request.edited')) return [];
  const findings: Finding[] = [];
  for (const [at, { type, data }] of steps.entries()) {
    const earlier = steps[at - 1];
    if (type === 'request.edited' && earlier !== undefined && data?.before !== earlier.data?.digest) {
      findings.push({ code: 'edit_broken', message: 'A change does not begin with what stood there.' });
    }
  }
  if (steps.at(-1)?.data?.digest !== digest) {
    findings.push({ code: 'edited_since', message: 'It was changed, and what ran is not what it became.' });
  }
  return findings;
}

/** `entries` in order of index, all of one request, each proven to stand in the log. */
export function checkRules(facts: Facts): Finding[] {
  const preimage = Preimage.safeParse(facts.preimage);
  if (!preimage.success)
    return [{ code: 'preimage_unreadable', message: 'The countersigned text lacks a part.' }];
  const findings: Finding[] = [];
  const about = facts.entries.filter((entry) => entry.data?.digest === facts.digest);
  if (about.length === 0) {
    findings.push({
      code: 'digest_unknown',
      message: 'No entry is about what the bundle says was countersigned.',
    });
  }
  for (const { type, data } of facts.entries) {
    if (
      type === 'proposal.made' &&
      data?.action !== undefined &&
      canonical(data.action) !== canonical(preimage.data.action)
    ) {
      findings.push({ code: 'other_action', message: 'The proposal was for another action.' });
    }
  }
  const starts = facts.entries.filter((entry) => entry.type === 'execution.started');
  for (const entry of facts.entries) {
    if (!entry.type.startsWith('execution.')) continue;
    const named = entry.data?.digest;
    if (named !== facts.digest && (named !== undefined || entry.type === 'execution.started')) {
      findings.push({ code: 'other_digest', message: `An entry ${entry.type} is about another digest.` });
    }
  }
  const finished = facts.entries.find((entry) => entry.type === 'execution.finished');
  if (finished !== undefined && !starts.some((start) => start.index < finished.index)) {
    findings.push({ code: 'never_started', message: 'It finished without an entry that it was started.' });
  }
  return [...findings, ...starts.flatMap((start) => checkStart(start, facts, preimage.data))];
}
