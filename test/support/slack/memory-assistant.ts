/**
 * A small, real implementation of what an adapter asks of the core, in memory: stores deliveries by key, fails on
 * demand as a database would. For tests of adapters only; it decides nothing.
 */
import { AppError } from '../../../src/errors.ts';
import type { Form, Message, Taker } from '../../../src/model/card.ts';
import {
  type MessageId,
  newId,
  type PrincipalId,
  type RenderingId,
  ThreadId,
  TurnId,
} from '../../../src/model/ids.ts';
import type { Change, ChatAssistant, Stopping } from '../../../src/model/ports.ts';
import type { Principal } from '../../../src/model/principal.ts';
import type { Delivery as DeliveryType, Place } from '../../../src/model/turn.ts';
import { Delivery } from '../../../src/model/turn.ts';

export type MemoryAssistant = ChatAssistant & {
  /** Whoever is here is known by the account's user. */
  readonly known: Map<string, Principal>;
  /** Actions that everybody known may use; a value is fine unless it is `bad`. */
  readonly forms: Form[];
  /** By action; one with a blank, as ours have, where a test says nothing. */
  readonly examples: Map<string, string[]>;
  readonly askedWith: Map<MessageId, Form>;
  /** Known people who may use no action and deny nothing. */
  readonly mayNot: Set<PrincipalId>;
  /** What known people may change, as it was shown. */
  readonly editable: Map<RenderingId, Form>;
  /** To whom known people may hand over what was shown so. */
  readonly takers: Map<RenderingId, Taker[]>;
  /** What each known person is shown to wait for them. */
  readonly waiting: Message[];
  readonly given: Parameters<ChatAssistant['feedback']>[0][];
  readonly stops: { place: Place; principal: PrincipalId; what?: Stopping }[];
  change(change: Change): void;

  /** What was accepted, each key once, in order. */
  readonly stored: DeliveryType[];
  /** Keys of what was accepted and edited then. */
  readonly edits: Set<string>;
  /** How often `receive` was called. */
  asked(): number;
  /** The next `times` deliveries cannot be stored. */
  failNext(times: number): void;
  /** Deliveries wait here before they are stored. */
  holdUntil(gate: Promise<void>): void;
};

export function memoryAssistant(): MemoryAssistant {
  const stored: DeliveryType[] = [];
  const turns = new Map<string, { turn: TurnId; thread: ThreadId }>();
  const threads = new Map<string, ThreadId>();
  const edited: MemoryAssistant['edits'] = new Set();
  const known: MemoryAssistant['known'] = new Map();
  const forms: MemoryAssistant['forms'] = [];
  const examples: MemoryAssistant['examples'] = new Map();
  const askedWith: MemoryAssistant['askedWith'] = new Map();
  const mayNot: MemoryAssistant['mayNot'] = new Set();
  const editable: MemoryAssistant['editable'] = new Map();
  const takers: MemoryAssistant['takers'] = new Map();
  const waiting: MemoryAssistant['waiting'] = [];
  const given: MemoryAssistant['given'] = [];
  const stops: MemoryAssistant['stops'] = [];
  const listeners = new Set<(change: Change) => void>();
  let failures = 0;
  let asked = 0;
  let gate: Promise<void> = Promise.resolve();
  const threadOf = (place: Place) => {
    const name = JSON.stringify([place.platform, place.tenant, place.container, place.thread]);
    const known = threads.get(name) ?? newId(ThreadId);
    threads.set(name, known);
    return known;
  };
  return {
    stored,
    edits: edited,
    known,
    forms,
    examples,
    askedWith,
    mayNot,
    editable,
    takers,
    waiting,
    given,
    stops,
    change: (change) => {
      for (const listener of listeners) listener(change);
    },
    formOf: async (message, viewer) => {
      const form = askedWith.get(message);
      return form === undefined ? null : { action: form.action, form: mayNot.has(viewer) ? null : form };
    },
    mayDeny: async (_rendering, viewer) => !mayNot.has(viewer),
    takersOf: async (rendering) => takers.get(rendering) ?? [],
    editFormOf: async (rendering) => editable.get(rendering) ?? null,
    checkForm: async (action, values) => {
      if (!forms.some((form) => form.action === action)) return null;
      const wrong = Object.keys(values).filter((name) => values[name] === 'bad');
      if (wrong.length === 0) return { ok: true, arguments: { ...values, filled: 'in by the schema' } };
      return { ok: false, problems: wrong.map((field) => ({ field, message: 'must be good' })) };
    },
    screened: (text) => text.replaceAll(/hunter\d+/g, '[masked]'),
    feedback: async (input) => {
      given.push(input);
      return true;
    },
    stop: async (place, principal, what) => {
      stops.push({ place, principal, ...(what === undefined ? {} : { what }) });
    },
    asked: () => asked,
    failNext: (times) => {
      failures = times;
    },
    holdUntil: (opens) => {
      gate = opens;
    },
    receive: async (raw) => {
      const delivery = Delivery.parse(raw);
      asked += 1;
      await gate;
      if (failures > 0) {
        failures -= 1;
        throw new AppError('database_unavailable', 'The database does not answer.');
      }
      const known = turns.get(delivery.key);
      if (known !== undefined) return { ...known, duplicate: true };
      const accepted = { turn: newId(TurnId), thread: threadOf(delivery.place) };
      turns.set(delivery.key, accepted);
      stored.push(delivery);
      return { ...accepted, duplicate: false };
    },
    edited: async (_platform, message) => {
      const of = turns.get(message);
      if (of === undefined) return null;
      const duplicate = edited.has(message);
      edited.add(message);
      return { ...of, duplicate };
    },
    outcome: async (turn) => {
      const found = [...turns.values()].find((candidate) => candidate.turn === turn);
      if (found === undefined) throw new AppError('not_found', 'There is no such turn.');
      return { ...found, settled: true, reply: '', requests: [] };
    },
    decide: async () => ({ kind: 'missing', message: 'There is no such request.' }),
    request: async () => null,
    requestPage: async () => null,
    mine: async () => [],
    waitingFor: async () => [...waiting],
    reports: async () => null,
    threads: async () => [],
    messages: async () => null,
    form: async (action) => forms.find((form) => form.action === action) ?? null,
    actions: async () =>
      forms.map(({ action, title }) => ({
        name: action,
        title,
        description: `What "${title}" does.`,
        examples: examples.get(action) ?? [`${title}: {title}`],
      })),
    audit: async () => null,
    people: async () => [],
    identify: async (account) => {
      const principal = account.platform === 'web' ? undefined : known.get(account.user);
      return principal === undefined ? { kind: 'unknown' } : { kind: 'known', principal };
    },
    operations: async () => ({
      checks: [],
      isolation: 'none',
      planner: 'none',
      switches: [],
      counts: { waiting: 0, executing: 0, unknown: 0 },
    }),
    sees: async () => false,
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
