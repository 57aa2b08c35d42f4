/**
 * The channels that the configuration names: whether the app may write there shows when something is said there, as asking a
 * platform for its members would take rights that nothing else here needs.
 */
import type { Config } from '../../config.ts';
import type { Database } from '../../store/database.ts';
import { bad, type Finding, note, ok } from './finding.ts';

type Named = { platform: 'slack' | 'teams'; container: string; by: string };
/** What became of what was last to be shown; null: nothing was, yet. */
type Last = { refused: string | null };

export async function lookAtPlaces(config: Config, db: Database): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const place of namedIn(config)) findings.push(whatOf(place, await lastAt(db, place)));
  return findings;
}

function whatOf({ platform, container, by }: Named, last: Last | null): Finding {
  if (last === null)
    return note(platform, `nothing was said in ${container} (${by}) yet`, 'The app must be in it by then.');
  return last.refused === null
    ? ok(platform, `${container} (${by}) shows what is said there`)
    : bad(
        platform,
        `${container} (${by}) did not take what was last said there (${last.refused})`,
        'Add the app there, or name another place. Who may approve is asked by direct message meanwhile.',
      );
}

/** Each once, by the first that names it, where its platform is configured. */
function namedIn({ slack, teams, reach }: Config): Named[] {
  const of = (platform: Named['platform'], by: string, container: string | null | undefined): Named[] =>
    container == null ? [] : [{ platform, container: container.split(';')[0] ?? container, by }];
  const named = [
    ...of('slack', 'slack.approvals_channel', slack?.approvalsChannel),
    ...of('slack', 'slack.operators_channel', slack?.operatorsChannel),
    ...of('teams', 'teams.approvals_conversation', teams?.approvalsConversation),
    ...of('teams', 'teams.operators_conversation', teams?.operatorsConversation),
    ...reach.routes.flatMap(({ channels }) => [
      ...(slack === null ? [] : of('slack', 'a route', channels.slack)),
      ...(teams === null ? [] : of('teams', 'a route', channels.teams)),
    ]),
  ];
  return named.filter(
    (one, at) =>
      named.findIndex((it) => it.platform === one.platform && it.container === one.container) === at,
  );
}

/** Not in threads: one whose first message was deleted says nothing of its channel. */
function lastAt(db: Database, { platform, container }: Named): Promise<Last | null> {
  return db.maybe<Last>(
    `select case when m.delivered is null then m.undeliverable end as refused
     from messages m join threads t on t.id = m.thread
     where t.platform = $1 and t.container = $2 and t.thread = ''
       and (m.delivered is not null or m.undeliverable in ('not_found', 'not_allowed'))
     order by m.serial desc limit 1`,
    [platform, container],
  );
}
