/** What adapters may ask of the core: deliveries and decisions in, and everything that people read. */
import { approvalsOf, findByRendering, findRequest, openRequests, requestsBy } from './approval/requests.ts';
import { viewOf } from './approval/view.ts';
import type { AuditLog } from './audit/log.ts';
import { hearChanges } from './changes.ts';
import { auditRows, timelineOf } from './entry-rows.ts';
import { AppError } from './errors.ts';
import { greetingFor, noteGreeted } from './greeting.ts';
import { fitContent } from './intake/content.ts';
import { switchesOn } from './intake/killswitch.ts';
import { type IntakeDeps, receive, receiveEdit } from './intake/receive.ts';
import { openTurns } from './intake/turns.ts';
import type { Judging } from './judging.ts';
import type { Card, Delivered, Form, Message, Taker } from './model/card.ts';
import type { MessageId, PrincipalId, ThreadId, TurnId } from './model/ids.ts';
import type {
  ChatAssistant,
  Directory,
  FormCheck,
  Operations,
  ProofStatus,
  ReportRow,
  WorkspaceAssistant,
} from './model/ports.ts';
import type { Principal } from './model/principal.ts';
import type { StoredRequest } from './model/request.ts';
import { outcomeOf } from './outcome.ts';
import type { Pipeline } from './pipeline.ts';
import type { Rendering } from './rendering.ts';
import { messagesOf } from './reply/messages.ts';
import type { Database, Sql, Tx } from './store/database.ts';

export type AssistantDeps = IntakeDeps & {
  db: Database;
  /** Connections that only what arrives uses. */
  intakeDb: Database;
  audit: AuditLog;
  directory: Directory;
  judging: Judging;
  pipeline: Pipeline;
  rendering: Rendering;
  actionsFor(
    viewer: PrincipalId,
  ): Promise<{ name: string; title: string; description: string; examples: readonly string[] }[]>;
  formFor(action: string, filled: Record<string, unknown>): Promise<Form | null>;
  /** Whom this person may hand it over to. */
  takersOf(request: StoredRequest, by: Principal): Promise<Principal[]>;
  /** Values as typed, against the action's schema. */
  checkFor(action: string, values: Readonly<Record<string, unknown>>): FormCheck | null;
  /** Who may read the log, by policy, at this moment. */
  readers(): Promise<Principal[]>;
  /** What people said looks wrong, so many of them, newest first. */
  reports(limit: number): Promise<ReportRow[]>;
  /** Recomputed at the moment of asking. */
  proof(): Promise<ProofStatus>;
  health(): Promise<Operations['checks']>;
  about(): { isolation: string; planner: string };
};

/** Longest lists that a page shows. */
const LIST_LIMIT = 100;
/** How many open requests are looked through for those of one person. */
const OPEN_LIMIT = 2_000;
const MESSAGES_LIMIT = 200;
const AUDIT_PAGE_LIMIT = 200;
export async function createAssistant(
  deps: AssistantDeps,
): Promise<{ assistant: ChatAssistant & WorkspaceAssistant; stop(): Promise<void> }> {
  const changes = await hearChanges(deps.db);

  const mayRead = async (viewer: PrincipalId, request: StoredRequest): Promise<boolean> => {
    if ((await deps.rendering.roleOf(request, viewer)) !== 'other') return true;
    const person = await deps.directory.byId(viewer);
    return person !== null && deps.judging.may(person, 'readAudit');
  };

  const canUse = async (action: string, viewer: PrincipalId): Promise<boolean> =>
    (await deps.actionsFor(viewer)).some((it) => it.name === action);

  const editableForm = async (request: StoredRequest, viewer: PrincipalId): Promise<Form | null> => {
    const isOpen = request.state === 'pending' && request.effect === 'write';
    const role = isOpen ? await deps.rendering.roleOf(request, viewer) : 'other';
    // Whoever changes it asks for it too.
    if (role === 'other' || (role === 'approver' && !(await canUse(request.action, viewer)))) return null;
    return deps.formFor(request.action, request.arguments);
  };

  const takersFor = async (request: StoredRequest, viewer: PrincipalId): Promise<Taker[]> => {
    const person = await deps.directory.byId(viewer);
    const takers = person === null ? [] : await deps.takersOf(request, person);
    return takers.map(({ id, name }) => ({ id, name }));
  };

  const assistant: ChatAssistant & WorkspaceAssistant = {
    receive: (delivery) => receive({ ...deps, db: deps.intakeDb }, delivery),
    edited: (platform, message) => receiveEdit({ ...deps, db: deps.intakeDb }, platform, message),

    outcome: (turn, timeoutMs) => outcomeOf(deps.db, turn, changes.next, timeoutMs),

    decide(input) {
      if (input.reason === undefined) return deps.pipeline.decide(input);
      // A reason is shown on cards and kept: what is a secret in it is masked as in any message.
      return deps.pipeline.decide({ ...input, reason: deps.screen(input.reason).text });
    },

    edit(input) {
      const { content, problem } = fitContent(
        { kind: 'form', action: '', arguments: input.arguments },
        deps.screen,
      );
      if (problem) throw new AppError(problem.code, problem.message);
      const values = content.kind === 'form' ? content.arguments : {};
      return deps.pipeline.edit({ ...input, arguments: values });
    },

    async takers(id, viewer) {
      const request = await findRequest(deps.db, id);
      const people = request === null ? [] : await takersFor(request, viewer);
      return request === null || people.length === 0 ? null : { people, digest: request.digest };
    },

    async takersOf(rendering, viewer) {
      const request = await findByRendering(deps.db, rendering);
      return request === null ? [] : takersFor(request, viewer);
    },

    async handOver({ request, principal, digest, to }) {
      const told = await deps.pipeline.handOver(principal, { request, digest }, to);
      if (told === null) return { kind: 'refused', words: 'You are not in the directory.' };
      return { kind: told.became, words: told.words };
    },

    async editForm(id, viewer) {
      const request = await findRequest(deps.db, id);
      const form = request && (await editableForm(request, viewer));
      return form && { form, digest: request.digest };
    },

    async editFormOf(rendering, viewer) {
      const request = await findByRendering(deps.db, rendering);
      return request && editableForm(request, viewer);
    },

    async mayDeny(rendering, viewer) {
      const request = await findByRendering(deps.db, rendering);
      return request?.state === 'pending' && (await deps.rendering.roleOf(request, viewer)) === 'approver';
    },

    async request(id) {
      const request = await findRequest(deps.db, id);
      return request && viewOf(request, await approvalsOf(deps.db, request));
    },

    async requestPage(id, viewer) {
      const request = await findRequest(deps.db, id);
      if (!request || !(await mayRead(viewer, request))) return null;
      return {
        view: viewOf(request, await approvalsOf(deps.db, request)),
        message: await deps.rendering.ofRequest(request, viewer),
        timeline: await timelineOf(deps.db, id),
        proof: await deps.proof(),
      };
    },

    async mine(principal) {
      const messages: Message[] = [];
      for (const request of await requestsBy(deps.db, principal, LIST_LIMIT))
        messages.push(await deps.rendering.ofRequest(request, principal));
      return messages;
    },

    async waitingFor(principal) {
      const waiting: Message[] = [];
      for (const request of await openRequests(deps.db, OPEN_LIMIT)) {
        if (waiting.length === LIST_LIMIT) break;
        if ((await deps.rendering.roleOf(request, principal)) === 'other') continue;
        const shown = await deps.rendering.ofRequest(request, principal);
        if (shown.card !== null && asksForWord(shown.card)) waiting.push(shown);
      }
      return waiting;
    },

    threads: (principal) =>
      deps.db
        .query<{ id: ThreadId; title: string; at: Date }>(
          `select id, title, updated_at as at from threads where owner = $1 and platform = 'web' order by updated_at desc limit $2`,
          [principal, LIST_LIMIT],
        )
        .then((rows) =>
          rows.map((row) => ({ id: row.id, title: row.title, updatedAt: row.at.toISOString() })),
        ),

    async messages(thread, viewer) {
      const row = await deps.db.maybe<{ owner: PrincipalId | null }>(
        'select owner from threads where id = $1',
        [thread],
      );
      if (row?.owner !== viewer) return null;
      const stored = await messagesOf(deps.db, thread, MESSAGES_LIMIT);
      return Promise.all(stored.map((message) => deps.rendering.forViewer(message, viewer)));
    },

    async form(action, viewer) {
      return (await canUse(action, viewer)) ? deps.formFor(action, {}) : null;
    },

    async formOf(message, viewer) {
      const row = await deps.db.maybe<{ form: Form | null; asked: PrincipalId | null; sent: boolean }>(
        `select m.form, t.principal as asked, m.form_sent_by is not null as sent
         from messages m left join turns t on t.id = m.turn where m.id = $1`,
        [message],
      );
      const form = row?.form ?? null;
      if (form === null) return null;
      const { action } = form;
      if (!(await canUse(action, viewer))) return { action, form: null };
      if (row?.asked !== viewer) return { action, form: await deps.formFor(action, {}) };
      return { action, form: row.sent ? null : form };
    },

    async checkForm(action, values, viewer) {
      return (await canUse(action, viewer)) ? deps.checkFor(action, values) : null;
    },

    screened: (text) => deps.screen(text).text,

    async feedback({ key, message, principal, positive, words = '' }) {
      const said = deps.screen(words).text.trim();
      return deps.db.transaction(async (tx) => {
        const found = await answerAt(tx, message);
        if (!found) return false;
        if (key !== undefined && !(await takeKey(tx, key))) return true;
        await deps.audit.append(tx, {
          type: 'feedback.given',
          ...(found.turn === null ? {} : { turn: found.turn }),
          principal,
          data: { message: found.id, positive },
          ...(said === '' ? {} : { sealed: { person: principal, content: { words: said } } }),
        });
        return true;
      });
    },

    async stop(place, principal, what) {
      const row = await deps.db.maybe<{ id: ThreadId }>(
        'select id from threads where platform = $1 and tenant = $2 and container = $3 and thread = $4',
        [place.platform, place.tenant, place.container, place.thread],
      );
      if (row) await deps.pipeline.stop(row.id, principal, what);
    },

    async answering(thread, viewer) {
      return (await openTurns(deps.db, thread, viewer)).at(-1) ?? null;
    },

    actions: (viewer) => deps.actionsFor(viewer),

    async audit(viewer, page) {
      const person = await deps.directory.byId(viewer);
      if (!person || !deps.judging.may(person, 'readAudit')) return null;
      await deps.db.transaction((tx) =>
        deps.audit.append(tx, { type: 'audit.read', principal: viewer, data: { how: 'page' } }),
      );
      return auditRows(deps.db, page.before, Math.min(page.limit, AUDIT_PAGE_LIMIT));
    },

    async reports(viewer) {
      const person = await deps.directory.byId(viewer);
      if (!person || !deps.judging.may(person, 'readAudit')) return null;
      await deps.db.transaction((tx) =>
        deps.audit.append(tx, {
          type: 'audit.read',
          principal: viewer,
          data: { how: 'page', what: 'reports' },
        }),
      );
      return deps.reports(LIST_LIMIT);
    },

    greeting: (viewer) => greetingFor(deps.db, deps, viewer),
    greeted: (viewer) => noteGreeted(deps.db, viewer),

    people: () => deps.directory.people(),
    identify: (account) => deps.directory.identify(account),

    async operations() {
      const counts = await deps.db.one<Operations['counts']>(
        `select (count(*) filter (where state = 'pending'))::int as waiting,
           (count(*) filter (where state = 'executing'))::int as executing,
           (count(*) filter (where state = 'unknown'))::int as unknown from requests
         where state in ('pending', 'executing', 'unknown')`,
      );
      const switches = (await switchesOn(deps.db)).map((it) => ({
        scope:
          [it.action, it.connector, it.principal].filter((part) => part !== null).join(' ') || 'everything',
        reason: it.reason,
        since: it.since.toISOString(),
        by: it.by,
      }));
      return { checks: await deps.health(), ...deps.about(), switches, counts };
    },

    async sees(change, viewer) {
      switch (change.kind) {
        case 'gate':
          return true;
        case 'links':
          return change.principal === viewer;
        case 'growing':
        case 'thread': {
          const row = await deps.db.maybe('select 1 from threads where id = $1 and owner = $2', [
            change.thread,
            viewer,
          ]);
          return row !== null;
        }
        case 'request': {
          const request = await findRequest(deps.db, change.request);
          return request !== null && (await mayRead(viewer, request));
        }
      }
    },

    onChange: changes.listen,
  };
  return { assistant, stop: changes.stop };
}

/** Whether whoever it is shown to must say something: yes or no, or what became of it. */
const asksForWord = ({ buttons, offers = [] }: Card): boolean =>
  buttons.includes('approve') || buttons.includes('confirm') || offers.includes('happened');

/** False where a judgement was recorded under this key. Of two at the same moment the second waits for the first. */
async function takeKey(tx: Tx, key: string): Promise<boolean> {
  const taken = await tx.query(
    'insert into feedback_keys (key) values ($1) on conflict do nothing returning key',
    [key],
  );
  return taken.length > 0;
}

/** A message of ours, by its id or by where its platform shows it. */
async function answerAt(
  sql: Sql,
  message: MessageId | Delivered,
): Promise<{ id: MessageId; turn: TurnId | null } | null> {
  if (typeof message === 'string')
    return sql.maybe(`select id, turn from messages where id = $1 and authorship <> 'person'`, [message]);
  return sql.maybe(
    `select m.id, m.turn from messages m join threads t on t.id = m.thread
     where t.platform = $1 and t.container = $2 and m.authorship <> 'person' and m.delivered = $3::jsonb limit 1`,
    [message.platform, message.container, JSON.stringify(message)],
  );
}
