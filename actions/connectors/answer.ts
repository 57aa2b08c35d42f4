/** What connectors share: how an answer of the broker is read. Runs in the sandbox. */
import type { RunResult } from '../../src/action.ts';
import { AppError } from '../../src/errors.ts';
import type { Json, Preview } from '../../src/model/request.ts';

/** Set by the broker on what it refused; `x-egress-sent: no` means that nothing can have happened. */
const REFUSED_HEADER = 'x-egress-refused';
const SENT_HEADER = 'x-egress-sent';

export type Fields = { [key: string]: Json };

/** `sent: false` is certain; everything else leaves open what the upstream did. `again`: "try again in 20 seconds". */
export type BrokerRefused = { reason: string; sent: boolean; again: string };

type ReadHeader = (name: string) => string | null;

export function refusedBy(header: ReadHeader): BrokerRefused | null {
  const reason = header(REFUSED_HEADER);
  return reason === null ? null : { reason, sent: header(SENT_HEADER) !== 'no', again: againWords(header) };
}

/** When it makes sense to ask again, by the answer's `Retry-After` in seconds. */
export function againWords(header: ReadHeader): string {
  const text = header('retry-after') ?? '';
  const seconds = /^[0-9]{1,6}$/.test(text) ? Number(text) : null;
  if (seconds === null) return 'try again in a few minutes';
  if (seconds > 90) return `try again in ${Math.ceil(seconds / 60)} minutes`;
  return `try again in ${Math.max(seconds, 1)} ${seconds <= 1 ? 'second' : 'seconds'}`;
}

/** What the broker's own patience says about a system; null for every other refusal. */
export function waitingWords(system: string, { reason, again }: BrokerRefused): string | null {
  switch (reason) {
    case 'circuit_open':
      return `${system} failed several times in a row and is left alone for now; ${again}.`;
    case 'paused':
      return `${system} asked the assistant to wait; ${again}.`;
    default:
      return null;
  }
}

export function text(fields: Readonly<Record<string, Json>>, name: string): string {
  const value = fields[name];
  return typeof value === 'string' ? value : '';
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A line of a preview whose label is ours and whose value is the outside system's own words: shown as a quotation of it. */
export const saidThere = (label: string, value: string): Preview['facts'][number] => ({
  label,
  value,
  quoted: true,
});

export function failed(code: string, message: string): RunResult & { kind: 'failed' } {
  return { kind: 'failed', result: { code, message } };
}

/** It was done, and what can be read back is not what was asked for; `message` says what to check. */
export function unsure(message: string, link: string): RunResult & { kind: 'unclear' } {
  return {
    kind: 'unclear',
    result: { code: 'read_back_differs', message, ...(link === '' ? {} : { link }) },
  };
}

/**
 * For what may or may not have happened: throwing leaves it to the crash rules, whereas `failed` would claim that
 * nothing did.
 */
export function unclear(system: string, why: string): AppError {
  return new AppError('upstream_failed', `${system} gave no clear answer (${why}).`);
}
