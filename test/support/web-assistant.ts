/**
 * A small `Assistant` in memory, for the web adapter's own tests: it keeps threads, requests and a log, and follows
 * the rules that a page can see (who may press what, what moved on). It proves nothing about the core.
 */
import { createHash } from 'node:crypto';
import { AppError } from '../../src/errors.ts';
import type { Message } from '../../src/model/card.ts';
import {
  MessageId,
  newId,
  type PrincipalId,
  type RequestId,
  type ThreadId,
  TurnId,
} from '../../src/model/ids.ts';
import type { AuditRow, Change, ProofStatus, ReportRow, WorkspaceAssistant } from '../../src/model/ports.ts';
import type { Account, Principal } from '../../src/model/principal.ts';
import { type Delivery, isSpoken, type Place, type TurnOutcome } from '../../src/model/turn.ts';
import {
  apply,
  buttonsFor,
  cardOf,
  digestOf,
  type Kept,
  mayEdit,
  newRequest,
  viewOf,
} from './web-requests.ts';
import { ACTIONS, OPERATIONS, PEOPLE, TICKET_FORM } from './web-samples.ts';

/** Longest message, in UTF-16 units; the core has a limit of its own. */
const MAX_TEXT_UNITS = 12_000;

type Thread = { id: ThreadId; owner: PrincipalId; title: string; updatedAt: string; messages: Message[] };

export class WebAssistant implements WorkspaceAssistant {
  readonly deliveries: Delivery[] = [];
  readonly handedOver: Parameters<WorkspaceAssistant['handOver']>[0][] = [];
  readonly judgements: Parameters<WorkspaceAssistant['feedback']>[0][] = [];
  private readonly threadsById = new Map<ThreadId, Thread>();
  private readonly requests = new Map<RequestId, Kept>();
  private readonly turns = new Map<string, TurnOutcome>();
  private readonly log: AuditRow[] = [];
  private readonly listeners = new Set<(change: Change) => void>();
  /** A test may say that the log was tampered with. */
  proof: ProofStatus = {
    verified: true,
    size: 128,
    root: 'A6yN1g8nqVrqT3vFJkUV8wQYf0bC8hmQ2eS3m4o5p6Q=',
    checkpoint: 'countersign-0a1b2c3d\n128\nA6yN1g8nqVrqT3vFJkUV8wQYf0bC8hmQ2eS3m4o5p6Q=\n',
  };
  /** How many live pages listen; a leak shows here. */
  get listening(): number {
    return this.listeners.size;
  }

  async receive(delivery: Delivery) {
    const earlier = this.turns.get(delivery.key);
    if (earlier !== undefined) return { turn: earlier.turn, thread: earlier.thread, duplicate: true };
    const { content } = delivery;
    if (content.kind === 'message' && content.text.length > MAX_TEXT_UNITS) {
      throw new AppError('too_long', 'Please say it shorter.');
    }
    this.deliveries.push(delivery);
    const who = await this.identify(delivery.account);
    if (who.kind !== 'known') throw new Error('the adapter lets only known people speak');
    const thread = this.threadOf(delivery, who.principal);
    const turn = newId(TurnId);
    const outcome = this.answer(turn, thread, who.principal, delivery);
    this.turns.set(delivery.key, outcome);
    this.change({ kind: 'thread', thread: thread.id });
    return { turn, thread: thread.id, duplicate: false };
  }

  async outcome(turn: TurnId): Promise<TurnOutcome> {
    const found = [...this.turns.values()].find((outcome) => outcome.turn === turn);
    // As the core says of a turn that it does not know.
    return found ?? { turn, thread: '' as ThreadId, settled: false, reply: '', requests: [] };
  }

  async decide(input: Parameters<WorkspaceAssistant['decide']>[0]): ReturnType<WorkspaceAssistant['decide']> {
    const kept = this.requests.get(input.request);
    const by = await this.byId(input.principal);
    if (kept === undefined) return { kind: 'missing', message: 'There is no such request.' };
    const kind = digestOf(kept) === input.digest ? apply(kept, by, input.decision, input.reason) : 'conflict';
    if (kind === 'conflict') {
      return { kind, message: 'This request has moved on; nothing was changed.', request: viewOf(kept) };
    }
    if (kind === 'refused') {
      return { kind, message: 'You may not decide this request.', request: viewOf(kept) };
    }
    this.record(kept, input.decision === 'approve' ? 'approval.given' : 'request.confirmed', by.id);
    this.change({ kind: 'request', request: kept.id });
    this.change({ kind: 'thread', thread: kept.thread });
    return { kind: 'done', request: viewOf(kept) };
  }

  /** Everybody who could approve it, but for whoever looks. */
  async takers(id: RequestId, viewer: PrincipalId): ReturnType<WorkspaceAssistant['takers']> {
    const kept = this.requests.get(id);
    const people = kept === undefined ? [] : (await this.people()).filter(({ id: one }) => one !== viewer);
    return kept === undefined ? null : { people, digest: digestOf(kept) };
  }

  async handOver(input: Parameters<WorkspaceAssistant['handOver']>[0]) {
    this.handedOver.push(input);
    const kept = this.requests.get(input.request);
    if (kept === undefined) return { kind: 'ignored' as const, words: 'There is no such request.' };
    return digestOf(kept) === input.digest
      ? { kind: 'done' as const, words: `${input.to} is asked now. You can still decide yourself.` }
      : { kind: 'ignored' as const, words: 'That card is out of date; nothing was changed.' };
  }

  async edit(input: Parameters<WorkspaceAssistant['edit']>[0]): ReturnType<WorkspaceAssistant['edit']> {
    const kept = this.requests.get(input.request);
    if (kept === undefined) return { kind: 'missing', message: 'There is no such request.' };
    const by = await this.byId(input.principal);
    if (!mayEdit(kept, by)) {
      return { kind: 'refused', message: 'You may not change this request.', request: viewOf(kept) };
    }
    if (digestOf(kept) !== input.digest) {
      return { kind: 'conflict', message: 'Somebody changed it meanwhile.', request: viewOf(kept) };
    }
    if (Object.keys(input.arguments).length === 0) {
      return { kind: 'unfit', message: 'Please look at the form again: title: needs a value.' };
    }
    kept.arguments = Object.entries(input.arguments).map(([name, value]) => ({
      name,
      value: String(value),
      provenance: 'typed',
    }));
    kept.approvals = [];
    kept.confirmed = by.id === kept.requester.id;
    this.record(kept, 'request.edited', by.id);
    this.change({ kind: 'request', request: kept.id });
    return { kind: 'done', request: viewOf(kept) };
  }

  async editForm(id: RequestId, viewer: PrincipalId) {
    const kept = this.requests.get(id);
    if (kept === undefined || !mayEdit(kept, await this.byId(viewer))) return null;
    const known = new Map(kept.arguments.map(({ name, value }) => [name, value]));
    const fields = TICKET_FORM.fields.map((field) => ({ ...field, value: known.get(field.name) ?? '' }));
    return { form: { ...TICKET_FORM, fields }, digest: digestOf(kept) };
  }

  /** Adds a line to a running request's output. */
  progress(id: RequestId, line: string): void {
    const kept = this.kept(id);
    kept.output = `${kept.output ?? ''}${line}\n`;
    this.change({ kind: 'request', request: id });
  }

  /** Ends a running request well. */
  finish(id: RequestId): void {
    const kept = this.kept(id);
    kept.state = 'succeeded';
    kept.result = { code: 'done', message: 'The checks passed in 42 seconds.', exitCode: 0 };
    this.record(kept, 'execution.finished', null);
    this.change({ kind: 'request', request: id });
  }

  async request(id: RequestId) {
    const kept = this.requests.get(id);
    return kept === undefined ? null : viewOf(kept);
  }

  async requestPage(id: RequestId, viewer: PrincipalId) {
    const kept = this.requests.get(id);
    if (kept === undefined) return null;
    const timeline = this.log
      .filter((row) => row.request === id)
      .map(({ type, time, principal, text, index, leafHash }) => ({
        type,
        time,
        principal,
        text,
        index,
        leafHash,
      }));
    const message = this.shown(this.messageOf(kept), await this.byId(viewer));
    return { view: viewOf(kept), message, timeline, proof: this.proof };
  }

  async mine(principal: PrincipalId) {
    const viewer = await this.byId(principal);
    return this.cards((kept) => kept.requester.id === principal, viewer);
  }

  async waitingFor(principal: PrincipalId) {
    const viewer = await this.byId(principal);
    return this.cards((kept) => buttonsFor(kept, viewer).some((button) => button !== 'cancel'), viewer);
  }

  async threads(principal: PrincipalId) {
    return [...this.threadsById.values()]
      .filter(({ owner }) => owner === principal)
      .map(({ id, title, updatedAt }) => ({ id, title, updatedAt }))
      .reverse();
  }

  async messages(id: ThreadId, viewer: PrincipalId) {
    const thread = this.threadsById.get(id);
    if (thread === undefined || thread.owner !== viewer) return null;
    const person = await this.byId(viewer);
    return thread.messages.map((message) => this.shown(message, person));
  }

  async feedback(judgement: Parameters<WorkspaceAssistant['feedback']>[0]) {
    this.judgements.push(judgement);
    return true;
  }

  readonly stops: { place: Place; principal: PrincipalId }[] = [];
  async stop(place: Place, principal: PrincipalId) {
    this.stops.push({ place, principal });
  }
  /** What a test lets be worked on, in every conversation. */
  atWork: TurnId | null = null;
  async answering() {
    return this.atWork;
  }

  async form(action: string) {
    return action === 'ticket.create' ? TICKET_FORM : null;
  }

  async actions() {
    return ACTIONS;
  }

  async audit(viewer: PrincipalId, page: { before: number | null; limit: number }) {
    if (!(await this.byId(viewer)).groups.includes('operators')) return null;
    const rows = this.log.filter((row) => page.before === null || row.index < page.before).reverse();
    return rows.slice(0, page.limit);
  }

  /** Whom a test lets come for the first time. */
  readonly newcomers = new Set<string>();
  async greeting(viewer: PrincipalId) {
    return this.newcomers.has(viewer) ? 'Welcome. I record what you write.' : null;
  }
  async greeted(viewer: PrincipalId) {
    this.newcomers.delete(viewer);
  }

  readonly reported: ReportRow[] = [];
  async reports(viewer: PrincipalId) {
    return viewer === 'erin' ? this.reported : null;
  }

  async people() {
    return PEOPLE;
  }

  async identify(account: Account) {
    const principal =
      account.platform === 'web' ? PEOPLE.find(({ id }) => id === account.subject) : undefined;
    return principal === undefined ? ({ kind: 'unknown' } as const) : ({ kind: 'known', principal } as const);
  }

  async operations() {
    return OPERATIONS;
  }

  async sees(change: Change, viewer: PrincipalId) {
    if (change.kind === 'gate') return true;
    if (change.kind === 'links') return change.principal === viewer;
    if (change.kind !== 'request') return this.threadsById.get(change.thread)?.owner === viewer;
    const kept = this.kept(change.request);
    return kept.requester.id === viewer || buttonsFor(kept, await this.byId(viewer)).length > 0;
  }

  onChange(listener: (change: Change) => void) {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  private threadOf(delivery: Delivery, owner: Principal): Thread {
    const id = delivery.place.thread as ThreadId;
    const title = delivery.content.kind === 'message' ? delivery.content.text.slice(0, 80) : 'A form';
    const thread = this.threadsById.get(id) ?? {
      id,
      owner: owner.id,
      title,
      updatedAt: new Date().toISOString(),
      messages: [],
    };
    this.threadsById.set(id, thread);
    return thread;
  }

  private answer(turn: TurnId, thread: Thread, by: Principal, { content }: Delivery): TurnOutcome {
    const reply = (text: string, rest: Partial<Message> = {}): Message => {
      const message: Message = {
        id: newId(MessageId),
        thread: thread.id,
        author: null,
        authorship: 'system',
        text,
        card: null,
        form: null,
        at: new Date().toISOString(),
        ...rest,
      };
      thread.messages.push(message);
      return message;
    };
    const settled = (text: string, requests: RequestId[] = []): TurnOutcome => ({
      turn,
      thread: thread.id,
      settled: true,
      reply: text,
      requests,
    });
    if (!isSpoken(content)) return settled('');
    const said = content.kind === 'message' ? content.text : `Form ${content.action}`;
    reply(said, { author: by.id, authorship: 'person' });
    const [, pressed] = /^(undo|report) [0-9a-f-]{36}/.exec(said) ?? [];
    if (pressed !== undefined) {
      const text = pressed === 'undo' ? 'Close a ticket: on its way.' : 'Thank you. It is recorded.';
      reply(text);
      return settled(text);
    }
    const action = /\brun\b/i.test(said) ? 'ci.trigger' : /ticket/i.test(said) ? 'ticket.create' : null;
    if (action === null && /form/i.test(said)) {
      reply('What should the ticket say?', { form: TICKET_FORM });
      return settled('What should the ticket say?');
    }
    if (action === null) {
      reply('I can open tickets and run jobs. What do you need?', { authorship: 'model' });
      return settled('I can open tickets and run jobs. What do you need?');
    }
    const text = 'Please check this, then confirm.';
    const message = reply(text);
    const kept = newRequest(action, by, thread.id, message.id, [
      { name: action === 'ci.trigger' ? 'job' : 'title', value: said, provenance: 'quoted' },
      { name: action === 'ci.trigger' ? 'ref' : 'body', value: 'main', provenance: 'default' },
      ...(content.kind === 'form'
        ? [{ name: 'form', value: JSON.stringify(content.arguments), provenance: 'typed' as const }]
        : []),
    ]);
    this.requests.set(kept.id, kept);
    this.record(kept, 'proposal.made', by.id);
    this.record(kept, 'decision.made', null);
    if (content.kind === 'form') apply(kept, by, 'confirm', undefined);
    return settled(text, [kept.id]);
  }

  private shown(message: Message, viewer: Principal): Message {
    const kept = [...this.requests.values()].find((request) => request.message === message.id);
    return kept === undefined ? message : { ...message, card: cardOf(kept, viewer) };
  }

  private cards(matches: (kept: Kept) => boolean, viewer: Principal): Message[] {
    const kept = [...this.requests.values()].filter(matches).reverse();
    return kept.map((request) => this.shown(this.messageOf(request), viewer));
  }

  private messageOf(kept: Kept): Message {
    const found = this.threadsById.get(kept.thread)?.messages.find(({ id }) => id === kept.message);
    if (found === undefined) throw new Error('a request without its message');
    return found;
  }

  private kept(id: RequestId): Kept {
    const kept = this.requests.get(id);
    if (kept === undefined) throw new Error('no such request');
    return kept;
  }

  private async byId(id: PrincipalId): Promise<Principal> {
    const found = PEOPLE.find((person) => person.id === id);
    if (found === undefined) throw new Error('the adapter lets only known people ask');
    return found;
  }

  private record(kept: Kept, type: string, principal: PrincipalId | null): void {
    const index = this.log.length;
    const leafHash = createHash('sha256').update(`${index}${type}`).digest('hex');
    const text = `${type} for ${kept.action}`;
    this.log.push({
      index,
      leafHash,
      time: new Date().toISOString(),
      type,
      principal,
      request: kept.id,
      text,
    });
  }

  /** Tells every open page. */
  change(change: Change): void {
    for (const listener of this.listeners) listener(change);
  }
}
