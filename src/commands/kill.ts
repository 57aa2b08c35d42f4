/**
 * `kill on | off | status`: the switch, moved by the operating-system account. It stands on the database and the keys only:
 * a broken policy, directory or Redis must not keep an operator from stopping everything.
 */
import { ACTIONS, CONNECTORS } from '../../actions/catalogue.ts';
import { createAnnouncing } from '../announcing.ts';
import { readConfig } from '../config.ts';
import { AppError } from '../errors.ts';
import { outsideNames } from '../foreign/outside.ts';
import { type KillScope, switchesOn } from '../intake/killswitch.ts';
import { moveKillSwitch } from '../killing.ts';
import { namesOf } from '../mcp/config.ts';
import { PrincipalId } from '../model/ids.ts';
import { maskSecrets } from '../screening/secrets.ts';
import { cleanText } from '../screening/text.ts';
import { createQueue } from '../store/queue.ts';
import { createSenders } from '../workers.ts';
import { accountName, type Command, type Exit, type Invocation, line } from './command.ts';
import { untilEnded } from './ending.ts';
import { type House, withGround, withHouse } from './open.ts';

/** A sentence for cards and log, not a report. */
const REASON_MAX_CHARACTERS = 500;

export const on: Command = (invocation) => move(invocation, 'on');
export const off: Command = (invocation) => move(invocation, 'off');

export const status: Command = (invocation) =>
  withGround<Exit>(invocation, async ({ db }) => {
    const switches = await switchesOn(db);
    const words = switches.map(
      ({ reason, by, since, ...scope }) =>
        `on for ${inWords(scope)} since ${since.toISOString()}, by ${by}: ${reason}\n`,
    );
    await invocation.terminal.write(
      invocation.json ? line({ switches }) : words.join('') || 'No kill switch is on.\n',
    );
    return 0;
  });

function inWords({ action, principal, connector }: KillScope): string {
  const named = Object.entries({ action, principal, connector }).filter(([, value]) => value !== null);
  return named.length === 0 ? 'everything' : named.map(([name, value]) => `${name} ${value}`).join(', ');
}

async function move(invocation: Invocation, to: 'on' | 'off'): Promise<Exit> {
  const { options, terminal, json } = invocation;
  const reason = reasonOf(options.reason);
  const scope: KillScope = {
    action: options.action ?? null,
    principal: options.principal ?? null,
    connector: options.connector ?? null,
  };
  // Off lifts what is there, whatever it names.
  if (to === 'on') await checkScope(invocation, scope);
  return withHouse<Exit>(invocation, async (house) => {
    const message = await moveIn(house, to, scope, reason);
    const switches = await switchesOn(house.db);
    await terminal.write(json ? line({ to, scope, message, switches }) : `${message}\n`);
    if (to === 'off' && switches.length > 0)
      terminal.say(`${switches.length} more on: countersign kill status`);
    await place(house, invocation);
    return 0;
  });
}

async function moveIn(house: House, to: 'on' | 'off', scope: KillScope, reason: string): Promise<string> {
  const { access, db, audit } = house;
  const queue = await createQueue({
    url: access.url,
    ...(access.role === undefined ? {} : { role: access.role }),
    works: false,
    // What is sent is sent within our own transaction, which then fails by itself.
    onError: () => undefined,
  });
  return untilEnded(queue.stop, async () => {
    const send = createSenders(queue);
    const announcing = createAnnouncing({
      audit,
      deliver: send.deliver,
      titleOf: (name) => ACTIONS.find((action) => action.name === name)?.title ?? name,
      nameOf: (principal) => principal,
      queueExecution: send.execute,
      queueExpiry: send.expire,
      queueAsking: send.ask,
      queueRefresh: send.refresh,
    });
    const by = { name: accountName(), principal: null };
    return moveKillSwitch({ db, audit, announcing }, to, scope, by, reason);
  });
}

/** The switch holds already; that its entry cannot be placed now is worth a word, not a failure. */
async function place(house: House, { terminal }: Invocation): Promise<void> {
  try {
    await house.sequence();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    terminal.say(`The switch was moved and recorded. ${error.message}`);
  }
}

/** Shown on cards and kept in the log in clear: what is recognised as a secret is not. */
function reasonOf(given: string | undefined): string {
  const reason = cleanText(maskSecrets(given?.trim() ?? '').text);
  if (reason === '') throw new AppError('usage', 'Say why: --reason "...".');
  if (reason.length > REASON_MAX_CHARACTERS)
    throw new AppError('usage', `--reason is longer than ${REASON_MAX_CHARACTERS} characters.`);
  return reason;
}

/** A misspelled switch would stop nothing and look as if it did. */
async function checkScope(invocation: Invocation, scope: KillScope): Promise<void> {
  const config = readConfig(invocation.env, invocation.cwd);
  const tools = namesOf(config.mcp);
  const outside = outsideNames(config.actions, config);
  const actions = [...ACTIONS.map((action) => action.name), ...tools.actions, ...(outside?.actions ?? [])];
  const connectors = [
    ...CONNECTORS.map((connector) => connector.name),
    ...tools.connectors,
    ...(outside?.connectors ?? []),
  ];
  if (outside !== null && scope.action !== null && !actions.includes(scope.action))
    throw new AppError('usage', `There is no action "${scope.action}"; these are: ${actions.join(', ')}.`);
  if (outside !== null && scope.connector !== null && !connectors.includes(scope.connector))
    throw new AppError(
      'usage',
      `There is no connector "${scope.connector}"; these are: ${connectors.join(', ')}.`,
    );
  if (scope.principal === null) return;
  if (!PrincipalId.safeParse(scope.principal).success)
    throw new AppError('usage', "--principal is a person's id of the directory, such as alice.");
  const { refuseStranger } = await import('./people.ts');
  refuseStranger(invocation, scope.principal);
}
