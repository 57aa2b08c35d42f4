/** The few commands of the assistant itself, said in chat. Everything else is for the planner. Pure. */
import type { KillScope } from './killswitch.ts';

/** What a sentence answers. `request` is everywhere an id or how it begins, as it was written: untrusted. */
export type AnsweredCommand =
  | { kind: 'whoami' }
  | { kind: 'mine' }
  | { kind: 'waiting' }
  /** Both, and what they may ask for. */
  | { kind: 'home' }
  | { kind: 'kill'; to: 'on' | 'off'; scope: KillScope; reason: string }
  | { kind: 'kill-status' }
  | { kind: 'resolve'; request: string; as: 'succeeded' | 'failed'; note: string }
  /** `to`: whatever names somebody. */
  | { kind: 'delegate'; request: string; to: string }
  /** Null: of every schedule. */
  | { kind: 'on-call'; schedule: string | null }
  | { kind: 'wrong'; usage: string };

/** `undo` leads to a request of its own; `cancel` and `report` are recorded with the turn that said it. */
export type ChatCommand =
  | AnsweredCommand
  | { kind: 'undo'; request: string }
  | { kind: 'cancel'; request: string }
  /** `last`: the request that was spoken of last where it is said. */
  | { kind: 'report'; request: string | null; words: string };

const KILL_USAGE = 'kill on|off [action=NAME] [principal=ID] [connector=NAME] reason=WORDS, or kill status';
const DELEGATE_USAGE = 'delegate REQUEST-ID to PERSON';
const NAMES_ONE_USAGE = { undo: 'undo REQUEST-ID', cancel: 'cancel REQUEST-ID' } as const;
const REPORT_USAGE =
  'report REQUEST-ID what looks wrong, report last what looks wrong, or about anything else report: what looks wrong';
const RESOLVE_USAGE = 'resolve REQUEST-ID succeeded|failed [what you found]';

/**
 * Null where the text is no command of the assistant's own. "Resolve the DNS trouble in Berlin" is a wish, not a command:
 * `resolve` is one only where a request or an outcome follows as its usage says.
 */
export function parseChatCommand(text: string): ChatCommand | null {
  const words = text.trim().split(/\s+/);
  const [first = '', second = '', third = ''] = words.map((word) => word.toLowerCase());
  if (words.length === 1 && first === 'whoami') return { kind: 'whoami' };
  if (words.length === 1 && first === 'home') return { kind: 'home' };
  if (words.length === 2 && first === 'my' && second === 'requests') return { kind: 'mine' };
  if (words.length === 3 && first === 'waiting' && second === 'for' && third === 'me')
    return { kind: 'waiting' };
  if (first === 'kill') return parseKill(words.slice(1));
  if (first === 'resolve') return parseResolve(words.slice(1));
  if (first === 'undo' || first === 'cancel') return parseOne(first, words.slice(1));
  // `report.weekly` is an action of somebody's own.
  if (/^report\b(?!\.\w)/.test(first)) return parseReport(text.trim().slice('report'.length));
  if (first === 'delegate') return parseDelegate(words.slice(1));
  const asked = ON_CALL.exec(text.trim());
  if (asked) return { kind: 'on-call', schedule: asked[1]?.toLowerCase() ?? null };
  return null;
}

/**
 * Everything before `reason=` must be a part of the scope, each once: a misspelt `action=` that was taken for a reason would
 * leave the scope empty, and "off" would then lift the switch that stops everything.
 */
function parseKill(words: string[]): ChatCommand {
  const wrong: ChatCommand = { kind: 'wrong', usage: KILL_USAGE };
  const to = words[0]?.toLowerCase();
  if (to === 'status' && words.length === 1) return { kind: 'kill-status' };
  if (to !== 'on' && to !== 'off') return wrong;
  const reasonAt = words.findIndex((word) => /^reason=/i.test(word));
  if (reasonAt < 0) return wrong;
  const scope: KillScope = { action: null, principal: null, connector: null };
  for (const word of words.slice(1, reasonAt)) {
    const [, name, value] = /^(action|principal|connector)=(\S+)$/i.exec(word) ?? [];
    const key = name?.toLowerCase() as keyof KillScope | undefined;
    if (key === undefined || value === undefined || scope[key] !== null) return wrong;
    scope[key] = value;
  }
  const reason = words
    .slice(reasonAt)
    .join(' ')
    .replace(/^reason=/i, '')
    .replace(/^"(.*)"$/, '$1')
    .trim();
  return reason === '' ? wrong : { kind: 'kill', to, scope, reason };
}

const ON_CALL = /^who(?:\s+is|['’]s)\s+on[\s-]call(?:\s+for\s+([a-z0-9_-]{1,64}))?\s*\??$/i;
/** As lists show it: the first eight digits are enough. */
const ID_OR_ITS_BEGINNING = /^[0-9a-f]{8}[0-9a-f-]{0,28}$/i;

/** "Delegate the DNS job to Bob" is a wish: a command names a request by its id. */
function parseDelegate([request = '', to = '', ...person]: string[]): ChatCommand | null {
  if (!ID_OR_ITS_BEGINNING.test(request))
    return request === '' ? { kind: 'wrong', usage: DELEGATE_USAGE } : null;
  return to.toLowerCase() === 'to' && person.length > 0
    ? { kind: 'delegate', request, to: person.join(' ') }
    : { kind: 'wrong', usage: DELEGATE_USAGE };
}

/**
 * "Report a broken projector in room 4" is a wish like any other: the command names a request, or says by its form that it is
 * meant for the operators. What follows is theirs, as it was written.
 */
function parseReport(rest: string): ChatCommand | null {
  if (rest.trim() === '' || rest.trim() === ':') return { kind: 'wrong', usage: REPORT_USAGE };
  const about = /^(?:\s*:|\s+suspicious\b:?)\s*([\s\S]+)$/i.exec(rest);
  if (about) return { kind: 'report', request: null, words: about[1] ?? '' };
  const [, named = '', words = ''] = /^\s+([^\s:]+):?(?:\s+([\s\S]*))?$/.exec(rest) ?? [];
  if (named.toLowerCase() === 'last') return { kind: 'report', request: 'last', words };
  return ID_OR_ITS_BEGINNING.test(named) ? { kind: 'report', request: named.toLowerCase(), words } : null;
}

/** "Undo the last deployment" is a wish, and "cancel" an answer to a question: the command names one request and nothing else. */
function parseOne(kind: 'undo' | 'cancel', words: string[]): ChatCommand | null {
  const [request = ''] = words;
  const isNamed = ID_OR_ITS_BEGINNING.test(request);
  if (isNamed && words.length === 1) return { kind, request };
  const isMeant = isNamed || (kind === 'undo' && words.length === 0);
  return isMeant ? { kind: 'wrong', usage: NAMES_ONE_USAGE[kind] } : null;
}

function parseResolve(words: string[]): ChatCommand | null {
  const [request = ''] = words;
  const isNamed = ID_OR_ITS_BEGINNING.test(request);
  const as = words[1]?.toLowerCase();
  const isOutcome = as === 'succeeded' || as === 'failed';
  if (isNamed && isOutcome) return { kind: 'resolve', request, as, note: words.slice(2).join(' ') };
  return isNamed || isOutcome || words.length === 0 ? { kind: 'wrong', usage: RESOLVE_USAGE } : null;
}
