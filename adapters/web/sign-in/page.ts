/** The few pages that people see who are not signed in: plain HTML, no script, everything escaped. */
import { randomBytes } from 'node:crypto';
import type { Response } from 'express';

/** Bytes of a nonce: 128 bits, as CSP 3 asks. */
const NONCE_BYTES = 16;

/** Markup that is safe to send as it is. */
export type Markup = { readonly html: string };

const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? '');

/** Every value is escaped, unless it is markup of ours already. */
export function markup(parts: TemplateStringsArray, ...values: (string | Markup)[]): Markup {
  const shown = values.map((value) => (typeof value === 'string' ? escaped(value) : value.html));
  return { html: parts.map((part, index) => part + (shown[index] ?? '')).join('') };
}

const NOTHING: Markup = { html: '' };

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: light-dark(#f6f7fb, #101218); color: light-dark(#161a29, #e8eaf2); }
main { box-sizing: border-box; width: min(100% - 32px, 440px); margin: 32px 0; padding: 32px; border-radius: 14px; background: light-dark(#fff, #191c25); border: 1px solid light-dark(#dfe3ee, #2b3040); overflow-wrap: anywhere; }
h1 { margin: 16px 0 8px; font-size: 1.375rem; line-height: 1.25; }
h2 { margin: 24px 0 8px; font-size: 1rem; }
p, li { margin: 0 0 16px; color: light-dark(#566078, #a0a9bf); }
ul { margin: 0; padding-left: 20px; } li { margin-bottom: 8px; }
button, .button { display: inline-block; font: inherit; font-weight: 600; padding: 10px 18px; border: 0; border-radius: 10px; cursor: pointer; text-decoration: none; background: light-dark(#3346d3, #a9b5ff); color: light-dark(#fff, #101218); }
a { color: light-dark(#3346d3, #a9b5ff); }
:focus-visible { outline: 3px solid light-dark(#3346d3, #a9b5ff); outline-offset: 2px; }
dt { font-weight: 600; } dd { margin: 0 0 12px; font-family: ui-monospace, monospace; user-select: all; }
pre { margin: 0 0 16px; padding: 12px; border-radius: 8px; background: light-dark(#f0f2f8, #13161e); white-space: pre-wrap; user-select: all; }
`;

/** Sends a whole page. `title` is the document's and its heading's. */
export function sendPage(response: Response, status: number, title: string, body: Markup): void {
  const nonce = randomBytes(NONCE_BYTES).toString('base64');
  response.set({
    'Content-Security-Policy': `default-src 'none'; style-src 'nonce-${nonce}'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
    // Under "no-referrer" a form is posted with "Origin: null", which we could not tell from a stranger's.
    'Referrer-Policy': 'same-origin',
  });
  const { html } = markup`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Countersign</title>
<link rel="icon" href="/logo.svg">
<style nonce="${nonce}">${{ html: STYLE }}</style>
<main><img src="/logo.svg" width="44" height="44" alt=""><h1>${title}</h1>
${body}</main>
</html>
`;
  response.status(status).type('html').send(html);
}

const signInForm = (returnTo: string, words: string): Markup =>
  markup`<form method="post" action="/sign-in"><input type="hidden" name="to" value="${returnTo}"><button>${words}</button></form>`;

export function askToSignIn(response: Response, returnTo: string, providerHost: string): void {
  const notice = returnTo.startsWith('/requests/')
    ? markup`<p>You opened a request, perhaps from a card in your chat. A link never says who you are: sign in to see it.</p>`
    : NOTHING;
  sendPage(
    response,
    200,
    'Sign in to Countersign',
    markup`${notice}<p>You sign in with your work account at ${providerHost}.</p>${signInForm(returnTo, 'Sign in')}<p><a href="/privacy">What Countersign records</a></p>`,
  );
}

/** A page that leads on, in place of a redirect: `form-action` would have to name every provider that a redirect passes. */
export function leadTo(response: Response, url: URL): void {
  response.set('Refresh', `0; url=${url.href}`);
  sendPage(
    response,
    200,
    'One moment',
    markup`<p>You are taken to ${url.host}.</p><p><a href="${url.href}" rel="noreferrer">Continue</a></p>`,
  );
}

/** Somebody proved who they are to the provider, and the directory lists nobody of that account. */
export function sayUnknown(response: Response, account: { issuer: string; subject: string }): void {
  const entry = `- platform: web\n  issuer: ${JSON.stringify(account.issuer)}\n  subject: ${JSON.stringify(account.subject)}`;
  sendPage(
    response,
    403,
    'You are not in the directory yet',
    markup`<p>Your sign-in worked, and nobody here is linked to this account. Send these lines to the people who run Countersign at
your company: they stand under your name, below "accounts", in the directory's file.</p>
<dl><dt>Issuer</dt><dd>${account.issuer}</dd><dt>Subject</dt><dd>${account.subject}</dd></dl>
<pre>${entry}</pre>
${signInForm('/', 'Sign in again')}`,
  );
}

export function sayInactive(response: Response): void {
  const words =
    'The directory lists this account as inactive. If that is wrong, ask the people who run Countersign.';
  sendPage(response, 403, 'Your account is switched off here', markup`<p>${words}</p>`);
}

/** A sign-in that ended without one; `words` are ours. */
export function sayFailed(response: Response, status: number, words: string): void {
  sendPage(response, status, 'You are not signed in', markup`<p>${words}</p>${signInForm('/', 'Try again')}`);
}

export function saySignedOut(response: Response, provider: { host: string; endSession: URL | null }): void {
  const further =
    provider.endSession === null
      ? NOTHING
      : markup`<p>You may still be signed in at ${provider.host}. <a href="${provider.endSession.href}" rel="noreferrer">Sign out there too</a></p>`;
  sendPage(
    response,
    200,
    'You are signed out',
    markup`<p>This browser can no longer act for you in Countersign.</p>${further}${signInForm('/', 'Sign in again')}`,
  );
}
