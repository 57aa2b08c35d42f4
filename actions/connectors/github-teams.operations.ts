/**
 * Membership in teams of an organisation on GitHub (https://docs.github.com/en/rest/teams/members). Bundled and run in the
 * sandbox; every call passes the broker.
 */
import type { EgressValues, Operation, RunResult, Tools } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { type Fields, failed, isFields, text, unclear, unsure } from './answer.ts';
import { type Answer, read, readRule, type System, write, writeRule } from './json-call.ts';
import { CANNOT_TELL, happened, neverFollows } from './ticket-words.ts';

const GITHUB: System = {
  name: 'GitHub',
  host: 'api.github.com',
  // Not the one that makes tokens for single repositories: membership belongs to the organisation.
  credential: 'github-org',
  refusals: {
    404: ['not_found', 'GitHub has no such organisation, team or member, or hides it from the assistant.'],
    422: ['upstream_rejected', 'GitHub does not accept that member in that team.'],
  },
};

type Args = Readonly<Record<string, Json>>;
type Place = {
  org: string;
  host: string;
  logins: Record<string, string>;
  teams: Record<string, { slug: string; title: string }>;
};

const own = <T>(entries: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(entries, name) ? entries[name] : undefined;

/** Who and where, by GitHub's names; empty where the operator named neither, which fills no address. */
function whoAndWhere(args: Args, settings: Json) {
  const { org, logins, teams } = settings as Place;
  const team = own(teams, text(args, 'team'));
  return {
    org,
    team: team?.slug ?? '',
    title: team?.title ?? '',
    login: own(logins, text(args, 'person')) ?? '',
  };
}

const fill = ({ args, settings }: EgressValues) => {
  const { org, team, login } = whoAndWhere(args, settings);
  return { org, team, login };
};
const MEMBER = '/orgs/{org}/teams/{team}/memberships/{login}';
const memberPath = (args: Args, settings: Json): string[] => {
  const { org, team, login } = whoAndWhere(args, settings);
  return ['orgs', org, 'teams', team, 'memberships', login];
};

const readMember = readRule(GITHUB, MEMBER, { fill });
const readPerson = readRule(GITHUB, '/orgs/{org}/memberships/{login}', { fill });
const readTeam = readRule(GITHUB, '/orgs/{org}/teams/{team}', { fill });

const linkOf = (args: Args, settings: Json): string => {
  const { org, team } = whoAndWhere(args, settings);
  return `https://${(settings as Place).host}/orgs/${org}/teams/${team}`;
};

function done(args: Args, tools: Tools, message: string): RunResult {
  const data = { person: text(args, 'person'), team: text(args, 'team') };
  return { kind: 'done', result: { code: 'done', message, link: linkOf(args, tools.settings), data } };
}
const given = (args: Args, tools: Tools) =>
  done(args, tools, `${text(args, 'person')} is in ${text(args, 'team')} for ${String(args.hours)} hours.`);
const taken = (args: Args, tools: Tools) =>
  done(args, tools, `${text(args, 'person')} is not in ${text(args, 'team')} any more.`);

/** `null`: is no member. */
async function membership(args: Args, tools: Tools): Promise<Answer<Fields | null>> {
  const answer = await read(tools, GITHUB, memberPath(args, tools.settings));
  if (!answer.ok && answer.failure.result.code === 'not_found') return { ok: true, value: null };
  return answer;
}

function unknown(args: Args, tools: Tools): { refused: string } | null {
  const { teams, logins } = tools.settings as Place;
  const { team, login } = whoAndWhere(args, tools.settings);
  if (team === '')
    return {
      refused: `There is no team called ${text(args, 'team')}; there is ${Object.keys(teams).join(', ') || 'none'}.`,
    };
  if (login === '')
    return {
      refused: `For ${text(args, 'person')} no name on GitHub is known (${Object.keys(logins).length} people have one).`,
    };
  return null;
}

/** What both cards say of whom it is about. */
async function facts(args: Args, tools: Tools): Promise<Answer<{ label: string; value: string }[]>> {
  const { org, team, title, login } = whoAndWhere(args, tools.settings);
  const found = await read(tools, GITHUB, ['orgs', org, 'teams', team]);
  if (!found.ok) return found;
  const members = Number(found.value.members_count);
  return {
    ok: true,
    value: [
      {
        label: 'Team',
        value: `${title} (${org}/${team}${Number.isSafeInteger(members) ? `, ${members} members` : ''})`,
      },
      { label: 'Person', value: `${text(args, 'person')}, on GitHub ${login}` },
    ],
  };
}

const ROLE = { role: 'member' } as const;

const grant: Operation = {
  egress: [
    readTeam,
    readPerson,
    readMember,
    writeRule(GITHUB, MEMBER, { method: 'PUT', fill, body: () => ROLE }),
  ],
  writes: 1,
  idempotency: 'natural',
  preview: async (args, tools) => {
    const problem = unknown(args, tools);
    if (problem) return problem;
    const { org, login } = whoAndWhere(args, tools.settings);
    const person = await read(tools, GITHUB, ['orgs', org, 'memberships', login]);
    if (!person.ok && person.failure.result.code !== 'not_found')
      return { refused: person.failure.result.message };
    // An invitation would give it whenever it is taken up, perhaps after its time.
    if (!person.ok || text(person.value, 'state') !== 'active')
      return { refused: `${text(args, 'person')} (${login}) is not a member of ${org} on GitHub.` };
    const now = await membership(args, tools);
    if (!now.ok) return { refused: now.failure.result.message };
    // Taking it back at the end would take what they have anyway.
    if (now.value !== null)
      return { refused: `${text(args, 'person')} is in ${text(args, 'team')} already.` };
    const shown = await facts(args, tools);
    if (!shown.ok) return { refused: shown.failure.result.message };
    const hours = String(args.hours);
    return {
      summary: `Make ${text(args, 'person')} a member of ${text(args, 'team')} on GitHub for ${hours} hours.`,
      facts: [
        ...shown.value,
        { label: 'Ends', value: `taken back by itself ${hours} hours after it was given` },
      ],
      // Looked up again before it runs: who is in the team by then, for good or for a time of their own, would lose that at our end.
      pinned: { membership: 'none' },
    };
  },
  run: async (args, tools) => {
    const made = await write(tools, GITHUB, memberPath(args, tools.settings), ROLE, 'PUT');
    if (!made.ok) return made.failure;
    const answer = isFields(made.value) ? made.value : {};
    if (text(answer, 'state') === 'active' && text(answer, 'role') === 'member') return given(args, tools);
    const said = `GitHub made ${text(args, 'person')} something else than a member of ${text(args, 'team')}. Please look at it there.`;
    return unsure(said, linkOf(args, tools.settings));
  },
  reconcile: async (args, tools) => {
    const now = await membership(args, tools);
    return now.ok && now.value !== null && text(now.value, 'state') === 'active'
      ? happened(given(args, tools))
      : CANNOT_TELL;
  },
  follow: neverFollows,
};

const revoke: Operation = {
  egress: [readTeam, readMember, writeRule(GITHUB, MEMBER, { method: 'DELETE', fill, body: () => null })],
  writes: 1,
  idempotency: 'natural',
  preview: async (args, tools) => {
    const problem = unknown(args, tools);
    if (problem) return problem;
    const now = await membership(args, tools);
    if (!now.ok) return { refused: now.failure.result.message };
    const shown = await facts(args, tools);
    if (!shown.ok) return { refused: shown.failure.result.message };
    const state = now.value === null ? 'is not in it any more' : `is in it as ${text(now.value, 'role')}`;
    return {
      summary: `Take ${text(args, 'person')} out of ${text(args, 'team')} on GitHub.`,
      facts: [...shown.value, { label: 'Now', value: state }],
      pinned: {},
    };
  },
  run: async (args, tools) => {
    const made = await write(tools, GITHUB, memberPath(args, tools.settings), null, 'DELETE');
    if (!made.ok && made.failure.result.code !== 'not_found') return made.failure;
    const now = await membership(args, tools);
    if (!now.ok) throw unclear(GITHUB.name, 'the membership cannot be read back');
    if (now.value === null) return taken(args, tools);
    return failed(
      'upstream_rejected',
      `GitHub still shows ${text(args, 'person')} in ${text(args, 'team')}.`,
    );
  },
  reconcile: async (args, tools) => {
    const now = await membership(args, tools);
    return now.ok && now.value === null ? happened(taken(args, tools)) : CANNOT_TELL;
  },
  follow: neverFollows,
};

export const operations = { grant, revoke };
