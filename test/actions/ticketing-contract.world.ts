/** A ticket system, pretended or real, as the contract sees it, and the way to it that an execution takes. */
import type { Connector, Operation, RunResult } from '../../src/action.ts';
import type { BrokerConfig } from '../../src/execution/broker/broker.ts';
import type { Json } from '../../src/model/request.ts';
import { startLosingProxy } from '../support/losing-proxy.ts';
import type { Reply } from '../support/ticketing/wire.ts';
import { call, type Given } from './through-broker.ts';

/** What the system itself holds of a ticket, in words as a person sees them there. */
export type Held = {
  title: string;
  text: string;
  /** What whoever it is for is called there; null where that is nobody, or nobody but the assistant. */
  requester: string | null;
  isDone: boolean;
  comments: { isOurs: boolean; isPublic: boolean; text: string }[];
};

export type Who = 'ours' | 'other' | 'nobody';
export type Way = Partial<BrokerConfig>;
type Awaitable<T> = T | Promise<T>;

export type World = {
  /** The way that an execution takes there, with this account's credential. */
  way: (who: Who) => Way;
  /** Another way there, on which one answer can be lost: the write arrives, and nobody hears what became of it. */
  losing: () => Promise<{ way: Way; loseNextWrite: () => void; stop: () => Promise<void> }>;
  /** What the broker sends as `Authorization`; null where there is none. */
  authorization: (who: Who) => string | null;
  held: (ticket: string) => Awaitable<Held>;
  count: () => Awaitable<number>;
  /** Somebody else writes on it, that many times: `note 0`, `note 1`, and so on; for everybody unless it says otherwise. */
  saidByOthers: (ticket: string, times: number, isPublic?: boolean) => Awaitable<void>;
  /** Somebody else takes it over. */
  ownedBy: (ticket: string) => Awaitable<string>;
  /** A ticket that is there, and not in the assistant's place. */
  elsewhere: () => Awaitable<string>;
  /** Until it is undone the system stores one thing of what is opened otherwise than asked: a rule of its own, a missing right. */
  storesOtherwise: (what: string) => () => void;
  calls: () => { method: string; path: string }[];
  /** The next call is refused: with this status, in the vendor's own shape. */
  refuseNext: (reply: number | Reply) => void;
  stop: () => Promise<void>;
};

/** Rules of the contract that not every system can keep. */
export type Exceptable = 'accounts' | 'internal comments' | 'owner' | 'people' | 'places' | 'refusals';

export type People = {
  /** What the system calls Alice. */
  alice: string;
  /** Settings with which the requester reads our comments. */
  openly: object;
  /** Settings with which the tickets of whoever is not named have no requester. */
  nobody?: object;
};

export type Subject = {
  connector: Connector;
  settings: Json;
  start: () => Promise<World>;
  /** `strange`: written like no ticket of the system, or like one that is not there. */
  ticket: { pattern: RegExp; unknown: string; strange: string[] };
  /** What of an opened ticket was asked for and can be stored otherwise there, as our sentences call it. */
  asked: string[];
  /** What our sentences call a ticket, where people know it by another name. */
  noun?: string;
  /** How the system itself words what no person of ours may read. */
  vendorWords: string;
  /** Statuses with the code that they become, besides those that every system has. */
  refusals: [number, string][];
  /** How many calls for pages a look through 250 comments needs at least. */
  pages: number;
  /** Text that the system would take for markup, and what of it must not be there as markup. */
  hostile: { text: string; never: RegExp };
  /** Of systems whose tickets have a requester. */
  people?: People;
  /** Rules that it cannot keep, with the reason that stands beside the rule. */
  exceptions?: Partial<Record<Exceptable, string>>;
};

/** Written like no ticket of a system whose tickets have a key or a number with letters. */
export const STRANGE = ['T-1', 'ABCDEFGH-1', '7', '#7', 'INC0999999', 'INC99999'];

/** The ways to a system over HTTP: `host` as its rules name it, `credential` as they name that. */
export function overHttp({
  host,
  credential,
  baseUrl,
  authorization,
}: {
  host: string;
  credential: string;
  baseUrl: string;
  authorization: (who: Who) => string;
}): Pick<World, 'way' | 'losing' | 'authorization'> {
  const at = (address: string, who: Who): Way => ({
    upstreams: { [host]: { baseUrl: address, addresses: ['127.0.0.1/32'] } },
    credentials: { get: async (name) => (name === credential ? authorization(who) : null) },
  });
  return {
    authorization,
    way: (who) => at(baseUrl, who),
    async losing() {
      const proxy = await startLosingProxy(baseUrl);
      return { ...proxy, way: at(proxy.baseUrl, 'ours') };
    },
  };
}

export const VPN = {
  title: 'VPN down',
  description: 'In Berlin,\nsince <noon> & "before".',
  priority: 'high',
};

/** A way to the world, and calls through it. */
export function through(subject: Subject, world: () => World) {
  const upstream = (who: Who = 'ours'): Way => world().way(who);
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
  async function run(name: string, request: Given, config: Way = upstream()) {
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
