/** The pure parts of the sign-in: where one returns to, what a transaction's cookie holds, which cookie counts. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cookieOf } from '../../../adapters/web/sign-in/cookies.ts';
import { markup } from '../../../adapters/web/sign-in/page.ts';
import { csrfTokenOf, isCsrfToken } from '../../../adapters/web/sign-in/sessions.ts';
import {
  beginTransaction,
  pathOfOurs,
  readTransaction,
  TRANSACTION_LIFETIME_MS,
} from '../../../adapters/web/sign-in/transaction.ts';

const NOW = new Date('2026-11-21T09:00:00.000Z');
const later = (ms: number) => new Date(NOW.getTime() + ms);

describe('where a sign-in returns to', () => {
  it.each([
    ['/', '/'],
    ['/requests/6f1d9d0e', '/requests/6f1d9d0e'],
    ['/requests/x?from=slack#top', '/requests/x'],
    ['//evil.example/x', '/'],
    ['/\\evil.example', '/'],
    ['/\t/evil.example', '/'],
    ['/.//evil.example', '/'],
    ['https://evil.example/', '/'],
    ['javascript:alert(1)', '/'],
    ['', '/'],
    [undefined, '/'],
    [['/a', '/b'], '/'],
    [`/${'x'.repeat(500)}`, '/'],
  ])('%j becomes %j', (given, path) => {
    expect(pathOfOurs(given)).toBe(path);
  });

  it('is always on our own origin', () => {
    const anything = fc.oneof(
      fc.string(),
      fc.webUrl(),
      fc.string().map((text) => `/${text}`),
    );
    fc.assert(
      fc.property(anything, (given) => {
        const url = new URL(pathOfOurs(given), 'https://countersign.example');
        expect(url.origin).toBe('https://countersign.example');
      }),
    );
  });
});

describe('a transaction', () => {
  it('is read back from its cookie, with the same secrets', () => {
    const begun = beginTransaction('/requests/x', NOW);
    expect(readTransaction(begun.cookie, later(1))).toEqual(begun);
  });

  it('gives none of its secrets away by another', () => {
    const { cookie, hash, state, nonce, codeVerifier } = beginTransaction('/', NOW);
    const random = cookie.split('.')[1] ?? '';
    const all = [random, hash.toString('base64url'), state, nonce, codeVerifier];
    expect(new Set(all).size).toBe(all.length);
    expect(beginTransaction('/', NOW).state).not.toBe(state);
    expect(codeVerifier).toMatch(/^[\w-]{43}$/);
  });

  it('is over after ten minutes, and none that begins in the future', () => {
    const { cookie } = beginTransaction('/', NOW);
    expect(readTransaction(cookie, later(TRANSACTION_LIFETIME_MS))).not.toBeNull();
    expect(readTransaction(cookie, later(TRANSACTION_LIFETIME_MS + 1))).toBeNull();
    expect(readTransaction(cookie, later(-120_000))).toBeNull();
  });

  it('that was given more time has other secrets', () => {
    const begun = beginTransaction('/', NOW);
    const stretched = begun.cookie.replace(/^\d+/, String(NOW.getTime() + 60_000));
    expect(readTransaction(stretched, later(60_000))?.state).not.toBe(begun.state);
  });

  it('is nothing that does not have its form', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(readTransaction(text, NOW)).toBeNull();
      }),
    );
    expect(readTransaction(undefined, NOW)).toBeNull();
  });
});

describe('a cookie', () => {
  it('counts where it is there once, by its whole name', () => {
    expect(cookieOf('a=1; __Host-countersign=x; b=2', '__Host-countersign')).toBe('x');
    expect(cookieOf('__Host-countersign-sign-in=x', '__Host-countersign')).toBeUndefined();
    expect(cookieOf('__Host-countersign=x; __Host-countersign=y', '__Host-countersign')).toBeUndefined();
    expect(cookieOf(undefined, '__Host-countersign')).toBeUndefined();
  });
});

describe('a token against forged changes', () => {
  it('belongs to one session', () => {
    expect(isCsrfToken(csrfTokenOf('one'), 'one')).toBe(true);
    for (const given of [csrfTokenOf('two'), '', undefined, `${csrfTokenOf('one')}x`]) {
      expect(isCsrfToken(given, 'one')).toBe(false);
    }
  });

  it('has a known value for a known session', () => {
    expect(csrfTokenOf('an id of a session')).toBe('hxglxy31jCQndraVozb5PFYc-NcG3SmV8DisWt-gBxY');
  });
});

describe('markup', () => {
  it('holds no character of a value that could open or close an element', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        expect(
          markup`<p title="${value}">${value}</p>`.html.replace(/^<p title="|">|<\/p>$/g, ''),
        ).not.toMatch(/[<>"']/);
      }),
    );
  });
});
