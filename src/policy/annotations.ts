/** Annotations: the closed set of what a policy may say about itself, and what a permit may ask for. */
import type { IsolationLevel } from '../model/request.ts';

const ID = /^[a-z0-9][a-z0-9-]{0,63}$/;
const DURATION = /^([1-9][0-9]{0,3})([mhd])$/;
const UNIT_SECONDS = { m: 60, h: 3600, d: 86_400 } as const;

/** Above this nobody remembers what they were asked; a quorum is one digit. */
const QUORUM = /^[1-9]$/;
/** Shorter than a minute, a person cannot read the card. */
const MIN_EXPIRY_SECONDS = 60;
/** After a week what was asked describes another world; asking again is one message. */
const MAX_EXPIRY_SECONDS = 7 * 86_400;
/** Where no permit says: a working day, so that tomorrow's shift is not asked about yesterday. */
export const DEFAULT_EXPIRY_SECONDS = 8 * 3600;
/** A denial quotes it in one line. */
const MAX_TEXT_CHARS = 300;

/** What one permit asks for. `approval`: undeclared, nobody else, or a group; `quorum` is 1 where undeclared. */
export type Asked = {
  approval: { kind: 'undeclared' } | { kind: 'none' } | { kind: 'group'; group: string };
  quorum: number;
  stepup: 'passkey' | null;
  expiresSeconds: number | null;
  isolation: Exclude<IsolationLevel, 'none'> | null;
};

export type Annotations = { id: string; description: string; reason: string | null; asked: Asked };

/** Keys that only a permit may carry: on a forbid they would read as if they did something. */
const OBLIGATIONS = ['approval', 'quorum', 'stepup', 'expires', 'isolation'];
const KNOWN = new Set(['id', 'description', 'reason', ...OBLIGATIONS]);

/**
 * The annotations of one policy, or the reason why they are refused. Anything outside the closed set is:
 * a misspelt obligation would otherwise be one that nobody enforces.
 */
export function readAnnotations(
  raw: Readonly<Record<string, string | null>>,
  effect: 'permit' | 'forbid',
  groups: ReadonlySet<string>,
): { ok: true; annotations: Annotations } | { ok: false; reason: string } {
  const no = (reason: string) => ({ ok: false as const, reason });
  const unknown = Object.keys(raw).find((key) => !KNOWN.has(key));
  if (unknown !== undefined)
    return no(`unknown annotation @${unknown}; known are ${[...KNOWN].map(at).join(' ')}`);
  const misplaced = OBLIGATIONS.find((key) => effect === 'forbid' && raw[key] !== undefined);
  if (misplaced !== undefined) return no(`@${misplaced} asks for something, which only a permit can`);
  for (const key of effect === 'forbid' ? ['id', 'description', 'reason'] : ['id', 'description']) {
    if (!raw[key]) return no(`a ${effect} needs @${key}`);
  }
  const { id, description, reason, approval, quorum, stepup, expires, isolation } = raw;
  if (!ID.test(id ?? '')) return no('@id is lower-case letters, digits and hyphens');
  for (const text of [description, reason]) {
    if ((text ?? '').length > MAX_TEXT_CHARS) return no(`a text is longer than ${MAX_TEXT_CHARS} characters`);
  }
  if (approval !== undefined && approval !== 'none' && !groups.has(approval ?? '')) {
    return no(`@approval("${approval ?? ''}"): not "none", and no group of the directory`);
  }
  if (quorum !== undefined && !QUORUM.test(quorum ?? '')) return no('@quorum is "1" to "9"');
  if (quorum !== undefined && (approval === undefined || approval === 'none')) {
    return no('@quorum needs @approval with a group');
  }
  if (stepup !== undefined && stepup !== 'passkey') return no('@stepup is "passkey"');
  const expiresSeconds = expires === undefined ? null : seconds(expires);
  if (expiresSeconds === undefined) return no('@expires is a time such as "15m", "8h" or "2d", 1m to 7d');
  if (isolation !== undefined && !isLevel(isolation))
    return no('@isolation is "kernel", "kernel-lite" or "process"');
  return {
    ok: true,
    annotations: {
      id: id ?? '',
      description: description ?? '',
      reason: reason ?? null,
      asked: {
        approval:
          approval === undefined
            ? { kind: 'undeclared' }
            : approval === 'none'
              ? { kind: 'none' }
              : { kind: 'group', group: approval ?? '' },
        quorum: Number(quorum ?? 1),
        stepup: stepup ?? null,
        expiresSeconds,
        isolation: isolation ?? null,
      },
    },
  };
}

/** Seconds of "15m", "8h", "2d"; undefined when it is none or out of bounds. */
export function seconds(duration: string | null): number | undefined {
  const match = DURATION.exec(duration ?? '');
  if (match === null) return undefined;
  const value = Number(match[1]) * UNIT_SECONDS[match[2] as keyof typeof UNIT_SECONDS];
  return value >= MIN_EXPIRY_SECONDS && value <= MAX_EXPIRY_SECONDS ? value : undefined;
}

function isLevel(value: string | null): value is 'kernel' | 'kernel-lite' | 'process' {
  return value === 'kernel' || value === 'kernel-lite' || value === 'process';
}

const at = (key: string) => `@${key}`;
