/** What a person is told who must say what became of a write: where to look, for what, and by which mark. Pure. */
import type { GovernedAction } from '../action.ts';
import type { Resource, Result, StoredRequest } from '../model/request.ts';
import type { Quantity } from './broker/call.ts';
import { declare } from './broker/rules.ts';
import { usedUpInWords } from './spending.ts';

/** Names of resources come from arguments: they are cut, so that the words around them stay readable. */
const RESOURCE_MAX_CHARACTERS = 120;

/**
 * `sent`: no answer came. `sentUnseen`: nor could anybody look for it, for some minutes. `unseen`: for a day nobody could look at how it
 * went on. Otherwise what was used up before it could be looked
 * for, or before its looks saw an end.
 */
export type Unknown =
  | 'sent'
  | 'sentUnseen'
  | 'unseen'
  | { sentAndUsedUp: Quantity }
  | { looksUsedUp: Quantity };

function whatIsKnown(how: Unknown): string {
  if (how === 'sent') return 'It was sent, and no answer says whether it happened.';
  if (how === 'sentUnseen')
    return 'It was sent, and no answer says whether it happened. For some minutes it could not be looked for.';
  if (how === 'unseen')
    return 'It was started, and for a day the outside system did not let us see how it went on.';
  if ('sentAndUsedUp' in how)
    return `It was sent, and no answer says whether it happened. ${usedUpInWords(how.sentAndUsedUp)}, so it was not looked for.`;
  return `It was started, and goes on or has ended. ${usedUpInWords(how.looksUsedUp)}, so nobody looks at it from here any more.`;
}

/** `governed` null: nobody serves it any more. `link`: what the run said before its end; cards show it. */
export function unknownOutcome(
  how: Unknown,
  request: Pick<StoredRequest, 'connector' | 'resource' | 'arguments' | 'preview' | 'handle' | 'requester'>,
  governed: Pick<GovernedAction, 'connector' | 'operation' | 'settings'> | null,
  mark: string,
  link?: string,
): Result {
  const system = governed === null ? request.connector : governed.connector.title(governed.settings);
  const message = [
    whatIsKnown(how),
    `Please look in ${system} at ${inWords(request.resource)}.`,
    ...(governed === null || sendsMark(request, governed, mark)
      ? [`What we write there carries the mark ${mark}, where the system keeps one.`]
      : []),
    'Say what you found.',
  ].join(' ');
  return { code: 'unknown_outcome', message, ...(link === undefined ? {} : { link }) };
}

/** Whether anything that this request may write holds its mark; nobody finds what was never sent. */
function sendsMark(
  request: Pick<StoredRequest, 'arguments' | 'preview' | 'handle' | 'requester'>,
  { operation, settings }: Pick<GovernedAction, 'operation' | 'settings'>,
  mark: string,
): boolean {
  const { arguments: args, preview, handle, requester } = request;
  const values = { args, pinned: preview?.pinned ?? {}, handle: handle ?? {}, settings, mark, requester };
  const writes = operation.egress.filter(({ effect }) => effect === 'write');
  return declare(writes, values).some(({ segments, query, body, headers }) =>
    JSON.stringify([segments, [...query], body, headers]).includes(mark),
  );
}

function inWords({ type, id }: Resource): string {
  const cut =
    id.length > RESOURCE_MAX_CHARACTERS ? `${id.slice(0, RESOURCE_MAX_CHARACTERS).toWellFormed()}…` : id;
  return `${type} "${cut}"`;
}
