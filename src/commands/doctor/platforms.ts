/** What is outside of this machine: Redis, Slack, Teams, the model. Each is asked one cheap question. */
import { z } from 'zod';
import type { AppIdentity } from '../../../adapters/teams/tokens.ts';
import type { Config } from '../../config.ts';
import { AppError } from '../../errors.ts';
import { redisEphemeral } from '../../store/ephemeral-redis.ts';
import { bad, type Finding, note, ok } from './finding.ts';

const ANSWER_WITHIN_MS = 5_000;
/** Below which all our keys stand, and how long the one of this look does. */
const REDIS_PREFIX = 'countersign:';
const COUNTED_FOR_MS = 1_000;
/** Codes of others are shown only as far as they are codes. */
const asCode = (text: unknown): string =>
  String(text)
    .replace(/[^a-z0-9_.-]/gi, '')
    .slice(0, 60);

export async function lookAtRedis({ redisUrl, production }: Config): Promise<Finding[]> {
  if (redisUrl === null) {
    const what = 'none: rate counters live in memory, so run one replica only';
    return [production ? note('redis', what, 'Set REDIS_URL.') : ok('redis', what)];
  }
  let refusal: AppError | null = null;
  const ephemeral = redisEphemeral({
    url: redisUrl,
    prefix: REDIS_PREFIX,
    // What refused the connection is told here; the call itself only says that there is none.
    onError: (error) => {
      refusal ??= error;
    },
  });
  try {
    // What the assistant does with it, so that missing rights and read-only replicas show too.
    await ephemeral.count('doctor', COUNTED_FOR_MS);
    return [ok('redis', 'answers and counts')];
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const { cause } = refusal ?? error;
    const why = asCode((cause as NodeJS.ErrnoException | undefined)?.code ?? 'no_answer');
    return [bad('redis', `does not serve (${why})`, error.mend ?? undefined)];
  } finally {
    await ephemeral.close();
  }
}

const Tested = z.object({ ok: z.boolean(), error: z.string().optional() });

export async function lookAtSlack({ slack, local }: Config): Promise<Finding[]> {
  if (slack === null) {
    const what = local ? 'not configured: local mode, sample people, loopback only' : 'not configured';
    return [note('slack', what, 'docs/slack.md says how to connect it.')];
  }
  const mend =
    'Look at SLACK_BOT_TOKEN: it begins with xoxb- and stands under "OAuth & Permissions" of the app.';
  const form = tokenForms(slack);
  const root = slack.apiUrl ?? 'https://slack.com/api/';
  const answer = await ask(new URL('auth.test', root.endsWith('/') ? root : `${root}/`), {
    method: 'POST',
    token: slack.botToken,
  });
  if ('problem' in answer)
    return [
      ...form,
      bad('slack', `cannot be reached (${answer.problem})`, 'Is there a way out to it from here?'),
    ];
  const tested = Tested.safeParse(answer.body);
  if (!tested.success) return [bad('slack', 'gives an answer that is not Slack’s', 'Look at SLACK_API_URL.')];
  const findings = [
    ...form,
    tested.data.ok
      ? ok('slack', 'accepts the token')
      : bad('slack', `refuses the token (${asCode(tested.data.error)})`, mend),
  ];
  if (slack.approvalsChannel === null)
    findings.push(
      note(
        'slack',
        'approvers are asked in direct messages only',
        'slack.approvals_channel names a channel.',
      ),
    );
  if (slack.operatorsChannel === null)
    findings.push(
      note(
        'slack',
        'alerts and checkpoints are told to nobody there',
        'slack.operators_channel names a channel.',
      ),
    );
  return findings;
}

/** Whether anybody hears of alerts and of what people report, without looking for it. */
export function lookAtOperators(config: Pick<Config, 'slack' | 'teams' | 'oidc' | 'local'>): Finding[] {
  const isTold = Boolean(config.slack?.operatorsChannel ?? config.teams?.operatorsConversation);
  if (isTold) return [ok('operators', 'are told of alerts and reports in chat')];
  const mend = 'slack.operators_channel or teams.operators_conversation names where they are told.';
  return config.local || config.oidc !== null
    ? [note('operators', 'are told of no report: it stands under Operations in the workspace', mend)]
    : [
        bad(
          'operators',
          'are told of no report, and can read none: no place in chat, and no workspace',
          mend,
        ),
      ];
}

/** Slack says by the first letters of a token what it is for; one in the place of the other opens nothing. */
function tokenForms({ appToken }: NonNullable<Config['slack']>): Finding[] {
  if (appToken === null) return [];
  return appToken.startsWith('xapp-')
    ? [ok('slack', 'SLACK_APP_TOKEN has the form of one')]
    : [
        bad(
          'slack',
          'SLACK_APP_TOKEN is no app-level token',
          'It begins with xapp- and stands under "Basic Information" of the app, "App-Level Tokens", with the scope connections:write.',
        ),
      ];
}

/** As the start does: whoever gives us a token accepts who we are. */
export async function lookAtTeams({
  teams,
}: {
  teams: (AppIdentity & { unauthenticated: boolean }) | null;
}): Promise<Finding[]> {
  if (teams === null) return [note('teams', 'not configured', 'docs/teams.md says how to connect it.')];
  if (teams.unauthenticated)
    return [note('teams', 'unauthenticated, for the Agents Playground on this machine')];
  const { appTokens } = await import('../../../adapters/teams/tokens.ts');
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new AppError('platform_unavailable', 'Entra does not answer.')),
    ANSWER_WITHIN_MS,
  );
  try {
    await Promise.race([appTokens(teams)(), late.promise]);
    return [ok('teams', 'Entra gives the app a token')];
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const isRefused = error.code === 'config_invalid';
    return [
      isRefused
        ? bad('teams', 'Entra refuses the app', 'Look at MicrosoftAppId, its password and its tenant.')
        : bad('teams', 'no token can be had from Entra', 'Is there a way out to it from here?'),
    ];
  } finally {
    clearTimeout(timer);
  }
}

const Models = z.object({ data: z.array(z.object({ id: z.string() })) });

export async function lookAtModel({ model }: Config): Promise<Finding[]> {
  if (model === null)
    return [note('model', 'none: typed commands and known phrases', 'Set OPENAI_API_KEY and OPENAI_MODEL.')];
  const root = model.baseUrl ?? 'https://api.openai.com/v1';
  const answer = await ask(new URL('models', root.endsWith('/') ? root : `${root}/`), {
    token: model.apiKey,
  });
  if ('problem' in answer)
    return [
      bad(
        'model',
        `cannot be reached (${answer.problem})`,
        'Look at OPENAI_BASE_URL. Typed commands work meanwhile.',
      ),
    ];
  if (answer.status === 401 || answer.status === 403)
    return [bad('model', `refuses the key (${answer.status})`, 'Look at OPENAI_API_KEY.')];
  const list = Models.safeParse(answer.body);
  if (answer.status !== 200 || !list.success)
    return [
      note(
        'model',
        `answers, and does not list its models (${answer.status}); ${model.name} was not looked up`,
      ),
    ];
  return list.data.data.some(({ id }) => id === model.name)
    ? [ok('model', `accepts the key and has ${model.name}`)]
    : [bad('model', `accepts the key and does not list ${model.name}`, 'Look at OPENAI_MODEL.')];
}

type Answer = { status: number; body: unknown } | { problem: string };

async function ask(url: URL, how: { method?: 'POST'; token: string }): Promise<Answer> {
  try {
    const response = await fetch(url, {
      method: how.method ?? 'GET',
      headers: { authorization: `Bearer ${how.token}` },
      // A redirect would take the token elsewhere.
      redirect: 'manual',
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    const body: unknown = await response.json().catch(() => null);
    return { status: response.status, body };
  } catch (error) {
    const { name, cause } = error as Error;
    return { problem: asCode((cause as NodeJS.ErrnoException | undefined)?.code ?? name) };
  }
}
