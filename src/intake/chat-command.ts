/** The few commands of the assistant itself, said in chat. Everything else is for the planner. Pure. */
import { RequestId } from '../model/ids.ts';
import type { KillScope } from './killswitch.ts';

export type ChatCommand =
  | { kind: 'whoami' }
  | { kind: 'mine' }
  | { kind: 'waiting' }
  | { kind: 'kill'; to: 'on' | 'off'; scope: KillScope; reason: string }
  | { kind: 'kill-status' }
  | { kind: 'resolve'; request: RequestId; as: 'succeeded' | 'failed'; note: string }
  | { kind: 'wrong'; usage: string };

const KILL_USAGE = 'kill on|off [action=NAME] [principal=ID] [connector=NAME] reason=WORDS, or kill status';
const RESOLVE_USAGE = 'resolve REQUEST-ID succeeded|failed [what you found]';

/** Null where the text is no command of the assistant's own. */
export function parseChatCommand(text: string): ChatCommand | null {
  const words = text.trim().split(/\s+/);
  const [first = '', second = '', third = ''] = words.map((word) => word.toLowerCase());
  if (words.length === 1 && first === 'whoami') return { kind: 'whoami' };
  if (words.length === 2 && first === 'my' && second === 'requests') return { kind: 'mine' };
  if (words.length === 3 && first === 'waiting' && second === 'for' && third === 'me')
    return { kind: 'waiting' };
  if (first === 'kill') return parseKill(words.slice(1));
  if (first === 'resolve') return parseResolve(words.slice(1));
  return null;
}

function parseKill(words: string[]): ChatCommand {
  const to = words[0]?.toLowerCase();
  if (to === 'status' && words.length === 1) return { kind: 'kill-status' };
  if (to !== 'on' && to !== 'off') return { kind: 'wrong', usage: KILL_USAGE };
  const scope: KillScope = { action: null, principal: null, connector: null };
  let at = 1;
  for (; at < words.length; at++) {
    const match = /^(action|principal|connector)=(\S+)$/.exec(words[at]!);
    if (!match) break;
    scope[match[1] as keyof KillScope] = match[2]!;
  }
  const reason = words
    .slice(at)
    .join(' ')
    .replace(/^reason=/, '')
    .replace(/^"(.*)"$/, '$1')
    .trim();
  return reason === '' ? { kind: 'wrong', usage: KILL_USAGE } : { kind: 'kill', to, scope, reason };
}

function parseResolve(words: string[]): ChatCommand {
  const request = RequestId.safeParse(words[0]);
  const as = words[1]?.toLowerCase();
  if (!request.success || (as !== 'succeeded' && as !== 'failed'))
    return { kind: 'wrong', usage: RESOLVE_USAGE };
  return { kind: 'resolve', request: request.data, as, note: words.slice(2).join(' ') };
}
