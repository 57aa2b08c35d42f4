/** The files and settings of the company that the contract is proved at, and its people's ids on each platform. */
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { makeSampleRepository } from '../../actions/systems/sample-repository.ts';
import { type Config, readConfig } from '../../src/config.ts';
import type { ModelServer } from '../support/model-server.ts';
import { CLIENT, type TestProvider } from '../support/oidc/provider.ts';
import type { FakeSlack } from '../support/slack/fake-slack.ts';
import { TEAM } from '../support/slack/workspace.ts';
import { APP, type FakeConnector, TENANT } from '../support/teams/fake-connector.ts';
import { PEOPLE, type Person } from './channel.ts';

export const PUBLIC_URL = 'https://countersign.example';
export const SLACK = { approvals: 'CAPPROVALS', general: 'CGENERAL' };
export const TEAMS = { approvals: '19:approvals@thread.tacv2', general: '19:general@thread.tacv2' };
export const OPERATORS = { slack: 'COPERATORS', teams: '19:operators@thread.tacv2' };
/** Not in the directory, on no platform. */
export const STRANGER = 'stranger';
/** Far above what a test says in a minute: limits have their own tests. */
const NO_LIMIT = 10_000;
const GROUPS: Record<Person, string[]> = {
  alice: ['employees', 'engineers'],
  bob: ['employees', 'engineers', 'oncall'],
  carol: ['employees', 'engineers', 'oncall'],
  dave: ['employees'],
  erin: ['employees', 'operators'],
  frank: ['employees'],
};
const NAMES: Record<Person, string> = {
  alice: 'Alice Adams',
  bob: 'Bob Brown',
  carol: 'Carol Clark',
  dave: 'Dave Davis',
  erin: 'Erin Evans',
  frank: 'Frank Ford',
};

export const slackUser = (who: string): string => `U${who.toUpperCase()}`;
export const webSubject = (who: string): string => `subject-of-${who}`;
/** An Entra object id. */
export function teamsUser(who: string): string {
  const hex = Buffer.from(who.padEnd(6, '-').slice(0, 6)).toString('hex');
  return `00000000-0000-4000-8000-${hex}`;
}

const directoryOf = (issuer: string): string =>
  JSON.stringify({
    groups: {
      employees: { title: 'Employees', contact: 'People team, people@example.com' },
      engineers: { title: 'Engineers', contact: 'Platform team, platform@example.com' },
      oncall: { title: 'On call', contact: 'Platform team, platform@example.com' },
      operators: { title: 'Operators', contact: 'IT security, it-security@example.com' },
    },
    people: PEOPLE.map((id) => ({
      id,
      name: NAMES[id],
      groups: GROUPS[id],
      accounts: [
        { platform: 'slack', team: TEAM, user: slackUser(id) },
        { platform: 'teams', tenant: TENANT, oid: teamsUser(id) },
        { platform: 'web', issuer, subject: webSubject(id) },
      ],
    })),
  });

/** Writes the files into `folder` and reads them as the start does. */
export async function configure(
  folder: string,
  database: { appUrl: string; ownerUrl: string },
  slack: FakeSlack,
  teams: FakeConnector,
  provider: TestProvider,
  model: ModelServer,
): Promise<Config> {
  const data = path.join(folder, 'data');
  mkdirSync(data, { mode: 0o700 });
  const root = path.join(import.meta.dirname, '../..');
  const web = await makeSampleRepository(path.join(root, 'samples/web'), path.join(data, 'web.git'));
  cpSync(path.join(root, 'policies'), path.join(folder, 'policies'), { recursive: true });
  writeFileSync(path.join(folder, 'people.yaml'), directoryOf(provider.issuer), { mode: 0o600 });
  writeFileSync(
    path.join(folder, 'countersign.yaml'),
    JSON.stringify({
      people: 'people.yaml',
      policies: 'policies',
      jobs: path.join(root, 'samples/jobs.yaml'),
      repositories: { web },
      slack: { approvals_channel: SLACK.approvals, operators_channel: OPERATORS.slack },
      teams: {
        approvals_conversation: TEAMS.approvals,
        operators_conversation: OPERATORS.teams,
        service_url: teams.serviceUrl,
      },
      limits: { turns_per_minute: NO_LIMIT, requests_per_action_per_hour: NO_LIMIT },
    }),
    { mode: 0o600 },
  );
  return readConfig(
    {
      PORT: '0',
      PUBLIC_URL,
      COUNTERSIGN_CONFIG: path.join(folder, 'countersign.yaml'),
      COUNTERSIGN_DATA: data,
      DATABASE_URL: database.appUrl,
      DATABASE_OWNER_URL: database.ownerUrl,
      SLACK_BOT_TOKEN: slack.token,
      SLACK_SIGNING_SECRET: slack.signingSecret,
      SLACK_API_URL: slack.apiUrl,
      MicrosoftAppId: APP,
      MicrosoftAppPassword: 'unused',
      MicrosoftAppTenantId: TENANT,
      OIDC_ISSUER: provider.issuer,
      OIDC_CLIENT_ID: CLIENT.clientId,
      OIDC_CLIENT_SECRET: CLIENT.clientSecret,
      OPENAI_BASE_URL: model.url,
      OPENAI_MODEL: 'pinned',
      OPENAI_API_KEY: 'none',
    },
    folder,
  );
}
