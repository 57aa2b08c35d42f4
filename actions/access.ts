/** Access as policy sees it: a team, and who is to be in it. */
import { z } from 'zod';
import type { ResourceFacts } from '../src/action.ts';
import { type Resource, Risk } from '../src/model/request.ts';

export const accessFields = {
  person: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'A person is named by the id in the directory, such as alice.')
    .meta({ title: 'Person', description: 'Who gets it, by the id in the directory, e.g. alice.' }),
  team: z
    .string()
    .regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, 'A team is one name in small letters, such as database-admins.')
    .meta({ title: 'Team', description: 'Which team, e.g. database-admins.' }),
};

/** A team that nobody described counts as the worst that one could be. */
const Facts = z.object({ risk: Risk.catch('high') });

export const accessRisk = (_args: unknown, { settings }: ResourceFacts): Risk =>
  Facts.catch({ risk: 'high' }).parse(settings).risk;

export const accessResource = (
  { team, person }: { team: string; person: string },
  { connector }: ResourceFacts,
): Resource => ({ type: 'Team', id: `${connector}/${team}`, attributes: { connector, team, person } });
