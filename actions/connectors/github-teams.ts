import { z } from 'zod';
import type { Connector } from '../../src/action.ts';
import { type Json, Risk } from '../../src/model/request.ts';
import { operations } from './github-teams.operations.ts';
import { peopleAs } from './people-setting.ts';

const Login = z.string().regex(/^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})$/, "is one of GitHub's names");
const Name = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, 'is a name in small letters');

const Settings = z.strictObject({
  org: Login,
  /** As people know it; `github.com`. */
  host: z.string().min(1).default('github.com'),
  /** Whom access can be given to: the directory's ids to GitHub's names. */
  logins: peopleAs(Login),
  /** Which teams access can be given to. */
  teams: z.record(
    Name,
    z.strictObject({
      slug: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,99}$/, 'is the slug of a team'),
      title: z.string().min(1).max(60),
      risk: Risk.default('high'),
    }),
  ),
});

/** Membership in teams of one organisation on GitHub. */
export const githubTeams: Connector = {
  name: 'github-teams',
  port: 'access',
  title: (settings) => `the teams of ${Settings.parse(settings).org} on GitHub`,
  settings: Settings as unknown as z.ZodType<Json>,
  facts: (_operation, args, settings) => {
    const { teams } = Settings.parse(settings);
    const name = String(args.team);
    return { risk: (Object.hasOwn(teams, name) ? teams[name]?.risk : undefined) ?? 'high' };
  },
  operations,
  examples: (operation, settings) => {
    const { logins, teams } = Settings.parse(settings);
    const [person = 'alice'] = Object.keys(logins);
    return Object.keys(teams).map((team) => ({
      person,
      team,
      ...(operation === 'grant' ? { hours: 1 } : {}),
    }));
  },
  module: 'actions/connectors/github-teams.operations.ts',
};
