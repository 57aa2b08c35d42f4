/** The pages that anybody may read, in every mode and without signing in: what we are, and what we do with their words. */
import { fileURLToPath } from 'node:url';
import { type Response, Router } from 'express';
import {
  FOR_HOW_LONG,
  HOW_TO_REPORT,
  OPERATORS_CAN_READ,
  WHAT_I_AM,
  WHAT_I_RECORD,
} from '../../src/model/recording.ts';
import { markup, sendPage } from './sign-in/page.ts';

/** Drawn on each of these pages, and on those of the client. */
const LOGO_FOLDER = fileURLToPath(new URL('./client/public', import.meta.url));

/** Routes `/privacy`, `/terms` and `/logo.svg`; the first two are what the app package for Teams names. */
export function aboutPages(): Router {
  const router = Router();
  router.get('/privacy', (_request, response) => sayPrivacy(response));
  router.get('/terms', (_request, response) => sayTerms(response));
  router.get('/logo.svg', (_request, response) => {
    response.sendFile('logo.svg', { root: LOGO_FOLDER });
  });
  return router;
}

function sayPrivacy(response: Response): void {
  sendPage(
    response,
    200,
    'What Countersign records',
    markup`<p>${WHAT_I_AM}</p>
<h2>What, and for how long</h2>
<p>${WHAT_I_RECORD} ${FOR_HOW_LONG}</p>
<p>Passwords, tokens and keys that I recognise in what you write are masked before anything is stored. Of files and pictures I read and keep
nothing. Where your organisation has connected a language model, it is sent what you write, masked so, to understand it.</p>
<p>From your directory I know your name, your groups and your accounts, and which chat accounts you linked to yourself. These pages set no cookie; signing in to the workspace sets the ones
that it needs, and nothing here counts visits.</p>
<h2>Who can read it</h2>
<p>Whom your organisation's rules let read the log; their names are in my first answer to you. ${OPERATORS_CAN_READ} Messages in a chat are
read by whoever is in that chat.</p>
<h2>A copy of it, and its erasure</h2>
<p>Ask the people who run Countersign at your organisation. A copy holds every entry and every stored row that is yours, with your words opened.
An erasure destroys the keys under which the log sealed your words, and empties your stored messages. What was countersigned stays, as its
proof is taken over it; so does what stands in a chat, in another system, or in a backup, where it must be erased by itself.</p>
<p>${HOW_TO_REPORT}</p>
<p><a href="/terms">Terms of use</a></p>`,
  );
}

function sayTerms(response: Response): void {
  sendPage(
    response,
    200,
    'Terms of use',
    markup`<p>${WHAT_I_AM}</p>
<p>Countersign is an internal tool of the organisation that operates it, for its own people. That organisation's rules for such tools apply;
nobody else is a party to your using it.</p>
<ul>
<li>You act as yourself. What you confirm or approve is recorded as yours, and is done.</li>
<li>Approve what you have read and understand. A button gives nobody a right that policy does not give them.</li>
<li>Write what the work needs. Leave out secrets, and what concerns others without need.</li>
<li>An answer by a language model says so, and may be wrong.</li>
</ul>
<p>${HOW_TO_REPORT}</p>
<p><a href="/privacy">What Countersign records</a></p>`,
  );
}

/** In place of the workspace's first page, where there is no workspace. */
export function sayOff(response: Response): void {
  sendPage(
    response,
    200,
    'Countersign',
    markup`<p>${WHAT_I_AM}</p>
<p>Talk to me in your chat. There is no workspace at this address: its pages are off.</p>
<p><a href="/privacy">What Countersign records</a> · <a href="/terms">Terms of use</a></p>`,
  );
}
