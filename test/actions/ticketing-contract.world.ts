/** A pretended ticket system as the contract sees it, and the way to it that an execution takes. */
import type { Connector, Operation, RunResult } from '../../src/action.ts';
import type { BrokerConfig } from '../../src/execution/broker/broker.ts';
import type { Json } from '../../src/model/request.ts';
import type { Reply } from '../support/ticketing/wire.ts';
import { call, type Given } from './through-broker.ts';

/** What the system itself holds of a ticket, in words as a person sees them there. */
export type Held = {
  title: string;
  text: string;
  isDone: boolean;
  comments: { isOurs: boolean; isPublic: boolean; text: string }[];
};

export type World = {
  baseUrl: string;
  /** What the broker sends as `Authorization`. */
  authorization: (who: 'ours' | 'other' | 'nobody') => string;
  held: (ticket: string) => Held;
  count: () => number;
  /** Somebody else writes on it, that many times: `note 0`, `note 1`, and so on; for everybody unless it says otherwise. */
  saidByOthers: (ticket: string, times: number, isPublic?: boolean) => void;
  /** Somebody else takes it over. */
  ownedBy: (ticket: string) => string;
  /** A ticket that is there, and not in the assistant's place. */
  elsewhere: () => string;
  calls: () => { method: string; path: string }[];
  /** The next call is refused: with this status, in the vendor's own shape. */
  refuseNext: (reply: number | Reply) => void;
  stop: () => Promise<void>;
};

export type Subject = {
  connector: Connector;
  settings: Json;
  start: () => Promise<World>;
  ticket: { pattern: RegExp; unknown: string };
  /** How the system itself words what no person of ours may read. */
  vendorWords: string;
  /** Statuses with the code that they become, besides those that every system has. */
  refusals: [number, string][];
  /** How many calls for pages a look through 250 comments needs at least. */
  pages: number;
  /** Text that the system would take for markup, and what of it must not be there as markup. */
  hostile: { text: string; never: RegExp };
};

export const VPN = {
  title: 'VPN down',
  description: 'In Berlin,\nsince <noon> & "before".',
  priority: 'high',
};

/** A way to the world, and calls through it. */
export function through(subject: Subject, world: () => World) {
  const upstream = (who: 'ours' | 'other' | 'nobody' = 'ours', baseUrl = world().baseUrl) =>
    ({
      upstreams: { [subject.connector.name]: { baseUrl, addresses: ['127.0.0.1/32'] } },
      credentials: {
        get: async (name) => (name === subject.connector.name ? world().authorization(who) : null),
      },
    }) satisfies Partial<BrokerConfig>;
  const given = (args: Record<string, string>, more: Partial<Given> = {}): Given => ({
    args,
    mark: crypto.randomUUID().replaceAll('-', ''),
    key: crypto.randomUUID(),
    settings: subject.settings,
    ...more,
  });
  const operation = (name: string): Operation => {
    const found = subject.connector.operations[name];
    if (found === undefined) throw new Error(`no operation ${name}`);
    return found;
  };
  const preview = async (name: string, request: Given, config = upstream()) =>
    (await call(config, operation(name), 'preview', request)).value;
  /** As an execution does: what the preview pinned, the run, and looks until it has ended. */
  async function run(name: string, request: Given, config: Partial<BrokerConfig> = upstream()) {
    const pinned = request.pinned ?? (await pinnedBy(name, request));
    const made = await call(config, operation(name), 'run', { ...request, pinned });
    let { value } = made;
    for (let look = 0; value.kind === 'running' && look < 20; look += 1) {
      const seen = await call(config, operation(name), 'follow', {
        ...request,
        pinned,
        handle: value.handle,
      });
      value = seen.value.kind === 'running' ? { ...seen.value, message: '' } : withoutOutput(seen.value);
    }
    return { value, heard: made.heard };
  }
  async function pinnedBy(name: string, request: Given): Promise<Record<string, string>> {
    const seen = await preview(name, request);
    return 'refused' in seen ? {} : seen.pinned;
  }
  const reconcile = async (name: string, request: Given, config = upstream()) =>
    (
      await call(config, operation(name), 'reconcile', {
        ...request,
        pinned: request.pinned ?? (await pinnedBy(name, request)),
      })
    ).value;
  async function open(args: Record<string, string> = VPN): Promise<string> {
    return ticketIn((await run('create', given(args))).value);
  }
  return { upstream, given, operation, preview, run, reconcile, open, pinnedBy };
}

/** The ticket that a run says it has opened. */
export function ticketIn(value: RunResult): string {
  if (value.kind !== 'done') throw new Error(JSON.stringify(value));
  return (value.result.data as { ticket: string }).ticket;
}

const withoutOutput = <T extends { output: string }>({ output: _output, ...rest }: T) =>
  rest as Omit<T, 'output'>;
