/** Every command there is: what it takes, what it is for, and where it is. Modules are loaded when they are called. */
import type { Command } from './command.ts';

export type Entry = {
  /** As it is typed, without `countersign`. */
  usage: string;
  says: string;
  /** How many words stand beside the options. */
  words: number;
  options: readonly string[];
  flags: readonly string[];
  load(): Promise<Command>;
};

const SCOPE = ['action', 'principal', 'connector', 'reason'];
const SCOPE_USAGE = '[--action A] [--principal P] [--connector C] --reason TEXT';
const none = { words: 0, options: [], flags: [] } as const;

const audit = (name: 'verify' | 'exportLog' | 'checkpoint' | 'key') => async () =>
  (await import('./audit.ts'))[name];
const policy = async () => (await import('./policy.ts')).policy;
const kill = (name: 'on' | 'off' | 'status') => async () => (await import('./kill.ts'))[name];
const links = (name: 'list' | 'remove') => async () => (await import('./links.ts'))[name];

export const COMMANDS: Readonly<Record<string, Entry>> = {
  doctor: {
    ...none,
    usage: 'doctor [--new-keys]',
    says: 'checks everything it stands on and says how to mend it; --new-keys prints fresh secrets',
    flags: ['new-keys'],
    load: async () => (await import('./doctor.ts')).doctor,
  },
  migrate: {
    ...none,
    usage: 'migrate',
    says: "brings the database's schema up to date",
    load: async () => (await import('./migrate.ts')).migrate,
  },
  'audit verify': {
    ...none,
    usage: 'audit verify [--file F] [--key VKEY] [--checkpoint F]',
    says: 'recomputes chain, tree and signatures, from the database or an exported file; against a kept checkpoint',
    options: ['file', 'key', 'checkpoint'],
    load: audit('verify'),
  },
  'audit export': {
    ...none,
    usage: 'audit export [--since T] [--until T] [--checkpoint F]',
    says: 'the log as JSON Lines, up to a signed checkpoint, which --checkpoint adds to a file',
    options: ['since', 'until', 'checkpoint'],
    load: audit('exportLog'),
  },
  'audit checkpoint': {
    ...none,
    usage: 'audit checkpoint',
    says: 'the newest signed checkpoint',
    load: audit('checkpoint'),
  },
  'audit key': {
    ...none,
    usage: 'audit key',
    says: 'the key that checkpoints verify with',
    load: audit('key'),
  },
  evidence: {
    ...none,
    usage: 'evidence REQUEST',
    says: "one request's proof bundle",
    words: 1,
    load: async () => (await import('./evidence.ts')).evidence,
  },
  'evidence verify': {
    ...none,
    usage: 'evidence verify FILE [--key VKEY]',
    says: 'checks a proof bundle with no server',
    words: 1,
    options: ['key'],
    load: async () => (await import('./evidence.ts')).verify,
  },
  'policy check': { ...none, usage: 'policy check', says: 'validates policies and directory', load: policy },
  'policy test': { ...none, usage: 'policy test', says: "runs the policies' own tests", load: policy },
  'policy explain': {
    ...none,
    usage: 'policy explain --principal P --action A [--args JSON]',
    says: 'why somebody may or may not',
    options: ['principal', 'action', 'args'],
    load: policy,
  },
  'policy matrix': { ...none, usage: 'policy matrix', says: 'who may do what', load: policy },
  'kill on': {
    ...none,
    usage: `kill on ${SCOPE_USAGE}`,
    says: 'stops everything, or what is named, and voids what is pending',
    options: SCOPE,
    load: kill('on'),
  },
  'kill off': {
    ...none,
    usage: `kill off ${SCOPE_USAGE}`,
    says: 'lifts the switch of exactly this scope',
    options: SCOPE,
    load: kill('off'),
  },
  'kill status': { ...none, usage: 'kill status', says: 'the switches that are on', load: kill('status') },
  'links list': {
    ...none,
    usage: 'links list [--principal P]',
    says: 'chat accounts that people linked to themselves, and whether each counts',
    options: ['principal'],
    load: links('list'),
  },
  'links remove': {
    ...none,
    usage: 'links remove LINK',
    says: 'takes such a link away at once; LINK as `links list` shows it',
    words: 1,
    load: links('remove'),
  },
  screen: {
    ...none,
    usage: 'screen',
    says: 'JSON Lines {id, text} from stdin: what is found in each text, and the text without it',
    load: async () => (await import('./screen.ts')).screen,
  },
  'action new': {
    ...none,
    usage: 'action new NAME [--in FOLDER]',
    says: 'writes an action of your own that works, with its test, and says what comes next',
    words: 1,
    options: ['in'],
    load: async () => (await import('./action-new.ts')).create,
  },
  'action review': {
    ...none,
    usage: 'action review FOLDER/NAME [--write]',
    says: 'asks an action of your own, in the sandbox, what it would do; --write makes that what counts',
    words: 1,
    flags: ['write'],
    load: async () => (await import('./action-review.ts')).review,
  },
  'mcp review': {
    ...none,
    usage: 'mcp review SERVER [--write]',
    says: 'asks an MCP server what it says of its tools; --write makes that what counts',
    words: 1,
    flags: ['write'],
    load: async () => (await import('./mcp-review.ts')).review,
  },
  'privacy export': {
    ...none,
    usage: 'privacy export P',
    says: 'all that is held of a person, as JSON Lines',
    words: 1,
    load: async () => (await import('./privacy.ts')).exportPerson,
  },
  'privacy erase': {
    ...none,
    usage: 'privacy erase P',
    says: 'destroys the keys of what a person wrote, and the plain copies',
    words: 1,
    load: async () => (await import('./privacy.ts')).erasePerson,
  },
  reset: {
    ...none,
    usage: 'reset [--yes]',
    says: 'empties the local data folder: database, keys, everything. Asks first',
    flags: ['yes'],
    load: async () => (await import('./reset.ts')).reset,
  },
};

/** All commands, or those that begin with `family`. */
export function usageText(family?: string): string {
  const all = Object.entries(COMMANDS);
  const chosen = all.filter(([name]) => name.split(' ')[0] === family);
  const entries = (chosen.length === 0 ? all : chosen).map(([, entry]) => entry);
  const lines = entries.flatMap(({ usage, says }) => [`  ${usage}`, `      ${says}`]);
  return [
    'Usage: countersign COMMAND [--json]',
    '',
    ...lines,
    '',
    'Exit: 0 good, 1 bad news, 2 wrong usage. Data goes to stdout, everything else to stderr.',
  ].join('\n');
}
