/**
 * Puts the serving process together: the one place that knows every concrete part, some of them put together in
 * `src/compose`. Nothing here decides anything; what orders the steps of a message is the pipeline.
 */
import { join } from 'node:path';
import { createAnnouncing } from './announcing.ts';
import { createAssistant } from './assistant.ts';
import { CHECKPOINT_FILE, createCheckpointFile, readCheckpointFile } from './audit/checkpoint-file.ts';
import { untilCovered } from './audit/cover.ts';
import { createSequencer } from './audit/sequencer.ts';
import { type BuiltIns, createBuiltIns, jobsOf, repositoriesOf, runbooksOf } from './built-ins.ts';
import { createCheckpointPosting } from './checkpoint-posting.ts';
import { createAlarm } from './compose/alarm.ts';
import { createExecuting } from './compose/executing.ts';
import { openLinkedPeople } from './compose/links.ts';
import { createNames } from './compose/names.ts';
import { createOffering } from './compose/offering.ts';
import { createPlanner } from './compose/planner.ts';
import { createSandboxes } from './compose/sandboxes.ts';
import type { Config } from './config.ts';
import { createConnecting } from './connecting.ts';
import { counted, refreshGauges, timed } from './counting.ts';
import { createCredentialNews } from './credential-news.ts';
import { createCredentials } from './credentials/credentials.ts';
import { createVault } from './credentials/vault.ts';
import { couldBeHandedOver, delegate, delegateNamed, takersOf } from './delegating.ts';
import { changeInWords, describe } from './describing.ts';
import { isForATime, takeBackDue } from './ending.ts';
import { AppError } from './errors.ts';
import { createBroker } from './execution/broker/broker.ts';
import type { Isolation } from './execution/isolation.ts';
import { leastLevel } from './execution/levels.ts';
import { tokensLeft } from './execution/minted-tokens.ts';
import { levelOfRun, runObstacle } from './execution/run-obstacle.ts';
import type { Established } from './execution/sandbox/probe.ts';
import { prepareOutside } from './foreign/outside.ts';
import { type House, loadRules, openHouse, type Rules } from './house.ts';
import { createAdmission } from './intake/admission.ts';
import { createIsolationWatch } from './isolation-watch.ts';
import { createJudging } from './judging.ts';
import { moveKillSwitch, unknownScope } from './killing.ts';
import { createLinking, type Linking } from './linking.ts';
import { listInWords } from './listing.ts';
import { errorFields, type Log } from './log.ts';
import { unreviewedInWords } from './mcp/watch.ts';
import { createMetrics } from './metrics.ts';
import type { Delivered, Message } from './model/card.ts';
import type { ExecutionId, PrincipalId, RequestId } from './model/ids.ts';
import type { ChatAssistant, Planner, Surface, WorkspaceAssistant } from './model/ports.ts';
import type { Platform } from './model/principal.ts';
import type { IsolationLevel } from './model/request.ts';
import { askApprovers, type OutreachDeps, passOnToOperators, tellOperators } from './operators.ts';
import { createPipeline, type Pipeline } from './pipeline.ts';
import { policyChanges } from './policy/changes.ts';
import { createProving } from './proving.ts';
import { checkReach, onCallInWords, onCallOf } from './reach-config.ts';
import { createReaching } from './reaching.ts';
import { createReadiness } from './readiness.ts';
import { createRendering } from './rendering.ts';
import { createDelivery } from './reply/deliver.ts';
import { readReports } from './reports.ts';
import { findSecrets, maskSecrets } from './screening/secrets.ts';
import { cleanText } from './screening/text.ts';
import type { Check } from './server.ts';
import { insteadOf } from './undelivered.ts';
import { createSenders, startWorkers } from './workers.ts';

/** A final card waits this long for the signed checkpoint that its short proof names. */
const PROOF_WITHIN_MS = 2_000;

export type Running = {
  assistant: ChatAssistant & WorkspaceAssistant;
  pipeline: Pipeline;
  house: House;
  rules: Rules;
  /** As it was at the start; the level in force is one of the checks. */
  isolation: Established;
  planner: Planner;
  desk: BuiltIns['desk'];
  /** Null where nobody may link chat accounts of their own. */
  linking: Linking | null;
  metrics: ReturnType<typeof createMetrics>;
  checks(): Promise<Check[]>;
  refreshMetrics(): Promise<void>;
  /** A request's card as this person sees it, at `shownAt` or anywhere; null where it is not for them: quick, without its proof. */
  viewRequest(request: RequestId, viewer: PrincipalId, shownAt: Delivered | null): Promise<Message | null>;
  /** Adds a platform's way out. */
  addSurface(surface: Surface): void;
  /** Begins to take work; adapters are in place by now, and need not be connected. */
  start(): Promise<void>;
  /**
   * Connects a platform, and tells its operators what they must know of this start. One that is down is tried again in the
   * background. Errors: `config_invalid`, where only an operator can mend it.
   */
  connect(platform: Platform, start: () => Promise<void>): Promise<void>;
  /** Reads people and policies again; a refusal leaves in force what was. */
  reload(): Promise<void>;
  stop(): Promise<void>;
};

/** Where links to request pages point; null where the pages are off. */
export type Links = (request: RequestId) => string | null;

/** For tests of levels, and of how they change. */
export type ComposeOptions = {
  /** Begins the self-attack at a weaker level than the machine could reach. */
  strongest?: IsolationLevel;
  /** Bubblewrap's program, where it is not where systems put it. */
  bubblewrap?: string;
  /** How often the self-attack is repeated. */
  attackEveryMs?: number;
};

export async function compose(
  config: Config,
  log: Log,
  linkTo: Links,
  options: ComposeOptions = {},
): Promise<Running> {
  const outside = await prepareOutside(config.actions, config);
  const rules = loadRules(config, outside.serves);
  checkReach(config.reach, rules.directory.current);
  const house = await openHouse(
    config,
    {
      info: (words) => log.info({}, words),
      // A platform that refuses us is told of once, and not at every message that waits for it.
      error: (error, words) =>
        error instanceof AppError && error.code === 'config_invalid'
          ? log.info({ code: error.code }, words)
          : log.error(errorFields(error), words),
    },
    { works: true, migrates: true },
  );
  const { storage, keys, audit } = house;
  const { db, queue, ephemeral } = storage;
  const { catalogue } = rules;
  const metrics = createMetrics();
  const send = createSenders(queue);
  const surfaces = new Map<Platform, Surface>();
  const deliverer = { deliver: send.deliver };

  const defect = (error: unknown, about: object): void => {
    metrics.defects.inc();
    log.error({ ...about, ...errorFields(error) }, 'something failed that should not');
  };
  const people = await openLinkedPeople({
    isOn: config.accountLinks,
    file: rules.directory,
    db,
    intake: storage.intake,
    failed: (error) => defect(error, { name: 'links' }),
  });
  const { directory } = people;
  const names = createNames(directory, catalogue);

  const { attackEveryMs, ...levels } = options;
  const sandboxes = await createSandboxes(config, catalogue, outside, levels);
  const { isolation, jobIsolation, isolationNow } = sandboxes;

  const builtIns = createBuiltIns({
    db,
    jobs: jobsOf(config),
    runbooks: runbooksOf(config),
    repositories: await repositoriesOf(config),
    enqueueRun: send.run,
    runJob: sandboxes.runJob,
    obstacle: ({ key, level }) => runObstacle(db, key as ExecutionId, level, sandboxes.jobIsolationNow()),
    levelOf: (key) => levelOfRun(db, key as ExecutionId),
    failed: (error) => defect(error, { name: 'runner' }),
  });
  const operators: OutreachDeps = {
    db,
    surfaces: () => [...surfaces.values()],
    deliverer,
    untold: ({ code }, platform) => log.info({ platform, code }, 'operators cannot be told there yet'),
  };
  const alarm = createAlarm({ log, tell: (text) => tellOperators(operators, text), defect });
  const credentialNews = createCredentialNews({
    db,
    audit,
    log,
    tell: (text) => tellOperators(operators, text),
    failed: (code) => metrics.credentialFailures.inc({ code }),
    defect: (error) => defect(error, { name: 'credentials' }),
  });
  const vault =
    config.vault === null ? null : createVault(config.vault, { failed: credentialNews.vaultFailed });
  const credentials = createCredentials(config.credentials, { vault, news: credentialNews.hear });
  const broker = createBroker({
    upstreams: config.upstreams,
    credentials,
    builtIns: builtIns.hosts,
    scan: (text) => findSecrets(text)[0]?.type ?? null,
  });

  const stopping = new AbortController();
  const judging = createJudging({
    policy: rules.policy,
    directory,
    now: () => new Date(),
    timeZone: config.timeZone,
    candidates: catalogue.candidates,
  });
  const onCall = onCallOf(config.reach);
  const now = () => new Date();
  const asking = { ...operators, ...names, judging };
  const reaching = createReaching({
    ...asking,
    audit,
    onCall,
    routes: config.reach.routes,
    now,
    queueStep: send.remind,
    queueAsking: send.ask,
    troubled: (error, what) =>
      log.warn({ name: what, ...errorFields(error) }, 'a schedule or platform cannot be asked'),
  });
  const announcing = createAnnouncing({
    ...deliverer,
    audit,
    ...names,
    queueExecution: send.execute,
    queueExpiry: send.expire,
    queueAsking: async (tx, request) => {
      await reaching.begin(tx, request);
      await send.ask(tx, request);
    },
    queueRefresh: send.refresh,
    queueUndoEnd: async (tx, { id, action }) => {
      const undo = catalogue.governed(action)?.action.undo;
      if (undo) await send.undoEnd(tx, id, undo.withinSeconds);
    },
    isForATime: (request) => isForATime(catalogue, request),
    alarm: (request, { code, message }) =>
      alarm(
        { request: request.id, code },
        'an approved request is not what its evidence says',
        `Request ${request.id} was stopped (${code}). ${message}`,
      ),
  });
  const { executor, toolWatch, takeBackTokens } = createExecuting({
    db,
    audit,
    broker,
    keys,
    catalogue,
    tools: rules.tools,
    sandboxes,
    names,
    announcing,
    metrics,
    log,
    alarm,
    permittedNow: (tx, request) => pipeline.permittedNow(tx, request),
    lookAgain: send.follow,
  });

  const clean = (text: string): string => cleanText(maskSecrets(text).text);
  const planner = createPlanner(config.model, catalogue, clean);
  const offering = createOffering(catalogue, judging, toolWatch.switchedOff);

  const linking = config.accountLinks
    ? createLinking({
        ...deliverer,
        db,
        audit,
        ephemeral,
        directory,
        file: () => rules.directory.current,
        surface: (platform) => surfaces.get(platform) ?? null,
        troubled: (error) => log.warn(errorFields(error), 'a platform cannot say whose account it is'),
      })
    : null;

  const delegating = { ...asking, audit, directory, reaching, queueAsking: send.ask };
  const readers = async () => (await directory.people()).filter((person) => judging.may(person, 'readAudit'));
  const pipeline: Pipeline = createPipeline({
    ...deliverer,
    db,
    audit,
    directory,
    judging,
    planner,
    ephemeral,
    limits: config.limits,
    executor,
    announcing,
    governed: catalogue.governed,
    bundleOf: sandboxes.bundleOf,
    isolation: isolationNow,
    toolsFor: offering.toolsFor,
    linking: linking && {
      claim: linking.claim,
      linksAt: new URL('/link', config.publicUrl ?? undefined).href,
    },
    formFor: offering.formFor,
    whySwitchedOff: offering.whySwitchedOff,
    directPlaces: reaching.directPlaces,
    readers,
    titleOf: names.titleOf,
    nameOf: names.nameOf,
    tellOperators: (tx, text, words, { by, ...about }) => {
      log.warn({ reporter: by, ...about }, 'somebody reported that something looks wrong');
      return passOnToOperators(tx, operators, text, words, by);
    },
    readForm: (action, values) => offering.readForm(action, values) ?? { ok: false, problems: [] },
    kill: async (to, command, by) => {
      const known = {
        actions: catalogue.all().map(({ action }) => action.name),
        connectors: catalogue.all().map(({ connector }) => connector.name),
        people: directory.current.people.map((person) => person.id),
      };
      // Off lifts what is there, whatever it names; a typing error in on would stop nothing and look as if it did.
      const problem = to === 'on' ? unknownScope(command.scope, known) : null;
      if (problem !== null) return problem;
      return moveKillSwitch(
        { db, audit, announcing },
        to,
        command.scope,
        { name: by.id, principal: by.id },
        command.reason,
      );
    },
    mask: clean,
    stopping: stopping.signal,
    list: (kind, person) => listInWords(assistant, kind, person),
    delegate: (by, named, to) => delegateNamed(delegating, by, named, to),
    handOver: (by, handed, to) => delegate(delegating, by, handed, to),
    onCall: (schedule) => onCallInWords(onCall, schedule, now(), names.nameOf),
    surface: (platform) => surfaces.get(platform) ?? null,
    decided: (decision, outcome) => metrics.decisions.inc({ decision, outcome }),
    defect,
  });

  const rendering = createRendering({
    db,
    governed: catalogue.governed,
    untilCovered: async (entry) => {
      await untilCovered({ db, entryIds: [entry], timeoutMs: PROOF_WITHIN_MS });
    },
    judging,
    personById: (id) => directory.byId(id),
    ...names,
    couldBeHandedOver: (request, by) => couldBeHandedOver(delegating, db, request, by),
    argumentOrder: (action) => Object.keys(catalogue.governed(action)?.action.input.shape ?? {}),
    leastIsolation: ({ risk, obligations }) =>
      leastLevel(risk, obligations, { process: config.acceptProcess }),
    linkTo,
  });

  const checkpoints = await createCheckpointFile(join(config.dataFolder, CHECKPOINT_FILE));
  const connecting = createConnecting({ log, defect });
  const delivery = createDelivery({
    ...deliverer,
    db,
    surface: (platform) => surfaces.get(platform) ?? null,
    render: (message) => rendering.forPlace(message),
    putOff: (what, afterSeconds) => db.transaction((tx) => send.deliverLater(tx, what, afterSeconds)),
    heard: connecting.heard,
    gaveUp: ({ message, code, cause }) =>
      log.error({ message, ...errorFields(cause), code }, 'a message cannot be delivered'),
    leaseFailed: (error) => log.warn(errorFields(error), 'the lease on a conversation was left to its end'),
    instead: (message, place, code) =>
      insteadOf({ ...operators, audit, directory, reaching }, message, place, code),
  });
  const checkpointPosting = createCheckpointPosting({
    ...operators,
    show: delivery,
    log,
    defect: (error) => defect(error, { name: 'checkpoint' }),
  });
  const watchOf = (of: 'actions' | 'jobs', watched: Isolation) =>
    createIsolationWatch({
      ...operators,
      audit,
      of,
      isolation: watched,
      log,
      defect: (error) => defect(error, { name: 'isolation', of }),
      everyMs: attackEveryMs,
    });
  const isolationWatches = [
    watchOf('actions', isolation),
    ...(jobIsolation ? [watchOf('jobs', jobIsolation)] : []),
  ];
  const sequencer = createSequencer({
    db,
    macKey: keys.macKey,
    signer: keys.signer,
    onCheckpoint: (note) => checkpoints.append(note),
    onAlert: ({ code, entry, cause, message }) =>
      alarm(
        { code, entry, ...(cause === undefined ? {} : errorFields(cause)) },
        message,
        `Audit log: ${message}`,
      ),
  });

  const notServed = outside.statuses.filter(({ state }) => state !== 'served');
  /** What operators must know of this start, where there is anything. */
  const startNews = (): string[] =>
    [
      outside.statuses
        .filter(({ state, lacks }) => state !== 'served' || lacks)
        .map(({ words }) => words)
        .join('\n'),
      unreviewedInWords(rules.tools.unreviewed),
    ].filter((words) => words !== '');

  const checks = createReadiness({
    db,
    sequencer,
    toolWatch: config.mcp === null ? null : toolWatch,
    broker,
    catalogue,
    policy: rules.policy,
    isolation,
    jobIsolation,
    acceptProcess: config.acceptProcess,
    notServed,
    platforms: connecting.checks,
  });

  const proof = createProving({
    db,
    keys,
    notes: () => readCheckpointFile(join(config.dataFolder, CHECKPOINT_FILE)),
  });

  const { assistant, stop: stopAssistant } = await createAssistant({
    db,
    intakeDb: storage.intake,
    audit,
    directory,
    judging,
    pipeline,
    rendering,
    identify: (account) => directory.identify(account),
    screen: (text) => {
      // Masked first: what hides a secret from a reader must not hide it from the search.
      const masked = maskSecrets(text);
      return { text: cleanText(masked.text), found: masked.found.map((finding) => finding.type) };
    },
    enqueueTurn: send.turn,
    actionsFor: async (viewer) => {
      const person = await directory.byId(viewer);
      return person ? offering.actionsFor(person) : [];
    },
    formFor: offering.formFor,
    takersOf: (request, by) => takersOf(delegating, db, request, by),
    checkFor: offering.readForm,
    readers,
    reports: (limit) => readReports(db, house.personKeys, (id) => names.nameOf(id as PrincipalId), limit),
    proof,
    health: async () => (await checks()).map(({ name, ok, code }) => ({ name, ok, code })),
    about: () => ({ isolation: isolation.now(), planner: planner.name }),
  });

  assistant.onChange(people.hear);

  const admission = createAdmission(() => performance.now());
  let stopNews: () => Promise<void> = async () => undefined;
  let stopWorkers: () => Promise<void> = async () => undefined;
  return {
    assistant: counted(assistant, admission, metrics),
    pipeline,
    house,
    rules,
    isolation: sandboxes.established,
    planner,
    desk: builtIns.desk,
    linking,
    metrics,
    checks,
    refreshMetrics: () =>
      refreshGauges(metrics, {
        operations: () => assistant.operations('' as PrincipalId),
        isolation,
        jobIsolation,
        broker,
        checks,
        tokensLeft: () => tokensLeft(db),
      }),
    viewRequest: rendering.requestFor,
    addSurface: (surface) => surfaces.set(surface.platform, surface),
    async start() {
      await sequencer.start();
      await db.transaction(async (tx) => {
        await audit.append(tx, {
          type: 'config.loaded',
          data: describe(config, isolation.now(), planner.name, outside),
        });
        await audit.append(tx, { type: 'policy.loaded', data: rules.startEntry() });
      });
      stopWorkers = await startWorkers({
        db,
        queue,
        pipeline: timed(pipeline, metrics),
        executor,
        giveWay: admission.giveWay,
        deliver: delivery,
        askApprovers: (request) => askApprovers({ ...asking, audienceOf: reaching.audienceOf }, request),
        remind: reaching.step,
        takeBackDue: (signal) =>
          takeBackDue(
            {
              db,
              audit,
              announcing,
              executor,
              governed: catalogue.governed,
              bundleOf: sandboxes.bundleOf,
              isolation: isolationNow,
              nameOf: names.nameOf,
              alarm,
            },
            signal,
          ),
        takeBackTokens,
        runCiJob: {
          concurrency: config.runner.concurrency,
          run: builtIns.runner.work,
          recover: builtIns.runner.recover,
        },
        failed: (error, what) => defect(error, { name: what }),
      });
      stopNews = await builtIns.onNews((execution) => {
        pipeline.lookNow(execution).catch((error: unknown) => defect(error, { name: 'look' }));
      });
      for (const { name, state, words } of notServed) log.warn({ action: name, code: state }, words);
      if (rules.tools.unreviewed.length > 0)
        log.warn({ code: 'tool_unreviewed' }, unreviewedInWords(rules.tools.unreviewed));
      await reaching.recheck();
      checkpointPosting.start();
      for (const watch of isolationWatches) watch.start();
    },
    connect: (platform, start) =>
      connecting.connect(platform, start, async () => {
        const there = { ...operators, surfaces: () => [surfaces.get(platform)!] };
        for (const words of startNews()) await tellOperators(there, words);
      }),
    async reload() {
      await credentials.lookNow();
      const before = rules.policy().loaded;
      const data = rules.reload();
      await db.transaction((tx) => audit.append(tx, { type: 'policy.loaded', data }));
      await tellOperators(operators, changeInWords(policyChanges(before, rules.policy().loaded)));
      await reaching.recheck();
    },
    async stop() {
      stopping.abort();
      connecting.stop();
      checkpointPosting.pause();
      await Promise.all(isolationWatches.map((watch) => watch.stop()));
      await stopNews();
      await stopWorkers();
      await queue.stop();
      await sequencer.stop();
      await checkpointPosting.last();
      await stopAssistant();
      await checkpoints.close();
      await broker.close();
      await vault?.close();
      await house.close();
    },
  };
}
