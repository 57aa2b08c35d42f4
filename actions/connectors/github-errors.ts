/** What GitHub's refusals mean, in our words; GitHub's own text goes nowhere. */
import type { RunResult } from '../../src/action.ts';
import { againWords, failed, refusedBy, unclear, waitingWords } from './answer.ts';

type Headers = Record<string, unknown>;

function headersOf(error: object): Headers {
  const response = 'response' in error ? error.response : null;
  const headers =
    typeof response === 'object' && response !== null && 'headers' in response ? response.headers : null;
  return typeof headers === 'object' && headers !== null ? (headers as Headers) : {};
}

/** Octokit gives numbers for headers that are numbers. */
function headerOf(headers: Headers, name: string): string | null {
  const value = headers[name];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : null;
}

function statusWords(status: number, headers: Headers): [code: string, words: string] | null {
  const limited =
    status === 429 || headers['retry-after'] !== undefined || headers['x-ratelimit-remaining'] === '0';
  if (limited && (status === 403 || status === 429)) {
    return [
      'rate_limited',
      `GitHub takes no more calls from the assistant for now; ${againWords((name) => headerOf(headers, name))}.`,
    ];
  }
  switch (status) {
    case 400:
    case 422:
      return ['upstream_rejected', 'GitHub does not accept these values.'];
    case 401:
      return [
        'upstream_unauthorized',
        "GitHub does not accept the assistant's credential; an operator must renew it.",
      ];
    case 403:
      return [
        'upstream_forbidden',
        "GitHub does not let the assistant's account do this in that repository.",
      ];
    case 404:
      return ['not_found', 'GitHub knows no such repository or issue, or hides it from the assistant.'];
    case 409:
      return [
        'upstream_conflict',
        'GitHub was changing this at the same moment; look at it there, then ask again.',
      ];
    case 410:
      return ['issues_disabled', 'Issues are switched off in that repository, or this one was deleted.'];
    default:
      return null;
  }
}

/**
 * The failure of a call of which it is certain that it changed nothing. Anything else (a server's error, a cut
 * connection, a refusal after it had left) is thrown, and left to the crash rules.
 */
export function githubFailure(error: unknown): RunResult & { kind: 'failed' } {
  if (typeof error !== 'object' || error === null) throw error;
  const headers = headersOf(error);
  const refused = refusedBy((name) => headerOf(headers, name));
  if (refused?.sent) throw unclear('GitHub', refused.reason);
  if (refused) {
    const words = waitingWords('GitHub', refused) ?? 'The call to GitHub was refused before it left.';
    return failed(refused.reason, words);
  }
  const status = 'status' in error && typeof error.status === 'number' ? error.status : 0;
  const words = Object.keys(headers).length > 0 ? statusWords(status, headers) : null;
  if (words === null) throw unclear('GitHub', String(status || 'no answer'));
  return failed(...words);
}
